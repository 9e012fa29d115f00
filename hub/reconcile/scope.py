"""Everything that a pass over one target needs to know, read once at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from hub.access.facts import FactReader
from hub.access.rules import TargetRules
from hub.plugins import Ability, Plugin, Plugins
from hub.settings import TargetOptions
from hub.store import Database
from hub.studio.registry import Studio
from hub.vault import Vault, fingerprint

if TYPE_CHECKING:
    from hub.connection import Connection

__all__ = ["Scope"]


@dataclass
class Scope:
    """One target of a studio, with its open connection, rules and sources."""

    database: Database
    plugins: Plugins
    studio: Studio
    target_id: int
    connection: Connection
    options: TargetOptions
    rules: TargetRules
    sources: Mapping[int, str]
    zone: ZoneInfo
    vault: Vault
    visits: bool = False
    """Windows on doors stand at the vendor, whether or not a rule gives any."""
    readers: dict[int, FactReader] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The target's name."""
        return self.connection.name

    @property
    def plugin(self) -> Plugin:
        """The target's plugin."""
        return self.connection.plugin

    def can(self, ability: Ability) -> bool:
        """Whether the vendor has an ability."""
        return ability in self.plugin.abilities

    def reader(self, source_id: int) -> FactReader:
        """The reader of a source's facts, kept for the pass."""
        if source_id not in self.readers:
            doors = self.rules.doors or self.visits
            self.readers[source_id] = FactReader(
                source_id, self.sources[source_id], badges=self.can(Ability.BADGES), doors=doors
            )
        return self.readers[source_id]

    @cached_property
    def _pepper(self) -> str:
        return self.vault.open(self.studio.sealed_pepper)

    def fingerprint(self, code: str) -> str:
        """What is compared instead of a code."""
        return fingerprint(code, self._pepper)
