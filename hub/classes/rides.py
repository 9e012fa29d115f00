"""What a rider did in one class, as pages, mails and trends see it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

__all__ = ["METRICS", "Metric", "Ride"]


@dataclass(frozen=True)
class Metric:
    """One thing that is measured. `sum_up`: totals over classes make sense; `best`: higher is a personal best. `low`
    and `high` are what is plausible for a class of 45 to 60 minutes (`spivi.md` section 7)."""

    name: str
    unit: str
    low: float
    high: float
    decimals: int = 0
    sum_up: bool = False
    best: bool = True


METRICS: Mapping[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("distance_km", "km", 0, 60, decimals=1, sum_up=True),
        Metric("energy_kj", "kJ", 0, 1200, sum_up=True),
        Metric("calories_kcal", "kcal", 0, 1400, sum_up=True),
        Metric("power_avg_w", "W", 30, 350),
        Metric("power_max_w", "W", 60, 1500),
        Metric("speed_avg_kmh", "km/h", 10, 45, decimals=1),
        Metric("speed_max_kmh", "km/h", 15, 80, decimals=1),
        Metric("cadence_avg_rpm", "rpm", 50, 110),
        Metric("cadence_max_rpm", "rpm", 70, 170),
        Metric("hr_avg_bpm", "bpm", 80, 185, best=False),
        Metric("hr_max_bpm", "bpm", 100, 215, best=False),
        Metric("points", "SEP", 0, 1000, sum_up=True),
    )
}
"""The twelve that every summary shows, by canonical name. A tracker may have more; they are kept as they come."""


@dataclass(frozen=True)
class Ride:
    """One rider's result of one class. Times are aware UTC; `timezone` is the class's IANA zone. A metric that was not
    measured is absent, never 0; those in `implausible` are shown with a mark and left out of rankings and bests."""

    result_id: int
    event_id: str
    session: str
    name: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    member: str
    metrics: Mapping[str, float]
    implausible: frozenset[str] = frozenset()
    seat: str | None = None

    @property
    def sound(self) -> Mapping[str, float]:
        """The metrics that count."""
        return {name: value for name, value in self.metrics.items() if name not in self.implausible}

    @property
    def minutes(self) -> float:
        """How long the class was."""
        return (self.ends_at - self.starts_at).total_seconds() / 60
