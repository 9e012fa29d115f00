"""People at Spivi: by e-mail, never by name. Numbers in brackets are those of section 3 of the guide (`spivi.md`)."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from hub import FixRecord, FixSettings, RetryLater, Unconfirmed, grants, redact
from tests.plugins.spivi.support import NOW, TEACHER, Recorder, Site, opened, person

LINKS = {"link_existing_client": True}


def conflict(outcome: grants.PersonOutcome) -> str:
    assert isinstance(outcome, grants.PersonConflict), outcome
    return outcome.code


def failed(outcome: grants.PersonOutcome) -> Exception:
    assert isinstance(outcome, grants.Failed), outcome
    return outcome.error


async def test_8_who_is_there_is_found_by_email(site: Site) -> None:
    """(8) Trimmed and without regard to letter case."""
    row = site.sim.add_by_hand("Anna1@Example.org", "Somebody", "Else")
    link = await site.link(person(email=" anna1@example.ORG "))
    assert (link.vendor_id, link.created) == (row["ClientID"], False)
    assert len(site.sim.world.clients) == 2


async def test_8_nobody_is_found_by_name(site: Site) -> None:
    """(8) The same name with another address is somebody else."""
    row = site.sim.add_by_hand("other@example.org", "Anna", "Graf")
    link = await site.link(person())
    assert link.created
    assert link.vendor_id != row["ClientID"]


async def test_8_an_answer_with_another_address_is_not_believed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """(8) The answer's address must be the one that was asked for."""
    stranger = site.sim.add_by_hand("other@example.org")
    monkeypatch.setattr(site.sim.world, "client_by_email", lambda email: stranger)
    assert conflict(await site.sync_one(person())) == "client_refused"


async def test_8_who_is_not_there_is_created(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """(8) With a password that nobody knows and that is kept nowhere; twice is once."""
    sent = Recorder(site.sim, monkeypatch)
    link = await site.link(person(birth_date=date(1990, 5, 3), gender="female", weight_kg=61.4))
    assert link.created
    form = sent.form("AddClient")
    assert form["Username"] == "anna1@example.org"
    assert (form["FirstName"], form["LastName"]) == ("Anna", "Graf")
    assert (form["BirthDate"], form["Gender"], form["Weight"]) == ("03/05/1990", "Female", "61")
    assert len(form["Password"]) >= 20
    assert redact.mask(form["Password"]) == redact.MASK
    again = await site.link(person())
    assert (again.vendor_id, again.created) == (link.vendor_id, False)


async def test_8_a_missing_name_keeps_nobody_out(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """(8) Both names are always sent."""
    sent = Recorder(site.sim, monkeypatch)
    await site.link(person(given_name=" ", family_name=""))
    assert (sent.form("AddClient")["FirstName"], sent.form("AddClient")["LastName"]) == ("-", "-")


@pytest.mark.parametrize(
    ("faults", "settings"), [(["add_links"], {}), ([], {"calls": LINKS}), (["add_links"], {"calls": LINKS})]
)
async def test_8_who_rides_elsewhere_is_linked(faults: list[str], settings: dict[str, Any]) -> None:
    """(8) Where adding is enough, and where it takes a call of its own."""
    async with opened(faults=faults, **settings) as site:
        site.sim.rides_elsewhere("anna1@example.org", LevelName="Gold")
        link = await site.link(person())
        assert site.sim.world.clients[link.vendor_id]["LevelName"] == "Gold"


async def test_8_who_rides_elsewhere_and_is_refused_is_told() -> None:
    """(8) The placeholder call is off: staff add them in Spivi, and the next sync finds them."""
    async with opened(faults=["documented_only"]) as site:
        site.sim.rides_elsewhere("anna1@example.org")
        outcome = await site.sync_one(person())
        assert conflict(outcome) == "client_refused"
        assert isinstance(outcome, grants.PersonConflict)
        assert "Username is taken" in outcome.text
        site.sim.add_by_hand("anna1@example.org")
        assert not (await site.link(person())).created


async def test_9_an_account_is_announced_once() -> None:
    """(9) `created` once, on whichever call learns of it: the mail hangs on it."""
    async with opened(faults=["drop_after_write,times=1"]) as site:
        assert isinstance(failed(await site.sync_one(person())), Unconfirmed)
        link = await site.link(person(look_first=True, sure_after=NOW, maybe_created=True))
        assert link.created
        assert not (await site.link(person(vendor_id=link.vendor_id))).created
        assert len(site.sim.world.clients) == 2


async def test_9_nobody_is_told_of_an_account_that_was_there_before(site: Site) -> None:
    """(9) A process died before it looked: who is found may have been there all along."""
    site.sim.add_by_hand("anna1@example.org")
    assert not (await site.link(person(look_first=True, sure_after=NOW))).created


async def test_not_finding_proves_nothing_at_first(site: Site) -> None:
    """A create that was given up may still be worked on."""
    wanted = person(look_first=True, sure_after=NOW + timedelta(seconds=15))
    error = failed(await site.sync_one(wanted))
    assert isinstance(error, RetryLater)
    assert error.code == "settling"
    site.clock.move(timedelta(seconds=16))
    await site.link(wanted)


async def test_an_error_inside_200_that_came_after_the_work_is_seen_through() -> None:
    """After any refusal the person is looked up before it is believed."""
    async with opened(faults=["error_inside=409,done=true,times=1,operation=addClient"]) as site:
        link = await site.link(person())
        assert link.vendor_id in site.sim.world.clients


# ── conflicts ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_an_email_there_is_no_rider(site: Site) -> None:
    """Spivi knows people by nothing else."""
    assert conflict(await site.sync_one(person(email=None))) == "no_email"
    assert conflict(await site.sync_one(person(email="  "))) == "no_email"


async def test_a_shared_address_is_nobodys(site: Site) -> None:
    """Neither of the two is linked; one whom an admin named is."""
    row = site.sim.add_by_hand("family@example.org")
    first, second = person("1", email="family@example.org"), person("2", email="Family@example.org")
    assert [conflict(outcome) for outcome in await site.sync(first, second)] == ["email_shared", "email_shared"]
    by_hand = person("3", email="family@example.org", by_hand=True, vendor_id=row["ClientID"])
    linked, outcome = await site.sync(by_hand, first)
    assert isinstance(linked, grants.Link)
    assert conflict(outcome) == "client_shared"


async def test_10_a_link_by_hand_beats_the_email(site: Site) -> None:
    """(10) And survives every sync; that the addresses differ is said."""
    mine = site.sim.add_by_hand("old@example.org", Weight=60)
    site.sim.add_by_hand("anna1@example.org")
    calls = site.calls()
    link = await site.link(person(vendor_id=mine["ClientID"], by_hand=True))
    assert link.vendor_id == mine["ClientID"]
    assert [note.code for note in link.notes] == ["addresses_differ"]
    assert calls.writes == []


async def test_an_email_that_changed_at_the_source_keeps_the_link(site: Site) -> None:
    """Nobody new is made, and nobody else's profile is changed."""
    link = await site.link(person())
    other = site.sim.add_by_hand("new@example.org", Weight=80)
    again = await site.link(person(vendor_id=link.vendor_id, email="new@example.org", weight_kg=61))
    assert again.vendor_id == link.vendor_id
    assert [note.code for note in again.notes] == ["addresses_differ"]
    assert site.sim.world.clients[other["ClientID"]]["Weight"] == 80


async def test_a_teacher_is_found_and_never_made(site: Site) -> None:
    """How Spivi makes somebody an instructor is unknown."""
    link = await site.link(person(email=TEACHER, instructor=True))
    assert link.vendor_id in site.sim.world.instructors
    assert conflict(await site.sync_one(person(instructor=True))) == "instructor_unknown"
    assert len(site.sim.world.clients) == 1


# ── profile ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_11_a_profile_is_pushed_once(site: Site) -> None:
    """(11) What differs, in whole numbers; the second time nothing does."""
    row = site.sim.add_by_hand("anna1@example.org", Weight=70, Height=170)
    wanted = person(weight_kg=61.4, height_cm=170, ftp_w=155, lthr=165, rhr=58, strap="4711", gender="f")
    calls = site.calls()
    await site.link(wanted)
    await site.link(wanted)
    assert calls.writes == ["updateClient"]
    seen = site.sim.world.clients[row["ClientID"]]
    assert [seen[name] for name in ("Weight", "Height", "FTP", "LTHR", "RHR")] == [61, 170, 155, 165, 58]
    assert (seen["DeviceID"], seen["Gender"]) == ("4711", "Female")


@pytest.mark.parametrize("faults", [[], ["update_blanks"]])
async def test_11_blank_stays_blank_and_never_overwrites(faults: list[str]) -> None:
    """(11) Whether Spivi keeps what is left out or empties it."""
    async with opened(faults=faults) as site:
        row = site.sim.add_by_hand("anna1@example.org", Weight=70, Height=170, Phone="079", PST=3, DeviceID="9")
        calls = site.calls()
        await site.link(person())
        assert calls.writes == []
        await site.link(person(weight_kg=65))
        seen = site.sim.world.clients[row["ClientID"]]
        assert seen["Weight"] == 65
        assert (seen["Height"], seen["Phone"], seen["PST"], seen["DeviceID"]) == (170, "079", 3, "9")
        assert (seen["FirstName"], seen["LastName"]) == ("Ada", "Muster")


async def test_11_what_can_hardly_be_is_not_sent(site: Site) -> None:
    """(11) And said; 0 is blank."""
    row = site.sim.add_by_hand("anna1@example.org", Weight=70)
    link = await site.link(person(weight_kg=610, height_cm=0))
    assert [note.code for note in link.notes] == ["profile_implausible"]
    assert site.sim.world.clients[row["ClientID"]]["Weight"] == 70


async def test_11_the_highest_heart_rate_has_no_field(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """(11) It is never sent as something else; a studio that knows the field names it."""
    sent = Recorder(site.sim, monkeypatch)
    await site.link(person(max_hr=188))
    assert "188" not in sent.form("AddClient").values()
    async with opened(site.sim, fields={"max_hr": "MaxHR"}) as able:
        await able.link(person("2", max_hr=188))
        assert sent.form("UpdateClient")["MaxHR"] == "188"


@pytest.mark.parametrize(("form", "sent_as"), [("yyyy-mm-dd", "1990-05-03"), ("", None)])
async def test_11_the_form_of_birth_dates_is_a_setting(
    monkeypatch: pytest.MonkeyPatch, form: str, sent_as: str | None
) -> None:
    """(11) It is unknown; none is sent where it is empty."""
    async with opened(birth_date_format=form) as site:
        sent = Recorder(site.sim, monkeypatch)
        await site.link(person(birth_date=date(1990, 5, 3)))
        assert sent.form("AddClient").get("BirthDate") == sent_as


async def test_12_a_sync_never_switches_the_live_display(site: Site) -> None:
    """(12) Riders set it in Spivi too; only a change that was made here is pushed, and only where the field is
    known."""
    async with opened(site.sim, calls={"set_live_display_consent": True}) as able:
        await able.link(person())
        calls = able.calls()
        await able.link(person(weight_kg=61))
        assert calls.writes == ["updateClient"]
        seen = able.sim.world.client_by_email("anna1@example.org")
        assert seen is not None
        assert "DisplayLiveData" not in seen
        await able.link(person(show_live=False))
        seen = able.sim.world.client_by_email("anna1@example.org")
        assert seen is not None
        assert seen["DisplayLiveData"] == 0
    calls = site.calls()
    await site.link(person(show_live=True))
    assert calls.writes == []


async def test_a_profile_that_spivi_refuses_fails_that_person_alone() -> None:
    """The others are done."""
    async with opened(faults=["error_inside=422,operation=updateClient,times=1"]) as site:
        for member in "12":
            site.sim.add_by_hand(f"anna{member}@example.org", Weight=70)
        first, second = await site.sync(person("1", weight_kg=61), person("2", weight_kg=61))
        assert isinstance(failed(first), FixRecord)
        assert isinstance(second, grants.Link)


# ── many ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("faults", [[], ["unlisted_clients"], ["half_page,times=1"], ["documented_only"]])
async def test_10_the_daily_sync_finds_everybody(faults: list[str]) -> None:
    """(10) From one list where Spivi gives one, and one by one for whoever isn't in it."""
    async with opened(faults=faults) as site:
        rows = [site.sim.add_by_hand(f"anna{number}@example.org") for number in range(10)]
        calls = site.calls()
        outcomes = await site.sync(*(person(str(number)) for number in range(10)))
        links = [outcome for outcome in outcomes if isinstance(outcome, grants.Link)]
        assert [link.vendor_id for link in links] == [row["ClientID"] for row in rows]
        assert calls.writes == []
        if faults in ([], ["documented_only"]):
            assert calls.names == ["getClients"]


async def test_refused_credentials_end_a_sync_at_once(site: Site) -> None:
    """Nobody else can be done either; one call is enough to know."""
    site.sim.faults.set("unauthorized")
    calls = site.calls()
    outcomes = await site.sync(*(person(str(number)) for number in range(4)))
    assert all(isinstance(failed(outcome), FixSettings) for outcome in outcomes)
    assert len(calls.names) == 1


async def test_silence_ends_a_sync_soon(site: Site) -> None:
    """Each of the others would cost several time-outs."""
    site.sim.faults.set("outage=drop")
    outcomes = await site.sync(*(person(str(number)) for number in range(4)))
    assert all(isinstance(failed(outcome), RetryLater) for outcome in outcomes)


async def test_9_a_profile_that_fails_does_not_hide_a_new_account() -> None:
    """(9) The account is new, and its mail goes out; the profile follows."""
    async with opened(faults=["error_inside=422,operation=updateClient,times=1"]) as site:
        link = await site.link(person(lthr=165))
        assert link.created
        assert [note.code for note in link.notes] == ["profile_later"]
        assert (await site.link(person(lthr=165))).notes == ()
        assert site.sim.world.clients[link.vendor_id]["LTHR"] == 165
