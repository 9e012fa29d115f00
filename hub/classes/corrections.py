"""What staff do to results: give one to somebody else, drop it, restore it, have a class fetched again. Every act is
kept with the result, and in the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.engine.wake import wake
from hub.errors import UserError
from hub.look.members import Found
from hub.store import journal
from hub.store import tables as t
from hub.studio.registry import Studio

__all__ = ["drop", "fetch_again", "reassign", "restore"]


async def reassign(
    db: AsyncConnection, studio: Studio, result_id: int, to: Found, *, who: str, now: datetime, why: str = ""
) -> list[str]:
    """Give a result to another member; no later fetch gives it back. Returns what somebody may want to know. Raises
    UserError."""
    row = await _row(db, studio, result_id)
    if (row.source_id, row.member) == (to.source_id, to.member_id):
        raise UserError(f"result {result_id} is {to.ref}'s already", code="no_change")
    c = t.result.c
    there = select(c.id).where(
        c.event_id == row.event_id, c.source_id == to.source_id, c.member == to.member_id, c.dropped.is_(False)
    )
    others = list((await db.execute(there)).scalars())
    await db.execute(
        update(t.result)
        .where(c.id == result_id)
        .values(source_id=to.source_id, member=to.member_id, by_hand=True, changed_at=now)
    )
    before = f"{row.source}:{row.member}"
    await _note(db, studio, row, "reassigned", who=who, why=why, before=before, after=to.ref, now=now)
    return [
        f"{to.ref} has result {other} of that class as well: reassign it too, or `studiohub metrics drop {other}`"
        for other in others
    ]


async def drop(db: AsyncConnection, studio: Studio, result_id: int, *, who: str, now: datetime, why: str = "") -> None:
    """Leave a result out of everything; it can be restored. Raises UserError."""
    row = await _row(db, studio, result_id)
    if row.dropped:
        raise UserError(f"result {result_id} is dropped already", code="no_change")
    await db.execute(update(t.result).where(t.result.c.id == result_id).values(dropped=True, changed_at=now))
    await _note(db, studio, row, "dropped", who=who, why=why, now=now)


async def restore(
    db: AsyncConnection, studio: Studio, result_id: int, *, who: str, now: datetime, why: str = ""
) -> None:
    """Let a result that was dropped count again. Raises UserError."""
    row = await _row(db, studio, result_id)
    if not row.dropped:
        raise UserError(
            f"result {result_id} is not dropped", fix="`studiohub metrics --dropped` lists them.", code="no_change"
        )
    await db.execute(update(t.result).where(t.result.c.id == result_id).values(dropped=False, changed_at=now))
    await _note(db, studio, row, "restored", who=who, why=why, now=now)


async def fetch_again(db: AsyncConnection, studio: Studio, event_id: str, *, who: str, now: datetime) -> str:
    """Have the results of a class that is over looked for with the next pass over its tracker; returns the tracker's
    name. Raises UserError."""
    e = t.event.c
    query = (
        select(e.target_id, e.ends_at, e.state, e.vendor_id, t.connection.c.name)
        .join(t.connection, t.connection.c.id == e.target_id)
        .where(e.studio_id == studio.id, e.id == event_id)
    )
    row = (await db.execute(query)).one()
    if row.ends_at > now:
        raise UserError("this class is not over yet", fix="Its results are fetched by themselves.", code="too_early")
    if row.state == "removed" or row.vendor_id is None:
        raise UserError(f"{row.name} does not have this class", code="not_there")
    await db.execute(update(t.event).where(e.id == event_id).values(results_due_at=now))
    await wake(db, [row.target_id], at=now, reason="results")
    await journal.add_audit(db, studio.id, who=who, act="metrics fetch", subject=event_id, now=now)
    return str(row.name)


async def _row(db: AsyncConnection, studio: Studio, result_id: int) -> Any:
    c = t.result.c
    query = (
        select(c.id, c.event_id, c.source_id, c.member, c.dropped, t.connection.c.name.label("source"))
        .join(t.connection, t.connection.c.id == c.source_id)
        .where(c.studio_id == studio.id, c.id == result_id)
    )
    row = (await db.execute(query)).one_or_none()
    if row is None:
        fix = "`studiohub metrics` lists results with their numbers."
        raise UserError(f"there is no result {result_id}", fix=fix, code="no_result")
    return row


_ACTS = {"reassigned": "metrics reassign", "dropped": "metrics drop", "restored": "metrics restore"}


async def _note(
    db: AsyncConnection,
    studio: Studio,
    row: Any,
    what: str,
    *,
    who: str,
    why: str,
    now: datetime,
    before: str = "",
    after: str = "",
) -> None:
    change = {"at": now, "who": who, "what": what, "before": before, "after": after, "why": why}
    await db.execute(insert(t.result_change).values(result_id=row.id, **change))
    # Who it was is in the result's own history, which goes when they are erased; the audit stays for ever.
    await journal.add_audit(
        db, studio.id, who=who, act=_ACTS[what], subject=f"result {row.id} of {row.event_id}", detail=why, now=now
    )
