"""Windows of time: what several of them cover together, and when that changes."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.access.windows import FOREVER, SINCE_EVER, Window, covering, next_edge

MORNING = datetime(2026, 11, 21, 9, tzinfo=UTC)


def at(hours: float) -> datetime:
    return MORNING + timedelta(hours=hours)


# Few distinct moments, so that windows touch, overlap and repeat often; the far ends among them.
moments = st.integers(0, 12).map(at)
windows = st.builds(
    lambda starts, ends: Window.of(starts, ends),
    st.none() | moments,
    st.none() | moments,
)
several = st.lists(windows, max_size=6)


def covered(many: list[Window], moment: datetime) -> bool:
    return any(window.holds(moment) for window in many)


@given(several, moments)
def test_there_is_a_stretch_exactly_where_a_window_holds_the_moment(many: list[Window], moment: datetime) -> None:
    """A moment that no window holds has none, and one that is held lies inside."""
    stretch = covering(many, moment)
    assert (stretch is not None) == covered(many, moment)
    assert stretch is None or stretch.holds(moment)


@given(several, moments)
def test_a_stretch_has_no_gap(many: list[Window], moment: datetime) -> None:
    """Every moment of it is held by a window."""
    stretch = covering(many, moment)
    if stretch is not None:
        inside = [edge for window in many for edge in window if stretch.holds(edge)]
        for edge in (*inside, stretch.starts):
            assert covered(many, edge)


@given(several, moments)
def test_a_stretch_can_not_be_made_longer(many: list[Window], moment: datetime) -> None:
    """The moment at which it ends is held by nothing, and neither is the one before it starts."""
    stretch = covering(many, moment)
    if stretch is not None:
        assert stretch.ends == FOREVER or not covered(many, stretch.ends)
        assert stretch.starts == SINCE_EVER or not covered(many, stretch.starts - timedelta.resolution)


@given(several, moments)
def test_order_and_repetition_do_not_matter(many: list[Window], moment: datetime) -> None:
    """A source may list passes as it likes."""
    assert covering(many, moment) == covering([*reversed(many), *many], moment)


@given(several, moments)
def test_the_next_edge_is_the_nearest_one_behind_the_moment(many: list[Window], moment: datetime) -> None:
    """Nothing opens or closes before it, and it is an edge."""
    edge = next_edge(many, moment)
    later = {edge for window in many for edge in window if moment < edge < FOREVER}
    assert edge == (min(later) if later else None)


@given(several, moments)
def test_nothing_changes_before_the_next_edge(many: list[Window], moment: datetime) -> None:
    """Until then every window says the same, so nobody has to look at this member."""
    edge = next_edge(many, moment)
    just_before = (edge or at(100)) - timedelta.resolution
    assert [window.holds(moment) for window in many] == [window.holds(just_before) for window in many]


@pytest.mark.parametrize(
    ("many", "stretch"),
    [
        pytest.param([], None, id="none"),
        pytest.param([(0, 2)], (0, 2), id="one"),
        pytest.param([(0, 2), (2, 4)], (0, 4), id="touching"),
        pytest.param([(0, 2), (1, 4)], (0, 4), id="overlapping"),
        pytest.param([(0, 9), (1, 2)], (0, 9), id="nested"),
        pytest.param([(0, 2), (3, 4)], (0, 2), id="a-gap"),
        pytest.param([(-2, 1), (3, 4)], None, id="between-two"),
        pytest.param([(1, 1)], None, id="empty"),
        pytest.param([(2, 0)], None, id="turned-round"),
        pytest.param([(0, 1)], None, id="ended-this-moment"),
        pytest.param([(1, 2)], (1, 2), id="starts-this-moment"),
    ],
)
def test_windows_join_where_they_touch(many: list[tuple[int, int]], stretch: tuple[int, int] | None) -> None:
    """Two passes of which the second starts when the first ends are one stretch: access is not interrupted."""
    found = covering([Window(at(start), at(end)) for start, end in many], at(1))
    assert found == (None if stretch is None else Window(at(stretch[0]), at(stretch[1])))


@pytest.mark.parametrize(
    ("window", "short"),
    [
        (Window(at(0), at(1)), True),
        (Window(at(0), at(25)), True),
        (Window(at(0), at(25.5)), False),
        (Window.of(None, at(0)), False),
        (Window.of(at(0), None), False),
    ],
)
def test_a_window_of_a_day_at_the_most_is_short(window: Window, short: bool) -> None:
    """A day with a clock change in it is still a visit; anything without an end is not."""
    assert window.short is short
