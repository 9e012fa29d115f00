"""Moments and days: aware UTC inside the hub, the studio's zone at its edges.

Windows are half open: `[valid_from, valid_until)`. A pass that a source calls valid until 30 November therefore ends
at the midnight that begins 1 December in the studio's zone. To people such an end is its last day, 30 November, or
24:00 of it where a time has to be said: `wall`, `moment_text` and `edges_text` are the one way in which it is worded.
"""

from __future__ import annotations

import os
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

__all__ = [
    "LONGEST_DAY",
    "day_end",
    "day_start",
    "edges_text",
    "from_text",
    "local_to_utc",
    "local_zone_name",
    "moment_text",
    "to_text",
    "wall",
    "zone",
]

LONGEST_DAY = timedelta(hours=25)
"""A local day with a clock change in it; a window no longer than this is a visit, not a membership."""


@lru_cache(maxsize=256)
def zone(name: str) -> ZoneInfo:
    """The IANA zone of that name. Raises ValueError for a name that the zone database doesn't have."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone; use an IANA name such as Europe/Zurich") from error


def local_zone_name() -> str:
    """The zone that this machine is in, as far as it says so; empty where it doesn't."""
    named = os.environ.get("TZ", "").lstrip(":") or str(Path("/etc/localtime").resolve()).partition("zoneinfo/")[2]
    try:
        return zone(named).key if named else ""
    except ValueError:
        return ""


@lru_cache(maxsize=4096)
def day_start(day: date, tz: ZoneInfo) -> datetime:
    """The first moment of a local day, in UTC. Where clocks skip midnight, the day starts when they land.

    Raises ValueError at the two ends of the calendar, where there is no such moment in UTC.
    """
    return local_to_utc(datetime.combine(day, time.min), tz)


@lru_cache(maxsize=4096)
def day_end(day: date, tz: ZoneInfo) -> datetime:
    """The moment at which a local day is over, in UTC: the start of the next one."""
    try:
        return day_start(day + timedelta(days=1), tz)
    except OverflowError as error:
        raise ValueError(f"{day} is the last day there is") from error


def local_to_utc(wall: datetime, tz: ZoneInfo) -> datetime:
    """A naive wall-clock time in a zone as aware UTC.

    A time that happens twice (clocks go back) is read as the first one. A time that never happens (clocks go forward)
    is read as the moment of the jump, so a window that starts in the gap starts when the gap is over. Raises ValueError
    for a time outside the calendar.
    """
    try:
        return _local_to_utc(wall, tz)
    except OverflowError as error:
        raise ValueError(f"{wall} is outside the calendar") from error


def _local_to_utc(wall: datetime, tz: ZoneInfo) -> datetime:
    utc = wall.replace(tzinfo=tz, fold=0).astimezone(UTC)
    if utc.astimezone(tz).replace(tzinfo=None) == wall:
        return utc
    # In a gap the two folds land on either side of the jump; the jump itself lies between them.
    low, high = wall.replace(tzinfo=tz, fold=1).astimezone(UTC), utc
    before = low.astimezone(tz).utcoffset()
    while high - low > timedelta(seconds=1):
        middle = low + (high - low) / 2
        if middle.astimezone(tz).utcoffset() == before:
            low = middle
        else:
            high = middle
    return high.replace(microsecond=0)


def wall(moment: datetime, tz: ZoneInfo, *, end: bool = False) -> tuple[date, str]:
    """The day and the time that a clock in that zone shows. The `end` of something at midnight is 24:00 of the day
    before."""
    local = moment.astimezone(tz)
    if end and local.time() == time.min:
        return local.date() - timedelta(days=1), "24:00"
    return local.date(), f"{local:%H:%M}"


_MIDNIGHT = frozenset({"00:00", "24:00"})


@lru_cache(maxsize=4096)
def moment_text(moment: datetime | None, tz: ZoneInfo, *, end: bool = True) -> str:
    """A moment for people, empty for none: the day, and the time where it is not midnight. The `end` of a window that
    closes at midnight is the last day on which it held."""
    if moment is None:
        return ""
    day, clock = wall(moment, tz, end=end)
    return f"{day:%-d %b %Y}" if clock in _MIDNIGHT else f"{day:%-d %b %Y} {clock}"


def edges_text(starts: datetime | None, ends: datetime | None, tz: ZoneInfo) -> tuple[str, str]:
    """When a window begins and when it ends, for people, each empty where that side is open. Days alone where both
    are at midnight; where one of them has a time, so has the other, but for the last day of more than a visit."""
    first, last = moment_text(starts, tz, end=False), moment_text(ends, tz)
    if starts is None or ends is None:
        return first, last
    (day, opens), (last_day, closes) = wall(starts, tz), wall(ends, tz, end=True)
    if opens == "00:00" and closes != "24:00":
        first = f"{day:%-d %b %Y} {opens}"
    if closes == "24:00" and opens != "00:00" and ends - starts <= LONGEST_DAY:
        last = f"{last_day:%-d %b %Y} {closes}"
    return first, last


def to_text(moment: datetime) -> str:
    """An aware moment as RFC 3339 in UTC with a trailing Z, seconds precision (fractions only where there are any)."""
    utc = moment.astimezone(UTC)
    return utc.replace(tzinfo=None).isoformat() + "Z"


def from_text(text: str) -> datetime:
    """The reverse of `to_text`. Raises ValueError for a text without a zone."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return moment.astimezone(UTC)
