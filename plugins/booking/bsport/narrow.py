"""Re-reading chosen members or records after a hint, as narrowly as bsport allows.

Only a member can be asked for by id. Passes and bookings of a member are lists; any other record is looked for in the
whole list, of which there is little, and a class or booking among those that are still to come. What is not found in
lists that were read whole is gone: a booking of a class that is over opens nothing.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from hub import Connection, NotFound
from hub.records import Page, Problem, Window
from plugins.booking.bsport import shapes, wire
from plugins.booking.bsport.client import Bsport
from plugins.booking.bsport.lists import BOOKINGS, CLASSES, CLIENT_PASSES, CLIENTS, LISTS, List, make, read_list
from plugins.booking.bsport.pages import Proof
from plugins.booking.bsport.settings import settings_of
from plugins.booking.bsport.spots import OVER
from plugins.booking.bsport.wire import Context

__all__ = ["read_narrow"]

LOOK_BACK = 2 * OVER
"""How far back a class or booking is looked for that can't be asked for by its id."""


async def read_narrow(connection: Connection, window: Window, context: Context) -> AsyncGenerator[Page | Problem, None]:
    """Read the members and records that the window names."""
    api = connection.keep(Bsport)
    members = sorted(window.members or ())
    clients = {
        *members,
        *_ids(window, "member"),
        *_ids(window, "badge"),
        *(one.partition(":")[0] for one in _ids(window, "community_member")),
    }
    badges = settings_of(connection).badge_field is not None
    kinds = frozenset(kind for kind in CLIENTS.makers if _wants(window, kind) and (kind != "badge" or badges))
    if kinds and clients:
        async with aclosing(_clients(api, sorted(clients), kinds, context)) as items:
            async for item in items:
                yield item
    for one in LISTS:
        (kind, *others) = one.makers
        if others or not _wants(window, kind) or (one.guessed and not settings_of(connection).guessed_lists):
            continue
        mine = members if one in {CLIENT_PASSES, BOOKINGS} else []
        async with aclosing(_looked_for(api, one, kind, mine, _ids(window, kind), context, connection)) as items:
            async for item in items:
                yield item


def _wants(window: Window, kind: str) -> bool:
    return window.kinds is None or kind in window.kinds


def _ids(window: Window, kind: str) -> set[str]:
    return {key for of, key in window.ids or () if of == kind}


async def _clients(
    api: Bsport, clients: list[str], kinds: frozenset[str], context: Context
) -> AsyncGenerator[Page | Problem, None]:
    """Members, one by one, with their tags. A tag that was taken off is gone."""
    tags: list[str] = []
    if "community_member" in kinds:
        async for page in api.all(wire.TAGS, {}, Proof()):
            tags += [str(tag["id"]) for tag in page if isinstance(tag, dict) and "id" in tag]
    for client in clients:
        try:
            raw = await api.client(client)
        except NotFound:
            for kind in kinds & {"member", "badge"}:
                yield Page(kind, gone=[client])
            if "community_member" in kinds:
                yield Page("community_member", gone=[shapes.tagged_id(client, tag) for tag in tags])
            continue
        if "member" in kinds:
            for item in make(CLIENTS, "member", [raw], context):
                yield item
        if "badge" in kinds:
            made = make(CLIENTS, "badge", [raw], context)
            for item in made or [Page("badge", gone=[client])]:
                yield item
        if "community_member" in kinds:
            made = make(CLIENTS, "community_member", [raw], context)
            for item in made:
                yield item
            if not any(isinstance(item, Problem) for item in made):
                has = {one.id for item in made if isinstance(item, Page) for one in item.records}
                lost = [name for tag in tags if (name := shapes.tagged_id(client, tag)) not in has]
                yield Page("community_member", gone=lost)


async def _looked_for(
    api: Bsport,
    one: List,
    kind: str,
    members: list[str],
    ids: set[str],
    context: Context,
    connection: Connection,
) -> AsyncGenerator[Page | Problem, None]:
    """Everything of these members, then whatever else has to be looked for; what is nowhere is gone."""
    missing, whole = set(ids), True
    queries: list[Mapping[str, Any]] = [{"client_id": member} for member in members]
    since = connection.clock.now() - LOOK_BACK
    rest = {
        CLASSES.path: wire.classes_between(since, None, context.zone),
        BOOKINGS.path: wire.bookings_between(since, None, context.zone),
    }.get(one.path, {})
    for query in [*queries, rest]:
        if query is rest and not missing:
            break
        proof = Proof()
        async for raws, items in read_list(api, one, frozenset({kind}), context, query, proof):
            missing -= {str(raw.get("id")) for raw in raws}
            for item in items:
                yield item
        whole = whole and not proof.why_not
    if missing and whole:
        yield Page(kind, gone=sorted(missing))
