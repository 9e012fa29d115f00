"""Reading a list to its end. There is no total, no cursor and no filter, only `skip` and `limit`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

from hub import RetryLater

__all__ = ["pages"]

LOOKS = 3
"""A list that moved while it was read is read again, this often in all."""

Raw = Mapping[str, Any]


async def pages(fetch: Callable[[int], Awaitable[tuple[list[Any], int]]]) -> AsyncIterator[list[Raw]]:
    """Every item of a list once, page by page. `fetch(skip)` answers a page and the `limit` that was asked for.

    A short page is the last one by the vendor's guide; but a page that came back half looks the same, so the end is
    only believed when nothing follows. A page that holds nothing but items of pages before it ends the list too: the
    server gave everything at once and minds no `skip`. Items that come twice mean that the order changed under the
    reader and others may have slipped past, so the list is read again for those. An item without an id can't be
    addressed and is left out.
    """
    known: set[str] = set()
    for _ in range(LOOKS):
        look: set[str] = set()
        moved = False
        skip = 0
        while True:
            page, limit = await fetch(skip)
            items = [(item["id"], item) for item in page if _addressable(item)]
            if page and not items:
                raise RetryLater("exivo sent a list without ids", code="vendor_garbage")
            twice = sum(identifier in look for identifier, _ in items)
            if twice == len(items):
                if page and len(page) == limit:
                    raise RetryLater(
                        f"exivo sends the same {limit} items again and again instead of those that follow",
                        fix="Set another page_size for this connection.",
                        code="vendor_garbage",
                    )
                break
            moved = moved or twice > 0
            look.update(identifier for identifier, _ in items)
            fresh = {identifier: item for identifier, item in items if identifier not in known}
            known.update(fresh)
            if fresh:
                yield list(fresh.values())
            skip += len(page)
        if not moved:
            return


def _addressable(item: Any) -> bool:
    return isinstance(item, Mapping) and isinstance(item.get("id"), str) and bool(item["id"])
