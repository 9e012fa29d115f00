"""A plugin's settings as a form: what to ask, how, and what was typed as values again."""

from __future__ import annotations

import re
import types
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from hub.plugins import Plugin
from hub.settings import ConnectionSettings, HoldLimit
from hub.studio.registry import ConnectionRow

__all__ = ["FormField", "form_fields", "in_form_words", "typed_values"]

Kind = Literal["text", "secret", "choice", "list", "table"]

_COMMON: Mapping[str, tuple[str, str]] = {
    "base_url": ("Address", "Another host than the vendor's own, such as a simulator"),
    "every": ("Looks every", "90s, 15m, 2h or 1d; empty is as usual for this vendor"),
    "requests_per_second": ("Calls per second", "At most; empty is as usual for this vendor"),
    "path": ("Folder", ""),
    "badge_numbers": ("Badge numbers are", ""),
}
_YES_NO = {"true": "yes", "false": "no"}
_POLICY = {
    "sync": "gives and takes access",
    "grant_only": "gives access, never takes any",
    "observe": "writes nothing there",
}


@dataclass(frozen=True)
class FormField:
    """One thing to fill in. `value` is what is saved, as somebody would type it; of a secret it is always empty, and
    `kept` says that there is one. `choices` are values with their words."""

    key: str
    title: str
    kind: Kind
    description: str = ""
    required: bool = False
    choices: tuple[tuple[str, str], ...] = ()
    value: str = ""
    kept: bool = False
    usual: str = ""


def form_fields(plugin: Plugin, current: ConnectionRow | None) -> list[FormField]:
    """The form of a connection: what is needed first, then how far the hub may go, then what is usually left alone."""
    saved: Mapping[str, Any] = current.settings if current is not None else {}
    own: list[FormField] = []
    for key, info in plugin.settings.model_fields.items():
        title, description = _COMMON.get(key, (key.replace("_", " "), ""))
        secret = key in plugin.settings.secret_names()
        kind, choices = ("secret", ()) if secret else _kind(info.annotation)
        usual = "" if info.is_required() or info.default in (None, PydanticUndefined) else _text(info.default)
        own.append(
            FormField(
                key=key,
                title=info.title or title,
                kind=kind,
                description=info.description or description,
                required=info.is_required(),
                choices=choices,
                value="" if secret else _text(saved.get(key, "")) or (usual if kind == "choice" else ""),
                kept=secret and current is not None and current.sealed_secrets is not None and info.is_required(),
                usual=usual,
            )
        )
    common = ConnectionSettings.model_fields.keys()
    needed = [field for field in own if field.required or field.kind == "secret"]
    more = [field for field in own if field not in needed]
    more.sort(key=lambda field: field.key in common or field.key in {"page_size", "timeout"})
    return [*needed, *(_target_fields(current) if plugin.kind != "booking" else ()), *more]


def _target_fields(current: ConnectionRow | None) -> list[FormField]:
    options = current.options if current is not None else None
    limit = options.hold_removals_above if options is not None else HoldLimit()
    return [
        FormField(
            key="policy",
            title="How far it may go",
            kind="choice",
            required=True,
            choices=tuple(_POLICY.items()),
            value=options.policy if options is not None else "",
        ),
        FormField(
            key="hold_removals_above.count",
            title="Hold removals above",
            kind="text",
            description="More than that at once, and more than the percentage below, wait until somebody says yes",
            required=True,
            value=_text(limit.count),
        ),
        FormField(
            key="hold_removals_above.percent",
            title="… and above percent",
            kind="text",
            description="Of all access that the hub gave there",
            required=True,
            value=_text(limit.percent),
        ),
        FormField(
            key="protect",
            title="Never touch",
            kind="list",
            description="Members as connection:id, with commas",
            value=", ".join(options.protect) if options is not None else "",
        ),
    ]


def _kind(annotation: Any) -> tuple[Kind, tuple[tuple[str, str], ...]]:
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        inner = [one for one in get_args(annotation) if one is not type(None)]
        if len(inner) == 1:
            kind, choices = _kind(inner[0])
            return kind, (("", "–"), *choices) if kind == "choice" else choices
        return "text", ()
    if origin is Literal:
        return "choice", tuple((str(one), str(one).replace("_", " ")) for one in get_args(annotation))
    if isinstance(annotation, type) and issubclass(annotation, Enum):
        return "choice", tuple((str(one.value), str(one.value).replace("_", " ")) for one in annotation)
    if annotation is bool:
        return "choice", tuple(_YES_NO.items())
    if origin in (list, tuple, set, frozenset):
        return "list", ()
    return ("table", ()) if origin is dict else ("text", ())


def _text(value: Any) -> str:
    if isinstance(value, Enum):
        return str(value.value)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Mapping):
        return ", ".join(
            f"{key} = {'|'.join(one) if isinstance(one, list) else _text(one)}" for key, one in value.items()
        )
    if isinstance(value, list | tuple | set | frozenset):
        return ", ".join(_text(one) for one in value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)


def typed_values(fields: list[FormField], typed: Mapping[str, str]) -> dict[str, Any]:
    """What was typed, as values that a studio file could hold; None for what was emptied. A secret that nobody typed
    is left out: what is kept of it stays."""
    found: dict[str, Any] = {}
    for field in fields:
        text = typed.get(field.key, field.value)
        text = text if field.kind == "secret" else text.strip()
        if field.kind == "secret":
            if text:
                found[field.key] = text
            continue
        value: Any = text or None
        if text and field.kind == "list":
            value = [part.strip() for part in text.split(",") if part.strip()]
        elif text and field.kind == "table":
            halves = [part.partition("=") for part in text.split(",") if part.strip()]
            value = {key.strip(): _cell(one.strip()) for key, _, one in halves}
        outer, dot, inner = field.key.partition(".")
        if dot:
            # An empty limit is said to be wrong there, and nothing is put in its place.
            found.setdefault(outer, {})[inner] = text
        else:
            found[field.key] = value
    return found


def in_form_words(text: str, fields: Sequence[FormField]) -> str:
    """A sentence that names settings and values as files do, with the words that a form has for them."""
    for field in fields:
        if "_" in field.key:
            # Other keys are words of the language as well, and stand as their titles do.
            text = re.sub(rf"\b{re.escape(field.key)}\b", field.title, text)
        for value, _ in field.choices:
            text = text.replace(f'"{value}"', value.replace("_", " "))
    return text


def _cell(text: str) -> Any:
    if text in _YES_NO:
        return text == "true"
    return text.split("|") if "|" in text else text
