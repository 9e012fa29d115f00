"""The mapping rows of one target, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from hub.plugins import Unset
from hub.settings import Policy, TargetOptions
from hub.studio.model import CommunityRow, LinkRow, PassRow, ResourceRow
from hub.studio.registry import MappingRow

__all__ = ["Credential", "DoorRule", "Openings", "PassRule", "TargetRules", "compile_rules"]

Credential = Literal["code", "link", "both"]


@dataclass(frozen=True, order=True)
class PassRule:
    """One pass opens one group. The lowest priority wins, then the row that stands first."""

    priority: int
    position: int
    group: str = field(compare=False)
    text: str = field(compare=False)
    """The rule as people see it."""


@dataclass(frozen=True)
class DoorRule:
    """A booking of a resource, belonging to a community, or a pass opens these locks."""

    locks: tuple[str, ...]
    """In the order of their ids, so that two rules for the same doors are seen to be that."""
    credential: Credential
    text: str
    before: timedelta = timedelta()
    after: timedelta = timedelta()


@dataclass(frozen=True)
class Openings:
    """What a target has, names by id."""

    groups: Mapping[str, str] = field(default_factory=dict)
    locks: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class TargetRules:
    """Everything that the rules say about one target. `openings` are the groups and locks that it has; None where they
    were never read. What opens doors is found by source and id: of a resource, a community, a pass."""

    target: str
    title: str
    policy: Policy
    protect: frozenset[str]
    passes: Mapping[tuple[str, str], PassRule]
    links: Mapping[str, str]
    openings: Openings | None = None
    badge_needed: bool = False
    profile: tuple[str, ...] = ()
    badges_unread: Mapping[str, Unset] = field(default_factory=dict)
    """Sources whose badges are not read, because a setting is empty that says where they stand."""
    resources: Mapping[tuple[str, str], tuple[DoorRule, ...]] = field(default_factory=dict)
    communities: Mapping[tuple[str, str], tuple[DoorRule, ...]] = field(default_factory=dict)
    door_passes: Mapping[tuple[str, str], tuple[DoorRule, ...]] = field(default_factory=dict)

    @property
    def doors(self) -> bool:
        """Whether any rule opens locks."""
        return bool(self.resources or self.communities or self.door_passes)

    def rank(self, group: str | None) -> PassRule | None:
        """The first rule that gives this group; rules compare by their priority."""
        return min((rule for rule in self.passes.values() if rule.group == group), default=None)

    def name_of(self, group: str) -> str:
        """The group's name at the vendor, or its id."""
        return self.openings.groups.get(group, group) if self.openings is not None else group

    def names_of(self, locks: Iterable[str]) -> str:
        """The locks' names at the vendor, or their ids."""
        names = self.openings.locks if self.openings is not None else {}
        return ", ".join(names.get(lock, lock) for lock in locks)


def compile_rules(
    target: str,
    title: str,
    options: TargetOptions,
    rows: Iterable[MappingRow],
    *,
    openings: Openings | None = None,
    badge_needed: bool = False,
    badges_unread: Mapping[str, Unset] | None = None,
    profile: frozenset[str] = frozenset(),
) -> TargetRules:
    """The rules of one target from its mapping rows."""
    passes: dict[tuple[str, str], PassRule] = {}
    links: dict[str, str] = {}
    doors: dict[str, dict[tuple[str, str], tuple[DoorRule, ...]]] = {"resources": {}, "communities": {}, "passes": {}}
    for stored in rows:
        row = stored.row
        for kind, name, rule_ in _door_rules(stored):
            key = (stored.source or "", name)
            doors[kind][key] = (*doors[kind].get(key, ()), rule_)
        if isinstance(row, PassRow) and row.group is not None:
            text = f"passes row {stored.position} → {row.group} (priority {row.priority})"
            rule = PassRule(row.priority, stored.position, row.group, text)
            for pass_id in row.passes:
                passes[row.source, pass_id] = min(rule, passes.get((row.source, pass_id), rule))
        elif isinstance(row, LinkRow):
            links[row.member] = row.id
    return TargetRules(
        target=target,
        title=title,
        policy=options.policy,
        protect=frozenset(options.protect),
        passes=passes,
        links=links,
        openings=openings,
        badge_needed=badge_needed,
        badges_unread=badges_unread or {},
        profile=tuple(sorted(profile)),
        resources=doors["resources"],
        communities=doors["communities"],
        door_passes=doors["passes"],
    )


def _door_rules(stored: MappingRow) -> Iterable[tuple[str, str, DoorRule]]:
    """What a row says about locks: the table, the id that it is about, the rule."""
    row = stored.row
    if not isinstance(row, ResourceRow | CommunityRow | PassRow) or not row.locks:
        return
    locks = tuple(sorted(set(row.locks)))
    text = f"{stored.kind} row {stored.position} → {', '.join(locks)}"
    rule = DoorRule(locks, row.credential, text)
    if isinstance(row, ResourceRow):
        before, after = timedelta(minutes=row.minutes_before), timedelta(minutes=row.minutes_after)
        rule = DoorRule(locks, row.credential, text, before, after)
        ids = row.resource
    else:
        ids = row.community if isinstance(row, CommunityRow) else row.passes
    for one in ids:
        yield stored.kind, one, rule
