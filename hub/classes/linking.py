"""What came of telling a tracker about people: one person there is one member here, or somebody has to look at it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub import records as r
from hub.classes.accounts import account_mail
from hub.classes.work import Work
from hub.errors import HubError, PluginError, RetryLater, Unconfirmed, VendorError
from hub.reconcile.ledger import save_links
from hub.store import journal
from hub.store import tables as t

__all__ = [
    "CREATED",
    "MAYBE_CREATED",
    "Key",
    "People",
    "email_shared",
    "given_twice",
    "here",
    "in_conflict",
    "linked",
    "not_done",
]

CREATED = "created"
"""The note on a link that says that the account there is the hub's doing."""

MAYBE_CREATED = "maybe_created"
"""The note on a link that says that the answer to a create was lost."""

Key = tuple[int, str]


@dataclass
class People:
    """Who is whom at the tracker, and why somebody is nobody there, by (source id, member)."""

    ids: dict[Key, str] = field(default_factory=dict)
    errors: dict[Key, HubError | g.PersonConflict] = field(default_factory=dict)
    emails: dict[Key, str | None] = field(default_factory=dict)
    live: dict[Key, bool] = field(default_factory=dict)


def here(work: Work, key: Key) -> dict[str, Any]:
    return {"target_id": work.scope.target_id, "source_id": key[0], "member": key[1]}


async def linked(
    work: Work,
    db: AsyncConnection,
    key: Key,
    person: g.Person,
    profile: str,
    link: g.Link,
    before: Any,
    people: People,
) -> None:
    """The member is that person. That the hub made the account stays noted: one mail tells the member, once."""
    ref, now = person.member, work.now
    holder = await _holder(work, db, key, link.vendor_id)
    if holder is not None and not person.by_hand:
        await in_conflict(work, db, key, _taken(ref, link.vendor_id, holder, work.scope.name), None, people)
        return
    people.ids[key] = link.vendor_id
    people.errors.pop(key, None)
    row = {**here(work, key), "vendor_id": link.vendor_id, "by_hand": person.by_hand, "state": "linked"}
    made = link.created or (before is not None and before.note == CREATED and before.vendor_id == link.vendor_id)
    row |= {"profile": profile, "note": CREATED if made else None, "asked_at": None, "linked_at": now}
    await save_links(db, [row])
    await journal.solve(db, work.scope.studio.id, code="not_linked", subject=_subject(work, ref), now=now)
    for note in link.notes:
        work.news |= await journal.raise_item(
            db,
            work.scope.studio.id,
            code=note.code,
            subject=_subject(work, ref),
            connection=work.scope.name,
            text=note.text,
            fix=note.fix,
            weight=6,
            now=now,
        )
    if link.created:
        work.count("people_created")
        work.say("account_created", f"{ref} has an account at {work.scope.name} now", member=ref)
        source = work.scope.sources[key[0]]
        member = (await work.reader(key[0]).members(db, [key[1]])).get(key[1])
        if member is not None:
            await account_mail(work.scope, db, source=source, person=member, now=now)


async def _holder(work: Work, db: AsyncConnection, key: Key, vendor_id: str) -> str | None:
    """Another active member whose id that is, or who was named for it by hand. One who has left is forgotten."""
    for ref, named in work.rules.links.items():
        if named == vendor_id and ref != work.ref(*key):
            return ref
    c, rec = t.link.c, t.record.c
    query = select(c.source_id, c.member, c.by_hand).where(
        c.target_id == work.scope.target_id, c.vendor_id == vendor_id, c.state.in_(("linked", "asked"))
    )
    mine_by_hand = work.rules.links.get(work.ref(*key)) == vendor_id
    for row in (await db.execute(query)).all():
        if (row.source_id, row.member) == key:
            continue
        there = select(rec.data).where(
            rec.source_id == row.source_id,
            rec.kind == "member",
            rec.record_id == row.member,
            rec.deleted_at.is_(None),
        )
        data = (await db.execute(there)).scalar()
        active = data is not None and not r.decoder("member").decode(data).archived
        if active and not mine_by_hand:
            return work.ref(row.source_id, row.member)
        # Gone, or an admin says otherwise.
        gone = {**here(work, (row.source_id, row.member)), "vendor_id": None, "profile": None}
        await save_links(db, [{**gone, "state": "conflict" if active else "gone", "by_hand": False}])
    return None


async def in_conflict(
    work: Work,
    db: AsyncConnection,
    key: Key,
    conflict: g.PersonConflict,
    link: Any,
    people: People,
    *,
    person: g.Person | None = None,
) -> None:
    ref, now = work.ref(*key), work.now
    people.errors[key] = conflict
    people.ids.pop(key, None)
    kept = person.vendor_id if person is not None and person.by_hand else None
    row = {**here(work, key), "vendor_id": kept, "by_hand": kept is not None, "state": "conflict"}
    await save_links(db, [{**row, "note": conflict.text, "profile": None, "asked_at": None}])
    work.news |= await journal.raise_item(
        db,
        work.scope.studio.id,
        code="not_linked",
        subject=_subject(work, ref),
        connection=work.scope.name,
        text=f"{ref} is not linked at {work.scope.name}: {conflict.text}.",
        fix=conflict.fix or f"`studiohub links set {ref} {work.scope.name} ID` links them by hand.",
        weight=4,
        now=now,
    )


async def not_done(
    work: Work, db: AsyncConnection, key: Key, person: g.Person, error: Exception | None, people: People
) -> None:
    """Not done. Who may have been created although the answer is lost is looked for before the next create."""
    known = error if isinstance(error, HubError) else PluginError(f"nothing was said about {person.member}")
    work.take_error(known)
    if key in people.ids:
        # Linked as before; only what is new about them was not taken.
        work.say("profile_failed", str(known), member=person.member, level="warning")
    else:
        people.errors[key] = known
    if person.vendor_id is not None:
        return
    lost = isinstance(known, Unconfirmed) or not isinstance(known, VendorError)
    state = "asked" if lost or (isinstance(known, RetryLater) and person.look_first) else "new"
    # A process that died before the create was sent leaves no such note: it is not known that anything was made.
    sent = isinstance(known, Unconfirmed) or (state == "asked" and person.maybe_created)
    row = {**here(work, key), "vendor_id": None, "by_hand": False, "state": state}
    row["note"] = MAYBE_CREATED if sent else None
    asked = work.now if lost else (person.sure_after or work.now)
    await save_links(db, [{**row, "asked_at": asked}])


def _subject(work: Work, ref: str) -> str:
    return f"{ref} @ {work.scope.name}"


def email_shared(ref: str) -> g.PersonConflict:
    return g.PersonConflict(
        member=ref,
        code="email_shared",
        text=f"{ref} shares an e-mail with another member, so neither is linked",
        fix="Correct the addresses at the source, or link one of them by hand: `studiohub links set`.",
    )


def _taken(ref: str, vendor_id: str, holder: str, target: str) -> g.PersonConflict:
    return g.PersonConflict(
        member=ref,
        code="client_shared",
        text=f"{vendor_id} at {target} would be {ref} and is {holder}",
        fix="Correct one of the links, or the addresses at the source.",
    )


def given_twice(ref: str, vendor_id: str, target: str) -> g.PersonConflict:
    return g.PersonConflict(
        member=ref,
        code="client_shared",
        text=f"{vendor_id} at {target} is given to more than one member by hand",
        fix="Correct the [[links]] rows.",
    )
