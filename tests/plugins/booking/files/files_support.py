"""A connection to a folder, and what a read of it brings, driven as the hub drives it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hub.clock import FrozenClock
from hub.connection import Connection
from hub.plugins import Plugins
from hub.records import Complete, Page, Problem, Record, Window
from plugins.booking import files


class Read:
    """What one read brought."""

    def __init__(self) -> None:
        self.items: list[Page | Problem | Complete] = []
        self.records: dict[str, list[Record]] = defaultdict(list)
        self.problems: list[Problem] = []
        self.notes: list[Problem] = []

    def add(self, item: Page | Problem | Complete) -> None:
        self.items.append(item)
        if isinstance(item, Page):
            self.records[item.kind] += item.records
        elif isinstance(item, Problem):
            (self.notes if item.id == "" else self.problems).append(item)

    def one(self, kind: str) -> Record:
        """The only record of that kind."""
        assert not self.problems
        [record] = self.records[kind]
        return record

    @property
    def problem(self) -> Problem:
        """The only problem."""
        [problem] = self.problems
        return problem

    @property
    def complete(self) -> Complete:
        """The mark that ended the read; there is exactly one, and nothing follows it."""
        marks = [item for item in self.items if isinstance(item, Complete)]
        assert len(marks) == 1
        assert self.items[-1] is marks[0]
        return marks[0]


def connect(folder: Path, zone: str = "Europe/Zurich", **settings: str) -> tuple[Plugins, Connection]:
    plugins = Plugins()
    plugin = plugins.register(files, name="files")
    clock = FrozenClock(datetime(2026, 11, 21, 18, tzinfo=UTC))
    made = plugin.settings(path=folder, **settings)  # type: ignore[call-arg]
    return plugins, Connection("desk", plugin, made, ZoneInfo(zone), "t1", clock)


async def read_folder(
    folder: Path,
    window: Window | None = None,
    *,
    meanwhile: Callable[[Page | Problem | Complete], None] | None = None,
    zone: str = "Europe/Zurich",
    **settings: str,
) -> Read:
    """Read the folder; `meanwhile` is called after each item, while the read waits."""
    plugins, connection = connect(folder, zone, **settings)
    found = Read()
    async for item in plugins.read(connection, "read_records", window=window or Window()):
        found.add(item)
        if meanwhile is not None:
            meanwhile(item)
    return found
