"""The app's side of the line to the browser."""

from __future__ import annotations

import asyncio
import contextlib

from textual import messages
from textual.drivers.web_driver import WebDriver

__all__ = ["BrowserDriver"]


class BrowserDriver(WebDriver):
    """Ends the app when nobody is at the other end any more, whatever became of the server."""

    def start_application_mode(self) -> None:
        """Begin."""
        self._running = asyncio.get_running_loop()
        super().start_application_mode()

    def run_input_thread(self) -> None:
        """Read until the line is cut, and then leave."""
        super().run_input_thread()
        with contextlib.suppress(RuntimeError):
            self._running.call_soon_threadsafe(self._app.post_message, messages.ExitApp())
