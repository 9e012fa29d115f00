"""The living demo: the terminal UI on a made-up studio that goes on while somebody looks, and nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.core import load_plugins
from hub.demo.events import OUTAGE_EVERY, Goings
from hub.demo.live import run_live
from hub.demo.stage import demo_settings
from hub.demo.vendors import NAME, DemoClock, made_up_vendors, plan_ride
from hub.errors import HubError
from hub.settings import HubSettings
from tests.tui.terminal import on_terminal

NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


async def goings(seed: int, steps: int) -> list[str]:
    clock = DemoClock(NOW)
    vendors = made_up_vendors(load_plugins(HubSettings()), clock, seed=seed)
    await plan_ride(vendors, NOW + timedelta(hours=3), "Ride 45")
    happens = Goings(vendors)
    return [await happens.step() for _ in range(steps)]


async def test_the_same_things_happen_for_a_seed_and_some_of_every_kind() -> None:
    first = await goings(1, 3 * OUTAGE_EVERY)
    assert first == await goings(1, 3 * OUTAGE_EVERY)
    assert first != await goings(2, 3 * OUTAGE_EVERY)
    for what in ("books studio-1", "books a bike", "is cancelled", "is moved", "joins", "is down", "is back"):
        assert any(what in one for one in first), what
    down, back = first.index("the doors' vendor is down"), first.index("the doors' vendor is back")
    assert 0 < down < back


def test_its_settings_have_nothing_of_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So no mail goes to anybody, and no database but its own is touched."""
    for name in ("DATABASE_URL", "SMTP_URL", "KEY", "PUBLIC_URL", "LISTEN", "STUDIO", "BLOCK_PLUGINS"):
        monkeypatch.setenv(f"STUDIOHUB_{name}", "postgresql://real@db.example/real")
    made = demo_settings(tmp_path, mail=2525, port=8123)
    assert made.home == tmp_path / "home"
    assert made.smtp_url is not None
    assert made.smtp_url.get_secret_value() == "smtp://127.0.0.1:2525"
    assert "example" not in repr(made.model_dump())


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked for in /proc")
def test_it_opens_on_a_terminal_goes_on_by_itself_and_leaves_nothing(tmp_path: Path) -> None:
    """Vendors and engine run in a process of their own; both are gone with the folder."""
    home = tmp_path / "home"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = {"TMPDIR": str(temporary), "STUDIOHUB_HOME": str(home), "STUDIOHUB_SMTP_URL": "smtp://mail.example:25"}
    with on_terminal([sys.executable, "-m", "hub.cli", "demo"], env=env) as terminal:
        terminal.until("Needs you", seconds=120)
        terminal.until(NAME)
        assert stages(temporary)
        # The engine of the other process works, and this screen follows it.
        terminal.press("3")
        give_up = time.monotonic() + 60
        while "records changed" not in terminal.text:
            assert time.monotonic() < give_up, terminal.text[-3000:]
            terminal.press(".")
            terminal.quiet(0.5)
        assert "mails wait" not in terminal.text
        terminal.press("q")
        assert terminal.wait() == 0
    assert list(temporary.iterdir()) == []
    assert not home.exists()
    assert not stages(temporary)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked for in /proc")
def test_killed_it_leaves_nothing_either(tmp_path: Path) -> None:
    with on_terminal([sys.executable, "-m", "hub.cli", "demo"], env={"TMPDIR": str(tmp_path)}) as terminal:
        terminal.until("Needs you", seconds=120)
        os.kill(terminal.process.pid, signal.SIGKILL)
        terminal.process.wait()
    give_up = time.monotonic() + 30
    while stages(tmp_path) or list(tmp_path.iterdir()):
        assert time.monotonic() < give_up, list(tmp_path.iterdir())
        time.sleep(0.05)


async def test_where_it_can_not_be_made_it_says_so_and_cleans_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    monkeypatch.setattr("sys.executable", "/bin/false")

    async def show(_: HubSettings) -> int:
        raise AssertionError("there is nothing to show")

    with pytest.raises(HubError, match="could not be made") as failed:
        await asyncio.wait_for(run_live(show, lambda _: None), 30)
    assert "--headless" in failed.value.fix
    assert os.listdir(tmp_path) == []  # noqa: PTH208 - in a coroutine


def stages(folder: Path) -> list[int]:
    """The processes that play the made-up studio in a folder."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        try:
            line = (one / "cmdline").read_bytes().decode(errors="replace")
        except OSError:
            continue
        if "hub.demo.stage" in line and str(folder) in line:
            found.append(int(one.name))
    return found
