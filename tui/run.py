"""Starting the terminal UI on an installation."""

from __future__ import annotations

from hub.core import Hub
from hub.errors import UserError
from hub.settings import HubSettings
from tui.app import HubApp
from tui.theme import DARK, LIGHT, ascii_only

__all__ = ["run"]


async def run(settings: HubSettings, *, read_only: bool = False, ascii: bool = False, theme: str | None = None) -> int:
    """Open the installation, show it, and return an exit code.

    Raises UserError where there is nothing to open, and whatever a mistake of ours raised: its report is written by
    whoever called.
    """
    ascii_only(ascii)
    async with Hub.open(settings) as hub:
        if hub.studio is None and hub.unclear is not None:
            raise hub.unclear
        app = HubApp(hub, read_only=read_only, theme=theme)
        if theme is not None and theme not in app.available_themes and theme not in {DARK.name, LIGHT.name}:
            known = ", ".join(sorted({*app.available_themes, DARK.name, LIGHT.name}))
            raise UserError(f"there is no theme {theme!r}", fix=f"Known: {known}.", code="theme")
        try:
            await app.run_async()
        finally:
            await app.engine.stop()
        if app.mistake is not None:
            raise app.mistake
    return 0
