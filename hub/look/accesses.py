"""The accesses of a booking: what it opens or opened, and why it doesn't."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Select, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub import times
from hub.access.decide import Decision, Facts
from hub.access.doors import Doors, booked_window, decide_doors, references, window_text
from hub.access.doors_why import why_no_door
from hub.access.reasons import Reason
from hub.access.windows import Window
from hub.core import Hub
from hub.engine.target_pass import open_scope
from hub.errors import UserError
from hub.look.explain import Line, open_plan
from hub.look.explain_visits import why_left, why_pending
from hub.look.grants import GrantView, list_grants
from hub.reconcile.diff import LedgerRow
from hub.reconcile.planner import load_visits
from hub.reconcile.scope import Scope
from hub.store import tables as t
from hub.studio import registry

__all__ = ["BookingAccesses", "accesses_of"]


@dataclass(frozen=True)
class BookingAccesses:
    """The whole answer. `accesses` rest on the booking, those that stand before those that are over, newest first.
    `anyway` are accesses by a community or a pass to the same doors for longer, because of which the booking needs none
    of its own."""

    source: str
    booking_id: str
    number: str | None
    member: str
    name: str
    resource: str
    window: Window | None
    state: str | None
    """The source's word; None where its record is deleted for good."""
    gone: bool
    """Whether the source no longer has it."""
    accesses: list[GrantView]
    anyway: list[GrantView] = field(default_factory=list)
    lines: list[Line] = field(default_factory=list)

    @property
    def ref(self) -> str:
        """`source:id`."""
        return f"{self.source}:{self.booking_id}"

    def sentence(self, zone: ZoneInfo) -> str:
        """Who, what, when and in what state."""
        number = f" ({self.number})" if self.number and self.number != self.booking_id else ""
        state = f"{self.state or 'deleted'}{', deleted there since' if self.gone and self.state else ''}"
        when = window_text(self.window, zone) if self.window is not None else ""
        parts = (f"{self.name or self.member} ({self.member})", self.resource, when, state.replace("_", " "))
        return f"{self.ref}{number}: {', '.join(part for part in parts if part)}"

    def as_json(self, *, reveal: bool = False) -> dict[str, Any]:
        """The answer as `--json` prints it."""
        return {
            "booking": self.ref,
            "number": self.number,
            "member": self.member,
            "name": self.name,
            "resource": self.resource or None,
            "starts_at": times.to_text(self.window.starts) if self.window else None,
            "ends_at": times.to_text(self.window.ends) if self.window else None,
            "state": self.state,
            "gone": self.gone,
            "accesses": [_access_json(view, reveal=reveal) for view in self.accesses],
            "anyway": [_access_json(view, reveal=reveal) for view in self.anyway],
            "reasons": [
                {"code": line.code, "text": line.text, "fix": line.fix, "target": line.target} for line in self.lines
            ],
        }


def _access_json(view: GrantView, *, reveal: bool) -> dict[str, Any]:
    names = [view.names.get(lock, lock) for lock in view.opens.get("locks", [])]
    return {**view.as_json(reveal=reveal), "names": names, "admin_url": view.admin_url}


class _Found(NamedTuple):
    """A booking that was meant. `record` None: only the ledger still names it."""

    source_id: int
    source: str
    booking_id: str
    record: r.Booking | None
    gone: bool


async def accesses_of(hub: Hub, text: str, *, reveal: bool = False) -> BookingAccesses:
    """The accesses of the booking that `source:id`, an id or the source's booking number means. `reveal` opens codes
    and URLs; those that are over have none.

    Raises UserError where no booking or more than one is meant, with what to type instead.
    """
    studio = hub.the_studio
    async with hub.database.read() as db:
        found = await _find(db, studio, text)
        views = await list_grants(
            db,
            studio,
            source=found.source,
            record=f"booking:{found.booking_id}",
            reveal=hub.vault if reveal else None,
        )
    views.sort(key=lambda view: view.status == "removed")
    if found.record is None:
        line = Line("", *_words(Reason("booking_unknown", {"source": found.source, "booking": found.booking_id})))
        first = views[0]
        return BookingAccesses(
            found.source, found.booking_id, None, first.member, first.name, "", None, None, True, views, [], [line]
        )
    return await _with_reasons(hub, found, found.record, views, reveal=reveal)


# ── which booking is meant ────────────────────────────────────────────────────────────────────────────────────────────


async def _find(db: AsyncConnection, studio: registry.Studio, text: str) -> _Found:
    sources = {row.id: row.name for row in await registry.connections(db, studio) if row.options is None}
    source, colon, rest = text.partition(":")
    named = {source_id: name for source_id, name in sources.items() if colon and name == source}
    found = await _known(db, studio, named, rest) if named else []
    # An id may have a colon in it, too.
    found = found or await _known(db, studio, sources, text)
    if len(found) == 1:
        return found[0]
    if found:
        listed = ", ".join(f"{one.source}:{one.booking_id}" for one in found[:5])
        raise UserError(f"{text!r} is more than one booking", fix=f"Say which: {listed}.", code="many_bookings")
    listed = ", ".join(sorted(sources.values())) or "none is connected"
    raise UserError(
        f"no booking is known as {text!r}",
        fix=f"Type source:id (sources: {listed}), an id, or the source's booking number. A new one is known after "
        "`studiohub sync`.",
        code="no_booking",
    )


async def _known(db: AsyncConnection, studio: registry.Studio, sources: dict[int, str], name: str) -> list[_Found]:
    """The bookings of that id; else of that number; else those that only the ledger remembers."""
    c = t.record.c
    bookings = select(c.source_id, c.record_id, c.data, c.deleted_at).where(
        c.source_id.in_(sources), c.kind == "booking"
    )
    by_id = await _decoded(db, bookings.where(c.record_id == name), sources)
    number = f'"number":{msgspec.json.encode(name).decode()}'
    with_number = await _decoded(db, bookings.where(c.data.contains(number, autoescape=True)), sources)
    in_source = {one.source_id for one in by_id}
    found = by_id + [
        one
        for one in with_number
        if one.record is not None and one.record.number == name and one.source_id not in in_source
    ]
    if found:
        return found
    views = await list_grants(db, studio, record=f"booking:{name}")
    ids = {source: source_id for source_id, source in sources.items()}
    return [_Found(ids[source], source, name, None, True) for source in sorted({v.source for v in views} & ids.keys())]


async def _decoded(db: AsyncConnection, query: Select[Any], sources: dict[int, str]) -> list[_Found]:
    decode = r.decoder("booking").decode
    return [
        _Found(row.source_id, sources[row.source_id], row.record_id, decode(row.data), row.deleted_at is not None)
        for row in await db.execute(query.order_by(t.record.c.source_id, t.record.c.record_id))
    ]


# ── why it opens what it opens ────────────────────────────────────────────────────────────────────────────────────────


async def _with_reasons(
    hub: Hub, found: _Found, booking: r.Booking, views: list[GrantView], *, reveal: bool
) -> BookingAccesses:
    lines: list[Line] = []
    anyway: list[GrantView] = []
    facts: Facts | None = None
    unmapped: list[Line] = []
    mapped = False
    locks = [
        row for row in await hub.connections() if row.options is not None and hub.plugins[row.plugin].kind == "lock"
    ]
    for row in locks:
        scope = await open_scope(hub, row)
        at_target = await _at_target(hub, scope, found, booking)
        facts = facts or at_target.facts
        anyway += await _views(hub, found, at_target.anyway, scope.name, reveal=reveal)
        mapped |= (found.source, booking.resource_id or "") in scope.rules.resources
        for reason in at_target.reasons:
            line = Line(row.name, *_words(reason))
            (unmapped if reason.code == "booking_unmapped" else lines).append(line)
    if not mapped:
        # At a studio with several locks, one that opens the room is enough.
        lines += unmapped
    if not locks:
        lines.append(
            Line("", "no_target", "No lock is connected.", "Connect one: `studiohub connect PLUGIN NAME`.", False)
        )
    lines = list(dict.fromkeys(lines))
    name = facts.name if facts is not None else next((view.name for view in views), booking.member_id)
    resource = booking.resource_id or ""
    return BookingAccesses(
        source=found.source,
        booking_id=found.booking_id,
        number=booking.number,
        member=f"{found.source}:{booking.member_id}",
        name=name,
        resource=facts.resource_names.get(resource, resource) if facts is not None else resource,
        window=_times(booking, facts),
        state=booking.state.value,
        gone=found.gone,
        accesses=views,
        anyway=anyway,
        lines=[*(line for line in lines if not line.good), *(line for line in lines if line.good)],
    )


def _words(reason: Reason) -> tuple[str, str, str, bool]:
    return reason.code, reason.text, reason.fix, reason.good


def _times(booking: r.Booking, facts: Facts | None) -> Window | None:
    """When it is for, whatever became of its class."""
    session = facts.sessions.get(booking.session_id or "", (None, None))[0] if facts is not None else None
    starts = booking.starts_at or (session.starts_at if session is not None else None)
    ends = booking.ends_at or (session.ends_at if session is not None else None)
    return Window(starts, ends) if starts is not None and ends is not None else None


@dataclass(frozen=True)
class _AtTarget:
    facts: Facts
    reasons: list[Reason]
    anyway: list[str]
    """The keys of visits that do for the booking."""


async def _at_target(hub: Hub, scope: Scope, found: _Found, booking: r.Booking) -> _AtTarget:
    now, member = hub.clock.now(), booking.member_id
    # Also where no rule opens doors: then it is the booking that says why.
    reader = replace(scope.reader(found.source_id), doors=True)
    async with hub.database.read() as db:
        facts = (await reader.read(db, [member], now=now))[member]
        rows = (await load_visits(db, scope.target_id, found.source_id, [member])).get(member, [])
        errors = {row.key: await _error(db, row.id) for row in rows}
        held = await _is_held(db, scope.target_id, found.source_id, member)
        plan_id = await open_plan(db, scope.target_id) if held else ""
    doors = decide_doors(facts, scope.rules, now, scope.zone)
    mine = [visit for visit in doors.visits if ("booking", booking.id) in references(visit.record)]
    stands = {row.key: row for row in rows}
    reasons: list[Reason] = []
    for visit in mine:
        reasons += _of_visit(scope, visit, stands.get(visit.key), errors.get(visit.key), facts)
    anyway = _anyway(scope, facts, doors, mine, booking, now)
    for visit in anyway:
        row = stands.get(visit.key)
        if not _is_active(row):
            reasons += _of_visit(scope, visit, row, errors.get(visit.key), facts)
        reasons.append(Reason("booking_anyway", {**_of(booking, facts, scope), "why": visit.reason.text}))
    left = why_left(scope, facts, doors, rows, now, plan_id)
    for row in rows:
        if ("booking", booking.id) in references(row.record or ""):
            reasons += left.get(row.key, ())
    if not mine and not anyway:
        reasons += _why_nothing(scope, facts, booking, now)
    return _AtTarget(facts, reasons, [visit.key for visit in anyway])


def _of(booking: r.Booking, facts: Facts, scope: Scope) -> dict[str, str]:
    resource = facts.resource_names.get(booking.resource_id or "", booking.resource_id or "")
    return {
        "source": facts.source,
        "target": scope.name,
        "name": facts.name,
        "member": facts.member_id,
        "reference": booking.number or booking.id,
        "resource": resource,
    }


def _is_active(row: LedgerRow | None) -> bool:
    return row is not None and row.applied is not None and row.drift is None and row.state == "active"


def _of_visit(
    scope: Scope, visit: Decision, row: LedgerRow | None, error: dict[str, str] | None, facts: Facts
) -> list[Reason]:
    """What is to say about a visit that the booking is part of."""
    if visit.wanted is None:
        return [visit.reason]
    values = {**visit.reason.values, "target": scope.name, "source": facts.source, "name": facts.name}
    found = [] if _is_active(row) else [why_pending(scope, row, error, values)[1]]
    if sum(kind == "booking" for kind, _ in references(visit.record)) > 1:
        found.append(Reason("booking_merged", {**values, "references": visit.reference}))
    return found


def _anyway(
    scope: Scope, facts: Facts, doors: Doors, mine: Sequence[Decision], booking: r.Booking, now: datetime
) -> list[Decision]:
    """The visits by communities and passes that do for this booking."""
    alone = replace(facts, bookings=[one for one in facts.bookings if one.id == booking.id], communities=[], passes=[])
    wants = decide_doors(alone, scope.rules, now, scope.zone).visits
    locks = {visit.opens for visit in wants} - {visit.opens for visit in mine}
    return [visit for visit in doors.visits if visit.opens in locks and visit.valid_from is None]


def _why_nothing(scope: Scope, facts: Facts, booking: r.Booking, now: datetime) -> list[Reason]:
    """Why this booking gives no visit here."""
    values = _of(booking, facts, scope)
    known = [one for one in facts.bookings if one.id == booking.id]
    gone = any(one.id == booking.id for one, _ in facts.gone_bookings)
    rules = scope.rules.resources.get((facts.source, booking.resource_id or ""), ())
    window = booked_window(booking, facts)
    ends = max((window.ends + rule.after for rule in rules), default=window.ends) if window is not None else None
    if gone or (not known and (ends is None or ends > now)):
        return [Reason("booking_gone", values)]
    if booking.resource_id is None:
        return [Reason("booking_nothing", values)]
    said = why_no_door(replace(facts, bookings=[booking], communities=[]), scope.rules, now, scope.zone)
    if said and said[0].code != "booking_unmapped":
        return list(said)
    if not rules:
        return [Reason("booking_unmapped", values)]
    if facts.gone:
        return [Reason("member_gone", values)]
    if facts.member is not None and facts.member.archived:
        return [Reason("archived", values)]
    if ends is not None and ends <= now:
        return [Reason("visit_over", {**values, "ended": times.moment_text(ends, scope.zone)})]
    return list(said)


async def _views(hub: Hub, found: _Found, keys: Sequence[str], target: str, *, reveal: bool) -> list[GrantView]:
    """The live grants with these keys of the booking's member."""
    if not keys or found.record is None:
        return []
    async with hub.database.read() as db:
        views = await list_grants(
            db,
            hub.the_studio,
            member=found.record.member_id,
            source=found.source,
            target=target,
            reveal=hub.vault if reveal else None,
        )
    return [view for view in views if view.status != "removed" and view.key in keys]


async def _error(db: AsyncConnection, grant_id: str) -> dict[str, str] | None:
    text = (await db.execute(select(t.ledger.c.error).where(t.ledger.c.id == grant_id))).scalar()
    return json.loads(text) if text else None


async def _is_held(db: AsyncConnection, target_id: int, source_id: int, member: str) -> bool:
    a = t.agenda.c
    query = select(a.note).where(a.target_id == target_id, a.source_id == source_id, a.member == member)
    return (await db.execute(query)).scalar() == "held"
