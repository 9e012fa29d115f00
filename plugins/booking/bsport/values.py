"""Single values out of an answer: ids, flags, days and moments. What can't be understood raises `Unreadable`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub import times

__all__ = ["Raw", "Unreadable", "day_of", "flag", "identifier", "moment", "number", "optional_id", "text"]

Raw = Mapping[str, Any]


class Unreadable(Exception):
    """A record can't be understood: what is wrong with it, and what to do."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix or "Look at it in the bsport back office; if it is right there, tell the hub's makers."


def optional_id(raw: Raw, name: str) -> str | None:
    """An id as text; None for none. Ids are whole numbers on the wire, and stay text here."""
    value = raw.get(name)
    if value is None:
        return None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if isinstance(value, str) and value.strip():
        return value.strip()
    raise Unreadable(f"{name} is {value!r}, which is no id")


def identifier(raw: Raw, name: str) -> str:
    """An id that must be there."""
    found = optional_id(raw, name)
    if found is None:
        raise Unreadable(f"{name} is missing")
    return found


def flag(raw: Raw, name: str) -> bool:
    """A yes or no that decides something, so that leaving it out is not the same as no."""
    value = raw.get(name)
    if not isinstance(value, bool):
        raise Unreadable(f"{name} is missing" if value is None else f"{name} is {value!r}, neither true nor false")
    return value


def text(raw: Raw, name: str) -> str:
    """A text, empty where there is none."""
    value = raw.get(name)
    return value.strip() if isinstance(value, str) else ""


def number(raw: Raw, name: str) -> int | None:
    """A whole number; None for none and for what isn't one."""
    value = raw.get(name)
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def day_of(raw: Raw, name: str) -> date | None:
    """A calendar day; None for none and for what isn't one: an odd birthday must not hide a member."""
    try:
        return date.fromisoformat(text(raw, name)[:10])
    except ValueError:
        return None


def moment(raw: Raw, name: str, zone: ZoneInfo) -> datetime | date | None:
    """A moment in UTC, or a day where only that is written; None for none. A time without offset is `zone`'s."""
    value = raw.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise Unreadable(f"{name} is {value!r}, which is no date")
    written = value.strip()
    try:
        if len(written) == len("2026-01-01"):
            return date.fromisoformat(written)
        found = datetime.fromisoformat(written.upper())
        return found.astimezone(UTC) if found.tzinfo is not None else times.local_to_utc(found, zone)
    except (ValueError, OverflowError):
        raise Unreadable(f"{name} is {value!r}, which is no date") from None
