"""The numbers of `/metrics`, in Prometheus's text form.

What the database knows is read when it is asked for, so every daemon answers the same; vendor calls are counted by the
process that makes them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import func, select

from hub import http
from hub.engine.engine import Engine
from hub.engine.wake import lag
from hub.store import tables as t

__all__ = ["count_call", "render"]

REGISTRY = CollectorRegistry()
CALLS = Counter("studiohub_vendor_calls", "Requests to vendors.", ["connection", "method", "status"], registry=REGISTRY)
SECONDS = Histogram(
    "studiohub_vendor_seconds",
    "How long vendors take to answer.",
    ["connection"],
    registry=REGISTRY,
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
ProcessCollector(registry=REGISTRY)
MOST_LANES = 500
"""With more lanes than this, only sums are told: ten thousand series of each would drown the rest."""


def count_call(connection: str, method: str, status: str, seconds: float) -> None:
    """Count one request."""
    CALLS.labels(connection, method, status).inc()
    SECONDS.labels(connection).observe(seconds)


http.watchers.append(count_call)


class _Now(Collector):
    """Metrics that were read a moment ago."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        return self._metrics


async def render(engine: Engine) -> bytes:
    """Everything there is to tell."""
    registry = CollectorRegistry()
    registry.register(_Now(await _read(engine)))
    return generate_latest(REGISTRY) + generate_latest(registry)


async def _read(engine: Engine) -> list[Metric]:
    now = engine.clock.now()
    lane, c, s = t.lane.c, t.connection.c, t.studio.c
    async with engine.database.read() as db:
        count = int((await db.execute(select(func.count()).select_from(t.lane))).scalar_one())
        query = (
            select(c.name, s.name.label("studio"), lane.attempted_at, lane.succeeded_at, lane.failures)
            .join(t.lane, lane.connection_id == c.id)
            .join(t.studio, s.id == c.studio_id)
            .limit(MOST_LANES)
        )
        lanes = (await db.execute(query)).all() if count <= MOST_LANES else []
        failing = await _count(db, t.lane, lane.failures > 0)
        overdue = await lag(db, now=now)
        held = await _count(db, t.agenda, t.agenda.c.note == "held")
        unconfirmed = await _count(
            db,
            t.ledger,
            t.ledger.c.settled.is_(False),
            t.ledger.c.state.in_(("removing", "unknown", "failed")),
            t.ledger.c.wanted.is_(None),
        )
        waiting = await _count(db, t.outbox, t.outbox.c.state.in_(("queued", "sending")))
        unsent = await _count(db, t.outbox, t.outbox.c.state == "failed")
        hints = await _count(db, t.hint)
    found: list[Metric] = [
        _gauge("studiohub_lanes", "Lanes.", count),
        _gauge("studiohub_lanes_failing", "Lanes whose last run failed.", failing),
        _gauge("studiohub_lane_lag_seconds", "How long the most overdue lane waits.", overdue.total_seconds()),
        _gauge("studiohub_held_removals", "Removals that wait for approval.", held),
        _gauge("studiohub_unconfirmed_removals", "Removals that no vendor has confirmed.", unconfirmed),
        _gauge("studiohub_mails_waiting", "Mails that wait to be sent.", waiting),
        _gauge("studiohub_mails_failed", "Mails that could not be sent.", unsent),
        _gauge("studiohub_hints_waiting", "Webhook hints that were not followed yet.", hints),
        _gauge("studiohub_lanes_running", "Lanes that this process works on.", engine.running),
        _gauge("studiohub_tasks", "Things that this process does at once.", len(asyncio.all_tasks())),
    ]
    attempted = GaugeMetricFamily(
        "studiohub_lane_last_attempt_seconds", "When a lane last ran (Unix time).", labels=["studio", "connection"]
    )
    succeeded = GaugeMetricFamily(
        "studiohub_lane_last_success_seconds",
        "When a lane last ran well (Unix time).",
        labels=["studio", "connection"],
    )
    for row in lanes:
        for family, moment in ((attempted, row.attempted_at), (succeeded, row.succeeded_at)):
            if isinstance(moment, datetime):
                family.add_metric([row.studio, row.name], moment.timestamp())
    return [*found, attempted, succeeded]


async def _count(db: Any, table: Any, *conditions: Any) -> int:
    return int((await db.execute(select(func.count()).select_from(table).where(*conditions))).scalar_one())


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, text, value=value)
