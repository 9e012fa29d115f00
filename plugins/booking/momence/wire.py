"""Momence's shapes and names, and what is assumed about them. Nothing else in this package knows a field's name.

Sources: S1 <https://static.momence.com/schema/api-v2-schema.yaml>, S2 <https://api.docs.momence.com/docs/getting-started>,
S3 <https://api.docs.momence.com/docs/authorization>, S4 <https://api.docs.momence.com/reference/outoging-webhooks>,
S5 <https://api.docs.momence.com/reference/webhooks-reference>.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub import Answer, RetryLater, times
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

BASE_URL = "https://api.momence.com"
PER_SECOND = 2.0
"""Limits are not published; an integrator's connector runs at this pace and honours `Retry-After`."""

TOKEN = "/api/v2/auth/token"  # noqa: S105 - a path
PROFILE = "/api/v2/auth/profile"
MEMBERS = "/api/v2/host/members"
TAGS = "/api/v2/host/tags"
MEMBERSHIPS = "/api/v2/host/memberships"
SESSIONS = "/api/v2/host/sessions"
LOCATIONS = "/api/v2/member/host/locations"
"""Under the members' prefix only; whether a staff user's token is let in there is unknown."""

SMALL_PAGE, LARGE_PAGE = 100, 200
"""The largest pages: 100 for members, bookings and tags, 200 for sessions, memberships and locations (S1)."""

OLDEST_FIRST = {
    MEMBERS: "firstSeenAt",
    TAGS: "name",
    MEMBERSHIPS: "name",
    SESSIONS: "startsAt",
    LOCATIONS: "name",
}
"""What each list is sorted by, so that as little as possible moves between two of its pages: who is new comes last."""

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

Raw = Mapping[str, Any]
Zones = Mapping[str, ZoneInfo]


class Unreadable(ValueError):
    """A record that is not as the vendor's schema has it. `fix` is what a person can do."""

    def __init__(self, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.fix = fix or "Look at it in the Momence dashboard; if it is right there, tell the plugin's author."


# ── addresses ─────────────────────────────────────────────────────────────────────────────────────────────────────


def member_path(member_id: str) -> str:
    """One member."""
    return f"{MEMBERS}/{member_id}"


def passes_path(member_id: str) -> str:
    """The active passes of a member: there is no other list of passes."""
    return f"{MEMBERS}/{member_id}/bought-memberships/active"


def order(path: str) -> dict[str, str]:
    """The query that sorts a list; empty for the passes of a member, which can't be sorted (S1)."""
    by = OLDEST_FIRST.get(path)
    if by is None and path.endswith("/bookings"):
        by = "createdAt"
    elif by is None and path.endswith("/sessions"):
        by = "startsAt"
    return {"sortBy": by, "sortOrder": "ASC"} if by else {}


def member_sessions_path(member_id: str) -> str:
    """A member's bookings, with their sessions."""
    return f"{MEMBERS}/{member_id}/sessions"


def session_path(session_id: str) -> str:
    """One session."""
    return f"{SESSIONS}/{session_id}"


def bookings_path(session_id: str) -> str:
    """The bookings of a session."""
    return f"{SESSIONS}/{session_id}/bookings"


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Token:
    """A token answer. `expires_at` None: it works until it is refused. None of it is ever shown."""

    access: str
    refresh: str | None
    expires_at: datetime | None
    refresh_expires_at: datetime | None

    def __repr__(self) -> str:
        return "Token()"


def token(raw: Any) -> Token:
    """Both spellings of each name are in the answer, and moments in place of OAuth's `expires_in` (S1); either spelling
    alone is enough. Raises RetryLater for anything else."""
    access = _either(raw, "accessToken", "access_token")
    if access is None:
        raise garbage("the token answer holds no token")
    return Token(
        access,
        _either(raw, "refreshToken", "refresh_token"),
        _moment_or_none(raw.get("accessTokenExpiresAt")),
        _moment_or_none(raw.get("refreshTokenExpiresAt")),
    )


def _either(raw: Any, *names: str) -> str | None:
    found = (raw.get(name) for name in names) if isinstance(raw, Mapping) else ()
    return next((value for value in found if isinstance(value, str) and value), None)


def _moment_or_none(value: Any) -> datetime | None:
    try:
        return times.from_text(value) if isinstance(value, str) else None
    except ValueError:
        return None


def page(raw: Any, number: int, size: int) -> tuple[list[Any], int]:
    """The rows of a page and how many there are in all. Raises RetryLater for a page that is not the one that was asked
    for, or that has fewer or more rows than it must have: the envelope says how many there are (S1)."""
    match raw:
        case {"payload": list(rows), "pagination": {"page": int(at), "pageSize": int(of), "totalCount": int(total)}}:
            pass
        case _:
            raise garbage("a list came in a shape that is not Momence's")
    if (at, of) != (number, size) or total < 0:
        raise garbage(f"page {number} of {size} rows was asked for, and page {at} of {of} came")
    due = max(0, min(size, total - number * size))
    if len(rows) != due:
        raise garbage(f"a page came with {len(rows)} rows, and of {total} in all it must have {due}")
    return rows, total


def one(raw: Any) -> Raw:
    """A single item. Raises RetryLater for anything else."""
    if not isinstance(raw, Mapping) or not _is_id(raw.get("id")):
        raise garbage("an item came in a shape that is not Momence's")
    return raw


def profile(raw: Any) -> Raw:
    """Whose token it is. Raises RetryLater for anything else."""
    if not isinstance(raw, Mapping) or "userId" not in raw:
        raise garbage("the profile came in a shape that is not Momence's")
    return raw


def refusal(answer: Answer) -> tuple[str, str]:
    """Type and message of a refusal: `{type: "err-…", message}`. Empty where it isn't one of Momence's."""
    try:
        raw = answer.json()
    except RetryLater:
        return "", ""
    if not isinstance(raw, Mapping):
        return "", ""
    kind, message = raw.get("type"), raw.get("message")
    return kind if isinstance(kind, str) else "", message if isinstance(message, str) else ""


def says_not_found(answer: Answer) -> bool:
    """Whether an answer says that there is no such record. `err-member-not-found` is documented for bookings and
    assumed for the rest (S1); a 404 counts when its body is empty or JSON, as a proxy's page says nothing."""
    if answer.status == 400:
        return refusal(answer)[0].endswith("-not-found")
    return answer.status == 404 and answer.content.lstrip()[:1] in {b"", b"{", b"[", b'"'}


def garbage(what: str) -> RetryLater:
    """An answer that can't be used."""
    fix = "It is asked again later; if it stays so, check base_url."
    return RetryLater(f"Momence: {what}", fix=fix, code="vendor_garbage")


# ── values ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _is_id(value: Any) -> bool:
    return (isinstance(value, int) and not isinstance(value, bool)) or (isinstance(value, str) and bool(value.strip()))


def identifier(raw: Any, name: str = "id") -> str:
    """An id as text. Ids are whole numbers (S1); they are never calculated with."""
    value = raw.get(name) if isinstance(raw, Mapping) else None
    if not _is_id(value):
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


def _needed(raw: Raw, name: str, zone: ZoneInfo) -> datetime:
    found = moment(raw, name, zone)
    if found is None:
        raise Unreadable(f"{name} is missing")
    return found


def _known(raw: Raw, name: str, words: frozenset[str]) -> None:
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


# ── records ───────────────────────────────────────────────────────────────────────────────────────────────────────


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
    _known(raw, "type", MEMBERSHIP_TYPES)
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


def _part(raw: Raw, name: str) -> Raw | None:
    part = raw.get(name)
    if part is not None and not isinstance(part, Mapping):
        raise Unreadable(f"{name} is not an object")
    return part


def session(raw: Raw, zone: ZoneInfo, zones: Zones) -> Session | None:
    """A session; None for a draft, which nobody can book. The detail has no `type` (S1)."""
    key = identifier(raw)
    if flag(raw, "isDraft"):
        return None
    if "type" in raw:
        _known(raw, "type", SESSION_TYPES)
    place = _part(raw, "inPersonLocation")
    place_id = identifier(place) if place is not None else None
    zone = zones.get(place_id or "", zone)
    starts, ends = _needed(raw, "startsAt", zone), _needed(raw, "endsAt", zone)
    if ends <= starts:
        raise Unreadable("the session ends before it starts")
    capacity = raw.get("capacity")
    teacher = _part(raw, "teacher")
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
    member = _part(raw, "member")
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
