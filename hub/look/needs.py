"""The inbox as an admin takes it in: things of one kind at one connection are one line with a count."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

__all__ = ["Need", "needs"]

_OF_MANY: Mapping[str, str] = {
    "grant_failed": "people did not get access",
    "removal_failed": "removals failed: access may still stand",
    "access_without_grant": "accesses stand that the hub did not give",
    "class_failed": "classes are not as they should be",
    "seat_failed": "riders have no seat",
    "not_linked": "members are not linked",
    "results_failed": "classes have no results yet",
    "seat_map": "rooms do not match their seats",
    "record_set_aside": "records are set aside",
    "source_note": "notes about what was read",
    "email_twice": "e-mail addresses have several members",
    "duplicate_person": "people are there twice",
    "pass_unmapped": "passes open nothing",
    "row_unmatched": "mapping rows match nothing",
    "mail_failed": "mails were not sent",
    "no_address": "members have no e-mail address",
    "erase_asked": "members ask to be erased",
}
"""What is so about several of a kind, after their number. Kinds that are not here are told by their first entry."""


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
        phrase = _OF_MANY.get(code)
        text = f"{len(items):,} {phrase}" if phrase else f"{items[0]['text']} (and {len(items) - 1:,} more like it)"
        found.append(Need(f"{code}@{connection or ''}", code, connection, text, items))
    return sorted(found, key=lambda need: min(place[id(item)] for item in need.items))
