"""One simulated site for a test."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.plugins.exivo.support import Site, opened
from tests.plugins.exivo.support import site as make_site


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """An exivo site and an open connection to it."""
    async with opened(make_site()) as made:
        yield made
