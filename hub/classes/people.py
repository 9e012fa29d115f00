"""Members and the people of a tracker: who is whom, and what the tracker is told about them.

A link by hand goes before everything. Everybody else is matched by the tracker itself: an e-mail that two members have
links neither, and one person there belongs to one member here.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import select

from hub import grants as g
from hub import records as r
from hub.classes.facts import OwnWord, own_words
from hub.classes.linking import (
    MAYBE_CREATED,
    Key,
    People,
    email_shared,
    given_twice,
    here,
    in_conflict,
    linked,
    not_done,
)
from hub.classes.work import Work
from hub.errors import HubError, RetryLater
from hub.reconcile.ledger import links_of, save_links
from hub.store import tables as t

__all__ = ["People", "bring_people", "known_members"]

SLICE = 50

OWN = ("birth_date", "gender", "weight_kg", "height_cm", "ftp_w", "max_hr", "lthr", "rhr", "strap")
"""What members can say of themselves."""

FIELDS = ("given_name", "family_name", "email", "phone", "language", *OWN)


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
                await save_links(db, [{**here(work, key), "vendor_id": None, "state": "new", "by_hand": False}])
            link = None
        if named is not None and named in work.rules.shared_links():
            conflicts[key] = given_twice(ref, named, scope.name)
            continue
        values = _values(member, word)
        profile = json.dumps({**values, "show_live": live}, sort_keys=True)
        known = link is not None and link.state == "linked" and former is not None
        if known and not everybody and link is not None and link.profile == profile:
            people.ids[key] = str(former)
            continue
        if named is None and former is None and (r.normal_email(member.email) or "") in shared:
            conflicts[key] = email_shared(ref)
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
        maybe_created=look and link.note == MAYBE_CREATED,
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
            **here(work, key),
            "vendor_id": person.vendor_id,
            "by_hand": person.by_hand,
            "state": "asked",
            "asked_at": now,
            "note": None,
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
            await in_conflict(work, db, key, conflict, links.get(key), people)
        for ref, (key, person, profile) in persons.items():
            outcome = answered.get(ref)
            if isinstance(outcome, g.Link):
                await linked(work, db, key, person, profile, outcome, links.get(key), people)
            elif isinstance(outcome, g.PersonConflict):
                await in_conflict(work, db, key, outcome, links.get(key), people, person=person)
            else:
                await not_done(work, db, key, person, outcome.error if outcome is not None else None, people)
    if persons and not any(isinstance(outcome, g.Failed) for outcome in outcomes):
        work.answered()
