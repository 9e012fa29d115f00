"""One rider over all their classes: how it goes, what they came to, and their bests."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Static

from hub import times
from hub.classes.rides import Ride
from hub.classes.trends import Change, Trends, trends
from hub.look.class_metrics import weekly
from hub.look.rides import hidden, rides_of
from hub.words import counted
from tui.chart import Line
from tui.metrics.acts import MetricsPage
from tui.metrics.card import Card, Seen
from tui.metrics.riders import SHEET
from tui.metrics.sheet import Row, Sheet, SheetScreen
from tui.metrics.words import LEGEND, MEASURES, change_text, measured, number_text, ticks, title_of
from tui.table import Column, IdTable
from tui.words import clean

__all__ = ["RiderScreen"]

RANGES = (13, 26, 52, 4)


class RiderScreen(MetricsPage):
    """A rider. Who stops wanting to be shown is not shown here either."""

    first = "#measures"
    pinned = (("esc", "back", True), ("?", "all keys", True))
    BINDINGS: ClassVar[list[Any]] = [
        Binding("m", "measure", "measure"),
        Binding("r", "range", "weeks"),
        Binding("t", "table", "rides as a table"),
        Binding("x", "explain", "explain"),
        Binding("e", "export", "export…"),
        Binding("escape", "back", "back"),
    ]
    CSS = """
    RiderScreen #measures { margin-top: 1; }
    RiderScreen.short #measures { margin-top: 0; }
    RiderScreen #ftp { height: auto; padding: 0 2; color: $muted; }
    """

    def __init__(self, member: str, name: str, metric: str, weeks: int) -> None:
        super().__init__()
        self.member, self.name_, self.metric, self.weeks = member, name, metric, weeks
        self._rides: Sequence[Ride] = ()
        self._made: Trends | None = None

    def body(self) -> ComposeResult:
        """Card and table."""
        yield Card()
        columns = [
            Column("name", "Measure", 18),
            Column("best", "Best", 18, grow=True, drop=0),
            Column("mean", "Mean", 11, right=True, drop=1),
            Column("total", "Total", 11, right=True, drop=2),
            Column("weeks_4", "Last 4 weeks", 20, right=True, drop=3),
            Column("weeks_12", "Last 12 weeks", 20, right=True, drop=4),
        ]
        yield IdTable(columns, self._rows, empty="No results yet.", opens="measure", id="measures")
        yield Static("", id="ftp")

    async def load(self) -> None:
        """Everything they rode."""
        hub = self.hub_app.hub
        source, _, key = self.member.partition(":")
        async with hub.database.read() as db:
            unseen = await hidden(db, hub.the_studio, [self.member])
            rides = await rides_of(db, hub.vault, hub.the_studio, source, key) if not unseen else []
        if unseen:
            self.dismiss(None)
            return
        self._rides, self._made = rides, trends(rides, now=hub.clock.now())
        self.query_one("#measures", IdTable).show(self._known())
        self._show()

    def _known(self) -> list[str]:
        span = self._made.total if self._made is not None else None
        return [name for name in MEASURES if span is not None and (name in span.totals or name in span.means)]

    def _show(self) -> None:
        colours, hub = self.app.theme_variables, self.hub_app.hub
        zone, until = times.zone(hub.the_studio.timezone), hub.clock.now()
        values = weekly(
            [(ride.starts_at, ride.sound.get(self.metric)) for ride in self._rides], until=until, weeks=self.weeks
        )
        title = title_of(self.metric).capitalize()
        about = f"  {clean(self.member)} · {counted(len(self._rides), 'ride')}"
        if self._rides:
            about += f", the last on {self._rides[0].starts_at.astimezone(zone):%a %-d %b %Y}"
        self.query_one(Card).show(
            Seen(
                title=Text.assemble((self.name_, "bold"), (about, colours["muted"])),
                heading=f"{title} by week, {counted(self.weeks, 'week')}",
                lines=[Line(self.name_.partition(" ")[0], values, colours["accent"])],
                ticks=ticks(until, self.weeks, zone),
                nothing=f"{title} was not measured in these weeks.",
            )
        )
        points = self._made.ftp if self._made is not None else ()
        ftp = ", ".join(f"{point.ftp_w:.0f} W since {point.at.astimezone(zone):%-d %b %Y}" for point in points[-3:])
        self.query_one("#ftp", Static).update(f"FTP  {ftp}" if ftp else "")

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        made, colours, zone = self._made, self.app.theme_variables, times.zone(self.hub_app.hub.the_studio.timezone)
        if made is None:
            return {}
        found: dict[str, dict[str, Text | str]] = {}
        for name in ids:
            best, total, mean = made.bests.get(name), made.total.totals.get(name), made.total.means.get(name)
            value = Text()
            if best is not None:
                day = f"{best.ride.starts_at.astimezone(zone):%-d %b %Y}"
                value = Text.assemble((number_text(name, best.value), "bold"), (f"  {day}", colours["muted"]))
            found[name] = {
                "name": title_of(name),
                "best": value,
                "mean": number_text(name, mean) if mean is not None else "",
                "total": number_text(name, total) if total is not None else "",
                "weeks_4": self._change(made.weeks_4, name),
                "weeks_12": self._change(made.weeks_12, name),
            }
        return found

    def _change(self, change: Change, name: str) -> Text:
        colours = self.app.theme_variables
        now = {**change.now.totals, **change.now.means}.get(name)
        if now is None:
            return Text("–", style=colours["muted"])
        return Text.assemble(number_text(name, now), change_text(name, change.more(name), colours))

    # ── keys ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def who(self) -> str | None:
        """Whose numbers these are."""
        return self.member

    def exported(self) -> tuple[str | None, str]:
        """Theirs alone."""
        return self.member, f"results-{self.member.replace(':', '-')}.csv"

    def on_id_table_opened(self, message: IdTable.Opened) -> None:
        """Draw this measure."""
        self.metric = message.row
        self._show()

    def action_measure(self) -> None:
        """The next measure."""
        every = self._known()
        if every:
            place = every.index(self.metric) + 1 if self.metric in every else 0
            self.metric = every[place % len(every)]
            self._show()

    def action_range(self) -> None:
        """More or fewer weeks."""
        self.weeks = RANGES[(RANGES.index(self.weeks) + 1) % len(RANGES)]
        self._show()

    async def action_table(self) -> None:
        """Every ride, in numbers."""
        hub = self.hub_app.hub
        source, _, key = self.member.partition(":")

        async def make() -> Sheet | None:
            async with hub.database.read() as db:
                if await hidden(db, hub.the_studio, [self.member]):
                    return None
                rides = await rides_of(db, hub.vault, hub.the_studio, source, key)
                dropped = await rides_of(db, hub.vault, hub.the_studio, source, key, dropped=True)
            rows = {}
            for ride, left_out in [*((one, False) for one in rides), *((one, True) for one in dropped)]:
                when = ride.starts_at.astimezone(times.zone(ride.timezone))
                name = f"{when:%-d %b %Y} {clean(ride.name or ride.session)}{' ○ dropped' * left_out}"
                cells = {metric: measured(ride, metric) for metric in MEASURES}
                row = Row({"name": name, **cells}, self.member, (ride.result_id, self.name_, left_out))
                rows[f"r{ride.result_id}"] = row
            return Sheet(f"{self.name_}  {counted(len(rides), 'ride')}", SHEET, rows, LEGEND)

        columns = [Column("name", "Ride", 24, grow=True), *SHEET[1:-1]]
        await self.app.push_screen(SheetScreen(make, columns))

    def action_back(self) -> None:
        """To the class."""
        self.dismiss(None)
