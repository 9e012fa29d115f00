"""The canonical model: what a booking system knows, in one vocabulary for all of them.

Every record has an `id` (the source's own, always text) and lives under the connection it was read from. Times are
aware and in UTC, windows are half open. Sources translate into these types at their edge, so nothing behind this
module knows a vendor's field names.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, datetime
from enum import StrEnum
from typing import Any, ClassVar, Literal

import msgspec

__all__ = [
    "KINDS",
    "Badge",
    "Booking",
    "BookingState",
    "Community",
    "CommunityMember",
    "Complete",
    "Instructor",
    "Location",
    "Member",
    "MemberPass",
    "Page",
    "Pass",
    "PassState",
    "Problem",
    "Record",
    "Resource",
    "RoomPlan",
    "Session",
    "SessionState",
    "Spot",
    "Window",
    "normal_badge",
    "normal_email",
]


class PassState(StrEnum):
    """State of a member's pass. Only `active` opens doors, and only inside its window."""

    ACTIVE = "active"
    PENDING = "pending"
    FROZEN = "frozen"
    ENDED = "ended"
    REVOKED = "revoked"


class SessionState(StrEnum):
    """State of a class."""

    SCHEDULED = "scheduled"
    CANCELLED = "cancelled"


class BookingState(StrEnum):
    """State of a booking. A word that a source invents becomes `requested`, never `confirmed`."""

    REQUESTED = "requested"
    CONFIRMED = "confirmed"
    WAITLISTED = "waitlisted"
    CANCELLED = "cancelled"
    CHECKED_IN = "checked_in"
    NO_SHOW = "no_show"


class Record(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Base of all records. `id` is the source's id as text; numbers are never parsed."""

    kind: ClassVar[str] = ""
    id: str

    @property
    def owner(self) -> str | None:
        """The id of the member whose access or seat this record decides; None where it belongs to nobody."""
        return None

    @property
    def key(self) -> str | None:
        """What this record is looked up by besides its id (an e-mail, a badge number, a pass, a session)."""
        return None


class Member(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A person as the booking system knows them. `show_live`: consent to appear on the live display, on by default."""

    kind: ClassVar[str] = "member"
    given_name: str = ""
    family_name: str = ""
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    birth_date: date | None = None
    gender: str | None = None
    weight_kg: float | None = None
    height_cm: float | None = None
    ftp_w: float | None = None
    max_hr: float | None = None
    show_live: bool = True
    archived: bool = False

    @property
    def owner(self) -> str | None:
        return self.id

    @property
    def key(self) -> str | None:
        return normal_email(self.email)

    @property
    def name(self) -> str:
        """Given and family name, or the id where both are blank."""
        return f"{self.given_name} {self.family_name}".strip() or self.id


class Badge(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """An access medium in a member's hand. `number` is normal (see `normal_badge`); `medium` says which number it is:
    `cid` of a smart medium, `uid` of an insecure one, or None where the source doesn't say."""

    kind: ClassVar[str] = "badge"
    member_id: str
    number: str
    medium: Literal["cid", "uid"] | None = None

    @property
    def owner(self) -> str | None:
        return self.member_id

    @property
    def key(self) -> str | None:
        return self.number


class Pass(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A pass that a studio sells (a template, not what somebody bought)."""

    kind: ClassVar[str] = "pass"
    name: str = ""


class MemberPass(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What somebody bought. Opens doors while `state` is active and `valid_from <= now < valid_until`; an absent limit
    is open."""

    kind: ClassVar[str] = "member_pass"
    member_id: str
    pass_id: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    state: PassState = PassState.ACTIVE

    @property
    def owner(self) -> str | None:
        return self.member_id

    @property
    def key(self) -> str | None:
        return self.pass_id


class Community(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A group of members that rules can refer to."""

    kind: ClassVar[str] = "community"
    name: str = ""


class CommunityMember(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Membership of a community, for as long as its window lasts. Only `accepted` counts."""

    kind: ClassVar[str] = "community_member"
    community_id: str
    member_id: str
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    role: str | None = None
    accepted: bool = True

    @property
    def owner(self) -> str | None:
        return self.member_id

    @property
    def key(self) -> str | None:
        return self.community_id


class Location(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A place with its own time zone (IANA name)."""

    kind: ClassVar[str] = "location"
    name: str = ""
    timezone: str | None = None
    parent_id: str | None = None


class Resource(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Something that can be booked: a room, a desk, a piece of equipment."""

    kind: ClassVar[str] = "resource"
    name: str = ""
    location_id: str | None = None
    parent_id: str | None = None
    archived: bool = False


class Instructor(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Who gives a class."""

    kind: ClassVar[str] = "instructor"
    name: str = ""
    email: str | None = None


class RoomPlan(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A room as a plan of spots."""

    kind: ClassVar[str] = "room_plan"
    name: str = ""
    location_id: str | None = None


class Spot(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One place on a room plan. `label` is what riders see; row and column only place it on a drawing."""

    kind: ClassVar[str] = "spot"
    room_plan_id: str
    label: str
    row: int | None = None
    column: int | None = None

    @property
    def key(self) -> str | None:
        return self.room_plan_id


class Session(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One class at one time. `send` None means the room's default for "Send to Spivi"."""

    kind: ClassVar[str] = "session"
    name: str = ""
    starts_at: datetime
    ends_at: datetime
    state: SessionState = SessionState.SCHEDULED
    capacity: int | None = None
    instructor_id: str | None = None
    location_id: str | None = None
    room_plan_id: str | None = None
    send: bool | None = None


class Booking(Record, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A member's booking of a resource or of a session. A booking of a session may leave its times to the session."""

    kind: ClassVar[str] = "booking"
    member_id: str
    resource_id: str | None = None
    session_id: str | None = None
    spot: str | None = None
    starts_at: datetime | None = None
    ends_at: datetime | None = None
    state: BookingState = BookingState.REQUESTED
    number: str | None = None

    @property
    def owner(self) -> str | None:
        return self.member_id

    @property
    def key(self) -> str | None:
        return self.session_id or self.resource_id


KINDS: dict[str, type[Record]] = {
    cls.kind: cls
    for cls in (
        Member,
        Badge,
        Pass,
        MemberPass,
        Community,
        CommunityMember,
        Location,
        Resource,
        Instructor,
        RoomPlan,
        Spot,
        Session,
        Booking,
    )
}
"""Every kind of record by its name."""


class Window(msgspec.Struct, frozen=True):
    """What a read is asked for: records that matter between two moments. None means no limit on that side.

    Only kinds with times (sessions, bookings) are limited; a source that can't limit them returns them all.
    `kinds` None asks for every kind; `members` asks for the records of these members only, `ids` for these records
    only, as (kind, id) (a re-read after a hint). A source that can't narrow that far returns more; one that was asked
    for a record by id and doesn't have it says so with `gone`.
    """

    starts_at: datetime | None = None
    ends_at: datetime | None = None
    kinds: frozenset[str] | None = None
    members: frozenset[str] | None = None
    ids: frozenset[tuple[str, str]] | None = None

    @property
    def limited(self) -> bool:
        """Whether kinds with times are read between two moments only."""
        return self.starts_at is not None or self.ends_at is not None

    @property
    def narrow(self) -> bool:
        """Whether this is a read of chosen records, from which nothing can be concluded about the others."""
        return self.members is not None or self.ids is not None


class Page(msgspec.Struct, frozen=True):
    """Some records of one kind.

    `unchanged` names records that are still there and that the source knows not to have changed since the last read:
    cheaper than sending them again. `gone` names records that the source itself says were deleted.
    """

    kind: str
    records: Sequence[Record] = ()
    unchanged: Sequence[str] = ()
    gone: Sequence[str] = ()


class Problem(msgspec.Struct, frozen=True):
    """A record that could not be read. It is set aside: what the hub knew of it before stays, and it is not missing.

    `where` is the file and line, or the vendor's path; `id` is None where not even that could be read, which keeps its
    whole kind from being complete, and "" where no record is set aside: a note that hinders nothing, such as a key that
    ends soon. `code` is what the inbox calls such a note, where it has a code of its own (`hub.inbox`): `key_ends`,
    which the admin is written to about.
    """

    kind: str
    id: str | None
    where: str
    what: str
    fix: str = ""
    code: str = ""


class Complete(msgspec.Struct, frozen=True):
    """The mark that ends a read: of these kinds every record there is has been sent.

    Nothing is ever gone because a read without this mark missed it. `why_not` says, for the kinds that were read but
    are not complete, what stood in the way. `as_of` is the moment that the source says the data is from.
    """

    kinds: frozenset[str]
    as_of: datetime | None = None
    why_not: dict[str, str] = {}


_SEPARATORS = re.compile(r"[\s:.\-_]+")


def normal_badge(number: str, form: Literal["hex", "decimal"]) -> str:
    """A badge number in the one form that is compared: upper-case hexadecimal without separators or leading zeros.

    Raises ValueError for a number that isn't one in the given form. Whether digits alone are decimal is never guessed:
    the caller says.
    """
    text = number if number.isalnum() else _SEPARATORS.sub("", number)
    base = 10 if form == "decimal" else 16
    try:
        if not (text.isascii() and text.isalnum()):
            raise ValueError
        value = int(text, base)
    except ValueError:
        article = "a decimal" if base == 10 else "a hexadecimal"
        raise ValueError(f"{number!r} is not {article} badge number") from None
    if value == 0:
        raise ValueError(f"{number!r} is zero, which is no badge")
    return format(value, "X")


def normal_email(email: str | None) -> str | None:
    """An e-mail address as it is compared: trimmed, lower case; None where there is none."""
    text = (email or "").strip().lower()
    return text or None


def decoder(kind: str) -> msgspec.json.Decoder[Any]:
    """The JSON decoder for one kind of record."""
    return _DECODERS[kind]


_DECODERS = {kind: msgspec.json.Decoder(cls) for kind, cls in KINDS.items()}
