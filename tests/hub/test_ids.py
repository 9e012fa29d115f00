"""Ids kept as one text behave as a list of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.look.ids import IdList

IDS = st.one_of(
    st.lists(st.text("abc01", min_size=1, max_size=4), unique=True, max_size=30),
    # All as long as each other, which is what the hub draws.
    st.lists(st.text("abc01", min_size=3, max_size=3), unique=True, max_size=30),
)


@given(IDS, st.integers(-40, 40), st.integers(-40, 40), st.sampled_from([1, 2, -1]))
def test_it_is_read_and_cut_as_a_list_is(ids: list[str], start: int, stop: int, step: int) -> None:
    kept = IdList(" ".join(ids))
    assert len(kept) == len(ids)
    assert list(kept) == ids
    assert kept[start:stop:step] == ids[start:stop:step]
    assert [kept[place] for place in range(-len(ids), len(ids))] == ids + ids
    for place in (len(ids), -len(ids) - 1):
        with pytest.raises(IndexError):
            kept[place]


@given(IDS, st.text("abc01 ", max_size=4))
def test_an_id_is_found_and_a_part_of_one_is_not(ids: list[str], wanted: str) -> None:
    kept = IdList(" ".join(ids))
    assert [kept.index(one) for one in ids] == list(range(len(ids)))
    assert (wanted in kept) == (wanted in ids)
    if wanted not in ids:
        with pytest.raises(ValueError, match="not in it"):
            kept.index(wanted)


@given(IDS, IDS)
def test_two_are_equal_where_their_lists_are(one: list[str], other: list[str]) -> None:
    assert (IdList(" ".join(one)) == IdList(" ".join(other))) == (one == other)
    assert (IdList(" ".join(one)) == other) == (one == other)
