"""The mapping rows of one target, ready to be asked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from hub.settings import Policy, TargetOptions
from hub.studio.model import LinkRow, PassRow
from hub.studio.registry import MappingRow

__all__ = ["PassRule", "TargetRules", "compile_rules"]


@dataclass(frozen=True, order=True)
class PassRule:
    """One pass opens one group. The lowest priority wins, then the row that stands first."""

    priority: int
    position: int
    group: str = field(compare=False)
    text: str = field(compare=False)
    """The rule as people see it."""


@dataclass(frozen=True)
class TargetRules:
    """Everything that the rules say about one target. `openings` are the groups that it has; None where they were
    never read."""

    target: str
    title: str
    policy: Policy
    protect: frozenset[str]
    passes: Mapping[tuple[str, str], PassRule]
    links: Mapping[str, str]
    openings: frozenset[str] | None = None
    opening_names: Mapping[str, str] = field(default_factory=dict)
    badge_needed: bool = False
    profile: tuple[str, ...] = ()

    def rank(self, group: str | None) -> PassRule | None:
        """The first rule that gives this group; rules compare by their priority."""
        return min((rule for rule in self.passes.values() if rule.group == group), default=None)

    def name_of(self, group: str) -> str:
        """The group's name at the vendor, or its id."""
        return self.opening_names.get(group, group)


def compile_rules(
    target: str,
    title: str,
    options: TargetOptions,
    rows: Iterable[MappingRow],
    *,
    openings: Mapping[str, str] | None = None,
    badge_needed: bool = False,
    profile: frozenset[str] = frozenset(),
) -> TargetRules:
    """The rules of one target from its mapping rows. `openings` maps group ids to names."""
    passes: dict[tuple[str, str], PassRule] = {}
    links: dict[str, str] = {}
    for stored in rows:
        row = stored.row
        if isinstance(row, PassRow) and row.group is not None:
            text = f"passes row {stored.position} → {row.group} (priority {row.priority})"
            rule = PassRule(row.priority, stored.position, row.group, text)
            for pass_id in row.passes:
                key = (row.source, pass_id)
                passes[key] = min(rule, passes.get(key, rule))
        elif isinstance(row, LinkRow):
            links[row.member] = row.id
    return TargetRules(
        target=target,
        title=title,
        policy=options.policy,
        protect=frozenset(options.protect),
        passes=passes,
        links=links,
        openings=frozenset(openings) if openings is not None else None,
        opening_names=openings or {},
        badge_needed=badge_needed,
        profile=tuple(sorted(profile)),
    )
