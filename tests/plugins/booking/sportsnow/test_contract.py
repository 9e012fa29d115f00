"""What the simulator answers and what the hub sends fits the contract file, operation by operation."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import httpx
import jsonschema_rs
import pytest
import yaml

from hub.clock import FrozenClock
from hub.testing import Request
from plugins.booking.sportsnow.simulator import PROVIDER, TOKEN, SportsNowSimulator
from tests.plugins.booking.sportsnow.support import NOW, assumed, opened

CONTRACT = Path(__file__).parents[3] / "vendors" / "sportsnow.openapi.yaml"

METHODS = {"get", "post", "put", "patch", "delete"}


@cache
def contract() -> dict[str, Any]:
    """The contract. Its schemas take further fields, so what the simulator adds is looked at by name."""
    read: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    return read


def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every operation, by its name."""
    return {
        operation["operationId"]: (method.upper(), path, operation)
        for path, item in contract()["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


def check(value: Any, schema: dict[str, Any]) -> None:
    jsonschema_rs.Draft202012Validator({**schema, "components": contract()["components"]}).validate(value)


def complaint(request: Request) -> str | None:
    """What in a request isn't as the contract has it."""
    for method, path, operation in operations().values():
        if request.method == method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", path), request.path):
            known = {parameter["name"] for parameter in operation["parameters"] if parameter["in"] == "query"}
            if unknown := request.query.keys() - known:
                return f"unknown in the query: {unknown}"
            if bool(request.body) is not ("requestBody" in operation):
                return "a body where none belongs, or none where one does"
            if operation.get("security") == [] and request.header("authorization"):
                return "a token where nobody signs in"
            return None
    return f"there is no {request.method} {request.path}"


@pytest.fixture
def sim() -> SportsNowSimulator:
    return SportsNowSimulator(clock=FrozenClock(NOW))


async def ask(sim: SportsNowSimulator, method: str, path: str, **more: Any) -> httpx.Response:
    """Ask the simulator as a stranger would."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=sim), base_url="http://sportsnow.test") as client:
        return await client.request(method, path, headers={"authorization": f"Bearer {TOKEN}"}, **more)


def address(path: str) -> str:
    return path.replace("{provider}", PROVIDER).replace("{id}", "1000")


def test_the_simulator_serves_every_operation_of_the_contract_and_no_other(sim: SportsNowSimulator) -> None:
    """By the contract's own names."""
    served = {found.name: (found.method, found.template) for found in sim.operations()}
    assert served == {name: (method, path) for name, (method, path, _) in operations().items()}


@pytest.mark.parametrize("name", sorted(operations()))
async def test_every_answer_fits_the_contract(sim: SportsNowSimulator, name: str) -> None:
    """And has something in it, or this would say nothing."""
    sim.faults.lesson_ids = True
    method, path, operation = operations()[name]
    answer = await ask(sim, method, address(path), **({"json": {}} if method == "POST" else {}))
    assert answer.status_code == 200
    check(answer.json(), operation["responses"]["200"]["content"]["application/json"]["schema"])
    assert answer.json() if method == "POST" else answer.json()["data"]


@pytest.mark.parametrize("name", sorted(operations()))
async def test_another_studio_is_404(sim: SportsNowSimulator, name: str) -> None:
    """As the contract has it."""
    method, path, _ = operations()[name]
    answer = await ask(sim, method, address(path).replace(PROVIDER, "other"), json={})
    assert answer.status_code == 404


async def test_whatever_is_sent_is_in_the_contract(monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths, queries, bodies; a read of everything and a verify, with the assumed routes and without."""
    complaints: list[str | None] = []
    async with opened(**assumed()) as people, opened() as studio:
        for site in (people, studio):
            monkeypatch.setattr(site.sim, "authorize", lambda request: complaints.append(complaint(request)))
            await site.read()
            await site.verify()
    assert len(complaints) > 10
    assert set(complaints) == {None}


def test_the_strict_vendor_is_strict() -> None:
    """Otherwise the test above would say nothing."""
    lessons = f"/platform/api/v1/public/provider/{PROVIDER}/live_calendar"
    assert complaint(Request("GET", lessons, {}, b"", [], b"")) is not None
    assert complaint(Request("POST", lessons, {}, b"week=1", [], b"{}")) is not None
    assert complaint(Request("POST", lessons, {}, b"date=2026-11-16", [], b"")) is not None
    assert complaint(Request("POST", lessons, {}, b"", [(b"authorization", b"Bearer x")], b"{}")) is not None
