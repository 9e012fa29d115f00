"""Running a kit without pytest, for `studiohub plugin check`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hub.testing.conformance.kit import Kit

__all__ = ["Outcome", "run_kit"]


@dataclass(frozen=True)
class Outcome:
    """How one test went; `why` is the reason of an exemption, or what is broken."""

    test: str
    state: Literal["passed", "failed", "exempt"]
    why: str = ""


def run_kit(kit: type[Kit], *only: str) -> list[Outcome]:
    """Run the tests of a kit (or those named) in this process; what a test raises is its outcome, whatever it is."""
    outcomes = []
    for name in kit.promises():
        if only and name not in only:
            continue
        if name in kit.exempted:
            outcomes.append(Outcome(name, "exempt", kit.exempted[name]))
            continue
        try:
            getattr(kit(), name)()
        except Exception as error:  # noqa: BLE001 - whatever a plugin does, the other tests are run
            why = str(error) if isinstance(error, AssertionError) else f"{type(error).__name__}: {error}"
            outcomes.append(Outcome(name, "failed", why))
        else:
            outcomes.append(Outcome(name, "passed"))
    return outcomes
