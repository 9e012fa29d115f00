"""Nuki's webhooks: the subscription that the hub makes and watches over, and what a delivery means.

They need Advanced API access. Without it, everything works by looking once a minute at what is under way.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from hub import FixSettings, redact
from hub.grants import Hint, WebhookRequest
from plugins.nuki import wire
from plugins.nuki.client import Nuki

__all__ = ["hints", "subscribe"]


async def subscribe(api: Nuki, address: str, secret: str, signing: str | None) -> str | None:
    """One webhook to this address, whose signatures can be checked; the secret they are made with, where it is new.
    The new one is made before old ones of ours go. Others are left alone."""
    redact.know(address, secret)
    try:
        every = await api.webhooks()
    except FixSettings as error:
        raise FixSettings(
            error.what,
            said=error.said,
            fix="Ask Nuki for Advanced API access, which webhooks need; or leave it so: what is under way is looked at "
            "once a minute.",
        ) from error
    ours = [row for row in every if _is_ours(str(row.get("webhookUrl") or ""), address, secret)]
    good = [row for row in ours if row.get("webhookUrl") == address and _fits(row)]
    shown = next((text for row in good if (text := row.get("secret"))), None)
    known = shown or signing
    if good and known:
        keep = good[0]
    else:
        keep = await api.create_webhook(address)
        known = keep.get("secret")
        if not isinstance(known, str) or not known:
            raise FixSettings(
                f"{api.connection.name}: Nuki gave no secret for its webhooks, so they can't be told from anybody's",
                fix="Nothing: what is under way is looked at once a minute instead.",
            )
    redact.know(str(known))
    api.signing = str(known)
    for row in ours:
        if row.get("id") != keep.get("id"):
            await api.delete_webhook(str(row.get("id")))
    return str(known) if known != signing else None


def _is_ours(url: str, address: str, secret: str) -> bool:
    """Whether a webhook goes to this connection, by an address that it has or had."""
    return url.startswith(address.removesuffix(secret)) or url.endswith(secret)


def _fits(row: Mapping[str, Any]) -> bool:
    features = row.get("webhookFeatures")
    return isinstance(features, Sequence) and wire.FEATURE in features


def hints(api: Nuki, request: WebhookRequest) -> Sequence[Hint]:
    """What a delivery says to look at. Raises FixSettings for one that Nuki did not sign. What it says is never taken
    for so: the list is."""
    sent = request.headers.get(wire.SIGNATURE, "").lower()
    secret = request.signing_secret or api.signing
    if secret is None or not hmac.compare_digest(sent.encode(), wire.signature(request.body, secret).encode()):
        raise FixSettings(
            "the webhook does not carry Nuki's signature, so it is not from Nuki",
            fix="If deliveries keep being refused, remove the hub's webhook in Nuki Web; it is made anew within a day.",
        )
    try:
        body = msgspec.json.decode(request.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    if not isinstance(body, Mapping) or body.get("feature") != wire.FEATURE:
        return []
    about = body.get("smartlockAuth")
    key = about.get("id") if isinstance(about, Mapping) else None
    return [Hint(kind="code", ids=(str(key),) if isinstance(key, str | int) else ())]
