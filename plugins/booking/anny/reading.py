"""`read_records`: list after list, page by page, then the mark; or the chosen records only."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from typing import Any

from hub import FixSettings, NotFound, Refused
from hub.records import Complete, Page, Problem, Record, Resource, Window
from plugins.booking.anny import wire
from plugins.booking.anny.bookings import Bookings
from plugins.booking.anny.client import Anny
from plugins.booking.anny.pages import Reading
from plugins.booking.anny.rows import Rows
from plugins.booking.anny.values import Unread, identifier
from plugins.booking.anny.wire import Raw

__all__ = ["read"]

Item = Page | Problem | Complete

LISTS: Mapping[str, tuple[str, ...]] = {
    wire.CUSTOMERS: ("member", "badge"),
    wire.RESOURCES: ("location", "resource"),
    wire.SUBSCRIPTIONS: ("pass", "member_pass"),
    wire.COMMUNITIES: ("community",),
    wire.ACCOUNTS: ("community_member",),
    wire.BOOKINGS: ("booking",),
}
"""The kinds that each list holds, in the order of reading."""

BY_ID = {
    "member": wire.CUSTOMERS,
    "badge": wire.CUSTOMERS,
    "resource": wire.RESOURCES,
    "member_pass": wire.SUBSCRIPTIONS,
    "booking": wire.BOOKINGS,
}
"""Kinds of which one record can be read by its id; a badge has its member's."""


async def read(api: Anny, window: Window) -> AsyncGenerator[Item, None]:
    """Read what the window asks for. The mark names what was read to its end and gives the reason for the others."""
    kinds = {kind for found in LISTS.values() for kind in found if window.kinds is None or kind in window.kinds}
    if api.settings.badge_field is None:
        kinds.discard("badge")
    made = _Read(api, window, kinds)
    if window.narrow:
        async with aclosing(made.chosen()) as items:
            async for item in items:
                yield item
        yield Complete(frozenset())
        return
    complete: set[str] = set()
    why_not: dict[str, str] = {}
    for path, here in LISTS.items():
        wanted = kinds.intersection(here)
        if not wanted:
            continue
        async with aclosing(made.items_of(path, wanted)) as items:
            async for item in items:
                yield item
        for kind in wanted:
            if why := made.hindered.get(kind) or made.hindered.get(path):
                why_not[kind] = why
            else:
                complete.add(kind)
    yield Complete(frozenset(complete), None, why_not)


class _Read:
    """One read under way. Of what was read only ids are kept."""

    def __init__(self, api: Anny, window: Window, kinds: set[str]) -> None:
        self.api = api
        self.window = window
        self.kinds = kinds
        self.rows = Rows(api.settings, api.connection.timezone)
        self.hindered: dict[str, str] = {}
        """Why a list (by path) or a kind can't be complete."""
        self.members: frozenset[str] | None = None
        self.timed = True
        """Whether the window's times and the children inside parents count: they don't where records are named."""
        self._seen: dict[str, set[str]] = {}
        self._children: dict[str, Resource] = {}

    # ── chosen records ────────────────────────────────────────────────────────────────────────────────────────────

    async def chosen(self) -> AsyncGenerator[Item, None]:
        """The records and members that the window names."""
        ids: dict[str, set[str]] = {}
        for kind, key in self.window.ids or ():
            if kind in self.kinds:
                ids.setdefault(kind, set()).add(key)
        for kind in ("member", "badge"):
            if self.window.members is not None and kind in self.kinds:
                ids.setdefault(kind, set()).update(self.window.members)
        for kind, keys in sorted(ids.items()):
            source = self._each(kind, keys) if kind in BY_ID else self._whole(kind, keys)
            async with aclosing(source) as items:
                async for item in items:
                    yield item
        if self.window.members is None:
            return
        # No filter by member is known, so their records are picked out of the whole list.
        self.members, self._seen = self.window.members, {}
        for path, kind in (
            (wire.SUBSCRIPTIONS, "member_pass"),
            (wire.ACCOUNTS, "community_member"),
            (wire.BOOKINGS, "booking"),
        ):
            if kind not in self.kinds:
                continue
            async with aclosing(self.items_of(path, {kind})) as items:
                async for item in items:
                    yield item

    async def _each(self, kind: str, keys: Iterable[str]) -> AsyncGenerator[Item, None]:
        """Records by id, one call each; one that anny doesn't have is gone, and so is one that turns out to be no such
        record: a blocker, the envelope of a series, a customer without a badge."""
        path, self.timed = BY_ID[kind], False
        for key in sorted(keys):
            try:
                found = list(self._items(path, {kind}, [await self.api.one(path, key)]))
            except NotFound:
                found = []
            for item in found:
                yield item
            if not any(_names(item, key) for item in found):
                yield Page(kind, gone=[key])
        self.timed = True

    async def _whole(self, kind: str, keys: set[str]) -> AsyncGenerator[Item, None]:
        """Records that can't be read one by one: their list, and what it lacks at its end is gone."""
        path = next(path for path, kinds in LISTS.items() if kind in kinds)
        missing = set(keys)
        async with aclosing(self.items_of(path, {kind})) as items:
            async for item in items:
                missing = {key for key in missing if not _names(item, key)}
                yield item
        if missing and not (self.hindered.get(path) or self.hindered.get(kind)):
            yield Page(kind, gone=sorted(missing))

    # ── lists ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def items_of(self, path: str, kinds: set[str]) -> AsyncGenerator[Item, None]:
        """One list as records of these kinds."""
        source = self._bookings() if path == wire.BOOKINGS else self._pages(path)
        try:
            async with aclosing(source) as pages:
                async for page in pages:
                    for item in self._items(path, kinds, page):
                        yield item
        except (FixSettings, Refused) as error:
            if path not in wire.ASSUMED:
                raise
            # The list may not exist at all, and a token needs no right to it where a studio has no communities.
            self.hindered[path] = f"{path} can't be read: {error.what}"
            fix = "Allow the access token to read communities, or use no rules with communities."
            for kind in sorted(kinds):
                yield Problem(kind, "", path, error.said or error.what, fix)
        left = [child for key, child in self._children.items() if self._first("resource", key)]
        self._children = {}
        if left and "resource" in kinds:
            yield Page("resource", left)

    async def _pages(self, path: str) -> AsyncGenerator[list[Any], None]:
        reading = Reading(self.api, path)
        async with aclosing(reading.pages()) as pages:
            async for page in pages:
                yield page
        if reading.hindered:
            self.hindered[path] = reading.hindered

    async def _bookings(self) -> AsyncGenerator[list[Any], None]:
        listed = Bookings(self.api, self.rows)
        async with aclosing(listed.pages(self.window.starts_at)) as pages:
            async for page in pages:
                yield page
        if listed.hindered:
            self.hindered[wire.BOOKINGS] = listed.hindered

    # ── rows ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _items(self, path: str, kinds: set[str], page: Sequence[Any]) -> Iterator[Item]:
        """The records of one page, kind by kind, and what can't be read."""
        found: dict[str, list[Record]] = {kind: [] for kind in LISTS[path] if kind in kinds}
        problems: list[Problem] = []

        def take(kind: str, row: Any, make: Callable[[Raw], Record | None]) -> None:
            if kind not in found:
                return
            try:
                key = identifier(row)
                if not self._first(kind, key):
                    return
                record = make(row)
            except Unread as error:
                problems.append(_problem(kind, path, row, error))
                return
            if record is not None and self._wanted(record):
                found[kind].append(record)

        for row in page:
            self._row(path, row, take)
        for kind, records in found.items():
            if records:
                yield Page(kind, records)
        yield from problems
        yield from self.rows.notes
        self.rows.notes.clear()

    def _row(self, path: str, row: Any, take: Callable[[str, Any, Callable[[Raw], Record | None]], None]) -> None:
        rows = self.rows
        inside = row if isinstance(row, Mapping) else {}
        match path:
            case wire.CUSTOMERS:
                take("member", row, rows.member)
                take("badge", row, rows.badge)
            case wire.RESOURCES:
                if inside.get("location"):
                    take("location", inside["location"], rows.location)
                take("resource", row, rows.resource)
                if self.timed:
                    self._keep_children(inside)
            case wire.SUBSCRIPTIONS:
                if inside.get("plan"):
                    take("pass", inside["plan"], lambda plan: rows.plan({"plan": plan}))
                else:
                    self.hindered["pass"] = f"{path}: a subscription came without its plan"
                take("member_pass", row, rows.subscription)
            case wire.COMMUNITIES:
                take("community", row, rows.community)
            case wire.ACCOUNTS:
                take("community_member", row, rows.account)
            case _:
                if inside.get("is_blocker") is True or inside.get("is_series_master") is True or self._outside(inside):
                    return
                take("booking", row, rows.booking)
                parts = inside.get("sub_bookings")
                for part in parts if isinstance(parts, list) else ():
                    take("booking", part, lambda sub: rows.booking(sub, inside))

    def _keep_children(self, row: Raw) -> None:
        """Children that come inside their parent. Their own row says more, so they wait for it to the end."""
        children = row.get("children")
        for child in children if isinstance(children, list) else ():
            try:
                kept = self.rows.resource(child, identifier(row))
            except Unread:
                continue
            self._children.setdefault(kept.id, kept)

    def _first(self, kind: str, key: str) -> bool:
        seen = self._seen.setdefault(kind, set())
        if key in seen:
            return False
        seen.add(key)
        return True

    def _wanted(self, record: Record) -> bool:
        return self.members is None or record.owner in self.members

    def _outside(self, row: Raw) -> bool:
        """Whether a booking has nothing to do with the window. One whose times can't be read may have."""
        after, before = self.window.starts_at, self.window.ends_at
        starts, ends = self.rows.time(row, "start_date"), self.rows.time(row, "end_date")
        late = before is not None and starts is not None and starts >= before
        early = after is not None and ends is not None and ends <= after
        return self.timed and (late or early)


def _names(item: Item, key: str) -> bool:
    if isinstance(item, Page):
        return any(record.id == key for record in item.records)
    return isinstance(item, Problem) and item.id == key


def _problem(kind: str, path: str, row: Any, error: Unread) -> Problem:
    try:
        key = identifier(row)
    except Unread:
        return Problem(kind, None, path, error.what, error.fix)
    return Problem(kind, key, f"{path}/{key}", error.what, error.fix)
