"""The outbox: what was sent, what waits, and what failed with what the server said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, cast

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from hub import times
from hub.core import Hub
from hub.errors import HubError
from hub.look.mails import MailView, count_mails, let_go_again, mail_ids, mails_of
from hub.notify.waiting import Waiting, find_waiting
from hub.words import counted
from tui.page import Page
from tui.questions import Ask
from tui.table import Column, IdTable
from tui.theme import State, glyph, state
from tui.words import clean, moment, short_mails

__all__ = ["OUTBOX", "Outbox"]

OUTBOX: Mapping[str, State] = {
    "queued": State("◌", "o", "waiting", "info"),
    "sending": State("◐", ">", "sending", "progress"),
    "sent": State("●", "*", "sent", "created"),
    "failed": state("failed"),
    "unsure": State("▲", "!", "unsure", "progress"),
}
"""The states of a mail."""

CHIPS: Sequence[tuple[str, tuple[str, ...]]] = (
    ("all", ()),
    ("failed", ("failed", "unsure")),
    ("waiting", ("queued", "sending")),
    ("sent", ("sent",)),
)


class Outbox(Vertical):
    """Table and card."""

    DEFAULT_CSS = """
    Outbox { height: 1fr; }
    Outbox #chips { height: 2; padding: 0 1; }
    Outbox.short #chips { height: 1; }
    Outbox #waiting { height: auto; padding: 0 1 1 1; display: none; }
    Outbox.short #waiting { padding: 0 1; }
    Outbox #waiting.says { display: block; }
    Outbox.phone #waiting { height: 1; }
    Outbox #mail-card { width: 44; background: $panel; padding: 1 2; margin-left: 1; }
    Outbox.narrow #mail-card { display: none; }
    Outbox.narrow.opened #mail-card { display: block; width: 1fr; margin-left: 0; padding: 0 2; }
    Outbox.narrow.opened #mails { display: none; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("f", "status", "status"),
        Binding("r", "again", "send again"),
        Binding("R", "again_all", "all again…"),
        Binding("x", "screen.explain", "explain"),
        Binding("escape", "back", "back", show=False),
    ]

    def __init__(self) -> None:
        super().__init__(id="outbox")
        self._chip = 0
        self._views: dict[str, MailView] = {}

    @property
    def page(self) -> Page:
        """The screen."""
        return cast(Page, self.screen)

    @property
    def _hub(self) -> Hub:
        return self.page.hub_app.hub

    def compose(self) -> ComposeResult:
        """Chips, what waits for a server, table and card."""
        yield Static("", id="chips")
        yield Static("", id="waiting")
        with Horizontal():
            columns = [
                Column("state", "Status", 10),
                Column("made", "Made", 12),
                Column("who", "To", 14, grow=True),
                Column("subject", "Subject", 18, grow=True, drop=1),
            ]
            yield IdTable(columns, self._rows, empty="No mail yet.", opens="details", id="mails")
            with VerticalScroll(id="mail-card", can_focus=False):
                yield Static("", id="mail")

    # ── showing ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self) -> int:
        """Read everything that is shown; returns how many mails failed."""
        hub, studio, (name, states) = self._hub, self._hub.the_studio, CHIPS[self._chip]
        async with hub.database.read() as db:
            ids = await mail_ids(db, studio, states=states)
            counts = await count_mails(db, studio)
            server = hub.settings.smtp_url is not None
            waiting = (await find_waiting(db, server=server, now=hub.clock.now())).get(studio.id)
        table = self.query_one("#mails", IdTable)
        nothing = "No mail yet. They appear with the first grant or ride."
        table.empty = nothing if name == "all" else f"No mail is {name}. f shows others."
        table.show([str(one) for one in ids])
        self.query_one("#chips", Static).update(self._chips(counts))
        self._say_waiting(waiting)
        self._card()
        return counts.get("failed", 0) + counts.get("unsure", 0)

    def _chips(self, counts: Mapping[str, int]) -> Text:
        colours, parts = self.app.theme_variables, []
        for number, (name, states) in enumerate(CHIPS):
            count = sum(counts.get(one, 0) for one in states) if states else sum(counts.values())
            look = OUTBOX[states[0]] if states else None
            label = f"{glyph(look)} {name}" if look is not None else name
            if number == self._chip:
                parts.append(Text(f" {label} {count:,} ", style=f"bold {colours['background']} on {colours['accent']}"))
                continue
            colour = colours[look.colour] if look is not None else colours["muted"]
            parts.append(Text.assemble((label, colour), (f" {count:,}", colours["muted"])))
        return Text("   ").join(parts)

    def _say_waiting(self, waiting: Waiting | None) -> None:
        line, colours, look = self.query_one("#waiting", Static), self.app.theme_variables, state("warning")
        line.set_class(waiting is not None, "says")
        if waiting is not None:
            said = clean(waiting.sentence(self._hub.the_studio.timezone))
            fix = Text.assemble(("  → ", colours["accent"]), (clean(waiting.fix), colours["muted"]))
            line.update(Text("\n").join([Text(f"{glyph(look)} {said}", style=f"bold {colours[look.colour]}"), fix]))

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        hub, colours = self._hub, self.app.theme_variables
        async with hub.database.read() as db:
            views = await mails_of(db, hub.the_studio, [int(one) for one in ids])
        self._views = {key: view for key, view in self._views.items() if len(self._views) < 2000}
        self._views |= {str(key): view for key, view in views.items()}
        zone, found = times.zone(hub.the_studio.timezone), dict[str, dict[str, Text | str]]()
        for key, view in views.items():
            look = OUTBOX.get(view.state, state(view.state))
            found[str(key)] = {
                "state": Text(f"{glyph(look)} {look.word}", style=f"{'bold ' * look.bold}{colours[look.colour]}"),
                "made": Text(f"{view.created_at.astimezone(zone):%-d %b %H:%M}", style=colours["muted"]),
                "who": clean(view.name) or short_mails(clean(view.to)),
                "subject": clean(view.subject),
            }
        if self.query_one("#mails", IdTable).row in found:
            self._card()
        return found

    def view(self) -> MailView | None:
        """The mail under the cursor."""
        return self._views.get(self.query_one("#mails", IdTable).row or "")

    def _card(self) -> None:
        view, colours = self.view(), self.app.theme_variables
        card = self.query_one("#mail", Static)
        if view is None:
            card.update("")
            return
        zone, look = times.zone(self._hub.the_studio.timezone), OUTBOX.get(view.state, state(view.state))
        waits = view.state == "queued" and view.due_at is not None

        def line(name: str, value: str) -> Text:
            return Text.assemble((f"{name:<8}", colours["faint"]), (clean(value), colours["muted"]))

        lines = [
            Text(f"{glyph(look)} {look.word}", style=f"bold {colours[look.colour]}"),
            Text(),
            Text(clean(view.subject), style="bold"),
            Text(),
            line("to", view.to),
            *([line("about", f"{view.name} · {view.member}")] if view.member else []),
            line("kind", view.kind.replace("_", " ")),
            line("made", moment(view.created_at, zone)),
            *([line("sent", moment(view.sent_at, zone))] if view.sent_at is not None else []),
            *([line("next try" if view.attempts else "waits", moment(view.due_at, zone))] if waits else []),
        ]
        if view.error:
            lines += [Text(), Text("The server said", style=colours["faint"]), Text(clean(view.error))]
        if view.state == "unsure":
            lines += [Text(), Text("Nobody knows whether it went out: its process ended then.", style=colours["muted"])]
        if view.state in {"failed", "unsure", "queued"}:
            lines += [Text(), Text.assemble(("r", f"bold {colours['accent']}"), (" send again", colours["muted"]))]
        lines += [Text(), Text("What it says is sealed.", style=colours["faint"])]
        card.update(Text("\n").join(lines))

    @on(IdTable.Moved, "#mails")
    def _moved(self) -> None:
        self._card()

    @on(IdTable.Opened, "#mails")
    def _opened(self) -> None:
        self.add_class("opened")
        if self.has_class("narrow"):
            self.query_one("#mail-card").can_focus = True
            self.query_one("#mail-card").focus()

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_back(self) -> None:
        """One step back: out of the card, then to all mails."""
        if self.has_class("opened"):
            self.remove_class("opened")
            self.query_one("#mails", IdTable).focus()
            self.query_one("#mail-card").can_focus = False
        elif self._chip:
            self._chip = 0
            self.run_worker(self.load())

    async def action_status(self) -> None:
        """The next state alone."""
        self._chip = (self._chip + 1) % len(CHIPS)
        await self.load()

    @work(exclusive=True, group="again")
    async def action_again(self) -> None:
        """Let the mail under the cursor go out at the next turn."""
        view = self.view()
        if not self.page.may("again"):
            return
        if view is None or view.state not in {"failed", "unsure", "queued"}:
            self.page.say("Only what failed, is unsure or waits can be sent again.", of_row=True)
            return
        if view.state == "unsure":
            lines = ["It may have gone out already; then they get it twice."]
            title = f"Send {clean(view.subject)} again"
            if not await self.app.push_screen_wait(Ask(title, lines, [("y", "send it again", "yes")], "leave it")):
                return
        await self._go(view.id)

    @work(exclusive=True, group="again")
    async def action_again_all(self) -> None:
        """Let everything that failed go out again."""
        if not self.page.may("again_all"):
            return
        async with self._hub.database.read() as db:
            count = (await count_mails(db, self._hub.the_studio)).get("failed", 0)
        lines = [f"{counted(count, 'mail')} failed. Those that were tried and wait go out with them."]
        if await self.app.push_screen_wait(Ask("Send all again", lines, [("y", "send them", "yes")], "leave them")):
            await self._go("all")

    async def _go(self, which: Any) -> None:
        try:
            said = await let_go_again(self._hub, which, who=self.page.hub_app.admin)
        except HubError as error:
            self.page.say(str(error), "failed")
            return
        self.page.say(said.replace("with `studiohub sync`", "with s"), "done")
        await self.load()
