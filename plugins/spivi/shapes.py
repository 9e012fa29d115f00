"""People, events and seats as Spivi shows them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from hub import grants, records
from plugins.spivi import wire
from plugins.spivi.answers import Node

__all__ = ["KEPT", "ClientSeen", "EventSeen", "client", "event", "layout_seat"]

_MARKER = re.compile(r"(\[hub:[^\]]*\])\s*(\w*)")

KEPT = (
    "first_name",
    "last_name",
    "gender",
    "birth_date",
    "address",
    "city",
    "phone",
    "weight",
    "height",
    "ftp",
    "rhr",
    "lthr",
    "pst",
    "strap",
    "max_hr",
)
"""What is read of a person and sent back with a change: whether a field that is left out stays is inferred."""


@dataclass(frozen=True)
class ClientSeen:
    """A person. `profile` holds the fields that were shown, "" where nothing is in them."""

    id: str
    email: str | None
    name: str
    profile: Mapping[str, str]


@dataclass(frozen=True)
class EventSeen:
    """A session on a box; times are the studio's wall clock. `booked` is seat id by client id, `emails` user name by
    client id. `digest` is what the hub wrote behind its marker."""

    id: str
    title: str
    marker: str | None
    digest: str
    starts: datetime | None
    ends: datetime | None
    box: str | None
    cancelled: bool
    free: tuple[str, ...]
    booked: Mapping[str, str]
    emails: Mapping[str, str]

    def holder(self, seat: str) -> str | None:
        """The client on a seat."""
        return next((client_id for client_id, taken in self.booked.items() if taken == seat), None)


def client(names: wire.Wire, node: Node) -> ClientSeen | None:
    """A person, None without an id."""
    found = node.text(names.names("client_id"))
    if not found:
        return None
    shown = {meaning: node.text(names.names(meaning)) for meaning in (*KEPT, "show_live")}
    return ClientSeen(
        id=found,
        email=records.normal_email(node.text(names.names("email"))),
        name=node.text(names.names("display_name")) or "",
        profile={meaning: text for meaning, text in shown.items() if text is not None},
    )


def event(names: wire.Wire, node: Node) -> EventSeen | None:
    """An event, None without an id."""

    def text(meaning: str) -> str:
        return node.text(names.names(meaning)) or ""

    found = text("event_id")
    if not found:
        return None
    marks = _MARKER.findall(text("description"))
    booked = _items(names, node, "booked_clients", "booked_client")
    riders = [(item.text(names.names("client_id")) or "", item) for item in booked]
    return EventSeen(
        id=found,
        title=text("title"),
        marker=marks[-1][0] if marks else None,
        digest=marks[-1][1] if marks else "",
        starts=wire.wall(text("starts_at")),
        ends=wire.wall(text("ends_at")),
        box=text("box") or None,
        cancelled=text("cancelled").lower() in {"1", "true"},
        free=tuple(
            seat
            for item in _items(names, node, "free_seats", "free_seat")
            if (seat := item.text(names.names("seat_id")) or item.own)
        ),
        booked={rider: item.text(names.names("seat_id")) or "" for rider, item in riders if rider},
        emails={rider: email for rider, item in riders if (email := item.text(names.names("booked_email")))},
    )


def layout_seat(names: wire.Wire, node: Node) -> grants.TrackerSeat | None:
    """A spot of a layout; None without an id, and for the instructor's."""
    found = node.text(names.names("seat_id"))
    if not found or node.text(names.names("for_instructor")) == "1":
        return None
    row, column = (wire.number(node.text(names.names(meaning))) for meaning in ("row", "column"))
    return grants.TrackerSeat(
        id=found,
        label=node.text(names.names("label")) or found,
        row=None if row is None else int(row),
        column=None if column is None else int(column),
    )


def _items(names: wire.Wire, node: Node, container: str, item: str) -> list[Node]:
    inside = node.child(names.names(container))
    return [] if inside is None else inside.each(names.names(item))
