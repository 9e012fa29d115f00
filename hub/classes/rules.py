"""The mapping rows of one tracker, ready to be asked: which room is which box, who is whom there."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hub.records import Session
from hub.settings import Policy, TargetOptions
from hub.studio.model import LinkRow, RoomRow
from hub.studio.registry import MappingRow

__all__ = ["RoomRule", "TrackerRules", "compile_rooms"]


@dataclass(frozen=True)
class RoomRule:
    """One room is one box. `seats` are the tracker's seat ids by what stands on the spot; `place` is the room as the
    source names it."""

    source: str
    place: str
    box: str
    seats: Mapping[str, str]
    send: bool
    first_free: bool
    text: str
    """The rule as people see it."""

    def seat_of(self, spot: str) -> str | None:
        """The seat of a spot; None where the map doesn't know it."""
        return self.seats.get(spot.strip())


@dataclass(frozen=True)
class TrackerRules:
    """Everything that the rules say about one tracker. Rooms are found by source and id, links by member."""

    target: str
    policy: Policy
    plans: Mapping[tuple[str, str], RoomRule] = field(default_factory=dict)
    locations: Mapping[tuple[str, str], RoomRule] = field(default_factory=dict)
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def sources(self) -> frozenset[str]:
        """The sources that some row speaks of."""
        return frozenset(source for source, _ in (*self.plans, *self.locations))

    @property
    def rooms(self) -> list[RoomRule]:
        """Every room once."""
        return [*self.plans.values(), *self.locations.values()]

    def room_of(self, source: str, session: Session) -> RoomRule | None:
        """The rule of a class: its room plan's, else its location's."""
        if session.room_plan_id is not None and (rule := self.plans.get((source, session.room_plan_id))) is not None:
            return rule
        return self.locations.get((source, session.location_id)) if session.location_id is not None else None

    def shared_links(self) -> frozenset[str]:
        """Ids that more than one member was given by hand."""
        return frozenset(one for one, count in Counter(self.links.values()).items() if count > 1)


def compile_rooms(target: str, options: TargetOptions, rows: Iterable[MappingRow]) -> TrackerRules:
    """The rules of one tracker from its mapping rows. Of several rows for one room, the first counts."""
    plans: dict[tuple[str, str], RoomRule] = {}
    locations: dict[tuple[str, str], RoomRule] = {}
    links: dict[str, str] = {}
    for stored in rows:
        row = stored.row
        if isinstance(row, LinkRow):
            links[row.member] = row.id
        elif isinstance(row, RoomRow):
            place = row.room_plan if row.room_plan is not None else row.location
            rule = RoomRule(
                source=row.source,
                place=place or "",
                box=row.box.strip(),
                seats={spot.strip(): seat.strip() for spot, seat in row.seats.items()},
                send=row.send,
                first_free=row.first_free,
                text=f"rooms row {stored.position} → box {row.box}",
            )
            (plans if row.room_plan is not None else locations).setdefault((row.source, place or ""), rule)
    return TrackerRules(target, options.policy, plans, locations, links)
