"""Values inside of Momence's rows: ids, texts, flags and moments. What is not as the schema has it is `Unreadable`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub import times

Raw = Mapping[str, Any]


class Unreadable(ValueError):
    """A record that is not as the vendor's schema has it. `fix` is what a person can do."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.fix = fix or "Look at it in the Momence dashboard; if it is right there, tell the plugin's author."


def is_id(value: Any) -> bool:
    """Whether something can be an id."""
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and bool(value.strip()))


def identifier(raw: Any, name: str = "id") -> str:
    """An id as text. Ids are whole numbers (S1); they are never calculated with."""
    value = raw.get(name) if isinstance(raw, Mapping) else None
    if not is_id(value):
        raise Unreadable(f"{name} is missing or no id")
    return str(value)


def id_or_none(raw: Any) -> str | None:
    """The id of a row that may be anything."""
    try:
        return identifier(raw)
    except Unreadable:
        return None


def text(raw: Raw, name: str) -> str:
    """A text, empty where it is null or absent."""
    value = raw.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{name} is not text")
    return value.strip()


def flag(raw: Raw, name: str) -> bool:
    """A yes or no that must be there: what is absent is never taken for a no."""
    value = raw.get(name)
    if not isinstance(value, bool):
        raise Unreadable(f"{name} is neither true nor false")
    return value


def moment(raw: Raw, name: str, zone: ZoneInfo, *, ends: bool = False) -> datetime | None:
    """An aware moment in UTC, None where it is null. One without a zone is in `zone`; a date alone is the start of that
    local day, or, for an end, its last moment. Both are beside the schema (date-time, S1) and read all the same."""
    value = raw.get(name)
    if value is None:
        return None
    try:
        if not isinstance(value, str):
            raise ValueError
        if len(value) == 10:
            return (times.day_end if ends else times.day_start)(date.fromisoformat(value), zone)
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC) if found.tzinfo else times.local_to_utc(found, zone)
    except (ValueError, OverflowError):
        raise Unreadable(f"{name} is not a date and time: {value!r}") from None


def needed(raw: Raw, name: str, zone: ZoneInfo) -> datetime:
    """A moment that must be there."""
    found = moment(raw, name, zone)
    if found is None:
        raise Unreadable(f"{name} is missing")
    return found


def known(raw: Raw, name: str, words: frozenset[str]) -> None:
    """Refuse a word that the hub doesn't know."""
    word = raw.get(name)
    if word not in words:
        raise Unreadable(f"{name} is {word!r}, which is no word that the hub knows", "Tell the plugin's author.")


def is_local(raw: Any) -> bool:
    """Whether a session's times come without a zone, so that its location's is needed."""
    try:
        return any(datetime.fromisoformat(raw[name]).tzinfo is None for name in ("startsAt", "endsAt"))
    except (TypeError, KeyError, ValueError):
        return False


def instant(moment: datetime) -> str:
    """A moment as a query takes it: ISO 8601 in UTC, which is inferred (the schema says plain text)."""
    return times.to_text(moment)


def part(raw: Raw, name: str) -> Raw | None:
    """An object inside of a row, None where it is null."""
    found = raw.get(name)
    if found is not None and not isinstance(found, Mapping):
        raise Unreadable(f"{name} is not an object")
    return found
