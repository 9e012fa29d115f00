"""Writing a studio file, without secrets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tomlkit

from hub.studio.model import MailSection, StudioSection

__all__ = ["render"]


def render(
    studio: StudioSection,
    connections: Sequence[Mapping[str, Any]],
    rows: Mapping[str, Sequence[Mapping[str, Any]]],
    mail: MailSection | None = None,
) -> str:
    """A studio file as text. Secrets must not be in it: the caller passes their origins or leaves them out."""
    document = tomlkit.document()
    document["studio"] = studio.model_dump(exclude_none=True)
    if mail is not None and mail.plain:
        document["mail"] = _table(mail.plain)
    if connections:
        document["connections"] = _array_of_tables(connections)
    for kind, values in rows.items():
        if values:
            document[kind] = _array_of_tables(values)
    return tomlkit.dumps(document)


def _array_of_tables(entries: Sequence[Mapping[str, Any]]) -> tomlkit.items.AoT:
    array = tomlkit.aot()
    for entry in entries:
        array.append(_table(entry))
    return array


def _table(entry: Mapping[str, Any]) -> tomlkit.items.Table:
    table = tomlkit.table()
    for key, value in entry.items():
        if isinstance(value, Mapping):
            inline = tomlkit.inline_table()
            inline.update(value)
            table[key] = inline
        else:
            table[key] = value
    return table
