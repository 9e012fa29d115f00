"""Who could open what at a moment in the past."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input, Static

from hub import times
from hub.core import Hub
from hub.look.history import Held, held_at
from tui.cells import Column
from tui.dialogs.base import Dialog
from tui.jobs import deferred
from tui.table import IdTable
from tui.words import clean

__all__ = ["PastDialog"]

MOST = 200


class PastDialog(Dialog[None]):
    """A moment, and a person or a door."""

    DEFAULT_CSS = """
    PastDialog > #panel { width: 104; }
    PastDialog Input { height: 1; border: none; padding: 0 1; background: $surface; margin-bottom: 1; }
    PastDialog Input:focus { border: none; background: $row; }
    PastDialog #held { height: 18; background: $panel; }
    PastDialog #more { height: auto; color: $muted; }
    """
    BINDINGS: ClassVar[list[Any]] = [Binding("x", "explain", "explain")]
    WRITTEN: ClassVar[str] = "%Y-%m-%d %H:%M"

    def __init__(self, member: str | None) -> None:
        super().__init__()
        self._member = member
        self._held: dict[str, Held] = {}

    @property
    def _hub(self) -> Hub:
        from tui.app import HubApp

        assert isinstance(self.app, HubApp)  # noqa: S101 - dialogs are ours
        return self.app.hub

    @property
    def _zone(self) -> ZoneInfo:
        return times.zone(self._hub.the_studio.timezone)

    def content(self) -> ComposeResult:
        """Two fields and the answer."""
        now = self._hub.clock.now().astimezone(self._zone)
        yield Static("[b]Who could open what[/b]  at this moment, in the studio's time")
        yield Input(now.strftime(self.WRITTEN), id="moment")
        yield Static("Only this person or door  (a name, connection:id, lock or group; empty: everybody)", markup=False)
        yield Input(self._member or "", id="what")
        columns = [
            Column("who", "Who", 14, grow=True),
            Column("opens", "Opens", 14, grow=True),
            Column("target", "At", 8, drop=1),
            Column("until", "Until", 17),
            Column("made", "Made", 17, drop=2),
        ]
        yield IdTable(columns, self._rows, opens="explain", id="held")
        yield Static("", id="more")
        yield Static("enter look, in the list explain   tab next field   esc close", classes="foot")

    def on_mount(self) -> None:
        """The moment is what is typed first."""
        self.query_one("#held").styles.height = max(3, min(18, self.app.size.height - 14))
        self.query_one("#moment").focus()
        self.run_worker(deferred(self._look), exclusive=True)

    @on(Input.Submitted)
    async def _look(self) -> None:
        hub, text = self._hub, self.query_one("#moment", Input).value.strip()
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            self._show([], f"{clean(text)!r} is no moment. Write it as 2026-11-21 18:30.")
            return
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)
        what = self.query_one("#what", Input).value.strip()
        async with hub.database.read() as db:
            held = await held_at(db, hub.the_studio, moment.astimezone(UTC))
        nobody = f"Nobody{f' that fits {clean(what)}' if what else ''} had access then."
        self._show([one for one in held if _fits(one, what)], nobody)

    def _show(self, held: Sequence[Held], nobody: str) -> None:
        table = self.query_one("#held", IdTable)
        self._held = {one.id: one for one in held[:MOST]}
        table.empty = nobody
        table.forget()
        table.show(list(self._held), keep=False)
        more = f"and {len(held) - MOST} more; say whom or what door" if len(held) > MOST else ""
        self.query_one("#more", Static).update(more)

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        muted, found = self.app.theme_variables["muted"], dict[str, dict[str, Text | str]]()
        for key in ids:
            one = self._held[key]
            found[key] = {
                "who": clean(one.name or one.member),
                "opens": clean(one.opens_text),
                "target": Text(clean(one.target), style=muted),
                "until": Text(times.moment_text(one.valid_until, self._zone) or "open end", style=muted),
                "made": Text(f"{one.since.astimezone(self._zone):%-d %b %Y %H:%M}", style=muted),
            }
        return found

    @on(IdTable.Opened, "#held")
    def action_explain(self) -> None:
        """Why has, or hasn't, the person under the cursor access now."""
        one = self._held.get(self.query_one("#held", IdTable).row or "")
        if one is not None:
            from tui.dialogs.explain import ExplainDialog

            self.app.push_screen(ExplainDialog(one.member))


def _fits(one: Held, what: str) -> bool:
    if not what or one.member == what:
        return True
    word = what.casefold()
    return any(word in text.casefold() for text in (one.name, one.opens_text, one.target)) or word == one.member
