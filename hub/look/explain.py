"""Why has, or hasn't, this person access: rule → desired → recorded → observed, ending with what to do."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.access.decide import GROUP_KEY, Decision, decide
from hub.access.reasons import Reason
from hub.core import Hub
from hub.engine.target_pass import open_scope
from hub.look.classes import RideView, rides_of
from hub.look.explain_visits import explain_visits
from hub.look.grants import SHOWN, GrantView, list_grants
from hub.look.members import Found, find_member
from hub.reconcile.diff import LedgerRow, encode_wanted
from hub.reconcile.planner import load_ledger
from hub.reconcile.scope import Scope
from hub.store import tables as t

__all__ = ["Door", "Explanation", "Line", "explain", "open_plan"]

VERDICTS = {
    "access": "has access",
    "no_access": "has no access",
    "pending": "will have access in a moment",
    "later": "will have access at the booked time",
    "problem": "should have access and hasn't",
    "too_much": "still has access",
    # Where there are bikes and no doors.
    "bike": "has a bike in every class to come that they booked",
    "some_bikes": "has a bike in some of the classes to come that they booked, and not in all",
    "no_bike": "has no bike in any class to come that they booked",
    "no_class": "has booked no class to come with a bike",
}


@dataclass(frozen=True)
class Line:
    """One reason at one target."""

    target: str
    code: str
    text: str
    fix: str
    good: bool


@dataclass(frozen=True)
class Door:
    """What one target has for the member now."""

    target: str
    opens: dict[str, Any] | None
    name: str
    status: str
    valid_until: datetime | None
    valid_from: datetime | None = None


@dataclass(frozen=True)
class Explanation:
    """The whole answer."""

    member: str
    name: str
    verdict: str
    lines: list[Line]
    doors: list[Door]
    history: list[GrantView]

    @property
    def sentence(self) -> str:
        """The verdict in words."""
        return f"{self.name} ({self.member}) {VERDICTS[self.verdict]}"

    def as_json(self) -> dict[str, Any]:
        """The answer as `--json` prints it."""
        return {
            "member": self.member,
            "name": self.name,
            "verdict": self.verdict,
            "reasons": [
                {"code": line.code, "text": line.text, "fix": line.fix, "target": line.target} for line in self.lines
            ],
            "doors": [
                {
                    "target": door.target,
                    **(door.opens or {"group": None}),
                    "name": door.name,
                    "status": door.status,
                    **({"valid_from": times.to_text(door.valid_from)} if door.valid_from else {}),
                    "valid_until": times.to_text(door.valid_until) if door.valid_until else None,
                }
                for door in self.doors
            ],
        }


async def explain(hub: Hub, text: str) -> Explanation:
    """Explain one member, named as people name them. Raises UserError where nobody is meant."""
    studio = hub.the_studio
    async with hub.database.read() as db:
        found = await find_member(db, studio, text)
        history = await list_grants(db, studio, member=found.member_id, source=found.source, limit=20)
        aside = await _set_aside(db, studio.id, found)
        unproven = await _not_complete(db, studio.id, found)
        untold = await _not_told(db, studio.id, found)
    lines: list[Line] = []
    doors: list[Door] = []
    verdicts: list[str] = []
    # A tracker opens nothing; what it has of the member is said after the doors.
    kinds = {row.name: hub.plugins[row.plugin].kind for row in await hub.connections() if row.options is not None}
    targets = [row for row in await hub.connections() if kinds.get(row.name) == "lock"]
    for row in targets:
        scope = await open_scope(hub, row)
        rules = scope.rules
        if not (rules.passes or rules.links or rules.doors) and len(targets) > 1:
            continue
        at_target, reasons, here = await _at_target(hub, scope, found, aside)
        verdicts.append(at_target)
        lines += [Line(row.name, reason.code, reason.text, reason.fix, reason.good) for reason in reasons]
        doors += here
    rides = await rides_of(hub, found.source_id, found.member_id)
    for seat in rides:
        lines.append(Line(seat.target, seat.code, seat.text, seat.fix, seat.good))
    verdict = _sum(verdicts)
    if not targets and "tracker" in kinds.values():
        verdict = _bikes(rides)
    elif not targets:
        lines.append(
            Line("", "no_target", "No lock is connected.", "Connect one: `studiohub connect PLUGIN NAME`.", False)
        )
    if verdict == "access" and unproven is not None:
        lines.append(unproven)
    return Explanation(found.ref, found.name, verdict, [*lines, *untold], doors, history)


def _sum(verdicts: list[str]) -> str:
    for verdict in ("too_much", "problem", "pending", "access", "later"):
        if verdict in verdicts:
            return verdict
    return "no_access"


def _bikes(rides: Sequence[RideView]) -> str:
    if not rides:
        return "no_class"
    seated = sum(ride.seated for ride in rides)
    return "bike" if seated == len(rides) else "some_bikes" if seated else "no_bike"


async def _set_aside(db: AsyncConnection, studio_id: int, found: Found) -> str | None:
    """What stands in the inbox about records of this member that can't be read."""
    i = t.inbox.c
    query = select(i.subject, i.text).where(
        i.studio_id == studio_id,
        i.code == "record_set_aside",
        i.connection == found.source,
        i.solved_at.is_(None),
    )
    r = t.record.c
    own = select(r.kind, r.record_id).where(r.source_id == found.source_id, r.owner == found.member_id)
    subjects = {f"{found.source}: {kind} {record_id}" for kind, record_id in (await db.execute(own)).all()}
    subjects.add(f"{found.source}: member {found.member_id}")
    for subject, text in (await db.execute(query)).all():
        if subject in subjects:
            return str(text).split(". What was known")[0]
    return None


async def _not_complete(db: AsyncConnection, studio_id: int, found: Found) -> Line | None:
    """Access may stay although a row is gone, where the member's source is read without a complete mark."""
    i = t.inbox.c
    query = select(i.text, i.fix).where(
        i.studio_id == studio_id, i.code == "not_complete", i.connection == found.source, i.solved_at.is_(None)
    )
    row = (await db.execute(query)).first()
    return Line("", "not_complete", row.text, row.fix, False) if row is not None else None


async def _not_told(db: AsyncConnection, studio_id: int, found: Found) -> list[Line]:
    """Visits about which nobody could write to the member, one line for each target."""
    i = t.inbox.c
    query = select(i.subject, i.connection, i.text, i.fix).where(
        i.studio_id == studio_id, i.code == "no_address", i.solved_at.is_(None)
    )
    rows = (await db.execute(query.order_by(i.id))).all()
    mine = [row for row in rows if row.subject.startswith(f"{found.ref} @ ")]
    return list(dict.fromkeys(Line(row.connection or "", "no_address", row.text, row.fix, False) for row in mine))


async def _at_target(hub: Hub, scope: Scope, found: Found, aside: str | None) -> tuple[str, list[Reason], list[Door]]:
    now = hub.clock.now()
    async with hub.database.read() as db:
        facts = (await scope.reader(found.source_id).read(db, [found.member_id], now=now))[found.member_id]
        ledger = await load_ledger(db, scope.target_id, found.source_id, [found.member_id])
        row = ledger.pop((found.member_id, GROUP_KEY), None)
        note = await _note(db, scope.target_id, found)
        detail = await _detail(db, row.id) if row is not None else None
        plan_id = await open_plan(db, scope.target_id) if note == "held" else ""
        errors = {visit.key: await _detail(db, visit.id) for visit in ledger.values()}
    facts.set_aside = aside
    at_doors = explain_visits(scope, facts, list(ledger.values()), errors, now, plan_id)
    decision = decide(facts, scope.rules, now, scope.zone)
    values = {**decision.reason.values, "target": scope.name, "source": found.source, "name": facts.name}
    recorded = _recorded(decision, row, note, values, detail, plan_id, scope)
    doors: list[Door] = []
    if row is not None:
        before = row.before
        opens = before.opens if before is not None else decision.opens
        group = opens.group if opens is not None else None
        doors.append(
            Door(
                target=scope.name,
                opens={"group": group} if group is not None else None,
                name=scope.rules.name_of(group) if group is not None else "",
                status=SHOWN[row.state],
                valid_until=row.valid_until,
            )
        )
    doors += [
        Door(
            target=scope.name,
            opens={"locks": list(visit.opens.locks)},
            name=scope.rules.names_of(visit.opens.locks),
            status=SHOWN[visit.state],
            valid_until=visit.valid_until,
            valid_from=visit.valid_from,
        )
        for visit in ledger.values()
    ]
    verdict = _verdict(decision, row, recorded)
    by_group = bool(scope.rules.passes) or row is not None or not scope.rules.doors
    reasons = [*recorded, *_rule_reasons(decision, recorded)] if by_group else []
    if at_doors.verdict != "no_access" and verdict == "no_access" and not decision.blocked:
        # That there is no pass besides a booking is nothing to tell at a door that the booking opens.
        reasons = []
    reasons = [*at_doors.reasons, *reasons] or [*decision.reasons]
    if aside is not None and not any(reason.code == "record_set_aside" for reason in reasons):
        reasons.append(Reason("record_set_aside", {**values, "what": aside}))
    return _sum([verdict if by_group else "no_access", at_doors.verdict]), reasons, doors


def _rule_reasons(decision: Decision, recorded: list[Reason]) -> list[Reason]:
    """What the rules say, after what is in the way; a good reason only where nothing is."""
    if decision.wanted is not None and recorded and not all(reason.good for reason in recorded):
        return []
    return [reason for reason in decision.reasons if reason.code not in {known.code for known in recorded}]


def _verdict(decision: Decision, row: LedgerRow | None, recorded: list[Reason]) -> str:
    stands = row is not None and row.applied is not None
    codes = {reason.code for reason in recorded}
    if decision.wanted is None:
        if not stands:
            return "no_access"
        return "access" if codes & {"protected", "policy_grant_only", "running_window"} else "too_much"
    if stands and not codes & {"vendor_error", "conflict", "drift"}:
        return "access"
    if codes & {"vendor_error", "conflict", "policy_observe", "drift"}:
        return "problem"
    return "pending"


def _recorded(
    decision: Decision,
    row: LedgerRow | None,
    note: str | None,
    values: dict[str, str],
    detail: dict[str, str] | None,
    plan_id: str,
    scope: Scope,
) -> list[Reason]:
    """What the ledger says that the rules don't."""
    if row is None:
        if decision.wanted is None:
            return []
        code = "policy_observe" if scope.options.policy == "observe" else "not_synced"
        return [Reason(code, values)]
    if detail is not None and row.state in {"failed", "unknown"}:
        said = f"{detail['what']}. {detail['said']}".strip()
        fix = detail["fix"] or f"`studiohub sync {scope.name}` tries again now."
        return [Reason("vendor_error", {**values, "error": said, "fix": fix})]
    if row.state == "unknown":
        return [Reason("unknown", values)]
    if row.state in {"requested", "in_progress", "updating", "removing"}:
        return [Reason("in_progress", values)]
    if decision.wanted is None:
        if note == "held":
            limit = scope.options.hold_removals_above
            more = {"plan": plan_id, "limit": f"{limit.count} and {limit.percent:g} %", "count": "too many"}
            return [Reason("held", {**values, **more})]
        if note in {"protected", "policy_grant_only", "running_window"}:
            return [Reason(note, values)]
        if decision.blocked and not decision.take:
            return []
        code = "policy_observe" if scope.options.policy == "observe" else "not_synced"
        return [Reason(code, values)]
    if row.drift is not None:
        return [Reason("drift", {**values, "what": row.drift})]
    if note == "held":
        return [Reason("held", {**values, "plan": plan_id, "count": "too many", "limit": "allowed"})]
    if note == "protected":
        return [Reason("protected", values)]
    if row.applied != encode_wanted(decision.wanted):
        return [Reason("not_synced", values)]
    return []


async def _note(db: AsyncConnection, target_id: int, found: Found) -> str | None:
    a = t.agenda.c
    query = select(a.note).where(a.target_id == target_id, a.source_id == found.source_id, a.member == found.member_id)
    note: str | None = (await db.execute(query)).scalar()
    return note


async def _detail(db: AsyncConnection, grant_id: str) -> dict[str, str] | None:
    text = (await db.execute(select(t.ledger.c.error).where(t.ledger.c.id == grant_id))).scalar()
    return json.loads(text) if text else None


async def open_plan(db: AsyncConnection, target_id: int) -> str:
    """The id of the last plan that was made of a target."""
    c = t.plan.c
    query = select(c.id).where(c.target_id == target_id).order_by(c.made_at.desc()).limit(1)
    return str((await db.execute(query)).scalar() or "PLAN")
