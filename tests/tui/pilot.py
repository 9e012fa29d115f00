"""A studio in a terminal without a terminal: members, bookings, an opened app, and waiting for what should be so."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from tests.harness import World
from tests.visiting import at, book, make_visiting
from tui.app import HubApp
from tui.page import Page
from tui.table import IdTable

__all__ = ["LARGE", "NARROW", "PHONE", "fill", "opened", "page_of", "press", "quiet", "table_of", "text_of", "until"]

LARGE, NARROW, PHONE = (120, 36), (80, 24), (40, 10)


def fill(world: World, *, members: int = 12, bookings: int = 6) -> None:
    """Members, bookings in the evening, and somebody without a badge."""
    for n in range(members):
        given, family = ["Anna", "Luca", "Mia", "Jan"][n % 4], ["Graf", "Frei", "Meier", "Egli"][n // 4 % 4]
        world.join(str(n), given=given, family=family)
        world.desk.members[-1]["email"] = f"member.number.{n}@example.org"
    for n in range(bookings):
        book(world, f"b-{n}", str(n), at(f"{16 + n % 4}:30"), resource=["r-1", "r-2"][n % 2])
    world.join("99", badge=None, given="Tim", family="Graf")


@asynccontextmanager
async def opened(
    folder: Path,
    monkeypatch: Any,
    *,
    size: tuple[int, int] = LARGE,
    read_only: bool = False,
    theme: str | None = None,
    members: int = 12,
    synced: bool = True,
    before: Callable[[World], None] | None = None,
    **settings: Any,
) -> AsyncIterator[tuple[World, HubApp, Pilot[None]]]:
    """A filled studio and the app on it, showing Today. `before` changes the desk after the first sync."""
    async with make_visiting(folder, monkeypatch, **settings) as world:
        fill(world, members=members)
        if synced:
            await world.sync()
        if before is not None:
            before(world)
        world.desk.export(at=world.clock.now())
        app = HubApp(world.hub, read_only=read_only, theme=theme)
        async with app.run_test(size=size) as pilot:
            await until(
                pilot, lambda: isinstance(app.screen, Page) and (app.new_here or app.screen.focused is not None)
            )
            await quiet(pilot)
            yield world, app, pilot


async def until(pilot: Pilot[None], so: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Wait until something is so."""
    give_up = asyncio.get_running_loop().time() + seconds
    while not so():
        assert asyncio.get_running_loop().time() < give_up, f"never became so; the screen shows:\n{text_of(pilot.app)}"
        await pilot.pause(0.02)


async def quiet(pilot: Pilot[None]) -> None:
    """Wait until no work goes on and every row on screen is read."""
    app = pilot.app
    assert isinstance(app, HubApp)

    def still() -> bool:
        tables = app.screen.query(IdTable)
        read = all(row in table._rows for table in tables if table.display for row in table._on_screen())
        typed = any(worker.group == "typed" and not worker.is_finished for worker in app.workers)
        return app.work is None and read and not typed

    await until(pilot, still)
    await pilot.pause()
    await until(pilot, still)


async def press(pilot: Pilot[None], *keys: str) -> None:
    """Press keys, one after the other, and wait until all is quiet."""
    for key in keys:
        await pilot.press(key)
        await quiet(pilot)


def page_of(app: HubApp) -> Page:
    """The screen that is looked at."""
    assert app.page is not None
    return app.page


def table_of(app: HubApp, name: str) -> IdTable:
    """A table of the screen that is looked at."""
    return page_of(app).query_one(name, IdTable)


def text_of(app: Any) -> str:
    """Everything that the terminal shows, without colours."""
    lines = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)
