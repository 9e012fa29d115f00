"""The simulated Momence keeps the vendor's contract, and all that the hub sends is in it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

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

from hub.testing import Request
from plugins.booking.momence.simulator import PASSWORD, USERNAME, MomenceSimulator
from plugins.booking.momence.webhooks import REQUEST_ID, SECRET, SIGNATURE
from tests.plugins.booking.momence.support import NOW, Site, furnished

CONTRACT = Path(__file__).parents[3] / "vendors" / "momence.openapi.yaml"
RAW: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
SCHEMA = schemathesis.openapi.from_path(CONTRACT)
OPERATIONS: dict[str, Any] = {
    operation.definition.raw["operationId"]: operation
    for operation in (cast("Any", result).ok() for result in SCHEMA.get_all_operations())
}
CHECKS = [status_code_conformance, content_type_conformance, response_schema_conformance]


def test_every_operation_is_served_and_nothing_else() -> None:
    """Each at its exact path."""
    contract = {(name, operation.method.upper(), operation.path) for name, operation in OPERATIONS.items()}
    served = {(found.name, found.method, found.template) for found in MomenceSimulator.operations()}
    assert served == contract
    assert len(contract) == 15


def lived_in() -> tuple[MomenceSimulator, str]:
    """A host with something of everything, and a token for it."""
    sim = furnished()
    sim.world.appointments[1] = {
        "id": 1,
        "createdAt": "2026-11-21T09:00:00.000Z",
        "cancelledAt": None,
        "startsAt": "2026-11-22T09:00:00.000Z",
        "endsAt": "2026-11-22T10:00:00.000Z",
        "durationInMinutes": 60,
        "isPaid": True,
        "capacity": None,
        "board": {"id": 1, "name": "Coaching"},
        "service": {"id": 2, "name": "Bike fit"},
        "serviceVariant": None,
        "teacher": None,
        "additionalTeacher": None,
        "isInPerson": True,
        "inPersonLocation": None,
        "appointmentAttendees": [],
    }
    bought = next(iter(sim.world.bought))
    sim.freeze(bought)
    sim.cancel_booking(next(iter(sim.world.bookings)))
    return sim, str(sim._issue()["access_token"])


@pytest.mark.parametrize("name", OPERATIONS)
def test_answers_conform_to_the_contract(name: str) -> None:
    """Whatever valid input an operation gets, for ids that exist and ids that don't, its answer has a status, a content
    type and a shape that the contract lists for it."""
    operation = OPERATIONS[name]
    sim, token = lived_in()
    ids = {
        "memberId": list(sim.world.members),
        "sessionId": list(sim.world.sessions),
        "bookingId": list(sim.world.bookings),
    }

    @settings(max_examples=20, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(), data=st.data())
    def conforms(case: Any, data: st.DataObject) -> None:
        for parameter, known in ids.items():
            if parameter in (case.path_parameters or {}) and data.draw(st.booleans(), label="known"):
                case.path_parameters[parameter] = data.draw(st.sampled_from(known), label=parameter)
        if name.endswith("_token"):
            case.body = data.draw(
                st.sampled_from(
                    [
                        {
                            "grant_type": "password",
                            "username": USERNAME,
                            "password": PASSWORD,
                            "client_id": sim.logins["client_id"],
                            "client_secret": sim.logins["client_secret"],
                        },
                        {"grant_type": "refresh_token", "refresh_token": "none"},
                    ]
                )
            )
            answer = case.call(app=sim)
        else:
            answer = case.call(app=sim, headers={"Authorization": f"Bearer {token}"})
            assert answer.status_code != 401
        case.validate_response(answer, checks=CHECKS)

    conforms()


def resolved(node: Any) -> Any:
    """A node of the contract, a reference followed."""
    while isinstance(node, dict) and "$ref" in node:
        target: Any = RAW
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def valid(value: Any, schema: Any) -> bool:
    return jsonschema_rs.is_valid({**resolved(schema), "components": RAW["components"]}, value)


def typed(text: str, schema: dict[str, Any]) -> Any:
    """A text of a query as its schema means it."""
    if schema.get("type") == "integer":
        return int(text)
    return {"true": True, "false": False}[text] if schema.get("type") == "boolean" else text


def complaints(request: Request) -> Iterator[str]:
    """What in a request isn't as the contract has it."""
    for template, item in RAW["paths"].items():
        if re.fullmatch(re.sub(r"\{\w+\}", "[0-9]+", template), request.path) and request.method.lower() in item:
            operation = item[request.method.lower()]
            break
    else:
        yield f"there is no {request.method} {request.path}"
        return
    known = {found["name"]: found for found in map(resolved, operation.get("parameters", ()))}
    for name, text in request.query.items():
        if name not in known:
            yield f"unknown in the query: {name}"
        elif not valid(typed(text, known[name]["schema"]), known[name]["schema"]):
            yield f"{name}={text}"
    for name, parameter in known.items():
        if parameter["in"] == "query" and parameter.get("required") and name not in request.query:
            yield f"{name} is missing"
    if request.method == "POST":
        form = operation["requestBody"]["content"]
        if request.header("content-type") not in form:
            yield "content type"
        elif not valid(request.form, form[request.header("content-type")]["schema"]):
            yield "form"


async def test_whatever_is_sent_is_in_the_contract(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths, queries and forms, in a whole read, narrow reads, a verification and after a token has ended."""
    found: list[str] = []
    authorize = MomenceSimulator.authorize

    def check(self: MomenceSimulator, request: Request) -> None:
        found.extend(complaints(request))
        authorize(self, request)

    monkeypatch.setattr(MomenceSimulator, "authorize", check)
    await site.read()
    for delivery in list(site.sim.deliveries):
        if await site.hints(delivery):
            await site.follow(delivery)
    site.clock.move(timedelta(hours=5))
    await site.verify()
    assert site.calls("_token") == 2
    assert found == []


def test_the_check_of_what_is_sent_is_strict() -> None:
    """Otherwise the test above would say nothing."""
    for path, query in [
        ("/api/v2/host/members", b"page=0"),
        ("/api/v2/host/members", b"page=0&pageSize=101"),
        ("/api/v2/host/members", b"page=0&pageSize=100&since=1"),
        ("/api/v2/host/member", b""),
    ]:
        assert list(complaints(Request("GET", path, {}, query, [], b"")))
    form = [(b"content-type", b"application/x-www-form-urlencoded")]
    assert list(complaints(Request("POST", "/api/v2/auth/token", {}, b"", form, b"grant_type=password")))


def test_deliveries_are_as_the_contract_has_them() -> None:
    """The three headers, the envelope, and the event inside of it."""
    sim, _ = lived_in()
    first = next(iter(sim.world.bought))
    sim.unfreeze(first)
    sim.end_pass(first)
    sim.change_session(next(iter(sim.world.sessions)), name="Ride")
    seen = set()
    for delivery in sim.deliveries:
        assert {SECRET, SIGNATURE, REQUEST_ID} <= delivery.headers.keys()
        envelope = yaml.safe_load(delivery.body)
        assert valid(envelope, {"$ref": "#/components/schemas/WebhookEnvelope"})
        event = yaml.safe_load(envelope["payload"])
        shapes = RAW["components"]["schemas"]["WebhookEnvelope"]["properties"]["payload"]["contentSchema"]["oneOf"]
        assert sum(valid(event, shape) for shape in shapes) == 1, event
        seen.add(event["event"])
    assert len(seen) == 10


def test_the_simulated_studio_has_everything() -> None:
    """So the tests above see a row of every list."""
    sim, _ = lived_in()
    assert all(table for name, table in vars(sim.world).items() if name not in sim.world.hidden)
    assert sim.clock.now() == NOW
