"""Opening the database, and the two kinds of transaction.

`read()` is for looking, `write()` for changing. On SQLite a writer takes the write lock at once (`BEGIN IMMEDIATE`), so
two processes on one file (the terminal UI beside the daemon) wait for each other instead of failing half-way.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Table, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hub.errors import UserError

__all__ = ["Database", "upsert"]

BUSY_MS = 30_000
FILE_NAME = "studiohub.sqlite3"


class Database:
    """An open database. Make one with `open`; close it with `aclose`."""

    def __init__(self, engine: AsyncEngine, *, path: Path | None) -> None:
        self.engine = engine
        self.path = path
        """The SQLite file; None on PostgreSQL."""
        self._writer = asyncio.Lock()

    @property
    def is_sqlite(self) -> bool:
        return self.path is not None

    @classmethod
    async def open(cls, *, home: Path, url: str | None = None, migrate: bool = True) -> Database:
        """Open the database and bring its schema up to date.

        Without `url`, the SQLite file in `home`. Raises UserError where that can't be opened.
        """
        database = cls._on_postgresql(url) if url else cls._on_sqlite(home)
        try:
            if migrate:
                from hub.store.migrate import bring_up_to_date

                await bring_up_to_date(database)
        except DBAPIError as error:
            await database.aclose()
            raise UserError(
                f"the database can't be opened ({database.describe()})",
                said=str(error.orig).splitlines()[0] if error.orig else type(error).__name__,
                fix="Check STUDIOHUB_DATABASE_URL and that the server is up."
                if url
                else "Check the folder's owner and free space.",
                code="database",
            ) from error
        except BaseException:
            await database.aclose()
            raise
        return database

    @classmethod
    def _on_sqlite(cls, home: Path) -> Database:
        path = home / FILE_NAME
        if not home.is_dir():
            raise UserError(f"there is no studiohub home at {home}", fix="Run `studiohub init` first.", code="no_home")
        engine = create_async_engine(
            URL.create("sqlite+aiosqlite", database=str(path)),
            connect_args={"timeout": BUSY_MS / 1000, "isolation_level": None},
            pool_size=4,
            max_overflow=4,
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return cls(engine, path=path)

    @classmethod
    def _on_postgresql(cls, url: str) -> Database:
        parsed = make_url(url)
        if parsed.get_backend_name() != "postgresql":
            raise UserError(
                f"STUDIOHUB_DATABASE_URL speaks {parsed.get_backend_name()}, which the hub does not",
                fix="Use postgresql://user@host/name, or leave it out for SQLite.",
                code="database",
            )
        engine = create_async_engine(
            parsed.set(drivername="postgresql+asyncpg"), pool_size=5, max_overflow=5, pool_pre_ping=True
        )
        return cls(engine, path=None)

    def describe(self) -> str:
        """Where the database is, without a password."""
        return str(self.path) if self.path else self.engine.url.render_as_string(hide_password=True)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only looks."""
        async with self.engine.connect() as connection, connection.begin():
            yield connection

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that changes something; committed at the end, rolled back when an error leaves it."""
        if not self.is_sqlite:
            async with self.engine.begin() as connection:
                yield connection
            return
        # Writers of one process queue here; SQLite's own lock keeps processes apart.
        async with self._writer, self.engine.connect() as plain:
            connection = await plain.execution_options(studiohub_write=True)
            async with connection.begin():
                yield connection

    async def aclose(self) -> None:
        """Close every connection."""
        await self.engine.dispose()


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        "journal_mode = WAL",
        f"busy_timeout = {BUSY_MS}",
        "foreign_keys = ON",
        # An intent that is lost with the power would be a person made twice.
        "synchronous = FULL",
        "cache_size = -16000",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writing = connection.get_execution_options().get("studiohub_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writing else "BEGIN")


async def upsert(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    key: Sequence[str],
    update: Sequence[str] = (),
) -> None:
    """Insert rows; where `key` exists already, set the `update` columns (none: leave the row alone)."""
    if not rows:
        return
    insert = sqlite.insert(table) if connection.dialect.name == "sqlite" else postgresql.insert(table)
    if update:
        statement = insert.on_conflict_do_update(
            index_elements=list(key), set_={name: insert.excluded[name] for name in update}
        )
    else:
        statement = insert.on_conflict_do_nothing(index_elements=list(key))
    await connection.execute(statement, list(rows))
