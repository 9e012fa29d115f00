"""Who is blocked although a row says so, in the inbox: one line for each reason, with how many."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.access.decide import GROUP_KEY
from hub.reconcile.plan import Action, Plan
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry
from hub.studio.model import Row
from hub.studio.openings import unknown_openings
from hub.words import counted

if TYPE_CHECKING:
    from hub.core import Hub
    from hub.plugins import Plugins, Unset

__all__ = ["BLOCKED", "badges_unread", "blocked_by_agenda", "blocked_in", "tell_blocked"]

BLOCKED = {
    "no_badge": (
        "{people} with a valid pass but without a badge",
        "Assign badges at the source; access comes by itself then.",
    ),
    "badges_unread": (
        "{count} of {all} members with a valid pass have no badge here: no field for badges is set at {sources}",
        "Fill in {where}, then sync.",
    ),
    "badge_twice": ("{people} with a badge number that somebody else has too", "Correct the numbers at the source."),
    "opening_missing": (
        "{people} whose mapping row names {missing}, which {target} does not have",
        "`studiohub openings {target}` lists what it has: correct the mapping rows, or make it at {target}.",
    ),
}
"""What blocks people, told once for all of them: a sentence and what to do."""

SHOWN = 3


Counts = Mapping[tuple[str, int], int]
"""How many people are blocked, by the code of what blocks them and the source that they are of."""


def badges_unread(plugins: Plugins, rows: Iterable[registry.ConnectionRow]) -> dict[str, Unset]:
    """The sources whose badges are not read, because a setting is empty that says where they stand."""
    found = {}
    for row in rows:
        plugin = plugins.loaded.get(row.plugin) if row.options is None else None
        if plugin is not None and (unset := plugin.unset_for("badge", row.settings)) is not None:
            found[row.name] = unset
    return found


def blocked_in(plan: Plan) -> Counts:
    """Whom a plan finds blocked. The plan has to be of everybody."""
    people = {(line.note, line.source_id, line.member) for line in plan.of(Action.BLOCKED) if line.note}
    return Counter((note, source_id) for note, source_id, _ in people)


async def blocked_by_agenda(db: AsyncConnection, target_id: int) -> Counts:
    """The same, as the last passes over a target left it."""
    a = t.agenda.c
    query = (
        select(a.note, a.source_id, func.count())
        .where(a.target_id == target_id, a.note.in_(BLOCKED))
        .group_by(a.note, a.source_id)
    )
    return {(note, source_id): count for note, source_id, count in await db.execute(query)}


async def tell_blocked(
    hub: Hub, db: AsyncConnection, row: registry.ConnectionRow, counts: Counts, now: datetime
) -> bool:
    """Bring the inbox in line with who is blocked at a target; returns whether a line is new."""
    new = False
    by_code: Counter[str] = Counter()
    for (code, _), count in counts.items():
        by_code[code] += count
    missing = await _missing(hub, db, row) if by_code["opening_missing"] else ""
    for code, (text, fix) in BLOCKED.items():
        subject, count = f"{row.name}: {code}", by_code[code]
        if not count:
            await journal.solve(db, hub.the_studio.id, code=code, subject=subject, now=now)
            continue
        values = {"people": counted(count, "member"), "target": row.name, "missing": missing}
        if code == "badges_unread":
            values |= await _unread(hub, db, row, counts)
        new |= await journal.raise_item(
            db,
            hub.the_studio.id,
            code=code,
            subject=subject,
            connection=row.name,
            text=f"{text.format_map(values)}.",
            fix=fix.format_map(values),
            weight=4,
            now=now,
        )
    return new


async def _unread(hub: Hub, db: AsyncConnection, row: registry.ConnectionRow, counts: Counts) -> dict[str, str]:
    """Of how many members, where the field is missing, and where to fill it in. Who is of such a source has a badge
    only where it was read before."""
    every = await registry.connections(db, hub.the_studio)
    unset = badges_unread(hub.plugins, every)
    sources = {one.id: one.name for one in every if one.name in unset and ("badges_unread", one.id) in counts}
    c = t.ledger.c
    mine = (c.target_id == row.id, c.source_id.in_(sources), c.key == GROUP_KEY)
    given = (await db.execute(select(func.count()).where(*mine, c.wanted.is_not(None), t.LIVE))).scalar_one()
    where = [
        f'"{unset[name].label}" under Vendors → {name}, More settings (in the studio file: {unset[name].name})'
        for name in sources.values()
    ]
    return {
        "count": f"{sum(counts['badges_unread', source] for source in sources):,}",
        "all": f"{sum(count for (_, source), count in counts.items() if source in sources) + given:,}",
        "sources": " and ".join(sources.values()),
        "where": "; ".join(where),
    }


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
