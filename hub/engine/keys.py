"""Changing the key that seals secrets."""

from __future__ import annotations

from sqlalchemy import Table, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.core import Hub
from hub.store import journal
from hub.store import tables as t
from hub.vault import Vault, new_key, read_key_file, write_key_file

__all__ = ["SEALED", "rotate_key"]

SEALED = (
    (t.studio, "sealed_pepper"),
    (t.connection, "sealed_secrets"),
    (t.ledger, "sealed_code"),
    (t.ledger, "sealed_url"),
    (t.hook, "sealed_secret"),
    (t.hook, "sealed_signing"),
    (t.outbox, "sealed_text"),
    (t.outbox, "sealed_html"),
    (t.result, "sealed_metrics"),
    (t.result, "sealed_unread"),
    (t.own_word, "sealed_profile"),
)
"""Every column that holds ciphertext."""


async def rotate_key(hub: Hub, *, who: str) -> int:
    """Seal everything with a new key; returns how many secrets there were.

    With a key file, the new key is made here: it stands beside the old one until everything is sealed with it, so a
    crash in between loses nothing. With keys from the environment (newest first), everything is sealed with the first
    of them, and the others can be taken away afterwards.
    """
    vault = hub.vault
    keys: list[str] = []
    if hub.settings.key is None:
        keys = [new_key(), *read_key_file(hub.settings.home)]
        write_key_file(hub.settings.home, keys)
        vault = Vault(keys)
    count = 0
    async with hub.database.write() as db:
        for table, column in SEALED:
            count += await _reseal(db, vault, table, column)
        studio = hub.studio
        if studio is not None:
            await journal.add_audit(db, studio.id, who=who, act="key rotate", now=hub.clock.now())
    if keys:
        write_key_file(hub.settings.home, keys[:1])
        hub.vault = Vault(keys[:1])
    return count


async def _reseal(db: AsyncConnection, vault: Vault, table: Table, column: str) -> int:
    sealed, keys = table.c[column], list(table.primary_key.columns)
    rows = (await db.execute(select(*keys, sealed).where(sealed.is_not(None)))).all()
    for *which, value in rows:
        row = (key == part for key, part in zip(keys, which, strict=True))
        await db.execute(update(table).where(*row).values({column: vault.reseal(value)}))
    return len(rows)
