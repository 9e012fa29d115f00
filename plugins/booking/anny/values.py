"""Single values of anny's rows. What can't be understood raises `Unread`, which becomes a Problem."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub import times
from plugins.booking.anny.wire import Raw

__all__ = ["Unread", "entry", "identifier", "mapping", "moment", "parsed", "relation", "text", "zone_named"]


class Unread(Exception):
    """Why a row can't be read, and what to do."""

    def __init__(self, what: str, fix: str = "Correct it in anny.") -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def identifier(row: Any) -> str:
    """A row's id as text. Most are UUIDs, some are old integers (S2)."""
    value = row.get("id") if isinstance(row, Mapping) else None
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str) or not value:
        raise Unread("it has no id")
    return value


def mapping(value: Any) -> Raw:
    """A value as an object, empty where it is none."""
    return value if isinstance(value, Mapping) else {}


def relation(row: Raw, name: str) -> Raw:
    """A relation that must be there, with its id."""
    found = mapping(row.get(name))
    if not found:
        raise Unread(f"it comes without its {name}", "Check that the access token may read it.")
    try:
        identifier(found)
    except Unread:
        raise Unread(f"its {name} has no id") from None
    return found


def text(row: Raw, name: str) -> str:
    """A field as text, empty where it is missing or null. Phone numbers and ids that come as numbers stay as they are
    written."""
    value = row.get(name)
    if value is None:
        return ""
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    if not isinstance(value, str):
        raise Unread(f"{name} is not text")
    return value.strip()


def entry(row: Raw, name: str | None) -> Any:
    """The value of a custom field that has this key or label; None where the customer has none."""
    if not name:
        return None
    entries = mapping(row.get("custom_entry_map"))
    wanted = name.strip().casefold()
    for key, entry in entries.items():
        found = mapping(entry)
        if wanted in {key.strip().casefold(), str(found.get("label") or "").strip().casefold()}:
            return found.get("value")
    return None


def zone_named(name: str) -> ZoneInfo:
    """The zone of that name."""
    try:
        return times.zone(name)
    except ValueError as error:
        raise Unread(str(error), "Correct the time zone in anny.") from None


def parsed(written: str, name: str) -> datetime:
    """A time as it is written, with or without a zone."""
    try:
        return datetime.fromisoformat(written)
    except ValueError:
        raise Unread(f"{name} {written!r} is not a time") from None


def moment(row: Raw, name: str, zone: ZoneInfo) -> datetime | None:
    """A time as aware UTC; one without a zone is local."""
    written = text(row, name)
    if not written:
        return None
    moment = parsed(written, name)
    try:
        return times.local_to_utc(moment, zone) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        raise Unread(f"{name} {written!r} is outside the calendar") from None
