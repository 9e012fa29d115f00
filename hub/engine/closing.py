"""How a run ends: what is written down about it and about its lane."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import logs
from hub.errors import HubError
from hub.events import RunFinished
from hub.http import Counters
from hub.store import journal
from hub.store import tables as t

if TYPE_CHECKING:
    from hub.core import Hub

__all__ = ["close_run", "lane_ended", "tell_finished"]

log = logs.get("hub.engine")


async def lane_ended(db: AsyncConnection, connection_id: int, *, error: HubError | None, now: datetime) -> str:
    """Write down whether the lane's vendor answers; returns "down" or "up" where that is news, else ""."""
    lane = t.lane.c
    before = (await db.execute(select(lane.failures).where(lane.connection_id == connection_id))).scalar_one()
    values: dict[str, Any] = (
        {"failures": 0, "succeeded_at": now, "error": None, "down_since": None}
        if error is None
        else {"failures": before + 1, "error": str(error), "down_since": func.coalesce(lane.down_since, now)}
    )
    await db.execute(update(t.lane).where(lane.connection_id == connection_id).values(**values))
    if error is not None:
        return "" if before else "down"
    return "up" if before else ""


async def close_run(
    db: AsyncConnection,
    studio_id: int,
    run_id: str,
    *,
    connection: str,
    connection_id: int,
    state: str,
    now: datetime,
    counts: Mapping[str, int],
    calls: Counters | None,
    error: HubError | None,
    lines: Sequence[journal.LogLine],
    news: bool,
    quiet: bool,
    steps: Sequence[Mapping[str, Any]] = (),
) -> bool:
    """End a run; returns whether it stays in the list of runs.

    A `quiet` run (a timer's) in which nothing is `news` leaves no trace but on its lane: a vendor that is down is told
    once, and once when it is back.
    """
    turn = await lane_ended(db, connection_id, error=error, now=now)
    base = {"run_id": run_id, "connection": connection}
    told = list(lines)
    if error is not None and (turn == "down" or not quiet):
        told.append({**base, "level": "error", "code": error.code, "text": str(error)})
    if state == "stopped":
        told.append({**base, "level": "warning", "code": "stopped", "text": f"{connection}: somebody stopped this run"})
    if turn == "up":
        told.append({**base, "code": "up", "text": f"{connection} answers again"})
    if quiet and not news and not turn and state != "stopped":
        await journal.drop_run(db, run_id)
        return False
    await journal.add_log(db, studio_id, told, now=now)
    await journal.finish_run(
        db,
        run_id,
        state=state,
        now=now,
        counts=counts,
        calls={"reads": calls.reads, "writes": calls.writes, "failures": calls.failures} if calls else {},
        error=str(error) if error else None,
        steps=steps,
    )
    if turn == "down" and error is not None:
        log.error("down", reason=str(error))
    elif turn == "up":
        log.info("up again")
    log.info("run ended", run=run_id, state=state, **counts)
    return True


async def tell_finished(hub: Hub, run_id: str, name: str, state: str, counts: Mapping[str, int]) -> None:
    """Tell the observers that a run is over; what one of them raises ends up in the sync log."""
    event = RunFinished(at=hub.clock.now(), run_id=run_id, connection=name, state=state, counts=dict(counts))
    complaints: list[journal.LogLine] = []

    def complain(plugin: str, error: Exception) -> None:
        complaints.append({"level": "warning", "code": "observer", "text": f"plugin {plugin}: {error}"})

    await hub.plugins.tell("run_finished", event, on_error=complain)
    if complaints:
        async with hub.database.write() as db:
            await journal.add_log(db, hub.the_studio.id, complaints, now=hub.clock.now())
