"""What came of asking a tracker about a class: written down, compared with who should sit where, and told."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub.classes.failure import after_failure
from hub.classes.reasons import Reason
from hub.classes.rows import end_seats
from hub.classes.work import Work
from hub.errors import HubError
from hub.store import journal
from hub.store import tables as t

__all__ = ["cancelled", "elsewhere", "failed", "stands"]

RESULTS_AFTER = timedelta(minutes=30)


async def failed(work: Work, event: Any, error: HubError, *, look_first: bool) -> None:
    """Write down that the tracker did not do it, or that nobody knows whether it did."""
    scope, e = work.scope, t.event.c
    work.take_error(error)
    values = after_failure(error, event.attempts, work.now, uncertain=look_first)
    values["asked_at"] = None
    if values["state"] == "unknown":
        values["asked_at"] = event.asked_at if look_first and event.asked_at is not None else work.now
    if error is work.stopped_by and values["state"] == "failed":
        # It says nothing about this class.
        values |= {"next_try_at": None}
    ref = work.ref(event.source_id, event.session_id)
    if error is not work.stopped_by:
        work.failed[ref] = str(error)
        work.say("class_failed", f"{event.name}: {error}", level="error")
    async with scope.database.write() as db:
        await scope.lease.check(db)
        await db.execute(update(t.event).where(e.id == event.id).values(**values))
        await _flush(work, db)


async def cancelled(work: Work, event: Any, outcome: g.SessionOutcome) -> None:
    """Write down that the class is off, and everybody's seat with it."""
    scope, e, now = work.scope, t.event.c, work.now
    work.count("classes_cancelled")
    work.failed.pop(work.ref(event.source_id, event.session_id), None)
    work.say("class_cancelled", f"{event.name} cancelled on box {event.box}. {event.reason}")
    values = {
        **_fine(now),
        "state": "removed",
        "applied": None,
        "vendor_id": outcome.vendor_id or event.vendor_id,
        "removed_at": now,
        "results_due_at": None,
    }
    async with scope.database.write() as db:
        await scope.lease.check(db)
        await db.execute(update(t.event).where(e.id == event.id).values(**values))
        await end_seats(db, event.id, now, Reason("class_cancelled", _said(work, event)))
        await _flush(work, db)
    # The class may have moved to another box, or be on again by now.
    work.again.setdefault(event.source_id, set()).add(event.session_id)


def _said(work: Work, event: Any) -> dict[str, str]:
    return {"name": event.name, "source": work.scope.sources.get(event.source_id, ""), "target": work.scope.name}


def _fine(now: datetime) -> dict[str, Any]:
    fine: dict[str, Any] = {"settled": True, "error": None, "attempts": 0, "next_try_at": None}
    return {**fine, "asked_at": None, "changed_at": now}


async def stands(work: Work, event: Any, outcome: g.SessionOutcome, hook: str, *, compared: bool) -> None:
    """Write down that the class stands at the tracker, and who sits in it. `compared`: nothing was to be changed."""
    scope, e, now = work.scope, t.event.c, work.now
    ref = work.ref(event.source_id, event.session_id)
    work.failed.pop(ref, None)
    if not compared:
        what = {"session_created": "created", "session_restored": "restored"}.get(hook, "changed")
        work.count("classes_created" if what == "created" else f"classes_{what}")
        work.say(f"class_{what}", f"{event.name} {what} on box {event.box}")
    elif outcome.vendor_id != event.vendor_id:
        work.count("classes_changed")
        work.say("class_changed", f"{event.name} was not at {scope.name} as it should be, and was put right")
    notes = [{"code": note.code, "text": note.text, "fix": note.fix} for note in outcome.notes]
    values = {
        **_fine(now),
        "state": "active",
        "applied": event.wanted,
        "vendor_id": outcome.vendor_id,
        "results_due_at": event.ends_at + RESULTS_AFTER if event.results_at is None else event.results_due_at,
    }
    if outcome.seats is not None:
        values["compared_at"] = now
    async with scope.database.write() as db:
        await scope.lease.check(db)
        if outcome.seats is not None:
            strangers = await _compare(work, db, event, outcome.seats)
            if strangers:
                notes.append({"code": "not_ours", "text": strangers, "fix": ""})
                if strangers not in (event.notes or ""):
                    work.say("not_ours", f"{event.name}: {strangers}")
        values["notes"] = json.dumps(notes) if notes else None
        await db.execute(update(t.event).where(e.id == event.id).values(**values))
        if outcome.seats is None and outcome.vendor_id != event.vendor_id:
            await _all_again(db, event)
        if event.applied is None and await elsewhere(db, event):
            # Now that it stands here, it can go there.
            work.again.setdefault(event.source_id, set()).add(event.session_id)
        for note in outcome.notes:
            work.news |= await journal.raise_item(
                db,
                scope.studio.id,
                code=note.code,
                subject=f"{ref} @ {scope.name}",
                connection=scope.name,
                text=note.text,
                fix=note.fix,
                weight=6,
                now=now,
            )
        await _flush(work, db)


async def elsewhere(db: AsyncConnection, event: Any) -> Any:
    """The event that a class still has on the box from which it moves to that of `event`; None where there is none."""
    e = t.event.c
    same = (e.target_id == event.target_id, e.source_id == event.source_id, e.session_id == event.session_id)
    here = (e.id != event.id, e.box != event.box, e.applied.is_not(None), t.LIVE)
    return (await db.execute(select(t.event).where(*same, *here).limit(1))).one_or_none()


async def _all_again(db: AsyncConnection, event: Any) -> None:
    """Another event in the place of the old one, and nobody knows who is in it."""
    s = t.seat.c
    seated = (s.event_id == event.id, s.state != "removed", s.wanted.is_not(None), s.applied.is_not(None))
    again = {"applied": None, "settled": False, "state": "updating", "next_try_at": None}
    await db.execute(update(t.seat).where(*seated).values(**again))


async def _compare(work: Work, db: AsyncConnection, event: Any, seats: Mapping[str, str]) -> str:
    """Compare who sits where with who should; returns a note about those whom the hub never seated: they are left
    alone."""
    s, link, now = t.seat.c, t.link.c, work.now
    query = (
        select(t.seat, link.vendor_id.label("person"))
        .outerjoin(
            t.link,
            (link.target_id == event.target_id) & (link.source_id == event.source_id) & (link.member == s.member),
        )
        .where(s.event_id == event.id)
        .order_by(s.id)
    )
    left = dict(seats)
    live: set[str] = set()
    rows = list(await db.execute(query))
    for row in rows:
        if row.state == "removed" or row.person is None:
            continue
        live.add(row.person)
        actual = left.pop(row.person, None)
        if row.state == "blocked":
            # Put there by hand, as the inbox advises: nobody is taken off a seat whom the hub did not put on it.
            continue
        wrong = actual != row.wanted
        if actual == row.applied and not wrong:
            continue
        values: dict[str, Any] = {"applied": actual, "changed_at": now}
        if wrong and row.settled:
            values |= {"settled": False, "next_try_at": None, "state": "updating" if row.wanted else "removing"}
            work.news = True
            seat = f"on seat {actual}" if actual is not None else "on no seat"
            work.say("seat_differs", f"{row.name} was {seat} of {event.name}", level="warning")
        await db.execute(update(t.seat).where(s.id == row.id).values(**values))
    for row in rows if work.removing else ():
        # Freed since the last look, and there again: the call that had seated them arrived late. Who comes back later
        # was put there by somebody.
        late = row.removed_at is not None and (event.compared_at is None or row.removed_at >= event.compared_at)
        if row.state == "removed" and late and row.person in left and row.person not in live:
            back = {"state": "removing", "settled": False, "removed_at": None, "next_try_at": None}
            await db.execute(update(t.seat).where(s.id == row.id).values(**back, applied=left.pop(row.person)))
            live.add(row.person)
    if not left:
        return ""
    who = ", ".join(f"{person} on seat {seat}" for person, seat in sorted(left.items()))
    return f"riders whom the hub did not seat, and leaves: {who}"


async def _flush(work: Work, db: AsyncConnection) -> None:
    lines, work.lines = work.lines, []
    await journal.add_log(db, work.scope.studio.id, lines, now=work.now)
