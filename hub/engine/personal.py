"""A member's personal data: all of it in one document, and all of it gone."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.core import Hub
from hub.engine.personal_classes import class_data, erase_classes
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
        **await class_data(db, hub, found),
    }


async def erase(hub: Hub, found: Found, *, who: str) -> Erased:
    """Delete everything that the hub keeps about a member.

    Raises UserError while the member has access, or a seat in a class to come: that has to end first, or nobody would
    know of it.
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
        own = _Names(found)
        for table, condition in (
            (t.ledger, own_grants),
            (t.record, (r.source_id == found.source_id, _own(found))),
            (t.link, (link.source_id == found.source_id, link.member == found.member_id)),
            (t.agenda, (t.agenda.c.source_id == found.source_id, t.agenda.c.member == found.member_id)),
            (t.log, (t.log.c.studio_id == studio.id, t.log.c.member == found.ref)),
            (t.outbox, (t.outbox.c.studio_id == studio.id, t.outbox.c.subject_id == found.ref)),
        ):
            count = (await db.execute(delete(table).where(*condition))).rowcount
            if count:
                done.rows[table.name] = count
        done.rows |= await erase_classes(db, hub, found)
        await journal.solve(db, studio.id, code="erase_asked", subject=found.ref, now=now)
        await _rewrite(hub, db, own, found)
        # The audit keeps that somebody was erased, and a fingerprint to prove it by, but not who.
        print_of = hashlib.sha256(f"{studio.instance}:{found.ref}".encode()).hexdigest()[:16]
        await journal.add_audit(
            db, studio.id, who=who, act="erase", subject=f"member {print_of}", detail=str(done.rows), now=now
        )
    return done


def _own(found: Found) -> Any:
    r = t.record.c
    return or_(r.owner == found.member_id, (r.kind == "member") & (r.record_id == found.member_id))


class _Names:
    """How texts name a member, and how to take the names out of them."""

    def __init__(self, found: Found) -> None:
        self.ref = found.ref
        names = [found.ref, f"{found.source}: member {found.member_id}"]
        # One word alone is the name of many.
        if " " in found.name:
            names.append(found.name)
        self.words = names
        # "desk:4" is not "desk:47".
        self.pattern = re.compile(rf"(?<![\w:-])(?:{'|'.join(map(re.escape, names))})(?![\w-])")

    def mask(self, text: str) -> str:
        """The text without them."""
        return self.pattern.sub("somebody erased", text)


async def _rewrite(hub: Hub, db: AsyncConnection, own: _Names, found: Found) -> None:
    """Take a member out of what speaks of others too: lines and mails that list several, plans with a line for each."""
    studio_id = hub.the_studio.id
    for table, columns in ((t.log, ("text",)), (t.inbox, ("text", "subject")), (t.run, ("error",))):
        c = table.c
        named = or_(*(c[column].contains(word, autoescape=True) for column in columns for word in own.words))
        query = select(c.id, *(c[column] for column in columns)).where(c.studio_id == studio_id, named)
        if table is t.log:
            # What is said of another member is theirs.
            query = query.where(c.member.is_(None))
        for row in (await db.execute(query)).all():
            masked = {column: own.mask(row._mapping[column] or "") for column in columns}
            await db.execute(update(table).where(c.id == row.id).values(**masked))
    o = t.outbox.c
    mails = select(o.id, o.subject, o.sealed_text).where(o.studio_id == studio_id, o.kind.in_(("alarm", "summary")))
    for row in (await db.execute(mails)).all():
        text = hub.vault.open(row.sealed_text)
        if own.mask(text) != text or own.mask(row.subject) != row.subject:
            values = {"subject": own.mask(row.subject), "sealed_text": hub.vault.seal(own.mask(text))}
            await db.execute(update(t.outbox).where(o.id == row.id).values(**values))
    p = t.plan.c
    quoted = json.dumps(found.member_id)
    plans = select(p.id, p.changes).where(p.studio_id == studio_id, p.changes.contains(quoted, autoescape=True))
    for row in (await db.execute(plans)).all():
        lines = json.loads(row.changes)
        kept = [line for line in lines if (line["source"], line["member"]) != (found.source, found.member_id)]
        if len(kept) < len(lines):
            await db.execute(update(t.plan).where(p.id == row.id).values(changes=json.dumps(kept)))


def _plain(row: Any) -> dict[str, Any]:
    return {name: _text(value) if hasattr(value, "tzinfo") else value for name, value in row._mapping.items()}


def _text(moment: Any) -> str | None:
    return times.to_text(moment) if moment is not None else None
