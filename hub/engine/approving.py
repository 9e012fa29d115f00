"""Carrying out a plan that somebody looked at: apply it, or let its held removals through."""

from __future__ import annotations

from collections.abc import Collection

from hub.core import Hub, Progress
from hub.engine.sync import sync_target
from hub.engine.target_pass import TargetRun
from hub.errors import UserError
from hub.reconcile.plan import Action
from hub.store import journal
from hub.store.plans import StoredPlan, end_plan, find_plan
from hub.studio import registry

__all__ = ["apply_stored", "approve_stored"]


async def apply_stored(
    hub: Hub, name: str, *, who: str, progress: Progress | None = None, lines: Collection[str] | None = None
) -> TargetRun:
    """Apply the lines of a plan that are still wanted, or of these those with the identities in `lines`. Held lines
    stay held."""
    plan, row = await _find(hub, name)
    if row.options is not None and row.options.policy == "observe":
        raise UserError(
            f"{row.name} has the policy observe, so nothing is changed there",
            fix='Set policy = "sync" in the studio file and import it.',
        )
    chosen = {change.identity for change in plan.changes if lines is None or change.identity in lines}
    run = await sync_target(hub, row, trigger="plan", progress=progress, full=False, only=chosen)
    await _end(hub, plan, state="applied", who=who)
    return run


async def approve_stored(hub: Hub, name: str, *, who: str, progress: Progress | None = None) -> TargetRun:
    """Let through what the plan holds, as far as it is still wanted, and do it now. More than that stays held."""
    plan, row = await _find(hub, name)
    held = {change.identity for change in plan.changes if change.action is Action.HELD}
    if not held:
        raise UserError(
            f"plan {plan.id} holds nothing", fix=f"`studiohub apply {plan.id}` does what it says.", code="nothing_held"
        )
    await _end(hub, plan, state="approved", who=who)
    return await sync_target(hub, row, trigger="approval", progress=progress, full=False, approved=held)


async def _find(hub: Hub, name: str) -> tuple[StoredPlan, registry.ConnectionRow]:
    async with hub.database.read() as db:
        plans = await find_plan(db, hub.the_studio.id, name)
        rows = {row.id: row for row in await registry.connections(db, hub.the_studio)}
    if not plans:
        raise UserError(
            f"there is no plan {name!r}", fix="`studiohub plan` makes one and prints its id.", code="no_plan"
        )
    if len(plans) > 1 and plans[0].id != name:
        listed = ", ".join(plan.id for plan in plans[:5])
        raise UserError(f"{name!r} is more than one plan", fix=f"Type more of it: {listed}.")
    return plans[0], rows[plans[0].target_id]


async def _end(hub: Hub, plan: StoredPlan, *, state: str, who: str) -> None:
    now = hub.clock.now()
    async with hub.database.write() as db:
        await end_plan(db, plan.id, state=state, now=now)
        await journal.add_audit(
            db, hub.the_studio.id, who=who, act=state, subject=plan.id, detail=str(plan.counts), now=now
        )
