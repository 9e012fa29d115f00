"""Passes that people have and that no mapping row names: they pay, and stand before a closed door."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry
from hub.studio.model import PassRow
from hub.words import counted

if TYPE_CHECKING:
    from hub.core import Hub

__all__ = ["Unmapped", "find_unmapped", "tell_unmapped"]


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
        return f"Add a [[passes]] row for {self.pass_id!r} to the studio file and import it."


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


async def tell_unmapped(hub: Hub, db: AsyncConnection, now: datetime) -> bool:
    """One line in the inbox for each of them, until a row names it; returns whether one is new."""
    studio = hub.the_studio
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
