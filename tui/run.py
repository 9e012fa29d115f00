"""Starting the terminal UI on an installation."""

from __future__ import annotations

from rich.markup import escape

from hub.cli import output
from hub.cli.ui import InBrowser
from hub.core import Hub
from hub.errors import UserError
from hub.settings import HubSettings
from tui.app import DEMO, HubApp
from tui.theme import DARK, LIGHT, ascii_only

__all__ = ["run"]


async def run(
    settings: HubSettings,
    *,
    read_only: bool = False,
    ascii: bool = False,
    theme: str | None = None,
    web: InBrowser | None = None,
) -> int:
    """Open the installation, show it, and return an exit code. `web`: show it to browsers.

    Raises UserError where there is nothing to open, and whatever a mistake of ours raised: its report is written by
    whoever called.
    """
    ascii_only(ascii)
    if web is None:
        while await _show(settings, read_only=read_only, theme=theme) == DEMO:
            from hub.demo import run_live

            await run_live(lambda made: _show(made, theme=theme), output.say)
        return 0
    async with Hub.open(settings) as hub:
        app = _app(hub, read_only=read_only, theme=theme)
        name = app.hub.studio.name if app.hub.studio is not None else "studiohub"
    await _serve(web, name, read_only=read_only, ascii=ascii, theme=theme)
    return 0


def _app(hub: Hub, *, read_only: bool, theme: str | None) -> HubApp:
    """The app. Raises UserError where there is nothing to show, or no such theme."""
    if hub.studio is None and hub.unclear is not None:
        raise hub.unclear
    app = HubApp(hub, read_only=read_only, theme=theme)
    if theme is not None and theme not in app.available_themes and theme not in {DARK.name, LIGHT.name}:
        known = ", ".join(sorted({*app.available_themes, DARK.name, LIGHT.name}))
        raise UserError(f"there is no theme {theme!r}", fix=f"Known: {known}.", code="theme")
    return app


async def _show(settings: HubSettings, *, read_only: bool = False, theme: str | None = None) -> int:
    """Show it in this terminal until it is left; returns the app's exit code."""
    async with Hub.open(settings) as hub:
        app = _app(hub, read_only=read_only, theme=theme)
        try:
            await app.run_async()
        finally:
            await app.engine.stop()
        if app.mistake is not None:
            raise app.mistake
        return app.return_code or 0


async def _serve(web: InBrowser, name: str, *, read_only: bool, ascii: bool, theme: str | None) -> None:
    """Serve it until Ctrl+C. The installation is opened anew by the process behind each tab."""
    from tui.web.serve import serve

    may = "read only" if read_only else "changes can be made"
    notes = {
        "read only": "studiohub · read only: nothing can be changed from here (started without --write)",
        "changes can be made": "studiohub · started with --write: changes made here are made at the vendors",
    }
    options = [*([] if read_only else ["--write"]), *(["--ascii"] if ascii else [])]
    options += ["--theme", theme] if theme is not None else []

    def say(address: str) -> None:
        output.line(f"The terminal UI in a browser, {may}:")
        output.line(escape(address), reveal=True)
        output.say("Whoever has this address sees every member. Ctrl+C ends it.")

    title = f"{name} ({may})" if read_only else name
    await serve(
        host=web.host,
        port=web.port,
        behind_proxy=web.behind_proxy,
        title=f"{title} · studiohub",
        note=notes[may],
        options=options,
        say=say,
    )
