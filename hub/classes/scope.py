"""Everything that a pass over one tracker needs to know, read once at its start."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from hub import grants as g
from hub.plugins import Plugins
from hub.settings import TargetOptions
from hub.store import Database
from hub.studio.registry import Studio
from hub.vault import Vault

if TYPE_CHECKING:
    from hub.connection import Connection
    from hub.engine.lanes import Lease

__all__ = ["TrackerScope", "tracker_session"]


@dataclass
class TrackerScope:
    """One tracker of a studio, with its open connection. `sources` are the names of the studio's sources by id.
    `public_url` is where members reach their own page, for `link_days` by a link in a mail."""

    database: Database
    plugins: Plugins
    vault: Vault
    studio: Studio
    target_id: int
    connection: Connection
    options: TargetOptions
    sources: Mapping[int, str]
    zone: ZoneInfo
    lease: Lease
    run_id: str
    public_url: str | None = None
    link_days: int = 30
    fetched: dict[str, int] = field(default_factory=dict)
    """What came of fetching results in this pass: classes, results, summaries."""

    def count(self, what: str, more: int = 1) -> None:
        """So many more of that were fetched."""
        self.fetched[what] = self.fetched.get(what, 0) + more

    @property
    def name(self) -> str:
        """The tracker's name."""
        return self.connection.name


def tracker_session(scope: TrackerScope, event: Any, *, look_first: bool = False) -> g.TrackerSession:
    """A row of the table `event` as the plugin takes it: as it was last asked for. `wanted` holds the fields of the
    session that have no column of their own (instructor_email, capacity)."""
    wanted = json.loads(event.wanted or event.applied or "{}")
    source = scope.sources.get(event.source_id, "?")
    asked_at = event.asked_at or event.changed_at
    return g.TrackerSession(
        id=f"{source}:{event.session_id}",
        name=event.name,
        box=event.box,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        timezone=event.timezone,
        marker=scope.connection.marker(f"{source}:{event.session_id}"),
        vendor_id=event.vendor_id,
        look_first=look_first,
        sure_after=asked_at + timedelta(seconds=scope.connection.plugin.settle) if look_first else None,
        instructor_email=wanted.get("instructor_email"),
        capacity=wanted.get("capacity"),
    )
