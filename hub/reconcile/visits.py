"""One member's visits: what the rules decided against what the ledger holds → lines of the plan, or nothing to do.

A visit never changes, so a booking that moves is a new visit and the end of the old one; the old one stays until the
new one stands, where it opens the same doors at a time that is still booked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from hub import grants as g
from hub.access.decide import Decision, Facts
from hub.access.doors import Doors, decide_doors, references
from hub.access.doors_why import why_ended
from hub.access.reasons import Reason
from hub.access.rules import TargetRules
from hub.access.vanished import vanished_reason, while_it_runs
from hub.access.windows import Window
from hub.reconcile.diff import Held, LedgerRow, encode_wanted
from hub.reconcile.plan import Action, Change, Resting

__all__ = ["VisitLines", "diff_visits"]


@dataclass
class VisitLines:
    """What a member's visits need."""

    changes: list[Change] = field(default_factory=list)
    held: list[Held] = field(default_factory=list)
    resting: list[Resting] = field(default_factory=list)
    due_at: datetime | None = None
    """When the clock alone changes what should be."""


@dataclass(frozen=True)
class _Ended:
    """A visit that nothing asks for any more."""

    row: LedgerRow
    reason: Reason
    surprise: bool
    follows: tuple[str, ...]


def diff_visits(
    rows: Sequence[LedgerRow],
    facts: Facts,
    rules: TargetRules,
    now: datetime,
    zone: ZoneInfo,
    *,
    retry: bool,
) -> VisitLines:
    """The lines for one member. `retry`: records that were set aside are tried again before their time."""
    kept_open, running_until = while_it_runs(facts, rows, rules, now)
    doors = decide_doors(kept_open, rules, now, zone)
    found = VisitLines(due_at=doors.due_at)
    if running_until is not None:
        found.held.append(Held("running_window", running_until))
    stands = {row.key: row for row in rows}
    wanted = doors.wanted
    found.changes += [_line(Action.BLOCKED, visit, facts) for visit in doors.visits if visit.wanted is None]
    named = {visit.key for visit in doors.visits}
    ended, kept = _ended([row for row in rows if row.key not in named], doors, stands, facts, rules, now, zone)
    found.held += [held for _, held in kept]
    there = {key for key, row in stands.items() if row.settled and row.applied is not None}
    for key, visit in wanted.items():
        row = stands.get(key)
        if row is None:
            if any(_covers([_window(other)], _asked(visit)) and _same(other, visit) for other, _ in kept):
                # What is left to run out does for it.
                there.add(key)
                continue
            line = _line(Action.CREATE, visit, facts)
            found.changes.append(msgspec.structs.replace(line, code_of=_former(visit, ended)))
            continue
        assert visit.wanted is not None  # noqa: S101 - only those are wanted
        if row.settled and row.drift is None and row.applied == encode_wanted(visit.wanted):
            if (row.record, row.rule) != (visit.record, visit.rule):
                found.resting.append(Resting(row.id, visit.record, visit.rule))
        elif _waits_its_time(row, now):
            found.held.append(Held())
        elif _is_set_aside(row, now, retry=retry):
            found.held.append(Held("vendor_error"))
        else:
            action = Action.CREATE if row.applied is None else Action.CHANGE
            found.changes.append(_line(action, visit, facts, row, reason=_why_again(visit, row)))
    there |= {line.key for line in found.changes if line.action is Action.CREATE}
    for one in ended:
        # What was to be given, and waited, is ended at once.
        waits = one.row.wanted is None and _is_set_aside(one.row, now, retry=retry)
        if not there.issuperset(one.follows) or waits:
            found.held.append(Held("vendor_error"))
        else:
            found.changes.append(_removal(one, facts))
    return found


def _ended(
    rows: Sequence[LedgerRow],
    doors: Doors,
    stands: Mapping[str, LedgerRow],
    facts: Facts,
    rules: TargetRules,
    now: datetime,
    zone: ZoneInfo,
) -> tuple[list[_Ended], list[tuple[LedgerRow, Held]]]:
    """Which of these visits are to be ended, and which are left as they are."""
    ended: list[_Ended] = []
    kept: list[tuple[LedgerRow, Held]] = []
    if not rows:
        return ended, kept
    wanted = list(doors.wanted.values())
    records = frozenset(f"{kind}:{name}" for visit in wanted for kind, name in references(visit.record))
    blocked = {pair for visit in doors.visits if visit.wanted is None for pair in references(visit.record)}
    for row in rows:
        over = row.valid_until is not None and row.valid_until <= now
        # To let a window run out takes nothing away.
        if not over and rules.policy == "grant_only":
            kept.append((row, Held("policy_grant_only", row.valid_until)))
            continue
        if not over and facts.ref in rules.protect:
            kept.append((row, Held("protected", row.valid_until)))
            continue
        reason, announced = why_ended(
            row.record or "", row.valid_until, rules.names_of(row.opens.locks), facts, rules, now, zone, wanted=records
        )
        left = Window(max(_window(row).starts, now), _window(row).ends)
        successors = [visit for visit in wanted if _same(row, visit)]
        follows = tuple(visit.key for visit in successors if _overlap(_asked(visit), left))
        if over or row.stood is None or (row.wanted is None and not row.settled):
            # Nothing opens, or the vendor was asked to end it already: that was decided then.
            ended.append(_Ended(row, reason, surprise=False, follows=() if over else follows))
            continue
        if _covers([_asked(visit) for visit in successors], left):
            ended.append(_Ended(row, reason, surprise=False, follows=follows))
            continue
        vanished = vanished_reason(row.record or "", facts, rules, now)
        if vanished is not None:
            # Whatever the source says about other bookings of this visit, it said nothing about this one.
            reason, announced = vanished, False
        if not announced and blocked.intersection(references(row.record or "")):
            # The rule names a door that is not there: until it is mended, what works goes on working.
            kept.append((row, Held("opening_missing", row.valid_until)))
            continue
        ended.append(_Ended(row, reason, surprise=not announced, follows=follows))
    return ended, kept


def _window(row: LedgerRow) -> Window:
    return Window.of(row.valid_from, row.valid_until)


def _asked(visit: Decision) -> Window:
    assert visit.wanted is not None  # noqa: S101 - only asked for those
    return Window.of(visit.wanted.valid_from, visit.wanted.valid_until)


def _same(row: LedgerRow, visit: Decision) -> bool:
    """Whether both are for the same doors."""
    return visit.opens is not None and row.opens.locks == visit.opens.locks


def _overlap(one: Window, other: Window) -> bool:
    return one.starts < other.ends and other.starts < one.ends


def _covers(windows: Iterable[Window], whole: Window) -> bool:
    """Whether these windows leave nothing of the other one open. They never touch, so one of them has to do."""
    return any(window.starts <= whole.starts and whole.ends <= window.ends for window in windows)


def _is_set_aside(row: LedgerRow, now: datetime, *, retry: bool) -> bool:
    return not row.settled and row.next_try_at is not None and row.next_try_at > now and not retry


def _waits_its_time(row: LedgerRow, now: datetime) -> bool:
    """Whether the plugin said that it can't be done before some time (`NotYet`): asking sooner changes nothing."""
    return row.state == "requested" and row.next_try_at is not None and row.next_try_at > now


def _former(visit: Decision, ended: Sequence[_Ended]) -> str | None:
    """The grant whose code a new visit takes over: whoever has it keeps it when a booking moves or grows."""
    same = [one for one in ended if _same(one.row, visit) and one.row.stood is not None]
    near = [one for one in same if visit.key in one.follows] or [
        one for one in same if set(references(one.row.record or "")) & set(references(visit.record))
    ]
    return near[0].row.id if near else None


def _why_again(visit: Decision, row: LedgerRow) -> Reason:
    if row.applied is None:
        return visit.reason
    return Reason("visit_again", {**visit.reason.values, "what": row.drift or "to be confirmed again"})


def _line(
    action: Action,
    visit: Decision,
    facts: Facts,
    row: LedgerRow | None = None,
    *,
    reason: Reason | None = None,
) -> Change:
    wanted = visit.wanted
    return Change(
        action=action,
        source=facts.source,
        source_id=0,
        member=facts.member_id,
        name=facts.name,
        key=visit.key,
        opens=visit.opens or g.Opens(),
        reason=reason or visit.reason,
        rule=visit.rule,
        record=visit.record,
        reference=visit.reference,
        grant_id=row.id if row is not None else None,
        before=row.before if row is not None else None,
        after=wanted,
        valid_from=visit.valid_from,
        valid_until=wanted.valid_until if wanted is not None else None,
        note=visit.blocked,
    )


def _removal(one: _Ended, facts: Facts) -> Change:
    row = one.row
    return Change(
        action=Action.REMOVE,
        source=facts.source,
        source_id=0,
        member=facts.member_id,
        name=facts.name,
        key=row.key,
        opens=row.opens,
        reason=one.reason,
        rule=row.rule,
        record=row.record or "",
        grant_id=row.id,
        before=row.before,
        valid_from=row.valid_from,
        valid_until=row.valid_until,
        surprise=one.surprise,
        follows=one.follows,
    )
