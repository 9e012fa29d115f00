"""A daemon for an hour, at vendors that misbehave by chance: what it uses must not grow.

    python -m tests.benchmarks.soak --minutes 60 --report soak.csv

Members come, leave, change passes and badges in the CSV export and by webhook; the simulators lose answers, answer 503,
429 or rubbish, are slow, stale or away. Every half minute memory, open files, tasks and connections are written down.
At the end everybody has what they should, and the last quarter uses what the second did.
"""

from __future__ import annotations

import argparse
import csv
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from plugins.booking.files.simulator import Desk
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID
from tests.benchmarks.report import say
from tests.harness import badge_of
from tests.vendor_pair.cluster import COMMAND, ROOT, free_port, install_pair, wait_for
from tests.vendor_pair.roll import HOOK_SECRET

PEOPLE = 240

FAULTS = (
    [],
    ["status=503,every=5"],
    ["status=429,retry_after=1,every=7"],
    ["drop_after_write=0.1"],
    ["slow=0.3"],
    ["stale_reads=3s"],
    ["garbage=0.1"],
    ["half_page,every=5"],
    ["outage=503"],
)

STUDIO = """
[studio]
name = "s0"
timezone = "Europe/Zurich"
admin_email = "admin@example.org"

[[connections]]
name = "desk"
plugin = "files"
path = "export"
every = "5s"

[[connections]]
name = "door"
plugin = "exivo"
site_id = "{site_id}"
api_key = "{api_key}"
api_secret = {{ env = "SOAK_SECRET" }}
base_url = "{exivo}"
policy = "sync"
hold_removals_above = {{ count = 1000, percent = 100 }}
requests_per_second = 200
every = "20s"

[[connections]]
name = "roll"
plugin = "roll"
company = "s0"
base_url = "{pair}"
every = "15s"

[[connections]]
name = "latch"
plugin = "latch"
site = "s0"
base_url = "{pair}"
policy = "sync"
hold_removals_above = {{ count = 1000, percent = 100 }}
every = "20s"

[[passes]]
source = "desk"
pass = "abo"
target = "door"
group = "{group}"

[[passes]]
source = "roll"
pass = "abo"
target = "latch"
group = "all"
"""


def call(address: str, data: Any = None, method: str = "GET", **headers: str) -> bytes:
    """One request."""
    body = json.dumps(data).encode() if data is not None else None
    request = urllib.request.Request(address, data=body, method=method, headers=headers)
    with urllib.request.urlopen(request, timeout=30) as answer:
        found: bytes = answer.read()
    return found


class Soak:
    """Everything that runs."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.chance = folder, random.Random(11)
        path = os.pathsep.join([str(install_pair(folder)), str(ROOT)])
        self.environment = {
            **os.environ,
            "PYTHONPATH": path,
            "STUDIOHUB_HOME": str(folder / "home"),
            "SOAK_SECRET": API_SECRET,
        }
        exivo, pair, self.listen = free_port(), free_port(), f"127.0.0.1:{free_port()}"
        self.exivo, self.pair = f"http://127.0.0.1:{exivo}", f"http://127.0.0.1:{pair}"
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        simulate = [COMMAND, "simulate", "exivo", "--port", str(exivo)]
        self.processes = [
            subprocess.Popen(simulate, env=self.environment, **quiet),  # type: ignore[call-overload]
            subprocess.Popen([sys.executable, "-m", "tests.vendor_pair.server", str(pair)], env=self.environment),
        ]
        wait_for(f"{self.exivo}/_simulator/state")
        wait_for(f"{self.pair}/counts")
        self.desk = Desk(folder / "export")
        self.desk.passes.append({"id": "abo", "name": "Abo"})
        self.next = 0
        for _ in range(100):
            self.join()
        self.desk.export()
        group = min(self.state()["groups"])
        self.run("init")
        file = folder / "studio.toml"
        file.write_text(
            STUDIO.format(site_id=SITE_ID, api_key=API_KEY, exivo=f"{self.exivo}/v1", pair=self.pair, group=group)
        )
        self.run("import", str(file))
        self.hook = self.run("webhook", "roll").strip()
        with (folder / "daemon.log").open("wb") as log:
            self.daemon = subprocess.Popen(
                [COMMAND, "daemon"],
                env={**self.environment, "STUDIOHUB_LISTEN": self.listen},
                stdout=log,
                stderr=log,
            )
        self.processes.append(self.daemon)
        wait_for(f"http://{self.listen}/readyz")

    def run(self, *words: str) -> str:
        """A command."""
        done = subprocess.run([COMMAND, *words], env=self.environment, capture_output=True, text=True, check=False)
        if done.returncode not in {0, 3, 4}:
            raise RuntimeError(done.stderr)
        return done.stdout

    def state(self) -> Any:
        """What stands at exivo."""
        return json.loads(call(f"{self.exivo}/_simulator/state"))

    def join(self) -> None:
        """Somebody joins, or comes back: a studio that grows would use more and more by rights."""
        member = str(self.next % PEOPLE)
        self.next += 1
        if any(row["id"] == member for row in self.desk.members):
            return
        self.desk.members.append({"id": member, "given_name": "Anna", "family_name": f"Graf {member}"})
        self.desk.badges.append({"member_id": member, "number": badge_of(member)})
        row = {"id": f"p{member}", "member_id": member, "pass_id": "abo", "valid_from": "2026-01-01"}
        self.desk.member_passes.append({**row, "valid_until": "2035-12-31", "state": "active"})

    def stir(self) -> None:
        """Something happens at the desk, at the other booking system, and to the vendors."""
        chance, rows = self.chance, self.desk.member_passes
        for _ in range(chance.randint(0, 3)):
            self.join()
        for row in chance.sample(rows, k=min(len(rows), 3)):
            row["state"] = chance.choice(["active", "revoked", "active"])
        if len(rows) > 150:
            gone = {row["member_id"] for row in rows[:3]}
            self.desk.member_passes = [row for row in rows if row["member_id"] not in gone]
            self.desk.members = [row for row in self.desk.members if row["id"] not in gone]
            self.desk.badges = [row for row in self.desk.badges if row["member_id"] not in gone]
        self.desk.export()
        member = str(chance.randint(0, 120))
        change = {"company": "s0", "member": member, "state": chance.choice(["active", "revoked"])}
        call(f"{self.pair}/fill", {"rows": [change]}, "POST")
        with suppress(urllib.error.HTTPError):
            call(f"http://{self.listen}{self.hook}", {"member": member}, "POST", **{"x-roll-secret": HOOK_SECRET})
        if chance.random() < 0.2:
            call(f"{self.exivo}/_simulator/faults", method="DELETE")
            if chosen := chance.choice(FAULTS):
                call(f"{self.exivo}/_simulator/faults", chosen, "PUT")
            call(f"{self.pair}/fill", {"down": chance.random() < 0.2, "roll_down": chance.random() < 0.2}, "POST")

    def calm(self) -> None:
        """Everything works again."""
        call(f"{self.exivo}/_simulator/faults", method="DELETE")
        call(f"{self.pair}/fill", {"down": False, "roll_down": False}, "POST")

    def sample(self) -> dict[str, float]:
        """What the daemon uses now."""
        process = psutil.Process(self.daemon.pid)
        numbers = call(f"http://{self.listen}/metrics").decode().splitlines()
        values = dict(line.rsplit(" ", 1) for line in numbers if not line.startswith("#"))
        return {
            "rss_mb": process.memory_info().rss / 1e6,
            "files": process.num_fds(),
            "connections": len(process.net_connections()),
            "threads": process.num_threads(),
            "tasks": float(values["studiohub_tasks"]),
        }

    def wrong(self) -> list[str]:
        """What is not as it should be, once everything works."""
        found = []
        state = self.state()
        ours = [person for person in state["persons"].values() if "[hub:" in (person.get("info") or "")]
        markers = [person["info"] for person in ours]
        found += [f"twice: {marker}" for marker in set(markers) if markers.count(marker) > 1]
        active = {row["member_id"] for row in self.desk.member_passes if row["state"] == "active"}
        inside = {person["info"].rpartition(":")[2].rstrip("]") for person in ours if person.get("accessGroupId")}
        found += [f"missing: {member}" for member in active - inside]
        found += [f"too much: {member}" for member in inside - active]
        counts = json.loads(call(f"{self.pair}/counts"))
        found += [f"latch twice: {marker}" for marker in counts["doubles"]]
        return found

    def close(self) -> None:
        """End everything."""
        for process in reversed(self.processes):
            process.terminate()
        for process in self.processes:
            process.wait(20)


def main() -> int:
    """Run it; returns 1 where something grew or is wrong."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--report", type=Path)
    asked = parser.parse_args()
    samples: list[dict[str, float]] = []
    with tempfile.TemporaryDirectory() as folder:
        soak = Soak(Path(folder))
        try:
            started = time.monotonic()
            while (passed := time.monotonic() - started) < asked.minutes * 60:
                soak.stir()
                if passed >= len(samples) * 30:
                    samples.append({"minute": passed / 60, **soak.sample()})
                    if asked.report:
                        write(asked.report, samples)
                time.sleep(2)
            soak.calm()
            wrong: list[str] = ["not looked at yet"]
            for _ in range(60):
                time.sleep(5)
                if not (wrong := soak.wrong()):
                    break
        finally:
            soak.close()
            if asked.report:
                log = Path(folder) / "daemon.log"
                asked.report.with_suffix(".log").write_bytes(log.read_bytes())
    return verdict(samples, wrong)


def write(path: Path, samples: list[dict[str, float]]) -> None:
    """The samples as CSV."""
    with path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(samples[0]))
        table.writeheader()
        table.writerows(samples)


def verdict(samples: list[dict[str, float]], wrong: list[str]) -> int:
    """Compare the last quarter with the second."""
    quarter = max(1, len(samples) // 4)
    grown = []
    for name in [name for name in samples[0] if name != "minute"]:
        before = statistics.median(sample[name] for sample in samples[quarter : 2 * quarter])
        after = statistics.median(sample[name] for sample in samples[3 * quarter :])
        say(f"{name}: {before:.1f} → {after:.1f}")
        if after > before * 1.1 + 2:
            grown.append(name)
    say(f"grown: {grown or 'nothing'}; wrong at the end: {wrong or 'nothing'}")
    return 1 if grown or wrong else 0


if __name__ == "__main__":
    sys.exit(main())
