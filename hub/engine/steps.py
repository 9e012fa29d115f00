"""The steps of a run, written down while it goes on, so that any process can show how far it is."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import TYPE_CHECKING, Any

from sqlalchemy.exc import DBAPIError

from hub.store import Database, journal

if TYPE_CHECKING:
    from hub.core import Progress

__all__ = ["Steps"]

EVERY = 1.0
"""Seconds between two times that steps are written down. A run that is over sooner writes them once, at its end."""


class Steps:
    """Passes progress on, and keeps it. Steps stand in the order in which they begin; those that are known to come are
    there from the start, so that nothing jumps."""

    def __init__(self, told: Progress, database: Database, name: str, planned: tuple[str, ...] = ()) -> None:
        self._told, self._database, self._prefix = told, database, f"{name}: "
        self._steps: dict[str, dict[str, Any]] = {title: _step(title) for title in planned}
        self._saved = time.monotonic()
        self._saving: asyncio.Task[None] | None = None
        self.run_id = ""

    def step(self, title: str, done: int, total: int | None) -> None:
        """So much of that step is done."""
        self._told.step(title, done, total)
        own = title.removeprefix(self._prefix)
        for other in self._steps.values():
            if other["state"] == "running" and other["title"] != own:
                other["state"] = "done"
        self._steps.setdefault(own, _step(own)).update(done=done, total=total, state="running")
        now = time.monotonic()
        if self.run_id and now - self._saved > EVERY and (self._saving is None or self._saving.done()):
            self._saved = now
            self._saving = asyncio.get_running_loop().create_task(self._save())

    async def ended(self, *, well: bool) -> list[dict[str, Any]]:
        """The steps as they ended."""
        if self._saving is not None:
            await asyncio.gather(self._saving, return_exceptions=True)
        for one in self._steps.values():
            if one["state"] == "running":
                one["state"] = "done" if well else "failed"
        return list(self._steps.values())

    async def _save(self) -> None:
        with contextlib.suppress(DBAPIError, OSError):
            async with self._database.write() as db:
                await journal.save_steps(db, self.run_id, list(self._steps.values()))


def _step(title: str) -> dict[str, Any]:
    return {"title": title, "done": 0, "total": None, "state": "planned"}
