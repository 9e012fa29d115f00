"""What is told about a pass over a target: run, sync log, inbox, observers."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.engine.closing import close_run, tell_finished
from hub.engine.lanes import Lease
from hub.engine.steps import Steps
from hub.engine.unmapped import tell_unmapped, tell_unmatched
from hub.http import Counters
from hub.reconcile.plan import Action
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry
from hub.studio.model import Row
from hub.studio.openings import unknown_openings
from hub.words import counted

if TYPE_CHECKING:
    from hub.core import Hub
    from hub.engine.target_result import TargetRun

__all__ = ["BLOCKED", "close_target_run"]


async def close_target_run(
    hub: Hub,
    row: registry.ConnectionRow,
    result: TargetRun,
    *,
    lease: Lease,
    calls: Counters | None,
    quiet: bool,
    steps: Steps,
) -> None:
    """Write down how a pass over a target ended, and tell whoever wants to know."""
    now, studio = hub.clock.now(), hub.the_studio
    counts = {**result.applied, "failed": len(result.failed), "held": result.held}
    if result.last is not None:
        counts |= {"blocked": result.last.counts["blocked"], "unchanged": result.last.counts["unchanged"]}
    lines: list[journal.LogLine] = []
    if result.held and result.last is not None:
        text = f"{_removals_are(result.held)} held (plan {result.last.id})"
        lines.append(
            {"run_id": result.run_id, "connection": row.name, "level": "warning", "code": "held", "text": text}
        )
    seen = result.observation
    told = await steps.ended(well=result.error is None)
    async with hub.database.write() as db:
        await lease.check(db)
        new_items = await _inbox(hub, db, row, result, now)
        kept = await close_run(
            db,
            studio.id,
            result.run_id,
            connection=row.name,
            connection_id=row.id,
            state=result.state,
            now=now,
            counts=counts,
            calls=calls,
            error=result.error,
            lines=lines,
            news=new_items
            or bool(result.applied or result.failed)
            or (seen is not None and seen.drifted + seen.gone + seen.found > 0),
            quiet=quiet,
            steps=told,
        )
    if kept:
        await tell_finished(hub, result.run_id, row.name, result.state, counts)


async def _inbox(hub: Hub, db: AsyncConnection, row: registry.ConnectionRow, result: TargetRun, now: datetime) -> bool:
    """Bring the inbox up to date; returns whether something is new."""
    studio = hub.the_studio.id
    new = False
    if result.error is not None:
        new |= await journal.raise_item(
            db,
            studio,
            code="target_failed",
            subject=row.name,
            connection=row.name,
            text=str(result.error),
            fix=result.error.fix or f"`studiohub verify {row.name}` says more.",
            weight=1,
            now=now,
        )
    else:
        await journal.solve(db, studio, code="target_failed", subject=row.name, now=now)
    if result.last is None or result.partial:
        return new
    held = {row.name} if result.held else set()
    if result.held:
        names = [change.name for change in result.last.of(Action.HELD)[:3]]
        more = f" and {result.held - len(names)} more" if result.held > len(names) else ""
        new |= await journal.raise_item(
            db,
            studio,
            code="held",
            subject=row.name,
            connection=row.name,
            text=f"{_removals_are(result.held, f' at {row.name}')} held: {', '.join(names)}{more}. "
            "Nobody has lost access.",
            fix=f"Look: `studiohub plan {row.name}`. If it is right: `studiohub approve {result.last.id}`.",
            weight=1,
            now=now,
        )
    await journal.solve_all_but(db, studio, code="held", connection=row.name, keep=held, now=now)
    new |= await _blocked_inbox(hub, db, row, result, now)
    new |= await _waiting_inbox(hub, db, row, now)
    if result.plan is not None and result.plan.full and hub.plugins[row.plugin].kind == "lock":
        new |= await tell_unmapped(hub, db, now)
        new |= await tell_unmatched(db, hub.the_studio, now)
    return new


def _removals_are(number: int, where: str = "") -> str:
    return f"{counted(number, 'removal')}{where} {'is' if number == 1 else 'are'}"


async def _waiting_inbox(hub: Hub, db: AsyncConnection, row: registry.ConnectionRow, now: datetime) -> bool:
    """One line for each thing that grants wait for and that somebody can do something about; returns whether one is
    new."""
    c = t.ledger.c
    query = select(c.error).where(
        c.target_id == row.id, c.settled.is_(False), c.state == "requested", c.error.is_not(None)
    )
    details = [json.loads(text) for text in (await db.execute(query)).scalars()]
    waiting = Counter((detail["what"], detail["fix"]) for detail in details if detail["fix"])
    new = False
    keep = set()
    for (what, fix), count in waiting.items():
        subject = f"{row.name}: {what}"
        keep.add(subject)
        new |= await journal.raise_item(
            db,
            hub.the_studio.id,
            code="waiting",
            subject=subject,
            connection=row.name,
            text=f"{counted(count, 'grant')} at {row.name} {'waits' if count == 1 else 'wait'}: {what}.",
            fix=fix,
            weight=3,
            now=now,
        )
    await journal.solve_all_but(db, hub.the_studio.id, code="waiting", connection=row.name, keep=keep, now=now)
    return new


BLOCKED = {
    "no_badge": (
        "{people} with a valid pass but without a badge",
        "Assign badges at the source; access comes by itself then.",
    ),
    "badge_twice": ("{people} with a badge number that somebody else has too", "Correct the numbers at the source."),
    "opening_missing": (
        "{people} whose mapping row names {missing}, which {target} does not have",
        "`studiohub openings {target}` lists what it has: correct the mapping rows, or make it at {target}.",
    ),
}
"""What blocks people, told once for all of them: a sentence and what to do."""


async def _blocked_inbox(
    hub: Hub, db: AsyncConnection, row: registry.ConnectionRow, result: TargetRun, now: datetime
) -> bool:
    """One line for each reason that blocks people, with how many; returns whether one is new."""
    new = False
    counts: dict[str, int]
    if row.options is not None and row.options.policy == "observe":
        # Nothing is applied, so the agenda says nothing; a plan that looked at everybody does.
        if result.plan is None or not result.plan.full:
            return False
        blocked = {(change.note, change.ref) for change in result.plan.of(Action.BLOCKED) if change.note}
        counts = Counter(note for note, _ in blocked)
    else:
        a = t.agenda.c
        query = select(a.note, func.count()).where(a.target_id == row.id, a.note.in_(BLOCKED)).group_by(a.note)
        counts = dict((await db.execute(query)).all())
    missing = await _missing(hub, db, row) if counts.get("opening_missing") else ""
    for code, (text, fix) in BLOCKED.items():
        subject, count = f"{row.name}: {code}", counts.get(code, 0)
        if not count:
            await journal.solve(db, hub.the_studio.id, code=code, subject=subject, now=now)
            continue
        new |= await journal.raise_item(
            db,
            hub.the_studio.id,
            code=code,
            subject=subject,
            connection=row.name,
            text=f"{text.format(people=counted(count, 'member'), target=row.name, missing=missing)}.",
            fix=fix.format(target=row.name),
            weight=4,
            now=now,
        )
    return new


async def _missing(hub: Hub, db: AsyncConnection, row: registry.ConnectionRow) -> str:
    """The groups and locks that mapping rows name and that this target does not have."""
    rows: dict[str, list[Row]] = {}
    for stored in await registry.mapping_rows(db, hub.the_studio, target=row.name):
        rows.setdefault(stored.kind, []).append(stored.row)
    found = await unknown_openings(db, hub.the_studio, rows)
    parts = []
    for what in ("group", "lock"):
        names = list(dict.fromkeys(repr(one.name) for one in found if one.what == what))
        more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
        parts += [f"the {what if len(names) == 1 else f'{what}s'} {', '.join(names[:SHOWN])}{more}"] if names else []
    return " and ".join(parts) or "a group or lock"


SHOWN = 3
