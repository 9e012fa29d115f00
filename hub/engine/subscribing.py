"""Telling vendors where to send their webhooks, and seeing to it that they still do."""

from __future__ import annotations

import hashlib
from datetime import timedelta

from sqlalchemy import select, update

from hub import redact
from hub.core import Hub
from hub.engine.hints import address_of
from hub.engine.lanes import Lease
from hub.errors import HubError
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry

__all__ = ["keep_subscribed"]

EVERY = timedelta(hours=23)
"""A little less than the day between two looks at everything, so that each of them does it."""


async def keep_subscribed(hub: Hub, row: registry.ConnectionRow, lease: Lease) -> None:
    """Subscribe to a vendor's webhooks, once a day and when the address has changed, where the vendor lets the hub do
    that and the installation says under which address it is reached. What goes wrong is told in the inbox: without
    webhooks everything still works, only later."""
    base = (hub.settings.public_url or "").rstrip("/")
    if not base or not hub.plugins.has(row.plugin, "subscribe_webhooks"):
        return
    now, h = hub.clock.now(), t.hook.c
    async with hub.database.write() as db:
        await lease.check(db)
        secret = await address_of(db, row.id, hub.vault)
        told = (await db.execute(select(t.hook).where(h.connection_id == row.id))).one()
    address = f"{base}/hooks/{row.name}/{secret}"
    digest = hashlib.sha256(address.encode()).hexdigest()
    if told.told_hash == digest and told.told_at is not None and told.told_at > now - EVERY:
        return
    problem: HubError | None = None
    kept = hub.vault.open(told.sealed_signing) if told.sealed_signing is not None else None
    signing: str | None = None
    try:
        connection = await hub.open_connection(row)
        signing = await hub.plugins.call(
            connection, "subscribe_webhooks", address=address, secret=secret, signing_secret=kept
        )
    except HubError as error:
        problem = error
    async with hub.database.write() as db:
        await lease.check(db)
        if problem is None:
            values = {"told_hash": digest, "told_at": now}
            if signing is not None:
                redact.know(signing)
                values["sealed_signing"] = hub.vault.seal(signing)
            await db.execute(update(t.hook).where(h.connection_id == row.id).values(**values))
            await journal.solve(db, hub.the_studio.id, code="webhooks_off", subject=row.name, now=now)
            return
        await journal.raise_item(
            db,
            hub.the_studio.id,
            code="webhooks_off",
            subject=row.name,
            connection=row.name,
            text=f"{row.name} could not be told where to send its webhooks, so changes arrive only with the next "
            f"read: {problem.what}. {problem.said}".strip(),
            fix=problem.fix or "Check the access rights of the key, or subscribe by hand (`studiohub webhook`).",
            weight=5,
            now=now,
        )
