"""A read of SportsNow: the folder (or the assumed routes) and the timetable, each for what it knows.

One failing doesn't keep the other from being read, but then the read as a whole has failed and no mark ends it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from datetime import datetime

from hub import Connection, RetryLater, VendorError
from hub.records import Complete, Page, Problem, Window
from plugins.booking.sportsnow import imports, routes, timetable
from plugins.booking.sportsnow.settings import settings_of

__all__ = ["read"]

Part = AsyncGenerator[Page | Problem | Complete, None]


async def read(connection: Connection, window: Window) -> Part:
    """Everything that the window asks for, page by page, and the mark of what is complete."""
    complete: set[str] = set()
    why_not: dict[str, str] = {}
    as_of: datetime | None = None
    failed: VendorError | None = None
    for part in _parts(connection, window):
        try:
            async with aclosing(part) as items:
                async for item in items:
                    if isinstance(item, Complete):
                        complete |= item.kinds
                        why_not |= item.why_not
                        as_of = as_of or item.as_of
                    else:
                        yield item
        except VendorError as error:
            failed = failed or error
            if isinstance(error, RetryLater) and error.after is not None:
                # SportsNow asks for a pause, and both parts would ask SportsNow.
                break
    if failed is not None:
        raise failed
    yield Complete(frozenset(complete), as_of, why_not)


def _parts(connection: Connection, window: Window) -> Iterator[Part]:
    settings = settings_of(connection)
    if settings.assumed_routes:
        if _wanted(window, routes.KINDS, owned=True):
            yield routes.read(connection, window)
    elif settings.path is not None and _wanted(window, imports.KINDS, owned=True):
        yield imports.read(connection, settings.path, window)
    if _wanted(window, timetable.KINDS, owned=False):
        yield timetable.read(connection, window)


def _wanted(window: Window, kinds: frozenset[str], *, owned: bool) -> bool:
    """Whether a window asks for any of these kinds. `owned`: they belong to members."""
    if window.kinds is not None and not kinds & window.kinds:
        return False
    if not window.narrow or (owned and window.members):
        return True
    return any(kind in kinds for kind, _ in window.ids or ())
