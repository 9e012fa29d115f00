"""Calls to Momence: single items and lists, signed in. Nothing here changes anything at the vendor."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, TypeVar

from hub import Answer, Client, Connection, FixSettings, NotFound, Refused, RetryLater
from hub.records import Instructor, Location
from plugins.booking.momence import rows, values, wire
from plugins.booking.momence.rows import Zones
from plugins.booking.momence.settings import MomenceSettings
from plugins.booking.momence.tokens import Tokens
from plugins.booking.momence.values import Raw

__all__ = ["MOVED", "Momence"]

T = TypeVar("T")

TRIES = 3
"""An answer that can't be read (half a page, a proxy's page) is asked for again, this often in all."""
LOOKS = 3
"""A list that moved while it was read is read again, this often in all."""
TEACHERS_LAST = timedelta(days=1)
MOVED = "list_moved"
"""Code of the error of a list that never stood still: what was read of it is true, and some of it may be missing."""


class Momence:
    """One host, seen by one staff user."""

    def __init__(self, connection: Connection) -> None:
        settings = connection.settings
        if not isinstance(settings, MomenceSettings):
            raise TypeError(f"{connection.name} has settings of another plugin")
        self.settings = settings
        self.connection = connection
        self.http = Client(
            settings.base_url or wire.BASE_URL,
            name=connection.name,
            per_second=settings.requests_per_second or wire.PER_SECOND,
            timeout=settings.timeout,
        )
        self.tokens = Tokens(self.http, settings, connection.clock)
        self._teachers: dict[str, tuple[datetime, Instructor]] = {}

    async def get(self, path: str, read: Callable[[Any], T], params: Mapping[str, Any] | None = None) -> T:
        """Read something. Raises NotFound only where Momence itself says that there is no such record."""
        for left in reversed(range(TRIES)):
            try:
                return read((await self._call(path, params)).json())
            except RetryLater as error:
                if not left or error.code != "vendor_garbage":
                    raise
        raise AssertionError("unreachable: the last try returns or raises")

    async def item(self, path: str) -> Raw:
        """One record."""
        return await self.get(path, wire.one)

    async def pages(self, path: str, size: int, **params: Any) -> AsyncIterator[list[Any]]:
        """Every row of a list once, page by page. Pages are counted from 0 and there is no cursor, so where a row comes
        twice or the total changes, others may have slipped past, and the list is read again for those. Raises
        RetryLater with the code `MOVED` for one that never stands still."""
        known: set[str] = set()
        for _ in range(LOOKS):
            look: list[str] = []
            totals: set[int] = set()
            number = 0
            while True:
                listed, total = await self._page(path, number, size, params)
                totals.add(total)
                keyed = [(values.id_or_none(row) or repr(row), row) for row in listed]
                look += [key for key, _ in keyed]
                fresh = {key: row for key, row in keyed if key not in known}
                known.update(fresh)
                if fresh or not listed:
                    yield list(fresh.values())
                number += 1
                if number * size >= total:
                    break
            if len(totals) == 1 and len(set(look)) == len(look):
                return
        raise RetryLater(f"{self.http.name}: GET {path} changed while it was read", code=MOVED)

    async def zones(self) -> Zones:
        """The zones of the locations; none where they may not be read."""
        found: list[Location] = []
        try:
            async for page in self.pages(wire.LOCATIONS, wire.LARGE_PAGE):
                for raw in page:
                    try:
                        found.append(rows.location(raw))
                    except values.Unreadable:
                        continue
        except (FixSettings, NotFound, Refused):
            return {}
        return rows.zones_of(found)

    async def teacher(self, raw: Raw) -> Instructor | None:
        """Who gives a session, with the e-mail address: that is only in a session's detail, so one session of each
        teacher is read, once a day. Raises Unreadable."""
        session_id = values.identifier(raw)
        listed = raw.get("teacher")
        if listed is None:
            return None
        key = rows.instructor(listed).id
        now = self.connection.clock.now()
        seen = self._teachers.get(key)
        if seen is None or seen[0] + TEACHERS_LAST <= now:
            try:
                detail = raw if "email" in listed else await self.item(wire.session_path(session_id))
            except NotFound:
                return rows.instructor(listed)
            shown = detail.get("teacher")
            if values.id_or_none(shown) != key:
                return rows.instructor(listed)
            seen = self._teachers[key] = now, rows.instructor(shown or listed)
        return seen[1]

    async def _page(self, path: str, number: int, size: int, params: Mapping[str, Any]) -> tuple[list[Any], int]:
        query = {**wire.order(path), **params, "page": number, "pageSize": size}
        return await self.get(path, lambda raw: wire.page(raw, number, size), query)

    async def _call(self, path: str, params: Mapping[str, Any] | None) -> Answer:
        answer: Answer | None = None
        for fresh in (False, True):
            access = await self.tokens.get()
            answer = await self.http.call(
                "GET", path, params=params, headers={"Authorization": f"Bearer {access}"}, accept=(400, 401, 404)
            )
            if answer.status != 401:
                return _checked(answer)
            if not fresh:
                self.tokens.refused(access)
        raise FixSettings(
            f"{self.http.name}: GET {path} was refused (401), also with a fresh token",
            said=wire.refusal(answer)[1] if answer is not None else "",
            fix="Check what the role of this staff user allows in the Momence dashboard, then verify the connection.",
        )


def _checked(answer: Answer) -> Answer:
    if answer.status not in {400, 404}:
        return answer
    kind, message = wire.refusal(answer)
    said = f"{message} ({kind})" if kind and message else message or kind
    if wire.says_not_found(answer):
        raise NotFound(f"{answer.where} does not exist at the vendor ({answer.status})", said=said)
    if answer.status == 404:
        raise wire.garbage(f"{answer.where} answered 404, and not the way Momence does")
    raise Refused(f"{answer.where} was refused (400)", said=said)
