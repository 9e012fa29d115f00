"""One pass over a source: read it into records, and wake the targets that have something to do."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.engine.closing import close_run, tell_finished
from hub.engine.lanes import Lease
from hub.engine.source_told import NOTES, notes_to_tell, tell_not_complete, tell_shared_addresses
from hub.engine.steps import Steps
from hub.engine.stopping import RunStopped, StopWatch
from hub.engine.wake import wake
from hub.errors import HubError
from hub.http import Counters
from hub.ingest.read import Between, ReadReport, read_source
from hub.plugins import Plugin, Poll
from hub.records import Window
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry
from hub.words import of_kind

if TYPE_CHECKING:
    from hub.core import Hub, Progress

__all__ = ["SourceRun", "all_windows", "run_source", "wake_targets", "window_of_poll"]


@dataclass
class SourceRun:
    """How a pass over a source ended."""

    name: str
    run_id: str
    report: ReadReport | None = None
    error: HubError | None = None
    stopped: bool = False
    """Somebody asked it to leave off: what it read by then is kept, and concludes nothing."""
    woken: Sequence[int] = ()
    """The targets that have something to do now."""

    @property
    def state(self) -> str:
        """The run's state."""
        if self.stopped:
            return "stopped"
        if self.error is not None or (self.report is not None and self.report.refused):
            return "broken"
        return "failed" if self.report is not None and self.report.problems else "done"


async def run_source(
    hub: Hub,
    row: registry.ConnectionRow,
    *,
    lease: Lease,
    trigger: str,
    progress: Progress,
    windows: Sequence[Window] | None = None,
    between: Between | None = None,
    quiet: bool = False,
    pressing: bool = False,
) -> SourceRun:
    """Read one source. Vendor errors end up in the run and the inbox, not in an exception.

    `windows` limit the read (default: all that the plugin's polls say); `between` may read something else first between
    two parts. `quiet`: a run in which nothing is new leaves no trace. `pressing`: the changes go before all others at
    the targets.
    """
    studio = hub.the_studio
    async with hub.database.write() as db:
        await lease.check(db)
        run_id = await journal.start_run(
            db, studio.id, connection=row.name, flow=f"{row.name} → records", trigger=trigger, now=hub.clock.now()
        )
    result = SourceRun(row.name, run_id)
    steps = Steps(progress, hub.database, row.name)
    steps.run_id = run_id
    watch = StopWatch(hub.database, run_id, None)

    async def pause(first: Callable[[Window], Awaitable[None]]) -> None:
        await watch.or_stop()
        if between is not None:
            await between(first)

    calls: Counters | None = None
    try:
        connection = await hub.open_connection(row)
        before = connection.counters
        try:
            result.report = await read_source(
                hub.database,
                hub.plugins,
                connection,
                source_id=row.id,
                lease=lease,
                windows=windows if windows is not None else all_windows(connection.plugin, hub.clock.now()),
                between=pause,
                pressing=pressing,
                progress=lambda kind, seen: steps.step(f"{row.name}: read {of_kind(kind)}", seen, None),
            )
        finally:
            calls = connection.counters.since(before)
    except RunStopped:
        result.stopped = True
    except HubError as error:
        result.error = error
    told = await steps.ended(well=result.error is None)
    whole = windows is None
    await _close(hub, row, result, lease=lease, calls=calls, quiet=quiet, whole=whole, pressing=pressing, steps=told)
    return result


async def _close(
    hub: Hub,
    row: registry.ConnectionRow,
    result: SourceRun,
    *,
    lease: Lease,
    calls: Counters | None,
    quiet: bool,
    whole: bool,
    pressing: bool,
    steps: Sequence[Mapping[str, Any]],
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
    async with hub.database.write() as db:
        await lease.check(db)
        new_items = not result.stopped and await _inbox(hub, db, row, result, now, whole=whole)
        kept = await close_run(
            db,
            studio.id,
            result.run_id,
            connection=row.name,
            connection_id=row.id,
            state=result.state,
            now=now,
            counts=counts,
            calls=calls,
            error=result.error,
            lines=lines,
            news=new_items or (report is not None and report.changes > 0),
            quiet=quiet,
            steps=steps,
        )
        result.woken = await wake_targets(db, studio, now, pressing=pressing)
    if kept:
        await tell_finished(hub, result.run_id, row.name, result.state, counts)


def all_windows(plugin: Plugin, now: datetime) -> list[Window]:
    """What a read of everything consists of: each of the plugin's polls, the nearest window first."""
    return [window_of_poll(poll, now) for poll in plugin.polls] or [Window()]


def window_of_poll(poll: Poll, now: datetime) -> Window:
    """What one poll reads at that moment."""
    return Window(
        starts_at=now - poll.before if poll.before is not None else None,
        ends_at=now + poll.after if poll.after is not None else None,
        kinds=poll.kinds,
    )


async def wake_targets(db: AsyncConnection, studio: registry.Studio, now: datetime, *, pressing: bool) -> list[int]:
    """Wake every target that has somebody to look at, whoever put them there: a read before this one may have died
    before it came to it."""
    a = t.agenda.c
    woken = []
    for row in await registry.connections(db, studio):
        if row.options is None:
            continue
        query = select(a.member).where(a.target_id == row.id, a.stamp.is_not(None)).limit(1)
        if (await db.execute(query)).first() is not None:
            woken.append(row.id)
    await wake(db, woken, at=now, reason="records changed", urgent=pressing)
    return woken


def _read_text(report: ReadReport) -> str:
    """A read in one line."""
    seen = ", ".join(of_kind(kind, count.seen) for kind, count in sorted(report.kinds.items())) or "nothing"
    news = [
        f"{of_kind(kind)}: " + ", ".join(f"{value} {name.replace('_', ' ')}" for name, value in found.items())
        for kind, count in sorted(report.kinds.items())
        if (found := {name: value for name, value in vars(count).items() if value and name != "seen"})
    ]
    return f"read {seen}; {'; '.join(news) or 'nothing new'}"


async def _inbox(
    hub: Hub, db: AsyncConnection, row: registry.ConnectionRow, result: SourceRun, now: datetime, *, whole: bool
) -> bool:
    """Bring the inbox up to date; returns whether something is new. A read that was not the whole source solves
    nothing that it did not see."""
    studio, report = hub.the_studio.id, result.report
    new = False
    if result.error is not None:
        return await journal.raise_item(
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
    assert report is not None  # noqa: S101 - no error means there is a report
    await journal.solve(db, studio, code="source_failed", subject=row.name, now=now)
    for kind, had in report.refused.items():
        new |= await journal.raise_item(
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
    subjects = set()
    for problem in report.problems[:100]:
        subject = f"{row.name}: {problem.kind} {problem.id or problem.where}"
        subjects.add(subject)
        new |= await journal.raise_item(
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
    told = notes_to_tell(report)[:20]
    notes: dict[str, set[str]] = {code: set() for code in NOTES}
    for note in told:
        code = note.code if note.code in NOTES else "source_note"
        subject = f"{row.name}: {note.where}: {note.what}"
        notes[code].add(subject)
        new |= await journal.raise_item(
            db,
            studio,
            code=code,
            subject=subject,
            connection=row.name,
            text=f"{note.where}: {note.what}.",
            fix=note.fix,
            weight=7 if code == "source_note" else 2,
            now=now,
        )
    people = report.kinds.get("member")
    if people is not None and people.new + people.changed + people.gone:
        new |= await tell_shared_addresses(db, studio, row.name, row.id, now=now)
    empty = {f"{row.name}: {kind}" for kind in report.refused}
    if whole:
        new |= await tell_not_complete(db, studio, row.name, report, now=now)
        for code, keep in (("source_empty", empty), ("record_set_aside", subjects), *notes.items()):
            await journal.solve_all_but(db, studio, code=code, connection=row.name, keep=keep, now=now)
        return new
    for kind in report.complete:
        about = f"{row.name}: {kind}"
        for code, keep in (("source_empty", empty), ("record_set_aside", subjects)):
            await journal.solve_all_but(db, studio, code=code, connection=row.name, keep=keep, about=about, now=now)
    return new
