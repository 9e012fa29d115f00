"""Grants for a table of any length: the ids in order, and the rows around the screen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from hub.look.grants import SHOWN, GrantView, view_grants
from hub.look.ids import IdList
from hub.store import tables as t
from hub.studio.registry import Studio

__all__ = ["GrantFilter", "grant_page", "grants_of", "read_filter"]


@dataclass(frozen=True)
class GrantFilter:
    """What is shown: words that name, member or reference must hold, and `who:`, `lock:`, `when:` as people type
    them."""

    status: str | None = None
    words: tuple[str, ...] = ()
    lock: str | None = None
    target: str | None = None
    since: datetime | None = None
    until: datetime | None = None

    @property
    def everything(self) -> bool:
        """Whether nothing is left out but what has another status."""
        return replace(self, status=None) == GrantFilter()


def read_filter(text: str, *, status: str | None, now: datetime, zone: ZoneInfo) -> GrantFilter:
    """`kel lock:studio when:today` → a filter. Words that nobody knows are looked for in names."""
    words: list[str] = []
    lock = target = None
    since = until = None
    for word in text.split():
        key, _, value = word.partition(":")
        if key == "lock" and value:
            lock = value
        elif key == "at" and value:
            target = value
        elif key == "when" and value in {"today", "tomorrow", "now"}:
            if value == "now":
                since = until = now
                continue
            day = now.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
            day += timedelta(days=1 if value == "tomorrow" else 0)
            since, until = day, day + timedelta(days=1)
        else:
            words.append(value if key == "who" and value else word)
    return GrantFilter(status, tuple(words), lock, target, since, until)


def _where(studio: Studio, wanted: GrantFilter) -> list[ColumnElement[bool]]:
    """All of it but the status."""
    c = t.ledger.c
    found: list[ColumnElement[bool]] = [c.studio_id == studio.id]
    found += [
        or_(
            c.name.icontains(word, autoescape=True),
            c.member == word,
            c.record.icontains(word, autoescape=True),
        )
        for word in wanted.words
    ]
    if wanted.lock is not None:
        o = t.opening.c
        named = select(o.opening_id).where(
            o.target_id == c.target_id, o.name.icontains(wanted.lock, autoescape=True), c.opens.contains(o.opening_id)
        )
        found.append(or_(c.opens.icontains(wanted.lock, autoescape=True), named.exists()))
    if wanted.target is not None:
        found.append(
            c.target_id.in_(
                select(t.connection.c.id).where(
                    t.connection.c.studio_id == studio.id, t.connection.c.name == wanted.target
                )
            )
        )
    if wanted.since is not None and wanted.until is not None:
        found += [
            or_(c.valid_until.is_(None), c.valid_until > wanted.since),
            or_(c.valid_from.is_(None), c.valid_from <= wanted.until),
        ]
    return found


async def grant_page(
    db: AsyncConnection,
    studio: Studio,
    wanted: GrantFilter,
    *,
    by: str = "period",
    every: Mapping[str, int] | None = None,
) -> tuple[IdList, Mapping[str, int]]:
    """All ids that fit, in order: `period` (newest first), `name`, `created`, `status`; and how many of each status
    fit, whatever status is asked for. `every` is how many there are where nothing is filtered, if that was counted by
    now. The ids come as one text: a hundred thousand rows would take longer to fetch than to find."""
    c = t.ledger.c
    order = {
        "period": (func.coalesce(c.valid_from, c.created_at).desc(), c.id.desc()),
        "created": (c.created_at.desc(), c.id.desc()),
        "name": (c.name, c.id),
        "status": (c.state, c.created_at.desc(), c.id.desc()),
    }[by]
    where = _where(studio, wanted)
    counts = every if every is not None and wanted.everything else await _count(db, where)
    if wanted.status is not None:
        where.append(c.state.in_([state for state, shown in SHOWN.items() if shown == wanted.status]))
    found = select(c.id).where(*where).order_by(*order).subquery()
    ids = (await db.execute(select(func.aggregate_strings(found.c.id, " ")))).scalar()
    return IdList(ids or ""), counts


async def _count(db: AsyncConnection, where: Sequence[ColumnElement[bool]]) -> dict[str, int]:
    c = t.ledger.c
    counts: dict[str, int] = {}
    for state, count in (await db.execute(select(c.state, func.count()).where(*where).group_by(c.state))).all():
        counts[SHOWN[state]] = counts.get(SHOWN[state], 0) + count
    return counts


async def grants_of(db: AsyncConnection, studio: Studio, ids: Sequence[str]) -> dict[str, GrantView]:
    """These grants, by id."""
    return {view.id: view for view in await view_grants(db, studio, ids)} if ids else {}
