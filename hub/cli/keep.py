"""Keeping and forgetting: lanes, backup, restore, erase, audit."""

from __future__ import annotations

from pathlib import Path

from rich.markup import escape
from sqlalchemy import select

from hub import times
from hub.cli import output
from hub.cli.opened import Count, Json, opened, settings, who
from hub.core import Hub, initialise
from hub.engine.backup import back_up
from hub.engine.backup import restore as restore_into
from hub.engine.personal import erase
from hub.look.members import find_member
from hub.store import journal
from hub.store import tables as t
from hub.words import counted

__all__ = ["audit_", "backup_", "erase_", "lanes_", "restore_"]


async def backup_(file: Path | None = None, /, *, json: Json = False) -> None:
    """Write everything in the database to one file, also while a daemon works.

    Secrets in it are sealed: without the key nobody can open them, so keep a copy of the key too, elsewhere.

    Parameters
    ----------
    file:
        Where to; the folder backups of the home where it is left out. An existing file is replaced once the new one is
        whole.
    """
    async with opened() as hub:
        if file is None:
            folder = hub.settings.home / "backups"
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            file = folder / f"studiohub-{hub.clock.now():%Y%m%dT%H%M%SZ}.zip"
        manifest = await back_up(hub.database, file, now=hub.clock.now())
        if hub.studio is not None:
            async with hub.database.write() as db:
                await journal.add_audit(
                    db, hub.studio.id, who=who(), act="backup", subject=file.name, now=hub.clock.now()
                )
    if json:
        output.print_json({"file": str(file), "rows": sum(manifest.rows.values())})
        return
    output.line(f"{output.mark('ok')} {counted(sum(manifest.rows.values()), 'row')} in {escape(str(file))}.")
    output.say("Keep a copy of the key as well: without it the secrets in the backup can't be opened.")


async def restore_(file: Path, /) -> None:
    """Fill an empty installation from a backup. The key must be there already.

    Afterwards everything at the vendors is looked at once: what was granted or removed since the backup is found.

    Parameters
    ----------
    file:
        The backup.
    """
    wanted = settings()
    await initialise(wanted, key=False)
    async with Hub.open(wanted) as hub:
        manifest = await restore_into(hub.database, hub.vault, file, now=hub.clock.now())
    made = f"{manifest.made_at:%Y-%m-%d %H:%M} UTC"
    output.line(f"{output.mark('ok')} {counted(sum(manifest.rows.values()), 'row')} restored, as of {made}.")
    output.line("    [cyan]→[/] `studiohub plan` says what has changed at the vendors since.")


async def erase_(member: str, /) -> None:
    """Delete everything that is kept about a member. Their access has to be over.

    Parameters
    ----------
    member:
        The member (connection:id, id, e-mail or full name).
    """
    async with opened() as hub:
        async with hub.database.read() as db:
            found = await find_member(db, hub.the_studio, member)
        done = await erase(hub, found, who=who())
    rows = ", ".join(f"{count} {name}" for name, count in done.rows.items()) or "nothing"
    output.line(f"{output.mark('ok')} {escape(found.ref)} is erased: {rows}.")
    for person in done.at_vendors:
        output.line(f"    [cyan]→[/] {escape(person)} stays there, without access: delete it there by hand.")
    if done.still_read:
        output.line(f"    [cyan]→[/] {escape(found.source)} still lists them: delete them there, or they come back.")
    output.line("    [cyan]→[/] Older backups still have them.")


async def audit_(*, limit: Count = 50, json: Json = False) -> None:
    """What admins did, newest first. Nobody can change or delete these lines.

    Parameters
    ----------
    limit:
        At most so many.
    """
    a = t.audit.c
    async with opened() as hub:
        zone = times.zone(hub.the_studio.timezone)
        query = select(t.audit).where(a.studio_id == hub.the_studio.id).order_by(a.id.desc()).limit(limit)
        async with hub.database.read() as db:
            rows = (await db.execute(query)).all()
    if json:
        output.print_json(
            [
                {
                    "at": times.to_text(row.at),
                    "who": row.who,
                    "act": row.act,
                    "subject": row.subject,
                    "detail": row.detail,
                }
                for row in rows
            ]
        )
        return
    shown = [
        [f"{row.at.astimezone(zone):%d %b %Y %H:%M}", escape(row.who), row.act, escape(row.subject), escape(row.detail)]
        for row in rows
    ]
    output.table(["when", "who", "act", "what", "detail"], shown)


async def lanes_(*, json: Json = False) -> None:
    """What runs when: one lane for each connection, with its last and next run and what keeps failing."""
    lane, c = t.lane.c, t.connection.c
    async with opened() as hub:
        zone = times.zone(hub.the_studio.timezone)
        query = (
            select(t.lane, c.name)
            .join(t.connection, c.id == lane.connection_id)
            .where(lane.studio_id == hub.the_studio.id)
            .order_by(c.id)
        )
        async with hub.database.read() as db:
            rows = (await db.execute(query)).all()
        now = hub.clock.now()
    if json:
        output.print_json(
            [
                {
                    "name": row.name,
                    "running": row.lease_owner is not None and row.lease_until > now,
                    "next": times.to_text(row.wake_at) if row.wake_at else None,
                    "why": row.reason,
                    "last_attempt": times.to_text(row.attempted_at) if row.attempted_at else None,
                    "last_success": times.to_text(row.succeeded_at) if row.succeeded_at else None,
                    "down_since": times.to_text(row.down_since) if row.down_since else None,
                    "failures": row.failures,
                    "error": row.error,
                }
                for row in rows
            ]
        )
        return
    shown = []
    for row in rows:
        running = row.lease_owner is not None and row.lease_until > now
        soon = "now" if row.wake_at is not None and row.wake_at <= now else ""
        at = f"{row.wake_at.astimezone(zone):%d %b %H:%M:%S}" if row.wake_at is not None else "when it is woken"
        last = f"{row.succeeded_at.astimezone(zone):%d %b %H:%M:%S}" if row.succeeded_at else "never"
        shown.append(
            [
                escape(row.name),
                output.status("running" if running else "failed" if row.failures else "ok"),
                last,
                soon or at,
                str(row.failures or ""),
                escape(row.error or ""),
            ]
        )
    output.table(["lane", "state", "last went well", "next", "failures", "error"], shown)
