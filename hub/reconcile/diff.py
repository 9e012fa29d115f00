"""One member: what the rules decided against what the ledger holds → a line of the plan, or nothing to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Column

from hub import grants as g
from hub import times
from hub.access.decide import GROUP_KEY, Decision, Facts, Wanted
from hub.access.facts import VANISHED
from hub.access.reasons import Reason
from hub.access.rules import TargetRules
from hub.reconcile.losses import loses, why_lost, without_loss
from hub.reconcile.plan import Action, Change
from hub.store import tables as t

__all__ = ["Held", "LedgerRow", "decode_wanted", "diff", "encode_wanted", "ledger_columns"]


class LedgerRow(msgspec.Struct, frozen=True, gc=False):
    """A live grant as the ledger holds it, as far as a plan needs it. Its fields are columns of the
    ledger, in this order (see `ledger_columns`); `opens_text` is `opens`."""

    id: str
    source_id: int
    member: str
    key: str
    state: str
    settled: bool
    wanted: str | None
    applied: str | None
    valid_from: datetime | None
    valid_until: datetime | None
    vendor_id: str | None
    person_id: str | None
    record: str | None
    rule: str
    drift: str | None
    next_try_at: datetime | None
    opens_text: str

    @property
    def before(self) -> Wanted | None:
        """What stands at the vendor, as far as the hub knows."""
        return decode_wanted(self.applied) if self.applied else None

    @property
    def opens(self) -> g.Opens:
        """What stands, or what was asked for. Where its end was asked for and nothing is known to stand, what it was
        written down for: something may stand there all the same."""
        text = self.applied or self.wanted
        return decode_wanted(text).opens if text else _decode_opens(self.opens_text)

    @property
    def stood(self) -> Wanted | None:
        """What may stand at the vendor: what it is known to hold, else what it was asked for and may have done."""
        if self.applied:
            return decode_wanted(self.applied)
        touched = self.state not in {"requested", "failed"} or self.person_id is not None or self.vendor_id is not None
        return decode_wanted(self.wanted) if self.wanted and touched else None


def ledger_columns() -> list[Column[Any]]:
    """The columns of a `LedgerRow`."""
    return [t.ledger.c[name.removesuffix("_text")] for name in LedgerRow.__struct_fields__]


@dataclass(frozen=True)
class Held:
    """Nothing is done, and this is the code of the reason (None: all is well). `due_at`: when to look again."""

    code: str | None = None
    due_at: datetime | None = None


decode_wanted = msgspec.json.Decoder(Wanted).decode
_decode_opens = msgspec.json.Decoder(g.Opens).decode
_encoder = msgspec.json.Encoder(order="deterministic")


def encode_wanted(wanted: Wanted) -> str:
    """The text that the ledger keeps; equal texts mean that nothing has to be done."""
    return _encoder.encode(wanted).decode()


def diff(
    decision: Decision,
    row: LedgerRow | None,
    facts: Facts,
    rules: TargetRules,
    now: datetime,
    zone: ZoneInfo,
    *,
    retry: bool,
) -> Change | Held:
    """The line for one member. `retry`: records that were set aside are tried again before their time."""
    if decision.wanted is None:
        return _nothing_wanted(decision, row, facts, rules, now, zone)
    if row is None:
        return _line(Action.CREATE, decision, facts, None, decision.wanted, reason=decision.reason)
    before = row.before
    wanted = _as_allowed(decision.wanted, before, facts, rules)
    if row.settled and row.drift is None and row.applied == encode_wanted(wanted):
        return Held("protected" if facts.ref in rules.protect and wanted != decision.wanted else None)
    if not row.settled and row.next_try_at is not None and row.next_try_at > now and not retry:
        return Held("vendor_error")
    line = _line(
        Action.CREATE if before is None else Action.CHANGE,
        decision,
        facts,
        row,
        wanted,
        reason=_why_changed(decision, before, wanted, row, rules, zone),
    )
    stood = row.stood
    if stood is None or not loses(stood, wanted):
        return line
    loss = why_lost(stood, row.valid_until, row.record, wanted, facts, rules, now, zone)
    gain = without_loss(stood, wanted)
    if loss.visit_until is not None:
        if gain == before and row.settled and row.drift is None:
            return Held("running_window", loss.visit_until)
        return msgspec.structs.replace(line, after=gain, note="running_window", due_at=loss.visit_until)
    return msgspec.structs.replace(line, surprise=loss.surprise, gain=gain if gain != before else None)


def _as_allowed(wanted: Wanted, before: Wanted | None, facts: Facts, rules: TargetRules) -> Wanted:
    """What is wanted, without what the target's policy or the protect list forbids to take away."""
    if before is None:
        return wanted
    if facts.ref in rules.protect:
        return msgspec.structs.replace(wanted, opens=before.opens)
    if rules.policy != "grant_only":
        return wanted
    kept = without_loss(before, wanted)
    better = rules.rank(before.opens.group) is None or _ranks_before(rules, wanted.opens.group, before.opens.group)
    return msgspec.structs.replace(kept, opens=wanted.opens if better else before.opens)


def _ranks_before(rules: TargetRules, one: str | None, other: str | None) -> bool:
    first, second = rules.rank(one), rules.rank(other)
    return first is not None and (second is None or first < second)


def _nothing_wanted(
    decision: Decision, row: LedgerRow | None, facts: Facts, rules: TargetRules, now: datetime, zone: ZoneInfo
) -> Change | Held:
    if row is None or (decision.blocked and not decision.take):
        if not decision.blocked:
            return Held(None)
        lost = _lost_badges(row, facts) if row is not None and rules.policy == "sync" else None
        if row is not None and lost is not None:
            return lost_badges_line(decision, row, facts, rules, lost, now, zone)
        line = _line(Action.BLOCKED, decision, facts, row, None, reason=decision.reason)
        return msgspec.structs.replace(line, note=decision.blocked)
    if rules.policy == "grant_only":
        return Held("policy_grant_only")
    if facts.ref in rules.protect:
        return Held("protected")
    line = _line(Action.REMOVE, decision, facts, row, None, reason=decision.reason)
    line = msgspec.structs.replace(line, note=decision.blocked)
    stood = row.stood
    if stood is None or (row.wanted is None and not row.settled):
        # Nothing stands, or the vendor was asked to remove it already: that was decided then.
        return line
    loss = why_lost(stood, row.valid_until, row.record, None, facts, rules, now, zone)
    if loss.visit_until is not None:
        return Held("running_window", loss.visit_until)
    return msgspec.structs.replace(line, surprise=loss.surprise)


def _lost_badges(row: LedgerRow, facts: Facts) -> Wanted | None:
    """What stands without the badges that the source no longer lists; None where it lists them all."""
    before = row.before
    if before is None:
        return None
    listed = {badge.number for badge in facts.badges}
    kept = tuple(badge for badge in before.badges if badge.number in listed)
    return msgspec.structs.replace(before, badges=kept) if len(kept) < len(before.badges) else None


def lost_badges_line(
    decision: Decision,
    row: LedgerRow,
    facts: Facts,
    rules: TargetRules,
    wanted: Wanted,
    now: datetime,
    zone: ZoneInfo,
) -> Change:
    """A member who is blocked keeps what stands, but for badges that are no longer theirs."""
    before = row.before
    assert before is not None  # noqa: S101 - only asked for rows with something that stands
    line = _line(
        Action.CHANGE,
        decision,
        facts,
        row,
        wanted,
        reason=_why_changed(decision, before, wanted, row, rules, zone),
    )
    line = msgspec.structs.replace(line, valid_from=row.valid_from, note=decision.blocked)
    vanished = {badge.number for badge, how in facts.gone_badges if how == VANISHED}
    taken = {badge.number for badge in before.badges} - {badge.number for badge in wanted.badges}
    return msgspec.structs.replace(line, surprise=bool(taken & vanished))


def _line(
    action: Action,
    decision: Decision,
    facts: Facts,
    row: LedgerRow | None,
    wanted: Wanted | None,
    *,
    reason: Reason,
    surprise: bool = False,
) -> Change:
    before = row.before if row is not None else None
    opens = _first_opens(wanted, before, decision, row)
    return Change(
        action=action,
        source=facts.source,
        source_id=row.source_id if row is not None else 0,
        member=facts.member_id,
        name=facts.name,
        key=GROUP_KEY,
        opens=opens,
        reason=reason,
        rule=decision.rule or (row.rule if row is not None else ""),
        record=decision.record or (row.record or "" if row is not None else ""),
        grant_id=row.id if row is not None else None,
        before=before,
        after=wanted,
        valid_from=decision.valid_from if wanted is not None else (row.valid_from if row is not None else None),
        valid_until=wanted.valid_until if wanted is not None else (row.valid_until if row is not None else None),
        surprise=surprise,
    )


def _first_opens(wanted: Wanted | None, before: Wanted | None, decision: Decision, row: LedgerRow | None) -> g.Opens:
    """What a line is about: what shall be opened, else what stands, else what was once asked for."""
    for known in (wanted, before):
        if known is not None:
            return known.opens
    if decision.opens is not None:
        return decision.opens
    return row.opens if row is not None else g.Opens()


def _why_changed(
    decision: Decision, before: Wanted | None, wanted: Wanted, row: LedgerRow, rules: TargetRules, zone: ZoneInfo
) -> Reason:
    """The reason of the grant, with what is different."""
    if before is None:
        return decision.reason
    parts: list[str] = []
    if before.opens != wanted.opens:
        parts.append(f"{_opens_text(before.opens, rules)} → {_opens_text(wanted.opens, rules)}")
    if before.valid_until != wanted.valid_until:
        old = times.moment_text(before.valid_until, zone) or "open end"
        new = times.moment_text(wanted.valid_until, zone) or "open end"
        parts.append(f"until {old} → {new}")
    if before.badges != wanted.badges:
        old_numbers, new_numbers = ({badge.number for badge in side.badges} for side in (before, wanted))
        parts += [f"badge {number} added" for number in sorted(new_numbers - old_numbers)]
        parts += [f"badge {number} taken back" for number in sorted(old_numbers - new_numbers)]
    if before.profile != wanted.profile:
        parts.append("name or language changed")
    if row.drift:
        parts.append(f"{rules.target} holds something else: {row.drift}")
    if not parts:
        parts.append("confirmed again")
    return Reason("changed", {**decision.reason.values, "what": "; ".join(parts)})


def _opens_text(opens: g.Opens, rules: TargetRules) -> str:
    return rules.name_of(opens.group) if opens.group is not None else ", ".join(opens.locks)
