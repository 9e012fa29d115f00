"""Reading from the records what a decision about classes needs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub import times
from hub.classes.decide import ClassFacts, Rider
from hub.store import among
from hub.store import tables as t
from hub.vault import Vault

__all__ = ["OwnWord", "SourceReader", "own_words"]

VANISHED = "vanished"

LONGEST = timedelta(days=1)


@dataclass(frozen=True)
class OwnWord:
    """What a member said on their page; None and absent where they said nothing."""

    show_live: bool | None = None
    profile: Mapping[str, Any] = field(default_factory=dict)


async def own_words(db: AsyncConnection, vault: Vault, source_id: int, members: Collection[str]) -> dict[str, OwnWord]:
    """What these members said themselves."""
    c = t.own_word.c
    query = select(c.member, c.show_live, c.sealed_profile).where(
        c.source_id == source_id, among(c.member, sorted(members), db)
    )
    return {
        row.member: OwnWord(
            row.show_live, json.loads(vault.open_private(row.sealed_profile)) if row.sealed_profile else {}
        )
        for row in await db.execute(query)
    }


@dataclass
class SourceReader:
    """Reads classes of one source. What hardly changes is read once for a pass."""

    source_id: int
    name: str
    timezone: str
    _zones: dict[str, r.Location] | None = None
    _plans: dict[str, r.RoomPlan] = field(default_factory=dict)
    _teachers: dict[str, str | None] = field(default_factory=dict)

    async def coming(self, db: AsyncConnection, now: datetime) -> list[str]:
        """The classes that are not over, gone ones among them."""
        c = t.record.c
        # Nothing longer is ever sent; and there is an index of when things start.
        begun = c.starts_at > now - LONGEST
        query = select(c.record_id).where(c.source_id == self.source_id, c.kind == "session", begun, c.ends_at > now)
        return list((await db.execute(query)).scalars())

    async def classes_of(self, db: AsyncConnection, target_id: int, members: Collection[str]) -> set[str]:
        """The classes that these members have booked or have a seat in."""
        if not members:
            return set()
        c, s, e = t.record.c, t.seat.c, t.event.c
        booked = select(c.key).where(
            c.source_id == self.source_id,
            c.kind == "booking",
            c.key.is_not(None),
            among(c.owner, sorted(members), db),
        )
        seated = (
            select(e.session_id)
            .join(t.seat, s.event_id == e.id)
            .where(
                e.target_id == target_id,
                e.source_id == self.source_id,
                s.state != "removed",
                among(s.member, sorted(members), db),
            )
        )
        return {*(await db.execute(booked)).scalars(), *(await db.execute(seated)).scalars()}

    async def classes(
        self,
        db: AsyncConnection,
        vault: Vault,
        ids: Collection[str],
        now: datetime,
        held: Mapping[str, Mapping[str, str]],
        *,
        riders: bool = True,
    ) -> list[ClassFacts]:
        """The facts of these classes in the order in which they start, with or without their riders. `held` are the
        seats that members have, by class."""
        await self._places(db)
        c = t.record.c
        query = select(c.record_id, c.data, c.deleted_at, c.deleted_how).where(
            c.source_id == self.source_id, c.kind == "session", among(c.record_id, sorted(ids), db)
        )
        decode = r.decoder("session").decode
        sessions: list[tuple[r.Session, str | None]] = []
        for row in await db.execute(query):
            gone = (row.deleted_how or VANISHED) if row.deleted_at is not None else None
            sessions.append((decode(row.data), gone))
        open_ids = [session.id for session, gone in sessions if gone is None and session.ends_at > now]
        booked = await self._riders(db, vault, open_ids) if riders else {}
        return [
            ClassFacts(
                source=self.name,
                session=session,
                timezone=self._zone_of(session),
                gone=gone,
                instructor_email=self._teachers.get(session.instructor_id or ""),
                riders=booked.get(session.id, ()),
                held=held.get(session.id, {}),
            )
            for session, gone in sorted(sessions, key=lambda one: (one[0].starts_at, one[0].id))
        ]

    async def _riders(self, db: AsyncConnection, vault: Vault, ids: Sequence[str]) -> dict[str, list[Rider]]:
        if not ids:
            return {}
        c = t.record.c
        query = (
            select(c.data)
            .where(
                c.source_id == self.source_id,
                c.kind == "booking",
                c.deleted_at.is_(None),
                among(c.key, sorted(ids), db),
            )
            .order_by(c.id)
        )
        decode = r.decoder("booking").decode
        bookings: list[r.Booking] = [decode(data) for data in (await db.execute(query)).scalars()]
        bookings = [booking for booking in bookings if booking.session_id is not None]
        members = {booking.member_id for booking in bookings}
        known = await self.members(db, members)
        words = await own_words(db, vault, self.source_id, members)
        found: dict[str, list[Rider]] = {}
        for booking in bookings:
            member = known.get(booking.member_id)
            said = words.get(booking.member_id, OwnWord()).show_live
            live = said if said is not None else (member.show_live if member is not None else True)
            rider = Rider(
                booking, member.name if member is not None else booking.member_id, member is not None, show_live=live
            )
            found.setdefault(booking.session_id or "", []).append(rider)
        return found

    async def members(self, db: AsyncConnection, members: Collection[str]) -> dict[str, r.Member]:
        """The records of these members, as far as they are there."""
        if not members:
            return {}
        c = t.record.c
        query = select(c.data).where(
            c.source_id == self.source_id,
            c.kind == "member",
            c.deleted_at.is_(None),
            among(c.record_id, sorted(members), db),
        )
        decode = r.decoder("member").decode
        found: list[r.Member] = [decode(data) for data in (await db.execute(query)).scalars()]
        return {member.id: member for member in found}

    async def with_email(self, db: AsyncConnection, emails: Collection[str]) -> dict[str, list[str]]:
        """The members that have each of these addresses."""
        c = t.record.c
        query = select(c.key, c.data).where(
            c.source_id == self.source_id,
            c.kind == "member",
            c.deleted_at.is_(None),
            c.key.is_not(None),
            among(c.key, sorted(emails), db),
        )
        decode = r.decoder("member").decode
        found: dict[str, list[str]] = {}
        for row in await db.execute(query):
            member: r.Member = decode(row.data)
            if not member.archived:
                found.setdefault(row.key, []).append(member.id)
        return found

    async def _places(self, db: AsyncConnection) -> None:
        if self._zones is not None:
            return
        c = t.record.c
        query = select(c.kind, c.record_id, c.data).where(
            c.source_id == self.source_id, c.kind.in_(("location", "room_plan", "instructor")), c.deleted_at.is_(None)
        )
        zones: dict[str, r.Location] = {}
        for row in await db.execute(query):
            record = r.decoder(row.kind).decode(row.data)
            if row.kind == "location":
                zones[row.record_id] = record
            elif row.kind == "room_plan":
                self._plans[row.record_id] = record
            else:
                self._teachers[row.record_id] = record.email
        self._zones = zones

    def _zone_of(self, session: r.Session) -> str:
        """The zone of the class's location, or of one that it lies in; else of its room plan's; else the studio's."""
        plan = self._plans.get(session.room_plan_id or "")
        for start in (session.location_id, plan.location_id if plan is not None else None):
            seen: set[str] = set()
            place = start
            while place is not None and place not in seen:
                seen.add(place)
                location = (self._zones or {}).get(place)
                if location is not None and location.timezone and _is_zone(location.timezone):
                    return location.timezone
                place = location.parent_id if location is not None else None
        return self.timezone


def _is_zone(name: str) -> bool:
    try:
        times.zone(name)
    except ValueError:
        return False
    return True
