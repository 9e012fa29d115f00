"""All keys: of the focused pane, of the screen, and those that work everywhere. Made from the live bindings."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rich.text import Text
from textual.app import App
from textual.widgets import Static

from tui.dialogs.base import Dialog
from tui.page import Page
from tui.table import IdTable

__all__ = ["HelpDialog"]


class HelpDialog(Dialog[None]):
    """The list."""

    def __init__(self, keys: Sequence[tuple[str, str, str, Any]], page: Page) -> None:
        super().__init__()
        self._keys, self._page = keys, page

    def on_mount(self) -> None:
        """Fill it."""
        colours = self.app.theme_variables
        groups: dict[str, list[Text]] = {"In this pane": [], "On this screen": [], "Everywhere": []}
        typing = False
        for key, what, action, node in self._keys:
            if type(node).__module__.startswith("textual.widgets"):
                # A field has two dozen keys, as all editors have them; ours would stand far below.
                typing = True
                continue
            title = (
                "Everywhere"
                if isinstance(node, App)
                else "On this screen"
                if isinstance(node, Page)
                else "In this pane"
            )
            if isinstance(node, IdTable) and not what:
                continue
            why = self._page.refuses(action)
            groups[title].append(
                Text.assemble(
                    (f"{key:<14}", f"bold {colours['accent']}" if not why else colours["faint"]),
                    (what, "" if not why else colours["faint"]),
                    (f"  ({why.partition(':')[0].lower()})" if why else "", colours["faint"]),
                )
            )
        lines: list[Text] = []
        for title, found in groups.items():
            if found:
                lines += [Text(title, style="bold"), *found, Text()]
        if typing:
            words = "While you type, letters are letters; ← → home end ^w ^u ^k edit, and esc leaves the field."
            lines += [Text(words, style=colours["muted"]), Text()]
        lines.append(Text("Capitals reach beyond the screen. tab goes to the next pane.", style=colours["muted"]))
        self.query_one("#text", Static).update(Text("\n").join(lines))
