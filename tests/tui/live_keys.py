"""Which keys do something on a screen, read from its live bindings in every pane."""

from __future__ import annotations

from typing import Any

from textual.pilot import Pilot

from tui.page import Page

__all__ = ["keys_here"]


async def keys_here(pilot: Pilot[None]) -> tuple[dict[str, str], dict[str, str]]:
    """What is shown in the last line, and everything, of the screen that is looked at: what each key does, by its name
    as people see it."""
    app, screen = pilot.app, pilot.app.screen
    shown: dict[str, str] = {}
    every: dict[str, str] = {}
    for widget in [None, *screen.focus_chain]:
        screen.set_focus(widget, scroll_visible=False)
        await pilot.pause()
        for found, hidden in ((shown, False), (every, True)):
            if isinstance(screen, Page):
                for names, what, _, _ in screen.live_keys(hidden=hidden):
                    found.update(dict.fromkeys(names.split(), what))
            else:
                found.update(_of_dialog(app, hidden=hidden))
    return shown, every


def _of_dialog(app: Any, *, hidden: bool) -> dict[str, str]:
    return {
        app.get_key_display(active.binding): active.binding.description
        for active in app.screen.active_bindings.values()
        if active.enabled and not active.binding.system and (active.binding.show or hidden)
    }
