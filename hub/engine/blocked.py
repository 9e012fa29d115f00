"""Who is blocked although a row says so, in the inbox: one line for each reason, with how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.reconcile.plan import Action, Plan
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry
from hub.studio.model import Row
from hub.studio.openings import unknown_openings
from hub.words import counted

if TYPE_CHECKING:
    from hub.core import Hub

__all__ = ["BLOCKED", "blocked_by_agenda", "blocked_in", "tell_blocked"]

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

SHOWN = 3


def blocked_in(plan: Plan) -> Mapping[str, int]:
    """How many people a plan finds blocked, by the code of what blocks them. The plan has to be of everybody."""
    return Counter(note for note, _ in {(line.note, line.ref) for line in plan.of(Action.BLOCKED) if line.note})


async def blocked_by_agenda(db: AsyncConnection, target_id: int) -> Mapping[str, int]:
    """The same, as the last passes over a target left it."""
    a = t.agenda.c
    query = select(a.note, func.count()).where(a.target_id == target_id, a.note.in_(BLOCKED)).group_by(a.note)
    found: dict[str, int] = dict((await db.execute(query)).all())
    return found


async def tell_blocked(
    hub: Hub, db: AsyncConnection, row: registry.ConnectionRow, counts: Mapping[str, int], now: datetime
) -> bool:
    """Bring the inbox in line with who is blocked at a target; returns whether a line is new."""
    new = False
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
