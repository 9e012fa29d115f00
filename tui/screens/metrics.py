"""Metrics: the classes that were ridden, and of one of them numbers, the weeks before, and who rode how."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from sqlalchemy.exc import DBAPIError
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from hub import times
from hub.look.class_metrics import Means, OneClass, Trouble, class_means, compared, look_at_class, troubles, weekly
from hub.look.rides import ClassView, class_ids, classes
from tui.chart import Line
from tui.jobs import deferred
from tui.metrics.acts import MetricsPage
from tui.metrics.card import Card
from tui.metrics.looks import NOTHING, class_cells, class_seen, no_class
from tui.metrics.riders import SHEET, RiderTable, key_of, rider_cells, sheet_of
from tui.metrics.sheet import Sheet, SheetScreen
from tui.metrics.words import MEASURES, title_of
from tui.table import Column, IdTable
from tui.words import clean

__all__ = ["MetricsScreen"]

REST = 0.12
"""Seconds that the cursor rests on a class before it is read."""

RANGES = (13, 26, 52, 4)
"""So many weeks the chart can show."""


class MetricsScreen(MetricsPage):
    """The sixth place: the classes left, one of them right."""

    first = "#classes"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("m", "measure", "measure"),
        Binding("r", "range", "weeks"),
        Binding("t", "table", "as a table"),
        Binding("e", "export", "export…"),
        Binding("x", "explain", "explain"),
        Binding("F", "fetch", "fetch again"),
        Binding("C", "correct", "correct…"),
        Binding("escape", "back", "back to the classes", show=False),
    ]
    CSS = """
    MetricsScreen #left { width: 38; background: $surface; padding: 1 0 0 0; }
    MetricsScreen.narrow #left { width: 27; }
    MetricsScreen.short #left { padding: 0; }
    MetricsScreen #right { width: 1fr; margin-left: 1; background: $surface; }
    MetricsScreen #riders-title { height: 2; padding: 1 2 0 2; }
    MetricsScreen.short #riders-title { height: 1; padding: 0 2; }
    MetricsScreen.phone #left { width: 1fr; }
    MetricsScreen.phone #right { display: none; }
    MetricsScreen.phone.opened #left { display: none; }
    MetricsScreen.phone.opened #right { display: block; margin-left: 0; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.metric, self.weeks = MEASURES[0], RANGES[0]
        self._views: dict[str, ClassView] = {}
        self._trouble: Mapping[str, Trouble] = {}
        self._means = Means()
        self._one: OneClass | None = None
        self.weeks_of: str | None = None
        """The class whose weeks are shown."""

    def body(self) -> ComposeResult:
        """List, card and riders."""
        with Horizontal():
            with Vertical(id="left"):
                columns = [
                    Column("when", "When", 12),
                    Column("name", "Class", 8, grow=True),
                    Column("riders", "Riders", 7, right=True, drop=1),
                ]
                yield IdTable(columns, self._rows, empty=NOTHING, opens="riders", id="classes")
            with Vertical(id="right"):
                yield Card()
                yield Static("", id="riders-title")
                riders = [
                    Column("name", "", 14),
                    Column("bar", "", 12, grow=True, drop=1),
                    Column("value", "", 9, right=True),
                    Column("spark", "", 7, drop=2),
                ]
                yield RiderTable(riders, self._rider_rows, opens="their numbers", titled=False, id="riders")

    # ── loading ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self) -> None:
        """The classes, and the one under the cursor."""
        hub = self.hub_app.hub
        ids = await self.read(lambda db: class_ids(db, hub.the_studio, now=hub.clock.now()))
        self._trouble = await troubles(hub)
        table = self.query_one("#classes", IdTable)
        table.show(ids)
        await self._read_class(table.row)

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        hub, colours = self.hub_app.hub, self.app.theme_variables
        views = await self.read(lambda db: classes(db, hub.the_studio, now=hub.clock.now(), ids=ids))
        self._views = {key: view for key, view in self._views.items() if len(self._views) < 2000}
        self._views |= {view.event_id: view for view in views}
        now, narrow = hub.clock.now(), self.has_class("narrow")
        return {view.event_id: class_cells(view, self._trouble, now, colours, narrow=narrow) for view in views}

    def on_resize(self) -> None:
        """Other sizes say the same in other words."""
        narrow = self.has_class("narrow")
        super().on_resize()
        if narrow != self.has_class("narrow") and self.query(Card):
            self.query_one("#classes", IdTable).forget()
            self._show()

    @on(IdTable.Moved, "#classes")
    def _moved(self, message: IdTable.Moved) -> None:
        self.run_worker(deferred(partial(self._rest, message.row)), group="class", exclusive=True)

    async def _rest(self, event: str | None) -> None:
        await asyncio.sleep(REST)
        try:
            await self._read_class(event)
        except (DBAPIError, OSError):
            self._pulse = None

    async def _read_class(self, event: str | None) -> None:
        hub = self.hub_app.hub
        one = await look_at_class(hub, event) if event is not None else None
        # The app may have been left meanwhile.
        if not any(table.row == event for table in self.query("#classes").results(IdTable)):
            return
        self._one = compared(one, self._means) if one is not None else None
        self._show()
        if one is not None:
            self.run_worker(deferred(partial(self._read_weeks, one)), group="weeks", exclusive=True)

    async def _read_weeks(self, one: OneClass) -> None:
        """How it went over the weeks: thousands of results, so they come after the rest."""
        until = self._until(one)
        since = min(until - timedelta(weeks=max(self.weeks, 26)), one.view.starts_at - timedelta(weeks=13))
        means = await class_means(self.hub_app.hub, since=since, until=until, kept=self._means)
        if means != self._means or not one.before:
            self._means = means
            if self._one is not None and self._one.view.event_id == one.view.event_id:
                self._one = compared(one, means)
                self._show()
        self.weeks_of = one.view.event_id

    def _until(self, one: OneClass) -> datetime:
        """Where the chart ends: now, or in the week of the class where that was long ago."""
        now, start = self.hub_app.hub.clock.now(), one.view.starts_at
        return now if start > now - timedelta(weeks=self.weeks) else start + timedelta(days=1)

    # ── showing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _show(self) -> None:
        if not self.query(Card) or not self.query("#riders"):
            return
        if self._one is None:
            self.query_one(Card).show(no_class(self.app.theme_variables))
            self.query_one("#riders-title", Static).update("")
            self.query_one("#riders", RiderTable).show([])
            return
        seen = class_seen(
            self._one,
            self._trouble,
            self._lines(self._one),
            metric=self.metric,
            weeks=self.weeks,
            until=self._until(self._one),
            now=self.hub_app.hub.clock.now(),
            colours=self.app.theme_variables,
            narrow=self.has_class("narrow"),
        )
        self.query_one(Card).show(seen)
        self._show_riders(self._one)

    def _weekly(self, one: OneClass) -> tuple[list[float | None], list[float | None]]:
        until, every = self._until(one), self._means.every
        pairs = [(mean, mean.means.get(self.metric)) for mean in every]
        own = [(mean.starts_at, value) for mean, value in pairs if mean.name == one.view.name]
        others = [(mean.starts_at, value) for mean, value in pairs]
        return weekly(own, until=until, weeks=self.weeks), weekly(others, until=until, weeks=self.weeks)

    def _lines(self, one: OneClass) -> list[Line]:
        colours = self.app.theme_variables
        own, every = self._weekly(one)
        lines = [Line(clean(one.view.name or one.view.session), own, colours["accent"])]
        if every != own:
            lines.append(Line("all", every, colours["muted"], dashed=True))
        return lines

    def _show_riders(self, one: OneClass) -> None:
        colours, table = self.app.theme_variables, self.query_one("#riders", RiderTable)
        narrow = self.has_class("narrow")
        unseen = f" · {one.unseen} not shown{'' if narrow else ', at own wish'}" if one.unseen else ""
        recent = "" if narrow else " · last 7, low to high"
        about = f"  {title_of(self.metric)}{unseen}{recent}"
        self.query_one("#riders-title", Static).update(Text.assemble(("Riders", "bold"), (about, colours["muted"])))
        table.empty = "Nobody is shown here." if one.unseen else "Nobody had a bike in this class."
        table.show([key_of(rider) for rider in one.by(self.metric)])

    async def _rider_rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        one, colours = self._one, self.app.theme_variables
        if one is None:
            return {}
        width = self.query_one("#riders", RiderTable).width_of("bar")
        sound = [rider.ride.sound.get(self.metric) for rider in one.riders if rider.ride is not None]
        top = max((value for value in sound if value is not None), default=0.0)
        waits = one.view.results_due_at is not None
        riders = {key_of(rider): rider for rider in one.riders}
        return {
            key: rider_cells(riders[key], self.metric, top, width, colours, waits=waits) for key in ids if key in riders
        }

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def _rider(self) -> Any:
        table = self.query_one("#riders", RiderTable)
        riders = {key_of(rider): rider for rider in self._one.riders} if self._one is not None else {}
        return riders.get(table.row or "") if table.has_focus else None

    def who(self) -> str | None:
        """The rider under the cursor."""
        rider = self._rider()
        return rider.member if rider is not None else None

    def result(self) -> tuple[int, str, bool] | None:
        """The result of the rider under the cursor."""
        rider = self._rider()
        return (rider.ride.result_id, rider.name, False) if rider is not None and rider.ride is not None else None

    @on(IdTable.Opened, "#classes")
    def _into_riders(self) -> None:
        riders = self.query_one("#riders", RiderTable)
        self.add_class("opened")
        if riders.region:
            self.set_focus(riders)
        else:
            self.call_after_refresh(riders.focus)

    @on(IdTable.Opened, "#riders")
    def _open_rider(self) -> None:
        from tui.metrics.rider import RiderScreen

        rider = self._rider()
        if rider is not None:
            self.app.push_screen(RiderScreen(rider.member, clean(rider.name), self.metric, self.weeks))

    def action_back(self) -> None:
        """To the classes."""
        self.remove_class("opened")
        self.query_one("#classes", IdTable).focus()

    def action_measure(self) -> None:
        """The next thing that was measured."""
        known = {name for rider in (self._one.riders if self._one else ()) if rider.ride for name in rider.ride.metrics}
        known |= {name for mean in self._means.every for name in mean.means}
        every = [name for name in MEASURES if name in known or name == self.metric]
        self.metric = every[(every.index(self.metric) + 1) % len(every)]
        self.query_one("#riders", RiderTable).forget()
        self._show()

    async def action_range(self) -> None:
        """More or fewer weeks."""
        self.weeks = RANGES[(RANGES.index(self.weeks) + 1) % len(RANGES)]
        self._show()
        if self._one is not None:
            self.run_worker(deferred(partial(self._read_weeks, self._one)), group="weeks", exclusive=True)

    async def action_table(self) -> None:
        """The same as a table."""
        if self._one is None:
            self.say("There is no class yet.")
            return
        event = self._one.view.event_id

        async def make() -> Sheet | None:
            one = await look_at_class(self.hub_app.hub, event)
            if one is None:
                return None
            one, until = compared(one, self._means), self._until(one)
            days = [until - timedelta(weeks=self.weeks - 1 - number) for number in range(self.weeks)]
            zone = times.zone(one.view.timezone)
            names = [f"{day.astimezone(zone):%-d %b %Y}" for day in days]
            return sheet_of(one, list(zip(names, *self._weekly(one), strict=True)), self.metric)

        await self.app.push_screen(SheetScreen(make, SHEET))

    async def action_fetch(self) -> None:
        """Have the results of this class looked for again."""
        if self._one is None:
            self.say("There is no class yet.")
        elif await self.fetch_again(self._one.view.event_id):
            self.query_one("#classes", IdTable).forget()
            await self.load()
