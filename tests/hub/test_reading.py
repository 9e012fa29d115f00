"""What a read may conclude, and what it may not."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.core import NoProgress
from hub.engine import lanes
from hub.engine.source_pass import run_source
from hub.engine.sync import plan_now, sync_now
from hub.errors import RetryLater
from hub.records import Complete, Page
from hub.store import tables as t
from hub.studio.importing import import_file
from tests.conftest import BOTH
from tests.harness import World

pytestmark = BOTH


def _meddle(world: World, monkeypatch: pytest.MonkeyPatch, change: Callable[[Any], Any]) -> Callable[[], None]:
    """Send every item of a read through a function; returns what ends that."""
    plugins, real = world.hub.plugins, world.hub.plugins.read

    async def changed(connection: Any, hook: Any, **values: Any) -> AsyncIterator[Any]:
        async for item in real(connection, hook, **values):
            yield change(item) if hook == "read_records" else item

    monkeypatch.setattr(plugins, "read", changed)
    return lambda: monkeypatch.setattr(plugins, "read", real)


def _break_off(item: Any) -> Any:
    if isinstance(item, Complete):
        raise RetryLater("gone away")
    return item


async def _ten(world: World) -> None:
    for number in range(10):
        world.join(str(number))


async def test_a_read_that_broke_off_hides_nobody_from_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody whom a broken-off read has just written and the next complete one misses is gone with that one."""
    await _ten(world)
    await world.sync()
    world.desk.members[0]["given_name"] = "Berta"  # type: ignore[index]
    mend = _meddle(world, monkeypatch, _break_off)
    await world.sync()
    mend()
    del world.desk.members[0]
    result = await world.sync()
    report = result.sources[0].report
    assert report is not None
    assert report.of("member").gone == 1
    assert not world.opens("0")


async def test_a_first_read_that_broke_off_counts_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same where the source was never read to its end before."""
    await _ten(world)
    mend = _meddle(world, monkeypatch, _break_off)
    await world.sync()
    mend()
    assert world.opens("0"), "what came before it broke off is kept"
    del world.desk.members[0]
    result = await world.sync()
    report = result.sources[0].report
    assert report is not None
    assert report.of("member").gone == 1
    assert (world.opens("0"), world.opens("1")) == (False, True)


@pytest.mark.parametrize("how", ["vanished", "said"])
async def test_what_a_source_calls_unchanged_is_there(world: World, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    """A pass that was taken for gone and that the source then names as unchanged gives access again."""
    await _ten(world)
    await world.sync()
    kept = list(world.desk.member_passes)
    gone = world.pass_of("0")["id"]
    world.drop_pass("0")
    mend = _meddle(
        world,
        monkeypatch,
        lambda item: (
            Page("member_pass", records=item.records, gone=[gone])
            if how == "said" and isinstance(item, Page) and item.kind == "member_pass"
            else item
        ),
    )
    await world.sync()
    mend()
    assert not world.opens("0")
    world.desk.member_passes = kept
    _meddle(
        world,
        monkeypatch,
        lambda item: (
            Page("member_pass", unchanged=[record.id for record in item.records])
            if isinstance(item, Page) and item.kind == "member_pass"
            else item
        ),
    )
    await world.sync()
    assert world.opens("0")


async def test_an_older_export_takes_nobody_away(world: World) -> None:
    """A copy of an older export does not know who came since: they keep their access, and the inbox says why nothing
    is taken as gone. A newer export ends that."""
    await _ten(world)
    old, old_moment = (
        [list(world.desk.members), list(world.desk.badges), list(world.desk.member_passes)],
        world.clock.now(),
    )
    await world.sync()
    world.clock.move(timedelta(hours=2))
    world.join("new")
    await world.sync()
    new = [list(world.desk.members), list(world.desk.badges), list(world.desk.member_passes)]
    world.desk.members, world.desk.badges, world.desk.member_passes = old
    world.clock.move(timedelta(hours=1))
    world.desk.export(at=old_moment)
    for _ in range(2):
        result = await sync_now(world.hub)
        report = result.sources[0].report
        assert report is not None
        assert not report.complete
        assert set(report.why_not.values()) == {"the export is older than the last one"}
        assert world.opens("new")
        said = " ".join(item["text"] for item in await world.inbox() if "older than the last one" in item["text"])
        assert "it is from 21 Nov 2026 10:00:00, and one from 21 Nov 2026 12:00:00 was read" in said, (
            "the studio's clock"
        )
    world.desk.members, world.desk.badges, world.desk.member_passes = new
    world.drop_pass("1")
    await world.sync()
    assert (world.opens("new"), world.opens("1")) == (True, False)
    assert await world.inbox() == []


async def test_a_target_connected_during_a_read_misses_nobody(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A door that is connected while its source is being read for the first time gets everybody."""
    await _ten(world)
    world.desk.export(at=world.clock.now())
    done: list[bool] = []
    plugins, real = world.hub.plugins, world.hub.plugins.read

    async def meddled(connection: Any, hook: Any, **values: Any) -> AsyncIterator[Any]:
        if hook == "read_records" and not done:
            done.append(True)
            file = world.folder / "studio.toml"
            text = file.read_text()
            start, end = text.index('[[connections]]\nname = "door"'), text.index("[[passes]]")
            rule = 'source = "desk"\npass = "abo"\ntarget = "door2"\ngroup = "AG-1"\npriority = 1\n'
            block = text[start:end].replace('"door"', '"door2"')
            file.write_text(f"{text}\n{block}\n[[passes]]\n{rule}", encoding="utf-8")
            await import_file(world.hub, file, who="test")
        async for item in real(connection, hook, **values):
            yield item

    monkeypatch.setattr(plugins, "read", meddled)
    row = await world.hub.connection_row("desk")
    async with lanes.holding(world.hub.database, row.id, "desk", world.clock) as lease:
        await run_source(world.hub, row, lease=lease, trigger="test", progress=NoProgress())
    door = await world.hub.connection_row("door2")
    a = t.agenda.c
    async with world.hub.database.read() as db:
        waiting = await db.execute(select(func.count()).where(a.target_id == door.id, a.stamp.is_not(None)))
        assert waiting.scalar_one() == 10
    monkeypatch.setattr(plugins, "read", real)
    _, plans, errors = await plan_now(world.hub)
    assert not errors
    assert {plan.target: plan.counts["create"] for plan in plans} == {"door": 10, "door2": 10}
