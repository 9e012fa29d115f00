"""Who could open what at a moment in the past."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.widgets import Input, Static

from hub import times
from hub.access.decide import moment_text
from hub.look.history import Held, held_at
from tui.dialogs.base import Dialog
from tui.jobs import deferred
from tui.words import clean

__all__ = ["PastDialog"]

MOST = 200


class PastDialog(Dialog[None]):
    """A moment, and a person or a door."""

    DEFAULT_CSS = """
    PastDialog Input { height: 1; border: none; padding: 0 1; background: $surface; margin-bottom: 1; }
    PastDialog #scroll { max-height: 18; min-height: 3; }
    """
    WRITTEN: ClassVar[str] = "%Y-%m-%d %H:%M"

    def __init__(self, member: str | None) -> None:
        super().__init__()
        self._member = member

    @property
    def _zone(self) -> ZoneInfo:
        from tui.app import HubApp

        assert isinstance(self.app, HubApp)  # noqa: S101 - dialogs are ours
        return times.zone(self.app.hub.the_studio.timezone)

    def content(self) -> ComposeResult:
        """Two fields and the answer."""
        from tui.app import HubApp

        assert isinstance(self.app, HubApp)  # noqa: S101 - dialogs are ours
        now = self.app.hub.clock.now().astimezone(self._zone)
        yield Static("[b]Who could open what[/b]  at this moment, in the studio's time")
        yield Input(now.strftime(self.WRITTEN), id="moment")
        yield Static(
            "Only this person or door  (a name, connection:id, a lock or group; empty: everybody)", markup=False
        )
        yield Input(self._member or "", id="what")
        with VerticalScroll(id="scroll", can_focus=False):
            yield Static("", id="text")
        yield Static("enter look   tab next field   esc close", classes="foot")

    def on_mount(self) -> None:
        """The moment is what is typed first."""
        self.query_one("#moment").focus()
        self.run_worker(deferred(self._look), exclusive=True)

    @on(Input.Submitted)
    async def _look(self) -> None:
        from tui.app import HubApp

        assert isinstance(self.app, HubApp)  # noqa: S101 - dialogs are ours
        hub, text = self.app.hub, self.query_one("#moment", Input).value.strip()
        answer = self.query_one("#text", Static)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            answer.update(Text(f"{clean(text)!r} is no moment. Write it as 2026-11-21 18:30."))
            return
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=self._zone)
        what = self.query_one("#what", Input).value.strip()
        async with hub.database.read() as db:
            held = await held_at(db, hub.the_studio, moment.astimezone(UTC))
        answer.update(self._text([one for one in held if _fits(one, what)], what))

    def _text(self, held: list[Held], what: str) -> Text:
        colours = self.app.theme_variables
        if not held:
            return Text(f"Nobody{f' that fits {clean(what)}' if what else ''} had access then.", colours["muted"])
        lines = []
        for one in held[:MOST]:
            until = moment_text(one.valid_until, self._zone) or "open end"
            line = Text.assemble(
                f"{clean(one.name or one.member):<20.20}  ",
                f"{clean(one.opens_text):<22.22}  ",
                (f"{clean(one.target)} until {until}, made {one.since.astimezone(self._zone):%-d %b %Y %H:%M}", ""),
            )
            line.stylize(colours["muted"], 44)
            lines.append(line)
        if len(held) > MOST:
            lines.append(Text(f"and {len(held) - MOST} more; say whom or what door", style=colours["muted"]))
        return Text("\n").join(lines)


def _fits(one: Held, what: str) -> bool:
    if not what or one.member == what:
        return True
    word = what.casefold()
    return any(word in text.casefold() for text in (one.name, one.opens_text, one.target)) or word == one.member
