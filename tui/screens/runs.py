"""Runs: what ran, and of one of them the steps and the log, as they move."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from sqlalchemy.exc import DBAPIError
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.widgets import Static

from hub import times
from hub.engine.stopping import ask_to_stop
from hub.errors import HubError
from hub.look import journal
from hub.look.story import LogRow, log_counts, log_ids, log_rows, run_story
from tui.chrome import put
from tui.page import Page
from tui.questions import Ask
from tui.run_parts import Log, StepsCard
from tui.table import Column, IdTable
from tui.telling import told
from tui.theme import glyph, state
from tui.words import clean, short_mails

__all__ = ["RunsScreen"]

LEVELS = {"info": ("debug", "info"), "warning": ("warning",), "error": ("error",)}
MARKS = {"warning": "warning", "error": "broken"}
MOST = 500


class RunsScreen(Page):
    """The list left, steps and log right."""

    mode = "runs"
    first = "#runs"
    writes = frozenset({"stop"})
    BINDINGS: ClassVar[list[Any]] = [
        Binding("X", "stop", "stop run"),
        Binding("x", "explain", "explain", show=False),
        Binding("l", "log", "log", show=False),
        Binding("i", "level('info')", "info", show=False),
        Binding("w", "level('warning')", "warnings", show=False),
        Binding("e", "level('error')", "errors", show=False),
        Binding("escape", "back", "back to the list", show=False),
    ]
    CSS = """
    RunsScreen #runs { width: 44; }
    RunsScreen.narrow #runs { width: 32; }
    RunsScreen #right { width: 1fr; margin-left: 1; background: $surface; }
    RunsScreen.short StepsCard { padding: 0 1; }
    RunsScreen.phone #runs { width: 1fr; }
    RunsScreen.phone #right { display: none; margin-left: 0; }
    RunsScreen.phone.opened #right { display: block; }
    RunsScreen.phone.opened #runs { display: none; }
    RunsScreen.low StepsCard { display: none; }
    RunsScreen #whole { height: 5; padding: 1 2 0 2; background: $panel; display: none; }
    RunsScreen.short #whole { padding: 0 1; }
    RunsScreen.reading #whole { display: block; }
    RunsScreen.low #whole { display: none; }
    RunsScreen #log-title { height: 1; padding: 0 2; margin-top: 1; }
    RunsScreen.short #log-title { margin-top: 0; padding: 0 1; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._runs: dict[str, dict[str, Any]] = {}
        self._hidden: set[str] = set()
        self._counts: dict[str, int] = {}
        self._read: dict[str, LogRow] = {}
        """Lines of the log that were read."""
        self._shown: str | None = None
        self._wanted = ""

    def body(self) -> ComposeResult:
        """Both halves."""
        with Horizontal():
            columns = [
                Column("status", "Status", 11),
                Column("time", "Time", 5, drop=1),
                Column("flow", "Flow", 16, grow=True),
            ]
            yield IdTable(columns, self._rows, empty="No run yet. s syncs now.", opens="log", id="runs")
            with Vertical(id="right"):
                yield StepsCard()
                yield Static("", id="log-title")
                lines = [
                    Column("at", "", 8, drop=1),
                    Column("mark", "", 1),
                    Column("code", "", 13, drop=2),
                    Column("text", "", 26, grow=True),
                ]
                yield Log(lines, self._lines, empty="Nothing was written down.", opens="", titled=False, id="log")
                yield Static("", id="whole")

    def on_mount(self) -> None:
        """A run that goes on has a clock of its own, besides what every screen starts (Textual calls that itself)."""
        self.set_interval(1.0, self._tick)

    # ── loading ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self) -> None:
        """The list, and the run under the cursor."""
        studio = self.hub_app.hub.the_studio
        self._runs = {run["id"]: run for run in await self.read(lambda db: journal.runs(db, studio, limit=MOST))}
        self.query_one("#runs", IdTable).show(list(self._runs))
        self._choose()
        await self._detail()

    def choose(self, run_id: str) -> None:
        """Put the cursor on a run, now or once the list is there."""
        self._wanted = run_id
        self.call_later(self._choose)

    def _choose(self) -> None:
        table = self.query_one("#runs", IdTable)
        if self._wanted in table.ids:
            table.cursor = list(table.ids).index(self._wanted)
            self._wanted = ""

    async def _tick(self) -> None:
        run = self._runs.get(self.query_one("#runs", IdTable).row or "")
        if self.is_current and run is not None and run["state"] == "running":
            await self._detail()

    async def _detail(self) -> None:
        studio, row = self.hub_app.hub.the_studio, self.query_one("#runs", IdTable).row
        run, ids, counts = None, [], {}
        if row is not None:
            levels = [level for name, own in LEVELS.items() if name not in self._hidden for level in own]
            async with self.hub_app.hub.database.read() as db:
                run = await run_story(db, studio, row)
                counts = await log_counts(db, studio, row)
                ids = await log_ids(db, studio, row, levels=levels)
        end = run.ended_at or self.hub_app.hub.clock.now() if run is not None else None
        self.query_one(StepsCard).show(run, (end - run.started_at).total_seconds() if run and end else 0.0)
        log, self._counts = self.query_one("#log", Log), counts
        if row != self._shown:
            self._shown, log.following = row, True
            log.show(ids, keep=False)
        elif list(log.ids) != ids:
            log.show(ids)
        self._title()

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        colours, zone = self.app.theme_variables, times.zone(self.hub_app.hub.the_studio.timezone)
        found: dict[str, dict[str, Text | str]] = {}
        for key in ids:
            run = self._runs[key]
            shown, failed = state(run["state"]), run["counts"].get("failed", 0)
            word = f"{failed} failed" if run["state"] == "failed" and failed else shown.word
            found[key] = {
                "status": Text(f"{glyph(shown)} {word}", style=f"{'bold ' * shown.bold}{colours[shown.colour]}"),
                "time": Text(f"{times.from_text(run['started_at']).astimezone(zone):%H:%M}", style=colours["muted"]),
                "flow": clean(run["flow"]),
            }
        return found

    async def _lines(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        studio = self.hub_app.hub.the_studio
        rows = await self.read(lambda db: log_rows(db, studio, ids))
        self._read = {**(self._read if len(self._read) < 5000 else {}), **rows}
        self._show_whole()
        return {key: self._line(row) for key, row in rows.items()}

    def who(self) -> str | None:
        """The member that the line under the cursor is about."""
        log = self.query_one("#log", Log)
        row = self._read.get(log.row or "") if log.has_focus else None
        return row.member or None if row is not None else None

    def _show_whole(self) -> None:
        """The line under the cursor in full, while somebody reads the log."""
        log = self.query_one("#log", Log)
        self.set_class(log.has_focus, "reading")
        row = self._read.get(log.row or "")
        put(self.query_one("#whole", Static), self._line(row)["text"] if row is not None else "")

    @on(events.DescendantFocus)
    def _reading(self) -> None:
        """The log is read, or left."""
        self._show_whole()

    def _line(self, row: LogRow) -> dict[str, Text | str]:
        colours, zone = self.app.theme_variables, times.zone(self.hub_app.hub.the_studio.timezone)
        shown = state(MARKS[row.level]) if row.level in MARKS else None
        colour = colours[shown.colour] if shown is not None else colours["foreground"]
        return {
            "at": Text(f"{row.at.astimezone(zone):%H:%M:%S}", style=colours["faint"]),
            "mark": Text(glyph(shown) if shown is not None else "·", style=colour),
            "code": Text(row.code, style=colours["info"]),
            "text": Text(short_mails(clean(row.text).replace("\n", " ")), style=colour),
        }

    def _title(self) -> None:
        colours, log = self.app.theme_variables, self.query_one("#log", Log)
        new = len(log.fresh)
        where = "following" if log.following else f"{new} new, press ." if new else "not following, . does"
        parts = [Text.assemble(("Log", "bold"), (f"  {where}", colours["muted"]))]
        for key, name in (("i", "info"), ("w", "warning"), ("e", "error")):
            count = sum(self._counts.get(level, 0) for level in LEVELS[name])
            shown = state(MARKS[name]) if name in MARKS else None
            hidden = name in self._hidden
            label = f"{glyph(shown)} " if shown is not None else ""
            word = name if name == "info" or count == 1 else f"{name}s"
            short = self.has_class("narrow") and shown is not None
            told = f"{label}{count}{'' if short else f' {word}'}{' hidden' * hidden}"
            parts.append(
                Text.assemble((f"{key} ", f"bold {colours['accent']}"), (told, colours["faint" if hidden else "muted"]))
            )
        line = Text("   ").join(parts)
        put(self.query_one("#log-title", Static), line)

    # ── moving ────────────────────────────────────────────────────────────────────────────────────────────────────

    @on(IdTable.Moved, "#runs")
    async def _moved(self) -> None:
        if self.query_one("#runs", IdTable).row != self._shown:
            await self._detail()
            self.show_hints()

    @on(IdTable.Moved, "#log")
    def _log_moved(self) -> None:
        self._title()
        self._show_whole()

    @on(IdTable.Opened, "#runs")
    def _opened(self) -> None:
        self.action_log()

    def refuses(self, action: str) -> str:
        """Only what goes on can be stopped."""
        run = self._runs.get(self.query_one("#runs", IdTable).row or "")
        if action == "stop" and (run is None or run["state"] != "running"):
            return "This run is over: there is nothing to stop."
        return super().refuses(action)

    async def action_stop(self) -> None:
        """Ask the run under the cursor to leave off."""
        run = self._runs.get(self.query_one("#runs", IdTable).row or "")
        if not self.may("stop") or run is None:
            return
        lines = [
            f"{clean(run['flow'])} leaves off at its next good moment. What it has done stays.",
            "The rest is done when it is next time, or with s. Nothing is taken for gone because of it.",
        ]
        question = Ask("Stop this run?", lines, [("y", "stop it", "stop")], "let it go on")
        await self.app.push_screen(question, partial(self._answered, run["id"]))

    async def _answered(self, run_id: str, answer: str | None) -> None:
        if not answer:
            return
        try:
            await ask_to_stop(self.hub_app.hub, run_id, who=self.hub_app.admin)
        except (HubError, DBAPIError, OSError) as error:
            self.say(told(error), "failed")
        else:
            self.say("Asked. It leaves off at its next good moment.", "running")

    def action_log(self) -> None:
        """Into the log; where there is no room for both, in place of the list."""
        self.add_class("opened")
        self.query_one("#log", Log).focus()

    def action_back(self) -> None:
        """Back to the list."""
        self.remove_class("opened")
        self.query_one("#runs", IdTable).focus()

    async def action_level(self, name: str) -> None:
        """Show or hide lines of a level."""
        self._hidden ^= {name}
        log = self.query_one("#log", Log)
        ids_before = log.row
        await self._detail()
        if log.row != ids_before and log.following:
            log.follow()
        self._title()

    def action_follow(self) -> None:
        """In the log: follow its end again. In the list: to the newest run."""
        log = self.query_one("#log", Log)
        if self.focused is log or not self.query_one("#runs", IdTable).fresh:
            log.follow()
            self._title()
        else:
            super().action_follow()
