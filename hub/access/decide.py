"""The one decision: what should a member have at a target, now, and why.

A pure function of records, rules and the moment. Sync, plans, `explain` and every export ask it and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hub import grants as g
from hub import records as r
from hub.access.reasons import Reason
from hub.access.rules import PassRule, TargetRules
from hub.access.windows import FOREVER, SINCE_EVER, Window, covering, next_edge

__all__ = ["Decision", "Facts", "Wanted", "decide", "moment_text"]

GROUP_KEY = "group"


class Wanted(msgspec.Struct, frozen=True, omit_defaults=True):
    """What should stand at the vendor. Two of these are equal exactly when nothing has to be done."""

    opens: g.Opens
    valid_until: datetime | None = None
    badges: tuple[g.Badge, ...] = ()
    profile: dict[str, Any] = {}


@dataclass
class Facts:
    """The records of one member, as far as they matter here. `badge_rivals`: other members with the same number."""

    source: str
    member_id: str
    member: r.Member | None = None
    gone: bool = False
    passes: list[r.MemberPass] = field(default_factory=list)
    gone_passes: list[tuple[r.MemberPass, str]] = field(default_factory=list)
    badges: list[r.Badge] = field(default_factory=list)
    badge_rivals: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pass_names: Mapping[str, str] = field(default_factory=dict)
    set_aside: str | None = None

    @property
    def ref(self) -> str:
        """The member as people write it: `source:id`."""
        return f"{self.source}:{self.member_id}"

    @property
    def name(self) -> str:
        """The member's name, or the id."""
        return self.member.name if self.member is not None else self.member_id


@dataclass(frozen=True)
class Decision:
    """What the rules say. `wanted` None means no access; `blocked` that the rules would give it and something else
    stands in the way (then what stands at the vendor is left alone, unless `take` says otherwise)."""

    wanted: Wanted | None
    reason: Reason
    others: tuple[Reason, ...] = ()
    blocked: bool = False
    take: bool = False
    opens: g.Opens | None = None
    valid_from: datetime | None = None
    rule: str = ""
    record: str = ""
    due_at: datetime | None = None

    @property
    def reasons(self) -> tuple[Reason, ...]:
        """All reasons, the deciding one first."""
        return (self.reason, *self.others)


def decide(facts: Facts, rules: TargetRules, now: datetime, zone: ZoneInfo) -> Decision:
    """Decide about one member. `zone` is the studio's, for the dates in sentences only."""
    mapped: list[tuple[PassRule, Window, r.MemberPass]] = []
    edges: list[Window] = []
    for item in facts.passes:
        rule = rules.passes.get((facts.source, item.pass_id))
        if rule is None or item.state is not r.PassState.ACTIVE:
            continue
        window = Window.of(item.valid_from, item.valid_until)
        edges.append(window)
        mapped.append((rule, window, item))
    due_at = next_edge(edges, now)
    running = [entry for entry in mapped if entry[1].holds(now)]
    if not running or (facts.member is not None and facts.member.archived) or facts.member is None:
        reasons = _why_not(facts, rules, now, zone)
        return Decision(None, reasons[0], reasons[1:], due_at=due_at)

    # Of two passes under one rule the one that lasts longer is the reason.
    rule, _, best = min(running, key=lambda entry: (entry[0], FOREVER - entry[1].ends))
    stretch = covering([entry[1] for entry in mapped], now)
    assert stretch is not None  # noqa: S101 - a window that holds now is one of those that cover it
    valid_from = stretch.starts if stretch.starts != SINCE_EVER else None
    valid_until = stretch.ends if stretch.ends != FOREVER else None
    forever = facts.ref in rules.protect or rules.policy == "grant_only"
    names = {
        "pass_name": facts.pass_names.get(best.pass_id, best.pass_id),
        "until": f" until {moment_text(valid_until, zone)}" if valid_until else "",
        "opens": rules.name_of(rule.group),
        "target": rules.target,
        "source": facts.source,
        "name": facts.name,
    }
    opens = g.Opens(group=rule.group)
    common = {
        "opens": opens,
        "valid_from": valid_from,
        "rule": rule.text,
        "record": f"member_pass:{best.id}",
        "due_at": due_at,
    }
    if rules.openings is not None and rule.group not in rules.openings:
        return Decision(None, Reason("opening_missing", names), blocked=True, **common)  # type: ignore[arg-type]
    if rules.badge_needed:
        if not facts.badges:
            return Decision(None, Reason("no_badge", names), blocked=True, take=True, **common)  # type: ignore[arg-type]
        for badge in facts.badges:
            if rivals := facts.badge_rivals.get(badge.number):
                clash = {**names, "badge": badge.number, "others": ", ".join(rivals)}
                return Decision(None, Reason("badge_twice", clash), blocked=True, **common)  # type: ignore[arg-type]
    wanted = Wanted(
        opens=opens,
        valid_until=None if forever else valid_until,
        badges=tuple(sorted((g.Badge(b.number, b.medium) for b in facts.badges), key=lambda b: b.number)),
        profile=_profile(facts.member, rules.profile),
    )
    return Decision(wanted, Reason("ok", names), **common)  # type: ignore[arg-type]


def _profile(member: r.Member, names: Iterable[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name in sorted(names):
        value = getattr(member, name)
        if value is not None:
            found[name] = value.isoformat() if isinstance(value, date) else value
    return found


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
            ended = moment_text(item.valid_until, zone) if item.valid_until else ""
            found.append((6 if mapped else 8, Reason("pass_ended", {**names, "ended": ended})))
        elif item.state is not r.PassState.ACTIVE:
            found.append((3 if mapped else 7, Reason("pass_state", {**names, "state": item.state.value})))
        elif not mapped:
            found.append((4, Reason("no_mapping", names)))
        elif window.starts > now:
            starts = moment_text(item.valid_from, zone, end=False) if item.valid_from else ""
            found.append((2, Reason("pass_not_started", {**names, "starts": starts})))
    for item, _how in facts.gone_passes:
        names = {**base, "pass_name": facts.pass_names.get(item.pass_id, item.pass_id)}
        if Window.of(item.valid_from, item.valid_until).ends > now:
            found.append((5, Reason("pass_gone", names)))
    if not facts.passes and not any(reason.code == "pass_gone" for _, reason in found):
        found.append((9, Reason("no_pass", base)))
    return tuple(reason for _, reason in sorted(found, key=lambda entry: entry[0]))


@lru_cache(maxsize=4096)
def moment_text(moment: datetime | None, zone: ZoneInfo, *, end: bool = True) -> str:
    """A moment for people, in the studio's zone. Windows are half open, so the `end` of one that closes at midnight
    reads as the day before: the last day on which it held."""
    if moment is None:
        return ""
    local = moment.astimezone(zone)
    if local.time() == time.min:
        return ((local - timedelta(seconds=1)) if end else local).strftime("%-d %b %Y")
    return local.strftime("%-d %b %Y %H:%M")
