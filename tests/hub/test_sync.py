"""Members follow the desk: the whole way from CSV files to exivo and back to nothing to do."""

from __future__ import annotations

from tests.conftest import BOTH
from tests.harness import World, badge_of

pytestmark = BOTH


async def test_members_with_a_valid_pass_and_a_badge_get_access(world: World) -> None:
    """Who has both can open the door; who lacks one can't."""
    world.join("1")
    world.join("2", pass_id="abo-sauna")
    world.join("3", badge=None)
    world.join("4", valid_until="2026-11-20")
    result = await world.sync()
    assert result.exit_code == 0
    assert [world.opens(member) for member in "1234"] == [True, True, False, False]
    assert (world.group_of("1"), world.group_of("2")) == ("AG-1", "AG-2")
    assert {grant.status for grant in await world.grants()} == {"created"}


async def test_a_second_sync_writes_nothing_and_a_second_plan_is_empty(world: World) -> None:
    """What stands as it should is only read."""
    for number in range(30):
        world.join(str(number))
    await world.sync()
    writes = world.exivo.log.writes
    await world.sync()
    assert world.exivo.log.writes == writes
    plan = await world.plan()
    assert plan.changes == []
    assert plan.counts["unchanged"] == 30
