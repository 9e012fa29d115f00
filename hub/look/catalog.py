"""What mapping rows can name: passes, resources, communities and rooms of the sources; groups, locks and boxes of the
targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.core import Hub
from hub.store import tables as t
from hub.studio import registry

__all__ = ["Catalog", "Nameable", "Target", "read_catalog"]


@dataclass(frozen=True)
class Nameable:
    """Something that a source knows by an id. `people`: members who have it now; of a resource and a room, bookings and
    classes to come."""

    source: str
    kind: str
    id: str
    name: str
    people: int = 0


@dataclass(frozen=True)
class Target:
    """A lock or tracker with what it has: names by id."""

    name: str
    kind: str
    groups: dict[str, str] = field(default_factory=dict)
    locks: dict[str, str] = field(default_factory=dict)
    boxes: dict[str, str] = field(default_factory=dict)

    def name_of(self, opening: str) -> str:
        """What the vendor calls it, or the id where that is not known."""
        return self.groups.get(opening) or self.locks.get(opening) or self.boxes.get(opening) or opening


@dataclass(frozen=True)
class Catalog:
    """Everything that rows can name now, and how many members there are."""

    things: Sequence[Nameable] = ()
    targets: Sequence[Target] = ()
    members: int = 0

    def of(self, *kinds: str) -> list[Nameable]:
        """The things of these kinds."""
        return [one for one in self.things if one.kind in kinds]

    def target(self, name: str) -> Target:
        """The target of that name; one that is not known has nothing."""
        return next((one for one in self.targets if one.name == name), Target(name, "lock"))

    def named(self, source: str, kind: str, thing: str) -> str:
        """What the source calls it, or the id where it no longer has it."""
        for one in self.things:
            if (one.source, one.kind, one.id) == (source, kind, thing):
                return one.name
        return thing


KINDS = ("pass", "resource", "community", "room_plan", "location")


async def read_catalog(hub: Hub) -> Catalog:
    """Read it from the records and from what was last seen at the vendors."""
    studio, now = hub.the_studio, hub.clock.now()
    async with hub.database.read() as db:
        rows = await registry.connections(db, studio)
        sources = {row.id: row.name for row in rows if row.options is None}
        things: list[Nameable] = []
        c = t.record.c
        query = select(c.source_id, c.kind, c.record_id, c.data).where(
            c.source_id.in_(sources), c.kind.in_(KINDS), c.deleted_at.is_(None)
        )
        counts = await _counts(db, list(sources), now)
        for source_id, kind, thing, data in await db.execute(query):
            record = r.decoder(kind).decode(data)
            if getattr(record, "archived", False):
                continue
            people = counts.get((source_id, kind, thing), 0)
            things.append(Nameable(sources[source_id], kind, thing, record.name or thing, people))
        targets = [await _target(db, hub, row) for row in rows if row.options is not None]
        members = select(func.count()).where(c.source_id.in_(sources), c.kind == "member", c.deleted_at.is_(None))
        count = int((await db.execute(members)).scalar_one())
    things.sort(key=lambda one: (KINDS.index(one.kind), one.source, one.name.casefold(), one.id))
    return Catalog(things, targets, count)


async def _target(db: AsyncConnection, hub: Hub, row: registry.ConnectionRow) -> Target:
    plugin = hub.plugins.loaded.get(row.plugin)
    made = Target(row.name, plugin.kind if plugin is not None else "lock")
    shelves = {"group": made.groups, "lock": made.locks, "box": made.boxes}
    o = t.opening.c
    query = select(o.kind, o.opening_id, o.name).where(o.target_id == row.id).order_by(o.name)
    for kind, opening, name in await db.execute(query):
        shelves.get(kind, made.locks)[opening] = name or opening
    for box in row.settings.get("box_ids", ()):
        made.boxes.setdefault(str(box), str(box))
    return made


async def _counts(db: AsyncConnection, sources: list[int], now: datetime) -> dict[tuple[int, str, str], int]:
    """How many members have each pass and community now, and how many bookings of each resource are to come."""
    c = t.record.c
    people: dict[tuple[int, str, str], set[str]] = {}
    for kind, of in (("member_pass", "pass"), ("community_member", "community")):
        decode = r.decoder(kind).decode
        query = select(c.source_id, c.key, c.owner, c.data).where(
            c.source_id.in_(sources), c.kind == kind, c.deleted_at.is_(None)
        )
        for source_id, key, owner, data in await db.execute(query):
            if _holds(decode(data), now):
                people.setdefault((source_id, of, key), set()).add(owner)
    found = {key: len(owners) for key, owners in people.items()}
    coming = (
        select(c.source_id, c.key, func.count())
        .where(c.source_id.in_(sources), c.kind == "booking", c.deleted_at.is_(None), c.ends_at > now)
        .group_by(c.source_id, c.key)
    )
    for source_id, key, count in await db.execute(coming):
        found[source_id, "resource", key] = count
    return found


def _holds(held: Any, now: datetime) -> bool:
    over = held.valid_until is not None and held.valid_until <= now
    good = held.accepted if isinstance(held, r.CommunityMember) else held.state is r.PassState.ACTIVE
    return good and not over
