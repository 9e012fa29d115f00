"""When the key ends: bsport's keys last about a year and stop without notice (S1), so the hub warns in good time."""

from __future__ import annotations

import base64
import binascii
from datetime import date, timedelta

import msgspec

from hub import Connection
from hub.records import Problem
from plugins.booking.bsport.settings import settings_of
from plugins.booking.bsport.wire import as_utc

__all__ = ["CODE", "WARN_BEFORE", "ends_soon", "key_ends", "note"]

WARN_BEFORE = timedelta(days=30)
CODE = "key_ends"
FIX = "Ask bsport for a new key in time and put it into api_key; without one nothing is read any more."


def key_ends(connection: Connection) -> date | None:
    """The last day that the key surely works, in the studio's zone: from the settings, else from the key itself where
    it is a signed token that says so. None where neither does."""
    settings = settings_of(connection)
    if settings.key_ends is not None:
        return settings.key_ends
    parts = settings.api_key.get_secret_value().split(".")
    if len(parts) != 3:
        return None
    try:
        claims = msgspec.json.decode(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        ends = claims.get("exp") if isinstance(claims, dict) else None
        if not isinstance(ends, int | float):
            return None
        return as_utc(ends).astimezone(connection.timezone).date()
    except (binascii.Error, msgspec.DecodeError, ValueError, OverflowError, OSError):
        return None


def ends_soon(connection: Connection) -> date | None:
    """The day on which the key ends, where that is within `WARN_BEFORE` or over."""
    ends = key_ends(connection)
    today = connection.clock.now().astimezone(connection.timezone).date()
    return ends if ends is not None and ends - today <= WARN_BEFORE else None


def note(connection: Connection) -> Problem | None:
    """What the inbox says about a key that ends soon. It names the day and not how long that is, so that it stays one
    and the same note."""
    ends = ends_soon(connection)
    return Problem("", "", CODE, f"the API key ends on {ends.isoformat()}", FIX, CODE) if ends is not None else None
