"""studiohub: doors and bikes follow the booking system.

Everything that the author of a plugin imports is here; see `hub.hookspecs` for the contract and `hub.testing` for the
simulator base and the test kit.
"""

from __future__ import annotations

from hub import errors, grants, records, times
from hub.connection import Connection
from hub.errors import (
    Conflict,
    FixRecord,
    FixSettings,
    NotFound,
    Refused,
    RetryLater,
    Unconfirmed,
    VendorError,
)
from hub.hookspecs import hookimpl
from hub.http import Answer, Client
from hub.plugins import Ability, Plugin
from hub.settings import ConnectionSettings

__all__ = [
    "Ability",
    "Answer",
    "Client",
    "Conflict",
    "Connection",
    "ConnectionSettings",
    "FixRecord",
    "FixSettings",
    "NotFound",
    "Plugin",
    "Refused",
    "RetryLater",
    "Unconfirmed",
    "VendorError",
    "errors",
    "grants",
    "hookimpl",
    "records",
    "times",
]
