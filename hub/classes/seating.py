"""Riders on seats, class by class: who leaves first, then who moves, then who comes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub.classes.failure import after_failure
from hub.classes.people import People
from hub.classes.reasons import HELD, Reason
from hub.classes.rows import may_be_there
from hub.classes.scope import tracker_session
from hub.classes.wishes import WITHHELD
from hub.classes.work import Work
from hub.errors import HubError, NotFound
from hub.reconcile.ledger import links_of
from hub.store import journal
from hub.store import tables as t

__all__ = ["due_seats", "release", "seat_riders"]

OCCUPIED = "seat_occupied"

MOST_ROUNDS = 3
"""A class in which riders stand in each other's way is gone through this often."""


@dataclass
class _Room:
    """One class while its riders are seated. `at` is where the tracker has whom, as far as the hub knows."""

    work: Work
    event: Any
    session: g.TrackerSession
    rows: dict[int, Any]
    people: People
    ids: Mapping[str, str]
    at: dict[int, str | None] = field(default_factory=dict)
    values: dict[int, dict[str, Any]] = field(default_factory=dict)
    gone: bool = False

    def rider(self, row: Any) -> g.Rider | None:
        """The rider of a row as the plugin takes them; None where nobody knows who that is there."""
        key = (self.event.source_id, row.member)
        vendor_id = self.people.ids.get(key) or self.ids.get(row.member)
        if vendor_id is None:
            return None
        return g.Rider(
            member=self.work.ref(*key),
            vendor_id=vendor_id,
            email=self.people.emails.get(key),
            show_live=self.people.live.get(key, True),
        )


async def due_seats(db: AsyncConnection, work: Work, event_id: str, *, all_of_them: bool) -> list[Any]:
    """The seats of a class with which something is to be done now."""
    s = t.seat.c
    query = select(t.seat).where(s.event_id == event_id, s.state != "removed", s.settled.is_(False)).order_by(s.id)
    rows = list(await db.execute(query))
    if all_of_them or work.retry:
        return rows
    return [row for row in rows if row.next_try_at is None or row.next_try_at <= work.now]


async def seat_riders(work: Work, event: Any, rows: Sequence[Any], people: People) -> bool:
    """Bring these riders of a class where they should be. Returns False where the tracker has the class no longer, so
    that it has to be made again first."""
    scope = work.scope
    members = [(event.source_id, row.member) for row in rows]
    async with scope.database.write() as db:
        await scope.lease.check(db)
        links = await links_of(db, scope.target_id, members)
        await _intend(db, rows)
    ids = {member: link.vendor_id for (_, member), link in links.items() if link.vendor_id}
    room = _Room(work, event, tracker_session(scope, event), {row.id: row for row in rows}, people, ids)
    room.at = {row.id: row.applied for row in rows}
    todo = [row.id for row in rows]
    for _ in range(MOST_ROUNDS):
        again = await _round(room, todo)
        if not again or len(again) == len(todo) or work.stopped_by is not None or room.gone:
            break
        todo = again
    await _write(room)
    return not room.gone


async def _intend(db: AsyncConnection, rows: Sequence[Any]) -> None:
    """From now on the tracker may hold them."""
    s = t.seat.c
    for state, these in (
        ("in_progress", [row.id for row in rows if row.wanted is not None and row.applied is None]),
        ("updating", [row.id for row in rows if row.wanted is not None and row.applied is not None]),
        ("removing", [row.id for row in rows if row.wanted is None]),
    ):
        if these:
            await db.execute(update(t.seat).where(s.id.in_(these), s.state != "unknown").values(state=state))


async def _round(room: _Room, todo: Sequence[int]) -> list[int]:
    """Once through: frees, moves, takes. Returns whom somebody else's seat kept from theirs."""
    again: list[int] = []
    frees = [one for one in todo if room.rows[one].wanted is None]
    moves = [one for one in todo if room.rows[one].wanted is not None and room.at[one] is not None]
    takes = [one for one in todo if room.rows[one].wanted is not None and room.at[one] is None]
    for one in frees:
        if room.work.stopped_by is not None or room.gone:
            return again
        await _free(room, one)
    while moves:
        # Who moves to a seat that nobody is about to leave goes first; in a circle, somebody has to get up.
        leaving = {room.at[one] for one in moves}
        one = next((one for one in moves if room.rows[one].wanted not in leaving - {room.at[one]}), moves[0])
        moves.remove(one)
        if room.work.stopped_by is not None or room.gone:
            return again
        if await _put(room, one, "seat_moved"):
            again.append(one)
    for one in takes:
        if room.work.stopped_by is not None or room.gone:
            return again
        if await _put(room, one, "seat_taken"):
            again.append(one)
    return again


async def _free(room: _Room, one: int) -> None:
    row, work = room.rows[one], room.work
    rider = room.rider(row)
    if rider is None:
        # Nobody there is this member, so nobody sits there.
        room.values[one] = _ended(room, row)
        return
    seat = g.Seat(session=room.session, rider=rider, seat=room.at[one] or row.applied or "")
    try:
        outcome = await work.scope.plugins.call(work.scope.connection, "seat_freed", seat=seat)
    except HubError as error:
        _take_error(room, one, error)
        return
    work.answered()
    room.at[one] = None
    if not outcome.confirmed:
        room.values[one] = {"state": "removing", "settled": False, "next_try_at": work.now, "changed_at": work.now}
        return
    room.values[one] = _ended(room, row)
    work.count("seats_freed")
    work.say("seat_freed", f"{row.name}: off {room.event.name}. {row.reason}", member=rider.member)


def _ended(room: _Room, row: Any) -> dict[str, Any]:
    """A rider without a seat. Whose booking goes on without one stays listed."""
    waits = row.reason_code in HELD
    ended = {"state": "blocked"} if waits else {"state": "removed", "removed_at": room.work.now}
    return {**ended, **_fine(room), "applied": None}


def _fine(room: _Room) -> dict[str, Any]:
    return {"settled": True, "error": None, "attempts": 0, "next_try_at": None, "changed_at": room.work.now}


async def _put(room: _Room, one: int, hook: str) -> bool:
    """Seat one rider; returns whether it is worth trying again in a moment."""
    row, work = room.rows[one], room.work
    rider = room.rider(row)
    if rider is None:
        _not_linked(room, one)
        return False
    seat = g.Seat(session=room.session, rider=rider, seat=row.wanted, previous_seat=room.at[one])
    moving = room.at[one] not in {None, row.wanted}
    try:
        outcome = await work.scope.plugins.call(work.scope.connection, hook, seat=seat)
    except HubError as error:
        if error.code == OCCUPIED:
            room.at[one] = None
            _take_error(room, one, error)
            return True
        _take_error(room, one, error)
        return False
    work.answered()
    room.at[one] = row.wanted
    values = {**_fine(room), "applied": row.wanted, "state": "active"}
    if not outcome.confirmed:
        values |= {"state": "updating", "settled": False, "next_try_at": work.now}
    if not rider.show_live:
        off = Reason("live_off", {"spot": row.spot or "", "seat": row.wanted})
        values |= {"reason": off.text, "reason_code": off.code}
    elif row.reason_code == "live_off":
        values |= {"reason": "", "reason_code": "seated"}
    room.values[one] = values
    if row.applied != row.wanted:
        work.count("seats_moved" if moving or row.applied is not None else "seats_taken")
        text = f"{row.name}: seat {row.wanted} of {room.event.name}. {row.reason}"
        work.say("seat_moved" if moving else "seat_taken", text, member=rider.member)
    return False


def _not_linked(room: _Room, one: int) -> None:
    """The rider is nobody at the tracker: for a while, or until somebody looks at it."""
    row, work = room.rows[one], room.work
    error = room.people.errors.get((room.event.source_id, row.member))
    if isinstance(error, HubError):
        room.values[one] = {**after_failure(error, row.attempts, work.now, uncertain=False), "applied": None}
        if error is not work.stopped_by:
            _fails(room, row, str(error))
        return
    said = {"member": row.name, "target": work.scope.name}
    if error is not None:
        reason = Reason("not_linked", {**said, "what": error.text, "fix": error.fix})
    else:
        source = work.scope.sources.get(room.event.source_id, "")
        reason = Reason("member_unknown", {**said, "member": row.member, "source": source})
    values = {**_fine(room), "state": "blocked", "applied": None, "reason": reason.text, "reason_code": reason.code}
    room.values[one] = values


def _take_error(room: _Room, one: int, error: HubError) -> None:
    row, work = room.rows[one], room.work
    if isinstance(error, NotFound):
        room.gone = True
        return
    if error.code == WITHHELD:
        said = {"member": row.name, "target": work.scope.name}
        reason = Reason(WITHHELD, said)
        room.at[one] = None
        room.values[one] = {
            **_fine(room),
            "state": "blocked",
            "applied": None,
            "reason": reason.text,
            "reason_code": reason.code,
        }
        work.answered()
        return
    work.take_error(error)
    uncertain = row.state == "unknown"
    room.values[one] = {**after_failure(error, row.attempts, work.now, uncertain=uncertain), "applied": None}
    if error is not work.stopped_by:
        _fails(room, row, str(error))


def _fails(room: _Room, row: Any, text: str) -> None:
    work, event = room.work, room.event
    ref = work.ref(event.source_id, row.member)
    work.failed[f"{ref} in {work.ref(event.source_id, event.session_id)}"] = text
    work.say("seat_failed", text, member=ref, level="error")


async def _write(room: _Room) -> None:
    """Write down what came of it."""
    scope, s = room.work.scope, t.seat.c
    ended = {one for one, values in room.values.items() if values.get("state") in {"active", "removed"}}
    fine = {room.work.ref(room.event.source_id, room.rows[one].member) for one in ended}
    # Somebody was in the way for a moment, as when two change places.
    lines = [line for line in room.work.lines if line["code"] != "seat_failed" or line["member"] not in fine]
    room.work.lines = []
    async with scope.database.write() as db:
        await scope.lease.check(db)
        for one, values in room.values.items():
            await db.execute(update(t.seat).where(s.id == one).values(**values))
            key = f"{room.work.ref(room.event.source_id, room.rows[one].member)} in "
            if one in ended:
                room.work.failed.pop(f"{key}{room.work.ref(room.event.source_id, room.event.session_id)}", None)
        await journal.add_log(db, scope.studio.id, lines, now=room.work.now)


async def release(work: Work, source_id: int, member: str, vendor_id: str) -> bool:
    """Take a member off every seat that they have under an id that is no longer theirs; returns whether it is done."""
    scope, s, e = work.scope, t.seat.c, t.event.c
    query = (
        select(t.seat)
        .join(t.event, s.event_id == e.id)
        .where(
            e.target_id == scope.target_id,
            e.source_id == source_id,
            e.ends_at > work.now,
            e.state != "removed",
            s.member == member,
            s.state != "removed",
        )
    )
    async with scope.database.read() as db:
        rows = [row for row in await db.execute(query) if may_be_there(row)]
        events = {
            row.id: row for row in await db.execute(select(t.event).where(e.id.in_({row.event_id for row in rows})))
        }
    rider = g.Rider(member=work.ref(source_id, member), vendor_id=vendor_id)
    for row in rows:
        seat = g.Seat(session=tracker_session(scope, events[row.event_id]), rider=rider, seat=row.applied or "")
        try:
            await scope.plugins.call(scope.connection, "seat_freed", seat=seat)
        except HubError as error:
            work.take_error(error)
            return False
        async with scope.database.write() as db:
            await scope.lease.check(db)
            values = {"applied": None, "settled": False, "next_try_at": None}
            state = "requested" if row.wanted is not None else "removing"
            await db.execute(update(t.seat).where(s.id == row.id).values(**values, state=state))
    return True
