"""Looking at the vendor: who can open something without a grant is found, said, and put right."""

from __future__ import annotations

from typing import Any

import httpx
from sqlalchemy import delete, select, update

from hub.store import tables as t
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID
from tests.conftest import BOTH
from tests.harness import World, badge_of

pytestmark = BOTH


async def _eight(world: World, **first: Any) -> None:
    world.join("0", **first)
    for number in range(1, 8):
        world.join(str(number))
    await world.sync()


async def _forget(world: World, member: str, *, link: bool = True) -> None:
    """Put the database back to before that member was granted anything."""
    async with world.hub.database.write() as db:
        await db.execute(delete(t.ledger).where(t.ledger.c.member == member))
        if link:
            await db.execute(delete(t.link).where(t.link.c.member == member))


async def _at_vendor(world: World, person: str, *calls: str) -> None:
    transport = httpx.ASGITransport(app=world.exivo)
    async with httpx.AsyncClient(transport=transport, base_url=world.base_url, auth=(API_KEY, API_SECRET)) as client:
        for call in calls:
            answer = await client.post(f"/{SITE_ID}/person/{person}/{call}", json={})
            assert answer.status_code < 300, answer.text


def _person(world: World, member: str) -> str:
    return next(str(person["id"]) for person in world.ours() if person["info"].endswith(f":desk:{member}]"))


async def _codes(world: World) -> dict[str, int]:
    i = t.inbox.c
    async with world.hub.database.read() as db:
        return {row.code: row.weight for row in await db.execute(select(i.code, i.weight).where(i.solved_at.is_(None)))}


async def test_access_that_a_backup_does_not_know_is_taken_back(world: World) -> None:
    """After a database came back from before a grant, somebody who should no longer have access loses it, whatever the
    hub remembers about them."""
    await _eight(world, valid_until=None)
    await _forget(world, "0")
    world.pass_of("0")["state"] = "revoked"
    await world.sync()
    assert not world.opens("0")
    await world.sync()
    assert await world.inbox() == []
    assert (await world.plan()).changes == []


async def test_access_that_a_backup_does_not_know_is_kept_where_it_is_right(world: World) -> None:
    """The same person with a running pass keeps access, and it is the hub's again: nobody is made twice."""
    await _eight(world)
    await _forget(world, "0")
    await world.sync()
    assert world.opens("0")
    assert len(world.ours()) == 8
    assert {view.member: view.status for view in await world.grants()}["desk:0"] == "created"
    assert await world.inbox() == []
    world.pass_of("0")["state"] = "revoked"
    await world.sync()
    assert not world.opens("0")


async def test_a_call_that_arrives_after_the_removal_is_undone(world: World) -> None:
    """What a frozen process still had on its way is found when it arrives late, and taken back."""
    await _eight(world, valid_until=None)
    person = _person(world, "0")
    world.pass_of("0")["state"] = "revoked"
    await world.sync()
    assert not world.opens("0")
    medium = next(key for key, medium in world.exivo.media.items() if medium.get("cid") == badge_of("0"))
    await _at_vendor(world, person, f"assign/medium/{medium}", "assign/accessgroup/AG-1", "unrevoke")
    assert world.opens("0")
    await world.sync()
    assert not world.opens("0")


async def test_access_without_a_grant_is_the_loudest_until_it_is_gone(world: World) -> None:
    """Where the hub may not take it back by itself (a target that only grants), the inbox says it first, as long as it
    lasts and no longer."""
    await _eight(world, valid_until=None)
    await world.reimport(policy="grant_only")
    await _forget(world, "0")
    world.pass_of("0")["state"] = "revoked"
    for _ in range(2):
        await world.sync()
        assert (await _codes(world)).get("access_without_grant") == 0
    await _at_vendor(world, _person(world, "0"), "revoke")
    await world.sync()
    assert "access_without_grant" not in await _codes(world)


async def test_many_without_a_grant_are_held_like_any_surprise(world: World) -> None:
    """A backup that knows none of the grants takes nobody's access at once: above the limit it is held."""
    for number in range(30):
        world.join(str(number))
    await world.sync()
    for number in range(10):
        await _forget(world, str(number))
    world.drop_pass(*map(str, range(10)))
    result = await world.sync()
    assert result.targets[0].held == 10
    assert sum(world.opens(str(number)) for number in range(30)) == 30


async def test_a_group_that_was_given_by_hand_is_said_and_left(world: World) -> None:
    """A group that the hub never gave is no grant of ours, also on a person of ours whose grant is over."""
    await _eight(world, valid_until=None)
    world.pass_of("0")["state"] = "revoked"
    await world.sync()
    await _at_vendor(world, _person(world, "0"), "assign/accessgroup/AG-2", "unrevoke")
    await world.sync()
    assert world.group_of("0") == "AG-2"
    assert (await _codes(world)).get("access_without_grant") == 0


async def test_a_member_of_a_source_that_is_gone_is_said(world: World) -> None:
    """A person of ours whose source nobody knows any more opens doors for nobody: only an admin can tell."""
    await _eight(world)
    async with world.hub.database.write() as db:
        await db.execute(update(t.connection).where(t.connection.c.name == "desk").values(name="old desk"))
        await db.execute(delete(t.ledger))
        await db.execute(delete(t.link))
    row = await world.hub.connection_row("old desk")
    await world.sync("door")
    items = [item for item in await world.inbox() if item["code"] == "access_without_grant"]
    assert len(items) == 8
    assert all("by hand" in item["fix"] for item in items)
    async with world.hub.database.read() as db:
        rows = (await db.execute(select(t.ledger.c.id).where(t.ledger.c.source_id == row.id))).all()
    assert rows == []
