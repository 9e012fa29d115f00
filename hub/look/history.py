"""Who could open what at a moment in the past, from the ledger's events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.look.grants import opening_names, opens_text
from hub.store import tables as t
from hub.studio.registry import Studio

__all__ = ["Held", "held_at"]

_STANDS = frozenset({"created", "changed"})


@dataclass(frozen=True)
class Held:
    """A grant as it stood at that moment."""

    id: str
    member: str
    name: str
    source: str
    target: str
    opens: Mapping[str, Any]
    valid_from: datetime | None
    valid_until: datetime | None
    since: datetime
    opens_text: str = ""
    """What it opened, by the names that it has at the vendor now."""

    def as_json(self) -> dict[str, Any]:
        """The grant as `--json` prints it."""
        return {
            "id": self.id,
            "member": self.member,
            "name": self.name,
            "source": self.source,
            "target": self.target,
            "opens": self.opens,
            "valid_from": times.to_text(self.valid_from) if self.valid_from else None,
            "valid_until": times.to_text(self.valid_until) if self.valid_until else None,
            "status": "created",
            "since": times.to_text(self.since),
        }


async def held_at(
    db: AsyncConnection,
    studio: Studio,
    moment: datetime,
    *,
    member: str | None = None,
    source: str | None = None,
    target: str | None = None,
) -> list[Held]:
    """Every grant that stood at a moment: created (or last changed) before it, not removed, and inside its window."""
    e, g = t.ledger_event.c, t.ledger.c
    last = (
        select(e.grant_id, func.max(e.id).label("event_id"))
        .where(e.at <= moment, e.what.in_((*_STANDS, "removed")))
        .group_by(e.grant_id)
        .subquery()
    )
    sources, targets = t.connection.alias("sources"), t.connection.alias("targets")
    query = (
        select(
            g.id,
            g.target_id,
            g.member,
            g.name,
            sources.c.name.label("source"),
            targets.c.name.label("target"),
            e.what,
            e.opens,
            e.valid_from,
            e.valid_until,
            e.at,
        )
        .join(last, last.c.grant_id == g.id)
        .join(t.ledger_event, e.id == last.c.event_id)
        .join(sources, sources.c.id == g.source_id)
        .join(targets, targets.c.id == g.target_id)
        .where(g.studio_id == studio.id, e.what.in_(_STANDS))
        .order_by(targets.c.name, g.name, g.id)
    )
    if member is not None:
        query = query.where(g.member == member)
    if source is not None:
        query = query.where(sources.c.name == source)
    if target is not None:
        query = query.where(targets.c.name == target)
    rows = (await db.execute(query)).all()
    names = await opening_names(db, {row.target_id for row in rows})
    return [
        Held(
            id=row.id,
            member=f"{row.source}:{row.member}",
            name=row.name,
            source=row.source,
            target=row.target,
            opens=(opens := json.loads(row.opens) if row.opens else {}),
            valid_from=row.valid_from,
            valid_until=row.valid_until,
            since=row.at,
            opens_text=opens_text(opens, names.get(row.target_id, {})),
        )
        for row in rows
        if (row.valid_from is None or row.valid_from <= moment)
        and (row.valid_until is None or moment < row.valid_until)
    ]
