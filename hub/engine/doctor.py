"""Examining an installation, from the outside in."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from hub import times
from hub.core import Hub
from hub.engine.wake import lag
from hub.errors import HubError
from hub.grants import CheckState
from hub.notify.waiting import find_waiting
from hub.settings import HubSettings
from hub.store import tables as t
from hub.words import counted

__all__ = ["Finding", "examine"]

MOST_SKEW = 5.0
MOST_BEHIND = timedelta(minutes=5)
GONE_AFTER = timedelta(seconds=30)
LEAST_FREE = 200 * 1024 * 1024


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. `state`: ok, warning or failed."""

    state: str
    what: str
    fix: str = ""


async def examine(settings: HubSettings) -> list[Finding]:
    """Look at everything that can be wrong with an installation. Reads only."""
    findings: list[Finding] = []
    try:
        async with Hub.open(settings) as hub:
            findings.append(Finding("ok", f"database {hub.database.describe()} and key"))
            findings += _disk(hub)
            findings += _plugins(hub)
            if hub.unclear is not None:
                raise hub.unclear
            if hub.studio is None:
                findings.append(Finding("warning", "no studio yet", "Import one: `studiohub import FILE`."))
                return findings
            findings.append(Finding("ok", f"studio {hub.studio.name!r} in {hub.studio.timezone}"))
            findings += await _clock(hub)
            findings += await _workers(hub)
            findings += await _lanes(hub)
            findings += await _mails(hub)
            findings += await _connections(hub)
    except HubError as error:
        findings.append(Finding("failed", f"{error.what} {error.said}".strip(), error.fix))
    return findings


async def _clock(hub: Hub) -> list[Finding]:
    """Leases and due times compare the clocks of every machine, so this one is held against the database's."""
    if hub.database.is_sqlite:
        return []
    async with hub.database.read() as db:
        there = (await db.execute(select(func.clock_timestamp()))).scalar_one()
    off = abs((hub.clock.now() - there).total_seconds())
    if off > MOST_SKEW:
        what = f"this machine's clock is {off:.0f} s off the database's"
        return [Finding("failed", what, "Turn on time synchronisation (NTP) on both.")]
    return [Finding("ok", "the clock agrees with the database's")]


async def _workers(hub: Hub) -> list[Finding]:
    """Daemons that are there, and how long the most overdue lane has waited for one."""
    now = hub.clock.now()
    async with hub.database.read() as db:
        seen = (await db.execute(select(t.worker.c.name, t.worker.c.seen_at))).all()
        behind = await lag(db, now=now)
    alive = [row for row in seen if now - row.seen_at < GONE_AFTER]
    findings = [
        Finding("ok", f"{counted(len(alive), 'daemon')} at work")
        if alive
        else Finding("warning", "no daemon is at work, so nothing happens by itself", "Start one: `studiohub daemon`.")
    ]
    if alive and behind > MOST_BEHIND:
        minutes = behind.total_seconds() / 60
        findings.append(
            Finding(
                "warning",
                f"a lane has been due for {minutes:.0f} minutes",
                "Start another daemon, or raise STUDIOHUB_LANES.",
            )
        )
    return findings


def _disk(hub: Hub) -> list[Finding]:
    if hub.database.path is None:
        return []
    free = shutil.disk_usage(hub.database.path.parent).free
    if free < LEAST_FREE:
        return [Finding("warning", f"only {free >> 20} MiB are free beside the database", "Make room.")]
    return [Finding("ok", f"{free >> 30} GiB free")]


def _plugins(hub: Hub) -> list[Finding]:
    found = [Finding("ok", f"{counted(len(hub.plugins.loaded), 'plugin')}: {', '.join(sorted(hub.plugins.loaded))}")]
    found += [
        Finding(
            "failed",
            f"plugin {broken.name} ({broken.distribution}) can't be loaded: {broken.why}",
            "Update or remove that package.",
        )
        for broken in hub.plugins.broken
    ]
    return found


async def _lanes(hub: Hub) -> list[Finding]:
    lane, c = t.lane.c, t.connection.c
    query = (
        select(c.name, lane.failures, lane.error, lane.succeeded_at, lane.attempted_at)
        .join(t.lane, lane.connection_id == c.id)
        .where(lane.studio_id == hub.the_studio.id)
    )
    findings: list[Finding] = []
    async with hub.database.read() as db:
        rows = (await db.execute(query)).all()
    now = hub.clock.now()
    for row in rows:
        if row.failures:
            findings.append(
                Finding(
                    "warning",
                    f"{row.name} failed {_times(row.failures)}: {row.error}",
                    f"`studiohub sync {row.name}` tries again now.",
                )
            )
        elif row.succeeded_at is None:
            findings.append(Finding("warning", f"{row.name} has never run", "`studiohub sync` does."))
        elif now - row.succeeded_at > timedelta(days=1):
            ago = counted((now - row.succeeded_at).days, "day")
            findings.append(Finding("warning", f"{row.name} last ran {ago} ago", "Is the daemon running?"))
        else:
            at = row.succeeded_at.astimezone(times.zone(hub.the_studio.timezone))
            findings.append(Finding("ok", f"{row.name} last ran {at:%d %b %H:%M}"))
    return findings


async def _mails(hub: Hub) -> list[Finding]:
    server = hub.settings.smtp_url is not None
    async with hub.database.read() as db:
        waiting = (await find_waiting(db, server=server, now=hub.clock.now())).get(hub.the_studio.id)
    if waiting is not None:
        return [Finding("warning", waiting.sentence(hub.the_studio.timezone).rstrip("."), waiting.fix)]
    return [Finding("ok", "no mail waits for a server")]


def _times(number: int) -> str:
    return "the last time" if number == 1 else f"{number} times in a row"


async def _connections(hub: Hub) -> list[Finding]:
    findings: list[Finding] = []
    for row in await hub.connections():
        try:
            if not hub.plugins.has(row.plugin, "verify"):
                continue
            connection = await hub.open_connection(row)
            checks = await hub.plugins.call(connection, "verify")
        except HubError as error:
            findings.append(Finding("failed", f"{row.name}: {error.what}", error.fix))
            continue
        for check in checks:
            if check.state is CheckState.FAILED:
                findings.append(
                    Finding("failed", f"{row.name}: failed: {check.title}. {check.said}".strip(), check.fix)
                )
            elif check.state is CheckState.WARNING:
                findings.append(Finding("warning", f"{row.name}: {check.title}. {check.said}".strip(), check.fix))
        if all(check.state in {CheckState.OK, CheckState.SKIPPED} for check in checks):
            findings.append(Finding("ok", f"{row.name} answers and accepts the hub"))
    return findings
