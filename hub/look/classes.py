"""Classes at trackers as people see them: what is sent, who sits where, and why somebody doesn't."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub import times
from hub.classes.decide import decide
from hub.classes.facts import SourceReader
from hub.classes.reasons import TOLD, WORDINGS
from hub.classes.rules import TrackerRules, compile_rooms
from hub.classes.seatmaps import SeatMap, seat_map, spots_of
from hub.core import Hub
from hub.errors import UserError
from hub.look.grants import SHOWN
from hub.store import among
from hub.store import tables as t
from hub.studio import registry
from hub.studio.file import nearest

__all__ = ["ClassView", "RideView", "SeatView", "list_classes", "rides_of", "seat_maps"]

_SHOWN: Mapping[str, str] = {**SHOWN, "blocked": "failed"}


@dataclass(frozen=True)
class SeatView:
    """A rider and their seat. `status` is as a grant's; `reason` says why there is none."""

    member: str
    name: str
    spot: str | None
    seat: str | None
    status: str
    reason: str
    code: str

    @property
    def good(self) -> bool:
        """Whether nobody has to look at it."""
        return self.status not in {"failed", "unknown"} or (self.code in WORDINGS and WORDINGS[self.code].good)

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {name: getattr(self, name) for name in ("member", "name", "spot", "seat", "status", "reason")}


@dataclass(frozen=True)
class ClassView:
    """A class of a room with a box. `status` is as a grant's; None where it was never sent, and `reason` says why."""

    id: str
    name: str
    starts_at: datetime
    ends_at: datetime
    target: str
    box: str | None
    status: str | None
    vendor_id: str | None
    seats: tuple[SeatView, ...]
    reason: str
    good: bool

    @property
    def problem(self) -> bool:
        """Whether somebody has to look at it."""
        return not self.good or any(not seat.good for seat in self.seats)

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        return {
            "id": self.id,
            "name": self.name,
            "starts_at": times.to_text(self.starts_at),
            "ends_at": times.to_text(self.ends_at),
            "target": self.target,
            "box": self.box,
            "status": self.status,
            "vendor_id": self.vendor_id,
            "seats": [seat.as_json() for seat in self.seats],
            "reason": self.reason,
        }


async def list_classes(
    hub: Hub, *, since: datetime, until: datetime, target: str | None = None, problems: bool = False
) -> list[ClassView]:
    """The classes of every tracker that begin between two moments, in the order in which they do. `problems`: only
    those that somebody has to look at."""
    found: list[ClassView] = []
    async with hub.database.read() as db:
        every = await registry.connections(db, hub.the_studio)
        for row in every:
            if row.options is None or hub.plugins[row.plugin].kind != "tracker" or target not in {None, row.name}:
                continue
            rows = await registry.mapping_rows(db, hub.the_studio, target=row.name)
            rules = compile_rooms(row.name, row.options, rows)
            for source in every:
                if source.options is None:
                    found += await _of_source(hub, db, row, source, rules, since, until)
    found.sort(key=lambda view: (view.starts_at, view.id, view.target))
    return [view for view in found if view.problem or not problems]


async def _of_source(
    hub: Hub,
    db: AsyncConnection,
    row: registry.ConnectionRow,
    source: registry.ConnectionRow,
    rules: TrackerRules,
    since: datetime,
    until: datetime,
) -> list[ClassView]:
    e, r = t.event.c, t.record.c
    here = (e.target_id == row.id, e.source_id == source.id, e.starts_at >= since, e.starts_at < until)
    # Of several events of one class, the one that lives, else the last.
    every: dict[str, list[Any]] = {}
    for event in await db.execute(select(t.event).where(*here).order_by(e.changed_at)):
        every.setdefault(event.session_id, []).append(event)
    events = {key: sorted(found, key=_weight) for key, found in every.items()}
    seats = await _seats(db, source.name, [event.id for found in events.values() for event in found])
    views = [_of_class(found, row.name, source.name, seats) for found in events.values()]
    if source.name not in rules.sources:
        return views
    query = select(r.record_id).where(
        r.source_id == source.id, r.kind == "session", r.starts_at >= since, r.starts_at < until
    )
    others = set((await db.execute(query)).scalars()) - events.keys()
    reader, now = SourceReader(source.id, source.name, hub.the_studio.timezone), hub.clock.now()
    for facts in await reader.classes(db, hub.vault, others, now, {}, riders=False):
        decision = decide(facts, rules, now)
        if facts.gone is not None or decision.reason.code == "elsewhere":
            continue
        failed = decision.reason.code in TOLD
        views.append(
            ClassView(
                id=f"{source.name}:{facts.session.id}",
                name=facts.session.name,
                starts_at=facts.session.starts_at,
                ends_at=facts.session.ends_at,
                target=row.name,
                box=decision.rule.box if decision.rule is not None else None,
                status="failed" if failed else None,
                vendor_id=None,
                seats=(),
                reason=decision.reason.text,
                good=not failed,
            )
        )
    return views


def _weight(event: Any) -> tuple[bool, bool, bool]:
    """The event that counts most for a class comes last: one that lives, of two the one that is to be."""
    return event.state != "removed", event.wanted is not None, event.applied is None


def _of_class(events: Sequence[Any], target: str, source: str, seats: Mapping[str, Sequence[SeatView]]) -> ClassView:
    """A class by the event that counts. Until the one on its new box stands, those on the old box keep their seats."""
    event = events[-1]
    view = _of_event(event, target, source, seats.get(event.id, ()))
    old = next((one for one in events[-2::-1] if one.state != "removed" and one.applied is not None), None)
    if old is None or event.applied is not None or event.wanted is None:
        return view
    reason = f"{view.reason} It stays on box {old.box} until box {event.box} takes it."
    return replace(view, seats=tuple(seats.get(old.id, ())), reason=reason)


def _of_event(event: Any, target: str, source: str, seats: Sequence[SeatView]) -> ClassView:
    error = json.loads(event.error) if event.error else None
    status = SHOWN[event.state]
    return ClassView(
        id=f"{source}:{event.session_id}",
        name=event.name,
        starts_at=event.starts_at,
        ends_at=event.ends_at,
        target=target,
        box=event.box,
        status=status,
        vendor_id=event.vendor_id,
        seats=tuple(seats),
        reason=error["what"] if error is not None else event.reason,
        good=status not in {"failed", "unknown"},
    )


async def _seats(db: AsyncConnection, source: str, events: Sequence[str]) -> dict[str, list[SeatView]]:
    s = t.seat.c
    found: dict[str, list[SeatView]] = {}
    if not events:
        return found
    query = select(t.seat).where(among(s.event_id, events, db)).order_by(s.event_id, s.id)
    latest: dict[tuple[str, str], Any] = {}
    for row in await db.execute(query):
        before = latest.get((row.event_id, row.member))
        if before is None or before.state == "removed":
            latest[row.event_id, row.member] = row
    for row in sorted(latest.values(), key=lambda row: (_natural(row.wanted or row.applied), row.name)):
        error = json.loads(row.error) if row.error else None
        found.setdefault(row.event_id, []).append(
            SeatView(
                member=f"{source}:{row.member}",
                name=row.name,
                spot=row.spot,
                seat=row.applied or row.wanted,
                status=_SHOWN[row.state],
                reason=error["what"] if error is not None else row.reason,
                code=error["code"] if error is not None else row.reason_code,
            )
        )
    return found


def _natural(text: str | None) -> tuple[bool, int, str]:
    return (text is None, int(text) if text and text.isdigit() else 10**9, text or "")


@dataclass(frozen=True)
class RideView:
    """What a tracker has, or hasn't, of a member's booking of a class. `seated`: they have a seat there now."""

    target: str
    code: str
    text: str
    fix: str
    good: bool
    seated: bool


async def rides_of(hub: Hub, source_id: int, member: str) -> list[RideView]:
    """The classes to come that a member has booked, as the trackers have them."""
    e, s, c = t.event.c, t.seat.c, t.connection.c
    zone, source = times.zone(hub.the_studio.timezone), {row.id: row.name for row in await hub.connections()}
    query = (
        select(t.seat, e.name.label("class_name"), e.starts_at, c.name.label("target"))
        .join(t.event, s.event_id == e.id)
        .join(t.connection, c.id == e.target_id)
        .where(e.source_id == source_id, s.member == member, e.ends_at > hub.clock.now())
        .where(e.state != "removed", s.state != "removed")
        .order_by(e.starts_at)
    )
    found: list[RideView] = []
    async with hub.database.read() as db:
        for row in await db.execute(query):
            error = json.loads(row.error) if row.error else None
            wording = WORDINGS.get(row.reason_code)
            good = error is None and (wording is None or wording.good)
            fix = error["fix"] if error is not None else ""
            if wording is not None and error is None:
                fix = wording.fix.format_map({"source": source[source_id], "fix": "`studiohub links` says more."})
            when = row.starts_at.astimezone(zone)
            seat = f"seat {row.applied}" if row.applied is not None else "no seat"
            why = error["what"] if error is not None else row.reason
            text = f"{row.class_name}, {when:%a %d %b %H:%M}: {seat}. {why}"
            found.append(RideView(row.target, row.reason_code, text.strip(), fix, good, row.applied is not None))
    return found


async def seat_maps(hub: Hub, room: str) -> list[SeatMap]:
    """The seat maps of a room (its id at the source, or its box), beside what the tracker says it has now.

    Raises UserError where no row speaks of that room.
    """
    async with hub.database.read() as db:
        every = {row.name: row for row in await registry.connections(db, hub.the_studio)}
        rows = await registry.mapping_rows(db, hub.the_studio, kind="rooms")
    found: list[SeatMap] = []
    known: set[str] = set()
    for name in {stored.target for stored in rows}:
        row = every[name]
        assert row.options is not None  # noqa: S101 - a target always has options
        rules = compile_rooms(name, row.options, [stored for stored in rows if stored.target == name])
        for rule in rules.rooms:
            known |= {rule.place}
            if room not in {rule.place, rule.box}:
                continue
            layout: Sequence[g.TrackerSeat] | None = None
            if hub.plugins.has(row.plugin, "read_layout"):
                layout = await hub.plugins.call(await hub.open_connection(row), "read_layout", box=rule.box)
            async with hub.database.read() as db:
                by_plan = (rule.source, rule.place) in rules.plans
                spots = await spots_of(db, every[rule.source].id, rule.place) if by_plan else []
            found.append(seat_map(rule, spots, layout))
    if not found:
        hint = nearest(room, known) if known else "no row binds a room to a box"
        raise UserError(f"there is no room {room!r} with a box; {hint}", fix="`studiohub rules` lists the rows.")
    return found
