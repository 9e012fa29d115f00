"""From a row of the folder's files to records. Raises `Unreadable` for what can't be read; nothing is guessed."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, cast
from zoneinfo import ZoneInfo

from hub.records import Badge, Booking, BookingState, Member, MemberPass, Pass, Record, normal_email
from plugins.booking.sportsnow import export
from plugins.booking.sportsnow.export import Table
from plugins.booking.sportsnow.values import (
    Unreadable,
    badge_number,
    check_window,
    choice,
    day,
    flag,
    measure,
    pass_end,
    pass_start,
    reference,
    shown,
    when,
)

__all__ = ["Cells", "Context", "convert", "identify", "owner"]

Cells = Mapping[str, str]
"""Cells by column; a column that the file doesn't have is missing."""


@dataclass(frozen=True)
class Context:
    """What a row alone doesn't say: the studio's zone, what digits mean as a badge number, when a day is over."""

    tz: ZoneInfo
    badge_numbers: Literal["hex", "decimal"] | None
    last_day_included: bool


def identify(table: Table, cells: Cells, context: Context) -> str:
    """What tells a row from the others of its file; a record's id where the table is `named`. Raises Unreadable."""
    if table.file == export.CUSTOMERS:
        return _customer_id(cells)
    if table.kind == "badge":
        return _badge(cells, context).id
    return reference("id", cells["id"])


def owner(table: Table, cells: Cells) -> str | None:
    """The member that a row belongs to, None where it belongs to nobody or doesn't say."""
    if table.file == export.CUSTOMERS:
        return cells.get("id") or normal_email(cells.get("email"))
    return cells.get("id") if table.kind == "member" else cells.get("member_id")


def convert(table: Table, cells: Cells, context: Context) -> Sequence[Record]:
    """The records of a row. Raises Unreadable."""
    return _MAKERS[table.kind, table.file == export.CUSTOMERS](cells, context)


def _customer_id(cells: Cells) -> str:
    """A customer's number, or the e-mail address where the table has none; never the name."""
    if number := cells.get("id"):
        return reference("id", number)
    email = normal_email(cells.get("email"))
    if email is None:
        fix = "Fill in the customer number or the e-mail address; people are never told apart by their names."
        raise Unreadable("a customer has neither number nor e-mail address", fix)
    return reference("email", email)


def _customer(cells: Cells, context: Context) -> list[Record]:
    gender = choice("gender", export.GENDERS, cells.get("gender", ""))
    return _member({**cells, "id": _customer_id(cells), "gender": gender or ""}, context)


def _customer_badges(cells: Cells, context: Context) -> list[Record]:
    member = _customer_id(cells)
    written = [part for part in re.split(r"[,;|/\n]", cells.get("badges", "")) if part.strip()]
    numbers = dict.fromkeys(badge_number(part, context.badge_numbers) for part in written)
    return [Badge(id=f"{member}/{number}", member_id=member, number=number) for number in numbers]


def _member(cells: Cells, context: Context) -> list[Record]:
    return [
        Member(
            id=reference("id", cells["id"]),
            given_name=cells.get("given_name", ""),
            family_name=cells.get("family_name", ""),
            email=cells.get("email") or None,
            phone=cells.get("phone") or None,
            language=cells.get("language") or None,
            birth_date=day("birth_date", cells.get("birth_date", "")),
            gender=cells.get("gender") or None,
            weight_kg=measure("weight_kg", cells.get("weight_kg", "")),
            height_cm=measure("height_cm", cells.get("height_cm", "")),
            ftp_w=measure("ftp_w", cells.get("ftp_w", "")),
            max_hr=measure("max_hr", cells.get("max_hr", "")),
            show_live=flag("show_live", export.FLAGS, cells.get("show_live", "")) is not False,
        )
    ]


def _badge(cells: Cells, context: Context) -> Badge:
    member = reference("member_id", cells["member_id"])
    form = cells.get("format", "").lower()
    medium = export.MEDIA.get(form)
    written = "hex" if medium else choice("format", export.BADGE_FORMATS, form) or context.badge_numbers
    number = badge_number(cells["number"], cast("Literal['hex', 'decimal'] | None", written))
    return Badge(
        id=f"{member}/{number}",
        member_id=member,
        number=number,
        medium=cast("Literal['cid', 'uid'] | None", medium),
    )


def _badges(cells: Cells, context: Context) -> list[Record]:
    return [_badge(cells, context)]


def _pass(cells: Cells, context: Context) -> list[Record]:
    return [Pass(id=reference("id", cells["id"]), name=cells.get("name", ""))]


def _member_pass(cells: Cells, context: Context) -> list[Record]:
    since_text, until_text = cells.get("valid_from", ""), cells.get("valid_until", "")
    since = pass_start("valid_from", since_text, context.tz)
    until = pass_end("valid_until", until_text, context.tz, last_day_included=context.last_day_included)
    check_window(since, until, since_text, until_text)
    return [
        MemberPass(
            id=reference("id", cells["id"]),
            member_id=reference("member_id", cells["member_id"]),
            pass_id=reference("pass_id", cells["pass_id"]),
            valid_from=since,
            valid_until=until,
            state=choice("state", export.PASS_STATES, cells.get("state", "")),
        )
    ]


def _booking(cells: Cells, context: Context) -> list[Record]:
    resource, session = cells.get("resource_id") or None, cells.get("session_id") or None
    if resource is None and session is None:
        raise Unreadable("neither resource_id nor session_id says what is booked")
    state = choice("state", export.BOOKING_STATES, cells.get("state", ""))
    starts_at = _moment("starts_at", cells, context)
    ends_at = _moment("ends_at", cells, context)
    if starts_at is not None and ends_at is not None and ends_at <= starts_at:
        raise Unreadable(f"ends_at {shown(cells['ends_at'])} is not after starts_at {shown(cells['starts_at'])}")
    # A cancelled one opens nothing at any time, and must not be set aside for a time that it no longer needs.
    if session is None and None in (starts_at, ends_at) and state is not BookingState.CANCELLED:
        raise Unreadable("a booking of a resource needs starts_at and ends_at")
    return [
        Booking(
            id=reference("id", cells["id"]),
            member_id=reference("member_id", cells["member_id"]),
            resource_id=resource,
            session_id=session,
            spot=cells.get("spot") or None,
            starts_at=starts_at,
            ends_at=ends_at,
            state=state,
        )
    ]


def _moment(name: str, cells: Cells, context: Context) -> datetime | None:
    found = when(name, cells.get(name, ""), context.tz)
    if found is not None and not isinstance(found, datetime):
        raise Unreadable(f"{name} {shown(cells[name])} is a day; the time of day is missing")
    return found


_MAKERS: dict[tuple[str, bool], Callable[[Cells, Context], list[Record]]] = {
    ("pass", False): _pass,
    ("member", False): _member,
    ("member", True): _customer,
    ("badge", False): _badges,
    ("badge", True): _customer_badges,
    ("member_pass", False): _member_pass,
    ("booking", False): _booking,
}
"""By kind, and whether the row is one of SportsNow's customer table."""
