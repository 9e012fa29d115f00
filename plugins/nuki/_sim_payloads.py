"""The bodies that the simulated Nuki takes for authorizations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from plugins.nuki._sim_base import moment_text
from plugins.nuki._sim_world import Row

__all__ = ["Create", "CreateAdvanced", "CreateMany", "MultiUpdate", "Update", "fields_of"]

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=32)]
Date = Annotated[datetime, msgspec.Meta(tz=True)] | None
Days = Annotated[int, msgspec.Meta(ge=0, le=127)] | None
Minutes = Annotated[int, msgspec.Meta(ge=0, le=1440)] | None


class Update(msgspec.Struct, kw_only=True):
    """The fields of a change; what is left out of the window is no limit any more."""

    name: Name
    allowedFromDate: Date = None  # noqa: N815 - the vendor's names
    allowedUntilDate: Date = None  # noqa: N815
    allowedWeekDays: Days = None  # noqa: N815
    allowedFromTime: Minutes = None  # noqa: N815
    allowedUntilTime: Minutes = None  # noqa: N815
    accountUserId: int | None = None  # noqa: N815
    enabled: bool = True
    remoteAllowed: bool = False  # noqa: N815
    code: int | None = None


class MultiUpdate(Update, kw_only=True):
    """One of several changes."""

    id: str


class Create(Update, kw_only=True):
    """The fields of a new authorization."""

    type: int = 0
    smartActionsEnabled: bool = False  # noqa: N815


class CreateMany(Create, kw_only=True):
    """One on several locks."""

    smartlockIds: list[int]  # noqa: N815


class CreateAdvanced(Create, kw_only=True):
    """One on several locks for a user; no keypad codes."""

    smartlockIds: list[int]  # noqa: N815


def fields_of(given: Update) -> Row:
    """A whole row of what is given: what is left out of the window is no limit."""
    return {
        "name": given.name,
        "enabled": given.enabled,
        "remoteAllowed": given.remoteAllowed,
        "accountUserId": given.accountUserId,
        "code": given.code,
        "allowedFromDate": moment_text(given.allowedFromDate) if given.allowedFromDate is not None else None,
        "allowedUntilDate": moment_text(given.allowedUntilDate) if given.allowedUntilDate is not None else None,
        "allowedWeekDays": given.allowedWeekDays,
        "allowedFromTime": given.allowedFromTime,
        "allowedUntilTime": given.allowedUntilTime,
    }
