"""What happened to a grant, and how a run goes: the small lists beside the big ones."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub import redact
from hub.access.doors import references
from hub.look.grants import GrantView
from hub.store import among
from hub.store import tables as t
from hub.studio.registry import Studio

__all__ = [
    "Event",
    "LogRow",
    "RunStory",
    "around_bookings",
    "grant_story",
    "log_counts",
    "log_ids",
    "log_rows",
    "run_story",
]


@dataclass(frozen=True)
class Event:
    """One thing that happened to a grant: created, changed, removed, failed, asked."""

    at: datetime
    what: str
    text: str


@dataclass(frozen=True)
class RunStory:
    """A run with its steps. `usual`: how many seconds the last one of the same connection took."""

    id: str
    connection: str
    flow: str
    trigger: str
    state: str
    started_at: datetime
    ended_at: datetime | None
    counts: Mapping[str, int]
    steps: Sequence[Mapping[str, Any]]
    error: str | None
    usual: float | None


@dataclass(frozen=True)
class LogRow:
    """One line of the sync log."""

    id: str
    at: datetime
    level: str
    code: str
    connection: str
    text: str
    member: str = ""
    """Whom it is about (`source:id`), where it is about one."""


async def grant_story(db: AsyncConnection, studio: Studio, grant_id: str, *, limit: int = 30) -> list[Event]:
    """What happened to a grant, oldest first; of long stories the end."""
    e, g = t.ledger_event.c, t.ledger.c
    query = (
        select(e.at, e.what, e.text)
        .join(t.ledger, g.id == e.grant_id)
        .where(e.grant_id == grant_id, g.studio_id == studio.id)
        .order_by(e.id.desc())
        .limit(limit)
    )
    rows = (await db.execute(query)).all()
    return [Event(row.at, row.what, redact.mask(row.text)) for row in reversed(rows)]


async def around_bookings(db: AsyncConnection, studio: Studio, view: GrantView) -> tuple[timedelta, timedelta] | None:
    """How long before the first of its bookings a grant opens, and how long after the last of them it closes. None
    where it does not rest on bookings alone, or where these are known no more, or are at other times by now."""
    kept = references(view.record)
    ids = [name for kind, name in kept if kind == "booking"]
    if not ids or len(ids) < len(kept) or view.valid_from is None or view.valid_until is None:
        return None
    c, source = t.record.c, t.connection.c
    own = (source.studio_id == studio.id, source.name == view.source)
    query = select(c.data).join(t.connection, source.id == c.source_id).where(*own, c.deleted_at.is_(None))
    of_bookings = await db.execute(query.where(c.kind == "booking", among(c.record_id, ids, db)))
    bookings = [r.decoder("booking").decode(data) for data in of_bookings.scalars()]
    classes = sorted({one.session_id for one in bookings if one.session_id})
    of_classes = await db.execute(query.where(c.kind == "session", among(c.record_id, classes, db)))
    sessions = {one.id: one for one in (r.decoder("session").decode(data) for data in of_classes.scalars())}
    times = [(one, sessions.get(one.session_id or "", one)) for one in bookings]
    starts = [one.starts_at or of.starts_at for one, of in times]
    ends = [one.ends_at or of.ends_at for one, of in times]
    first, last = ([at.replace(microsecond=0) for at in found if at is not None] for found in (starts, ends))
    if len(first) < len(ids) or len(last) < len(ids):
        return None
    before, after = min(first) - view.valid_from, view.valid_until - max(last)
    return (before, after) if min(before, after) >= timedelta() else None


async def run_story(db: AsyncConnection, studio: Studio, run_id: str) -> RunStory | None:
    """One run; None where it left no trace."""
    c = t.run.c
    row = (await db.execute(select(t.run).where(c.studio_id == studio.id, c.id == run_id))).one_or_none()
    if row is None:
        return None
    before = (
        select(c.started_at, c.ended_at)
        .where(
            c.studio_id == studio.id,
            c.connection == row.connection,
            c.flow == row.flow,
            c.ended_at.is_not(None),
            c.started_at < row.started_at,
        )
        .order_by(c.started_at.desc())
        .limit(1)
    )
    last = (await db.execute(before)).one_or_none()
    return RunStory(
        id=row.id,
        connection=row.connection,
        flow=row.flow,
        trigger=row.trigger,
        state=row.state,
        started_at=row.started_at,
        ended_at=row.ended_at,
        counts=json.loads(row.counts),
        steps=json.loads(row.steps),
        error=redact.mask(row.error) if row.error else None,
        usual=(last.ended_at - last.started_at).total_seconds() if last is not None else None,
    )


async def log_ids(db: AsyncConnection, studio: Studio, run_id: str, *, levels: Collection[str]) -> list[str]:
    """The lines of a run's log, by id, in order."""
    c = t.log.c
    query = select(c.id).where(c.studio_id == studio.id, c.run_id == run_id, c.level.in_(tuple(levels)))
    return [str(one) for one in (await db.execute(query.order_by(c.id))).scalars()]


async def log_counts(db: AsyncConnection, studio: Studio, run_id: str) -> dict[str, int]:
    """How many lines of each level a run's log has."""
    c = t.log.c
    query = select(c.level, func.count()).where(c.studio_id == studio.id, c.run_id == run_id).group_by(c.level)
    return {row.level: row[1] for row in await db.execute(query)}


async def log_rows(db: AsyncConnection, studio: Studio, ids: Sequence[str]) -> dict[str, LogRow]:
    """These lines."""
    c = t.log.c
    query = select(t.log).where(c.studio_id == studio.id, c.id.in_([int(one) for one in ids]))
    return {
        str(row.id): LogRow(
            str(row.id), row.at, row.level, row.code, row.connection or "", redact.mask(row.text), row.member or ""
        )
        for row in await db.execute(query)
    }
