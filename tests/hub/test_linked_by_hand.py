"""People who were made by hand stay the studio's own: only what the hub gave them is ever taken back."""

from __future__ import annotations

from typing import Any

import httpx

from hub.studio.importing import import_file
from hub.testing.faults import Status
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID
from tests.conftest import BOTH
from tests.harness import World, badge_of

pytestmark = BOTH


async def _eight(world: World) -> None:
    for number in range(8):
        world.join(str(number))


async def _post(world: World, path: str, body: dict[str, Any]) -> Any:
    return await _call(world, "POST", path, json=body)


async def _call(world: World, method: str, path: str, **values: Any) -> Any:
    transport = httpx.ASGITransport(app=world.exivo)
    async with httpx.AsyncClient(transport=transport, base_url=world.base_url, auth=(API_KEY, API_SECRET)) as client:
        answer = await client.request(method, f"/{SITE_ID}/{path}", **values)
        assert answer.status_code < 300, answer.text
        return answer.json() if answer.content else None


async def _hand(world: World) -> str:
    made = await _post(world, "person", {"firstName": "Anna", "lastName": "Graf", "info": "by hand"})
    return str(made["id"])


async def _link(world: World, person: str | None) -> None:
    """Import the studio file with that person linked to member 0, or without any link."""
    file = world.folder / "studio.toml"
    text = file.read_text(encoding="utf-8").partition("\n[[links]]")[0]
    if person is not None:
        text += f'\n[[links]]\nmember = "desk:0"\ntarget = "door"\nid = "{person}"\n'
    file.write_text(text, encoding="utf-8")
    await import_file(world.hub, file, who="test")


def _at(world: World, person: str) -> dict[str, Any]:
    return dict(world.exivo.persons[person])


async def test_without_the_link_a_hand_made_person_is_still_not_ours(world: World) -> None:
    """A link that is taken away, a member who is renamed, a pass that ends: the person loses what the hub gave and is
    not blocked."""
    await _eight(world)
    hand = await _hand(world)
    await _link(world, hand)
    await world.sync()
    assert world.opens("0")
    await _link(world, None)
    world.desk.members[0]["given_name"] = "Berta"  # type: ignore[index]
    await world.sync()
    world.pass_of("0")["state"] = "revoked"
    await world.sync()
    assert not world.opens("0")
    assert (_at(world, hand)["revoked"], _at(world, hand).get("accessGroupId")) == (False, None)


async def test_without_the_link_somebody_who_is_gone_is_made_anew(world: World) -> None:
    """And the new person is the hub's."""
    await _eight(world)
    hand = await _hand(world)
    await _link(world, hand)
    await world.sync()
    await _link(world, None)
    await world.sync()
    await _call(world, "DELETE", f"person/{hand}")
    await world.sync()
    await world.sync()
    [new] = [person for person in world.ours() if person["info"].endswith(":desk:0]")]
    assert new["id"] != hand
    world.pass_of("0")["state"] = "revoked"
    await world.sync()
    assert _at(world, new["id"])["revoked"]


async def test_a_new_link_takes_access_from_the_person_before(world: World) -> None:
    """A member who is linked to somebody else moves: the former person has nothing left, the named one has it all, and
    nothing stays open when the pass ends."""
    await _eight(world)
    await world.sync()
    former = next(person["id"] for person in world.ours() if person["info"].endswith(":desk:0]"))
    hand = await _hand(world)
    await _link(world, hand)
    result = await world.sync()
    assert result.exit_code == 0
    row = _at(world, former)
    assert (row["revoked"], row.get("accessGroupId"), row["media"]) == (True, None, [])
    assert _at(world, hand).get("accessGroupId") == "AG-1"
    assert world.opens("0")
    world.pass_of("0")["state"] = "revoked"
    await world.sync()
    assert not world.opens("0")
    assert _at(world, hand).get("accessGroupId") is None


async def test_a_person_who_can_not_be_left_yet_keeps_the_member(world: World) -> None:
    """Where the former person's access can't be taken back, the member stays with them, so it is tried again."""
    await _eight(world)
    await world.sync()
    former = next(person["id"] for person in world.ours() if person["info"].endswith(":desk:0]"))
    hand = await _hand(world)
    await _link(world, hand)
    world.exivo.faults.status = Status(code=400, operation="revokeAccess")
    result = await world.sync()
    assert result.exit_code == 4
    assert _at(world, hand).get("accessGroupId") is None
    world.exivo.faults.status = None
    result = await world.sync()
    assert result.exit_code == 0
    assert _at(world, former)["revoked"]
    assert _at(world, hand).get("accessGroupId") == "AG-1"


async def test_what_stood_before_the_hub_came_is_never_taken_back(world: World) -> None:
    """A group and a badge that somebody gave a person by hand are theirs, also where the hub would have given the
    same."""
    await _eight(world)
    hand = await _hand(world)
    medium = (await _post(world, "medium", {"cid": badge_of("0"), "formFactor": "badge"}))["id"]
    await _post(world, f"person/{hand}/assign/medium/{medium}", {})
    await _post(world, f"person/{hand}/assign/accessgroup/AG-1", {})
    await _link(world, hand)
    world.desk.badges.append({"member_id": "0", "number": "ABCD"})
    await world.sync()
    assert world.exivo.can_open("ABCD", world.door)
    world.pass_of("0")["state"] = "revoked"
    await world.sync()
    row = _at(world, hand)
    assert (row["revoked"], row.get("accessGroupId"), row["media"]) == (False, "AG-1", [medium])
    await world.sync()
    assert _at(world, hand).get("accessGroupId") == "AG-1"
