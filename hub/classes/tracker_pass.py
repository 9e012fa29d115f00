"""One pass over a tracker: decide about classes and riders, write it down, bring the tracker in line."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select, update

from hub import logs, times
from hub.classes.events import find_crashed, work_through
from hub.classes.people import bring_people, known_members
from hub.classes.results import fetch_due
from hub.classes.rules import compile_rooms
from hub.classes.scope import TrackerScope
from hub.classes.seating import release
from hub.classes.seatmaps import check_seat_maps
from hub.classes.told import close_tracker_run
from hub.classes.wishes import Wishes, let_go, scan, wish
from hub.classes.work import Work
from hub.engine.lanes import Lease
from hub.engine.stopping import StopWatch
from hub.engine.target_result import TargetRun
from hub.errors import FixSettings, HubError, RetryLater
from hub.http import Counters
from hub.ingest.read import CLASSES
from hub.reconcile.ledger import carry_out_stays, links_of
from hub.reconcile.observe import read_openings
from hub.reconcile.plan import Stay
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry

if TYPE_CHECKING:
    from hub.core import Hub, Progress

__all__ = ["open_tracker", "run_tracker", "work_for"]

MOST_ROUNDS = 8

LONGEST_WAIT = timedelta(seconds=20)
"""So long a pass that somebody waits for waits for lost calls to show their effect."""


async def open_tracker(hub: Hub, row: registry.ConnectionRow, lease: Lease, run_id: str) -> TrackerScope:
    """Open a tracker for a pass."""
    connection = await hub.open_connection(row)
    assert row.options is not None  # noqa: S101 - a target always has options
    async with hub.database.read() as db:
        every = await registry.connections(db, hub.the_studio)
    return TrackerScope(
        database=hub.database,
        plugins=hub.plugins,
        vault=hub.vault,
        studio=hub.the_studio,
        target_id=row.id,
        connection=connection,
        options=row.options,
        sources={other.id: other.name for other in every if other.options is None},
        zone=times.zone(hub.the_studio.timezone),
        lease=lease,
        run_id=run_id,
        public_url=hub.settings.public_url,
        link_days=hub.settings.member_link_days,
    )


async def run_tracker(
    hub: Hub,
    row: registry.ConnectionRow,
    *,
    lease: Lease,
    trigger: str,
    progress: Progress,
    full: bool,
    retry: bool,
    approved: Collection[str] = (),
    leave: Callable[[], Awaitable[bool]] | None = None,
    quiet: bool = False,
) -> TargetRun:
    """Bring one tracker in line: classes, riders, seats; then results that are due.

    `full` looks at everything and compares all of it with the tracker, people and seat maps included; otherwise what
    changed, what is open and what is due. `approved` lets classes go that vanished. `retry` tries again what was set
    aside. `leave` is asked now and then whether to leave off. `quiet`: a run in which nothing is new leaves no trace.
    """
    studio = hub.the_studio
    async with hub.database.write() as db:
        await lease.check(db)
        run_id = await journal.start_run(
            db, studio.id, connection=row.name, flow=f"classes → {row.name}", trigger=trigger, now=hub.clock.now()
        )
        await find_crashed(db, row.id, lease.token, now=hub.clock.now())
    result = TargetRun(row.name, run_id)
    watch = StopWatch(hub.database, run_id, leave)
    work: Work | None = None
    calls: Counters | None = None
    found = Wishes()
    with logs.bind(run=run_id):
        try:
            scope = await open_tracker(hub, row, lease, run_id)
            before = scope.connection.counters
            work = await work_for(hub, scope, row)
            work.full, work.retry, work.approved = full, retry, approved
            work.progress = lambda title, done, total: progress.step(f"{row.name}: {title}", done, total)
            work.leave = watch.leave
            try:
                await _pass(work, found)
            finally:
                calls = scope.connection.counters.since(before)
            if full and not work.left_off:
                await _full_done(hub, row.id, lease)
        except HubError as error:
            result.error = error
        if work is not None:
            result.applied, result.failed, result.held_classes = work.done, work.failed, work.held
            result.left_off, result.stopped = work.left_off, watch.asked and work.left_off
        await close_tracker_run(hub, row, result, work, found, lease=lease, calls=calls, quiet=quiet)
    return result


async def work_for(hub: Hub, scope: TrackerScope, row: registry.ConnectionRow) -> Work:
    """A pass over a tracker, about to begin."""
    async with hub.database.read() as db:
        rows = await registry.mapping_rows(db, hub.the_studio, target=row.name)
    return Work(scope, compile_rooms(row.name, scope.options, rows))


async def _pass(work: Work, found: Wishes) -> None:
    stays = await _decide(work, found)
    await let_go(work, found)
    if work.observing:
        return
    await _put_by(work, stays)
    work.compare_all = work.full
    for _ in range(MOST_ROUNDS):
        before = (sum(work.done.values()), len(work.failed))
        await work_through(work)
        again, work.again = work.again, {}
        for source_id, ids in again.items():
            await wish(work, source_id, ids, Wishes())
        work.compare_all = False
        if work.stopped_by is not None or work.left_off:
            break
        if again:
            continue
        further = (sum(work.done.values()), len(work.failed)) != before
        if not work.failed or not work.retry or not (await _wait_until_sure(work) or further):
            break
    if work.stopped_by is None and not work.left_off:
        await _people(work)
    if work.full and not work.has_ended():
        await _boxes(work)
        work.news |= await check_seat_maps(work)
    if work.stopped_by is not None:
        raise _stopped(work)
    await fetch_due(work.scope)


async def _decide(work: Work, found: Wishes) -> list[Stay]:
    """Write down what should be, for whatever changed; returns what is off the agenda by that."""
    scope, a = work.scope, t.agenda.c
    async with scope.database.read() as db:
        query = select(a.source_id, a.member, a.stamp).where(a.target_id == scope.target_id, a.stamp.is_not(None))
        agenda = [tuple(row) for row in await db.execute(query)]
        events = select(t.event.c.source_id).where(t.event.c.target_id == scope.target_id).distinct()
        concerned = set((await db.execute(events)).scalars()) & scope.sources.keys()
    concerned |= {source_id for source_id, name in scope.sources.items() if name in work.rules.sources}
    for source_id in sorted(concerned):
        mine = [member for source, member, _ in agenda if source == source_id and member != CLASSES]
        work.ask_again |= {(source_id, member) for member in mine}
        ids: set[str] = set()
        if work.full or work.approved or any(row[:2] == (source_id, CLASSES) for row in agenda):
            ids |= await scan(work, source_id, found)
        async with scope.database.read() as db:
            reader = work.reader(source_id)
            for start in range(0, len(mine), 500):
                ids |= await reader.classes_of(db, scope.target_id, mine[start : start + 500])
            if work.full:
                ids |= set(await reader.coming(db, work.now))
                work.ask_again |= {key for key in await _seated(work) if key[0] == source_id}
        if not work.observing:
            await wish(work, source_id, ids, found)
    return [Stay(source_id, member, stamp, None, None) for source_id, member, stamp in agenda]


async def _boxes(work: Work) -> None:
    """Keep what rows can name as boxes."""
    scope = work.scope
    if scope.plugins.has(scope.connection.plugin.name, "list_openings"):
        await read_openings(scope, lease=scope.lease)


async def _seated(work: Work) -> set[tuple[int, str]]:
    """Whoever has a seat in a class that is not over, or waits for one."""
    e, s = t.event.c, t.seat.c
    query = (
        select(e.source_id, s.member)
        .join(t.event, s.event_id == e.id)
        .where(e.target_id == work.scope.target_id, e.ends_at > work.now, s.state != "removed")
    )
    async with work.scope.database.read() as db:
        return {(row.source_id, row.member) for row in await db.execute(query)}


async def _put_by(work: Work, stays: list[Stay]) -> None:
    """Take off the agenda what is written down now. A stamp that changed meanwhile stays."""
    for start in range(0, len(stays), 500):
        async with work.scope.database.write() as db:
            await work.scope.lease.check(db)
            await carry_out_stays(db, work.scope.target_id, stays[start : start + 500])


async def _people(work: Work) -> None:
    """Tell the tracker about people it knows: everybody with a full pass, else those whose records changed."""
    if work.full:
        chosen = await known_members(work)
    else:
        async with work.scope.database.read() as db:
            linked = await links_of(db, work.scope.target_id, sorted(work.ask_again))
        by_hand = work.rules.links
        chosen = {key for key in work.ask_again if key in linked or work.ref(*key) in by_hand}

    async def up(source_id: int, member: str, vendor_id: str) -> bool:
        return await release(work, source_id, member, vendor_id)

    if chosen:
        await bring_people(work, chosen, everybody=work.full, release=up)
    if chosen and work.stopped_by is None:
        # Who was linked just now may be waited for by a seat.
        await work_through(work)


async def _wait_until_sure(work: Work) -> bool:
    """Wait, but not long, for lost calls to show their effect; returns whether there was something to wait for."""
    e, s, now = t.event.c, t.seat.c, work.now
    target = work.scope.target_id
    events = select(func.min(e.next_try_at)).where(
        e.target_id == target, e.settled.is_(False), e.next_try_at.is_not(None), e.ends_at > now
    )
    seats = (
        select(func.min(s.next_try_at))
        .join(t.event, s.event_id == e.id)
        .where(e.target_id == target, s.settled.is_(False), s.next_try_at.is_not(None), e.ends_at > now)
    )
    async with work.scope.database.read() as db:
        moments = [moment for query in (events, seats) if (moment := (await db.execute(query)).scalar()) is not None]
    if not moments or min(moments) > now + LONGEST_WAIT:
        return False
    await work.scope.connection.clock.sleep(max((min(moments) - now).total_seconds(), 0))
    return True


def _stopped(work: Work) -> HubError:
    error, name = work.stopped_by, work.scope.name
    assert error is not None  # noqa: S101 - asked before
    if isinstance(error, FixSettings):
        return FixSettings(f"{name} refuses this hub; classes and seats wait", said=error.said, fix=error.fix)
    after = error.after if isinstance(error, RetryLater) else None
    return RetryLater(
        f"{name} does not answer; classes and seats wait",
        said=f"{error.what} {error.said}".strip(),
        after=after,
        fix="They are tried again by themselves.",
        code="vendor_down",
    )


async def _full_done(hub: Hub, target_id: int, lease: Lease) -> None:
    async with hub.database.write() as db:
        await lease.check(db)
        await db.execute(update(t.lane).where(t.lane.c.connection_id == target_id).values(full_at=hub.clock.now()))
