"""What the member page asks the database. Nothing here changes anything."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.classes.rides import Ride
from hub.records import Booking, BookingState, Member, Session, SessionState, Spot, decoder
from hub.store import among
from hub.store import tables as t
from hub.vault import Vault

__all__ = [
    "Next",
    "OwnWord",
    "Person",
    "erasure_asked",
    "next_class",
    "own_word",
    "person",
    "rides",
    "shown_rides",
    "spot_label",
]

COMING = frozenset({BookingState.CONFIRMED, BookingState.CHECKED_IN})


@dataclass(frozen=True)
class Person:
    """The member whose page it is, and where the studio's clock and words come from."""

    studio_id: int
    studio: str
    timezone: str
    studio_language: str
    source_id: int
    source: str
    record: Member

    @property
    def ref(self) -> str:
        """`source:id`."""
        return f"{self.source}:{self.record.id}"


@dataclass(frozen=True)
class OwnWord:
    """What a member said on their page. `show_live` None: nothing, so the source's word stands."""

    show_live: bool | None
    profile: Mapping[str, str | float]


@dataclass(frozen=True)
class Next:
    """The next class that a member has booked; `spot` is the bike's label where one is booked."""

    name: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    spot: str | None


async def person(db: AsyncConnection, studio_id: int, source_id: int, member: str, made_at: datetime) -> Person | None:
    """The member; None where nobody is known by that id, or where the source was connected only after the link was
    made: ids mean something else in another source."""
    c, s, r = t.connection.c, t.studio.c, t.record.c
    query = (
        select(c.name, s.name.label("studio"), s.timezone, s.language, r.data)
        .join(t.studio, s.id == c.studio_id)
        .join(t.record, r.source_id == c.id)
        .where(
            *(c.id == source_id, s.id == studio_id, c.target_options.is_(None), c.created_at <= made_at),
            *(r.kind == "member", r.record_id == member),
        )
    )
    row = (await db.execute(query)).one_or_none()
    if row is None:
        return None
    record = decoder("member").decode(row.data)
    return Person(studio_id, row.studio, row.timezone, row.language, source_id, row.name, record)


async def own_word(db: AsyncConnection, vault: Vault, source_id: int, member: str) -> OwnWord:
    """What the member said."""
    w = t.own_word.c
    query = select(w.show_live, w.sealed_profile).where(w.source_id == source_id, w.member == member)
    row = (await db.execute(query)).one_or_none()
    if row is None:
        return OwnWord(None, {})
    return OwnWord(row.show_live, json.loads(vault.open(row.sealed_profile)) if row.sealed_profile else {})


async def rides(db: AsyncConnection, vault: Vault, of: Person, member: str) -> list[Ride]:
    """Every result of a member that staff did not drop, the newest first."""
    q = t.result.c
    mine = (q.source_id == of.source_id, q.member == member)
    return await _rides(db, vault, of, *mine)


async def shown_rides(db: AsyncConnection, vault: Vault, of: Person, event_id: str) -> list[Ride]:
    """The results of a class whose riders show theirs to others."""
    found = await _rides(db, vault, of, t.result.c.event_id == event_id, t.result.c.source_id == of.source_id)
    hidden = await _hidden(db, of.source_id, {ride.member for ride in found})
    return [ride for ride in found if ride.member not in hidden]


async def _rides(db: AsyncConnection, vault: Vault, of: Person, *conditions: Any) -> list[Ride]:
    q, e, place = t.result.c, t.event.c, t.seat.c
    sat = (place.event_id == q.event_id) & (place.member == q.member) & (place.state != "removed")
    query = (
        select(q.id, q.event_id, q.member, q.sealed_metrics, q.implausible)
        # What the member booked is what stands on the bike; the tracker's own number of it may be another.
        .add_columns(func.coalesce(place.spot, q.seat).label("seat"))
        .add_columns(e.session_id, e.name, e.starts_at, e.ends_at, e.timezone)
        .join(t.event, e.id == q.event_id)
        .outerjoin(t.seat, sat)
        .where(q.studio_id == of.studio_id, q.dropped.is_(False), *conditions)
        .order_by(e.starts_at.desc(), q.id)
    )
    return [
        Ride(
            result_id=row.id,
            event_id=row.event_id,
            session=f"{of.source}:{row.session_id}",
            name=row.name,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            timezone=row.timezone,
            member=f"{of.source}:{row.member}",
            metrics=json.loads(vault.open(row.sealed_metrics)),
            implausible=frozenset(json.loads(row.implausible)),
            seat=row.seat,
        )
        for row in (await db.execute(query)).all()
    ]


async def _hidden(db: AsyncConnection, source_id: int, refs: Collection[str]) -> set[str]:
    """Those of these members who don't show their data: by their own word, or else by the source's. Of somebody who is
    not known any more nothing is shown either."""
    ids = {ref.partition(":")[2]: ref for ref in refs}
    r, w = t.record.c, t.own_word.c
    records = select(r.record_id, r.data).where(
        r.source_id == source_id, r.kind == "member", among(r.record_id, list(ids), db)
    )
    shown = {row.record_id: decoder("member").decode(row.data).show_live for row in await db.execute(records)}
    said = select(w.member, w.show_live).where(
        w.source_id == source_id, w.show_live.is_not(None), among(w.member, list(ids), db)
    )
    shown |= {row.member: row.show_live for row in await db.execute(said) if row.member in shown}
    return {ref for member, ref in ids.items() if not shown.get(member, False)}


async def next_class(db: AsyncConnection, of: Person, now: datetime) -> Next | None:
    """The next class that the member has booked."""
    r = t.record.c
    own = (r.source_id == of.source_id, r.deleted_at.is_(None))
    bookings: dict[str, Booking] = {}
    booked = select(r.data).where(*own, r.kind == "booking", r.owner == of.record.id)
    for data in (await db.execute(booked)).scalars():
        booking = decoder("booking").decode(data)
        if booking.session_id is not None and booking.state in COMING:
            bookings[booking.session_id] = booking
    if not bookings:
        return None
    query = (
        select(r.data)
        .where(*own, r.kind == "session", r.starts_at > now, among(r.record_id, list(bookings), db))
        .order_by(r.starts_at)
    )
    coming = (decoder("session").decode(data) for data in (await db.execute(query)).scalars())
    session: Session | None = next((one for one in coming if one.state == SessionState.SCHEDULED), None)
    if session is None:
        return None
    zone = await _zone_of(db, of, session)
    spot = await spot_label(db, of.source_id, bookings[session.id].spot)
    return Next(session.name, session.starts_at, session.ends_at, zone, spot)


async def _zone_of(db: AsyncConnection, of: Person, session: Session) -> str:
    """The zone of the class's location, or else the studio's."""
    r = t.record.c
    query = select(r.data).where(
        r.source_id == of.source_id, r.kind == "location", r.record_id == (session.location_id or "")
    )
    data = (await db.execute(query)).scalar()
    return (decoder("location").decode(data).timezone if data else None) or of.timezone


async def spot_label(db: AsyncConnection, source_id: int, spot: str | None) -> str | None:
    """What stands on the bike: a source may book by the spot's id or by its label."""
    if not spot:
        return None
    r = t.record.c
    data = (
        await db.execute(select(r.data).where(r.source_id == source_id, r.kind == "spot", r.record_id == spot))
    ).scalar()
    known: Spot | None = decoder("spot").decode(data) if data else None
    return known.label if known is not None else spot


async def erasure_asked(db: AsyncConnection, of: Person) -> datetime | None:
    """Since when a request to erase this member waits for staff."""
    i = t.inbox.c
    query = select(i.since).where(
        i.studio_id == of.studio_id, i.code == "erase_asked", i.subject == of.ref, i.solved_at.is_(None)
    )
    since: datetime | None = (await db.execute(query)).scalar()
    return since
