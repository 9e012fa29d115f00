"""Windows of time: half open, either end may be absent."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import NamedTuple

from hub.times import LONGEST_DAY

__all__ = ["FOREVER", "SINCE_EVER", "Window", "covering", "next_edge"]

SINCE_EVER = datetime.min.replace(tzinfo=UTC)
FOREVER = datetime.max.replace(tzinfo=UTC)
FAR = datetime(9000, 1, 1, tzinfo=UTC)
"""What ends later has no end: systems write the last day of their calendar for it."""
LONG_AGO = datetime(1000, 1, 1, tzinfo=UTC)


class Window(NamedTuple):
    """`starts <= moment < ends`."""

    starts: datetime
    ends: datetime

    @classmethod
    def of(cls, starts: datetime | None, ends: datetime | None) -> Window:
        """A window with absent ends as the far past and the far future, and so with those that nobody will see."""
        return cls(
            starts if starts is not None and starts > LONG_AGO else SINCE_EVER,
            ends if ends is not None and ends < FAR else FOREVER,
        )

    def holds(self, moment: datetime) -> bool:
        """Whether a moment lies inside."""
        return self.starts <= moment < self.ends

    @property
    def short(self) -> bool:
        """Whether it lasts a day at the most."""
        return self.starts != SINCE_EVER and self.ends != FOREVER and self.ends - self.starts <= LONGEST_DAY


def covering(windows: Iterable[Window], moment: datetime) -> Window | None:
    """The stretch of time around `moment` that the windows cover without a gap; None where none holds it."""
    starts = ends = None
    for window in sorted(windows):
        if ends is not None and window.starts <= ends:
            ends = max(ends, window.ends)
            continue
        if starts is not None and ends is not None and starts <= moment < ends:
            break
        starts, ends = window.starts, window.ends
    if starts is None or ends is None or not starts <= moment < ends:
        return None
    return Window(starts, ends)


def next_edge(windows: Iterable[Window], moment: datetime) -> datetime | None:
    """The next moment after `moment` at which one of the windows opens or closes."""
    edges = [edge for window in windows for edge in window if moment < edge < FOREVER]
    return min(edges, default=None)
