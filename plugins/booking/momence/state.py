"""What a read under way knows: what was read to its end, what stood in the way, and rows made into records."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hub import FixSettings, NotFound, Refused, RetryLater
from hub.records import Complete, Page, Problem, Record
from plugins.booking.momence import values
from plugins.booking.momence.client import MOVED

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Items", "Reading"]

Items = AsyncGenerator[Page | Problem | Complete, None]


@dataclass
class Reading:
    """One read. `why_not` is the first thing that stood in the way of each kind."""

    read: set[str] = field(default_factory=set)
    why_not: dict[str, str] = field(default_factory=dict)

    def hinder(self, kinds: Iterable[str], why: str) -> None:
        """These kinds are not complete."""
        for kind in kinds:
            self.why_not.setdefault(kind, why)

    def problem(self, kind: str, key: str | None, where: str, error: values.Unreadable) -> Problem:
        """Set a record aside; one without an id keeps its kind from being complete."""
        if key is None:
            self.hinder([kind], f"{where}: {error}, in a record without an id")
        return Problem(kind, key, where, str(error), error.fix)

    def records(
        self, kind: str, where: str, rows: Iterable[Any], make: Callable[[Any], Record | None]
    ) -> list[Page | Problem]:
        """The rows as one page of records and a problem for each that can't be understood; what `make` answers None for
        is left out."""
        made: list[Record] = []
        problems: list[Page | Problem] = []
        for raw in rows:
            try:
                values.identifier(raw)
                record = make(raw)
            except values.Unreadable as error:
                problems.append(self.problem(kind, values.id_or_none(raw), where, error))
            else:
                if record is not None:
                    made.append(record)
        return [Page(kind, made), *problems] if made else problems

    @asynccontextmanager
    async def whole(self, *kinds: str) -> AsyncIterator[None]:
        """These kinds were read to their end when this ends without an error. A list that never stood still is what it
        is, and the others go on."""
        try:
            yield
        except RetryLater as error:
            if error.code != MOVED:
                raise
            self.hinder(kinds, error.what)
        self.read |= set(kinds)

    @asynccontextmanager
    async def allowed(self, *kinds: str) -> AsyncIterator[None]:
        """The same for kinds that a staff user may not be let in to: the others go on without them."""
        try:
            yield
        except (FixSettings, NotFound, Refused) as error:
            self.hinder(kinds, f"{error.what}. {error.said}".strip())

    def complete(self) -> Complete:
        """The mark."""
        return Complete(frozenset(self.read - self.why_not.keys()), why_not=self.why_not)
