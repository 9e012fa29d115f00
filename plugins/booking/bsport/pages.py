"""Reading a list to its end, and knowing whether that was all of it.

bsport pages by number and takes no order for its lists, so an item that comes or goes while a list is read moves the
others between pages. What proves that nothing slipped past: every page says the same `count`, and that many different
items came.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from hub import NotFound
from plugins.booking.bsport.wire import Listed

__all__ = ["LOOKS", "Proof", "pages"]

LOOKS = 3
"""A list that moved while it was read is read again, this often in all."""


@dataclass
class Proof:
    """Whether a list was read whole. `why_not` is empty where it was, and otherwise says what stood in the way."""

    why_not: str = "it was not read to the end"


@dataclass
class _Look:
    """One reading from the first page to the last."""

    ids: set[str] = field(default_factory=set)
    nameless: int = 0
    twice: bool = False
    counts: set[int | None] = field(default_factory=set)
    stuck: str = ""

    @property
    def why_not(self) -> str:
        """What keeps this from being the whole list; empty for nothing."""
        if self.stuck:
            return self.stuck
        said = self.counts - {None}
        if self.twice or len(said) > 1:
            return "the list kept changing while it was read"
        got = len(self.ids) + self.nameless
        if said and said != {got}:
            return f"bsport says that there are {said.pop()} and sent {got}"
        return ""


async def pages(fetch: Callable[[int], Awaitable[Listed]], proof: Proof) -> AsyncIterator[list[Any]]:
    """Every item of a list, page by page; one that is met again is not sent again. `fetch` gets page numbers from 1.

    Sets `proof` at the end. Raises what `fetch` raises; NotFound behind the first page is a list that got shorter.
    """
    known: set[str] = set()
    look = _Look()
    for attempt in range(LOOKS):
        look, page = _Look(), 1
        while True:
            try:
                got = await fetch(page)
            except NotFound:
                if page == 1:
                    raise
                look.stuck = "the list got shorter while it was read"
                break
            look.counts.add(got.count)
            fresh, news = [], 0
            for item in got.items:
                key = _key(item)
                if key is None:
                    look.nameless += 1
                    # Only once, because it can't be told whether it was there before.
                    fresh += [] if attempt else [item]
                    continue
                look.twice |= key in look.ids
                news += key not in look.ids
                look.ids.add(key)
                if key not in known:
                    known.add(key)
                    fresh.append(item)
            if fresh:
                yield fresh
            if not got.more:
                break
            if not news:
                look.stuck = "bsport sends pages without anything new instead of those that follow"
                break
            page += 1
        proof.why_not = look.why_not
        if not proof.why_not:
            return


def _key(item: Any) -> str | None:
    key = item.get("id") if isinstance(item, dict) else None
    return str(key) if isinstance(key, int | str) and key != "" and not isinstance(key, bool) else None
