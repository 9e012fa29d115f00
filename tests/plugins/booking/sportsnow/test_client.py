"""The client against a vendor and a network that misbehave; and what it sends."""

from __future__ import annotations

import logging
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import respx

from hub import FixSettings, RetryLater
from hub.http import Client
from hub.records import Window
from plugins.booking.sportsnow import wire
from plugins.booking.sportsnow.client import SportsNow
from plugins.booking.sportsnow.settings import SportsNowSettings
from tests.plugins.booking.sportsnow.support import TIMETABLE, Studio, connect, opened, put

ADDRESS = "https://www.sportsnow.ch/platform/api/v1/public/provider/studio-nordlicht/live_calendar"
MONDAY = date(2026, 11, 16)


async def answered(response: httpx.Response | Exception) -> tuple[list[Any], respx.Route]:
    """What a week is when SportsNow answers so."""
    _, connection = connect()
    with respx.mock() as vendor:
        route = vendor.post(url__startswith=ADDRESS)
        route.mock(side_effect=response if isinstance(response, Exception) else lambda request: response)
        try:
            return await connection.keep(SportsNow).week(MONDAY), route
        finally:
            await connection.aclose()


async def test_the_call_is_spelt_as_it_is_known() -> None:
    """A POST, the date in the query, an empty object as JSON, nobody signed in; at the vendor's own address."""
    rows, route = await answered(httpx.Response(200, json=[]))
    request = route.calls.last.request
    assert rows == []
    assert str(request.url) == f"{ADDRESS}?date=2026-11-16"
    assert (request.content, request.headers["content-type"]) == (b"{}", "application/json")
    assert "authorization" not in request.headers


@pytest.mark.parametrize(
    "response",
    [
        httpx.Response(200, html="<h1>Welcome</h1>"),
        httpx.Response(200, json={"lessons": []}),
        httpx.Response(200, json=None),
        httpx.Response(200, json=["lesson"]),
        httpx.Response(200, content=b'[{"date": "2026-11'),
        httpx.Response(204),
        httpx.Response(429),
        httpx.Response(500),
        httpx.Response(503),
        httpx.ConnectError("no route"),
        httpx.ReadTimeout("late"),
        httpx.ReadError("reset"),
    ],
)
async def test_what_is_no_timetable_is_asked_for_again_later(response: httpx.Response | Exception) -> None:
    """It says nothing about which lessons there are."""
    with pytest.raises(RetryLater):
        await answered(response)


@pytest.mark.parametrize("status", [401, 403, 404, 302])
async def test_what_a_person_has_to_change_is_a_matter_of_settings(status: int) -> None:
    """A redirect is never followed."""
    with pytest.raises(FixSettings):
        await answered(httpx.Response(status, headers={"Location": "https://elsewhere.invalid"}))


async def test_how_long_sportsnow_wants_to_be_left_alone_is_passed_on() -> None:
    """Whoever schedules waits."""
    with pytest.raises(RetryLater) as caught:
        await answered(httpx.Response(429, headers={"Retry-After": "120"}))
    assert caught.value.after == timedelta(seconds=120)


@pytest.mark.parametrize(
    "fault",
    ["status=503,every=2", "status=429,retry_after=0,every=2", "drop_after_write,every=2", "slow=5", "outage,times=1"],
)
async def test_a_passing_fault_loses_nothing(studio: Studio, fault: str) -> None:
    """The timetable is only read, so asking again is harmless."""
    studio.sim.faults.set(fault)
    found = await studio.timetable(weeks=6)
    assert len(found.ids("session")) == 18
    assert found.mark.kinds == {"session"}


@pytest.mark.parametrize("fault", ["outage", "outage=drop", "garbage", "cut_body", "status=500"])
async def test_a_lasting_fault_ends_the_read_without_a_mark(studio: Studio, fault: str) -> None:
    """So nothing is cancelled on it."""
    studio.sim.faults.set(fault)
    with pytest.raises(RetryLater):
        await studio.timetable()


async def test_half_an_answer_cant_be_told_and_the_next_one_brings_the_lessons_back(studio: Studio) -> None:
    """The timetable has neither a count nor an end."""
    studio.sim.faults.set("half_page,times=1")
    assert len((await studio.timetable()).ids("session")) == 1
    assert len((await studio.timetable()).ids("session")) == 3


async def test_weeks_that_were_read_before_a_fault_are_kept(studio: Studio) -> None:
    """Pages are handed out as they arrive."""
    studio.sim.faults.set("garbage,after=2")
    found = await studio.broken(Window(kinds=TIMETABLE), RetryLater)
    pages = [page for page in found.pages if page.kind == "session"]
    assert [len(page.records) for page in pages] == [3, 3]


async def test_a_timetable_that_is_down_keeps_nobody_from_the_door(tmp_path: Path) -> None:
    """The folder is read first, and only then the read fails."""
    put(tmp_path, "passes.csv", "id", "1")
    async with opened(path=tmp_path) as studio:
        studio.sim.faults.set("outage")
        found = await studio.broken(Window(), RetryLater)
    assert found.ids("pass") == {"1"}


async def test_a_folder_that_is_missing_keeps_no_lesson_from_being_read(tmp_path: Path) -> None:
    """The other way round too."""
    async with opened(path=tmp_path / "nowhere") as studio:
        found = await studio.broken(Window(), FixSettings)
    assert len(found.ids("session")) == 18


@pytest.mark.parametrize(("setting", "rate"), [(None, wire.PER_SECOND), (4.0, 4.0)])
async def test_requests_are_paced(monkeypatch: pytest.MonkeyPatch, setting: float | None, rate: float) -> None:
    """No limit is known, so the hub is slow unless somebody says otherwise."""
    rates: list[float | None] = []
    make = Client.__init__

    def init(self: Client, base_url: str, **options: Any) -> None:
        rates.append(options["per_second"])
        make(self, base_url, **options)

    monkeypatch.setattr(Client, "__init__", init)
    _, connection = connect(requests_per_second=setting)
    connection.keep(SportsNow)
    await connection.aclose()
    assert rates == [rate]


@pytest.mark.parametrize(
    "given",
    [
        "blg-sports-club",
        " blg-sports-club\n",
        "https://www.sportsnow.ch/providers/blg-sports-club/schedule",
        "https://www.sportsnow.ch/de/providers/blg-sports-club?x=1",
        "https://www.sportsnow.ch/platform/api/v1/public/provider/blg-sports-club/live_calendar",
    ],
)
def test_the_provider_may_be_given_as_the_public_address(given: str) -> None:
    """That is what people copy; a number is taken too."""
    assert SportsNowSettings(provider=given).provider == "blg-sports-club"
    assert SportsNowSettings(provider="4711").provider == "4711"


@pytest.mark.parametrize("given", ["", "a/b", "../admin", "a b", "https://elsewhere.invalid/providers/a/b"])
def test_a_provider_that_is_none_is_refused(given: str) -> None:
    """It is part of an address."""
    with pytest.raises(ValueError, match="provider"):
        SportsNowSettings(provider=given)


def test_the_client_refuses_settings_of_another_plugin() -> None:
    """A mistake in the hub, not in the settings."""
    _, connection = connect()
    connection.settings = object()  # type: ignore[assignment]
    with pytest.raises(TypeError):
        SportsNow(connection)


async def test_the_token_is_in_no_log(caplog: pytest.LogCaptureFixture) -> None:
    """Whatever goes wrong."""
    caplog.set_level(logging.DEBUG)
    settings = {"assumed_routes": True, "token": "very-secret-token-2", "badge_numbers": "decimal"}
    async with opened(**settings) as studio:
        studio.sim.faults.set("outage=drop")
        with pytest.raises(RetryLater) as caught:
            await studio.read()
        assert "very-secret-token-2" not in f"{caught.value!r} {caught.value} {studio.connection!r} {caplog.text}"
