"""The inbox as an admin takes it in: things of one kind at one connection are one line with a count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from hub.inbox import CODES

__all__ = ["Need", "needs"]


@dataclass(frozen=True)
class Need:
    """One line. `items` are the entries of the inbox behind it, as `hub.look.journal.inbox` gives them."""

    id: str
    code: str
    connection: str | None
    text: str
    items: Sequence[Mapping[str, Any]]


def needs(inbox: Sequence[Mapping[str, Any]]) -> list[Need]:
    """The inbox in its order, which is worst first; a group stands where its first entry stood."""
    found: list[Need] = []
    place = {id(item): number for number, item in enumerate(inbox)}
    ordered = sorted(inbox, key=lambda item: (str(item["code"]), item["connection"] or ""))
    for (code, connection), members in groupby(ordered, key=lambda item: (str(item["code"]), item["connection"])):
        items = list(members)
        if len(items) == 1:
            found.append(Need(str(items[0]["id"]), code, connection, str(items[0]["text"]), items))
            continue
        known = CODES.get(code)
        phrase = known.many if known is not None else ""
        text = f"{len(items):,} {phrase}" if phrase else f"{items[0]['text']} (and {len(items) - 1:,} more like it)"
        found.append(Need(f"{code}@{connection or ''}", code, connection, text, items))
    return sorted(found, key=lambda need: min(place[id(item)] for item in need.items))
