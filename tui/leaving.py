"""Leaving a place where something is not saved yet."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hub.words import counted
from tui.page import Page
from tui.questions import Ask

if TYPE_CHECKING:
    from textual.app import App

__all__ = ["ask_before_leaving"]


def ask_before_leaving(app: App[Any], go: Callable[[], Any], *, ends: bool = False, engine: bool = False) -> None:
    """Go, after asking about what is not saved here. What is kept waits here until somebody comes back; where the whole
    program `ends`, nothing can be kept, and an `engine` that runs in it ends too."""
    page = app.screen

    def last_question() -> None:
        if not engine:
            go()
            return
        lines = ["Doors and bikes follow the bookings no more, until it runs again here or as `studiohub daemon`."]
        answers = [("l", "leave and stop it", "leave")]
        ask = Ask("The engine runs in here", lines, answers, "stay")
        app.push_screen(ask, lambda answer: go() if answer else None)

    if not isinstance(page, Page) or not page.unsaved:
        last_question()
        return
    answers = [("d", "drop them and go", "drop")]
    if not ends:
        answers.insert(0, ("k", "keep them here and go", "keep"))

    def answered(answer: str | None) -> None:
        if answer == "drop":
            page.drop_unsaved()
        if answer:
            last_question()

    lines = ["S saves them, after you went back with esc."]
    app.push_screen(Ask(f"✎ {counted(page.unsaved, 'edit')} not saved", lines, answers, "stay"), answered)
