"""What trying a connection came to, line by line; and a connection in a list."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from rich.text import Text

from hub.grants import Check, CheckState
from hub.look.vendors import VendorView
from tui.hanging import HANG
from tui.theme import State, glyph, state
from tui.words import age, clean

__all__ = ["checks_text", "vendor_cells"]

_LOOKS = {
    CheckState.OK: state("ok"),
    CheckState.FAILED: state("failed"),
    CheckState.WARNING: state("warning"),
    CheckState.SKIPPED: State("○", ".", "not tried", "muted"),
}


def vendor_cells(view: VendorView, changed: bool, now: datetime, colours: dict[str, str]) -> dict[str, Text | str]:
    """A connection in the list."""
    shown = state(view.state)
    name = Text.assemble((f"{glyph(shown)} ", colours[shown.colour]), view.row.name)
    if changed:
        name.append(" ✎", style=f"bold {colours['progress']}")
    if view.title.casefold() != view.row.name.casefold():
        name.append(f"  {view.title}", style=colours["faint"])
    words = {"failed": "down", "planned": "not yet", "unknown": "broken"}
    told = words.get(view.state) or (age(now - view.at) if view.at is not None else "not yet")
    muted = colours["muted"]
    return {"name": name, "kind": Text(view.kind, style=muted), "age": Text(told, style=muted)}


def checks_text(title: str, checks: Sequence[Check], now: datetime, end: str, colours: dict[str, str]) -> Text:
    """Each line one thing that works or doesn't, the vendor's own words, what to do. `now`: in the studio's zone."""
    head = Text.assemble(("Check", "bold"), (f"   {now:%H:%M}", colours["muted"]))
    lines = [head] if checks else []
    for check in checks:
        look = _LOOKS[check.state]
        # Titles are worded for what is well, so a failed one needs the word.
        word = "failed: " if check.state is CheckState.FAILED else "not tried: " if look.word == "not tried" else ""
        bold = "bold " if check.state is CheckState.FAILED else ""
        lines.append(
            Text.assemble(
                (f"{glyph(look)} {HANG}", f"{bold}{colours[look.colour]}"),
                (f"{word}{check.title}", f"{bold}{colours['foreground']}"),
                (f"   {check.took_ms} ms" if check.took_ms is not None else "", colours["muted"]),
            )
        )
        if check.said:
            whose = f"{title} said: " if check.quotes else ""
            lines.append(Text(f"  {HANG}{whose}{clean(check.said)}", style=colours["muted"]))
        if check.fix:
            lines.append(Text(f"  {HANG}Do this: {clean(check.fix)}", style=colours["info"]))
    if end:
        lines += [Text(), Text(end, style=colours["muted"])] if lines else [Text(end, style=colours["muted"])]
    return Text("\n").join(lines)
