"""Fields of a form: a name, something to type or choose, what it is for, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Input, Static

from hub.studio.forms import FormField
from tui.theme import glyph, state

__all__ = ["Choose", "Field"]

KEPT = "•••••• kept sealed"


class Choose(Widget, can_focus=True):
    """One of a few words: a mark with a shape, moved by the arrows or space."""

    DEFAULT_CSS = """
    Choose { height: 1; width: 1fr; background: $background; padding: 0 1; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("right,space", "step(1)", "choose", key_display="← →"),
        Binding("left", "step(-1)", "choose before", show=False),
    ]
    value: reactive[str] = reactive("")

    class Changed(Message):
        """Another word is chosen."""

    def __init__(self, choices: Sequence[tuple[str, str]], value: str) -> None:
        super().__init__()
        self.choices = tuple(choices)
        self.set_reactive(Choose.value, value)
        self._spans: list[tuple[int, int, str]] = []

    def render(self) -> Text:
        """All of them, and which it is."""
        colours = self.app.theme_variables
        found, self._spans = Text(no_wrap=True), []
        for value, word in self.choices:
            on = value == self.value
            start = found.cell_len
            style = f"bold {colours['accent']}" if on and self.has_focus else "bold" if on else colours["muted"]
            short = word if len(self.choices) < 3 or len(word) < 14 else value.replace("_", " ")
            found.append(f"{'(•)' if on else '( )'} {short}", style=style)
            self._spans.append((start, found.cell_len, value))
            found.append("  ")
        if found.cell_len > self.content_size.width + 2:
            values = [value for value, _ in self.choices]
            place = f"{values.index(self.value) + 1} of {len(values)}" if self.value in values else "choose"
            chosen = f"(•) {self.value.replace('_', ' ')}" if self.value else "( )"
            arrows = "   ← → " if len(chosen) + len(place) + 7 <= self.content_size.width else "  "
            found = Text(f"{chosen}{arrows}{place}", no_wrap=True)
            self._spans = []
        if self.has_focus:
            found.stylize(f"on {colours['row']}")
        return found

    @property
    def meaning(self) -> str:
        """What the chosen word means, where that is more than the word."""
        word = dict(self.choices).get(self.value, "")
        return word if len(self.choices) > 2 and len(word) >= 14 else ""

    def action_step(self, by: int) -> None:
        """The next one, or the one before."""
        values = [value for value, _ in self.choices]
        self.value = values[(values.index(self.value) + by) % len(values)] if self.value in values else values[0]

    def watch_value(self) -> None:
        """Say so."""
        self.post_message(self.Changed())

    def on_click(self, event: events.Click) -> None:
        """The word under the mouse."""
        for start, end, value in self._spans:
            if start <= event.x - 1 < end:
                self.value = value

    def on_focus(self) -> None:
        """The keys come here."""
        self.refresh()

    def on_blur(self) -> None:
        """They don't."""
        self.refresh()


class Line(Input):
    """A line to type in. What is typed into a secret one is not copied from there: ctrl+c is what people press who want
    to get out."""

    def action_copy(self) -> None:
        """Copy what is selected."""
        if not self.password:
            super().action_copy()

    def action_cut(self) -> None:
        """Take away what is selected, and copy it."""
        if self.password:
            self.delete_selection()
        else:
            super().action_cut()


class Field(Vertical):
    """One thing to fill in."""

    DEFAULT_CSS = """
    Field { height: auto; margin-bottom: 1; }
    Field Horizontal { height: auto; }
    Field .label { width: 25; height: auto; padding-right: 1; color: $text; }
    Field Input { height: 1; width: 1fr; border: none; background: $background; padding: 0 1; }
    Field Input > .input--placeholder, Field Input > .input--suggestion { color: $faint; }
    Field Input:focus { background: $row; border: none; }
    Field .about { color: $faint; padding-left: 25; height: auto; display: none; }
    /* Says nothing new, but Textual restyles what is inside only where the field itself has such a rule. */
    Field:focus-within { height: auto; }
    Field:focus-within .label { text-style: bold; }
    Field:focus-within .about, Field.told .about { display: block; }
    Field .wrong { color: $failed; padding-left: 25; height: auto; display: none; text-style: bold; }
    Field.bad .wrong { display: block; }
    """

    class Typed(Message):
        """Something else stands in the field."""

        def __init__(self, field: Field) -> None:
            self.field = field
            super().__init__()

    def __init__(self, field: FormField, text: str | None = None) -> None:
        super().__init__()
        self.field = field
        self._text = field.value if text is None else text

    def compose(self) -> ComposeResult:
        """Name and field side by side; below what it is for, and what is wrong."""
        field = self.field
        title = field.title[:1].upper() + field.title[1:]
        with Horizontal():
            yield Static(Text(f"{title}{' *' if field.required else ''}"), classes="label")
            if field.kind == "choice":
                yield Choose(field.choices, self._text)
            else:
                hint = KEPT if field.kept else f"usually {field.usual}" if field.usual else ""
                yield Line(self._text, password=field.kind == "secret", placeholder=hint)
        yield Static("", classes="about")
        yield Static("", classes="wrong")

    def on_mount(self) -> None:
        """Say what it is for."""
        self._about()

    def on_resize(self) -> None:
        """A name of two lines needs a blank one below it, or it reads as the next field's."""
        self.set_class(self.query_one(".label").size.height > 1, "wrapped")

    def _about(self) -> None:
        meaning = self.query_one(Choose).meaning if self.field.kind == "choice" else ""
        secret = "Kept sealed, never shown again." if self.field.kind == "secret" else ""
        said = " · ".join(part for part in (meaning, self.field.description, secret) if part)
        about = self.query_one(".about", Static)
        about.update(Text(said))
        self.set_class(bool(meaning), "told")
        about.styles.height = "auto" if said else 0

    @property
    def text(self) -> str:
        """What stands in it."""
        if not self.is_mounted or not self.children:
            return self._text
        return self.query_one(Choose).value if self.field.kind == "choice" else self.query_one(Input).value

    @property
    def changed(self) -> bool:
        """Whether that is something else than what is saved."""
        return self.text != self.field.value

    def go(self) -> None:
        """Type here."""
        self.query_one(Choose if self.field.kind == "choice" else Input).focus()

    def wrong(self, what: str) -> None:
        """Show what is wrong with it; nothing: all is well."""
        shown = state("failed")
        self.query_one(".wrong", Static).update(Text(f"{glyph(shown)} {what}" if what else ""))
        self.set_class(bool(what), "bad")

    @on(Input.Changed)
    @on(Choose.Changed)
    def _changed(self, message: Message) -> None:
        message.stop()
        self._about()
        self.wrong("")
        self.post_message(self.Typed(self))
