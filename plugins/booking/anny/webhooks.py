"""anny's webhooks: the subscription that the hub makes and watches over, and what a delivery means.

anny retries a delivery up to three times and switches a subscription off after five failures in a row (S6 in `wire`),
which is why the lists are read on a clock all the same.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Any

import msgspec

from hub import Connection, FixSettings, RetryLater, redact
from hub.grants import Hint, WebhookRequest
from plugins.booking.anny import wire
from plugins.booking.anny.client import Anny
from plugins.booking.anny.pages import Reading
from plugins.booking.anny.wire import Raw

__all__ = ["header_value", "hints", "name_of", "ours", "subscribe"]


def header_value(secret: str) -> str:
    """What anny sends along in a header of its own: made from the secret part of the address, and not that itself."""
    return hmac.new(secret.encode(), b"studiohub anny webhook", hashlib.sha256).hexdigest()


def name_of(connection: Connection) -> str:
    """The name of the hub's subscription, by which it is found again."""
    return f"studiohub {connection.instance} {connection.name}"


async def ours(api: Anny) -> list[Raw]:
    """The subscriptions of this connection. Raises RetryLater where the list can't be read to its end."""
    reading = Reading(api, wire.WEBHOOKS)
    name = name_of(api.connection)
    found: list[Raw] = []
    async with aclosing(reading.pages()) as pages:
        async for page in pages:
            found += [row for row in page if isinstance(row, Mapping) and row.get("name") == name and row.get("id")]
    if reading.hindered:
        raise RetryLater(f"{api.connection.name}: the webhooks can't be read whole", said=reading.hindered)
    return found


async def subscribe(api: Anny, address: str, secret: str) -> None:
    """One subscription, switched on, to this address and with this header. A wrong one is replaced, because nothing
    documented changes it. The new one is made before the old ones go, so no event falls between them."""
    value = header_value(secret)
    redact.know(value, address)
    found = await ours(api)
    good = [row for row in found if _fits(row, address, value)]
    if not good:
        attributes = {
            "name": name_of(api.connection),
            "url": address,
            "events": list(wire.EVENTS),
            "custom_headers": {wire.SECRET_HEADER: value},
            "is_active": True,
        }
        await api.create(wire.WEBHOOKS, "webhook-subscriptions", attributes)
    for row in found:
        if row not in good[:1]:
            await api.delete(wire.WEBHOOKS, str(row["id"]))


def _fits(row: Raw, address: str, value: str) -> bool:
    """Whether a subscription is as it should be. Headers may be left out of an answer; then the address speaks for
    them, because it changes when the secret does."""
    events = row.get("events")
    headers = row.get("custom_headers")
    shown = {str(name).lower(): text for name, text in headers.items()} if isinstance(headers, Mapping) else {}
    return (
        row.get("url") == address
        and row.get("is_active") is not False
        and isinstance(events, list)
        and set(wire.EVENTS) <= {str(event) for event in events}
        and shown.get(wire.SECRET_HEADER, value) == value
    )


def hints(request: WebhookRequest, *, badges: bool = False) -> Sequence[Hint]:
    """What a delivery says to read again. Its record names what is meant and is not used for anything else. Cancelling
    comes as `bookings.deleted` or as `bookings.updated`, and either way the booking is read. Raises FixSettings for a
    delivery that isn't anny's. `badges`: customers hold badges, so those are read again as well."""
    sent = request.headers.get(wire.SECRET_HEADER, "")
    wanted = header_value(request.secret)
    if not request.secret or not hmac.compare_digest(sent.encode(), wanted.encode()):
        raise FixSettings(
            "the webhook does not carry the hub's header, so it is not from anny",
            fix="If deliveries keep being refused, remove the hub's webhook in anny; it is made anew within a day.",
        )
    body = _body(request.body)
    event = body.get("event")
    delivery = body.get("event_id")
    if not isinstance(event, str):
        raise FixSettings("the webhook names no event, so it is not from anny")
    kind = wire.EVENT_KINDS.get(event.partition(".")[0])
    if kind is None:
        return []
    key = _id(body.get("data"))
    ids = (key,) if key else ()
    dedupe = delivery if isinstance(delivery, str) and delivery else None
    if kind == "booking":
        return [Hint(kind=kind, ids=ids, dedupe=dedupe)]
    kinds = ("member", "badge") if badges else ("member",)
    return [Hint(kind=kind, ids=ids, members=ids, dedupe=dedupe) for kind in kinds]


def _body(content: bytes) -> Raw:
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    if not isinstance(body, Mapping):
        raise FixSettings("the webhook's body is not a JSON object, so it is not from anny")
    return body


def _id(data: Any) -> str:
    key = data.get("id") if isinstance(data, Mapping) else None
    return str(key) if isinstance(key, str | int) and not isinstance(key, bool) else ""
