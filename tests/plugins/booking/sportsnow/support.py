"""A connection to a simulated SportsNow, and what a read of it brings, driven as the hub drives it."""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from hub import http
from hub.clock import FrozenClock
from hub.connection import Connection
from hub.grants import Check
from hub.plugins import Plugins
from hub.records import Complete, Page, Problem, Record, Window
from plugins.booking import sportsnow
from plugins.booking.sportsnow.simulator import PROVIDER, TOKEN, SportsNowSimulator

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
"""A Saturday; its week began on Monday the 16th."""

WEEK = timedelta(days=7)

TIMETABLE = frozenset({"session", "instructor", "location"})

_numbers = itertools.count(1)


@dataclass
class Read:
    """What one read brought."""

    records: dict[str, list[Any]] = field(default_factory=lambda: defaultdict(list))
    gone: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    pages: list[Page] = field(default_factory=list)
    marks: list[Complete] = field(default_factory=list)

    def add(self, item: Page | Problem | Complete) -> None:
        assert not self.marks, "something follows the mark"
        if isinstance(item, Page):
            self.pages.append(item)
            self.records[item.kind] += item.records
            self.gone[item.kind] += item.gone
        elif isinstance(item, Problem):
            (self.notes if item.id == "" else self.problems).append(item)
        else:
            self.marks.append(item)

    async def add_all(self, items: AsyncIterator[Any]) -> None:
        async for item in items:
            self.add(item)

    @property
    def mark(self) -> Complete:
        """The mark that ended the read."""
        (mark,) = self.marks
        return mark

    @property
    def problem(self) -> Problem:
        """The only problem."""
        (problem,) = self.problems
        return problem

    def one(self, kind: str) -> Any:
        """The only record of a kind."""
        assert not self.problems
        (record,) = self.records[kind]
        return record

    def ids(self, kind: str) -> set[str]:
        """The ids of the records of a kind."""
        found: Sequence[Record] = self.records[kind]
        return {record.id for record in found}


@dataclass
class Studio:
    """A simulated studio and an open connection to it, with the hooks as methods."""

    sim: SportsNowSimulator
    clock: FrozenClock
    connection: Connection
    plugins: Plugins

    async def read(self, window: Window | None = None) -> Read:
        """Read, as the hub does."""
        found = Read()
        await found.add_all(self.plugins.read(self.connection, "read_records", window=window or Window()))
        return found

    async def broken(self, window: Window, error: type[Exception]) -> Read:
        """Read until it fails with this error; what came before."""
        found = Read()
        items = self.plugins.read(self.connection, "read_records", window=window)
        with pytest.raises(error):
            await found.add_all(items)
        assert not found.marks
        return found

    async def timetable(self, weeks: int = 1, **more: Any) -> Read:
        """Read the timetable from the beginning of this week, for so many weeks."""
        begin = datetime(2026, 11, 15, 23, tzinfo=UTC)
        return await self.read(
            Window(starts_at=begin, ends_at=begin + weeks * WEEK, kinds=more.pop("kinds", TIMETABLE), **more)
        )

    async def verify(self) -> Sequence[Check]:
        """Try the connection, as the hub does."""
        found: Sequence[Check] = await self.plugins.call(self.connection, "verify")
        return found


def connect(
    base_url: str | None = None, *, clock: FrozenClock | None = None, zone: str = "Europe/Zurich", **settings: Any
) -> tuple[Plugins, Connection]:
    """An open connection, and the plugins that it belongs to."""
    plugins = Plugins()
    plugin = plugins.register(sportsnow)
    values = {"provider": PROVIDER, "base_url": base_url, "requests_per_second": 1_000_000, **settings}
    made = plugin.settings(**{name: value for name, value in values.items() if value is not None})
    return plugins, Connection(
        "front", plugin, made, ZoneInfo(zone), "inst", clock or FrozenClock(NOW), studio_name="Studio Nordlicht"
    )


@asynccontextmanager
async def opened(sim: SportsNowSimulator | None = None, **settings: Any) -> AsyncIterator[Studio]:
    """A connection to this simulator, in this process."""
    clock = FrozenClock(NOW)
    sim = sim or SportsNowSimulator(clock=clock)
    sim.clock = clock
    origin = f"http://sportsnow-{next(_numbers)}.test"
    async with http.answering(origin, sim):
        plugins, connection = connect(origin, clock=clock, **settings)
        try:
            yield Studio(sim, clock, connection, plugins)
        finally:
            await connection.aclose()


def assumed(**settings: Any) -> dict[str, Any]:
    """The settings that switch the assumed routes on."""
    return {"assumed_routes": True, "token": TOKEN, "badge_numbers": "decimal", **settings}


def put(folder: Path, name: str, *lines: str, mark: str | None = "2026-11-21T09:00:00+01:00") -> Path:
    """Write a file into a folder, and with it a mark."""
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    if mark is not None:
        (folder / "complete").write_text(mark, encoding="utf-8")
    return path
