"""Fixtures of the tests of the core."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.plugins import Plugins
from tests.hub.fakes import vendors
from tests.hub.studio_files import SECRETS, Write


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the secrets that the files in it point to."""
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "token.txt").write_text("anny-s3cr3t\n")
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Write:
    """Write a studio file."""

    def written(text: str) -> Path:
        (folder / "studio.toml").write_text(text, encoding="utf-8")
        return folder / "studio.toml"

    return written


@pytest.fixture(scope="module")
def plugins() -> Plugins:
    return vendors()
