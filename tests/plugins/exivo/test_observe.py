"""Looking at what stands at exivo, and what becomes of it when somebody changed it there by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub import NotFound, grants
from plugins import exivo
from tests.harness import World
from tests.plugins.exivo.support import FROM, UNTIL, Site, marker, opened
from tests.plugins.exivo.support import site as make_site

MOVED = datetime(2030, 1, 1, tzinfo=UTC)


# ── what is seen ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_member_is_seen_as_the_hub_compares_them(site: Site) -> None:
    """Group, dates, badges in the normal form, marker; nothing of it is guessed."""
    wanted = await site.member("1", "A1", "B2")
    assert await site.observe() == {
        wanted.person_id: grants.Observed(
            vendor_id=str(wanted.person_id),
            marker=marker("1"),
            alive=True,
            opens=grants.Opens(group="AG-1"),
            valid_from=FROM,
            valid_until=UNTIL,
            badges=frozenset({"A1", "B2"}),
        )
    }


async def test_people_made_by_hand_are_seen_without_a_marker(site: Site) -> None:
    """The hub needs to know that they are there, and that they aren't its own."""
    by_hand = site.sim.add_by_hand(firstName="Eva", lastName="Muster", accessGroupId="STAFF", badge="F00D")
    seen = (await site.observe())[by_hand["id"]]
    assert (seen.marker, seen.opens, seen.badges) == (None, grants.Opens(group="STAFF"), frozenset({"F00D"}))
    assert (seen.valid_from, seen.valid_until) == (None, None)


async def test_a_blocked_person_and_one_without_a_group_open_nothing(site: Site) -> None:
    """Both are listed, and both are not as the hub left them."""
    first, second = [await site.member(member, f"A{member}") for member in "12"]
    site.change(first.person_id, revoked=True)
    site.change(second.person_id, accessGroupId=None)
    seen = await site.observe()
    assert not seen[str(first.person_id)].alive
    assert seen[str(second.person_id)].opens is None


async def test_a_blocked_badge_of_ours_is_noted(site: Site) -> None:
    """With its number, so that somebody can find it."""
    wanted = await site.member()
    medium = site.medium("A1")
    site.sim.world.media[medium["id"]] = {**medium, "state": "lost"}
    (note,) = (await site.observe())[str(wanted.person_id)].notes
    assert note.code == "badge_blocked"
    assert "A1" in note.text
    assert "lost" in note.text


async def test_the_whole_site_is_listed_in_pages() -> None:
    """However many there are, with three lists and no call for a single person or badge."""
    sim = make_site()
    for number in range(25):
        sim.add_by_hand(firstName=f"{number:03}", lastName="X", badge=f"F{number:X}")
    async with opened(sim, page_size=10) as site:
        calls = site.calls()
        pages = [page async for page in exivo.observe_access(site.connection, None)]
        assert [len(page) for page in pages if page] == [10, 10, 5]
        assert sum(bool(seen.badges) for page in pages for seen in page) == 25
        assert sorted(set(calls.names)) == ["getMedia", "getPersons", "getVisits"]
        assert len(calls.names) == 9


async def test_an_empty_site_has_nobody(site: Site) -> None:
    """And that is an answer."""
    assert await site.observe() == {}


async def test_a_site_full_of_badges_gives_signs_of_life() -> None:
    """Each step of reading has a time-out of its own, and the badges come before the people."""
    sim = make_site()
    for number in range(25):
        sim.new_medium({"cid": f"F{number:X}"})
    async with opened(sim, page_size=10) as site:
        assert [page async for page in exivo.observe_access(site.connection, None)] == [[], [], []]


async def test_named_people_are_looked_at_one_by_one(site: Site) -> None:
    """Without reading the lists."""
    first, second = [await site.member(member, f"A{member}") for member in "12"]
    calls = site.calls()
    seen = await site.observe(str(second.person_id), str(first.person_id))
    assert list(seen) == [second.person_id, first.person_id]
    assert seen[str(first.person_id)].badges == {"A1"}
    assert set(calls.names) <= {"getPerson", "getMedium"}


async def test_a_named_person_who_is_gone_is_not_found(site: Site) -> None:
    """The hub asks about one at a time."""
    with pytest.raises(NotFound):
        await site.observe("gone")


@pytest.mark.parametrize("fault", ["half_page,every=2", "cut_body,every=3", "garbage,every=3", "status=503,every=2"])
async def test_a_list_with_faults_in_it_is_read_to_its_end(fault: str) -> None:
    """What comes back half is asked for again."""
    sim = make_site()
    for number in range(25):
        sim.add_by_hand(firstName=f"{number:03}", lastName="X")
    sim.faults.set(fault)
    async with opened(sim, page_size=10) as site:
        assert len(await site.observe()) == 25


# ── drift, and what the next sync makes of it ─────────────────────────────────────────────────────────────────────────


async def drifted(world: World, **fields: Any) -> str:
    """A member with access, whose person somebody changed by hand (None removes a field); the person's id."""
    world.join("1")
    await world.sync()
    assert world.opens("1")
    (row,) = world.ours()
    changed = {**row, **fields}
    world.exivo.world.persons[row["id"]] = {name: value for name, value in changed.items() if value is not None}
    return str(row["id"])


@pytest.mark.parametrize(
    "fields",
    [
        {"accessGroupId": None},
        {"revoked": True},
        {"exitDate": "2026-11-01T00:00:00.000Z", "revoked": True},
        {"exitDate": "2030-01-01T00:00:00.000Z"},
    ],
)
async def test_what_was_changed_by_hand_is_put_right(world: World, fields: dict[str, Any]) -> None:
    """The booking system decides who gets in and until when."""
    identifier = await drifted(world, **fields)
    result = await world.sync()
    assert result.exit_code == 0
    assert result.targets[0].applied == {"change": 1}
    assert world.opens("1")
    assert world.exivo.persons[identifier]["exitDate"] == "2027-12-31T23:00:00.000Z"
    assert (await world.plan()).changes == []


async def test_an_end_date_that_was_cleared_by_hand_is_set_again(world: World) -> None:
    """Nobody stays for ever by mistake."""
    identifier = await drifted(world)
    world.exivo.world.persons[identifier] = {**world.exivo.world.persons[identifier], "exitDate": None}
    await world.sync()
    assert world.exivo.persons[identifier]["exitDate"] == "2027-12-31T23:00:00.000Z"


async def test_a_badge_that_was_taken_away_by_hand_is_given_again(world: World) -> None:
    """The desk still says that the member has it."""
    identifier = await drifted(world)
    row = world.exivo.world.persons[identifier]
    (medium_id,) = row["media"]
    world.exivo.world.media[medium_id] = {**world.exivo.media[medium_id], "state": "assignable", "personId": None}
    world.exivo.world.persons[identifier] = {**row, "media": []}
    assert not world.opens("1")
    assert (await world.sync()).exit_code == 0
    assert world.opens("1")


async def test_a_marker_that_was_removed_stops_the_hub_and_is_told(world: World) -> None:
    """Access stays as it is, nothing is written, and the inbox says what to write where."""
    identifier = await drifted(world, info="now ours")
    writes = world.exivo.log.writes
    assert (await world.sync()).exit_code == 4
    assert world.exivo.log.writes == writes
    assert world.opens("1")
    (item,) = await world.inbox()
    assert "[hub:" in item["fix"]
    marker_text = item["fix"][item["fix"].index("[hub:") : item["fix"].index("]") + 1]
    row = world.exivo.world.persons[identifier]
    world.exivo.world.persons[identifier] = {**row, "info": f"now ours {marker_text}"}
    assert (await world.sync()).exit_code == 0
    assert await world.inbox() == []
    assert len(world.exivo.persons) == 1


async def test_a_group_chosen_by_hand_is_left_alone_and_told(world: World) -> None:
    """Until somebody takes the person out of it."""
    world.exivo.world.groups["STAFF"] = {"id": "STAFF", "name": "Staff", "accessZoneTimeProfiles": {}}
    identifier = await drifted(world, accessGroupId="STAFF")
    assert (await world.sync()).exit_code == 4
    assert world.exivo.persons[identifier]["accessGroupId"] == "STAFF"
    assert any("by hand" in item["text"] for item in await world.inbox())
    row = world.exivo.world.persons[identifier]
    world.exivo.world.persons[identifier] = {name: value for name, value in row.items() if name != "accessGroupId"}
    assert (await world.sync()).exit_code == 0
    assert world.opens("1")


async def test_a_person_deleted_by_hand_is_made_again(world: World) -> None:
    """Once, with everything."""
    identifier = await drifted(world)
    row = world.exivo.world.persons.pop(identifier)
    for medium_id in row["media"]:
        world.exivo.world.media[medium_id] = {**world.exivo.media[medium_id], "state": "assignable", "personId": None}
    assert (await world.sync()).exit_code == 0
    assert len(world.ours()) == 1
    assert world.opens("1")


async def test_an_extra_badge_given_by_hand_is_no_drift(world: World) -> None:
    """Staff may give a member a second one."""
    identifier = await drifted(world)
    medium = world.exivo.new_medium({"cid": "F00D"})
    world.exivo.hand_out(world.exivo.world.persons[identifier], medium, "active")
    writes = world.exivo.log.writes
    assert (await world.sync()).exit_code == 0
    assert world.exivo.log.writes == writes


async def test_a_moment_ends_for_good_when_it_is_over(world: World) -> None:
    """exivo blocks the person after the end date by itself; the hub takes group and badge too."""
    identifier = await drifted(world)
    world.clock.set(MOVED + timedelta(days=1))
    assert (await world.sync()).exit_code == 0
    row = world.exivo.persons[identifier]
    assert (row["revoked"], row.get("accessGroupId"), row["media"]) == (True, None, [])


async def test_an_unchanged_member_costs_nothing_of_their_own(world: World) -> None:
    """A full pass reads five lists, whoever is in them."""
    for number in range(40):
        world.join(str(number))
    await world.sync()
    mark = world.exivo.log.total
    await world.sync()
    names = [entry.operation for entry in world.exivo.log.since(mark)]
    assert sorted(names) == sorted(["getAccessGroups", "getComponents", "getMedia", "getPersons"] * 2 + ["getVisits"])
