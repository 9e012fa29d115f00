"""Which windows on doors a member should have: by bookings, communities and passes.

A *visit* is a window on some locks that stands by itself. It never changes: another window is another visit. Touching
and overlapping windows of one member on the same locks are one visit. Bookings give visits as soon as they are known,
so that the door knows them before somebody stands there; communities and passes give one while they run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import NamedTuple
from zoneinfo import ZoneInfo

from hub import grants as g
from hub import records as r
from hub import times
from hub.access.decide import Decision, Facts, Wanted
from hub.access.facts import VANISHED
from hub.access.reasons import Reason
from hub.access.rules import Credential, DoorRule, TargetRules
from hub.access.windows import FOREVER, SINCE_EVER, Window, covering

__all__ = [
    "OPENING",
    "Doors",
    "booked_window",
    "class_is_off",
    "decide_doors",
    "references",
    "visit_key",
    "window_text",
]

OPENING = frozenset({r.BookingState.CONFIRMED, r.BookingState.CHECKED_IN, r.BookingState.NO_SHOW})
"""States of a booking that open doors. Who was noted as missing may come late: the window ends by itself."""


class _Part(NamedTuple):
    """One reason for a window: a booking, belonging to a community, or a pass."""

    window: Window
    rule: DoorRule
    record: str
    reference: str
    reason: Callable[[Window], Reason]


@dataclass(frozen=True, slots=True)
class Doors:
    """The visits that a member should have. `due_at`: when the clock alone changes them."""

    visits: tuple[Decision, ...] = ()
    due_at: datetime | None = None

    @property
    def wanted(self) -> dict[str, Decision]:
        """The visits that nothing stands in the way of, by key."""
        return {visit.key: visit for visit in self.visits if visit.wanted is not None}


NOTHING = Doors()


def visit_key(opens: g.Opens, starts: datetime | None, ends: datetime | None) -> str:
    """What tells a member's visits at one target apart: locks and window."""
    edges = (times.to_text(edge) if edge is not None else "" for edge in (starts, ends))
    return f"locks:{','.join(opens.locks)}@{'/'.join(edges)}"


def references(record: str) -> list[tuple[str, str]]:
    """The records that a grant rests on, as (kind, id)."""
    pairs = (line.partition(":") for line in record.split("\n") if line)
    return [(kind, name) for kind, _, name in pairs]


def decide_doors(facts: Facts, rules: TargetRules, now: datetime, zone: ZoneInfo) -> Doors:
    """Decide about one member's visits. A booking opens its doors also for somebody whose own record was never read:
    it is the source's word that they may come in."""
    if not rules.doors or facts.gone or (facts.member is not None and facts.member.archived):
        return NOTHING
    booked, standing = _booked(facts, rules, zone), _standing(facts, rules, zone)
    visits: list[Decision] = []
    edges: list[datetime] = []
    for locks in sorted({part.rule.locks for part in (*booked, *standing)}):
        long = [part for part in standing if part.rule.locks == locks]
        edges += [edge for part in long for edge in part.window if now < edge < FOREVER]
        running = covering([part.window for part in long], now)
        if running is not None:
            parts = [part for part in long if part.window.holds(now)]
            visits.append(_visit(locks, Window(SINCE_EVER, running.ends), parts, facts, rules, zone))
        for window, parts in _merged([part for part in booked if part.rule.locks == locks]):
            if window.ends <= now:
                continue
            edges.append(window.ends)
            if running is None or running.ends < window.ends:
                visits.append(_visit(locks, window, parts, facts, rules, zone))
    return Doors(tuple(visits), min(edges, default=None))


def _booked(facts: Facts, rules: TargetRules, zone: ZoneInfo) -> list[_Part]:
    found: list[_Part] = []
    for booking in facts.bookings:
        window = booked_window(booking, facts)
        if window is None or booking.state not in OPENING or booking.resource_id is None:
            continue
        found += [
            _Part(
                whole_window(window, rule),
                rule,
                f"booking:{booking.id}",
                booking.number or booking.id,
                partial(_booking_reason, facts, rules, booking, rule, zone),
            )
            for rule in rules.resources.get((facts.source, booking.resource_id), ())
        ]
    return found


def booked_window(booking: r.Booking, facts: Facts) -> Window | None:
    """When a booking is for, in whole seconds; None where it says nothing, or its class is off."""
    session, _ = facts.sessions.get(booking.session_id or "", (None, None))
    if class_is_off(booking, facts):
        return None
    starts = booking.starts_at or (session.starts_at if session is not None else None)
    ends = booking.ends_at or (session.ends_at if session is not None else None)
    if starts is None or ends is None or ends <= starts:
        return None
    return Window.of(starts.replace(microsecond=0), ends.replace(microsecond=0))


def whole_window(booked: Window, rule: DoorRule) -> Window:
    """A booking's window with the minutes before and after."""
    return Window(
        booked.starts - rule.before if booked.starts > SINCE_EVER else SINCE_EVER,
        booked.ends + rule.after if booked.ends < FOREVER else FOREVER,
    )


def class_is_off(booking: r.Booking, facts: Facts) -> bool:
    """Whether the class that a booking is of was cancelled, or deleted by the source. One that a read just missed may
    be a broken read."""
    session, gone = facts.sessions.get(booking.session_id or "", (None, None))
    return session is not None and (session.state is r.SessionState.CANCELLED or gone not in {None, VANISHED})


def _standing(facts: Facts, rules: TargetRules, zone: ZoneInfo) -> list[_Part]:
    found: list[_Part] = []
    for belongs in facts.communities:
        if not belongs.accepted:
            continue
        window = _limits(belongs.valid_from, belongs.valid_until)
        for rule in rules.communities.get((facts.source, belongs.community_id), ()):
            name = facts.community_names.get(belongs.community_id, belongs.community_id)
            reason = partial(_standing_reason, facts, rules, rule, zone, "community_ok", {"community": name})
            found.append(_Part(window, rule, f"community_member:{belongs.id}", name, reason))
    for item in facts.passes:
        if item.state is not r.PassState.ACTIVE:
            continue
        window = _limits(item.valid_from, item.valid_until)
        for rule in rules.door_passes.get((facts.source, item.pass_id), ()):
            name = facts.pass_names.get(item.pass_id, item.pass_id)
            reason = partial(_standing_reason, facts, rules, rule, zone, "ok", {"pass_name": name})
            found.append(_Part(window, rule, f"member_pass:{item.id}", name, reason))
    return found


def _limits(starts: datetime | None, ends: datetime | None) -> Window:
    return Window.of(starts, ends.replace(microsecond=0) if ends is not None else None)


def _merged(parts: Iterable[_Part]) -> Iterator[tuple[Window, list[_Part]]]:
    """Windows without the seams between those that touch or overlap, each with what it is made of."""
    together: list[_Part] = []
    window: Window | None = None
    for part in sorted(parts, key=lambda part: (part.window, part.record)):
        if window is not None and part.window.starts <= window.ends:
            window = Window(window.starts, max(window.ends, part.window.ends))
            together.append(part)
            continue
        if window is not None:
            yield window, together
        window, together = part.window, [part]
    if window is not None:
        yield window, together


def _visit(
    locks: tuple[str, ...],
    window: Window,
    parts: Sequence[_Part],
    facts: Facts,
    rules: TargetRules,
    zone: ZoneInfo,
) -> Decision:
    opens = g.Opens(locks=locks)
    starts = window.starts if window.starts != SINCE_EVER else None
    ends = window.ends if window.ends != FOREVER else None
    kept = starts is None and (rules.policy == "grant_only" or facts.ref in rules.protect)
    endless = kept and ends is not None
    wanted = Wanted(
        opens=opens,
        valid_from=starts,
        valid_until=None if endless else ends,
        endless=endless,
        credential=_credential({part.rule.credential for part in parts}),
    )
    missing = [lock for lock in locks if rules.openings and rules.openings.locks and lock not in rules.openings.locks]
    if missing:
        values = {"opens": ", ".join(missing), "target": rules.target, "source": facts.source, "name": facts.name}
        why = partial(tuple, [Reason("opening_missing", values)])
    else:
        why = partial(_reasons, parts, window)
    return Decision(
        None if missing else wanted,
        why,
        blocked="opening_missing" if missing else None,
        opens=opens,
        valid_from=starts,
        rule=parts[0].rule.text,
        record="\n".join(dict.fromkeys(part.record for part in parts)),
        key=visit_key(opens, starts, wanted.valid_until),
        reference=", ".join(dict.fromkeys(part.reference for part in parts)),
    )


def _reasons(parts: Sequence[_Part], window: Window) -> tuple[Reason, ...]:
    return tuple(part.reason(window) for part in parts)


def _credential(asked: set[Credential]) -> Credential:
    return next(iter(asked)) if len(asked) == 1 else "both"


def _base(facts: Facts, rules: TargetRules, rule: DoorRule) -> dict[str, str]:
    return {
        "target": rules.target,
        "source": facts.source,
        "name": facts.name,
        "opens": rules.names_of(rule.locks),
    }


def _booking_reason(
    facts: Facts, rules: TargetRules, booking: r.Booking, rule: DoorRule, zone: ZoneInfo, window: Window
) -> Reason:
    values = {
        **_base(facts, rules, rule),
        "reference": booking.number or booking.id,
        "resource": facts.resource_names.get(booking.resource_id or "", booking.resource_id or ""),
        "window": window_text(own := booked_window(booking, facts) or window, zone),
        "while": _while(window, own, zone),
    }
    return Reason("booking_ok", values)


def _while(window: Window, booked: Window, zone: ZoneInfo) -> str:
    """When the doors open, where that is another time than the one that was booked; days stand there only where they
    are not the booking's."""
    if window == booked or window.starts == SINCE_EVER or window.ends == FOREVER:
        return ""
    booked_day, _ = times.wall(booked.starts, zone)
    first, last = (
        clock if day == booked_day else f"{day:%-d %b %Y} {clock}"
        for day, clock in (times.wall(window.starts, zone), times.wall(window.ends, zone, end=True))
    )
    return f" from {first} to {last}"


def _standing_reason(
    facts: Facts,
    rules: TargetRules,
    rule: DoorRule,
    zone: ZoneInfo,
    code: str,
    values: Mapping[str, str],
    window: Window,
) -> Reason:
    until = f" until {times.moment_text(window.ends, zone)}" if window.ends != FOREVER else ""
    return Reason(code, {**_base(facts, rules, rule), **values, "until": until})


def window_text(window: Window, zone: ZoneInfo) -> str:
    """A window for people, in the studio's zone; the day stands once where both ends are on it."""
    if window.starts == SINCE_EVER or window.ends == FOREVER:
        if window.starts == SINCE_EVER:
            return "at any time" if window.ends == FOREVER else f"until {times.moment_text(window.ends, zone)}"
        return f"from {times.moment_text(window.starts, zone, end=False)}"
    (day, opens), (last_day, closes) = times.wall(window.starts, zone), times.wall(window.ends, zone, end=True)
    last = closes if day == last_day else f"{last_day:%-d %b %Y} {closes}"
    return f"{day:%-d %b %Y} {opens} to {last}"
