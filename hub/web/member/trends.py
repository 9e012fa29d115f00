"""The charts of the trends page: which there are, and what each says in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from hub import times
from hub.classes.rides import METRICS, Ride
from hub.web.member import charts, sums
from hub.web.member.charts import Chart
from hub.web.member.speech import Speech

__all__ = ["Figure", "figures"]

WEEKLY = ("distance_km", "calories_kcal", "points")
SINGLE = ("power_avg_w", "speed_avg_kmh", "cadence_avg_rpm", "hr_avg_bpm")
LONG = 12
"""Over more weeks than this, single classes stand too close to be told apart: weekly means take their place."""


@dataclass(frozen=True)
class Figure:
    """A chart with the words around it. `rows` are its values as a table: when, where there is one the class, and how
    much. `latest` is what is read out while no value is pointed at."""

    name: str
    kind: Literal["bars", "curve"]
    title: str
    description: str
    chart: Chart
    ticks: tuple[tuple[float, str], ...]
    first_column: str
    rows: tuple[tuple[str, str], ...]
    latest: str


def figures(say: Speech, rides: Sequence[Ride], now: datetime, timezone: str, *, weeks: int) -> list[Figure]:
    """The charts of the last so many weeks, of what was measured in them."""
    zone = times.zone(timezone)
    first = sums.monday_of(now, zone) - timedelta(weeks=weeks - 1)
    recent = [ride for ride in rides if times.day_start(first, zone) <= ride.starts_at <= now]
    found = [_rides_by_week(say, recent, now, timezone, weeks)] if recent else []
    for name in (*WEEKLY, *SINGLE):
        if not any(name in ride.sound for ride in recent):
            continue
        if name in WEEKLY or weeks > LONG:
            found.append(_by_week(say, name, recent, now, timezone, weeks))
        else:
            found.append(_by_class(say, name, recent))
    return found


def _rides_by_week(say: Speech, rides: Sequence[Ride], now: datetime, timezone: str, weeks: int) -> Figure:
    counts: dict[date, int] = {}
    for ride in rides:
        monday = sums.monday_of(ride.starts_at, times.zone(timezone))
        counts[monday] = counts.get(monday, 0) + 1
    this = sums.monday_of(now, times.zone(timezone))
    mondays = [this - timedelta(weeks=back) for back in reversed(range(weeks))]
    words = say.words["trends"]
    rows = [(say.words["week_of"].format(say.day(one)), say.number(counts.get(one, 0))) for one in mondays]
    values = [
        (say.day(one), f"{when}: {text}", float(counts.get(one, 0)))
        for one, (when, text) in zip(mondays, rows, strict=True)
    ]
    most = say.number(max(counts.values()))
    description = words["desc_bars"].format(weeks, say.day(mondays[0]), say.day(mondays[-1]), most)
    return _figure(
        say, "rides", "bars", words["rides"], description, charts.bars(values, whole=True), words["week"], rows
    )


def _by_week(say: Speech, name: str, rides: Sequence[Ride], now: datetime, timezone: str, weeks: int) -> Figure:
    found = sums.weekly(rides, name, now, times.zone(timezone), weeks=weeks)
    words = say.words
    rows = [
        (words["week_of"].format(say.day(monday)), say.amount(name, value) if value is not None else words["no_class"])
        for monday, value in found
    ]
    values = [
        (say.day(monday), f"{when}: {text}", value) for (monday, value), (when, text) in zip(found, rows, strict=True)
    ]
    summed, whole = METRICS[name].sum_up, METRICS[name].decimals == 0
    known = [value for _, value in found if value is not None]
    title = words["trends"]["per_week" if summed else "mean_per_week"].format(say.metric(name))
    limits = (say.day(found[0][0]), say.day(found[-1][0]))
    if summed:
        chart = charts.bars(values, whole=whole)
        description = words["trends"]["desc_bars"].format(weeks, *limits, say.amount(name, max(known)))
    else:
        chart = charts.curve(values, whole=whole)
        highest, lowest = say.amount(name, max(known)), say.amount(name, min(known))
        description = words["trends"]["desc_curve"].format(len(known), *limits, highest, lowest)
    kind: Literal["bars", "curve"] = "bars" if summed else "curve"
    return _figure(say, name, kind, title, description, chart, words["trends"]["week"], rows)


def _by_class(say: Speech, name: str, rides: Sequence[Ride]) -> Figure:
    measured = [ride for ride in reversed(rides) if name in ride.sound]
    words = say.words["trends"]
    rows, values = [], []
    for ride in measured:
        when = f"{say.full_day(ride.starts_at, ride.timezone)}, {ride.name}"
        value = ride.sound[name]
        rows.append((when, say.amount(name, value)))
        day = ride.starts_at.astimezone(times.zone(ride.timezone)).date()
        values.append((say.day(day), f"{when}: {say.amount(name, value)}", value))
    known = [ride.sound[name] for ride in measured]
    highest, lowest = say.amount(name, max(known)), say.amount(name, min(known))
    limits = (values[0][0], values[-1][0])
    description = words["desc_curve"].format(len(known), *limits, highest, lowest)
    chart = charts.curve(values, whole=METRICS[name].decimals == 0)
    title = words["per_class"].format(say.metric(name))
    return _figure(say, name, "curve", title, description, chart, words["class"], rows)


def _figure(
    say: Speech,
    name: str,
    kind: Literal["bars", "curve"],
    title: str,
    description: str,
    chart: Chart,
    first_column: str,
    rows: Sequence[tuple[str, str]],
) -> Figure:
    exact = any(value != round(value) for _, value in chart.ticks)
    return Figure(
        name=name,
        kind=kind,
        title=title,
        description=description,
        chart=chart,
        ticks=tuple((top, say.number(value, 1 if exact else 0)) for top, value in chart.ticks),
        first_column=first_column,
        rows=tuple(reversed(rows)),
        latest=next(mark.text for mark in reversed(chart.marks) if mark.known),
    )
