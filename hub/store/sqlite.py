"""SQLAlchemy's aiosqlite dialect with one hand-over to the connection's thread for each statement.

As it comes it takes four: make a cursor, execute, fetch, close; and two more for a commit and a rollback of nothing
when somebody has only looked. Each costs the event loop a turn, which is more than most statements take. Told to
SQLAlchemy as `sqlite+studiohub`.

Inside `in_place` the statements go to no thread at all: for work that is small and in a hurry, where handing over
costs many times what SQLite needs. Waiting is left to the thread even then: for the lock at the beginning of a
transaction, and for the disk at its end.
"""

from __future__ import annotations

import collections
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from sqlalchemy.dialects import registry
from sqlalchemy.dialects.sqlite.aiosqlite import (
    AsyncAdapt_aiosqlite_connection,
    AsyncAdapt_aiosqlite_cursor,
    AsyncAdapt_aiosqlite_dbapi,
    SQLiteDialect_aiosqlite,
)

__all__ = ["DRIVER", "Dialect", "in_place"]

DRIVER = "sqlite+studiohub"

_in_place: ContextVar[bool] = ContextVar("in_place", default=False)


@contextmanager
def in_place(on: bool = True) -> Iterator[None]:
    """Until the end of the block, statements of this task run on the event loop's own thread; or, where that is off, on
    the connection's again."""
    token = _in_place.set(on)
    try:
        yield
    finally:
        _in_place.reset(token)


@dataclass(slots=True)
class _Done:
    """What is left of a cursor when its thread is through with it."""

    description: Any = None
    rowcount: int = -1
    lastrowid: Any = None
    arraysize: int = 1


def _run(connection: sqlite3.Connection, operation: str, parameters: Any, *, many: bool) -> tuple[_Done, list[Any]]:
    """Execute and fetch; on the connection's thread."""
    cursor = connection.cursor()
    try:
        if many:
            cursor.executemany(operation, parameters)
        else:
            cursor.execute(operation, parameters or ())
        rows = cursor.fetchall() if cursor.description else []
        return _Done(cursor.description, cursor.rowcount, cursor.lastrowid), rows
    finally:
        cursor.close()


class _Cursor(AsyncAdapt_aiosqlite_cursor):
    __slots__ = ()

    def __init__(self, adapt_connection: Any) -> None:
        self._adapt_connection = adapt_connection
        self._connection = adapt_connection._connection
        self._cursor: Any = _Done()
        self._rows = collections.deque()
        self._soft_closed_memoized: Any = {}

    async def _execute_async(self, operation: Any, parameters: Any) -> Any:
        return await self._hand_over(operation, parameters, many=False)

    async def _executemany_async(self, operation: Any, seq_of_parameters: Any) -> Any:
        return await self._hand_over(operation, seq_of_parameters, many=True)

    async def _hand_over(self, operation: Any, parameters: Any, *, many: bool) -> None:
        async with self._adapt_connection._execute_mutex:
            plain: Any = self._connection
            if _in_place.get() and not operation.startswith("BEGIN"):
                self._cursor, rows = _run(plain._conn, operation, parameters, many=many)
            else:
                self._cursor, rows = await plain._execute(_run, plain._conn, operation, parameters, many=many)
            self._rows = collections.deque(rows)

    async def _async_soft_close(self) -> None:
        """Nothing is open."""

    def close(self) -> None:
        self._rows.clear()


class _Connection(AsyncAdapt_aiosqlite_connection):
    __slots__ = ("_closing",)
    _cursor_cls = _Cursor

    @property
    def in_transaction(self) -> bool:
        """Whether there is anything to commit or to roll back."""
        plain: Any = self._connection
        return plain._connection is not None and bool(plain._connection.in_transaction)

    async def _terminate_graceful_close(self) -> None:
        self._closing = True
        await super()._terminate_graceful_close()

    def _terminate_force_close(self) -> None:
        """A close that is under way ends the thread by itself. Told to stop as well, the thread would be gone when the
        close waits for it, and whoever cancelled the work would wait for ever."""
        if not getattr(self, "_closing", False):
            super()._terminate_force_close()


class _Driver(AsyncAdapt_aiosqlite_dbapi):
    def connect(self, *arg: Any, **kw: Any) -> AsyncAdapt_aiosqlite_connection:
        made = super().connect(*arg, **kw)
        return _Connection(self, made._connection)


class Dialect(SQLiteDialect_aiosqlite):
    """SQLite on a file, through aiosqlite."""

    driver = "studiohub"
    supports_statement_cache = True

    @classmethod
    def import_dbapi(cls) -> AsyncAdapt_aiosqlite_dbapi:
        import aiosqlite

        driver: ModuleType = aiosqlite
        return _Driver(driver, sqlite3)

    def do_commit(self, dbapi_connection: Any) -> None:
        if dbapi_connection.in_transaction:
            dbapi_connection.commit()

    def do_rollback(self, dbapi_connection: Any) -> None:
        if dbapi_connection.in_transaction:
            dbapi_connection.rollback()


registry.register("sqlite.studiohub", __name__, "Dialect")
