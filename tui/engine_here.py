"""The engine inside the terminal UI, where no daemon works: in a thread with an event loop and a database of its own,
so that keys never wait for it."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

from hub.core import Hub

if TYPE_CHECKING:
    from hub.engine.engine import Engine

__all__ = ["EngineHere"]

GRACE = 12.0
"""Seconds that it may take to leave off: a little longer than the engine itself gives its runs."""


class EngineHere:
    """Runs from `start` to `stop`. Webhooks and the members' page need the daemon: this one serves nothing."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._engine: Engine | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._begun = threading.Event()
        self.error: BaseException | None = None
        """What ended it, where it did not end because it was stopped."""

    @property
    def works(self) -> bool:
        """Whether it runs."""
        return self._thread is not None and self._thread.is_alive()

    async def start(self) -> None:
        """Start it; it works when this returns. Raises what keeps it from that."""
        self._begun.clear()
        self.error = None
        self._thread = threading.Thread(target=self._run, name="engine", daemon=True)
        self._thread.start()
        await asyncio.to_thread(self._begun.wait)
        if self.error is not None:
            raise self.error

    async def stop(self) -> None:
        """Let it leave off, and wait for that. What it is cut off in is gone on with by whoever works next."""
        thread, loop, engine = self._thread, self._loop, self._engine
        if thread is None:
            return
        if loop is not None and engine is not None:
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(engine.stop)
        await asyncio.to_thread(thread.join, GRACE)
        self._thread = self._engine = self._loop = None

    def _run(self) -> None:
        try:
            asyncio.run(self._inside())
        except BaseException as error:  # noqa: BLE001 - told by whoever started it, or looks at it
            self.error = error
        finally:
            self._begun.set()

    async def _inside(self) -> None:
        # All that moves doors is loaded where it runs, and not before the first screen.
        from hub.engine.chores import add_chores
        from hub.engine.engine import Engine

        hub = self._hub
        async with Engine.open(hub.settings, plugins=hub.plugins, clock=hub.clock) as engine:
            self._engine, self._loop = engine, asyncio.get_running_loop()
            add_chores(engine)
            self._begun.set()
            await engine.run()
