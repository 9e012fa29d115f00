"""What the terminal UI costs on a real terminal, beside a bare app in the same run: how long until Today is there, how
much memory, and how many bytes go over the line. Only measured: what is wanted is printed beside it."""

from __future__ import annotations

import statistics
import sys
import time
from pathlib import Path

import pytest
from sqlalchemy import update

from hub.core import Hub
from hub.settings import HubSettings
from hub.store import tables as t
from tests.benchmarks.report import say
from tests.benchmarks.test_tui import as_drawn, fill
from tests.tui.terminal import Terminal, on_terminal
from tests.visiting import make_visiting

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="memory is read from /proc")

MANY = 100_000
TURNS = 3
PLACES = (("3", "Log"), ("4", "What passes open"), ("5", "Kind"), ("7", "Source"), ("1", "Last runs"))
"""Keys of places, with what stands there."""
QUIET = 0.7
"""Seconds without a byte after which a frame is whole."""
BARE = """
from textual.app import App
from textual.widgets import Static

class Bare(App):
    def compose(self):
        yield Static("bare")

Bare().run()
"""
LOADED = "import sqlalchemy.ext.asyncio, pydantic_settings" + BARE
"""The same with the libraries that every studio is read with: what no design of ours can go below."""


async def make_home(folder: Path, monkeypatch: pytest.MonkeyPatch, many: int) -> Path:
    """A studio with so many grants, closed again."""
    async with make_visiting(folder, monkeypatch) as world:
        world.join("somebody")
        await world.sync()
        await fill(world, many)
        return world.hub.settings.home


def started(terminal: Terminal, began: float, text: str) -> float:
    """Seconds from its start to the last byte of its first whole frame."""
    terminal.until(text)
    terminal.quiet(QUIET)
    return terminal.last_at - began


def memory(terminal: Terminal) -> float:
    """What it holds now, in MiB."""
    lines = Path(f"/proc/{terminal.process.pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS")) / 1024


def away_from_the_minute(seconds: float) -> None:
    """The clock in the first line is drawn at each full minute: wait until none comes for so long."""
    left = 60 - time.time() % 60
    if left < seconds + 1:
        time.sleep(left + 2)


def one_word(program: str) -> tuple[float, float]:
    """Seconds and MiB of an app with one word on it."""
    began = time.perf_counter()
    with on_terminal([sys.executable, "-c", program]) as terminal:
        return started(terminal, began, "bare"), memory(terminal)


def today(home: Path) -> tuple[float, float]:
    """Seconds and MiB of the terminal UI, by the command that people type."""
    began = time.perf_counter()
    with on_terminal([sys.executable, "-m", "hub.cli", "tui"], env={"STUDIOHUB_HOME": str(home)}) as terminal:
        return started(terminal, began, "Last runs"), memory(terminal)


async def change_one(home: Path) -> None:
    """Somebody's name is written another way, as an engine elsewhere would do it."""
    async with Hub.open(HubSettings(home=home, database_url=None, key=None)) as hub:
        newest = as_drawn(MANY - 4)
        async with hub.database.write() as db:
            await db.execute(update(t.ledger).where(t.ledger.c.id == newest).values(name="Zoë Other"))
            event = {"grant_id": newest, "at": hub.clock.now(), "what": "changed", "text": "another name"}
            await db.execute(t.ledger_event.insert().values(**event))


async def test_on_a_real_terminal(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    few = await make_home(tmp_path_factory.mktemp("few"), monkeypatch, 500)
    many = await make_home(tmp_path_factory.mktemp("many"), monkeypatch, MANY)
    turns = [(one_word(BARE), one_word(LOADED), today(few)) for _ in range(TURNS)]
    bare_start, loaded_start, our_start = (statistics.median(turn[which][0] for turn in turns) for which in range(3))
    bare_memory, loaded_memory, our_memory = (statistics.median(turn[which][1] for turn in turns) for which in range(3))
    say(f"bare app           {bare_start * 1000:7.0f} ms  {bare_memory:6.1f} MiB")
    say(f"with the libraries {loaded_start * 1000:7.0f} ms  {loaded_memory:6.1f} MiB")
    told("start to Today", our_start / bare_start, 2.0, "x bare", f"{our_start * 1000:7.0f} ms")
    told("", our_start / loaded_start, 2.0, "x with the libraries", "")
    told("memory at start", our_memory / bare_memory, 1.5, "x bare", f"{our_memory:7.1f} MiB")
    told("", our_memory / loaded_memory, 1.5, "x with the libraries", "")

    with on_terminal([sys.executable, "-m", "hub.cli", "tui"], env={"STUDIOHUB_HOME": str(many)}) as terminal:
        started(terminal, time.perf_counter(), "Last runs")
        before = memory(terminal)
        began = time.perf_counter()
        terminal.press("2")
        terminal.until(f"of {MANY + 1:,}".replace(",", " "))
        terminal.until("Anna Graf")
        opened = terminal.last_at - began
        told("open Access", opened / bare_start, 0.75, "x bare", f"{opened * 1000:7.0f} ms to the first rows")
        terminal.quiet(QUIET)
        told("100,000 grants", memory(terminal) - before, 10, "MiB more", "")

        terminal.quiet(3)
        away_from_the_minute(12)
        terminal.quiet(QUIET)
        terminal.forget()
        terminal.read(8)
        told("idle, 8 seconds", len(terminal.written), 0, "bytes", "")

        away_from_the_minute(12)
        terminal.quiet(QUIET)
        terminal.forget()
        await change_one(many)
        terminal.until("Zoë", seconds=20)
        terminal.quiet(1.5)
        told("one changed row", len(terminal.written), 400, "bytes", "")
        assert terminal.written

        for turn, most in (("first", 1.0), ("again", 0.4)):
            for key, shows in PLACES:
                told(f"{shows}, {turn}", after_keys(terminal, key, shows) / bare_start, most, "x bare", "")
        told("sort by name", after_keys(terminal, "2o", "by name") / bare_start, 1.0, "x bare", "")
        terminal.press("/")
        told("filter", after_keys(terminal, "who:99998", "row 1 of 1 ") / bare_start, 1.0, "x bare", "")
    assert our_start > bare_start


def after_keys(terminal: Terminal, keys: str, shows: str) -> float:
    """Seconds until what keys ask for stands there."""
    terminal.quiet(QUIET)
    terminal.forget()
    began = time.perf_counter()
    terminal.press(keys)
    terminal.until(shows)
    return terminal.last_at - began


def told(what: str, value: float, most: float, unit: str, seen: str) -> None:
    """One line of the report."""
    kept = "kept" if value <= most else "MISSED"
    say(f"{what:<18} {seen:<11}{value:9.2f} {unit}, at most {most:g}: {kept}")
