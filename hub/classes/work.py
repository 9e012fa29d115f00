"""A pass over one tracker under way: what its parts share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime

from hub.classes.facts import SourceReader
from hub.classes.rules import TrackerRules
from hub.classes.scope import TrackerScope
from hub.errors import FixSettings, HubError, RetryLater
from hub.http import LONGEST_PAUSE
from hub.store import journal

__all__ = ["VANISHED", "Work"]

DOWN_AFTER = 5
"""So many calls in a row that the vendor did not answer end the pass: it is down."""

SILENCE = frozenset({"vendor_busy", "vendor_down", "vendor_garbage"})

VANISHED = "vanished"
"""What an admin approves where classes that vanished from a source are held."""


async def _never() -> bool:
    return False


@dataclass
class Work:
    """The state of the pass. `again` are classes to decide about once more: what stood in their way is gone."""

    scope: TrackerScope
    rules: TrackerRules
    full: bool = False
    compare_all: bool = False
    retry: bool = False
    approved: Collection[str] = ()
    leave: Callable[[], Awaitable[bool]] = _never
    progress: Callable[[str, int, int | None], None] = lambda title, done, total: None
    readers: dict[int, SourceReader] = field(default_factory=dict)
    done: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    held: int = 0
    news: bool = False
    left_off: bool = False
    silent: int = 0
    stopped_by: HubError | None = None
    again: dict[int, set[str]] = field(default_factory=dict)
    ask_again: set[tuple[int, str]] = field(default_factory=set)
    """Members about whom the tracker is asked again although they could not be linked before."""
    lines: list[journal.LogLine] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        """The present."""
        return self.scope.connection.clock.now()

    def has_ended(self) -> bool:
        """Whether the pass ends here, although there may be more to do."""
        return self.stopped_by is not None or self.left_off

    @property
    def observing(self) -> bool:
        """Whether nothing may be changed at the tracker."""
        return self.scope.options.policy == "observe"

    @property
    def removing(self) -> bool:
        """Whether anything may be taken away there."""
        return self.scope.options.policy == "sync"

    def reader(self, source_id: int) -> SourceReader:
        """The reader of a source's classes, kept for the pass."""
        if source_id not in self.readers:
            name = self.scope.sources[source_id]
            self.readers[source_id] = SourceReader(source_id, name, self.scope.zone.key)
        return self.readers[source_id]

    def ref(self, source_id: int, key: str) -> str:
        """`source:id`, as people write it."""
        return f"{self.scope.sources.get(source_id, '?')}:{key}"

    def count(self, what: str) -> None:
        """One more of that went well."""
        self.done[what] = self.done.get(what, 0) + 1

    def say(self, code: str, text: str, *, member: str | None = None, level: str = "info") -> None:
        """A line for the sync log."""
        base = {"run_id": self.scope.run_id, "connection": self.scope.name}
        self.lines.append({**base, "level": level, "code": code, "text": text, "member": member})

    def answered(self) -> None:
        """The vendor did what it was asked for, or said why it doesn't."""
        self.silent = 0

    def take_error(self, error: HubError) -> None:
        """Note whether an error says something about one thing only, or ends the pass."""
        if isinstance(error, FixSettings):
            self.stopped_by = error
        elif isinstance(error, RetryLater) and error.code in SILENCE:
            self.silent += 1
            if self.silent >= DOWN_AFTER or (error.after is not None and error.after > LONGEST_PAUSE):
                self.stopped_by = error
        else:
            self.silent = 0
