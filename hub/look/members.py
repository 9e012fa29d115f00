"""Finding a member from what somebody typed."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.errors import UserError
from hub.store import tables as t
from hub.studio import registry

__all__ = ["Found", "find_member"]


@dataclass(frozen=True)
class Found:
    """A member of a source. `name` is the id where no record has a name."""

    source_id: int
    source: str
    member_id: str
    name: str

    @property
    def ref(self) -> str:
        """`source:id`."""
        return f"{self.source}:{self.member_id}"


async def find_member(db: AsyncConnection, studio: registry.Studio, text: str) -> Found:
    """The member that `source:id`, an id, an e-mail address or a full name means.

    Raises UserError where nobody or more than one is meant, with what to type instead.
    """
    sources = {row.name: row.id for row in await registry.connections(db, studio) if row.options is None}
    names = {source_id: name for name, source_id in sources.items()}
    if not sources:
        raise UserError("no booking system is connected yet", code="no_member")
    source, colon, member_id = text.partition(":")
    if colon and source in sources:
        one = {sources[source]: source}
        found = await _by_id(db, one, member_id) or await _by_trace(db, studio, sources[source], source, member_id)
        if found:
            return found[0]
    else:
        found = await _by_id(db, names, text) or await _by_email(db, names, text) or await _by_name(db, names, text)
    if len(found) == 1:
        return found[0]
    if not found:
        if near := await _begins_so(db, names, text):
            options = ", ".join(f"{one.ref} ({one.name})" for one in near)
            raise UserError(f"nobody is known as {text!r}", fix=f"Did you mean {options}?", code="no_member")
        listed = ", ".join(sorted(sources))
        raise UserError(
            f"nobody is known as {text!r}",
            fix=f"Type connection:id (connections: {listed}), an id, an e-mail address or a full name.",
            code="no_member",
        )
    options = ", ".join(f"{one.ref} ({one.name})" for one in found[:_FEW])
    raise UserError(f"{text!r} is more than one member", fix=f"Say which: {options}.", code="many_members")


async def _by_id(db: AsyncConnection, names: dict[int, str], member_id: str) -> list[Found]:
    c = t.record.c
    query = select(c.source_id, c.owner, c.kind, c.data).where(
        c.source_id.in_(names), c.owner == member_id, c.kind.in_(("member", "member_pass", "badge"))
    )
    found: dict[int, Found] = {}
    for source_id, owner, kind, data in await db.execute(query):
        name = r.decoder("member").decode(data).name if kind == "member" else None
        if name is not None or source_id not in found:
            found[source_id] = Found(source_id, names[source_id], owner, name or owner)
    return list(found.values())


async def _by_trace(
    db: AsyncConnection, studio: registry.Studio, source_id: int, source: str, member_id: str
) -> list[Found]:
    """Somebody without records: something was made for them, or their record can't be read."""
    c, i = t.ledger.c, t.inbox.c
    made = select(c.name).where(c.source_id == source_id, c.member == member_id).limit(1)
    name: str | None = (await db.execute(made)).scalar()
    if name is None:
        subject = f"{source}: member {member_id}"
        told = select(i.id).where(
            i.studio_id == studio.id, i.code == "record_set_aside", i.subject == subject, i.solved_at.is_(None)
        )
        if (await db.execute(told.limit(1))).first() is None:
            return []
    return [Found(source_id, source, member_id, name or member_id)]


async def _by_email(db: AsyncConnection, names: dict[int, str], text: str) -> list[Found]:
    c = t.record.c
    query = select(c.source_id, c.owner, c.data).where(
        c.source_id.in_(names), c.kind == "member", c.key == r.normal_email(text), c.deleted_at.is_(None)
    )
    decode = r.decoder("member").decode
    return [
        Found(row.source_id, names[row.source_id], row.owner, decode(row.data).name) for row in await db.execute(query)
    ]


async def _by_name(db: AsyncConnection, names: dict[int, str], text: str) -> list[Found]:
    c = t.record.c
    query = select(c.source_id, c.owner, c.data).where(
        c.source_id.in_(names), c.kind == "member", c.deleted_at.is_(None)
    )
    for word in text.split():
        query = query.where(c.data.icontains(word, autoescape=True))
    decode, wanted = r.decoder("member").decode, " ".join(text.lower().split())
    matches = [(row, decode(row.data).name) for row in await db.execute(query.limit(500))]
    return [
        Found(row.source_id, names[row.source_id], row.owner, name) for row, name in matches if name.lower() == wanted
    ]


async def _begins_so(db: AsyncConnection, names: dict[int, str], text: str) -> list[Found]:
    """A few members of whose name some part begins with what was typed."""
    c = t.record.c
    typed = " ".join(text.lower().split())
    if not typed:
        return []
    query = select(c.source_id, c.owner, c.data).where(
        c.source_id.in_(names), c.kind == "member", c.deleted_at.is_(None)
    )
    for word in typed.split():
        query = query.where(c.data.icontains(word, autoescape=True))
    decode = r.decoder("member").decode
    found = []
    for row in await db.execute(query.order_by(c.owner).limit(500)):
        name = decode(row.data).name
        if f" {typed}" in f" {name.lower()}":
            found.append(Found(row.source_id, names[row.source_id], row.owner, name))
    return found[:_FEW]


_FEW = 5
"""How many members are offered where what was typed could be several."""
