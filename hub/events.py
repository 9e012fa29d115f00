"""What observers are told."""

from __future__ import annotations

from datetime import datetime

import msgspec

__all__ = ["AccessChanged", "MetricsArrived", "RunFinished"]


class AccessChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A grant reached a new state: `created`, `changed`, `removed` or `failed`. Never carries a code or a link."""

    at: datetime
    target: str
    member: str
    grant_id: str
    what: str
    opens: str
    reason: str


class RunFinished(msgspec.Struct, frozen=True, kw_only=True):
    """A run ended. `counts` are the changes made, by action."""

    at: datetime
    run_id: str
    connection: str
    state: str
    counts: dict[str, int]


class MetricsArrived(msgspec.Struct, frozen=True, kw_only=True):
    """Results of a class were stored."""

    at: datetime
    target: str
    session: str
    members: tuple[str, ...]
