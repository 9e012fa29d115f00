"""Momence's rows as records, and what is assumed about them. The sources are those of `wire`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import ZoneInfo

from hub import times
from hub.records import (
    Booking,
    BookingState,
    Community,
    CommunityMember,
    Instructor,
    Location,
    MemberPass,
    Pass,
    PassState,
    Session,
    SessionState,
)
from plugins.booking.momence.values import Raw, Unreadable, flag, identifier, known, moment, needed, part, text

MEMBERSHIP_TYPES = frozenset({"subscription", "on-demand-subscription", "package-events", "package-money", "patron"})
SESSION_TYPES = frozenset(
    {
        "private",
        "special-event",
        "special-event-new",
        "retreat",
        "fitness",
        "course",
        "course-class",
        "semester",
        "recital",
    }
)

Zones = Mapping[str, ZoneInfo]


def template(raw: Raw) -> Pass:
    """A membership on sale. One of a type that is new is a name all the same: it opens nothing by itself."""
    return Pass(id=identifier(raw), name=text(raw, "name"))


def bought(raw: Raw, member_id: str, zone: ZoneInfo) -> MemberPass:
    """What a member bought, from the list of active ones; it lasts until the moment `endDate` (S1).

    Assumed: one that is activated on first use and has no start yet is pending; a freeze that is scheduled and not
    over ends the window when it begins. Credits are not looked at: the last one is used up by the booking that the
    member comes for.
    """
    key = identifier(raw)
    known(raw, "type", MEMBERSHIP_TYPES)
    membership = raw.get("membership")
    if not isinstance(membership, Mapping):
        fix = "Look at this pass in the Momence dashboard; no rule can name it."
        raise Unreadable(f"the pass names no membership (member {member_id})", fix)
    starts, ends = moment(raw, "startDate", zone), moment(raw, "endDate", zone, ends=True)
    state = PassState.ACTIVE
    if flag(raw, "isFrozen"):
        state = PassState.FROZEN
    elif starts is None and membership.get("isActivatedOnFirstUse") is True:
        state = PassState.PENDING
    freeze = raw.get("freeze")
    if isinstance(freeze, Mapping) and freeze.get("unfrozenAt") is None:
        begins = moment(freeze, "scheduledFreezeAt", zone)
        if begins is not None:
            ends = min(ends, begins) if ends is not None else begins
    return MemberPass(
        id=key,
        member_id=member_id,
        pass_id=identifier(membership),
        valid_from=starts,
        valid_until=ends,
        state=state,
    )


def tag(raw: Raw) -> Community:
    """A customer tag. Its "badge" is a coloured label and opens nothing (S1)."""
    return Community(id=identifier(raw), name=text(raw, "name"))


def tagged_id(tag_id: str, member_id: str) -> str:
    """The id of a membership of a community, which Momence gives none."""
    return f"{tag_id}:{member_id}"


def tags_of(raw: Raw, member_id: str) -> list[CommunityMember]:
    """The tags of a member; without role and dates. Raises Unreadable where any of it can't be read."""
    rows = raw.get("customerTags")
    if not isinstance(rows, list):
        raise Unreadable(f"customerTags of member {member_id} is not a list")
    ids = dict.fromkeys(identifier(row) for row in rows)
    return [CommunityMember(id=tagged_id(key, member_id), community_id=key, member_id=member_id) for key in ids]


def location(raw: Raw) -> Location:
    """A location. Raises Unreadable for a zone that doesn't exist."""
    name = text(raw, "timeZone") or None
    if name is not None:
        try:
            times.zone(name)
        except ValueError as error:
            raise Unreadable(str(error), "Set the time zone of this location in the Momence dashboard.") from None
    parent = identifier(raw, "parentLocationId") if raw.get("parentLocationId") is not None else None
    return Location(id=identifier(raw), name=text(raw, "name"), timezone=name, parent_id=parent)


def session(raw: Raw, zone: ZoneInfo, zones: Zones) -> Session | None:
    """A session; None for a draft, which nobody can book. The detail has no `type` (S1)."""
    key = identifier(raw)
    if flag(raw, "isDraft"):
        return None
    if "type" in raw:
        known(raw, "type", SESSION_TYPES)
    place = part(raw, "inPersonLocation")
    place_id = identifier(place) if place is not None else None
    zone = zones.get(place_id or "", zone)
    starts, ends = needed(raw, "startsAt", zone), needed(raw, "endsAt", zone)
    if ends <= starts:
        raise Unreadable("the session ends before it starts")
    capacity = raw.get("capacity")
    teacher = part(raw, "teacher")
    return Session(
        id=key,
        name=text(raw, "name"),
        starts_at=starts,
        ends_at=ends,
        state=SessionState.CANCELLED if flag(raw, "isCancelled") else SessionState.SCHEDULED,
        capacity=capacity if isinstance(capacity, int) and not isinstance(capacity, bool) else None,
        instructor_id=identifier(teacher) if teacher is not None else None,
        location_id=place_id,
    )


def instructor(raw: Raw) -> Instructor:
    """A teacher. Only a session's detail has the e-mail address (S1)."""
    key = identifier(raw)
    name = f"{text(raw, 'firstName')} {text(raw, 'lastName')}".strip()
    return Instructor(id=key, name=name, email=text(raw, "email") or None)


def booking(raw: Raw, session_id: str, zone: ZoneInfo) -> Booking:
    """A booking of a session; its times are the session's. `member` is taken for the person in the room. Waiting lists
    are only ever counted, in the session (S1): that no entry of one is listed here is assumed."""
    member = part(raw, "member")
    if member is None:
        raise Unreadable("the booking names no member")
    state = BookingState.CONFIRMED
    if moment(raw, "cancelledAt", zone) is not None:
        state = BookingState.CANCELLED
    elif flag(raw, "checkedIn"):
        state = BookingState.CHECKED_IN
    return Booking(
        id=identifier(raw),
        member_id=identifier(member),
        session_id=session_id,
        spot=identifier(raw, "roomSpotId") if raw.get("roomSpotId") is not None else None,
        state=state,
    )


def zones_of(locations: Iterable[Location]) -> dict[str, ZoneInfo]:
    """The zone of each location that has one."""
    return {place.id: times.zone(place.timezone) for place in locations if place.timezone}


def labels_of(raw: Any) -> list[str]:
    """The labels of a member's customer fields."""
    rows = raw.get("customerFields") if isinstance(raw, Mapping) else None
    labels = (row.get("label") for row in rows or () if isinstance(row, Mapping))
    return [label for label in labels if isinstance(label, str)]
