"""Why bookings, communities and passes open no doors (any more)."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from hub import records as r
from hub import times
from hub.access.decide import Facts
from hub.access.doors import OPENING, booked_window, class_is_off, references
from hub.access.facts import OVER, VANISHED
from hub.access.reasons import Reason
from hub.access.rules import TargetRules
from hub.access.windows import Window

__all__ = ["why_ended", "why_no_door", "why_over"]


def _base(facts: Facts, rules: TargetRules) -> dict[str, str]:
    return {"target": rules.target, "source": facts.source, "member": facts.member_id, "name": facts.name}


def _of(booking: r.Booking, facts: Facts, rules: TargetRules) -> dict[str, str]:
    resource = facts.resource_names.get(booking.resource_id or "", booking.resource_id or "")
    return {**_base(facts, rules), "reference": booking.number or booking.id, "resource": resource}


def why_no_door(facts: Facts, rules: TargetRules, now: datetime, zone: ZoneInfo) -> tuple[Reason, ...]:
    """What keeps bookings and communities that are not over from opening something, one reason each."""
    found: list[Reason] = []
    for booking in facts.bookings:
        values = _of(booking, facts, rules)
        window = booked_window(booking, facts)
        if window is not None and window.ends <= now:
            continue
        mapped = (facts.source, booking.resource_id or "") in rules.resources
        if booking.resource_id is None or (not mapped and not rules.resources):
            continue
        if booking.state is r.BookingState.CANCELLED or class_is_off(booking, facts):
            found.append(Reason("booking_cancelled", values))
        elif booking.state not in OPENING:
            found.append(Reason("booking_state", {**values, "state": booking.state.value}))
        elif not mapped:
            found.append(Reason("booking_unmapped", values))
        elif window is None:
            found.append(Reason("booking_times", values))
    for belongs in facts.communities:
        name = facts.community_names.get(belongs.community_id, belongs.community_id)
        values = {**_base(facts, rules), "community": name}
        if not belongs.accepted or Window.of(belongs.valid_from, belongs.valid_until).ends <= now:
            found.append(Reason("community_over", values))
        elif rules.communities and (facts.source, belongs.community_id) not in rules.communities:
            found.append(Reason("community_unmapped", values))
    return tuple(found)


def why_ended(
    record: str,
    ends: datetime | None,
    opens: str,
    facts: Facts,
    rules: TargetRules,
    now: datetime,
    zone: ZoneInfo,
    *,
    wanted: frozenset[str],
) -> tuple[Reason, bool]:
    """Why a visit that rests on these records is over, and whether that was announced. `wanted` are the records that
    give visits now."""
    base = {**_base(facts, rules), "opens": opens}
    if ends is not None and ends <= now:
        return Reason("visit_over", {**base, "ended": times.moment_text(ends, zone)}), True
    if facts.member is not None and facts.member.archived:
        return Reason("archived", base), True
    if facts.gone and facts.gone_member is None:
        return Reason("member_gone", base), True
    reasons = [why_over(kind, name, facts, rules, wanted) for kind, name in references(record)]
    # One announced reason explains a visit that several bookings made together.
    for reason, announced in reasons:
        if reason is not None and announced:
            return reason, True
    for reason, _ in reasons:
        if reason is not None:
            return reason, False
    return Reason("no_door_rule", base), False


def why_over(
    kind: str, name: str, facts: Facts, rules: TargetRules, wanted: frozenset[str]
) -> tuple[Reason | None, bool]:
    """Why one record gives nothing (any more), where that can be told, and whether the source said so."""
    if kind == "booking":
        return _of_booking(name, facts, rules, wanted)
    if kind == "community_member":
        return _of_community(name, facts, rules)
    for item in facts.passes:
        if item.id == name and item.state in OVER:
            values = {"pass_name": facts.pass_names.get(item.pass_id, item.pass_id), "state": item.state.value}
            return Reason("pass_state", {**_base(facts, rules), **values}), True
    for item, how in facts.gone_passes:
        if item.id == name:
            pass_name = facts.pass_names.get(item.pass_id, item.pass_id)
            return Reason("pass_gone", {**_base(facts, rules), "pass_name": pass_name}), how != VANISHED
    return None, False


def _of_booking(name: str, facts: Facts, rules: TargetRules, wanted: frozenset[str]) -> tuple[Reason | None, bool]:
    for booking in facts.bookings:
        if booking.id != name:
            continue
        values = _of(booking, facts, rules)
        if booking.state is r.BookingState.CANCELLED or class_is_off(booking, facts):
            return Reason("booking_cancelled", values), True
        if booking.state not in OPENING:
            return Reason("booking_state", {**values, "state": booking.state.value}), True
        if f"booking:{name}" in wanted:
            return Reason("booking_moved", values), True
        return None, False
    for booking, how in facts.gone_bookings:
        if booking.id == name:
            return Reason("booking_gone", _of(booking, facts, rules)), how != VANISHED
    if name in facts.handed_on:
        return Reason("booking_handed_on", {**_base(facts, rules), "reference": name}), True
    return None, False


def _of_community(name: str, facts: Facts, rules: TargetRules) -> tuple[Reason | None, bool]:
    gone = [(belongs, how) for belongs, how in facts.gone_communities if belongs.id == name]
    for belongs, how in [*((one, None) for one in facts.communities if one.id == name), *gone]:
        community = facts.community_names.get(belongs.community_id, belongs.community_id)
        reason = Reason("community_over", {**_base(facts, rules), "community": community})
        if how is None and belongs.accepted and (facts.source, belongs.community_id) in rules.communities:
            # It was cut short, or starts later than it did.
            return reason, False
        if how is None and belongs.accepted:
            return None, False
        return reason, how != VANISHED
    return None, False
