"""One simulated studio for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.plugins.booking.bsport.support import SPOTS, Studio, opened, simulator


@pytest.fixture
async def studio() -> AsyncIterator[Studio]:
    """An empty studio at bsport and an open connection to it."""
    async with opened(simulator()) as made:
        yield made


@pytest.fixture
async def classic() -> AsyncIterator[Studio]:
    """The same with the classic read switched on."""
    async with opened(simulator(), **SPOTS) as made:
        yield made
