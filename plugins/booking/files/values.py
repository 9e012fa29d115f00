"""From the text of a cell to a value. Every function raises ValueError with the words that follow the cell's text."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta
from functools import partial
from typing import Generic, TypeVar
from zoneinfo import ZoneInfo

from hub.times import day_end, day_start, local_to_utc

__all__ = ["Column", "RowError", "ZonedColumn", "clock_time", "count", "day", "end", "flag", "measure", "start", "when"]

T = TypeVar("T")

_KEPT = 16_384
"""Texts that a column remembers. Columns have few different ones (states, dates), and those that don't stay small."""

_FIRST_YEAR, _LAST_YEAR = 1, 9999
"""What systems write for "always" and "for ever"; in some zones such a moment has no UTC time at all."""


class RowError(Exception):
    """A row that can't be read: what is wrong with it, and what to do."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


class Column(dict[str, T], Generic[T]):
    """What the texts of one column mean: `column[text]` works each out once. Raises RowError naming the column."""

    __slots__ = ("name", "read")

    def __init__(self, name: str, read: Callable[[str], T]) -> None:
        super().__init__()
        self.name = name
        self.read = read

    def __missing__(self, text: str) -> T:
        try:
            value = self.read(text.strip())
        except ValueError as error:
            raise RowError(f"{self.name} {shown(text)} {error}") from None
        if len(self) >= _KEPT:
            self.clear()
        self[text] = value
        return value


class ZonedColumn(dict["ZoneInfo | None", Column[T]], Generic[T]):
    """A column of times: `column[zone][text]`. The zone None means that it could not be found out."""

    __slots__ = ("name", "read")

    def __init__(self, name: str, read: Callable[[str, ZoneInfo | None], T]) -> None:
        super().__init__()
        self.name = name
        self.read = read

    def __missing__(self, zone: ZoneInfo | None) -> Column[T]:
        column = Column(self.name, partial(_swapped, self.read, zone))
        self[zone] = column
        return column


def _swapped(read: Callable[[str, ZoneInfo | None], T], zone: ZoneInfo | None, text: str) -> T:
    return read(text, zone)


def shown(text: str) -> str:
    """A cell as it is quoted in a sentence: short, in one line."""
    text = text.strip()
    return repr(text if len(text) <= 60 else f"{text[:60]}…")


# ── days and times ────────────────────────────────────────────────────────────────────────────────────────────────


def when(text: str) -> date | datetime:
    """A day, or a time as a datetime (naive where no zone is given).

    Days are `2026-11-21` or `21.11.2026`; a time follows after `T` or a space as `18:00`, with seconds and a zone (`Z`,
    `+01:00`) where there are any. `24:00` is the end of the day. Anything else, two-digit years and `11/21/2026` above
    all, could be read in two ways and is refused.
    """
    date_text, separator, time_text = text.upper().replace("T", " ", 1).partition(" ")
    day = _date(date_text)
    if not separator:
        return day
    time_text = time_text.replace(" ", "")
    if time_text[1:2] == ":":
        time_text = f"0{time_text}"
    try:
        if time_text in ("24:00", "24:00:00"):
            return datetime.combine(day, time.min) + timedelta(days=1)
        if time_text[2:3] == ":" and time_text[5:6] in ("", ":", "Z", "+", "-"):
            return datetime.combine(day, time.fromisoformat(time_text))
    except (ValueError, OverflowError):
        pass
    raise ValueError(_NO_TIME)


_NO_TIME = "is not a time; write 2026-11-21T18:00 or 21.11.2026 18:00, with a zone such as +01:00 if need be"


def _date(text: str) -> date:
    try:
        if len(text) == 10 and text[4] == text[7] == "-":
            return date.fromisoformat(text)
        day, month, year = text.split(".")
        if len(year) == 4 and (day + month + year).isdecimal() and text.isascii():
            return date(int(year), int(month), int(day))
    except ValueError:
        pass
    raise ValueError("is not a date; write 2026-11-21 or 21.11.2026")


def _utc(value: datetime, zone: ZoneInfo | None) -> datetime:
    if value.tzinfo is not None:
        return value.astimezone(UTC)
    return local_to_utc(value, _known(zone))


def _known(zone: ZoneInfo | None) -> ZoneInfo:
    if zone is None:
        raise ValueError("has no time zone, and that of its location could not be read")
    return zone


def start(text: str, zone: ZoneInfo | None) -> datetime | None:
    """When something begins; a day from its first moment. Empty, or the year 1: it always did."""
    value = when(text) if text else None
    if value is None or value.year <= _FIRST_YEAR:
        return None
    if value.year >= _LAST_YEAR:
        raise ValueError("is no time at which anything could begin")
    return _utc(value, zone) if isinstance(value, datetime) else day_start(value, _known(zone))


def end(text: str, zone: ZoneInfo | None) -> datetime | None:
    """When something is over; a day is included, a time is meant as it stands. Empty, or the year 9999: never."""
    value = when(text) if text else None
    if value is None or value.year >= _LAST_YEAR:
        return None
    if value.year <= _FIRST_YEAR:
        raise ValueError("is no time at which anything could end")
    return _utc(value, zone) if isinstance(value, datetime) else day_end(value, _known(zone))


def clock_time(text: str, zone: ZoneInfo | None) -> datetime:
    """A moment that must be there, with its time of day."""
    if not text:
        raise ValueError("is empty")
    value = when(text)
    if not isinstance(value, datetime):
        raise ValueError("is a day; the time of day is missing")
    if not _FIRST_YEAR < value.year < _LAST_YEAR:
        raise ValueError("is no time that a class can take place")
    return _utc(value, zone)


def day(text: str) -> date | None:
    """A day of the calendar. A time of day behind it is left out."""
    value = when(text) if text else None
    return value.date() if isinstance(value, datetime) else value


# ── other values ──────────────────────────────────────────────────────────────────────────────────────────────────


def measure(text: str) -> float | None:
    """A measured number, `72.5` or `72,5`. Empty or 0: not measured."""
    if not text:
        return None
    try:
        value = float(text.replace(",", ".")) if "_" not in text else math.nan
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise ValueError("is not a number such as 72.5")
    return value or None


def count(text: str) -> int | None:
    """A whole number, or None where there is none."""
    if not text:
        return None
    if not (text.isascii() and text.removeprefix("-").isdecimal() and len(text) < 10):
        raise ValueError("is not a whole number")
    return int(text)


def flag(words: dict[str, bool], text: str) -> bool | None:
    """Yes or no, None where the cell is empty."""
    if not text:
        return None
    try:
        return words[text.lower()]
    except KeyError:
        raise ValueError("is neither true nor false") from None
