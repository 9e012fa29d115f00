"""A class as it is looked at: what its riders did, against the classes before it, and how that goes over the weeks.

Who does not want to be shown to others is counted and nothing else: no name, no value, and no mean has theirs in it.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.classes.results import FAILED
from hub.classes.rides import METRICS, Ride
from hub.classes.summaries import instructor_of
from hub.classes.trends import ranking
from hub.core import Hub
from hub.look.journal import inbox
from hub.look.names import names_of
from hub.look.rides import ClassView, classes, hidden, rides_of_class, rides_of_many
from hub.look.vendors import list_vendors
from hub.store import tables as t
from hub.studio.registry import Studio

__all__ = [
    "ClassMean",
    "Means",
    "OneClass",
    "Rider",
    "Trouble",
    "class_means",
    "compared",
    "look_at_class",
    "troubles",
    "weekly",
]

BEFORE = timedelta(weeks=13)
"""A class is compared with those of the same name in so many weeks before it."""

RECENT = 7
"""So many rides of a rider are told beside their last one."""


@dataclass(frozen=True)
class ClassMean:
    """What a class came to, on average over those who are shown. A metric that nobody has is absent."""

    event_id: str
    name: str
    starts_at: datetime
    means: Mapping[str, float]


@dataclass(frozen=True)
class Means:
    """The means of many classes, by their ids, with what they were made from: for the next look."""

    unseen: frozenset[str] = frozenset()
    made: Mapping[str, tuple[str, ClassMean]] = field(default_factory=dict)

    @property
    def every(self) -> list[ClassMean]:
        """All of them, the oldest first."""
        return sorted((mean for _, mean in self.made.values()), key=lambda mean: (mean.starts_at, mean.event_id))


async def class_means(hub: Hub, *, since: datetime, until: datetime, kept: Means | None = None) -> Means:
    """The means of the classes that began in `[since, until)` and have results. What `kept` knows is made anew only
    where something changed."""
    c, studio, kept = t.result.c, hub.the_studio, kept or Means()
    where = (c.studio_id == studio.id, c.starts_at >= since, c.starts_at < until, c.dropped.is_(False))
    stamps = select(c.event_id, func.count(), func.max(c.changed_at)).where(*where).group_by(c.event_id)
    riders = select(t.connection.c.name, c.member).join(t.connection, t.connection.c.id == c.source_id).where(*where)
    async with hub.database.read() as db:
        now = {event: f"{count} {changed}" for event, count, changed in (await db.execute(stamps)).all()}
        members = {f"{source}:{member}" for source, member in (await db.execute(riders.distinct())).all()}
        unseen = await hidden(db, studio, members)
        old = kept.made if unseen == kept.unseen else {}
        same = {event: old[event] for event, stamp in now.items() if event in old and old[event][0] == stamp}
        new = now.keys() - same.keys()
    rides = await rides_of_many(hub.database, hub.vault, studio, events=new) if new else []
    by_event: dict[str, list[Ride]] = {}
    for ride in rides:
        by_event.setdefault(ride.event_id, []).append(ride)
    for event, those in by_event.items():
        first = those[0]
        means = _means(ride for ride in those if ride.member not in unseen)
        same[event] = (now[event], ClassMean(event, first.name, first.starts_at, means))
    return Means(unseen, same)


def _means(rides: Iterable[Ride]) -> dict[str, float]:
    values: dict[str, list[float]] = {}
    for ride in rides:
        for name, value in ride.sound.items():
            if name in METRICS:
                values.setdefault(name, []).append(value)
    return {name: math.fsum(those) / len(those) for name, those in values.items()}


def weekly(values: Iterable[tuple[datetime, float | None]], *, until: datetime, weeks: int) -> list[float | None]:
    """The mean of each of the weeks that end with `until`, the oldest first; None for a week without a value."""
    found: list[list[float]] = [[] for _ in range(weeks)]
    for at, value in values:
        week = math.ceil((until - at) / timedelta(weeks=1)) or 1
        if value is not None and 1 <= week <= weeks:
            found[weeks - week].append(value)
    return [math.fsum(those) / len(those) if those else None for those in found]


# ── one class ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Rider:
    """Somebody with a seat or a result in a class. `ride` is None while there is no result; `recent` are their rides up
    to this one, the oldest first."""

    member: str
    name: str
    ride: Ride | None = None
    recent: Sequence[Ride] = ()


@dataclass(frozen=True)
class OneClass:
    """A class. `riders` are those who are shown; `unseen` is how many are not. `dropped` are results that staff left
    out. `before` are the classes of that name that it is compared with."""

    view: ClassView
    instructor: str
    riders: Sequence[Rider]
    unseen: int
    dropped: Sequence[Rider]
    means: Mapping[str, float]
    before: Sequence[ClassMean] = ()

    def more(self, name: str) -> float | None:
        """By which part a mean is above those before (0.1: a tenth more); None where there is nothing to compare."""
        earlier = [mean.means[name] for mean in self.before if name in mean.means]
        usual = math.fsum(earlier) / len(earlier) if earlier else 0.0
        return self.means[name] / usual - 1 if name in self.means and usual else None

    def by(self, metric: str) -> list[Rider]:
        """The riders by a metric: the highest value first, then what can hardly be, what was not measured, and those
        without a result."""
        places = ranking([rider.ride for rider in self.riders if rider.ride is not None], metric)
        order = {place.ride.result_id: number for number, place in enumerate(places)}

        def rank(rider: Rider) -> tuple[int, int, str]:
            if rider.ride is None:
                return (3, 0, rider.name)
            known = 0 if rider.ride.result_id in order else 1 if metric in rider.ride.metrics else 2
            return (known, order.get(rider.ride.result_id, 0), rider.name)

        return sorted(self.riders, key=rank)


async def look_at_class(hub: Hub, event_id: str) -> OneClass | None:
    """A class with its riders; None where it is gone. `before` is empty: `class_means` has those."""
    studio, e = hub.the_studio, t.event.c
    async with hub.database.read() as db:
        found = await classes(db, studio, now=hub.clock.now(), event_id=event_id)
        if not found:
            return None
        view = found[0]
        event = (await db.execute(select(e.source_id, e.session_id).where(e.id == event_id))).one()
        rides = await rides_of_class(db, hub.vault, studio, event_id)
        left_out = await rides_of_class(db, hub.vault, studio, event_id, dropped=True)
        seated = await _seated(db, studio, event_id, view.session.partition(":")[0])
        refs = {*seated, *(ride.member for ride in (*rides, *left_out))}
        unseen = await hidden(db, studio, refs)
        names = seated | await names_of(db, studio, refs)
        shown = [ride for ride in rides if ride.member not in unseen]
        instructor = await instructor_of(db, event.source_id, event.session_id)
    past = await rides_of_many(
        hub.database,
        hub.vault,
        studio,
        members={ride.member for ride in shown},
        since=view.starts_at - BEFORE,
        until=view.starts_at + timedelta(seconds=1),
    )
    riders = [Rider(ride.member, names.get(ride.member, ride.member), ride, _recent(ride, past)) for ride in shown]
    there = {ride.member for ride in (*rides, *left_out)}
    riders += [Rider(ref, names.get(ref, ref)) for ref in sorted(seated) if ref not in there and ref not in unseen]
    dropped = [
        Rider(ride.member, names.get(ride.member, ride.member), ride) for ride in left_out if ride.member not in unseen
    ]
    return OneClass(view, instructor, riders, len(unseen), dropped, _means(shown))


async def _seated(db: AsyncConnection, studio: Studio, event_id: str, source: str) -> dict[str, str]:
    s = t.seat.c
    query = select(s.member, s.name).where(s.event_id == event_id, s.state != "removed")
    return {f"{source}:{member}": name or f"{source}:{member}" for member, name in (await db.execute(query)).all()}


def _recent(ride: Ride, past: Sequence[Ride]) -> list[Ride]:
    own = [one for one in past if one.member == ride.member]
    return own[:RECENT][::-1]


def compared(one: OneClass, means: Means) -> OneClass:
    """The class with what it is compared with: the classes of its name in the weeks before it."""
    start = one.view.starts_at
    before = [
        mean
        for mean in means.every
        if mean.name == one.view.name and start - BEFORE <= mean.starts_at < start and mean.means
    ]
    return OneClass(one.view, one.instructor, one.riders, one.unseen, one.dropped, one.means, before)


# ── what keeps results from coming ────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Trouble:
    """Why results don't come: of all classes of a tracker, or of one. `answered` is when the tracker last did."""

    what: str
    said: str
    fix: str
    answered: datetime | None = None


async def troubles(hub: Hub) -> Mapping[str, Trouble]:
    """What is wrong, by the name of the tracker or the id of the class."""
    found: dict[str, Trouble] = {}
    async with hub.database.read() as db:
        items = await inbox(db, hub.the_studio)
    for item in items:
        if item["code"] == FAILED:
            event = str(item["subject"]).removeprefix(f"{item['connection']}: ")
            what, _, said = str(item["text"]).partition(": ")
            found[event] = Trouble(what, said, str(item["fix"] or ""))
    for view in await list_vendors(hub):
        if view.kind == "tracker" and view.state == "failed":
            what = f"{view.row.name} does not answer: no new results come"
            found[view.row.name] = Trouble(what, view.error, "They are asked for again by themselves.", view.at)
    return found
