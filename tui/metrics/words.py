"""What was measured, in words and numbers. What was not measured is never a 0; what can hardly be has a mark."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from rich.text import Text

from hub.classes.rides import METRICS, Ride
from hub.notify.class_kinds import SUMMARY_METRICS
from hub.notify.wording import metric_text

__all__ = ["LEGEND", "MEASURES", "change_text", "measured", "number_text", "ticks", "title_of"]

_TITLES = {name: word.replace("_", " ") for word, name in SUMMARY_METRICS.items()}

MEASURES = (
    *("power_avg_w", "calories_kcal", "distance_km", "hr_avg_bpm", "energy_kj", "points"),
    *("cadence_avg_rpm", "speed_avg_kmh", "power_max_w", "hr_max_bpm", "cadence_max_rpm", "speed_max_kmh"),
)
"""All metrics, those that say most first."""

LEGEND = "– not measured   ? can hardly be: left out of means, rankings and bests"


def title_of(metric: str) -> str:
    """A metric in words."""
    return _TITLES[metric]


def number_text(metric: str, value: float) -> str:
    """A value with its unit."""
    return metric_text(METRICS[metric], value, "en")


def measured(ride: Ride, metric: str) -> str:
    """What a ride says of a metric, in a table."""
    value = ride.metrics.get(metric)
    if value is None:
        return "–"
    return f"{number_text(metric, value)}{' ?' if metric in ride.implausible else ''}"


def change_text(metric: str, more: float | None, colours: Mapping[str, str]) -> Text:
    """By how much it is more or less than before; empty where there is nothing to compare."""
    if more is None:
        return Text()
    percent = round(more * 100)
    sign = "↑" if percent > 0 else "↓" if percent < 0 else "="
    better = METRICS[metric].best and percent != 0
    colour = colours["muted"] if not better else colours["created" if percent > 0 else "progress"]
    return Text(f" {sign} {abs(percent)} %" if percent < 1000 else f" {sign} > 999 %", style=colour)


def ticks(until: datetime, weeks: int, zone: ZoneInfo) -> list[tuple[float, str]]:
    """What stands below a chart of weeks: the months, or the days where there are few weeks."""
    days = [(until - timedelta(weeks=weeks - number)).astimezone(zone) for number in range(weeks)]
    last = max(1, weeks - 1)
    if weeks <= 6:
        return [(number / last, f"{day:%-d %b}") for number, day in enumerate(days)]
    found: list[tuple[float, str]] = []
    for number, day in enumerate(days):
        if number == 0 or day.month != days[number - 1].month:
            found.append((number / last, f"{day:%b}"))
    # Two names that would touch: the month that is nearly over gives way.
    if len(found) > 1 and found[1][0] < 0.1:
        found.pop(0)
    return found


def first_known(metrics: Collection[str], wanted: str) -> str:
    """That metric where it is known, else the first that is."""
    return wanted if wanted in metrics or not metrics else next(one for one in MEASURES if one in metrics)
