"""Rides by month and by week, as the page shows them. Pure: rides in, numbers out."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from hub import times
from hub.classes.rides import Ride
from hub.classes.trends import Span, span

__all__ = ["amount", "monday_of", "month", "weekly"]


def amount(of: Span, name: str) -> float | None:
    """The total of a metric, or else its mean."""
    return of.totals.get(name, of.means.get(name))


def month(rides: Sequence[Ride], now: datetime, zone: ZoneInfo) -> Span:
    """The rides of the month that it is in this zone."""
    first = times.day_start(now.astimezone(zone).date().replace(day=1), zone)
    return span([ride for ride in rides if first <= ride.starts_at <= now])


def monday_of(moment: datetime, zone: ZoneInfo) -> date:
    """The Monday of the week that a moment is in."""
    day = moment.astimezone(zone).date()
    return day - timedelta(days=day.weekday())


def weekly(
    rides: Sequence[Ride], name: str, now: datetime, zone: ZoneInfo, *, weeks: int
) -> list[tuple[date, float | None]]:
    """The total (or mean) of a metric in each of the last so many weeks, by their Mondays; None for a week without."""
    this = monday_of(now, zone)
    mondays = [this - timedelta(weeks=back) for back in reversed(range(weeks))]
    by_week: dict[date, list[Ride]] = {}
    for ride in rides:
        by_week.setdefault(monday_of(ride.starts_at, zone), []).append(ride)
    return [(monday, amount(span(by_week.get(monday, [])), name)) for monday in mondays]
