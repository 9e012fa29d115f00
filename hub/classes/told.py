"""What is told about a pass over a tracker: run, sync log, inbox, observers."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.classes.outcomes import elsewhere
from hub.classes.reasons import HELD, TOLD, WORDINGS
from hub.classes.wishes import Wishes
from hub.classes.work import Work
from hub.engine.closing import close_run, tell_finished
from hub.engine.lanes import Lease
from hub.engine.target_result import TargetRun
from hub.engine.unmapped import tell_unmatched
from hub.http import Counters
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry
from hub.words import counted

if TYPE_CHECKING:
    from hub.core import Hub

__all__ = ["close_tracker_run"]


async def close_tracker_run(
    hub: Hub,
    row: registry.ConnectionRow,
    result: TargetRun,
    work: Work | None,
    found: Wishes,
    *,
    lease: Lease,
    calls: Counters | None,
    quiet: bool,
) -> None:
    """Write down how a pass over a tracker ended, and tell whoever wants to know."""
    now, studio = hub.clock.now(), hub.the_studio
    counts = {**result.applied, "failed": len(result.failed), "held": result.held}
    async with hub.database.write() as db:
        await lease.check(db)
        new = await _target(db, studio.id, row.name, result, now)
        if work is not None:
            new |= work.news
            await journal.add_log(db, studio.id, work.lines, now=now)
            new |= await _classes(db, work, found)
            if not work.observing:
                new |= await _failing(db, work)
                new |= await _seats(db, work)
                new |= await _held(db, work, found)
                result.waiting = await _waiting(db, work, found)
            result.fetched = dict(work.scope.fetched)
            if work.full:
                new |= await tell_unmatched(db, studio, now)
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
            lines=[],
            news=new or bool(result.applied or result.failed),
            quiet=quiet,
        )
    if kept:
        await tell_finished(hub, result.run_id, row.name, result.state, counts)


async def _target(db: AsyncConnection, studio: int, name: str, result: TargetRun, now: datetime) -> bool:
    if result.error is None:
        await journal.solve(db, studio, code="target_failed", subject=name, now=now)
        return False
    return await journal.raise_item(
        db,
        studio,
        code="target_failed",
        subject=name,
        connection=name,
        text=str(result.error),
        fix=result.error.fix or f"`studiohub verify {name}` says more.",
        weight=1,
        now=now,
    )


async def _classes(db: AsyncConnection, work: Work, found: Wishes) -> bool:
    """Classes that somebody wants to be sent and that can't be."""
    scope, new = work.scope, False
    for code in sorted(TOLD):
        keep: set[str] = set()
        for (source_id, session), reason in found.problems.items():
            if reason.code != code:
                continue
            subject = f"{work.ref(source_id, session)} @ {scope.name}"
            keep.add(subject)
            new |= await journal.raise_item(
                db,
                scope.studio.id,
                code=code,
                subject=subject,
                connection=scope.name,
                text=reason.text,
                fix=reason.fix,
                weight=4,
                now=work.now,
            )
        for source_id in found.scanned:
            about = f"{scope.sources[source_id]}:"
            mine = await _open_subjects(db, work, code)
            for subject in mine - keep:
                if subject.startswith(about):
                    await journal.solve(db, scope.studio.id, code=code, subject=subject, now=work.now)
    return new


async def _open_subjects(db: AsyncConnection, work: Work, code: str) -> set[str]:
    i = t.inbox.c
    query = select(i.subject).where(
        i.studio_id == work.scope.studio.id,
        i.code == code,
        i.connection == work.scope.name,
        i.solved_at.is_(None),
    )
    return set((await db.execute(query)).scalars())


async def _failing(db: AsyncConnection, work: Work) -> bool:
    """What the tracker did not take, class by class and rider by rider."""
    scope, new, now = work.scope, False, work.now
    e, s = t.event.c, t.seat.c
    here = (e.target_id == scope.target_id, e.ends_at > now, e.state != "removed")
    events = list(await db.execute(select(t.event).where(*here, e.state.in_(("failed", "unknown")))))
    query = (
        select(t.seat, e.source_id, e.session_id, e.name.label("class_name"), e.starts_at)
        .join(t.event, s.event_id == e.id)
        .where(*here, or_(s.state == "failed", s.state == "unknown"))
    )
    seats = list(await db.execute(query))
    for code, rows in (("class_failed", events), ("seat_failed", seats)):
        keep: set[str] = set()
        for row in rows:
            error = json.loads(row.error) if row.error else None
            if error is None or (work.stopped_by is not None and row.attempts == 0):
                continue
            ref = work.ref(row.source_id, row.session_id)
            rider = code == "seat_failed"
            subject = f"{work.ref(row.source_id, row.member)} in {ref}" if rider else ref
            keep.add(f"{subject} @ {scope.name}")
            said = f" It said: {error['said']}" if error["said"] else ""
            old = await elsewhere(db, row) if not rider else None
            text = _seat_text(row, error) if rider else _class_text(row, error, scope.name, old)
            new |= await journal.raise_item(
                db,
                scope.studio.id,
                code=code,
                subject=f"{subject} @ {scope.name}",
                connection=scope.name,
                text=f"{text}.{said}",
                fix=error["fix"] or f"`studiohub sync {scope.name}` tries again now.",
                weight=2,
                now=now,
            )
        await journal.solve_all_but(db, scope.studio.id, code=code, connection=scope.name, keep=keep, now=now)
    return new


def _class_text(row: Any, error: dict[str, str], target: str, old: Any) -> str:
    doing = "is not cancelled" if row.wanted is None else "is not as it should be"
    if old is not None and row.wanted is not None and row.applied is None:
        doing = f"stays on box {old.box}, because it can't move to box {row.box},"
    return f"{row.name} {doing} at {target}: {error['what']}"


def _seat_text(row: Any, error: dict[str, str]) -> str:
    doing = "could not be taken off their seat" if row.wanted is None else f"has no seat {row.wanted}"
    return f"{row.name} {doing} in {row.class_name}: {error['what']}"


async def _seats(db: AsyncConnection, work: Work) -> bool:
    """Riders for whom there is no seat, one line for each class and reason."""
    scope, new, now = work.scope, False, work.now
    e, s = t.event.c, t.seat.c
    query = (
        select(s.name, s.reason, s.reason_code, e.source_id, e.session_id, e.name.label("class_name"))
        .join(t.event, s.event_id == e.id)
        .where(e.target_id == scope.target_id, e.ends_at > now, e.state != "removed", s.state != "removed")
        .where(s.reason_code.in_(HELD))
        .order_by(s.id)
    )
    lines: dict[tuple[str, str], list[Any]] = {}
    for row in await db.execute(query):
        lines.setdefault((row.reason_code, work.ref(row.source_id, row.session_id)), []).append(row)
    for code in sorted(HELD):
        keep: set[str] = set()
        for (its_code, ref), rows in lines.items():
            if its_code != code:
                continue
            keep.add(f"{ref} @ {scope.name}")
            more = f" And {counted(len(rows) - 3, 'rider')} more." if len(rows) > 3 else ""
            source = ref.partition(":")[0]
            new |= await journal.raise_item(
                db,
                scope.studio.id,
                code=code,
                subject=f"{ref} @ {scope.name}",
                connection=scope.name,
                text=" ".join(row.reason for row in rows[:3]) + more,
                fix=WORDINGS[code].fix.format(source=source),
                weight=3,
                now=now,
            )
        await journal.solve_all_but(db, scope.studio.id, code=code, connection=scope.name, keep=keep, now=now)
    return new


async def _waiting(db: AsyncConnection, work: Work, found: Wishes) -> dict[str, int]:
    """How many riders of classes to come have no seat, or not theirs, and how many classes are not as they should be,
    until somebody looks at them."""
    e, s = t.event.c, t.seat.c
    here = (e.target_id == work.scope.target_id, e.ends_at > work.now, e.state != "removed")
    stuck = select(e.source_id, e.session_id).where(*here, e.state.in_(("failed", "unknown")))
    classes = {*(tuple(row) for row in await db.execute(stuck)), *found.problems}
    seats = select(s.reason_code, s.state).join(t.event, s.event_id == e.id)
    seats = seats.where(*here, s.state.in_(("failed", "unknown", "blocked")))
    riders = [
        code
        for code, state in await db.execute(seats)
        if state != "blocked" or not (code in WORDINGS and WORDINGS[code].good)
    ]
    counts = {"riders": len(riders), "classes": len(classes)}
    return {what: count for what, count in counts.items() if count}


async def _held(db: AsyncConnection, work: Work, found: Wishes) -> bool:
    """Classes that vanished, too many at once to be believed."""
    scope = work.scope
    if not work.held:
        if found.scanned:
            await journal.solve(db, scope.studio.id, code="held", subject=scope.name, now=work.now)
        return False
    names = ", ".join(event.name for event, _ in found.surprises[:3])
    more = f" and {work.held - 3} more" if work.held > 3 else ""
    return await journal.raise_item(
        db,
        scope.studio.id,
        code="held",
        subject=scope.name,
        connection=scope.name,
        text=f"{work.held} classes vanished at once and are still on at {scope.name}: {names}{more}.",
        fix=f"If they are really off: `studiohub sessions approve {scope.name}`, or cancel them at the source.",
        weight=1,
        now=work.now,
    )
