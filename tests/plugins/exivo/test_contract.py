"""All that the hub sends fits the vendor's contract to the letter, and it takes whatever the contract leaves open."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import yaml

from hub.testing import Reject, Reply, Request
from plugins import exivo
from plugins.exivo._sim_base import bad
from plugins.exivo.simulator import ExivoSimulator
from tests.harness import World

CONTRACT = Path(__file__).parents[2] / "vendors" / "exivo.openapi.yaml"


@cache
def contract() -> dict[str, Any]:
    """The contract, in which an object has no member that isn't named."""
    read: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    for schema in read["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("unevaluatedProperties", False)
    read["components"]["schemas"]["Nothing"] = {"type": "object", "maxProperties": 0}
    return read


def resolved(node: Any) -> Any:
    """A node of the contract, a reference followed."""
    while isinstance(node, dict) and "$ref" in node:
        target: Any = contract()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def complaint(request: Request) -> str | None:
    """What in a request isn't as the contract has it."""
    path = request.path.removeprefix("/v1")
    for template, item in contract()["paths"].items():
        pattern = re.sub(r"\{\w+\}", "[^/]+", template)
        if re.fullmatch(pattern, path) and request.method.lower() in item:
            return _complaint(request, item[request.method.lower()])
    return f"there is no {request.method} {path}"


def _complaint(request: Request, operation: dict[str, Any]) -> str | None:
    names = {resolved(parameter)["name"] for parameter in operation.get("parameters", ())}
    if unknown := request.query.keys() - names:
        return f"unknown in the query: {unknown}"
    if request.method == "GET":
        return "a body where none belongs" if request.body else None
    if request.header("content-type") != "application/json":
        return "no content type"
    body = resolved(operation["requestBody"])
    schema = body["content"]["application/json"]["schema"]
    if schema == {"type": "object"}:
        schema = {"$ref": "#/components/schemas/Nothing"}
    try:
        whole = {**schema, "components": contract()["components"]}
        jsonschema_rs.Draft202012Validator(whole).validate(request.json())
    except jsonschema_rs.ValidationError as error:
        return f"{request.method} {request.path}: {error.message}"
    return None


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """exivo refuses what isn't in the contract; the complaints."""
    complaints: list[str] = []
    authorize = ExivoSimulator.authorize

    def check(self: ExivoSimulator, request: Request) -> None:
        authorize(self, request)
        if found := complaint(request):
            complaints.append(found)
            raise bad(found)

    monkeypatch.setattr(ExivoSimulator, "authorize", check)
    return complaints


async def a_year(world: World) -> None:
    """Join, move, renew, change badges and name, leave, come back, get another kind of badge; verify in between."""
    for number in range(6):
        world.join(str(number), given="Zoé 🚴" if number else "", badge=f"{number + 10:x}")
    world.desk.badges[5] = {"member_id": "5", "number": "04a1b2", "format": "uid"}
    assert (await world.sync()).exit_code == 0
    row = await world.hub.connection_row("door")
    connection = await world.hub.open_connection(row)
    assert all(check.state == "ok" for check in await exivo.verify(connection))
    world.pass_of("0")["pass_id"] = "abo-sauna"
    world.pass_of("1")["valid_until"] = "2028-12-31"
    world.pass_of("2")["valid_until"] = None
    world.pass_of("3")["state"] = "ended"
    world.desk.badges[4] = {"member_id": "4", "number": "ff01"}
    world.desk.members[1] = {"id": "1", "given_name": "Anna", "family_name": "Meier", "language": "nb-NO"}
    assert (await world.sync()).exit_code == 0
    assert world.group_of("3") is None
    world.pass_of("3")["state"] = "active"
    assert (await world.sync()).exit_code == 0
    assert (await world.plan()).changes == []
    assert all(world.group_of(str(number)) for number in range(6))


async def test_whatever_is_sent_is_in_the_contract(world: World, strict: list[str]) -> None:
    """Paths, queries, content types and bodies, field by field; a change of state carries an empty object."""
    await a_year(world)
    assert strict == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/v1/s/person", b'{"firstName": "A"}'),
        ("POST", "/v1/s/person", b'{"firstName": "A", "lastName": "B", "member": 1}'),
        ("POST", "/v1/s/person/p", b'{"exitDate": "2026-01-01T00:00:00+01:00", "nickname": "A"}'),
        ("POST", "/v1/s/person/p/revoke", b'{"now": true}'),
        ("POST", "/v1/s/visit", b'{"code": 12345, "validFrom": "", "validTo": "", "components": ["d"]}'),
        ("POST", "/v1/s/visit/v/revoke", b'{"now": true}'),
        ("POST", "/v1/s/person/p/revoke", b""),
        ("POST", "/v1/s/Person/p/revoke", b"{}"),
        ("GET", "/v1/s/accessgroups", b""),
    ],
)
def test_the_strict_vendor_is_strict(method: str, path: str, body: bytes) -> None:
    """Otherwise the test above would say nothing."""
    headers = [(b"content-type", b"application/json")]
    try:
        assert complaint(Request(method, path, {}, b"", headers, body)) is not None
    except ValueError:
        assert body == b""


# ── what the contract leaves open ─────────────────────────────────────────────────────────────────────────────────────


def without(name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    return lambda row: {key: value for key, value in row.items() if key != name or value}


def with_null_group(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "accessGroupId": row.get("accessGroupId")} if "firstName" in row else row


def with_other_numbers(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "cid": f"00{row['cid'].lower()}"} if row.get("cid") else row


def with_other_dates(row: dict[str, Any]) -> dict[str, Any]:
    dates = {name: f"{row[name][:19]}.000000+00:00" for name in ("entryDate", "exitDate") if row.get(name)}
    return {**row, **dates}


def with_unknown_values(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "formFactor": "hologram", "gender": "?", "hasPinCode": None, "newField": {"deep": [1]}}


def as_200(reply: Reply) -> Reply:
    return Reply(200, {}) if reply.status == 204 else reply


def as_201(reply: Reply) -> Reply:
    return Reply(201, reply.value) if reply.status == 200 else reply


def with_body_in_404(reply: Reply) -> Reply:
    return Reply(404, {"message": "not found"}) if reply.status == 404 else reply


def with_html_errors(reply: Reply) -> Reply:
    html = b"<html><body>Bad Request</body></html>"
    return Reply(400, content=html, headers={"content-type": "text/html"}) if reply.status == 400 else reply


def as_409(reply: Reply) -> Reply:
    return Reply(409, reply.value) if reply.status == 400 else reply


def as_404(reply: Reply) -> Reply:
    return Reply(404) if reply.status == 400 else reply


ROWS = [
    without("uid"),
    without("info"),
    without("accessGroupId"),
    with_null_group,
    with_other_numbers,
    with_other_dates,
    with_unknown_values,
]
REPLIES = [as_200, as_201, with_body_in_404, with_html_errors, as_409, as_404]


def change_answers(
    monkeypatch: pytest.MonkeyPatch, *, rows: Callable[[Any], Any] | None = None, replies: Any = None
) -> None:
    do = ExivoSimulator._do

    def changed(self: ExivoSimulator, call: Any) -> Reply:
        try:
            reply = do(self, call)
        except Reject as rejected:
            reply = rejected.reply
        if rows is not None and reply.status == 200 and isinstance(reply.value, dict):
            reply = Reply(200, rows(reply.value))
        elif rows is not None and reply.status == 200 and isinstance(reply.value, list):
            reply = Reply(200, [rows(row) for row in reply.value], items_in="")
        return replies(reply) if replies is not None else reply

    monkeypatch.setattr(ExivoSimulator, "_do", changed)


@pytest.mark.parametrize(
    "rows", ROWS, ids=["no uid", "no info", "no group", "null group", "numbers", "dates", "values"]
)
async def test_answers_may_show_things_another_way(
    world: World, monkeypatch: pytest.MonkeyPatch, rows: Callable[[Any], Any]
) -> None:
    """Fields null or left out, numbers in lower case with zeros in front, dates with fractions, values never seen."""
    change_answers(monkeypatch, rows=rows)
    await a_year(world)
    assert len(world.exivo.media) == 7


@pytest.mark.parametrize("replies", REPLIES)
async def test_answers_may_have_another_status_or_body(
    world: World, monkeypatch: pytest.MonkeyPatch, replies: Callable[[Reply], Reply]
) -> None:
    """What counts is what reading shows."""
    change_answers(monkeypatch, replies=replies)
    world.exivo.faults.set("drop_after_write,every=4")
    for number in range(6):
        world.join(str(number))
    for _ in range(3):
        await world.sync()
    world.exivo.faults.clear()
    assert (await world.sync()).exit_code == 0
    assert len(world.ours()) == 6
    assert all(world.opens(str(number)) for number in range(6))
    world.drop_pass("0")
    assert (await world.sync()).exit_code == 0
    assert not world.opens("0")


async def test_a_server_that_gives_every_list_whole_every_time_is_fine(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever `skip` and `limit` say."""

    def page(self: ExivoSimulator, request: Request, rows: Any, view: Any = None) -> Reply:
        return Reply(200, [view(row) if view else row for row in rows], items_in="")

    monkeypatch.setattr(ExivoSimulator, "page", page)
    await a_year(world)
