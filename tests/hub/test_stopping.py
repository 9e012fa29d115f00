"""Stopping a run: what is done stays, the rest waits, and nothing is taken for gone."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from hub.core import NoProgress
from hub.engine import lane_run, lanes, stopping
from hub.engine.source_pass import SourceRun, run_source
from hub.engine.sync import sync_now, sync_target
from hub.errors import UserError
from hub.look import journal
from hub.store import tables as t
from tests.conftest import BOTH
from tests.harness import World

MANY = 90


@pytest.fixture(autouse=True)
def look_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stopping, "LOOK_EVERY", 0.0)


async def ask(world: World) -> None:
    """Somebody asks whatever run goes on to stop."""
    async with world.hub.database.read() as db:
        running = (await db.execute(select(t.run.c.id).where(t.run.c.state == "running"))).scalars().all()
    for run_id in running:
        await stopping.ask_to_stop(world.hub, run_id, who="admin")


async def run_of(world: World, run_id: str) -> dict[str, Any]:
    async with world.hub.database.read() as db:
        return next(run for run in await journal.runs(db, world.hub.the_studio) if run["id"] == run_id)


async def read_desk(world: World) -> SourceRun:
    row = await world.hub.connection_row("desk")
    world.desk.export(at=world.clock.now())
    async with lanes.holding(world.hub.database, row.id, row.name, world.clock) as lease:
        return await run_source(world.hub, row, lease=lease, trigger="test", progress=NoProgress())


def ask_at_first_grant(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The request comes while the first slice is at the vendor."""
    asked: list[bool] = []
    call = type(world.hub.plugins).call

    async def called(self: Any, connection: Any, name: str, /, *args: Any, **kwargs: Any) -> Any:
        if name == "grant_access" and not asked:
            asked.append(True)
            await ask(world)
        return await call(self, connection, name, *args, **kwargs)

    monkeypatch.setattr(type(world.hub.plugins), "call", called)


@BOTH
async def test_a_stopped_run_keeps_what_it_did_and_the_next_one_does_the_rest(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(MANY):
        world.join(str(number))
    world.desk.export(at=world.clock.now())
    ask_at_first_grant(world, monkeypatch)
    result = (await sync_now(world.hub)).targets[0]
    assert (result.state, result.stopped) == ("stopped", True)
    done = sum(world.opens(str(number)) for number in range(MANY))
    assert 0 < done < MANY
    assert (await run_of(world, result.run_id))["state"] == "stopped"
    after = (await sync_now(world.hub)).targets[0]
    assert after.state == "done"
    assert all(world.opens(str(number)) for number in range(MANY))
    assert not (await world.plan()).to_do


async def test_a_stopped_run_takes_nothing_from_anybody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(8):
        world.join(str(number))
    await world.sync()
    call = type(world.hub.plugins).read

    async def read(self: Any, connection: Any, name: str, /, **kwargs: Any) -> Any:
        await ask(world)
        async for item in call(self, connection, name, **kwargs):
            yield item

    monkeypatch.setattr(type(world.hub.plugins), "read", read)
    world.desk.members = world.desk.members[:2]
    run = await read_desk(world)
    assert (run.state, run.stopped, run.error) == ("stopped", True, None)
    assert not await world.inbox()
    door = await world.hub.connection_row("door")
    target = await sync_target(world.hub, door, trigger="test")
    assert not target.applied
    assert all(world.opens(str(number)) for number in range(8))


async def test_a_stopped_lane_rests_instead_of_beginning_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(MANY):
        world.join(str(number))
    await read_desk(world)
    ask_at_first_grant(world, monkeypatch)
    door = await world.hub.connection_row("door")

    async def never() -> bool:
        return False

    async def nobody(woken: Any) -> None:
        return None

    async with lanes.holding(world.hub.database, door.id, door.name, world.clock, starts=True) as lease:
        await lane_run.run(world.hub, door, lease=lease, leave=never, poke=nobody)
    async with world.hub.database.read() as db:
        at = (await db.execute(select(t.lane.c.wake_at).where(t.lane.c.connection_id == door.id))).scalar()
    assert at == world.clock.now() + stopping.REST


async def test_what_does_not_go_on_cannot_be_stopped(world: World) -> None:
    result = await world.sync()
    with pytest.raises(UserError, match="no run"):
        await stopping.ask_to_stop(world.hub, result.targets[0].run_id, who="admin")
