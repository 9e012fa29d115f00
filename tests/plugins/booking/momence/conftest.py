"""One simulated host for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.plugins.booking.momence.support import Site, furnished, opened


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A furnished host and an open connection to it."""
    async with opened(furnished()) as made:
        yield made
