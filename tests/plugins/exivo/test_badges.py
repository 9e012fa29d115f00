"""Badges at exivo: found by number, registered where missing, given to one person, and taken back from them alone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub import Conflict, FixRecord, RetryLater, Unconfirmed, grants
from hub.testing import Request
from plugins.exivo._sim_base import bad
from plugins.exivo.simulator import ExivoSimulator
from tests.harness import World, badge_of
from tests.plugins.exivo.support import NOW, Recorder, Site, grant, opened, person
from tests.plugins.exivo.support import site as make_site


async def give(site: Site, *numbers: str, member: str = "1", **fields: Any) -> grants.Granted:
    """Give a new person these badges."""
    return await site.grant(grant(member, *numbers, person_id=await site.link(person(member)), **fields))


def media(site: Site) -> dict[str, tuple[str, str | None]]:
    """State and person of each medium, by its card number."""
    return {row["cid"] or row["uid"]: (row["state"], row["personId"]) for row in site.sim.media.values()}


# ── finding and registering ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_badge_that_the_site_does_not_know_is_registered(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its number and its kind, then assigned."""
    sent = Recorder(site.sim, monkeypatch)
    done = await give(site, "A1B2")
    assert sent.body("/medium") == {"cid": "A1B2", "formFactor": "badge"}
    assert media(site) == {"A1B2": ("active", done.vendor_id)}


@pytest.mark.parametrize(
    ("setting", "medium", "row"),
    [
        ("uid", None, {"uid": "04A1", "formFactor": "insecure"}),
        ("uid", "cid", {"cid": "4A1", "formFactor": "badge"}),
        ("cid", "uid", {"uid": "04A1", "formFactor": "insecure"}),
    ],
)
async def test_the_kind_of_number_is_the_badges_own_or_the_settings(
    setting: str, medium: Any, row: dict[str, str]
) -> None:
    """Smart media go by cid, insecure ones by uid."""
    async with opened(make_site(), badge_number=setting) as site:
        wanted = grant("1", person_id=await site.link(person()), badges=(grants.Badge("4A1", medium),))
        assert (await site.grant(wanted)).confirmed
        (found,) = site.sim.media.values()
        assert {name: found[name] for name in row} == row


@pytest.mark.parametrize("written", ["a1b2", "A1B2", "00a1b2", "A1:B2", "a1 b2", "a1-b2"])
async def test_a_badge_is_found_however_its_number_is_written(site: Site, written: str) -> None:
    """Otherwise it would be registered a second time."""
    medium = site.sim.new_medium({"cid": "A1B2"})
    site.sim.world.media[medium["id"]] = {**medium, "cid": written}
    calls = site.calls()
    assert (await give(site, "A1B2")).confirmed
    assert "registerMedium" not in calls.names
    assert len(site.sim.media) == 1


async def test_a_badge_that_is_there_as_the_other_kind_is_found(site: Site) -> None:
    """Staff registered it as a uid."""
    site.sim.new_medium({"uid": "A1B2"})
    assert (await give(site, "A1B2")).confirmed
    assert len(site.sim.media) == 1


async def test_of_two_media_with_one_number_the_fitting_one_is_taken(site: Site) -> None:
    """A cid and somebody else's uid may be the same digits."""
    other = site.sim.add_by_hand(firstName="Eva", lastName="Muster")
    uid = site.sim.new_medium({"uid": "A1B2"})
    site.sim.hand_out(other, uid, "active")
    cid = site.sim.new_medium({"cid": "A1B2"})
    done = await give(site, "A1B2")
    assert done.confirmed
    assert site.sim.media[cid["id"]]["personId"] == done.vendor_id
    assert site.sim.media[uid["id"]]["personId"] == other["id"]


async def test_of_two_media_with_one_number_the_free_one_is_taken(site: Site) -> None:
    """Staff wrote the number of a lost badge with a zero in front, and registered its copy without."""
    lost, free = site.sim.new_medium({"cid": "F1"}), site.sim.new_medium({"cid": "F2"})
    site.sim.world.media[lost["id"]] = {**lost, "cid": "0A1", "state": "lost"}
    site.sim.world.media[free["id"]] = {**free, "cid": "A1"}
    done = await give(site, "A1")
    assert site.sim.media[free["id"]]["personId"] == done.vendor_id


async def test_a_badge_that_was_registered_just_now_and_is_not_shown_yet_is_not_registered_again(site: Site) -> None:
    """Reads may lag behind writes."""
    site.sim.faults.set("status=404,operation=getMedium")
    assert (await give(site, "A1")).confirmed
    assert len(site.sim.media) == 1


async def test_a_badge_on_any_page_of_the_list_is_found() -> None:
    """There is no look-up by number."""
    sim = make_site()
    for number in range(25):
        sim.new_medium({"cid": f"F{number:X}"})
    async with opened(sim, page_size=10) as site:
        calls = site.calls()
        assert (await give(site, "F18")).confirmed
        assert calls.names.count("getMedia") == 4
        assert "registerMedium" not in calls.names


async def test_the_list_is_read_once_for_many(site: Site) -> None:
    """And not for each member anew."""
    calls = site.calls()
    for member in range(5):
        await give(site, f"A{member}", member=str(member))
    assert calls.names.count("getMedia") == 1


async def test_phone_keys_and_unknown_values_in_the_list_do_no_harm(site: Site) -> None:
    """A published client crashed on form factors and states that the vendor's schema does not list."""
    for number, (form, state) in enumerate([("ma-phone", "assignedButPending"), ("hologram", "levitating")]):
        medium = site.sim.new_medium({"cid": f"F{number}"})
        site.sim.world.media[medium["id"]] = {**medium, "cid": None, "formFactor": form, "state": state}
    assert (await give(site, "A1")).confirmed


async def test_a_state_that_nobody_has_seen_is_for_exivo_to_judge(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The medium is nobody's, so assigning it is tried."""
    medium = site.sim.new_medium({"cid": "A1"})
    site.sim.world.media[medium["id"]] = {**medium, "state": "brandNew"}
    with pytest.raises(FixRecord) as caught:
        await give(site, "A1")
    assert caught.value.said == "the medium is not assignable"


async def test_a_badge_that_was_registered_meanwhile_is_found_after_the_refusal(site: Site) -> None:
    """400 may mean that it is there already, so the list is read again."""
    await site.api.inventory.read()
    site.sim.new_medium({"cid": "A1"})
    assert (await give(site, "A1")).confirmed
    assert len(site.sim.media) == 1


async def test_a_number_that_exivo_does_not_take_is_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its words, after a look whether it is there."""

    def register_medium(self: ExivoSimulator, request: Request) -> Any:
        raise bad("cid too long")

    monkeypatch.setattr(ExivoSimulator, "register_medium", register_medium)
    with pytest.raises(FixRecord) as caught:
        await give(site, "A1")
    assert (caught.value.code, caught.value.said) == ("badge_refused", "cid too long")
    assert "A1" in caught.value.what


@pytest.mark.parametrize("fault", ["drop_after_write", "status=503,when=after", "cut_body"])
async def test_a_badge_is_never_registered_twice_after_a_lost_answer(site: Site, fault: str) -> None:
    """The list is read again before the next try, which finds it."""
    site.sim.faults.set(f"{fault},operation=registerMedium,times=1")
    with pytest.raises(Unconfirmed):
        await give(site, "A1")
    calls = site.calls()
    again = grant("1", "A1", person_id=site.ours()[0]["id"], look_first=True, sure_after=NOW + timedelta(seconds=10))
    assert (await site.grant(again)).confirmed
    assert "registerMedium" not in calls.names
    assert len(site.sim.media) == 1


async def test_a_badge_that_is_not_there_yet_is_waited_for(site: Site) -> None:
    """The lost call may still be worked on."""
    wanted = grant(
        "1", "A1", person_id=await site.link(person()), look_first=True, sure_after=NOW + timedelta(seconds=9)
    )
    with pytest.raises(RetryLater) as caught:
        await site.grant(wanted)
    assert (caught.value.code, caught.value.after) == ("settling", timedelta(seconds=9))
    assert site.sim.media == {}
    site.clock.move(timedelta(seconds=9))
    assert (await site.grant(wanted)).confirmed


async def test_a_badge_that_staff_removed_from_the_site_is_registered_again(site: Site) -> None:
    """The list in memory is an hour old at most, and the vendor has the last word."""
    wanted = await site.member()
    await site.revoke(wanted)
    site.sim.world.numbers.clear()
    site.sim.world.media.clear()
    assert (await site.grant(wanted)).confirmed
    assert site.sim.can_open("A1", next(iter(site.sim.components)))


async def test_a_number_that_the_list_lacked_is_looked_for_again_after_an_hour(site: Site) -> None:
    """Staff register badges all day."""
    await site.api.inventory.read()
    site.sim.new_medium({"cid": "A1"})
    site.clock.move(timedelta(minutes=61))
    calls = site.calls()
    assert (await give(site, "A1")).confirmed
    assert "registerMedium" not in calls.names


# ── who has it ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_badge_that_the_person_has_already_is_fine(site: Site) -> None:
    """No call is spent on it."""
    identifier = await site.link(person())
    site.assign_by_hand(identifier, "A1")
    site.api.forget_created()
    calls = site.calls()
    assert (await site.grant(grant("1", "A1", person_id=identifier))).confirmed
    assert "assignMedium" not in calls.names


@pytest.mark.parametrize("state", ["blocked", "lost", "damaged"])
async def test_a_badge_that_cannot_be_given_is_told_with_its_state(site: Site, state: str) -> None:
    """Only staff know why."""
    medium = site.sim.new_medium({"cid": "A1"})
    site.sim.world.media[medium["id"]] = {**medium, "state": state}
    with pytest.raises(FixRecord) as caught:
        await give(site, "A1")
    assert caught.value.code == "badge_not_free"
    assert state in caught.value.what
    assert caught.value.fix


async def test_the_badge_of_somebody_made_by_hand_is_a_conflict_that_names_them(site: Site) -> None:
    """It is not taken from them."""
    by_hand = site.sim.add_by_hand(firstName="Eva", lastName="Muster", badge="A1")
    with pytest.raises(Conflict) as caught:
        await give(site, "A1")
    assert caught.value.code == "badge_taken"
    assert "Eva Muster" in caught.value.what
    assert site.at(by_hand["id"])["media"] == by_hand["media"]


async def test_the_badge_of_another_hubs_person_is_a_conflict(site: Site) -> None:
    """Their marker is not ours."""
    other = site.sim.add_by_hand(firstName="Eva", lastName="Muster", badge="A1", info="[hub:other:desk:1]")
    with pytest.raises(Conflict):
        await give(site, "A1")
    assert site.at(other["id"])["media"]


async def test_the_badge_of_another_of_our_members_is_waited_for(site: Site) -> None:
    """It is on its way back; and if it isn't, the sentence says what to do."""
    await site.member("2", "A1")
    with pytest.raises(RetryLater) as caught:
        await give(site, "A1")
    assert caught.value.code == "wait_for_other"
    assert "by hand" in caught.value.fix


async def test_a_badge_that_was_given_away_meanwhile_is_found_out(site: Site) -> None:
    """The list in memory says it is free, exivo says no."""
    site.sim.new_medium({"cid": "A1"})
    await site.api.inventory.read()
    site.sim.add_by_hand(firstName="Eva", lastName="Muster", badge="A1")
    with pytest.raises(Conflict) as caught:
        await give(site, "A1")
    assert "Eva Muster" in caught.value.what


async def test_one_badge_that_cannot_be_given_does_not_keep_the_member_out(site: Site) -> None:
    """The other badge opens the door, and the trouble is told."""
    site.sim.add_by_hand(firstName="Eva", lastName="Muster", badge="B2")
    with pytest.raises(Conflict):
        await give(site, "A1", "B2", "C3")
    door = next(iter(site.sim.components))
    assert [site.sim.can_open(number, door) for number in ("A1", "C3")] == [True, True]
    assert site.at(site.ours()[0]["id"])["accessGroupId"] == "AG-1"


# ── taking back ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_another_badge_takes_the_place_of_the_old_one(site: Site) -> None:
    """The old one is free before the new one is given."""
    wanted = await site.member("1", "A1")
    calls = site.calls()
    again = grant("1", "B2", person_id=wanted.person_id, our_badges=frozenset({"A1", "B2"}))
    assert (await site.grant(again)).confirmed
    assert media(site) == {"A1": ("assignable", None), "B2": ("active", wanted.person_id)}
    assert calls.writes == ["unassignMedium", "registerMedium", "assignMedium"]


async def test_only_our_badges_are_taken_back(site: Site) -> None:
    """What staff gave stays with the person."""
    wanted = await site.member("1", "A1")
    site.assign_by_hand(wanted.person_id, "F00D")
    await site.grant(grant("1", "B2", person_id=wanted.person_id, our_badges=frozenset({"A1", "B2"})))
    await site.revoke(grant("1", "B2", person_id=wanted.person_id, our_badges=frozenset({"A1", "B2"})))
    assert media(site) == {
        "A1": ("assignable", None),
        "B2": ("assignable", None),
        "F00D": ("active", wanted.person_id),
    }


async def test_a_key_that_cannot_be_read_as_a_medium_is_left_alone(site: Site) -> None:
    """Whether a person's media include digital keys is unknown; one that 404s is no vanished person."""
    wanted = await site.member()
    row = site.at(wanted.person_id)
    site.change(wanted.person_id, media=[*row["media"], "key-1"])
    later = grant("1", "A1", person_id=wanted.person_id, valid_until=NOW + timedelta(days=9))
    assert (await site.grant(later)).confirmed
    calls = site.calls()
    assert wanted.person_id in await site.observe()
    assert "getMedium" not in calls.names
    assert await site.observe(str(wanted.person_id))
    assert (await site.revoke(wanted)).confirmed


# ── what opens nothing ────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_badge_that_a_second_one_blocked_is_reported(site: Site) -> None:
    """The vendor's texts disagree about that, so it is looked at; and it does not go round in circles."""
    site.sim.faults.set("second_medium_blocks")
    done = await give(site, "A1", "B2")
    assert done.confirmed
    (note,) = done.notes
    assert note.code == "badge_blocked"
    assert "A1" in note.text
    calls = site.calls()
    again = grant("1", "A1", "B2", person_id=done.vendor_id)
    assert [note.code for note in (await site.grant(again)).notes] == ["badge_blocked"]
    assert calls.writes == []


async def test_a_badge_given_by_hand_that_ours_blocked_is_reported(site: Site) -> None:
    """Somebody will stand before the door with it."""
    site.sim.faults.set("second_medium_blocks")
    identifier = await site.link(person())
    site.assign_by_hand(identifier, "F00D")
    site.api.forget_created()
    (note,) = (await site.grant(grant("1", "A1", person_id=identifier))).notes
    assert "F00D" in note.text


async def test_a_badge_given_by_hand_that_was_blocked_before_is_not_our_news(site: Site) -> None:
    """Staff know what they did."""
    wanted = await site.member()
    extra = site.assign_by_hand(wanted.person_id, "F00D")
    site.sim.world.media[extra] = {**site.sim.media[extra], "state": "blocked"}
    assert (await site.grant(grant("1", "A1", person_id=wanted.person_id))).notes == ()


@pytest.mark.parametrize("state", ["blocked", "lost", "damaged"])
async def test_our_badge_that_staff_blocked_is_reported_and_stays_blocked(site: Site, state: str) -> None:
    """A lost badge must not open a door again by itself."""
    wanted = await site.member()
    medium = site.medium("A1")
    site.sim.world.media[medium["id"]] = {**medium, "state": state}
    await site.api.inventory.read()
    calls = site.calls()
    done = await site.grant(wanted)
    assert (done.confirmed, [note.code for note in done.notes]) == (True, ["badge_blocked"])
    assert calls.writes == []


# ── the whole way ─────────────────────────────────────────────────────────────────────────────────────────────────────


def hand_over(world: World, **badges: str) -> None:
    """The desk says who has which badge."""
    world.desk.badges = [{"member_id": name.lstrip("m"), "number": number} for name, number in badges.items()]


async def settle(world: World) -> int:
    """Sync until there is nothing left to do; how many syncs it took."""
    for number in range(1, 5):
        result = await world.sync()
        if result.exit_code == 0 and not (await world.plan()).changes:
            return number
        world.clock.move(timedelta(minutes=10))
    raise AssertionError(await world.inbox())


async def test_two_members_swap_their_badges(world: World) -> None:
    """Each waits for the other for a moment, and nobody keeps the wrong one."""
    world.join("1", badge="A1")
    world.join("2", badge="B2")
    await world.sync()
    hand_over(world, m1="B2", m2="A1")
    assert await settle(world) <= 2
    holder = {row["cid"]: world.exivo.persons[row["personId"]]["info"][-3:] for row in world.exivo.media.values()}
    assert holder == {"A1": ":2]", "B2": ":1]"}
    assert await world.inbox() == []


async def test_three_members_pass_their_badges_on_in_a_circle(world: World) -> None:
    """Every one of them is held by another."""
    for member, number in (("1", "A1"), ("2", "B2"), ("3", "C3")):
        world.join(member, badge=number)
    await world.sync()
    hand_over(world, m1="B2", m2="C3", m3="A1")
    assert await settle(world) <= 2
    assert all(world.exivo.can_open(number, world.door) for number in ("A1", "B2", "C3"))


async def test_the_badge_of_a_member_who_left_goes_to_a_new_one(world: World) -> None:
    """Removals come after grants, so the new member waits one round."""
    world.join("1", badge="A1")
    await world.sync()
    world.pass_of("1")["state"] = "ended"
    world.join("2", badge=None)
    hand_over(world, m2="A1")
    assert await settle(world) <= 2
    (row,) = world.exivo.media.values()
    assert world.exivo.persons[row["personId"]]["info"].endswith(":2]")
    assert world.group_of("1") is None


async def test_a_blocked_badge_is_in_the_inbox_until_it_works(world: World) -> None:
    """And no sync writes anything because of it."""
    world.exivo.faults.set("second_medium_blocks")
    world.join("1")
    world.desk.badges.append({"member_id": "1", "number": "FF"})
    await world.sync()
    writes = world.exivo.log.writes
    assert (await world.sync()).exit_code == 0
    assert world.exivo.log.writes == writes
    assert [item["code"] for item in await world.inbox()] == ["badge_blocked"]


async def test_a_desk_that_writes_numbers_another_way_changes_nothing(world: World) -> None:
    """Lower case, colons and zeros in front are the same badge."""
    number = badge_of("1")
    world.join("1", badge=number)
    await world.sync()
    writes = world.exivo.log.writes
    hand_over(world, m1=f"00{number.lower()}")
    await world.sync()
    assert world.exivo.log.writes == writes
