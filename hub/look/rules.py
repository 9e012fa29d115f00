"""The mapping rows as people see them: in words, with how many grants rest on each."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.access.doors import references
from hub.look.grants import opening_names
from hub.store import among
from hub.store import tables as t
from hub.studio import registry
from hub.studio.model import CommunityRow, LinkRow, PassRow, ResourceRow, RoomRow, Row
from hub.words import counted

__all__ = ["RuleView", "describe_rows", "in_words", "list_rules", "list_things"]

_WITH = {"code": "with a code", "link": "with a link", "both": "with a code and a link"}
_KIND_OF = {"member_pass": "pass", "community_member": "community", "booking": "resource"}

Names = Mapping[tuple[str, str], str]
"""Names by what they are of and id: pass, resource and community at the source, group or lock at the target."""


@dataclass(frozen=True)
class RuleView:
    """A mapping row. `grants`: how many that are not over rest on it."""

    kind: str
    number: int
    source: str
    target: str
    row: Row
    text: str
    grants: int

    def as_json(self) -> dict[str, Any]:
        """The row as `--json` prints it."""
        return {
            "table": self.kind,
            "number": self.number,
            "source": self.source,
            "target": self.target,
            "text": self.text,
            "grants": self.grants,
            "row": self.row.model_dump(mode="json", by_alias=True, exclude_none=True),
        }


async def list_rules(db: AsyncConnection, studio: registry.Studio) -> list[RuleView]:
    """Every mapping row, table by table, in the order in which they stand there."""
    stored = await registry.mapping_rows(db, studio)
    texts = await describe_rows(db, studio, [one.row for one in stored])
    resting = await _resting(db, studio, stored)
    return [
        RuleView(
            one.kind,
            one.position,
            one.source,
            one.target,
            one.row,
            text,
            resting[one.id],
        )
        for one, text in zip(stored, texts, strict=True)
    ]


async def describe_rows(db: AsyncConnection, studio: registry.Studio, rows: Sequence[Row]) -> list[str]:
    """What each of these rows says, saved or not, by the names that source and target have for things."""
    ids = {row.name: row.id for row in await registry.connections(db, studio)}
    openings = await opening_names(db, set(ids.values()))
    names: dict[str, Names] = {}
    for source in {row.source_name for row in rows} & ids.keys():
        names[source] = await _names_of(db, ids[source], [row for row in rows if row.source_name == source])
    return [in_words(row, names.get(row.source_name, {}), openings.get(ids.get(row.target, 0), {})) for row in rows]


async def list_things(db: AsyncConnection, source_id: int) -> list[dict[str, str]]:
    """What mapping rows can name of a source, kind by kind: `kind`, `id` and `name` of each, as last read."""
    c = t.record.c
    found: list[dict[str, str]] = []
    for kind in ("pass", "resource", "community", "room_plan", "location"):
        query = select(c.record_id, c.data).where(c.source_id == source_id, c.kind == kind, c.deleted_at.is_(None))
        decode = r.decoder(kind).decode
        for name, data in await db.execute(query.order_by(c.record_id)):
            found.append({"kind": kind, "id": name, "name": decode(data).name or name})
    return found


def in_words(row: Row, names: Names, openings: Mapping[str, str]) -> str:
    """What a row says."""

    def listed(kind: str, ids: Iterable[str]) -> str:
        return " or ".join(names.get((kind, one), one) for one in ids)

    def doors(ids: Iterable[str]) -> str:
        return ", ".join(openings.get(one, one) for one in ids)

    if isinstance(row, PassRow) and row.group is not None:
        return f"{listed('pass', row.passes)} gives the group {doors([row.group])} (priority {row.priority})"
    if isinstance(row, PassRow):
        return f"{listed('pass', row.passes)} opens {doors(row.locks)}, {_WITH[row.credential]}"
    if isinstance(row, CommunityRow):
        who = listed("community", row.community)
        return f"belonging to {who} opens {doors(row.locks)}, {_WITH[row.credential]}"
    if isinstance(row, ResourceRow):
        what = f"a booking of {listed('resource', row.resource)} opens {doors(row.locks)}"
        return f"{what}{_margins(row)}, {_WITH[row.credential]}"
    if isinstance(row, RoomRow):
        place = f"room plan {row.room_plan}" if row.room_plan is not None else f"location {row.location}"
        seats = f", {counted(len(row.seats), 'seat')} named" if row.seats else ""
        free = ", who has no spot gets the first free one" if row.first_free else ""
        return f"{place} is box {row.box}{seats}{'' if row.send else ', sent only where a class says so'}{free}"
    if isinstance(row, LinkRow):
        return f"{row.member} is {row.id} there"
    return ""


def _margins(row: ResourceRow) -> str:
    parts = [f"{row.minutes_before} min before"] if row.minutes_before else []
    parts += [f"{row.minutes_after} min after"] if row.minutes_after else []
    return f" from {' to '.join(parts)}" if len(parts) == 2 else f" and {parts[0]}" if parts else ""


def _named(row: Row) -> tuple[str, Sequence[str]]:
    """The kind of record that a row is about, and their ids."""
    if isinstance(row, PassRow):
        return "pass", row.passes
    if isinstance(row, CommunityRow):
        return "community", row.community
    return ("resource", row.resource) if isinstance(row, ResourceRow) else ("", ())


async def _names_of(db: AsyncConnection, source_id: int, rows: Sequence[Row]) -> Names:
    wanted: dict[str, set[str]] = {}
    for row in rows:
        kind, ids = _named(row)
        wanted.setdefault(kind, set()).update(ids)
    c = t.record.c
    found: dict[tuple[str, str], str] = {}
    for kind in wanted.keys() - {""}:
        query = select(c.record_id, c.data).where(
            c.source_id == source_id, c.kind == kind, among(c.record_id, sorted(wanted[kind]), db)
        )
        decode = r.decoder(kind).decode
        found |= {(kind, name): decode(data).name or name for name, data in await db.execute(query)}
    return found


async def _resting(db: AsyncConnection, studio: registry.Studio, stored: Sequence[registry.MappingRow]) -> Counter[int]:
    """How many grants rest on each row: by the records that they rest on and what they open, because the number that a
    grant keeps of its row may be older than the table."""
    found: Counter[int] = Counter()
    names = {row.id: row.name for row in await registry.connections(db, studio)}
    by_thing: dict[tuple[str, str, str, str], list[registry.MappingRow]] = {}
    for one in stored:
        kind, ids = _named(one.row)
        for name in ids:
            by_thing.setdefault((one.source, one.target, kind, name), []).append(one)
    links = {(one.source, one.target, one.row.member): one.id for one in stored if isinstance(one.row, LinkRow)}
    c = t.ledger.c
    query = select(c.source_id, c.target_id, c.member, c.opens, c.record).where(c.studio_id == studio.id, t.LIVE)
    grants = (await db.execute(query)).all()
    things = await _things(db, grants)
    for grant in grants:
        source, target = names[grant.source_id], names[grant.target_id]
        rows: set[int] = set()
        opens = json.loads(grant.opens) if grant.opens else {}
        for reference in references(grant.record or ""):
            kind, thing = things.get((grant.source_id, *reference), ("", ""))
            giving = [one for one in by_thing.get((source, target, kind, thing), ()) if _gives(one.row, opens)]
            groups = [one for one in giving if isinstance(one.row, PassRow) and one.row.group is not None]
            # Of several rows that give one group, the first that counts; what opens locks adds up.
            rows |= {one.id for one in (sorted(groups, key=_priority)[:1] or giving)}
        rows |= {links[key] for key in [(source, target, f"{source}:{grant.member}")] if key in links}
        found.update(rows)
    return found


def _priority(stored: registry.MappingRow) -> tuple[int, int]:
    return (getattr(stored.row, "priority", 0), stored.position)


def _gives(row: Row, opens: Mapping[str, Any]) -> bool:
    group, locks = getattr(row, "group", None), getattr(row, "locks", [])
    return opens.get("group") == group if group is not None else sorted(set(locks)) == sorted(opens.get("locks", []))


async def _things(db: AsyncConnection, grants: Sequence[Any]) -> dict[tuple[int, str, str], tuple[str, str]]:
    """For each record that grants rest on, the pass, resource or community that it is of."""
    wanted: dict[tuple[int, str], set[str]] = {}
    for grant in grants:
        for kind, name in references(grant.record or ""):
            wanted.setdefault((grant.source_id, kind), set()).add(name)
    c = t.record.c
    found: dict[tuple[int, str, str], tuple[str, str]] = {}
    for (source_id, kind), ids in wanted.items():
        if kind not in _KIND_OF:
            continue
        query = select(c.record_id, c.key, c.data).where(
            c.source_id == source_id, c.kind == kind, among(c.record_id, sorted(ids), db)
        )
        for row in await db.execute(query):
            key = r.decoder(kind).decode(row.data).resource_id if kind == "booking" else row.key
            found[source_id, kind, row.record_id] = (_KIND_OF[kind], key or "")
    return found
