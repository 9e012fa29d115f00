"""The connections as people see them: which vendor, what it is for, and whether it answers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import select

from hub import redact
from hub.core import Hub
from hub.store import tables as t
from hub.studio.registry import ConnectionRow

__all__ = ["VendorView", "list_vendors"]


@dataclass(frozen=True)
class VendorView:
    """A connection. `state`: ok, failed (with the vendor's words in `error`), planned where it was never reached, or
    unknown where its plugin is not there. `at` is when it last answered."""

    row: ConnectionRow
    title: str
    kind: str
    state: Literal["ok", "failed", "planned", "unknown"]
    at: datetime | None
    error: str


async def list_vendors(hub: Hub) -> list[VendorView]:
    """Every connection, booking systems first."""
    c = t.lane.c
    query = select(c.connection_id, c.succeeded_at, c.down_since, c.error).where(c.studio_id == hub.the_studio.id)
    async with hub.database.read() as db:
        lanes = {row.connection_id: row for row in await db.execute(query)}
    found = []
    for row in await hub.connections():
        plugin, lane = hub.plugins.loaded.get(row.plugin), lanes.get(row.id)
        at = lane.succeeded_at if lane is not None else None
        down = lane is not None and lane.down_since is not None
        state: Literal["ok", "failed", "planned", "unknown"]
        state = "unknown" if plugin is None else "failed" if down else "planned" if at is None else "ok"
        error = redact.mask(lane.error or "") if lane is not None and down else ""
        kind = plugin.kind if plugin is not None else "booking" if row.options is None else "lock"
        found.append(VendorView(row, plugin.title if plugin is not None else row.plugin, kind, state, at, error))
    order = ("booking", "lock", "tracker")
    return sorted(found, key=lambda view: (order.index(view.kind), view.row.id))
