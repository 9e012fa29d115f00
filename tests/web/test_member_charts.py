"""Charts as numbers: everything stands inside, zero is zero, and no value is invented."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from hub.classes.rides import Ride
from hub.web.member import charts, sums

ZURICH = ZoneInfo("Europe/Zurich")
VALUES = st.lists(st.one_of(st.none(), st.floats(0, 100_000)), max_size=60)


@given(VALUES, st.booleans())
def test_everything_stands_inside(values: list[float | None], whole: bool) -> None:
    for draw in (charts.bars, charts.curve):
        made = draw([(str(number), "", value) for number, value in enumerate(values)], whole=whole)
        tops = [mark.top for mark in made.marks]
        assert all(-0.01 <= top <= charts.HEIGHT + 0.01 for top in tops)
        assert all(mark.left >= -0.01 and mark.left + mark.width <= 100.01 for mark in made.marks)
        assert [mark.known for mark in made.marks] == [value is not None for value in values]
        assert 2 <= len(made.ticks) <= 8
        assert len({tick for _, tick in made.ticks}) == len(made.ticks)
        assert sum(mark.axis for mark in made.marks) <= 6


def test_bars_start_at_zero_and_a_higher_value_stands_higher() -> None:
    made = charts.bars([("a", "", 10.0), ("b", "", 20.0), ("c", "", None)])
    assert made.ticks[0] == (charts.HEIGHT, 0)
    assert made.marks[0].top > made.marks[1].top
    assert made.strokes == ()


def test_a_line_passes_over_what_was_not_measured() -> None:
    made = charts.curve([("a", "", 10.0), ("b", "", None), ("c", "", 20.0)])
    assert [(stroke.x1, stroke.x2) for stroke in made.strokes] == [(made.marks[0].middle, made.marks[2].middle)]


def ride(number: int, at: datetime, distance: float, member: str = "desk:1") -> Ride:
    metrics = {"distance_km": distance}
    return Ride(
        number, f"e{number}", "desk:s", "Ride", at, at + timedelta(minutes=45), "Europe/Zurich", member, metrics
    )


def test_weeks_and_months_are_those_of_the_studio() -> None:
    """Half past midnight of a Monday in Zurich is still Sunday in UTC."""
    monday = datetime(2026, 11, 1, 23, 30, tzinfo=UTC)
    now = datetime(2026, 11, 5, 12, 0, tzinfo=UTC)
    rides = [ride(1, monday, 20), ride(2, monday - timedelta(hours=2), 7)]
    weeks = sums.weekly(rides, "distance_km", now, ZURICH, weeks=3)
    assert [value for _, value in weeks] == [None, 7, 20]
    assert all(day.weekday() == 0 for day, _ in weeks)
    first = datetime(2026, 10, 31, 23, 30, tzinfo=UTC)
    assert sums.month([ride(1, first, 5), ride(2, first - timedelta(hours=1), 9)], now, ZURICH).totals == {
        "distance_km": 5
    }
