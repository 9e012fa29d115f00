"""The seats of a box: from Spivi's layout where that call is known, else as its events show them."""

from __future__ import annotations

from datetime import timedelta

from hub import NotFound, grants
from plugins.spivi.client import Spivi

__all__ = ["read"]

AROUND = timedelta(days=14)


async def read(api: Spivi, box: str) -> list[grants.TrackerSeat] | None:
    """The seats, None where nothing is known of them. An id is never computed, and what is written on the bike is
    unknown without a layout: the id stands in for it, and staff confirm the seat map."""
    if api.able("get_layout"):
        return await api.layout(box) or None
    now = api.connection.clock.now()
    try:
        events = await api.events(box, now - AROUND, now + AROUND, api.connection.timezone)
    except NotFound:
        return None
    found = {seat for event in events for seat in (*event.free, *event.booked.values()) if seat}
    ordered = sorted(found, key=lambda seat: (not seat.isdigit(), int(seat) if seat.isdigit() else 0, seat))
    return [grants.TrackerSeat(id=seat, label=seat) for seat in ordered] or None
