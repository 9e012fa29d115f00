"""bsport's own shapes: addresses, field names, words. Nothing else in the plugin knows them.

Facts are from `tests/vendors/bsport.openapi.yaml`. bsport's reference (https://api-docs.dev.bsport.io/) is for partners
and was not read: nearly all of it is inferred from public integrators, chiefly GitHub sebastianbrosche/heatlagos (S1)
and angristan/bsport-charts (S2); webhooks are from the help centre
(https://intercom.help/bsport-helpcenter/en/articles/13859277-how-to-set-up-and-use-invoice-webhooks, S3). What is
unknown is decided here and nowhere else:

* the rate limit: one request a second, as one integrator keeps to (S1), and `Retry-After` is honoured;
* the largest page: 100 has been seen; half of it where that is refused;
* whether a pass is valid on its `ending_date`: a setting, on by default. A date-time is the moment that it says;
* a pass without `starting_date`: taken as not begun, because it may wait for a first visit, and opens nothing;
* whether the days of a period belong to it: a day more is asked for on either side, in the studio's zone;
* status words of bookings: OK (management) and 0 (classic) are valid (S1). Any other is `requested`, which opens
  nothing, and is told;
* what a `membership_id` is: a studio may enter badge numbers there, and a setting says whether this one does;
* `venues/` and `teachers/`: guesses from field names, tried only where a setting says so.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from hub import RetryLater, records, times
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

__all__ = [
    "BASE_URL",
    "CLASSIC_URL",
    "PER_SECOND",
    "Context",
    "Listed",
    "Offer",
    "badge",
    "booking",
    "classic_listed",
    "coach",
    "community",
    "community_members",
    "listed",
    "location",
    "member",
    "member_pass",
    "offer",
    "pass_",
    "session",
    "spot",
    "teacher",
]

BASE_URL = "https://public.production.bsport.io"
CLASSIC_URL = "https://api.production.bsport.io"
PER_SECOND = 1.0

# Every address ends in a slash: without it bsport redirects, and a redirected POST turns into a GET (S1).
_MANAGEMENT = "/api/v1/management"
CLIENTS = f"{_MANAGEMENT}/clients/"
TAGS = f"{_MANAGEMENT}/tags/"
PASSES = f"{_MANAGEMENT}/passes/"
CLIENT_PASSES = f"{_MANAGEMENT}/client-passes/"
CLASSES = f"{_MANAGEMENT}/classes/"
BOOKINGS = f"{_MANAGEMENT}/bookings/"
TEACHERS = f"{_MANAGEMENT}/teachers/"
VENUES = f"{_MANAGEMENT}/venues/"
CLASSIC_OFFERS = "/api/v1/offer/"
CLASSIC_BOOKINGS = "/api/v1/booking/"
CLASSIC_COACHES = "/api/v1/coach/"

_BADGE = "membership_id"

LONGEST_CLASS = 7 * 24 * 60
"""Minutes beyond which a length is taken for a mistake."""

ACCEPTED = frozenset({"OK", "0"})
"""Status codes of a booking that stands, as text: OK on management, 0 on classic (S1)."""


@dataclass
class Context:
    """What records are read against: the studio's zone, the zones of venues where they are known, and whether an
    ending date is included."""

    zone: ZoneInfo
    ending_date_included: bool = True
    badge_numbers: Literal["hex", "decimal"] = "hex"
    venues: dict[str, ZoneInfo] = field(default_factory=dict)
    odd_states: set[str] = field(default_factory=set)
    """Status codes of bookings that were met and are not known."""

    def zone_of(self, venue: str | None) -> ZoneInfo:
        """The zone of a venue, else the studio's."""
        return self.venues.get(venue or "", self.zone)


@dataclass(frozen=True)
class Listed:
    """A page of a list: its items, how many there are in all (None where the answer doesn't say), whether more
    follow."""

    items: list[Any]
    count: int | None
    more: bool


@dataclass(frozen=True)
class Offer:
    """What the classic interface says of a class besides what management does."""

    id: str
    name: str
    capacity: int | None
    coach: str | None
    waiting: frozenset[str]
    """Ids of bookings on the waiting list (S1)."""


def client_path(client_id: str) -> str:
    """The address of one member."""
    return f"{CLIENTS}{quote(client_id, safe='')}/"


def coach_path(coach_id: str) -> str:
    """The address of one instructor."""
    return f"{CLASSIC_COACHES}{quote(coach_id, safe='')}/"


def classes_between(starts_at: datetime | None, ends_at: datetime | None, zone: ZoneInfo) -> dict[str, str]:
    """The query for classes of a period, a day wider than asked."""
    return _days("period_start", starts_at, "period_end", ends_at, zone)


def bookings_between(starts_at: datetime | None, ends_at: datetime | None, zone: ZoneInfo) -> dict[str, str]:
    """The query for bookings by the date of their class, a day wider than asked."""
    return _days("session_started_after_date", starts_at, "session_started_before_date", ends_at, zone)


def offers_between(starts_at: datetime | None, ends_at: datetime | None, zone: ZoneInfo) -> dict[str, str]:
    """The query for classes of the classic interface, a day wider than asked."""
    return _days("min_date", starts_at, "max_date", ends_at, zone)


def _days(
    first: str, starts_at: datetime | None, last: str, ends_at: datetime | None, zone: ZoneInfo
) -> dict[str, str]:
    query = {}
    for name, at, step in ((first, starts_at, -1), (last, ends_at, 1)):
        if at is not None:
            query[name] = (at.astimezone(zone).date() + timedelta(days=step)).isoformat()
    return query


# ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def listed(raw: Any) -> Listed:
    """A page of the management interface: `{count, next, previous, results}`."""
    if not isinstance(raw, dict) or not isinstance(raw.get("results"), list) or number(raw, "count") is None:
        raise _odd("a list")
    return Listed(raw["results"], number(raw, "count"), bool(raw.get("next")))


def classic_listed(raw: Any) -> Listed:
    """A page of the classic interface: `{links: {next, previous}, next_page, count, results}`."""
    if not isinstance(raw, dict) or not isinstance(raw.get("results"), list):
        raise _odd("a list")
    links = raw.get("links")
    following = links.get("next") if isinstance(links, dict) else None
    return Listed(raw["results"], number(raw, "count"), bool(raw.get("next_page") or following))


def single(raw: Any) -> Raw:
    """One record."""
    if not isinstance(raw, dict) or "id" not in raw:
        raise _odd("a record")
    return raw


def _odd(expected: str) -> RetryLater:
    return RetryLater(
        f"bsport sent something else where {expected} was expected",
        fix="It is asked again later; if it stays so, check base_url.",
        code="vendor_garbage",
    )


# ── records ───────────────────────────────────────────────────────────────────────────────────────────────────────


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


def as_utc(seconds: float) -> datetime:
    """Unix seconds. Raises ValueError or OverflowError for what is no moment."""
    return datetime.fromtimestamp(seconds, UTC)
