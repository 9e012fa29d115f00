"""A studio in which everything stands already, without the hours that a vendor would have taken."""

from __future__ import annotations

import msgspec
from sqlalchemy import insert, update

from hub.core import NoProgress
from hub.engine import lanes
from hub.engine.source_pass import SourceRun, run_source
from hub.reconcile.diff import encode_wanted
from hub.reconcile.plan import Plan
from hub.store import tables as t
from hub.studio.registry import ConnectionRow
from tests.harness import World


async def read(world: World, row: ConnectionRow) -> SourceRun:
    """Read a source as its lane does."""
    async with lanes.holding(world.hub.database, row.id, row.name, world.clock) as lease:
        return await run_source(world.hub, row, lease=lease, trigger="test", progress=NoProgress())


async def pretend_applied(world: World, target_id: int, plan: Plan) -> None:
    """Write the ledger as if the whole plan had been carried out."""
    rows = []
    for number, change in enumerate(plan.changes):
        assert change.after is not None
        wanted = encode_wanted(change.after)
        rows.append(
            {
                "id": f"g{number}",
                "studio_id": world.hub.the_studio.id,
                "target_id": target_id,
                "source_id": change.source_id,
                "member": change.member,
                "name": change.name,
                "key": change.key,
                "state": "active",
                "settled": True,
                "wanted": wanted,
                "applied": wanted,
                "opens": msgspec.json.encode(change.opens).decode(),
                "valid_from": change.valid_from,
                "valid_until": change.valid_until,
                "record": change.record,
                "created_at": plan.made_at,
                "changed_at": plan.made_at,
            }
        )
    async with world.hub.database.write() as db:
        for start in range(0, len(rows), 5000):
            await db.execute(insert(t.ledger), rows[start : start + 5000])
        due = plan.changes[0].due_at if plan.changes else None
        await db.execute(update(t.agenda).where(t.agenda.c.target_id == target_id).values(stamp=None, due_at=due))
