"""A member's personal data: all of it in one document, and all of it gone."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Table, delete, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.core import Hub
from hub.errors import UserError
from hub.look.members import Found
from hub.store import journal
from hub.store import tables as t

__all__ = ["Erased", "erase", "personal_data"]


@dataclass
class Erased:
    """What was erased. `at_vendors` names the people who stay at vendors; `still_read` says whether the source still
    had the member, who then comes back with the next read."""

    rows: dict[str, int] = field(default_factory=dict)
    at_vendors: list[str] = field(default_factory=list)
    still_read: bool = False


async def personal_data(db: AsyncConnection, hub: Hub, found: Found) -> dict[str, Any]:
    """Everything that the hub keeps about a member, codes and links left out."""
    r, g, e, link = t.record.c, t.ledger.c, t.ledger_event.c, t.link.c
    studio = hub.the_studio.id
    names = {row.id: row.name for row in await db.execute(select(t.connection.c.id, t.connection.c.name))}
    records = select(r.kind, r.data, r.deleted_at).where(r.source_id == found.source_id, _own(found))
    grants = select(t.ledger).where(g.studio_id == studio, g.source_id == found.source_id, g.member == found.member_id)
    links = select(link.target_id, link.vendor_id, link.state, link.linked_at).where(
        link.source_id == found.source_id, link.member == found.member_id
    )
    lines = select(t.log.c.at, t.log.c.level, t.log.c.connection, t.log.c.text).where(
        t.log.c.studio_id == studio, t.log.c.member == found.ref
    )
    o = t.outbox.c
    mails = select(o.kind, o.recipient, o.subject, o.state, o.sent_at).where(
        o.studio_id == studio, o.subject_id == found.ref
    )
    given = []
    for row in (await db.execute(grants)).all():
        events = await db.execute(select(e.at, e.what, e.text).where(e.grant_id == row.id).order_by(e.id))
        given.append(
            {
                "target": names[row.target_id],
                "opens": json.loads(row.opens) if row.opens else None,
                "state": row.state,
                "vendor_id": row.vendor_id,
                "person_id": row.person_id,
                "valid_from": _text(row.valid_from),
                "valid_until": _text(row.valid_until),
                "created_at": _text(row.created_at),
                "removed_at": _text(row.removed_at),
                "history": [_plain(event) for event in events],
            }
        )
    return {
        "member": found.ref,
        "records": [
            {"kind": row.kind, "gone_since": _text(row.deleted_at), **json.loads(row.data)}
            for row in await db.execute(records)
        ],
        "grants": given,
        "people": [
            {
                "target": names[row.target_id],
                "vendor_id": row.vendor_id,
                "state": row.state,
                "linked_at": _text(row.linked_at),
            }
            for row in await db.execute(links)
        ],
        "log": [_plain(row) for row in await db.execute(lines)],
        "mails": [_plain(row) for row in await db.execute(mails)],
    }


async def erase(hub: Hub, found: Found, *, who: str) -> Erased:
    """Delete everything that the hub keeps about a member.

    Raises UserError while the member has access somewhere: that has to end first, or nobody would know of it.
    """
    g, r, link = t.ledger.c, t.record.c, t.link.c
    studio, now = hub.the_studio, hub.clock.now()
    own_grants = (g.studio_id == studio.id, g.source_id == found.source_id, g.member == found.member_id)
    done = Erased()
    async with hub.database.write() as db:
        live = (await db.execute(select(g.id).where(*own_grants, t.LIVE))).first()
        if live is not None:
            raise UserError(
                f"{found.name} ({found.ref}) still has access, or it is not known to be removed",
                fix=f"End the membership at {found.source}, `studiohub sync`, then erase.",
                code="has_access",
            )
        targets = {row.id: row.name for row in await db.execute(select(t.connection.c.id, t.connection.c.name))}
        people = select(link.target_id, link.vendor_id).where(
            link.source_id == found.source_id, link.member == found.member_id, link.vendor_id.is_not(None)
        )
        done.at_vendors = [f"{row.vendor_id} at {targets[row.target_id]}" for row in await db.execute(people)]
        there = select(r.id).where(
            r.source_id == found.source_id, r.kind == "member", r.record_id == found.member_id, r.deleted_at.is_(None)
        )
        done.still_read = (await db.execute(there)).first() is not None
        quoted = f'"member":{json.dumps(found.member_id)}'
        for table, condition in (
            (t.ledger, own_grants),
            (t.record, (r.source_id == found.source_id, _own(found))),
            (t.link, (link.source_id == found.source_id, link.member == found.member_id)),
            (t.agenda, (t.agenda.c.source_id == found.source_id, t.agenda.c.member == found.member_id)),
            (t.log, (t.log.c.id.in_(await _mentioning(db, t.log, "member", studio.id, found)),)),
            (t.inbox, (t.inbox.c.id.in_(await _mentioning(db, t.inbox, "subject", studio.id, found)),)),
            (t.outbox, (t.outbox.c.studio_id == studio.id, t.outbox.c.subject_id == found.ref)),
            (t.plan, (t.plan.c.studio_id == studio.id, t.plan.c.changes.contains(quoted, autoescape=True))),
        ):
            count = (await db.execute(delete(table).where(*condition))).rowcount
            if count:
                done.rows[table.name] = count
        # The audit keeps that somebody was erased, and a fingerprint to prove it by, but not who.
        print_of = hashlib.sha256(f"{studio.instance}:{found.ref}".encode()).hexdigest()[:16]
        await journal.add_audit(
            db, studio.id, who=who, act="erase", subject=f"member {print_of}", detail=str(done.rows), now=now
        )
    return done


def _own(found: Found) -> Any:
    r = t.record.c
    return or_(r.owner == found.member_id, (r.kind == "member") & (r.record_id == found.member_id))


async def _mentioning(db: AsyncConnection, table: Table, about: str, studio_id: int, found: Found) -> list[int]:
    """Rows that are about the member, or name them."""
    c = table.c
    named = found.name if found.name != found.member_id else found.ref
    query = select(c.id, c.text, c[about]).where(
        c.studio_id == studio_id,
        or_(
            c.text.contains(found.ref, autoescape=True),
            c.text.contains(named, autoescape=True),
            c[about].contains(found.ref, autoescape=True),
            c[about].contains(f"{found.source}: member {found.member_id}", autoescape=True),
        ),
    )
    # "desk:4" is not "desk:47".
    names = "|".join(map(re.escape, (found.ref, named, f"{found.source}: member {found.member_id}")))
    own = re.compile(rf"(?<![\w:-])(?:{names})(?![\w-])")
    return [row.id for row in await db.execute(query) if own.search(row.text) or own.search(row[2] or "")]


def _plain(row: Any) -> dict[str, Any]:
    return {name: _text(value) if hasattr(value, "tzinfo") else value for name, value in row._mapping.items()}


def _text(moment: Any) -> str | None:
    return times.to_text(moment) if moment is not None else None
