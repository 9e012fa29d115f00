"""One pass over a source, one pass over a target: what a lane does when it runs."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.access.rules import compile_rules
from hub.engine.lanes import Lease
from hub.errors import FixSettings, HubError, RetryLater
from hub.events import RunFinished
from hub.ingest.read import ReadReport, read_source
from hub.plugins import Ability
from hub.reconcile import ledger
from hub.reconcile.apply import Applied, apply_plan
from hub.reconcile.observe import Observation, observe, read_openings
from hub.reconcile.plan import Action, Plan
from hub.reconcile.planner import Planned, make_plan
from hub.reconcile.scope import Scope
from hub.store import journal
from hub.store import tables as t
from hub.store.plans import keep_plan
from hub.studio import registry

if TYPE_CHECKING:
    from hub.core import Hub, Progress

__all__ = ["SourceRun", "TargetRun", "look", "open_scope", "run_source", "run_target"]

MOST_ROUNDS = 8
"""A pass that keeps making progress on what was left over is repeated this often at the most."""

LONGEST_WAIT = timedelta(seconds=12)


@dataclass
class SourceRun:
    """How a pass over a source ended."""

    name: str
    run_id: str
    report: ReadReport | None = None
    error: HubError | None = None

    @property
    def state(self) -> str:
        """The run's state."""
        if self.error is not None or (self.report is not None and self.report.refused):
            return "broken"
        return "failed" if self.report is not None and self.report.problems else "done"


@dataclass
class TargetRun:
    """How a pass over a target ended. `plan` is the first one made, `last` the last."""

    name: str
    run_id: str
    plan: Plan | None = None
    last: Plan | None = None
    applied: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    observation: Observation | None = None
    error: HubError | None = None

    @property
    def held(self) -> int:
        """How many lines are held."""
        return self.last.counts["held"] if self.last is not None else 0

    @property
    def state(self) -> str:
        """The run's state."""
        if self.error is not None:
            return "failed" if self.applied else "broken"
        if self.failed:
            return "failed"
        return "held" if self.held else "done"


async def open_scope(hub: Hub, row: registry.ConnectionRow) -> Scope:
    """Open a target for a pass."""
    plugin = hub.plugins[row.plugin]
    connection = await hub.open_connection(row)
    assert row.options is not None  # noqa: S101 - a target always has options
    async with hub.database.read() as db:
        rows = await registry.mapping_rows(db, hub.the_studio, target=row.name)
        every = await registry.connections(db, hub.the_studio)
        openings = await _known_openings(db, row.id)
    rules = compile_rules(
        row.name,
        plugin.title,
        row.options,
        rows,
        openings=openings,
        badge_needed=Ability.BADGE_NEEDED in plugin.abilities,
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
    )


async def _known_openings(db: AsyncConnection, target_id: int) -> dict[str, str] | None:
    o = t.opening.c
    rows = (await db.execute(select(o.kind, o.opening_id, o.name).where(o.target_id == target_id))).all()
    return {row.opening_id: row.name for row in rows if row.kind == "group"} if rows else None


async def run_source(
    hub: Hub, row: registry.ConnectionRow, *, lease: Lease, trigger: str, progress: Progress
) -> SourceRun:
    """Read one source. Vendor errors end up in the run and the inbox, not in an exception."""
    studio = hub.the_studio
    async with hub.database.write() as db:
        await lease.check(db)
        run_id = await journal.start_run(
            db, studio.id, connection=row.name, flow=f"{row.name} → records", trigger=trigger, now=hub.clock.now()
        )
    result = SourceRun(row.name, run_id)
    connection = None
    try:
        connection = await hub.open_connection(row)
        async with hub.database.read() as db:
            targets = [other.id for other in await registry.connections(db, studio) if other.options is not None]
        result.report = await read_source(
            hub.database,
            hub.plugins,
            connection,
            source_id=row.id,
            targets=targets,
            progress=lambda kind, seen: progress.step(f"{row.name}: read {kind}", seen, None),
        )
    except HubError as error:
        result.error = error
    await _close_source_run(hub, row, result, lease=lease, calls=connection.counters if connection else None)
    return result


async def _close_source_run(
    hub: Hub, row: registry.ConnectionRow, result: SourceRun, *, lease: Lease, calls: Any
) -> None:
    now, studio = hub.clock.now(), hub.the_studio
    counts: dict[str, int] = {}
    lines: list[journal.LogLine] = []
    base = {"run_id": result.run_id, "connection": row.name}
    report = result.report
    if report is not None:
        for kind, count in sorted(report.kinds.items()):
            counts |= {f"{kind}.{name}": value for name, value in vars(count).items() if value}
        lines.append({**base, "code": "read", "text": _read_text(report)})
        lines += [
            {**base, "level": "warning", "code": "not_complete", "text": f"{kind} is not complete: {why}"}
            for kind, why in sorted(report.why_not.items())
        ]
        lines += [
            {**base, "level": "warning", "code": "set_aside", "text": f"{p.where}: {p.what}. {p.fix}".strip()}
            for p in report.problems[:200]
        ]
        lines += [
            {**base, "level": "warning", "code": "note", "text": f"{p.where}: {p.what}. {p.fix}".strip()}
            for p in report.notes[:50]
        ]
    if result.error is not None:
        lines.append({**base, "level": "error", "code": result.error.code, "text": str(result.error)})
    async with hub.database.write() as db:
        await lease.check(db)
        await _source_inbox(hub, db, row, result, now)
        await journal.add_log(db, studio.id, lines, now=now)
        await journal.finish_run(
            db,
            result.run_id,
            state=result.state,
            now=now,
            counts=counts,
            calls={"reads": calls.reads, "writes": calls.writes, "failures": calls.failures} if calls else {},
            error=str(result.error) if result.error else None,
        )
        await _lane_ended(db, row.id, ok=result.error is None, error=result.error, now=now)
    await _tell_finished(hub, result.run_id, row.name, result.state, counts)


def _read_text(report: ReadReport) -> str:
    """A read in one line."""
    seen = ", ".join(f"{count.seen} {kind}" for kind, count in sorted(report.kinds.items())) or "nothing"
    news = [
        f"{kind}: " + ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in found.items())
        for kind, count in sorted(report.kinds.items())
        if (found := {name: value for name, value in vars(count).items() if value and name != "seen"})
    ]
    return f"read {seen}; {'; '.join(news) or 'nothing new'}"


async def _source_inbox(
    hub: Hub, db: AsyncConnection, row: registry.ConnectionRow, result: SourceRun, now: datetime
) -> None:
    studio, report = hub.the_studio.id, result.report
    if result.error is not None:
        await journal.raise_item(
            db,
            studio,
            code="source_failed",
            subject=row.name,
            connection=row.name,
            text=f"{row.name} could not be read: {result.error}",
            fix=result.error.fix or f"`studiohub verify {row.name}` says more.",
            weight=1,
            now=now,
        )
        return
    assert report is not None  # noqa: S101 - no error means there is a report
    await journal.solve(db, studio, code="source_failed", subject=row.name, now=now)
    for kind, had in report.refused.items():
        await journal.raise_item(
            db,
            studio,
            code="source_empty",
            subject=f"{row.name}: {kind}",
            connection=row.name,
            text=f"{row.name} suddenly has no {kind} records (there were {had}). That is taken for a fault: nobody "
            "loses access because of it.",
            fix="Check the export and sync again. If everybody really left, end their passes at the source.",
            weight=1,
            now=now,
        )
    await journal.solve_all_but(
        db,
        studio,
        code="source_empty",
        connection=row.name,
        keep={f"{row.name}: {kind}" for kind in report.refused},
        now=now,
    )
    subjects = set()
    for problem in report.problems[:100]:
        subject = f"{row.name}: {problem.kind} {problem.id or problem.where}"
        subjects.add(subject)
        await journal.raise_item(
            db,
            studio,
            code="record_set_aside",
            subject=subject,
            connection=row.name,
            text=f"{problem.where}: {problem.what}. What was known before stays as it is.",
            fix=problem.fix,
            weight=3,
            now=now,
        )
    await journal.solve_all_but(db, studio, code="record_set_aside", connection=row.name, keep=subjects, now=now)
    notes = {f"{row.name}: {note.where}: {note.what}" for note in report.notes[:20]}
    for note in report.notes[:20]:
        await journal.raise_item(
            db,
            studio,
            code="source_note",
            subject=f"{row.name}: {note.where}: {note.what}",
            connection=row.name,
            text=f"{note.where}: {note.what}.",
            fix=note.fix,
            weight=7,
            now=now,
        )
    await journal.solve_all_but(db, studio, code="source_note", connection=row.name, keep=notes, now=now)


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
) -> TargetRun:
    """Bring one target in line: look (when `full`), plan, apply, and again while that gets further.

    `only` limits what is applied to lines with these identities (a plan that an admin chose).
    """
    studio = hub.the_studio
    async with hub.database.write() as db:
        await lease.check(db)
        run_id = await journal.start_run(
            db, studio.id, connection=row.name, flow=f"records → {row.name}", trigger=trigger, now=hub.clock.now()
        )
        await ledger.find_crashed(db, row.id, lease.token, now=hub.clock.now())
    result = TargetRun(row.name, run_id)
    scope = None
    try:
        scope = await open_scope(hub, row)
        if full:
            scope, result.observation = await look(scope, lease, progress)
        await _rounds(hub, scope, lease, result, progress, full=full, retry=retry, approved=approved, only=only)
        if full:
            await _full_done(hub, row.id, lease)
    except HubError as error:
        result.error = error
    await _close_target_run(hub, row, result, lease=lease, calls=scope.connection.counters if scope else None)
    return result


async def look(scope: Scope, lease: Lease, progress: Progress) -> tuple[Scope, Observation | None]:
    """Read the vendor's groups and what stands there; returns the scope with the groups as they are now."""
    name = scope.name
    if scope.plugins.has(scope.plugin.name, "list_openings"):
        progress.step(f"{name}: read groups and locks", 0, None)
        groups = await read_openings(scope, lease=lease)
        if scope.can(Ability.GROUPS):
            rules = replace(scope.rules, openings=frozenset(groups), opening_names=groups)
            scope = replace(scope, rules=rules)
    if not scope.can(Ability.OBSERVE):
        return scope, None
    seen = await observe(
        scope, lease=lease, progress=lambda seen: progress.step(f"{name}: look at what stands there", seen, None)
    )
    return scope, seen


async def _rounds(
    hub: Hub,
    scope: Scope,
    lease: Lease,
    result: TargetRun,
    progress: Progress,
    *,
    full: bool,
    retry: bool,
    approved: Collection[str],
    only: Collection[str] | None,
) -> None:
    """Plan and apply; then again for what is left over, as long as that gets further."""
    left_before: int | None = None
    for number in range(MOST_ROUNDS):
        now = hub.clock.now()
        planned = await make_plan(
            scope,
            now=now,
            full=full and number == 0,
            retry=retry or number > 0,
            approved=approved,
            progress=lambda done: progress.step(f"{scope.name}: plan", done, None),
        )
        if only is not None:
            planned = _limit(planned, only)
        if result.plan is None:
            result.plan = planned.plan
        result.last = planned.plan
        await _keep_plan(hub, planned.plan, lease)
        if scope.options.policy == "observe":
            return
        applied = await apply_plan(
            scope,
            planned.plan,
            planned.stays,
            lease=lease,
            run_id=result.run_id,
            progress=lambda done, total: progress.step(f"{scope.name}: apply", done, total),
        )
        for action, count in applied.done.items():
            result.applied[action] = result.applied.get(action, 0) + count
        result.failed = {
            outcome.intent.change.ref: str(outcome.error)
            for outcome in applied.failed
            if outcome.error is not applied.stopped_by
        }
        if applied.stopped_by is not None:
            raise _stopped(scope, applied)
        left = await _left(hub, scope)
        if left == 0 or not applied.failed:
            return
        further = applied.progress > 0 or left_before is None or left < left_before
        if not retry or not (await _wait_until_sure(hub, applied) or further):
            return
        left_before = left


def _limit(planned: Planned, only: Collection[str]) -> Planned:
    """Leave out every line that is not in the chosen plan, and leave its member on the agenda."""
    changes = [
        change
        for change in planned.plan.changes
        if change.identity in only or change.action in {Action.BLOCKED, Action.HELD}
    ]
    return Planned(msgspec.structs.replace(planned.plan, changes=changes), planned.stays)


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


async def _keep_plan(hub: Hub, plan: Plan, lease: Lease) -> None:
    """Keep a plan that has something in it, so that it can be looked at, applied or approved."""
    if not plan.changes:
        return
    async with hub.database.write() as db:
        await lease.check(db)
        await keep_plan(db, hub.the_studio.id, plan)


async def _full_done(hub: Hub, target_id: int, lease: Lease) -> None:
    async with hub.database.write() as db:
        await lease.check(db)
        await db.execute(update(t.lane).where(t.lane.c.connection_id == target_id).values(full_at=hub.clock.now()))


async def _lane_ended(
    db: AsyncConnection, connection_id: int, *, ok: bool, error: HubError | None, now: datetime
) -> None:
    lane = t.lane.c
    values: dict[str, Any] = (
        {"failures": 0, "succeeded_at": now, "error": None, "down_since": None}
        if ok
        else {
            "failures": lane.failures + 1,
            "error": str(error) if error else None,
            "down_since": func.coalesce(lane.down_since, now),
        }
    )
    await db.execute(update(t.lane).where(lane.connection_id == connection_id).values(**values))


async def _close_target_run(
    hub: Hub, row: registry.ConnectionRow, result: TargetRun, *, lease: Lease, calls: Any
) -> None:
    now, studio = hub.clock.now(), hub.the_studio
    counts = {**result.applied, "failed": len(result.failed), "held": result.held}
    if result.last is not None:
        counts |= {"blocked": result.last.counts["blocked"], "unchanged": result.last.counts["unchanged"]}
    lines: list[journal.LogLine] = []
    base = {"run_id": result.run_id, "connection": row.name}
    if result.error is not None:
        lines.append({**base, "level": "error", "code": result.error.code, "text": str(result.error)})
    if result.held and result.last is not None:
        lines.append(
            {
                **base,
                "level": "warning",
                "code": "held",
                "text": f"{result.held} removals are held (plan {result.last.id})",
            }
        )
    async with hub.database.write() as db:
        await lease.check(db)
        await _target_inbox(hub, db, row, result, now)
        await journal.add_log(db, studio.id, lines, now=now)
        await journal.finish_run(
            db,
            result.run_id,
            state=result.state,
            now=now,
            counts=counts,
            calls={"reads": calls.reads, "writes": calls.writes, "failures": calls.failures} if calls else {},
            error=str(result.error) if result.error else None,
        )
        await _lane_ended(db, row.id, ok=result.error is None, error=result.error, now=now)
    await _tell_finished(hub, result.run_id, row.name, result.state, counts)


async def _target_inbox(
    hub: Hub, db: AsyncConnection, row: registry.ConnectionRow, result: TargetRun, now: datetime
) -> None:
    studio = hub.the_studio.id
    if result.error is not None:
        await journal.raise_item(
            db,
            studio,
            code="target_failed",
            subject=row.name,
            connection=row.name,
            text=str(result.error),
            fix=result.error.fix or f"`studiohub verify {row.name}` says more.",
            weight=1,
            now=now,
        )
    else:
        await journal.solve(db, studio, code="target_failed", subject=row.name, now=now)
    if result.last is None:
        return
    held = {result.last.id} if result.held else set()
    if result.held:
        names = [change.name for change in result.last.of(Action.HELD)[:3]]
        more = f" and {result.held - len(names)} more" if result.held > len(names) else ""
        await journal.raise_item(
            db,
            studio,
            code="held",
            subject=result.last.id,
            connection=row.name,
            text=f"{result.held} removals at {row.name} are held: {', '.join(names)}{more}. Nobody has lost access.",
            fix=f"Look: `studiohub plan {row.name}`. If it is right: `studiohub approve {result.last.id}`.",
            weight=1,
            now=now,
        )
    await journal.solve_all_but(db, studio, code="held", connection=row.name, keep=held, now=now)
    await _blocked_inbox(hub, db, row, now)


_BLOCKED = {
    "no_badge": (
        "{people} with a valid pass but without a badge",
        "Assign badges at the source; access comes by itself then.",
    ),
    "badge_twice": ("{people} with a badge number that somebody else has too", "Correct the numbers at the source."),
    "opening_missing": (
        "{people} whose mapping row names a group that {target} does not have",
        "Correct the mapping rows, or make the group at {target}.",
    ),
}


async def _blocked_inbox(hub: Hub, db: AsyncConnection, row: registry.ConnectionRow, now: datetime) -> None:
    """One line for each reason that blocks people, with how many."""
    a = t.agenda.c
    query = select(a.note, func.count()).where(a.target_id == row.id, a.note.in_(_BLOCKED)).group_by(a.note)
    counts: dict[str, int] = dict((await db.execute(query)).all())
    for code, (text, fix) in _BLOCKED.items():
        subject, count = f"{row.name}: {code}", counts.get(code, 0)
        if not count:
            await journal.solve(db, hub.the_studio.id, code=code, subject=subject, now=now)
            continue
        people = "1 member" if count == 1 else f"{count} members"
        await journal.raise_item(
            db,
            hub.the_studio.id,
            code=code,
            subject=subject,
            connection=row.name,
            text=f"{text.format(people=people, target=row.name)}.",
            fix=fix.format(target=row.name),
            weight=4,
            now=now,
        )


async def _tell_finished(hub: Hub, run_id: str, name: str, state: str, counts: dict[str, int]) -> None:
    event = RunFinished(at=hub.clock.now(), run_id=run_id, connection=name, state=state, counts=counts)
    complaints: list[journal.LogLine] = []

    def complain(plugin: str, error: Exception) -> None:
        complaints.append({"level": "warning", "code": "observer", "text": f"plugin {plugin}: {error}"})

    await hub.plugins.tell("run_finished", event, on_error=complain)
    if complaints:
        async with hub.database.write() as db:
            await journal.add_log(db, hub.the_studio.id, complaints, now=hub.clock.now())
