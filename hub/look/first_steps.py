"""How far a new studio is: the steps from nothing to doors that open by themselves."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import exists, select

from hub.core import Hub
from hub.plugins import Plugins
from hub.store import tables as t
from hub.studio import registry

__all__ = ["STEPS", "first_steps", "vendors_by_kind"]

STEPS = ("studio", "source", "target", "rules", "plan", "applied")


async def first_steps(hub: Hub) -> Mapping[str, bool]:
    """Which of the steps are done: there is a studio, people book somewhere, something opens, rows say what opens what,
    a plan was made, and it was applied."""
    if hub.studio is None:
        return dict.fromkeys(STEPS, False)
    studio = hub.studio
    async with hub.database.read() as db:
        rows = await registry.connections(db, studio)

        async def some(table: object, *where: object) -> bool:
            return bool((await db.execute(select(exists().select_from(table).where(*where)))).scalar())  # type: ignore[arg-type]

        applied = await some(t.ledger, t.ledger.c.studio_id == studio.id)
        return {
            "studio": True,
            "source": any(row.options is None for row in rows),
            "target": any(row.options is not None for row in rows),
            "rules": await some(t.mapping, t.mapping.c.studio_id == studio.id),
            "plan": applied or await some(t.plan, t.plan.c.studio_id == studio.id),
            "applied": applied or await some(t.event, t.event.c.studio_id == studio.id),
        }


def vendors_by_kind(plugins: Plugins) -> Mapping[str, list[str]]:
    """What can be connected: the vendors' names by kind."""
    found: dict[str, list[str]] = {"booking": [], "lock": [], "tracker": []}
    for plugin in plugins.loaded.values():
        found[plugin.kind].append(plugin.title)
    return found
