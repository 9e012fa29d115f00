"""What a change takes away from a member, and whether anybody announced it.

Known end dates that arrive, and what the source itself marks as over, are announced. What vanished from the source, and
dates that were cut, are surprises: they may be a broken export, so they are counted, and held where there are many.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec

from hub.access.decide import Decision, Facts, Wanted, decide
from hub.access.facts import OVER, VANISHED
from hub.access.rules import TargetRules
from hub.access.windows import FOREVER, Window
from hub.records import MemberPass, PassState

__all__ = ["Loss", "loses", "why_lost", "without_loss"]


@dataclass(frozen=True)
class Loss:
    """Why something is lost. `visit_until`: a record vanished in the middle of a visit, which is left to run out."""

    surprise: bool
    visit_until: datetime | None = None


def loses(before: Wanted, after: Wanted | None) -> bool:
    """Whether somebody who has `before` loses something with `after`."""
    return after is None or before.opens != after.opens or _shorter(before, after) or bool(_fewer(before, after))


def _shorter(before: Wanted, after: Wanted) -> bool:
    return not before.endless and (before.valid_until or FOREVER) > (after.valid_until or FOREVER)


def _fewer(before: Wanted, after: Wanted) -> set[str]:
    return {badge.number for badge in before.badges} - {badge.number for badge in after.badges}


def without_loss(before: Wanted, after: Wanted) -> Wanted:
    """`after` without what it takes away from `before`."""
    lost = _fewer(before, after)
    badges = [*after.badges, *(badge for badge in before.badges if badge.number in lost)]
    return msgspec.structs.replace(
        after,
        opens=before.opens,
        valid_until=before.valid_until if _shorter(before, after) else after.valid_until,
        badges=tuple(sorted(badges, key=lambda badge: badge.number)),
    )


def why_lost(
    before: Wanted,
    known_end: datetime | None,
    record: str | None,
    after: Wanted | None,
    facts: Facts,
    rules: TargetRules,
    now: datetime,
    zone: ZoneInfo,
) -> Loss:
    """Judge a loss. `known_end` and `record` are the grant's end and deciding pass as the ledger holds them."""
    if known_end is not None and known_end <= now:
        return Loss(surprise=False)
    if facts.member is not None and facts.member.archived:
        return Loss(surprise=False)
    restored = _with_vanished(facts, before)
    then = decide(restored, rules, now, zone)
    if not loses(before, then.wanted):
        return Loss(surprise=True, visit_until=_visit_until(then, restored, now))
    if not loses(before, decide(_with_over(facts, before, record), rules, now, zone).wanted):
        return Loss(surprise=False)
    # Nothing explains it: a pass that was cut short, or a mapping row that an admin edited. Another group or another
    # badge in the place of one that is still listed is no loss of access.
    return Loss(surprise=after is None or _shorter(before, after))


def _with_vanished(facts: Facts, before: Wanted) -> Facts:
    """The facts as if nothing had vanished that the grant may rest on."""
    numbers = {badge.number for badge in before.badges}
    return replace(
        facts,
        member=facts.member or facts.gone_member,
        passes=[*facts.passes, *(item for item, how in facts.gone_passes if how == VANISHED)],
        badges=[
            *facts.badges,
            *(badge for badge, how in facts.gone_badges if how == VANISHED and badge.number in numbers),
        ],
    )


def _with_over(facts: Facts, before: Wanted, record: str | None) -> Facts:
    """The facts as if the source had not marked anything as over. The pass that the grant rests on is taken to have
    lasted as long as the grant: sources move its end when they end it."""
    numbers = {badge.number for badge in before.badges}
    passes: list[MemberPass] = []
    for item in [*facts.passes, *(item for item, how in facts.gone_passes if how != VANISHED)]:
        if item.state is PassState.ACTIVE and item in facts.passes:
            passes.append(item)
        elif item.state in OVER or item.state is PassState.ACTIVE:
            own = f"member_pass:{item.id}" == record
            passes.append(
                msgspec.structs.replace(
                    item, state=PassState.ACTIVE, valid_until=before.valid_until if own else item.valid_until
                )
            )
    return replace(
        facts,
        passes=passes,
        badges=[
            *facts.badges,
            *(badge for badge, how in facts.gone_badges if how != VANISHED and badge.number in numbers),
        ],
    )


def _visit_until(then: Decision, facts: Facts, now: datetime) -> datetime | None:
    """The end of the visit that would be cut, where the deciding pass is one that runs now."""
    for item in facts.passes:
        if f"member_pass:{item.id}" == then.record:
            window = Window.of(item.valid_from, item.valid_until)
            if window.short and window.holds(now):
                return window.ends
    return None
