"""Forgetting a connection leaves nothing standing that nobody would ever take back."""

from __future__ import annotations

import pytest
from sqlalchemy import func, select

from hub.engine.disconnecting import disconnect
from hub.errors import LaneBusy, UserError
from hub.store import tables as t
from hub.testing.faults import StaleReads, Status
from tests.conftest import BOTH
from tests.harness import World

pytestmark = BOTH


async def _three(world: World) -> None:
    for number in range(3):
        world.join(str(number))
    await world.sync()


def _open(world: World) -> int:
    return sum(world.opens(str(number)) for number in range(3))


async def _audit(world: World) -> list[tuple[str, str, str]]:
    a = t.audit.c
    query = select(a.act, a.subject, a.detail).where(a.act.in_(("disconnect", "take_back"))).order_by(a.id)
    async with world.hub.database.read() as db:
        return [tuple(row) for row in await db.execute(query)]  # type: ignore[misc]


async def _names(world: World) -> set[str]:
    async with world.hub.database.read() as db:
        return set((await db.execute(select(t.connection.c.name))).scalars())


async def test_a_source_takes_back_what_it_gave_everywhere(world: World) -> None:
    """`--revoke` of a source ends the access that it gave at every target before it is forgotten."""
    await _three(world)
    done = await disconnect(world.hub, "desk", revoke=True, who="test")
    assert (done.removed, done.failed, done.forgotten) == (3, {}, True)
    assert _open(world) == 0
    assert await _names(world) == {"door"}
    assert await _audit(world) == [("disconnect", "desk", "took back 3")]


async def test_a_source_whose_access_stands_is_not_left(world: World) -> None:
    """`--leave` of a source is refused while something stands: the error says how much and what takes it back."""
    await _three(world)
    with pytest.raises(UserError, match="3 grants stand") as refused:
        await disconnect(world.hub, "desk", revoke=False, who="test")
    assert "--revoke" in refused.value.fix
    async with world.hub.database.read() as db:
        assert (await db.execute(select(func.count()).select_from(t.ledger))).scalar_one() == 3
    assert await _audit(world) == []
    assert (await world.sync()).exit_code == 0


async def test_a_source_that_gave_nothing_can_be_left(world: World) -> None:
    """Where nothing stands (any more), a source is forgotten as it is."""
    await _three(world)
    for row in world.desk.member_passes:
        row["state"] = "revoked"  # type: ignore[index]
    await world.sync()
    assert (await disconnect(world.hub, "desk", revoke=False, who="test")).forgotten
    assert await _names(world) == {"door"}


async def test_a_target_can_be_left_as_it_is(world: World) -> None:
    """`--leave` of a target forgets it, touches nothing there, and the audit says how much was left."""
    await _three(world)
    writes = world.exivo.log.writes
    assert (await disconnect(world.hub, "door", revoke=False, who="test")).forgotten
    assert (_open(world), world.exivo.log.writes) == (3, writes)
    assert await _audit(world) == [("disconnect", "door", "left 3 as they are")]


@pytest.mark.parametrize("name", ["desk", "door"])
async def test_what_is_not_shown_as_gone_keeps_the_connection(world: World, name: str) -> None:
    """Removals that the vendor took and does not show yet keep the connection, and say so; calling again goes on."""
    await _three(world)
    world.exivo.faults.stale_reads = StaleReads(seconds=3)
    done = await disconnect(world.hub, name, revoke=True, who="test")
    assert not done.forgotten
    assert len(done.failed) == 3
    assert all("does not show it yet" in why for why in done.failed.values())
    assert await _names(world) == {"desk", "door"}
    assert await _audit(world) == []
    world.exivo.faults.stale_reads = None
    done = await disconnect(world.hub, name, revoke=True, who="test")
    assert (done.removed, done.forgotten) == (3, True)
    assert _open(world) == 0


async def test_what_the_vendor_refuses_keeps_the_source(world: World) -> None:
    """A removal that fails keeps the source, names the member and the target, and only what was done is audited."""
    await _three(world)
    world.exivo.faults.status = Status(code=400, operation="revokeAccess", times=1)
    done = await disconnect(world.hub, "desk", revoke=True, who="test")
    assert not done.forgotten
    assert list(done.failed) == ["desk:0 @ door"]
    assert await _audit(world) == [("take_back", "desk", "took back 2; 1 could not be taken back")]
    assert (await disconnect(world.hub, "desk", revoke=True, who="test")).forgotten
    assert _open(world) == 0


async def test_a_target_at_work_is_not_passed_by(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody works on a target, its lane is waited for; the source is not forgotten beside it."""
    from hub.engine import disconnecting, lanes

    await _three(world)
    monkeypatch.setattr(disconnecting, "WAIT_FOR_LANE", 0.0)
    row = await world.hub.connection_row("door")
    async with lanes.holding(world.hub.database, row.id, "door", world.clock):
        with pytest.raises(LaneBusy):
            await disconnect(world.hub, "desk", revoke=True, who="test")
    assert _open(world) == 3
    assert await _names(world) == {"desk", "door"}


async def test_what_the_inbox_says_of_a_connection_is_solved_with_it(world: World) -> None:
    world.join("1", pass_id="abo-99")
    world.join("2", badge=None)
    await world.sync()
    assert {item["code"] for item in await world.inbox()} == {"pass_unmapped", "no_badge"}
    await disconnect(world.hub, "door", revoke=True, who="test")
    assert {item["code"] for item in await world.inbox()} == {"pass_unmapped"}
    await disconnect(world.hub, "desk", revoke=False, who="test")
    assert await world.inbox() == []
