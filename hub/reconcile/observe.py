"""Reading back what stands at a target, and comparing it with the ledger.

What differs is marked as drift, so the next plan puts it right and says so. What was made by hand is never touched:
only rows that the ledger knows are compared. A marker of ours on something that the ledger doesn't know is a find: it
is linked where the member has no link yet, and reported where the member has another. Where somebody of ours can open
something and no grant says so, a grant is written down, so that the next plan takes it back or finds it right: a
database from a backup, or a call that arrived after the removal that was to undo it.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

import msgspec
from sqlalchemy import bindparam, case, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub import records, times
from hub.access.decide import GROUP_KEY, Wanted
from hub.access.doors import visit_key
from hub.access.rules import Openings
from hub.classes.scope import TrackerScope
from hub.connection import read_marker, read_tag
from hub.engine.lanes import Lease
from hub.errors import NotFound
from hub.ingest.read import mark_dirty
from hub.plugins import Ability
from hub.reconcile.diff import decode_wanted, encode_wanted
from hub.reconcile.ledger import forget_people, save_links
from hub.reconcile.scope import Scope
from hub.store import among, journal, upsert
from hub.store import tables as t

__all__ = ["UNGRANTED", "Observation", "keep_openings", "observe", "read_openings"]


UNGRANTED = "access_without_grant"


@dataclass
class Observation:
    """What a look at the vendor found."""

    seen: int = 0
    drifted: int = 0
    gone: int = 0
    found: int = 0
    duplicates: list[str] = field(default_factory=list)
    ungranted: set[str] = field(default_factory=set)
    """Who can open something there that no settled grant stands for, as the inbox names them."""


class _Standing(NamedTuple):
    """Somebody of ours who can open something."""

    source: str
    member: str
    opens: g.Opens
    observed: g.Observed


async def read_openings(scope: Scope | TrackerScope, *, lease: Lease) -> Openings:
    """Read the groups and locks of the target and keep them."""
    openings: Sequence[g.Opening] = await scope.plugins.call(scope.connection, "list_openings")
    async with scope.database.write() as db:
        await lease.check(db)
        await keep_openings(db, scope.target_id, openings, now=scope.connection.clock.now())
    return Openings(
        groups={opening.id: opening.name for opening in openings if opening.kind == "group"},
        locks={opening.id: opening.name for opening in openings if opening.kind == "lock"},
    )


async def keep_openings(db: AsyncConnection, target_id: int, openings: Sequence[g.Opening], *, now: datetime) -> None:
    """Keep the groups and locks of a target as they were just read: all of them, and no others."""
    known = select(t.opening.c.kind, t.opening.c.opening_id).where(t.opening.c.target_id == target_id)
    gone = {tuple(row) for row in await db.execute(known)} - {(o.kind, o.id) for o in openings}
    await upsert(
        db,
        t.opening,
        [
            {
                "target_id": target_id,
                "kind": opening.kind,
                "opening_id": opening.id,
                "name": opening.name,
                "seen_at": now,
            }
            for opening in openings
        ],
        key=("target_id", "kind", "opening_id"),
        update=("name", "seen_at"),
    )
    for kind, opening_id in gone:
        await db.execute(
            t.opening.delete().where(
                t.opening.c.target_id == target_id,
                t.opening.c.kind == kind,
                t.opening.c.opening_id == opening_id,
            )
        )


async def observe(
    scope: Scope,
    *,
    lease: Lease,
    progress: Callable[[int], None] = lambda seen: None,
    between: Callable[[], Awaitable[None]] | None = None,
) -> Observation:
    """Look at everything that stands at the target. Raises what the plugin raises; what was seen before is kept.
    `between` is called after each page, when it has been compared."""
    report = Observation()
    seen: set[str] = set()
    by_people = scope.can(Ability.PEOPLE)
    async for page in scope.plugins.read(scope.connection, "observe_access", only=None):
        seen.update(observed.vendor_id for observed in page)
        report.seen += len(page)
        await _compare_page(scope, lease, page, report, by_people=by_people)
        progress(report.seen)
        if between is not None:
            await between()
    await _find_gone(scope, lease, seen, report, by_people=by_people)
    async with scope.database.write() as db:
        await lease.check(db)
        await journal.solve_all_but(
            db,
            scope.studio.id,
            code=UNGRANTED,
            connection=scope.name,
            keep=report.ungranted,
            now=scope.connection.clock.now(),
        )
    return report


async def _compare_page(
    scope: Scope, lease: Lease, page: Sequence[g.Observed], report: Observation, *, by_people: bool
) -> None:
    visits = {observed.vendor_id for observed in page if _is_visit(observed)}
    ids = [observed.vendor_id for observed in page if observed.vendor_id not in visits]
    async with scope.database.read() as db:
        rows = await _ledger_rows(db, scope.target_id, ids, by_people=by_people) if ids else {}
        if visits:
            rows |= await _ledger_rows(db, scope.target_id, sorted(visits), by_people=False)
        linked = await _links(db, scope.target_id, ids) if by_people and ids else {}
    drifts: list[tuple[Any, str]] = []
    finds: list[tuple[str, str, g.Observed]] = []
    notes: list[tuple[Any, g.Note]] = []
    opening: list[_Standing] = []
    tagged: list[g.Observed] = []
    for observed in page:
        row = rows.get(observed.vendor_id)
        if row is not None:
            what = _difference(scope, row, observed)
            if what is not None and row.drift != what:
                drifts.append((row, what))
            notes += [(row, note) for note in observed.notes]
        visit = observed.vendor_id in visits
        if visit and row is None and observed.tag is not None and observed.alive and observed.opens is not None:
            tagged.append(observed)
        if not (by_people or visit) or not observed.marker:
            continue
        marker = read_marker(observed.marker)
        if marker is None or marker[0] != scope.connection.instance:
            continue
        if visit:
            if row is None and observed.alive and observed.opens is not None:
                opening.append(_Standing(marker[1], marker[2], observed.opens, observed))
            continue
        link = linked.get(observed.vendor_id)
        if link is None:
            finds.append((marker[1], marker[2], observed))
        if row is None and observed.alive and observed.opens is not None and not (link is not None and link.by_hand):
            # What somebody who was made by hand has besides our grants is not ours to judge.
            source = scope.sources.get(link.source_id, "?") if link is not None else marker[1]
            opening.append(_Standing(source, link.member if link is not None else marker[2], observed.opens, observed))
    if tagged:
        async with scope.database.read() as db:
            opening += [one for observed in tagged if (one := await _whose(scope, db, observed)) is not None]
    if not (drifts or finds or notes or opening):
        return
    now = scope.connection.clock.now()
    async with scope.database.write() as db:
        await lease.check(db)
        for row, what in drifts:
            report.drifted += 1
            await db.execute(update(t.ledger).where(t.ledger.c.id == row.id).values(drift=what))
            await mark_dirty(db, scope.target_id, row.source_id, {row.member})
        twice: set[str] = set()
        for source, member, observed in finds:
            if not await _take_find(scope, db, source, member, observed, report, now):
                twice.add(observed.vendor_id)
        await _ungranted(scope, db, [one for one in opening if one.observed.vendor_id not in twice], report, now)
        for row, note in notes:
            subject = f"{scope.sources.get(row.source_id, '?')}:{row.member} @ {scope.name}"
            await journal.raise_item(
                db,
                scope.studio.id,
                code=note.code,
                subject=subject,
                connection=scope.name,
                text=note.text,
                fix=note.fix,
                weight=4,
                now=now,
            )


async def _whose(scope: Scope, db: AsyncConnection, observed: g.Observed) -> _Standing | None:
    """Whose access it is that carries a tag of this hub and belongs to no settled grant; None for another hub's, and
    for one that is under way, which is looked at where it is carried out."""
    end = read_tag(observed.tag or "", scope.connection.instance)
    if end is None or observed.opens is None:
        return None
    c = t.ledger.c
    query = select(c.id, c.source_id, c.member, c.state, c.settled).where(
        c.target_id == scope.target_id, c.id.endswith(end, autoescape=True)
    )
    row = (await db.execute(query.limit(1))).first()
    if row is None:
        # Made by a database that this one was restored before: all that is known is what stands there.
        return _Standing("?", observed.vendor_id, observed.opens, observed)
    if row.state != "removed":
        return None
    return _Standing(scope.sources.get(row.source_id, "?"), row.member, observed.opens, observed)


def _is_visit(observed: g.Observed) -> bool:
    return observed.opens is not None and bool(observed.opens.locks)


async def _ledger_rows(db: AsyncConnection, target_id: int, ids: Sequence[str], *, by_people: bool) -> dict[str, Any]:
    c = t.ledger.c
    column = c.person_id if by_people else c.vendor_id
    query = select(c.id, c.source_id, c.member, c.applied, c.drift, c.valid_until, column.label("at_vendor")).where(
        c.target_id == target_id, among(column, ids, db), c.settled.is_(True), c.state == "active"
    )
    query = query.where(c.key == GROUP_KEY) if by_people else query
    return {row.at_vendor: row for row in await db.execute(query)}


async def _links(db: AsyncConnection, target_id: int, ids: Sequence[str]) -> dict[str, Any]:
    c = t.link.c
    query = select(c.vendor_id, c.source_id, c.member, c.by_hand).where(
        c.target_id == target_id, among(c.vendor_id, ids, db)
    )
    return {row.vendor_id: row for row in await db.execute(query)}


def _difference(scope: Scope, row: Any, observed: g.Observed) -> str | None:
    """What the vendor holds that is not what the hub last made there; None where they agree."""
    if row.applied is None:
        return None
    applied: Wanted = decode_wanted(row.applied)
    if applied.opens.locks and row.valid_until is not None and row.valid_until <= scope.connection.clock.now():
        # A window that is over: nobody has to be told that it no longer opens.
        return None
    parts: list[str] = []
    marker = scope.connection.marker(f"{scope.sources.get(row.source_id)}:{row.member}")
    if observed.tag is None and observed.marker != marker:
        parts.append("the hub's marker is gone")
    if not observed.alive:
        parts.append("access is blocked there")
    if observed.opens != applied.opens:
        parts.append(f"{observed.opens or 'nothing'} instead of {applied.opens}")
    if observed.limits and observed.valid_until != applied.valid_until:
        there = times.moment_text(observed.valid_until, scope.zone) or "open end"
        parts.append(f"until {there} instead of {times.moment_text(applied.valid_until, scope.zone) or 'open end'}")
    lacking = sorted({badge.number for badge in applied.badges} - observed.badges)
    if lacking:
        parts.append(f"badge {', '.join(lacking)} is not there")
    return "; ".join(parts) or None


async def _take_find(
    scope: Scope,
    db: AsyncConnection,
    source: str,
    member: str,
    observed: g.Observed,
    report: Observation,
    now: datetime,
) -> bool:
    """Something with our marker that no link knows: a create whose answer was lost, or a database from a backup.
    Returns False where the member stands there twice."""
    source_id = _source_id(scope, source)
    if source_id is None:
        return True
    c = t.link.c
    query = select(t.link).where(c.target_id == scope.target_id, c.source_id == source_id, c.member == member)
    link = (await db.execute(query)).one_or_none()
    if link is not None and link.vendor_id is not None:
        report.duplicates.append(observed.vendor_id)
        await journal.raise_item(
            db,
            scope.studio.id,
            code="duplicate_person",
            subject=f"{source}:{member} @ {scope.name}: {observed.vendor_id}",
            connection=scope.name,
            text=f"{source}:{member} stands twice at {scope.name}: {link.vendor_id} is used, "
            f"{observed.vendor_id} carries the same marker.",
            fix=f"Remove {observed.vendor_id} at {scope.name} by hand.",
            weight=3,
            now=now,
        )
        return False
    report.found += 1
    await save_links(
        db,
        [
            {
                "target_id": scope.target_id,
                "source_id": source_id,
                "member": member,
                "vendor_id": observed.vendor_id,
                "by_hand": False,
                "state": "asked",
                "note": None,
            }
        ],
    )
    await mark_dirty(db, scope.target_id, source_id, {member})
    return True


def _source_id(scope: Scope, source: str) -> int | None:
    return next((key for key, name in scope.sources.items() if name == source), None)


async def _ungranted(
    scope: Scope, db: AsyncConnection, opening: Sequence[_Standing], report: Observation, now: datetime
) -> None:
    """Write down a grant for who can open something and has none, so that a plan decides about it, and say so. What
    was surely given by hand, because the hub never gave that group, is said and left alone."""
    for one in opening:
        subject = f"{one.source}:{one.member} @ {scope.name}"
        report.ungranted.add(subject)
        source_id = _source_id(scope, one.source)
        name, former = one.member, []
        key = _key(one)
        if source_id is not None:
            c = t.ledger.c
            mine = (c.target_id == scope.target_id, c.source_id == source_id, c.member == one.member)
            known = select(c.id).where(c.target_id == scope.target_id, c.vendor_id == one.observed.vendor_id, t.LIVE)
            if key != GROUP_KEY and (await db.execute(known.limit(1))).first() is not None:
                # A grant has it already and is not settled: it is looked at before anything is repeated.
                continue
            live = (await db.execute(select(c.vendor_id, c.settled).where(*mine, c.key == key, t.LIVE))).first()
            if live is not None and (key == GROUP_KEY or not live.settled):
                # What is not settled is looked at before anything is repeated.
                continue
            if key != GROUP_KEY:
                # A name of its own, so that a pass ends it, and makes the one that is wanted anew: a second one for the
                # same window, or one whose code nobody knows any more.
                key = f"{key}#{one.observed.vendor_id}"
            query = select(c.ours, c.record, c.name).where(*mine, c.key == key).order_by(c.removed_at.desc())
            former = list((await db.execute(query)).all())
            name = former[0].name if former else await _name(db, source_id, one.member)
        by_hand = (
            key == GROUP_KEY
            and bool(former)
            and not any(one.opens.group in json.loads(row.ours).get("groups", ()) for row in former)
        )
        if source_id is not None and not by_hand:
            record = former[0].record if former else None
            await _write_down(scope, db, one, key, source_id=source_id, name=name, record=record, now=now)
        stays = source_id is None or by_hand
        await journal.raise_item(
            db,
            scope.studio.id,
            code=UNGRANTED,
            subject=subject,
            connection=scope.name,
            text=f"{_who(name, one)} can open {_opens_text(scope, one.opens)} at "
            f"{scope.name}, and the hub has no grant that says so.",
            fix=f"Take it from {one.observed.vendor_id} at {scope.name} by hand, if they should not."
            if stays
            else f"The next pass takes it back or keeps it, as the rules say: `studiohub sync {scope.name}`.",
            weight=0,
            now=now,
        )


def _who(name: str, one: _Standing) -> str:
    return f"{name} ({one.source}:{one.member})" if one.source != "?" else "Somebody whom the hub no longer knows"


def _opens_text(scope: Scope, opens: g.Opens) -> str:
    return scope.rules.name_of(opens.group) if opens.group is not None else scope.rules.names_of(opens.locks)


def _key(one: _Standing) -> str:
    observed = one.observed
    return visit_key(one.opens, observed.valid_from, observed.valid_until) if one.opens.locks else GROUP_KEY


async def _name(db: AsyncConnection, source_id: int, member: str) -> str:
    r = t.record.c
    query = select(r.data).where(r.source_id == source_id, r.kind == "member", r.record_id == member)
    data = (await db.execute(query)).scalar_one_or_none()
    return str(records.decoder("member").decode(data).name) if data is not None else member


async def _write_down(
    scope: Scope,
    db: AsyncConnection,
    one: _Standing,
    key: str,
    *,
    source_id: int,
    name: str,
    record: str | None,
    now: datetime,
) -> None:
    """A grant as it was found. It is unknown until a pass has settled it; that of a person has no start, so that it
    never counts as a window that is running."""
    observed = one.observed
    visit = key != GROUP_KEY
    standing = Wanted(
        opens=one.opens,
        valid_from=observed.valid_from if visit else None,
        valid_until=observed.valid_until if observed.limits else None,
        badges=tuple(g.Badge(number) for number in sorted(observed.badges)),
    )
    await db.execute(
        insert(t.ledger).values(
            id=journal.new_id("g", now),
            studio_id=scope.studio.id,
            target_id=scope.target_id,
            source_id=source_id,
            member=one.member,
            name=name,
            key=key,
            state="unknown",
            settled=False,
            # Both: nobody has asked for its removal yet.
            wanted=encode_wanted(standing),
            applied=encode_wanted(standing),
            opens=msgspec.json.encode(standing.opens).decode(),
            valid_from=standing.valid_from,
            valid_until=standing.valid_until,
            person_id=None if visit else observed.vendor_id,
            vendor_id=observed.vendor_id if visit else None,
            ours=json.dumps(
                {"groups": [one.opens.group] if one.opens.group is not None else [], "badges": sorted(observed.badges)}
            ),
            record=record,
            reason="found at the vendor without a grant",
            reason_code=UNGRANTED,
            created_at=now,
            changed_at=now,
        )
    )
    await mark_dirty(db, scope.target_id, source_id, {one.member})


async def _find_gone(scope: Scope, lease: Lease, seen: set[str], report: Observation, *, by_people: bool) -> None:
    """What the ledger knows and the list did not show: looked at one by one before anything is concluded."""
    c = t.ledger.c
    column = case((c.key == GROUP_KEY, c.person_id), else_=c.vendor_id) if by_people else c.vendor_id
    query = select(c.id, c.source_id, c.member, c.key, column.label("at_vendor")).where(
        c.target_id == scope.target_id,
        c.settled.is_(True),
        c.state == "active",
        column.is_not(None),
        # A visit that is over may no longer be listed.
        or_(c.key == GROUP_KEY, c.valid_until.is_(None), c.valid_until > scope.connection.clock.now()),
    )
    async with scope.database.read() as db, db.stream(query) as stream:
        missing = [row async for row in stream if row.at_vendor not in seen]
    for row in missing:
        try:
            found = [
                observed
                async for page in scope.plugins.read(scope.connection, "observe_access", only=[row.at_vendor])
                for observed in page
            ]
        except NotFound:
            found = []
        if found:
            await _compare_page(scope, lease, found, report, by_people=by_people)
            continue
        report.gone += 1
        async with scope.database.write() as db:
            await lease.check(db)
            await db.execute(
                update(t.ledger).where(c.id == bindparam("row")).values(drift="it is gone"), [{"row": row.id}]
            )
            if by_people and row.key == GROUP_KEY:
                await forget_people(db, scope.target_id, [(row.source_id, row.member)])
            await mark_dirty(db, scope.target_id, row.source_id, {row.member})
