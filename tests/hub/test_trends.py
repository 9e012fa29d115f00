"""What rides say taken together: laws that hold for any rides, and the numbers that people would compute by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.classes.rides import METRICS, Ride
from hub.classes.trends import (
    HEART_ZONES,
    POWER_ZONES,
    bests,
    effort,
    ftp_history,
    implausible,
    ranking,
    share,
    span,
    trends,
    zone,
)

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)


def ride(
    number: int = 1,
    member: str = "desk:1",
    *,
    days_ago: float = 1,
    minutes: float = 60,
    odd: frozenset[str] = frozenset(),
    **metrics: float,
) -> Ride:
    start = NOW - timedelta(days=days_ago)
    end = start + timedelta(minutes=minutes)
    return Ride(number, f"e{number}", f"desk:{number}", "Ride", start, end, "Europe/Zurich", member, metrics, odd)


NAMES = sorted(METRICS)
VALUES = st.dictionaries(
    st.sampled_from([*NAMES, "points_secondary"]), st.floats(0, 5000, allow_nan=False, width=32), max_size=len(NAMES)
)


@st.composite
def a_ride(draw: st.DrawFn) -> Ride:
    metrics = draw(VALUES)
    odd = frozenset(draw(st.sets(st.sampled_from(sorted(metrics)))) if metrics else ())
    return ride(
        draw(st.integers(1, 10_000)),
        f"desk:{draw(st.integers(1, 5))}",
        days_ago=draw(st.integers(0, 200)),
        minutes=draw(st.integers(0, 240)),
        odd=odd,
        **metrics,
    )


RIDES = st.lists(a_ride(), max_size=20)


# ── laws ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@given(RIDES, RIDES)
def test_totals_of_two_lots_are_those_of_both(first: list[Ride], second: list[Ride]) -> None:
    one, two, both = span(first), span(second), span([*first, *second])
    assert both.rides == one.rides + two.rides
    assert both.totals.keys() == one.totals.keys() | two.totals.keys()
    for name, value in both.totals.items():
        assert value == pytest.approx(one.totals.get(name, 0) + two.totals.get(name, 0))


@given(RIDES)
def test_a_mean_lies_between_the_least_and_the_most(rides: list[Ride]) -> None:
    for name, mean in span(rides).means.items():
        values = [one.sound[name] for one in rides if name in one.sound]
        assert min(values) <= mean <= max(values)


@given(RIDES)
def test_a_best_is_at_least_as_good_as_every_ride_and_one_of_them(rides: list[Ride]) -> None:
    found = bests(rides)
    for name, best in found.items():
        assert best.value == best.ride.sound[name]
        assert all(one.sound.get(name, 0) <= best.value for one in rides)
    measured = {name for one in rides for name in one.sound if name in METRICS and METRICS[name].best}
    assert found.keys() == measured


@given(RIDES)
def test_what_can_hardly_be_counts_nowhere(rides: list[Ride]) -> None:
    """The same rides without those values give the same of everything."""
    clean = [ride(one.result_id, one.member, days_ago=(NOW - one.starts_at).total_seconds() / 86400,
                  minutes=one.minutes, **one.sound) for one in rides]  # fmt: skip
    assert span(rides) == span(clean)
    assert {name: best.value for name, best in bests(rides).items()} == {
        name: best.value for name, best in bests(clean).items()
    }
    for place in ranking(rides, "power_avg_w"):
        assert "power_avg_w" not in place.ride.implausible


@given(RIDES, st.sampled_from(NAMES), st.sets(st.sampled_from([f"desk:{number}" for number in range(1, 6)])))
def test_who_is_not_shown_is_in_no_ranking_and_leaves_no_gap(rides: list[Ride], metric: str, hidden: set[str]) -> None:
    """It is the ranking of the others alone; and values fall from place to place, equal ones share one."""
    places = ranking(rides, metric, hidden=hidden)
    assert places == ranking([one for one in rides if one.member not in hidden], metric)
    members = [place.ride.member for place in places]
    assert len(members) == len(set(members))
    for number, place in enumerate(places):
        assert place.rank == 1 + sum(other.value > place.value for other in places)
        assert place.rank <= number + 1


@given(RIDES)
def test_rides_of_the_last_weeks_and_of_those_before_are_never_counted_twice(rides: list[Ride]) -> None:
    found = trends(rides, now=NOW)
    for change in (found.weeks_4, found.weeks_12):
        assert change.now.rides + change.before.rides <= found.total.rides
    assert found.weeks_4.now.rides + found.weeks_4.before.rides <= found.weeks_12.now.rides
    assert found.total.rides == len(rides)


@given(st.sampled_from(NAMES), st.floats(0, 5000))
def test_a_share_is_a_part_of_one(name: str, value: float) -> None:
    assert 0 <= share(name, value) <= 1


# ── numbers ───────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_mean_counts_a_longer_class_for_more() -> None:
    """By what was ridden where that was measured, else by the length of the class."""
    two = [ride(1, minutes=60, power_avg_w=200), ride(2, minutes=30, power_avg_w=140)]
    assert span(two).means["power_avg_w"] == 180
    two[1] = ride(2, minutes=30, power_avg_w=140, duration_s=7200)
    assert span(two).means["power_avg_w"] == 160
    assert span([ride(1, minutes=0, power_avg_w=100), ride(2, minutes=0, power_avg_w=200)]).means["power_avg_w"] == 150


def test_nothing_measured_is_nothing_and_not_zero() -> None:
    empty = span([ride(1)])
    assert (empty.rides, empty.totals, empty.means) == (1, {}, {})
    assert bests([]) == {}
    assert trends([], now=NOW).weeks_4.more("distance_km") is None


def test_the_first_class_in_which_a_best_was_reached_has_it() -> None:
    rides = [ride(3, days_ago=1, power_max_w=600), ride(2, days_ago=9, power_max_w=600)]
    assert bests(rides)["power_max_w"].ride.result_id == 2


def test_a_high_heart_rate_is_no_best() -> None:
    assert "hr_max_bpm" not in bests([ride(hr_max_bpm=190, points=3)])


def test_the_last_weeks_are_compared_with_as_many_before() -> None:
    rides = [
        ride(1, days_ago=3, distance_km=22, power_avg_w=210),
        ride(2, days_ago=30, distance_km=20, power_avg_w=200),
        ride(3, days_ago=100, distance_km=5),
    ]
    found = trends(rides, now=NOW)
    assert found.weeks_4.more("distance_km") == pytest.approx(0.1)
    assert found.weeks_4.more("power_avg_w") == pytest.approx(0.05)
    assert found.weeks_12.more("distance_km") == pytest.approx(7.4)
    assert found.weeks_12.more("hr_avg_bpm") is None
    less = trends([ride(1, days_ago=3, points=0), ride(2, days_ago=30, points=50)], now=NOW).weeks_4
    assert less.more("points") == -1
    assert found.total.totals == {"distance_km": 47}


def test_what_is_still_to_come_is_in_no_last_weeks() -> None:
    assert trends([ride(days_ago=-2, distance_km=5)], now=NOW).weeks_4.now.rides == 0


def test_the_viewer_sees_their_own_place_and_nobody_elses_who_is_not_shown() -> None:
    rides = [
        ride(1, "desk:1", distance_km=30),
        ride(2, "desk:2", distance_km=25),
        ride(3, "desk:3", distance_km=20),
        ride(4, "desk:4", distance_km=28),
    ]
    hidden = {"desk:2", "desk:4"}
    assert [(place.rank, place.ride.member) for place in ranking(rides, hidden=hidden)] == [
        (1, "desk:1"),
        (2, "desk:3"),
    ]
    seen = ranking(rides, hidden=hidden, viewer="desk:2")
    assert [(place.rank, place.ride.member) for place in seen] == [(1, "desk:1"), (2, "desk:2"), (2, "desk:3")]


@pytest.mark.parametrize(
    ("percent", "limits", "wanted"),
    [(None, POWER_ZONES, None), (9, POWER_ZONES, None), (10, POWER_ZONES, 1), (60, POWER_ZONES, 1),
     (61, POWER_ZONES, 2), (100, POWER_ZONES, 3), (120, POWER_ZONES, 4), (121, POWER_ZONES, 5),
     (70, HEART_ZONES, 2), (91, HEART_ZONES, 5)],
)  # fmt: skip
def test_zones_are_the_trackers(percent: float | None, limits: tuple[float, ...], wanted: int | None) -> None:
    assert zone(percent, limits) == wanted


def test_effort_is_told_where_ftp_or_the_highest_heart_rate_is_known() -> None:
    """Against the FTP of that day where it was kept; nothing is guessed."""
    one = ride(power_avg_w=180, hr_avg_bpm=150)
    assert effort(one) == effort(one, ftp_w=0)
    assert effort(one).ftp_pct is None
    found = effort(one, ftp_w=200, max_hr=200)
    assert (found.ftp_pct, found.power_zone, found.hr_pct, found.heart_zone) == (pytest.approx(90), 3, 75, 3)
    assert effort(ride(power_avg_w=180, ftp_w=240), ftp_w=200).ftp_pct == 75
    odd = ride(power_avg_w=9000, odd=frozenset({"power_avg_w"}))
    assert effort(odd, ftp_w=200).ftp_pct is None


def test_ftp_history_has_one_point_for_each_change() -> None:
    rides = [ride(number, days_ago=10 - number, ftp_w=ftp) for number, ftp in enumerate((200, 200, 215, 215, 210))]
    assert [point.ftp_w for point in ftp_history([*reversed(rides), ride(9, days_ago=3)])] == [200, 215, 210]


def test_a_longer_class_allows_more_of_what_adds_up_only() -> None:
    values = {"distance_km": 70.0, "power_avg_w": 351.0, "points_secondary": 1e9}
    assert implausible(values, 60) == {"distance_km", "power_avg_w"}
    assert implausible(values, 90) == {"power_avg_w"}
    assert implausible({"distance_km": 59.0}, 20) == frozenset()
