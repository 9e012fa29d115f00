"""Access: every grant there is or was, with what is known about the one under the cursor."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.timer import Timer
from textual.widgets import Input, Static

from hub import times
from hub.look.grant_pages import GrantFilter, grant_page, grants_of, read_filter
from hub.look.grants import GrantView
from hub.look.ids import IdList
from hub.look.reveal import Secrets, kept_of, reveal
from hub.look.story import around_bookings, grant_story
from tui.chips import Chip, Chips
from tui.chrome import put
from tui.grant_card import SHOWN_FOR, Story, grant_card, period
from tui.hanging import Hanging
from tui.jobs import REST, deferred
from tui.page import Page
from tui.table import Column, IdTable
from tui.theme import glyph, state
from tui.words import clean

__all__ = ["AccessScreen"]

NOTHING_YET = "No grants yet. They appear after the first applied plan."

CHIPS = (None, "failed", "in_progress", "created", "removed", "unknown")
ORDERS = {"period": "newest period first", "name": "by name", "created": "newest first", "status": "by status"}


class AccessScreen(Page):
    """The big table."""

    mode = "access"
    first = "#grants"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("f", "status", "status"),
        Binding("x", "explain", "explain"),
        Binding("v", "reveal", "show code"),
        Binding("c", "copy", "copy URL"),
        Binding("r", "retry", "try now"),
        Binding("o", "order", "order"),
        Binding("escape", "clear", "one step back", show=False),
    ]
    writes = frozenset({"retry"})
    CSS = """
    AccessScreen #chips { margin-bottom: 1; }
    AccessScreen.short #chips { margin-bottom: 0; }
    AccessScreen #filter { height: 1; border: none; background: $surface; padding: 0 1; margin-bottom: 1; }
    AccessScreen.short #filter { margin-bottom: 0; }
    AccessScreen #card { width: 44; background: $panel; padding: 1 1 1 2; margin-left: 1;
                         scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    AccessScreen.narrow #card { display: none; }
    AccessScreen.narrow.opened #card { display: block; width: 1fr; margin-left: 0; }
    AccessScreen.narrow.opened #grants { display: none; }
    AccessScreen.low #card { padding: 0 1; }
    AccessScreen.low.opened #chips, AccessScreen.low.opened #filter { display: none; }
    AccessScreen #state { height: 1; color: $muted; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._status: str | None = None
        self._order = "period"
        self._views: dict[str, GrantView] = {}
        self._asked: tuple[str, str, str | None] | None = None
        self._story: Story | None = None
        self._open: tuple[str, str] | None = None
        """The grant whose code is in clear on the screen, and the code."""
        self._hiding: Timer | None = None

    def body(self) -> ComposeResult:
        """Chips, filter, table and card."""
        yield Chips(id="chips")
        yield Input(placeholder="/  name, lock, booking…   who:kel lock:studio when:today", id="filter")
        with Horizontal():
            columns = [
                Column("status", "Status", 13),
                Column("who", "Who", 13, grow=True),
                Column("lock", "Opens", 12, grow=True, drop=1),
                Column("period", "Period", 22, drop=2),
            ]
            yield IdTable(columns, self._rows, empty=NOTHING_YET, opens="details", marking=True, id="grants")
            with VerticalScroll(id="card", can_focus=False):
                yield Hanging("", id="detail")
        yield Static("", id="state")

    # ── loading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _wanted(self) -> GrantFilter:
        hub = self.hub_app.hub
        zone = times.zone(hub.the_studio.timezone)
        text = self.query_one("#filter", Input).value
        return read_filter(text, status=self._status, now=hub.clock.now(), zone=zone)

    @property
    def _question(self) -> tuple[str, str, str | None]:
        """What is asked for now: the text, the order, the status."""
        return self.query_one("#filter", Input).value, self._order, self._status

    async def load(self) -> None:
        """Ids and counts; rows are read as they come into view."""
        studio, wanted = self.hub_app.hub.the_studio, self._wanted()
        asked, every = self._question, self.hub_app.counted
        table = self.query_one("#grants", IdTable)

        async def ask(db: AsyncConnection) -> tuple[IdList, Mapping[str, int], dict[str, GrantView]]:
            ids, counts = await grant_page(db, studio, wanted, by=self._order, every=every)
            return ids, counts, await grants_of(db, studio, ids[table.first_page])

        ids, counts, views = await self.read(ask)
        if not self.is_attached or asked != self._question:
            # Something else was asked meanwhile: what was read is of no use any more.
            return
        table.empty = (
            NOTHING_YET
            if not (wanted.words or wanted.lock or wanted.status or wanted.since)
            else "Nothing matches. esc clears the filter."
        )
        # Other rows because of what was asked are not news.
        table.show(ids, keep=True, news=asked == self._asked, rows=self._cells(views))
        self._asked = asked
        self._story = None
        self._tell(table.row)
        self.query_one(Chips).show(_chips(counts), self._status)
        self._say(ids)

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        studio = self.hub_app.hub.the_studio
        views = await self.read(lambda db: grants_of(db, studio, ids))
        found = self._cells(views)
        table = self.query_one("#grants", IdTable)
        if table.row in views:
            self._detail(table.row)
        return found

    def _cells(self, views: Mapping[str, GrantView]) -> dict[str, dict[str, Text | str]]:
        """What is kept of grants, as it stands in the table."""
        studio = self.hub_app.hub.the_studio
        self._views = {key: view for key, view in self._views.items() if len(self._views) < 2000} | dict(views)
        colours, zone = self.app.theme_variables, times.zone(studio.timezone)
        found: dict[str, dict[str, Text | str]] = {}
        for key, view in views.items():
            shown = state(view.status)
            found[key] = {
                "status": Text(f"{glyph(shown)} {shown.word}", style=f"{'bold ' * shown.bold}{colours[shown.colour]}"),
                "who": clean(view.name or view.member),
                "lock": clean(view.opens_text),
                "period": Text(period(view.valid_from, view.valid_until, zone), style=colours["muted"]),
            }
        return found

    # ── showing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _say(self, ids: Sequence[str]) -> None:
        table = self.query_one("#grants", IdTable)
        place = f"row {table.cursor + 1:,} of {len(ids):,}".replace(",", " ") if ids else "no rows"
        new = f"   {glyph(state('warning'))} {len(table.fresh)} new, press ." if table.fresh else ""
        marked = f"   × {len(table.marks)} marked, r tries them now" if table.marks else ""
        put(self.query_one("#state", Static), f"{place}   {ORDERS[self._order]}{marked}{new}")

    def _tell(self, key: str | None) -> None:
        """Show a grant, and read what happened to it once the cursor rests."""
        self._detail(key)
        if key is not None and (self._story is None or self._story.grant != key):
            self.run_worker(deferred(partial(self._read_story, key)), group="story", exclusive=True)

    async def _read_story(self, key: str) -> None:
        await asyncio.sleep(REST)
        studio = self.hub_app.hub.the_studio
        async with self.hub_app.hub.database.read() as db:
            view = self._views.get(key)
            around = await around_bookings(db, studio, view) if view is not None else None
            story = Story(key, await grant_story(db, studio, key), await kept_of(db, studio, key), around)
        # The app may have been left meanwhile.
        if any(table.row == key for table in self.query("#grants").results(IdTable)):
            self._story = story
            self._detail(key)

    def _detail(self, key: str | None) -> None:
        view = self._views.get(key or "")
        card = self.query_one("#detail", Static)
        if view is None:
            put(card, "")
            return
        hub = self.hub_app.hub
        zone = times.zone(hub.the_studio.timezone)
        code = self._open[1] if self._open is not None and self._open[0] == view.id else None
        put(
            card,
            grant_card(view, self._story, code=code, colours=self.app.theme_variables, zone=zone, now=hub.clock.now()),
        )

    def who(self) -> str | None:
        """The member of the grant under the cursor."""
        view = self._view()
        return view.member if view is not None else None

    def _view(self) -> GrantView | None:
        return self._views.get(self.query_one("#grants", IdTable).row or "")

    @on(IdTable.Moved, "#grants")
    def _moved(self, message: IdTable.Moved) -> None:
        self._hide()
        self._tell(message.row)
        self._say(message.table.ids)

    def look_for(self, text: str) -> None:
        """Show what fits this text, now or once the screen is there."""
        self.call_later(self._look_for, text)

    def _look_for(self, text: str) -> None:
        self._status = None
        self.query_one("#filter", Input).value = text
        self.query_one("#grants", IdTable).focus()

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_filter(self) -> None:
        """Type what to look for."""
        self.query_one("#filter", Input).focus()

    @on(Input.Changed, "#filter")
    def _typed(self) -> None:
        if self._question != (self._asked or ("", "period", None)):
            self.run_worker(deferred(self._load_typed), group="typed", exclusive=True)

    async def _load_typed(self) -> None:
        """Typing never waits: the table follows once the fingers rest."""
        await asyncio.sleep(REST)
        try:
            await self.load()
        except (DBAPIError, OSError):
            self._pulse = None

    @on(Input.Submitted, "#filter")
    def _done_typing(self) -> None:
        self.query_one("#grants", IdTable).focus()

    @on(IdTable.Opened, "#grants")
    def _opened(self) -> None:
        """All of a grant, over the whole width where the card has no room beside the table."""
        self.add_class("opened")
        if self.has_class("narrow"):
            self.query_one("#card").can_focus = True
            self.query_one("#card").focus()

    async def action_clear(self) -> None:
        """One step back: out of the details, out of the field, then to everything."""
        field = self.query_one("#filter", Input)
        if self.has_class("opened") and not field.has_focus:
            self.remove_class("opened")
            self.query_one("#grants", IdTable).focus()
            self.query_one("#card").can_focus = False
            if self.has_class("narrow"):
                return
        if field.has_focus:
            self.query_one("#grants", IdTable).focus()
        elif self.query_one("#grants", IdTable).marks:
            self.query_one("#grants", IdTable).unmark()
        elif field.value or self._status:
            field.value, self._status = "", None
            await self.load()

    async def action_status(self) -> None:
        """The next status alone."""
        self._status = CHIPS[(CHIPS.index(self._status) + 1) % (len(CHIPS) - 1)]
        await self.load()

    @on(Chips.Chosen)
    async def _chosen(self, message: Chips.Chosen) -> None:
        self._status = message.name
        await self.load()

    @on(IdTable.Marked, "#grants")
    def _marked(self, message: IdTable.Marked) -> None:
        self._say(message.table.ids)

    async def action_order(self) -> None:
        """Another order."""
        orders = tuple(ORDERS)
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        await self.load()

    def action_follow(self) -> None:
        """Jump to what is new."""
        super().action_follow()
        self._say(self.query_one("#grants", IdTable).ids)

    # ── what is sealed ────────────────────────────────────────────────────────────────────────────────────────────

    async def _opened_secrets(self, view: GrantView) -> Secrets:
        hub = self.hub_app.hub
        return await self.read(lambda db: reveal(db, hub.the_studio, view.id, hub.vault))

    async def action_reveal(self) -> None:
        """Show the code of the grant under the cursor for a moment."""
        view = self._view()
        secrets = await self._opened_secrets(view) if view is not None else None
        if view is None or secrets is None or secrets.code is None:
            self.say("This grant has no code.", of_row=True)
            return
        if self.has_class("narrow"):
            # A code that is shown is seen: the card has no room beside the table.
            self._opened()
        self._hide()
        self._open = (view.id, secrets.code)
        self._hiding = self.set_timer(SHOWN_FOR, self._hide)
        self._detail(view.id)

    def _hide(self) -> None:
        if self._hiding is not None:
            self._hiding.stop()
        if self._open is not None:
            self._open = None
            self._detail(self.query_one("#grants", IdTable).row)

    def on_screen_suspend(self) -> None:
        """What was in clear is hidden when somebody leaves."""
        self._hide()

    async def action_copy(self) -> None:
        """Send the address of the grant under the cursor to the terminal's clipboard."""
        view = self._view()
        secrets = await self._opened_secrets(view) if view is not None else None
        if secrets is None or secrets.url is None:
            self.say("This grant has no URL.", of_row=True)
            return
        self.app.copy_to_clipboard(secrets.url)
        self.say("Sent to your clipboard. Some terminals don't take it.", "done")

    def action_retry(self) -> None:
        """Try the marked grants again now, or the one under the cursor."""
        if not self.may("retry"):
            return
        table = self.query_one("#grants", IdTable)
        open_ones = [key for key in table.marks or {table.row or ""} if not _settled(self._views.get(key))]
        if not open_ones:
            self.say("There is nothing to try again here: only what failed or is in progress.", of_row=True)
            return
        table.unmark()
        self.hub_app.try_now(open_ones)


def _settled(view: GrantView | None) -> bool:
    """Whether there is nothing to try. Of what was scrolled away long ago nothing is known, so it is tried."""
    return view is not None and view.status in {"created", "removed"}


def _chips(counts: Mapping[str, int]) -> list[Chip]:
    names = [name for name in CHIPS if name is not None and (name != "unknown" or counts.get(name))]
    every = Chip(None, "all", sum(counts.values()))
    return [every, *(Chip(name, state(name).word, counts.get(name, 0), state=name) for name in names)]
