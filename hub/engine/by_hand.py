"""What an admin asks for by hand: sync now, or try one grant again. Where a daemon works on the same database its lanes
are woken; where none does, it is done here."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.core import Hub, Progress
from hub.engine.sync import SyncResult, sync_now, sync_target
from hub.engine.wake import wake
from hub.engine.workers import daemon_works
from hub.errors import UserError
from hub.ingest.read import mark_dirty
from hub.notify.sender import send_mails
from hub.store import among, journal
from hub.store import tables as t
from hub.studio import registry

__all__ = ["sync_by_hand", "try_again"]

REASON = "by hand"


async def sync_by_hand(hub: Hub, *, who: str, progress: Progress | None = None) -> SyncResult | None:
    """Bring everything in line now, mails included; None where a daemon was woken to do it.

    Raises UserError where nothing is connected.
    """
    rows = await hub.connections()
    async with hub.database.read() as db:
        woken = bool(rows) and await daemon_works(db, hub.clock.now())
    if woken:
        async with hub.database.write() as db:
            await wake(db, [row.id for row in rows], at=hub.clock.now(), reason=REASON)
            await _audit(hub, db, who=who, act="sync", subject="")
        return None
    result = await sync_now(hub, progress=progress)
    await send_mails(hub)
    return result


async def try_again(
    hub: Hub, grant_ids: Collection[str], *, who: str, progress: Progress | None = None
) -> SyncResult | None:
    """Try grants again now, and whatever else was set aside at the same places; None where a daemon was woken to do it.

    Raises UserError where there is none of them.
    """
    c = t.ledger.c
    now = hub.clock.now()
    async with hub.database.read() as db:
        query = select(c.id, c.target_id, c.source_id, c.member).where(
            c.studio_id == hub.the_studio.id, among(c.id, list(grant_ids), db)
        )
        grants = (await db.execute(query)).all()
        found = [await registry.connection_by_id(db, target) for target in {grant.target_id for grant in grants}]
        woken = await daemon_works(db, now)
    rows = [row for _, row in filter(None, found)]
    if not rows:
        raise UserError("this grant is gone", fix="Look at the list again.", code="no_grant")
    async with hub.database.write() as db:
        for grant in grants:
            await mark_dirty(db, grant.target_id, grant.source_id, {grant.member})
            await db.execute(update(t.ledger).where(c.id == grant.id, c.settled.is_(False)).values(next_try_at=now))
            await _audit(hub, db, who=who, act="try again", subject=grant.id)
        if woken:
            await wake(db, [row.id for row in rows], at=now, reason=REASON)
    if woken:
        return None
    runs = [await sync_target(hub, row, trigger=REASON, progress=progress, full=False) for row in rows]
    await send_mails(hub)
    return SyncResult(targets=runs)


async def _audit(hub: Hub, db: AsyncConnection, *, who: str, act: str, subject: str) -> None:
    await journal.add_audit(db, hub.the_studio.id, who=who, act=act, subject=subject, now=hub.clock.now())
