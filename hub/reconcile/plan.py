"""A plan: what a pass would do at one target, and why. A value: it prints, serialises and has a hash."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

import msgspec

from hub import grants as g
from hub import times
from hub.access.decide import GROUP_KEY, Wanted
from hub.access.reasons import Reason

__all__ = ["Action", "Change", "Plan", "Resting", "Stay", "in_order", "opens_json", "with_one_stamp", "without"]


class Action(StrEnum):
    """What happens to one grant."""

    CREATE = "create"
    CHANGE = "change"
    REMOVE = "remove"
    HELD = "held"
    BLOCKED = "blocked"


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One line of a plan.

    `before` is what stands at the vendor as far as the hub knows, `after` what should. `surprise`: it takes something
    away that nobody announced, so it counts towards the limit; `gain` is what of it takes nothing away, and is done
    even where the rest is held. `would` says what a held line would do. `stamp` and `due_at` belong to the agenda,
    not to the plan: they are left out of its hash. Of visits, `follows` are the keys of those that have to stand
    before this one is ended, `code_of` the grant whose code goes on being used, `reference` what it is for in the
    source's words.
    """

    action: Action
    source: str
    source_id: int
    member: str
    name: str
    key: str
    opens: g.Opens
    reason: Reason
    rule: str = ""
    record: str = ""
    grant_id: str | None = None
    before: Wanted | None = None
    after: Wanted | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    surprise: bool = False
    gain: Wanted | None = None
    would: Action | None = None
    note: str | None = None
    stamp: int | None = None
    due_at: datetime | None = None
    follows: tuple[str, ...] = ()
    code_of: str | None = None
    reference: str = ""

    @property
    def visit(self) -> bool:
        """Whether it is about a window on doors."""
        return self.key != GROUP_KEY

    @property
    def to_do(self) -> bool:
        """Whether `apply` acts on it."""
        return self.action not in {Action.HELD, Action.BLOCKED}

    @property
    def ref(self) -> str:
        """The member as people write it."""
        return f"{self.source}:{self.member}"

    @property
    def identity(self) -> str:
        """What makes two lines the same decision: what it ends with, wherever it begins."""
        doing = self.would or self.action
        return _encode([doing.value, self.source, self.member, self.key, self.after]).decode()

    def as_json(self) -> dict[str, Any]:
        """The line as `--json` prints it."""
        return {
            "action": self.action.value,
            "member": self.ref,
            "name": self.name,
            "opens": opens_json(self.opens),
            "valid_from": times.to_text(self.valid_from) if self.valid_from else None,
            "valid_until": times.to_text(self.valid_until) if self.valid_until else None,
            "reason": self.reason.text,
            "reason_code": self.reason.code,
            "rule": self.rule or None,
        }


class Stay(msgspec.Struct, frozen=True, gc=False):
    """A member for whom nothing is to be done: only the agenda is brought up to date."""

    source_id: int
    member: str
    stamp: int | None
    due_at: datetime | None
    note: str | None


class Resting(msgspec.Struct, frozen=True, gc=False):
    """A grant that stays as it is but rests on another record now."""

    grant_id: str
    record: str
    rule: str


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a pass would do at one target. `unchanged` counts grants that stay as they are."""

    target: str
    target_id: int
    made_at: datetime
    changes: Sequence[Change]
    unchanged: int = 0
    owned: int = 0
    full: bool = False

    @property
    def hash(self) -> str:
        """The same for two plans that would do the same, whenever they were made."""
        digest = hashlib.sha256(f"{self.target_id}:{self.target}".encode())
        for part in sorted(f"{change.action.value} {change.identity}\n" for change in self.changes):
            digest.update(part.encode())
        return digest.hexdigest()

    @property
    def id(self) -> str:
        """A short name for the plan, made from its hash."""
        return f"p{self.hash[:10]}"

    @property
    def counts(self) -> dict[str, int]:
        """How many lines of each action, and how many grants stay."""
        found = dict.fromkeys((action.value for action in Action), 0)
        for change in self.changes:
            found[change.action.value] += 1
        return {**found, "unchanged": self.unchanged}

    @property
    def to_do(self) -> list[Change]:
        """The lines that `apply` acts on."""
        return [change for change in self.changes if change.to_do]

    def of(self, *actions: Action) -> list[Change]:
        """The lines with these actions."""
        return [change for change in self.changes if change.action in actions]

    def as_json(self) -> dict[str, Any]:
        """The plan as `--json` prints it."""
        return {
            "id": self.id,
            "hash": self.hash,
            "target": self.target,
            "made_at": times.to_text(self.made_at),
            "counts": self.counts,
            "changes": [change.as_json() for change in self.changes],
        }


_encode = msgspec.json.Encoder(order="deterministic").encode


def opens_json(opens: g.Opens) -> dict[str, Any]:
    """What a grant opens, as `--json` prints it: a group or locks."""
    return {"group": opens.group} if opens.group is not None else {"locks": list(opens.locks)}


def in_order(changes: Iterable[Change]) -> list[Change]:
    """The order in which changes are made: who gets something first, the nearest start before the others, of the same
    start by name; what is taken away last."""
    return sorted(changes, key=_turn)


def with_one_stamp(changes: Sequence[Change]) -> list[Change]:
    """Where a member has several lines, only the one that is carried out last takes the member off the agenda, and all
    of them leave the same note: that something is held, before all."""
    several = {who for who, count in Counter(map(_whose, changes)).items() if count > 1}
    if not several:
        return list(changes)
    notes: dict[tuple[int, str], str | None] = {}
    last: dict[tuple[int, str], int] = {}
    for index, change in enumerate(changes):
        whose = _whose(change)
        if whose in several:
            notes[whose] = "held" if "held" in {change.note, notes.get(whose)} else change.note or notes.get(whose)
            before = last.get(whose)
            if before is None or change.to_do or not changes[before].to_do:
                last[whose] = index
    return [
        msgspec.structs.replace(
            change, note=notes[_whose(change)], stamp=change.stamp if last[_whose(change)] == index else None
        )
        if _whose(change) in several
        else change
        for index, change in enumerate(changes)
    ]


def without(changes: Sequence[Change], leave_out: Callable[[Change], bool]) -> list[Change]:
    """Lines without some of them, whose members stay on the agenda."""
    left_out = {_whose(change) for change in changes if leave_out(change)}
    return [
        msgspec.structs.replace(change, stamp=None) if _whose(change) in left_out else change
        for change in changes
        if not leave_out(change)
    ]


def _whose(change: Change) -> tuple[int, str]:
    return (change.source_id, change.member)


_TURN: Mapping[Action, int] = {Action.CREATE: 0, Action.CHANGE: 1, Action.REMOVE: 2}
_LAST = datetime.max.replace(tzinfo=UTC)


def _turn(change: Change) -> tuple[int, datetime, str, str]:
    return (_TURN.get(change.action, 3), change.valid_from or _LAST, change.name.casefold(), change.ref)
