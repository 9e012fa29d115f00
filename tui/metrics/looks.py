"""How a class and its troubles are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from rich.text import Text

from hub import times
from hub.look.class_metrics import OneClass, Trouble
from hub.look.rides import ClassView
from hub.words import counted
from tui.chart import Line
from tui.metrics.card import Seen
from tui.metrics.words import MEASURES, change_text, number_text, ticks, title_of
from tui.theme import glyph, state
from tui.words import age, clean

__all__ = ["NOTHING", "class_cells", "class_seen", "no_class"]

NUMBERS = 4
NOTHING = "No class yet."


def class_cells(
    view: ClassView, troubles: Mapping[str, Trouble], now: datetime, colours: Mapping[str, str], *, narrow: bool
) -> dict[str, Text | str]:
    """A class in the list. Where its tracker does not answer, what is lacking has the age of the last answer."""
    when = view.starts_at.astimezone(times.zone(view.timezone))
    lacks = view.results < view.riders or not view.results
    trouble = (troubles.get(view.event_id) or troubles.get(view.target)) if lacks else None
    look, word = None, f"{view.results}/{view.riders}" if view.results and lacks else str(view.results)
    if trouble is not None and view.status != "no_data":
        look = state("warning" if trouble.answered is not None else "failed")
        word = age(now - trouble.answered) if trouble.answered is not None else "failed"
    elif view.status == "waiting":
        look, word = state("planned"), "waits"
    elif view.status == "no_data":
        look, word = state("removed"), "none"
    name = Text(clean(view.name or view.session))
    if look is not None and narrow:
        name = Text.assemble((f"{glyph(look)} ", colours[look.colour]), name)
    if look is not None:
        word = f"{glyph(look)} {word}"
    return {
        "when": Text(f"{when:%-d %b %H:%M}", style=colours["muted"]),
        "name": name,
        "riders": Text(word, style=colours[look.colour] if look is not None else colours["foreground"]),
    }


def no_class(colours: Mapping[str, str]) -> Seen:
    """What would be here, and how it comes here."""
    words = "Results appear half an hour after a class in a room with bikes.", "4 Mapping, Rooms, says which those are."
    return Seen(Text("No class yet", style="bold"), notes=[Text(line, style=colours["muted"]) for line in words])


def class_seen(
    one: OneClass,
    troubles: Mapping[str, Trouble],
    lines: Sequence[Line],
    *,
    metric: str,
    weeks: int,
    until: datetime,
    now: datetime,
    colours: Mapping[str, str],
    narrow: bool,
) -> Seen:
    """The upper part of a class."""
    view = one.view
    zone = times.zone(view.timezone)
    by = f" · {clean(one.instructor)}" if one.instructor else ""
    about = f"  {view.starts_at.astimezone(zone):%a %-d %b %H:%M}{by} · {counted(view.riders or view.results, 'rider')}"
    numbers, notes = [], []
    for name in [name for name in MEASURES if name in one.means][: 3 if narrow else NUMBERS]:
        value, _, unit = number_text(name, one.means[name]).partition(" ")
        change = change_text(name, one.more(name), colours)
        numbers.append(Text.assemble((value, "bold"), (f" {unit}", colours["muted"]), change))
    if numbers and one.before:
        words = f"on average, against {counted(len(one.before), 'such class', 'such classes')} before"
        notes.append(Text(words, style=colours["faint"]))
    elif not numbers:
        notes.append(_why_none(one, colours))
    title = title_of(metric).capitalize()
    return Seen(
        title=Text.assemble((clean(view.name or view.session), "bold"), (about, colours["muted"])),
        numbers=numbers,
        trouble=_trouble_lines(view, troubles, now, colours),
        heading=f"{title} by week, {counted(weeks, 'week')}",
        lines=lines,
        ticks=ticks(until, weeks, zone),
        nothing=f"{title} was not measured in these weeks.",
        notes=notes,
    )


def _why_none(one: OneClass, colours: Mapping[str, str]) -> Text:
    due = one.view.results_due_at
    if one.view.results:
        look, said = state("removed"), "Nobody who rode is shown here, at their own wish."
    elif due is None:
        look, said = state("removed"), "No data: nothing came, and nothing is waited for. F asks again."
    else:
        at = f"{due.astimezone(times.zone(one.view.timezone)):%-d %b %H:%M}"
        look, said = state("planned"), f"No data yet: looked for at {at}."
    return Text(f"{glyph(look)} {said}", style=colours[look.colour])


def _trouble_lines(
    view: ClassView, troubles: Mapping[str, Trouble], now: datetime, colours: Mapping[str, str]
) -> list[Text]:
    found: list[Text] = []
    bad = state("broken")
    for trouble in (troubles[key] for key in (view.target, view.event_id) if key in troubles):
        found.append(Text(f"{glyph(bad)} {clean(trouble.what)}", style=f"bold {colours['failed']}"))
        old = f"last answer {age(now - trouble.answered)} ago" if trouble.answered is not None else ""
        said = f"{view.target} said: {clean(trouble.said)}" if trouble.said else ""
        if told := " · ".join(part for part in (old, said) if part):
            found.append(Text(f"  {told}", style=colours["muted"]))
        if trouble.fix:
            found.append(Text.assemble(("  → ", colours["accent"]), (clean(trouble.fix), colours["muted"])))
    return found
