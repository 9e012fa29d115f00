"""One request and its answer, as an operation of a simulator sees them, and the log of all of them."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from typing import Any, Literal
from urllib.parse import parse_qsl

import msgspec

__all__ = ["Entry", "Log", "Reject", "Reply", "Request"]


class Reply:
    """An answer. `value` is sent as JSON; `content` is sent as it is. `items_in` says where the items of a list answer
    are: "" where `value` is the list itself, else the name of the member that holds it."""

    __slots__ = ("content", "headers", "items_in", "status", "value")

    def __init__(
        self,
        status: int = 200,
        value: Any = msgspec.UNSET,
        *,
        content: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        items_in: str | None = None,
    ) -> None:
        self.status = status
        self.value = value
        self.content = content
        self.headers = headers
        self.items_in = items_in

    def body(self) -> bytes:
        """What goes over the wire."""
        if self.content is not None:
            return self.content
        return b"" if self.value is msgspec.UNSET else msgspec.json.encode(self.value)

    def halved(self) -> Reply:
        """The same answer with the first half of its items, rounded down."""
        if self.items_in is None:
            return self
        items = self.value[self.items_in] if self.items_in else self.value
        half = items[: len(items) // 2]
        value = {**self.value, self.items_in: half} if self.items_in else half
        return Reply(self.status, value, headers=self.headers, items_in=self.items_in)


class Reject(Exception):
    """Raised inside an operation to end it with this answer."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.status)
        self.reply = reply


@dataclass
class Request:
    """A request to an operation. `request["personId"]` is a parameter of the path."""

    method: str
    path: str
    values: Mapping[str, str]
    raw_query: bytes
    raw_headers: Iterable[tuple[bytes, bytes]]
    body: bytes

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    @cached_property
    def query(self) -> dict[str, str]:
        """The query's parameters; of one that is given twice, the last."""
        return dict(parse_qsl(self.raw_query.decode("latin-1"), keep_blank_values=True)) if self.raw_query else {}

    @cached_property
    def form(self) -> dict[str, str]:
        """The fields of a form body."""
        return dict(parse_qsl(self.body.decode("utf-8", "replace"), keep_blank_values=True))

    def header(self, name: str) -> str:
        """A header's value by its lower-case name, empty where it is missing."""
        wanted = name.encode("latin-1")
        for header, value in self.raw_headers:
            if header == wanted:
                return value.decode("latin-1")
        return ""

    def json(self) -> Any:
        """The body read as JSON. Raises ValueError for one that isn't."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ValueError(f"the body is not JSON: {error}") from None


class Entry(msgspec.Struct, frozen=True, gc=False):
    """One request that arrived. `status` is None where the answer was lost; `fault` names the switches that acted.
    Neither bodies nor queries nor headers are kept: they can hold codes and credentials."""

    number: int
    at: datetime
    kind: Literal["read", "write"]
    operation: str
    method: str
    path: str
    status: int | None
    fault: str


@dataclass
class Log:
    """What arrived, counted; and the last ten thousand requests one by one."""

    reads: int = 0
    writes: int = 0
    by_operation: Counter[str] = field(default_factory=Counter)
    by_status: Counter[int | None] = field(default_factory=Counter)
    entries: deque[Entry] = field(default_factory=lambda: deque(maxlen=10_000))

    def add(
        self, at: datetime, *, operation: str, reads: bool, method: str, path: str, status: int | None, fault: str
    ) -> None:
        """Count and keep one request."""
        if reads:
            self.reads += 1
        else:
            self.writes += 1
        self.by_operation[operation] += 1
        self.by_status[status] += 1
        number = self.reads + self.writes
        self.entries.append(Entry(number, at, "read" if reads else "write", operation, method, path, status, fault))

    def since(self, number: int) -> list[Entry]:
        """The requests after that many, as far as they are kept: `log.since(mark)` with an earlier `log.total`."""
        return [entry for entry in self.entries if entry.number > number]

    @property
    def total(self) -> int:
        """How many requests arrived."""
        return self.reads + self.writes

    def as_json(self) -> dict[str, Any]:
        """Counters and entries, ready for JSON; the status of a lost answer is "lost"."""
        return {
            "reads": self.reads,
            "writes": self.writes,
            "by_operation": self.by_operation,
            "by_status": {"lost" if status is None else str(status): count for status, count in self.by_status.items()},
            "entries": list(self.entries),
        }

    def clear(self) -> None:
        """Start anew."""
        self.reads = self.writes = 0
        self.by_operation.clear()
        self.by_status.clear()
        self.entries.clear()
