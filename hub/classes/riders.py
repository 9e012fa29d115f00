"""Who rode in a class, for whoever asks the tracker about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub import records as r
from hub.classes.facts import SourceReader
from hub.classes.wishes import WITHHELD
from hub.store import tables as t

__all__ = ["riders_of"]


async def riders_of(db: AsyncConnection, event: Any, source: str) -> Sequence[g.Rider]:
    """The riders of a row of the table `event` as a plugin takes them; `source` is the name of its source. Whoever was
    seated by the hub, and whoever has no seat only because they don't want to be shown live: they may have ridden."""
    s, link = t.seat.c, t.link.c
    query = (
        select(s.member, link.vendor_id)
        .join(
            t.link,
            (link.target_id == event.target_id) & (link.source_id == event.source_id) & (link.member == s.member),
        )
        .where(s.event_id == event.id, s.state != "removed", link.vendor_id.is_not(None))
        .where(s.applied.is_not(None) | (s.reason_code == WITHHELD))
        .order_by(s.id)
    )
    rows = list(await db.execute(query))
    reader = SourceReader(event.source_id, source, event.timezone)
    members: dict[str, r.Member] = await reader.members(db, [row.member for row in rows])
    return [
        g.Rider(
            member=f"{source}:{row.member}",
            vendor_id=row.vendor_id,
            email=members[row.member].email if row.member in members else None,
        )
        for row in rows
    ]
