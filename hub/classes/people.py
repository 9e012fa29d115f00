"""Members and the people of a tracker: who is whom, and what the tracker is told about them.

A link by hand goes before everything. Everybody else is matched by the tracker itself: an e-mail that two members have
links neither, and one person there belongs to one member here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub import records as r
from hub.classes.facts import OwnWord, own_words
from hub.classes.work import Work
from hub.errors import HubError, PluginError, RetryLater, Unconfirmed, VendorError
from hub.reconcile.ledger import links_of, save_links
from hub.store import journal
from hub.store import tables as t

__all__ = ["CREATED", "People", "bring_people", "known_members"]

SLICE = 50

OWN = ("birth_date", "gender", "weight_kg", "height_cm", "ftp_w", "max_hr", "lthr", "rhr", "strap")
"""What members can say of themselves."""

FIELDS = ("given_name", "family_name", "email", "phone", "language", *OWN)

CREATED = "created"
"""The note on a link that says that the account there is the hub's doing."""

Key = tuple[int, str]


@dataclass
class People:
    """Who is whom at the tracker, and why somebody is nobody there, by (source id, member)."""

    ids: dict[Key, str] = field(default_factory=dict)
    errors: dict[Key, HubError | g.PersonConflict] = field(default_factory=dict)
    emails: dict[Key, str | None] = field(default_factory=dict)
    live: dict[Key, bool] = field(default_factory=dict)


async def known_members(work: Work) -> set[Key]:
    """The members that the tracker has been told about, or that have a seat there."""
    link, s, e = t.link.c, t.seat.c, t.event.c
    target = work.scope.target_id
    linked = select(link.source_id, link.member).where(link.target_id == target)
    seated = (
        select(e.source_id, s.member)
        .join(t.event, s.event_id == e.id)
        .where(e.target_id == target, e.ends_at > work.now, s.state != "removed")
    )
    names = {name: source_id for source_id, name in work.scope.sources.items()}
    async with work.scope.database.read() as db:
        found = {(row.source_id, row.member) for query in (linked, seated) for row in await db.execute(query)}
    for ref in work.rules.links:
        source, _, member = ref.partition(":")
        if source in names:
            found.add((names[source], member))
    return found


async def bring_people(
    work: Work, members: Collection[Key], *, everybody: bool = False, release: Release | None = None
) -> People:
    """Tell the tracker about these members where that is needed (`everybody`: about each of them), and say who they
    are there. What went wrong for one of them keeps nobody else from being done."""
    people = People()
    every = sorted(members)
    for start in range(0, len(every), SLICE):
        if work.stopped_by is not None or (start and await work.leave()):
            break
        await _slice(work, every[start : start + SLICE], people, everybody=everybody, release=release)
    return people


Release = Callable[[int, str, str], Any]
"""Takes a member, known as that id until now, off every seat."""


async def _slice(
    work: Work, members: Sequence[Key], people: People, *, everybody: bool, release: Release | None
) -> None:
    scope = work.scope
    records, words, links = await _read(work, members)
    persons: dict[str, tuple[Key, g.Person, str]] = {}
    conflicts: dict[Key, g.PersonConflict] = {}
    shared = await _shared_emails(work, records, links)
    for key in members:
        member, link = records.get(key), links.get(key)
        ref = work.ref(*key)
        if member is None or member.archived:
            continue
        word = words.get(key, OwnWord())
        live = word.show_live if word.show_live is not None else member.show_live
        people.emails[key], people.live[key] = member.email, live
        named = work.rules.links.get(ref)
        former = link.vendor_id if link is not None else None
        if link is not None and former is not None and (named or (None if link.by_hand else former)) != former:
            # Somebody else from now on: whoever sits there under the former id gets up first.
            if release is not None and not await release(*key, former):
                people.errors[key] = RetryLater(f"{ref} still has seats as {former} at {scope.name}")
                continue
            former = None
            async with scope.database.write() as db:
                await scope.lease.check(db)
                await save_links(db, [{**_here(work, key), "vendor_id": None, "state": "new", "by_hand": False}])
            link = None
        if named is not None and named in work.rules.shared_links():
            conflicts[key] = _taken_twice(ref, named, scope.name)
            continue
        values = _values(member, word)
        profile = json.dumps({**values, "show_live": live}, sort_keys=True)
        known = link is not None and link.state == "linked" and former is not None
        if known and not everybody and link is not None and link.profile == profile:
            people.ids[key] = str(former)
            continue
        if named is None and former is None and (r.normal_email(member.email) or "") in shared:
            conflicts[key] = _shared(ref)
            continue
        persons[ref] = (key, _person(work, key, values, link, named or former, named is not None, live), profile)
        if known:
            people.ids[key] = str(former)
    await _ask(work, persons, links, conflicts, people)


async def _read(work: Work, members: Sequence[Key]) -> tuple[dict[Key, r.Member], dict[Key, OwnWord], dict[Key, Any]]:
    records: dict[Key, r.Member] = {}
    words: dict[Key, OwnWord] = {}
    async with work.scope.database.read() as db:
        links = await links_of(db, work.scope.target_id, members)
        for source_id in {source_id for source_id, _ in members if source_id in work.scope.sources}:
            names = [member for source, member in members if source == source_id]
            found = await work.reader(source_id).members(db, names)
            records |= {(source_id, name): member for name, member in found.items()}
            said = await own_words(db, work.scope.vault, source_id, names)
            words |= {(source_id, name): word for name, word in said.items()}
    return records, words, links


async def _shared_emails(work: Work, records: Mapping[Key, r.Member], links: Mapping[Key, Any]) -> set[str]:
    """Addresses that several members have of whom nobody was named by hand: neither of them is linked by it."""
    emails = {email for member in records.values() if (email := r.normal_email(member.email))}
    holders: dict[str, set[Key]] = {}
    async with work.scope.database.read() as db:
        for source_id, name in work.scope.sources.items():
            if not emails or (name not in work.rules.sources):
                continue
            for email, members in (await work.reader(source_id).with_email(db, emails)).items():
                holders.setdefault(email, set()).update((source_id, member) for member in members)
    by_hand = work.rules.links
    return {email for email, keys in holders.items() if len([key for key in keys if work.ref(*key) not in by_hand]) > 1}


def _values(member: r.Member, word: OwnWord) -> dict[str, Any]:
    """What is known of a member: their own words first, then the source's."""
    values: dict[str, Any] = {name: getattr(member, name, None) for name in FIELDS}
    values |= {name: value for name in OWN if (value := word.profile.get(name)) not in {None, ""}}
    if isinstance(values["birth_date"], date):
        values["birth_date"] = values["birth_date"].isoformat()
    return values


def _person(
    work: Work, key: Key, values: Mapping[str, Any], link: Any, vendor_id: str | None, by_hand: bool, live: bool
) -> g.Person:
    fields = dict(values)
    if fields["birth_date"]:
        fields["birth_date"] = date.fromisoformat(fields["birth_date"])
    before = json.loads(link.profile).get("show_live", True) if link is not None and link.profile else True
    look = link is not None and link.state == "asked" and vendor_id is None
    settle = timedelta(seconds=work.scope.connection.plugin.settle)
    return g.Person(
        member=work.ref(*key),
        marker=work.scope.connection.marker(work.ref(*key)),
        vendor_id=vendor_id,
        by_hand=by_hand,
        look_first=look,
        sure_after=(link.asked_at or work.now) + settle if look else None,
        # Only what was changed here: a sync must not switch on again what a rider switched off at the tracker.
        show_live=live if live != before else None,
        **fields,
    )


async def _ask(
    work: Work,
    persons: Mapping[str, tuple[Key, g.Person, str]],
    links: Mapping[Key, Any],
    conflicts: Mapping[Key, g.PersonConflict],
    people: People,
) -> None:
    scope, now = work.scope, work.now
    new = [
        {
            **_here(work, key),
            "vendor_id": person.vendor_id,
            "by_hand": person.by_hand,
            "state": "asked",
            "asked_at": now,
        }
        for key, person, _ in persons.values()
        if person.vendor_id is None and not person.look_first
    ]
    outcomes: Sequence[g.PersonOutcome] = ()
    if persons:
        async with scope.database.write() as db:
            await scope.lease.check(db)
            await save_links(db, new)
        sent = [person for _, person, _ in persons.values()]
        try:
            outcomes = await scope.plugins.call(scope.connection, "sync_members", people=sent)
        except HubError as error:
            outcomes = [g.Failed(member=person.member, error=error) for person in sent]
    answered = {outcome.member: outcome for outcome in outcomes}
    async with scope.database.write() as db:
        await scope.lease.check(db)
        for key, conflict in conflicts.items():
            await _conflict(work, db, key, conflict, links.get(key), people)
        for ref, (key, person, profile) in persons.items():
            outcome = answered.get(ref)
            if isinstance(outcome, g.Link):
                await _linked(work, db, key, person, profile, outcome, links.get(key), people)
            elif isinstance(outcome, g.PersonConflict):
                await _conflict(work, db, key, outcome, links.get(key), people, person=person)
            else:
                await _failed(work, db, key, person, outcome.error if outcome is not None else None, people)
    if persons and not any(isinstance(outcome, g.Failed) for outcome in outcomes):
        work.answered()


def _here(work: Work, key: Key) -> dict[str, Any]:
    return {"target_id": work.scope.target_id, "source_id": key[0], "member": key[1]}


async def _linked(
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
        await _conflict(work, db, key, _taken(ref, link.vendor_id, holder, work.scope.name), None, people)
        return
    people.ids[key] = link.vendor_id
    people.errors.pop(key, None)
    row = {**_here(work, key), "vendor_id": link.vendor_id, "by_hand": person.by_hand, "state": "linked"}
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
        gone = {**_here(work, (row.source_id, row.member)), "vendor_id": None, "profile": None}
        await save_links(db, [{**gone, "state": "conflict" if active else "gone", "by_hand": False}])
    return None


async def _conflict(
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
    row = {**_here(work, key), "vendor_id": kept, "by_hand": kept is not None, "state": "conflict"}
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


async def _failed(
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
    row = {**_here(work, key), "vendor_id": None, "by_hand": False, "state": state}
    asked = work.now if lost else (person.sure_after or work.now)
    await save_links(db, [{**row, "asked_at": asked}])


def _subject(work: Work, ref: str) -> str:
    return f"{ref} @ {work.scope.name}"


def _shared(ref: str) -> g.PersonConflict:
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


def _taken_twice(ref: str, vendor_id: str, target: str) -> g.PersonConflict:
    return g.PersonConflict(
        member=ref,
        code="client_shared",
        text=f"{vendor_id} at {target} is given to more than one member by hand",
        fix="Correct the [[links]] rows.",
    )
