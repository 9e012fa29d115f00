"""Doing it all now: read the sources, then bring the targets in line."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field

from hub.core import Hub, NoProgress, Progress
from hub.engine import lanes
from hub.engine.blocked import blocked_in, tell_blocked
from hub.engine.source_pass import SourceRun, run_source
from hub.engine.target_pass import TargetRun, look, open_scope, run_target
from hub.engine.unmapped import tell_mapping
from hub.errors import HubError, UserError
from hub.reconcile.plan import Plan
from hub.reconcile.planner import make_plan
from hub.store.plans import keep_plan
from hub.studio import registry

__all__ = ["SyncResult", "plan_now", "sync_now", "sync_target"]

WAIT_FOR_LANE = 30.0


@dataclass
class SyncResult:
    """Everything that a sync did."""

    sources: list[SourceRun] = field(default_factory=list)
    targets: list[TargetRun] = field(default_factory=list)

    @property
    def exit_code(self) -> int:
        """0 all well, 3 something is held, 4 some records or connections failed and the others are done.

        1 nothing could be done: no source could be read, or no target be reached.
        """
        states = [run.state for run in self.sources] + [run.state for run in self.targets]
        did_something = any(run.applied for run in self.targets)
        sources_broken = bool(self.sources) and all(run.state == "broken" for run in self.sources)
        targets_broken = bool(self.targets) and all(run.state == "broken" for run in self.targets)
        if states and (sources_broken or targets_broken) and not did_something:
            return 1
        if any(state in {"broken", "failed"} for state in states):
            return 4
        return 3 if any(run.held for run in self.targets) else 0


async def sync_now(
    hub: Hub,
    names: Sequence[str] = (),
    *,
    trigger: str = "by hand",
    progress: Progress | None = None,
    read: bool = True,
) -> SyncResult:
    """Read, plan and apply now, records that were set aside included.

    `names` limits it: a source is read and what hangs on it done; a target is brought in line after its sources were
    read. Raises UserError for a name that doesn't exist, LaneBusy where another process is at it for long.
    """
    told = progress or NoProgress()
    sources, targets = await _chosen(hub, names)
    result = SyncResult()
    if read:
        result.sources = list(await asyncio.gather(*(_source(hub, row, trigger, told) for row in sources)))
    result.targets = list(
        await asyncio.gather(*(sync_target(hub, row, trigger=trigger, progress=told) for row in targets))
    )
    return result


async def _source(hub: Hub, row: registry.ConnectionRow, trigger: str, progress: Progress) -> SourceRun:
    async with lanes.holding(hub.database, row.id, row.name, hub.clock, wait=WAIT_FOR_LANE) as lease:
        return await run_source(hub, row, lease=lease, trigger=trigger, progress=progress)


async def sync_target(
    hub: Hub,
    row: registry.ConnectionRow,
    *,
    trigger: str,
    progress: Progress | None = None,
    full: bool = True,
    approved: Collection[str] = (),
    only: Collection[str] | None = None,
) -> TargetRun:
    """Bring one target in line, holding its lane."""
    async with lanes.holding(hub.database, row.id, row.name, hub.clock, wait=WAIT_FOR_LANE) as lease:
        return await run_target(
            hub,
            row,
            lease=lease,
            trigger=trigger,
            progress=progress or NoProgress(),
            full=full,
            retry=True,
            approved=approved,
            only=only,
        )


async def plan_now(
    hub: Hub, names: Sequence[str] = (), *, progress: Progress | None = None, read: bool = True
) -> tuple[list[SourceRun], list[Plan], list[HubError]]:
    """A dry run: read the sources and say what a sync would do. Nothing is changed at any vendor.

    Returns how the reads went, the plans, and what kept a plan from being made.
    """
    told = progress or NoProgress()
    sources, targets = await _chosen(hub, names)
    runs: list[SourceRun] = []
    if read:
        runs = list(await asyncio.gather(*(_source(hub, row, "plan", told) for row in sources)))
    plans: list[Plan] = []
    errors: list[HubError] = []
    for row in targets:
        try:
            plans.append(await _plan_target(hub, row, told))
        except HubError as error:
            errors.append(error)
    return runs, plans, errors


async def _plan_target(hub: Hub, row: registry.ConnectionRow, progress: Progress) -> Plan:
    """Look at the vendor and plan, holding the lane because what is seen is written down."""
    if hub.plugins[row.plugin].kind == "tracker":
        # Classes are looked at with `studiohub sessions`: a plan is about who can open what.
        return Plan(target=row.name, target_id=row.id, made_at=hub.clock.now(), changes=())
    async with lanes.holding(hub.database, row.id, row.name, hub.clock, wait=WAIT_FOR_LANE) as lease:
        scope, _ = await look(await open_scope(hub, row), lease, progress)
        planned = await make_plan(
            scope,
            now=hub.clock.now(),
            full=True,
            retry=True,
            progress=lambda done: progress.step(f"{row.name}: plan", done, None),
        )
        async with hub.database.write() as db:
            await lease.check(db)
            await keep_plan(db, hub.the_studio.id, planned.plan)
            # The plan knows of everybody: what it finds settled is not told any longer.
            await tell_blocked(hub, db, row, blocked_in(planned.plan), planned.plan.made_at)
            await tell_mapping(db, hub.the_studio, hub.plugins, planned.plan.made_at)
    return planned.plan


async def _chosen(hub: Hub, names: Sequence[str]) -> tuple[list[registry.ConnectionRow], list[registry.ConnectionRow]]:
    """The sources and targets that these names mean."""
    rows = await hub.connections()
    if not rows:
        raise UserError(
            "nothing is connected yet", fix="Import a studio file, or `studiohub connect PLUGIN NAME`.", code="empty"
        )
    sources = [row for row in rows if row.options is None]
    targets = [row for row in rows if row.options is not None]
    if not names:
        return sources, targets
    chosen = [await hub.connection_row(name) for name in names]
    async with hub.database.read() as db:
        pairs = {(stored.source, stored.target) for stored in await registry.mapping_rows(db, hub.the_studio)}
    wanted_sources = {row.name for row in chosen if row.options is None}
    wanted_targets = {row.name for row in chosen if row.options is not None}
    wanted_targets |= {target for source, target in pairs if source in wanted_sources}
    wanted_sources |= {
        source for source, target in pairs if target in {row.name for row in chosen if row.options is not None}
    }
    return (
        [row for row in sources if row.name in wanted_sources],
        [row for row in targets if row.name in wanted_targets],
    )
