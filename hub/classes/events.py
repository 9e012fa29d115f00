"""Classes at the tracker: made, changed, cancelled, restored and compared, each on its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.classes.outcomes import cancelled, failed, stands
from hub.classes.people import bring_people
from hub.classes.scope import tracker_session
from hub.classes.seating import due_seats, release, seat_riders
from hub.classes.work import Work
from hub.errors import HubError
from hub.store import tables as t

__all__ = ["COMPARE_AHEAD", "COMPARE_EVERY", "FINAL_PASS", "compare_at", "find_crashed", "work_through"]

COMPARE_EVERY = timedelta(hours=1)
COMPARE_AHEAD = timedelta(hours=48)
FINAL_PASS = timedelta(minutes=10)
"""So long before its start everything about a class is looked at once more."""

SLICE = 10
"""So many classes are brought first, before their riders are looked for: who is new is asked about once for all."""

MOST_TURNS = 3


@dataclass
class _Turn:
    """One class in this pass. `final`: it begins in a few minutes."""

    event: Any
    final: bool = False
    compare: bool = False
    bring: bool = False
    ok: bool = True


async def find_crashed(db: AsyncConnection, target_id: int, token: int, *, now: datetime) -> None:
    """Turn what earlier holders of the lane asked for, and never had an answer to, into `unknown`. Their seats need
    nothing: taking one and freeing one both look first."""
    e, link = t.event.c, t.link.c
    done = await db.execute(
        update(t.event)
        .where(e.target_id == target_id, e.asked_at.is_not(None), e.token < token, e.state != "unknown", t.LIVE)
        .values(state="unknown", settled=False, next_try_at=None, asked_at=now)
    )
    if done.rowcount:
        here = (link.target_id == target_id, link.state == "asked", link.vendor_id.is_(None))
        await db.execute(update(t.link).where(*here).values(asked_at=now))


def compare_at(starts_at: datetime, compared_at: datetime | None) -> datetime | None:
    """When the seats of a class are to be compared next; None where that is over."""
    last = starts_at - FINAL_PASS
    if compared_at is None:
        return starts_at - COMPARE_AHEAD
    if compared_at >= last:
        return None
    return min(max(compared_at + COMPARE_EVERY, starts_at - COMPARE_AHEAD), last)


async def work_through(work: Work) -> None:
    """Do what is to be done about classes and their seats, the next class first."""
    seen: dict[str, int] = {}
    compared: set[str] = set()
    while not work.has_ended():
        turns = [turn for turn in await _due(work, compared) if seen.get(turn.event.id, 0) < MOST_TURNS]
        if not turns:
            return
        for start in range(0, len(turns), SLICE):
            part = turns[start : start + SLICE]
            await _slice(work, part)
            for turn in part:
                seen[turn.event.id] = seen.get(turn.event.id, 0) + 1
                compared.add(turn.event.id)
            work.progress("classes", start + len(part), len(turns))
            if start + len(part) < len(turns) and not work.has_ended():
                work.left_off = await work.leave()
            if work.has_ended():
                return


async def _due(work: Work, compared: set[str]) -> list[_Turn]:
    """The classes with which something is to be done now. Once a pass has looked at one, only what is open brings it
    back."""
    e, s, now = t.event.c, t.seat.c, work.now
    here = (e.target_id == work.scope.target_id, e.state != "removed", e.ends_at > now)
    open_seats = (
        select(s.event_id).join(t.event, s.event_id == e.id).where(*here, s.settled.is_(False), s.state != "removed")
    )
    waiting = or_(s.next_try_at.is_(None), s.next_try_at <= now)
    async with work.scope.database.read() as db:
        due = set((await db.execute(open_seats.where(waiting))).scalars())
        unsettled = set((await db.execute(open_seats)).scalars())
        rows = list(await db.execute(select(t.event).where(*here).order_by(e.starts_at, e.id)))
    turns: list[_Turn] = []
    for row in rows:
        fresh = row.id not in compared
        moment = compare_at(row.starts_at, row.compared_at) if row.starts_at > now else None
        near = moment is not None and moment <= now
        # A full pass that was left off goes on where it was.
        old = work.retry or row.compared_at is None or row.compared_at <= now - COMPARE_EVERY / 2
        compare = row.state == "active" and fresh and (near or (work.compare_all and old))
        final = row.starts_at - FINAL_PASS <= now < row.starts_at and fresh and near
        waits = row.next_try_at is not None and row.next_try_at > now and not (work.retry and fresh)
        retry = (work.retry or final) and fresh and row.id in unsettled
        bring = not row.settled and (not waits or final)
        if not bring and not row.settled and row.vendor_id is None:
            # No class, no seats.
            continue
        if bring or compare or row.id in due or retry:
            turns.append(_Turn(row, final=final, compare=compare, bring=bring))
    return turns


async def _slice(work: Work, turns: Sequence[_Turn]) -> None:
    """Some classes: they themselves first, then their people, then their seats."""
    scope = work.scope
    for turn in turns:
        if work.stopped_by is not None:
            return
        if turn.bring or turn.compare:
            turn.ok = await _bring(work, turn)
    standing = [turn for turn in turns if turn.ok]
    seats: dict[str, list[Any]] = {}
    async with scope.database.read() as db:
        for turn in standing:
            turn.event = (await db.execute(select(t.event).where(t.event.c.id == turn.event.id))).one()
            if turn.event.state != "removed" and turn.event.wanted is not None:
                seats[turn.event.id] = await due_seats(db, work, turn.event.id, all_of_them=turn.final)
    members = {
        (turn.event.source_id, row.member)
        for turn in standing
        for row in seats.get(turn.event.id, ())
        if row.wanted is not None
    }
    if work.stopped_by is not None or not any(seats.values()):
        return

    async def up(source_id: int, member: str, vendor_id: str) -> bool:
        return await release(work, source_id, member, vendor_id)

    people = await bring_people(work, members, release=up)
    for number, turn in enumerate(standing):
        if number and not work.has_ended():
            # One class may take a minute: what is more pressing doesn't wait for all of them.
            work.left_off = await work.leave()
        if work.has_ended():
            return
        rows = seats.get(turn.event.id)
        if rows and not await seat_riders(work, turn.event, rows, people):
            await _gone(work, turn.event)


async def _gone(work: Work, event: Any) -> None:
    """The tracker has the class no longer: it is made again, with everybody in it."""
    e, s = t.event.c, t.seat.c
    async with work.scope.database.write() as db:
        await work.scope.lease.check(db)
        values = {"state": "updating", "settled": False, "applied": None, "next_try_at": None}
        await db.execute(update(t.event).where(e.id == event.id).values(**values))
        again = {"applied": None, "settled": False, "next_try_at": None}
        seated = (s.event_id == event.id, s.state != "removed", s.wanted.is_not(None), s.applied.is_not(None))
        await db.execute(update(t.seat).where(*seated).values(**again, state="requested"))


async def _bring(work: Work, turn: _Turn) -> bool:
    """Bring one class in line, or compare it; returns whether the tracker has it now."""
    scope, event, e = work.scope, turn.event, t.event.c
    hook = _hook(event)
    look_first = event.state == "unknown"
    if not event.settled:
        asked = event.asked_at if look_first and event.asked_at is not None else work.now
        async with scope.database.write() as db:
            await scope.lease.check(db)
            state = "unknown" if look_first else {"session_cancelled": "removing"}.get(hook, "updating")
            state = "in_progress" if hook == "session_created" and not look_first else state
            values = {"state": state, "asked_at": asked, "token": scope.lease.token, "changed_at": work.now}
            await db.execute(update(t.event).where(e.id == event.id).values(**values))
            event = (await db.execute(select(t.event).where(e.id == event.id))).one()
    session = tracker_session(scope, event, look_first=look_first)
    try:
        outcome = await scope.plugins.call(scope.connection, hook, session=session)
    except HubError as error:
        await failed(work, turn.event, error, look_first=look_first)
        return False
    work.answered()
    if hook == "session_cancelled":
        await cancelled(work, event, outcome)
        return False
    await stands(work, event, outcome, hook, compared=turn.event.settled)
    return True


def _hook(event: Any) -> str:
    if event.wanted is None:
        return "session_cancelled"
    if event.vendor_id is None:
        return "session_created"
    return "session_changed" if event.applied is not None else "session_restored"
