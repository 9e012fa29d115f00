"""Reading back what stands at a target, and comparing it with the ledger.

What differs is marked as drift, so the next plan puts it right and says so. What was made by hand is never touched:
only rows that the ledger knows are compared. A marker of ours on something that the ledger doesn't know is a find: it
is linked where the member has no link yet, and reported where the member has another.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub.access.decide import Wanted, moment_text
from hub.connection import read_marker
from hub.engine.lanes import Lease
from hub.errors import NotFound
from hub.ingest.read import mark_dirty
from hub.plugins import Ability
from hub.reconcile.diff import decode_wanted
from hub.reconcile.ledger import forget_people, save_links
from hub.reconcile.scope import Scope
from hub.store import among, journal, upsert
from hub.store import tables as t

__all__ = ["Observation", "observe", "read_openings"]


@dataclass
class Observation:
    """What a look at the vendor found."""

    seen: int = 0
    drifted: int = 0
    gone: int = 0
    found: int = 0
    duplicates: list[str] = field(default_factory=list)


async def read_openings(scope: Scope, *, lease: Lease) -> dict[str, str]:
    """Read the groups and locks of the target and keep them; returns the groups by id."""
    openings: Sequence[g.Opening] = await scope.plugins.call(scope.connection, "list_openings")
    now = scope.connection.clock.now()
    async with scope.database.write() as db:
        await lease.check(db)
        known = select(t.opening.c.kind, t.opening.c.opening_id).where(t.opening.c.target_id == scope.target_id)
        gone = {tuple(row) for row in await db.execute(known)} - {(o.kind, o.id) for o in openings}
        await upsert(
            db,
            t.opening,
            [
                {
                    "target_id": scope.target_id,
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
                    t.opening.c.target_id == scope.target_id,
                    t.opening.c.kind == kind,
                    t.opening.c.opening_id == opening_id,
                )
            )
    return {opening.id: opening.name for opening in openings if opening.kind == "group"}


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
    return report


async def _compare_page(
    scope: Scope, lease: Lease, page: Sequence[g.Observed], report: Observation, *, by_people: bool
) -> None:
    ids = [observed.vendor_id for observed in page]
    async with scope.database.read() as db:
        rows = await _ledger_rows(db, scope.target_id, ids, by_people=by_people)
        linked = await _links(db, scope.target_id, ids) if by_people else {}
    drifts: list[tuple[Any, str]] = []
    finds: list[tuple[str, str, g.Observed]] = []
    notes: list[tuple[Any, g.Note]] = []
    for observed in page:
        row = rows.get(observed.vendor_id)
        if row is not None:
            what = _difference(scope, row, observed)
            if what is not None and row.drift != what:
                drifts.append((row, what))
            notes += [(row, note) for note in observed.notes]
        if by_people and observed.vendor_id not in linked and observed.marker:
            marker = read_marker(observed.marker)
            if marker is not None and marker[0] == scope.connection.instance:
                finds.append((marker[1], marker[2], observed))
    if not (drifts or finds or notes):
        return
    now = scope.connection.clock.now()
    async with scope.database.write() as db:
        await lease.check(db)
        for row, what in drifts:
            report.drifted += 1
            await db.execute(update(t.ledger).where(t.ledger.c.id == row.id).values(drift=what))
            await mark_dirty(db, scope.target_id, row.source_id, {row.member})
        for source, member, observed in finds:
            await _take_find(scope, db, source, member, observed, report, now)
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


async def _ledger_rows(db: AsyncConnection, target_id: int, ids: Sequence[str], *, by_people: bool) -> dict[str, Any]:
    c = t.ledger.c
    column = c.person_id if by_people else c.vendor_id
    query = select(c.id, c.source_id, c.member, c.applied, c.drift, column.label("at_vendor")).where(
        c.target_id == target_id, among(column, ids, db), c.settled.is_(True), c.state == "active"
    )
    return {row.at_vendor: row for row in await db.execute(query)}


async def _links(db: AsyncConnection, target_id: int, ids: Sequence[str]) -> dict[str, Any]:
    c = t.link.c
    query = select(c.vendor_id, c.source_id, c.member).where(c.target_id == target_id, among(c.vendor_id, ids, db))
    return {row.vendor_id: row for row in await db.execute(query)}


def _difference(scope: Scope, row: Any, observed: g.Observed) -> str | None:
    """What the vendor holds that is not what the hub last made there; None where they agree."""
    if row.applied is None:
        return None
    applied: Wanted = decode_wanted(row.applied)
    parts: list[str] = []
    marker = scope.connection.marker(f"{scope.sources.get(row.source_id)}:{row.member}")
    if observed.marker != marker:
        parts.append("the hub's marker is gone")
    if not observed.alive:
        parts.append("access is blocked there")
    if observed.opens != applied.opens:
        parts.append(f"{observed.opens or 'nothing'} instead of {applied.opens}")
    if observed.limits and observed.valid_until != applied.valid_until:
        there = moment_text(observed.valid_until, scope.zone) or "open end"
        parts.append(f"until {there} instead of {moment_text(applied.valid_until, scope.zone) or 'open end'}")
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
) -> None:
    """Something with our marker that no link knows: a create whose answer was lost, or a database from a backup."""
    source_id = next((key for key, name in scope.sources.items() if name == source), None)
    if source_id is None:
        return
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
        return
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


async def _find_gone(scope: Scope, lease: Lease, seen: set[str], report: Observation, *, by_people: bool) -> None:
    """What the ledger knows and the list did not show: looked at one by one before anything is concluded."""
    c = t.ledger.c
    column = c.person_id if by_people else c.vendor_id
    query = select(c.id, c.source_id, c.member, column.label("at_vendor")).where(
        c.target_id == scope.target_id, c.settled.is_(True), c.state == "active", column.is_not(None)
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
            if by_people:
                await forget_people(db, scope.target_id, [(row.source_id, row.member)])
            await mark_dirty(db, scope.target_id, row.source_id, {row.member})
