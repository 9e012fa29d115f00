"""Why a member has, or hasn't, windows on doors at one target."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from hub.access.decide import Facts
from hub.access.doors import decide_doors
from hub.access.doors_why import why_no_door
from hub.access.reasons import Reason
from hub.access.windows import Window
from hub.reconcile.diff import LedgerRow
from hub.reconcile.scope import Scope

__all__ = ["AtDoors", "explain_visits", "why_pending"]


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
) -> AtDoors:
    """Walk from rules to the ledger, visit by visit; what stands in the way comes first."""
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
    for row in stands.values():
        if row.stood is None or (row.valid_until is not None and row.valid_until <= now):
            continue
        holds = Window.of(row.valid_from, row.valid_until).holds(now)
        verdicts.add("too_much" if holds else "pending")
        error = errors.get(row.key)
        if error is not None and row.state in {"failed", "unknown"}:
            bad.append(_failed(scope, error, {"target": scope.name}))
        else:
            bad.append(Reason("not_synced", {"target": scope.name, "source": facts.source, "name": facts.name}))
    why_not = list(why_no_door(facts, scope.rules, now, scope.zone)) if scope.rules.doors else []
    for verdict in ("too_much", "problem", "pending", "access", "later"):
        if verdict in verdicts:
            return AtDoors(verdict, [*bad, *good, *why_not])
    return AtDoors("no_access", why_not)


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
    return "pending", Reason("unknown" if row.state == "unknown" else "in_progress", values)


def _failed(scope: Scope, error: Mapping[str, str], values: Mapping[str, str]) -> Reason:
    fix = error["fix"] or f"`studiohub sync {scope.name}` tries again now."
    said = f"{error['what']}. {error['said']}".strip()
    return Reason("vendor_error", {**values, "error": said, "fix": fix})
