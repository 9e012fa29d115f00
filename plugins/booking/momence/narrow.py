"""Reading chosen records after a hint: as few calls as Momence allows, and nothing concluded about the others.

A record that was asked for by id and is not there any more is said to be gone. A booking and a pass have no route of
their own, so they are looked for among their member's; without a member nothing can be said about one.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from functools import partial
from typing import Any

from hub import NotFound
from hub.records import Page, Problem, Record, Window
from plugins.booking.momence import rows, values, wire
from plugins.booking.momence.client import Momence
from plugins.booking.momence.people import member_items, passes_of
from plugins.booking.momence.state import Reading
from plugins.booking.momence.timetable import booked, limits, needed_zones

__all__ = ["read_narrow"]

Items = AsyncGenerator[Page | Problem, None]


async def read_narrow(api: Momence, window: Window, kinds: frozenset[str]) -> Items:
    """The records of the members and ids that the window names."""
    ids = {kind: {key for other, key in window.ids or () if other == kind} for kind in kinds}
    members = sorted(window.members or ())
    reading = Reading()
    parts: list[Items] = []
    if kinds & {"member", "community_member", "badge"}:
        parts.append(_members(api, reading, kinds | _with_badges(api, kinds), members, ids))
    if "member_pass" in kinds:
        parts.append(_passes(api, reading, members, ids["member_pass"]))
    if "session" in kinds and ids["session"]:
        parts.append(_sessions(api, reading, ids["session"], teachers="instructor" in kinds))
    if "booking" in kinds:
        parts.append(_bookings(api, reading, window, members, ids["booking"]))
    for kind, (path, size, make, params) in _LISTS.items():
        if kind in kinds and ids[kind]:
            parts.append(_listed(api, reading, kind, ids[kind], path, size, make, params))
    for part in parts:
        async for item in part:
            yield item


def _with_badges(api: Momence, kinds: frozenset[str]) -> frozenset[str]:
    """Whoever asks for a member is told of the badge as well: it stands in the same row."""
    return frozenset({"badge"}) if "member" in kinds and api.settings.badge_field is not None else frozenset()


_LISTS: dict[str, tuple[str, int, Callable[[Any], Record], dict[str, str]]] = {
    "community": (wire.TAGS, wire.SMALL_PAGE, rows.tag, {}),
    "pass": (wire.MEMBERSHIPS, wire.LARGE_PAGE, rows.template, {"includeDisabled": "true"}),
    "location": (wire.LOCATIONS, wire.LARGE_PAGE, rows.location, {}),
}
"""Short lists without a route for one item: they are read whole."""


async def _listed(
    api: Momence,
    reading: Reading,
    kind: str,
    asked: set[str],
    path: str,
    size: int,
    make: Callable[[Any], Record],
    params: dict[str, str],
) -> Items:
    seen: set[str | None] = set()
    async for page in api.pages(path, size, **params):
        wanted = [raw for raw in page if values.id_or_none(raw) in asked]
        seen |= {values.id_or_none(raw) for raw in page}
        for item in reading.records(kind, path, wanted, make):
            yield item
    if None not in seen and (gone := asked - seen):
        yield Page(kind, gone=sorted(gone))


async def _members(
    api: Momence, reading: Reading, kinds: frozenset[str], members: list[str], ids: dict[str, set[str]]
) -> Items:
    tagged = {key.partition(":")[2] for key in ids.get("community_member", ())}
    tags: set[str] | None = None
    for key in sorted({*members, *ids.get("member", ()), *ids.get("badge", ()), *tagged} - {""}):
        path = wire.member_path(key)
        try:
            raw = await api.item(path)
        except NotFound:
            if "member" in kinds:
                yield Page("member", gone=[key])
            continue
        for item in member_items(api, reading, [raw], kinds, path):
            yield item
        if "community_member" not in kinds:
            continue
        try:
            has = {member.community_id for member in rows.tags_of(raw, key)}
        except values.Unreadable:
            continue
        if tags is None:
            tags = {tag async for page in api.pages(wire.TAGS, wire.SMALL_PAGE) for tag in map(_id, page) if tag}
        # A tag that was taken off: every other one there is.
        if lost := tags - has:
            yield Page("community_member", gone=[rows.tagged_id(tag, key) for tag in sorted(lost)])


async def _passes(api: Momence, reading: Reading, members: list[str], asked: set[str]) -> Items:
    missing = set(asked)
    for key in members:
        try:
            async for item in passes_of(api, reading, key):
                missing -= _seen(item)
                yield item
        except NotFound:
            # Who is gone has no passes.
            continue
    if members and missing and "member_pass" not in reading.why_not:
        yield Page("member_pass", gone=sorted(missing))


async def _sessions(api: Momence, reading: Reading, asked: set[str], *, teachers: bool) -> Items:
    for key in sorted(asked):
        path = wire.session_path(key)
        try:
            raw = await api.item(path)
        except NotFound:
            yield Page("session", gone=[key])
            continue
        zones = await needed_zones(api, [raw])
        make = partial(rows.session, zone=api.connection.timezone, zones=zones)
        items = reading.records("session", path, [raw], make)
        for item in items or [Page("session", gone=[key])]:
            yield item
        if teachers:
            try:
                found = await api.teacher(raw)
            except values.Unreadable as error:
                yield reading.problem("instructor", values.id_or_none(raw.get("teacher")), path, error)
            else:
                if found is not None:
                    yield Page("instructor", [found])


async def _bookings(api: Momence, reading: Reading, window: Window, members: list[str], asked: set[str]) -> Items:
    """A member's list only says in which sessions they are: who of a party a booking is for is told by the session."""
    sessions = {key for kind, key in window.ids or () if kind == "session"}
    starts, ends = limits(api, window)
    query = {"endAfter": values.instant(starts), "startBefore": values.instant(ends)}
    missing = set(asked)
    for member in members:
        found, every = await _sessions_of(api, member, query, missing)
        sessions |= found
        if not every:
            reading.hinder(["booking"], "a booking without a session")
    for session in sorted(sessions):
        try:
            async for item in booked(api, reading, session):
                missing -= _seen(item)
                yield item
        except NotFound:
            continue
    if members and missing and "booking" not in reading.why_not:
        yield Page("booking", gone=sorted(missing))


async def _sessions_of(api: Momence, member: str, query: dict[str, str], asked: set[str]) -> tuple[set[str], bool]:
    """The sessions that a member is booked in, within the limits of the query, and those of the bookings asked for
    wherever they are; and whether each could be told."""
    path = wire.member_sessions_path(member)
    found: set[str] = set()
    every = True
    try:
        listed = [
            row async for page in api.pages(path, wire.SMALL_PAGE, includeCancelled="true", **query) for row in page
        ]
        if asked - {_id(row) for row in listed}:
            async for page in api.pages(path, wire.SMALL_PAGE, includeCancelled="true"):
                listed += [row for row in page if _id(row) in asked]
    except NotFound:
        return set(), True
    for row in listed:
        key = values.id_or_none(row.get("session")) if isinstance(row, dict) else None
        if key is None:
            every = False
        else:
            found.add(key)
    return found, every


def _id(raw: Any) -> str | None:
    return values.id_or_none(raw)


def _seen(item: Page | Problem) -> set[str]:
    if isinstance(item, Page):
        return {record.id for record in item.records}
    return {item.id} if item.id else set()
