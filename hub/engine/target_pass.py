"""One pass over a target: look at what stands there, plan, apply."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import logs, times
from hub.access.rules import Openings, compile_rules
from hub.classes.tracker_pass import run_tracker
from hub.engine.blocked import badges_unread
from hub.engine.lanes import Lease
from hub.engine.steps import Steps
from hub.engine.stopping import StopWatch
from hub.engine.target_result import TargetRun
from hub.engine.target_told import close_target_run
from hub.errors import FixSettings, HubError, RetryLater
from hub.http import Counters
from hub.ingest.read import mark_dirty
from hub.plugins import Ability
from hub.reconcile import ledger
from hub.reconcile.apply import Applied, apply_plan
from hub.reconcile.observe import Observation, observe, read_openings
from hub.reconcile.plan import Change, Plan, without
from hub.reconcile.planner import Planned, make_plan
from hub.reconcile.scope import Scope
from hub.store import journal
from hub.store import tables as t
from hub.store.plans import keep_plan
from hub.studio import registry

if TYPE_CHECKING:
    from hub.core import Hub, Progress

__all__ = ["TargetRun", "look", "open_scope", "run_target"]

MOST_ROUNDS = 8
"""A pass that keeps making progress on what was left over is repeated this often at the most."""

LONGEST_WAIT = timedelta(seconds=12)

Leave = Callable[[], Awaitable[bool]]


class _LeftOff(Exception):
    """Internal: the pass ends here although there is more to do."""


@dataclass
class _Pass:
    """A pass under way."""

    hub: Hub
    scope: Scope
    lease: Lease
    result: TargetRun
    progress: Progress
    approved: frozenset[str]
    only: Collection[str] | None
    leave: Leave
    keep: bool


async def open_scope(
    hub: Hub, row: registry.ConnectionRow, *, mapping: Sequence[registry.MappingRow] | None = None
) -> Scope:
    """Open a target for a pass. `mapping` are rows to go by instead of those that are saved."""
    plugin = hub.plugins[row.plugin]
    connection = await hub.open_connection(row)
    assert row.options is not None  # noqa: S101 - a target always has options
    async with hub.database.read() as db:
        rows = mapping
        if rows is None:
            rows = await registry.mapping_rows(db, hub.the_studio, target=row.name)
        every = await registry.connections(db, hub.the_studio)
        openings = await _known_openings(db, row.id)
    rules = compile_rules(
        row.name,
        plugin.title,
        row.options,
        [stored for stored in rows if stored.target == row.name],
        openings=openings,
        badge_needed=Ability.BADGE_NEEDED in plugin.abilities,
        badges_unread=badges_unread(hub.plugins, every),
        profile=plugin.profile,
    )
    return Scope(
        database=hub.database,
        plugins=hub.plugins,
        studio=hub.the_studio,
        target_id=row.id,
        connection=connection,
        options=row.options,
        rules=rules,
        sources={other.id: other.name for other in every if other.options is None},
        zone=times.zone(hub.the_studio.timezone),
        vault=hub.vault,
    )


async def _known_openings(db: AsyncConnection, target_id: int) -> Openings | None:
    o = t.opening.c
    rows = (await db.execute(select(o.kind, o.opening_id, o.name).where(o.target_id == target_id))).all()
    groups = {row.opening_id: row.name for row in rows if row.kind == "group"}
    return Openings(groups, {row.opening_id: row.name for row in rows if row.kind == "lock"}) if rows else None


async def run_target(
    hub: Hub,
    row: registry.ConnectionRow,
    *,
    lease: Lease,
    trigger: str,
    progress: Progress,
    full: bool,
    retry: bool,
    approved: Collection[str] = (),
    only: Collection[str] | None = None,
    leave: Leave | None = None,
    quiet: bool = False,
) -> TargetRun:
    """Bring one target in line: look (when `full`), plan, apply, and again while that gets further.

    `only` limits what is applied to lines with these identities (a plan that an admin chose). `leave` is asked between
    two slices whether to leave off. `quiet`: a run in which nothing is new leaves no trace. Members that are pressing
    go before all others, also before the looking. A tracker has a pass of its own.
    """
    if hub.plugins[row.plugin].kind == "tracker":
        return await run_tracker(
            hub,
            row,
            lease=lease,
            trigger=trigger,
            progress=progress,
            full=full,
            retry=retry,
            approved=approved,
            leave=leave,
            quiet=quiet,
        )
    studio = hub.the_studio
    async with hub.database.write() as db:
        await lease.check(db)
        run_id = await journal.start_run(
            db, studio.id, connection=row.name, flow=f"records → {row.name}", trigger=trigger, now=hub.clock.now()
        )
        await ledger.find_crashed(db, row.id, lease.token, now=hub.clock.now())
    result = TargetRun(row.name, run_id, chosen=only is not None)
    steps = Steps(progress, hub.database, row.name, _steps(hub, row, full=full))
    steps.run_id = run_id
    watch = StopWatch(hub.database, run_id, leave)
    with logs.bind(run=run_id):
        calls = await _work(
            hub,
            row,
            result,
            lease,
            steps,
            frozenset(approved),
            only,
            watch.leave,
            full=full,
            retry=retry,
            keep=not quiet,
        )
        result.stopped = watch.asked and result.left_off
        await close_target_run(hub, row, result, lease=lease, calls=calls, quiet=quiet, steps=steps)
    return result


def _steps(hub: Hub, row: registry.ConnectionRow, *, full: bool) -> tuple[str, ...]:
    """The steps that a pass will have."""
    looks = []
    if full and hub.plugins.has(row.plugin, "list_openings"):
        looks.append("read groups and locks")
    if full and row.plugin in hub.plugins.loaded and Ability.OBSERVE in hub.plugins[row.plugin].abilities:
        looks.append("look at what stands there")
    return (*looks, "plan", "apply")


async def _work(
    hub: Hub,
    row: registry.ConnectionRow,
    result: TargetRun,
    lease: Lease,
    progress: Progress,
    approved: frozenset[str],
    only: Collection[str] | None,
    leave: Leave,
    *,
    full: bool,
    retry: bool,
    keep: bool,
) -> Counters | None:
    """Do the pass; returns what it asked of the vendor. A vendor's errors end up in the result."""
    calls: Counters | None = None
    try:
        scope = await open_scope(hub, row)
        before = scope.connection.counters
        work = _Pass(hub, scope, lease, result, progress, approved, only, leave, keep)
        try:
            if only is None:
                await _pressing(work)
            if full:
                work.scope, result.observation = await look(scope, lease, progress, between=lambda: _pressing(work))
            await _rounds(work, full=full, retry=retry)
            if full:
                await _full_done(hub, row.id, lease)
        finally:
            calls = scope.connection.counters.since(before)
    except _LeftOff:
        result.left_off = True
    except HubError as error:
        result.error = error
    return calls


async def look(
    scope: Scope, lease: Lease, progress: Progress, *, between: Callable[[], Awaitable[None]] | None = None
) -> tuple[Scope, Observation | None]:
    """Read the vendor's groups and what stands there; returns the scope with the groups as they are now. `between` is
    called between two pages."""
    name = scope.name
    if scope.plugins.has(scope.plugin.name, "list_openings"):
        progress.step(f"{name}: read groups and locks", 0, None)
        openings = await read_openings(scope, lease=lease)
        if scope.can(Ability.GROUPS) or scope.can(Ability.LOCKS):
            scope = replace(scope, rules=replace(scope.rules, openings=openings))
    if not scope.can(Ability.OBSERVE):
        return scope, None
    seen = await observe(
        scope,
        lease=lease,
        between=between,
        progress=lambda seen: progress.step(f"{name}: look at what stands there", seen, None),
    )
    return scope, seen


async def _pressing(work: _Pass) -> None:
    """Do what is pressing before anything else. What would be a surprise is left for the pass that sees everything, so
    that the limit on removals is not undercut one by one."""
    scope, hub = work.scope, work.hub
    if await work.leave():
        raise _LeftOff
    if scope.options.policy == "observe" or not await _anybody_pressing(hub, scope):
        return
    planned = await make_plan(scope, now=hub.clock.now(), full=False, pressing=True)
    planned = _without_surprises(planned, scope.sources.keys(), work.approved)
    applied = await _apply(work, planned)
    if applied.stopped_by is not None:
        raise _stopped(scope, applied)


async def _anybody_pressing(hub: Hub, scope: Scope) -> bool:
    a = t.agenda.c
    query = select(a.member).where(a.target_id == scope.target_id, a.stamp.is_not(None), a.stamp < 0).limit(1)
    async with hub.database.read() as db:
        return (await db.execute(query)).first() is not None


async def _rounds(work: _Pass, *, full: bool, retry: bool) -> None:
    """Plan and apply; then again for what is left over, as long as that gets further."""
    hub, scope, result = work.hub, work.scope, work.result
    left_before: int | None = None
    for number in range(MOST_ROUNDS):
        before = await _reads_of(hub, scope)
        planned = await make_plan(
            scope,
            now=hub.clock.now(),
            full=full and number == 0,
            retry=retry or number > 0,
            approved=work.approved,
            progress=lambda done: work.progress.step(f"{scope.name}: plan", done, None),
        )
        if work.only is not None:
            planned = _limit(planned, work.only)
        unsure = _read_meanwhile(before, await _reads_of(hub, scope))
        if unsure and any(change.surprise for change in planned.plan.changes):
            planned, result.partial = _without_surprises(planned, unsure, work.approved), True
        if result.plan is None:
            result.plan = planned.plan
        result.last = planned.plan
        if planned.plan.changes and (work.keep or result.held):
            async with hub.database.write() as db:
                await work.lease.check(db)
                await keep_plan(db, hub.the_studio.id, planned.plan)
        if scope.options.policy == "observe":
            return
        applied = await _apply(work, planned)
        if applied.left_off:
            if planned.plan.full:
                await _put_back(work, planned.plan, applied)
            result.left_off = True
            return
        if applied.stopped_by is not None:
            raise _stopped(scope, applied)
        left = await _left(hub, scope)
        if left == 0:
            return
        pauses = scope.plugin.look_again
        if applied.waiting and retry and number < len(pauses):
            # Whoever typed this wants to see it done.
            await hub.clock.sleep(pauses[number].total_seconds())
            continue
        if not applied.failed:
            return
        further = applied.progress > 0 or left_before is None or left < left_before
        if not retry or not (await _wait_until_sure(hub, applied) or further):
            return
        left_before = left


async def _apply(work: _Pass, planned: Planned) -> Applied:
    scope, result = work.scope, work.result
    applied = await apply_plan(
        scope,
        planned.plan,
        planned.stays,
        resting=planned.resting,
        lease=work.lease,
        run_id=result.run_id,
        leave=work.leave,
        progress=lambda done, total: work.progress.step(f"{scope.name}: apply", done, total),
    )
    for action, count in applied.done.items():
        if (total := result.applied.pop(action, 0) + count) > 0:
            result.applied[action] = total
    result.failed = {
        outcome.intent.change.ref: str(outcome.error)
        for outcome in applied.failed
        if outcome.error is not applied.stopped_by
    }
    return applied


async def _reads_of(hub: Hub, scope: Scope) -> dict[int, tuple[int, bool]]:
    """For each source, how often it was worked on so far, and whether it is right now."""
    lane = t.lane.c
    query = select(lane.connection_id, lane.token, lane.lease_owner).where(lane.connection_id.in_(scope.sources))
    async with hub.database.read() as db:
        return {row.connection_id: (row.token, row.lease_owner is not None) for row in await db.execute(query)}


def _read_meanwhile(before: Mapping[int, tuple[int, bool]], after: Mapping[int, tuple[int, bool]]) -> set[int]:
    """Sources that were being read while the plan was made: it may have seen a part of what a read brings."""
    return {source for source, (token, busy) in after.items() if busy or before.get(source) != (token, False)}


def _without_surprises(planned: Planned, sources: Collection[int], approved: Collection[str]) -> Planned:
    """Leave out what takes access away by surprise: it is counted, and held, where all of it is in view. Its members
    stay on the agenda."""
    changes = without(
        planned.plan.changes,
        lambda change: change.surprise and change.source_id in sources and change.identity not in approved,
    )
    return Planned(msgspec.structs.replace(planned.plan, changes=changes), planned.stays, planned.resting)


async def _put_back(work: _Pass, plan: Plan, applied: Applied) -> None:
    """Put on the agenda whom a full plan found and did not come to."""
    todo = plan.to_do
    by_source: dict[int, set[str]] = {}
    for change in todo[len(todo) - applied.left :]:
        by_source.setdefault(change.source_id, set()).add(change.member)
    async with work.hub.database.write() as db:
        await work.lease.check(db)
        for source_id, members in by_source.items():
            await mark_dirty(db, work.scope.target_id, source_id, members)


def _limit(planned: Planned, only: Collection[str]) -> Planned:
    """Leave out every line that is not in the chosen plan, with what has to follow it, and leave its member on the
    agenda."""
    gone = {
        (change.source_id, change.member, change.key)
        for change in planned.plan.changes
        if change.to_do and change.identity not in only
    }

    def leave_out(change: Change) -> bool:
        behind = any((change.source_id, change.member, key) in gone for key in change.follows)
        return change.to_do and (change.identity not in only or behind)

    changes = without(planned.plan.changes, leave_out)
    return Planned(msgspec.structs.replace(planned.plan, changes=changes), planned.stays, planned.resting)


def _stopped(scope: Scope, applied: Applied) -> HubError:
    error = applied.stopped_by
    waiting = applied.left + len(applied.failed)
    if isinstance(error, FixSettings):
        return FixSettings(
            f"{scope.name} refuses this hub; {waiting} changes wait and all access stays as it is",
            said=error.said,
            fix=error.fix,
        )
    assert isinstance(error, HubError)  # noqa: S101 - only hub errors stop a pass
    after = error.after if isinstance(error, RetryLater) else None
    return RetryLater(
        f"{scope.name} does not answer; {waiting} changes wait",
        said=f"{error.what} {error.said}".strip(),
        after=after,
        fix="They are tried again by themselves.",
        code="vendor_down",
    )


async def _left(hub: Hub, scope: Scope) -> int:
    c = t.ledger.c
    query = select(func.count()).where(c.target_id == scope.target_id, c.settled.is_(False))
    async with hub.database.read() as db:
        return int((await db.execute(query)).scalar_one())


async def _wait_until_sure(hub: Hub, applied: Applied) -> bool:
    """Wait, but not long, for what a vendor asked for or for lost calls to show their effect; returns whether there was
    something to wait for."""
    waits = [
        outcome.error.after
        for outcome in applied.failed
        if isinstance(outcome.error, RetryLater) and outcome.error.after is not None
    ]
    if not waits:
        return False
    await hub.clock.sleep(min(max(waits), LONGEST_WAIT).total_seconds())
    return True


async def _full_done(hub: Hub, target_id: int, lease: Lease) -> None:
    async with hub.database.write() as db:
        await lease.check(db)
        await db.execute(update(t.lane).where(t.lane.c.connection_id == target_id).values(full_at=hub.clock.now()))
