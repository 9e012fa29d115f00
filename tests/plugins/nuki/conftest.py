"""A studio with Nuki locks, and an account alone."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.plugins.nuki.support import Account, Studio, open_studio, opened


@pytest.fixture
async def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Studio]:
    async with open_studio(tmp_path, monkeypatch) as made:
        yield made


@pytest.fixture
async def account() -> AsyncIterator[Account]:
    async with opened() as made:
        yield made
