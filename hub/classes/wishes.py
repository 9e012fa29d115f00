"""From decisions to rows: what the tracker should hold is written down before anything is asked of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.classes.decide import ClassFacts, Decision, SeatWish, decide, encode_wish
from hub.classes.reasons import LINK_CODES, TOLD, Reason
from hub.classes.rows import end_seats, live_events, may_be_there, on_box, removed_events, seats_of
from hub.classes.work import VANISHED, Work
from hub.store import tables as t
from hub.store.journal import new_id

__all__ = ["WITHHELD", "Wishes", "let_go", "scan", "wish"]

AT_ONCE = 100

WITHHELD = "live_withheld"


@dataclass
class Wishes:
    """What came of deciding. `problems` are the reasons that keep classes from being sent, by class."""

    problems: dict[tuple[int, str], Reason] = field(default_factory=dict)
    scanned: set[int] = field(default_factory=set)
    surprises: list[tuple[Any, Decision]] = field(default_factory=list)


async def scan(work: Work, source_id: int, found: Wishes) -> set[str]:
    """Look at every class of a source that is not over, without its riders; returns those that differ from what the
    tracker was last asked for."""
    reader, now = work.reader(source_id), work.now
    async with work.scope.database.read() as db:
        ids = set(await reader.coming(db, now))
        events = await live_events(db, work, source_id, None)
        ids |= events.keys()
        every = await reader.classes(db, work.scope.vault, ids, now, {}, riders=False)
    different: set[str] = set()
    found.scanned.add(source_id)
    for facts in every:
        decision, there = decide(facts, work.rules, now), events.get(facts.session.id, [])
        if decision.reason.code in TOLD:
            found.problems[source_id, facts.session.id] = decision.reason
        wanted = encode_wish(decision.wanted) if decision.wanted is not None else None
        if not there:
            if wanted is not None:
                different.add(facts.session.id)
        elif any(wanted != event.wanted or (decision.over and not event.settled) for event in there):
            different.add(facts.session.id)
    return different


async def wish(work: Work, source_id: int, ids: Collection[str], found: Wishes) -> None:
    """Decide about these classes and their riders, and write down what should be. Classes that vanished are only
    collected: whether they are cancelled depends on how many they are."""
    every = sorted(ids)
    for start in range(0, len(every), AT_ONCE):
        await _part(work, source_id, every[start : start + AT_ONCE], found)


async def _part(work: Work, source_id: int, ids: Sequence[str], found: Wishes) -> None:
    scope, now = work.scope, work.now
    async with scope.database.write() as db:
        await scope.lease.check(db)
        events = await live_events(db, work, source_id, ids)
        seats = await seats_of(db, [event.id for there in events.values() for event in there])
        every = await work.reader(source_id).classes(db, scope.vault, ids, now, {})
        before = await removed_events(db, work, source_id, [facts.session.id for facts in every])
        for facts in every:
            key, there = facts.session.id, events.get(facts.session.id, [])
            rule = work.rules.room_of(facts.source, facts.session)
            mine = on_box(there, rule.box if rule is not None else None)
            decision = decide(replace(facts, held=_held(seats.get(mine.id, {})) if mine else {}), work.rules, now)
            if decision.reason.code in TOLD:
                found.problems[source_id, key] = decision.reason
            if decision.surprise and not decision.over and any(event.state != "removing" for event in there):
                found.surprises += [(event, decision) for event in there if event.state != "removing"]
                continue
            if decision.wanted is None:
                await _not_wanted(db, work, there, decision)
                continue
            restored = before.get((key, decision.wanted.box))
            if not await _class(db, work, source_id, facts, decision, there, restored):
                continue
            kept = on_box((await live_events(db, work, source_id, [key]))[key], decision.wanted.box)
            await _seats(db, work, source_id, kept, decision.seats, seats.get(kept.id, {}))


def _held(seats: Mapping[str, Any]) -> dict[str, str]:
    """Who has which seat, or is to get it."""
    given = {seat.member: seat.wanted or seat.applied for seat in seats.values()}
    return {member: seat for member, seat in given.items() if seat is not None}


async def let_go(work: Work, found: Wishes) -> None:
    """Cancel the classes that vanished, unless they are more at once than anybody would believe."""
    if not found.surprises:
        return
    scope, now = work.scope, work.now
    limit, number = scope.options.hold_removals_above, len(found.surprises)
    e = t.event.c
    async with scope.database.write() as db:
        await scope.lease.check(db)
        query = select(e.id).where(e.target_id == scope.target_id, t.LIVE, e.ends_at > now)
        owned = len((await db.execute(query)).all())
        many = number > limit.count and number * 100 > limit.percent * owned
        if many and VANISHED not in work.approved and work.removing:
            work.held = number
            return
        for event, decision in found.surprises:
            await _cancel(db, work, event, decision.reason)


async def _not_wanted(db: AsyncConnection, work: Work, there: Sequence[Any], decision: Decision) -> None:
    """Write down that a class is not to be at the tracker, or is over."""
    for event in there:
        if not decision.over:
            await _cancel(db, work, event, decision.reason)
        elif not event.settled:
            settled = update(t.event).where(t.event.c.id == event.id).values(settled=True, next_try_at=None)
            await db.execute(settled)


async def _class(
    db: AsyncConnection,
    work: Work,
    source_id: int,
    facts: ClassFacts,
    decision: Decision,
    there: Sequence[Any],
    before: Any,
) -> bool:
    """Write down what should become of the class itself; returns whether its riders are to be seated on its box.

    A class that moves to another box keeps its event on the old one, and everybody in it, until the new one stands:
    the new box may be a slip of the pen, and the tracker refuse it.
    """
    now = work.now
    assert decision.wanted is not None  # noqa: S101 - asked before
    event = on_box(there, decision.wanted.box) or next((one for one in there if _never_asked(one)), None)
    others = [one for one in there if one is not event]
    stood = [one for one in others if _has_stood(one)]
    if event is None and stood and not work.removing:
        return False
    arrived = event is not None and event.applied is not None and event.wanted is not None
    for one in others:
        if arrived or one not in stood:
            await _cancel(db, work, one, Reason("box_changed", {**decision.reason.values}))
    values = {
        **{name: getattr(decision.wanted, name) for name in ("name", "starts_at", "ends_at", "timezone", "box")},
        "wanted": encode_wish(decision.wanted),
        "reason": decision.reason.text,
        "reason_code": decision.reason.code,
    }
    if event is None:
        restored = before is not None and before.vendor_id is not None
        fresh = {"state": "requested", "settled": False, "applied": None, "error": None, "attempts": 0}
        fresh |= {"next_try_at": None, "changed_at": now, "compared_at": None, "removed_at": None}
        if restored:
            await db.execute(update(t.event).where(t.event.c.id == before.id).values(**values, **fresh))
            return not stood
        await db.execute(
            insert(t.event).values(
                id=new_id("e", now),
                studio_id=work.scope.studio.id,
                target_id=work.scope.target_id,
                source_id=source_id,
                session_id=facts.session.id,
                created_at=now,
                **values,
                **fresh,
            )
        )
        return not stood
    if event.wanted == values["wanted"]:
        return arrived or not stood
    # Back from a cancellation that may have been done: it is restored, and who sits there is read anew.
    back = event.state == "removing" or event.wanted is None
    same = event.applied == values["wanted"] and event.state == "active"
    await db.execute(
        update(t.event)
        .where(t.event.c.id == event.id)
        .values(
            **values,
            applied=None if back else event.applied,
            state=event.state if same or event.state in {"unknown", "requested"} else "updating",
            settled=same,
            attempts=0,
            next_try_at=None,
            changed_at=now,
        )
    )
    return arrived or not stood


def _has_stood(event: Any) -> bool:
    return event.applied is not None or event.vendor_id is not None


def _never_asked(event: Any) -> bool:
    return event.state == "requested" and event.vendor_id is None


async def _cancel(db: AsyncConnection, work: Work, event: Any, reason: Reason) -> None:
    if not work.removing and not _never_asked(event):
        return
    now, e = work.now, t.event.c
    if event.wanted is None and event.state in {"removing", "failed", "unknown"}:
        return
    values: dict[str, Any] = {"wanted": None, "reason": reason.text, "reason_code": reason.code, "changed_at": now}
    values |= {"attempts": 0, "next_try_at": None, "results_due_at": None}
    if _never_asked(event):
        values |= {"state": "removed", "settled": True, "removed_at": now}
        await end_seats(db, event.id, now, reason)
    else:
        values |= {"state": "unknown" if event.state == "unknown" else "removing", "settled": False}
    await db.execute(update(t.event).where(e.id == event.id).values(**values))


async def _seats(
    db: AsyncConnection, work: Work, source_id: int, event: Any, wishes: Sequence[SeatWish], rows: Mapping[str, Any]
) -> None:
    """Write down who should sit where."""
    now = work.now
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    for one in wishes:
        row = rows.get(one.member)
        said = {
            "name": one.name,
            "booking_id": one.booking_id,
            "spot": one.spot,
            "reason": one.reason.text,
            "reason_code": one.reason.code,
        }
        if row is None:
            state = {"state": "requested" if one.seat else "blocked", "settled": one.seat is None, "wanted": one.seat}
            new.append(
                {"event_id": event.id, "member": one.member, "created_at": now, "changed_at": now, **said, **state}
            )
            continue
        values = _next_state(work, source_id, row, one)
        if values is not None:
            changed.append({"row": row.id, "changed_at": now, **said, **values})
    wanted = {one.member for one in wishes}
    over = Reason("booking_over")
    for member, row in rows.items():
        if member in wanted or (row.wanted is None and row.state in {"removing", "unknown", "failed"}):
            continue
        if not may_be_there(row):
            await db.execute(delete(t.seat).where(t.seat.c.id == row.id))
        elif work.removing:
            values = {"wanted": None, "reason": over.text, "reason_code": over.code, "attempts": 0, "error": None}
            values |= {"state": "removing", "settled": False, "next_try_at": None}
            changed.append({"row": row.id, "changed_at": now, **values})
    if new:
        await db.execute(insert(t.seat), new)
    for values in changed:
        row_id = values.pop("row")
        await db.execute(update(t.seat).where(t.seat.c.id == row_id).values(**values))


def _next_state(work: Work, source_id: int, row: Any, one: SeatWish) -> dict[str, Any] | None:
    """What becomes of a rider's row; None where it stays as it is."""
    there = may_be_there(row)
    fresh = {"wanted": one.seat, "attempts": 0, "next_try_at": None, "error": None, "settled": False}
    if one.seat is None:
        if not there:
            same = (row.state, row.spot, row.reason_code) == ("blocked", one.spot, one.reason.code)
            return None if same else {**fresh, "state": "blocked", "settled": True}
        if row.wanted is None and row.state == "removing" and row.reason_code == one.reason.code:
            return None
        return {**fresh, "state": "removing"} if work.removing else None
    if row.state == "active" and row.applied == one.seat and row.wanted == one.seat:
        # Consent that changed is for the tracker to know.
        if one.show_live != (row.reason_code != "live_off"):
            return {**fresh, "state": "updating"}
        if (row.spot, row.booking_id, row.name) == (one.spot, one.booking_id, one.name):
            return None
        code = {} if one.show_live else {"reason": row.reason, "reason_code": row.reason_code}
        return {"wanted": one.seat, **code}
    if row.wanted == one.seat:
        if row.state == "blocked" and row.reason_code in LINK_CODES and (source_id, row.member) not in work.ask_again:
            return None
        if row.state == "blocked" and row.reason_code == WITHHELD and not one.show_live and not work.full:
            return None
        if not row.settled and not work.retry and (source_id, row.member) not in work.ask_again:
            return None
    return {**fresh, "state": "updating" if there else "requested"}
