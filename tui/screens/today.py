"""Today: what needs somebody, whether everything flows, who can open what from now on, and what ran last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from textual.widgets import Static

from hub import times
from hub.look import journal
from hub.look.needs import Need, needs
from hub.look.today import Door, Flow, doors_from, flows
from tui.cells import Cells
from tui.chrome import put
from tui.page import Page
from tui.table import Column, IdTable
from tui.theme import glyph, state
from tui.words import age, clean, member_of, took

__all__ = ["TodayScreen"]

MOST_NEEDS, MOST_FLOWS = 7, 6
"""So many lines of them are seen at once; what needs somebody scrolls."""
SLOT = timedelta(minutes=15)
BARS = "▁▂▃▄▅▆▇█"
NO_ENGINE = Need("engine", "engine", None, "Nothing runs by itself: E runs the engine here", ())
"""Stands below all else while that is so."""


class Title(Static):
    """What a card is, and what to know about it. Where no blank line sets it off, a thin one goes on to the edge."""

    def __init__(self, what: str, about: str = "", *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._what, self._about = what, about

    def say(self, about: str) -> None:
        """Something else is to know now."""
        if about != self._about:
            self._about = about
            self.refresh()

    def render(self) -> Text:
        """From the width as it is now."""
        colours = self.app.theme_variables
        line = Text.assemble((self._what, "bold"), (f"  {self._about}" if self._about else "", colours["muted"]))
        rest = self.content_size.width - line.cell_len - 2
        if self.screen.has_class("short") and rest > 2:
            line.append(f"  {'─' * rest}", style=colours["row"])
        return line


class DoorsCard(Widget):
    """Who can open what, from now on: a line for each door."""

    DEFAULT_CSS = """
    DoorsCard { height: auto; max-height: 10; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._doors: Sequence[Door] = ()
        self._now: datetime | None = None
        self._zone: ZoneInfo | None = None

    def show(self, doors: Sequence[Door], now: datetime, zone: ZoneInfo) -> None:
        """Show these doors."""
        other = len(doors) != len(self._doors)
        now = now - (now - datetime.min.replace(tzinfo=now.tzinfo)) % SLOT
        if other or (list(doors), now) != (list(self._doors), self._now):
            self._doors, self._now, self._zone = doors, now, zone
            self.refresh(layout=other)

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        """One line each, and the hours."""
        return max(2, min(9, len(self._doors) + 1))

    def render(self) -> Text:
        """As wide as there is room: half an hour for each cell, or an hour where that fits better."""
        colours = self.app.theme_variables
        if not self._doors or self._now is None or self._zone is None:
            return Text("Nobody can open anything yet. Doors show here after the first applied plan.", colours["muted"])
        width = self.content_size.width
        name_width = max(8, min(18, max(len(door.name) for door in self._doors)))
        cells = max(4, min(len(self._doors[0].people), width - name_width - 17))
        lines = [self._hours(name_width, cells, colours)]
        highest = max((door.peak for door in self._doors if len(set(door.people)) > 1), default=0) or 1
        for door in self._doors[:8]:
            shown = state(door.state)
            colour = colours[shown.colour]
            shown_slots = door.people[:cells]
            always = len(set(door.people)) == 1
            bar = Text(style=colour)
            for people in shown_slots:
                # What never changes is a line on the ground, so that what does can be seen.
                height = 0 if always else min(7, people * 7 // highest)
                bar.append(BARS[height] if people else " ")
            name = Text(clean(door.name))
            name.truncate(name_width, overflow="ellipsis", pad=True)
            end = "offline" if door.state == "failed" else f"{door.peak} always" if always else f"{door.peak} peak"
            lines.append(
                Text.assemble((f"{glyph(shown)} ", colour), name, "  ", bar, f"{end:>11}", style=colours["muted"])
            )
        return Text("\n").join(lines)

    def _hours(self, name_width: int, cells: int, colours: dict[str, str]) -> Text:
        assert self._now is not None  # noqa: S101 - only asked with doors
        line = [" "] * (cells + 2)
        start = self._now.astimezone(self._zone)
        for cell in range(cells):
            moment = start + cell * SLOT
            if moment.hour % 2 == 0 and moment.minute < 15 and cell + 2 <= cells:
                line[cell : cell + 2] = f"{moment:%H}"
        return Text(" " * (name_width + 4) + "".join(line) + "     people", style=colours["faint"])


class LastRuns(IdTable):
    """The runs, the newest on top. It stays with the newest until somebody moves down, and again once they are back."""

    following = True

    def _go(self, place: int) -> None:
        super()._go(place)
        self.following = self.cursor == 0

    def show(
        self, ids: Sequence[str], *, keep: bool = True, news: bool = True, rows: Mapping[str, Cells] | None = None
    ) -> None:
        """Show these runs; the newest, while it follows."""
        super().show(ids, keep=keep and not self.following, news=news, rows=rows)


class TodayScreen(Page):
    """The first thing that somebody sees."""

    mode = "today"
    first = "#list"
    BINDINGS: ClassVar[list[Any]] = [Binding("x", "explain", "explain")]
    CSS = """
    TodayScreen #top { height: auto; }
    TodayScreen #needs { width: 1fr; }
    TodayScreen #flows { width: 52; margin-left: 1; }
    TodayScreen.narrow #flows { display: none; }
    TodayScreen #doors { margin-top: 1; }
    TodayScreen.short #doors { margin-top: 0; }
    TodayScreen #runs { margin-top: 1; height: 1fr; }
    TodayScreen.short #runs { margin-top: 0; }
    TodayScreen.low #top { height: 1fr; }
    TodayScreen.low #doors, TodayScreen.low #runs { display: none; }
    TodayScreen.low #needs { height: 100%; }
    TodayScreen Title { height: 2; }
    TodayScreen.short Title { height: 1; }
    TodayScreen #list { height: auto; min-height: 1; max-height: 7; }
    TodayScreen.low #list { height: 1fr; max-height: 100%; }
    """

    def body(self) -> ComposeResult:
        """Needs you and connections side by side, doors, runs."""
        with Horizontal(id="top"):
            with Vertical(id="needs", classes="card"):
                yield Title("Needs you", id="needs-title")
                columns = [Column("what", "", 56, grow=True), Column("since", "", 7, right=True, drop=1)]
                yield IdTable(columns, self._items, empty="Nothing needs you.", titled=False, id="list")
            with Vertical(id="flows", classes="card"):
                yield Title("Connections")
                yield Static("", id="flow-lines")
        with Vertical(id="doors", classes="card"):
            yield Title("Doors", "who can open what, from now")
            yield DoorsCard()
        with Vertical(id="runs", classes="card"):
            yield Title("Last runs")
            run_columns = [
                Column("status", "Status", 13),
                Column("time", "Time", 6),
                Column("flow", "Flow", 19, grow=True),
                Column("changes", "Changes", 16, drop=1),
                Column("took", "Took", 7, right=True, drop=2),
                Column("by", "By", 12, drop=3),
            ]
            yield LastRuns(run_columns, self._run_rows, empty="No run yet. s syncs now.", id="run-list")

    def __init__(self) -> None:
        super().__init__()
        self._needs: dict[str, Need] = {}
        self._runs: dict[str, dict[str, Any]] = {}
        self._flow_lines = 0

    def _breakpoints(self) -> None:
        super()._breakpoints()
        self._even()

    def _even(self) -> None:
        """The two cards on top end together, as high as what is in them."""
        beside = not (self.has_class("narrow") or self.has_class("low"))
        self.query_one("#list").styles.min_height = max(1, self._flow_lines) if beside else 1
        self.query_one("#flow-lines").styles.min_height = min(len(self._needs), MOST_NEEDS)

    async def load(self) -> None:
        """Everything on the screen."""
        hub = self.hub_app.hub
        studio, now = hub.the_studio, hub.clock.now()
        zone = times.zone(studio.timezone)
        async with hub.database.read() as db:
            waiting = await journal.inbox(db, studio)
            self._runs = {run["id"]: run for run in await journal.runs(db, studio, limit=20)}
            every = await flows(db, studio)
            doors = await doors_from(db, studio, now, slots=96, slot=SLOT)
        self._needs = {need.id: need for need in needs(waiting)}
        count = len(self._needs)
        if self.hub_app.runs_by == "none" and every:
            self._needs[NO_ENGINE.id] = NO_ENGINE
        about = f"{count} thing{'s' * (count != 1)}, worst first" if count else ""
        self.query_one("#needs-title", Title).say(about)
        for name, rows in (("#list", self._needs), ("#run-list", self._runs)):
            self.query_one(name, IdTable).show(list(rows))
        put(self.query_one("#flow-lines", Static), self._flow_text(every, now))
        self._flow_lines = min(len(every), MOST_FLOWS)
        self._even()
        self.query_one(DoorsCard).show(doors, now, zone)

    def who(self) -> str | None:
        """The member that the item under the cursor is about, where it is about one."""
        need = self._needs.get(self.query_one("#list", IdTable).row or "")
        if need is None or len(need.items) != 1 or self.focused is not self.query_one("#list"):
            return None
        return member_of(need.items[0])

    @on(IdTable.Opened, "#list")
    async def _open_item(self, message: IdTable.Opened) -> None:
        need = self._needs[message.row]
        if need is NO_ENGINE:
            await self.hub_app.action_engine()
        elif len(need.items) > 1:
            from tui.dialogs.group import GroupDialog

            await self.app.push_screen(GroupDialog(need), self._go_on)
        else:
            from tui.dialogs.item import ItemDialog

            item = need.items[0]
            await self.app.push_screen(ItemDialog(item, member_of(item)), self._go_on)

    async def _go_on(self, to: str | None) -> None:
        """What the panel was left with."""
        if to == "plan":
            await self.hub_app.action_plan()
        elif to is not None and ":" in to:
            self.hub_app.show_member(to)
        elif to is not None:
            self.hub_app.action_mode(to)

    @on(IdTable.Opened, "#run-list")
    async def _open_run(self, message: IdTable.Opened) -> None:
        self.hub_app.show_run(message.row)

    async def _items(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        colours, hub = self.app.theme_variables, self.hub_app.hub
        zone, now = times.zone(hub.the_studio.timezone), hub.clock.now()
        found: dict[str, dict[str, Text | str]] = {}
        for key in ids:
            need = self._needs[key]
            what = "failed" if need.code.endswith("_failed") else "planned" if need is NO_ENGINE else "warning"
            shown = state(what)
            found[key] = {
                "what": Text.assemble(
                    (f"{glyph(shown)}  ", f"{'bold ' * shown.bold}{colours[shown.colour]}"), clean(need.text)
                ),
                "since": Text(_since(need, zone, now), style=colours["muted"]),
            }
        return found

    async def _run_rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        colours = self.app.theme_variables
        zone = times.zone(self.hub_app.hub.the_studio.timezone)
        found: dict[str, dict[str, Text | str]] = {}
        for key in ids:
            run = self._runs[key]
            shown = state(run["state"])
            started = times.from_text(run["started_at"]).astimezone(zone)
            found[key] = {
                "status": Text(f"{glyph(shown)} {shown.word}", style=f"{'bold ' * shown.bold}{colours[shown.colour]}"),
                "time": Text(f"{started:%H:%M}", style=colours["muted"]),
                "flow": clean(run["flow"]),
                "changes": _changes(run),
                "took": Text(took(run["seconds"]) if run["seconds"] is not None else "…", style=colours["muted"]),
                "by": Text(run["trigger"], style=colours["muted"]),
            }
        return found

    def _flow_text(self, every: Sequence[Flow], now: datetime) -> Text:
        colours = self.app.theme_variables
        lines = []
        for flow in every[:MOST_FLOWS]:
            shown = state(flow.state)
            colour = colours[shown.colour]
            ago = age(now - flow.at) if flow.at is not None else "never"
            lines.append(
                Text.assemble(
                    f"{flow.source[:10]:<10} ",
                    (f"━━{glyph(shown)}━━▶", colour),
                    f" {flow.target[:8]:<8}",
                    (f" {flow.what:>14}  {ago:>7}", colours["muted"]),
                )
            )
        return Text("\n").join(lines) if lines else Text("Nothing connected yet.", style=colours["muted"])


def _since(need: Need, zone: ZoneInfo, now: datetime) -> str:
    """Since when the first of it waits: the time today, before that how long ago."""
    if not need.items:
        return ""
    since = min(times.from_text(str(item["since"])) for item in need.items)
    today = since.astimezone(zone).date() == now.astimezone(zone).date()
    return f"{since.astimezone(zone):%H:%M}" if today else age(now - since)


def _changes(run: dict[str, Any]) -> str:
    counts = run["counts"]
    parts = [
        f"{mark}{counts[name]}"
        for name, mark in (("create", "+"), ("change", "~"), ("remove", "−"))
        if counts.get(name)
    ]
    return "  ".join(parts) or ("…" if run["state"] == "running" else "no change")
