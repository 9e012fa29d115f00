"""Questions before something is taken away. No single key, however often it is pressed, answers one with yes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import VerticalScroll
from textual.message import Message
from textual.widgets import Input, Static

from tui.dialogs.base import Dialog
from tui.page import LOW
from tui.theme import glyph, state
from tui.words import clean

__all__ = ["MOST_BY_QUESTION", "ConfirmDialog", "Question"]

MOST_BY_QUESTION = 5
"""So many people can lose access after a question; for more, words have to be typed."""


@dataclass(frozen=True)
class Question:
    """What is about to happen. `words`: what has to be typed; empty where the question alone is enough."""

    title: str
    lines: Sequence[Text]
    people: Sequence[str]
    keep: str
    go: str
    warning: str = ""
    words: str = ""


class Choice(Static, can_focus=True):
    """One of two answers. Only enter takes it, and only with the focus on it."""

    DEFAULT_CSS = """
    Choice { height: 1; width: auto; padding: 0 2; margin-right: 2; color: $muted; }
    Choice:focus { background: $row; color: $foreground; text-style: bold; }
    """
    BINDINGS: ClassVar[list[Any]] = [Binding("enter", "take", "take")]

    class Taken(Message):
        """This is the answer."""

        def __init__(self, yes: bool) -> None:
            self.yes = yes
            super().__init__()

    def __init__(self, text: str, *, yes: bool) -> None:
        super().__init__(text, markup=False, id="go" if yes else "keep")
        self._yes = yes

    def action_take(self) -> None:
        """Take it."""
        self.post_message(self.Taken(self._yes))

    def on_click(self, event: events.Click) -> None:
        """A click takes it as well."""
        self.action_take()


class ConfirmDialog(Dialog[bool]):
    """Asks. The result is whether to go on; the focus is on keeping things as they are."""

    DEFAULT_CSS = """
    ConfirmDialog > #panel { border-left: thick $failed; width: 78; }
    ConfirmDialog #words { height: 1; border: none; padding: 0 1; background: $surface; margin-top: 1; }
    ConfirmDialog #words > .input--placeholder { color: $faint; text-style: italic; }
    ConfirmDialog #answers { height: 1; margin-top: 1; layout: horizontal; }
    ConfirmDialog #scroll { max-height: 16; }
    ConfirmDialog.low > #panel { height: 100%; max-height: 100%; padding: 0 1; }
    ConfirmDialog.low #scroll { height: 1fr; }
    ConfirmDialog.low .foot, ConfirmDialog.low #words, ConfirmDialog.low #answers { margin-top: 0; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("left,up", "app.focus_previous", "other answer", show=False),
        Binding("right,down", "app.focus_next", "other answer", show=False),
        Binding("ctrl+l", "list", "list", priority=True),
    ]

    def __init__(self, question: Question) -> None:
        super().__init__()
        self.question = question
        self._all = False

    def content(self) -> ComposeResult:
        """What happens, to whom, and how to answer."""
        with VerticalScroll(id="scroll", can_focus=False):
            yield Static("", id="text")
        if self.question.words:
            yield Input(placeholder=self.question.words, id="words")
            yield Static("", id="foot", classes="foot")
        else:
            from textual.containers import Container

            with Container(id="answers"):
                yield Choice(self.question.keep, yes=False)
                yield Choice(self.question.go, yes=True)
            yield Static("esc keep   enter takes the lit answer   → the other one", classes="foot", markup=False)

    def on_mount(self) -> None:
        """The focus is on keeping."""
        self.query_one("#words" if self.question.words else "#keep").focus()
        self._fill()

    def on_resize(self) -> None:
        """Little room: what is to be answered stays in view, and what it is about scrolls above."""
        self.set_class(self.app.size.height < LOW, "low")

    def _fill(self) -> None:
        colours, asked = self.app.theme_variables, self.question
        bad, look = state("broken"), state("warning")
        lines = [Text.assemble((f"{glyph(bad)} {clean(asked.title)}", f"bold {colours['failed']}")), Text()]
        lines += asked.lines
        if asked.warning:
            lines.append(Text.assemble((f"{glyph(look)} ", colours["progress"]), (clean(asked.warning), "bold")))
        lines.append(Text())
        names = [clean(name) for name in asked.people]
        if self._all:
            lines.append(Text("\n".join(names), style=colours["muted"]))
        else:
            more = len(names) - 3
            rest = f" and {more} more" if more > 0 else ""
            lines.append(
                Text.assemble(
                    (", ".join(names[:3]) + rest, colours["muted"]),
                    ("   ctrl+l", f"bold {colours['accent']}"),
                    (" list", colours["muted"]),
                )
            )
        if asked.words:
            lines += [Text(), Text.assemble("Type ", (asked.words, "bold"), " to go on")]
            self._foot()
        self.query_one("#text", Static).update(Text("\n").join(lines))

    def _foot(self, *, wrong: bool = False) -> None:
        colours = self.app.theme_variables
        if wrong:
            bad = state("broken")
            said = Text(f"{glyph(bad)} type exactly: {self.question.words}", style=f"bold {colours['failed']}")
            self.query_one("#foot", Static).update(said)
            return
        match = self.query_one("#words", Input).value == self.question.words
        key = f"bold {colours['accent']}"
        self.query_one("#foot", Static).update(
            Text.assemble(
                ("esc", key),
                f" {self.question.keep}      ",
                ("enter", key if match else colours["faint"]),
                (f" {self.question.go}{'' if match else ', once the words match'}", "" if match else colours["faint"]),
            )
        )

    @on(Input.Changed, "#words")
    def _typed(self) -> None:
        self._foot()

    @on(Input.Submitted, "#words")
    def _submitted(self, message: Input.Submitted) -> None:
        if message.value == self.question.words:
            self.dismiss(True)
        else:
            self._foot(wrong=True)

    @on(Choice.Taken)
    def _taken(self, message: Choice.Taken) -> None:
        self.dismiss(message.yes)

    def action_close(self) -> None:
        """Keep everything as it is."""
        self.dismiss(False)

    def action_list(self) -> None:
        """Everybody it is about."""
        self._all = not self._all
        self._fill()
