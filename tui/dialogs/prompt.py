"""One line to type: a file, an address, a name. What is wrong with it is said below, and nothing is lost."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.questions import keys_line
from tui.theme import glyph, state
from tui.words import clean

__all__ = ["Prompt"]

Try = Callable[[str], Awaitable[str]]


class Prompt(Dialog[str | None]):
    """Its result is what was typed, once `accept` had nothing against it; None after esc. `accept` answers what is
    wrong with a text, or nothing."""

    DEFAULT_CSS = """
    Prompt Input { height: 1; border: none; background: $background; padding: 0 1; margin-top: 1; }
    Prompt Input:focus { border: none; }
    Prompt #wrong { height: auto; }
    """
    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "close", "leave it", priority=True)]

    def __init__(self, title: str, lines: Sequence[str], go: str, accept: Try, *, text: str = "") -> None:
        super().__init__()
        self._title, self._lines, self._go, self._accept, self._text = title, lines, go, accept, text

    def content(self) -> ComposeResult:
        """What is asked, the field, what is wrong, the keys."""
        colours = self.app.theme_variables
        yield Static(Text(clean(self._title), style="bold"))
        for line in self._lines:
            yield Static(Text(clean(line), style=colours["muted"]))
        yield Input(self._text, id="typed", select_on_focus=False)
        yield Static("", id="wrong")
        yield Static(keys_line([("enter", self._go), ("esc", "leave it")], colours), classes="foot")

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(Input).focus()

    @on(Input.Changed)
    def _changed(self) -> None:
        self.query_one("#wrong", Static).update("")

    @on(Input.Submitted)
    def _entered(self, message: Input.Submitted) -> None:
        self._try(message.value.strip())

    @work(exclusive=True, group="accept")
    async def _try(self, text: str) -> None:
        wrong = await self._accept(text)
        if not wrong:
            self.dismiss(text)
            return
        shown = state("failed")
        line = Text(f"{glyph(shown)} {clean(wrong)}", style=f"bold {self.app.theme_variables[shown.colour]}")
        self.query_one("#wrong", Static).update(line)
