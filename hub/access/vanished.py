"""Records that a complete read missed without a word from the source: what hangs on them is not cut while it runs, and
is a surprise afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Protocol, TypeVar

from hub import records as r
from hub.access.decide import Facts
from hub.access.doors import OPENING, booked_window, references, whole_window
from hub.access.doors_why import why_over
from hub.access.facts import VANISHED
from hub.access.reasons import Reason
from hub.access.rules import TargetRules
from hub.access.windows import FOREVER, Window

__all__ = ["Standing", "vanished_reason", "while_it_runs"]

T = TypeVar("T")


class Standing(Protocol):
    """A visit that stands, as far as it is looked at here."""

    @property
    def record(self) -> str | None:
        """What it rests on."""


def while_it_runs(
    facts: Facts, rows: Sequence[Standing], rules: TargetRules, now: datetime
) -> tuple[Facts, datetime | None]:
    """The facts with what vanished in the middle of its window put back, where a visit rests on it: that one is left to
    run out. And until when."""
    refs = {pair for row in rows for pair in references(row.record or "")}
    ends: list[datetime] = []

    def runs(kind: str, item: Any) -> bool:
        windows = [window for window in _windows(kind, item, facts, rules) if window.holds(now)]
        if (kind, item.id) not in refs or not windows:
            return False
        if kind != "booking" and not all(window.short for window in windows):
            return False
        ends.extend(window.ends for window in windows)
        return True

    if facts.gone and facts.gone_member is not None:
        # The member as a whole: only what runs counts, of what is there too.
        back = replace(
            facts,
            gone=False,
            member=facts.gone_member,
            bookings=[one for one in [*facts.bookings, *_missed(facts.gone_bookings)] if runs("booking", one)],
            passes=[one for one in [*facts.passes, *_missed(facts.gone_passes)] if runs("member_pass", one)],
            communities=[
                one for one in [*facts.communities, *_missed(facts.gone_communities)] if runs("community_member", one)
            ],
        )
    else:
        back = replace(
            facts,
            bookings=[*facts.bookings, *(one for one in _missed(facts.gone_bookings) if runs("booking", one))],
            passes=[*facts.passes, *(one for one in _missed(facts.gone_passes) if runs("member_pass", one))],
            communities=[
                *facts.communities,
                *(one for one in _missed(facts.gone_communities) if runs("community_member", one)),
            ],
        )
    return (back, max(ends)) if ends else (facts, None)


def vanished_reason(record: str, facts: Facts, rules: TargetRules, now: datetime) -> Reason | None:
    """Which of the records that a visit rests on vanished although it would open something still; None: none did."""
    base = {"target": rules.target, "source": facts.source, "member": facts.member_id, "name": facts.name}
    if facts.gone and facts.gone_member is not None:
        return Reason("member_gone", base)
    gone = {
        "booking": facts.gone_bookings,
        "member_pass": facts.gone_passes,
        "community_member": facts.gone_communities,
    }
    for kind, name in references(record):
        for one in _missed(gone.get(kind, ())):
            if one.id == name and any(window.ends > now for window in _windows(kind, one, facts, rules)):
                return why_over(kind, name, facts, rules, frozenset())[0]
    return None


def _missed(gone: Iterable[tuple[T, str]]) -> list[T]:
    return [item for item, how in gone if how == VANISHED]


def _windows(kind: str, item: Any, facts: Facts, rules: TargetRules) -> list[Window]:
    """The windows that a record gives by the rules as they are."""
    if kind == "booking":
        window = booked_window(item, facts)
        if window is None or item.state not in OPENING:
            return []
        found = rules.resources.get((facts.source, item.resource_id or ""), ())
        return [whole_window(window, rule) for rule in found]
    if kind == "member_pass":
        given = item.state is r.PassState.ACTIVE and (facts.source, item.pass_id) in rules.door_passes
    else:
        given = item.accepted and (facts.source, item.community_id) in rules.communities
    window = Window.of(item.valid_from, item.valid_until)
    return [window] if given and window.ends > window.starts and window.starts != FOREVER else []
