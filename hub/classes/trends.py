"""What rides say: rankings of a class, zones, totals, means, personal bests and trends.

Everything here is computed from `Ride` values and nothing else. What was not measured takes no part, and neither does
what can hardly be.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from hub.classes.rides import METRICS, Ride

__all__ = [
    "FTP",
    "Best",
    "Change",
    "Effort",
    "FtpPoint",
    "Place",
    "Span",
    "Trends",
    "bests",
    "effort",
    "ftp_history",
    "implausible",
    "ranking",
    "share",
    "span",
    "trends",
    "zone",
]

FTP = "ftp_w"
"""The rider's FTP when the class was ridden, kept with its result."""

POWER_ZONES = (60.0, 80.0, 100.0, 120.0)
HEART_ZONES = (60.0, 70.0, 80.0, 90.0)
"""The last percentage of the zones one to four; above is zone five."""

LEAST_PCT = 10.0
"""Below this percentage there is no zone: nobody was riding."""


def implausible(metrics: Mapping[str, float], minutes: float) -> frozenset[str]:
    """The metrics whose values can hardly be in a class of that length."""
    longer = max(1.0, minutes / 60)
    return frozenset(
        name
        for name, value in metrics.items()
        if (known := METRICS.get(name)) is not None
        and not known.low <= value <= known.high * (longer if known.sum_up else 1.0)
    )


def share(name: str, value: float) -> float:
    """Where a value lies in what is plausible for its metric: 0 at the low end, 1 at the high end and above."""
    metric = METRICS[name]
    return min(1.0, max(0.0, (value - metric.low) / (metric.high - metric.low)))


# ── one class ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Place:
    """A rider's place in a class; equal values share one."""

    rank: int
    value: float
    ride: Ride


def ranking(
    rides: Iterable[Ride], metric: str = "distance_km", *, hidden: Collection[str] = (), viewer: str | None = None
) -> list[Place]:
    """The places of a class by a metric, the highest value first, of one result for each rider.

    `hidden` are members who are not shown to others. The `viewer` sees themselves all the same, and as others would be
    placed without them: their own place is told to them alone.
    """
    best: dict[str, Ride] = {}
    for ride in rides:
        value = ride.sound.get(metric)
        if value is None or (ride.member in hidden and ride.member != viewer):
            continue
        if ride.member not in best or value > best[ride.member].sound[metric]:
            best[ride.member] = ride
    placed = sorted(best.values(), key=lambda ride: (-ride.sound[metric], ride.result_id))
    shown = [ride.sound[metric] for ride in placed if ride.member not in hidden]
    return [Place(1 + sum(other > ride.sound[metric] for other in shown), ride.sound[metric], ride) for ride in placed]


@dataclass(frozen=True)
class Effort:
    """How hard a class was for a rider: average power against FTP, average heart rate against the highest, in percent,
    each with its zone from 1 to 5. None where something is not known."""

    ftp_pct: float | None = None
    power_zone: int | None = None
    hr_pct: float | None = None
    heart_zone: int | None = None


def effort(ride: Ride, *, ftp_w: float | None = None, max_hr: float | None = None) -> Effort:
    """How hard it was. The FTP that was kept with the result goes before `ftp_w`, which is today's."""
    sound = ride.sound
    ftp, power, heart = sound.get(FTP, ftp_w), sound.get("power_avg_w"), sound.get("hr_avg_bpm")
    ftp_pct = power / ftp * 100 if power is not None and ftp else sound.get("ftp_avg_pct")
    hr_pct = heart / max_hr * 100 if heart is not None and max_hr else None
    return Effort(ftp_pct, zone(ftp_pct, POWER_ZONES), hr_pct, zone(hr_pct, HEART_ZONES))


def zone(percent: float | None, limits: Sequence[float]) -> int | None:
    """The zone that a percentage lies in, counted from 1; None for none."""
    if percent is None or percent < LEAST_PCT:
        return None
    return 1 + sum(percent > limit for limit in limits)


# ── many classes ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Span:
    """Rides taken together. `totals` are sums; `means` are weighted by how long each class was. A metric that none of
    them has is absent."""

    rides: int
    minutes: float
    totals: Mapping[str, float]
    means: Mapping[str, float]


def span(rides: Sequence[Ride]) -> Span:
    """Rides taken together."""
    totals: dict[str, float] = {}
    means: dict[str, float] = {}
    for metric in METRICS.values():
        measured = [(ride.sound[metric.name], _minutes(ride)) for ride in rides if metric.name in ride.sound]
        if not measured:
            continue
        if metric.sum_up:
            totals[metric.name] = math.fsum(value for value, _ in measured)
        else:
            means[metric.name] = _mean(measured)
    return Span(len(rides), math.fsum(_minutes(ride) for ride in rides), totals, means)


def _mean(measured: Sequence[tuple[float, float]]) -> float:
    weight = math.fsum(minutes for _, minutes in measured)
    values = [value for value, _ in measured]
    mean = (
        math.fsum(value * minutes for value, minutes in measured) / weight
        if weight > 0
        else math.fsum(values) / len(values)
    )
    # What is rounded must not leave the values that it is the mean of.
    return min(max(mean, min(values)), max(values))


def _minutes(ride: Ride) -> float:
    """How long somebody rode, where that was measured; else how long the class was."""
    measured = ride.sound.get("duration_s")
    return measured / 60 if measured else max(0.0, ride.minutes)


@dataclass(frozen=True)
class Best:
    """A personal best: the value and the first class in which it was reached."""

    metric: str
    value: float
    ride: Ride


def bests(rides: Iterable[Ride]) -> dict[str, Best]:
    """The personal bests, by metric."""
    found: dict[str, Best] = {}
    for ride in sorted(rides, key=lambda ride: (ride.starts_at, ride.result_id)):
        for name, value in ride.sound.items():
            metric = METRICS.get(name)
            if metric is not None and metric.best and (name not in found or value > found[name].value):
                found[name] = Best(name, value, ride)
    return found


@dataclass(frozen=True)
class Change:
    """The last weeks, and as many weeks before them."""

    weeks: int
    now: Span
    before: Span

    def more(self, name: str) -> float | None:
        """By which part a total or mean has grown (0.1: a tenth more); None where there is nothing to compare."""
        now, before = ({**side.totals, **side.means}.get(name) for side in (self.now, self.before))
        return now / before - 1 if now is not None and before else None


@dataclass(frozen=True)
class FtpPoint:
    """An FTP and the first class that was ridden with it."""

    at: datetime
    ftp_w: float
    ride: Ride


def ftp_history(rides: Iterable[Ride]) -> list[FtpPoint]:
    """How the FTP changed from class to class, the oldest first. Classes without a known FTP say nothing."""
    points: list[FtpPoint] = []
    for ride in sorted(rides, key=lambda ride: (ride.starts_at, ride.result_id)):
        ftp = ride.sound.get(FTP)
        if ftp and (not points or points[-1].ftp_w != ftp):
            points.append(FtpPoint(ride.starts_at, ftp, ride))
    return points


@dataclass(frozen=True)
class Trends:
    """A rider over all their classes."""

    total: Span
    bests: Mapping[str, Best]
    weeks_4: Change
    weeks_12: Change
    ftp: Sequence[FtpPoint]


def trends(rides: Sequence[Ride], *, now: datetime) -> Trends:
    """A rider over all their classes, as of `now`."""
    return Trends(span(rides), bests(rides), _change(rides, now, 4), _change(rides, now, 12), ftp_history(rides))


def _change(rides: Sequence[Ride], now: datetime, weeks: int) -> Change:
    length = timedelta(weeks=weeks)
    return Change(
        weeks,
        span([ride for ride in rides if now - length < ride.starts_at <= now]),
        span([ride for ride in rides if now - 2 * length < ride.starts_at <= now - length]),
    )
