"""One thing that needs somebody: what does not work, what the vendor said, what to do; and the way to where it is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.widgets import Static

from hub import times
from tui.dialogs.base import Dialog
from tui.questions import keys_line
from tui.theme import glyph, state
from tui.words import clean, moment

__all__ = ["ItemDialog"]

SAID = " It said: "
PLACES: Mapping[str, tuple[str, str]] = {
    "held": ("plan", "look at the plan"),
    "pass_unmapped": ("mapping", "go to Mapping"),
    "badges_unread": ("vendors", "go to Vendors"),
    "source_failed": ("vendors", "go to Vendors"),
    "target_failed": ("vendors", "go to Vendors"),
}


class ItemDialog(Dialog[str | None]):
    """The panel. Its result is where to go on: `plan`, a mode, or a member (`source:id`)."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("enter", "go", "go there"),
        Binding("x", "explain", "explain"),
    ]

    def __init__(self, item: Mapping[str, Any], member: str | None) -> None:
        super().__init__()
        self._item, self._member = item, member

    @property
    def _goes(self) -> tuple[str, str] | None:
        if self._member is not None:
            return self._member, "their grants"
        return PLACES.get(str(self._item["code"]))

    @property
    def _zone(self) -> ZoneInfo:
        from tui.app import HubApp

        assert isinstance(self.app, HubApp)  # noqa: S101 - dialogs are ours
        return times.zone(self.app.hub.the_studio.timezone)

    def content(self) -> ComposeResult:
        """Three parts and the keys."""
        with VerticalScroll(id="scroll"):
            yield Static("", id="text")
        yield Static("", id="keys", classes="foot")

    def on_mount(self) -> None:
        """Fill it."""
        colours, item = self.app.theme_variables, self._item
        what, _, said = str(item["text"]).partition(SAID)
        shown = state("broken" if str(item["code"]).endswith("_failed") else "warning")
        lines = [Text.assemble((f"{glyph(shown)} ", f"bold {colours[shown.colour]}"), (clean(what), "bold"))]
        if said:
            name = clean(item["connection"]) or "the vendor"
            lines += [Text(), Text(f"{name} said", style=colours["faint"]), Text(clean(said))]
        if item["fix"]:
            lines += [
                Text(),
                Text("Do this", style=colours["faint"]),
                Text.assemble(("→ ", colours["accent"]), clean(item["fix"])),
            ]
        since = moment(times.from_text(str(item["since"])), self._zone)
        lines += [Text(), Text(f"since {since}", style=colours["faint"])]
        self.query_one("#text", Static).update(Text("\n").join(lines))
        keys = [("enter", self._goes[1])] if self._goes is not None else []
        keys += [("x", "explain")] if self._member is not None else []
        self.query_one("#keys", Static).update(keys_line([*keys, ("esc", "close")], colours))

    def action_go(self) -> None:
        """To where it is."""
        self.dismiss(self._goes[0] if self._goes is not None else None)

    def action_explain(self) -> None:
        """Why has, or hasn't, this person access."""
        if self._member is not None:
            from tui.dialogs.explain import ExplainDialog

            self.app.push_screen(ExplainDialog(self._member))
