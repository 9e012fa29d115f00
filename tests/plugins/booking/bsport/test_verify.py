"""Trying a connection: what works, what doesn't, the vendor's words, what to do; and when the key ends."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from hub import FixSettings
from hub.grants import Check, CheckState
from plugins.booking.bsport import key
from plugins.booking.bsport.settings import BsportSettings
from plugins.booking.bsport.simulator import API_KEY, CLASSIC_TOKEN, make_key
from tests.plugins.booking.bsport.support import NOW, SPOTS, Studio, connection, opened, simulator

FAR = {"key_ends": "2027-11-01"}


def states(checks: Sequence[Check]) -> dict[str, CheckState]:
    return {check.title: check.state for check in checks}


def failed(checks: Sequence[Check]) -> Check:
    (found,) = [check for check in checks if check.state is CheckState.FAILED]
    return found


async def test_a_good_connection_is_good_in_every_point() -> None:
    """Each point names one thing that works; what is up to a person is skipped."""
    async with opened(simulator(), **FAR, **SPOTS) as studio:
        checks = await studio.verify()
    assert states(checks) == {
        "bsport answers": CheckState.OK,
        "key, company and client are accepted": CheckState.OK,
        "the key lasts until 2027-11-01": CheckState.OK,
        "members can be read": CheckState.OK,
        "tags can be read": CheckState.OK,
        "passes can be read": CheckState.OK,
        "passes of members can be read": CheckState.OK,
        "classes can be read": CheckState.OK,
        "bookings can be read": CheckState.OK,
        "spots can be read": CheckState.OK,
        "webhooks are set up by hand": CheckState.SKIPPED,
    }
    assert checks[0].took_ms is not None


async def test_verifying_changes_nothing() -> None:
    async with opened(simulator(), **SPOTS) as studio:
        before = studio.sim.world.snapshot()
        await studio.verify()
        assert vars(studio.sim.world) == vars(before)
        assert studio.sim.log.writes == 0


@pytest.mark.parametrize("settings", [{"api_key": "wrong-key"}, {"company_id": 5}, {"client_id": "other"}])
async def test_each_of_the_three_headers_is_checked(settings: dict[str, Any]) -> None:
    """bsport answers, so it is not the network."""
    async with opened(simulator(), **FAR, **settings) as studio:
        checks = await studio.verify()
    assert states(checks)["bsport answers"] is CheckState.OK
    check = failed(checks)
    assert check.title == "key, company and client are accepted"
    assert check.said
    assert "company_id" in check.fix
    assert API_KEY not in repr(checks)


@pytest.mark.parametrize("fault", ["outage", "garbage", "status=404", "outage=drop", "cut_body"])
async def test_what_is_not_bsport_is_told_apart(studio: Studio, fault: str) -> None:
    studio.sim.faults.set(fault)
    check = failed(await studio.verify())
    assert check.title == "bsport answers"
    assert "base_url" in check.fix


@pytest.mark.parametrize(
    ("operation", "title"),
    [
        ("listClients", "members can be read"),
        ("listPasses", "passes can be read"),
        ("listClientPasses", "passes of members can be read"),
        ("listClasses", "classes can be read"),
        ("listBookings", "bookings can be read"),
    ],
)
@pytest.mark.parametrize("fault", ["unauthorized", "status=404", "garbage", "outage"])
async def test_a_list_that_may_not_be_read_is_told(studio: Studio, operation: str, title: str, fault: str) -> None:
    """And the other points are still tried."""
    studio.sim.faults.set(f"{fault},operation={operation}")
    checks = await studio.verify()
    assert failed(checks).title == title
    assert failed(checks).fix
    assert len(checks) == 11


async def test_a_wrong_classic_token_is_told() -> None:
    async with opened(simulator(), **FAR, read_spots=True, classic_token="wrong-token") as studio:
        check = failed(await studio.verify())
    assert check.title == "spots can be read"
    assert "classic_token" in check.fix
    assert "wrong-token" not in repr(check)


async def test_a_missing_classic_token_is_told() -> None:
    async with opened(simulator(), **FAR, read_spots=True) as studio:
        assert "classic_token" in failed(await studio.verify()).said


async def test_guessed_lists_that_are_not_there_are_a_warning() -> None:
    async with opened(simulator(), **FAR, guessed_lists=True) as studio:
        checks = await studio.verify()
    warned = [check.title for check in checks if check.state is CheckState.WARNING]
    assert warned == ["venues can be read", "teachers can be read"]


# ── the key ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_is_asked_for_when_the_key_ends(studio: Studio) -> None:
    """A key that doesn't say so would end without notice."""
    (check,) = [check for check in await studio.verify() if check.state is CheckState.WARNING]
    assert check.title == "it is known when the key ends"
    assert "key_ends" in check.fix
    assert not (await studio.read()).notes


@pytest.mark.parametrize(
    ("ends", "warned"), [("2026-12-22", False), ("2026-12-21", True), ("2026-11-21", True), ("2026-11-01", True)]
)
async def test_a_key_that_ends_soon_is_told_in_verify_and_in_every_read(ends: str, warned: bool) -> None:
    """30 days before, by its date; the note is the same one every day."""
    async with opened(simulator(), key_ends=ends) as studio:
        warnings = [check for check in await studio.verify() if check.state is CheckState.WARNING]
        notes = (await studio.read()).notes
        studio.clock.move(timedelta(days=1))
        later = (await studio.read()).notes
    assert bool(warnings) is bool(notes) is warned
    if warned:
        assert ends in warnings[0].said
        (note,) = notes
        assert (note.id, note.where) == ("", "key_ends")
        assert ends in note.what
        assert note.fix
        assert later == notes


async def test_a_key_may_say_itself_when_it_ends() -> None:
    """Keys are signed tokens; an end that was typed in comes first."""
    ends = datetime(2026, 12, 5, 23, 30, tzinfo=UTC)
    token = make_key(ends)
    async with opened(simulator(api_key=token, key_ends=ends), api_key=token) as studio:
        (note,) = (await studio.read()).notes
        assert "2026-12-06" in note.what, "in the studio's zone"
        studio.clock.set(ends)
        with pytest.raises(FixSettings) as caught:
            await studio.read()
        assert "about a year" in caught.value.fix
        checks = await studio.verify()
    assert failed(checks).title == "key, company and client are accepted"
    assert token not in repr(checks)
    assert str(key.key_ends(connection(None, api_key=token, key_ends="2027-01-01"))) == "2027-01-01"


@pytest.mark.parametrize("token", ["a.b.c", "a.e30.c", "a.bnVsbA.c", "....", "a.eyJleHAiOjFlOTl9.c", "a.é.c"])
def test_a_key_that_says_nothing_sensible_says_nothing(token: str) -> None:
    assert key.key_ends(connection(None, api_key=token)) is None


# ── settings ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_secrets_are_secret() -> None:
    """In reprs, and known to the vault by name."""
    settings = connection(None, **SPOTS).settings
    assert type(settings).secret_names() == {"api_key", "classic_token"}
    assert API_KEY not in repr(settings)
    assert CLASSIC_TOKEN not in repr(settings)


@pytest.mark.parametrize(
    "wrong",
    [
        {"api_key": " "},
        {"company_id": 0},
        {"company_id": "x"},
        {"client_id": ""},
        {"client_id": "a\nb"},
        {"classic_base_url": "ftp://x"},
        {"classic_base_url": "https://user:pw@x"},
        {"page_size": 1000},
        {"colour": "blue"},
    ],
)
def test_settings_that_can_not_be_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        BsportSettings(**{"api_key": "k", "company_id": 1, "client_id": "s", **wrong})


def test_what_is_pasted_may_have_spaces_around() -> None:
    settings = BsportSettings(api_key=f" {API_KEY}\n", company_id="4711", client_id=" nordlicht ")
    assert settings.api_key.get_secret_value() == API_KEY
    assert (settings.company_id, settings.client_id) == (4711, "nordlicht")


def test_now_is_frozen() -> None:
    assert connection(None).clock.now() == NOW
