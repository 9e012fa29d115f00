"""A folder of CSV files as a booking system: how a studio joins whose system has an export and no API.

`wire` has the names of files, columns and words; `sheet` takes a file apart, `rows` and `values` make records of its
rows, `reading` and `read` go through file and folder, `checks` says what is in order. `simulator` writes such a folder.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing

from hub import Connection, Plugin, hookimpl
from hub.grants import Check
from hub.records import Complete, Page, Problem, Window
from plugins.booking.files.checks import check
from plugins.booking.files.read import read
from plugins.booking.files.settings import Settings

__all__ = ["Settings", "describe", "read_records", "verify"]


@hookimpl
def describe() -> Plugin:
    """The plugin's card. There is no vendor to simulate; `simulator.Desk` writes export folders."""
    return Plugin(name="files", title="CSV files", kind="booking", settings=Settings)


@hookimpl
async def verify(connection: Connection) -> Sequence[Check]:
    """Read the folder as a sync would, and say file by file what was found."""
    return await check(connection)


@hookimpl
async def read_records(connection: Connection, window: Window) -> AsyncGenerator[Page | Problem | Complete, None]:
    """Read the folder's files."""
    async with aclosing(read(connection, window)) as items:
        async for item in items:
            yield item
