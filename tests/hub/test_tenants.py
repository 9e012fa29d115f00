"""Studios that share a database: whatever is asked in the name of one answers nothing about another."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub.core import Hub
from hub.engine.approving import apply_stored, approve_stored
from hub.engine.disconnecting import disconnect
from hub.engine.personal import erase, personal_data
from hub.engine.sync import sync_now
from hub.errors import UserError
from hub.look import journal
from hub.look.explain import explain
from hub.look.grants import list_grants
from hub.look.history import held_at
from hub.look.members import find_member
from hub.store import journal as write
from hub.store import tables as t
from tests.hub.test_engine import Place
from tests.hub.test_engine import place as _place

place = _place
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.parametrize("database_url", ["postgres"], indirect=True),
]


@pytest.fixture
async def two(place: Place) -> tuple[Hub, Hub, Place]:
    """Two studios with the same names for everything; only the second has members, a held plan and a failing lock."""
    other = await place.add("two")
    for number in range(30):
        place.pair.join("two", str(number))
    await sync_now(other)
    for number in range(10):
        del place.pair.members["two"][str(number)]
    result = await sync_now(other)
    assert result.targets[0].held == 10
    place.pair.roll_down = True
    await sync_now(other, ["roll"])
    place.pair.roll_down = False
    await sync_now(place.hub)
    return place.hub, other, place


async def test_nothing_of_another_studio_is_listed(two: tuple[Hub, Hub, Place]) -> None:
    """Grants, history, runs, log, inbox; not even when its ids are named."""
    mine, other, place = two
    later = place.clock.now() + timedelta(minutes=1)
    async with mine.database.read() as db:
        assert await list_grants(db, mine.the_studio) == []
        assert await held_at(db, mine.the_studio, later) == []
        assert await journal.inbox(db, mine.the_studio) == []
        assert {run["connection"] for run in await journal.runs(db, mine.the_studio)} <= {"roll", "latch"}
        theirs = [run["id"] for run in await journal.runs(db, other.the_studio)]
        assert not any([await journal.run_exists(db, mine.the_studio, run_id) for run_id in theirs])
        assert len(await list_grants(db, other.the_studio)) == 30


async def test_nothing_of_another_studio_can_be_done(two: tuple[Hub, Hub, Place]) -> None:
    """Its plans can't be applied or approved, its members not explained, exported or erased, its locks not left."""
    mine, other, place = two
    async with mine.database.read() as db:
        plans = (await db.execute(select(t.plan.c.id).where(t.plan.c.studio_id == other.the_studio.id))).scalars().all()
    for plan_id in plans:
        for act in (apply_stored, approve_stored):
            with pytest.raises(UserError, match="there is no plan"):
                await act(mine, plan_id, who="test")
    for name in ("roll:20", "20"):
        with pytest.raises(UserError, match="nobody"):
            await explain(mine, name)
    grants = dict(place.pair.grants)
    await disconnect(mine, "latch", revoke=True, who="test")
    assert place.pair.grants == grants
    async with other.database.read() as db:
        assert len(await list_grants(db, other.the_studio)) == 30


async def test_a_member_of_the_same_name_is_another_person(two: tuple[Hub, Hub, Place]) -> None:
    """Erased here, they are still there; what is kept about them there is nothing of what is kept here."""
    mine, other, place = two
    place.pair.join("one", "20")
    await sync_now(mine)
    place.pair.join("one", "20", state="revoked")
    await sync_now(mine)
    async with mine.database.read() as db:
        found = await find_member(db, mine.the_studio, "roll:20")
        told: dict[str, Any] = await personal_data(db, mine, found)
    assert len(told["grants"]) == 1
    assert told["grants"][0]["state"] == "removed"
    await erase(mine, found, who="test")
    async with other.database.read() as db:
        theirs = await find_member(db, other.the_studio, "roll:20")
        kept = await personal_data(db, other, theirs)
    assert kept["grants"][0]["state"] == "active"
    assert place.pair.opens("two", "20")


async def test_what_is_told_about_a_record_is_told_to_its_own_studio(two: tuple[Hub, Hub, Place]) -> None:
    """A record that can't be read there makes nobody known here."""
    mine, other, place = two
    async with other.database.write() as db:
        await write.raise_item(
            db,
            other.the_studio.id,
            code="record_set_aside",
            subject="roll: member 999",
            text="no name",
            now=place.clock.now(),
        )
    with pytest.raises(UserError, match="nobody"):
        await explain(mine, "roll:999")
    assert (await explain(other, "roll:999")).member == "roll:999"


async def test_a_hub_of_one_studio_only_opens_what_is_its_own(two: tuple[Hub, Hub, Place], tmp_path: Path) -> None:
    """Which studio is meant has to be said where there are several, and only its connections are found then."""
    mine, other, _ = two
    settings = mine.settings.model_copy(update={"studio": None})
    async with Hub.open(settings, plugins=mine.plugins) as unclear:
        with pytest.raises(UserError, match="several studios"):
            await unclear.connections()
    async with Hub.open(settings.model_copy(update={"studio": "two"}), plugins=mine.plugins) as second:
        assert {row.id for row in await second.connections()} == {row.id for row in await other.connections()}
        assert not {row.id for row in await second.connections()} & {row.id for row in await mine.connections()}
