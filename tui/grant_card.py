"""What is known about one grant, in words: the card beside the table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import NamedTuple
from zoneinfo import ZoneInfo

from rich.text import Text

from hub import times
from hub.look.grants import GrantView, named
from hub.look.reveal import Kept
from hub.look.story import Event
from tui.hanging import HANG
from tui.questions import keys_line
from tui.theme import glyph, is_ascii, state
from tui.words import clean, short_mails

__all__ = ["SHOWN_FOR", "Story", "grant_card", "period"]

SHOWN_FOR = 10.0
"""Seconds that a code stands in clear."""

LINE, EDGE = 36, 6
"""Cells of the line that shows a window, and of what is left of it on either side."""

Colours = Mapping[str, str]


class Story(NamedTuple):
    """What is read of the grant under the cursor alone."""

    grant: str
    events: Sequence[Event]
    kept: Kept
    around: tuple[timedelta, timedelta] | None = None
    """How long it opens before its bookings, and closes after them."""


def grant_card(
    view: GrantView, story: Story | None, *, code: str | None, colours: Colours, zone: ZoneInfo, now: datetime
) -> Text:
    """The whole card. `story` counts where it is this grant's; `code` is the code where it is shown in clear."""
    shown = state(view.status)
    mine = story if story is not None and story.grant == view.id else None
    before, after = mine.around if mine is not None and mine.around is not None else (timedelta(), timedelta())
    closes = _moment(view.valid_until, zone, now, end=True) or "open end"
    lines: list[Text] = [
        Text.assemble(
            (f"{glyph(shown)} {shown.word}", f"bold {colours[shown.colour]}"),
            (f"  {view.id[-8:]}", colours["faint"]),
        ),
        Text(),
        Text(clean(view.name or view.member), style="bold"),
        Text(clean(f"{view.opens_text} · {view.target}"), style=colours["muted"]),
        Text(),
        *_window(view, colours[shown.colour], colours, now),
        _field("opens", _moment(view.valid_from, zone, now) or "at once", colours, _minutes(before, "before")),
        _field("closes", closes, colours, _minutes(after, "after")),
        *_left(view, colours, now),
    ]
    if view.error:
        lines += [Text(), Text(clean(view.error.get("what")), style=f"bold {colours['failed']}")]
        lines += [
            Text(clean(view.error[name]), style=colours["muted"]) for name in ("said", "fix") if view.error.get(name)
        ]
        lines.append(keys_line([("r", "try now"), ("x", "explain")], colours))
        if view.next_try_at is not None:
            lines.append(Text(f"Next try {_moment(view.next_try_at, zone, now)}.", style=colours["muted"]))
    lines += [
        *(_sealed(mine.kept, code, colours) if mine is not None else ()),
        Text(),
        _field("why", clean(view.reason), colours),
        _field("rule", clean(named(view.rule, view.names)) or "–", colours),
        _field("member", clean(view.member), colours),
        _field("made", _moment(view.created_at, zone, now), colours),
    ]
    if mine is not None and mine.events:
        lines += [Text(), *_happened(mine.events, view, colours, zone, now)]
    return Text("\n").join(lines)


def _happened(events: Sequence[Event], view: GrantView, colours: Colours, zone: ZoneInfo, now: datetime) -> list[Text]:
    """What happened, by days: the first stands in the heading. What the card says as its why is not said again."""
    lines: list[Text] = []
    said = {"", clean(view.reason)}
    for day, of_day in groupby(events, key=lambda event: event.at.astimezone(zone).date()):
        head = (_day(day, zone, now), colours["faint"])
        lines.append(Text.assemble(head) if lines else Text.assemble(("What happened", "bold"), "  ", head))
        lines += [
            Text.assemble(
                (f"{event.at.astimezone(zone):%H:%M:%S} {HANG}", colours["faint"]),
                (event.what, colours["foreground"]),
                ("" if clean(event.text) in said else f"  {short_mails(clean(event.text))}", colours["muted"]),
            )
            for event in of_day
        ]
    return lines


def _window(view: GrantView, colour: str, colours: Colours, now: datetime) -> list[Text]:
    """A window as a line, thick while it opens, with a mark where now is."""
    if view.valid_from is None or view.valid_until is None:
        return []
    thin, thick, mark = "-=|" if is_ascii() else "─━╋"
    cells = LINE - 2 * EDGE
    edge = (thin * EDGE, colours["faint"])
    if not view.valid_from <= now < view.valid_until:
        return [Text.assemble(edge, (thick * cells, colour), edge)]
    past = int((now - view.valid_from) / (view.valid_until - view.valid_from) * cells)
    here = (mark, f"bold {colours['foreground']}")
    return [Text.assemble(edge, (thick * past, colour), here, (thick * (cells - past - 1), colour), edge)]


def _left(view: GrantView, colours: Colours, now: datetime) -> list[Text]:
    """How much of a visit's window is left, while it runs."""
    if view.status != "created" or view.valid_from is None or view.valid_until is None:
        return []
    if not view.valid_from <= now < view.valid_until or view.valid_until - view.valid_from > times.LONGEST_DAY:
        return []
    left = int((view.valid_until - now).total_seconds() // 60)
    return [_field("now", f"{left} min left", colours)]


def _moment(at: datetime | None, zone: ZoneInfo, now: datetime, *, end: bool = False) -> str:
    """A moment with its day, and with its year where it is another one. The `end` at a midnight is 24:00."""
    if at is None:
        return ""
    day, clock = times.wall(at, zone, end=end)
    return f"{_day(day, zone, now)} {clock}"


def _day(day: date, zone: ZoneInfo, now: datetime) -> str:
    return f"{day:%a %-d %b}" if day.year == now.astimezone(zone).year else f"{day:%a %-d %b %Y}"


def _minutes(length: timedelta, word: str) -> str:
    minutes = int(length.total_seconds() // 60)
    if not minutes:
        return ""
    return f"{minutes // 60} h {word}" if minutes >= 120 and not minutes % 60 else f"{minutes} min {word}"


def _sealed(kept: Kept, code: str | None, colours: Colours) -> list[Text]:
    """What is kept sealed: that it is there, and the keys for it."""
    lines = []
    if kept.code:
        keys = keys_line([] if code is not None else [("v", f"show for {SHOWN_FOR:.0f} seconds")], colours)
        lines.append(Text.assemble(_field("code", "", colours), (code or "••••••", "bold"), "  ", keys))
    if kept.url:
        lines.append(
            Text.assemble((f"{'URL':<8}{HANG}", colours["faint"]), "kept  ", keys_line([("c", "copy")], colours))
        )
    return [Text(), *lines] if lines else []


def _field(name: str, value: str, colours: Colours, more: str = "") -> Text:
    return Text.assemble(
        (f"{name:<8}{HANG}", colours["faint"]),
        (value, colours["muted"]),
        (f"  {more}" if more else "", colours["faint"]),
    )


def period(starts: datetime | None, ends: datetime | None, zone: ZoneInfo) -> str:
    """A window in one line: the day once where both ends are on it."""
    if starts is None and ends is None:
        return "open end"
    day, clock = times.wall(starts, zone) if starts is not None else (None, "")
    last, closes = times.wall(ends, zone, end=True) if ends is not None else (None, "")
    if day is None or last is None or starts is None or ends is None:
        return f"from {day:%-d %b %Y}" if day is not None else f"until {last:%-d %b %Y}"
    if ends - starts > times.LONGEST_DAY:
        if day.year == last.year:
            return f"{day:%-d %b} – {last:%-d %b %Y}"
        return f"{day:%-d %b %y} – {last:%-d %b %y}"
    # Past midnight needs no second day where it is over before a whole day is.
    soon = (last - day).days <= 1 and ends - starts < timedelta(days=1)
    return f"{day:%a %-d %b} {clock}–{closes}" if soon or day == last else f"{day:%a %-d %b} {clock}–{last:%a} {closes}"
