"""Access: every grant there is or was, with what is known about the one under the cursor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Static

from hub import times
from hub.look.grant_pages import GrantFilter, count_by_status, grant_ids, grants_of, read_filter
from hub.look.grants import GrantView
from tui.page import Page
from tui.table import Column, IdTable
from tui.theme import glyph, state

__all__ = ["AccessScreen"]

A_VISIT = timedelta(hours=25)
"""What lasts no longer is shown with its times of day."""

NOTHING_YET = "No grants yet. They appear after the first applied plan."

CHIPS = (None, "failed", "in_progress", "created", "removed", "unknown")


class AccessScreen(Page):
    """The big table."""

    mode = "access"
    first = "#grants"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("f", "status", "status"),
        Binding("o", "order", "order"),
        Binding("enter", "open", "details"),
        Binding("escape", "clear", "clear", show=False),
    ]
    CSS = """
    AccessScreen #chips { height: 2; }
    AccessScreen.short #chips { height: 1; }
    AccessScreen #filter { height: 1; border: none; background: $surface; padding: 0 1; margin-bottom: 1; }
    AccessScreen.short #filter { margin-bottom: 0; }
    AccessScreen #card { width: 46; background: $panel; padding: 1 2; margin-left: 1; }
    AccessScreen.narrow #card { display: none; }
    AccessScreen #state { height: 1; color: $muted; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._status: str | None = None
        self._order = "period"
        self._views: dict[str, GrantView] = {}
        self._new = 0

    def body(self) -> ComposeResult:
        """Chips, filter, table and card."""
        yield Static("", id="chips")
        yield Input(placeholder="/  name, lock, booking…   who:kel lock:studio when:today", id="filter")
        with Horizontal():
            columns = [
                Column("status", "Status", 13),
                Column("who", "Who", 16, grow=True),
                Column("lock", "Opens", 18, drop=1),
                Column("period", "Period", 28, drop=0),
            ]
            yield IdTable(
                columns, self._rows, empty="No grants yet. They appear after the first applied plan.", id="grants"
            )
            with VerticalScroll(id="card", can_focus=False):
                yield Static("", id="detail")
        yield Static("", id="state")

    # ── loading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _wanted(self) -> GrantFilter:
        hub = self.hub_app.hub
        zone = times.zone(hub.the_studio.timezone)
        text = self.query_one("#filter", Input).value
        return read_filter(text, status=self._status, now=hub.clock.now(), zone=zone)

    async def load(self) -> None:
        """Ids and counts; rows are read as they come into view."""
        studio, wanted = self.hub_app.hub.the_studio, self._wanted()
        counts = await self.read(lambda db: count_by_status(db, studio, wanted))
        ids = await self.read(lambda db: grant_ids(db, studio, wanted, by=self._order))
        table = self.query_one("#grants", IdTable)
        table.empty = (
            NOTHING_YET
            if not (wanted.words or wanted.lock or wanted.status or wanted.since)
            else "Nothing matches. esc clears the filter."
        )
        table.forget()
        table.show(ids)
        self.query_one("#chips", Static).update(self._chips(counts))
        self._say(ids)

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        studio = self.hub_app.hub.the_studio
        views = await self.read(lambda db: grants_of(db, studio, ids))
        self._views |= views
        colours, zone = self.app.theme_variables, times.zone(studio.timezone)
        found: dict[str, dict[str, Text | str]] = {}
        for key, view in views.items():
            shown = state(view.status)
            found[key] = {
                "status": Text(f"{glyph(shown)} {shown.word}", style=f"{'bold ' * shown.bold}{colours[shown.colour]}"),
                "who": view.name or view.member,
                "lock": view.opens_text,
                "period": Text(_period(view.valid_from, view.valid_until, zone), style=colours["muted"]),
            }
        table = self.query_one("#grants", IdTable)
        if table.row in views:
            self._detail(table.row)
        return found

    # ── showing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _chips(self, counts: dict[str, int]) -> Text:
        colours = self.app.theme_variables
        parts = []
        for name in CHIPS:
            count = sum(counts.values()) if name is None else counts.get(name, 0)
            if name == "unknown" and not count:
                continue
            shown = state(name) if name else None
            label = f"{glyph(shown)} {shown.word}" if shown is not None else "all"
            number = f"{count:,}".replace(",", " ")
            if name == self._status:
                parts.append(Text(f" {label} {number} ", style=f"bold {colours['background']} on {colours['accent']}"))
                continue
            colour = colours[shown.colour] if shown is not None else colours["muted"]
            parts.append(Text.assemble((label, colour), (f" {number}", colours["muted"])))
        return Text("   ").join(parts)

    def _say(self, ids: Sequence[str]) -> None:
        table = self.query_one("#grants", IdTable)
        words = {"period": "newest period first", "name": "by name", "created": "newest first", "status": "by status"}
        place = f"row {table.cursor + 1:,} of {len(ids):,}".replace(",", " ") if ids else "no rows"
        self.query_one("#state", Static).update(f"{place}   {words[self._order]}")

    def _detail(self, key: str | None) -> None:
        view = self._views.get(key or "")
        card = self.query_one("#detail", Static)
        if view is None:
            card.update("")
            return
        colours, zone = self.app.theme_variables, times.zone(self.hub_app.hub.the_studio.timezone)
        shown = state(view.status)
        lines: list[Text] = [
            Text.assemble(
                (f"{glyph(shown)} {shown.word}", f"bold {colours[shown.colour]}"),
                (f"  {view.id[-8:]}", colours["faint"]),
            ),
            Text(),
            Text(view.name or view.member, style="bold"),
            Text(f"{view.opens_text} · {view.target}", style=colours["muted"]),
            Text(),
            _field("opens", _moment(view.valid_from, zone) or "at once", colours),
            _field("closes", _moment(view.valid_until, zone) or "open end", colours),
        ]
        if view.error:
            lines += [Text(), Text(view.error.get("what", ""), style=f"bold {colours['failed']}")]
            lines += [
                Text(view.error[name], style=colours["muted"]) for name in ("said", "fix") if view.error.get(name)
            ]
            if view.next_try_at is not None:
                lines.append(Text(f"Next try {_moment(view.next_try_at, zone)}.", style=colours["muted"]))
        lines += [
            Text(),
            _field("why", view.reason, colours),
            _field("rule", view.rule or "–", colours),
            _field("member", view.member, colours),
            _field("made", _moment(view.created_at, zone), colours),
        ]
        card.update(Text("\n").join(lines))

    @on(IdTable.Moved, "#grants")
    def _moved(self, message: IdTable.Moved) -> None:
        self._detail(message.row)
        self._say(message.table.ids)

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_filter(self) -> None:
        """Type what to look for."""
        self.query_one("#filter", Input).focus()

    @on(Input.Changed, "#filter")
    async def _typed(self) -> None:
        await self.load()

    @on(Input.Submitted, "#filter")
    def _done_typing(self) -> None:
        self.query_one("#grants", IdTable).focus()

    async def action_clear(self) -> None:
        """One step back: out of the field, then to everything."""
        field = self.query_one("#filter", Input)
        if field.has_focus:
            self.query_one("#grants", IdTable).focus()
        elif field.value or self._status:
            field.value, self._status = "", None
            await self.load()

    async def action_status(self) -> None:
        """The next status alone."""
        self._status = CHIPS[(CHIPS.index(self._status) + 1) % (len(CHIPS) - 1)]
        await self.load()

    async def action_order(self) -> None:
        """Another order."""
        orders = ("period", "name", "created", "status")
        self._order = orders[(orders.index(self._order) + 1) % len(orders)]
        await self.load()


def _field(name: str, value: str, colours: dict[str, str]) -> Text:
    return Text.assemble((f"{name:<8}", colours["faint"]), (value, colours["muted"]))


def _moment(moment: datetime | None, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%a %-d %b %Y %H:%M}" if moment is not None else ""


def _period(starts: datetime | None, ends: datetime | None, zone: ZoneInfo) -> str:
    """A window in one line: the day once where both ends are on it."""
    if starts is None and ends is None:
        return "open end"
    if starts is None or ends is None or ends - starts > A_VISIT:
        first = f"{starts.astimezone(zone):%-d %b %Y}" if starts is not None else "…"
        return f"{first} – {ends.astimezone(zone):%-d %b %Y}" if ends is not None else f"from {first}"
    one, other = starts.astimezone(zone), ends.astimezone(zone)
    end = f"{other:%H:%M}" if one.date() == other.date() else f"{other:%a %H:%M}"
    return f"{one:%a %-d %b %H:%M}–{end}"
