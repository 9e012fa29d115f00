"""What an edit of mapping rows would do, counted on the members that there are."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

from hub.access.decide import Wanted
from hub.core import Hub
from hub.look.grants import opening_names, opens_text
from hub.reconcile.plan import Action, Change, Plan, opens_json
from hub.studio.model import Row

__all__ = ["Effect", "Effects", "effects_of"]


@dataclass(frozen=True)
class Effect:
    """One kind of change, with how many people it is for."""

    action: str
    text: str
    count: int


@dataclass(frozen=True)
class Effects:
    """What would be done, most first, and for how many nothing changes."""

    lines: tuple[Effect, ...] = ()
    stay: int = 0
    targets: tuple[str, ...] = ()

    @property
    def changes(self) -> int:
        """How many changes there are."""
        return sum(line.count for line in self.lines)


async def effects_of(hub: Hub, kind: str, rows: Sequence[Row]) -> Effects:
    """What would be done if these rows stood in the place of a mapping table: nothing is saved, nobody is asked."""
    # The engine comes along with it: the tables are shown without, and a thread keeps the screen alive meanwhile.
    await asyncio.to_thread(import_module, "hub.studio.preview")
    from hub.studio.preview import preview_rows

    plans = await preview_rows(hub, kind, rows)
    async with hub.database.read() as db:
        names = await opening_names(db, {plan.target_id for plan in plans})
    found: Counter[tuple[str, str]] = Counter()
    blocked: Counter[str] = Counter()
    for plan in plans:
        for change in plan.changes:
            if change.action is Action.BLOCKED:
                blocked[change.reason.short] += 1
            else:
                found[change.action.value, _text(change, plan, names.get(plan.target_id, {}))] += 1
    if blocked:
        found[Action.BLOCKED.value, _why_blocked(blocked)] = blocked.total()
    order = [action.value for action in Action]
    lines = [Effect(action, text, count) for (action, text), count in found.items()]
    lines.sort(key=lambda line: (order.index(line.action), -line.count, line.text))
    return Effects(tuple(lines), sum(plan.unchanged for plan in plans), tuple(plan.target for plan in plans))


def _text(change: Change, plan: Plan, names: dict[str, str]) -> str:
    def door(wanted: Wanted | None) -> str:
        return opens_text(opens_json(wanted.opens), names) if wanted is not None else ""

    before, after = door(change.before), door(change.after)
    if change.action is Action.CREATE:
        return f"get {after or opens_text(opens_json(change.opens), names)}"
    if change.action is Action.REMOVE:
        return f"lose {before or opens_text(opens_json(change.opens), names)}"
    if change.action is Action.CHANGE:
        return f"move from {before} to {after}" if before != after else f"{after}, at other times"
    return "wait for somebody to say yes"


def _why_blocked(reasons: Counter[str]) -> str:
    """The commonest reason, with how many it is for where there are others."""
    (first, count), *others = reasons.most_common()
    first = f"{first[0].lower()}{first[1:].removesuffix('.')}"
    return f"blocked, {count:,} of them: {first}" if others else f"blocked: {first}"
