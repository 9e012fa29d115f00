"""What is kept about a member in classes: seats, results, and what they said on their page."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.core import Hub
from hub.errors import UserError
from hub.look.members import Found
from hub.store import tables as t

__all__ = ["class_data", "erase_classes"]


async def class_data(db: AsyncConnection, hub: Hub, found: Found) -> dict[str, Any]:
    """Seats, results with their history, and what they said. What is sealed is open here: it is theirs."""
    c, e, s, w, ch = t.result.c, t.event.c, t.seat.c, t.own_word.c, t.result_change.c
    about = (e.name, e.session_id, e.starts_at, e.ends_at)
    sealed = (c.sealed_metrics, c.sealed_unread, c.implausible)
    results = (
        select(c.id, *about, c.vendor_person_id, c.seat, c.dropped, c.arrived_at, c.changed_at, *sealed)
        .select_from(t.result)
        .join(t.event, e.id == c.event_id)
        .where(*_results(hub, found))
        .order_by(e.starts_at, c.id)
    )
    seats = (
        select(*about, s.spot, s.state, s.created_at, s.removed_at)
        .select_from(t.seat)
        .join(t.event, e.id == s.event_id)
        .where(*_seats(hub, found))
        .order_by(e.starts_at, s.id)
    )
    given = []
    for row in (await db.execute(results)).all():
        changes = select(ch.at, ch.what, ch.why).where(ch.result_id == row.id).order_by(ch.id)
        given.append(
            {
                **_plain(row, leave=("id", "implausible", "sealed_metrics", "sealed_unread")),
                "metrics": _open(hub, row.sealed_metrics),
                "implausible": json.loads(row.implausible),
                "unread": _open(hub, row.sealed_unread),
                "history": [_plain(change) for change in (await db.execute(changes)).all()],
            }
        )
    own = select(w.show_live, w.sealed_profile, w.changed_at).where(*_words(found))
    said = (await db.execute(own)).one_or_none()
    return {
        "seats": [_plain(row) for row in (await db.execute(seats)).all()],
        "results": given,
        "own_word": None
        if said is None
        else {**_plain(said, leave=("sealed_profile",)), "profile": _open(hub, said.sealed_profile)},
    }


def _plain(row: Any, *, leave: tuple[str, ...] = ()) -> dict[str, Any]:
    values = {name: value for name, value in row._mapping.items() if name not in leave}
    return {name: times.to_text(value) if hasattr(value, "tzinfo") else value for name, value in values.items()}


def _open(hub: Hub, sealed: bytes | None) -> Any:
    return json.loads(hub.vault.open_private(sealed)) if sealed is not None else {}


def _results(hub: Hub, found: Found) -> tuple[Any, ...]:
    c = t.result.c
    return (c.studio_id == hub.the_studio.id, c.source_id == found.source_id, c.member == found.member_id)


def _seats(hub: Hub, found: Found) -> tuple[Any, ...]:
    e = t.event.c
    of_source = select(e.id).where(e.studio_id == hub.the_studio.id, e.source_id == found.source_id)
    return (t.seat.c.member == found.member_id, t.seat.c.event_id.in_(of_source))


def _words(found: Found) -> tuple[Any, ...]:
    return (t.own_word.c.source_id == found.source_id, t.own_word.c.member == found.member_id)


async def erase_classes(db: AsyncConnection, hub: Hub, found: Found) -> dict[str, int]:
    """Delete all of it; returns how many rows of each table. Raises UserError while the member has a seat in a class
    that is not over: a tracker would keep a rider of whom nobody here knows."""
    s, e, ch = t.seat.c, t.event.c, t.result_change.c
    to_come = (
        select(e.name, e.starts_at)
        .select_from(t.seat)
        .join(t.event, e.id == s.event_id)
        .where(*_seats(hub, found), s.state != "removed", s.applied.is_not(None), e.ends_at > hub.clock.now())
        .order_by(e.starts_at)
        .limit(1)
    )
    row = (await db.execute(to_come)).one_or_none()
    if row is not None:
        when = f"{row.starts_at.astimezone(times.zone(hub.the_studio.timezone)):%d %b %Y %H:%M}"
        raise UserError(
            f"{found.name} ({found.ref}) still has a seat in {row.name or 'a class'} on {when}",
            fix=f"Cancel the booking at {found.source}, `studiohub sync`, then erase.",
            code="has_seat",
        )
    own = select(t.result.c.id).where(*_results(hub, found))
    done = {}
    for table, condition in (
        (t.result_change, (ch.result_id.in_(own),)),
        (t.result, _results(hub, found)),
        (t.seat, _seats(hub, found)),
        (t.own_word, _words(found)),
    ):
        count = (await db.execute(delete(table).where(*condition))).rowcount
        if count:
            done[table.name] = count
    # A result that is somebody else's now still says whose it was.
    for column in (ch.before, ch.after):
        of_studio = select(t.result.c.id).where(t.result.c.studio_id == hub.the_studio.id)
        named = (ch.result_id.in_(of_studio), column == found.ref)
        await db.execute(update(t.result_change).where(*named).values({column: "somebody erased"}))
    return done
