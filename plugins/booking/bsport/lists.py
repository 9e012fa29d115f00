"""bsport's lists, and the records that are made of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hub.records import Page, Problem, Record
from plugins.booking.bsport import shapes, wire
from plugins.booking.bsport.client import Bsport
from plugins.booking.bsport.pages import Proof
from plugins.booking.bsport.values import Raw, Unreadable, identifier
from plugins.booking.bsport.wire import Context

__all__ = ["BOOKINGS", "CLIENTS", "KINDS", "LISTS", "List", "make", "read_list"]

Maker = Callable[[Raw, Context], Sequence[Record]]


@dataclass(frozen=True, eq=False)
class List:
    """One list: its address, and what becomes of an item, by kind. `guessed`: nobody has seen it."""

    path: str
    makers: Mapping[str, Maker]
    guessed: bool = False


CLIENTS = List(
    wire.CLIENTS, {"member": shapes.member, "badge": shapes.badge, "community_member": shapes.community_members}
)
CLIENT_PASSES = List(wire.CLIENT_PASSES, {"member_pass": shapes.member_pass})
CLASSES = List(wire.CLASSES, {"session": shapes.session})
BOOKINGS = List(wire.BOOKINGS, {"booking": shapes.booking})

LISTS = (
    List(wire.VENUES, {"location": shapes.location}, guessed=True),
    List(wire.TEACHERS, {"instructor": shapes.teacher}, guessed=True),
    List(wire.TAGS, {"community": shapes.community}),
    List(wire.PASSES, {"pass": shapes.pass_}),
    CLIENTS,
    CLIENT_PASSES,
    CLASSES,
    BOOKINGS,
)
"""In the order in which they are read: venues before the classes whose zones they hold."""

KINDS = frozenset(kind for one in LISTS for kind in one.makers)


async def read_list(
    api: Bsport, one: List, kinds: frozenset[str], context: Context, query: Mapping[str, Any], proof: Proof
) -> AsyncIterator[tuple[list[Raw], list[Page | Problem]]]:
    """A list page by page: the items, and what becomes of them."""
    async for items in api.all(one.path, query, proof):
        found: list[Page | Problem] = []
        for kind in one.makers:
            if kind in kinds:
                found += make(one, kind, items, context)
        yield [item for item in items if isinstance(item, dict)], found


def make(one: List, kind: str, items: Sequence[Any], context: Context) -> list[Page | Problem]:
    """The records of one kind in some items, and a problem for each item that can't be understood."""
    made: list[Record] = []
    problems: list[Page | Problem] = []
    for item in items:
        try:
            if not isinstance(item, dict):
                raise Unreadable("an item of the list is no record")
            made += one.makers[kind](item, context)
        except Unreadable as error:
            problems.append(Problem(kind, _name_of(item, kind), _where(one, item), error.what, error.fix))
    return [*([Page(kind, made)] if made else []), *problems]


def _name_of(item: Any, kind: str) -> str | None:
    """The id of a record that can't be understood. Of a client whose tags can't be read it isn't known which records
    are missing, so there is none."""
    if kind == "community_member" or not isinstance(item, dict):
        return None
    try:
        return identifier(item, "id")
    except Unreadable:
        return None


def _where(one: List, item: Any) -> str:
    return f"{one.path}{item['id']}" if isinstance(item, dict) and isinstance(item.get("id"), int | str) else one.path
