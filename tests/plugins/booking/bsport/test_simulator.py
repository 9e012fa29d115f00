"""The simulated bsport keeps the vendor's contract, and has the vendor's ways."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import httpx
import jsonschema_rs
import pytest
import schemathesis
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from hub.clock import FrozenClock
from hub.http import asgi
from hub.testing import CONTROL_PATH, Request, serve
from plugins.booking.bsport._sim_base import bad
from plugins.booking.bsport.simulator import (
    API_KEY,
    CLASSIC_TOKEN,
    CLIENT_ID,
    COMPANY_ID,
    BsportSimulator,
    make_key,
)
from plugins.booking.bsport.webhooks import EVENTS
from tests.plugins.booking.bsport.support import DAY, HOUR, NOW, SPOTS, Studio, member, opened, simulator

CONTRACT = Path(__file__).parents[3] / "vendors" / "bsport.openapi.yaml"
TEXT: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
SIGNED = {"X-Api-Key": API_KEY, "X-Company-ID": str(COMPANY_ID), "X-Client-ID": CLIENT_ID}
TOKEN = {"Authorization": f"Token {CLASSIC_TOKEN}"}
EVERY = {**SIGNED, **TOKEN}
MANAGEMENT = "/api/v1/management"

# ── the contract ──────────────────────────────────────────────────────────────────────────────────────────────────

SCHEMA = schemathesis.openapi.from_path(CONTRACT)
OPERATIONS: dict[str, Any] = {
    operation.definition.raw["operationId"]: operation
    for operation in (cast("Any", result).ok() for result in SCHEMA.get_all_operations())
}
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]


def test_every_operation_is_served_and_nothing_else() -> None:
    """The simulator serves the 18 operations of the contract, each at its exact path, and no other."""
    contract = {(name, operation.method.upper(), operation.path) for name, operation in OPERATIONS.items()}
    served = {(found.name, found.method, found.template) for found in BsportSimulator.operations()}
    assert len(contract) == 18
    assert served == contract


def test_only_two_operations_change_something() -> None:
    """Creating a booking and tagging a member; the hub uses neither."""
    writes = {found.name for found in BsportSimulator.operations() if not found.reads}
    assert writes == {"createBooking", "tagClient"}


def lived_in() -> BsportSimulator:
    """A studio with something of everything."""
    sim = simulator()
    sim.faults.set("guessed_lists")
    tag, venue, teacher = sim.add_tag("Team"), sim.add_venue("Camden", "Europe/London"), sim.add_teacher("Regula")
    for number in range(5):
        client, held = member(sim, f"Nr{number}", tag_ids=[tag] if number else [], birth_date="1990-02-03")
        at = NOW + (number - 2) * DAY
        class_id = sim.add_class(at, teacher_id=teacher, venue_id=venue, capacity=12, is_cancelled=number == 4)
        sim.book(client, class_id, client_pass=held, spot=number or None)
        sim.book(client, class_id, client_pass=held, waiting=True)
        sim.book(client, class_id, client_pass=held, canceled_at="2026-11-20T09:00:00Z", has_attended=False)
    return sim


def known_ids(sim: BsportSimulator) -> list[int]:
    world = sim.world
    return [*world.clients, *world.tags, *world.passes, *world.classes, *world.teachers, 999]


@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_conform_to_the_contract(name: str) -> None:
    """Whatever valid input an operation gets, for ids that exist and ids that don't, its answer has a status, a content
    type and a shape that the contract lists for it."""
    operation = OPERATIONS[name]
    listed = {int(status) for status in operation.definition.raw["responses"]}
    sim = lived_in()
    ids = known_ids(sim)

    @settings(max_examples=25, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(), data=st.data())
    def conforms(case: Any, data: st.DataObject) -> None:
        if "id" in case.path_parameters and data.draw(st.integers(0, 3), label="known id"):
            case.path_parameters["id"] = data.draw(st.sampled_from(ids), label="id")
        if isinstance(case.body, dict):
            for field in ("tag_id", "client_id", "client_pass_id"):
                if field in case.body:
                    case.body[field] = data.draw(st.sampled_from(ids), label=field)
            if "class_ids" in case.body:
                case.body["class_ids"] = [next(iter(sim.world.classes))]
        case.headers.update(EVERY)
        answer = case.call(app=sim)
        case.validate_response(answer, checks=CHECKS)
        assert answer.status_code in listed

    conforms()


@pytest.mark.parametrize("name", OPERATIONS)
def test_every_operation_succeeds_once(name: str) -> None:
    """With its success status and in the contract's shape; there are no room plans to be had."""
    sim = lived_in()
    world = sim.world
    first = {"getClient": world.clients, "tagClient": world.clients, "classicGetOffer": world.classes}
    path = {"id": next(iter(first.get(name, world.teachers)))}
    client, class_id = next(iter(world.clients)), next(iter(world.classes))
    bodies = {
        "tagClient": {"tag_id": next(iter(world.tags))},
        "createBooking": {"client_id": client, "client_pass_id": 1, "class_ids": [class_id]},
    }
    sent: dict[str, Any] = {"body": bodies[name], "media_type": "application/json"} if name in bodies else {}
    query = {"company": COMPANY_ID} if "Offers" in name else {}
    case = OPERATIONS[name].Case(path_parameters=path, query=query, headers=dict(EVERY), **sent)
    answer = case.call_and_validate(app=sim, checks=CHECKS)
    assert answer.status_code == {"createBooking": 201, "listRoomPlans": 404}.get(name, 200)


def test_records_are_shown_with_every_field_that_is_named() -> None:
    """What the contract marks as seen is there, so that a plugin that reads another name is found out."""
    sim = lived_in()
    shown = {
        "Client": next(iter(sim.world.clients.values())),
        "ClientPass": next(iter(sim.world.client_passes.values())),
        "Class": sim.class_view(next(iter(sim.world.classes.values()))),
        "Booking": sim.booking_view(next(iter(sim.world.bookings.values()))),
        "Offer": sim.offer_view(next(iter(sim.world.classes.values()))),
        "OfferBooking": sim.offer_booking_view(next(iter(sim.world.bookings.values()))),
    }
    for name, row in shown.items():
        assert row.keys() <= TEXT["components"]["schemas"][name]["properties"].keys(), name


# ── what the hub sends ────────────────────────────────────────────────────────────────────────────────────────────


def complaint(request: Request) -> str | None:
    """What in a request isn't as the contract has it."""
    for template, item in TEXT["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if not re.fullmatch(pattern, request.path) or request.method.lower() not in item:
            continue
        for parameter in map(resolved, item[request.method.lower()].get("parameters", ())):
            name, place = parameter["name"], parameter["in"]
            value = request.query.get(name) if place == "query" else request.header(name.lower()) or None
            if place != "path" and parameter.get("required") and value is None:
                return f"{name} is missing"
            if value is not None and (wrong := misfit(value, parameter["schema"])):
                return f"{name}: {wrong}"
        names = {resolved(one)["name"] for one in item[request.method.lower()].get("parameters", ())}
        unknown = request.query.keys() - names
        return f"unknown in the query: {unknown}" if unknown else None
    return f"there is no {request.method} {request.path}"


def resolved(node: dict[str, Any]) -> dict[str, Any]:
    """A node of the contract, a reference followed."""
    if "$ref" not in node:
        return node
    return cast("dict[str, Any]", TEXT["components"]["parameters"][node["$ref"].rpartition("/")[2]])


def misfit(value: str, schema: dict[str, Any]) -> str | None:
    """Why a text doesn't fit a parameter's schema."""
    typed: Any = int(value) if schema["type"] == "integer" and value.lstrip("-").isdigit() else value
    try:
        jsonschema_rs.Draft202012Validator(schema, validate_formats=True).validate(typed)
    except jsonschema_rs.ValidationError as error:
        return error.message
    return None


async def test_whatever_is_sent_is_in_the_contract() -> None:
    """Addresses, queries and headers, of whole reads, re-reads and checks."""
    complaints: list[str] = []
    sim = lived_in()
    async with opened(sim, **SPOTS, guessed_lists=True, franchisor_id=3, page_size=10) as studio:
        allow = sim.authorize

        def check(request: Request) -> None:
            allow(request)
            if found := complaint(request):
                complaints.append(found)
                raise bad(found)

        sim.authorize = check  # type: ignore[method-assign]
        await studio.verify()
        await studio.read()
        await studio.read(starts_at=NOW, ends_at=NOW + DAY)
        client = str(next(iter(sim.world.clients)))
        ids = frozenset({("booking", "1"), ("session", "1"), ("member", client), ("pass", "1"), ("location", "1")})
        await studio.read(members=frozenset({client}), ids=ids)
    assert complaints == []


@pytest.mark.parametrize(
    ("path", "query", "headers"),
    [
        (f"{MANAGEMENT}/clients", b"", SIGNED),
        (f"{MANAGEMENT}/clients/", b"ordering=id", SIGNED),
        (f"{MANAGEMENT}/clients/", b"page=0", SIGNED),
        (f"{MANAGEMENT}/clients/", b"", {"X-Api-Key": API_KEY}),
        (f"{MANAGEMENT}/bookings/", b"session_started_after_date=today", SIGNED),
        ("/api/v1/offer/", b"", TOKEN),
        (f"{MANAGEMENT}/badges/", b"", SIGNED),
    ],
)
def test_the_strict_vendor_is_strict(path: str, query: bytes, headers: dict[str, str]) -> None:
    """Otherwise the test above would say nothing."""
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    assert complaint(Request("GET", path, {}, query, raw, b"")) is not None


def test_the_events_are_those_of_the_contract() -> None:
    """But for the two that are deprecated."""
    listed = TEXT["components"]["schemas"]["WebhookEvent"]["properties"]["event_type"]["enum"]
    assert set(listed) - set(EVENTS) == {"invoice-create", "invoice-update"}
    delivery = simulator().delivery("booking-create", 5)
    schema = {**TEXT["components"]["schemas"]["WebhookEvent"], "components": TEXT["components"]}
    jsonschema_rs.Draft202012Validator(schema).validate(httpx.Response(200, content=delivery).json())


# ── the vendor's ways ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def sim() -> BsportSimulator:
    return lived_in()


@pytest.fixture
async def http(sim: BsportSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=asgi(sim), base_url="http://bsport.test", headers=EVERY) as client:
        yield client


async def test_without_its_last_slash_an_address_is_a_redirect(http: httpx.AsyncClient, sim: BsportSimulator) -> None:
    """So a POST turns into a GET, and nothing is made."""
    before = len(sim.world.bookings)
    answer = await http.post(f"{MANAGEMENT}/bookings", json={}, follow_redirects=True)
    assert answer.history[0].status_code == 301
    assert answer.request.method == "GET"
    assert answer.json()["count"] == before == len(sim.world.bookings)


@pytest.mark.parametrize("missing", SIGNED)
async def test_all_three_headers_are_needed(sim: BsportSimulator, missing: str) -> None:
    for headers in ({**SIGNED, missing: "5"}, {name: value for name, value in SIGNED.items() if name != missing}):
        async with httpx.AsyncClient(transport=asgi(sim), base_url="http://b.test", headers=headers) as client:
            answer = await client.get(f"{MANAGEMENT}/clients/")
            assert answer.status_code in {401, 403}
            assert answer.json()["detail"]


async def test_classic_wants_a_token_and_the_widget_nothing(sim: BsportSimulator) -> None:
    """And management takes no token."""
    company = {"company": COMPANY_ID}
    async with httpx.AsyncClient(transport=asgi(sim), base_url="http://b.test") as client:
        assert (await client.get("/api/v1/offer/", params=company)).status_code == 401
        assert (await client.get("/api/v1/offer/", params=company, headers=TOKEN)).status_code == 200
        assert (await client.get("/book/v1/offer/", params=company)).json()["count"] == 5
        assert (await client.get("/book/v1/coach/")).json()["results"][0]["user"]["name"] == "Regula Muster"
        assert (await client.get(f"{MANAGEMENT}/clients/", headers=TOKEN)).status_code == 401


async def test_the_key_ends_without_notice() -> None:
    clock = FrozenClock(NOW)
    ends = NOW + DAY
    token = make_key(ends)
    sim = BsportSimulator(clock=clock, api_key=token, key_ends=ends)
    headers = {**SIGNED, "X-Api-Key": token}
    async with httpx.AsyncClient(transport=asgi(sim), base_url="http://b.test", headers=headers) as client:
        assert (await client.get(f"{MANAGEMENT}/clients/")).status_code == 200
        clock.set(ends)
        assert (await client.get(f"{MANAGEMENT}/clients/")).status_code == 401


async def test_both_interfaces_page_in_their_own_way(http: httpx.AsyncClient) -> None:
    """`{count, next, previous, results}` and `{links, next_page, count, results}`; behind the last page is 404."""
    size = {"page_size": 2, "page": 2}
    management = (await http.get(f"{MANAGEMENT}/clients/", params=size)).json()
    assert management.keys() == {"count", "next", "previous", "results"}
    assert (management["count"], len(management["results"])) == (5, 2)
    assert management["next"].endswith("page=3")
    assert management["previous"].endswith("page=1")
    classic = (await http.get("/api/v1/offer/", params={**size, "company": COMPANY_ID})).json()
    assert classic.keys() == {"links", "next_page", "count", "results"}
    assert (classic["next_page"], classic["count"]) == (3, 5)
    assert (await http.get(f"{MANAGEMENT}/clients/", params={"page": 9})).json() == {"detail": "Invalid page."}


async def test_there_is_one_id_space(http: httpx.AsyncClient) -> None:
    """Class id, `session_id` and offer id are one; so are client id and `member`, and client pass id and
    `consumer_payment_pack`."""
    bookings = (await http.get(f"{MANAGEMENT}/bookings/")).json()["results"]
    classic = {row["id"]: row for row in (await http.get("/api/v1/booking/")).json()["results"]}
    assert bookings
    for booking in bookings:
        twin = classic[booking["id"]]
        assert (twin["offer"], twin["member"]) == (booking["session_id"], booking["client_id"])
        assert twin["consumer_payment_pack"] == booking["client_pass_id"]
        assert (await http.get(f"/api/v1/offer/{booking['session_id']}/")).json()["id"] == booking["session_id"]


async def test_only_classic_has_spots_and_waiting_lists(http: httpx.AsyncClient) -> None:
    """Valid is 0 there and OK on management."""
    bookings = (await http.get(f"{MANAGEMENT}/bookings/")).json()["results"]
    assert not any("spot_id" in row for row in bookings)
    classic = (await http.get("/api/v1/booking/", params={"booking_status_code": 0})).json()["results"]
    assert any(row["spot_id"] for row in classic)
    assert {row["booking_status_code"] for row in classic} == {0}
    assert {row["booking_status_code"] for row in bookings} == {"OK", "WAITING"}
    offer = (await http.get(f"/api/v1/offer/{bookings[0]['session_id']}/")).json()
    assert (len(offer["bookings"]), len(offer["booking_options"])) == (2, 1)


async def test_cancelled_classes_read_false_in_available(http: httpx.AsyncClient) -> None:
    classes = (await http.get(f"{MANAGEMENT}/classes/")).json()["results"]
    offers = (await http.get("/api/v1/offer/", params={"company": COMPANY_ID})).json()["results"]
    assert [row["is_cancelled"] for row in classes] == [not row["available"] for row in offers]
    assert {row["effectif"] for row in offers} == {12}


async def test_creating_a_booking_can_overbook_and_names_no_spot(http: httpx.AsyncClient, sim: BsportSimulator) -> None:
    client, held = member(sim)
    class_id = sim.add_class(NOW + HOUR, capacity=1)
    body = {"client_id": client, "client_pass_id": held, "class_ids": [class_id], "spot_id": 7}
    for _ in range(2):
        assert (await http.post(f"{MANAGEMENT}/bookings/", json=body)).status_code == 201
    made = [row for row in sim.world.bookings.values() if row["session_id"] == class_id]
    assert [row["spot_id"] for row in made] == [None, None]
    await http.post(f"{MANAGEMENT}/bookings/", json={**body, "should_auto_assign_spot": True})
    assert list(sim.world.bookings.values())[-1]["spot_id"] is not None


async def test_tags_are_put_on_once(http: httpx.AsyncClient, sim: BsportSimulator) -> None:
    client, tag = next(iter(sim.world.clients)), next(iter(sim.world.tags))
    for _ in range(2):
        assert (await http.post(f"{MANAGEMENT}/clients/{client}/tag/", json={"tag_id": tag})).status_code == 200
    assert sim.world.clients[client]["tag_ids"] == [tag]
    assert (await http.post(f"{MANAGEMENT}/clients/{client}/tag/", json={"tag_id": 1})).status_code == 400


async def test_no_order_is_taken(http: httpx.AsyncClient) -> None:
    answer = await http.get(f"{MANAGEMENT}/classes/", params={"ordering": "starts_at"})
    assert (answer.status_code, answer.json()) == (400, {"non_field_errors": ["ordering is not accepted"]})


async def test_lists_are_filtered(http: httpx.AsyncClient, sim: BsportSimulator) -> None:
    """By what heatlagos filters by."""
    client, held = list(sim.world.client_passes.values())[1]["client_id"], list(sim.world.client_passes)[1]
    cases = [
        ("clients/", {"email": "NR1.muster@example.org"}, 1),
        ("clients/", {"search": "nr"}, 5),
        ("client-passes/", {"client_id": client}, 1),
        ("client-passes/", {"pass_id": 999}, 0),
        ("bookings/", {"client_id": client}, 3),
        ("bookings/", {"session_started_after_date": "2026-11-22"}, 6),
        ("bookings/", {"session_started_before_date": "2026-11-19"}, 3),
        ("classes/", {"period_start": "2026-11-21T10:00:00", "period_end": "2026-11-22"}, 2),
        ("classes/", {"venue_id": 999}, 0),
        ("classes/", {"teacher_id": next(iter(sim.world.teachers))}, 5),
    ]
    for path, query, count in cases:
        assert (await http.get(f"{MANAGEMENT}/{path}", params=query)).json()["count"] == count, (path, query)
    assert held in sim.world.client_passes


@pytest.mark.parametrize(
    ("path", "query"),
    [
        ("classes/", {"period_start": "soon"}),
        ("classes/", {"venue_id": "x"}),
        ("clients/", {"page": "0"}),
        ("clients/", {"page_size": "x"}),
    ],
)
async def test_bad_queries_are_refused(http: httpx.AsyncClient, path: str, query: dict[str, str]) -> None:
    answer = await http.get(f"{MANAGEMENT}/{path}", params=query)
    assert answer.status_code == 400
    assert answer.json()["non_field_errors"]


async def test_the_furnished_studio_can_be_served_and_looked_into() -> None:
    """What `studiohub simulate bsport` does; the state can be shown as JSON."""
    sim = BsportSimulator(clock=FrozenClock(NOW))
    async with serve(sim) as base_url, httpx.AsyncClient(base_url=base_url, headers=SIGNED) as client:
        assert (await client.get(f"{MANAGEMENT}/clients/")).json()["count"] == 3
        state = (await client.get(f"{CONTROL_PATH}/state")).json()
    assert state["bookings"]
    assert sim.logins == {"api_key": API_KEY, "company_id": str(COMPANY_ID), "client_id": CLIENT_ID}


def all_faults() -> Iterator[str]:
    yield from ("guessed_lists", "days_excluded", "refuse_large_page", "waiting_looks_accepted", "local_times")


async def test_what_nobody_knows_can_be_either_way(studio: Studio) -> None:
    """With every trait on, a read gives the same."""
    client, _ = member(studio.sim)
    studio.sim.book(client, studio.sim.add_class(NOW + HOUR))
    before = {(type(one), one.id) for one in (await studio.read()).records()}
    studio.sim.faults.set(*all_faults())
    assert {(type(one), one.id) for one in (await studio.read()).records()} == before
