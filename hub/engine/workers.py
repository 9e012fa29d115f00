"""The processes that work on lanes, as anybody who only looks can tell."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store import tables as t

__all__ = ["GONE_AFTER", "daemon_works"]

GONE_AFTER = timedelta(seconds=30)
"""A process that was not seen for so long is gone."""


async def daemon_works(db: AsyncConnection, now: datetime) -> bool:
    """Whether a daemon works on this database right now."""
    seen = select(t.worker.c.name).where(t.worker.c.seen_at > now - GONE_AFTER).limit(1)
    return (await db.execute(seen)).first() is not None
