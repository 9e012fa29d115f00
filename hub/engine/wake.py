"""When a lane runs next: a due time on its row. Waking is an update; nothing is ever queued for later."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import case, func, literal, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store import tables as t

__all__ = ["TOLERANCE", "back_off", "due_lanes", "ended", "jittered", "lag", "spread", "wake"]

TOLERANCE = timedelta(seconds=1)
"""A timer that fires this much early is on time."""

SHORTEST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(minutes=30)


async def wake(db: AsyncConnection, lanes: Sequence[int], *, at: datetime, reason: str, urgent: bool = False) -> None:
    """Bring the next run of these lanes forward to `at`, if it isn't earlier already. A lane that is running now
    notices (its generation changes) and runs again."""
    lane = t.lane.c
    if not lanes:
        return
    sooner = or_(lane.wake_at.is_(None), lane.wake_at > at)
    values: dict[str, Any] = {
        "wake_at": case((sooner, literal(at, t.Utc())), else_=lane.wake_at),
        "reason": case((sooner, reason), else_=lane.reason),
        "generation": lane.generation + 1,
    }
    if urgent:
        values["urgent"] = True
    await db.execute(update(t.lane).where(lane.connection_id.in_(lanes)).values(**values))


async def ended(db: AsyncConnection, connection_id: int, *, generation: int, at: datetime) -> None:
    """A run that began at `generation` is over: next time at `at`, or earlier where the lane was woken meanwhile."""
    lane = t.lane.c
    woken = lane.generation != generation
    await db.execute(
        update(t.lane)
        .where(lane.connection_id == connection_id, or_(~woken, lane.wake_at > at, lane.wake_at.is_(None)))
        .values(wake_at=at, reason="timer")
    )


async def due_lanes(db: AsyncConnection, *, now: datetime, urgent: bool, limit: int) -> list[int]:
    """The lanes that are due and that nobody works on, the longest overdue first."""
    lane = t.lane.c
    query = (
        select(lane.connection_id)
        .where(lane.wake_at <= now, or_(lane.lease_until.is_(None), lane.lease_until < now))
        .order_by(lane.wake_at)
        .limit(limit)
    )
    query = query.where(lane.urgent.is_(True)) if urgent else query
    return list((await db.execute(query)).scalars())


async def spread(db: AsyncConnection, *, now: datetime, over: timedelta) -> None:
    """Give every lane that was never scheduled a first time, spread by a hash so that they never fall due together."""
    lane = t.lane.c
    for connection_id in (await db.execute(select(lane.connection_id).where(lane.wake_at.is_(None)))).scalars().all():
        digest = hashlib.blake2b(str(connection_id).encode(), digest_size=4).digest()
        share = int.from_bytes(digest, "big") / 2**32
        await db.execute(
            update(t.lane).where(lane.connection_id == connection_id).values(wake_at=now + over * share, reason="timer")
        )


def jittered(length: timedelta) -> timedelta:
    """A length of time, a tenth shorter or longer."""
    return length * random.uniform(0.9, 1.1)  # noqa: S311 - spreads load, guards nothing


def back_off(failures: int, after: timedelta | None = None) -> timedelta:
    """How long to leave a vendor alone after so many failures in a row; never shorter than it asked for."""
    pause = min(SHORTEST_PAUSE * 2 ** min(max(failures - 1, 0), 10), LONGEST_PAUSE)
    return max(jittered(pause), after or timedelta(0))


async def lag(db: AsyncConnection, *, now: datetime) -> timedelta:
    """How long the most overdue lane has been waiting."""
    lane = t.lane.c
    query = select(func.min(lane.wake_at)).where(lane.wake_at <= now, lane.lease_owner.is_(None))
    first = (await db.execute(query)).scalar()
    return now - first if first is not None else timedelta(0)
