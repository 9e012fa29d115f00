"""Making a plan: which members to look at, what is decided about each, and whether the sum is safe."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

import msgspec
from sqlalchemy import and_, bindparam, except_, func, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.decide import GROUP_KEY, Facts, decide
from hub.access.doors import references
from hub.access.reasons import Reason
from hub.ingest.read import mark_dirty
from hub.reconcile.diff import Held, LedgerRow, diff, encode_wanted, ledger_columns
from hub.reconcile.plan import Action, Change, Plan, Resting, Stay, in_order, with_one_stamp
from hub.reconcile.scope import Scope
from hub.reconcile.visits import diff_visits
from hub.store import among
from hub.store import tables as t
from hub.store.plans import approved_since

__all__ = ["Planned", "make_plan"]

CHUNK = 2000
AS_IT_IS = Held(None)
APPROVAL_LASTS = timedelta(hours=24)
"""So long an approval holds that could not be carried out: the vendor was down, or this process gone."""
_SETTLING_NOTES = ("held", "running_window")


@dataclass(frozen=True)
class Planned:
    """A plan with what the agenda needs once it is carried out."""

    plan: Plan
    stays: Sequence[Stay]
    resting: Sequence[Resting] = ()


async def make_plan(
    scope: Scope,
    *,
    now: datetime,
    full: bool,
    retry: bool = False,
    pressing: bool = False,
    approved: Collection[str] = (),
    preview: bool = False,
    progress: Callable[[int], None] = lambda done: None,
) -> Planned:
    """Decide about every member on the agenda (`full`: about everybody; `pressing`: about those only who are) and
    compare with the ledger.

    Changes nothing. `approved` are the identities of lines that an admin let through; they are neither counted nor
    held. `retry` takes records up again that were set aside. `preview`: the scope has rules that are not saved, so that
    nothing at all is written down, not even whom they would put on the agenda.
    """
    changes: list[Change] = []
    stays: list[Stay] = []
    resting: list[Resting] = []
    done = 0
    scope.readers.clear()
    visits = scope.visits = scope.rules.doors or await _any_visit(scope)
    relinked = await _relinked(scope)
    if not preview:
        await _mark_relinked(scope, relinked)
        if full:
            await _complete_agenda(scope)
    unmarked = frozenset(grant_id for found in relinked.values() for grant_id in found) if preview else frozenset()
    if full:
        for source_id in scope.sources:
            async with scope.database.read() as db:
                await scope.reader(source_id).prepare_for_all(db)
    async for agenda in _agenda(scope, now=now, full=full, retry=retry, pressing=pressing):
        for source_id, group in groupby(agenda, key=lambda row: row.source_id):
            rows = {row.member: row for row in group}
            lines, still, moved = await _members(
                scope, source_id, rows, now=now, retry=retry, visits=visits, relinked=unmarked
            )
            changes += lines
            stays += still
            resting += moved
            done += len(rows)
            progress(done)
    async with scope.database.read() as db:
        owned = await _owned(db, scope.target_id)
        changes = with_one_stamp(await _hold(scope, db, in_order(changes), owned, frozenset(approved), now))
    touched = len({change.grant_id for change in changes if change.grant_id and change.action is not Action.BLOCKED})
    plan = Plan(
        target=scope.name,
        target_id=scope.target_id,
        made_at=now,
        changes=changes,
        unchanged=max(0, owned - touched),
        owned=owned,
        full=full,
    )
    return Planned(plan, stays, resting)


async def _agenda(
    scope: Scope, *, now: datetime, full: bool, retry: bool, pressing: bool
) -> AsyncIterator[Sequence[Any]]:
    """The agenda rows to work on, in chunks ordered by source and member."""
    a, row = t.agenda.c, t.ledger.c
    base = select(a.source_id, a.member, a.stamp, a.due_at, a.note).where(a.target_id == scope.target_id)
    if pressing:
        query = base.where(a.stamp.is_not(None), a.stamp < 0).order_by(a.source_id, a.member)
        async with scope.database.read() as db:
            yield [row for row in await db.execute(query) if row.source_id in scope.sources]
        return
    if not full:
        unsettled = select(row.source_id, row.member).where(row.target_id == scope.target_id, row.settled.is_(False))
        if not retry:
            unsettled = unsettled.where(or_(row.next_try_at.is_(None), row.next_try_at <= now))
        async with scope.database.read() as db:
            waiting = {tuple(found) for found in await db.execute(unsettled)}
            rows: dict[tuple[int, str], Any] = {}
            # One query each, because each has an index of its own.
            for why in (a.stamp.is_not(None), a.due_at <= now, a.note.in_(_SETTLING_NOTES)):
                rows |= {(found.source_id, found.member): found for found in await db.execute(base.where(why))}
            for part in _parts(sorted(waiting - rows.keys())):
                query = base.where(tuple_(a.source_id, a.member).in_(part))
                rows |= {(found.source_id, found.member): found for found in await db.execute(query)}
        ordered = [rows[key] for key in sorted(rows) if key[0] in scope.sources]
        for start in range(0, len(ordered), CHUNK):
            yield ordered[start : start + CHUNK]
        return
    last: tuple[int, str] | None = None
    while True:
        query = base.where(a.source_id.in_(scope.sources)).order_by(a.source_id, a.member).limit(CHUNK)
        if last is not None:
            query = query.where(or_(a.source_id > last[0], and_(a.source_id == last[0], a.member > last[1])))
        async with scope.database.read() as db:
            chunk = (await db.execute(query)).all()
        if chunk:
            yield chunk
        if len(chunk) < CHUNK:
            return
        last = (chunk[-1].source_id, chunk[-1].member)


_ANOTHER = "another person is linked"


async def _relinked(scope: Scope) -> dict[int, dict[str, str]]:
    """The grants of members for whom an admin has named another person than the one who holds them: for each source,
    the member by the grant's id."""
    grants: dict[int, dict[str, str]] = {}
    by_source: dict[str, list[str]] = {}
    for ref in scope.rules.links:
        source, _, member = ref.partition(":")
        by_source.setdefault(source, []).append(member)
    link, row = t.link.c, t.ledger.c
    for source_id, source in scope.sources.items():
        names = by_source.get(source, [])
        if not names:
            continue
        async with scope.database.read() as db:
            query = select(link.member, link.vendor_id).where(
                link.target_id == scope.target_id, link.source_id == source_id, among(link.member, names, db)
            )
            linked = dict((await db.execute(query.where(link.vendor_id.is_not(None)))).all())
            moved = {name for name, person in linked.items() if scope.rules.links[f"{source}:{name}"] != person}
            standing = (row.target_id == scope.target_id, row.source_id == source_id, row.settled.is_(True), t.LIVE)
            ours = (row.key == GROUP_KEY, row.drift.is_(None), among(row.member, moved, db))
            query = select(row.id, row.member).where(*standing, *ours)
            found = (await db.execute(query)).all() if moved else []
        if found:
            grants[source_id] = {grant.id: grant.member for grant in found}
    return grants


async def _mark_relinked(scope: Scope, grants: Mapping[int, Mapping[str, str]]) -> None:
    for source_id, found in grants.items():
        async with scope.database.write() as db:
            marked = update(t.ledger).where(t.ledger.c.id == bindparam("one")).values(drift=_ANOTHER)
            await db.execute(marked, [{"one": grant_id} for grant_id in found])
            await mark_dirty(db, scope.target_id, source_id, set(found.values()))


async def _complete_agenda(scope: Scope) -> None:
    """Put everybody on the agenda whom the records or the ledger know and who is not on it. There should be nobody: a
    full plan is what proves it, so it can't take the agenda's word."""
    a, r, c = t.agenda.c, t.record.c, t.ledger.c
    for source_id in scope.sources:
        on_it = select(a.member).where(a.target_id == scope.target_id, a.source_id == source_id)
        known = (
            select(r.owner).where(r.source_id == source_id, r.owner.is_not(None)),
            select(c.member).where(c.target_id == scope.target_id, c.source_id == source_id, t.LIVE),
        )
        async with scope.database.read() as db:
            members = {member for every in known for member in (await db.execute(except_(every, on_it))).scalars()}
        # Nearly always nobody: then nothing is written at all.
        if members:
            async with scope.database.write() as db:
                await mark_dirty(db, scope.target_id, source_id, members)


def _parts(keys: Sequence[Any]) -> list[Sequence[Any]]:
    return [keys[start : start + CHUNK] for start in range(0, len(keys), CHUNK)]


async def _members(
    scope: Scope,
    source_id: int,
    agenda: dict[str, Any],
    *,
    now: datetime,
    retry: bool,
    visits: bool,
    relinked: frozenset[str],
) -> tuple[list[Change], list[Stay], list[Resting]]:
    """The lines of these members. `visits`: somebody has, or may get, a window on a door here. `relinked`: grants that
    another person is to hold, where the ledger does not say so."""
    members = list(agenda)
    async with scope.database.read() as db:
        facts = await scope.reader(source_id).read(db, members, now=now)
        standing = await _standing(db, scope.target_id, source_id, members)
        decisions = {member: decide(known, scope.rules, now, scope.zone) for member, known in facts.items()}
        differ = [
            member
            for member, decision in decisions.items()
            if decision.wanted is None
            or (stands := standing.get(member)) is None
            or stands.applied != encode_wanted(decision.wanted)
            or stands.id in relinked
        ]
        ledger = await load_ledger(db, scope.target_id, source_id, differ) if differ else {}
        for key, row in ledger.items() if relinked else ():
            if row.id in relinked:
                ledger[key] = msgspec.structs.replace(row, drift=_ANOTHER)
        at_doors = await load_visits(db, scope.target_id, source_id, members) if visits else {}
        await _find_handed_on(scope, db, source_id, at_doors, facts)
    lines = {
        member: diff(
            decisions[member],
            ledger.get((member, GROUP_KEY)),
            facts[member],
            scope.rules,
            now,
            scope.zone,
            retry=retry,
        )
        for member in differ
    }
    changes: list[Change] = []
    stays: list[Stay] = []
    resting: list[Resting] = []
    for member, entry in agenda.items():
        decision, line = decisions[member], lines.get(member, AS_IT_IS)
        held = [line] if isinstance(line, Held) else []
        mine = [line] if isinstance(line, Change) else []
        due = [decision.due_at]
        if visits:
            more = diff_visits(at_doors.get(member, ()), facts[member], scope.rules, now, scope.zone, retry=retry)
            mine, held, resting = [*mine, *more.changes], [*held, *more.held], [*resting, *more.resting]
            due.append(more.due_at)
        due += [one.due_at for one in mine]
        due += [one.due_at for one in held]
        due_at = min((at for at in due if at is not None), default=None)
        note = next((code for code in (*(one.note for one in mine), *(one.code for one in held)) if code), None)
        if mine:
            changes += [
                msgspec.structs.replace(one, source_id=source_id, stamp=entry.stamp, due_at=due_at, note=note)
                for one in mine
            ]
        elif entry.stamp is not None or entry.note != note or entry.due_at != due_at:
            stays.append(Stay(source_id, member, entry.stamp, due_at, note))
        stands = standing.get(member)
        if (
            member not in lines
            and stands is not None
            and (stands.record, stands.rule) != (decision.record, decision.rule)
        ):
            resting.append(Resting(stands.id, decision.record, decision.rule))
    return changes, stays, resting


async def _find_handed_on(
    scope: Scope,
    db: AsyncConnection,
    source_id: int,
    at_doors: Mapping[str, Sequence[LedgerRow]],
    facts: dict[str, Facts],
) -> None:
    """Note which bookings that members have visits for are somebody else's now: that is no loss of a record."""
    lost: dict[str, list[Facts]] = {}
    for member, rows in at_doors.items():
        known = facts[member]
        own = {booking.id for booking in known.bookings} | {booking.id for booking, _ in known.gone_bookings}
        for row in rows:
            for kind, name in references(row.record or ""):
                if kind == "booking" and name not in own:
                    lost.setdefault(name, []).append(known)
    for name in await scope.reader(source_id).handed_on(db, sorted(lost)):
        for known in lost[name]:
            known.handed_on |= {name}


async def _standing(db: AsyncConnection, target_id: int, source_id: int, members: Sequence[str]) -> dict[str, Any]:
    """What the settled grants of these members are, by member: all that is needed to see that nothing is to be done,
    which is so for nearly everybody."""
    c = t.ledger.c
    query = select(c.member, c.applied, c.record, c.rule, c.id).where(
        c.target_id == target_id,
        c.source_id == source_id,
        among(c.member, members, db),
        c.key == GROUP_KEY,
        t.LIVE,
        c.settled.is_(True),
        c.drift.is_(None),
    )
    return {row.member: row for row in await db.execute(query)}


async def _any_visit(scope: Scope) -> bool:
    """Whether a window on a door stands there although no rule gives any."""
    c = t.ledger.c
    query = select(c.id).where(c.target_id == scope.target_id, c.key != GROUP_KEY, t.LIVE).limit(1)
    async with scope.database.read() as db:
        return (await db.execute(query)).first() is not None


async def load_visits(
    db: AsyncConnection, target_id: int, source_id: int, members: Sequence[str]
) -> dict[str, list[LedgerRow]]:
    """The live visits of these members at a target, by member."""
    c = t.ledger.c
    query = select(*ledger_columns()).where(
        c.target_id == target_id,
        c.source_id == source_id,
        among(c.member, members, db),
        c.key != GROUP_KEY,
        t.LIVE,
    )
    found: dict[str, list[LedgerRow]] = {}
    for row in (await db.execute(query)).all():
        found.setdefault(row.member, []).append(LedgerRow(*row))
    return found


async def load_ledger(
    db: AsyncConnection, target_id: int, source_id: int, members: Sequence[str]
) -> dict[tuple[str, str], LedgerRow]:
    """The live grants of these members at a target, by member and key."""
    c = t.ledger.c
    query = select(*ledger_columns()).where(
        c.target_id == target_id, c.source_id == source_id, among(c.member, members, db), t.LIVE
    )
    rows = [LedgerRow(*row) for row in (await db.execute(query)).all()]
    return {(row.member, row.key): row for row in rows}


async def _owned(db: AsyncConnection, target_id: int) -> int:
    """How many grants the hub has at a target. Two counts that indexes answer: one over the table would make every
    small pass pay for a large studio."""
    c = t.ledger.c
    live = select(func.count()).select_from(t.ledger).where(c.target_id == target_id, t.LIVE)
    nothing_there = select(func.count()).where(
        c.target_id == target_id,
        c.settled.is_(False),
        c.state.in_(("requested", "failed")),
        c.applied.is_(None),
        c.person_id.is_(None),
        c.vendor_id.is_(None),
    )
    return int((await db.execute(live)).scalar_one()) - int((await db.execute(nothing_there)).scalar_one())


async def _hold(
    scope: Scope, db: AsyncConnection, changes: list[Change], owned: int, approved: frozenset[str], now: datetime
) -> list[Change]:
    """Hold what takes access away by surprise, where it is more than the target allows. What it gives goes through."""
    limit = scope.options.hold_removals_above

    def too_many(surprises: list[Change]) -> bool:
        return len(surprises) > limit.count and len(surprises) * 100 > limit.percent * owned

    surprises = [change for change in changes if change.surprise and change.identity not in approved]
    if not too_many(surprises):
        return changes
    let_through = await approved_since(db, scope.target_id, now - APPROVAL_LASTS)
    surprises = [change for change in surprises if change.identity not in let_through]
    if not too_many(surprises):
        return changes
    held = {id(change) for change in surprises}
    values = {
        "target": scope.name,
        "count": str(len(surprises)),
        "limit": f"{limit.count} and {limit.percent:g} % of {owned}",
    }
    found: list[Change] = []
    for change in changes:
        if id(change) not in held:
            found.append(change)
            continue
        if change.gain is not None:
            found.append(msgspec.structs.replace(change, after=change.gain, gain=None, surprise=False, note="held"))
        reason = Reason("held", {**change.reason.values, **values, "why": change.reason.text})
        found.append(
            msgspec.structs.replace(
                change, action=Action.HELD, would=change.action, gain=None, reason=reason, note="held"
            )
        )
    return found
