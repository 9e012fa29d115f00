"""The names of members, for whatever knows only who they are."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.store import among
from hub.store import tables as t
from hub.studio.registry import Studio

__all__ = ["names_of"]


async def names_of(db: AsyncConnection, studio: Studio, members: Collection[str]) -> dict[str, str]:
    """The names of these members (`source:id`). Who has no record is absent."""
    wanted: dict[str, list[str]] = {}
    for ref in sorted(members):
        source, _, key = ref.partition(":")
        wanted.setdefault(source, []).append(key)
    c, rec = t.connection.c, t.record.c
    sources = select(c.id, c.name).where(c.studio_id == studio.id, c.name.in_(wanted))
    decode, found = r.decoder("member").decode, dict[str, str]()
    for source_id, source in (await db.execute(sources)).all():
        query = select(rec.record_id, rec.data).where(
            rec.source_id == source_id, rec.kind == "member", among(rec.record_id, wanted[source], db)
        )
        found |= {f"{source}:{key}": decode(data).name for key, data in (await db.execute(query)).all()}
    return found
