"""What one run of a lane does, and when the lane runs next.

A source's lane reads: what webhooks hinted at first, everything when its time has come. A target's lane brings its
vendor in line: what is pressing first, then everybody who is on the agenda, and once a day everybody there is.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.core import Hub, NoProgress
from hub.engine import hints, wake
from hub.engine.lanes import Lease
from hub.engine.source_pass import SourceRun, run_source, wake_targets
from hub.engine.target_pass import TargetRun, run_target
from hub.errors import HubError, RetryLater
from hub.grants import Hint
from hub.records import Window
from hub.settings import duration
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
    every = _every(row) or READ_EVERY
    async with hub.database.read() as db:
        waiting = await hints.waiting(db, row.id)
        read_at = await _full_at(db, row.id)
    last: SourceRun | None = None
    if waiting:
        last = await run_source(
            hub,
            row,
            lease=lease,
            trigger="webhook",
            progress=NoProgress(),
            window=window_of([one.hint for one in waiting]),
            quiet=True,
            pressing=True,
        )
        if last.error is None:
            async with hub.database.write() as db:
                await hints.done(db, waiting)
        await poke(last.woken)
    due = read_at is None or read_at + every <= hub.clock.now() + wake.TOLERANCE
    if (last is None or last.error is None) and (due or not waiting) and not await leave():
        between = partial(_between, hub, row, lease, leave, poke)
        last = await run_source(
            hub, row, lease=lease, trigger=_trigger(lease), progress=NoProgress(), between=between, quiet=True
        )
        if last.error is None:
            read_at = hub.clock.now()
            async with hub.database.write() as db:
                await lease.check(db)
                await db.execute(update(t.lane).where(t.lane.c.connection_id == row.id).values(full_at=read_at))
        await poke(last.woken)
    now = hub.clock.now()
    if last is not None and last.error is not None:
        at = now + await _pause(hub, row, last.error)
    else:
        at = max(now, read_at + wake.jittered(every)) if read_at is not None else now
    await _next(hub, lease, at)


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
    await first(window_of([one.hint for one in waiting]))
    async with hub.database.write() as db:
        await lease.check(db)
        await hints.done(db, waiting)
        woken = await wake_targets(db, hub.the_studio, hub.clock.now(), pressing=True)
        await db.execute(update(t.lane).where(t.lane.c.connection_id == row.id).values(urgent=False))
    await poke(woken)


def window_of(found: Sequence[Hint]) -> Window:
    """What has to be read to follow these hints: as little as they allow."""
    kinds = frozenset(hint.kind for hint in found)
    if all(hint.ids or hint.members for hint in found):
        return Window(
            kinds=kinds,
            members=frozenset(member for hint in found for member in hint.members),
            ids=frozenset((hint.kind, key) for hint in found for key in hint.ids),
        )
    return Window(kinds=kinds)


# ── targets ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _target(hub: Hub, row: registry.ConnectionRow, *, lease: Lease, leave: Leave) -> None:
    async with hub.database.read() as db:
        full_at = await _full_at(db, row.id)
        waiting = await hints.waiting(db, row.id)
    if waiting:
        await _doubt(hub, row, lease, waiting)
    now = hub.clock.now()
    full = full_at is None or full_at + FULL_EVERY <= now + wake.TOLERANCE
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
    if waiting and result.error is None:
        async with hub.database.write() as db:
            await hints.done(db, waiting)
    await _next(hub, lease, await _next_pass(hub, row, result))


async def _doubt(hub: Hub, row: registry.ConnectionRow, lease: Lease, waiting: Sequence[hints.Waiting]) -> None:
    """A lock says that something changed there: what was waiting for its confirmation is looked at now."""
    c = t.ledger.c
    async with hub.database.write() as db:
        await lease.check(db)
        await db.execute(
            update(t.ledger)
            .where(
                c.target_id == row.id,
                c.settled.is_(False),
                c.state.in_(("requested", "in_progress", "updating", "removing")),
            )
            .values(next_try_at=hub.clock.now())
        )


async def _next_pass(hub: Hub, row: registry.ConnectionRow, result: TargetRun) -> datetime:
    """The next moment at which there is something to do at a target."""
    now = hub.clock.now()
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
                select(func.min(func.coalesce(c.next_try_at, now))).where(c.target_id == row.id, c.settled.is_(False))
            )
        ).scalar()
    at = [(full_at or now) + wake.jittered(FULL_EVERY)]
    if every is not None:
        at.append(now + wake.jittered(every))
    if row.options is None or row.options.policy != "observe":
        # What is only looked at stays on the agenda: a new record wakes the lane, not what was seen already.
        pause = NOT_SOONER if result.applied else NO_PROGRESS
        at += [max(moment, now + NOT_SOONER) for moment in (due,) if moment is not None]
        at += [max(moment, now + pause) for moment in (retry,) if moment is not None]
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
