"""Many studios, several daemons, one PostgreSQL."""

from __future__ import annotations

import asyncio
import signal
import statistics
import subprocess
import time
import urllib.request
from pathlib import Path

import psutil
from sqlalchemy import insert, select, update

from hub.clock import SystemClock
from hub.core import Hub
from hub.engine.hints import address_of
from hub.store import tables as t
from tests.benchmarks.report import say
from tests.vendor_pair.cluster import Cluster, cluster
from tests.vendor_pair.roll import HOOK_SECRET


def test_two_hundred_lanes_through_a_kill_a_freeze_and_a_restart(tmp_path: Path) -> None:
    """20,000 grants: all done, nobody twice, no lane run by two at once."""
    studios, members = 100, 200
    total = studios * members
    with cluster(tmp_path, lanes=32) as made:
        names = asyncio.run(made.studios(studios))
        made.fill(companies=names, members=members, latency=0.02)
        started = time.monotonic()
        killed, frozen = made.daemon(), made.daemon()
        made.until(total // 10, seconds=300)
        frozen.send_signal(signal.SIGSTOP)
        frozen_at = time.monotonic()
        made.until(total // 4, seconds=300)
        killed.kill()
        survivor = made.daemon()
        made.until(total // 2, seconds=300)
        made.restart_postgresql(away=2.0)
        time.sleep(max(0.0, frozen_at + 30 - time.monotonic()))
        frozen.send_signal(signal.SIGCONT)
        made.until(total, seconds=600)
        took = time.monotonic() - started
        time.sleep(2)
        counts = made.counts()
        made.stop(frozen, survivor)
    say(f"20,000 grants in 200 lanes, killed, frozen, restarted: {took:.0f} s, {counts}")
    assert (counts["grants"], counts["doubles"], counts["overlaps"]) == (total, [], 0)


def test_two_daemons_share_work_that_the_vendor_limits(tmp_path: Path) -> None:
    """At most 0.55 of the time that one needs."""
    studios, members = 32, 50
    with cluster(tmp_path, lanes=8) as made:
        times: list[float] = []
        for count in (1, 2):
            made.fill(companies=[f"s{n}" for n in range(studios * count)], members=members, latency=0.2, empty=True)
            daemons = [made.daemon() for _ in range(count)]
            asyncio.run(made.studios(studios, start=studios * (count - 1)))
            times.append(made.until(studios * members, seconds=300))
            made.stop(*daemons)
    say(f"vendor-bound: one daemon {times[0]:.1f} s, two {times[1]:.1f} s, ratio {times[1] / times[0]:.2f}")
    assert times[1] <= 0.55 * times[0]


async def many_lanes(made: Cluster, studios: int, *, wake_in: float) -> None:
    """Studios with two lanes each, written straight into the database."""
    from datetime import timedelta

    async with Hub.open(made.settings) as hub:
        now = SystemClock().now()
        async with hub.database.write() as db:
            model = (await db.execute(select(t.connection))).all()
            pepper = hub.vault.seal("pepper")
            numbers = range(1000, 1000 + studios)
            await db.execute(
                insert(t.studio),
                [
                    {
                        "id": n,
                        "name": f"m{n}",
                        "timezone": "UTC",
                        "language": "en",
                        "instance": f"i{n}",
                        "sealed_pepper": pepper,
                        "created_at": now,
                    }
                    for n in numbers
                ],
            )
            for offset, row in enumerate(model[:2]):
                values = dict(row._mapping)
                own = [
                    {
                        **values,
                        "id": 10 * n + offset,
                        "studio_id": n,
                        "settings": values["settings"].replace('"s0"', f'"m{n}"'),
                    }
                    for n in numbers
                ]
                await db.execute(insert(t.connection), own)
                at = now + timedelta(seconds=wake_in)
                await db.execute(
                    insert(t.lane),
                    [
                        {"connection_id": one["id"], "studio_id": one["studio_id"], "wake_at": at, "full_at": now}
                        for one in own
                    ],
                )


def cpu_share(process: subprocess.Popen[bytes], seconds: float) -> float:
    """The share of one core that a process takes."""
    watched = psutil.Process(process.pid)
    before = sum(watched.cpu_times()[:2])
    time.sleep(seconds)
    return (sum(watched.cpu_times()[:2]) - before) / seconds


def deliver(made: Cluster, path: str, member: str) -> float:
    """A webhook; returns how long it took until the door would open."""
    headers = {"x-roll-secret": HOOK_SECRET}
    body = f'{{"member": "{member}"}}'.encode()
    before = made.counts()["grants"]
    started = time.monotonic()
    request = urllib.request.Request(made.addresses[-1] + path, data=body, headers=headers, method="POST")
    urllib.request.urlopen(request, timeout=10).close()
    while made.counts()["grants"] == before:
        if time.monotonic() - started > 30:
            raise TimeoutError(made.logs())
        time.sleep(0.005)
    return time.monotonic() - started


async def hook_path(made: Cluster) -> str:
    async with Hub.open(made.settings.model_copy(update={"studio": "s0"})) as hub, hub.database.write() as db:
        row = (await db.execute(select(t.connection.c.id).where(t.connection.c.name == "roll").limit(1))).scalar_one()
        return f"/hooks/roll/{await address_of(db, row, hub.vault)}"


async def wake_all(made: Cluster) -> None:
    async with Hub.open(made.settings.model_copy(update={"studio": "s0"})) as hub, hub.database.write() as db:
        await db.execute(update(t.lane).values(wake_at=SystemClock().now()))


def test_ten_thousand_idle_lanes_cost_next_to_nothing_and_never_starve_a_webhook(tmp_path: Path) -> None:
    """Under 3 % of a core and 150 MB; all due at once, a webhook's p99 stays under two seconds."""
    with cluster(tmp_path, lanes=16) as made:
        asyncio.run(made.studios(1))
        asyncio.run(many_lanes(made, 5000, wake_in=7200))
        made.fill(companies=["s0"], members=400)
        path = asyncio.run(hook_path(made))
        daemon = made.daemon()
        made.until(400, seconds=60)
        time.sleep(5)
        share = cpu_share(daemon, 20)
        memory = psutil.Process(daemon.pid).memory_info().rss / 1e6
        asyncio.run(wake_all(made))
        time.sleep(1)
        waits = []
        for number in range(100):
            made.fill(companies=["s0"], members=401 + number)
            waits.append(deliver(made, path, str(400 + number)))
        with urllib.request.urlopen(f"{made.addresses[-1]}/metrics", timeout=30) as answer:
            lag = next(line for line in answer.read().decode().splitlines() if line.startswith("studiohub_lane_lag"))
        busy = psutil.Process(daemon.pid).memory_info().rss / 1e6
        made.stop(daemon)
    p99 = statistics.quantiles(waits, n=100)[98]
    say(f"10,000 lanes idle: {share:.2%} of a core, {memory:.0f} MB")
    say(f"all due at once: webhook p50 {statistics.median(waits):.2f} s, p99 {p99:.2f} s, {busy:.0f} MB, then {lag}")
    assert share < 0.03
    assert memory < 150
    assert p99 < 2
