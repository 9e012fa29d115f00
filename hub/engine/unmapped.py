"""Where mapping rows and sources don't meet: passes that people have and no row names, so that they pay and stand
before a closed door; and what rows name that no source has."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.store import among, journal
from hub.store import tables as t
from hub.studio import registry
from hub.studio.model import CommunityRow, PassRow, ResourceRow, RoomRow, Row
from hub.words import counted

if TYPE_CHECKING:
    from hub.plugins import Plugins

__all__ = ["Unmapped", "Unmatched", "find_unmapped", "find_unmatched", "tell_mapping", "tell_unmatched"]


@dataclass(frozen=True)
class Unmapped:
    """A pass of a source that members have now and that opens nothing anywhere."""

    source: str
    pass_id: str
    members: int

    @property
    def text(self) -> str:
        """What is so, without what to do."""
        who = f"{counted(self.members, 'member')} of {self.source} {'has' if self.members == 1 else 'have'}"
        return f"{who} the pass {self.pass_id!r}, which no mapping row names: they get no access by it"

    @property
    def fix(self) -> str:
        """What to do."""
        return f"Add {self.pass_id!r} to a row under Mapping → Passes (in the studio file: [[passes]])."


async def find_unmapped(db: AsyncConnection, studio: registry.Studio, now: datetime) -> list[Unmapped]:
    """The passes that no row of any target names, in the order of their ids. Looks only at records of passes that no
    row names, which are few."""
    c = t.record.c
    rows = await registry.mapping_rows(db, studio)
    decode = r.decoder("member_pass").decode
    found: list[Unmapped] = []
    for source in await registry.connections(db, studio):
        if source.options is not None:
            continue
        own = [stored.row for stored in rows if stored.source == source.name]
        named = {pass_id for row in own if isinstance(row, PassRow) for pass_id in row.passes}
        if own and not named:
            # What this source opens, it opens by bookings or communities: its passes are not meant to.
            continue
        query = select(c.key, c.owner, c.data).where(
            c.source_id == source.id, c.kind == "member_pass", c.deleted_at.is_(None), c.key.not_in(named)
        )
        owners: dict[str, set[str]] = {}
        for pass_id, owner, data in await db.execute(query):
            held = decode(data)
            over = held.valid_until is not None and held.valid_until <= now
            if held.state is r.PassState.ACTIVE and not over:
                owners.setdefault(pass_id, set()).add(owner)
        found += [Unmapped(source.name, pass_id, len(members)) for pass_id, members in sorted(owners.items())]
    return found


async def tell_mapping(db: AsyncConnection, studio: registry.Studio, plugins: Plugins, now: datetime) -> bool:
    """Bring the inbox in line with the mapping rows as they stand: what they leave out, where there is a lock that it
    could open, and what they name in vain. Returns whether something is new."""
    kinds = {known.kind for row in await registry.connections(db, studio) if (known := plugins.loaded.get(row.plugin))}
    new = await _tell_unmapped(db, studio, now) if "lock" in kinds else False
    return await tell_unmatched(db, studio, now) or new


async def _tell_unmapped(db: AsyncConnection, studio: registry.Studio, now: datetime) -> bool:
    """One line in the inbox for each of them, until a row names it; returns whether one is new."""
    new = False
    found: Sequence[Unmapped] = await find_unmapped(db, studio, now)
    for one in found:
        new |= await journal.raise_item(
            db,
            studio.id,
            code="pass_unmapped",
            subject=f"{one.source}: {one.pass_id}",
            connection=one.source,
            text=f"{one.text}.",
            fix=one.fix,
            weight=4,
            now=now,
        )
    for source in await registry.connections(db, studio):
        keep = {f"{one.source}: {one.pass_id}" for one in found if one.source == source.name}
        if source.options is None:
            await journal.solve_all_but(db, studio.id, code="pass_unmapped", connection=source.name, keep=keep, now=now)
    return new


@dataclass(frozen=True)
class Unmatched:
    """A pass, resource, community, room plan or location that a row names and that its source, read completely, does
    not have. `instead`: what may be meant, empty where nothing is near."""

    table: str
    index: int
    source: str
    kind: str
    id: str
    instead: str = ""

    @property
    def key(self) -> str:
        """The key of the row in which it stands."""
        return self.kind

    @property
    def what(self) -> str:
        """Its kind, as people call it."""
        return self.kind.replace("_", " ")

    @property
    def means(self) -> str:
        """What follows from it."""
        return "no class is sent by it" if self.table == "rooms" else "nobody gets access by it"

    @property
    def subject(self) -> str:
        """What tells it apart in the inbox."""
        return f"{self.source}: {self.what} {self.id}"

    @property
    def text(self) -> str:
        """What is so, without what to do."""
        return f"[[{self.table}]] names the {self.what} {self.id!r}, which {self.source} does not have"

    @property
    def fix(self) -> str:
        """What to do."""
        look = f"`studiohub openings {self.source}` lists what it has; correct the row."
        if not self.instead:
            return look
        end = "" if self.instead.endswith("?") else "."
        return f"{self.instead[0].upper()}{self.instead[1:]}{end} {look}"

    @property
    def note(self) -> str:
        """All of it in one sentence, about a row that is kept nevertheless."""
        look = f"`studiohub openings {self.source}` lists what it has"
        return "; ".join(part for part in (self.text, self.instead, look) if part).replace("?; ", "? ")


_HELD = {"pass": "member_pass", "community": "community_member"}
"""Records whose key is an id of that kind: what people have is there, also where a source no longer sells it."""


async def find_unmatched(
    db: AsyncConnection, studio: registry.Studio, rows: Mapping[str, Sequence[Row]]
) -> list[Unmatched]:
    """What these rows, table by table, name at their sources and is not there, in the order in which it stands there.
    Says nothing of what a source was never asked for to its end."""
    sources = {one.name: one.id for one in await registry.connections(db, studio) if one.options is None}
    named = [
        (table, index, row.source_name, kind, name)
        for table in ("passes", "resources", "communities", "rooms")
        for index, row in enumerate(rows.get(table, ()))
        for kind, ids in [_ids(row)]
        for name in dict.fromkeys(ids)
    ]
    found: list[Unmatched] = []
    names: dict[tuple[str, str], dict[str, str]] = {}
    for source, kind in dict.fromkeys((source, kind) for _, _, source, kind, _ in named if source in sources):
        ids = {name for _, _, of, what, name in named if (of, what) == (source, kind)}
        gone = await _not_there(db, sources[source], kind, ids)
        if not gone:
            continue
        names[source, kind] = await _names(db, sources[source], kind)
        found += [
            Unmatched(table, index, source, kind, name, _instead(name, names[source, kind]))
            for table, index, of, what, name in named
            if (of, what) == (source, kind) and name in gone
        ]
    return found


def _ids(row: Row) -> tuple[str, Sequence[str]]:
    if isinstance(row, PassRow):
        return "pass", row.passes
    if isinstance(row, ResourceRow):
        return "resource", row.resource
    if isinstance(row, RoomRow):
        return ("location", [row.location]) if row.location is not None else ("room_plan", [row.room_plan or ""])
    return "community", row.community if isinstance(row, CommunityRow) else ()


async def _not_there(db: AsyncConnection, source_id: int, kind: str, ids: set[str]) -> set[str]:
    g, c = t.reading.c, t.record.c
    query = select(g.complete_at).where(g.source_id == source_id, g.kind == kind)
    if (await db.execute(query)).scalar() is None:
        return set()
    there = (c.source_id == source_id, c.deleted_at.is_(None))
    known = select(c.record_id).where(*there, c.kind == kind, among(c.record_id, sorted(ids), db))
    gone = ids - set((await db.execute(known)).scalars())
    if gone and kind in _HELD:
        held = select(c.key).where(*there, c.kind == _HELD[kind], among(c.key, sorted(gone), db)).distinct()
        gone -= set((await db.execute(held)).scalars())
    return gone


async def _names(db: AsyncConnection, source_id: int, kind: str) -> dict[str, str]:
    c = t.record.c
    query = select(c.record_id, c.data).where(c.source_id == source_id, c.kind == kind, c.deleted_at.is_(None))
    decode = r.decoder(kind).decode
    return {record_id: decode(data).name or record_id for record_id, data in await db.execute(query)}


def _instead(name: str, known: Mapping[str, str]) -> str:
    named = sorted(one for one, called in known.items() if called.casefold() == name.casefold())
    if named:
        return f"that is a name; its id is {' or '.join(map(repr, named))}"
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


async def tell_unmatched(db: AsyncConnection, studio: registry.Studio, now: datetime) -> bool:
    """One line in the inbox for each of them, until it is there or no row names it; returns whether one is new."""
    new = False
    rows: dict[str, list[Row]] = {}
    for stored in await registry.mapping_rows(db, studio):
        rows.setdefault(stored.kind, []).append(stored.row)
    found = await find_unmatched(db, studio, rows)
    for one in found:
        new |= await journal.raise_item(
            db,
            studio.id,
            code="row_unmatched",
            subject=one.subject,
            connection=one.source,
            text=f"{one.text}: {one.means}.",
            fix=one.fix,
            weight=6,
            now=now,
        )
    for source in await registry.connections(db, studio):
        if source.options is None:
            keep = {one.subject for one in found if one.source == source.name}
            await journal.solve_all_but(db, studio.id, code="row_unmatched", connection=source.name, keep=keep, now=now)
    return new
