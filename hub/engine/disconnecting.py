"""Forgetting a connection, with or without taking back what the hub gave because of it.

What the hub gave is known from the ledger only, and the ledger goes with the connection. So a source is not forgotten
while something stands that it gave: nobody would ever take that back.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager, AsyncExitStack
from dataclasses import dataclass, field
from datetime import datetime

import msgspec
from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql import ColumnElement

from hub.access.reasons import Reason
from hub.classes.events import find_crashed
from hub.classes.leaving import cancel_all, coming_classes
from hub.classes.tracker_pass import open_tracker, work_for
from hub.core import Hub
from hub.engine import lanes
from hub.engine.sync import WAIT_FOR_LANE
from hub.engine.target_pass import open_scope
from hub.errors import UserError
from hub.reconcile import ledger
from hub.reconcile.apply import apply_plan
from hub.reconcile.diff import LedgerRow, ledger_columns
from hub.reconcile.plan import Action, Change, Plan
from hub.reconcile.scope import Scope
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry

__all__ = ["Disconnected", "disconnect"]


@dataclass
class Disconnected:
    """What came of it. A connection is only forgotten when everything was taken back that should be, and the vendors
    have shown that it is; what is not is in `failed`, with why."""

    removed: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    forgotten: bool = False


async def disconnect(hub: Hub, name: str, *, revoke: bool, who: str) -> Disconnected:
    """Forget a connection. With `revoke`, everything is taken back first: of a target what the hub gave there, of a
    source what it gave at every target. Something that can't be taken back, or that its vendor does not show as gone
    yet, keeps the connection; calling again goes on from there.

    Raises UserError for a source of which something stands, where nothing is to be taken back.
    """
    row = await hub.connection_row(name)
    done = Disconnected()
    async with AsyncExitStack() as held:
        leases = [await held.enter_async_context(_lane(hub, row))]
        if not revoke and row.options is None:
            # Said before anybody is waited for.
            async with hub.database.read() as db:
                await _refuse_to_leave(db, row, hub.clock.now())
        for target in await _targets(hub, row):
            # The lanes are kept until the end: a pass in between would give again what was taken.
            if target.id != row.id:
                leases.append(await held.enter_async_context(_lane(hub, target)))
            if revoke:
                source = row if row.options is None else None
                await _revoke_all(hub, target, leases[-1], done, source=source)
                await _cancel_all(hub, target, leases[-1], done, source=source)
        async with hub.database.write() as db:
            for lease in leases:
                await lease.check(db)
            if not done.failed:
                if row.options is None:
                    await _refuse_to_leave(db, row, hub.clock.now())
                left = await _standing(db, t.ledger.c.target_id == row.id)
                left += await coming_classes(db, hub.clock.now(), target=row.id)
                await registry.delete_connection(db, hub.the_studio, row)
                await journal.solve_about(db, hub.the_studio.id, connection=name, now=hub.clock.now())
                done.forgotten = True
            else:
                left = len(done.failed)
            if done.forgotten or done.removed:
                await journal.add_audit(
                    db,
                    hub.the_studio.id,
                    who=who,
                    act="disconnect" if done.forgotten else "take_back",
                    subject=name,
                    detail=_detail(done, left),
                    now=hub.clock.now(),
                )
    return done


def _lane(hub: Hub, row: registry.ConnectionRow) -> AbstractAsyncContextManager[lanes.Lease]:
    return lanes.holding(hub.database, row.id, row.name, hub.clock, wait=WAIT_FOR_LANE)


async def _targets(hub: Hub, row: registry.ConnectionRow) -> list[registry.ConnectionRow]:
    """Where the connection gives access: a target itself, or every target for a source."""
    if row.options is not None:
        return [row]
    async with hub.database.read() as db:
        return [other for other in await registry.connections(db, hub.the_studio) if other.options is not None]


async def _standing(db: AsyncConnection, where: ColumnElement[bool]) -> int:
    return int((await db.execute(select(func.count()).select_from(t.ledger).where(where, t.LIVE))).scalar_one())


async def _cancel_all(
    hub: Hub,
    row: registry.ConnectionRow,
    lease: lanes.Lease,
    done: Disconnected,
    *,
    source: registry.ConnectionRow | None,
) -> None:
    """Cancel the classes at a tracker that are not over, or those of one source."""
    source_id = source.id if source is not None else None
    async with hub.database.write() as db:
        if not await coming_classes(db, hub.clock.now(), target=row.id, source=source_id):
            return
        await lease.check(db)
        await find_crashed(db, row.id, lease.token, now=hub.clock.now())
        flow = f"cancel classes at {row.name}"
        run_id = await journal.start_run(
            db, hub.the_studio.id, connection=row.name, flow=flow, trigger="disconnect", now=hub.clock.now()
        )
    work = await work_for(hub, await open_tracker(hub, row, lease, run_id), row)
    removed, failed = await cancel_all(work, source=source_id)
    async with hub.database.write() as db:
        await lease.check(db)
        await journal.add_log(db, hub.the_studio.id, work.lines, now=hub.clock.now())
        await journal.finish_run(
            db, run_id, state="failed" if failed else "done", now=hub.clock.now(), counts=work.done, calls={}
        )
    done.removed += removed
    done.failed |= failed


async def _refuse_to_leave(db: AsyncConnection, row: registry.ConnectionRow, now: datetime) -> None:
    count = await _standing(db, t.ledger.c.source_id == row.id)
    if count:
        grants = "1 grant stands" if count == 1 else f"{count} grants stand"
        raise UserError(
            f"{grants} because of {row.name}, and without it nobody would ever take them back",
            fix=f"`studiohub disconnect {row.name} --revoke` takes them back first.",
            code="grants_stand",
        )
    classes = await coming_classes(db, now, source=row.id)
    if classes:
        raise UserError(
            f"classes of {row.name} that are not over are at a tracker ({classes}), and without it nobody would ever "
            "change or cancel them",
            fix=f"`studiohub disconnect {row.name} --revoke` cancels them first.",
            code="grants_stand",
        )


def _detail(done: Disconnected, left: int) -> str:
    """What was done, in words."""
    parts = [f"took back {done.removed}"] if done.removed else []
    if left:
        parts.append(f"{left} could not be taken back" if done.failed else f"left {left} as they are")
    return "; ".join(parts) or "nothing stood"


async def _revoke_all(
    hub: Hub,
    row: registry.ConnectionRow,
    lease: lanes.Lease,
    done: Disconnected,
    *,
    source: registry.ConnectionRow | None,
) -> None:
    """Take back everything at a target, or what one source gave there."""
    c = t.ledger.c
    mine = c.target_id == row.id if source is None else (c.target_id == row.id) & (c.source_id == source.id)
    async with hub.database.read() as db:
        if not await _standing(db, mine):
            return
    scope = await open_scope(hub, row)
    async with hub.database.write() as db:
        await lease.check(db)
        await ledger.find_crashed(db, row.id, lease.token, now=hub.clock.now())
        run_id = await journal.start_run(
            db,
            hub.the_studio.id,
            connection=row.name,
            flow=f"take back at {row.name}",
            trigger="disconnect",
            now=hub.clock.now(),
        )
    changes = await _everything(scope, mine)
    plan = Plan(target=row.name, target_id=row.id, made_at=hub.clock.now(), changes=changes, owned=len(changes))
    applied = await apply_plan(scope, plan, (), lease=lease, run_id=run_id)
    for pause in scope.plugin.look_again:
        if not applied.waiting or applied.stopped_by is not None:
            break
        await hub.clock.sleep(pause.total_seconds())
        again = msgspec.structs.replace(plan, changes=await _everything(scope, mine))
        applied = await apply_plan(scope, again, (), lease=lease, run_id=run_id)
    where = "" if source is None else f" @ {row.name}"
    failed = {outcome.intent.change.ref + where: str(outcome.error) for outcome in applied.failed}
    if applied.left:
        failed[f"the others{where}"] = f"{applied.left} were not tried: {applied.stopped_by}"
    async with hub.database.write() as db:
        await lease.check(db)
        rows = (await db.execute(select(c.source_id, c.member).where(mine, t.LIVE))).all()
        unshown = {f"{scope.sources.get(left.source_id, '?')}:{left.member}{where}" for left in rows} - failed.keys()
        removed = len(changes) - len(rows)
        if not applied.left:
            why = f"{row.name} took the call and does not show it yet; disconnect again"
            failed |= dict.fromkeys(sorted(unshown), why)
        await journal.finish_run(
            db,
            run_id,
            state="failed" if failed else "done",
            now=hub.clock.now(),
            counts={Action.REMOVE.value: removed} if removed else {},
            calls={},
        )
    done.removed += removed
    done.failed |= failed


async def _everything(scope: Scope, mine: ColumnElement[bool]) -> list[Change]:
    """A removal for every one of these grants that stands."""
    c = t.ledger.c
    query = select(c.name, *ledger_columns()).where(mine, t.LIVE)
    changes: list[Change] = []
    async with scope.database.read() as db:
        for name, *values in (await db.execute(query)).all():
            row = LedgerRow(*values)
            before = row.before
            source = scope.sources.get(row.source_id, "?")
            changes.append(
                Change(
                    action=Action.REMOVE,
                    source=source,
                    source_id=row.source_id,
                    member=row.member,
                    name=name,
                    key=row.key,
                    opens=row.opens,
                    reason=Reason("disconnected", {"target": scope.name}),
                    grant_id=row.id,
                    before=before,
                    valid_from=row.valid_from,
                    valid_until=row.valid_until,
                )
            )
    return changes
