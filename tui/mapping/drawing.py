"""How lines of the mapping tables are drawn: shapes and words, colour only helps."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text

from hub.look.effects import Effects
from hub.look.people import Person
from hub.words import counted
from tui.mapping.draft import Draft
from tui.mapping.shape import Left, Right
from tui.theme import PLAN, glyph, state

__all__ = ["does_text", "left_cells", "person_cells", "right_cells"]

Cells = dict[str, Text | str]

SEATS = {"match": "created", "differs": "failed", "missing": "warning"}
_PEOPLE = {
    "linked": ("ok", "linked"),
    "asked": ("planned", "not yet"),
    "conflict": ("failed", "conflict"),
    "gone": ("warning", "gone"),
    "by_hand": ("planned", "by hand"),
}
SHOWN = 4
"""So many kinds of change are told one by one."""


def left_cells(left: Left, changed: bool, colours: dict[str, str], room: int) -> Cells:
    """A thing. Its id is there where its name has room for it in so many cells."""
    style = colours["progress"] if changed else colours["muted"] if left.quiet else colours["foreground"]
    cells: Cells = {}
    for column, value in left.cells.items():
        cells[column] = Text(value, style=colours["muted"])
    name = Text(left.cells.get("name", ""), style=style)
    if changed:
        name.append(" ✎", style=f"bold {colours['progress']}")
    if left.state:
        shown = state(left.state)
        name = Text.assemble((f"{glyph(shown)} ", colours[shown.colour]), name)
    if left.faint and left.faint != left.cells.get("name") and name.cell_len + 2 + len(left.faint) <= room:
        name.append(f"  {left.faint}", style=colours["faint"])
    return {**cells, "name": name}


def right_cells(right: Right, old: Right | None, colours: dict[str, str], room: int, *, noted: bool) -> Cells:
    """Something that belongs to it; `old` is how it is saved. A title that does not fit into so many cells takes the
    room of the value, where there is none, and that of the note, where none is shown (`noted`: notes have room)."""
    if right.mark in ("tick", "one"):
        on, off = ("[×]", "[ ]") if right.mark == "tick" else ("(•)", "( )")
        mark = Text(on if right.on else off, style=f"bold {colours['created']}" if right.on else colours["muted"])
    elif right.mark in SEATS:
        shown = state(SEATS[right.mark])
        mark = Text(f" {glyph(shown)} ", style=f"{'bold ' * shown.bold}{colours[shown.colour]}")
    else:
        mark = Text("")
    changed = old is None or (old.on, old.value) != (right.on, right.value)
    if old is None and not right.on:
        changed = False
    value = Text(right.value, style=colours["progress"] if changed else colours["muted"])
    note = Text(style=colours["muted"])
    if changed:
        note.append("✎ new" if right.on or right.mark == "value" else "✎ taken away", colours["progress"])
    if right.note:
        note.append(f"{', ' if changed else ''}{right.note}")
    title = Text.assemble(right.title, (" ✎" if changed else "", colours["progress"]))
    if right.faint and right.faint != right.title:
        title.append(f"  {right.faint}", style=colours["faint"])
    if title.cell_len > room and not right.value and not (note and noted):
        mark.pad_right(3 - mark.cell_len)
        return {"*": Text.assemble(mark, "  ", title)}
    return {"mark": mark, "title": title, "value": value, "note": note}


def person_cells(person: Person | None, draft: Draft, key: str, changed: bool, colours: dict[str, str]) -> Cells:
    """A member and who they are there."""
    target, _, ref = key.partition("/")
    said = draft.values(key).get("id")
    kind, word = _PEOPLE.get(person.state if person is not None else "by_hand", ("unknown", "unknown"))
    if said and kind not in ("failed", "warning"):
        word = "by hand"
    shown = state(kind)
    name = Text(person.name if person is not None else ref, style=colours["progress" if changed else "foreground"])
    if changed:
        name.append(" ✎", style=f"bold {colours['progress']}")
    name.append(f"  {ref}", style=colours["faint"])
    there = said or (person.vendor_id if person is not None else None) or "–"
    return {
        "state": Text(f"{glyph(shown)} {word}", style=f"{'bold ' * shown.bold}{colours[shown.colour]}"),
        "name": name,
        "target": Text(target, style=colours["muted"]),
        "id": Text(there, style=colours["muted"]),
    }


def does_text(
    effects: Effects | None, members: int, notes: Sequence[str], colours: dict[str, str], *, unchanged: bool = False
) -> Text:
    """What an edit does; None while it is being counted."""
    head = Text.assemble(("What this does", "bold"), (f"   {counted(members, 'member')} today", colours["muted"]))
    lines = [head]
    if unchanged:
        lines.append(Text("Nothing is changed.", style=colours["muted"]))
    elif effects is None:
        lines.append(Text("counting …", style=colours["muted"]))
    elif not effects.targets:
        lines.append(Text("No lock is touched by it.", style=colours["muted"]))
    else:
        shown: list[Text] = []
        for effect in effects.lines[:SHOWN]:
            look = PLAN[effect.action]
            text = Text.assemble((f"{glyph(look)} {effect.count} ", f"bold {colours[look.colour]}"), effect.text)
            shown.append(text)
        if more := sum(effect.count for effect in effects.lines[SHOWN:]):
            shown.append(Text(f"and {more} more", style=colours["muted"]))
        shown.append(Text(f"= {effects.stay} stay".replace(" ", "\u00a0"), style=colours["muted"]))
        lines.append(Text("   ").join(shown))
    lines += [Text(note, style=colours["muted"]) for note in notes]
    return Text("\n").join(lines)
