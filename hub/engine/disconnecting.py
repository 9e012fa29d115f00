"""Forgetting a connection, with or without taking back what the hub gave there."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select

from hub.access.reasons import Reason
from hub.core import Hub
from hub.engine import lanes
from hub.engine.sync import WAIT_FOR_LANE
from hub.engine.target_pass import open_scope
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
    """What came of it. A connection is only forgotten when everything was taken back that should be."""

    removed: int = 0
    failed: dict[str, str] = field(default_factory=dict)
    forgotten: bool = False


async def disconnect(hub: Hub, name: str, *, revoke: bool, who: str) -> Disconnected:
    """Forget a connection. With `revoke`, every grant there is taken back first; one that can't be keeps it."""
    row = await hub.connection_row(name)
    done = Disconnected()
    async with lanes.holding(hub.database, row.id, row.name, hub.clock, wait=WAIT_FOR_LANE) as lease:
        if revoke and row.options is not None:
            await _revoke_all(hub, row, lease, done)
        if not done.failed:
            async with hub.database.write() as db:
                await lease.check(db)
                await registry.delete_connection(db, hub.the_studio, row)
                await journal.add_audit(
                    db,
                    hub.the_studio.id,
                    who=who,
                    act="disconnect",
                    subject=name,
                    detail="took everything back" if revoke else "left everything as it is",
                    now=hub.clock.now(),
                )
            done.forgotten = True
    return done


async def _revoke_all(hub: Hub, row: registry.ConnectionRow, lease: lanes.Lease, done: Disconnected) -> None:
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
    changes = await _everything(scope)
    plan = Plan(target=row.name, target_id=row.id, made_at=hub.clock.now(), changes=changes, owned=len(changes))
    applied = await apply_plan(scope, plan, (), lease=lease, run_id=run_id)
    done.removed = applied.done.get(Action.REMOVE.value, 0)
    done.failed = {outcome.intent.change.ref: str(outcome.error) for outcome in applied.failed}
    if applied.left:
        done.failed["the others"] = f"{applied.left} were not tried: {applied.stopped_by}"
    async with hub.database.write() as db:
        await journal.finish_run(
            db, run_id, state="failed" if done.failed else "done", now=hub.clock.now(), counts=applied.done, calls={}
        )


async def _everything(scope: Scope) -> list[Change]:
    """A removal for every grant that stands."""
    c = t.ledger.c
    query = select(c.name, *ledger_columns()).where(c.target_id == scope.target_id, c.state != "removed")
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
