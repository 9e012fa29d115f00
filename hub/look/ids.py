"""Very many ids in order, kept as one text: a hundred thousand strings of their own would take five times the room."""

from __future__ import annotations

import re
from array import array
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from typing import overload

__all__ = ["IdList"]

_GAP = re.compile(" ")


class IdList(Sequence[str]):
    """Ids that were joined by blanks. Finding one of them looks through the text, which needs no index."""

    __slots__ = ("_ends", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        self._ends = _ends(text)

    def __len__(self) -> int:
        return len(self._ends)

    @overload
    def __getitem__(self, place: int) -> str: ...
    @overload
    def __getitem__(self, place: slice) -> list[str]: ...
    def __getitem__(self, place: int | slice) -> str | list[str]:
        if isinstance(place, slice):
            start, stop, step = place.indices(len(self))
            if step != 1:
                return [self[number] for number in range(start, stop, step)]
            return self._text[self._start(start) : self._ends[stop - 1]].split(" ") if stop > start else []
        number = place + len(self) if place < 0 else place
        if not 0 <= number < len(self):
            raise IndexError(place)
        return self._text[self._start(number) : self._ends[number]]

    def __iter__(self) -> Iterator[str]:
        return iter(self._text.split())

    def __contains__(self, one: object) -> bool:
        return isinstance(one, str) and self._find(one) is not None

    def __eq__(self, other: object) -> bool:
        if isinstance(other, IdList):
            return self._text == other._text
        return isinstance(other, list | tuple) and len(self) == len(other) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def index(self, value: str, start: int = 0, stop: int | None = None) -> int:
        """The place of an id. Raises ValueError where it is not among them."""
        found = self._find(value)
        if found is None or found < start or (stop is not None and found >= stop):
            raise ValueError(f"{value!r} is not in it")
        return found

    def _start(self, place: int) -> int:
        return self._ends[place - 1] + 1 if place else 0

    def _find(self, one: str) -> int | None:
        at = -1
        while one and (at := self._text.find(one, at + 1)) >= 0:
            place = bisect_left(self._ends, at)
            if self._start(place) == at and self._ends[place] == at + len(one):
                return place
        return None


def _ends(text: str) -> Sequence[int]:
    """Where each id ends. Where all are as long as the first, as those that the hub draws are, it need not be kept."""
    width = text.find(" ") + 1
    gaps = text[width - 1 :: width] if width > 1 else ""
    if gaps and (len(text) + 1) % width == 0 and gaps.count(" ") == len(gaps) == text.count(" "):
        return range(width - 1, len(text) + 1, width)
    ends = array("I", (match.start() for match in _GAP.finditer(text)))
    if text:
        ends.append(len(text))
    return ends
