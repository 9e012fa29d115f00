"""What the member page asks the database. Nothing here changes anything."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.classes.rides import Ride
from hub.records import Booking, BookingState, Member, Session, SessionState, Spot, decoder
from hub.store import among
from hub.store import tables as t
from hub.studio import registry
from hub.studio.registry import Studio
from hub.vault import Vault

__all__ = ["Next", "OwnWord", "Person", "bike", "erasure_asked", "next_class", "own_word", "person"]

COMING = frozenset({BookingState.CONFIRMED, BookingState.CHECKED_IN})


@dataclass(frozen=True)
class Person:
    """The member whose page it is."""

    studio: Studio
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
    connected = await registry.connection_by_id(db, source_id)
    if connected is None:
        return None
    studio, source = connected
    if studio.id != studio_id or source.options is not None or source.created_at > made_at:
        return None
    r = t.record.c
    query = select(r.data).where(r.source_id == source_id, r.kind == "member", r.record_id == member)
    found = (await db.execute(query)).scalar()
    return Person(studio, source_id, source.name, decoder("member").decode(found)) if found is not None else None


async def own_word(db: AsyncConnection, vault: Vault, source_id: int, member: str) -> OwnWord:
    """What the member said."""
    w = t.own_word.c
    query = select(w.show_live, w.sealed_profile).where(w.source_id == source_id, w.member == member)
    row = (await db.execute(query)).one_or_none()
    if row is None:
        return OwnWord(None, {})
    return OwnWord(row.show_live, json.loads(vault.open_private(row.sealed_profile)) if row.sealed_profile else {})


async def bike(db: AsyncConnection, of: Person, ride: Ride) -> str | None:
    """What stands on the bike of a ride: what the member booked, or else the tracker's own number of it."""
    s = t.seat.c
    query = select(s.spot).where(s.event_id == ride.event_id, s.member == of.record.id, s.state != "removed")
    spot: str | None = (await db.execute(query)).scalar()
    return await _spot_label(db, of.source_id, spot or ride.seat)


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
    spot = await _spot_label(db, of.source_id, bookings[session.id].spot)
    return Next(session.name, session.starts_at, session.ends_at, zone, spot)


async def _zone_of(db: AsyncConnection, of: Person, session: Session) -> str:
    """The zone of the class's location, or else the studio's."""
    r = t.record.c
    query = select(r.data).where(
        r.source_id == of.source_id, r.kind == "location", r.record_id == (session.location_id or "")
    )
    data = (await db.execute(query)).scalar()
    return (decoder("location").decode(data).timezone if data else None) or of.studio.timezone


async def _spot_label(db: AsyncConnection, source_id: int, spot: str | None) -> str | None:
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
        i.studio_id == of.studio.id, i.code == "erase_asked", i.subject == of.ref, i.solved_at.is_(None)
    )
    since: datetime | None = (await db.execute(query)).scalar()
    return since
