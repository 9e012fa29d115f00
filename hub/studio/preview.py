"""What an edit of a mapping table would do. The engine is loaded with this, so it is loaded when somebody edits."""

from __future__ import annotations

from collections.abc import Sequence

from hub.core import Hub
from hub.engine.target_pass import open_scope
from hub.reconcile.plan import Plan
from hub.reconcile.planner import make_plan
from hub.studio import registry
from hub.studio.importing import touched_targets
from hub.studio.model import Row

__all__ = ["preview_rows"]


async def preview_rows(hub: Hub, kind: str, rows: Sequence[Row]) -> list[Plan]:
    """What would be done if these rows stood in the place of a mapping table: a plan for each lock that the edit
    touches, in the order of their names.

    Nothing is saved, and no vendor is asked: the plans go by the records and by what was last seen at the vendors. They
    hold everything that is to be done there, also what the edit has nothing to do with. A lock where nothing changes
    has a plan without changes.
    """
    async with hub.database.read() as db:
        saved = await registry.mapping_rows(db, hub.the_studio)
    touched = touched_targets([stored.row for stored in saved if stored.kind == kind], rows)
    edited = [
        registry.MappingRow(0, kind, position, row.source_name, row.target, row) for position, row in enumerate(rows, 1)
    ]
    mapping = [*(stored for stored in saved if stored.kind != kind), *edited]
    plans: list[Plan] = []
    for target in touched:
        row = await hub.connection_row(target)
        if hub.plugins[row.plugin].kind != "lock":
            continue
        scope = await open_scope(hub, row, mapping=mapping)
        planned = await make_plan(scope, now=hub.clock.now(), full=True, retry=True, preview=True)
        plans.append(planned.plan)
    return plans
