"""The one decision: what should a member have at a target, now, and why.

A pure function of records, rules and the moment. Sync, plans, `explain` and every export ask it and nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from hub import grants as g
from hub import records as r
from hub import times
from hub.access.reasons import Reason
from hub.access.rules import Credential, PassRule, TargetRules
from hub.access.windows import FOREVER, SINCE_EVER, Window, covering, next_edge

__all__ = ["GROUP_KEY", "Decision", "Facts", "Wanted", "decide"]

GROUP_KEY = "group"


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What should stand at the vendor. Two of these are equal exactly when nothing has to be done. `endless`: the end
    is left out on purpose, because access is never taken away here. `valid_from` and `credential` belong to visits:
    None for the start says that it is long past."""

    opens: g.Opens
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    endless: bool = False
    badges: tuple[g.Badge, ...] = ()
    profile: dict[str, Any] = {}
    credential: Credential | None = None


@dataclass(slots=True)
class Facts:
    """The records of one member, as far as they matter here. `badge_rivals`: other members with the same number."""

    source: str
    member_id: str
    pass_names: Mapping[str, str]
    member: r.Member | None = None
    gone: bool = False
    passes: list[r.MemberPass] = field(default_factory=list)
    badges: list[r.Badge] = field(default_factory=list)
    gone_member: r.Member | None = None
    """The member's record as it was when a complete read missed it."""
    gone_passes: tuple[tuple[r.MemberPass, str], ...] = ()
    gone_badges: tuple[tuple[r.Badge, str], ...] = ()
    badge_rivals: Mapping[str, tuple[str, ...]] | None = None
    resource_names: Mapping[str, str] = field(default_factory=dict)
    community_names: Mapping[str, str] = field(default_factory=dict)
    bookings: list[r.Booking] = field(default_factory=list)
    gone_bookings: tuple[tuple[r.Booking, str], ...] = ()
    handed_on: frozenset[str] = frozenset()
    """Bookings that were this member's and are somebody else's now."""
    sessions: Mapping[str, tuple[r.Session, str | None]] = field(default_factory=dict)
    """The sessions that bookings are of, and how they are gone (None: they are not)."""
    communities: list[r.CommunityMember] = field(default_factory=list)
    gone_communities: tuple[tuple[r.CommunityMember, str], ...] = ()
    set_aside: str | None = None

    @property
    def ref(self) -> str:
        """The member as people write it: `source:id`."""
        return f"{self.source}:{self.member_id}"

    @property
    def name(self) -> str:
        """The member's name, or the id."""
        return self.member.name if self.member is not None else self.member_id


@dataclass(slots=True)
class Decision:
    """What the rules say. `wanted` None means no access; `blocked` that the rules would give it and something else
    stands in the way (then what stands at the vendor is left alone, unless `take` says otherwise).

    The sentences are only made when somebody asks for them: most decisions change nothing and nobody reads them.
    """

    wanted: Wanted | None
    why: Callable[[], tuple[Reason, ...]]
    blocked: str | None = None
    take: bool = False
    opens: g.Opens | None = None
    valid_from: datetime | None = None
    rule: str = ""
    record: str = ""
    due_at: datetime | None = None
    key: str = GROUP_KEY
    reference: str = ""
    """What a visit is for, in the source's words."""
    _reasons: tuple[Reason, ...] | None = field(default=None, repr=False, compare=False)

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """All reasons, the deciding one first."""
        if self._reasons is None:
            self._reasons = self.why()
        return self._reasons

    @property
    def reason(self) -> Reason:
        """The deciding reason."""
        return self.reasons[0]


class _Chosen(NamedTuple):
    """The pass that decides, under its rule, and the stretch that all passes cover together."""

    rule: PassRule
    item: r.MemberPass
    stretch: Window


def decide(facts: Facts, rules: TargetRules, now: datetime, zone: ZoneInfo) -> Decision:
    """Decide about one member. `zone` is the studio's, for the dates in sentences only."""
    mapped: list[tuple[PassRule, Window, r.MemberPass]] = []
    for item in facts.passes:
        rule = rules.passes.get((facts.source, item.pass_id))
        if rule is not None and item.state is r.PassState.ACTIVE:
            mapped.append((rule, Window.of(item.valid_from, _whole(item.valid_until)), item))
    due_at = next_edge([entry[1] for entry in mapped], now)
    chosen = _choose(mapped, now)
    if chosen is None or facts.member is None or facts.member.archived:
        return Decision(None, partial(_why_not, facts, rules, now, zone), due_at=due_at)
    opens = g.Opens(group=chosen.rule.group)
    code = _obstacle(facts, rules, chosen.rule)
    wanted = None
    if code is None:
        ends = chosen.stretch.ends if chosen.stretch.ends != FOREVER else None
        kept = rules.policy == "grant_only" or (bool(rules.protect) and facts.ref in rules.protect)
        endless = kept and ends is not None
        wanted = Wanted(
            opens=opens,
            valid_until=None if endless else ends,
            endless=endless,
            badges=_badges(facts),
            profile=_profile(facts.member, rules.profile),
        )
    return Decision(
        wanted,
        partial(_why, code or "ok", facts, rules, chosen, zone),
        blocked=code,
        # Without a badge nothing opens, so what stands is taken back; the other obstacles leave it alone.
        take=code in {"no_badge", "badges_unread"},
        opens=opens,
        valid_from=chosen.stretch.starts if chosen.stretch.starts != SINCE_EVER else None,
        rule=chosen.rule.text,
        record=f"member_pass:{chosen.item.id}",
        due_at=due_at,
    )


def _whole(moment: datetime | None) -> datetime | None:
    """A moment in whole seconds, which is as exact as vendors are; a fraction would differ for ever."""
    return moment.replace(microsecond=0) if moment is not None and moment.microsecond else moment


def _choose(mapped: Sequence[tuple[PassRule, Window, r.MemberPass]], now: datetime) -> _Chosen | None:
    running = [entry for entry in mapped if entry[1].holds(now)]
    if not running:
        return None
    # Of two passes under one rule the one that lasts longer is the reason.
    rule, window, item = min(running, key=lambda entry: (entry[0], FOREVER - entry[1].ends))
    stretch = window if len(mapped) == 1 else covering([entry[1] for entry in mapped], now)
    return _Chosen(rule, item, stretch or window)


def _obstacle(facts: Facts, rules: TargetRules, rule: PassRule) -> str | None:
    """The code of what stands in the way although the rules give access."""
    if rules.openings is not None and rule.group not in rules.openings.groups:
        return "opening_missing"
    if rules.badge_needed and not facts.badges:
        return "badges_unread" if facts.source in rules.badges_unread else "no_badge"
    if rules.badge_needed and facts.badge_rivals:
        return "badge_twice"
    return None


def _badges(facts: Facts) -> tuple[g.Badge, ...]:
    badges = [g.Badge(badge.number, badge.medium) for badge in facts.badges]
    if len(badges) > 1:
        badges.sort(key=lambda badge: badge.number)
    return tuple(badges)


def _profile(member: r.Member, names: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in names:
        value = getattr(member, name)
        if value is not None:
            found[name] = value.isoformat() if isinstance(value, date) else value
    return found


def _why(code: str, facts: Facts, rules: TargetRules, chosen: _Chosen, zone: ZoneInfo) -> tuple[Reason, ...]:
    """Why the rules give what they give, or what stands in the way of it."""
    ends = chosen.stretch.ends
    values = {
        "pass_name": facts.pass_names.get(chosen.item.pass_id, chosen.item.pass_id),
        "until": f" until {times.moment_text(ends, zone)}" if ends != FOREVER else "",
        "opens": rules.name_of(chosen.rule.group),
        "target": rules.target,
        "source": facts.source,
        "name": facts.name,
    }
    if (unset := rules.badges_unread.get(facts.source)) is not None:
        values |= {"setting": unset.name, "label": unset.label}
    if facts.badge_rivals:
        number, others = next(iter(facts.badge_rivals.items()))
        values |= {"badge": number, "others": ", ".join(others)}
    return (Reason(code, values),)


def _why_not(facts: Facts, rules: TargetRules, now: datetime, zone: ZoneInfo) -> tuple[Reason, ...]:
    """Why the rules give nothing, the most telling reason first."""
    base = {"source": facts.source, "target": rules.target, "member": facts.member_id, "name": facts.name}
    found: list[tuple[int, Reason]] = []
    if facts.set_aside is not None:
        found.append((0, Reason("record_set_aside", {**base, "what": facts.set_aside})))
    if facts.member is None:
        found.append((1, Reason("member_gone" if facts.gone else "no_member", base)))
    elif facts.member.archived:
        found.append((1, Reason("archived", base)))
    for item in facts.passes:
        names = {**base, "pass_name": facts.pass_names.get(item.pass_id, item.pass_id)}
        mapped = (facts.source, item.pass_id) in rules.passes
        window = Window.of(item.valid_from, item.valid_until)
        if window.ends <= now:
            ended = times.moment_text(item.valid_until, zone) if item.valid_until else ""
            found.append((6 if mapped else 8, Reason("pass_ended", {**names, "ended": ended})))
        elif item.state is not r.PassState.ACTIVE:
            found.append((3 if mapped else 7, Reason("pass_state", {**names, "state": item.state.value})))
        elif not mapped:
            found.append((4, Reason("no_mapping", names)))
        elif window.starts > now:
            starts = times.moment_text(item.valid_from, zone, end=False) if item.valid_from else ""
            found.append((2, Reason("pass_not_started", {**names, "starts": starts})))
    for item, _how in facts.gone_passes:
        names = {**base, "pass_name": facts.pass_names.get(item.pass_id, item.pass_id)}
        if Window.of(item.valid_from, item.valid_until).ends > now:
            found.append((5, Reason("pass_gone", names)))
    if not facts.passes and not any(reason.code == "pass_gone" for _, reason in found):
        found.append((9, Reason("no_pass", base)))
    return tuple(reason for _, reason in sorted(found, key=lambda entry: entry[0]))
