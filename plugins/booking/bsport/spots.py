"""What only the classic interface knows of classes and their bookings: names, capacity, waiting lists, spots.

bsport makes no promise about that interface, so what can't be had from it never breaks a read: the bookings that need
it are set aside, and what the hub knew of them stays.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime, timedelta

import msgspec

from hub import Connection, VendorError, records
from hub.records import BookingState, Page, Problem, Record, SessionState
from plugins.booking.bsport import shapes, wire
from plugins.booking.bsport.client import Classic
from plugins.booking.bsport.pages import Proof
from plugins.booking.bsport.values import Unreadable

__all__ = ["OVER", "Spots"]

OVER = timedelta(days=1)
"""A class that began longer ago than this is over, and its bookings' spots don't matter any more."""

FIX = "It is asked again with the next read. If it stays so, renew classic_token or switch read_spots off."


class Spots:
    """The classic side of one read. `starts_at` and `ends_at` limit the classes that are looked up."""

    def __init__(self, connection: Connection, starts_at: datetime | None, ends_at: datetime | None) -> None:
        self.connection = connection
        earliest = connection.clock.now() - OVER
        self.earliest = max(starts_at, earliest) if starts_at is not None else earliest
        self.ends_at = ends_at
        self.failed: VendorError | Unreadable | None = None
        self._offers: dict[str, shapes.Offer] | None = None
        self._spots: dict[str, dict[str, str | None]] = {}

    @property
    def why_not(self) -> str:
        """What went wrong; empty for nothing."""
        failed = self.failed
        if failed is None:
            return ""
        return f"the classic interface can't be read: {failed.what}"

    async def name_classes(self, classes: Sequence[Record]) -> tuple[list[Record], list[Problem]]:
        """The same classes with name, capacity and instructor; and those that are set aside because the classic
        interface can't be read. One that is cancelled needs no word from there."""
        offers = await self._all_offers()
        named: list[Record] = []
        problems: list[Problem] = []
        for one in classes:
            if not isinstance(one, records.Session) or (offers is None and one.state is SessionState.CANCELLED):
                named.append(one)
            elif offers is None:
                problems.append(Problem("session", one.id, wire.CLASSIC_OFFERS, self.why_not, FIX))
            else:
                named.append(_named(one, offers.get(one.id)))
        return named, problems

    async def place(self, bookings: Sequence[tuple[Record, datetime | None]]) -> tuple[list[Record], list[Problem]]:
        """Bookings, each with the start of its class, with spot and waiting list; and those that are set aside because
        the classic interface can't be read. A booking that opens nothing anyway needs no word from there."""
        placed: list[Record] = []
        problems: list[Problem] = []
        for booking, starts_at in bookings:
            if not isinstance(booking, records.Booking) or not self._matters(booking, starts_at):
                placed.append(booking)
                continue
            found = await self._placed(booking)
            if found is not None:
                placed.append(found)
                continue
            problems.append(Problem("booking", booking.id, wire.CLASSIC_BOOKINGS, self.why_not, FIX))
        return placed, problems

    async def instructors(self) -> AsyncIterator[Page]:
        """Who gives the classes of this read, one by one: the classic interface is asked for each."""
        yield Page("instructor")
        offers = await self._all_offers() or {}
        for coach_id in sorted({offer.coach for offer in offers.values() if offer.coach is not None}):
            try:
                yield Page("instructor", [shapes.coach(await self.connection.keep(Classic).coach(coach_id))])
            except (VendorError, Unreadable) as error:
                self.failed = error
                return

    def _matters(self, booking: records.Booking, starts_at: datetime | None) -> bool:
        if booking.state not in {BookingState.CONFIRMED, BookingState.CHECKED_IN, BookingState.REQUESTED}:
            return False
        if starts_at is None:
            return True
        return starts_at >= self.earliest and (self.ends_at is None or starts_at < self.ends_at + OVER)

    async def _placed(self, booking: records.Booking) -> records.Booking | None:
        offers = await self._all_offers()
        spots = await self._spots_of(booking.session_id or "")
        if offers is None or spots is None:
            return None
        offer = offers.get(booking.session_id or "")
        waits = offer is not None and booking.id in offer.waiting
        return msgspec.structs.replace(
            booking,
            spot=spots.get(booking.id, booking.spot),
            state=BookingState.WAITLISTED if waits else booking.state,
        )

    async def _all_offers(self) -> dict[str, shapes.Offer] | None:
        if self._offers is None and self.failed is None:
            found: dict[str, shapes.Offer] = {}
            days = wire.offers_between(self.earliest, self.ends_at, self.connection.timezone)
            try:
                proof = Proof()
                async for page in self.connection.keep(Classic).offers(days, proof):
                    found |= {one.id: one for one in map(shapes.offer, map(wire.single, page))}
                _whole(proof)
            except (VendorError, Unreadable) as error:
                self.failed = error
                return None
            self._offers = found
        return self._offers

    async def _spots_of(self, session_id: str) -> dict[str, str | None] | None:
        if session_id not in self._spots and self.failed is None:
            found: dict[str, str | None] = {}
            try:
                proof = Proof()
                async for page in self.connection.keep(Classic).bookings(session_id, proof):
                    found |= dict(map(shapes.spot, map(wire.single, page)))
                _whole(proof)
            except (VendorError, Unreadable) as error:
                self.failed = error
                return None
            self._spots[session_id] = found
        return self._spots.get(session_id)


def _named(one: records.Session, found: shapes.Offer | None) -> records.Session:
    if found is None:
        return one
    return msgspec.structs.replace(
        one,
        name=found.name,
        capacity=found.capacity if one.capacity is None else one.capacity,
        instructor_id=found.coach or one.instructor_id,
    )


def _whole(proof: Proof) -> None:
    if proof.why_not:
        raise Unreadable(proof.why_not)
