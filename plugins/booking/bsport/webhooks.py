"""Webhooks: unsigned and without an id of their own, so they are hints and nothing else.

Envelope and events are the vendor's (S3 in `wire`); the fields of the record inside are not published, and are only
looked at for ids.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from hub import FixSettings
from hub.grants import Hint, WebhookRequest
from plugins.booking.bsport.values import Raw, Unreadable, optional_id

__all__ = ["EVENTS", "read"]

EVENTS = (
    "booking-create",
    "booking-update",
    "booking-delete",
    "member-create",
    "member-update",
    "invoice-finalize",
    "invoice-revert",
    "invoice-pay",
    "invoice-dispute",
)
"""What an admin switches on. `invoice-create` and `invoice-update` are deprecated (S3), and understood."""

OWNERS = ("client_id", "member", "consumer", "member_id", "client")
"""Where the member of a booking or an invoice may stand: the names of both interfaces, and guesses."""


def read(request: WebhookRequest, *, badges: bool = False) -> Sequence[Hint]:
    """What to read again. `badges`: members' badges are read.

    The secret address that the delivery came to is all that proves where it is from, so one that has none is refused.
    Raises FixSettings for a request that is not bsport's.
    """
    if not request.secret:
        raise FixSettings("a delivery that did not come to the secret address", fix="Use the whole address.")
    try:
        body = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise _foreign("it is not JSON") from None
    if not isinstance(body, dict):
        raise _foreign("it is no object")
    event, date, data = body.get("event_type"), body.get("date"), body.get("data")
    if not isinstance(event, str) or not event:
        raise _foreign("event_type is missing")
    if not isinstance(date, int | float) or isinstance(date, bool):
        raise _foreign("date is missing")
    if not isinstance(data, dict):
        raise _foreign("data is missing")
    subject = event.partition("-")[0]
    record = data.get(subject)
    if not isinstance(record, dict):
        record = {}
    own = _id(record, "id")
    dedupe = f"{event}:{own}:{date}" if own is not None else None
    return [msgspec.structs.replace(hint, dedupe=dedupe) for hint in _hints(subject, own, record, badges)]


def _hints(subject: str, own: str | None, record: Raw, badges: bool) -> list[Hint]:
    """A booking takes credits and an invoice sells passes. Events of a kind that nobody knows yet hint at nothing: the
    next read finds what changed."""
    ids = (own,) if own is not None else ()
    owner = next((found for name in OWNERS if (found := _id(record, name)) is not None), None)
    members = (owner,) if owner is not None else ()
    if subject == "booking":
        # Naming nothing, it would ask for every booking there ever was.
        return [Hint(kind="booking", ids=ids, members=members)] if ids or members else []
    if subject == "member":
        kinds = ("community_member", "badge") if badges else ("community_member",)
        return [Hint(kind="member", ids=ids), *(Hint(kind=kind, members=ids) for kind in kinds)]
    if subject == "invoice":
        return [Hint(kind="member_pass", members=members)]
    return []


def _id(record: Raw, name: str) -> str | None:
    """An id, or the id of the object that stands there."""
    value: Any = record.get(name)
    try:
        return optional_id(value, "id") if isinstance(value, dict) else optional_id(record, name)
    except Unreadable:
        return None


def _foreign(why: str) -> FixSettings:
    return FixSettings(f"a delivery that is not as bsport sends them: {why}", fix="Check what else has this address.")
