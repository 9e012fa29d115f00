"""A full plan proves that nothing was missed, so it takes nobody's word for it."""

from __future__ import annotations

from sqlalchemy import delete, select

from hub.reconcile.plan import Action
from hub.store import tables as t
from tests.conftest import BOTH
from tests.harness import World

pytestmark = BOTH


async def _off_the_agenda(world: World, *members: str) -> None:
    async with world.hub.database.write() as db:
        await db.execute(delete(t.agenda).where(t.agenda.c.member.in_(members)))


async def test_a_full_plan_finds_members_that_no_agenda_names(world: World) -> None:
    """Somebody who has records and was never put on the agenda gets in."""
    for number in range(3):
        world.join(str(number))
    await world.plan()
    await _off_the_agenda(world, "1")
    assert [change.member for change in (await world.plan(export=False)).changes] == ["0", "1", "2"]
    await world.sync()
    assert world.opens("1")


async def test_a_full_plan_finds_grants_that_no_agenda_names(world: World) -> None:
    """Somebody whose records are gone altogether and whose grant stands is looked at."""
    for number in range(3):
        world.join(str(number))
    await world.sync()
    async with world.hub.database.write() as db:
        await db.execute(delete(t.record).where(t.record.c.owner == "1"))
    await _off_the_agenda(world, "1")
    world.desk.members = [row for row in world.desk.members if row["id"] != "1"]
    world.desk.badges = [row for row in world.desk.badges if row["member_id"] != "1"]
    world.drop_pass("1")
    [change] = (await world.plan()).changes
    assert (change.action, change.member) == (Action.REMOVE, "1")
    await world.sync()
    assert not world.opens("1")


async def test_a_full_plan_writes_nothing_where_nobody_is_missing(world: World) -> None:
    """The agenda of a studio in which nothing changed stays as it is."""
    for number in range(3):
        world.join(str(number))
    await world.sync()
    a = t.agenda.c
    query = select(a.source_id, a.member, a.stamp, a.due_at, a.note).order_by(a.member)
    async with world.hub.database.read() as db:
        before = (await db.execute(query)).all()
    assert (await world.plan()).changes == []
    async with world.hub.database.read() as db:
        assert (await db.execute(query)).all() == before
