"""Reading a list to its end. There is no cursor, only page numbers."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any

from plugins.booking.anny.client import Anny

__all__ = ["Reading"]


class Reading:
    """One list, read to its end page by page. `hindered` says afterwards why it can't be taken as complete; empty
    where it can."""

    def __init__(self, api: Anny, path: str, extra: Mapping[str, str] | None = None) -> None:
        self.hindered = ""
        self._api = api
        self._path = path
        self._extra = extra
        self._short = False

    async def pages(self) -> AsyncGenerator[list[Any], None]:
        """The rows of each page. There is no cursor: whatever shows that rows may have slipped past while the list was
        read (a short page in the middle, rows that come twice, a total that differs) is a hindrance."""
        size = self._api.settings.page_size
        seen: set[str] = set()
        count, number = 0, 1
        totals: set[int] = set()
        was_short = False
        while True:
            page = await self._api.page(self._path, number, self._extra)
            if page.number is not None and page.number != number and page.rows:
                self._hinder(f"page {page.number} came when page {number} was asked for")
                return
            named = [str(row["id"]) for row in page.rows if isinstance(row, Mapping) and "id" in row]
            ids = set(named)
            if ids and ids <= seen:
                self._hinder("the same page came twice")
                return
            if ids & seen or len(ids) < len(named):
                self._hinder("it changed while it was read")
            seen |= ids
            count += len(page.rows)
            if page.total is not None:
                totals.add(page.total)
            more = page.more if page.more is not None else bool(page.rows)
            self._short = self._short or (bool(page.more) and len(page.rows) < size) or (was_short and bool(page.rows))
            was_short = len(page.rows) < size
            if page.rows:
                yield page.rows
            if not more:
                break
            number += 1
        if len(totals) > 1:
            self._hinder("it changed while it was read")
        elif totals and totals != {count}:
            self._hinder(f"{count} of {totals.pop()} came")
        elif not totals:
            self.stop()

    def stop(self) -> None:
        """The rest of the list isn't needed. What was skipped can't be counted, so a short page is a hindrance."""
        if self._short:
            self._hinder(f"a page in the middle held fewer than page_size ({self._api.settings.page_size})")

    def _hinder(self, why: str) -> None:
        self.hindered = self.hindered or f"{self._path}: {why}"
