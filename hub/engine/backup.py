"""Backup and restore: a consistent copy of everything in the database, taken while it is in use.

The copy is a zip file with one JSON document per row, table by table, and a manifest. It does not depend on the
database behind it, so a studio can move from SQLite to PostgreSQL by backup and restore. Secrets in it are as sealed as
they are in the database: without the key file nobody can open them, so keep a copy of that too.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sqlalchemy import Table, func, insert, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.errors import UserError
from hub.store import Database
from hub.store import tables as t
from hub.store.migrate import HEAD
from hub.vault import Vault

__all__ = ["Manifest", "back_up", "read_manifest", "restore"]

FORMAT = 1
LEFT_OUT = frozenset({"worker"})
_CHUNK = 2000


@dataclass(frozen=True)
class Manifest:
    """What a backup says of itself."""

    format: int
    schema: str
    version: str
    made_at: datetime
    rows: dict[str, int]
    sha256: dict[str, str]


async def back_up(database: Database, path: Path, *, now: datetime) -> Manifest:
    """Write a backup; the file appears only once it is whole, readable by its owner only."""
    draft = path.with_name(f".{path.name}.part")
    rows: dict[str, int] = {}
    sums: dict[str, str] = {}
    try:
        draft.touch(mode=0o600)
        with zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive:
            async with _snapshot(database) as db:
                for table in t.metadata.sorted_tables:
                    if table.name in LEFT_OUT:
                        continue
                    rows[table.name], sums[table.name] = await _write_table(db, archive, table)
            manifest = Manifest(FORMAT, HEAD, version("studiohub"), now, rows, sums)
            archive.writestr("manifest.json", json.dumps({**vars(manifest), "made_at": times.to_text(now)}, indent=2))
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise UserError(f"the backup {path} can't be written", said=error.strerror or str(error)) from error
    return manifest


@asynccontextmanager
async def _snapshot(database: Database) -> AsyncIterator[AsyncConnection]:
    """A connection that sees one moment of the database, however long the backup takes."""
    async with database.engine.connect() as connection:
        if not database.is_sqlite:
            await connection.execution_options(isolation_level="REPEATABLE READ")
            yield connection
            return
        # In WAL mode a reader keeps the state of its first read for as long as its transaction lasts.
        await connection.exec_driver_sql("BEGIN")
        try:
            yield connection
        finally:
            await connection.exec_driver_sql("ROLLBACK")


async def _write_table(db: AsyncConnection, archive: zipfile.ZipFile, table: Table) -> tuple[int, str]:
    digest, count = hashlib.sha256(), 0
    with archive.open(f"{table.name}.jsonl", "w", force_zip64=True) as file:
        async for row in _rows(db, table):
            line = json.dumps(row, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            digest.update(line)
            file.write(line)
            count += 1
            if count % _CHUNK == 0:
                await asyncio.sleep(0)
    return count, digest.hexdigest()


async def _rows(db: AsyncConnection, table: Table) -> AsyncIterator[dict[str, Any]]:
    async with db.stream(select(table).order_by(*table.primary_key.columns)) as stream:
        async for part in stream.partitions(_CHUNK):
            for row in part:
                yield {name: _plain(value) for name, value in row._mapping.items() if value is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return {"t": times.to_text(value)}
    if isinstance(value, bytes | memoryview):
        return {"b": base64.b64encode(bytes(value)).decode()}
    return value


def _value(plain: Any) -> Any:
    if isinstance(plain, dict):
        return times.from_text(plain["t"]) if "t" in plain else base64.b64decode(plain["b"])
    return plain


def read_manifest(path: Path) -> Manifest:
    """What a backup says of itself. Raises UserError for a file that is none."""
    try:
        with zipfile.ZipFile(path) as archive:
            found = json.loads(archive.read("manifest.json"))
            return Manifest(**{**found, "made_at": times.from_text(found["made_at"])})
    except OSError as error:
        raise UserError(f"{path} can't be read", said=error.strerror or str(error)) from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError) as error:
        raise UserError(f"{path} is not a backup of studiohub", said=str(error)) from error


async def restore(database: Database, vault: Vault, path: Path, *, now: datetime) -> Manifest:
    """Fill an empty database from a backup, all of it or nothing. Every lane is due at once, and looks at everything.

    Raises UserError where the database has a studio already, where the backup is of a newer schema, damaged, or sealed
    with another key.
    """
    manifest = read_manifest(path)
    if manifest.format != FORMAT or manifest.schema > HEAD:
        raise UserError(
            f"{path.name} was made by studiohub {manifest.version}, whose database is newer",
            fix="Install that version or a later one first.",
        )
    with zipfile.ZipFile(path) as archive:
        _check_sums(archive, manifest, path)
        async with database.write() as db:
            if (await db.execute(select(func.count()).select_from(t.studio))).scalar_one():
                raise UserError(
                    "the database has a studio already, and a restore never mixes two",
                    fix="Restore into a fresh home: `studiohub --home NEW init`, then restore there.",
                    code="not_empty",
                )
            for table in t.metadata.sorted_tables:
                if table.name in manifest.rows:
                    await _read_table(db, archive, table)
            for pepper in (await db.execute(select(t.studio.c.sealed_pepper))).scalars():
                _opens(vault, pepper, path)
            await db.execute(
                update(t.lane).values(
                    lease_owner=None, lease_until=None, wake_at=now, urgent=False, reason="restored", full_at=None
                )
            )
            # Whether a mail that was waiting then has gone out since, nobody can say.
            waiting = t.outbox.c.state.in_(("queued", "sending"))
            await db.execute(update(t.outbox).where(waiting).values(state="unsure", next_try_at=None))
            if not database.is_sqlite:
                await _set_sequences(db)
    return manifest


def _opens(vault: Vault, sealed: bytes, path: Path) -> None:
    try:
        vault.open(sealed)
    except UserError as error:
        raise UserError(
            f"the secrets in {path.name} are sealed with another key",
            fix="Put the key that was in use when the backup was made into the home, then restore.",
            code="key",
        ) from error


def _check_sums(archive: zipfile.ZipFile, manifest: Manifest, path: Path) -> None:
    for name, wanted in manifest.sha256.items():
        digest = hashlib.sha256()
        try:
            with archive.open(f"{name}.jsonl") as file:
                while part := file.read(1 << 20):
                    digest.update(part)
        except (KeyError, zipfile.BadZipFile, OSError) as error:
            raise UserError(f"{path.name} is damaged: {name} can't be read", said=str(error)) from error
        if digest.hexdigest() != wanted:
            raise UserError(f"{path.name} is damaged: {name} is not what was written")


async def _read_table(db: AsyncConnection, archive: zipfile.ZipFile, table: Table) -> None:
    with archive.open(f"{table.name}.jsonl") as raw:
        for part in _parts(io.TextIOWrapper(raw, encoding="utf-8")):
            rows = [{column.name: _value(row.get(column.name)) for column in table.columns} for row in part]
            await db.execute(insert(table), rows)


def _parts(lines: io.TextIOWrapper) -> Iterator[list[dict[str, Any]]]:
    part: list[dict[str, Any]] = []
    for line in lines:
        part.append(json.loads(line))
        if len(part) == _CHUNK:
            yield part
            part = []
    if part:
        yield part


async def _set_sequences(db: AsyncConnection) -> None:
    """Let PostgreSQL go on numbering after the highest id that was restored."""
    for table in t.metadata.sorted_tables:
        if "id" in table.c and table.c.id.autoincrement is True:
            await db.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('\"{table.name}\"', 'id'), "  # noqa: S608 - names of ours
                    f'COALESCE((SELECT MAX(id) FROM "{table.name}"), 1))'
                )
            )
