"""The words of mails, and what can be done with them by keys."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.binding import Binding

from hub.notify.wording import LANGUAGES
from tui.mail.panes import TemplatePanes
from tui.table import IdTable

__all__ = ["Templates"]


class Templates(TemplatePanes):
    """The first view of Mail."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("e", "edit", "edit", show=False),
        Binding("p", "swap", "preview"),
        Binding("i", "insert", "insert value"),
        Binding("m", "member", "another member"),
        Binding("l", "language", "language"),
        Binding("h", "part", "HTML part", show=False),
        Binding("escape", "back", "leave the text"),
    ]

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Where there is room for both, p is the plan as everywhere."""
        if action == "back":
            return self.has_class("opened") or self.has_class("swapped") or not self.query_one("#kinds").has_focus
        return self.has_class("narrow") if action == "swap" else True

    def action_edit(self) -> None:
        """Into the text."""
        if self.page.hub_app.read_only:
            self.page.say("Read only: words can be read here, not written.")
        hidden = not self.editor.region or self.has_class("swapped")
        self.add_class("opened")
        self.remove_class("swapped")
        if hidden:
            self.call_after_refresh(self.editor.focus)
        else:
            # At once: what is typed next is text already.
            self.screen.set_focus(self.editor)

    @on(IdTable.Opened, "#kinds")
    def _opened(self) -> None:
        self.action_edit()

    @on(IdTable.Opened, "#values")
    def _chosen(self) -> None:
        self.action_insert()

    def action_insert(self) -> None:
        """Put the value under the cursor into the text; first choose one."""
        values = self.query_one("#values", IdTable)
        if not values.has_focus:
            values.focus()
        elif self.editor.read_only:
            self.page.say("Read only: words can be read here, not written.")
        elif values.row is not None:
            self.editor.insert(f"{{{{ {values.row} }}}}")
            self.action_edit()

    def action_swap(self) -> None:
        """Source or mail, where there is room for one."""
        self.add_class("opened")
        self.toggle_class("swapped")
        if self.has_class("swapped"):
            self.call_after_refresh(self.query_one("#preview-scroll").focus)
        else:
            self.query_one("#kinds", IdTable).focus()

    def action_member(self) -> None:
        """The mail of another member; after the last one, with made-up values."""
        if not self._members.get(self.kind.name):
            self.page.say("There is nobody yet whom this mail could be shown for.")
            return
        self._turn[self.kind.name] = self._turn.get(self.kind.name, 0) + 1
        self._titles()
        self.soon()

    def action_language(self) -> None:
        """The same mail in another language."""
        self.remember()
        self.language = LANGUAGES[(LANGUAGES.index(self.language) + 1) % len(LANGUAGES)]
        self.query_one("#kinds", IdTable).forget()
        self.show(self.kind.name)

    def action_part(self) -> None:
        """Subject and text, or the HTML part."""
        self.remember()
        self.html = not self.html
        self.show(self.kind.name, again=True)

    def action_back(self) -> None:
        """Out of the text, to the list."""
        self.remove_class("opened", "swapped")
        self.query_one("#kinds", IdTable).focus()
