"""Questions: one key each, another one than opened them; and words to type where much is at stake."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static

from tui.page import LOW, SHORT

__all__ = ["Ask", "TypeWords", "keys_line"]

_BOX = """
    { align: center middle; background: $background 60%; }
    #box { width: 76; max-width: 95%; height: auto; max-height: 90%; background: $panel; padding: 1 2;
           border-left: outer $accent; }
    .short #box { padding: 0 2; max-height: 100%; }
    #keys { margin-top: 1; height: auto; }
"""


def keys_line(keys: Sequence[tuple[str, str]], colours: Mapping[str, str]) -> Text:
    """Keys with what they do."""
    parts = [Text.assemble((key, f"bold {colours['accent']}"), (f" {what}", colours["muted"])) for key, what in keys]
    return Text("   ").join(parts)


class _Question(ModalScreen[str]):
    """Knows how much room there is."""

    def on_resize(self) -> None:
        """Little room, no lines to spare."""
        self.set_class(self.app.size.height < SHORT, "short")
        self.set_class(self.app.size.height < LOW, "low")


class Ask(_Question):
    """A question with an answer key each; `esc` is always the answer that changes nothing, and is answered with ""."""

    DEFAULT_CSS = "Ask" + _BOX.replace("    #", "    Ask #").replace("    .short #", "    Ask.short #")

    def __init__(
        self,
        title: str,
        lines: Sequence[Text | str],
        answers: Sequence[tuple[str, str, str]],
        stay: str,
        *,
        below: bool = False,
    ) -> None:
        super().__init__()
        self._below = below
        self._title, self._lines, self._stay = title, lines, stay
        self._answers = {key: (what, answer) for key, what, answer in answers}

    def compose(self) -> ComposeResult:
        """The question, what there is to know, the keys."""
        colours = self.app.theme_variables
        with Vertical(id="box"):
            yield Static(Text(self._title, style="bold"))
            for line in self._lines:
                yield Static(line if isinstance(line, Text) else Text(line, style=colours["muted"]))
            keys = [(key, what) for key, (what, _) in self._answers.items()]
            if self._below:
                yield Static(Text("\n").join(keys_line([one], colours) for one in keys), id="list")
                keys = []
            yield Static(keys_line([*keys, ("esc", self._stay)], colours), id="keys")

    def on_key(self, event: events.Key) -> None:
        """Only the keys that are shown answer."""
        event.stop()
        if event.key == "escape":
            self.dismiss("")
        elif event.character in self._answers:
            self.dismiss(self._answers[event.character][1])


class TypeWords(_Question):
    """Goes on only when one of the shown words was typed in full; answers with it, or with ""."""

    DEFAULT_CSS = "TypeWords" + _BOX.replace("    #", "    TypeWords #").replace(
        "    .short #", "    TypeWords.short #"
    )
    DEFAULT_CSS += """
    TypeWords Input { height: 1; border: none; background: $background; padding: 0 1; margin-top: 1; }
    TypeWords Input:focus { border: none; }
    TypeWords #about { height: auto; max-height: 60vh; scrollbar-size-vertical: 1; }
    TypeWords.low #box { height: 100%; padding: 0 1; }
    TypeWords.low #about { height: 1fr; }
    TypeWords.low Input, TypeWords.low #keys { margin-top: 0; }
    """
    BINDINGS: ClassVar[list[Any]] = [Binding("escape", "stay", show=False)]

    def __init__(self, title: str, lines: Sequence[Text | str], words: Sequence[tuple[str, str]], stay: str) -> None:
        super().__init__()
        self._title, self._lines, self._words, self._stay = title, lines, words, stay

    def compose(self) -> ComposeResult:
        """What it does, the words, the field."""
        colours = self.app.theme_variables
        with Vertical(id="box"):
            with VerticalScroll(id="about", can_focus=False):
                yield Static(Text(self._title, style=f"bold {colours['failed']}"))
                for line in self._lines:
                    yield Static(line if isinstance(line, Text) else Text(line, style=colours["muted"]))
                yield Static("")
                for words, what in self._words:
                    yield Static(
                        Text.assemble(("Type  ", colours["muted"]), (words, "bold"), (f"   {what}", colours["muted"]))
                    )
            yield Input(id="words", select_on_focus=False)
            yield Static("", id="keys")

    def on_mount(self) -> None:
        """Type at once."""
        self.query_one(Input).focus()
        self._say("")

    def on_resize(self) -> None:
        """Where not all fits, the words to type are what is seen."""
        super().on_resize()
        if self.has_class("low"):
            self.call_after_refresh(self.query_one("#about").scroll_end, animate=False)

    def _typed(self) -> str:
        text = " ".join(self.query_one("#words", Input).value.split())
        return text if text in {words for words, _ in self._words} else ""

    def _say(self, matched: str) -> None:
        go = ("enter", matched if matched else "once the words match")
        self.query_one("#keys", Static).update(keys_line([("esc", self._stay), go], self.app.theme_variables))

    @on(Input.Changed, "#words")
    def _changed(self) -> None:
        self._say(self._typed())

    @on(Input.Submitted, "#words")
    def _entered(self) -> None:
        if words := self._typed():
            self.dismiss(words)
            return
        exactly = " or ".join(words for words, _ in self._words)
        said = Text(f"type exactly: {exactly}", style=f"bold {self.app.theme_variables['failed']}")
        self.query_one("#keys", Static).update(said)

    def action_stay(self) -> None:
        """Nothing is done."""
        self.dismiss("")
