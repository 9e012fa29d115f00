"""A plugin's grade file: `quality.toml` beside its code, packaged with it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from hub.errors import PluginError

__all__ = ["NAME", "SHORTEST_REASON", "GradeFile", "grade_file", "is_reason"]

NAME = "quality.toml"
SHORTEST_REASON = 20
"""Letters. Less than that says nothing."""

_TABLES = ("claims", "exempt", "kit")


@dataclass(frozen=True)
class GradeFile:
    """What a plugin says of itself. `claims` are rules that only a person can judge, each with what speaks for it;
    `exempt` are rules that don't fit, each with the reason; `kit` the same for tests of the conformance kit. `docs` is
    the page for admins: a file beside the code or above it."""

    grade: str = ""
    docs: str = ""
    claims: Mapping[str, str] = field(default_factory=dict)
    exempt: Mapping[str, str] = field(default_factory=dict)
    kit: Mapping[str, str] = field(default_factory=dict)


def is_reason(text: str) -> bool:
    """Whether a text says enough to be a reason."""
    return len(" ".join(text.split())) >= SHORTEST_REASON


def grade_file(module: Any) -> GradeFile | None:
    """The grade file of a plugin's package; None where it has none. Raises PluginError for one that can't be read."""
    name = getattr(module, "__name__", "")
    if not getattr(module, "__path__", None):
        return None
    file = resources.files(name) / NAME
    if not file.is_file():
        return None
    try:
        read = tomllib.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise PluginError(f"{NAME} of {name} can't be read", said=str(error)) from error
    unknown = read.keys() - {"grade", "docs", *_TABLES}
    if unknown:
        fix = f"It has grade, docs, [{'], ['.join(_TABLES)}]."
        raise PluginError(f"{NAME} of {name} has {', '.join(sorted(unknown))}, which nobody knows", fix=fix)
    tables = {table: _texts(name, table, read.get(table, {})) for table in _TABLES}
    return GradeFile(grade=str(read.get("grade", "")), docs=str(read.get("docs", "")), **tables)


def _texts(name: str, table: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise PluginError(f"{NAME} of {name}: [{table}] holds a name and a text on each line")
    return value
