"""Results from Spivi. Numbers in brackets are those of section 3 of the guide (`spivi.md`)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from hub import FixSettings, RetryLater, grants
from plugins.spivi.results import METRICS
from tests.plugins.spivi.support import BOX, ENDS, STARTS, Recorder, Site, opened, session

RIDE: dict[str, Any] = {
    "WorkoutName": "Power Ride 45",
    "Calories": 412,
    "KJ": 363,
    "Distance": 21.4,
    "DistanceUnits": "KM",
    "AvgSpeed": 28.5,
    "MaxSpeed": 44.1,
    "AvgHR": 141,
    "MaxHR": 172,
    "AvgRPM": 82,
    "MaxRPM": 118,
    "AvgPower": 134,
    "MaxPower": 402,
    "TotalSEP": 386,
    "TotalWPP": 0,
}
MEASURED = {
    "distance_km": 21.4,
    "energy_kj": 363,
    "calories_kcal": 412,
    "power_avg_w": 134,
    "power_max_w": 402,
    "speed_avg_kmh": 28.5,
    "speed_max_kmh": 44.1,
    "cadence_avg_rpm": 82,
    "cadence_max_rpm": 118,
    "hr_avg_bpm": 141,
    "hr_max_bpm": 172,
    "points": 386,
    "points_secondary": 0,
}


async def result(site: Site, **measured: Any) -> grants.Result:
    """The result of a ride that was recorded so."""
    wanted, rider = await site.ridden(**measured)
    (found,) = await site.metrics(wanted, rider)
    return found


@pytest.mark.parametrize("calls", [{}, {"fetch_event_results": True}])
async def test_13_a_result_has_canonical_names_and_units(calls: dict[str, bool]) -> None:
    """(13) The twelve measures and both points, by rider or for all riders at once; nothing is left unread."""
    async with opened(calls=calls) as site:
        found = await result(site, **RIDE)
        assert found.metrics == MEASURED
        assert found.metrics.keys() <= METRICS.keys()
        assert (found.seat, found.vendor_person_id) == ("3", site.rider().vendor_id)
        assert (found.implausible, found.unread, found.notes) == (frozenset(), {}, ())


async def test_13_each_rider_is_asked_for_with_class_and_time(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """(13) By the address that Spivi has, whatever the source has by now."""
    wanted, rider = await site.ridden()
    sent = Recorder(site.sim, monkeypatch)
    other = grants.Rider(member=rider.member, vendor_id=rider.vendor_id, email="new@example.org")
    assert await site.metrics(wanted, other)
    form = sent.form("GetClientPerformanceData")
    assert form["Username"] == "ada@example.org"
    assert form["EventID"] == wanted.vendor_id
    assert (form["StartDateTime"], form["EndDateTime"]) == ("22-11-2026T17:50", "22-11-2026T18:55")


async def test_13_no_result_yet_is_no_result() -> None:
    """(13) Empty shortly after the class means that it is asked for again."""
    async with opened(faults=["late_results=60"]) as site:
        wanted, rider = await site.ridden()
        assert list(await site.metrics(wanted, rider)) == []
        site.clock.set(ENDS + timedelta(hours=1))
        assert len(await site.metrics(wanted, rider)) == 1


async def test_13_who_did_not_ride_has_no_result(site: Site) -> None:
    """(13) Nothing measured is nothing, not a row of zeros."""
    wanted, rider = await site.ridden(**dict.fromkeys(RIDE, 0))
    assert list(await site.metrics(wanted, rider)) == []


async def test_13_what_was_not_measured_is_absent(site: Site) -> None:
    """(13) No strap, no heart rate; a bike without power has none. 0 points are points."""
    ride = {**RIDE, "AvgHR": 0, "MaxHR": None, "AvgPower": 0, "MaxPower": 0, "KJ": 0, "TotalSEP": 0}
    found = await result(site, **ride)
    assert found.metrics.keys() == MEASURED.keys() - {
        *("hr_avg_bpm", "hr_max_bpm", "power_avg_w", "power_max_w", "energy_kj")
    }
    assert found.metrics["points"] == 0
    assert found.implausible == frozenset()


async def test_13_what_can_hardly_be_is_kept_and_marked(site: Site) -> None:
    """(13) So that it can be shown with a mark, and left out of rankings."""
    found = await result(site, **{**RIDE, "MaxPower": 4020, "AvgHR": 20, "Distance": -1})
    assert found.implausible == {"power_max_w", "hr_avg_bpm", "distance_km"}
    assert found.metrics["power_max_w"] == 4020


async def test_13_a_long_class_may_be_longer(site: Site) -> None:
    """(13) The ranges are those of an hour; sums grow with the time, means don't."""
    ends = STARTS + timedelta(hours=2)
    wanted, rider = await site.created(ends_at=ends), site.rider()
    await site.take(wanted, rider)
    site.clock.set(ends)
    site.sim.record(str(wanted.vendor_id), rider.vendor_id, **{**RIDE, "Distance": 70, "AvgSpeed": 50})
    (found,) = await site.metrics(wanted, rider)
    assert found.implausible == {"speed_avg_kmh"}


@pytest.mark.parametrize("unit", ["MI", "miles", "Mile"])
async def test_13_miles_are_kilometres(site: Site, unit: str) -> None:
    """(13) Distance and speeds; everything that doesn't begin with "mi" is kilometres."""
    found = await result(site, **{**RIDE, "Distance": 10, "AvgSpeed": 20, "MaxSpeed": 30, "DistanceUnits": unit})
    assert found.metrics["distance_km"] == pytest.approx(16.093, abs=0.001)
    assert found.metrics["speed_avg_kmh"] == pytest.approx(32.187, abs=0.001)


@pytest.mark.parametrize(
    ("names", "canonical"),
    [
        ({"AvgWatts": 134}, "power_avg_w"),
        ({"averagepower": 134}, "power_avg_w"),
        ({"PeakPower": 402}, "power_max_w"),
        ({"AVGCADENCE": 82}, "cadence_avg_rpm"),
        ({"MaxHeartRate": 172}, "hr_max_bpm"),
        ({"TotalKJ": "363,5"}, "energy_kj"),
        ({"TotalTime": 2700}, "duration_s"),
        ({"Rank": 2}, "rank"),
        ({"AvgFTPPercent": 81}, "ftp_avg_pct"),
    ],
)
async def test_names_that_are_not_known_for_sure_are_read_in_every_form(
    site: Site, names: dict[str, Any], canonical: str
) -> None:
    """Aliases, in any letter case."""
    found = await result(site, Calories=400, **names)
    assert set(found.metrics) - {"points", "points_secondary"} == {"calories_kcal", canonical}


async def test_what_no_name_fits_is_kept(site: Site) -> None:
    """For the diagnostics page: unread elements, and a value that is no number."""
    found = await result(site, **{**RIDE, "Zone1": 300, "AvgPower": "n/a"})
    assert found.unread == {"Zone1": "300", "AvgPower": "n/a"}
    assert "power_avg_w" not in found.metrics


async def test_a_studio_can_name_a_measure() -> None:
    """Without a release."""
    async with opened(fields={"power_avg_w": ["Watt"]}) as site:
        found = await result(site, Watt=134, Calories=412)
        assert found.metrics == {"power_avg_w": 134, "calories_kcal": 412}


async def test_kilojoules_that_are_calories_are_told(site: Site) -> None:
    """Which of the two `KJ` is, is unknown; the ratio says so."""
    found = await result(site, **{**RIDE, "Calories": 412, "KJ": 1724})
    assert [note.code for note in found.notes] == ["energy_converted"]


@pytest.mark.parametrize(
    ("faults", "mine", "other"),
    [
        (["results_unfiltered"], {"Calories": 412}, {**RIDE, "Calories": 99}),
        (["results_unfiltered", "bare_results"], RIDE, {"Calories": 99}),
    ],
)
async def test_another_classs_workout_is_not_this_ones(
    faults: list[str], mine: dict[str, Any], other: dict[str, Any]
) -> None:
    """Where Spivi names the class, by its name; where it doesn't, it is the fuller of those within the time."""
    async with opened(faults=faults) as site:
        wanted, rider = await site.ridden(**mine)
        event_id = site.sim.add_event_by_hand("Early", STARTS, ENDS, BOX)["EventID"]
        site.sim.seat_by_hand(event_id, rider.vendor_id, 5)
        site.sim.record(event_id, rider.vendor_id, **other)
        (found,) = await site.metrics(wanted, rider)
        assert found.metrics["calories_kcal"] == 412


async def test_one_rider_who_fails_is_asked_for_again(site: Site) -> None:
    """The others' results are there."""
    wanted, rider = await site.ridden(**RIDE)
    gone = grants.Rider(member="desk:2", vendor_id="1", email="gone@example.org")
    assert [found.vendor_person_id for found in await site.metrics(wanted, gone, rider)] == [rider.vendor_id]


@pytest.mark.parametrize(("fault", "error"), [("outage=drop", RetryLater), ("unauthorized", FixSettings)])
async def test_where_nobody_can_be_asked_for_it_is_an_error(site: Site, fault: str, error: type[Exception]) -> None:
    """Not an empty result."""
    wanted, rider = await site.ridden()
    site.sim.faults.set(f"{fault},operation=getClientPerformanceData")
    with pytest.raises(error):
        await site.metrics(wanted, rider)


async def test_a_class_that_spivi_has_not_has_no_results(site: Site) -> None:
    """Nothing to ask for."""
    assert list(await site.metrics(session(), site.rider())) == []
    assert list(await site.metrics(session(vendor_id="1"), site.rider())) == []


async def test_an_event_that_can_be_read_no_more_does_not_cost_the_results(site: Site) -> None:
    """Then the source's address has to do."""
    wanted, rider = await site.ridden(**RIDE)
    site.sim.faults.set("error_inside=404,operation=getEvents")
    (found,) = await site.metrics(wanted, rider)
    assert found.metrics == MEASURED


async def test_made_up_rides_are_plausible(site: Site) -> None:
    """What the simulator makes up passes for real, the same every time."""
    wanted = await site.created()
    riders = [site.rider(f"rider{number}@example.org") for number in range(20)]
    for seat, rider in enumerate(riders):
        await site.take(wanted, rider, str(seat))
    site.clock.set(ENDS)
    found = await site.metrics(wanted, *riders)
    assert len(found) == 20
    assert not any(one.implausible or one.unread or one.notes for one in found)
    assert list(found) == list(await site.metrics(wanted, *riders))
