"""The public timetable as records: sessions, and the instructors and locations that they name.

The timetable has neither a count nor a mark of its end, and a cancelled lesson is simply missing. So the sessions of a
window are complete when every week of it was answered, no row was unreadable and no week was empty: an empty week may
be a fault as well as a holiday, and nothing is cancelled on it. Instructors and locations never are: one who gives no
lesson in these weeks is still there.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hub import Connection
from hub.records import Complete, Page, Problem, Record, Session, Window
from plugins.booking.sportsnow import wire
from plugins.booking.sportsnow.client import Row, SportsNow
from plugins.booking.sportsnow.values import Unreadable
from plugins.booking.sportsnow.wire import WEEK, Lesson

__all__ = ["KINDS", "Weeks", "inside", "lessons", "read", "weeks_of"]

KINDS = frozenset({"session", "instructor", "location"})

LOOK_BACK = 4
"""How many weeks before this one are asked for at most, whatever a window says."""

_EMPTY = "every week that was asked for came back empty, which may be a fault as well as a holiday"
_NAMELESS = "some rows don't tell which lessons they are"


@dataclass(frozen=True)
class Weeks:
    """The Mondays to ask for. `whole`: they cover everything that the window is about."""

    mondays: tuple[date, ...]
    whole: bool


def weeks_of(window: Window, now: datetime, tz: ZoneInfo, ahead: int) -> Weeks:
    """The weeks that a window touches, in the studio's zone `tz`; where it has no limit, from this week to `ahead`
    weeks after it."""
    this = wire.monday_of(now.astimezone(tz).date())
    earliest, latest = this - LOOK_BACK * WEEK, this + ahead * WEEK
    first, last = this, latest
    if window.starts_at is not None:
        first = wire.monday_of(window.starts_at.astimezone(tz).date())
    if window.ends_at is not None:
        last = wire.monday_of((window.ends_at - timedelta(microseconds=1)).astimezone(tz).date())
    whole = window.starts_at is not None and window.ends_at is not None and first >= earliest and last <= latest
    first, last = max(first, earliest), min(last, latest)
    return Weeks(tuple(first + number * WEEK for number in range((last - first).days // 7 + 1)), whole)


@dataclass
class Week:
    """One week as it was answered."""

    monday: date
    lessons: list[Lesson] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        """Whether there was not a single row."""
        return not (self.lessons or self.problems)


async def lessons(api: SportsNow, weeks: Weeks) -> AsyncGenerator[Week, None]:
    """The timetable week by week, as it arrives."""
    connection = api.connection
    nobody = frozenset({wire.slug(connection.studio_name), wire.slug(api.settings.provider)})
    for monday in weeks.mondays:
        yield _understood(monday, await api.week(monday), connection.timezone, nobody)


async def read(connection: Connection, window: Window) -> AsyncGenerator[Page | Problem | Complete, None]:
    """The timetable's part of what a window asks for."""
    api = connection.keep(SportsNow)
    weeks = weeks_of(window, connection.clock.now(), connection.timezone, api.settings.weeks)
    wanted = [kind for kind in ("instructor", "location", "session") if window.kinds is None or kind in window.kinds]
    told: set[tuple[str, str]] = set()
    empty = nameless = 0
    async for week in lessons(api, weeks):
        empty += week.empty
        if "session" in wanted:
            for problem in week.problems:
                nameless += problem.id is None
                yield problem
        for kind in wanted:
            found = [record for record in _records(week, kind) if (kind, record.id) not in told]
            told.update((kind, record.id) for record in found)
            # A page without records says that the kind was looked at.
            yield Page(kind, [record for record in found if _asked_for(record, kind, window)])
    if "session" not in wanted or window.narrow or not weeks.whole:
        yield Complete(frozenset())
    elif nameless or empty == len(weeks.mondays):
        yield Complete(frozenset(), None, {"session": _NAMELESS if nameless else _EMPTY})
    else:
        yield Complete(frozenset() if empty else frozenset({"session"}))


def _understood(monday: date, rows: list[Row], tz: ZoneInfo, nobody: frozenset[str]) -> Week:
    week = Week(monday)
    found: dict[str, Lesson] = {}
    double: set[str] = set()
    where = f"live_calendar, week of {monday}"
    for row in rows:
        try:
            lesson = wire.lesson(row, tz, nobody)
        except Unreadable as error:
            week.problems.append(Problem("session", error.id, where, error.what, error.fix))
            continue
        if found.setdefault(lesson.session.id, lesson) != lesson:
            double.add(lesson.session.id)
    for identifier in sorted(double):
        what = f"two rows have the number {identifier} and say different things"
        week.problems.append(Problem("session", identifier, where, what, "Look at the lesson in SportsNow."))
    aside = double | {problem.id for problem in week.problems if problem.id is not None}
    week.lessons = [lesson for identifier, lesson in found.items() if identifier not in aside]
    return week


def _records(week: Week, kind: str) -> list[Record]:
    found: dict[str, Record] = {}
    for lesson in week.lessons:
        record: Record | None = getattr(lesson, kind)
        if record is not None:
            found.setdefault(record.id, record)
    return list(found.values())


def _asked_for(record: Record, kind: str, window: Window) -> bool:
    if window.narrow and (kind, record.id) not in (window.ids or ()):
        return False
    return not isinstance(record, Session) or inside(record, window)


def inside(session: Session, window: Window) -> bool:
    """Whether a session lies in a window, at least with a part of it."""
    late = window.ends_at is not None and session.starts_at >= window.ends_at
    early = window.starts_at is not None and session.ends_at <= window.starts_at
    return not (late or early)
