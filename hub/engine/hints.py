"""Hints: what webhooks say may have changed, kept until the lane has read it again."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.engine.wake import wake
from hub.grants import Hint
from hub.store import tables as t
from hub.store import upsert
from hub.vault import Vault

__all__ = ["Waiting", "address_of", "done", "hash_of", "keep", "waiting"]


@dataclass(frozen=True)
class Waiting:
    """A hint that was not followed yet."""

    id: int
    hint: Hint
    at: datetime


async def keep(
    db: AsyncConnection,
    connection_id: int,
    studio_id: int,
    found: Sequence[Hint],
    *,
    now: datetime,
    repeats_within: timedelta,
) -> int:
    """Keep hints and wake the lane; returns how many were new.

    One whose delivery has an id is kept once. One without is always kept: the same words may tell of another change,
    and reading once more than needed does no harm.
    """
    d = t.delivery.c
    await db.execute(delete(t.delivery).where(d.connection_id == connection_id, d.until < now))
    kept = 0
    for number, hint in enumerate(found):
        if hint.dedupe:
            name = f"{hint.dedupe}:{number}"
            known = await db.execute(select(d.name).where(d.connection_id == connection_id, d.name == name))
            if known.first() is not None:
                continue
            await upsert(
                db,
                t.delivery,
                [{"connection_id": connection_id, "name": name, "until": now + repeats_within}],
                key=("connection_id", "name"),
            )
        await db.execute(
            insert(t.hint).values(
                connection_id=connection_id,
                studio_id=studio_id,
                at=now,
                data=msgspec.json.encode(hint).decode(),
            )
        )
        kept += 1
    if kept:
        await wake(db, [connection_id], at=now, reason="webhook", urgent=True)
    return kept


async def waiting(db: AsyncConnection, connection_id: int) -> list[Waiting]:
    """The hints of a connection, oldest first."""
    h = t.hint.c
    query = select(h.id, h.data, h.at).where(h.connection_id == connection_id).order_by(h.id).limit(500)
    decode = msgspec.json.Decoder(Hint).decode
    return [Waiting(row.id, decode(row.data), row.at) for row in (await db.execute(query)).all()]


async def done(db: AsyncConnection, followed: Sequence[Waiting]) -> None:
    """These hints were followed."""
    if followed:
        await db.execute(delete(t.hint).where(t.hint.c.id.in_([one.id for one in followed])))


def hash_of(secret: str) -> str:
    """What is stored of the secret part of an address to find it by."""
    return hashlib.sha256(secret.encode()).hexdigest()


async def address_of(db: AsyncConnection, connection_id: int, vault: Vault, *, renew: bool = False) -> str:
    """The secret part of a connection's webhook address, made on first use. `renew` makes another, and the old one ends
    at once."""

    h = t.hook.c
    row = (await db.execute(select(h.sealed_secret).where(h.connection_id == connection_id))).one_or_none()
    if row is not None and not renew:
        return vault.open(row.sealed_secret)
    secret = secrets.token_urlsafe(32)
    await upsert(
        db,
        t.hook,
        [
            {
                "connection_id": connection_id,
                "secret_hash": hash_of(secret),
                "sealed_secret": vault.seal(secret),
            }
        ],
        key=("connection_id",),
        update=("secret_hash", "sealed_secret"),
    )
    return secret
