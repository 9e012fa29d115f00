"""Answers: XML, read safely, by names in any letter case. Knows no name of Spivi's."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import fromstring

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

__all__ = ["Node", "parse"]


class Node:
    """An element of an answer. Name spaces and letter case count for nothing."""

    def __init__(self, element: Element) -> None:
        self._element = element

    def each(self, names: Iterable[str]) -> list[Node]:
        """The children of these names."""
        wanted = {name.lower() for name in names}
        return [Node(child) for child in self._element if _name(child).lower() in wanted]

    def child(self, names: Iterable[str]) -> Node | None:
        """The child of the first of these names that is there."""
        for name in names:
            found = self.each((name,))
            if found:
                return found[0]
        return None

    def text(self, names: Iterable[str]) -> str | None:
        """The text of a child: None where there is none, "" where it is empty."""
        found = self.child(names)
        return None if found is None else found.own

    @property
    def own(self) -> str:
        """This element's text."""
        return (self._element.text or "").strip()

    def leaves(self) -> dict[str, str]:
        """Every child that holds text and no elements, by its name as it stands there."""
        return {_name(child): (child.text or "").strip() for child in self._element if not len(child)}

    def inner(self) -> list[Node]:
        """The children that hold elements."""
        return [Node(child) for child in self._element if len(child)]


def _name(element: Element) -> str:
    return element.tag.rsplit("}", 1)[-1]


def parse(content: bytes) -> Node:
    """The root of an answer, whatever its name. Raises ValueError for what is not XML, or is XML that declares a
    document type or entities: no honest answer does."""
    try:
        return Node(fromstring(content, forbid_dtd=True))
    except (ParseError, LookupError) as error:
        raise ValueError(str(error)) from error
