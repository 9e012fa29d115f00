"""People at exivo: made with the hub's marker, found again by it, and left alone without it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub import FixRecord, FixSettings, RetryLater, Unconfirmed, VendorError, grants
from hub.studio.importing import import_file
from hub.testing import Request
from plugins.exivo._sim_base import bad
from plugins.exivo.simulator import ExivoSimulator
from tests.harness import World
from tests.plugins.exivo.support import NOW, Recorder, Site, grant, marker, opened, person


def error_of(outcome: grants.PersonOutcome) -> Exception:
    assert isinstance(outcome, grants.Failed), outcome
    return outcome.error


def conflict_of(outcome: grants.PersonOutcome) -> grants.PersonConflict:
    assert isinstance(outcome, grants.PersonConflict), outcome
    return outcome


# ── making ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_person_is_made_with_name_marker_and_dates_and_nothing_else(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No e-mail, no phone, no gender: exivo needs none of it, and would write to the first two."""
    sent = Recorder(site.sim, monkeypatch)
    wanted = person(email="anna@example.com", phone="+41790000000", gender="female", language="de-CH")
    (outcome,) = await site.sync(wanted)
    assert isinstance(outcome, grants.Link)
    assert outcome.created
    assert sent.body("/person") == {
        "firstName": "Anna",
        "lastName": "Graf",
        "language": "de",
        "info": "[hub:inst:desk:1]",
        "entryDate": "2025-12-31T23:00:00Z",
        "exitDate": "2027-12-31T23:00:00Z",
    }
    assert site.at(outcome.vendor_id)["info"] == marker("1")


async def test_an_open_end_sends_no_date(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fields that are left out are null."""
    sent = Recorder(site.sim, monkeypatch)
    await site.sync(person(valid_from=None, valid_until=None))
    assert sent.body("/person").keys() == {"firstName", "lastName", "info"}


@pytest.mark.parametrize(
    ("given_name", "family_name", "names"),
    [("", "Graf", ("-", "Graf")), ("Zoé 🚴‍♀️", "", ("Zoé 🚴‍♀️", "-")), ("", "", ("-", "-"))],
)
async def test_odd_names_make_a_person_all_the_same(
    site: Site, given_name: str, family_name: str, names: tuple[str, str]
) -> None:
    """A name is no reason to stay outside."""
    row = site.at(await site.link(person(given_name=given_name, family_name=family_name)))
    assert (row["firstName"], row["lastName"]) == names


async def test_nobody_is_adopted_by_name_or_e_mail(site: Site) -> None:
    """Nothing says that either is unique at exivo."""
    by_hand = site.sim.add_by_hand(firstName="Anna", lastName="Graf", email="anna@example.com")
    identifier = await site.link(person(email="anna@example.com"))
    assert identifier != by_hand["id"]
    assert site.at(by_hand["id"]) == by_hand


async def test_two_members_of_one_name_are_two_people(site: Site) -> None:
    """The member's id tells them apart."""
    first, second = [await site.link(person(member)) for member in "12"]
    assert first != second


async def test_a_person_that_is_refused_is_told_with_the_vendors_words(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One person's refusal doesn't keep the next one from being made."""
    make = ExivoSimulator.add_person

    def add_person(self: ExivoSimulator, request: Request) -> Any:
        if request.json()["lastName"] == "Graf":
            raise bad("lastName too long")
        return make(self, request)

    monkeypatch.setattr(ExivoSimulator, "add_person", add_person)
    refused, made = await site.sync(person("1"), person("2", family_name="Meier"))
    error = error_of(refused)
    assert isinstance(error, FixRecord)
    assert (error.code, error.said) == ("person_refused", "lastName too long")
    assert isinstance(made, grants.Link)


# ── bringing up to date ───────────────────────────────────────────────────────────────────────────────────────────────


async def test_only_what_changed_is_sent(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What staff wrote in the other fields stays."""
    identifier = await site.link(person())
    site.change(identifier, info=f"Likes tea. {marker('1')}", email="anna@example.com")
    sent = Recorder(site.sim, monkeypatch)
    await site.sync(person(vendor_id=identifier, family_name="Meier-Graf"))
    assert sent.body(f"/person/{identifier}") == {"lastName": "Meier-Graf"}
    assert site.at(identifier)["info"] == f"Likes tea. {marker('1')}"


async def test_a_person_who_is_as_wanted_is_only_read(site: Site) -> None:
    """One call, no write."""
    identifier = await site.link(person(language="de"))
    calls = site.calls()
    await site.sync(person(vendor_id=identifier, language="de"))
    assert calls.names == ["getPerson"]


async def test_a_name_that_the_source_lacks_takes_none_away(site: Site) -> None:
    """A dash is for making somebody, not for forgetting what they are called."""
    identifier = await site.link(person())
    calls = site.calls()
    await site.sync(person(vendor_id=identifier, given_name=""))
    assert calls.writes == []
    assert site.at(identifier)["firstName"] == "Anna"


async def test_a_language_that_is_refused_does_not_keep_the_name_from_changing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text about changing a person lists fewer languages than the one about making one."""
    identifier = await site.link(person())
    change = ExivoSimulator.change_person_info

    def change_person_info(self: ExivoSimulator, request: Request) -> Any:
        if "language" in request.json():
            raise bad("unknown language")
        return change(self, request)

    monkeypatch.setattr(ExivoSimulator, "change_person_info", change_person_info)
    assert await site.link(person(vendor_id=identifier, family_name="Meier", language="nb")) == identifier
    assert await site.link(person(vendor_id=identifier, family_name="Meier", language="fo")) == identifier
    assert (site.at(identifier)["lastName"], site.at(identifier)["language"]) == ("Meier", "en")


async def test_somebody_who_is_gone_is_made_again(site: Site) -> None:
    """Staff deleted them; the member still has a pass."""
    identifier = await site.link(person())
    site.clock.move(timedelta(minutes=2))
    del site.sim.world.persons[identifier]
    assert await site.link(person(vendor_id=identifier)) != identifier
    assert len(site.ours()) == 1


async def test_somebody_who_was_made_just_now_and_is_not_shown_yet_is_not_made_again(site: Site) -> None:
    """Reads may lag behind writes; once a person was seen, not finding them means that they are gone."""
    identifier = await site.link(person())
    row = site.sim.world.persons.pop(identifier)
    (outcome,) = await site.sync(person(vendor_id=identifier))
    error = error_of(outcome)
    assert isinstance(error, RetryLater)
    assert (error.code, len(site.sim.persons)) == ("settling", 0)
    site.sim.world.persons[identifier] = row
    assert await site.link(person(vendor_id=identifier)) == identifier
    del site.sim.world.persons[identifier]
    assert await site.link(person(vendor_id=identifier)) != identifier


async def test_somebody_who_came_back_under_another_id_is_found(site: Site) -> None:
    """The marker says who it is, so nobody stands there twice."""
    identifier = await site.link(person())
    site.clock.move(timedelta(minutes=2))
    row = site.sim.world.persons.pop(identifier)
    site.sim.world.persons["restored"] = {**row, "id": "restored"}
    assert await site.link(person(vendor_id=identifier)) == "restored"
    assert len(site.ours()) == 1


# ── the marker ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("info", "code"),
    [
        ("", "marker_gone"),
        ("nice person", "marker_gone"),
        ("[hub:inst:desk:2]", "marker_other"),
        ("[hub:another:desk:1]", "marker_other"),
        ("[hub:inst:desk:1] [hub:another:desk:1]", "marker_other"),
    ],
)
async def test_without_its_marker_a_person_is_left_alone(site: Site, info: str, code: str) -> None:
    """Somebody took the person over; only an admin can say what holds."""
    wanted = await site.member()
    site.change(wanted.person_id, info=info)
    calls = site.calls()
    (outcome,) = await site.sync(person(vendor_id=wanted.person_id, family_name="Meier"))
    assert conflict_of(outcome).code == code
    assert conflict_of(outcome).fix
    for call in (site.grant(grant("1", "A1", group="AG-2", person_id=wanted.person_id)), site.revoke(wanted)):
        with pytest.raises(FixRecord) as caught:
            await call
        assert caught.value.code == code
    assert calls.writes == []


async def test_an_answer_without_info_is_read_back_before_anything_is_concluded(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A create that answers less than the whole person is no lost marker."""
    make = ExivoSimulator.add_person

    def add_person(self: ExivoSimulator, request: Request) -> Any:
        return {"id": make(self, request)["id"]}

    monkeypatch.setattr(ExivoSimulator, "add_person", add_person)
    await site.member()


async def test_a_marker_that_exivo_did_not_keep_makes_nobody_twice(site: Site) -> None:
    """The id is known all the same; access waits for an admin."""
    wanted = person()
    identifier = await site.link(wanted)
    site.change(identifier, info=marker("1")[:9])
    site.api.forget_created()
    with pytest.raises(FixRecord) as caught:
        await site.grant(grant("1", "A1", person_id=identifier))
    assert caught.value.code == "marker_gone"
    assert marker("1") in caught.value.fix
    assert len(site.sim.persons) == 1


# ── links by hand ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("info", "after"),
    [
        ("Trainer since 2019", "Trainer since 2019 [hub:inst:desk:1]"),
        (None, "[hub:inst:desk:1]"),
        ("", "[hub:inst:desk:1]"),
    ],
)
async def test_a_link_by_hand_puts_the_marker_behind_the_text(site: Site, info: str | None, after: str) -> None:
    """What staff wrote stays in front of it."""
    fields = {} if info is None else {"info": info}
    by_hand = site.sim.add_by_hand(firstName="Anna", lastName="Graf", **fields)
    assert await site.link(person(vendor_id=by_hand["id"], by_hand=True)) == by_hand["id"]
    assert site.at(by_hand["id"]) == {**by_hand, "info": after}


async def test_a_link_by_hand_is_made_once(site: Site) -> None:
    """A second pass writes nothing."""
    by_hand = site.sim.add_by_hand(firstName="Anna", lastName="Graf", info="Trainer")
    await site.link(person(vendor_id=by_hand["id"], by_hand=True))
    calls = site.calls()
    await site.link(person(vendor_id=by_hand["id"], by_hand=True))
    assert calls.writes == []


async def test_a_link_by_hand_to_nobody_is_a_conflict(site: Site) -> None:
    """A wrong id must not make a new person."""
    (outcome,) = await site.sync(person(vendor_id="nobody", by_hand=True))
    assert conflict_of(outcome).code == "link_wrong"
    assert "nobody" in conflict_of(outcome).text
    assert site.sim.persons == {}


async def test_a_link_by_hand_to_somebody_elses_person_is_a_conflict(site: Site) -> None:
    """Another member, or another hub, has that person already."""
    other = await site.link(person("2"))
    (outcome,) = await site.sync(person("1", vendor_id=other, by_hand=True))
    assert conflict_of(outcome).code == "marker_other"
    assert site.at(other)["info"] == marker("2")


async def test_a_link_by_hand_whose_marker_is_not_kept_is_a_conflict(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such as when the text was too long and cut."""
    by_hand = site.sim.add_by_hand(firstName="Anna", lastName="Graf", info="Trainer")
    monkeypatch.setattr(ExivoSimulator, "change_person_info", lambda self, request: site.at(by_hand["id"]))
    (outcome,) = await site.sync(person(vendor_id=by_hand["id"], by_hand=True))
    assert conflict_of(outcome).code == "marker_gone"


# ── after a crash ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_lost_answer_is_unconfirmed_and_nobody_is_made_twice(site: Site) -> None:
    """The next call looks for the marker and finds the person."""
    site.sim.faults.set("drop_after_write,operation=addPerson,times=1")
    (outcome,) = await site.sync(person())
    assert isinstance(error_of(outcome), Unconfirmed)
    (outcome,) = await site.sync(person(look_first=True, sure_after=NOW + timedelta(seconds=10)))
    assert outcome == grants.Link(member="desk:1", vendor_id=site.ours()[0]["id"])
    assert len(site.ours()) == 1


async def test_half_an_answer_is_a_lost_answer(site: Site) -> None:
    """The person is there although the JSON stops half-way."""
    site.sim.faults.set("cut_body,operation=addPerson,times=1")
    (outcome,) = await site.sync(person())
    assert isinstance(error_of(outcome), Unconfirmed)
    await site.link(person(look_first=True))
    assert len(site.ours()) == 1


async def test_not_found_too_early_waits(site: Site) -> None:
    """A request that was given up may still be worked on; until then not finding the person proves nothing."""
    wanted = person(look_first=True, sure_after=NOW + timedelta(seconds=7))
    (outcome,) = await site.sync(wanted)
    error = error_of(outcome)
    assert isinstance(error, RetryLater)
    assert (error.code, error.after) == ("settling", timedelta(seconds=7))
    assert site.sim.persons == {}
    site.clock.move(timedelta(seconds=7))
    assert await site.link(wanted)


async def test_many_are_looked_for_in_one_reading(site: Site) -> None:
    """The API has no search, so the whole list is read once for all of them."""
    for member in "12":
        await site.link(person(member))
    for number in range(8):
        site.sim.add_by_hand(firstName=str(number), lastName="X")
    calls = site.calls()
    found = await site.sync(*(person(member, look_first=True) for member in "123"))
    assert calls.names == ["getPersons", "getPersons", "addPerson"]
    assert [outcome.created for outcome in found if isinstance(outcome, grants.Link)] == [False, False, True]


async def test_a_search_that_fails_makes_nobody(site: Site) -> None:
    """Without the list nobody knows who is there."""
    site.sim.faults.set("status=503,operation=getPersons")
    outcomes = await site.sync(person("1", look_first=True), person("2"))
    assert all(isinstance(error_of(outcome), RetryLater) for outcome in outcomes)
    assert site.sim.persons == {}


async def test_a_search_goes_through_every_page(site: Site) -> None:
    """However many people staff made."""
    for number in range(25):
        site.sim.add_by_hand(firstName=str(number), lastName="X")
    identifier = await site.link(person())
    async with opened(site.sim, site.clock, page_size=10) as again:
        assert await again.link(person(look_first=True)) == identifier


# ── when exivo does not answer ────────────────────────────────────────────────────────────────────────────────────────


async def test_refused_credentials_end_the_round_at_the_first_person(site: Site) -> None:
    """Nineteen more calls would say the same."""
    site.sim.faults.set("unauthorized")
    calls = site.calls()
    outcomes = await site.sync(*(person(str(number)) for number in range(20)))
    assert all(isinstance(error_of(outcome), FixSettings) for outcome in outcomes)
    assert len(calls.names) == 1


async def test_silence_ends_the_round_after_three_people(site: Site) -> None:
    """Each costs several time-outs; and who was not asked about was surely not made."""
    site.sim.faults.set("drop_before_write,operation=addPerson")
    errors = [error_of(outcome) for outcome in await site.sync(*(person(str(number)) for number in range(20)))]
    assert [type(error) for error in errors] == [Unconfirmed] * 3 + [RetryLater] * 17
    assert isinstance(errors[-1], VendorError)
    assert errors[-1].code == "vendor_down"


async def test_a_pause_that_exivo_asks_for_is_kept(site: Site) -> None:
    """Nobody else is asked about before it is over."""
    site.sim.faults.set("status=429,retry_after=60")
    calls = site.calls()
    errors = [error_of(outcome) for outcome in await site.sync(*(person(str(number)) for number in range(20)))]
    assert all(isinstance(error, RetryLater) and error.after == timedelta(seconds=60) for error in errors)
    assert len(calls.names) == 1


async def test_one_lost_answer_does_not_end_the_round(site: Site) -> None:
    """The others are made."""
    site.sim.faults.set("drop_after_write,operation=addPerson,every=3")
    outcomes = await site.sync(*(person(str(number)) for number in range(9)))
    assert [isinstance(outcome, grants.Link) for outcome in outcomes] == [True, True, False] * 3
    assert len(site.ours()) == 9


# ── the whole way ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    [
        "drop_after_write,every=3",
        "drop_before_write,every=3",
        "cut_body,every=4",
        "garbage,every=4",
        "status=503,every=3",
        "status=503,every=3,when=after",
        "half_page,every=2",
        "status=429,every=3,retry_after=1",
        "slow=2",
    ],
)
async def test_whatever_goes_wrong_everybody_gets_in_once(world: World, fault: str) -> None:
    """After the trouble each member has exactly one person, one badge, and access."""
    for number in range(12):
        world.join(str(number))
    world.exivo.faults.set(fault)
    for _ in range(3):
        await world.sync()
    world.exivo.faults.clear()
    world.clock.move(timedelta(hours=7))
    result = await world.sync()
    assert result.exit_code == 0
    assert len(world.ours()) == 12
    assert len(world.exivo.media) == 12
    assert all(world.opens(str(number)) for number in range(12))
    assert (await world.plan()).changes == []
    assert await world.inbox() == []


async def test_a_link_in_the_studio_file_joins_a_member_and_a_person(world: World) -> None:
    """The admin says who it is; the person keeps everything and gets access."""
    by_hand = world.exivo.add_by_hand(firstName="Anna", lastName="Graf", info="Trainer")
    text = (world.folder / "studio.toml").read_text()
    link = f'\n[[links]]\nmember = "desk:1"\ntarget = "door"\nid = "{by_hand["id"]}"\n'
    (world.folder / "studio.toml").write_text(text + link)
    await import_file(world.hub, world.folder / "studio.toml", who="test")
    world.join("1")
    result = await world.sync()
    assert result.exit_code == 0
    assert len(world.exivo.persons) == 1
    assert world.opens("1")
    assert world.exivo.persons[by_hand["id"]]["info"].startswith("Trainer [hub:")
