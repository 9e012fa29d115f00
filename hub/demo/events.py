"""What goes on at the made-up studio while somebody looks: an event every few seconds, the same ones for a seed."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from itertools import count
from typing import Any

from hub import logs
from hub.demo.vendors import ROOMS, SPOTS, Vendors, act
from hub.errors import HubError
from hub.testing.made_up import FAMILY, GIVEN

__all__ = ["Goings", "go_on"]

log = logs.get("hub.demo")

OUTAGE_EVERY, OUTAGE_LASTS = 24, 6
"""In events: how often the doors' vendor is down, and how long."""


class Goings:
    """The studio's people. `step` is the next thing that happens, and says what it was."""

    def __init__(self, vendors: Vendors) -> None:
        self._vendors, self._chance = vendors, vendors.chance
        self._numbers = count(1)
        self._booked: list[str] = []
        self._riding: list[str] = []

    async def step(self) -> str:
        """The next thing that happens."""
        number = next(self._numbers)
        faults = self._vendors.exivo.faults
        if number % OUTAGE_EVERY == OUTAGE_EVERY // 3:
            faults.set("outage=503")
            return "the doors' vendor is down"
        if number % OUTAGE_EVERY == OUTAGE_EVERY // 3 + OUTAGE_LASTS:
            faults.clear()
            return "the doors' vendor is back"
        kinds: list[tuple[int, Callable[[], Awaitable[str]]]] = [
            (5, self._book),
            (3, self._ride),
            (2, self._cancel),
            (1, self._move),
            (1, self._leave_ride),
            (1, self._join),
        ]
        weights = [weight for weight, _ in kinds]
        (happens,) = self._chance.choices([kind for _, kind in kinds], weights)
        return await happens()

    async def _book(self) -> str:
        member = self._chance.choice(list(self._vendors.anny.ids()["member"]))
        room, ahead = self._chance.choice(ROOMS), self._chance.choice(("now", "+10m", "+20m", "+1h", "+3h"))
        done = await act(self._vendors.anny, "book", member=member, resource=room, start=ahead)
        self._booked.append(str(done["booking"]))
        return f"{member} books {room}"

    async def _cancel(self) -> str:
        if not self._booked:
            return await self._book()
        booking = self._booked.pop(self._chance.randrange(len(self._booked)))
        await act(self._vendors.anny, "cancel", booking=booking)
        return f"{booking} is cancelled"

    async def _move(self) -> str:
        if not self._booked:
            return await self._book()
        booking = self._chance.choice(self._booked)
        await act(self._vendors.anny, "move", booking=booking, start=self._chance.choice(("+30m", "+2h")))
        return f"{booking} is moved"

    async def _ride(self) -> str:
        world: Any = self._vendors.bsport.world
        now = self._vendors.bsport.clock.now()
        coming = [
            key
            for key, row in world.classes.items()
            if str(row["venue_id"]) in {self._vendors.ride, self._vendors.upstairs} and row["at"] > now
        ]
        if not coming:
            return await self._book()
        session = self._chance.choice(coming[:4])
        rows = [row for row in world.bookings.values() if row["session_id"] == session]
        taken = {row["spot_id"] for row in rows if not row["canceled_at"]}
        riders = set(self._vendors.riders()) - {str(row["client_id"]) for row in rows}
        free = [spot for spot in range(1, SPOTS) if spot not in taken]
        if not free or not riders:
            return await self._book()
        rider = self._chance.choice(sorted(riders, key=int))
        done = await act(
            self._vendors.bsport, "book", member=rider, session=str(session), spot=self._chance.choice(free)
        )
        self._riding.append(str(done["booking"]))
        return f"{rider} books a bike"

    async def _leave_ride(self) -> str:
        if not self._riding:
            return await self._ride()
        booking = self._riding.pop(0)
        await act(self._vendors.bsport, "cancel", booking=booking)
        return f"{booking} is cancelled"

    async def _join(self) -> str:
        number = next(self._numbers)
        given, family = self._chance.choice(GIVEN), self._chance.choice(FAMILY)
        fields = {"given_name": given, "family_name": family, "badge": f"4B{number:05X}7C"}
        member = str((await act(self._vendors.anny, "join", **fields))["member"])
        await act(self._vendors.anny, "sell", member=member, **{"pass": "abo-12-months"})
        return f"{given} {family} joins"


async def go_on(vendors: Vendors, *, pace: timedelta) -> None:
    """Let things happen until it is cancelled."""
    goings = Goings(vendors)
    while True:
        await asyncio.sleep(pace.total_seconds())
        try:
            log.info("at the made-up studio", what=await goings.step())
        except HubError as error:
            log.warning("at the made-up studio", what=str(error))
