"""Results in canonical names and units: what was not measured is absent, what can hardly be is marked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from hub import FixSettings, NotFound, Refused, RetryLater, VendorError, grants, times
from plugins.spivi import wire
from plugins.spivi.answers import Node
from plugins.spivi.client import Spivi
from plugins.spivi.shapes import EventSeen

__all__ = ["METRICS", "fetch"]

AROUND = timedelta(minutes=10)
MILE = 1.609344
KCAL_IN_KJ = 4.184


@dataclass(frozen=True)
class Metric:
    """A metric's plausible range in a class of up to an hour. `sums`: a longer class allows more. `zero`: 0 is a value,
    and not the sign that nothing was measured. `distance`: comes in the answer's unit of distance."""

    low: float = 0
    high: float = float("inf")
    sums: bool = False
    zero: bool = False
    distance: bool = False


METRICS: Mapping[str, Metric] = {
    "distance_km": Metric(0, 60, sums=True, distance=True),
    "energy_kj": Metric(0, 1200, sums=True),
    "calories_kcal": Metric(0, 1400, sums=True),
    "power_avg_w": Metric(30, 350),
    "power_max_w": Metric(60, 1500),
    "speed_avg_kmh": Metric(10, 45, distance=True),
    "speed_max_kmh": Metric(15, 80, distance=True),
    "cadence_avg_rpm": Metric(50, 110),
    "cadence_max_rpm": Metric(70, 170),
    "hr_avg_bpm": Metric(80, 185),
    "hr_max_bpm": Metric(100, 215),
    "points": Metric(0, 1000, sums=True, zero=True),
    "points_secondary": Metric(zero=True),
    "duration_s": Metric(0, 4 * 3600),
    "rank": Metric(1),
    "ftp_avg_pct": Metric(0, 300),
}

ABOUT = ("event_id", "client_id", "seat_id", "starts_at", "ends_at", "workout_name", "distance_units")
"""What a workout says about itself besides what was measured."""


async def fetch(api: Spivi, session: grants.TrackerSession, riders: Sequence[grants.Rider]) -> list[grants.Result]:
    """The results that are there. A rider without one has none yet, as far as Spivi tells. The event itself is read for
    the addresses that Spivi has for its riders."""
    if session.vendor_id is None:
        return []
    event = await api.event(session.vendor_id)
    if api.able("fetch_event_results"):
        workouts = await api.event_workouts(session.vendor_id)
        results = [
            _result(
                api, session, event, rider, [one for one in workouts if _of(api, one, "client_id") == rider.vendor_id]
            )
            for rider in riders
        ]
    else:
        results = await _one_by_one(api, session, event, riders)
    return [result for result in results if result is not None]


async def _one_by_one(
    api: Spivi, session: grants.TrackerSession, event: EventSeen | None, riders: Sequence[grants.Rider]
) -> list[grants.Result | None]:
    """Rider by rider: one who fails is asked for again next time, unless all do."""
    zone = times.zone(session.timezone)
    start, end = session.starts_at - AROUND, session.ends_at + AROUND
    results: list[grants.Result | None] = []
    failed: list[VendorError] = []
    for rider in riders:
        email = (event.emails.get(rider.vendor_id) if event is not None else None) or rider.email
        if email is None:
            continue
        try:
            workouts = await api.client_workouts(email, session.vendor_id, start, end, zone)
        except FixSettings:
            raise
        except (NotFound, Refused) as error:
            failed.append(error)
            continue
        except RetryLater as error:
            failed.append(error)
            break
        results.append(_result(api, session, event, rider, workouts))
    if failed and (not results or (isinstance(failed[-1], RetryLater) and not any(results))):
        # Silence after riders who have none yet is no look at the class.
        raise failed[-1]
    return results


def _result(
    api: Spivi, session: grants.TrackerSession, event: EventSeen | None, rider: grants.Rider, workouts: Sequence[Node]
) -> grants.Result | None:
    """One rider's result: of several workouts the one with most in it; of other events' and people's, none."""
    found = [
        _read(api, session, event, rider, node)
        for node in workouts
        if _of(api, node, "event_id") in {"", session.vendor_id}
        and _of(api, node, "client_id") in {"", rider.vendor_id}
    ]
    measured = [result for result in found if result.metrics.keys() - {"points", "points_secondary", "rank"}]
    return max(measured, key=lambda result: (len(result.metrics), result.metrics.get("distance_km", 0)), default=None)


def _of(api: Spivi, node: Node, meaning: str) -> str:
    return node.text(api.wire.names(meaning)) or ""


def _read(
    api: Spivi, session: grants.TrackerSession, event: EventSeen | None, rider: grants.Rider, node: Node
) -> grants.Result:
    unit = MILE if _of(api, node, "distance_units").lower().startswith("mi") else 1.0
    longer = max(1.0, (session.ends_at - session.starts_at) / timedelta(hours=1))
    metrics: dict[str, float] = {}
    implausible: set[str] = set()
    known = {name.lower() for meaning in ABOUT for name in api.wire.names(meaning)}
    for canonical, metric in METRICS.items():
        for name in api.wire.names(canonical):
            text = node.text((name,))
            value = wire.number(text)
            if text is None or (text and value is None):
                continue
            known.add(name.lower())
            if value is None or (value == 0 and not metric.zero):
                continue
            value *= unit if metric.distance else 1.0
            metrics[canonical] = round(value, 3)
            if not metric.low <= value <= metric.high * (longer if metric.sums else 1.0):
                implausible.add(canonical)
            break
    return grants.Result(
        vendor_person_id=rider.vendor_id,
        seat=_of(api, node, "seat_id") or (event.booked.get(rider.vendor_id) if event is not None else None),
        metrics=metrics,
        implausible=frozenset(implausible),
        unread={name: text for name, text in node.leaves().items() if name.lower() not in known and text},
        notes=_energy(metrics),
    )


def _energy(metrics: Mapping[str, float]) -> tuple[grants.Note, ...]:
    """Whether kJ is the work done or the calories in another unit is unknown; their ratio says so."""
    work, burned = metrics.get("energy_kj"), metrics.get("calories_kcal")
    if not work or not burned or abs(work / burned / KCAL_IN_KJ - 1) > 0.03:
        return ()
    text = "the kJ that Spivi gives are the calories in another unit, not the work at the pedals"
    return (grants.Note(code="energy_converted", text=text),)
