"""Runs, the sync log and the inbox, as people see them."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.store import tables as t
from hub.studio.registry import Studio

__all__ = ["inbox", "log_lines", "run_exists", "runs"]


async def runs(
    db: AsyncConnection, studio: Studio, *, connection: str | None = None, limit: int = 50
) -> list[dict[str, Any]]:
    """The last runs, newest first."""
    c = t.run.c
    query = select(t.run).where(c.studio_id == studio.id).order_by(c.started_at.desc(), c.id.desc()).limit(limit)
    if connection is not None:
        query = query.where(c.connection == connection)
    return [
        {
            "id": row.id,
            "connection": row.connection,
            "flow": row.flow,
            "trigger": row.trigger,
            "state": row.state,
            "started_at": times.to_text(row.started_at),
            "ended_at": times.to_text(row.ended_at) if row.ended_at else None,
            "seconds": (row.ended_at - row.started_at).total_seconds() if row.ended_at else None,
            "counts": json.loads(row.counts),
            "calls": json.loads(row.calls),
            "error": row.error,
        }
        for row in await db.execute(query)
    ]


async def run_exists(db: AsyncConnection, studio: Studio, run_id: str) -> bool:
    """Whether there is a run with this id."""
    query = select(t.run.c.id).where(t.run.c.studio_id == studio.id, t.run.c.id == run_id)
    return (await db.execute(query)).first() is not None


async def log_lines(
    db: AsyncConnection,
    studio: Studio,
    *,
    after: int | None = None,
    run_id: str | None = None,
    connection: str | None = None,
    member: str | None = None,
    level: str | None = None,
    limit: int = 100,
) -> list[dict[str, Any]]:
    """Lines of the sync log in the order they were written: the last `limit`, or the first ones `after` an id."""
    c = t.log.c
    query = select(t.log).where(c.studio_id == studio.id)
    if after is not None:
        query = query.where(c.id > after)
    for column, value in ((c.run_id, run_id), (c.connection, connection), (c.member, member)):
        if value is not None:
            query = query.where(column == value)
    if level is not None:
        levels = ["debug", "info", "warning", "error"]
        query = query.where(c.level.in_(levels[levels.index(level) :]))
    query = query.order_by(c.id.desc() if after is None else c.id).limit(limit)
    rows = list(await db.execute(query))
    return [
        {
            "id": row.id,
            "at": times.to_text(row.at),
            "level": row.level,
            "run_id": row.run_id,
            "connection": row.connection,
            "member": row.member,
            "code": row.code,
            "text": row.text,
        }
        for row in (reversed(rows) if after is None else rows)
    ]


async def inbox(db: AsyncConnection, studio: Studio) -> list[dict[str, Any]]:
    """What needs a person, worst first."""
    c = t.inbox.c
    query = select(t.inbox).where(c.studio_id == studio.id, c.solved_at.is_(None)).order_by(c.weight, c.since, c.id)
    return [
        {
            "id": row.id,
            "code": row.code,
            "text": row.text,
            "fix": row.fix,
            "subject": row.subject,
            "connection": row.connection,
            "since": times.to_text(row.since),
        }
        for row in await db.execute(query)
    ]
