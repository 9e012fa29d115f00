"""Seats: the spots of a room, the seats of a tracker's box, and whether they fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import select

from hub import grants as g
from hub import records as r
from hub.core import Hub
from hub.store import tables as t

__all__ = ["SeatView", "compare_seats", "match_by_number", "read_seats", "spots_named", "spots_of"]


@dataclass(frozen=True)
class SeatView:
    """A spot and the tracker's seat for it: `label` is what is written on that seat."""

    spot: r.Spot
    seat: str | None
    label: str
    state: Literal["match", "differs", "missing"]
    text: str


async def spots_of(hub: Hub, source: str, room_plan: str) -> list[r.Spot]:
    """The spots of a room plan, as they stand in the room."""
    row = await hub.connection_row(source)
    c = t.record.c
    query = select(c.data).where(c.source_id == row.id, c.kind == "spot", c.key == room_plan, c.deleted_at.is_(None))
    decode = r.decoder("spot").decode
    async with hub.database.read() as db:
        spots: list[r.Spot] = [decode(data) for data in (await db.execute(query)).scalars()]
    return sorted(spots, key=lambda spot: (spot.row or 0, spot.column or 0, len(spot.label), spot.label))


def spots_named(given: Mapping[str, str], seats: Sequence[g.TrackerSeat]) -> list[r.Spot]:
    """The spots of a room without a plan: those that were given a seat, and one for each other seat by its label,
    where labels are known."""
    told = any(seat.label != seat.id for seat in seats)
    free = [seat.label.strip() for seat in seats if told and seat.id not in given.values()]
    labels = sorted(dict.fromkeys([*given, *filter(None, free)]), key=lambda label: (len(label), label))
    return [r.Spot(id=label, room_plan_id="", label=label) for label in labels]


async def read_seats(hub: Hub, target: str, box: str) -> list[g.TrackerSeat] | None:
    """The seats of a box, asked of the tracker; None where it can't tell. Raises HubError where it doesn't answer."""
    row = await hub.connection_row(target)
    if not hub.plugins.has(row.plugin, "read_layout"):
        return None
    seats = await hub.plugins.call(await hub.open_connection(row), "read_layout", box=box)
    return list(seats) if seats is not None else None


def compare_seats(
    spots: Sequence[r.Spot], seats: Sequence[g.TrackerSeat] | None, given: Mapping[str, str]
) -> list[SeatView]:
    """Each spot with its seat. Where the tracker can't tell its seats, their ids stand in for what is written there."""
    labels = {seat.id: seat.label for seat in seats} if seats is not None else None
    counted = _counted_on(labels, given)
    shared = {seat for seat, count in Counter(given.values()).items() if count > 1}
    views = []
    for spot in spots:
        label = spot.label.strip()
        seat = given.get(label)
        if seat is None:
            views.append(SeatView(spot, None, "", "missing", "has no seat: nobody there is sent"))
        elif labels is not None and seat not in labels:
            views.append(SeatView(spot, seat, seat, "missing", f"its seat {seat} is not there"))
        else:
            there = labels[seat] if labels is not None else seat
            if seat in shared:
                views.append(SeatView(spot, seat, there, "differs", f"shares seat {there} with another spot"))
            elif there.strip() != label and not counted:
                views.append(SeatView(spot, seat, there, "differs", f"is seat {there}"))
            else:
                views.append(SeatView(spot, seat, there, "match", f"is seat {there}"))
    return views


def _counted_on(labels: Mapping[str, str] | None, given: Mapping[str, str]) -> bool:
    """Whether nothing but ids is known of the seats, and they go up with the spots: ids are often counted from 0, so
    another number alone is no mistake."""
    if labels is not None and any(seat != label for seat, label in labels.items()):
        return False
    pairs = list(given.items())
    if len(pairs) < 2 or not all(spot.isdecimal() and seat.isdecimal() for spot, seat in pairs):
        return False
    return len({int(seat) - int(spot) for spot, seat in pairs}) == 1


def match_by_number(
    spots: Sequence[r.Spot], seats: Sequence[g.TrackerSeat], given: Mapping[str, str]
) -> dict[str, str]:
    """The seats by what is written on them. Spots whose number no seat has, or several have, stay as they are."""
    count = Counter(seat.label.strip() for seat in seats)
    ids = {seat.label.strip(): seat.id for seat in seats if count[seat.label.strip()] == 1}
    return {**given, **{spot.label.strip(): ids[spot.label.strip()] for spot in spots if spot.label.strip() in ids}}
