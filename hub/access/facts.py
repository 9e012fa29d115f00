"""Reading what is known about members, many at a time, for `decide`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.access.decide import Facts
from hub.store import among
from hub.store import tables as t

__all__ = ["OVER", "VANISHED", "FactReader"]

VANISHED = "vanished"
"""How a record is gone that a complete read missed, without a word from the source."""

OVER = frozenset({r.PassState.ENDED, r.PassState.REVOKED, r.PassState.FROZEN})
"""States by which a source says that a pass opens nothing (any more)."""

_KINDS = ("member", "badge", "member_pass")
_DOOR_KINDS = ("booking", "community_member")
_LONG_OVER = timedelta(days=3)
"""A booking that ended so long ago opens nothing, whatever its rule adds after the end."""


@dataclass
class FactReader:
    """Reads the facts of a source's members. Keeps the names of its passes, communities and resources between calls."""

    source_id: int
    source: str
    badges: bool
    """Whether badges matter, so that rivals for one badge have to be looked for."""
    doors: bool = False
    """Whether bookings and communities matter."""
    _names: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)
    _contested: Mapping[str, set[str]] | None = field(default=None, repr=False)
    """Badge numbers that several members have, with who; None where they are looked up as needed."""

    async def read(self, db: AsyncConnection, members: Sequence[str], *, now: datetime) -> dict[str, Facts]:
        """The facts of these members, by member id; one for each, also where nothing is known."""
        for kind in ("pass", "resource", "community") if self.doors else ("pass",):
            if kind not in self._names:
                self._names = {**self._names, kind: await self._names_of(db, kind)}
        found = {
            member: Facts(
                source=self.source,
                member_id=member,
                pass_names=self._names["pass"],
                resource_names=self._names.get("resource", {}),
                community_names=self._names.get("community", {}),
            )
            for member in members
        }
        c = t.record.c
        # What was deleted says how; that is cheaper to fetch than when.
        query = select(c.owner, c.kind, c.data, c.deleted_how).where(
            c.source_id == self.source_id, among(c.owner, members, db)
        )
        numbers: dict[str, list[Facts]] = {}
        decode = {kind: r.decoder(kind).decode for kind in _KINDS}
        for owner, kind, data, deleted in (await db.execute(query.where(c.kind.in_(_KINDS)))).all():
            facts = found[owner]
            value = decode[kind](data)
            if kind == "member":
                if deleted is None:
                    facts.member = value
                else:
                    facts.gone = True
                    facts.gone_member = value if deleted == VANISHED else None
            elif kind == "member_pass":
                if deleted is None:
                    facts.passes.append(value)
                else:
                    facts.gone_passes += ((value, deleted),)
            elif deleted is not None:
                facts.gone_badges += ((value, deleted),)
            else:
                facts.badges.append(value)
                numbers.setdefault(value.number, []).append(facts)
        if self.badges and numbers:
            await self._find_rivals(db, numbers)
        if self.doors:
            since = or_(c.ends_at.is_(None), c.ends_at > now - _LONG_OVER)
            await self._read_doors(db, query.where(c.kind.in_(_DOOR_KINDS), since), found)
        return found

    async def _read_doors(self, db: AsyncConnection, query: Select[Any], found: Mapping[str, Facts]) -> None:
        """Add bookings, the sessions that they are of, and communities."""
        decode = {kind: r.decoder(kind).decode for kind in _DOOR_KINDS}
        of_sessions: dict[str, list[Facts]] = {}
        for owner, kind, data, deleted in (await db.execute(query)).all():
            facts, value = found[owner], decode[kind](data)
            if kind == "booking":
                if deleted is None:
                    facts.bookings.append(value)
                else:
                    facts.gone_bookings += ((value, deleted),)
                if value.session_id is not None:
                    of_sessions.setdefault(value.session_id, []).append(facts)
            elif deleted is None:
                facts.communities.append(value)
            else:
                facts.gone_communities += ((value, deleted),)
        if not of_sessions:
            return
        c = t.record.c
        sessions = select(c.record_id, c.data, c.deleted_how).where(
            c.source_id == self.source_id, c.kind == "session", among(c.record_id, sorted(of_sessions), db)
        )
        for session_id, data, deleted in (await db.execute(sessions)).all():
            session = r.decoder("session").decode(data)
            for facts in of_sessions[session_id]:
                facts.sessions = {**facts.sessions, session_id: (session, deleted)}

    async def handed_on(self, db: AsyncConnection, bookings: Sequence[str]) -> frozenset[str]:
        """Which of these bookings the source still has; asked about those that were somebody's and no longer are."""
        c = t.record.c
        query = select(c.record_id).where(
            c.source_id == self.source_id,
            c.kind == "booking",
            c.deleted_at.is_(None),
            among(c.record_id, bookings, db),
        )
        return frozenset((await db.execute(query)).scalars()) if bookings else frozenset()

    async def prepare_for_all(self, db: AsyncConnection) -> None:
        """Look once for badges that several members have, because everybody is going to be read."""
        if not self.badges:
            return
        c = t.record.c
        badges = (c.source_id == self.source_id, c.kind == "badge", c.deleted_at.is_(None))
        several = select(c.key).where(*badges).group_by(c.key).having(func.count(c.owner.distinct()) > 1)
        numbers = list((await db.execute(several)).scalars())
        self._contested = await self._holders(db, numbers) if numbers else {}

    async def _find_rivals(self, db: AsyncConnection, numbers: Mapping[str, list[Facts]]) -> None:
        holders = self._contested if self._contested is not None else await self._holders(db, list(numbers))
        for number, owners in holders.items():
            if len(owners) < 2:
                continue
            for facts in numbers.get(number, ()):
                others = tuple(sorted(f"{self.source}:{owner}" for owner in owners if owner != facts.member_id))
                facts.badge_rivals = {**(facts.badge_rivals or {}), number: others}

    async def _holders(self, db: AsyncConnection, numbers: Sequence[str]) -> dict[str, set[str]]:
        c = t.record.c
        query = select(c.key, c.owner).where(
            c.source_id == self.source_id, c.kind == "badge", c.deleted_at.is_(None), among(c.key, numbers, db)
        )
        holders: dict[str, set[str]] = {}
        for number, owner in (await db.execute(query)).all():
            holders.setdefault(number, set()).add(owner)
        return holders

    async def _names_of(self, db: AsyncConnection, kind: str) -> dict[str, str]:
        c = t.record.c
        query = select(c.record_id, c.data).where(c.source_id == self.source_id, c.kind == kind)
        decode = r.decoder(kind).decode
        return {record_id: decode(data).name or record_id for record_id, data in (await db.execute(query)).all()}
