"""How a plan is drawn: its counts and bar, a line of it, and the card about one line."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zoneinfo import ZoneInfo

from rich.text import Text
from textual.widget import Widget

from hub.look.plan_lines import PlanLine
from tui.hanging import HANG
from tui.plan_rows import shares
from tui.theme import PLAN, glyph, state, texture
from tui.words import clean

__all__ = ["Bar", "fold_card", "plan_card", "plan_counts", "plan_row"]

Colours = Mapping[str, str]


class Bar(Widget):
    """All of a plan in one line, each kind in a texture of its own."""

    DEFAULT_CSS = """
    Bar { height: 1; margin: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__(id="bar")
        self.counts: Mapping[str, int] = {}

    def show(self, counts: Mapping[str, int]) -> None:
        """Show these counts."""
        self.counts = counts
        self.refresh()

    def render(self) -> Text:
        """From the width as it is now."""
        colours = self.app.theme_variables
        parts = shares(self.counts, self.content_size.width)
        return Text.assemble(
            *(
                (texture(name) * cells, colours[PLAN[name].colour] if name in PLAN else colours["faint"])
                for name, cells in parts
            )
        )


def plan_counts(counts: Mapping[str, int], kind: str | None, colours: Colours) -> Text:
    """How many lines of each kind, in one line; `kind` is the one that is shown alone."""
    parts = []
    for name, shown in PLAN.items():
        count = counts.get(name, 0)
        if count:
            style = f"{'bold ' * shown.bold}{colours[shown.colour]}"
            parts.append(Text(f"{glyph(shown)} {count:,} {shown.word}", style=style))
    parts.append(Text(f"= {counts.get('unchanged', 0):,} stay", style=colours["muted"]))
    if kind is not None:
        parts.append(Text(f"only {kind} shown, f shows others", style=colours["accent"]))
    return Text("   ").join(parts)


def plan_row(lines: Sequence[PlanLine], *, fold: bool, out: bool, new: bool, colours: Colours) -> dict[str, Text | str]:
    """One row of the table: a line, or those that were folded into one."""
    line = lines[0]
    shown = PLAN[line.action]
    style = f"{'bold ' * shown.bold}{colours[shown.colour]}"
    action = Text("○ left out", style=colours["faint"]) if out else Text(f"{glyph(shown)} {shown.word}", style=style)
    words = colours["faint"] if out else colours["muted"] if fold else colours["foreground"]
    who = f"{len(lines):,} more" if fold else clean(line.name)
    soon = Text(f" {glyph(state('warning'))} booking", style=colours["progress"]) if line.soon and not fold else Text()
    return {
        "mark": Text("▸" if fold else "✎" if new else " ", style=colours["accent"]),
        "action": action,
        "who": Text.assemble((who, words), soon),
        "change": Text(clean(line.text), style=colours["faint"] if out else colours["muted"]),
    }


def fold_card(lines: Sequence[PlanLine]) -> Text:
    """Who is in a fold."""
    names = "\n".join(clean(line.name) for line in lines[:200])
    return Text.assemble((f"{len(lines)} more of the same", "bold"), "\n\n", names)


def plan_card(line: PlanLine, *, new: bool, colours: Colours, zone: ZoneInfo) -> Text:
    """All about one line: before and after, why, by which rule."""
    shown = PLAN[line.action]
    parts = [
        Text.assemble((f"{glyph(shown)} {shown.word}", f"bold {colours[shown.colour]}")),
        Text(),
        Text(clean(line.name), style="bold"),
        Text(f"{clean(line.ref)} · {clean(line.target)}", style=colours["muted"]),
        Text(),
    ]
    if line.before or line.after:
        parts += [
            Text.assemble((f"before  {HANG}", colours["faint"]), clean(line.before) or "nothing"),
            Text.assemble((f"after   {HANG}", colours["faint"]), (clean(line.after) or "nothing", "bold")),
            Text(),
        ]
    parts += [Text("Why", style="bold"), Text(clean(line.why))]
    fix = f"L lets it through; or correct {line.ref.partition(':')[0]} and sync." if line.action == "held" else line.fix
    if fix:
        parts.append(Text.assemble((f"→ {HANG}", colours["accent"]), (clean(fix), colours["muted"])))
    if line.soon is not None:
        look = f"{glyph(state('warning'))} has a booking at {line.soon.astimezone(zone):%H:%M}"
        parts += [Text(), Text(look, style=f"bold {colours['progress']}")]
    parts += [Text(), Text.assemble((f"rule    {HANG}", colours["faint"]), (clean(line.rule) or "–", colours["muted"]))]
    if line.reference:
        parts.append(Text.assemble((f"for     {HANG}", colours["faint"]), (clean(line.reference), colours["muted"])))
    if new:
        parts += [Text(), Text("✎ new since the plan was first made", style=colours["accent"])]
    return Text("\n").join(parts)
