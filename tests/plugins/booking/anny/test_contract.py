"""All that the hub sends fits the vendor's contract, and so does all that the simulator answers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import msgspec
import pytest
import yaml

from hub.testing import Reject, Reply, Request
from plugins.booking import anny
from plugins.booking.anny.simulator import AnnySimulator
from tests.plugins.booking.anny.support import NOW, Studio

CONTRACT = Path(__file__).parents[3] / "vendors" / "anny.openapi.yaml"


@cache
def contract() -> dict[str, Any]:
    """The contract. In a delivery the record is one of three, the third being any object: `oneOf` would fit none."""
    read: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    event = read["components"]["schemas"]["WebhookEvent"]["properties"]
    event["data"] = {"anyOf": event["data"]["oneOf"][:2]}
    return read


def resolved(node: Any) -> Any:
    """A node of the contract, a reference followed."""
    while isinstance(node, dict) and "$ref" in node:
        target: Any = contract()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def operations() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Method, path and operation of everything in the contract."""
    for template, item in contract()["paths"].items():
        for method, found in item.items():
            yield method.upper(), template, found


def operation_of(request: Request) -> dict[str, Any] | None:
    for method, template, found in operations():
        if method == request.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), request.path):
            return found
    return None


def misfit(schema: Any, value: Any) -> str | None:
    """What in a value isn't as a schema has it."""
    whole = {**schema, "components": contract()["components"]}
    try:
        jsonschema_rs.Draft202012Validator(whole, validate_formats=True).validate(value)
    except jsonschema_rs.ValidationError as error:
        return f"{list(error.instance_path)}: {error.message}"
    return None


def complaint(request: Request) -> str | None:
    """What in a request isn't as the contract has it."""
    operation = operation_of(request)
    if operation is None:
        return f"there is no {request.method} {request.path}"
    names = {resolved(parameter)["name"]: resolved(parameter) for parameter in operation.get("parameters", ())}
    if unknown := request.query.keys() - names.keys():
        return f"{request.path}: unknown in the query: {unknown}"
    for name, text in request.query.items():
        schema = names[name]["schema"]
        value: Any = text if schema["type"] == "string" else msgspec.json.decode(text)
        if found := misfit(schema, value):
            return f"{name}: {found}"
    if request.method != "POST" or "requestBody" not in operation:
        return "a body where none belongs" if request.body else None
    content = operation["requestBody"]["content"]
    if request.header("content-type") not in content:
        return "wrong content type"
    return misfit(content[request.header("content-type")]["schema"], request.json())


def answer_complaint(request: Request, reply: Reply) -> str | None:
    """What in an answer isn't as the contract has it."""
    operation = operation_of(request)
    assert operation is not None
    found = resolved(operation["responses"].get(str(reply.status)))
    if found is None:
        return f"{request.method} {request.path} never answers {reply.status}"
    if "content" not in found:
        return None
    schema = next(iter(found["content"].values()))["schema"]
    wrong = misfit(schema, msgspec.json.decode(reply.body()))
    return f"{request.method} {request.path}: {wrong}" if wrong else None


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Both sides are held to the contract; the complaints."""
    complaints: list[str] = []
    do = AnnySimulator._do

    def checked(self: AnnySimulator, call: Any) -> Reply:
        complaints.extend(filter(None, [complaint(call.request)]))
        try:
            reply = do(self, call)
        except Reject as rejected:
            reply = rejected.reply
        complaints.extend(filter(None, [answer_complaint(call.request, reply)]))
        return reply

    monkeypatch.setattr(AnnySimulator, "_do", checked)
    return complaints


def furnish(studio: Studio) -> dict[str, dict[str, Any]]:
    desk = studio.sim.desk
    anna = desk.customer(birth_date="1990-02-03", custom_entry_map={"w": {"value": 72, "label": "Weight"}})
    for number in range(40):
        desk.customer(f"Ben {number}")
    room = desk.resource(location_id=desk.location()["id"])
    desk.resource("Bike 1", parent_id=room["id"])
    main = desk.booking(anna, room, NOW, service_id=desk.service()["id"])
    desk.booking(anna, room, NOW, main_booking_id=main["id"], is_sub_booking=True)
    sold = desk.subscribe(anna, desk.plan(), end="2026-12-31")
    desk.join(anna, desk.community())
    return {"member": anna, "booking": main, "resource": room, "member_pass": sold}


@pytest.mark.parametrize("fault", ["", "flat_pages", "no_page_info", "bare_items", "refuse_sort", "hide_headers"])
async def test_whatever_is_sent_and_answered_is_in_the_contract(studio: Studio, strict: list[str], fault: str) -> None:
    """Paths, queries, content types and bodies of both sides."""
    if fault:
        studio.sim.faults.set(fault)
    rows = furnish(studio)
    await anny.subscribe_webhooks(studio.connection, "https://hub.example/hooks/desk/one", "one-secret")
    await anny.subscribe_webhooks(studio.connection, "https://hub.example/hooks/desk/two", "two-secret")
    await studio.verify()
    await studio.read()
    await studio.read("booking", starts_at=NOW)
    await studio.read(ids=frozenset({(kind, row["id"]) for kind, row in rows.items()} | {("member", "nobody")}))
    await studio.read(members=frozenset({rows["member"]["id"]}))
    assert strict == []


async def test_refusals_are_in_the_contract(studio: Studio, strict: list[str]) -> None:
    """All three shapes of errors."""
    studio.sim.access_token = "another"
    await studio.verify()
    assert strict == []


def test_deliveries_are_in_the_contract(studio: Studio) -> None:
    """Body and headers."""
    hook = {"id": "h", "url": "https://hub.example", "is_active": True, "custom_headers": {}, "failure_count": 0}
    event = contract()["webhooks"]["annyEvent"]["post"]
    rows = furnish(studio)
    for name, row in (("bookings.updated", rows["booking"]), ("customers.updated", rows["member"])):
        studio.sim.world.webhooks["h"] = {**hook, "events": [name]}
        (delivery,) = studio.sim.announce(name, row)
        schema = event["requestBody"]["content"]["application/json"]["schema"]
        assert misfit({"$ref": "#/components/schemas/WebhookEvent"}, msgspec.json.decode(delivery.body)) is None
        assert schema == {"$ref": "#/components/schemas/WebhookEvent"}
        needed = {header["name"] for header in event["parameters"] if header.get("required")}
        assert needed <= delivery.headers.keys()


def test_the_simulator_serves_the_whole_contract_and_no_more() -> None:
    """By name, method and path."""
    served = {(found.name, found.method, found.template) for found in AnnySimulator.operations()}
    assert served == {(found["operationId"], method, template) for method, template, found in operations()}


@pytest.mark.parametrize(
    ("method", "path", "query", "body"),
    [
        ("GET", "/api/v1/plans", b"", b""),
        ("GET", "/api/v1/customers", b"page=1", b""),
        ("GET", "/api/v1/customers", b"page[size]=51", b""),
        ("GET", "/api/v1/customers", b"", b"{}"),
        ("GET", "/customers", b"", b""),
        ("POST", "/api/v1/webhook-subscriptions", b"", b'{"data": {"type": "hooks", "attributes": {}}}'),
        ("PATCH", "/api/v1/webhook-subscriptions/1", b"", b"{}"),
    ],
)
def test_the_strict_vendor_is_strict(method: str, path: str, query: bytes, body: bytes) -> None:
    """Otherwise the first test would say nothing."""
    headers = [(b"content-type", b"application/vnd.api+json")]
    assert complaint(Request(method, path, {}, query, headers, body)) is not None


def test_strictness_about_answers() -> None:
    """The same for the other side."""
    request = Request("GET", "/api/v1/customers", {}, b"", [], b"")
    assert answer_complaint(request, Reply(200, {"data": [{"id": 7}]})) is not None
    assert answer_complaint(request, Reply(302)) is not None
