"""What the inbox says of a source whose read was well but proves nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.ingest.read import ReadReport
from hub.records import Problem
from hub.store import journal

__all__ = ["notes_to_tell", "tell_not_complete"]


def notes_to_tell(report: ReadReport) -> list[Problem]:
    """The notes that need a line of their own: one that only says why a kind is not complete has one already."""
    return [note for note in report.notes if note.what.partition(";")[0] not in report.why_not.values()]


async def tell_not_complete(
    db: AsyncConnection, studio_id: int, name: str, report: ReadReport, *, now: datetime
) -> bool:
    """Tell that a source is read without a complete mark, until it has one; returns whether that is new.

    It hinders nobody and is allowed, but somebody who waits for access to end has to know. Kinds that have an item of
    their own, because something in them can't be read or is missing, are left out.
    """
    told = {problem.kind for problem in report.problems if problem.id is None}
    kinds = sorted(report.why_not.keys() - told)
    if not kinds:
        await journal.solve(db, studio_id, code="not_complete", subject=name, now=now)
        return False
    reasons = "; ".join(dict.fromkeys(report.why_not[kind] for kind in kinds))
    mark = "no complete mark" if not report.complete else f"no complete mark for {', '.join(kinds)}"
    return await journal.raise_item(
        db,
        studio_id,
        code="not_complete",
        subject=name,
        connection=name,
        text=f"{name} has {mark}, so nobody loses access because a row is missing: {reasons}.",
        fix=f"Let the export be marked as complete when it is finished; `studiohub verify {name}` says more.",
        weight=6,
        now=now,
    )
