"""Runs, the sync log, the inbox and the audit: what happened, and what needs a person."""

from __future__ import annotations

import json
import secrets
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import redact
from hub.store import tables as t

__all__ = [
    "LogLine",
    "add_audit",
    "add_log",
    "drop_run",
    "finish_run",
    "new_id",
    "raise_item",
    "save_steps",
    "solve",
    "solve_about",
    "solve_all_but",
    "start_run",
]


def new_id(prefix: str, now: datetime) -> str:
    """A short id that sorts by time."""
    return f"{prefix}{int(now.timestamp() * 1000):011x}{secrets.token_hex(7)}"


LogLine = Mapping[str, Any]


async def start_run(
    db: AsyncConnection, studio_id: int, *, connection: str, flow: str, trigger: str, now: datetime
) -> str:
    """Write down that a run began; returns its id. One of the same connection that is still said to run was cut off:
    only one process works on a connection."""
    r = t.run.c
    await db.execute(
        update(t.run)
        .where(r.studio_id == studio_id, r.connection == connection, r.state == "running")
        .values(state="stopped", ended_at=now)
    )
    run_id = new_id("r", now)
    await db.execute(
        insert(t.run).values(
            id=run_id,
            studio_id=studio_id,
            connection=connection,
            flow=flow,
            trigger=trigger,
            state="running",
            started_at=now,
        )
    )
    return run_id


async def save_steps(db: AsyncConnection, run_id: str, steps: Sequence[Mapping[str, Any]]) -> None:
    """Write down how far a run is."""
    await db.execute(update(t.run).where(t.run.c.id == run_id).values(steps=json.dumps(list(steps))))


async def finish_run(
    db: AsyncConnection,
    run_id: str,
    *,
    state: str,
    now: datetime,
    counts: Mapping[str, int],
    calls: Mapping[str, Any],
    error: str | None = None,
    steps: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write down how a run ended."""
    await db.execute(
        update(t.run)
        .where(t.run.c.id == run_id)
        .values(
            state=state,
            ended_at=now,
            counts=json.dumps(dict(counts)),
            calls=json.dumps(dict(calls)),
            steps=json.dumps(list(steps)),
            error=redact.mask(error) if error else None,
        )
    )


async def drop_run(db: AsyncConnection, run_id: str) -> None:
    """Forget a run in which nothing happened."""
    await db.execute(delete(t.run).where(t.run.c.id == run_id))


async def add_log(db: AsyncConnection, studio_id: int, lines: Sequence[LogLine], *, now: datetime) -> None:
    """Append lines to the sync log. Secrets are masked on the way in."""
    if not lines:
        return
    await db.execute(
        insert(t.log),
        [
            {
                "studio_id": studio_id,
                "at": line.get("at", now),
                "level": line.get("level", "info"),
                "run_id": line.get("run_id"),
                "connection": line.get("connection"),
                "member": line.get("member"),
                "code": line.get("code", ""),
                "text": redact.mask(str(line["text"])),
            }
            for line in lines
        ],
    )


async def raise_item(
    db: AsyncConnection,
    studio_id: int,
    *,
    code: str,
    subject: str,
    text: str,
    now: datetime,
    fix: str = "",
    connection: str | None = None,
    weight: int = 5,
) -> bool:
    """Put something into the inbox, or bring it up to date where it is there already; returns whether it is new.

    `weight` orders the inbox: 0 is worst.
    """
    i = t.inbox.c
    text, fix = redact.mask(text), redact.mask(fix)
    if fix and text.removesuffix(".").endswith(fix.removesuffix(".")):
        # An error says what to do as well; the inbox has that beside it.
        text = text.removesuffix(".").removesuffix(fix.removesuffix(".")).rstrip()
    values = {"text": text, "fix": fix, "weight": weight, "seen_at": now, "connection": connection}
    touched = await db.execute(
        update(t.inbox)
        .where(i.studio_id == studio_id, i.code == code, i.subject == subject, i.solved_at.is_(None))
        .values(**values)
    )
    if touched.rowcount:
        return False
    await db.execute(insert(t.inbox).values(studio_id=studio_id, code=code, subject=subject, since=now, **values))
    return True


async def solve(db: AsyncConnection, studio_id: int, *, code: str, subject: str, now: datetime) -> bool:
    """Take something out of the inbox because it is solved; returns whether it was there."""
    i = t.inbox.c
    done = await db.execute(
        update(t.inbox)
        .where(i.studio_id == studio_id, i.code == code, i.subject == subject, i.solved_at.is_(None))
        .values(solved_at=now)
    )
    return bool(done.rowcount)


async def solve_all_but(
    db: AsyncConnection,
    studio_id: int,
    *,
    code: str,
    connection: str,
    keep: Collection[str],
    now: datetime,
    about: str = "",
) -> None:
    """Take out every item of a code and connection whose subject is not in `keep`; with `about`, only those whose
    subject is that, or begins with it and a space."""
    i = t.inbox.c
    query = select(i.id, i.subject).where(
        i.studio_id == studio_id, i.code == code, i.connection == connection, i.solved_at.is_(None)
    )
    gone = [
        row.id
        for row in (await db.execute(query)).all()
        if row.subject not in keep and (not about or row.subject == about or row.subject.startswith(f"{about} "))
    ]
    if gone:
        await db.execute(update(t.inbox).where(i.id.in_(gone)).values(solved_at=now))


async def solve_about(db: AsyncConnection, studio_id: int, *, connection: str, now: datetime) -> None:
    """Take out everything about a connection that is no more: what it raised, and what names one of its records."""
    i = t.inbox.c
    mine = or_(i.connection == connection, i.subject.startswith(f"{connection}:", autoescape=True))
    await db.execute(update(t.inbox).where(i.studio_id == studio_id, i.solved_at.is_(None), mine).values(solved_at=now))


async def add_audit(
    db: AsyncConnection, studio_id: int, *, who: str, act: str, now: datetime, subject: str = "", detail: str = ""
) -> None:
    """Write down what an admin did."""
    await db.execute(
        insert(t.audit).values(
            studio_id=studio_id, at=now, who=who, act=act, subject=subject, detail=redact.mask(detail)
        )
    )
