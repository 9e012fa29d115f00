"""A vendor on the bench: its simulator in this process, a stopped clock, and the plugin as the hub calls it."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hub.clock import FrozenClock
from hub.connection import Connection
from hub.errors import HubError
from hub.grants import Failed
from hub.plugins import Plugin, Plugins
from hub.records import Complete, Page, Problem, Record, Window
from hub.testing.conformance.between import Between
from hub.testing.simulator import Simulator

__all__ = ["INSTANCE", "NOW", "OTHER", "Bench", "Found", "Tables", "difference", "failures", "touched"]

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
INSTANCE, OTHER = "kit00001", "kit00002"
"""The hub that a test plays, and another one that is at the same vendor."""

Tables = dict[str, Any]


@dataclass
class Found:
    """What one read gave. `error` is what ended it, None where it ended by itself."""

    records: dict[str, list[Record]] = field(default_factory=dict)
    gone: dict[str, set[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    marks: list[Complete] = field(default_factory=list)
    after_mark: int = 0
    largest: int = 0
    misplaced: list[str] = field(default_factory=list)
    error: HubError | None = None

    @property
    def complete(self) -> frozenset[str]:
        """The kinds that the read vouches for."""
        return frozenset().union(*(mark.kinds for mark in self.marks)) if self.marks else frozenset()

    def ids(self, kind: str) -> set[str]:
        """The ids of a kind."""
        return {record.id for record in self.records.get(kind, [])}

    def take(self, item: Page | Problem | Complete) -> None:
        """Add one item of the read."""
        self.after_mark += bool(self.marks)
        if isinstance(item, Complete):
            self.marks.append(item)
        elif isinstance(item, Problem):
            self.problems.append(item)
        else:
            self.largest = max(self.largest, len(item.records))
            self.misplaced += [f"{type(one).__name__} in {item.kind}" for one in item.records if one.kind != item.kind]
            self.records.setdefault(item.kind, []).extend(item.records)
            self.gone.setdefault(item.kind, set()).update(item.gone)


class Bench:
    """One vendor and a connection to it. Hooks are called as the hub calls them: whatever a plugin raises that is no
    error of `hub.errors` comes out as PluginError."""

    _numbers = itertools.count(1)

    def __init__(self, module: Any, plugin: Plugin, vendor: Simulator | None, clock: FrozenClock, folder: Path) -> None:
        self.module = module
        self.plugin = plugin
        self._vendor = vendor
        self.clock = clock
        self.folder = folder
        self.origin = f"http://vendor-{next(self._numbers)}.test"
        self.wire = Between(vendor)
        self.settings: dict[str, Any] = {}
        self.plugins = Plugins(timeout=20.0)
        self.plugins.register(module)
        self._open: list[Connection] = []
        self._connection: Connection | None = None

    @property
    def vendor(self) -> Simulator:
        """The simulator. Only for promises that need the network."""
        if self._vendor is None:
            raise TypeError(f"plugin {self.plugin.name} has no simulator")
        return self._vendor

    @property
    def connection(self) -> Connection:
        """The connection that hooks are called with."""
        if self._connection is None:
            self._connection = self.connect()
        return self._connection

    def connect(self, *, instance: str = INSTANCE, **settings: Any) -> Connection:
        """Another connection to the same vendor."""
        made = Connection(
            name="vendor",
            plugin=self.plugin,
            settings=self.plugin.settings(**{**self.settings, **settings}),
            timezone=ZoneInfo("Europe/Zurich"),
            instance=instance,
            clock=self.clock,
            studio_name="Studio Nordlicht",
        )
        self._open.append(made)
        return made

    def restart(self, **settings: Any) -> None:
        """The hub is started again: nothing that the plugin kept is there."""
        self._connection = self.connect(**settings)

    async def aclose(self) -> None:
        """Close every connection."""
        for connection in self._open:
            await connection.aclose()

    def has(self, hook: str) -> bool:
        """Whether the plugin has a hook."""
        return self.plugins.has(self.plugin.name, hook)

    async def call(self, hook: str, **arguments: Any) -> Any:
        """Call a hook."""
        return await self.plugins.call(self.connection, hook, **arguments)

    async def pages(self, hook: str, **arguments: Any) -> list[Any]:
        """Everything that a reading hook gives."""
        return [item async for item in self.plugins.read(self.connection, hook, **arguments)]

    async def read(self, window: Window | None = None) -> Found:
        """Read the source; what ends the read is kept."""
        found = Found()
        try:
            async for item in self.plugins.read(self.connection, "read_records", window=window or Window()):
                found.take(item)
        except HubError as error:
            found.error = error
        return found

    def tables(self) -> Tables:
        """What stands at the vendor now; tables that it hides (sessions, counters) are left out."""
        world = self.vendor.world
        return {name: copy.deepcopy(table) for name, table in vars(world).items() if name not in world.hidden}

    def rows(self) -> Mapping[str, int]:
        """How many rows each table has."""
        return {name: len(table) for name, table in self.tables().items() if isinstance(table, dict)}

    def settle(self) -> datetime:
        """Let pass what may still be under way at the vendor; the moment since when looking there is sure."""
        self.clock.move(timedelta(seconds=self.plugin.settle + 1))
        return self.clock.now()


def failures(result: Any) -> list[Exception]:
    """The errors inside an outcome for several people."""
    return [one.error for one in result if isinstance(one, Failed)] if isinstance(result, list | tuple) else []


def touched(before: Tables, after: Tables) -> str:
    """The first row that was there before and is another one, or gone, afterwards; empty without one."""
    for name, table in before.items():
        now = after[name]
        for key, row in table.items() if isinstance(table, dict) else ():
            if isinstance(row, dict) and now.get(key) != row:
                return f"{name} {key}"
    return ""


def difference(once: Mapping[str, int], now: Mapping[str, int]) -> str:
    """How many rows there are of what should be as many as `once`."""
    return ", ".join(f"{now[name]} {name} instead of {count}" for name, count in once.items() if now[name] != count)
