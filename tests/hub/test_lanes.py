"""Lanes: one process works on a connection at a time, and one that is gone or frozen keeps nobody waiting."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update
from sqlalchemy.exc import OperationalError

from hub.clock import FrozenClock
from hub.engine import lanes
from hub.engine.lanes import LEASE, Lease, LostLease, holding, take
from hub.errors import LaneBusy
from hub.store import Database
from hub.store import tables as t
from tests.conftest import BOTH

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
LATER = LEASE + timedelta(seconds=1)


@pytest.fixture
def clock() -> FrozenClock:
    return FrozenClock(NOW)


@pytest.fixture
async def database(tmp_path: Path, database_url: str | None) -> AsyncIterator[Database]:
    """A database with one studio that has one connection with a lane."""
    opened = await Database.open(home=tmp_path, url=database_url)
    async with opened.write() as db:
        studio = {"id": 1, "name": "N", "timezone": "UTC", "instance": "i", "sealed_pepper": b"x", "created_at": NOW}
        await db.execute(insert(t.studio).values(studio))
        common = {"studio_id": 1, "plugin": "p", "settings": "{}", "created_at": NOW, "changed_at": NOW}
        for number, name in ((7, "door"), (8, "gate")):
            await db.execute(insert(t.connection).values(id=number, name=name, **common))
            await db.execute(insert(t.lane).values(connection_id=number, studio_id=1))
    yield opened
    await opened.aclose()


async def lane(database: Database) -> Any:
    async with database.read() as db:
        return (await db.execute(select(t.lane).where(t.lane.c.connection_id == 7))).one()


async def rename(database: Database, lease: Lease, name: str) -> None:
    """A write as the engine does it: the lease is checked in the same transaction."""
    async with database.write() as db:
        await db.execute(update(t.studio).values(name=name))
        await lease.check(db)


async def name_of(database: Database) -> str:
    async with database.read() as db:
        return str((await db.execute(select(t.studio.c.name))).scalar_one())


# ── one at a time ─────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_a_lane_that_is_taken_is_busy_until_it_is_given_back(database: Database, clock: FrozenClock) -> None:
    """The error says who has it; other lanes are free."""
    async with holding(database, 7, "door", clock):
        with pytest.raises(
            LaneBusy, match=rf"door is being worked on by another process \(pid {os.getpid()} on [^/]+\)"
        ):
            await take(database, 7, "door", clock, worker="1")
        async with holding(database, 8, "gate", clock):
            pass
    assert (await lane(database)).lease_owner is None
    async with holding(database, 7, "door", clock):
        pass


@BOTH
async def test_of_many_that_want_a_lane_at_once_one_gets_it(database: Database, clock: FrozenClock) -> None:
    """The others are told, and nobody is told twice that it is theirs."""
    results = await asyncio.gather(
        *(take(database, 7, "door", clock, worker=str(number)) for number in range(8)), return_exceptions=True
    )
    assert sorted(type(result).__name__ for result in results) == ["LaneBusy"] * 7 + ["Lease"]


@BOTH
async def test_whoever_waits_gets_the_lane_when_it_is_free(database: Database, clock: FrozenClock) -> None:
    """A sync by hand waits for the daemon's pass to end."""
    order: list[str] = []
    taken = asyncio.Event()

    async def first() -> None:
        async with holding(database, 7, "door", clock):
            taken.set()
            await asyncio.sleep(0)
            order.append("first")

    async def second() -> None:
        await taken.wait()
        async with holding(database, 7, "door", clock, wait=30.0):
            order.append("second")

    await asyncio.gather(first(), second())
    assert order == ["first", "second"]


@BOTH
async def test_a_lane_is_given_back_when_the_work_fails(database: Database, clock: FrozenClock) -> None:
    """An error or Ctrl+C does not lock it for the next one."""

    async def work(error: BaseException) -> None:
        async with holding(database, 7, "door", clock):
            raise error

    for error in (ValueError("no"), asyncio.CancelledError()):
        with pytest.raises(type(error)):
            await work(error)
        assert (await lane(database)).lease_owner is None


# ── leases ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_the_lease_of_a_living_process_is_respected_until_it_runs_out(
    database: Database, clock: FrozenClock
) -> None:
    """A process that hangs loses the lane after a while, and no sooner."""
    first = await take(database, 7, "door", clock)
    clock.move(LEASE - timedelta(seconds=1))
    with pytest.raises(LaneBusy):
        await take(database, 7, "door", clock)
    clock.move(timedelta(seconds=2))
    second = await take(database, 7, "door", clock)
    assert second.token == first.token + 1


@BOTH
async def test_every_write_renews_the_lease(database: Database, clock: FrozenClock) -> None:
    """Whoever works keeps the lane."""
    lease = await take(database, 7, "door", clock)
    for _ in range(4):
        clock.move(LEASE - timedelta(seconds=1))
        await rename(database, lease, "still mine")
        with pytest.raises(LaneBusy):
            await take(database, 7, "door", clock)


@BOTH
async def test_a_process_that_lost_its_lane_can_write_no_more(database: Database, clock: FrozenClock) -> None:
    """Frozen for a while and back again, it finds out in the same transaction, which is taken back."""
    old = await take(database, 7, "door", clock)
    clock.move(LATER)
    new = await take(database, 7, "door", clock)
    with pytest.raises(LostLease, match="another process has taken over door"):
        await rename(database, old, "written by the old one")
    assert await name_of(database) == "N"
    await rename(database, new, "written by the new one")
    assert await name_of(database) == "written by the new one"


@BOTH
async def test_giving_back_a_lane_that_was_lost_leaves_the_new_holder_alone(
    database: Database, clock: FrozenClock
) -> None:
    """The end of the old work must not free what somebody else is working on."""
    async with holding(database, 7, "door", clock):
        clock.move(LATER)
        new = await take(database, 7, "door", clock, worker="new")
    assert (await lane(database)).lease_owner == new.owner
    await rename(database, new, "still the new one's")


@BOTH
async def test_the_token_never_goes_back(database: Database, clock: FrozenClock) -> None:
    """Also over leases that were given back: an old one must never fit again."""
    seen = []
    for _ in range(3):
        async with holding(database, 7, "door", clock) as lease:
            seen.append(lease.token)
    assert seen == sorted(set(seen))


async def test_the_lease_is_renewed_in_the_background(
    database: Database, clock: FrozenClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long call to a vendor does not cost the lane, nor does a database that is busy for a moment."""
    beats = asyncio.Semaphore(0)
    failures = [OperationalError("x", {}, Exception("database is locked")), ConnectionRefusedError("away")]
    asked: list[bool] = []
    renewed = asyncio.Event()

    async def beat(_seconds: float) -> None:
        if any(asked):
            renewed.set()
        await beats.acquire()

    check = Lease.check

    async def flaky(lease: Lease, db: Any) -> None:
        asked.append(not failures)
        if failures:
            raise failures.pop()
        await check(lease, db)

    monkeypatch.setattr(lanes.asyncio, "sleep", beat)
    monkeypatch.setattr(Lease, "check", flaky)
    async with holding(database, 7, "door", clock):
        clock.move(LEASE - timedelta(seconds=1))
        for _ in range(3):
            beats.release()
        await asyncio.wait_for(renewed.wait(), 30)
        assert (await lane(database)).lease_until == clock.now() + LEASE
    assert asked == [False, False, True]


# ── processes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

HOLD = """
import asyncio, sys
from pathlib import Path
from datetime import UTC, datetime
from hub.clock import FrozenClock
from hub.engine.lanes import take
from hub.store import Database

async def main(home, url):
    database = await Database.open(home=Path(home), url=url or None)
    lease = await take(database, 7, "door", FrozenClock(datetime(2026, 11, 21, 9, 0, tzinfo=UTC)))
    print(lease.token, lease.owner, flush=True)
    await asyncio.to_thread(sys.stdin.readline)

asyncio.run(main(*sys.argv[1:]))
"""


@asynccontextmanager
async def another_process(home: Path, url: str | None) -> AsyncIterator[tuple[Process, int, str]]:
    """A process that has taken the lane; its token and name."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, str(home), url or "", stdin=PIPE, stdout=PIPE
    )
    try:
        assert process.stdout is not None
        token, owner = (await process.stdout.readline()).decode().split()
        yield process, int(token), owner
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@BOTH
async def test_the_lane_of_a_process_that_was_killed_is_taken_at_once(
    database: Database, clock: FrozenClock, tmp_path: Path, database_url: str | None
) -> None:
    """Nobody waits for the lease of the dead; of the living one, they do."""
    async with another_process(tmp_path, database_url) as (process, token, owner):
        with pytest.raises(LaneBusy, match=rf"pid {process.pid} "):
            await take(database, 7, "door", clock)
        assert not lanes.is_gone(owner)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        lease = await take(database, 7, "door", clock)
    assert lease.token == token + 1


def test_a_process_that_nobody_buried_is_gone_too() -> None:
    """In a container without an init, the dead stay in the list of processes."""
    machine, _, started = lanes.process_name().split(":")
    with subprocess.Popen(["true"]) as process:
        os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
        assert lanes.is_gone(f"{machine}:{process.pid}:{started}:0")


def test_who_is_gone_is_told_with_care() -> None:
    """Only a process of this machine that certainly does not run any more; everybody else's lease runs out."""
    machine, pid, started = lanes.process_name().split(":")
    assert int(pid) == os.getpid()
    assert not lanes.is_gone(f"{machine}:{pid}:{started}:0")
    assert lanes.is_gone(f"{machine}:{pid}:{int(started) - 1}:0"), "the number was given to another process"
    assert lanes.is_gone(f"{machine}:{2**22 + 1}:{started}:0")
    for elsewhere in (
        f"other-host/1:{2**22 + 1}:1:0",
        f"{machine}9:{2**22 + 1}:1:0",
        "",
        "nonsense",
        f"{machine}:x:1:0",
    ):
        assert not lanes.is_gone(elsewhere)


def test_a_machine_without_proc_can_still_tell_who_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the number alone, then."""
    machine, pid, started = lanes.process_name().split(":")
    monkeypatch.setattr(lanes, "_started", lambda _pid: "")
    assert not lanes.is_gone(f"{machine}:{pid}:{int(started) - 1}:0")
    assert lanes.is_gone(f"{machine}:{2**22 + 1}:{started}:0")


def test_two_machines_of_one_name_are_two(monkeypatch: pytest.MonkeyPatch) -> None:
    """A process of another machine that happens to have this one's name is not taken for gone because its number is
    unknown here."""
    real = Path.read_text

    def other_boot(file: Path, *args: Any, **kwargs: Any) -> str:
        if str(file) == "/proc/sys/kernel/random/boot_id":
            return "00000000-0000-0000-0000-000000000000"
        return real(file, *args, **kwargs)

    _, pid, started = lanes.process_name().split(":")
    with monkeypatch.context() as there:
        there.setattr(Path, "read_text", other_boot)
        machine = lanes.process_name().split(":")[0]
        assert lanes.is_gone(f"{machine}:{2**22 + 1}:{started}:0")
    assert not lanes.is_gone(f"{machine}:{2**22 + 1}:{started}:0")
    assert not lanes.is_gone(f"{machine}:{pid}:{int(started) - 1}:0")
