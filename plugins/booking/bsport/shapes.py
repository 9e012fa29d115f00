"""bsport's records: its field names and words, and what becomes of them. What is assumed stands in `wire`, S1 and S2
are named there."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub import records, times
from hub.records import BookingState, PassState, SessionState
from plugins.booking.bsport.values import (
    Raw,
    Unreadable,
    day_of,
    flag,
    identifier,
    moment,
    number,
    optional_id,
    text,
)
from plugins.booking.bsport.wire import Context

__all__ = [
    "Offer",
    "badge",
    "booking",
    "coach",
    "community",
    "community_members",
    "location",
    "member",
    "member_pass",
    "offer",
    "pass_",
    "session",
    "spot",
    "starts_at",
    "tagged_id",
    "teacher",
]

_BADGE = "membership_id"

LONGEST_CLASS = 7 * 24 * 60
"""Minutes beyond which a length is taken for a mistake."""

ACCEPTED = frozenset({"OK", "0"})
"""Status codes of a booking that stands, as text: OK on management, 0 on classic (S1)."""


@dataclass(frozen=True)
class Offer:
    """What the classic interface says of a class besides what management does."""

    id: str
    name: str
    capacity: int | None
    coach: str | None
    waiting: frozenset[str]
    """Ids of bookings on the waiting list (S1)."""


def member(raw: Raw, context: Context) -> list[records.Record]:
    """A client. There are no badges and no weight, height, FTP or display consent in the interface."""
    return [
        records.Member(
            id=identifier(raw, "id"),
            given_name=text(raw, "firstname"),
            family_name=text(raw, "lastname"),
            email=text(raw, "email") or None,
            phone=text(raw, "phone") or None,
            birth_date=day_of(raw, "birth_date"),
            archived=raw.get("is_archived") is not None and flag(raw, "is_archived"),
        )
    ]


def badge(raw: Raw, context: Context) -> list[records.Record]:
    """The badge number that a studio has entered as a client's `membership_id`; a client has one badge at most."""
    client, number_text = identifier(raw, "id"), optional_id({_BADGE: raw.get(_BADGE) or None}, _BADGE)
    if number_text is None:
        return []
    try:
        normal = records.normal_badge(number_text, context.badge_numbers)
    except ValueError as error:
        raise Unreadable(str(error), "Correct the membership id in the bsport back office.") from None
    return [records.Badge(id=client, member_id=client, number=normal)]


def community_members(raw: Raw, context: Context) -> list[records.Record]:
    """A client's tags."""
    client = identifier(raw, "id")
    tags = raw.get("tag_ids")
    if not isinstance(tags, list):
        raise Unreadable("tag_ids is missing" if tags is None else "tag_ids is no list")
    return [_tagged(client, tag) for tag in dict.fromkeys(identifier({"tag_ids": tag}, "tag_ids") for tag in tags)]


def _tagged(client: str, tag: str) -> records.CommunityMember:
    return records.CommunityMember(id=tagged_id(client, tag), community_id=tag, member_id=client)


def tagged_id(client: str, tag: str) -> str:
    """The id of a member's being in a community: bsport has none, so it is made of both."""
    return f"{client}:{tag}"


def community(raw: Raw, context: Context) -> list[records.Record]:
    """A tag: the nearest thing to a community."""
    return [records.Community(id=identifier(raw, "id"), name=text(raw, "name"))]


def pass_(raw: Raw, context: Context) -> list[records.Record]:
    """A pass that the studio sells."""
    return [records.Pass(id=identifier(raw, "id"), name=text(raw, "name"))]


def member_pass(raw: Raw, context: Context) -> list[records.Record]:
    """A pass that a client holds. Credits decide nothing: one that is used up was used for bookings, and the door has
    to open for the last of them."""
    starts = moment(raw, "starting_date", context.zone)
    state = PassState.PENDING if starts is None else PassState.ACTIVE
    if flag(raw, "is_disabled"):
        state = PassState.REVOKED
    return [
        records.MemberPass(
            id=identifier(raw, "id"),
            member_id=identifier(raw, "client_id"),
            pass_id=identifier(raw, "pass_id"),
            valid_from=_begin(starts, context),
            valid_until=_end(moment(raw, "ending_date", context.zone), context),
            state=state,
        )
    ]


def _begin(found: datetime | date | None, context: Context) -> datetime | None:
    if found is None or isinstance(found, datetime):
        return found
    return _on_calendar(times.day_start, found, context.zone)


def _end(found: datetime | date | None, context: Context) -> datetime | None:
    if found is None or isinstance(found, datetime):
        return found
    return _on_calendar(times.day_end if context.ending_date_included else times.day_start, found, context.zone)


def _on_calendar(convert: Any, day: date, zone: ZoneInfo) -> datetime:
    try:
        converted: datetime = convert(day, zone)
    except ValueError as error:
        raise Unreadable(str(error)) from None
    return converted


def session(raw: Raw, context: Context) -> list[records.Record]:
    """A class. Its name, capacity and instructor's name are on the classic interface only."""
    venue = optional_id(raw, "venue_id")
    zone = context.zone_of(venue)
    starts_at = moment(raw, "starts_at", zone)
    minutes = number(raw, "duration_in_minutes")
    if not isinstance(starts_at, datetime):
        raise Unreadable("starts_at is missing" if starts_at is None else "starts_at has no time of day")
    if minutes is None or not 0 < minutes <= LONGEST_CLASS:
        raise Unreadable("duration_in_minutes is missing or odd, so it is not known when the class ends")
    return [
        records.Session(
            id=identifier(raw, "id"),
            starts_at=starts_at,
            ends_at=_later(starts_at, minutes),
            state=SessionState.CANCELLED if flag(raw, "is_cancelled") else SessionState.SCHEDULED,
            capacity=number(raw, "capacity"),
            instructor_id=optional_id(raw, "teacher_id"),
            location_id=venue,
        )
    ]


def _later(moment: datetime, minutes: int) -> datetime:
    try:
        return moment + timedelta(minutes=minutes)
    except OverflowError:
        raise Unreadable("the class ends after the end of the calendar") from None


def booking(raw: Raw, context: Context) -> list[records.Record]:
    """A booking of a class, whose times are the class's. `spot_id` is known on the classic interface; where management
    sends it too, it is the same."""
    return [
        records.Booking(
            id=identifier(raw, "id"),
            member_id=identifier(raw, "client_id"),
            session_id=identifier(raw, "session_id"),
            spot=optional_id(raw, "spot_id"),
            state=_booking_state(raw, context),
        )
    ]


def _booking_state(raw: Raw, context: Context) -> BookingState:
    if raw.get("canceled_at"):
        return BookingState.CANCELLED
    code = raw.get("booking_status_code")
    # False would pass for 0.
    word = str(code).strip() if isinstance(code, str | int) and not isinstance(code, bool) else repr(code)
    if word not in ACCEPTED:
        context.odd_states.add("none" if code is None else word)
        return BookingState.REQUESTED
    if raw.get("is_no_show") is True:
        return BookingState.NO_SHOW
    return BookingState.CHECKED_IN if raw.get("has_attended") is True else BookingState.CONFIRMED


def starts_at(raw: Raw, context: Context) -> datetime | None:
    """When the class of a booking starts, where it says so in a way that can be read."""
    try:
        return _begin(moment(raw, "session_start_at", context.zone), context)
    except Unreadable:
        return None


def location(raw: Raw, context: Context) -> list[records.Record]:
    """A venue. Its zone is remembered for its classes."""
    venue, name = identifier(raw, "id"), text(raw, "timezone")
    if name:
        try:
            context.venues[venue] = times.zone(name)
        except ValueError as error:
            raise Unreadable(str(error), "Set the venue's time zone in the bsport back office.") from None
    return [records.Location(id=venue, name=text(raw, "name"), timezone=name or None)]


def teacher(raw: Raw, context: Context) -> list[records.Record]:
    """An instructor of the guessed list."""
    name = f"{text(raw, 'firstname')} {text(raw, 'lastname')}".strip()
    return [records.Instructor(id=identifier(raw, "id"), name=name, email=text(raw, "email") or None)]


def coach(raw: Raw) -> records.Instructor:
    """An instructor of the classic interface."""
    user = raw.get("user")
    name = text(user, "name") or text(user, "first_name") if isinstance(user, dict) else ""
    return records.Instructor(id=identifier(raw, "id"), name=name)


def offer(raw: Raw) -> Offer:
    """A class of the classic interface."""
    options = raw.get("booking_options") or []
    if not isinstance(options, list):
        raise Unreadable("booking_options is no list")
    return Offer(
        id=identifier(raw, "id"),
        name=text(raw, "name_override") or text(raw, "activity_name"),
        capacity=number(raw, "effectif"),
        coach=optional_id(raw, "coach_override") or optional_id(raw, "coach"),
        waiting=frozenset(identifier({"booking_options": option}, "booking_options") for option in options),
    )


def spot(raw: Raw) -> tuple[str, str | None]:
    """A booking of the classic interface: its id and its spot."""
    return identifier(raw, "id"), optional_id(raw, "spot_id")
