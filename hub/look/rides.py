"""What members rode: their results, those of a class, and the classes that have any."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.classes.rides import Ride
from hub.errors import UserError
from hub.store import Database, among
from hub.store import tables as t
from hub.studio.registry import Studio
from hub.vault import Vault

__all__ = [
    "ClassView",
    "class_ids",
    "classes",
    "find_class",
    "hidden",
    "rides_after",
    "rides_of",
    "rides_of_class",
    "rides_of_many",
]


async def rides_of(
    db: AsyncConnection,
    vault: Vault,
    studio: Studio,
    source: str,
    member: str,
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    dropped: bool = False,
) -> list[Ride]:
    """What a member of the source of that name rode in classes that began in `[since, until)`, the newest first.
    `dropped`: what staff dropped, instead of what counts."""
    c = t.result.c
    own = (c.member == member, t.connection.c.name == source)
    return await _read(db, vault, studio, *own, *_between(since, until), dropped=dropped)


async def rides_of_class(
    db: AsyncConnection, vault: Vault, studio: Studio, event_id: str, *, dropped: bool = False
) -> list[Ride]:
    """What was ridden in a class."""
    return await _read(db, vault, studio, t.result.c.event_id == event_id, dropped=dropped)


async def rides_after(
    db: AsyncConnection,
    vault: Vault,
    studio: Studio,
    last: int,
    *,
    limit: int,
    source: str | None = None,
    member: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Ride]:
    """The next rides behind the result with the number `last`, in the order in which results arrived: for going through
    all of them piece by piece."""
    c = t.result.c
    conditions = [c.id > last, c.dropped.is_(False), *_between(since, until)]
    if member is not None:
        conditions += [c.member == member, t.connection.c.name == source]
    rows = (await db.execute(_select(studio, *conditions).order_by(c.id).limit(limit))).all()
    return [_ride(row, vault) for row in rows]


async def rides_of_many(
    database: Database,
    vault: Vault,
    studio: Studio,
    *,
    events: Collection[str] | None = None,
    members: Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> list[Ride]:
    """What was ridden in these classes, or by these members (`source:id`), the newest first. There may be thousands, so
    they are opened beside the loop."""
    c = t.result.c
    conditions = [c.dropped.is_(False), *_between(since, until)]
    async with database.read() as db:
        if events is not None:
            conditions.append(among(c.event_id, sorted(events), db))
        if members is not None:
            conditions.append(among(t.connection.c.name + ":" + c.member, sorted(members), db))
        query = _select(studio, *conditions).order_by(c.starts_at.desc(), c.id.desc())
        rows = (await db.execute(query)).all()
    return await asyncio.to_thread(lambda: [_ride(row, vault) for row in rows])


def _between(since: datetime | None, until: datetime | None) -> list[ColumnElement[bool]]:
    starts = t.result.c.starts_at
    return [*([starts >= since] if since is not None else []), *([starts < until] if until is not None else [])]


async def _read(
    db: AsyncConnection, vault: Vault, studio: Studio, *conditions: ColumnElement[bool], dropped: bool
) -> list[Ride]:
    c = t.result.c
    query = _select(studio, *conditions, c.dropped.is_(dropped)).order_by(c.starts_at.desc(), c.id.desc())
    return [_ride(row, vault) for row in (await db.execute(query)).all()]


def _select(studio: Studio, *conditions: ColumnElement[bool]) -> Select[Any]:
    c, e, held = t.result.c, t.event.c, t.connection.alias()
    return (
        select(
            *(c.id, c.event_id, c.member, c.starts_at, c.seat, c.sealed_metrics, c.implausible),
            *(e.name, e.ends_at, e.timezone, e.session_id),
            t.connection.c.name.label("source"),
            held.c.name.label("session_source"),
        )
        .join(t.event, e.id == c.event_id)
        .join(t.connection, t.connection.c.id == c.source_id)
        .join(held, held.c.id == e.source_id)
        .where(c.studio_id == studio.id, *conditions)
    )


def _ride(row: Any, vault: Vault) -> Ride:
    return Ride(
        result_id=row.id,
        event_id=row.event_id,
        session=f"{row.session_source}:{row.session_id}",
        name=row.name,
        starts_at=row.starts_at,
        ends_at=row.ends_at,
        timezone=row.timezone,
        member=f"{row.source}:{row.member}",
        metrics=json.loads(vault.open_private(row.sealed_metrics)),
        implausible=frozenset(json.loads(row.implausible)),
        seat=row.seat,
    )


# ── who is shown ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def hidden(db: AsyncConnection, studio: Studio, members: Collection[str]) -> frozenset[str]:
    """Those of these members (`source:id`) who do not want to be shown to others. What they said on their page goes
    before what the source says; who said nothing is shown."""
    by_source: dict[str, set[str]] = {}
    for member in members:
        source, _, key = member.partition(":")
        by_source.setdefault(source, set()).add(key)
    c, w, rec = t.connection.c, t.own_word.c, t.record.c
    found: set[str] = set()
    query = select(c.id, c.name).where(c.studio_id == studio.id, c.name.in_(by_source))
    for source_id, name in (await db.execute(query)).all():
        keys = sorted(by_source[name])
        said = select(w.member, w.show_live).where(
            w.source_id == source_id, w.show_live.is_not(None), among(w.member, keys, db)
        )
        shown: dict[str, bool] = {}
        of_source = select(rec.record_id, rec.data).where(
            rec.source_id == source_id, rec.kind == "member", among(rec.record_id, keys, db)
        )
        decode = r.decoder("member").decode
        for key, data in (await db.execute(of_source)).all():
            shown[key] = decode(data).show_live
        shown.update((row.member, row.show_live) for row in (await db.execute(said)).all())
        found |= {f"{name}:{key}" for key, show in shown.items() if not show}
    return frozenset(found)


# ── classes ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class ClassView:
    """A class that has begun. `riders` have a seat in it, `results` are there of so many."""

    event_id: str
    session: str
    name: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    target: str
    riders: int
    results: int
    results_due_at: datetime | None

    @property
    def status(self) -> str:
        """`arrived`; `waiting`: it is looked for them again; `no_data`: nothing came, and nothing is waited for."""
        return "arrived" if self.results else "waiting" if self.results_due_at is not None else "no_data"


async def class_ids(db: AsyncConnection, studio: Studio, *, now: datetime) -> list[str]:
    """The ids of all classes that have begun by `now`, the newest first."""
    e = t.event.c
    query = select(e.id).where(e.studio_id == studio.id, e.starts_at <= now, e.state != "removed")
    return list((await db.execute(query.order_by(e.starts_at.desc(), e.id))).scalars())


async def classes(
    db: AsyncConnection,
    studio: Studio,
    *,
    now: datetime,
    event_id: str | None = None,
    ids: Collection[str] | None = None,
    limit: int = 20,
) -> list[ClassView]:
    """The classes that have begun by `now`, the newest first; or that one, or those of these `ids`, whenever they
    are."""
    e, s, c, held = t.event.c, t.seat.c, t.result.c, t.connection.alias()
    riders = select(func.count()).where(s.event_id == e.id, s.state != "removed").scalar_subquery()
    results = select(func.count()).where(c.event_id == e.id, c.dropped.is_(False)).scalar_subquery()
    query = (
        select(
            *(e.id, e.session_id, e.name, e.starts_at, e.ends_at, e.timezone, e.results_due_at),
            t.connection.c.name.label("source"),
            held.c.name.label("target"),
            riders.label("riders"),
            results.label("results"),
        )
        .join(t.connection, t.connection.c.id == e.source_id)
        .join(held, held.c.id == e.target_id)
        .where(e.studio_id == studio.id)
        .order_by(e.starts_at.desc(), e.id)
        .limit(limit)
    )
    which = e.id == event_id if event_id is not None else (e.starts_at <= now) & (e.state != "removed")
    if ids is not None:
        which, query = among(e.id, sorted(ids), db), query.limit(None)
    return [
        ClassView(
            event_id=row.id,
            session=f"{row.source}:{row.session_id}",
            name=row.name,
            starts_at=row.starts_at,
            ends_at=row.ends_at,
            timezone=row.timezone,
            target=row.target,
            riders=row.riders,
            results=row.results,
            results_due_at=row.results_due_at,
        )
        for row in (await db.execute(query.where(which))).all()
    ]


async def find_class(db: AsyncConnection, studio: Studio, text: str) -> str:
    """The id of the event that `source:session`, a session's id or an event's id means. Raises UserError."""
    e = t.event.c
    source, colon, key = text.partition(":")
    session = (t.connection.c.name == source) & (e.session_id == key) if colon else e.session_id == text
    query = (
        select(e.id, e.session_id, e.state, t.connection.c.name)
        .join(t.connection, t.connection.c.id == e.source_id)
        .where(e.studio_id == studio.id, session | (e.session_id == text) | (e.id == text))
        .order_by(e.created_at.desc())
    )
    rows = (await db.execute(query)).all()
    if not rows:
        raise UserError(f"there is no class {text!r}", fix="`studiohub metrics` lists the last ones.", code="no_class")
    sessions = sorted({f"{row.name}:{row.session_id}" for row in rows})
    if len(sessions) > 1:
        fix = f"Say which: {', '.join(sessions)}."
        raise UserError(f"{text!r} is more than one class", fix=fix, code="many_classes")
    # A class that was switched off and on again has two events there; the one that stands has the results.
    chosen: str = min(rows, key=lambda row: row.state == "removed").id
    return chosen
