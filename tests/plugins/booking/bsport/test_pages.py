"""When a list counts as read whole."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from hub import NotFound
from plugins.booking.bsport.pages import LOOKS, Proof, pages
from plugins.booking.bsport.wire import Listed

Answer = tuple[Sequence[Any], int | None, bool]


async def read(*answers: Answer | None) -> tuple[list[Any], str, int]:
    """Read a list whose pages answer so, one after the other and round again; None is a page that isn't there. What
    came, why it isn't whole, how many pages were asked for."""
    asked = 0

    async def fetch(page: int) -> Listed:
        nonlocal asked
        answer = answers[asked % len(answers)]
        asked += 1
        if answer is None:
            raise NotFound("no such page")
        ids, count, more = answer
        return Listed([{"id": one} if one is not None else {} for one in ids], count, more)

    proof = Proof()
    assert proof.why_not, "until it was read to the end, nothing is proven"
    found = [item.get("id") async for page in pages(fetch, proof) for item in page]
    return found, proof.why_not, asked


@pytest.mark.parametrize("count", [3, None])
async def test_a_list_that_is_what_it_says_is_whole(count: int | None) -> None:
    """Classic lists may not say how many there are; their end is believed then."""
    assert await read(([1, 2], count, True), ([3], count, False)) == ([1, 2, 3], "", 2)


async def test_an_empty_list_is_whole() -> None:
    assert await read(([], 0, False)) == ([], "", 1)


async def test_a_list_that_lacks_something_is_not() -> None:
    found, why_not, asked = await read(([1, 2], 4, True), ([3], 4, False))
    assert (found, asked) == ([1, 2, 3], 2 * LOOKS)
    assert why_not == "bsport says that there are 4 and sent 3"


@pytest.mark.parametrize("count", [3, None])
async def test_an_item_that_comes_twice_means_that_others_may_have_slipped_past(count: int | None) -> None:
    """The list moved between two pages. Nothing is handed over twice."""
    found, why_not, asked = await read(([1, 2], count, True), ([2, 3], count, False))
    assert (found, asked) == ([1, 2, 3], 2 * LOOKS)
    assert why_not == "the list kept changing while it was read"


async def test_a_count_that_changes_means_the_same() -> None:
    _, why_not, _ = await read(([1, 2], 4, True), ([3], 3, False))
    assert why_not == "the list kept changing while it was read"


async def test_a_second_look_may_be_whole() -> None:
    """And what it brings is handed over."""
    first, second = [([1, 2], 4, True), ([4], 3, False)], [([2, 3], 3, True), ([4], 3, False)]
    assert await read(*first, *second) == ([1, 2, 4, 3], "", 4)


async def test_items_without_an_id_are_handed_over_once() -> None:
    found, why_not, _ = await read(([1, None], 3, True), ([], 3, False))
    assert found == [1, None]
    assert why_not == "bsport says that there are 3 and sent 2"
    assert await read(([1, None], 2, False)) == ([1, None], "", 1)


async def test_pages_without_end_end() -> None:
    for answers in ([([1], 1, True)], [([], 5, True)]):
        found, why_not, asked = await read(*answers)
        assert len(found) <= 1
        assert "without anything new" in why_not
        assert asked <= 2 * LOOKS


async def test_a_page_that_is_no_longer_there() -> None:
    _, why_not, _ = await read(([1], 2, True), None)
    assert why_not == "the list got shorter while it was read"


async def test_a_list_that_is_not_there_raises() -> None:
    with pytest.raises(NotFound):
        await read(None)
