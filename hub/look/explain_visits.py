"""Why a member has, or hasn't, windows on doors at one target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub import times
from hub.access.decide import Facts
from hub.access.doors import Doors, decide_doors
from hub.access.doors_why import why_no_door
from hub.access.reasons import Reason
from hub.access.windows import Window
from hub.reconcile.diff import LedgerRow
from hub.reconcile.plan import Action
from hub.reconcile.scope import Scope
from hub.reconcile.visits import diff_visits

__all__ = ["AtDoors", "explain_visits", "why_left", "why_pending"]


@dataclass(frozen=True)
class AtDoors:
    """The answer for one target."""

    verdict: str
    reasons: list[Reason]


def explain_visits(
    scope: Scope,
    facts: Facts,
    rows: Sequence[LedgerRow],
    errors: Mapping[str, Mapping[str, str] | None],
    now: datetime,
    plan_id: str = "",
) -> AtDoors:
    """Walk from rules to the ledger, visit by visit; what stands in the way comes first. `plan_id`: the plan in which
    something of this member is held."""
    stands = {row.key: row for row in rows}
    verdicts: set[str] = set()
    good: list[Reason] = []
    bad: list[Reason] = []
    doors = decide_doors(facts, scope.rules, now, scope.zone)
    for visit in doors.visits:
        row = stands.pop(visit.key, None)
        values = {**visit.reason.values, "target": scope.name, "source": facts.source, "name": facts.name}
        if visit.wanted is None:
            verdicts.add("problem")
            bad.append(visit.reason)
        elif row is not None and row.applied is not None and row.drift is None and row.state == "active":
            holds = Window.of(visit.wanted.valid_from, visit.wanted.valid_until).holds(now)
            verdicts.add("access" if holds else "later")
            good += visit.reasons
        else:
            verdict, reason = why_pending(scope, row, errors.get(visit.key), values)
            verdicts.add(verdict)
            bad += [reason, *visit.reasons]
    left = why_left(scope, facts, doors, rows, now, plan_id)
    for row in stands.values():
        if row.key not in left or (row.valid_until is not None and row.valid_until <= now):
            continue
        holds = Window.of(row.valid_from, row.valid_until).holds(now)
        error = errors.get(row.key)
        if error is not None and row.state in {"failed", "unknown"}:
            verdicts.add("too_much" if holds else "pending")
            bad.append(_failed(scope, error, {"target": scope.name}))
        elif row.state == "removing":
            verdicts.add("too_much" if holds else "pending")
            values = {"target": scope.name}
            bad += [*left[row.key][:-1], waits(error, values) if error is not None else Reason("in_progress", values)]
        elif left[row.key][-1].good:
            verdicts.add("access" if holds else "later")
            good += left[row.key]
        else:
            verdicts.add("too_much" if holds else "pending")
            bad += left[row.key]
    why_not = list(why_no_door(facts, scope.rules, now, scope.zone)) if scope.rules.doors else []
    told = {reason.text for reason in (*bad, *good)}
    why_not = [reason for reason in why_not if reason.text not in told]
    for verdict in ("too_much", "problem", "pending", "access", "later"):
        if verdict in verdicts:
            return AtDoors(verdict, [*bad, *good, *why_not])
    return AtDoors("no_access", why_not)


def why_left(
    scope: Scope, facts: Facts, doors: Doors, rows: Sequence[LedgerRow], now: datetime, plan_id: str
) -> dict[str, list[Reason]]:
    """Why visits stand that nothing asks for any more, by their keys: why they are over, where that is known, and last
    what keeps them."""
    named = {visit.key for visit in doors.visits}
    left = [row for row in rows if row.key not in named and row.stood is not None]
    if not left:
        return {}
    lines = diff_visits(rows, facts, scope.rules, now, scope.zone, retry=True)
    ends = {line.key: line for line in lines.changes if line.action is Action.REMOVE}
    found: dict[str, list[Reason]] = {}
    for row in left:
        until = f" until {times.moment_text(row.valid_until, scope.zone)}" if row.valid_until is not None else ""
        values = {"target": scope.name, "source": facts.source, "name": facts.name, "until": until}
        if row.key in ends:
            found[row.key] = [ends[row.key].reason, _still_there(scope, values, plan_id)]
        elif scope.rules.policy == "grant_only":
            found[row.key] = [Reason("policy_grant_only", values)]
        elif facts.ref in scope.rules.protect:
            found[row.key] = [Reason("protected", values)]
        elif any(held.code == "running_window" for held in lines.held):
            found[row.key] = [Reason("running_window", values)]
        else:
            found[row.key] = [Reason("not_synced", values)]
    return found


def _still_there(scope: Scope, values: dict[str, str], plan_id: str) -> Reason:
    if scope.options.policy == "observe":
        return Reason("policy_observe", values)
    if plan_id:
        limit = scope.options.hold_removals_above
        more = {"plan": plan_id, "count": "too many", "limit": f"{limit.count} and {limit.percent:g} %"}
        return Reason("held", {**values, **more})
    return Reason("not_synced", values)


def why_pending(
    scope: Scope, row: LedgerRow | None, error: Mapping[str, str] | None, values: dict[str, str]
) -> tuple[str, Reason]:
    """What keeps a visit that the rules give and that does not stand: the verdict and the reason."""
    if row is None:
        observing = scope.options.policy == "observe"
        return ("problem", Reason("policy_observe", values)) if observing else ("pending", Reason("not_synced", values))
    if error is not None and row.state in {"failed", "unknown"}:
        return "problem", _failed(scope, error, values)
    if row.drift is not None:
        return "problem", Reason("drift", {**values, "what": row.drift})
    if error is not None:
        return "pending", waits(error, values)
    return "pending", Reason("unknown" if row.state == "unknown" else "in_progress", values)


def waits(error: Mapping[str, str], values: Mapping[str, str]) -> Reason:
    """What the vendor accepted, or can't take yet, in its own words."""
    said = f"{error['what']}. {error['said']}".strip()
    return Reason(
        "waits", {**values, "error": said, "fix": error["fix"] or "Nothing: it is looked at again by itself."}
    )


def _failed(scope: Scope, error: Mapping[str, str], values: Mapping[str, str]) -> Reason:
    fix = error["fix"] or f"`studiohub sync {scope.name}` tries again now."
    said = f"{error['what']}. {error['said']}".strip()
    return Reason("vendor_error", {**values, "error": said, "fix": fix})
