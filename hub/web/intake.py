"""What webhooks share: who an address belongs to, and one transaction for all that arrive at the same time."""

from __future__ import annotations

import asyncio
import hmac
import time
from collections.abc import Sequence
from contextvars import Context
from dataclasses import dataclass, field
from datetime import timedelta

from sqlalchemy import select

from hub import logs
from hub.engine import hints
from hub.engine.engine import Engine
from hub.engine.hints import Delivery
from hub.store import in_place
from hub.store import tables as t
from hub.studio import registry

__all__ = ["REPEATS_WITHIN", "Address", "Intake"]

log = logs.get("hub.web")

REPEATS_WITHIN = timedelta(hours=24)
"""A delivery that names itself is taken once within this time."""

REMEMBERED = 1.0
"""Seconds for which an address that was looked up goes on being good: so long one that was renewed still works."""

MOST_REMEMBERED = 10_000


@dataclass(frozen=True)
class Address:
    """A connection that takes webhooks."""

    studio: registry.Studio
    row: registry.ConnectionRow
    sealed_signing: bytes | None = field(default=None, repr=False)


@dataclass
class Intake:
    """Takes deliveries for an engine."""

    engine: Engine
    _known: dict[str, tuple[float, Address]] = field(default_factory=dict, repr=False)
    _waiting: list[tuple[Delivery, asyncio.Future[int]]] = field(default_factory=list, repr=False)
    _writing: asyncio.Task[None] | None = field(default=None, repr=False)

    async def address(self, name: str, secret: str) -> Address | None:
        """Whom a secret address belongs to; None where to nobody. Looked up by the secret's hash, so timing tells
        nothing."""
        digest = hints.hash_of(secret)
        until, known = self._known.get(digest, (0.0, None))
        if known is None or until < time.monotonic():
            known = await self._look_up(digest)
            self._remember(digest, known)
        return known if known is not None and known.row.name == name else None

    async def _look_up(self, digest: str) -> Address | None:
        h = t.hook.c
        async with self.engine.database.read() as db:
            query = select(h.connection_id, h.secret_hash, h.sealed_signing).where(h.secret_hash == digest)
            row = (await db.execute(query)).one_or_none()
            if row is None or not hmac.compare_digest(row.secret_hash, digest):
                return None
            found = await registry.connection_by_id(db, row.connection_id)
        return Address(*found, row.sealed_signing) if found is not None else None

    def _remember(self, digest: str, found: Address | None) -> None:
        self._known.pop(digest, None)
        if found is None:
            # What strangers guess is not kept.
            return
        if len(self._known) >= MOST_REMEMBERED:
            self._known.clear()
        self._known[digest] = (time.monotonic() + REMEMBERED, found)

    async def keep(self, delivery: Delivery) -> int:
        """Keep a delivery's hints, and return once they are safe; how many were new. What arrives while others are
        being written goes into the next transaction together. Raises what the database raises."""
        kept: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._waiting.append((delivery, kept))
        self._start()
        return await kept

    def _start(self) -> None:
        if self._writing is None and self._waiting:
            # With a context of its own: it writes for others than the one that happens to come first.
            self._writing = asyncio.create_task(self._write(), context=Context())

    async def _write(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._write_batch(batch)
        finally:
            self._writing = None
            self._start()

    async def _write_batch(self, batch: list[tuple[Delivery, asyncio.Future[int]]]) -> None:
        deliveries = [delivery for delivery, _ in batch]
        try:
            counts = await self._keep(deliveries)
        except Exception as error:  # noqa: BLE001 - whoever sent it gets it, whatever it is
            if len(batch) > 1:
                # One of them can't be kept; the others have nothing to do with it.
                for one in batch:
                    await self._write_batch([one])
                return
            # Whoever sent it is told by its own request, and sends again.
            for _, kept in batch:
                if not kept.done():
                    kept.set_exception(error)
            return
        except BaseException:
            for _, kept in batch:
                kept.cancel()
            raise
        for (_, kept), count in zip(batch, counts, strict=True):
            if not kept.done():
                kept.set_result(count)
        new = sorted({delivery.connection_id for delivery, count in zip(deliveries, counts, strict=True) if count})
        if new:
            try:
                await self.engine.poke(new, urgent=True)
            except Exception:
                # Their lanes are due in the database: the sweep finds them.
                log.exception("lanes could not be told about webhooks")

    async def _keep(self, deliveries: Sequence[Delivery]) -> list[int]:
        with in_place():
            async with self.engine.database.write() as db:
                return await hints.keep(db, deliveries, now=self.engine.clock.now(), repeats_within=REPEATS_WITHIN)
