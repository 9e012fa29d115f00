"""The engine: finds lanes that are due, runs them side by side, and sees to it that they are due again.

Embedded (SQLite, one process) and distributed (PostgreSQL, any number of processes) are the same code; only what
carries "run lane X" differs. Everything that matters is in the database: a process that ends, a queue that is lost or a
server that restarts only delays the next run.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from importlib.metadata import version
from typing import Any

import asyncpg
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from hub import logs
from hub.clock import Clock
from hub.core import Hub
from hub.engine import lane_run, lanes, wake
from hub.engine.queue import LaneQueue, install
from hub.engine.workers import GONE_AFTER
from hub.errors import HubError, LaneBusy, LostLease
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.store import Database, in_place, upsert
from hub.store import tables as t
from hub.studio import registry
from hub.vault import Vault

__all__ = ["Engine"]

log = logs.get("hub.engine")

DATABASE_AWAY = (DBAPIError, OSError, asyncpg.PostgresError, asyncpg.InterfaceError)
"""What a database that restarts, or a connection that breaks, looks like."""

SWEEP_EVERY = 1.0
BEAT_EVERY = 5.0
TIDY_EVERY = 120.0
OPEN_STUDIOS = 100
"""So many studios keep their vendor connections open between runs; beyond that the least recently used are closed."""
LONGEST_BREATH = 1.0
MOST_LAG = 0.03
"""Seconds that the event loop may be late before ordinary lanes wait."""
GRACE = 8.0
"""Seconds that runs have to leave off when the engine is stopped."""


class Engine:
    """Runs the lanes of every studio in a database."""

    def __init__(self, settings: HubSettings, database: Database, vault: Vault, plugins: Plugins, clock: Clock) -> None:
        self.settings = settings
        self.database = database
        self.vault = vault
        self.plugins = plugins
        self.clock = clock
        self.running = 0
        self._urgent = 0
        self._lag = 0.0
        self.name = lanes.process_name()
        self._studios: OrderedDict[int, Hub] = OrderedDict()
        self._retired: list[Hub] = []
        self._stopping = asyncio.Event()
        self._poked = asyncio.Event()
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._queue: LaneQueue | None = None
        self._down = False
        self._chores: list[tuple[str, timedelta, Callable[[], Awaitable[object]]]] = []

    @classmethod
    @asynccontextmanager
    async def open(
        cls, settings: HubSettings, *, plugins: Plugins | None = None, clock: Clock | None = None
    ) -> AsyncIterator[Engine]:
        """An engine over an installation, closed again at the end. Raises what `Hub.open` raises."""
        async with Hub.open(settings, plugins=plugins, clock=clock) as hub:
            engine = cls(settings, hub.database, hub.vault, hub.plugins, hub.clock)
            try:
                yield engine
            finally:
                for one in (*engine._studios.values(), *engine._retired):
                    await one.close_connections()

    def every(self, name: str, pause: timedelta, chore: Callable[[], Awaitable[object]]) -> None:
        """Do a chore in the background, again and again; its errors are logged and end nothing."""
        self._chores.append((name, pause, chore))

    def reload(self, settings: HubSettings) -> None:
        """Take other settings and read the key again. Raises UserError and changes nothing where they can't be used.
        Runs under way end with what they began with."""
        vault = Vault.load(settings.home, settings.key.get_secret_value() if settings.key else None)
        self.settings, self.vault = settings, vault
        self._retired += self._studios.values()
        self._studios.clear()

    # ── running ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def run(self) -> None:
        """Work until `stop` is called."""
        postgresql = self._postgresql()
        if postgresql is not None:
            await install(postgresql)
        async with self.database.write() as db:
            await wake.spread(db, now=self.clock.now(), over=timedelta(minutes=1))
        background = [
            asyncio.create_task(self._keep_queue_running(postgresql), name="queue"),
            asyncio.create_task(self._feel(), name="feel"),
            asyncio.create_task(self._again_and_again("sweep", SWEEP_EVERY, self._sweep), name="sweep"),
            asyncio.create_task(self._again_and_again("queue log", TIDY_EVERY, self._tidy_queue), name="queue log"),
            asyncio.create_task(self._again_and_again("beat", BEAT_EVERY, self._beat), name="beat"),
        ]
        for name, pause, chore in self._chores:
            background.append(asyncio.create_task(self._again_and_again(name, pause.total_seconds(), chore), name=name))
        try:
            await self._stopping.wait()
        finally:
            await self._wind_down(background)

    def stop(self) -> None:
        """Take nothing new and leave off at the next good moment."""
        self._stopping.set()
        if self._queue is not None:
            self._queue.stop()

    async def _wind_down(self, background: Sequence[asyncio.Task[None]]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GRACE):
                await self._idle.wait()
        for task in background:
            task.cancel()
        await asyncio.gather(*background, return_exceptions=True)
        with contextlib.suppress(*DATABASE_AWAY):
            async with self.database.write() as db:
                await db.execute(delete(t.worker).where(t.worker.c.name == self.name))

    def _postgresql(self) -> dict[str, Any] | None:
        """What asyncpg needs to connect, as the database's own driver works it out of the address."""
        if self.database.is_sqlite:
            return None
        engine = self.database.engine
        options: dict[str, Any] = dict(engine.dialect.create_connect_args(engine.url)[1])
        for of_the_driver in ("async_fallback", "async_creator_fn", "prepared_statement_cache_size"):
            options.pop(of_the_driver, None)
        return options

    async def _keep_queue_running(self, postgresql: dict[str, Any] | None) -> None:
        """PgQueuer's worker ends when its connection dies: start it again, told once down and once up."""
        pause = 0.5
        while not self._stopping.is_set():
            self._queue = LaneQueue(self.run_lane, limit=self.settings.lanes, postgresql=postgresql)
            ready = asyncio.Event()
            up = asyncio.create_task(self._told_up(ready))
            try:
                await self._queue.run(ready)
            except* Exception as group:  # noqa: BLE001 - whatever ends the queue, it is started again
                if not self._stopping.is_set() and not self._down:
                    self._down = True
                    log.error("the queue is down", reason=str(group.exceptions[0]))
            finally:
                up.cancel()
                self._ready.clear()
            if self._stopping.is_set():
                return
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10.0) if self._down else 0.5

    async def _told_up(self, ready: asyncio.Event) -> None:
        await ready.wait()
        self._ready.set()
        if self._down:
            self._down = False
            log.info("the queue is up again")

    async def _again_and_again(self, name: str, pause: float, chore: Callable[[], Awaitable[object]]) -> None:
        failing = False
        while not self._stopping.is_set():
            try:
                await chore()
                if failing:
                    failing = False
                    log.info("works again", chore=name)
            except Exception as error:  # noqa: BLE001 - a chore that fails must not end the daemon
                if not failing:
                    failing = True
                    log.error("failed and is tried again", chore=name, reason=str(error), kind=type(error).__name__)
            with contextlib.suppress(TimeoutError):
                if name == "sweep":
                    await asyncio.wait_for(self._poked.wait(), pause)
                    self._poked.clear()
                else:
                    await asyncio.wait_for(self._stopping.wait(), pause)

    # ── waking ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _sweep(self) -> None:
        """Put due lanes into the queue: urgent ones all, the others as far as there is room, so that ten thousand that
        fall due together drain in order instead of piling up."""
        queue = self._queue
        if queue is None or not self._ready.is_set():
            return
        now = self.clock.now()
        async with self.database.read() as db:
            urgent = await wake.due_lanes(db, now=now, urgent=True, limit=500)
        await queue.put(urgent, urgent=True)
        room = 2 * self.settings.lanes - await queue.waiting()
        if room > 0:
            async with self.database.read() as db:
                due = await wake.due_lanes(db, now=now, urgent=False, limit=room)
            await queue.put([lane for lane in due if lane not in set(urgent)])

    async def poke(self, connection_ids: Sequence[int], *, urgent: bool = False) -> None:
        """Run these lanes now rather than at the next sweep. Their rows must be due already."""
        if self._queue is not None and self._ready.is_set():
            try:
                await self._queue.put(list(connection_ids), urgent=urgent)
            except DATABASE_AWAY:
                # The row is due, so the sweep finds it once the queue is back.
                self._poked.set()
        else:
            self._poked.set()

    async def _tidy_queue(self) -> None:
        if self._queue is not None and self._ready.is_set():
            await self._queue.tidy()

    async def _beat(self) -> None:
        now = self.clock.now()
        async with self.database.write() as db:
            await upsert(
                db,
                t.worker,
                [
                    {
                        "name": self.name,
                        "version": version("studiohub"),
                        "started_at": now,
                        "seen_at": now,
                        "running": self.running,
                    }
                ],
                key=("name",),
                update=("seen_at", "running"),
            )
            await db.execute(delete(t.worker).where(t.worker.c.seen_at < now - GONE_AFTER * 10))

    async def not_ready(self) -> list[str]:
        """What keeps this process from working; empty where nothing does."""
        problems = []
        if self._stopping.is_set():
            problems.append("stopping")
        if not self._ready.is_set():
            problems.append("the queue is not connected")
        try:
            async with asyncio.timeout(2), self.database.read() as db:
                await db.execute(select(t.studio.c.id).limit(1))
        except (TimeoutError, *DATABASE_AWAY):
            problems.append("the database does not answer")
        return problems

    # ── one lane ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def open_row(self, connection_id: int) -> tuple[Hub, registry.ConnectionRow]:
        """The studio's hub and the connection's row. Raises HubError where it is gone."""
        async with self.database.read() as db:
            found = await registry.connection_by_id(db, connection_id)
        if found is None:
            raise HubError(f"connection {connection_id} is gone", code="no_connection")
        studio, row = found
        return self.hub_of(studio), row

    def hub_of(self, studio: registry.Studio) -> Hub:
        """The studio's hub, opened where it is not yet."""
        known = self._studios.get(studio.id)
        if known is None or known.studio != studio:
            known = Hub(self.settings, self.database, self.vault, self.plugins, self.clock, studio)
            if studio.id in self._studios:
                self._retired.append(self._studios[studio.id])
            self._studios[studio.id] = known
        self._studios.move_to_end(studio.id)
        return known

    async def _close_idle(self) -> None:
        while self._retired and self.running <= 1:
            await self._retired.pop().close_connections()
        while len(self._studios) > OPEN_STUDIOS + self.settings.lanes:
            _, hub = self._studios.popitem(last=False)
            await hub.close_connections()

    async def run_lane(self, connection_id: int, urgent: bool = False) -> None:
        """Run one lane once: what a job of the queue means. Never raises. An ordinary lane lets urgent ones go first,
        and waits while this process has its hands full."""
        if urgent:
            self._urgent += 1
        else:
            await self._breathe()
        self.running += 1
        self._idle.clear()
        try:
            # What is urgent is little.
            with in_place() if urgent else contextlib.nullcontext():
                hub, row = await self.open_row(connection_id)
                with logs.bind(studio=hub.the_studio.name, connection=row.name):
                    await self._run_lane(hub, row)
            await self._close_idle()
        except LaneBusy:
            pass
        except LostLease as error:
            log.warning("lane lost", reason=error.what)
        except HubError as error:
            log.warning("lane can't run", reason=str(error))
        except DATABASE_AWAY as error:
            log.warning("the database failed under a lane", reason=str(getattr(error, "orig", None) or error))
        except asyncio.CancelledError:
            raise
        except Exception:
            log.exception("a lane failed unexpectedly", lane=connection_id)
            with contextlib.suppress(*DATABASE_AWAY):
                await self._put_off(connection_id)
        finally:
            self.running -= 1
            self._urgent -= urgent
            if not self.running:
                self._idle.set()

    async def _breathe(self) -> None:
        """Wait until nothing urgent runs and the event loop answers quickly: ten thousand timers that go off at once
        would each be fast, and all of them together make a webhook slow. Not for long: what is urgent may go on with
        work that is not."""
        give_up = time.monotonic() + LONGEST_BREATH
        while (self._urgent or self._lag > MOST_LAG) and time.monotonic() < give_up and not self._stopping.is_set():  # noqa: ASYNC110 - the lag has no event
            await asyncio.sleep(0.02)

    async def _feel(self) -> None:
        """Measure how late the event loop is."""
        while True:
            started = time.monotonic()
            await asyncio.sleep(0.02)
            late = time.monotonic() - started - 0.02
            self._lag = max(late, 0.7 * self._lag)

    async def _put_off(self, connection_id: int) -> None:
        async with self.database.write() as db:
            lane = t.lane.c
            row = (await db.execute(select(lane.failures).where(lane.connection_id == connection_id))).one_or_none()
            failures = (row.failures if row is not None else 0) + 1
            await db.execute(
                update(t.lane)
                .where(lane.connection_id == connection_id)
                .values(failures=failures, wake_at=self.clock.now() + wake.back_off(failures))
            )

    async def _run_lane(self, hub: Hub, row: registry.ConnectionRow) -> None:
        async with lanes.holding(
            self.database, row.id, row.name, self.clock, worker=str(id(self)), starts=True
        ) as lease:
            await lane_run.run(
                hub,
                row,
                lease=lease,
                leave=functools.partial(self._should_leave, row.id, lease),
                poke=functools.partial(self.poke, urgent=lease.urgent),
            )
        if await self._is_due(row.id):
            await self.poke([row.id])

    async def _is_due(self, connection_id: int) -> bool:
        lane = t.lane.c
        async with self.database.read() as db:
            at = (await db.execute(select(lane.wake_at).where(lane.connection_id == connection_id))).scalar()
        return at is not None and at <= self.clock.now()

    async def _should_leave(self, connection_id: int, lease: lanes.Lease) -> bool:
        """Whether a run should leave off: the engine stops, or the lane was woken for something more pressing."""
        if self._stopping.is_set():
            return True
        lane = t.lane.c
        async with self.database.read() as db:
            query = select(lane.generation, lane.urgent).where(lane.connection_id == connection_id)
            row = (await db.execute(query)).one_or_none()
        return row is not None and row.generation != lease.generation and row.urgent
