"""Members follow the desk: the whole way from CSV files to exivo and back to nothing to do."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from plugins.exivo.simulator import API_SECRET
from tests.conftest import BOTH
from tests.harness import STUDIO, World, badge_of

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


async def test_a_pass_ends_with_its_last_local_day(world: World) -> None:
    """Valid until 21 November means until midnight in the studio's zone, whatever the source says meanwhile."""
    world.join("1", valid_until="2026-11-21")
    await world.sync()
    [grant] = await world.grants()
    assert grant.as_json()["valid_until"] == "2026-11-21T23:00:00Z"
    assert world.ours()[0]["exitDate"].startswith("2026-11-21T23:00:00")
    world.clock.set(datetime(2026, 11, 21, 22, 59, 59, tzinfo=UTC))
    await world.sync()
    assert world.opens("1")
    world.clock.set(datetime(2026, 11, 21, 23, 0, tzinfo=UTC))
    result = await world.sync(export=False)
    assert not world.opens("1")
    assert result.targets[0].applied == {"remove": 1}
    assert world.group_of("1") is None


async def test_a_time_in_the_source_is_taken_to_the_minute(world: World) -> None:
    """Where the source gives a time, the pass ends then and not at midnight."""
    world.join("1", valid_until="2026-11-21T18:30:00+01:00")
    await world.sync()
    [grant] = await world.grants()
    assert grant.as_json()["valid_until"] == "2026-11-21T17:30:00Z"


async def test_a_pass_that_starts_later_opens_nothing_yet(world: World) -> None:
    """Access comes when the pass starts, without the source being read again."""
    world.join("1", valid_from="2026-11-22")
    await world.sync()
    assert world.ours() == []
    world.clock.move(timedelta(days=1))
    await world.sync(export=False)
    assert world.opens("1")


@pytest.mark.parametrize("state", ["pending", "frozen", "ended", "revoked"])
async def test_only_an_active_pass_opens(world: World, state: str) -> None:
    """A pass in any other state gives nothing, and takes what it gave."""
    world.join("1")
    world.join("2", state=state)
    await world.sync()
    assert (world.opens("1"), world.opens("2")) == (True, False)
    world.pass_of("1")["state"] = state
    await world.sync()
    assert not world.opens("1")


async def test_renewal_gives_access_back_to_the_same_person(world: World) -> None:
    """Somebody who comes back is not made a second time, and a block is lifted."""
    world.join("1", valid_until="2026-11-21")
    await world.sync()
    world.clock.move(timedelta(days=2))
    await world.sync()
    assert not world.opens("1")
    world.sell("1", valid_from="2026-11-23")
    await world.sync()
    assert world.opens("1")
    assert len(world.ours()) == 1
    assert sorted(grant.status for grant in await world.grants()) == ["created", "removed"]


async def test_of_several_passes_the_lowest_priority_number_wins(world: World) -> None:
    """Two passes open one group; when the better one ends, the other's group takes its place without a gap."""
    world.join("1", valid_until="2027-12-31")
    world.sell("1", pass_id="abo-sauna", valid_until="2026-11-30")
    await world.sync()
    assert world.group_of("1") == "AG-2"
    [grant] = await world.grants()
    assert grant.as_json()["valid_until"] == "2027-12-31T23:00:00Z"
    world.clock.set(datetime(2026, 12, 1, 0, 0, tzinfo=UTC))
    result = await world.sync()
    assert world.group_of("1") == "AG-1"
    assert result.targets[0].applied == {"change": 1}


async def test_passes_that_touch_are_one_stretch(world: World) -> None:
    """A pass that follows on another at midnight does not end access in between."""
    world.join("1", valid_until="2026-11-30")
    world.sell("1", valid_from="2026-12-01", valid_until="2026-12-31")
    await world.sync()
    assert world.ours()[0]["exitDate"].startswith("2026-12-31T23:00:00")
    world.clock.set(datetime(2026, 11, 30, 23, 0, tzinfo=UTC))
    before = world.exivo.log.writes
    await world.sync()
    assert world.opens("1")
    assert world.exivo.log.writes == before


async def test_another_badge_takes_the_place_of_the_old_one(world: World) -> None:
    """The new badge opens, the old one no longer does and is free again."""
    world.join("1", badge="AAAA1")
    await world.sync()
    world.desk.badges[:] = [{"member_id": "1", "number": "bb:bb:02"}]
    await world.sync()
    assert not world.exivo.can_open("AAAA1", world.door)
    assert world.exivo.can_open("BBBB02", world.door)
    states = {medium["cid"]: medium["state"] for medium in world.exivo.media.values()}
    assert states == {"AAAA1": "assignable", "BBBB02": "active"}


async def test_without_a_badge_nobody_gets_in_and_it_is_no_failure(world: World) -> None:
    """A member without a badge is blocked, stands in the inbox, and the exit code is 0."""
    world.join("1", badge=None)
    result = await world.sync()
    assert result.exit_code == 0
    assert world.ours() == []
    assert [item["code"] for item in await world.inbox()] == ["no_badge"]
    plan = await world.plan()
    assert plan.counts["blocked"] == 1
    world.desk.badges.append({"member_id": "1", "number": badge_of("1")})
    await world.sync()
    assert world.opens("1")
    assert await world.inbox() == []


async def test_one_badge_for_two_members_is_given_to_neither(world: World) -> None:
    """Nothing is guessed; who had it first keeps it; the correction frees the other."""
    world.join("1", badge="CAFE")
    await world.sync()
    world.join("2", badge="ca-fe")
    world.join("3", badge="F00")
    world.join("4", badge="0f00")
    await world.sync()
    assert world.exivo.can_open("CAFE", world.door)
    assert len(world.ours()) == 1
    assert (await world.explain("2")).lines[0].code == "badge_twice"
    world.desk.badges[-1] = {"member_id": "4", "number": "F01"}
    await world.sync()
    assert world.exivo.can_open("F00", world.door)
    assert world.exivo.can_open("F01", world.door)


async def test_a_new_name_is_carried_over(world: World) -> None:
    """Marriage changes one field at the vendor and nothing else."""
    world.join("1", family="Graf")
    await world.sync()
    world.desk.members[0] = {"id": "1", "given_name": "Zoé 🚴", "family_name": 'O\'Neil, "Zed"'}
    result = await world.sync()
    assert result.targets[0].applied == {"change": 1}
    assert (world.ours()[0]["firstName"], world.ours()[0]["lastName"]) == ("Zoé 🚴", 'O\'Neil, "Zed"')
    assert (await world.plan()).changes == []


async def test_two_members_with_one_e_mail_are_two_people(world: World) -> None:
    """Exivo doesn't know people by e-mail, so a shared address hurts nobody."""
    world.join("1")
    world.join("2")
    for row in world.desk.members:
        row["email"] = "family@example.com"  # type: ignore[index]
    await world.sync()
    assert world.opens("1")
    assert world.opens("2")


async def test_people_made_by_hand_are_never_touched(world: World) -> None:
    """A person with the same name, and their badge and group, stay exactly as somebody made them."""
    by_hand = world.exivo.add_by_hand(firstName="Anna", lastName="Graf", badge="D00D")
    before = dict(world.exivo.persons[by_hand["id"]])
    world.join("1")
    await world.sync()
    world.drop_pass("1")
    await world.sync()
    assert world.exivo.persons[by_hand["id"]] == before
    assert world.exivo.can_open("D00D", world.door) is False
    assert next(m for m in world.exivo.media.values() if m["cid"] == "D00D")["personId"] == by_hand["id"]


async def test_a_badge_of_somebody_made_by_hand_is_a_conflict(world: World) -> None:
    """The member gets nothing, the inbox names who has the badge, and others are served."""
    world.exivo.add_by_hand(firstName="Staff", lastName="Member", badge="D00D")
    world.join("1", badge="D00D")
    world.join("2")
    result = await world.sync()
    assert result.exit_code == 4
    assert world.opens("2")
    [item] = await world.inbox()
    assert item["code"] == "grant_failed"
    assert "Staff Member" in item["text"]
    assert (await world.explain("1")).verdict == "problem"


async def test_a_mapping_row_that_goes_takes_its_access(world: World) -> None:
    """Editing the mapping puts everybody it concerns on the agenda."""
    world.join("1")
    world.join("2", pass_id="abo-sauna")
    await world.sync()
    text = STUDIO.replace('["abo", "abo-sauna-old"]', '["something-else"]')
    await world.reimport(text=text)
    await world.sync()
    assert (world.opens("1"), world.opens("2")) == (False, True)
    assert (await world.explain("1")).lines[0].code == "no_mapping"


async def test_a_changed_priority_moves_people(world: World) -> None:
    """Who has both passes moves when the rows change places."""
    world.join("1")
    world.sell("1", pass_id="abo-sauna")
    await world.sync()
    assert world.group_of("1") == "AG-2"
    await world.reimport(text=STUDIO.replace("priority = 1", "priority = 9"))
    await world.sync()
    assert world.group_of("1") == "AG-1"


async def test_a_group_that_vanished_blocks_and_takes_nothing(world: World) -> None:
    """Who stands in a vanished group is left alone and told about; a new group of that id heals it."""
    world.join("1")
    await world.sync()
    group = world.exivo.world.groups.pop("AG-1")
    world.join("2")
    result = await world.sync()
    assert result.exit_code == 0
    answer = await world.explain("2")
    assert answer.lines[0].code == "opening_missing"
    assert [grant.status for grant in await world.grants()] == ["created"]
    world.exivo.world.groups["AG-1"] = group
    await world.sync()
    assert world.opens("2")


async def test_drift_at_the_vendor_is_put_right(world: World) -> None:
    """Somebody who was taken out of the group by hand gets it back, and the plan says why."""
    world.join("1")
    await world.sync()
    [person] = world.ours()
    row = dict(world.exivo.world.persons[person["id"]])
    row.pop("accessGroupId", None)
    world.exivo.world.persons[person["id"]] = row
    assert not world.opens("1")
    plan = await world.plan(export=False)
    [change] = plan.changes
    assert "instead of AG-1" in change.reason.text
    await world.sync()
    assert world.opens("1")


async def test_a_person_deleted_by_hand_is_made_again(world: World) -> None:
    """The desk decides who has access: somebody deleted at the vendor comes back, once."""
    world.join("1")
    world.join("2")
    await world.sync()
    gone = next(person for person in world.ours() if person["info"].endswith(":desk:1]"))
    del world.exivo.world.persons[gone["id"]]
    for key, medium in list(world.exivo.world.media.items()):
        if medium["personId"] == gone["id"]:
            world.exivo.world.media[key] = {**medium, "personId": None, "state": "assignable"}
    await world.sync()
    assert world.opens("1")
    assert len(world.ours()) == 2


async def test_access_follows_after_a_vendor_was_down(world: World) -> None:
    """An outage changes nobody's access, is told once, and is made good by the next sync."""
    world.join("1")
    await world.sync()
    world.join("2")
    world.exivo.faults.set("outage")
    result = await world.sync()
    assert result.exit_code == 1
    assert [item["code"] for item in await world.inbox()] == ["target_failed"]
    world.exivo.faults.clear()
    assert (await world.sync()).exit_code == 0
    assert world.opens("1")
    assert world.opens("2")
    assert await world.inbox() == []


async def test_refused_credentials_stop_the_pass_and_keep_all_access(world: World) -> None:
    """A deleted key is told with what to do; nobody loses anything."""
    world.join("1")
    await world.sync()
    world.exivo.faults.set("unauthorized")
    world.drop_pass("1")
    result = await world.sync()
    assert result.exit_code == 1
    [item] = await world.inbox()
    assert "credentials" in item["fix"]
    world.exivo.faults.clear()
    assert world.opens("1")
    await world.sync()
    assert not world.opens("1")


async def test_one_bad_record_does_not_stop_the_others(world: World) -> None:
    """A badge that the vendor refuses fails alone; exit code 4 says so."""
    world.join("1", badge="B10")
    world.join("2")
    medium = world.exivo.add_by_hand(firstName="x", lastName="y", badge="B10")
    assert medium
    result = await world.sync()
    assert result.exit_code == 4
    assert list(result.targets[0].failed) == ["desk:1"]
    assert world.opens("2")


async def test_nothing_secret_is_in_the_home(world: World) -> None:
    """The API secret stands nowhere in clear: not in the database, not beside it."""
    world.join("1")
    await world.sync()
    for path in (world.folder / "home").rglob("*"):
        if path.is_file():
            assert API_SECRET.encode() not in path.read_bytes(), path
