"""Fetching results: when a class is over, and again while there are none, or not everybody's."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub import logs
from hub.classes.result_store import Kept, Seated, keep, seated_in
from hub.classes.scope import TrackerScope, tracker_session
from hub.classes.summaries import tell_late, tell_riders
from hub.errors import FixSettings, HubError, LostLease, NotFound, PluginError, RetryLater, Unconfirmed
from hub.events import MetricsArrived
from hub.plugins import Ability
from hub.store import journal
from hub.store import tables as t
from hub.words import counted

__all__ = ["LOOKS", "fetch_due", "next_look"]

log = logs.get("hub.classes")

LOOKS = (timedelta(minutes=30), timedelta(hours=1), timedelta(hours=3), timedelta(hours=24))
"""So long after a class its results are looked for, until everybody's are there."""

SHORTEST, LONGEST, GIVE_UP = timedelta(minutes=5), timedelta(hours=6), timedelta(days=7)
"""A tracker that does not answer is asked again after a quarter of the time since the class, within these limits."""

ENOUGH = 3
"""After so many classes in a row for which the tracker did not answer, the others wait for the next pass."""

FAILED = "results_failed"


def next_look(ends_at: datetime, now: datetime) -> datetime | None:
    """When results of a class are looked for next; None where it was long enough."""
    return next((ends_at + after for after in LOOKS if ends_at + after > now), None)


async def fetch_due(scope: TrackerScope) -> int:
    """Fetch the results that are due at this tracker; returns how many riders' results arrived or changed.

    One class that fails stops no other. What a class brings is stored at once, together with the mails about it, so a
    process that dies on the way leaves nothing half done and nobody told twice. Raises LostLease.
    """
    if Ability.METRICS not in scope.connection.plugin.abilities:
        return 0
    count, silent = 0, 0
    for event_id in await _due(scope):
        try:
            count += await _fetch(scope, event_id)
            silent = 0
        except LostLease:
            raise
        except (RetryLater, Unconfirmed) as error:
            await _put_off(scope, event_id, error)
            silent += 1
        except FixSettings as error:
            await _put_off(scope, event_id, error)
            await _refused(scope, error)
            break
        except HubError as error:
            await _failed(scope, event_id, error)
            silent = 0
        if silent == ENOUGH:
            break
    await tell_late(scope)
    return count


async def _due(scope: TrackerScope) -> list[str]:
    e = t.event.c
    due = (e.target_id == scope.target_id, e.results_due_at.is_not(None))
    query = select(e.id).where(*due, e.results_due_at <= scope.connection.clock.now()).order_by(e.results_due_at, e.id)
    async with scope.database.read() as db:
        return list((await db.execute(query)).scalars())


async def _fetch(scope: TrackerScope, event_id: str) -> int:
    """Ask for one class and store what there is. Raises the vendor's errors."""
    async with scope.database.read() as db:
        event = await _event(db, event_id)
        if event is None:
            return 0
        over = event.state == "removed" or event.vendor_id is None or event.source_id not in scope.sources
        seated = [] if over else await seated_in(db, scope, event)
    results: Sequence[g.Result] = []
    if seated:
        riders = [rider.rider for rider in seated]
        session = tracker_session(scope, event)
        answer = await scope.plugins.call(scope.connection, "fetch_metrics", session=session, riders=riders)
        results = _answered(scope, answer)
    now = scope.connection.clock.now()
    async with scope.database.write() as db:
        await scope.lease.check(db)
        kept = await keep(db, scope, event, seated, results, now=now)
        await tell_riders(scope, db, event, [one for one in seated if one.vendor_id in kept.new], now=now)
        await _looked(scope, db, event, kept, asked=bool(seated), now=now)
        await _lines(scope, db, event, seated, results, kept, now=now)
    count = len(kept.new) + len(kept.changed)
    if count:
        scope.count("classes")
        scope.count("results", count)
        await _tell_observers(scope, event, [one.ref for one in seated if one.vendor_id in {*kept.new, *kept.changed}])
    return count


async def _event(db: AsyncConnection, event_id: str) -> Any:
    return (await db.execute(select(t.event).where(t.event.c.id == event_id))).one_or_none()


def _answered(scope: TrackerScope, answer: Any) -> Sequence[g.Result]:
    """The answer, where it is one. Raises PluginError."""
    if not isinstance(answer, list | tuple) or not all(isinstance(one, g.Result) for one in answer):
        name = scope.connection.plugin.name
        raise PluginError(f"plugin {name}: fetch_metrics answered no results", code="plugin_failed")
    return answer


async def _looked(
    scope: TrackerScope, db: AsyncConnection, event: Any, kept: Kept, *, asked: bool, now: datetime
) -> None:
    """Write down that a class was looked at, and when it is next."""
    again = next_look(event.ends_at, now) if asked and kept.lacking else None
    values: dict[str, Any] = {"results_due_at": again, "results_tries": event.results_tries + 1}
    if kept.new or kept.changed:
        values["results_at"] = now
    await db.execute(update(t.event).where(t.event.c.id == event.id).values(**values))
    await journal.solve(db, scope.studio.id, code=FAILED, subject=f"{scope.name}: {event.id}", now=now)
    if asked:
        await journal.solve(db, scope.studio.id, code=FAILED, subject=scope.name, now=now)


# ── what is told ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def _lines(
    scope: TrackerScope,
    db: AsyncConnection,
    event: Any,
    seated: Sequence[Seated],
    results: Sequence[g.Result],
    kept: Kept,
    *,
    now: datetime,
) -> None:
    """The lines of the sync log: how many results, of which class; never what was measured."""
    base = {"run_id": scope.run_id, "connection": scope.name}
    what, lines = _class(scope, event), list[journal.LogLine]()
    if kept.new or kept.changed:
        parts = [(kept.new, "arrived"), (kept.changed, "changed"), (kept.lacking, "to come")]
        said = ", ".join(f"{len(ids)} {word}" for ids, word in parts if ids)
        lines.append({**base, "code": "results", "text": f"results of {what}: {said}"})
    if kept.lacking and next_look(event.ends_at, now) is None:
        names = ", ".join(one.ref for one in seated if one.vendor_id in kept.lacking)
        text = f"no results of {what} came for {counted(len(kept.lacking), 'rider')}: {names}"
        lines.append({**base, "level": "warning", "code": "no_results", "text": text})
    news = {*kept.new, *kept.changed}
    refs = {one.vendor_id: one.ref for one in seated}
    for result in results:
        if result.vendor_person_id in news:
            ref = refs[result.vendor_person_id]
            lines += [{**base, "member": ref, "code": note.code, "text": note.text} for note in result.notes]
    await journal.add_log(db, scope.studio.id, lines, now=now)


def _class(scope: TrackerScope, event: Any) -> str:
    """A class as sentences name it."""
    return f"{event.name or event.session_id} on {event.starts_at.astimezone(scope.zone):%d %b %Y %H:%M}"


async def _put_off(scope: TrackerScope, event_id: str, error: HubError) -> None:
    """Ask again later: this was no look."""
    now = scope.connection.clock.now()
    async with scope.database.write() as db:
        await scope.lease.check(db)
        event = await _event(db, event_id)
        if event is None:
            return
        if now > event.ends_at + GIVE_UP:
            await _unfetched(scope, db, event, error, again=None, now=now)
            return
        pause = min(max((now - event.ends_at) / 4, SHORTEST), LONGEST)
        after = getattr(error, "after", None)
        due = now + max(pause, after or SHORTEST)
        await db.execute(update(t.event).where(t.event.c.id == event_id).values(results_due_at=due))
    log.info("results can't be fetched now", class_=event_id, reason=str(error))


async def _failed(scope: TrackerScope, event_id: str, error: HubError) -> None:
    """The tracker answered that it has none, or something that can't be used: this was a look."""
    now = scope.connection.clock.now()
    async with scope.database.write() as db:
        await scope.lease.check(db)
        event = await _event(db, event_id)
        if event is None:
            return
        await _unfetched(scope, db, event, error, again=next_look(event.ends_at, now), now=now)


async def _unfetched(
    scope: TrackerScope, db: AsyncConnection, event: Any, error: HubError, *, again: datetime | None, now: datetime
) -> None:
    values = {"results_due_at": again, "results_tries": event.results_tries + 1}
    await db.execute(update(t.event).where(t.event.c.id == event.id).values(**values))
    text = f"the results of {_class(scope, event)} could not be fetched: {error}"
    line = {"level": "warning", "run_id": scope.run_id, "connection": scope.name, "code": error.code, "text": text}
    await journal.add_log(db, scope.studio.id, [line], now=now)
    subject = f"{scope.name}: {event.id}"
    if isinstance(error, NotFound):
        # Said in the log. The class is gone at the tracker, and nobody can bring it back there.
        return
    fix = error.fix or "They are asked for again by themselves."
    if again is None:
        fix = f"{error.fix} They are not asked for again: `studiohub metrics fetch {event.id}` does.".strip()
    await journal.raise_item(
        db, scope.studio.id, code=FAILED, subject=subject, connection=scope.name, text=text, fix=fix, weight=4, now=now
    )


async def _refused(scope: TrackerScope, error: FixSettings) -> None:
    """Nothing can be fetched until somebody changes a setting."""
    now = scope.connection.clock.now()
    async with scope.database.write() as db:
        await scope.lease.check(db)
        await journal.raise_item(
            db,
            scope.studio.id,
            code=FAILED,
            subject=scope.name,
            connection=scope.name,
            text=f"{scope.name} gives no results: {error}",
            fix=error.fix or f"`studiohub verify {scope.name}` says more.",
            weight=2,
            now=now,
        )


async def _tell_observers(scope: TrackerScope, event: Any, members: Sequence[str]) -> None:
    if not scope.plugins.observed("metrics_arrived"):
        return
    now, complaints = scope.connection.clock.now(), list[journal.LogLine]()
    session = f"{scope.sources[event.source_id]}:{event.session_id}"
    told = MetricsArrived(at=now, target=scope.name, session=session, members=tuple(members))

    def complain(plugin: str, error: Exception) -> None:
        complaints.append({"level": "warning", "code": "observer", "text": f"plugin {plugin}: {error}"})

    await scope.plugins.tell("metrics_arrived", told, on_error=complain)
    if complaints:
        async with scope.database.write() as db:
            await journal.add_log(db, scope.studio.id, complaints, now=now)
