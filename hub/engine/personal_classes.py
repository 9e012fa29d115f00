"""What is kept about a member's classes at trackers: shown to them, and erased."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.core import Hub
from hub.look.members import Found
from hub.store import tables as t

__all__ = ["class_data", "erase_classes"]


async def class_data(db: AsyncConnection, hub: Hub, found: Found) -> dict[str, Any]:
    """Seats, results and what the member said on their own page."""
    q, e, s, w = t.result.c, t.event.c, t.seat.c, t.own_word.c
    about = (e.name, e.session_id, e.starts_at, e.ends_at)
    results = (
        select(*about, q.seat, q.sealed_metrics, q.implausible, q.dropped, q.arrived_at)
        .join(t.event, e.id == q.event_id)
        .where(q.studio_id == hub.the_studio.id, q.source_id == found.source_id, q.member == found.member_id)
        .order_by(e.starts_at)
    )
    seats = (
        select(*about, s.spot, s.state, s.created_at, s.removed_at)
        .join(t.event, e.id == s.event_id)
        .where(e.source_id == found.source_id, s.member == found.member_id)
        .order_by(e.starts_at)
    )
    own = select(w.show_live, w.sealed_profile, w.changed_at).where(
        w.source_id == found.source_id, w.member == found.member_id
    )
    said = (await db.execute(own)).one_or_none()
    return {
        "seats": [_plain(row) for row in await db.execute(seats)],
        "results": [
            {
                **_plain(row, leave=("sealed_metrics", "implausible")),
                "metrics": json.loads(hub.vault.open(row.sealed_metrics)),
                "implausible": json.loads(row.implausible),
            }
            for row in await db.execute(results)
        ],
        "own_word": said
        and {
            **_plain(said, leave=("sealed_profile",)),
            "profile": json.loads(hub.vault.open(said.sealed_profile)) if said.sealed_profile else {},
        },
    }


async def erase_classes(db: AsyncConnection, found: Found) -> dict[str, int]:
    """Delete all of it; how many rows there were, by table."""
    q, e, s, w = t.result.c, t.event.c, t.seat.c, t.own_word.c
    events = select(e.id).where(e.source_id == found.source_id)
    counts = {}
    for table, condition in (
        (t.result, (q.source_id == found.source_id, q.member == found.member_id)),
        (t.seat, (s.event_id.in_(events), s.member == found.member_id)),
        (t.own_word, (w.source_id == found.source_id, w.member == found.member_id)),
    ):
        counts[table.name] = (await db.execute(delete(table).where(*condition))).rowcount
    return {name: count for name, count in counts.items() if count}


def _plain(row: Any, *, leave: tuple[str, ...] = ()) -> dict[str, Any]:
    values = {name: value for name, value in row._mapping.items() if name not in leave}
    return {name: times.to_text(value) if hasattr(value, "tzinfo") else value for name, value in values.items()}
