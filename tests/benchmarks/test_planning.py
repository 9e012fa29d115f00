"""A hundred thousand members from CSV files to a plan, beside octoDNS planning a hundred thousand records.

Both start from files and end with a plan against what stands at the target. octoDNS is measured in a process of its
own, so that the memory of one is not the memory of the other.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from hub.engine.target_pass import open_scope
from hub.reconcile.planner import make_plan
from tests.benchmarks.report import measured, say
from tests.benchmarks.standing import pretend_applied, read
from tests.harness import make_world

MEMBERS = 100_000

PEER = """
import json, logging, resource, sys, tempfile, time
from pathlib import Path
from octodns.provider.base import BaseProvider
from octodns.provider.yaml import YamlProvider
from octodns.record import Record
from octodns.zone import Zone

logging.disable(logging.CRITICAL)
COUNT = int(sys.argv[1])

def address(i):
    return f"10.{i >> 16 & 255}.{i >> 8 & 255}.{i & 255}"

class Standing(BaseProvider):
    SUPPORTS_GEO = False
    SUPPORTS = {"A"}
    log = logging.getLogger("standing")

    def populate(self, zone, target=False, lenient=False):
        for i in range(COUNT):
            data = {"type": "A", "ttl": 60, "value": address(i) if i % 1000 else "192.0.2.1"}
            zone.add_record(Record.new(zone, f"r{i}", data, source=self, lenient=lenient), lenient=lenient)
        return True

    def _apply(self, plan):
        pass

folder = Path(tempfile.mkdtemp())
lines = ["---"]
for i in sorted(range(COUNT), key=lambda i: f"r{i}"):
    lines += [f"r{i}:", "  ttl: 60", "  type: A", f"  value: {address(i)}"]
(folder / "unit.tests.yaml").write_text("\\n".join(lines) + "\\n")

started = time.process_time()
zone = Zone("unit.tests.", [])
YamlProvider("yaml", str(folder), enforce_order=False).populate(zone)
plan = Standing("standing").plan(zone)
from_files = time.process_time() - started

started = time.process_time()
zone = Zone("unit.tests.", [])
source = Standing("source")
for i in range(COUNT):
    zone.add_record(Record.new(zone, f"r{i}", {"type": "A", "ttl": 60, "value": address(i)}, source=source))
plan = Standing("standing").plan(zone)
in_memory = time.process_time() - started
print(json.dumps({"from_files": from_files, "in_memory": in_memory, "changes": len(plan.changes),
                  "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}))
"""


def _peer() -> dict[str, float]:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", PEER, str(MEMBERS)], capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


async def test_reading_and_planning_beside_octodns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Full CSV read, records, plan and diff of 100,000 members, of whom 100 changed: under 1 GiB, and how many times
    faster than a peer that reads its files and diffs as many records."""
    async with make_world(tmp_path, monkeypatch) as world:
        for number in range(MEMBERS):
            world.join(str(number), given=f"Anna{number}")
        world.desk.export(at=world.clock.now())
        source = await world.hub.connection_row("desk")
        target = await world.hub.connection_row("door")
        with measured() as first:
            await read(world, source)
        scope = await open_scope(world.hub, target)
        with measured() as fresh:
            planned = await make_plan(scope, now=world.clock.now(), full=True)
        assert planned.plan.counts["create"] == MEMBERS
        await pretend_applied(world, target.id, planned.plan)
        del planned
        for row in world.desk.member_passes[:100]:
            row["valid_until"] = "2028-12-31"  # type: ignore[index]
        world.desk.export(at=world.clock.now())
        for table in (world.desk.members, world.desk.badges, world.desk.member_passes):
            table.clear()

        with measured() as whole:
            await read(world, source)
            planned = await make_plan(scope, now=world.clock.now(), full=True)
        assert planned.plan.counts == {
            "create": 0,
            "change": 100,
            "remove": 0,
            "held": 0,
            "blocked": 0,
            "unchanged": MEMBERS - 100,
        }

    peer = _peer()
    say(
        f"octoDNS, {MEMBERS:,} records: from files {peer['from_files']:.1f} s, "
        f"in memory {peer['in_memory']:.1f} s CPU, {peer['peak_mib']:.0f} MiB"
    )
    say(
        f"studiohub, {MEMBERS:,} members: full CSV read, records, plan and diff {whole.cpu:.1f} s CPU, "
        f"peak {whole.peak_mib:.0f} MiB: {peer['from_files'] / whole.cpu:.1f} x faster than octoDNS from files, "
        f"{peer['in_memory'] / whole.cpu:.2f} x in memory"
    )
    say(f"studiohub, the very first read {first.cpu:.1f} s, the first plan {fresh.cpu:.1f} s CPU")
    assert whole.peak_mib < 1024
