"""What all dialogs share: a panel in the middle, esc closes it, long text scrolls."""

from __future__ import annotations

from typing import Any, ClassVar, TypeVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

__all__ = ["Dialog"]

T = TypeVar("T")


class Dialog(ModalScreen[T]):
    """A panel over the screen. Subclasses give what is in it."""

    AUTO_FOCUS = ""
    DEFAULT_CSS = """
    Dialog { align: center middle; background: $background 70%; }
    Dialog > #panel {
        width: 88; max-width: 96%; height: auto; max-height: 94%;
        background: $panel; color: $foreground; padding: 1 2; border-left: thick $accent;
    }
    Dialog #scroll { height: auto; max-height: 26; scrollbar-size-vertical: 1; background: $panel; }
    Dialog .foot { height: 1; margin-top: 1; color: $muted; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape", "close", "close"),
        Binding("j", "scroll(1)", "down", show=False),
        Binding("k", "scroll(-1)", "up", show=False),
    ]

    def compose(self) -> ComposeResult:
        """The panel."""
        with Vertical(id="panel"):
            yield from self.content()

    def content(self) -> ComposeResult:
        """What is in the panel: here, a text that scrolls."""
        with VerticalScroll(id="scroll"):
            yield Static("", id="text")
        yield Static("esc close", classes="foot")

    def on_mount(self) -> None:
        """The text takes the keys that scroll."""
        for scroll in self.query("#scroll"):
            scroll.focus()

    def action_close(self) -> None:
        """Back to where one was."""
        self.dismiss(None)

    def action_scroll(self, by: int) -> None:
        """A line up or down."""
        for scroll in self.query("#scroll"):
            scroll.scroll_relative(y=by, animate=False)
