"""The pages on which a member looks at their rides: the first one, classes, one class, trends, personal bests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.responses import Response

from hub import times
from hub.classes.rides import METRICS, Ride
from hub.classes.summaries import place_in
from hub.classes.trends import Best
from hub.classes.trends import bests as bests_of
from hub.classes.trends import trends as trends_of
from hub.look.rides import hidden, rides_of, rides_of_class
from hub.web.member import data, sums
from hub.web.member.trends import Figure, figures
from hub.web.member.visit import Visit, no_such_page

__all__ = ["all_bests", "all_classes", "first", "one_class", "trends"]

HEADLINES = ("distance_km", "calories_kcal", "points")
"""What is shown first of totals."""

FEW_BESTS = ("distance_km", "power_avg_w", "points")
SINGLE = ("distance_km", "calories_kcal", "energy_kj", "points")
PAIRS = (
    ("power_avg_w", "power_max_w"),
    ("speed_avg_kmh", "speed_max_kmh"),
    ("cadence_avg_rpm", "cadence_max_rpm"),
    ("hr_avg_bpm", "hr_max_bpm"),
)
RANGES = (12, 52)
LAST = 5


@dataclass(frozen=True)
class Cell:
    """A metric of a class as it is shown: None for its text where it was not measured."""

    name: str
    text: str | None
    implausible: bool
    best: bool


async def first(visit: Visit) -> Response:
    """What is next, what was last, and what it came to."""
    of = visit.of
    async with visit.engine.database.read() as db:
        rides = await rides_of(db, visit.engine.vault, of.studio, of.source, of.record.id)
        coming = await data.next_class(db, of, visit.now)
    given = of.record.given_name
    words = visit.words["home"]
    return visit.page(
        "home.html",
        at="home",
        title=words["title"].format(given) if given else words["plain_title"],
        coming=coming,
        rides=rides[:LAST],
        more=len(rides) > LAST,
        month=sums.month(rides, visit.now, times.zone(of.studio.timezone)),
        weeks=trends_of(rides, now=visit.now).weeks_4,
        bests=[best for best in _bests(rides) if best.metric in FEW_BESTS],
        amount=sums.amount,
        headlines=HEADLINES,
    )


async def all_classes(visit: Visit) -> Response:
    """Every class with results."""
    rides = await _rides(visit)
    return visit.page("classes.html", at="classes", title=visit.words["classes"]["title"], rides=rides)


async def one_class(visit: Visit) -> Response:
    """Everything about one class of this member. The class of somebody else is not there."""
    event_id = visit.request.path_params["event"]
    rides = await _rides(visit)
    ride = next((ride for ride in rides if ride.event_id == event_id), None)
    if ride is None:
        return no_such_page(visit)
    best_here = {best.metric for best in _bests(rides) if best.ride is ride}
    shown, place = await _rank(visit, ride)
    async with visit.engine.database.read() as db:
        bike = await data.bike(db, visit.of, ride)
    cells = {name: _cell(visit, ride, name, best_here) for name in METRICS}
    more = [_cell(visit, ride, name, best_here) for name in sorted(ride.metrics.keys() - METRICS.keys())]
    everything = [*cells.values(), *more]
    return visit.page(
        "class.html",
        at="classes",
        title=ride.name or visit.words["trends"]["class"],
        ride=ride,
        bike=bike,
        single=[cells[name] for name in SINGLE],
        pairs=[(cells[average], cells[most]) for average, most in PAIRS],
        more=more,
        shown=shown,
        place=place,
        any_marked=any(cell.implausible for cell in everything),
        any_missing=any(cell.text is None for cell in everything),
    )


async def _rank(visit: Visit, ride: Ride) -> tuple[bool, tuple[int, int] | None]:
    """Whether this member shows their data, and their place among those who do too."""
    studio = visit.of.studio
    async with visit.engine.database.read() as db:
        rides = await rides_of_class(db, visit.engine.vault, studio, ride.event_id)
        unseen = await hidden(db, studio, [one.member for one in rides])
    return ride.member not in unseen, place_in(ride, rides, unseen)


def _cell(visit: Visit, ride: Ride, name: str, best_here: set[str]) -> Cell:
    value = ride.metrics.get(name)
    text = visit.speech.amount(name, value) if value is not None else None
    return Cell(name, text, value is not None and name in ride.implausible, name in best_here)


async def trends(visit: Visit) -> Response:
    """How it went over the last weeks."""
    rides = await _rides(visit)
    asked = visit.request.query_params.get("weeks", "")
    weeks = next((one for one in RANGES if str(one) == asked), RANGES[0])
    drawn: Sequence[Figure] = figures(visit.speech, rides, visit.now, visit.of.studio.timezone, weeks=weeks)
    trend = trends_of(rides, now=visit.now)
    compared = [one for one in (trend.weeks_4, trend.weeks_12) if one.now.rides or one.before.rides]
    return visit.page(
        "trends.html",
        at="trends",
        title=visit.words["trends"]["title"],
        figures=drawn,
        compared=compared,
        amount=sums.amount,
        names=list(METRICS),
        weeks=weeks,
        ranges=RANGES,
    )


async def all_bests(visit: Visit) -> Response:
    """The best of every metric, and where it was reached."""
    found = _bests(await _rides(visit))
    return visit.page("bests.html", at="bests", title=visit.words["bests"]["title"], bests=found)


def _bests(rides: Sequence[Ride]) -> list[Best]:
    """In the order in which metrics are shown."""
    found = bests_of(rides)
    return [found[name] for name in METRICS if name in found]


async def _rides(visit: Visit) -> list[Ride]:
    of = visit.of
    async with visit.engine.database.read() as db:
        return await rides_of(db, visit.engine.vault, of.studio, of.source, of.record.id)
