"""bsport's own ways: addresses, queries, lists, and everything that is assumed about it. `shapes` has its records;
nothing else in the plugin knows the vendor's names.

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
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from hub import RetryLater
from plugins.booking.bsport.values import Raw, number

__all__ = [
    "BASE_URL",
    "CLASSIC_URL",
    "PER_SECOND",
    "Context",
    "Listed",
    "as_utc",
    "bookings_between",
    "classes_between",
    "classic_listed",
    "client_path",
    "coach_path",
    "listed",
    "offers_between",
    "single",
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


def as_utc(seconds: float) -> datetime:
    """Unix seconds. Raises ValueError or OverflowError for what is no moment."""
    return datetime.fromtimestamp(seconds, UTC)
