"""The one shape of all mapping tables: things on the left, what belongs to one of them on the right."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Literal

from hub.errors import UserError
from hub.grants import TrackerSeat
from hub.look.catalog import Catalog
from hub.look.people import Person
from hub.look.seats import SeatView
from hub.records import Spot
from tui.mapping.draft import BETWEEN, Draft, Edit
from tui.table import Column

__all__ = ["Board", "Left", "MappingTable", "Right", "Room"]

Mark = Literal["tick", "one", "value", "match", "differs", "missing", "text"]


@dataclass(frozen=True)
class Left:
    """A line on the left. `quiet`: nothing is said about it yet."""

    key: str
    cells: Mapping[str, str]
    faint: str = ""
    quiet: bool = False
    state: str = ""


@dataclass(frozen=True)
class Right:
    """A line on the right: something to tick, to choose, to type or to read."""

    key: str
    title: str
    mark: Mark
    on: bool = False
    value: str = ""
    faint: str = ""
    note: str = ""


@dataclass(frozen=True)
class Room:
    """A room's spots and the tracker's seats; `seats` None where the tracker can't tell, with why in `problem`."""

    spots: Sequence[Spot] = ()
    seats: Sequence[TrackerSeat] | None = None
    problem: str = ""


@dataclass
class Board:
    """What the tables are made from."""

    catalog: Catalog = field(default_factory=Catalog)
    people: dict[str, Person] = field(default_factory=dict)
    people_keys: Sequence[str] = ()
    named: Collection[str] = ()
    """Of the members, those (`source:id`) in whose name the filter's text is."""
    unmatched: int = 0
    rooms: dict[str, Room] = field(default_factory=dict)
    views: dict[str, Sequence[SeatView]] = field(default_factory=dict)


class MappingTable:
    """One of the six."""

    name: ClassVar[str] = ""
    kind: ClassVar[str] = ""
    columns: ClassVar[tuple[Column, ...]] = ()
    title: ClassVar[str] = ""
    right_column: ClassVar[str] = ""
    value_column: ClassVar[str] = ""
    value_width: ClassVar[int] = 8
    empty: ClassVar[str] = ""
    right_empty: ClassVar[str] = "Nothing to choose from."

    def left(self, draft: Draft, board: Board) -> list[Left]:
        """The things."""
        raise NotImplementedError

    def heading(self, draft: Draft, board: Board, key: str) -> tuple[str, str]:
        """What stands over the right side, loud and quiet."""
        raise NotImplementedError

    def right(self, draft: Draft, board: Board, key: str) -> list[Right]:
        """What belongs to one of them."""
        raise NotImplementedError

    def toggle(self, draft: Draft, board: Board, key: str, choice: str) -> list[Edit]:
        """Tick it, or take the tick away."""
        return []

    def bump(self, draft: Draft, board: Board, key: str, choice: str | None, by: int) -> list[Edit]:
        """More or less of it; of the thing itself where `choice` is None."""
        return []

    def typed(self, draft: Draft, board: Board, key: str, choice: str, text: str) -> list[Edit]:
        """It says this now. Raises UserError where that makes no sense."""
        return []

    def typing(self, draft: Draft, board: Board, key: str, choice: str) -> str | None:
        """What stands in the field when somebody begins to type; None where there is nothing to type."""
        return None

    def notes(self, draft: Draft, board: Board, key: str) -> list[str]:
        """What somebody should know about the rows as they are."""
        return []


def parts(key: str) -> list[str]:
    """A key, taken apart, without the number that tells doubles apart."""
    found = key.split(BETWEEN)
    return found[:-1] if len(found) > 2 and found[-1].startswith("#") else found


def whole(text: str, what: str) -> int:
    """A number that was typed."""
    try:
        return int(text)
    except ValueError:
        raise UserError(f"{what} must be a whole number") from None


def switched(ids: Sequence[str], one: str) -> list[str]:
    """The ids with that one, or without it where it was there."""
    return [other for other in ids if other != one] if one in ids else [*ids, one]
