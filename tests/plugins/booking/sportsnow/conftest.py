"""A studio at SportsNow."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.plugins.booking.sportsnow.support import Studio, opened


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """The simulator's own studio, its timetable alone."""
    async with opened() as made:
        yield made
