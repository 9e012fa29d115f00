"""Taking back what the hub has at a tracker, when a connection is forgotten."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ColumnElement, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.classes.events import work_through
from hub.classes.reasons import Reason
from hub.classes.work import Work
from hub.store import tables as t

__all__ = ["cancel_all", "coming_classes"]


async def coming_classes(
    db: AsyncConnection, now: datetime, *, target: int | None = None, source: int | None = None
) -> int:
    """How many classes that are not over the hub has at a tracker, or because of a source."""
    query = select(func.count()).select_from(t.event).where(*_coming(now, target, source))
    return int((await db.execute(query)).scalar_one())


async def cancel_all(work: Work, *, source: int | None = None) -> tuple[int, dict[str, str]]:
    """Cancel every class that is not over, or those of one source; returns how many, and what could not be."""
    scope, e = work.scope, t.event.c
    where = _coming(work.now, scope.target_id, source)
    reason = Reason("disconnected", {"target": scope.name})
    async with scope.database.write() as db:
        await scope.lease.check(db)
        values = {"wanted": None, "reason": reason.text, "reason_code": reason.code, "settled": False}
        await db.execute(update(t.event).where(*where, e.state != "unknown").values(state="removing"))
        await db.execute(update(t.event).where(*where).values(**values, next_try_at=None, results_due_at=None))
    work.retry = True
    await work_through(work)
    async with scope.database.read() as db:
        left = list(await db.execute(select(t.event).where(*where)))
    why = str(work.stopped_by) if work.stopped_by is not None else f"{scope.name} does not show it as cancelled yet"
    refs = [work.ref(row.source_id, row.session_id) for row in left]
    return work.done.get("classes_cancelled", 0), {ref: work.failed.get(ref, why) for ref in refs}


def _coming(now: datetime, target: int | None, source: int | None) -> list[ColumnElement[bool]]:
    e = t.event.c
    found: list[ColumnElement[bool]] = [e.ends_at > now, e.state != "removed"]
    found += [e.target_id == target] if target is not None else []
    return [*found, e.source_id == source] if source is not None else found
