"""Forgetting what is over, after the time that the settings give it."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Table, delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.settings import HubSettings
from hub.store import Database
from hub.store import tables as t

__all__ = ["tidy"]

_PART = 5000


async def tidy(database: Database, settings: HubSettings, now: datetime) -> dict[str, int]:
    """Delete what is older than it has to be; returns how many rows of each table. Small transactions, so nobody waits.

    A record that is gone stays for as long as somebody has access because of it: whether that is to be taken away may
    still be waiting for an admin.
    """
    short, long = now - timedelta(days=settings.keep_log_days), now - timedelta(days=settings.keep_history_days)
    r, g = t.record.c, t.ledger.c
    granted = select(g.id).where(g.source_id == r.source_id, g.member == r.owner, t.LIVE).correlate(t.record).exists()
    over: list[tuple[Table, ColumnElement[bool]]] = [
        (t.log, t.log.c.at < short),
        (t.run, t.run.c.ended_at < short),
        (t.inbox, t.inbox.c.solved_at < short),
        (t.outbox, (t.outbox.c.created_at < short) & t.outbox.c.state.in_(("sent", "failed", "unsure"))),
        (t.ledger, (g.removed_at < long) & (g.state == "removed")),
        (t.record, (r.deleted_at < long) & ~granted),
    ]
    done: dict[str, int] = {}
    for table, condition in over:
        count = 0
        while True:
            async with database.write() as db:
                part = await _delete(db, table, condition)
            count += part
            if part < _PART:
                break
        if count:
            done[table.name] = count
    async with database.write() as db:
        await db.execute(delete(t.delivery).where(t.delivery.c.until < now))
    return done


async def _delete(db: AsyncConnection, table: Table, condition: ColumnElement[bool]) -> int:
    ids = list((await db.execute(select(table.c.id).where(condition).limit(_PART))).scalars())
    if ids:
        await db.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids)
