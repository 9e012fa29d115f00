"""The living demo: the terminal UI on a made-up studio that goes on while somebody looks."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sys
import tempfile
from asyncio.subprocess import PIPE, Process
from collections.abc import Awaitable, Callable
from pathlib import Path

from hub import redact
from hub.demo.stage import demo_settings
from hub.errors import HubError
from hub.settings import HubSettings

__all__ = ["run_live"]

MADE_WITHIN, GONE_WITHIN = 180.0, 12.0
"""Seconds."""


async def run_live(show: Callable[[HubSettings], Awaitable[int]], say: Callable[[str], None]) -> int:
    """Make the studio in a throw-away home, `show` it, and clean up; returns what `show` returns.

    The vendors, the engine and what goes on are in a process of their own, so that keys never wait for them. Raises
    HubError where that can't be started.
    """
    say("A made-up studio is being made, with simulated vendors. It takes about ten seconds.")
    folder = Path(tempfile.mkdtemp(prefix="studiohub-demo-"))
    process: Process | None = None
    try:
        log = folder / "stage.log"
        process = await _start(folder, log)
        answer = await _first_line(process)
        if not answer.startswith("ready "):
            raise HubError(
                "the made-up studio could not be made",
                said=redact.mask(_last_line(log)),
                fix="`studiohub demo --headless` tells the demo in words.",
                code="demo",
            )
        return await show(demo_settings(folder, mail=int(answer.split()[1])))
    finally:
        if process is not None:
            await _end(process)
        shutil.rmtree(folder, ignore_errors=True)


async def _start(folder: Path, log: Path) -> Process:
    command = (sys.executable, "-P", "-m", "hub.demo.stage", str(folder))
    with log.open("wb") as file:
        return await asyncio.create_subprocess_exec(
            *command, stdin=PIPE, stdout=PIPE, stderr=file, start_new_session=True
        )


async def _first_line(process: Process) -> str:
    if process.stdout is None:
        return ""
    with contextlib.suppress(TimeoutError):
        return (await asyncio.wait_for(process.stdout.readline(), MADE_WITHIN)).decode()
    return ""


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "")


async def _end(process: Process) -> None:
    """It ends by itself when nobody holds the other end of its standard input."""
    if process.stdin is not None:
        process.stdin.close()
    for last in (process.terminate, process.kill, None):
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(process.wait(), GONE_WITHIN)
            return
        if last is not None:
            with contextlib.suppress(ProcessLookupError):
                last()
