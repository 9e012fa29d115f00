"""Hints: what webhooks say may have changed, kept until the lane has read it again."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.engine.wake import wake
from hub.grants import Hint
from hub.store import among, upsert
from hub.store import tables as t
from hub.vault import Vault

__all__ = ["Delivery", "Waiting", "address_of", "done", "hash_of", "keep", "waiting"]


@dataclass(frozen=True)
class Waiting:
    """A hint that was not followed yet."""

    id: int
    hint: Hint
    at: datetime


@dataclass(frozen=True)
class Delivery:
    """What one webhook said to read again."""

    connection_id: int
    studio_id: int
    hints: Sequence[Hint]


async def keep(
    db: AsyncConnection, deliveries: Sequence[Delivery], *, now: datetime, repeats_within: timedelta
) -> list[int]:
    """Keep the hints of these deliveries and wake the lanes; returns how many of each were new.

    One whose delivery has an id is kept once. One without is always kept: the same words may tell of another change,
    and reading once more than needed does no harm.
    """
    d = t.delivery.c
    lanes = sorted({delivery.connection_id for delivery in deliveries})
    await db.execute(delete(t.delivery).where(d.connection_id.in_(lanes), d.until < now))
    names = {
        _name_of(hint, number) for delivery in deliveries for number, hint in enumerate(delivery.hints) if hint.dedupe
    }
    query = select(d.connection_id, d.name).where(d.connection_id.in_(lanes), among(d.name, sorted(names), db))
    known = {(row.connection_id, row.name) for row in await db.execute(query)} if names else set()
    new: list[dict[str, Any]] = []
    named: list[dict[str, Any]] = []
    counts: list[int] = []
    for delivery in deliveries:
        before = len(new)
        for number, hint in enumerate(delivery.hints):
            if hint.dedupe:
                key = (delivery.connection_id, _name_of(hint, number))
                if key in known:
                    continue
                known.add(key)
                named.append({"connection_id": key[0], "name": key[1], "until": now + repeats_within})
            new.append(
                {
                    "connection_id": delivery.connection_id,
                    "studio_id": delivery.studio_id,
                    "at": now,
                    "data": msgspec.json.encode(hint).decode(),
                }
            )
        counts.append(len(new) - before)
    await upsert(db, t.delivery, named, key=("connection_id", "name"))
    if new:
        await db.execute(insert(t.hint), new)
        await wake(db, sorted({row["connection_id"] for row in new}), at=now, reason="webhook", urgent=True)
    return counts


def _name_of(hint: Hint, number: int) -> str:
    """What a delivery is remembered by: of any length and letters, as vendors send them."""
    return f"{hashlib.sha256((hint.dedupe or '').encode('utf-8', 'surrogatepass')).hexdigest()[:32]}:{number}"


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
