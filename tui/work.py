"""Long work beside the screen: in a thread with an event loop and a database of its own, so that keys never wait."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from hub.core import Hub

__all__ = ["Work"]

T = TypeVar("T")

GRACE = 8.0
"""Seconds that work has to leave off when nobody waits for it any more. The ledger copes with what is cut off."""


class Work(Generic[T]):
    """One piece of work. `title` says what it is; `step` is where it is now, for whoever shows it."""

    def __init__(self, title: str, hub: Hub, job: Callable[[Hub, Work[T]], Awaitable[T]]) -> None:
        self.title = title
        self.at: tuple[str, int, int | None] = ("", 0, None)
        self._hub, self._job = hub, job
        self._loop: asyncio.AbstractEventLoop | None = None
        self._task: asyncio.Task[T] | None = None

    def step(self, title: str, done: int, total: int | None) -> None:
        """So much of that step is done."""
        self.at = (title, done, total)

    async def run(self) -> T:
        """Do it. Raises what the work raises."""
        here = asyncio.get_running_loop()
        over: asyncio.Future[T] = here.create_future()

        def tell(result: T | None, error: BaseException | None) -> None:
            if over.done():
                return
            if error is not None:
                over.set_exception(error)
            else:
                over.set_result(result)  # type: ignore[arg-type]

        def thread() -> None:
            result: T | None = None
            error: BaseException | None = None
            try:
                result = asyncio.run(self._inside())
            except asyncio.CancelledError:
                error = InterruptedError("it was stopped")
            except BaseException as raised:  # noqa: BLE001 - handed on to whoever waits
                error = raised
            with contextlib.suppress(RuntimeError):
                here.call_soon_threadsafe(tell, result, error)

        threading.Thread(target=thread, name=self.title, daemon=True).start()
        try:
            return await asyncio.shield(over)
        except asyncio.CancelledError:
            self.stop()
            await asyncio.wait([over], timeout=GRACE)
            if over.done():
                over.exception()
            raise

    def stop(self) -> None:
        """Leave off at the next moment at which that does no harm."""
        if self._loop is not None and self._task is not None:
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._task.cancel)

    async def _inside(self) -> T:
        self._loop, self._task = asyncio.get_running_loop(), asyncio.current_task()
        hub = self._hub
        async with Hub.open(hub.settings, plugins=hub.plugins, clock=hub.clock) as own:
            if own.studio is None or hub.studio is None or own.studio.id != hub.studio.id:
                own.studio = hub.studio
            return await self._job(own, self)
