"""The calls to Spivi as they stand on the wire, and what becomes of answers that are not as they should be."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any
from urllib.parse import parse_qsl

import httpx
import msgspec
import pytest
import respx
from pydantic import ValidationError

from hub import FixSettings, NotFound, Refused, RetryLater, Unconfirmed, VendorError, grants
from hub.plugins import Trace
from plugins import spivi
from plugins.spivi import wire
from plugins.spivi.answers import parse
from plugins.spivi.client import TRIES, Spivi
from plugins.spivi.settings import SpiviSettings
from plugins.spivi.simulator import PASSWORD, SITE_ID, SOURCE_NAME
from tests.plugins.spivi.support import Site, connection, marker, opened, person, session

BASE = "http://spivi.test"
FINE = "<R><ErrorCode>200</ErrorCode></R>"
BOMB = (
    '<!DOCTYPE R [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
    '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><R><ErrorCode>200</ErrorCode><x>&c;</x></R>'
)
FILE = '<!DOCTYPE R [<!ENTITY x SYSTEM "file:///etc/passwd">]><R><ErrorCode>200</ErrorCode><x>&x;</x></R>'
UNREADABLE = {
    "html": "<!doctype html><html><body>It works!</body></html>",
    "xhtml": "<html><body>It works!</body></html>",
    "half": "<R><ErrorCode>200</ErrorCode><Clients><Cli",
    "empty": "",
    "bomb": BOMB,
    "file": FILE,
    "doctype": "<!DOCTYPE R><R><ErrorCode>200</ErrorCode></R>",
    "no code": "<R><Clients/></R>",
    "json": '{"ErrorCode": 200}',
    "encoding": '<?xml version="1.0" encoding="klingon"?><R><ErrorCode>200</ErrorCode></R>',
}
Call = Callable[[Spivi], Any]


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    """The vendor; a request that no test expects fails."""
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        yield router


@pytest.fixture
async def api() -> AsyncIterator[Spivi]:
    """A client of it."""
    made = connection(BASE)
    yield made.keep(Spivi)
    await made.aclose()


async def test_every_call_is_a_form_with_brackets(vendor: respx.MockRouter, api: Spivi) -> None:
    """POST, `Service/Method`, credentials in every one, lists by number."""
    route = vendor.post("/EventService/GetEvents").respond(text=FINE)
    await api.event("55102")
    (sent,) = [made.request for made in route.calls]
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
    assert "authorization" not in sent.headers
    assert dict(parse_qsl(sent.content.decode())) == {
        "SourceCredentials[SourceName]": SOURCE_NAME,
        "SourceCredentials[Password]": PASSWORD,
        "SourceCredentials[SiteID]": SITE_ID,
        "EventIDs[0]": "55102",
    }


async def test_without_a_base_url_it_is_the_vendor() -> None:
    """Nobody has to know the address."""
    made = connection(None)
    assert made.keep(Spivi).http.base_url == "https://api.spivi.com"
    await made.aclose()


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_read_that_can_not_be_read_is_made_again(vendor: respx.MockRouter, api: Spivi, body: str) -> None:
    """HTTP 200 says nothing: HTML, half an answer, entities, no code."""
    route = vendor.post("/ClientService/GetClients").mock(return_value=httpx.Response(200, text=body))
    with pytest.raises(RetryLater) as caught:
        await api.try_credentials()
    assert caught.value.code == "vendor_garbage"
    assert route.call_count == TRIES
    assert "root:" not in str(caught.value)
    route.mock(side_effect=[httpx.Response(200, text=body), httpx.Response(200, text=FINE)])
    await api.try_credentials()


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE)
async def test_a_write_that_can_not_be_read_is_unconfirmed(vendor: respx.MockRouter, api: Spivi, body: str) -> None:
    """It may have taken effect, so it is never repeated blindly."""
    route = vendor.post("/EventService/AddEvent").respond(text=body)
    with pytest.raises(Unconfirmed):
        await api.create_event({"title": "x"})
    assert route.call_count == 1


@pytest.mark.parametrize("error", [httpx.ReadTimeout("too slow"), httpx.RemoteProtocolError("gone")])
async def test_a_time_out_on_creating_is_looked_up(vendor: respx.MockRouter, error: Exception) -> None:
    """Unconfirmed; called again with `look_first` it finds the event by its marker, and creates none."""
    create = vendor.post("/EventService/AddEvent").mock(side_effect=error)
    listing = vendor.post("/EventService/GetEvents").respond(text=FINE)
    made = connection(BASE)
    vendor.post("/ClientService/GetInstructors").respond(text=FINE)
    with pytest.raises(Unconfirmed):
        await spivi.session_created(made, session(instructor_email=None))
    listing.respond(
        text="<R><ErrorCode>200</ErrorCode><Events><Event><EventID>7</EventID><Title>Power Ride 45</Title>"
        f"<Description>{marker()}</Description><StartDateTime>22-11-2026T18:00:00</StartDateTime>"
        "<EndDateTime>22-11-2026T18:45</EndDateTime><IsCancelled>0</IsCancelled></Event></Events></R>"
    )
    outcome = await spivi.session_created(made, session(instructor_email=None, look_first=True))
    assert outcome.vendor_id == "7"
    assert create.call_count == 1
    await made.aclose()


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("401", FixSettings),
        ("403", FixSettings),
        ("404", NotFound),
        ("409", Refused),
        ("422", Refused),
        ("429", RetryLater),
        ("503", RetryLater),
        ("17", Refused),
        ("-1", Refused),
    ],
)
async def test_an_error_inside_200_has_its_consequence(
    vendor: respx.MockRouter, api: Spivi, code: str, error: type[VendorError]
) -> None:
    """One table says which."""
    vendor.post("/EventService/CancelEvent").respond(
        text=f"<R><ErrorCode>{code}</ErrorCode><message>No {PASSWORD}</message></R>"
    )
    with pytest.raises(error) as caught:
        await api.cancel_event("7")
    assert caught.value.said == "No •••"


async def test_the_password_of_a_new_client_does_not_stop_the_site(vendor: respx.MockRouter, api: Spivi) -> None:
    """A refusal that speaks of a password is about our credentials only where the code says so."""
    vendor.post("/ClientService/AddClient").respond(
        text="<R><ErrorCode>17</ErrorCode><Clients><message>Password too short</message></Clients></R>"
    )
    with pytest.raises(Refused):
        await api.create_client({"username": "a@example.org"})


@pytest.mark.parametrize(("meaning", "error"), [("retry", RetryLater), ("credentials", FixSettings), ("ok", None)])
async def test_a_studio_can_say_what_a_code_means(
    vendor: respx.MockRouter, meaning: Any, error: type[VendorError] | None
) -> None:
    """Without a release."""
    vendor.post("/EventService/CancelEvent").respond(text="<R><ErrorCode>17</ErrorCode></R>")
    made = connection(BASE, error_codes={"17": meaning})
    if error is None:
        await made.keep(Spivi).cancel_event("7")
    else:
        with pytest.raises(error):
            await made.keep(Spivi).cancel_event("7")
    await made.aclose()


async def test_a_studio_can_rename_calls_and_fields(vendor: respx.MockRouter) -> None:
    """A path in `calls` switches on too; an empty field is not sent."""
    route = vendor.post("/EventService/ChangeEvent").respond(text=FINE)
    made = connection(BASE, calls={"update_event": "/EventService/ChangeEvent"}, fields={"box": "Box", "title": ""})
    await made.keep(Spivi).update_event("7", {"box": "4471", "title": "x"})
    form = dict(parse_qsl(route.calls.last.request.content.decode()))
    assert (form["Box"], form["EventID"]) == ("4471", "7")
    assert "Title" not in form
    await made.aclose()


@pytest.mark.parametrize(
    "settings",
    [{"calls": {"update_events": True}}, {"fields": {"titel": "Name"}}, {"error_codes": {"17": "no idea"}}],
)
def test_a_wrong_name_in_the_settings_is_refused(settings: dict[str, Any]) -> None:
    """With the nearest right one."""
    with pytest.raises(ValidationError) as caught:
        connection(BASE, **settings)
    assert "did you mean" in str(caught.value) or "error_codes" in str(caught.value)


def test_settings_survive_being_stored() -> None:
    """As they are kept and read back, without the secret; box ids in every form."""
    settings = connection(
        BASE, calls={"get_layout": "X/Y"}, fields={"max_hr": ["HR"]}, error_codes={"17": "ok"}
    ).settings
    stored = settings.model_dump(mode="json", exclude=set(settings.secret_names()), exclude_none=True)
    assert PASSWORD not in str(stored)
    assert SpiviSettings(**stored, password=PASSWORD) == settings
    for boxes in ("4471, 4472,", ["4471", 4472], ("4471", " 4472 ")):
        assert SpiviSettings(**{**stored, "box_ids": boxes}, password=PASSWORD).box_ids == ("4471", "4472")


async def test_a_call_that_is_off_is_never_made(api: Spivi) -> None:
    """Placeholders are off until somebody says otherwise."""
    off = {name for name, call in wire.CALLS.items() if not call.on}
    assert off == {name for name, call in wire.CALLS.items() if call.evidence != "documented"}
    for name in off:
        with pytest.raises(FixSettings):
            await api.ask(name, {})


async def test_the_password_is_nowhere(vendor: respx.MockRouter, api: Spivi, caplog: pytest.LogCaptureFixture) -> None:
    """Not in a repr, a log, a trace or an error, even where Spivi sends it back."""
    caplog.set_level(logging.DEBUG)
    vendor.post(path__regex=".*").respond(
        text=f"<R><ErrorCode>422</ErrorCode><message>SourceCredentials[Password]={PASSWORD}</message></R>"
    )
    with pytest.raises(Refused) as caught:
        await api.event("7")
    lines: list[str] = []
    Trace(lines.append).line("spivi", "verify", {"settings": api.settings}, repr(api.settings), 0.1)
    for text in (repr(api.settings), repr(api.connection), str(caught.value), caplog.text, *lines):
        assert PASSWORD not in text


@pytest.mark.parametrize(
    ("text", "hour"),
    [("05-03-2026T9:30", 9), ("05-03-2026T09:30", 9), ("5-3-2026T9:30:15", 9), (" 05-03-2026T19:30 ", 19)],
)
def test_moments_are_read_in_every_form(text: str, hour: int) -> None:
    """Hours of one digit, seconds."""
    found = wire.wall(text)
    assert found is not None
    assert (found.year, found.month, found.day, found.hour, found.minute) == (2026, 3, 5, hour, 30)


@pytest.mark.parametrize("text", [None, "", "2026-03-05T09:30", "32-03-2026T09:30", "05-03-2026"])
def test_what_is_no_moment_is_none(text: str | None) -> None:
    """Never a guess."""
    assert wire.wall(text) is None


def test_an_answer_is_read_whatever_its_root_name_space_and_case() -> None:
    """The root's name was never seen."""
    root = parse(b'<a:any xmlns:a="urn:x"><a:ERRORCODE> 200 </a:ERRORCODE></a:any>')
    assert root.text(("ErrorCode",)) == "200"


# ── everything that goes wrong, at once ───────────────────────────────────────────────────────────────────────────────

NOISE = [
    ["status=503,p=0.2"],
    ["drop_after_write=0.3"],
    ["drop_before_write=0.3", "drop_after_write=0.2"],
    ["garbage,p=0.2"],
    ["cut_body,p=0.2"],
    ["error_inside=500,p=0.2"],
    ["error_inside=500,p=0.2,done=true", "no_event_id", "add_moves"],
    ["drop_after_write=0.2", "cut_body,p=0.1", "remove_absent_fails", "http_statuses", "seats_from_one"],
]


@pytest.mark.parametrize("faults", NOISE, ids=lambda faults: " ".join(faults))
async def test_whatever_goes_wrong_the_class_ends_up_as_it_should(faults: list[str]) -> None:
    """Calls repeated as the hub repeats them: one event, one account each, everybody on the right seat."""
    async with opened(faults=faults) as site:
        ids = [await settled(site, person(str(number))) for number in range(4)]
        wanted = session(vendor_id=await event_id(site, "session_created", session()))
        for number, rider in enumerate(ids):
            await until_done(lambda rider=rider, seat=str(number + 1): take(site, wanted, rider, seat))
        changed = session(name="Power Ride 60", vendor_id=wanted.vendor_id)
        changed = session(name="Power Ride 60", vendor_id=await event_id(site, "session_changed", changed))
        for number, rider in enumerate(ids):
            await until_done(lambda rider=rider, seat=str(number + 1): take(site, changed, rider, seat))
        site.sim.faults.clear("status", "drop_after_write", "drop_before_write", "garbage", "cut_body", "error_inside")
        (event,) = site.live()
        assert event["EventID"] == changed.vendor_id
        assert site.seats(changed) == {rider: str(number + 1) for number, rider in enumerate(ids)}
        assert len(site.sim.world.clients) == 5


async def until_done(call: Callable[[], Any]) -> Any:
    """Repeat a call as the hub does."""
    for _ in range(60):
        try:
            done = await call()
        except (Unconfirmed, RetryLater):
            continue
        if getattr(done, "confirmed", True):
            return done
    raise AssertionError("never done")


async def take(site: Site, wanted: Any, rider: str, seat: str) -> Any:
    return await site.take(wanted, grants.Rider(member=rider, vendor_id=rider), seat)


async def settled(site: Site, wanted: Any) -> str:
    """Somebody's id."""
    for attempt in itertools.count():
        (outcome,) = await site.sync(person(wanted.member.split(":")[1], look_first=attempt > 0))
        if hasattr(outcome, "vendor_id"):
            return str(outcome.vendor_id)
        assert attempt < 60, outcome
    raise AssertionError


async def event_id(site: Site, hook: str, wanted: Any) -> str:
    """An event's id."""
    looking = msgspec.structs.replace(wanted, look_first=True)
    outcome = await until_done(lambda: getattr(spivi, hook)(site.connection, looking))
    return str(outcome.vendor_id)
