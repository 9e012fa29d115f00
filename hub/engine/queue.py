"""The queue that wakes workers: "run lane X", and nothing else.

No state lives here: a lane's row says whether it is due, so losing the whole queue loses nothing. PgQueuer does the
work, over PostgreSQL (any daemon may take any lane) or in memory (SQLite, one process); the same code runs on both.
Urgent lanes have a queue and slots of their own, so a webhook never waits for a slot behind ten thousand timers.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from typing import Any

import asyncpg
from pgqueuer import PgQueuer
from pgqueuer.models import Job
from pgqueuer.queries import Queries

__all__ = ["Handler", "LaneQueue", "install"]

Handler = Callable[[int, bool], Awaitable[None]]

HEARTBEAT = timedelta(seconds=8)
"""A job whose worker shows no sign of life for so long is given to another."""

URGENT_SLOTS = 16


class LaneQueue:
    """Jobs to run lanes. `limit` is how many ordinary lanes this process works on at once."""

    def __init__(self, handler: Handler, *, limit: int, postgresql: Mapping[str, Any] | None = None) -> None:
        self._handler = handler
        self._limit = limit
        self._postgresql = postgresql
        self._queues: dict[bool, PgQueuer] = {}

    async def run(self, ready: asyncio.Event | None = None) -> None:
        """Work until `stop`. Raises what the database connection dies of; whoever supervises runs it again."""
        async with AsyncExitStack() as stack:
            for urgent in (False, True):
                self._queues[urgent] = await self._make(stack, urgent=urgent)
            if ready is not None:
                ready.set()
            async with asyncio.TaskGroup() as group:
                for urgent, queue in self._queues.items():
                    slots = URGENT_SLOTS if urgent else self._limit
                    group.create_task(
                        queue.run(
                            batch_size=max(1, slots // 4),
                            max_concurrent_tasks=slots,
                            heartbeat_timeout=HEARTBEAT,
                            dequeue_timeout=timedelta(seconds=1),
                            shutdown_on_listener_failure=True,
                        )
                    )

    async def _make(self, stack: AsyncExitStack, *, urgent: bool) -> PgQueuer:
        name = "urgent" if urgent else "lane"
        if self._postgresql is None:
            queue = PgQueuer.in_memory()
        else:
            connection = await asyncpg.connect(**self._postgresql, timeout=10)
            stack.push_async_callback(connection.close, timeout=2)
            queue = PgQueuer.from_asyncpg_connection(connection)

        @queue.entrypoint(name)
        async def run_lane(job: Job) -> None:
            await self._handler(int(job.payload or b"0"), urgent)

        return queue

    async def put(self, lanes: Sequence[int], *, urgent: bool = False) -> None:
        """Ask for these lanes to be run. One that is waiting or running already is not queued twice."""
        queue = self._queues.get(urgent)
        if queue is None or queue.queries is None or not lanes:
            return
        name = "urgent" if urgent else "lane"
        await queue.queries.enqueue(
            [name] * len(lanes),
            [str(lane).encode() for lane in lanes],
            [1 if urgent else 0] * len(lanes),
            dedupe_key=[f"{name}:{lane}" for lane in lanes],
            on_conflict="skip",
        )

    async def waiting(self) -> int:
        """How many ordinary lanes are queued and wait for a free slot, in all processes."""
        queue = self._queues.get(False)
        if queue is None or queue.queries is None:
            return 0
        sizes = await queue.queries.queue_size()
        return sum(found.count for found in sizes if found.entrypoint == "lane" and found.status == "queued")

    async def tidy(self) -> None:
        """Drop what PgQueuer writes about its jobs: the sync log says what happened, and in memory it would only
        grow."""
        for queue in self._queues.values():
            # Both adapters have these; PgQueuer's own protocol for them does not name them.
            queries: Any = queue.queries
            if queries is not None:
                await queries.clear_queue_log()
                await queries.clear_statistics_log()

    def stop(self) -> None:
        """Take no more jobs; those under way end by themselves."""
        for queue in self._queues.values():
            queue.shutdown.set()


async def install(postgresql: Mapping[str, Any]) -> None:
    """Make PgQueuer's tables in a PostgreSQL database, or bring them up to date."""
    connection = await asyncpg.connect(**postgresql, timeout=10)
    try:
        queries = Queries.from_asyncpg_connection(connection)
        async with connection.transaction():
            # Daemons that start together do this one after the other.
            await connection.execute("SELECT pg_advisory_xact_lock(0x71756575)")
            if await queries.schema_is_installed():
                await queries.upgrade()
            else:
                await queries.install()
    finally:
        await connection.close()
