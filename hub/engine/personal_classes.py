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

__all__ = ["erase_classes", "personal_classes"]


async def personal_classes(db: AsyncConnection, hub: Hub, found: Found) -> dict[str, Any]:
    """Seats, results with their history, and own words. What is sealed is open here: it is theirs."""
    c, ch, w = t.result.c, t.result_change.c, t.own_word.c
    of_class = (t.event.c.name, t.event.c.session_id, t.event.c.starts_at)
    results = (
        select(t.result, *(column.label(f"class_{column.name}") for column in of_class))
        .join(t.event, t.event.c.id == c.event_id)
        .where(*_results(hub, found))
        .order_by(c.starts_at, c.id)
    )
    given = []
    for row in (await db.execute(results)).all():
        changes = select(ch.at, ch.what, ch.why).where(ch.result_id == row.id).order_by(ch.id)
        given.append(
            {
                "class": row.class_name,
                "session": row.class_session_id,
                "starts_at": times.to_text(row.class_starts_at),
                "person_id": row.vendor_person_id,
                "seat": row.seat,
                "metrics": _open(hub, row.sealed_metrics),
                "implausible": json.loads(row.implausible),
                "unread": _open(hub, row.sealed_unread),
                "dropped": row.dropped,
                "arrived_at": times.to_text(row.arrived_at),
                "changed_at": times.to_text(row.changed_at),
                "history": [
                    {"at": times.to_text(change.at), "what": change.what, "why": change.why}
                    for change in (await db.execute(changes)).all()
                ],
            }
        )
    seats = (
        select(t.seat.c.spot, t.seat.c.state, *of_class)
        .select_from(t.seat)
        .join(t.event, t.event.c.id == t.seat.c.event_id)
        .where(*_seats(hub, found))
        .order_by(t.event.c.starts_at, t.seat.c.id)
    )
    said = select(w.show_live, w.sealed_profile, w.changed_at).where(*_words(found))
    word = (await db.execute(said)).one_or_none()
    return {
        "seats": [
            {
                "class": row.name,
                "session": row.session_id,
                "starts_at": times.to_text(row.starts_at),
                "spot": row.spot,
                "state": row.state,
            }
            for row in (await db.execute(seats)).all()
        ],
        "results": given,
        "own_words": None
        if word is None
        else {
            "show_live": word.show_live,
            "profile": _open(hub, word.sealed_profile),
            "changed_at": times.to_text(word.changed_at),
        },
    }


def _open(hub: Hub, sealed: bytes | None) -> Any:
    return json.loads(hub.vault.open_private(sealed)) if sealed is not None else None


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
