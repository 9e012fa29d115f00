"""`explain` answers why, for every way in which somebody has access or hasn't."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub.errors import UserError
from hub.look.explain import explain
from tests.conftest import BOTH
from tests.harness import STUDIO, World

pytestmark = BOTH


async def _first(world: World, member: str) -> tuple[str, str, str]:
    answer = await world.explain(member)
    document = answer.as_json()
    assert document["reasons"], document
    first = document["reasons"][0]
    return answer.verdict, first["code"], first["fix"]


async def test_fine(world: World) -> None:
    """Somebody who has what they should is told so, with the door and its end."""
    world.join("1")
    await world.sync()
    verdict, code, fix = await _first(world, "1")
    assert (verdict, code, fix) == ("access", "ok", "")
    [door] = (await world.explain("1")).as_json()["doors"]
    assert door == {
        "target": "door",
        "group": "AG-1",
        "name": "Gym",
        "status": "created",
        "valid_until": "2027-12-31T23:00:00Z",
    }


async def test_no_pass(world: World) -> None:
    """A member without any pass."""
    world.desk.members.append({"id": "1", "given_name": "Anna", "family_name": "Graf"})
    world.join("2")
    await world.sync()
    verdict, code, fix = await _first(world, "1")
    assert (verdict, code) == ("no_access", "no_pass")
    assert "desk" in fix


async def test_ended_pass(world: World) -> None:
    """A pass that ended, with the day on which it did, as people say it."""
    world.join("1", valid_until="2026-11-20")
    await world.sync()
    answer = await world.explain("1")
    assert (answer.verdict, answer.lines[0].code) == ("no_access", "pass_ended")
    assert "20 Nov 2026" in answer.lines[0].text


async def test_pass_that_starts_later(world: World) -> None:
    """A pass that has not started names the day on which it does."""
    world.join("1", valid_from="2026-12-01")
    await world.sync()
    answer = await world.explain("1")
    assert answer.lines[0].code == "pass_not_started"
    assert "1 Dec 2026" in answer.lines[0].text


async def test_frozen_pass(world: World) -> None:
    """A pass in another state names the state."""
    world.join("1", state="frozen")
    await world.sync()
    answer = await world.explain("1")
    assert answer.lines[0].code == "pass_state"
    assert "frozen" in answer.lines[0].text


async def test_no_badge(world: World) -> None:
    """A valid pass without a badge."""
    world.join("1", badge=None)
    await world.sync()
    verdict, code, fix = await _first(world, "1")
    assert (verdict, code) == ("no_access", "no_badge")
    assert "badge" in fix


async def test_no_mapping_row(world: World) -> None:
    """A pass that no row speaks of."""
    world.join("1", pass_id="company")
    await world.sync()
    verdict, code, fix = await _first(world, "1")
    assert (verdict, code) == ("no_access", "no_mapping")
    assert "passes" in fix


async def test_vanished_group(world: World) -> None:
    """A row that names a group the vendor no longer has."""
    await world.reimport(text=STUDIO.replace('"AG-1"', '"AG-9"'))
    world.join("1")
    await world.sync()
    _, code, _ = await _first(world, "1")
    assert code == "opening_missing"


async def test_vanished_pass(world: World) -> None:
    """A pass that the source no longer has."""
    for number in range(8):
        world.join(str(number))
    await world.sync()
    world.drop_pass("1")
    await world.sync()
    _, code, _ = await _first(world, "1")
    assert code == "pass_gone"


async def test_held(world: World) -> None:
    """A held removal says that access stays, and names the plan to approve."""
    for number in range(20):
        world.join(str(number))
    await world.sync()
    world.drop_pass(*map(str, range(10)))
    result = await world.sync()
    answer = await world.explain("3")
    assert answer.verdict == "too_much"
    assert answer.lines[0].code == "held"
    assert result.targets[0].last is not None
    assert result.targets[0].last.id in answer.lines[0].fix
    assert "pass_gone" in {line.code for line in answer.lines}


async def test_protected(world: World) -> None:
    """Somebody on the protect list keeps access, and is told why."""
    await world.reimport(protect='["desk:1"]')
    world.join("1", valid_until="2026-11-21")
    await world.sync()
    world.clock.move(timedelta(days=2))
    await world.sync()
    verdict, code, _ = await _first(world, "1")
    assert (verdict, code) == ("access", "protected")


async def test_vendor_error(world: World) -> None:
    """What the vendor said, and what to do."""
    world.exivo.add_by_hand(firstName="Staff", lastName="Member", badge="D00D")
    world.join("1", badge="D00D")
    await world.sync()
    answer = await world.explain("1")
    assert (answer.verdict, answer.lines[0].code) == ("problem", "vendor_error")
    assert "Staff Member" in answer.lines[0].text
    assert answer.lines[0].fix


async def test_not_yet_synced(world: World) -> None:
    """Records that no pass has looked at yet."""
    world.join("1")
    await world.plan()
    verdict, code, fix = await _first(world, "1")
    assert (verdict, code) == ("pending", "not_synced")
    assert "studiohub sync door" in fix


async def test_unreadable_record(world: World) -> None:
    """A member whose pass can't be read is told with file and line."""
    world.join("1")
    await world.sync()
    world.pass_of("1")["valid_until"] = "31.31.2026"
    await world.sync()
    answer = await world.explain("1")
    assert answer.verdict == "access"
    assert any("member_passes.csv line 2" in line.text for line in answer.lines)


async def test_nobody_and_more_than_one(world: World) -> None:
    """A text that means nobody, or two people, is answered with what to type."""
    world.join("1", given="Anna", family="Graf")
    world.join("2", given="Anna", family="Graf")
    await world.sync()
    with pytest.raises(UserError, match="more than one") as many:
        await explain(world.hub, "anna graf")
    assert "desk:1" in many.value.fix
    with pytest.raises(UserError, match="nobody") as nobody:
        await explain(world.hub, "zoe")
    assert "desk" in nobody.value.fix
