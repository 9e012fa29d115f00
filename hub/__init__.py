"""studiohub: doors and bikes follow the booking system.

Everything that the author of a plugin imports is here; see `hub.hookspecs` for the contract and `hub.testing` for the
simulator base and the test kit. Names are loaded when they are first asked for, so that the command `studiohub` is in
charge of what happens while it loads.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from hub import errors, grants, records, times
    from hub.connection import Connection
    from hub.errors import (
        Conflict,
        FixRecord,
        FixSettings,
        NotFound,
        NotYet,
        Refused,
        RetryLater,
        Unconfirmed,
        VendorError,
    )
    from hub.hookspecs import hookimpl
    from hub.http import Answer, Client
    from hub.plugins import Ability, Plugin, Poll
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
    "NotYet",
    "Plugin",
    "Poll",
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

_MODULES = {
    "Ability": "plugins",
    "Answer": "http",
    "Client": "http",
    "Connection": "connection",
    "ConnectionSettings": "settings",
    "Plugin": "plugins",
    "Poll": "plugins",
    "hookimpl": "hookspecs",
}
"""Where a name is that is not an error."""


def __getattr__(name: str) -> Any:
    """Load what is asked for the first time."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    if name in {"errors", "grants", "records", "times"}:
        return import_module(f"hub.{name}")
    value = globals()[name] = getattr(import_module(f"hub.{_MODULES.get(name, 'errors')}"), name)
    return value
