"""The pictures of the documentation: `make pictures` draws every screen on the made-up studio into docs/pictures.

The clock stands, chance has a seed, vendors are simulated in this process: the same frames come out every time.
"""

from __future__ import annotations

import asyncio
import random
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from rich.text import Text
from textual.pilot import Pilot

from hub import http
from hub.core import Hub, initialise, load_plugins
from hub.demo.post import nowhere
from hub.demo.stage import demo_settings
from hub.demo.vendors import DemoClock, Vendors, act, live_through, made_up_vendors, studio_file, sync_in_order
from hub.grants import Check
from hub.notify.sender import send_mails
from hub.settings import HubSettings
from hub.studio.importing import import_file
from tests.tui.pilot import LARGE, NARROW, press, quiet, text_of, until
from tests.tui.svg import picture
from tests.visiting import make_visiting
from tui.app import HubApp
from tui.checks import checks_text

__all__ = ["FIRST", "FOLDER", "SEATS", "SHOTS", "Steps", "draw", "furnished", "no_chance", "room", "unfurnished"]

FOLDER = Path(__file__).parents[2] / "docs" / "pictures"
NOW = datetime(2026, 11, 24, 16, 12, tzinfo=UTC)
"""A Tuesday, 17:12 in Zurich."""

LONG_PAST = tuple(timedelta(days=days) for days in (30, 23, 16, 9, 7, 5, 3, 1))
"""When the studio was read before that."""

Steps = Callable[[Pilot[None]], Awaitable[None]]


def keys(*pressed: str, shows: str = "") -> Steps:
    """Press keys, and wait until something is shown."""

    async def do(pilot: Pilot[None]) -> None:
        for key in pressed:
            await press(pilot, key)
        await until(pilot, lambda: shows in text_of(pilot.app))
        await quiet(pilot)

    return do


def _then(*parts: Steps) -> Steps:
    """One after the other."""

    async def do(pilot: Pilot[None]) -> None:
        for part in parts:
            await part(pilot)

    return do


async def _confirm(pilot: Pilot[None]) -> None:
    """The plan with many removals, and its question."""
    await keys("p", shows="remove")(pilot)
    await keys("A", shows="Type")(pilot)


async def _failed_run(pilot: Pilot[None]) -> None:
    """The run that could not do all of it."""
    await keys("3", shows="records")(pilot)
    runs = list(vars(pilot.app.screen)["_runs"].values())
    await keys(*"j" * [run["state"] for run in runs].index("failed"), "enter", shows="POST")(pilot)


SHOTS: dict[str, tuple[Steps, tuple[tuple[int, int], ...]]] = {
    "today": (keys(shows="Needs you"), (LARGE, NARROW)),
    "access": (keys("2", shows="created"), (LARGE, NARROW)),
    "runs": (_failed_run, (LARGE, NARROW)),
    "plan": (keys("p", shows="remove"), (LARGE, NARROW)),
    "confirm": (_confirm, (LARGE,)),
    "mapping": (keys("4", "enter", "j", "space", shows="unsaved"), (LARGE, NARROW)),
    "vendors": (keys("5", "j", "j", "V", shows="may be written"), (LARGE, NARROW)),
    "metrics": (keys("6", shows="Leon Bianchi"), (LARGE, NARROW)),
    "mail": (keys("7", shows="Values"), (LARGE, NARROW)),
    "outbox": (keys("7", "]", shows="Outbox"), (LARGE,)),
    "help": (keys("question_mark", shows="Everywhere"), (LARGE,)),
}
"""Every picture of the furnished studio: how to get there from Today, and in which sizes it is drawn."""


def _checked(title: str, checks: Sequence[Check], *rest: Any) -> Text:
    """What a try came to, as if every machine were as fast."""
    timed = [check if check.took_ms is None else msgspec.structs.replace(check, took_ms=82) for check in checks]
    return checks_text(title, timed, *rest)


@contextmanager
def no_chance() -> Iterator[None]:
    """Ids and times come out the same."""
    chance = random.Random(7)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("secrets.token_hex", lambda size=16: f"{chance.getrandbits(8 * size):0{2 * size}x}")
        patch.setattr("secrets.randbits", chance.getrandbits)
        patch.setattr("tui.screens.vendors.checks_text", _checked)
        patch.setattr("tui.screens.first.local_zone_name", lambda: "Europe/Zurich")
        yield


@asynccontextmanager
async def furnished(folder: Path) -> AsyncIterator[Hub]:
    """The made-up studio on its Tuesday, with something for everybody to look at."""
    clock = DemoClock(NOW - LONG_PAST[0])
    async with AsyncExitStack() as stack:
        mail = await stack.enter_async_context(nowhere())
        settings = demo_settings(folder, mail=mail)
        plugins = load_plugins(settings)
        vendors = made_up_vendors(plugins, clock)
        addresses = {}
        for name, simulator in vendors.every().items():
            origin = f"http://{name}.example"
            await stack.enter_async_context(http.answering(origin, simulator))
            addresses[name] = origin + simulator.base_path
        await initialise(settings)
        file = folder / "studio.toml"
        _write(file, studio_file(vendors, addresses))
        hub = await stack.enter_async_context(Hub.open(settings, plugins=plugins, clock=clock))
        await import_file(hub, file, who="demo")
        soon = (timedelta(minutes=-20), timedelta(minutes=-10))
        await live_through(hub, vendors, clock, NOW, soon=soon, past=LONG_PAST)
        while await send_mails(hub):
            pass
        await _trouble(hub, vendors, clock)
        yield hub


async def _trouble(hub: Hub, vendors: Vendors, clock: DemoClock) -> None:
    """A lock that fails, a bike without a seat, and changes that wait for a plan."""
    classes = vars(vendors.bsport.world)["classes"]
    coming = [key for key, row in classes.items() if row["at"] > NOW and str(row["venue_id"]) == vendors.ride]
    session = str(coming[0])
    for rider in vendors.riders():
        taken = [row for row in vars(vendors.bsport.world)["bookings"].values() if str(row["session_id"]) == session]
        if rider not in {str(row["client_id"]) for row in taken}:
            await act(vendors.bsport, "book", member=rider, session=session, spot=12)
            break
    vendors.exivo.faults.set("status=503,operation=delegateUnlockDoor")
    for number, room in enumerate(("sauna", "studio-1")):
        await act(vendors.anny, "book", member=f"m-{number + 20}", resource=room, start="+25m")
    await sync_in_order(hub)
    vendors.exivo.faults.clear()
    clock.set(NOW + timedelta(minutes=3))
    people = vars(vendors.anny.world)["subscriptions"]
    for number, key in enumerate(list(people)[40:49]):
        ends = "2026-11-22T00:00:00Z" if number < 7 else "2026-12-24T00:00:00Z"
        await act(vendors.anny, "change", table="subscriptions", id=key, fields={"end_date": ends})
    for given, family in (("Alma", "Egli"), ("Jan", "Huber")):
        fields = {"given_name": given, "family_name": family, "badge": f"4C{len(given):05X}7C"}
        member = (await act(vendors.anny, "join", **fields))["member"]
        await act(vendors.anny, "sell", member=member, **{"pass": "abo-12-months-sauna"})


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


ROOM = """
[[connections]]
name = "bikes"
plugin = "spivi"
site_id = "77"
source_name = "hub"
password = {{ env = "DEMO_SPIVI" }}
box_ids = ["4471"]
base_url = "http://127.0.0.1:9/"
policy = "observe"

[[rooms]]
source = "desk"
room_plan = "ride"
target = "bikes"
box = "4471"
seats = {{ {seats} }}
"""
ROWS = (5, 7, 8)
"""Bikes in each row of the room."""
SEATS: tuple[tuple[Steps, tuple[int, int]], ...] = tuple(
    (_then(keys("4", "[", "[", shows="Seats not known"), keys("enter", shows="set seat")), size)
    for size in (LARGE, NARROW)
)


@asynccontextmanager
async def room(folder: Path) -> AsyncIterator[Hub]:
    """A cycling room with its plan: two bikes are swapped and one has no seat."""
    spots = range(1, sum(ROWS) + 1)
    seats = {spot: {14: 15, 15: 14}.get(spot, spot) for spot in spots if spot != spots[-1]}
    more = ROOM.format(seats=", ".join(f'"{spot}" = "{seat}"' for spot, seat in seats.items()))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DEMO_SPIVI", "opens nothing")
        async with make_visiting(folder, patch, more=more) as world:
            world.desk.room_plans.append({"id": "ride", "name": "Ride room"})
            places = [(row, column) for row, count in enumerate(ROWS, start=1) for column in range(1, count + 1)]
            for spot, (row, column) in zip(spots, places, strict=True):
                place = {"label": str(spot), "row": row, "column": column}
                world.desk.spots.append({"room_plan_id": "ride", **place})
            world.join("1")
            await world.sync()
            yield world.hub


FIRST = keys(shows="Name of the studio")


@asynccontextmanager
async def unfurnished(folder: Path) -> AsyncIterator[Hub]:
    """An installation where nothing is there yet."""
    settings = HubSettings(home=folder / "home", database_url=None, key=None, smtp_url=None)
    await initialise(settings)
    async with Hub.open(settings, clock=DemoClock(NOW)) as hub:
        yield hub


async def _shoot(hub: Hub, name: str, steps: Steps, size: tuple[int, int]) -> tuple[str, str]:
    """Name of the file, and the SVG."""
    app: Any = HubApp(hub)
    app.cursor_blink = False
    async with app.run_test(size=size) as pilot:
        await until(pilot, lambda: app.page is not None and (app.new_here or app.screen.focused is not None))
        await quiet(pilot)
        await steps(pilot)
        await pilot.pause(0.3)
        await quiet(pilot)
        return f"{name}_{size[0]}.svg", picture(app, f"{name}, {size[0]} columns")


async def draw() -> dict[str, str]:
    """Every picture by the name of its file."""
    found = {}
    folder = tempfile.TemporaryDirectory
    with no_chance(), folder() as first, folder() as second, folder() as third:
        async with unfurnished(Path(first)) as hub:
            name, svg = await _shoot(hub, "first", FIRST, LARGE)
            found[name] = svg
        async with room(Path(third)) as hub:
            for steps, size in SEATS:
                name, svg = await _shoot(hub, "seats", steps, size)
                found[name] = svg
        async with furnished(Path(second)) as hub:
            for shot, (steps, sizes) in SHOTS.items():
                for size in sizes:
                    name, svg = await _shoot(hub, shot, steps, size)
                    found[name] = svg
    return found


def main() -> None:
    """Draw them."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, svg in asyncio.run(draw()).items():
        _write(FOLDER / name, svg)
        sys.stdout.write(f"{name} {len(svg.encode()):,}\n")


if __name__ == "__main__":
    main()
