"""A folder, and how to fill and read it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from files_support import Read, read_folder

from hub.records import Window

MARK = "2026-11-21T18:00:00+01:00"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def read(folder: Path) -> Callable[..., Awaitable[Read]]:
    """Read the folder of this test."""

    async def read(window: Window | None = None, **more: object) -> Read:
        return await read_folder(folder, window, **more)  # type: ignore[arg-type]

    return read


@pytest.fixture
def put(folder: Path) -> Callable[..., Path]:
    """Write a file into the folder, and with it a mark: `put("passes.csv", "id,name", "a,Abo")`."""

    def put(name: str, *lines: str | bytes, mark: str | None = MARK) -> Path:
        path = folder / name
        path.write_bytes(b"\n".join(line.encode() if isinstance(line, str) else line for line in lines))
        if mark is not None:
            (folder / "complete").write_text(mark)
        return path

    return put
