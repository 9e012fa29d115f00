"""The rows of a tracker's classes and seats: reading them, and ending seats whose class is gone."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.classes.reasons import Reason
from hub.classes.work import Work
from hub.store import among
from hub.store import tables as t

__all__ = ["end_seats", "live_events", "may_be_there", "on_box", "removed_events", "seats_of"]

ASKED = frozenset({"in_progress", "updating", "removing", "unknown", "failed"})
"""States in which a seat may be taken at the tracker although the hub has not seen it."""


def may_be_there(seat: Any) -> bool:
    """Whether the rider of a row may be on a seat at the tracker."""
    return seat.applied is not None or seat.state in ASKED


async def end_seats(db: AsyncConnection, event_id: str, now: datetime, reason: Reason) -> None:
    """With the class gone, nobody has a seat in it. Who never had one is forgotten."""
    s = t.seat.c
    never = (s.applied.is_(None), s.state.not_in(ASKED), s.state != "removed")
    await db.execute(delete(t.seat).where(s.event_id == event_id, *never))
    await db.execute(
        update(t.seat)
        .where(s.event_id == event_id, s.state != "removed")
        .values(
            state="removed",
            settled=True,
            wanted=None,
            applied=None,
            reason=reason.text,
            reason_code=reason.code,
            removed_at=now,
            changed_at=now,
            next_try_at=None,
        )
    )


async def live_events(
    db: AsyncConnection, work: Work, source_id: int, ids: Collection[str] | None
) -> dict[str, list[Any]]:
    """The events of these classes (None: of all that are not over and done with), by class. A class that moves to
    another box has two until the new one stands."""
    e = t.event.c
    query = select(t.event).where(e.target_id == work.scope.target_id, e.source_id == source_id, t.LIVE)
    if ids is None:
        # What is over and done with is looked at no more; it stays for its results.
        query = query.where((e.ends_at > work.now) | e.settled.is_(False))
    else:
        query = query.where(among(e.session_id, sorted(ids), db))
    found: dict[str, list[Any]] = {}
    for row in await db.execute(query.order_by(e.created_at, e.id)):
        found.setdefault(row.session_id, []).append(row)
    return found


def on_box(events: Iterable[Any], box: str | None) -> Any:
    """That of a class's events which is on this box; None where there is none."""
    return next((event for event in events if event.box == box), None)


async def removed_events(
    db: AsyncConnection, work: Work, source_id: int, ids: Collection[str]
) -> dict[tuple[str, str], Any]:
    """The last cancelled event of each of these classes, by class and box."""
    if not ids:
        return {}
    e = t.event.c
    query = (
        select(t.event)
        .where(
            e.target_id == work.scope.target_id,
            e.source_id == source_id,
            e.state == "removed",
            among(e.session_id, sorted(ids), db),
        )
        .order_by(e.removed_at, e.id)
    )
    return {(row.session_id, row.box): row for row in await db.execute(query)}


async def seats_of(db: AsyncConnection, ids: Collection[str]) -> dict[str, dict[str, Any]]:
    """The seats that are not over, by event and member."""
    s = t.seat.c
    found: dict[str, dict[str, Any]] = {}
    if ids:
        query = select(t.seat).where(s.state != "removed", among(s.event_id, sorted(ids), db)).order_by(s.id)
        for row in await db.execute(query):
            found.setdefault(row.event_id, {})[row.member] = row
    return found
