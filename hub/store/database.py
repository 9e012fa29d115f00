"""Opening the database, and the two kinds of transaction.

`read()` is for looking, `write()` for changing. On SQLite a writer takes the write lock at once (`BEGIN IMMEDIATE`), so
two processes on one file (the terminal UI beside the daemon) wait for each other instead of failing half-way.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import sqlite3
import time
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, Text, bindparam, event, func, select
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, Connection, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.util import await_only

from hub.errors import UserError
from hub.store.sqlite import DRIVER

__all__ = ["Database", "among", "upsert", "upsert_many"]

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
        except (DBAPIError, OSError) as error:
            await database.aclose()
            why = getattr(error, "orig", None) or error
            raise UserError(
                f"the database can't be opened ({database.describe()})",
                said=next(iter(str(why).splitlines()), "") or type(why).__name__,
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
        if not path.exists():
            # For its owner only from the first moment; what SQLite keeps beside it gets the same mode.
            with contextlib.suppress(OSError):
                path.touch(mode=0o600)
        engine = create_async_engine(
            URL.create(DRIVER, database=str(path)),
            connect_args={"timeout": BUSY_MS / 1000, "isolation_level": None},
            pool_size=4,
            max_overflow=4,
        )
        event.listen(engine.sync_engine, "connect", _prepare_sqlite)
        event.listen(engine.sync_engine, "begin", _begin_sqlite)
        return cls(engine, path=path)

    @classmethod
    def _on_postgresql(cls, url: str) -> Database:
        fix = "Use postgresql://user@host/name, or leave it out for SQLite."
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError) as error:
            raise UserError("STUDIOHUB_DATABASE_URL is not an address", fix=fix, code="database") from error
        if parsed.get_backend_name() not in {"postgresql", "postgres"}:
            raise UserError(
                f"STUDIOHUB_DATABASE_URL speaks {parsed.get_backend_name()}, which the hub does not",
                fix=fix,
                code="database",
            )
        options = dict(parsed.query)
        if "sslmode" in options:
            # libpq's word, which hosts put into the addresses they hand out.
            options["ssl"] = options.pop("sslmode")
        unknown = sorted(options.keys() - _asyncpg_options())
        if unknown:
            raise UserError(f"STUDIOHUB_DATABASE_URL has an option {unknown[0]!r} that nobody knows", code="database")
        engine = create_async_engine(
            parsed.set(drivername="postgresql+asyncpg", query=options), pool_size=5, max_overflow=5, pool_pre_ping=True
        )
        return cls(engine, path=None)

    def describe(self) -> str:
        """Where the database is, without a password."""
        return str(self.path) if self.path else self.engine.url.render_as_string(hide_password=True)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """A connection that only looks. Statements may see what was committed between them."""
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


def _asyncpg_options() -> set[str]:
    import asyncpg

    return set(inspect.signature(asyncpg.connect).parameters)


def _prepare_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    for pragma in (
        f"busy_timeout = {BUSY_MS}",
        "foreign_keys = ON",
        # An intent that is lost with the power would be a person made twice.
        "synchronous = FULL",
        "cache_size = -16000",
        "temp_store = MEMORY",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    _use_wal(cursor)
    cursor.close()


def _use_wal(cursor: Any) -> None:
    """Put the file into the mode in which readers don't wait. On a fresh file, SQLite gives up at once where several
    do that at the same time, whatever the busy time-out is."""
    give_up = time.monotonic() + BUSY_MS / 1000
    while True:
        try:
            cursor.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > give_up:
                raise
            await_only(asyncio.sleep(0.01))
        else:
            return


def _begin_sqlite(connection: Connection) -> None:
    # Readers need no transaction of their own: each statement sees a consistent state, and WAL keeps writers apart.
    if connection.get_execution_options().get("studiohub_write", False):
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def among(column: ColumnElement[str], values: Collection[str], connection: AsyncConnection) -> ColumnElement[bool]:
    """`column IN values` as one parameter, whatever their number: the statement is compiled once and stays short."""
    if connection.dialect.name == "sqlite":
        listed = func.json_each(msgspec.json.encode(list(values)).decode()).table_valued("value")
        return column.in_(select(listed.c.value))
    from sqlalchemy.dialects import postgresql

    return column == func.any(bindparam(None, list(values), type_=postgresql.ARRAY(Text), unique=True))


async def upsert(
    connection: AsyncConnection,
    table: Table,
    rows: Sequence[dict[str, Any]],
    *,
    key: Sequence[str],
    update: Sequence[str] = (),
) -> None:
    """Insert rows; where `key` exists already, set the `update` columns (none: leave the row alone)."""
    if rows:
        await connection.execute(_upsert(connection.dialect.name, table, tuple(key), tuple(update)), list(rows))


async def upsert_many(
    connection: AsyncConnection,
    table: Table,
    columns: Sequence[str],
    rows: Sequence[tuple[Any, ...]],
    *,
    key: Sequence[str],
    update: Sequence[str] = (),
) -> None:
    """The same for thousands of rows, given as tuples in the order of `columns` and in the driver's own types: a moment
    goes through `Utc().process_bind_param` first. Several times cheaper than row by row in dictionaries."""
    if not rows:
        return
    sql = _upsert_sql(connection.dialect.name, table, tuple(columns), tuple(key), tuple(update))
    await connection.exec_driver_sql(sql, list(rows))


@cache
def _upsert(dialect: str, table: Table, key: tuple[str, ...], update: tuple[str, ...]) -> Any:
    if dialect == "sqlite":
        insert: Any = sqlite.insert(table)
    else:
        from sqlalchemy.dialects import postgresql

        insert = postgresql.insert(table)
    if not update:
        return insert.on_conflict_do_nothing(index_elements=list(key))
    return insert.on_conflict_do_update(index_elements=list(key), set_={name: insert.excluded[name] for name in update})


@cache
def _upsert_sql(
    dialect: str, table: Table, columns: tuple[str, ...], key: tuple[str, ...], update: tuple[str, ...]
) -> str:
    """The statement as the driver takes it, its parameters in the order of `columns`."""
    named = [f'"{name}"' for name in columns]
    marks = ["?"] * len(columns) if dialect == "sqlite" else [f"${number}" for number in range(1, len(columns) + 1)]
    doing = ", ".join(f'"{name}" = excluded."{name}"' for name in update)
    return (
        f'INSERT INTO "{table.name}" ({", ".join(named)}) VALUES ({", ".join(marks)}) '  # noqa: S608 - names of ours
        f"ON CONFLICT ({', '.join(key)}) DO " + (f"UPDATE SET {doing}" if update else "NOTHING")
    )
