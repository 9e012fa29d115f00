"""Webhook deliveries: the body is `{"payload": "<JSON text>"}`, signed over that text (S4, S5).

Momence's support has to switch them on, and a person makes them in the dashboard: there is no API to subscribe.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hub import FixSettings
from hub.grants import Hint, WebhookRequest
from plugins.booking.momence import values
from plugins.booking.momence.settings import MomenceSettings

__all__ = ["REQUEST_ID", "SECRET", "SIGNATURE", "hints", "sign"]

SECRET = "x-webhook-secret"  # noqa: S105 - a header's name
SIGNATURE = "x-webhook-signature"
REQUEST_ID = "x-webhook-reqeuest-id"
"""Spelt so by the vendor (S4); the same on every retry."""


def sign(payload: str, key: str) -> str:
    """The signature of a payload: HMAC-SHA256 in lower-case hex."""
    return hmac.new(key.encode(), payload.encode(), hashlib.sha256).hexdigest()


def hints(name: str, settings: MomenceSettings, request: WebhookRequest) -> Sequence[Hint]:
    """What to read again after a delivery. Raises FixSettings for one that is not Momence's.

    Whether the signing key is the value of `x-webhook-secret` is unknown, and one integrator keeps two: with both
    settings, the header must be the one and the key is the other; with `webhook_secret` alone, that is the key.
    """
    text = _authentic(name, settings, request)
    try:
        event = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        event = None
    word = event.get("event") if isinstance(event, dict) else None
    payload = event.get("payload") if isinstance(event, dict) else None
    dedupe = request.headers.get(REQUEST_ID) or None
    # Older texts of the vendor have dots: session.booked.
    word = word.replace(".", "-") if isinstance(word, str) else ""
    return _hints(word, payload if isinstance(payload, Mapping) else {}, dedupe)


def _authentic(name: str, settings: MomenceSettings, request: WebhookRequest) -> str:
    secret, key = settings.webhook_secret, settings.webhook_signing_secret or settings.webhook_secret
    if key is None:
        raise FixSettings(
            f"{name}: a webhook came and can't be checked, as there is no webhook_secret",
            fix="Set webhook_secret to the one that Momence's dashboard showed when the webhook was made.",
        )
    try:
        body = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        body = None
    text = body.get("payload") if isinstance(body, dict) else None
    if not isinstance(text, str):
        raise _stranger(name, "its body is not Momence's")
    wanted = sign(text, key.get_secret_value())
    given = request.headers.get(SIGNATURE, "").strip().lower()
    if not hmac.compare_digest(wanted.encode(), given.encode()):
        raise _stranger(name, "its signature is wrong")
    if settings.webhook_signing_secret is not None and secret is not None:
        shown = request.headers.get(SECRET, "")
        if not hmac.compare_digest(secret.get_secret_value().encode(), shown.encode()):
            raise _stranger(name, f"its {SECRET} is wrong")
    return text


def _stranger(name: str, why: str) -> FixSettings:
    return FixSettings(
        f"{name}: a webhook is not from Momence: {why}",
        fix="If Momence sends it, set webhook_secret (and webhook_signing_secret) anew.",
    )


def _hints(word: str, payload: Mapping[str, Any], dedupe: str | None) -> list[Hint]:
    def key(*names: str) -> tuple[str, ...]:
        found = next((payload[name] for name in names if name in payload), None)
        identifier = values.id_or_none({"id": found})
        return (identifier,) if identifier is not None else ()

    member = key("memberId")
    if word.startswith("session-book"):
        # The person in the room is the target (S5). Whose list a guest's booking is in is unknown, so both are looked
        # at; whose it is, is told by the session.
        people = tuple(dict.fromkeys(key("targetMemberId", "memberId") + key("payingMemberId")))
        return [_hint("booking", key("sessionBookingId") if people else (), people, dedupe)]
    if word in {"session-created", "session-updated"}:
        return [_hint("session", key("sessionId"), (), dedupe)]
    if word in {"member-assigned", "member-updated"}:
        return [_hint("member", member, member, dedupe), _hint("community_member", (), member, dedupe)]
    if word.startswith("bought-membership-"):
        return [_hint("member_pass", key("boughtMembershipId") if member else (), member, dedupe)]
    # Addresses, payments, reports, and what may come: nothing that the hub keeps.
    return []


def _hint(kind: str, ids: tuple[str, ...], members: tuple[str, ...], dedupe: str | None) -> Hint:
    return Hint(kind=kind, ids=ids, members=members, dedupe=dedupe)
