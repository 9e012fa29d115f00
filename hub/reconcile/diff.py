"""One member: what the rules decided against what the ledger holds → a line of the plan, or nothing to do."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import Column

from hub import grants as g
from hub.access.decide import GROUP_KEY, Decision, Facts, Wanted, moment_text
from hub.access.reasons import Reason
from hub.access.rules import TargetRules
from hub.access.windows import FOREVER, Window
from hub.reconcile.plan import Action, Change
from hub.records import MemberPass, PassState
from hub.store import tables as t

__all__ = ["Held", "LedgerRow", "decode_wanted", "diff", "encode_wanted", "ledger_columns"]


class LedgerRow(msgspec.Struct, frozen=True, gc=False):
    """A live grant as the ledger holds it, as far as a plan needs it. Its fields are columns of the
    ledger, in this order (see `ledger_columns`)."""

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
    record: str | None
    rule: str
    drift: str | None
    next_try_at: datetime | None

    @property
    def before(self) -> Wanted | None:
        """What stands at the vendor, as far as the hub knows."""
        return decode_wanted(self.applied) if self.applied else None

    @property
    def opens(self) -> g.Opens:
        """What stands, or what was asked for."""
        text = self.applied or self.wanted
        return decode_wanted(text).opens if text else g.Opens()

    @property
    def stands(self) -> bool:
        """Whether something may stand at the vendor."""
        return self.applied is not None or self.state == "unknown"


def ledger_columns() -> list[Column[Any]]:
    """The columns of a `LedgerRow`."""
    return [t.ledger.c[name] for name in LedgerRow.__struct_fields__]


@dataclass(frozen=True)
class Held:
    """Nothing is done, and this is the code of the reason (None: all is well)."""

    code: str | None = None


decode_wanted = msgspec.json.Decoder(Wanted).decode
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
    wanted = decision.wanted
    if row is None:
        return _line(Action.CREATE, decision, facts, None, wanted, reason=decision.reason)
    before = row.before
    protected = facts.ref in rules.protect
    if protected and before is not None and before.opens != wanted.opens:
        wanted = msgspec.structs.replace(wanted, opens=before.opens)
    if row.settled and row.drift is None and row.applied == encode_wanted(wanted):
        return Held("protected" if protected and wanted != decision.wanted else None)
    if not row.settled and row.next_try_at is not None and row.next_try_at > now and not retry:
        return Held("vendor_error")
    action = Action.CREATE if before is None else Action.CHANGE
    shorter = before is not None and (before.valid_until or FOREVER) > (wanted.valid_until or FOREVER)
    return _line(
        action,
        decision,
        facts,
        row,
        wanted,
        reason=_why_changed(decision, before, wanted, row, rules, zone),
        surprise=shorter,
    )


def _nothing_wanted(
    decision: Decision, row: LedgerRow | None, facts: Facts, rules: TargetRules, now: datetime, zone: ZoneInfo
) -> Change | Held:
    if row is None or (decision.blocked and not decision.take):
        if not decision.blocked:
            return Held(None)
        line = _line(Action.BLOCKED, decision, facts, row, None, reason=decision.reason)
        return msgspec.structs.replace(line, note=decision.blocked)
    if rules.policy == "grant_only":
        return Held("policy_grant_only")
    if facts.ref in rules.protect:
        return Held("protected")
    surprise = row.stands and _surprising(decision, row, facts, now)
    vanished = surprise and _deciding_pass(row, facts) is None
    window = Window.of(row.valid_from, row.valid_until)
    if vanished and window.short and window.holds(now):
        return Held("running_window")
    line = _line(Action.REMOVE, decision, facts, row, None, reason=decision.reason, surprise=surprise)
    return msgspec.structs.replace(line, note=decision.blocked)


def _surprising(decision: Decision, row: LedgerRow, facts: Facts, now: datetime) -> bool:
    """Whether a removal is one that nobody announced. An end date that was known and arrived is none; neither is
    anything that the source itself marks as over."""
    if row.valid_until is not None and row.valid_until <= now:
        return False
    if facts.member is not None and facts.member.archived:
        return False
    live = _deciding_pass(row, facts)
    if live is not None:
        return live.state is PassState.ACTIVE or live.state is PassState.PENDING
    said = {f"member_pass:{item.id}": how for item, how in facts.gone_passes}
    return said.get(row.record or "") != "said"


def _deciding_pass(row: LedgerRow, facts: Facts) -> MemberPass | None:
    for item in facts.passes:
        if f"member_pass:{item.id}" == row.record:
            return item
    return None


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
        old = moment_text(before.valid_until, zone) or "open end"
        new = moment_text(wanted.valid_until, zone) or "open end"
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
