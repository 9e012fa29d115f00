"""Bringing the schema up to date when the database is opened.

alembic is imported only when there is something to do. Before an existing SQLite file is changed it is copied to
`backups/` beside it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, inspect, text

from hub.errors import UserError

if TYPE_CHECKING:
    from alembic.config import Config

    from hub.store.database import Database

__all__ = ["HEAD", "bring_up_to_date", "copy_sqlite"]

HEAD = "0007"
"""The newest revision; a test keeps it equal to alembic's."""

_FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x73747564  # any fixed number: daemons that start together on PostgreSQL migrate one after the other


async def bring_up_to_date(database: Database) -> None:
    """Apply every migration that the database lacks. Raises UserError for a database of a newer studiohub."""
    async with database.read() as connection:
        current = await connection.run_sync(_revision)
    if current == HEAD:
        return
    _refuse_newer(current)
    if current is not None and database.path is not None:
        await asyncio.to_thread(copy_sqlite, database.path, reason=f"before-{HEAD}")
    async with database.write() as connection:
        if not database.is_sqlite:
            await connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
        await connection.run_sync(_upgrade)


def copy_sqlite(path: Path, *, reason: str) -> Path:
    """Copy a SQLite file that may be in use to `backups/`; returns the copy."""
    folder = path.parent / "backups"
    folder.mkdir(mode=0o700, exist_ok=True)
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    target = folder / f"{path.stem}-{stamp}-{reason}{path.suffix}"
    target.touch(mode=0o600)
    with closing(sqlite3.connect(path)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    return target


def config() -> Config:
    """alembic's configuration, without an ini file."""
    from alembic.config import Config

    made = Config()
    made.set_main_option("script_location", str(_FOLDER))
    return made


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    found: str | None = connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
    return found


def _refuse_newer(current: str | None) -> None:
    from alembic.script import ScriptDirectory

    if current is None:
        return
    known = {script.revision for script in ScriptDirectory.from_config(config()).walk_revisions()}
    if current not in known:
        raise UserError(
            "the database was written by a newer studiohub",
            said=f"its schema is {current}, and this version knows {HEAD}",
            fix="Install that version or restore a backup made by this one.",
            code="database_newer",
        )


def _upgrade(connection: Connection) -> None:
    from alembic import command

    # Another process may have done it while this one waited for the lock.
    current = _revision(connection)
    if current == HEAD:
        return
    _refuse_newer(current)
    made = config()
    made.attributes["connection"] = connection
    command.upgrade(made, "head")
