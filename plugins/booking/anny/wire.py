"""anny's names and shapes, and all that is assumed about them.

Sources, as in the comments: S1 to S4 are guides at https://developers.anny.co/ (authentication, JSON:API conventions,
webhooks, communities), S5 is the vendor's connector (GitHub anny-co/anny-n8n), S6 is
https://docs.anny.co/en/articles/349740-webhooks. "Assumed" marks what no source of the vendor says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from hub import RetryLater
from hub.records import PassState

__all__ = ["Raw", "garbled", "one", "page_of", "route"]

Raw = Mapping[str, Any]

BASE_URL = "https://b.anny.co"
"""International; https://b.anny.eu is the government cloud, https://b.staging.anny.co the sandbox (S1, S5)."""
API = "/api/v1"
PER_SECOND = 2.0
"""Rate limits are unknown; 429 is honoured whenever it comes."""

FLAT = "application/json"
"""What makes a read answer flat objects with relations inside (S2)."""
JSON_API = "application/vnd.api+json"
"""What writes must be, and what `/user` is read as (S2, S5)."""

ORGANISATION = "o"

# Lists by kind. Communities can be listed by assumption only: making one is documented (S4), and so is the community
# account, but not its path.
CUSTOMERS = "/customers"
RESOURCES = "/resources"
SERVICES = "/services"
BOOKINGS = "/bookings"
SUBSCRIPTIONS = "/plan-subscriptions"
COMMUNITIES = "/communities"
ACCOUNTS = "/community-accounts"
WEBHOOKS = "/webhook-subscriptions"
USER = "/user"
ORGANISATIONS = "/organizations"
ASSUMED = frozenset({COMMUNITIES, ACCOUNTS})
"""Lists that may not exist at all."""

SINGLE = frozenset({CUSTOMERS, RESOURCES, BOOKINGS, SUBSCRIPTIONS, WEBHOOKS})
"""Lists of which one item can be read by its id. There is nothing below an item that the hub ever asks for:
`GET /bookings/{id}/cancel` cancels (S5)."""

RELATIONS: dict[str, dict[str, str]] = {
    RESOURCES: {"include": "parent,children,group,category,location", "filter[exclude_child_resources]": "false"},
    BOOKINGS: {"include": "resource,service,customer,sub_bookings.resource"},
    SUBSCRIPTIONS: {"include": "customer,plan"},
    ACCOUNTS: {"include": "community,customer"},
}
"""What is asked for with each item of a list. That the filter brings children is assumed, so children are taken from
`children` as well. The relations of an account are assumed."""

NEWEST_FIRST = {"sort": "-start_date"}
OLDEST_FIRST = {"sort": "start_date"}
"""Assumed for bookings, and believed only where the answers are in that order."""

ACCEPTED = "accepted"
WAITING = frozenset({"requested", "reserved"})
"""Booking states that were seen (S5). The list is open, and only `accepted` gives access."""

SUBSCRIPTION_STATES: dict[str, PassState] = {
    "active": PassState.ACTIVE,
    "pending": PassState.PENDING,
    "paused": PassState.FROZEN,
    "expired": PassState.ENDED,
    "ended": PassState.ENDED,
}
"""Assumed. `cancelled` is left out on purpose: whether it ends at once or with the term, only the studio can say."""

ROLES = frozenset({"member", "manager", "visitor"})
ACCOUNT_STATES = {"accepted": True, "pending": False}
"""Both are the whole documented list (S4)."""

YES = frozenset({"true", "yes", "ja", "oui", "si", "sì", "1", "on"})
NO = frozenset({"false", "no", "nein", "non", "0", "off", ""})
"""Words of a custom field that asks for consent."""

EVENTS = (
    "bookings.created",
    "bookings.updated",
    "bookings.started",
    "bookings.ended",
    "bookings.checked-in",
    "bookings.checked-out",
    "bookings.deleted",
    "customers.created",
    "customers.updated",
    "customers.deleted",
)
"""What the hub subscribes to (S3, S5). Orders and invoices decide nothing, and there are no events for communities,
plan subscriptions and resources."""
EVENT_KINDS = {"bookings": "booking", "customers": "member"}
SECRET_HEADER = "x-studiohub-key"  # noqa: S105 - a header's name
"""Sent with every delivery because the subscription's `custom_headers` hold it. The vendor's own `Signature` header is
not used: its algorithm is not public."""


def route(path: str, identifier: str | None = None) -> str:
    """The path of a list, or of one item of it."""
    return API + path + (f"/{quote(identifier, safe='')}" if identifier is not None else "")


@dataclass(frozen=True)
class Paged:
    """One page. `number`, `last` and `total` are None where the answer doesn't say; `more` says whether another page
    follows, None where that is unknown too."""

    rows: list[Any]
    number: int | None
    last: int | None
    total: int | None
    more: bool | None


def page_of(body: Any, where: str) -> Paged:
    """A list answer. Page info comes in two shapes, `meta.page{current-page, last-page, total}` with `links.next` (S2)
    or `meta{current_page, last_page}` (S5). Raises RetryLater for something else than a list."""
    rows = body.get("data") if isinstance(body, Mapping) else None
    if not isinstance(rows, list):
        raise garbled(where, "a list")
    meta = _object(body.get("meta"))
    nested = _object(meta.get("page"))
    number = _count(nested, meta, "current-page", "current_page")
    last = _count(nested, meta, "last-page", "last_page")
    total = _count(nested, meta, "total", "total")
    more: bool | None = None
    if last is not None and number is not None:
        more = number < last
    elif isinstance(body.get("links"), Mapping) and "next" in body["links"]:
        more = bool(body["links"]["next"])
    return Paged(rows, number, last, total, more)


def one(body: Any, where: str) -> Raw:
    """One item, bare or in `data`; both are described. Raises RetryLater for something else."""
    found = body.get("data", body) if isinstance(body, Mapping) else None
    if not isinstance(found, Mapping) or "id" not in found:
        raise garbled(where, "an item with an id")
    return found


def garbled(where: str, wanted: str) -> RetryLater:
    """The error for an answer of the wrong shape."""
    return RetryLater(
        f"{where} did not answer {wanted}",
        fix="It is asked again later; if it stays so, check base_url.",
        code="vendor_garbage",
    )


def _object(value: Any) -> Raw:
    return value if isinstance(value, Mapping) else {}


def _count(nested: Raw, flat: Raw, hyphened: str, underscored: str) -> int | None:
    value = nested.get(hyphened, flat.get(underscored))
    return value if isinstance(value, int) and not isinstance(value, bool) else None
