"""One tab of a browser: a process of its own, which ends with it."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from typing import Any

from textual_serve.app_service import AppService

__all__ = ["Session"]

LEAVES_WITHIN = 10.0
"""Seconds: work that goes on in it has eight to leave off."""
GRACE = 2.0


class Session(AppService):
    """`options` go to the process as arguments: they hold no secrets. What it needs to know besides is in the
    environment, as it is for every command."""

    def __init__(self, options: Sequence[str], **more: Any) -> None:
        super().__init__("", **more)
        self._options = options

    async def _open_app_process(self, width: int = 80, height: int = 24) -> Process:
        environment = self._build_environment(width=width, height=height)
        environment["TEXTUAL_DRIVER"] = "tui.web.driver:BrowserDriver"
        # Ctrl+C in the terminal of the server is the server's: it ends the others in order.
        self._process = process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "tui.web.child", *self._options),
            stdin=PIPE,
            stdout=PIPE,
            stderr=PIPE,
            env=environment,
            start_new_session=True,
        )
        self._stdin = process.stdin
        return process

    async def run(self) -> None:
        """Carry bytes until the process ends; then tell the browser."""
        await super().run()
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self.remote_close()

    async def stop(self) -> None:
        """End the process, in order where it can, and come back when it is gone."""
        process = self._process
        if process is None:
            return
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LEAVES_WITHIN):
                await super().stop()
                if process.stdin is not None:
                    process.stdin.close()
                await process.wait()
        for end in (process.terminate, process.kill):
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    end()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), GRACE)
