"""One simulated account for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.plugins.booking.anny.support import Studio, opened


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """An anny account and an open connection to it."""
    async with opened() as made:
        yield made
