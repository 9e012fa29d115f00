"""The made-up studio of the living demo: two booking systems, doors and bikes, all simulated, and weeks behind it."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub.clock import Clock, FrozenClock, SystemClock
from hub.core import Hub
from hub.engine.sync import sync_now
from hub.errors import HubError
from hub.plugins import Plugins
from hub.testing import Simulator
from hub.testing.control import answer

__all__ = [
    "NAME",
    "PAST",
    "ROOMS",
    "SPOTS",
    "DemoClock",
    "Vendors",
    "live_through",
    "made_up_vendors",
    "studio_file",
    "sync_in_order",
]

NAME = "Studio Nordlicht, made up"
ZONE = ZoneInfo("Europe/Zurich")
MEMBERS = 60
SPOTS = 12
DOORS = {"C-1": "Front door", "C-2": "Studio 1", "C-3": "Sauna"}
GROUPS = {"AG-1": "Members", "AG-2": "Members + Sauna"}
RIDES = ((7, "Early ride"), (12, "Ride 45"), (18, "Hills"))
PAST = tuple(timedelta(days=days) for days in (16, 9, 3, 1))
"""How long before now the studio is read, so that it has a past: some classes of each of the last weeks."""
AHEAD = timedelta(days=2)
"""Classes are planned so far ahead: bsport's spots are read for as long."""
ROOMS = ("studio-1", "ride", "sauna")
BOOKED_AHEAD = 40
RIDE = timedelta(minutes=45)
FETCHED_AFTER = timedelta(minutes=30)
"""So long after a class the hub asks for its results."""

STUDIO_FILE = """\
[studio]
name = "{name}"
timezone = "Europe/Zurich"
language = "en"

[[connections]]
name = "anny"
plugin = "anny"
{anny}
[[connections]]
name = "bsport"
plugin = "bsport"
{bsport}
[[connections]]
name = "doors"
plugin = "exivo"
{exivo}
[[connections]]
name = "bikes"
plugin = "spivi"
{spivi}
[[passes]]
source = "anny"
pass = "abo-12-months-sauna"
target = "doors"
group = "AG-2"
priority = 1

[[passes]]
source = "anny"
pass = ["abo-12-months", "10-visits"]
target = "doors"
group = "AG-1"
priority = 2

[[resources]]
source = "anny"
resource = ["studio-1", "ride"]
target = "doors"
locks = ["C-1", "C-2"]
minutes_before = 15
minutes_after = 15

[[resources]]
source = "anny"
resource = "sauna"
target = "doors"
locks = ["C-3"]
minutes_before = 10
minutes_after = 10

[[communities]]
source = "anny"
community = "team"
target = "doors"
locks = ["C-1"]

[[rooms]]
source = "bsport"
location = "{ride}"
target = "bikes"
box = "4471"
seats = {{ {seats} }}
send = true

[[rooms]]
source = "bsport"
location = "{upstairs}"
target = "bikes"
box = "4472"
seats = {{ {seats} }}
send = true
"""


class DemoClock:
    """Stands in the past while the studio gets its history, and then goes with the machine's."""

    def __init__(self, at: datetime) -> None:
        self._clock: Clock = FrozenClock(at)

    def now(self) -> datetime:
        return self._clock.now()

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)

    def set(self, at: datetime) -> None:
        """Jump to an aware moment."""
        self._clock = FrozenClock(at)

    def go(self) -> None:
        """From now on, the machine's time."""
        self._clock = SystemClock()


@dataclass
class Vendors:
    """The simulated vendors, by the names of their plugins, and the chance that decides what people do."""

    anny: Simulator
    bsport: Simulator
    exivo: Simulator
    spivi: Simulator
    chance: random.Random
    ride: str = ""
    upstairs: str = ""

    def every(self) -> Mapping[str, Simulator]:
        """All of them."""
        return {"anny": self.anny, "bsport": self.bsport, "exivo": self.exivo, "spivi": self.spivi}

    def riders(self) -> list[str]:
        """Who books bikes."""
        return list(self.bsport.ids()["member"])


def made_up_vendors(plugins: Plugins, clock: Clock, *, seed: int = 1) -> Vendors:
    """The vendors as they are on a day: people, passes, rooms and bookings of the next days."""
    made = {}
    for name, more in (
        ("anny", {}),
        ("bsport", {}),
        ("exivo", {"groups": GROUPS, "doors": DOORS}),
        ("spivi", {"boxes": {"4471": SPOTS, "4472": SPOTS}}),
    ):
        make = plugins[name].simulator
        if make is None:
            raise HubError(f"the {name} plugin brings no simulator")
        made[name] = make(clock=clock, seed=seed, **more)
    chance = random.Random(seed)  # noqa: S311 - made-up people, the same ones every time
    vendors = Vendors(**made, chance=chance)
    vendors.anny.furnish(MEMBERS)
    vendors.bsport.furnish(MEMBERS // 2)
    desk: Any = vendors.bsport
    vendors.upstairs = str(desk.add_venue("Ride upstairs"))
    vendors.ride = next(key for key, name in vendors.bsport.ids()["location"].items() if name == "Ride")
    return vendors


def studio_file(vendors: Vendors, addresses: Mapping[str, str]) -> str:
    """The studio file that connects to them. `addresses`: where each is served."""
    values = {}
    for name, simulator in vendors.every().items():
        lines = [f"{key} = {json.dumps(value)}" for key, value in simulator.settings().items()]
        lines += [f'base_url = "{addresses[name]}"', "requests_per_second = 200"]
        values[name] = "\n".join(lines) + "\n"
    # The twelfth bike has no seat: something for Mapping to show.
    seats = ", ".join(f'"{spot}" = "{spot - 1}"' for spot in range(1, SPOTS))
    return STUDIO_FILE.format(name=NAME, **values, ride=vendors.ride, upstairs=vendors.upstairs, seats=seats)


async def act(simulator: Simulator, name: str, /, **fields: Any) -> dict[str, Any]:
    """What staff and customers do there, with the webhooks that tell of it. Raises HubError for what can't be done."""
    reply = await answer(simulator, "POST", f"/{name}", json.dumps(fields).encode())
    found: dict[str, Any] = json.loads(reply.body())
    if reply.status != 200:
        raise HubError(f"{name}: {found.get('message')}")
    return found


async def sync_in_order(hub: Hub) -> None:
    """Doors before bikes, so that everything is written down in the same order every time."""
    for names in (("anny", "doors"), ("bsport", "bikes")):
        await sync_now(hub, names)


def _timetable(moment: datetime) -> list[tuple[datetime, str]]:
    """The rides of the days after a moment."""
    today = moment.astimezone(ZONE).replace(hour=0, minute=0, second=0, microsecond=0)
    rides = [(today + timedelta(days=day, hours=hour), name) for day in range(AHEAD.days + 1) for hour, name in RIDES]
    return [(starts, name) for starts, name in rides if moment + timedelta(hours=1) < starts <= moment + AHEAD]


async def plan_ride(vendors: Vendors, starts: datetime, name: str, *, place: str = "") -> str:
    """A class with some riders; its id."""
    minutes = RIDE // timedelta(minutes=1)
    fields = {"start": starts.isoformat(), "minutes": minutes, "name": name, "location": place or vendors.ride}
    session = str((await act(vendors.bsport, "plan", **fields))["session"])
    riders = vendors.chance.sample(vendors.riders(), vendors.chance.randint(5, 9))
    for spot, rider in enumerate(riders, start=1):
        await act(vendors.bsport, "book", member=rider, session=session, spot=spot)
    return session


async def live_through(
    hub: Hub,
    vendors: Vendors,
    clock: DemoClock,
    now: datetime,
    *,
    soon: Sequence[timedelta] = (),
    past: Sequence[timedelta] = PAST,
) -> None:
    """Give the studio its last weeks, up to `now`: classes that were ridden, with results. `soon`: so long from now on,
    the results of two classes arrive that are just over; none such where it is empty."""
    for back in past:
        clock.set(now - back)
        for starts, name in _timetable(now - back):
            if abs(starts - now) > timedelta(hours=2):
                await plan_ride(vendors, starts, name)
        await sync_in_order(hub)
    if soon:
        begin = [now + after - FETCHED_AFTER - RIDE for after in soon]
        clock.set(min(begin) - timedelta(minutes=30))
        for place, starts in zip((vendors.ride, vendors.upstairs), begin, strict=True):
            await plan_ride(vendors, starts, "Ride 45", place=place)
        await sync_in_order(hub)
    clock.set(now)
    members = list(vendors.anny.ids()["member"])
    for number in range(BOOKED_AHEAD):
        room, start = ROOMS[number % len(ROOMS)], f"+{number * 30 + 20}m"
        await act(vendors.anny, "book", member=vendors.chance.choice(members), resource=room, start=start)
    await sync_in_order(hub)
