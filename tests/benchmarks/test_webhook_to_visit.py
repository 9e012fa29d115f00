"""From a webhook to the visit at the lock, beside a bare handler that makes the same call."""

from __future__ import annotations

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
from sqlalchemy import select

from hub.core import Hub, initialise
from hub.engine.hints import address_of
from hub.engine.sync import sync_now
from hub.settings import HubSettings
from hub.store import tables as t
from hub.studio.importing import import_file
from plugins.booking.anny.simulator import ACCESS_TOKEN
from plugins.booking.anny.webhooks import header_value
from plugins.booking.anny.wire import SECRET_HEADER
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID
from tests.benchmarks.report import say
from tests.vendor_pair.cluster import COMMAND, ROOT, free_port, wait_for

PER_SECOND = 50
SECONDS = 20

STUDIO = """
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"

[[connections]]
name = "desk"
plugin = "anny"
access_token = {{ env = "TEST_ANNY_TOKEN" }}
base_url = "{vendors}/anny"
requests_per_second = 1000000

[[connections]]
name = "door"
plugin = "exivo"
site_id = "{site}"
api_key = "{key}"
api_secret = {{ env = "TEST_EXIVO_SECRET" }}
base_url = "{vendors}/exivo/v1"
policy = "sync"
requests_per_second = 1000000

[[resources]]
source = "desk"
resource = "r-1"
target = "door"
locks = ["C-1"]
minutes_before = 15
minutes_after = 15
"""


def test_a_booking_is_a_visit_within_a_second(tmp_path: Path) -> None:
    """p99 at 50 a second: under a second. The bare handler beside it says what the wire alone takes: it reads nothing
    again, keeps nothing and would lose everything."""
    with vendors_up() as vendors:
        port = free_port()
        with running([sys.executable, "-m", "tests.benchmarks.booked_vendors", "bare", str(port), f"{vendors}/exivo"]):
            wait_for_port(port)
            bare = asyncio.run(load(vendors, f"http://127.0.0.1:{port}/hook", {}, start=0))
    with vendors_up() as vendors:
        environment, path, headers = asyncio.run(studio(tmp_path, vendors))
        listen = f"127.0.0.1:{free_port()}"
        with running([COMMAND, "daemon"], {**environment, "STUDIOHUB_LISTEN": listen}, tmp_path / "daemon.log"):
            wait_for(f"http://{listen}/readyz")
            time.sleep(3)
            hub = asyncio.run(load(vendors, f"http://{listen}{path}", headers, start=0))
    ours, theirs = quantiles(hub), quantiles(bare)
    say(f"webhook → visit at {PER_SECOND}/s: p50 {ours[0]:.3f} s, p99 {ours[1]:.3f} s, {len(hub)} of them")
    say(f"bare handler:               p50 {theirs[0]:.3f} s, p99 {theirs[1]:.3f} s; ratio {ours[1] / theirs[1]:.1f}")
    assert len(hub) == PER_SECOND * SECONDS
    assert ours[1] < 1


def quantiles(waits: list[float]) -> tuple[float, float]:
    return statistics.median(waits), statistics.quantiles(waits, n=100)[98]


@contextmanager
def running(command: list[str], environment: dict[str, str] | None = None, log: Path | None = None) -> Iterator[None]:
    with ExitStack() as stack:
        file: Any = stack.enter_context(log.open("wb")) if log is not None else None
        process = subprocess.Popen(
            command, env={**os.environ, "PYTHONPATH": str(ROOT), **(environment or {})}, stdout=file, stderr=file
        )
        try:
            yield
        finally:
            process.terminate()
            process.wait(20)


@contextmanager
def vendors_up() -> Iterator[str]:
    port = free_port()
    with running([sys.executable, "-m", "tests.benchmarks.booked_vendors", "vendors", str(port)]):
        wait_for(f"http://127.0.0.1:{port}/came")
        yield f"http://127.0.0.1:{port}"


def wait_for_port(port: int) -> None:
    import socket

    for _ in range(100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise TimeoutError


async def studio(folder: Path, vendors: str) -> tuple[dict[str, str], str, dict[str, str]]:
    """A home that was synced once; the environment of its daemon, the webhook's path and its header."""
    secrets = {"TEST_ANNY_TOKEN": ACCESS_TOKEN, "TEST_EXIVO_SECRET": API_SECRET}
    os.environ.update(secrets)
    options: dict[str, Any] = {"home": folder / "home", "key": None, "database_url": None}
    settings = HubSettings(**options)
    await initialise(settings)
    file = folder / "studio.toml"
    file.write_text(STUDIO.format(vendors=vendors, site=SITE_ID, key=API_KEY))
    async with Hub.open(settings) as hub:
        await import_file(hub, file, who="test")
        assert (await sync_now(hub, ())).exit_code == 0
        async with hub.database.write() as db:
            query = select(t.connection.c.id).where(t.connection.c.name == "desk")
            secret = await address_of(db, (await db.execute(query)).scalar_one(), hub.vault)
    headers = {SECRET_HEADER: header_value(secret)}
    return {**secrets, "STUDIOHUB_HOME": str(folder / "home")}, f"/hooks/desk/{secret}", headers


async def load(vendors: str, address: str, headers: dict[str, str], *, start: int) -> list[float]:
    """So many bookings a second, each with its webhook; how long each took until its visit was there."""
    total = PER_SECOND * SECONDS
    sent: dict[str, float] = {}
    async with httpx.AsyncClient(timeout=30) as client:

        async def one(number: int) -> None:
            made = (await client.post(f"{vendors}/book", content=str(number))).json()
            body = {
                "event": "bookings.created",
                "event_id": f"e{number}",
                "data": {"id": made["id"], "number": f"B{number}"},
            }
            sent[f"B{number}"] = time.time()
            answer = await client.post(address, json=body, headers=headers)
            answer.raise_for_status()

        began = time.monotonic()
        tasks = []
        for number in range(start, start + total):
            await asyncio.sleep(max(0.0, began + (number - start) / PER_SECOND - time.monotonic()))
            tasks.append(asyncio.create_task(one(number)))
        await asyncio.gather(*tasks)
    for _ in range(300):
        async with httpx.AsyncClient(timeout=30) as client:
            came: dict[str, float] = (await client.get(f"{vendors}/came")).json()
        if len(came) >= total:
            break
        await asyncio.sleep(0.1)
    return [came[name] - at for name, at in sent.items() if name in came]
