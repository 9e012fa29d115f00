"""SportsNow's public timetable in its own words: the one route that is known to exist.

    POST https://www.sportsnow.ch/platform/api/v1/public/provider/{provider}/live_calendar?date=YYYY-MM-DD   body: {}

Nothing of it is documented. What stands here was inferred from the public source of studios' own sites that read it,
one of which quotes SportsNow's support of September 2026; `shared/vendors/sportsnow.md` lists them. What is unknown:
rate limit, stability, the exact form of times, whether a lesson's end can lie on the next day.

The routes that nobody has seen are in `assumed`, and the folder's files in `export`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from hub.records import Instructor, Location, Session
from hub.times import local_to_utc
from plugins.booking.sportsnow.values import Unreadable, clock_time, name_key, shown, tidy

__all__ = [
    "BASE_URL",
    "PER_SECOND",
    "WEEK",
    "Lesson",
    "lesson",
    "lesson_day",
    "lesson_id",
    "live_calendar",
    "monday_of",
    "slug",
]

BASE_URL = "https://www.sportsnow.ch"

PER_SECOND = 1.0
"""No limit is known, so the hub asks about as fast as a person clicks."""

WEEK = timedelta(days=7)

LONGEST_LESSON = timedelta(hours=12)
"""An end before the beginning is on the next day; if that makes a lesson longer than this, one of them is wrong."""

_LESSON = re.compile(r"/service_sessions/([0-9]+)(?:[/?#]|$)")
_NOT_IN_SLUGS = re.compile(r"[\W_]+")


@dataclass(frozen=True)
class Lesson:
    """One row of the timetable. SportsNow gives names in place of ids for instructor and room."""

    session: Session
    instructor: Instructor | None
    location: Location | None


def live_calendar(provider: str) -> str:
    """The path of the public timetable."""
    return f"/platform/api/v1/public/provider/{quote(provider, safe='')}/live_calendar"


def monday_of(day: date) -> date:
    """The Monday of a day's week: the timetable comes in weeks from Monday to Sunday."""
    return day - timedelta(days=day.weekday())


def lesson_id(row: Mapping[str, Any]) -> str | None:
    """A lesson's id: the number behind `/service_sessions/` in `book_now_link`, the only one that can be relied on. A
    field `id`, seen by a client in 2020, is said to be gone (2026), so it is never read."""
    found = _LESSON.search(_text(row.get("book_now_link")))
    return found[1] if found else None


def slug(text: str) -> str:
    """A name as SportsNow puts it into addresses: `BLG Sports Club` is `blg-sports-club`."""
    return _NOT_IN_SLUGS.sub("-", tidy(text).casefold()).strip("-")


def lesson(row: Mapping[str, Any], tz: ZoneInfo, nobody: frozenset[str]) -> Lesson:
    """A lesson from its row. Times are wall-clock times of the studio's zone `tz`. `nobody` are the slugs of the
    studio's own name, which stands in `team` when nobody is assigned. There is no capacity. Raises Unreadable."""
    identifier = lesson_id(row)
    if identifier is None:
        raise Unreadable(f"the lesson {shown(_text(row.get('name')))} has no number in its book_now_link", _TELL)
    try:
        starts_at, ends_at = _times(row, tz)
    except Unreadable as error:
        raise Unreadable(error.what, error.fix or _TELL, identifier) from None
    team, place = tidy(_text(row.get("team"))), tidy(_text(row.get("location_name")))
    if slug(team) in nobody:
        team = ""
    return Lesson(
        Session(
            id=identifier,
            name=tidy(_text(row.get("name"))),
            starts_at=starts_at,
            ends_at=ends_at,
            instructor_id=name_key(team) or None,
            location_id=name_key(place) or None,
        ),
        Instructor(id=name_key(team), name=team) if team else None,
        Location(id=name_key(place), name=place) if place else None,
    )


def lesson_day(row: Mapping[str, Any]) -> date:
    """The day that a row says. Raises Unreadable."""
    try:
        return date.fromisoformat(_text(row.get("date")).strip())
    except ValueError:
        raise Unreadable(f"date {shown(row.get('date'))} is not a day", _TELL, lesson_id(row)) from None


_TELL = "Look at the lesson in SportsNow; if it is right there, tell the plugin's author what the timetable says."


def _times(row: Mapping[str, Any], tz: ZoneInfo) -> tuple[datetime, datetime]:
    day = lesson_day(row)
    begin = datetime.combine(day, clock_time("time_begin", _text(row.get("time_begin"))))
    end = datetime.combine(day, clock_time("time_end", _text(row.get("time_end"))))
    if end < begin:
        end += timedelta(days=1)
    if not timedelta() < end - begin <= LONGEST_LESSON:
        raise Unreadable(
            f"time_end {shown(row.get('time_end'))} is not after time_begin {shown(row.get('time_begin'))}"
        )
    return local_to_utc(begin, tz), local_to_utc(end, tz)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
