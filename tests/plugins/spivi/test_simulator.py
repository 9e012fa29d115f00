"""The simulated Spivi keeps the contract, and so does the plugin; its switches do what they say."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hub.clock import FrozenClock
from hub.http import asgi
from hub.testing import CONTROL_PATH, Reject, Request, serve
from plugins import spivi
from plugins.spivi import wire
from plugins.spivi.simulator import PASSWORD, SITE_ID, SOURCE_NAME, SpiviSimulator
from tests.plugins.spivi.contract import (
    CONTRACT,
    OPERATIONS,
    answer_schema,
    check,
    nested,
    read,
    request_schema,
    resolved,
    typed,
)
from tests.plugins.spivi.support import BOX, ENDS, NOW, STARTS, TEACHER, Recorder, connection, opened, person

LOGIN = {
    "SourceCredentials[SourceName]": SOURCE_NAME,
    "SourceCredentials[Password]": PASSWORD,
    "SourceCredentials[SiteID]": SITE_ID,
}
PERIOD = {"StartDateTime": "20-11-2026T00:00", "EndDateTime": "24-11-2026T00:00"}
ADA = "ada@example.org"
ALL_ON = dict.fromkeys(wire.CALLS, True)


def lived_in() -> SpiviSimulator:
    """A site where a class is over and one is to come; ids are 55102 for Ada, 55103 and 55104 for the classes."""
    sim = SpiviSimulator(clock=FrozenClock(ENDS + timedelta(hours=1)))
    ada = sim.add_by_hand(ADA, Weight=61, DeviceID="7")
    sim.rides_elsewhere("bo@example.org")
    for days in (0, 1):
        event = sim.add_event_by_hand("Ride", STARTS + timedelta(days=days), ENDS + timedelta(days=days))
        sim.seat_by_hand(event["EventID"], ada["ClientID"], 3)
    return sim


async def ask(sim: SpiviSimulator, name: str, form: dict[str, str]) -> httpx.Response:
    async with httpx.AsyncClient(transport=asgi(sim), base_url="http://spivi.test") as http:
        return await http.post(OPERATIONS[name][0], data=form)


async def code(sim: SpiviSimulator, name: str, form: dict[str, str], *, login: bool = True) -> int:
    """The error code inside an answer, which keeps the contract."""
    answer = await ask(sim, name, {**(LOGIN if login else {}), **form})
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/xml")
    value = read(answer.content, answer_schema(name))
    check(value, answer_schema(name))
    found: int = value["ErrorCode"]
    return found


def tour() -> Iterator[tuple[str, dict[str, str]]]:
    """A plain use of every operation."""
    event = {"Title": "Ride", "Description": "[hub:1:desk:1]", "BoxID": BOX, "InstructorUserName": TEACHER}
    times = {"StartDateTime": "23-11-2026T09:30", "EndDateTime": "23-11-2026T10:15"}
    rider = {"ClientIDs[0]": "55102", "EventIDs[0]": "55104"}
    yield "getClients", {}
    yield "getClients", {"Username": ADA}
    yield "getClients", {"SearchText": "ada"}
    yield "getClients", {"ClientIDs[0]": "55102"}
    yield "addClient", {"Username": "c@example.org", "Password": "x", "FirstName": "Cy", "LastName": "M", "FTP": "150"}
    yield "addExistingClient", {"Username": "bo@example.org"}
    yield "updateClient", {"Username": ADA, "Weight": "62", "Gender": "Female"}
    yield "getInstructors", {"SiteID": SITE_ID}
    yield "getClientPerformanceData", {"Username": ADA, **PERIOD, "EventID": "55103"}
    yield "getEvents", {"BoxID": BOX, **PERIOD}
    yield "getEvents", {"EventIDs[0]": "55103", "EventIDs[1]": "55104"}
    yield "addEvent", {**event, **times}
    yield "updateEvent", {**event, **times, "EventID": "55104"}
    yield "cancelEvent", {"EventID": "55104"}
    yield "restoreEvent", {"EventID": "55104"}
    yield "removeClientsFromEvents", rider
    yield "addClientsToEvents", {**rider, "SeatIDs[0]": "5"}
    yield "getEventPerformanceData", {"EventID": "55103"}
    yield "getStudioLayout", {"BoxID": BOX}
    yield "delClient", {"Username": "c@example.org"}


# ── the contract ──────────────────────────────────────────────────────────────────────────────────────────────────


def test_every_operation_is_served_and_nothing_else() -> None:
    """The 16 operations of the contract, each at its exact path; what only asks counts as a read."""
    served = {(found.name, found.method, found.template) for found in SpiviSimulator.operations()}
    assert served == {(name, "POST", path) for name, (path, _) in OPERATIONS.items()}
    assert len(served) == 16
    assert {found.name for found in SpiviSimulator.operations() if found.reads} == {
        name for name in OPERATIONS if name.startswith("get")
    }


async def test_every_operation_succeeds_in_the_contracts_shape() -> None:
    """Requests and answers, with something in every list."""
    sim = lived_in()
    for name, form in tour():
        check(typed(nested({**LOGIN, **form}), request_schema(name)), request_schema(name))
        assert await code(sim, name, form) == 200, name
    assert sim.log.by_operation.keys() == OPERATIONS.keys()


async def test_credentials_are_checked_everywhere() -> None:
    """HTTP 200 with an error inside; nothing is done."""
    sim = lived_in()
    before = sim.world.snapshot()
    for name, form in tour():
        for wrong in (
            {"x": "1"},
            {**LOGIN, "SourceCredentials[Password]": "x"},
            {**LOGIN, "SourceCredentials[SiteID]": "1"},
        ):
            assert await code(sim, name, {**wrong, **form}, login=False) == 401, name
    assert vars(sim.world) == vars(before)


VALUES = st.sampled_from(
    ["", "0", "3", "55102", "55103", "55104", "-1", "9999", BOX, ADA, "bo@example.org", "x", "23-11-2026T09:30", "é<&"]
) | st.sampled_from(list(PERIOD.values()))
FORMS = st.dictionaries(
    st.sampled_from(
        [
            *("Username", "Password", "FirstName", "LastName", "SearchText", "SiteID", "EventID", "BoxID", "Title"),
            *("Description", "StartDateTime", "EndDateTime", "InstructorUserName", "Weight", "Gender", "EventIDs"),
            *("ClientIDs[0]", "ClientIDs[1]", "EventIDs[0]", "EventIDs[x]", "SeatIDs[0]", "a[b][c]", "a[", "[0]"),
        ]
    ),
    VALUES,
)


@pytest.mark.parametrize("name", OPERATIONS)
async def test_whatever_comes_the_answer_keeps_the_contract(name: str) -> None:
    """A success or a refusal, never a crash."""
    sim = lived_in()

    @settings(max_examples=60, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(form=FORMS)
    def conforms(form: dict[str, str]) -> None:
        request = httpx.Request("POST", f"http://x{OPERATIONS[name][0]}", data={**LOGIN, **form})
        found = next(found for found in SpiviSimulator.operations() if found.name == name)
        reply = answer(sim, found.run, request)
        value = read(reply, answer_schema(name))
        check(value, answer_schema(name))
        assert value["ErrorCode"] in {200, 404, 409, 422}

    conforms()


def answer(sim: SpiviSimulator, run: str, request: httpx.Request) -> bytes:
    """What an operation answers, without the way there."""
    headers = [(b"content-type", request.headers["content-type"].encode())]
    try:
        reply = getattr(sim, run)(Request("POST", request.url.path, {}, b"", headers, request.read()))
    except Reject as rejected:
        reply = rejected.reply
    body: bytes = reply.body()
    return body


def test_the_wire_table_is_the_contracts() -> None:
    """Logical operations with their switches, paths and names: all of them stand in the contract, but for the move,
    which is two of them, and what the hub never does."""
    capabilities = {name: value for name, value in CONTRACT["x-capabilities"].items() if name != "description"}
    assert wire.CALLS.keys() == capabilities.keys() - {"move_booking", "remove_client", "fetch_client_totals"}
    for name, call in wire.CALLS.items():
        assert call.on is (capabilities[name]["default"] == "on"), name
        operations = {f"/{call.path}": OPERATIONS[operation] for operation in capabilities[name]["calls"][:1]}
        ((path, operation),) = operations.values()
        assert f"/{call.path}" == path
        marks = {operation["x-evidence"], "unknown" if name == "set_live_display_consent" else call.evidence}
        assert call.evidence in marks


def test_the_names_of_the_wire_table_are_the_contracts() -> None:
    """Fields and aliases."""
    known: set[str] = set()
    for schema in CONTRACT["components"]["schemas"].values():
        _names(resolved(schema), known)
    assert {name for names in wire.FIELDS.values() for name in names} <= known


def _names(schema: dict[str, Any], found: set[str]) -> None:
    for name, inner in schema.get("properties", {}).items():
        found.update((name, *inner.get("x-aliases", ())))
        _names(resolved(inner), found)
    if "items" in schema:
        _names(resolved(schema["items"]), found)


@pytest.mark.parametrize("calls", [{}, ALL_ON], ids=["documented", "all"])
async def test_what_the_plugin_sends_keeps_the_contract(
    monkeypatch: pytest.MonkeyPatch, calls: dict[str, bool]
) -> None:
    """Every request of every hook, with what is known only, and with everything switched on."""
    async with opened(calls=calls, fields={"max_hr": "MaxHR"}) as site:
        sent = Recorder(site.sim, monkeypatch)
        await site.verify()
        site.sim.rides_elsewhere("anna2@example.org")
        profile = {"weight_kg": 61.5, "height_cm": 168.2, "ftp_w": 155, "lthr": 165, "rhr": 58, "strap": "7"}
        whole = {**profile, "max_hr": 180, "gender": "female", "show_live": False}
        await site.sync(*(person(str(number), **whole) for number in range(6)))
        await site.sync(person("0", **{**whole, "weight_kg": 62}))
        wanted, rider = await site.created(), site.rider(show_live=True)
        await site.take(wanted, rider, "3")
        await site.move(wanted, rider, "4", "3")
        changed = await site.created(vendor_id=wanted.vendor_id, name="Other", starts_at=STARTS - timedelta(hours=1))
        changed = await site.created(vendor_id=(await site.changed(changed)).vendor_id, name="Other")
        await site.layout()
        site.clock.set(ENDS)
        await site.metrics(changed, rider)
        await site.free(changed, rider)
        await site.cancelled(changed)
        await site.restored(changed)
        made = {request.path for request in sent.requests}
        for request in sent.requests:
            name = next(name for name, (path, _) in OPERATIONS.items() if path == request.path)
            schema = {**request_schema(name), "additionalProperties": False}
            check(typed(nested(request.form), schema), schema)
        unseen = {path for path, item in CONTRACT["paths"].items() if item["post"]["x-evidence"] != "documented"}
        assert made & unseen == (unseen if calls else set())


# ── its ways ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_it_is_served_over_http() -> None:
    """As `studiohub simulate spivi` does, with switches and state on the control path."""
    sim = lived_in()
    sim.clock = FrozenClock(NOW)
    async with serve(sim) as base_url, httpx.AsyncClient() as http:
        await http.put(f"{base_url}{CONTROL_PATH}/faults", json=["error_inside=500,operation=getInstructors"])
        made = connection(base_url)
        checks = await spivi.verify(made)
        await made.aclose()
        assert [check.title for check in checks if check.state == "failed"] == ["instructors can be read"]
        state = (await http.get(f"{base_url}{CONTROL_PATH}/state")).json()
        assert state["boxes"] == {BOX: 20}


def test_what_to_log_in_with_is_told() -> None:
    """In the settings' own words."""
    assert SpiviSimulator().logins.keys() == {"site_id", "source_name", "password"}


async def test_refusals_may_have_a_status_too() -> None:
    """Where the switch says so."""
    sim = lived_in()
    sim.faults.set("http_statuses")
    assert (await ask(sim, "cancelEvent", {**LOGIN, "EventID": "1"})).status_code == 404
    assert (await ask(sim, "cancelEvent", {"EventID": "1"})).status_code == 401


async def test_calls_that_nobody_has_seen_can_be_missing() -> None:
    """Where the switch says so."""
    sim = lived_in()
    sim.faults.set("documented_only")
    for name, form in tour():
        unknown = OPERATIONS[name][1]["x-evidence"] != "documented"
        answer = await ask(sim, name, {**LOGIN, **form})
        assert answer.status_code == (404 if unknown else 200), name


ADA_AGAIN = {"ClientIDs[0]": "55102", "EventIDs[0]": "55104", "SeatIDs[0]": "3"}
ADA_ELSEWHERE = {**ADA_AGAIN, "SeatIDs[0]": "5"}


@pytest.mark.parametrize(
    ("faults", "form", "expected"),
    [
        ([], ADA_AGAIN, 409),
        (["add_again_succeeds"], ADA_AGAIN, 200),
        (["add_moves"], ADA_AGAIN, 200),
        ([], ADA_ELSEWHERE, 409),
        (["add_again_succeeds"], ADA_ELSEWHERE, 409),
        (["add_moves"], ADA_ELSEWHERE, 200),
        ([], {**ADA_AGAIN, "SeatIDs[0]": "20"}, 404),
        (["seats_from_one", "add_moves"], {**ADA_AGAIN, "SeatIDs[0]": "20"}, 200),
        (["seats_from_one", "add_moves"], {**ADA_AGAIN, "SeatIDs[0]": "0"}, 404),
    ],
)
async def test_adding_again_does_what_the_switches_say(faults: list[str], form: dict[str, str], expected: int) -> None:
    """Same seat, another seat, no seat."""
    sim = lived_in()
    sim.faults.set(*faults)
    assert await code(sim, "addClientsToEvents", form) == expected


@pytest.mark.parametrize(("faults", "expected"), [([], 409), (["seats_shared"], 200)])
async def test_a_taken_seat_does_what_the_switch_says(faults: list[str], expected: int) -> None:
    """A second rider on one spot."""
    sim = lived_in()
    sim.faults.set(*faults)
    other = sim.add_by_hand("cy@example.org")["ClientID"]
    assert await code(sim, "addClientsToEvents", {**ADA_AGAIN, "ClientIDs[0]": other}) == expected


async def test_a_session_has_to_last_twenty_minutes_to_four_hours() -> None:
    """As the peer's texts say."""
    sim = lived_in()
    form = {"Title": "x", "BoxID": BOX, "StartDateTime": "23-11-2026T09:30"}
    for end, expected in (("09:49", 422), ("09:50", 200), ("13:30", 200), ("13:31", 422)):
        assert await code(sim, "addEvent", {**form, "EndDateTime": f"23-11-2026T{end}"}) == expected
