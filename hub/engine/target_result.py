"""How a pass over a target ended."""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.errors import HubError
from hub.reconcile.observe import Observation
from hub.reconcile.plan import Plan

__all__ = ["TargetRun"]


@dataclass
class TargetRun:
    """How a pass over a target ended. `plan` is the first one made, `last` the last; a tracker has none."""

    name: str
    run_id: str
    plan: Plan | None = None
    last: Plan | None = None
    applied: dict[str, int] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    observation: Observation | None = None
    error: HubError | None = None
    left_off: bool = False
    """Something more pressing came, or the process is about to end: the rest waits for the next pass."""
    stopped: bool = False
    """Somebody asked it to leave off: the rest waits for the next pass, which does not come at once."""
    chosen: bool = False
    """Only lines that somebody chose of a plan were carried out."""
    partial: bool = False
    """Some removals were not looked at, because their source was just being read."""
    held_classes: int = 0
    """So many classes that vanished are not cancelled until somebody approves."""
    waiting: dict[str, int] = field(default_factory=dict)
    """At a tracker: how many riders and classes to come wait for somebody."""
    fetched: dict[str, int] = field(default_factory=dict)
    """At a tracker: of how many classes results came, how many, and how many summaries go out about them."""

    @property
    def held(self) -> int:
        """How much is held."""
        return self.last.counts["held"] if self.last is not None else self.held_classes

    @property
    def state(self) -> str:
        """The run's state."""
        if self.error is not None:
            return "failed" if self.applied else "broken"
        if self.failed:
            return "failed"
        if self.stopped:
            return "stopped"
        return "held" if self.held else "done"
