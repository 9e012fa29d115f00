"""Lanes: one per connection, worked on by one process at a time.

A lease on the lane row keeps others out. It carries a fencing token that every ledger write checks in its own
transaction, so a process that was frozen and comes back after somebody else took over can't write any more. The lease
is short and renewed in the background; a process of this machine that is gone loses it at once.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from sqlalchemy import select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import http
from hub.clock import Clock
from hub.errors import LaneBusy, LostLease
from hub.store import Database
from hub.store import tables as t

__all__ = ["LEASE", "Lease", "LostLease", "holding", "take"]

LEASE = timedelta(seconds=15)
RENEW_EVERY = 4.0


@dataclass
class Lease:
    """The right to work on one lane. `reason` and `urgent` say what the lane was woken for."""

    connection_id: int
    name: str
    owner: str
    token: int
    clock: Clock
    reason: str = ""
    urgent: bool = False
    generation: int = 0
    renewed: float = field(default_factory=time.monotonic)
    """When it was last surely ours, by this machine's own clock."""

    def guard(self) -> None:
        """Raise LostLease where the lease has run out: somebody else may have the lane by now. Costs nothing, so it is
        asked before every request that changes something at a vendor."""
        if time.monotonic() - self.renewed > LEASE.total_seconds():
            raise LostLease(f"this process was away for too long, and another may work on {self.name} by now")

    async def check(self, db: AsyncConnection) -> None:
        """Renew within a transaction. Raises LostLease, which rolls the transaction back."""
        lane = t.lane.c
        asked = time.monotonic()
        done = await db.execute(
            update(t.lane)
            .where(lane.connection_id == self.connection_id, lane.token == self.token)
            .values(lease_until=self.clock.now() + LEASE)
        )
        if done.rowcount != 1:
            raise LostLease(f"another process has taken over {self.name}")
        self.renewed = asked


def process_name() -> str:
    """This process, in a way that no later one with the same number shares: machine, pid and start time."""
    return f"{_machine()}:{os.getpid()}:{_started(os.getpid())}"


def _machine() -> str:
    """Host, the boot it is in, and pid namespace. Two machines may have one host name, and containers of one host can't
    see each other's processes; a number says something only where all of it is the same."""
    try:
        space = Path("/proc/self/ns/pid").readlink().name.strip("pid:[]")
    except OSError:
        space = "0"
    return f"{socket.gethostname()}/{_boot()}/{space}"


def _boot() -> str:
    """What tells this boot of this machine from every other; empty where the system doesn't say."""
    for file in ("/proc/sys/kernel/random/boot_id", "/etc/machine-id"):
        with contextlib.suppress(OSError):
            return Path(file).read_text(encoding="ascii", errors="replace").strip()[:13]
    return ""


def _started(pid: int) -> str:
    """When a process started, in the kernel's ticks; "ended" for one that only waits to be buried; empty where that
    can't be told."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        state, *fields = text.rpartition(")")[2].split()
        return "ended" if state in "ZX" else fields[18]
    except (OSError, ValueError, IndexError):
        return ""


def is_gone(owner: str) -> bool:
    """Whether a lease's owner is a process of this machine that no longer runs."""
    machine, pid, started, *_ = (*owner.split(":"), "", "")
    if machine != _machine() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    now = _started(int(pid))
    return bool(now and started) and now != started


async def take(
    database: Database, connection_id: int, name: str, clock: Clock, *, worker: str = "0", starts: bool = False
) -> Lease:
    """Take the lane. Raises LaneBusy while somebody else has it.

    `starts`: what the lane was woken for is being done. It stays due for when the lease would end, so that a process
    that dies on the way is followed by another.
    """
    lane = t.lane.c
    owner = f"{process_name()}:{worker}"
    asked = time.monotonic()
    async with database.write() as db:
        query = select(t.lane).where(lane.connection_id == connection_id)
        row = (await db.execute(query if database.is_sqlite else query.with_for_update())).one()
        now = clock.now()
        if (
            row.lease_owner is not None
            and row.lease_until is not None
            and row.lease_until > now
            and not is_gone(row.lease_owner)
        ):
            who = row.lease_owner.split(":")
            raise LaneBusy(
                f"{name} is being worked on by another process (pid {who[1]} on {who[0].partition('/')[0]})",
                fix="It will be done in a moment; try again.",
            )
        values = {"lease_owner": owner, "lease_until": now + LEASE, "token": row.token + 1, "attempted_at": now}
        if starts:
            values |= {"wake_at": now + LEASE, "urgent": False}
        await db.execute(update(t.lane).where(lane.connection_id == connection_id).values(**values))
    return Lease(
        connection_id, name, owner, row.token + 1, clock, row.reason, row.urgent, row.generation, renewed=asked
    )


async def release(database: Database, lease: Lease) -> None:
    """Give the lane back. Harmless where it was lost."""
    lane = t.lane.c
    async with database.write() as db:
        await db.execute(
            update(t.lane)
            .where(lane.connection_id == lease.connection_id, lane.token == lease.token)
            .values(lease_owner=None, lease_until=None)
        )


@asynccontextmanager
async def holding(
    database: Database,
    connection_id: int,
    name: str,
    clock: Clock,
    *,
    wait: float = 0.0,
    worker: str = "0",
    starts: bool = False,
) -> AsyncIterator[Lease]:
    """Hold a lane for as long as the block runs. `wait`: seconds to wait for somebody else to finish."""
    give_up = asyncio.get_running_loop().time() + wait
    while True:
        try:
            lease = await take(database, connection_id, name, clock, worker=worker, starts=starts)
            break
        except LaneBusy:
            if asyncio.get_running_loop().time() >= give_up:
                raise
            await asyncio.sleep(0.25)
    renewing = asyncio.create_task(_renew(database, lease))
    guarded = http.write_guard.set(lease.guard)
    try:
        yield lease
    finally:
        http.write_guard.reset(guarded)
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        await release(database, lease)


async def _renew(database: Database, lease: Lease) -> None:
    # Real time, whatever clock the hub has: a lease is about processes, not about passes.
    while True:
        await asyncio.sleep(RENEW_EVERY)
        # A database that is busy or away for a moment is asked again; a lost lease is for the next write to find.
        with contextlib.suppress(DBAPIError, OSError):
            async with database.write() as db:
                await lease.check(db)
