"""Stopping a run: somebody asks, and the run leaves off at its next good moment, in whatever process it goes on.

What it has done stays. The rest is done when the lane runs next, which is not at once.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from datetime import timedelta

from sqlalchemy import select, update

from hub.core import Hub
from hub.errors import HubError, UserError
from hub.store import Database, journal
from hub.store import tables as t

__all__ = ["REST", "RunStopped", "StopWatch", "ask_to_stop"]

REST = timedelta(minutes=15)
"""How long a lane rests after somebody stopped its run, unless a webhook, a sync by hand or an edit wakes it."""

LOOK_EVERY = 1.0
"""Seconds between two looks whether somebody asked."""


class RunStopped(HubError):
    """A read was stopped by somebody. What was read by then is kept, and nothing is taken as gone."""

    code = "stopped"


async def ask_to_stop(hub: Hub, run_id: str, *, who: str) -> None:
    """Ask a run to leave off. Raises UserError where it does not go on."""
    r, now = t.run.c, hub.clock.now()
    async with hub.database.write() as db:
        asked = await db.execute(
            update(t.run)
            .where(r.studio_id == hub.the_studio.id, r.id == run_id, r.state == "running")
            .values(stop_asked_at=now)
        )
        if asked.rowcount:
            await journal.add_audit(db, hub.the_studio.id, who=who, act="stop run", subject=run_id, now=now)
    if not asked.rowcount:
        raise UserError(
            f"no run {run_id} goes on", fix="`studiohub runs` lists them with their ids.", code="no_such_run"
        )


class StopWatch:
    """Tells a run whether to leave off, because somebody asked or because of what `leave` says."""

    def __init__(self, database: Database, run_id: str, leave: Callable[[], Awaitable[bool]] | None) -> None:
        self._database, self._run_id, self._leave = database, run_id, leave
        self._looked = time.monotonic()
        self.asked = False
        """Whether somebody asked this run to stop, as far as it was looked."""

    async def leave(self) -> bool:
        """Whether to leave off now."""
        now = time.monotonic()
        if not self.asked and now - self._looked >= LOOK_EVERY:
            self._looked = now
            query = select(t.run.c.stop_asked_at).where(t.run.c.id == self._run_id)
            async with self._database.read() as db:
                self.asked = (await db.execute(query)).scalar() is not None
        return self.asked or (self._leave is not None and await self._leave())

    async def or_stop(self) -> None:
        """Raises RunStopped where somebody asked."""
        await self.leave()
        if self.asked:
            raise RunStopped("the run was stopped", fix="It goes on when it is next time, or with a sync by hand.")
