"""What one run of a lane does, and when the lane runs next.

A source's lane reads: what webhooks hinted at first, everything when its time has come. A target's lane brings its
vendor in line: what is pressing first, then everybody who is on the agenda, and once a day everybody there is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext
from datetime import datetime, timedelta
from functools import partial

import msgspec
from sqlalchemy import func, literal, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.classes.due import next_moment
from hub.core import Hub, NoProgress
from hub.engine import hints, wake
from hub.engine.lanes import Lease
from hub.engine.source_pass import SourceRun, run_source, wake_targets, window_of_poll
from hub.engine.stopping import REST
from hub.engine.subscribing import keep_subscribed
from hub.engine.target_pass import TargetRun, run_target
from hub.errors import HubError, RetryLater, VendorError
from hub.grants import Hint
from hub.plugins import Plugin, Poll
from hub.records import Window
from hub.settings import duration
from hub.store import in_place, journal, upsert
from hub.store import tables as t
from hub.studio import registry

__all__ = ["FULL_EVERY", "READ_EVERY", "Poke", "run"]

READ_EVERY = timedelta(minutes=15)
"""How often a source is read that has no `every`."""

FULL_EVERY = timedelta(hours=24)
"""How often everybody at a target is looked at, to prove that nothing was missed."""

NOT_SOONER = timedelta(seconds=5)
"""A target isn't worked on again sooner than this, unless it is woken."""

NO_PROGRESS = timedelta(minutes=1)

MOST_HINT_READS = 20

Leave = Callable[[], Awaitable[bool]]
Poke = Callable[[Sequence[int]], Awaitable[None]]


async def run(hub: Hub, row: registry.ConnectionRow, *, lease: Lease, leave: Leave, poke: Poke) -> None:
    """Run a lane once and say when it is next. `leave` tells whether to leave off; `poke` gets lanes that are due now.

    Raises LostLease. What goes wrong at the vendor is in the run, the inbox and the lane's back-off.
    """
    if row.options is None:
        await _source(hub, row, lease=lease, leave=leave, poke=poke)
    else:
        await _target(hub, row, lease=lease, leave=leave)


# ── sources ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _source(hub: Hub, row: registry.ConnectionRow, *, lease: Lease, leave: Leave, poke: Poke) -> None:
    plugin = hub.plugins[row.plugin]
    polls = plugin.polls or (Poll(name="", every=READ_EVERY, kinds=frozenset()),)
    every = _every(row)
    async with hub.database.read() as db:
        waiting = await hints.waiting(db, row.id)
        read_at = await _read_at(db, row.id)
    last: SourceRun | None = None
    for _ in range(MOST_HINT_READS):
        if not waiting:
            break
        last = await _follow(hub, row, waiting, lease=lease, poke=poke)
        if last.error is not None or last.stopped:
            break
        async with hub.database.read() as db:
            waiting = await hints.waiting(db, row.id)
    # Woken by hand, by an import or after a restore: everything.
    asked_for = not waiting and lease.reason not in {"timer", "webhook"}
    due = [
        poll
        for poll in polls
        if asked_for
        or poll.name not in read_at
        or read_at[poll.name] + (every or poll.every) <= hub.clock.now() + wake.TOLERANCE
    ]
    if due and not (last is not None and last.stopped) and not await leave():
        between = partial(_between, hub, row, lease, leave, poke)
        now = hub.clock.now()
        async with hub.database.read() as db:
            covered = await hints.waiting(db, row.id)
        windows = [window_of_poll(poll, now) for poll in due]
        last = await run_source(
            hub,
            row,
            lease=lease,
            trigger=_trigger(lease),
            progress=NoProgress(),
            windows=None if len(due) == len(polls) else windows,
            between=between,
            quiet=True,
        )
        if last.error is None and not last.stopped:
            read_at |= {poll.name: now for poll in due}
            # A read of everything that began after a hint came has followed it, whatever became of the hint itself.
            whole = len(due) == len(polls)
            await _read_now(hub, row.id, lease, [poll.name for poll in due], now, covered if whole else [])
        await poke(last.woken)
        if last.error is None:
            await keep_subscribed(hub, row, lease)
    ended = hub.clock.now()
    if last is not None and last.stopped:
        at = ended + REST
    elif last is not None and last.error is not None:
        at = ended + await _pause(hub, row, last.error)
    else:
        # Reads that take longer than the time between them still leave the source a breath.
        at = min(
            max(read_at[poll.name] + wake.jittered(every or poll.every), ended + (every or poll.every) / 10)
            if poll.name in read_at
            else ended
            for poll in polls
        )
        async with hub.database.read() as db:
            if await hints.waiting(db, row.id):
                at = ended
    await _next(hub, lease, at)


async def _follow(
    hub: Hub, row: registry.ConnectionRow, waiting: Sequence[hints.Waiting], *, lease: Lease, poke: Poke
) -> SourceRun:
    """Read what hints name. Where the vendor can't say anything about one of them, the others are followed all the
    same, and that one is dropped and told: the next read of everything finds what it was about."""
    last = await _read_hints(hub, row, waiting, lease=lease, poke=poke)
    if last.error is None or last.stopped or isinstance(last.error, RetryLater):
        return last
    for one in waiting:
        last = await _read_hints(hub, row, [one], lease=lease, poke=poke)
        if isinstance(last.error, RetryLater):
            return last
        if last.error is None:
            continue
        text = f"a webhook of {row.name} could not be followed: {last.error}"
        async with hub.database.write() as db:
            await lease.check(db)
            await hints.done(db, [one])
            line: journal.LogLine = {"level": "warning", "connection": row.name, "code": "webhook", "text": text}
            await journal.add_log(db, hub.the_studio.id, [line], now=hub.clock.now())
        last.error = None
    return last


async def _read_hints(
    hub: Hub, row: registry.ConnectionRow, waiting: Sequence[hints.Waiting], *, lease: Lease, poke: Poke
) -> SourceRun:
    run = await run_source(
        hub,
        row,
        lease=lease,
        trigger="webhook",
        progress=NoProgress(),
        windows=windows_of([one.hint for one in waiting], hub.plugins[row.plugin], hub.clock.now()),
        quiet=True,
        pressing=True,
    )
    if run.error is None and not run.stopped:
        async with hub.database.write() as db:
            await lease.check(db)
            await hints.done(db, waiting)
    await poke(run.woken)
    return run


async def _read_at(db: AsyncConnection, connection_id: int) -> dict[str, datetime]:
    """When each of the source's polls was last read."""
    c = t.poll.c
    query = select(c.name, c.read_at).where(c.connection_id == connection_id)
    return {row.name: row.read_at for row in await db.execute(query)}


async def _read_now(
    hub: Hub,
    connection_id: int,
    lease: Lease,
    names: Sequence[str],
    now: datetime,
    covered: Sequence[hints.Waiting],
) -> None:
    async with hub.database.write() as db:
        await lease.check(db)
        await hints.done(db, covered)
        await upsert(
            db,
            t.poll,
            [{"connection_id": connection_id, "name": name, "read_at": now} for name in names],
            key=("connection_id", "name"),
            update=("read_at",),
        )
        await db.execute(update(t.lane).where(t.lane.c.connection_id == connection_id).values(full_at=now))


async def _between(
    hub: Hub,
    row: registry.ConnectionRow,
    lease: Lease,
    leave: Leave,
    poke: Poke,
    first: Callable[[Window], Awaitable[None]],
) -> None:
    """Between two parts of a long read: follow what webhooks have hinted at meanwhile."""
    if not await leave():
        return
    async with hub.database.read() as db:
        waiting = await hints.waiting(db, row.id)
    if not waiting:
        return
    try:
        for window in windows_of([one.hint for one in waiting], hub.plugins[row.plugin], hub.clock.now()):
            await first(window)
    except VendorError:
        # They wait until this read is over: it may bring what they are about, or they are looked at one by one.
        return
    async with hub.database.write() as db:
        await lease.check(db)
        await hints.done(db, waiting)
        woken = await wake_targets(db, hub.the_studio, hub.clock.now(), pressing=True)
        await db.execute(update(t.lane).where(t.lane.c.connection_id == row.id).values(urgent=False))
    await poke(woken)


def windows_of(found: Sequence[Hint], plugin: Plugin, now: datetime) -> list[Window]:
    """What has to be read to follow these hints: as little as they allow. A hint that names nothing asks for its kind,
    within the times that the plugin's polls give it."""
    exact = [hint for hint in found if hint.ids or hint.members]
    vague = frozenset(hint.kind for hint in found if not hint.ids and not hint.members)
    windows: list[Window] = []
    if exact:
        windows.append(
            Window(
                kinds=frozenset(hint.kind for hint in exact),
                # None where there are none: a source may have to read whole lists to pick somebody's records out.
                members=frozenset(member for hint in exact for member in hint.members) or None,
                ids=frozenset((hint.kind, key) for hint in exact for key in hint.ids) or None,
            )
        )
    polled = [poll for poll in plugin.polls if poll.kinds & vague]
    windows += [msgspec.structs.replace(window_of_poll(poll, now), kinds=poll.kinds & vague) for poll in polled]
    rest = vague - frozenset().union(*(poll.kinds for poll in polled))
    return [*windows, Window(kinds=rest)] if rest else windows


# ── targets ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _target(hub: Hub, row: registry.ConnectionRow, *, lease: Lease, leave: Leave) -> None:
    async with hub.database.read() as db:
        full_at = await _full_at(db, row.id)
        waiting = await hints.waiting(db, row.id)
    if waiting:
        await _doubt(hub, row, lease)
    now = hub.clock.now()
    full = full_at is None or full_at + FULL_EVERY <= now + wake.TOLERANCE
    # A look at everything is not little, however urgent what came before it.
    with in_place(False) if full else nullcontext():
        result = await run_target(
            hub,
            row,
            lease=lease,
            trigger=_trigger(lease),
            progress=NoProgress(),
            full=full,
            retry=False,
            leave=leave,
            quiet=True,
        )
    if waiting and result.error is None and not result.stopped:
        async with hub.database.write() as db:
            await hints.done(db, waiting)
    if full and result.error is None and not result.left_off:
        await keep_subscribed(hub, row, lease)
    await _next(hub, lease, await _next_pass(hub, row, result))


async def _doubt(hub: Hub, row: registry.ConnectionRow, lease: Lease) -> None:
    """A lock says that something changed there: what was waiting for its confirmation is looked at now. Not what a
    process was at when it died, which has no time for another look; nor what waits for its own time."""
    c = t.ledger.c
    async with hub.database.write() as db:
        await lease.check(db)
        await db.execute(
            update(t.ledger)
            .where(
                c.target_id == row.id,
                c.settled.is_(False),
                c.asked_at.is_not(None),
                c.next_try_at.is_not(None),
                c.state.in_(("in_progress", "updating", "removing")),
            )
            .values(next_try_at=hub.clock.now())
        )


async def _next_pass(hub: Hub, row: registry.ConnectionRow, result: TargetRun) -> datetime:
    """The next moment at which there is something to do at a target."""
    now = hub.clock.now()
    if result.stopped:
        return now + REST
    if result.left_off:
        return now
    if result.error is not None:
        return now + await _pause(hub, row, result.error)
    every = _every(row)
    a, c = t.agenda.c, t.ledger.c
    async with hub.database.read() as db:
        full_at = await _full_at(db, row.id)
        due = (
            await db.execute(select(func.min(a.due_at)).where(a.target_id == row.id, a.due_at.is_not(None)))
        ).scalar()
        retry = (
            await db.execute(
                select(func.min(func.coalesce(c.next_try_at, literal(now, t.Utc())))).where(
                    c.target_id == row.id, c.settled.is_(False)
                )
            )
        ).scalar()
        classes = await next_moment(db, row.id, now) if hub.plugins[row.plugin].kind == "tracker" else None
    at = [(full_at or now) + wake.jittered(FULL_EVERY)]
    if every is not None:
        at.append(now + wake.jittered(every))
    if row.options is None or row.options.policy != "observe":
        # What is only looked at stays on the agenda: a new record wakes the lane, not what was seen already.
        pause = NOT_SOONER if result.applied else NO_PROGRESS
        at += [max(moment, now + NOT_SOONER) for moment in (due,) if moment is not None]
        at += [max(moment, now + pause) for moment in (retry,) if moment is not None]
        at += [max(moment, now + NOT_SOONER) for moment in (classes,) if moment is not None]
        if result.partial:
            at.append(now + NOT_SOONER)
    return min(at)


# ── both ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _every(row: registry.ConnectionRow) -> timedelta | None:
    """The `every` of a connection's settings."""
    written = row.settings.get("every")
    every: timedelta | None = duration(written) if written is not None else None
    return every


def _trigger(lease: Lease) -> str:
    return lease.reason or "timer"


async def _full_at(db: AsyncConnection, connection_id: int) -> datetime | None:
    lane = t.lane.c
    found: datetime | None = (
        await db.execute(select(lane.full_at).where(lane.connection_id == connection_id))
    ).scalar()
    return found


async def _pause(hub: Hub, row: registry.ConnectionRow, error: HubError) -> timedelta:
    """How long a vendor that failed is left alone."""
    lane = t.lane.c
    async with hub.database.read() as db:
        failures = (await db.execute(select(lane.failures).where(lane.connection_id == row.id))).scalar_one()
    return wake.back_off(failures, error.after if isinstance(error, RetryLater) else None)


async def _next(hub: Hub, lease: Lease, at: datetime) -> None:
    async with hub.database.write() as db:
        await lease.check(db)
        await wake.ended(db, lease.connection_id, generation=lease.generation, at=at)
