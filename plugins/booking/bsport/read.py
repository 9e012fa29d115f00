"""Reading a studio: list after list, page by page, then the mark.

A list that was not read to its end, or not provably, keeps its kinds out of the mark; one that can't be read at all
raises. The classic interface and the two guessed lists hinder nobody else.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Any

from hub import Connection, FixSettings, Refused, RetryLater
from hub.records import Complete, Page, Problem, Record, Window
from plugins.booking.bsport import key, shapes, wire
from plugins.booking.bsport.client import Bsport
from plugins.booking.bsport.lists import BOOKINGS, CLASSES, LISTS, List, read_list
from plugins.booking.bsport.narrow import read_narrow
from plugins.booking.bsport.pages import Proof
from plugins.booking.bsport.settings import settings_of
from plugins.booking.bsport.spots import Spots
from plugins.booking.bsport.values import Raw
from plugins.booking.bsport.wire import Context

__all__ = ["read"]

Item = Page | Problem

STEP = 5
"""Bookings that are handed over at once where the classic interface is asked for each class: a step takes a while."""


async def read(connection: Connection, window: Window) -> AsyncGenerator[Item | Complete, None]:
    """Read what the window asks for, sessions and bookings a day wider than its limits."""
    settings = settings_of(connection)
    context = Context(connection.timezone, settings.ending_date_included, settings.badge_numbers)
    spots = Spots(connection, window.starts_at, window.ends_at) if settings.read_spots else None
    if window.narrow:
        async with aclosing(read_narrow(connection, window, context)) as narrow:
            async for item in narrow:
                async for placed in _placed(item, spots):
                    yield placed
        for problem in _told(context, spots):
            yield problem
        yield Complete(frozenset())
        return
    warning = key.note(connection)
    if warning is not None:
        yield warning
    reading = _Reading(connection, window, context, spots)
    for one in LISTS:
        if reading.kinds_of(one) and (settings.guessed_lists or not one.guessed):
            async with aclosing(reading.read(one)) as items:
                async for item in items:
                    yield item
    if spots is not None and reading.wants("instructor"):
        async for page in spots.instructors():
            yield page
    for problem in _told(context, spots):
        yield problem
    yield Complete(frozenset(reading.complete), why_not=reading.why_not)


class _Reading:
    """One read of everything that was asked for, list by list."""

    def __init__(self, connection: Connection, window: Window, context: Context, spots: Spots | None) -> None:
        self.api = connection.keep(Bsport)
        self.window = window
        self.badges = settings_of(connection).badge_field is not None
        self.context = context
        self.spots = spots
        self.complete: set[str] = set()
        self.why_not: dict[str, str] = {}

    def wants(self, kind: str) -> bool:
        """Whether a kind was asked for."""
        return self.window.kinds is None or kind in self.window.kinds

    def kinds_of(self, one: List) -> frozenset[str]:
        """The kinds to make of a list. Venues are needed for the zones of classes."""
        if one.path == wire.VENUES and self.wants("session"):
            return frozenset(one.makers)
        return frozenset(kind for kind in one.makers if self.wants(kind) and (kind != "badge" or self.badges))

    async def read(self, one: List) -> AsyncGenerator[Item, None]:
        """Read one list."""
        kinds, proof = self.kinds_of(one), Proof()
        try:
            async for raws, items in read_list(self.api, one, kinds, self.context, self._query(one), proof):
                async with aclosing(self._completed(one, raws, items)) as done:
                    async for item in done:
                        if self.wants(item.kind):
                            yield item
        except (FixSettings, Refused, RetryLater) as error:
            if not one.guessed or (isinstance(error, RetryLater) and error.code != "vendor_garbage"):
                raise
            proof.why_not = f"{one.path} is a guess, and can't be read"
            fix = "Switch guessed_lists off, or ask bsport for the address."
            yield Problem("", "", one.path, f"{proof.why_not}: {error.what}", fix)
        for kind in filter(self.wants, kinds):
            if proof.why_not:
                self.why_not[kind] = proof.why_not
            else:
                self.complete.add(kind)

    async def _completed(self, one: List, raws: list[Raw], items: list[Page | Problem]) -> AsyncGenerator[Item, None]:
        """What came from the list, with what the classic interface adds."""
        starts = {str(raw.get("id")): shapes.starts_at(raw, self.context) for raw in raws} if one is BOOKINGS else {}
        for item in items:
            async for placed in _placed(item, self.spots, starts):
                yield placed

    def _query(self, one: List) -> dict[str, Any]:
        starts_at, ends_at, zone = self.window.starts_at, self.window.ends_at, self.context.zone
        if one is CLASSES:
            return dict(wire.classes_between(starts_at, ends_at, zone))
        return dict(wire.bookings_between(starts_at, ends_at, zone)) if one is BOOKINGS else {}


async def _placed(item: Item, spots: Spots | None, starts: dict[str, Any] | None = None) -> AsyncGenerator[Item, None]:
    """An item with what the classic interface adds to it."""
    if spots is None or not isinstance(item, Page) or item.kind not in {"session", "booking"} or not item.records:
        yield item
        return
    if item.kind == "session":
        named, problems = await spots.name_classes(item.records)
        yield Page("session", named, gone=item.gone)
        for problem in problems:
            yield problem
        return
    starts = starts or {}
    for first in range(0, len(item.records), STEP):
        part: list[Record] = list(item.records[first : first + STEP])
        placed, problems = await spots.place([(one, starts.get(one.id)) for one in part])
        yield Page("booking", placed, gone=item.gone if first == 0 else ())
        for problem in problems:
            yield problem


def _told(context: Context, spots: Spots | None) -> list[Problem]:
    """Notes about the read as a whole."""
    notes = [
        Problem(
            "booking",
            "",
            wire.BOOKINGS,
            f"there are bookings with the state {word!r}, which is not known; they are taken as requested and open "
            "nothing",
            "Look at one of them in the bsport back office and tell the hub's makers what the state means.",
        )
        for word in sorted(context.odd_states)
    ]
    if spots is not None and spots.failed is not None:
        fix = spots.failed.fix or "It is asked again with the next read."
        notes.append(Problem("booking", "", wire.CLASSIC_BOOKINGS, spots.why_not, fix))
    return notes
