"""The links by which members reach their own page, without a password.

A link is a sealed text that only this installation can write or read: what it is for, whose page it opens, when it was
made and when it ends. Who has the link has the page, so it goes only to the member's own mail address, and its secret
is never logged.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import msgspec

from hub import redact
from hub.errors import UserError
from hub.vault import Vault

__all__ = ["LASTS", "MemberLink", "form_secret", "make_link", "read_token"]

LASTS = timedelta(days=30)
"""How long a link is good where nothing else is said."""

LONGEST = 2000
"""Longer texts are no token of ours and are not even tried."""

_PURPOSE = "member page"


class _Sealed(msgspec.Struct, frozen=True):
    purpose: str
    studio: int
    source: int
    member: str
    made: float
    ends: float


@dataclass(frozen=True)
class MemberLink:
    """Whose page a token opens."""

    studio_id: int
    source_id: int
    member: str
    made_at: datetime


def make_link(
    vault: Vault,
    public_url: str,
    studio_id: int,
    source_id: int,
    member: str,
    now: datetime,
    *,
    lasts: timedelta = LASTS,
) -> str:
    """The address of a member's page, good for so long. `public_url` is where the daemon is reached from outside."""
    made = now.timestamp()
    sealed = _Sealed(_PURPOSE, studio_id, source_id, member, made, made + lasts.total_seconds())
    # Programs that make links of addresses like to leave a "=" at the end out.
    token = vault.seal(msgspec.json.encode(sealed).decode()).decode().rstrip("=")
    redact.know(token)
    return f"{public_url.rstrip('/')}/me/{token}/"


def read_token(vault: Vault, token: str, *, now: datetime) -> MemberLink | None:
    """Whose page a token opens; None for one that is forged, was made for something else, or has ended."""
    if len(token) > LONGEST or not token.isascii():
        return None
    try:
        text = vault.open_private((token + "=" * (-len(token) % 4)).encode())
        sealed = msgspec.json.decode(text, type=_Sealed)
    except (UserError, msgspec.DecodeError):
        return None
    # Only what is ours: whatever strangers guess would be kept for ever.
    redact.know(token)
    if sealed.purpose != _PURPOSE or now.timestamp() >= sealed.ends:
        return None
    return MemberLink(sealed.studio, sealed.source, sealed.member, datetime.fromtimestamp(sealed.made, UTC))


def form_secret(token: str) -> str:
    """What a form on the page of this token carries: only who has the page can know it."""
    return hashlib.sha256(f"studiohub form of {token}".encode()).hexdigest()
