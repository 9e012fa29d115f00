"""What was written for one grant, and what stood in the way."""

from __future__ import annotations

from dataclasses import dataclass, field

from hub import Refused, VendorError
from plugins.exivo.wire import PersonSeen

__all__ = ["Work"]


@dataclass
class Work:
    """The calls of one grant so far. `latest` is the person as the last answer showed them, where nothing was written
    after it; `obstacles` are what keeps single badges from being given; `gave` is the medium that was assigned last."""

    writes: int = 0
    refusals: list[Refused] = field(default_factory=list)
    obstacles: list[VendorError] = field(default_factory=list)
    latest: PersonSeen | None = None
    gave: str | None = None

    def wrote(self, refused: Refused | None, latest: PersonSeen | None = None) -> None:
        """One more write."""
        self.writes += 1
        self.latest = latest
        if refused is not None:
            self.refusals.append(refused)

    @property
    def said(self) -> str:
        """The vendor's words about what it refused."""
        return "; ".join(dict.fromkeys(refused.said or refused.what for refused in self.refusals))
