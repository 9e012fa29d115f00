"""What a pass costs when a hundred of very many members changed: it should follow the hundred."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from hub import Ability, Connection, ConnectionSettings, Plugin, hookimpl, records
from hub.engine.target_pass import open_scope
from hub.plugins import Plugins
from hub.reconcile.planner import make_plan
from tests.benchmarks.report import measured, say
from tests.benchmarks.standing import pretend_applied, read
from tests.harness import STUDIO, make_world


class Changes:
    """A booking system that says what changed since the last read."""

    def __init__(self, members: int) -> None:
        self.pages = [
            records.Page(
                kind=kind,
                records=[make(number) for number in range(start, min(start + 500, members))],
            )
            for kind, make in (("member", _member), ("badge", _badge), ("member_pass", _pass))
            for start in range(0, members, 500)
        ]

    @hookimpl
    def describe(self) -> Plugin:
        return Plugin(
            name="changes",
            title="A source that says what changed",
            kind="booking",
            settings=ConnectionSettings,
            abilities=frozenset({Ability.CHANGES}),
        )

    @hookimpl
    async def read_records(
        self, connection: Connection, window: records.Window
    ) -> AsyncIterator[records.Page | records.Complete]:
        for page in self.pages:
            yield page
        yield records.Complete(kinds=frozenset())


def _member(number: int) -> records.Member:
    return records.Member(id=str(number), given_name="Anna", family_name=f"Graf {number}")


def _badge(number: int) -> records.Badge:
    return records.Badge(id=f"{number}/{number + 1:X}", member_id=str(number), number=f"{number + 1:X}")


def _pass(number: int, year: int = 2027) -> records.MemberPass:
    until = datetime(year, 12, 31, 23, tzinfo=UTC)
    return records.MemberPass(id=f"mp{number}", member_id=str(number), pass_id="abo", valid_until=until)


async def _cost(folder: Path, monkeypatch: pytest.MonkeyPatch, members: int) -> float:
    """CPU seconds of a pass (read, plan, diff) over a hundred changed members of `members`."""
    plugins = Plugins.discover()
    source = Changes(members)
    plugins.register(source, name="changes")
    text = STUDIO.replace('plugin = "files"\npath = "export"', 'plugin = "changes"')
    async with make_world(folder, monkeypatch, plugins=plugins, text=text) as world:
        row = await world.hub.connection_row("desk")
        target = await world.hub.connection_row("door")
        await read(world, row)
        scope = await open_scope(world.hub, target)
        planned = await make_plan(scope, now=world.clock.now(), full=True)
        await pretend_applied(world, target.id, planned.plan)
        best = 1e9
        for attempt in range(5):
            changed = [_pass(number, 2028 + attempt) for number in range(0, members, members // 100)]
            source.pages = [records.Page(kind="member_pass", records=changed)]
            with measured() as cost:
                await read(world, row)
                planned = await make_plan(scope, now=world.clock.now(), full=False)
            assert planned.plan.counts["change"] == 100
            best = min(best, cost.cpu)
        return best


async def test_a_hundred_changes_cost_a_hundred_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """100 changed of 100,000 cost at most twice the CPU of 100 changed of 10,000."""
    for name in ("small", "large"):
        (tmp_path / name).mkdir()
    small = await _cost(tmp_path / "small", monkeypatch, 10_000)
    large = await _cost(tmp_path / "large", monkeypatch, 100_000)
    say(f"100 changed: of 10,000 {small * 1000:.0f} ms CPU, of 100,000 {large * 1000:.0f} ms: {large / small:.2f} x")
    assert large <= 2 * small
