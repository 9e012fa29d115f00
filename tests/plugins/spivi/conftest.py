"""One simulated site for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.plugins.spivi.support import Site, opened


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A Spivi site and an open connection to it."""
    async with opened() as made:
        yield made
