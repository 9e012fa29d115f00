"""Driving the terminal UI in tests: wait for what should show, never for a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from textual.pilot import Pilot
from textual.widgets import Static

__all__ = ["frame", "in_view", "press", "text_of", "until"]


async def until(pilot: Pilot[Any], true: Callable[[], Any], what: str = "it") -> None:
    """Wait until something is so."""
    for _ in range(400):
        if true():
            return
        await pilot.pause()
        await asyncio.sleep(0.01)
    raise AssertionError(f"{what} never came; the screen shows:\n{frame(pilot)}")


async def press(pilot: Pilot[Any], *keys: str) -> None:
    """Press keys one after the other; `=text` types it."""
    for key in keys:
        await pilot.press(*(key[1:] if key.startswith("=") and len(key) > 1 else [key]))
        await pilot.pause()


def in_view(pilot: Pilot[Any]) -> bool:
    """Whether all of what has the focus can be seen."""
    screen = pilot.app.screen
    if screen.focused is None:
        return False
    place = screen.find_widget(screen.focused)
    return place.visible_region == place.region and place.region.area > 0


def frame(pilot: Pilot[Any]) -> str:
    """What is on the screen, as text."""
    lines = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
    return "\n".join(line.replace("\u00a0", " ").rstrip() for line in lines)


def text_of(pilot: Pilot[Any], selector: str) -> str:
    """What a line of text says."""
    return str(pilot.app.screen.query_one(selector, Static).content).replace("\u00a0", " ")
