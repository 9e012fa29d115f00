"""A cycling studio on the database that a test asks for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.riding import Riding, make_riding


@pytest.fixture
async def riding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None) -> AsyncIterator[Riding]:
    """The studio, empty."""
    async with make_riding(tmp_path, monkeypatch, database_url=database_url) as made:
        yield made
