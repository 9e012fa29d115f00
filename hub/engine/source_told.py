"""What the inbox says of a source whose read was well but proves nothing."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.ingest.read import ReadReport
from hub.records import Problem
from hub.store import journal
from hub.store import tables as t

__all__ = ["NOTES", "notes_to_tell", "tell_not_complete", "tell_shared_addresses"]

NOTES = ("source_note", "key_ends")
"""What the inbox calls the notes of a read."""
SHOWN = 5


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


async def tell_shared_addresses(
    db: AsyncConnection, studio_id: int, name: str, source_id: int, *, now: datetime
) -> bool:
    """Tell of members of a source who have one e-mail address; returns whether that is new.

    Access is by member and not by address, so nobody loses or gets anything by it. But a vendor that knows people by
    their address would take them for one person, so there they have to be told apart by hand.
    """
    r = t.record.c
    members = (r.source_id == source_id, r.kind == "member", r.deleted_at.is_(None), r.key.is_not(None))
    shared = select(r.key).where(*members).group_by(r.key).having(func.count() > 1).order_by(r.key)
    addresses = list((await db.execute(shared)).scalars())
    if not addresses:
        await journal.solve(db, studio_id, code="email_twice", subject=name, now=now)
        return False
    shown = []
    for address in addresses[:SHOWN]:
        who = select(r.record_id).where(*members, r.key == address).order_by(r.record_id).limit(SHOWN)
        people = ", ".join(f"{name}:{member}" for member in (await db.execute(who)).scalars())
        shown.append(f"{address} ({people})")
    more = f", and {len(addresses) - SHOWN} more" if len(addresses) > SHOWN else ""
    verb = "belongs" if len(addresses) == 1 else "belong"
    what = "1 e-mail address" if len(addresses) == 1 else f"{len(addresses):,} e-mail addresses"
    return await journal.raise_item(
        db,
        studio_id,
        code="email_twice",
        subject=name,
        connection=name,
        text=f"{what} of {name} {verb} to more than one member: {', '.join(shown)}{more}.",
        fix="Correct it at the source. Where it is meant so, name each at the vendor with a [[links]] row.",
        weight=7,
        now=now,
    )
