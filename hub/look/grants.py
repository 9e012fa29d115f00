"""Grants as people see them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Select, func, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.elements import ColumnElement

from hub import times
from hub.store import among
from hub.store import tables as t
from hub.studio.registry import Studio
from hub.vault import Vault

__all__ = ["SHOWN", "GrantView", "count_grants", "list_grants", "named", "opening_names", "opens_text", "view_grants"]

_WORD = re.compile(r"[^\s,()]+")

SHOWN: Mapping[str, str] = {
    "requested": "in_progress",
    "in_progress": "in_progress",
    "updating": "in_progress",
    "removing": "in_progress",
    "active": "created",
    "removed": "removed",
    "failed": "failed",
    "unknown": "unknown",
}
"""The state in the ledger → the status that people see."""


@dataclass(frozen=True)
class GrantView:
    """One grant. Code and URL are there only when they were asked for."""

    id: str
    member: str
    name: str
    source: str
    target: str
    opens: dict[str, Any]
    valid_from: datetime | None
    valid_until: datetime | None
    status: str
    vendor_id: str | None
    rule: str
    reason: str
    error: dict[str, str] | None
    created_at: datetime
    changed_at: datetime
    next_try_at: datetime | None
    code: str | None = None
    url: str | None = None
    admin_url: str | None = None
    """Where it is in the vendor's own admin area."""
    key: str = ""
    """What tells several grants of one member apart."""
    record: str = ""
    """What it rests on, as the ledger writes it; `hub.access.doors.references` takes it apart."""
    names: Mapping[str, str] = field(default_factory=dict)

    @property
    def opens_text(self) -> str:
        """What it opens, by the vendor's names where they are known."""
        return opens_text(self.opens, self.names)

    def as_json(self, *, reveal: bool = False) -> dict[str, Any]:
        """The grant as `--json` prints it."""
        shown = {
            "id": self.id,
            "member": self.member,
            "name": self.name,
            "source": self.source,
            "target": self.target,
            "opens": self.opens,
            "valid_from": _text(self.valid_from),
            "valid_until": _text(self.valid_until),
            "status": self.status,
            "vendor_id": self.vendor_id,
            "rule": self.rule,
            "reason": self.reason,
            "error": self.error,
            "created_at": _text(self.created_at),
        }
        return {**shown, "code": self.code, "url": self.url} if reveal else shown


def _text(moment: datetime | None) -> str | None:
    return times.to_text(moment) if moment is not None else None


def _where(
    studio: Studio, *, member: str | None, target: str | None, status: str | None, text: str | None
) -> list[ColumnElement[bool]]:
    c = t.ledger.c
    conditions: list[ColumnElement[bool]] = [c.studio_id == studio.id]
    if member is not None:
        conditions.append(c.member == member)
    if status is not None:
        conditions.append(c.state.in_([state for state, shown in SHOWN.items() if shown == status]))
    if text:
        conditions.append(c.name.icontains(text, autoescape=True))
    if target is not None:
        named = select(t.connection.c.id).where(t.connection.c.studio_id == studio.id, t.connection.c.name == target)
        conditions.append(c.target_id.in_(named))
    return conditions


async def count_grants(db: AsyncConnection, studio: Studio) -> dict[str, int]:
    """How many grants of each status."""
    c = t.ledger.c
    query = select(c.state, func.count()).where(c.studio_id == studio.id).group_by(c.state)
    counts: dict[str, int] = {}
    for state, count in (await db.execute(query)).all():
        counts[SHOWN[state]] = counts.get(SHOWN[state], 0) + count
    return counts


async def list_grants(
    db: AsyncConnection,
    studio: Studio,
    *,
    member: str | None = None,
    source: str | None = None,
    target: str | None = None,
    status: str | None = None,
    text: str | None = None,
    record: str | None = None,
    limit: int | None = None,
    reveal: Vault | None = None,
) -> list[GrantView]:
    """Grants, newest first. `member` is the id at its source, `record` one that they rest on (`booking:ID`); `reveal`
    opens codes and URLs."""
    conditions = _where(studio, member=member, target=target, status=status, text=text)
    c = t.ledger.c
    if source is not None:
        named = select(t.connection.c.id).where(t.connection.c.studio_id == studio.id, t.connection.c.name == source)
        conditions.append(c.source_id.in_(named))
    if record is not None:
        # One line of several; and SQLite finds upper case for lower case, so the rows are looked at again below.
        conditions.append((literal("\n") + c.record + literal("\n")).contains(f"\n{record}\n", autoescape=True))
    rows = await _rows(db, studio, *conditions, limit=limit)
    return await _views(db, [row for row in rows if record is None or record in row.record.split("\n")], reveal)


async def view_grants(db: AsyncConnection, studio: Studio, ids: Sequence[str]) -> list[GrantView]:
    """The grants with these ids, in no order. They are found by id alone, and those of other studios dropped: asked for
    a studio or for an order as well, a database may walk through a hundred thousand rows to find a screenful."""
    rows = (await db.execute(_query(among(t.ledger.c.id, list(ids), db)))).all()
    return await _views(db, [row for row in rows if row.studio_id == studio.id], None)


async def _rows(
    db: AsyncConnection, studio: Studio, *conditions: ColumnElement[bool], limit: int | None
) -> Sequence[Any]:
    c = t.ledger.c
    query = _query(c.studio_id == studio.id, *conditions).order_by(c.created_at.desc(), c.id.desc())
    rows: Sequence[Any] = (await db.execute(query.limit(limit) if limit is not None else query)).all()
    return rows


def _query(*conditions: ColumnElement[bool]) -> Select[Any]:
    c = t.ledger.c
    sources, targets = t.connection.alias("sources"), t.connection.alias("targets")
    return (
        select(t.ledger, sources.c.name.label("source_name"), targets.c.name.label("target_name"))
        .join(sources, sources.c.id == c.source_id)
        .join(targets, targets.c.id == c.target_id)
        .where(*conditions)
    )


async def _views(db: AsyncConnection, rows: Sequence[Any], reveal: Vault | None) -> list[GrantView]:
    names = await opening_names(db, {row.target_id for row in rows})
    return [_view(row, reveal, names.get(row.target_id, {})) for row in rows]


def opens_text(opens: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """A group or locks by the vendor's names, as far as they are known."""
    ids = [opens["group"]] if opens.get("group") else opens.get("locks", [])
    return ", ".join(names.get(one, one) for one in ids)


def named(rule: str, names: Mapping[str, str]) -> str:
    """A rule in words, with the vendor's names instead of the ids that it opens, as far as they are known."""
    row, arrow, opens = rule.partition(" → ")
    return f"{row}{arrow}{_WORD.sub(lambda found: names.get(found[0], found[0]), opens)}"


async def opening_names(db: AsyncConnection, targets: set[int]) -> dict[int, dict[str, str]]:
    """The names of groups and locks by id, for each of these targets."""
    o = t.opening.c
    names: dict[int, dict[str, str]] = {}
    query = select(o.target_id, o.opening_id, o.name).where(o.target_id.in_(targets))
    for target_id, opening_id, name in (await db.execute(query)).all():
        names.setdefault(target_id, {})[opening_id] = name
    return names


def _view(row: Any, reveal: Vault | None, names: Mapping[str, str]) -> GrantView:
    return GrantView(
        names=names,
        id=row.id,
        member=f"{row.source_name}:{row.member}",
        name=row.name,
        source=row.source_name,
        target=row.target_name,
        opens=json.loads(row.opens) if row.opens else {},
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        status=SHOWN[row.state],
        vendor_id=row.vendor_id or row.person_id,
        rule=row.rule,
        reason=row.reason,
        error=json.loads(row.error) if row.error else None,
        created_at=row.created_at,
        changed_at=row.changed_at,
        next_try_at=row.next_try_at,
        admin_url=row.admin_url,
        key=row.key,
        record=row.record or "",
        code=reveal.open(row.sealed_code) if reveal is not None and row.sealed_code else None,
        url=reveal.open(row.sealed_url) if reveal is not None and row.sealed_url else None,
    )
