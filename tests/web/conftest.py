"""Fixtures of the member page's tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.web.studio import Pages, make_pages


@pytest.fixture
async def pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Pages]:
    """The member page of a studio with four riders."""
    async with make_pages(tmp_path, monkeypatch) as made:
        yield made
