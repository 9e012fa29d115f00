"""Whether anything has changed: one small look that whoever shows things live can afford every second."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store import tables as t
from hub.studio.registry import Studio

__all__ = ["Pulse", "feel"]


class Pulse(NamedTuple):
    """Two that are equal say that nothing was written down in between."""

    log: int
    events: int
    runs: str
    inbox: int
    mails: str
    corrections: int


async def feel(db: AsyncConnection, studio: Studio) -> Pulse:
    """The pulse as it is now. Every number is found by an index."""
    log = select(func.max(t.log.c.id)).where(t.log.c.studio_id == studio.id)
    runs = select(func.max(t.run.c.started_at)).where(t.run.c.studio_id == studio.id)
    running = select(func.count()).where(t.run.c.studio_id == studio.id, t.run.c.state == "running")
    inbox = select(func.count(), func.max(t.inbox.c.id)).where(
        t.inbox.c.studio_id == studio.id, t.inbox.c.solved_at.is_(None)
    )
    count, last = (await db.execute(inbox)).one()
    o = t.outbox.c
    open_mails = select(o.state, func.count(), func.max(o.next_try_at)).where(
        o.state.in_(("queued", "sending", "failed", "unsure"))
    )
    mails = sorted(tuple(row) for row in (await db.execute(open_mails.group_by(o.state))).all())
    newest = (await db.execute(select(func.max(o.id)))).scalar()
    return Pulse(
        log=(await db.execute(log)).scalar() or 0,
        events=(await db.execute(select(func.max(t.ledger_event.c.id)))).scalar() or 0,
        runs=f"{(await db.execute(runs)).scalar()}/{(await db.execute(running)).scalar()}",
        inbox=count * 1_000_003 + (last or 0),
        mails=f"{newest}/{mails}",
        corrections=(await db.execute(select(func.max(t.result_change.c.id)))).scalar() or 0,
    )
