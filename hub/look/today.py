"""What an admin wants to see first: what needs them, whether everything flows, and who can open what from now on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.look.grants import opening_names
from hub.store import tables as t
from hub.studio import registry

__all__ = ["Door", "Flow", "doors_from", "flows", "next_wake"]

LONGEST = timedelta(days=2)


@dataclass(frozen=True)
class Flow:
    """A source and what follows it. `state`: ok, waiting (never read), down."""

    source: str
    target: str
    state: str
    what: str
    at: datetime | None


@dataclass(frozen=True)
class Door:
    """A lock or group of a target: how many people can open it, slot by slot from now on."""

    target: str
    name: str
    people: Sequence[int]
    state: str = "ok"

    @property
    def peak(self) -> int:
        """The most at one time."""
        return max(self.people, default=0)


async def flows(db: AsyncConnection, studio: registry.Studio) -> list[Flow]:
    """Every pair of a source and a target that a mapping row names, and whether both are well."""
    rows = {row.name: row for row in await registry.connections(db, studio)}
    lane = t.lane.c
    query = select(lane.connection_id, lane.succeeded_at, lane.down_since, lane.error).where(
        lane.studio_id == studio.id
    )
    lanes = {row.connection_id: row for row in await db.execute(query)}
    counts = await _counts(db, [row.id for row in rows.values() if row.options is None])
    pairs = dict.fromkeys((stored.source, stored.target) for stored in await registry.mapping_rows(db, studio))
    found = []
    for source, target in pairs:
        if source not in rows or target not in rows:
            continue
        ends = [lanes.get(rows[name].id) for name in (source, target)]
        down = any(end is not None and end.down_since is not None for end in ends)
        at = ends[0].succeeded_at if ends[0] is not None else None
        state = "failed" if down else "ok" if at is not None else "planned"
        found.append(Flow(source, target, state, counts.get(rows[source].id, ""), at))
    return found


async def _counts(db: AsyncConnection, sources: Sequence[int]) -> dict[int, str]:
    """What a source has most to do with, in words: `412 members`."""
    r = t.reading.c
    query = select(r.source_id, r.kind, r.count).where(r.source_id.in_(sources))
    found: dict[int, dict[str, int]] = {}
    for source_id, kind, count in (await db.execute(query)).all():
        found.setdefault(source_id, {})[kind] = count
    words = {}
    for source_id, kinds in found.items():
        kind = "session" if kinds.get("session") else "booking" if kinds.get("booking") else "member"
        name = {"session": "classes", "booking": "bookings", "member": "members"}[kind]
        words[source_id] = f"{kinds.get(kind, 0)} {name}"
    return words


async def next_wake(db: AsyncConnection, studio: registry.Studio) -> datetime | None:
    """When the next lane is due; None where nothing is planned."""
    lane = t.lane.c
    at: datetime | None = (await db.execute(select(func.min(lane.wake_at)).where(lane.studio_id == studio.id))).scalar()
    return at


async def doors_from(
    db: AsyncConnection, studio: registry.Studio, now: datetime, *, slots: int, slot: timedelta
) -> list[Door]:
    """For each lock or group that somebody can open: how many people can in each slot from now on."""
    c = t.ledger.c
    end = now + slots * slot
    query = select(c.target_id, c.opens, c.valid_from, c.valid_until, func.count()).where(
        c.studio_id == studio.id,
        c.state == "active",
        or_(c.valid_until.is_(None), c.valid_until > now),
        or_(c.valid_from.is_(None), c.valid_from < end),
    )
    rows = (await db.execute(query.group_by(c.target_id, c.opens, c.valid_from, c.valid_until))).all()
    targets = {row.id: row.name for row in await registry.connections(db, studio)}
    names = await opening_names(db, {row.target_id for row in rows})
    lane = t.lane.c
    down = set((await db.execute(select(lane.connection_id).where(lane.down_since.is_not(None)))).scalars())
    people: dict[tuple[int, str], Counter[int]] = {}
    for target_id, opens, starts, ends, count in rows:
        first = max(0, int((starts - now) / slot)) if starts is not None else 0
        last = min(slots, -int((now - ends) // slot)) if ends is not None else slots
        for one in _openings(opens):
            slots_of = people.setdefault((target_id, one), Counter())
            for number in range(first, last):
                slots_of[number] += count
    found = [
        Door(
            targets.get(target_id, "?"),
            names.get(target_id, {}).get(one, one),
            [counts[number] for number in range(slots)],
            "failed" if target_id in down else "ok",
        )
        for (target_id, one), counts in people.items()
    ]
    return sorted(found, key=lambda door: (-door.peak, door.name))


def _openings(opens: str) -> Sequence[str]:
    import msgspec

    found: Mapping[str, object] = msgspec.json.decode(opens or "{}")
    group = found.get("group")
    locks = found.get("locks")
    return [str(group)] if group else [str(lock) for lock in locks] if isinstance(locks, list) else []
