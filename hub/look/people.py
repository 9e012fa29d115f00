"""Who is whom: members of the sources and the ids that they have at locks and trackers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.store import among
from hub.store import tables as t
from hub.studio import registry
from hub.studio.model import LinkRow

__all__ = ["Person", "people_at", "people_keys", "people_named"]


@dataclass(frozen=True)
class Person:
    """A member and who they are at a target. `state`: linked, asked, conflict or gone, or by_hand where a row says so
    that nobody has acted on yet. `candidates` are ids there with the reason why they may be this member."""

    key: str
    ref: str
    name: str
    email: str | None
    target: str
    state: str
    vendor_id: str | None
    by_hand: bool
    note: str
    candidates: tuple[tuple[str, str], ...] = ()


_RANK = {"conflict": 0, "gone": 1, "asked": 2, "linked": 3}


async def people_keys(db: AsyncConnection, studio: registry.Studio) -> tuple[list[str], int]:
    """Everybody who has, or should have, an id at a target: those who need a hand first; and how many do."""
    rows = {row.id: row.name for row in await registry.connections(db, studio)}
    c = t.link.c
    query = select(c.target_id, c.source_id, c.member, c.state).where(c.target_id.in_(rows))
    found = [
        (_RANK.get(state, 1), f"{rows[target_id]}/{rows[source_id]}:{member}")
        for target_id, source_id, member, state in await db.execute(query)
        if source_id in rows
    ]
    there = {key for _, key in found}
    by_hand = [stored.row for stored in await registry.mapping_rows(db, studio, kind="links")]
    keys = [f"{row.target}/{row.member}" for row in by_hand if isinstance(row, LinkRow)]
    found += [(_RANK["asked"], key) for key in keys if key not in there]
    found.sort()
    return [key for _, key in found], sum(rank < _RANK["asked"] for rank, _ in found)


async def people_named(db: AsyncConnection, studio: registry.Studio, text: str) -> set[str]:
    """The members (`source:id`) in whose name or e-mail address a text is, in any case."""
    rows = {row.id: row.name for row in await registry.connections(db, studio) if row.options is None}
    c = t.record.c
    decode = r.decoder("member").decode
    found = await db.execute(select(c.source_id, c.record_id, c.data).where(c.source_id.in_(rows), c.kind == "member"))
    wanted = text.casefold()
    return {
        f"{rows[source_id]}:{member}"
        for source_id, member, data in found
        if wanted in f"{(person := decode(data)).name} {person.email or ''}".casefold()
    }


async def people_at(db: AsyncConnection, studio: registry.Studio, keys: Sequence[str]) -> dict[str, Person]:
    """These people."""
    rows = {row.name: row.id for row in await registry.connections(db, studio)}
    wanted: dict[tuple[str, str], set[str]] = {}
    for key in keys:
        target, _, ref = key.partition("/")
        source, _, member = ref.partition(":")
        wanted.setdefault((target, source), set()).add(member)
    found: dict[str, Person] = {}
    c, k = t.record.c, t.link.c
    decode = r.decoder("member").decode
    for (target, source), members in wanted.items():
        if target not in rows or source not in rows:
            continue
        query = select(c.record_id, c.data).where(
            c.source_id == rows[source], c.kind == "member", among(c.record_id, sorted(members), db)
        )
        known: dict[str, r.Member] = {name: decode(data) for name, data in await db.execute(query)}
        links = select(k.member, k.state, k.vendor_id, k.by_hand, k.note).where(
            k.target_id == rows[target], k.source_id == rows[source], among(k.member, sorted(members), db)
        )
        linked = {row.member: row for row in await db.execute(links)}
        for member in members:
            link, record = linked.get(member), known.get(member)
            key = f"{target}/{source}:{member}"
            state = link.state if link is not None else "by_hand"
            found[key] = Person(
                key=key,
                ref=f"{source}:{member}",
                name=record.name if record is not None else member,
                email=record.email if record is not None else None,
                target=target,
                state=state,
                vendor_id=link.vendor_id if link is not None else None,
                by_hand=link is None or bool(link.by_hand),
                note=(link.note or "") if link is not None else "",
                candidates=await _candidates(db, rows[target], record) if _RANK.get(state, 1) < 2 and record else (),
            )
    return found


async def _candidates(db: AsyncConnection, target_id: int, member: r.Member) -> tuple[tuple[str, str], ...]:
    """Ids at the target of people with the same e-mail address: the same person in another booking system."""
    if member.key is None:
        return ()
    c, k = t.record.c, t.link.c
    query = (
        select(k.vendor_id, k.member)
        .join(t.record, (c.source_id == k.source_id) & (c.kind == "member") & (c.record_id == k.member))
        .where(k.target_id == target_id, k.vendor_id.is_not(None), c.key == member.key, k.member != member.id)
        .limit(5)
    )
    return tuple((vendor_id, f"has the same e-mail, as {other}") for vendor_id, other in await db.execute(query))
