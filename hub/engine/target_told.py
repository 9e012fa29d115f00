"""What is told about a pass over a target: run, sync log, inbox, observers."""

from __future__ import annotations

import json
from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.engine.blocked import blocked_by_agenda, blocked_in, tell_blocked
from hub.engine.closing import close_run, tell_finished
from hub.engine.lanes import Lease
from hub.engine.steps import Steps
from hub.engine.unmapped import tell_mapping
from hub.http import Counters
from hub.reconcile.plan import Action
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry
from hub.words import counted

if TYPE_CHECKING:
    from hub.core import Hub
    from hub.engine.target_result import TargetRun

__all__ = ["close_target_run"]


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
            fix=f"Look: `studiohub plan {row.name}`. If it is right: `studiohub approve {result.last.id}`. In the "
            "terminal UI: p, then L.",
            weight=1,
            now=now,
        )
    await journal.solve_all_but(db, studio, code="held", connection=row.name, keep=held, now=now)
    new |= await _blocked(hub, db, row, result, now)
    new |= await _waiting_inbox(hub, db, row, now)
    if result.plan is not None and result.plan.full and hub.plugins[row.plugin].kind == "lock":
        new |= await tell_mapping(db, hub.the_studio, hub.plugins, now)
    return new


async def _blocked(
    hub: Hub, db: AsyncConnection, row: registry.ConnectionRow, result: TargetRun, now: datetime
) -> bool:
    if row.options is not None and row.options.policy == "observe":
        # Nothing is applied, so the agenda says nothing; a plan that looked at everybody does.
        if result.plan is None or not result.plan.full:
            return False
        return await tell_blocked(hub, db, row, blocked_in(result.plan), now)
    if result.chosen:
        # What was left out keeps its old note; who is blocked was told when the plan was made.
        return False
    return await tell_blocked(hub, db, row, await blocked_by_agenda(db, row.id), now)


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
