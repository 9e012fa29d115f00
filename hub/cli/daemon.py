"""Running it: the daemon, and the addresses under which vendors reach it."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from hub.cli import output
from hub.cli.opened import opened, settings, who
from hub.errors import UserError

__all__ = ["daemon_", "webhook_"]


async def daemon_(*, json_logs: Annotated[bool, Parameter(name="--json-logs")] = False) -> None:
    """Run by itself: reads, grants, revokes, mails and webhooks, until it is stopped.

    On SQLite there is one; on PostgreSQL as many as you like, and any of them takes any studio's work. It serves
    webhooks, /healthz, /readyz and /metrics on STUDIOHUB_LISTEN (127.0.0.1:8710). SIGTERM ends it within ten seconds,
    SIGHUP reads the settings and the key again.

    Parameters
    ----------
    json_logs:
        Log in JSON on a terminal too.
    """
    from hub.daemon import run_daemon

    await run_daemon(settings, style="json" if json_logs else "auto")


async def webhook_(name: str, /, *, renew: bool = False) -> None:
    """Print the address that a vendor shall send a connection's webhooks to. It is a secret.

    Parameters
    ----------
    name:
        The connection.
    renew:
        Make another address; the old one ends at once.
    """
    from hub.engine.hints import address_of
    from hub.store import journal

    async with opened() as hub:
        row = await hub.connection_row(name)
        if not hub.plugins.has(row.plugin, "read_webhook"):
            raise UserError(
                f"{name} ({row.plugin}) has no webhooks", fix="It is read when it is time.", code="no_webhooks"
            )
        async with hub.database.write() as db:
            secret = await address_of(db, row.id, hub.vault, renew=renew)
            await journal.add_audit(
                db,
                hub.the_studio.id,
                who=who(),
                act="webhook",
                subject=name,
                now=hub.clock.now(),
                detail="renewed" if renew else "shown",
            )
        base = (hub.settings.public_url or "").rstrip("/")
    output.line(f"{base}/hooks/{name}/{secret}", reveal=True)
    if not base:
        output.say("Put the address before it under which the daemon is reached, or set STUDIOHUB_PUBLIC_URL.")
