"""When a tracker is looked at next."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.classes.events import COMPARE_AHEAD, compare_at
from hub.store import tables as t

__all__ = ["next_moment"]

RETRY = timedelta(seconds=30)
"""What is open without a time of its own was left behind by a pass that broke off."""


async def next_moment(db: AsyncConnection, target_id: int, now: datetime) -> datetime | None:
    """The next moment at which the clock alone makes something to do at a tracker: a retry, a comparison, results."""
    e, s = t.event.c, t.seat.c
    coming = (e.target_id == target_id, e.state != "removed", e.ends_at > now)
    again = literal(now + RETRY, t.Utc())
    events = select(func.min(func.coalesce(e.next_try_at, again))).where(*coming, e.settled.is_(False))
    seats = (
        select(func.min(func.coalesce(s.next_try_at, again)))
        .join(t.event, s.event_id == e.id)
        .where(*coming, s.settled.is_(False), s.state != "removed", e.settled.is_(True))
    )
    results = select(func.min(e.results_due_at)).where(e.target_id == target_id, e.results_due_at.is_not(None))
    later = select(func.min(e.starts_at)).where(*coming, e.starts_at > now + COMPARE_AHEAD)
    soon = select(e.starts_at, e.compared_at).where(
        *coming, e.state == "active", e.starts_at > now, e.starts_at <= now + COMPARE_AHEAD
    )
    moments: list[datetime | None] = [(await db.execute(query)).scalar() for query in (events, seats, results)]
    first = (await db.execute(later)).scalar()
    if first is not None:
        moments.append(first - COMPARE_AHEAD)
    moments += [compare_at(row.starts_at, row.compared_at) for row in await db.execute(soon)]
    return min((moment for moment in moments if moment is not None), default=None)
