"""Looking after seat maps: spots that lead nowhere, seats that two spots lead to, ids that the tracker doesn't know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub import records as r
from hub.classes.rules import RoomRule
from hub.classes.work import Work
from hub.errors import FixSettings, HubError, RetryLater
from hub.store import journal
from hub.store import tables as t

__all__ = ["SeatMap", "check_seat_maps", "seat_map", "spots_of"]

CODE = "seat_map"


@dataclass(frozen=True)
class SeatMap:
    """One room's map beside what the source and the tracker have. `known` None: the tracker can't tell its seats."""

    rule: RoomRule
    spots: tuple[str, ...] = ()
    known: Mapping[str, str] | None = None
    gaps: tuple[str, ...] = field(default=())
    """Spots of the room without a seat."""
    duplicates: tuple[str, ...] = ()
    """Seats that several spots lead to."""
    strange: tuple[str, ...] = ()
    """Spots in the map that the room doesn't have."""
    unknown: tuple[str, ...] = ()
    """Seats in the map that the tracker doesn't have."""
    unused: tuple[str, ...] = ()
    """Seats of the tracker that no spot leads to."""

    @property
    def problems(self) -> list[str]:
        """What is wrong, in words."""
        said = (
            ("spots without a seat", self.gaps),
            ("seats with more than one spot", self.duplicates),
            ("spots that the room does not have", self.strange),
            ("seats that the box does not have", self.unknown),
        )
        return [f"{what}: {', '.join(which)}" for what, which in said if which]


def seat_map(rule: RoomRule, spots: Sequence[str], layout: Sequence[g.TrackerSeat] | None) -> SeatMap:
    """Hold a map against the spots of the room (none: the source doesn't tell) and the seats of the box."""
    counted = Counter(rule.seats.values())
    known = {seat.id: seat.label for seat in layout} if layout is not None else None
    return SeatMap(
        rule=rule,
        spots=tuple(spots),
        known=known,
        gaps=_sorted(spot for spot in spots if spot not in rule.seats),
        duplicates=_sorted(seat for seat, count in counted.items() if count > 1),
        strange=_sorted(spot for spot in rule.seats if spots and spot not in spots),
        unknown=_sorted(seat for seat in counted if known is not None and seat not in known),
        unused=_sorted(seat for seat in known or {} if seat not in counted),
    )


def _sorted(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(values, key=lambda text: (not text.isdigit(), int(text) if text.isdigit() else 0, text)))


async def spots_of(db: AsyncConnection, source_id: int, room_plan: str) -> list[str]:
    """What stands on the spots of a room plan."""
    c = t.record.c
    query = select(c.data).where(c.source_id == source_id, c.kind == "spot", c.key == room_plan, c.deleted_at.is_(None))
    decode = r.decoder("spot").decode
    return [decode(data).label.strip() for data in (await db.execute(query.order_by(c.id))).scalars()]


async def check_seat_maps(work: Work) -> bool:
    """Look at every room's map and put what is wrong into the inbox; returns whether something is new."""
    scope, new = work.scope, False
    layouts: dict[str, Sequence[g.TrackerSeat] | None] = {}
    names = {name: source_id for source_id, name in scope.sources.items()}
    keep: set[str] = set()
    for rule in work.rules.rooms:
        if rule.box and rule.box not in layouts and scope.plugins.has(scope.connection.plugin.name, "read_layout"):
            try:
                layouts[rule.box] = await scope.plugins.call(scope.connection, "read_layout", box=rule.box)
            except HubError as error:
                if isinstance(error, FixSettings | RetryLater):
                    work.take_error(error)
                    return new
                layouts[rule.box] = None
        async with scope.database.write() as db:
            await scope.lease.check(db)
            by_plan = (rule.source, rule.place) in work.rules.plans
            spots = await spots_of(db, names[rule.source], rule.place) if by_plan and rule.source in names else []
            found = seat_map(rule, spots, layouts.get(rule.box))
            if not found.problems:
                continue
            subject = f"{rule.source}: {rule.place} @ {scope.name}"
            keep.add(subject)
            new |= await journal.raise_item(
                db,
                scope.studio.id,
                code=CODE,
                subject=subject,
                connection=scope.name,
                text=f"The seat map of {rule.place} (box {rule.box}) has {'; '.join(found.problems)}.",
                fix=f"Correct the seats in the [[rooms]] row: `studiohub sessions --seats {rule.place}` shows them.",
                weight=4,
                now=work.now,
            )
    async with scope.database.write() as db:
        await journal.solve_all_but(db, scope.studio.id, code=CODE, connection=scope.name, keep=keep, now=work.now)
    return new
