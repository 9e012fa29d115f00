"""Which operation of a simulated API a request is for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, TypeVar
from urllib.parse import unquote

import msgspec

__all__ = ["Operation", "Routes", "operation", "operations_of"]

F = TypeVar("F", bound=Callable[..., Any])


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that the vendor's API can do, by the name that its contract gives it. `reads`: it changes nothing.
    `run`: the method that does it."""

    name: str
    method: str
    template: str
    reads: bool
    run: str


def operation(name: str, where: str, *, reads: bool | None = None) -> Callable[[F], F]:
    """Marks a method of a simulator as the operation `name` at `where`: a method and a path such as
    "GET /person/{personId}". Reads are GETs unless said otherwise. The method takes a `Request` and returns a `Reply`,
    or a value to be answered as JSON with status 200, or None for an empty 204."""
    method, template = where.split(" ")

    def mark(function: F) -> F:
        found = Operation(
            name=name,
            method=method,
            template=template,
            reads=method == "GET" if reads is None else reads,
            run=function.__name__,
        )
        function.__dict__["operation"] = found
        return function

    return mark


def operations_of(owner: type) -> list[Operation]:
    """The marked methods of a class."""
    members = (getattr(owner, name) for name in dir(owner))
    return [found for member in members if isinstance(found := getattr(member, "operation", None), Operation)]


class _Node:
    __slots__ = ("methods", "parameter", "words")

    def __init__(self) -> None:
        self.words: dict[str, _Node] = {}
        self.parameter: _Node | None = None
        self.methods: dict[str, tuple[Operation, tuple[str, ...]]] = {}


class Routes:
    """The paths of an API as a tree of their segments, so finding one costs its depth and not the number of paths. A
    word wins over a parameter in the same place."""

    def __init__(self, operations: Iterable[Operation], base_path: str) -> None:
        self._root = _Node()
        for found in operations:
            self._add(found, base_path)

    def _add(self, found: Operation, base_path: str) -> None:
        node = self._root
        names = []
        for segment in (base_path + found.template).split("/")[1:]:
            if segment.startswith("{"):
                names.append(segment.strip("{}"))
                node.parameter = node.parameter or _Node()
                node = node.parameter
            else:
                node = node.words.setdefault(segment, _Node())
        if found.method in node.methods:
            raise ValueError(f"{found.method} {found.template} is there twice: {found.name}")
        node.methods[found.method] = (found, tuple(names))

    def find(self, path: str, *, quoted: bool) -> tuple[_Node, list[str]] | None:
        """The place of a path and its parameters. `quoted`: the path is still percent-encoded."""
        segments = path.split("/")[1:]
        return _walk(self._root, [unquote(segment) for segment in segments] if quoted else segments, 0, [])


def _walk(node: _Node, segments: list[str], at: int, values: list[str]) -> tuple[_Node, list[str]] | None:
    if at == len(segments):
        return (node, values) if node.methods else None
    segment = segments[at]
    if (word := node.words.get(segment)) is not None and (found := _walk(word, segments, at + 1, values)) is not None:
        return found
    if node.parameter is not None and segment:
        return _walk(node.parameter, segments, at + 1, [*values, segment])
    return None
