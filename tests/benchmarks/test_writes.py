"""How fast the hub writes to a vendor, beside a bare httpx loop that makes the same requests in the same run."""

from __future__ import annotations

import base64
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from hub.engine.sync import sync_target
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID
from tests.benchmarks.report import measured, say
from tests.benchmarks.standing import read
from tests.harness import STUDIO, make_world

MEMBERS = 400


@contextmanager
def _simulator() -> Iterator[str]:
    """The exivo simulator in a process of its own."""
    with subprocess.Popen(
        [str(Path(sys.executable).with_name("studiohub")), "simulate", "exivo"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        try:
            yield line.split()[-1]
        finally:
            process.terminate()


async def _bare(base_url: str, count: int) -> float:
    """Writes and reads per second of a loop that does what the hub does for each new member, and nothing else."""
    login = base64.b64encode(f"{API_KEY}:{API_SECRET}".encode()).decode()
    async with httpx.AsyncClient(base_url=base_url, headers={"Authorization": f"Basic {login}"}) as client:
        groups = (await client.get(f"/{SITE_ID}/accessgroup")).json()
        calls = 0
        with measured() as cost:
            for number in range(count):
                person = (
                    await client.post(
                        f"/{SITE_ID}/person",
                        json={"firstName": "Anna", "lastName": "Graf", "info": f"[bare:{number}]", "language": "de"},
                    )
                ).json()["id"]
                medium = (
                    await client.post(f"/{SITE_ID}/medium", json={"cid": f"F{number:06X}", "formFactor": "badge"})
                ).json()["id"]
                await client.post(f"/{SITE_ID}/person/{person}/assign/medium/{medium}", json={})
                (await client.get(f"/{SITE_ID}/medium/{medium}")).json()
                await client.post(f"/{SITE_ID}/person/{person}/assign/accessgroup/{groups[0]['id']}", json={})
                (await client.get(f"/{SITE_ID}/person/{person}")).json()
                calls += 6
        return calls / cost.wall


async def test_writes_beside_a_bare_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The hub reaches 80 % of the calls per second of a bare loop with the same concurrency (one) and no pacing."""
    shares = []
    for turn in range(3):
        folder = tmp_path / str(turn)
        folder.mkdir()
        with _simulator() as base_url:
            bare = await _bare(base_url, MEMBERS)
        with _simulator() as base_url:
            async with httpx.AsyncClient(auth=(API_KEY, API_SECRET)) as asking:
                groups = (await asking.get(f"{base_url}/{SITE_ID}/accessgroup")).json()
            async with make_world(folder, monkeypatch) as world:
                world.base_url = base_url
                await world.reimport(text=STUDIO.replace("AG-1", groups[0]["id"]))
                for number in range(MEMBERS):
                    world.join(str(number))
                world.desk.export(at=world.clock.now())
                await world.hub.close_connections()
                door = await world.hub.connection_row("door")
                await read(world, await world.hub.connection_row("desk"))
                with measured() as cost:
                    run = await sync_target(world.hub, door, trigger="test")
                assert run.applied == {"create": MEMBERS}
            async with httpx.AsyncClient(timeout=30) as asking:
                counters = (await asking.get(f"{base_url.removesuffix('/v1')}/_simulator/log")).json()
            calls = counters["reads"] + counters["writes"] - 1
        mine = calls / cost.wall
        shares.append(mine / bare)
        say(f"bare httpx {bare:.0f} calls/s, the hub {mine:.0f} calls/s (planning included): {mine / bare:.0%}")
    assert max(shares) >= 0.8
