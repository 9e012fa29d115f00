"""The small charts: what they draw says what the values are, without colour and in ASCII too."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui.chart import Line, Scale, chart, scale, spark
from tui.theme import ascii_only

COLOURS = {"faint": "white", "muted": "white"}


@pytest.fixture
def ascii_terminal() -> Iterator[None]:
    ascii_only(True)
    yield
    ascii_only(False)


def drawn(*lines: Line, width: int = 60, height: int = 8) -> list[str]:
    values = [value for line in lines for value in line.values if value is not None]
    rows = chart(
        lines, width=width, height=height, ticks=[(0, "Sep"), (0.5, "Oct")], axis=scale(values), colours=COLOURS
    )
    return [row.plain for row in rows]


@given(st.lists(st.floats(0, 2000), min_size=1, max_size=60))
def test_every_value_lies_between_the_ends_of_the_axis(values: list[float]) -> None:
    axis = scale(values)
    assert axis.low <= min(values) <= max(values) <= axis.high
    assert axis.low < axis.high
    assert axis.low >= 0


def test_an_axis_begins_at_nought_unless_that_is_far_below() -> None:
    assert scale([3, 20]).low == 0
    assert scale([140, 190]).low > 0
    assert scale([]) == Scale(0.0, 1.0, 1.0)


def test_a_line_that_rises_ends_higher_than_it_began() -> None:
    rows = drawn(Line("watts", [100, 120, 140, 160], "blue"))
    columns = [[row for row in range(8) if "⠀" < rows[row][column : column + 1] <= "⣿"] for column in (5, 50)]
    assert min(columns[1]) < min(columns[0])
    assert rows[-1].strip().startswith("└Sep")
    assert "Oct" in rows[-1]


def test_lines_are_named_at_their_ends_and_no_name_hides_another() -> None:
    rows = drawn(Line("own", [5, 5, 5], "blue"), Line("all", [5, 5, 5], "white", dashed=True))
    assert sum(row.endswith(" own") for row in rows) == 1
    assert sum(row.endswith(" all") for row in rows) == 1


def test_the_second_line_is_told_from_the_first_without_colour() -> None:
    one = drawn(Line("x", [5, 5], "blue"))
    other = drawn(Line("x", [5, 5], "blue", dashed=True))

    def dots(rows: list[str]) -> int:
        return sum("⠀" < sign <= "⣿" for row in rows for sign in row)

    assert dots(other) < dots(one) * 0.6


def test_where_there_is_no_value_there_is_no_line() -> None:
    whole = "".join(drawn(Line("x", [5, 5, 5, 5, 5, 5], "blue")))
    gap = "".join(drawn(Line("x", [5, 5, None, None, 5, 5], "blue")))
    assert gap.count(" ") > whole.count(" ")
    assert any("⠀" < sign <= "⣿" for sign in "".join(drawn(Line("x", [None, 7, None], "blue"))))


@given(st.lists(st.none() | st.floats(0, 500), min_size=1, max_size=60), st.integers(12, 120), st.integers(2, 12))
def test_a_chart_is_never_wider_or_higher_than_it_may_be(values: list[float | None], width: int, height: int) -> None:
    line = Line("Early morning ride", values, "blue")
    known = [value for value in values if value is not None]
    rows = chart([line], width=width, height=height, ticks=[(0, "Sep")], axis=scale(known), colours=COLOURS)
    assert len(rows) == height + 1
    assert all(row.cell_len <= max(width, 4 + 2 + 14 + 7) for row in rows)


def test_ascii_draws_with_ascii(ascii_terminal: None) -> None:
    rows = drawn(Line("own", [1, 9, 4], "blue"), Line("all", [2, 3, 4], "white", dashed=True))
    inside = "".join(row[4:] for row in rows[:-1]).translate(str.maketrans("", "", "│┤"))
    assert inside.isascii()
    assert "*" in inside
    assert "-" in inside


def test_a_spark_goes_from_the_lowest_to_the_highest_and_leaves_gaps() -> None:
    assert spark([1, 2, 3], 5) == "  ▁▅█"
    assert spark([None, 4.0, None], 3) == " ▄ "
    assert spark([], 4) == "    "
