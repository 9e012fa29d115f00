"""ASSUMED, all of it: routes and fields of members, passes and bookings that no public material shows.

SportsNow knows these things (support articles 48001144852, 48001144873, 48001144843, 48001144884), and feeds exivo with
them, but no interface to them is known, nor a token. The names are those of the placeholder contract
(`tests/vendors/sportsnow.openapi.yaml`, everything tagged `assumed`). The switch `assumed_routes` is off by default.
What a real contract says is to be changed here and nowhere else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from hub.records import Badge, Booking, BookingState, Member, MemberPass, Pass, PassState
from plugins.booking.sportsnow.values import (
    Unreadable,
    badge_number,
    check_window,
    choice,
    day,
    pass_end,
    pass_start,
    shown,
)

__all__ = [
    "PER_PAGE",
    "badges",
    "booking",
    "bookings_path",
    "customer",
    "customer_pass",
    "identify",
    "last_page",
    "pass_",
    "path",
]

PER_PAGE = 100

GENDERS = {"": None, "female": "female", "male": "male"}
BADGE_KINDS = {"": None, "nfc": None, "qr": None}
"""How a number was scanned; SportsNow says that either gives the number of a badge."""

BOOKING_STATES = {
    "booked": BookingState.CONFIRMED,
    "waiting": BookingState.WAITLISTED,
    "cancelled": BookingState.CANCELLED,
}

Row = Mapping[str, Any]


def path(provider: str, what: Literal["customers", "passes", "customer_passes"]) -> str:
    """The path of a list."""
    return f"/platform/api/v1/provider/{quote(provider, safe='')}/{what}"


def bookings_path(provider: str, lesson: str) -> str:
    """The path of a lesson's bookings."""
    return f"/platform/api/v1/provider/{quote(provider, safe='')}/service_sessions/{quote(lesson, safe='')}/bookings"


def last_page(body: Any) -> int | None:
    """The number of the last page, None where the answer doesn't say."""
    meta = body.get("meta") if isinstance(body, dict) else None
    total = meta.get("total_pages") if isinstance(meta, dict) else None
    return total if isinstance(total, int) and not isinstance(total, bool) else None


def identify(row: Row) -> str | None:
    """A record's id, None where there is none."""
    try:
        return _id(row, "id")
    except Unreadable:
        return None


def customer(row: Row) -> Member:
    """A customer. Raises Unreadable."""
    return Member(
        id=_id(row, "id"),
        given_name=_text(row, "first_name"),
        family_name=_text(row, "last_name"),
        email=_text(row, "email") or None,
        phone=_text(row, "phone") or None,
        gender=choice("gender", GENDERS, _text(row, "gender")),
        birth_date=day("birth_date", _text(row, "birth_date")),
        archived=_flag(row, "archived"),
    )


def badges(row: Row, written: Literal["hex", "decimal"] | None) -> list[Badge]:
    """The badges of a customer. Raises Unreadable."""
    member, found = _id(row, "id"), row.get("badges")
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(badge, dict) for badge in found):
        raise Unreadable(f"the badges of customer {member} are not a list")
    numbers = []
    for badge in found:
        choice("kind", BADGE_KINDS, _text(badge, "kind"))
        numbers.append(badge_number(_text(badge, "number"), written))
    return [Badge(id=f"{member}/{number}", member_id=member, number=number) for number in dict.fromkeys(numbers)]


def pass_(row: Row) -> Pass:
    """A pass that is sold. Raises Unreadable."""
    return Pass(id=_id(row, "id"), name=_text(row, "name"))


def customer_pass(row: Row, tz: ZoneInfo, *, last_day_included: bool) -> MemberPass:
    """What a customer bought; a deleted one is revoked. Credits are left aside: whether a used-up pass still opens
    doors is not known. Raises Unreadable."""
    identifier = _id(row, "id")
    since = pass_start("starts_on", _text(row, "starts_on"), tz)
    until = pass_end("ends_on", _text(row, "ends_on"), tz, last_day_included=last_day_included)
    check_window(since, until, _text(row, "starts_on"), _text(row, "ends_on"))
    return MemberPass(
        id=identifier,
        member_id=_id(row, "customer_id"),
        pass_id=_id(row, "pass_id"),
        valid_from=since,
        valid_until=until,
        state=PassState.REVOKED if row.get("deleted_at") is not None else PassState.ACTIVE,
    )


def booking(row: Row) -> Booking:
    """A booking of a lesson. Raises Unreadable, also for a status that is not known."""
    state = choice("status", BOOKING_STATES, _text(row, "status"))
    if state is BookingState.CONFIRMED and row.get("checked_in_at") is not None:
        state = BookingState.CHECKED_IN
    return Booking(
        id=_id(row, "id"),
        member_id=_id(row, "customer_id"),
        session_id=_id(row, "service_session_id"),
        state=state,
    )


def _id(row: Row, name: str) -> str:
    value = row.get(name)
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not text.strip():
        raise Unreadable(f"{name} is missing")
    return text.strip()


def _text(row: Row, name: str) -> str:
    value = row.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise Unreadable(f"{name} {shown(value)} is not text")
    return value.strip()


def _flag(row: Row, name: str) -> bool:
    value = row.get(name)
    if value is not None and not isinstance(value, bool):
        raise Unreadable(f"{name} {shown(value)} is neither true nor false")
    return value is True
