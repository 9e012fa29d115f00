"""The real thing: processes that are killed in the middle, a vendor over HTTP that loses answers, and still nobody
twice and nobody missing."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from plugins.booking.files.simulator import Desk
from plugins.exivo.simulator import API_SECRET
from tests.harness import badge_of, write_studio

COMMAND = str(Path(sys.executable).with_name("studiohub"))
MEMBERS = 80


@contextmanager
def simulator(*faults: str) -> Iterator[str]:
    """The exivo simulator in a process of its own."""
    options = [option for fault in faults for option in ("--fault", fault)]
    with subprocess.Popen([COMMAND, "simulate", "exivo", *options], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        address = process.stdout.readline().split()[-1]
        try:
            yield address
        finally:
            process.terminate()


def ask(address: str, path: str) -> Any:
    """Something from the simulator's control path."""
    with urllib.request.urlopen(f"{address.removesuffix('/v1')}/_simulator/{path}", timeout=10) as answer:
        return json.load(answer)


def groups(address: str) -> list[str]:
    """The ids of the simulator's groups."""
    return sorted(ask(address, "state")["groups"])


@pytest.mark.slow
def test_three_kills_and_a_bad_vendor_leave_nobody_twice_and_nobody_missing(tmp_path: Path) -> None:
    """`studiohub sync` is killed three times at random moments while every tenth answer is lost after the write and
    every fifth request gets a 503; the next sync takes the lane over within seconds and ends with everybody once."""
    chance = random.Random(7)
    environment = {**os.environ, "STUDIOHUB_HOME": str(tmp_path / "home"), "TEST_EXIVO_SECRET": API_SECRET}
    desk = Desk(tmp_path / "export")
    desk.passes.append({"id": "abo", "name": "Abo"})
    for number in range(MEMBERS):
        key = str(number)
        desk.members.append({"id": key, "given_name": "Anna", "family_name": f"Graf {key}"})
        desk.badges.append({"member_id": key, "number": badge_of(key)})
        desk.member_passes.append({"id": f"p{key}", "member_id": key, "pass_id": "abo", "state": "active"})
    desk.export()

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [COMMAND, *arguments], env=environment, capture_output=True, text=True, check=False, timeout=300
        )

    with simulator("drop_after_write=0.1", "status=503,every=5") as address:
        file = write_studio(tmp_path, address)
        file.write_text(file.read_text().replace("AG-1", groups(address)[0]).replace("AG-2", groups(address)[1]))
        assert run("init").returncode == 0
        done = run("import", str(file))
        assert done.returncode == 0, done.stderr
        for _ in range(3):
            with subprocess.Popen(
                [COMMAND, "sync"], env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
            ) as process:
                time.sleep(chance.uniform(1.0, 2.5))
                process.send_signal(signal.SIGKILL)
        started = time.monotonic()
        for _ in range(3):
            done = run("sync", "--json")
            if done.returncode == 0:
                break
        assert done.returncode == 0, done.stdout + done.stderr
        assert time.monotonic() - started < 200
        persons = list(ask(address, "state")["persons"].values())
        markers = Counter(person["info"] for person in persons)
        assert max(markers.values()) == 1
        assert len(markers) == MEMBERS
        media = list(ask(address, "state")["media"].values())
        assert len({medium["cid"] for medium in media}) == len(media) == MEMBERS
        assert all(person["accessGroupId"] == groups(address)[0] for person in persons)
        assert all(len(person["media"]) == 1 for person in persons)
        before = ask(address, "log")["writes"]
        again = run("sync", "--json")
        assert again.returncode == 0
        assert ask(address, "log")["writes"] == before
        assert json.loads(run("plan", "--json").stdout)["counts"]["unchanged"] == MEMBERS
