"""Nuki's contract: what it takes and what it answers, as schemas in which nothing has a member that isn't named."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import yaml

from hub.testing import Reply, Request

CONTRACT = Path(__file__).parents[2] / "vendors" / "nuki.openapi.yaml"


@cache
def contract() -> dict[str, Any]:
    """The contract."""
    read: dict[str, Any] = yaml.safe_load(CONTRACT.read_text(encoding="utf-8"))
    for schema in read["components"]["schemas"].values():
        if "properties" in schema:
            schema.setdefault("unevaluatedProperties", False)
    return read


@cache
def operations() -> dict[str, tuple[str, str, dict[str, Any]]]:
    """Method, path and description by operation."""
    return {
        item["operationId"]: (method.upper(), path, item)
        for path, every in contract()["paths"].items()
        for method, item in every.items()
    }


def resolved(node: Any) -> Any:
    """A node of the contract, a reference followed."""
    while isinstance(node, dict) and "$ref" in node:
        target: Any = contract()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def found(request: Request) -> tuple[str, dict[str, Any]] | None:
    """The operation that a request is for; words win over parameters."""
    fits = [
        (template.count("{"), template, item)
        for method, template, item in operations().values()
        if method == request.method and re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), request.path)
    ]
    if not fits:
        return None
    _, template, item = min(fits, key=lambda fit: fit[0])
    return template, item


def complaint(request: Request) -> str | None:
    """What in a request isn't as the contract has it."""
    place = found(request)
    if place is None:
        return f"there is no {request.method} {request.path}"
    item = place[1]
    names = {resolved(parameter)["name"] for parameter in item.get("parameters", ())}
    if unknown := request.query.keys() - names:
        return f"unknown in the query: {unknown}"
    if "requestBody" not in item:
        return "a body where none belongs" if request.body else None
    if request.header("content-type") != "application/json":
        return "no content type"
    return _wrong(request.json(), item["requestBody"]["content"]["application/json"]["schema"])


def answer_complaint(request: Request, reply: Reply) -> str | None:
    """What in an answer isn't as the contract has it; statuses that any service answers aside."""
    place = found(request)
    if place is None or reply.status >= 500 or reply.status in {401, 404, 405, 429}:
        return None
    item = place[1]
    described = resolved(item["responses"].get(str(reply.status)))
    if described is None:
        return f"{item['operationId']} never answers {reply.status}"
    content = described.get("content", {}).get("application/json")
    if content is None:
        return None if reply.body() == b"" else "a body where none belongs"
    import msgspec

    body = reply.body()
    return _wrong(msgspec.json.decode(body), content["schema"]) if body else None


def _wrong(value: Any, schema: dict[str, Any]) -> str | None:
    whole = {**schema, "components": contract()["components"]}
    try:
        jsonschema_rs.Draft202012Validator(whole).validate(value)
    except jsonschema_rs.ValidationError as error:
        return f"{error.message} at {list(error.instance_path)}"
    return None


def event_complaint(body: Any) -> str | None:
    """What in a webhook isn't as the contract has it."""
    schema = contract()["webhooks"]["nukiEvent"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    return _wrong(body, schema)
