"""An opened installation: what every front end (commands, terminal UI, daemon) works with."""

from __future__ import annotations

import contextlib
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from hub import times
from hub.clock import Clock, SystemClock
from hub.errors import UserError
from hub.plugins import Plugin, Plugins, Trace
from hub.settings import ConnectionSettings, HubSettings
from hub.store import Database
from hub.studio import registry
from hub.studio.file import nearest
from hub.vault import Vault, new_key, write_key_file

if TYPE_CHECKING:
    from hub.connection import Connection

__all__ = ["Hub", "NoProgress", "Progress", "initialise", "load_plugins"]


@cache
def calm_collector() -> None:
    """Keep the garbage collector from going through everything that was imported, again and again.

    A pass makes and drops hundreds of thousands of small objects; with the defaults a third of its time went into
    looking at the same modules.
    """
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


class Progress(Protocol):
    """Where long work says how far it is. `total` None: nobody knows."""

    def step(self, title: str, done: int, total: int | None) -> None:
        """So much of that step is done."""
        ...


class NoProgress:
    """For callers that don't want to know."""

    def step(self, title: str, done: int, total: int | None) -> None:
        """Nothing."""


@dataclass
class Hub:
    """Database, keys, plugins, clock and the studio that is worked on."""

    settings: HubSettings
    database: Database
    vault: Vault
    given: Plugins | None
    """The plugins, where whoever opened it had them; see `plugins`."""
    clock: Clock
    studio: registry.Studio | None
    unclear: UserError | None = None
    """Why there is no studio to work on although the database has some: a name is needed, or fits none of them."""
    _open: dict[int, Connection] = field(default_factory=dict, repr=False)

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: HubSettings, *, plugins: Plugins | None = None, clock: Clock | None = None
    ) -> AsyncIterator[Hub]:
        """Open an installation; everything is closed again at the end.

        Raises UserError where there is no home, no key or no database.
        """
        vault_home = settings.home
        if settings.database_url is None and not vault_home.is_dir():
            raise UserError(
                f"there is no studiohub home at {vault_home}", fix="Run `studiohub init` first.", code="no_home"
            )
        vault = Vault.load(vault_home, settings.key.get_secret_value() if settings.key else None)
        url = settings.database_url.get_secret_value() if settings.database_url else None
        database = await Database.open(home=settings.home, url=url)
        try:
            studio, unclear = None, None
            try:
                async with database.read() as db:
                    studio = await registry.find_studio(db, settings.studio)
            except UserError as error:
                unclear = error
            hub = cls(
                settings=settings,
                database=database,
                vault=vault,
                given=plugins,
                clock=clock or SystemClock(),
                studio=studio,
                unclear=unclear,
            )
            calm_collector()
            try:
                yield hub
            finally:
                await hub.close_connections()
        finally:
            await database.aclose()

    @cached_property
    def plugins(self) -> Plugins:
        """The installed plugins. They are loaded by whoever asks first: looking needs none of them."""
        return self.given or load_plugins(self.settings)

    @property
    def the_studio(self) -> registry.Studio:
        """The studio. Raises UserError where nothing was imported yet, or where it is not clear which one is meant."""
        if self.studio is None:
            raise self.unclear or UserError(
                "there is no studio yet",
                fix="Import a studio file: `studiohub import FILE`. Name and timezone under [studio] are enough.",
                code="no_studio",
            )
        return self.studio

    async def connections(self) -> list[registry.ConnectionRow]:
        """The studio's connections."""
        async with self.database.read() as db:
            return await registry.connections(db, self.the_studio)

    async def connection_row(self, name: str) -> registry.ConnectionRow:
        """One connection by name. Raises UserError naming the nearest one."""
        rows = {row.name: row for row in await self.connections()}
        if name not in rows:
            hint = nearest(name, rows) if rows else "nothing is connected yet"
            fix = (
                f"Connected: {', '.join(rows)}."
                if rows
                else "Import a studio file, or `studiohub connect PLUGIN NAME`."
            )
            raise UserError(f"there is no connection {name!r}; {hint}", fix=fix, code="no_connection")
        return rows[name]

    async def open_connection(self, row: registry.ConnectionRow) -> Connection:
        """The open connection of a row, kept open until its settings change."""
        known = self._open.get(row.id)
        plugin = self.plugins[row.plugin]
        settings = row.open_settings(plugin, self.vault)
        if known is not None:
            if known.settings == settings:
                return known
            await known.aclose()
        connection = self.connect(row.name, plugin, settings)
        self._open[row.id] = connection
        return connection

    def connect(self, name: str, plugin: Plugin, settings: ConnectionSettings) -> Connection:
        """A connection with these settings, saved or not; whoever asked for it closes it."""
        from hub.connection import Connection

        studio = self.the_studio
        return Connection(
            name=name,
            plugin=plugin,
            settings=settings,
            timezone=times.zone(studio.timezone),
            instance=studio.instance,
            clock=self.clock,
            studio_name=studio.name,
            language=studio.language,
        )

    async def close_connections(self) -> None:
        """Close every open connection."""
        for connection in self._open.values():
            with contextlib.suppress(RuntimeError):
                await connection.aclose()
        self._open.clear()


def load_plugins(settings: HubSettings) -> Plugins:
    """The installed plugins, as the settings want them."""
    import sys

    trace = Trace(lambda line: print(line, file=sys.stderr)) if settings.trace_plugins else None  # noqa: T201 - the trace switch prints
    blocked = [name.strip() for name in settings.block_plugins.split(",") if name.strip()]
    return Plugins.discover(blocked=blocked, trace=trace)


async def initialise(settings: HubSettings, *, key: bool = True) -> list[str]:
    """Make home, key file (unless `key` is false) and database, each only where it is missing; returns what was made,
    for people.

    A key is never made for a database that has a studio already: its secrets could not be opened with a new one.
    """
    home: Path = settings.home
    made = _make_home(home)
    url = settings.database_url.get_secret_value() if settings.database_url else None
    existed = url is not None or (home / "studiohub.sqlite3").exists()
    database = await Database.open(home=home, url=url)
    try:
        if not existed:
            made.append(f"database {database.describe()}")
        if database.path is not None:
            database.path.chmod(0o600)
        if key and settings.key is None and not (home / "key").exists():
            async with database.read() as db:
                has_studio = await registry.any_studio(db)
            if has_studio:
                raise UserError(
                    f"the key file {home / 'key'} is missing and the database has sealed secrets",
                    fix="Put the key file back from where you keep it.",
                    code="key",
                )
            made.append(f"key {write_key_file(home, [new_key()])} (keep a copy elsewhere)")
    finally:
        await database.aclose()
    return made


def _make_home(home: Path) -> list[str]:
    if home.is_dir():
        return []
    try:
        home.mkdir(mode=0o700, parents=True)
    except OSError as error:
        raise UserError(f"the home {home} can't be made", said=error.strerror or str(error), code="home") from error
    return [f"home {home}"]
