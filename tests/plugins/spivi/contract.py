"""The contract of Spivi, and forms and XML read by its schemas."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import jsonschema_rs
import yaml
from defusedxml.ElementTree import fromstring

CONTRACT: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "vendors" / "spivi.openapi.yaml").read_text(encoding="utf-8")
)
OPERATIONS: dict[str, tuple[str, dict[str, Any]]] = {
    item["post"]["operationId"]: (path, item["post"]) for path, item in CONTRACT["paths"].items()
}
_INDEX = re.compile(r"\[([^\]]*)\]")


def resolved(schema: Mapping[str, Any]) -> dict[str, Any]:
    """A schema with its references followed and its parts put together."""
    found = dict(schema)
    if "$ref" in found:
        at: Any = CONTRACT
        for part in found.pop("$ref").removeprefix("#/").split("/"):
            at = at[part]
        found = {**resolved(at), **found}
    for part in found.pop("allOf", ()):
        inner = resolved(part)
        found["required"] = [*found.get("required", ()), *inner.get("required", ())]
        found["properties"] = {**inner.get("properties", {}), **found.get("properties", {})}
        found.setdefault("type", inner.get("type", "object"))
    return found


def request_schema(name: str) -> dict[str, Any]:
    """What an operation takes."""
    content = OPERATIONS[name][1]["requestBody"]["content"]["application/x-www-form-urlencoded"]
    return resolved(content["schema"])


def answer_schema(name: str) -> dict[str, Any]:
    """What an operation answers."""
    content = resolved(OPERATIONS[name][1]["responses"]["200"])["content"]
    return resolved(content["application/xml"]["schema"])


def check(value: Any, schema: Mapping[str, Any]) -> None:
    """Raise where a value is not what the schema says."""
    whole = {**schema, "components": CONTRACT["components"]}
    jsonschema_rs.Draft202012Validator(whole).validate(value)


def nested(form: Mapping[str, str]) -> dict[str, Any]:
    """A form with its brackets undone."""
    found: dict[str, Any] = {}
    for key, value in form.items():
        path = [key.split("[", 1)[0], *_INDEX.findall(key)]
        inside = found
        for part in path[:-1]:
            inside = inside.setdefault(part, {})
        inside[path[-1]] = value
    return found


def typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """A form's value in the schema's types. A field that the schema doesn't know stays, and shows."""
    schema = resolved(schema)
    kind = schema.get("type")
    if kind == "array":
        return [typed(value[key], schema["items"]) for key in sorted(value, key=int)]
    if isinstance(value, Mapping):
        properties = schema.get("properties", {})
        return {name: typed(item, properties[name]) if name in properties else item for name, item in value.items()}
    return _plain(value, kind)


def read(content: bytes, schema: Mapping[str, Any]) -> Any:
    """An XML answer as the value that the schema describes; empty elements are values that are not there."""
    return _element(fromstring(content, forbid_dtd=True), resolved(schema))


def _element(element: Element, schema: Mapping[str, Any]) -> Any:
    if not len(element):
        return _plain(element.text or "", schema.get("type")) if schema.get("type") != "object" else {}
    found: dict[str, Any] = {}
    properties = schema.get("properties", {})
    for child in element:
        inner = resolved(properties.get(child.tag, {}))
        if inner.get("type") == "array":
            found.setdefault(child.tag, []).append(_element(child, resolved(inner["items"])))
        elif len(child) or child.text or inner.get("type") == "object":
            found[child.tag] = _element(child, inner)
    return found


def _plain(text: str, kind: Any) -> Any:
    kinds = kind if isinstance(kind, list) else [kind]
    for name, make in (("integer", int), ("number", float)):
        if name in kinds:
            try:
                return make(text)
            except ValueError:
                continue
    return text
