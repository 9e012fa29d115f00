"""The terminal UI served to a browser, by the command that an admin types, on a studio with grants."""

from __future__ import annotations

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from plugins.exivo.simulator import API_SECRET
from tests.tui.pilot import fill
from tests.tui.test_secrets import coded
from tests.visiting import make_visiting

__all__ = ["Screen", "Served", "make_home", "processes_of", "served"]


@dataclass(frozen=True)
class Home:
    """A synced studio, closed again; and what must be seen nowhere."""

    folder: Path
    secrets: tuple[str, ...]
    code: str


def make_home(folder: Path) -> Home:
    """Make it."""

    async def make() -> Home:
        with pytest.MonkeyPatch.context() as patch:
            async with make_visiting(folder, patch) as world:
                fill(world)
                await world.sync()
                _, code, url = await coded(world.hub)
                key = (world.hub.settings.home / "key").read_text().strip()
                return Home(world.hub.settings.home, (API_SECRET, key, url, code), code)

    return asyncio.run(make())


@dataclass
class Served:
    """A server that runs."""

    process: subprocess.Popen[str]
    address: str
    home: Path
    output: Callable[[], str]

    @property
    def origin(self) -> str:
        parts = urlsplit(self.address)
        return f"{parts.scheme}://{parts.netloc}"

    def stop(self, number: int = signal.SIGINT) -> int:
        """End it as an admin does; returns the exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout=20)


@contextmanager
def served(home: Path, *options: str) -> Iterator[Served]:
    """Serve it on a free port."""
    said = home.parent / f"said-{len(list(home.parent.glob('said-*')))}.txt"
    command = [sys.executable, "-m", "hub.cli", "tui", "--web", "--port", "0", *options]
    environment = {**os.environ, "STUDIOHUB_HOME": str(home), "PYTHONUNBUFFERED": "1"}
    with said.open("w") as file:
        process = subprocess.Popen(command, stdout=file, stderr=file, text=True, env=environment)
        try:
            until(lambda: re.search(r"^http\S+$", said.read_text(), re.MULTILINE) or process.poll() is not None)
            found = re.search(r"^http\S+$", said.read_text(), re.MULTILINE)
            assert found, said.read_text()
            yield Served(process, found[0], home, said.read_text)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(timeout=20)


def until(so: Callable[[], object], *, seconds: float = 25.0) -> None:
    """Wait until something is so."""
    give_up = time.monotonic() + seconds
    while not so():
        assert time.monotonic() < give_up, "never became so"
        time.sleep(0.02)


def processes_of(home: Path) -> list[tuple[int, str]]:
    """The processes behind tabs of that home: number and command line."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            line = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            environment = (folder / "environ").read_bytes()
            state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            continue
        if "tui.web.child" in line and f"STUDIOHUB_HOME={home}".encode() in environment and state != "Z":
            found.append((int(folder.name), line))
    return found


@dataclass
class Screen:
    """A tab of a browser, and everything that came and went over its line."""

    page: Any
    came: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    complained: list[str] = field(default_factory=list)
    size: tuple[int, int] = (0, 0)
    """Columns and rows, as the page last said."""

    @classmethod
    def open(cls, context: Any, address: str) -> Screen:
        """Open the page and wait for its first frame."""
        screen = cls(context.new_page())
        page = screen.page
        page.on("request", lambda request: screen.asked.append(request.url))
        page.on("pageerror", lambda error: screen.complained.append(str(error)))
        page.on(
            "console", lambda said: screen.complained.append(said.text) if said.type in {"error", "warning"} else None
        )
        page.on("websocket", screen._follow)
        page.goto(address)
        page.wait_for_selector("body.-first-byte", timeout=25_000)
        screen.until("sync now")
        return screen

    def _follow(self, socket: Any) -> None:
        self.asked.append(socket.url)

        def take(payload: str | bytes) -> None:
            text = payload if isinstance(payload, str) else payload.decode(errors="replace")
            # What is drawn, without colours and places.
            self.came.append(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text))

        def sent(payload: str | bytes) -> None:
            what = json.loads(payload)
            if what[0] == "resize":
                self.size = (what[1]["width"], what[1]["height"])

        socket.on("framereceived", take)
        socket.on("framesent", sent)

    @property
    def drawn(self) -> str:
        """Everything that was drawn since `forget`."""
        return "".join(self.came)

    def forget(self) -> None:
        """Look only at what comes from now on."""
        self.came.clear()

    def until(self, text: str, *, seconds: float = 20.0) -> None:
        """Wait until it is drawn."""
        give_up = time.monotonic() + seconds
        while text not in self.drawn:
            assert time.monotonic() < give_up, f"{text!r} never came: {self.drawn[-3000:]}"
            self.page.wait_for_timeout(30)

    def press(self, *keys: str) -> None:
        """Press keys."""
        for key in keys:
            self.page.keyboard.press(key)

    def click(self, column: int, row: int) -> None:
        """Click a cell, counted from 0."""
        box, (columns, rows) = self.page.locator(".xterm-screen").bounding_box(), self.size
        self.page.mouse.click(
            box["x"] + (column + 0.5) * box["width"] / columns, box["y"] + (row + 0.5) * box["height"] / rows
        )

    def resize(self, columns: int, rows: int) -> None:
        """Make the window so large that it has that many cells."""
        box, (wide, high) = self.page.locator(".xterm-screen").bounding_box(), self.size
        across, down = box["width"] / wide, box["height"] / high
        give_up = time.monotonic() + 10
        while self.size != (columns, rows):
            assert time.monotonic() < give_up, f"it has {self.size}"
            window, (wide, high) = self.page.viewport_size, self.size
            # By halves of a cell, as what is left over at the edges is not known.
            width, height = (
                _nearer(window["width"], columns - wide, across),
                _nearer(window["height"], rows - high, down),
            )
            self.page.set_viewport_size({"width": width, "height": height})
            self.page.wait_for_timeout(120)


def _nearer(now: int, missing: int, cell: float) -> int:
    """So many pixels are nearer to what is wanted."""
    return now if not missing else round(now + (missing - 0.5 if missing > 0 else missing + 0.5) * cell)
