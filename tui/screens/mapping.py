"""Mapping: what opens what, in six tables of one shape, with what an edit does counted before it is saved."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.binding import Binding
from textual.widgets import Input, Static

from hub.errors import HubError, UserError
from hub.look.effects import effects_of
from hub.look.people import people_named
from hub.look.seats import read_seats, spots_named, spots_of
from hub.studio.editing import edit_rows, make_row, rows_of
from hub.studio.model import Row
from tui.jobs import REST, deferred
from tui.mapping.draft import Draft, Edit
from tui.mapping.drawing import does_text
from tui.mapping.rooms import Members, Seats
from tui.mapping.shape import Room, parts
from tui.mapping.tables import MappingTables
from tui.mapping.tabs import Tabs
from tui.questions import Ask
from tui.screens.seats import SeatDialog
from tui.table import IdTable
from tui.theme import glyph, state

__all__ = ["MappingScreen"]


class MappingScreen(MappingTables):
    """The fourth place."""

    writes = frozenset({"save"})
    BINDINGS: ClassVar[list[Any]] = [
        Binding("space", "tick", "tick"),
        Binding("S", "save", "save → plan"),
        Binding("z", "undo", "undo"),
        Binding("plus", "bump(1)", "priority, minutes", key_display="+ −"),
        Binding("minus", "bump(-1)", "less", show=False),
        Binding("e", "edit", "type"),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("x", "explain", "explain", show=False),
        Binding("right_square_bracket", "table(1)", "next table", key_display="]"),
        Binding("left_square_bracket", "table(-1)", "table before", show=False),
        Binding("escape", "back", "leave the field"),
    ]

    def label(self, action: str, what: str) -> str:
        """Where an engine works, no plan comes after saving."""
        return "save" if action == "save" and self.hub_app.by_itself else super().label(action, what)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """While somebody types, signs and letters are text."""
        typing = isinstance(self.focused, Input)
        return typing if action == "back" and not self._somewhere else action in ("back", "mode", "quit") or not typing

    @property
    def _somewhere(self) -> bool:
        """Whether one step back leads anywhere."""
        return self.query_one("#filter", Input).has_class("open") or self.query_one("#choices", IdTable).has_focus

    # ── moving ────────────────────────────────────────────────────────────────────────────────────────────────────

    @on(IdTable.Moved, "#things")
    def _moved(self, message: IdTable.Moved) -> None:
        self._show_right()
        self._count()
        if isinstance(self.table, Seats) and message.row is not None and message.row not in self.board.rooms:
            self._look_at_room(message.row)

    @work(group="rooms")
    async def _look_at_room(self, key: str) -> None:
        hub = self.hub_app.hub
        source, target, kind, place = parts(key)[:4]
        spots = await spots_of(hub, source, place) if kind == "room_plan" else []
        given = self.draft.values(key).get("seats", {})
        self.board.rooms[key] = Room(spots or spots_named(given, ()))
        self._show_seats()
        try:
            seats = await read_seats(hub, target, self.draft.values(key).get("box", ""))
            problem = (
                "" if seats is not None else f"{target} can't tell its seats: their ids stand in for their numbers."
            )
        except HubError as error:
            seats, problem = None, f"Seats not known: {error.what}"
        self.board.rooms[key] = Room(spots or spots_named(given, seats or ()), seats, problem)
        self._show_seats()

    def _show_seats(self) -> None:
        # The app may have been left meanwhile.
        if isinstance(self.table, Seats) and self.query("#things"):
            self._show()

    @on(IdTable.Opened)
    def _opened(self, message: IdTable.Opened) -> None:
        things = self.query_one("#things", IdTable)
        if isinstance(self.table, Seats) and things.row in self.board.rooms:
            self._open_room(things.row)
        elif message.table is things:
            self._to_the_right()
        elif self._typing() is not None:
            self.action_edit()
        else:
            self.run_worker(self.action_tick())

    def _to_the_right(self) -> None:
        """To what belongs to the thing; where there is no room for both sides, in place of the things."""
        self.add_class("opened")
        self.query_one("#choices", IdTable).focus()

    def _open_room(self, key: str) -> None:
        room, box = self.board.rooms[key], self.draft.values(key).get("box", "")
        loud = self.table.heading(self.draft, self.board, key)[0]
        source, target = parts(key)[:2]
        given = dict(self.draft.values(key).get("seats", {}))

        async def done(seats: dict[str, str] | None) -> None:
            if seats is not None and seats != given:
                await self._apply([Edit(key, {**self.draft.values(key), "seats": seats})])

        self.app.push_screen(SeatDialog(loud, f"{source} ↔ {target} box {box}", room, given), done)

    def action_table(self, by: int) -> None:
        """The next table, or the one before."""
        self._go((self.here + by) % len(self.tables))

    def _go(self, place: int) -> None:
        self.here, self._filter = place, ("", "")
        self.remove_class("opened")
        self.query_one("#filter", Input).remove_class("open")
        things = self.query_one("#things", IdTable)
        things.show([])
        self._show()
        things.focus()

    @on(Tabs.Chosen)
    def _chosen(self, message: Tabs.Chosen) -> None:
        self._go(message.place)

    # ── editing ───────────────────────────────────────────────────────────────────────────────────────────────────

    def who(self) -> str | None:
        """The member under the cursor."""
        key = self.query_one("#things", IdTable).row
        return key.partition("/")[2] if key is not None and isinstance(self.table, Members) else None

    def _cursor(self) -> tuple[str | None, str | None]:
        return self.query_one("#things", IdTable).row, self.query_one("#choices", IdTable).row

    async def _apply(self, edits: Sequence[Edit]) -> bool:
        made: dict[str, Row | None] = {}
        try:
            for edit in edits:
                made[edit.key] = (
                    await make_row(self.hub_app.hub, self.draft.kind, edit.values) if edit.values is not None else None
                )
        except UserError as error:
            self._refuse(error.what)
            return False
        self.draft.put(made)
        self._show()
        return True

    def _refuse(self, what: str) -> None:
        colours = self.app.theme_variables
        shown = state("failed")
        self.query_one("#does", Static).update(Text(f"{glyph(shown)} {what}", style=f"bold {colours[shown.colour]}"))

    async def action_tick(self) -> None:
        """Tick, or take the tick away."""
        key, choice = self._cursor()
        choices = self.query_one("#choices", IdTable)
        if key is None or choice is None:
            self.say("There is nothing to tick here.", of_row=True)
        elif not choices.has_focus:
            self._to_the_right()
        elif edits := self.table.toggle(self.draft, self.board, key, choice):
            await self._apply(edits)
        else:
            self.say("This line has nothing to tick. e types a value.", of_row=True)

    async def action_bump(self, by: int) -> None:
        """More or less: minutes on the right, priority on the left."""
        key, choice = self._cursor()
        right = self.query_one("#choices", IdTable).has_focus
        edits = self.table.bump(self.draft, self.board, key, choice if right else None, by) if key is not None else []
        if edits:
            await self._apply(edits)
        else:
            self.say("There is nothing to count up or down here.", of_row=True)

    def _typing(self) -> str | None:
        key, choice = self._cursor()
        return (
            self.table.typing(self.draft, self.board, key, choice) if key is not None and choice is not None else None
        )

    def action_edit(self) -> None:
        """Type a value."""
        text = self._typing()
        if text is None:
            self.say("There is nothing to type on this line.", of_row=True)
            return
        field = self.query_one("#value", Input)
        field.value = text
        field.placeholder = self._rights[self._cursor()[1] or ""].title
        field.add_class("open")
        field.focus()

    @on(Input.Submitted, "#value")
    async def _typed(self, message: Input.Submitted) -> None:
        key, choice = self._cursor()
        if key is None or choice is None:
            return
        try:
            edits = self.table.typed(self.draft, self.board, key, choice, message.value)
        except UserError as error:
            self._refuse(error.what)
            return
        if await self._apply(edits):
            self._close("#value", "#choices")

    def _close(self, field: str, table: str) -> None:
        self.query_one(field, Input).remove_class("open")
        self.set_class(table != "#things", "opened")
        self.query_one(table, IdTable).focus()

    def action_filter(self) -> None:
        """Show only what has these letters in its name, on the side that has the focus."""
        pane = "choices" if self.query_one("#choices", IdTable).has_focus else "things"
        field = self.query_one("#filter", Input)
        self._filter = (pane, field.value.casefold() if field.has_class("open") else "")
        field.add_class("open")
        self.add_class("opened")
        field.focus()

    @on(Input.Changed, "#filter")
    def _filtered(self, message: Input.Changed) -> None:
        if self._filter[0]:
            self._filter = (self._filter[0], message.value.casefold())
            if self.table.kind == "links" and self._filter[0] == "things":
                self.run_worker(deferred(self._find_named), group="typed", exclusive=True)
            else:
                self._show()

    async def _find_named(self) -> None:
        """Names of members are read only when somebody looks for one, once the fingers rest."""
        await asyncio.sleep(REST)
        studio, text = self.hub_app.hub.the_studio, self._filter[1]
        self.board.named = await self.read(lambda db: people_named(db, studio, text)) if text else ()
        self._show()

    @on(Input.Submitted, "#filter")
    def _done_filtering(self) -> None:
        pane = self._filter[0] or "things"
        self.set_class(pane != "things", "opened")
        self.query_one(f"#{pane}", IdTable).focus()

    def action_back(self) -> None:
        """One step back: out of a field, out of a filter, to the left."""
        value, filtered = self.query_one("#value", Input), self.query_one("#filter", Input)
        if value.has_focus:
            self._close("#value", "#choices")
            self._count()
        elif filtered.has_class("open"):
            pane = self._filter[0] or "things"
            self._filter = ("", "")
            filtered.value = ""
            self._close("#filter", f"#{pane}")
            self._show()
        else:
            self.remove_class("opened")
            self.query_one("#things", IdTable).focus()

    def action_undo(self) -> None:
        """One step back in what was edited."""
        if self.draft.undo():
            self._show()
        else:
            self.say("Nothing to undo in this table.")

    # ── saving ────────────────────────────────────────────────────────────────────────────────────────────────────

    @work(exclusive=True, group="save")
    async def action_save(self) -> None:
        """Say once more what it does; save; go to the plan."""
        app, draft = self.hub_app, self.draft
        if not self.may("save"):
            return
        if not draft.unsaved:
            self.say(f"Nothing is changed in {self.table.name}.")
            return
        try:
            effects = await effects_of(app.hub, draft.kind, draft.rows)
        except HubError as error:
            self._refuse(f"{error.what}. {error.fix}")
            return
        text = does_text(effects, self.board.catalog.members, [], app.theme_variables)
        lines: list[Text | str] = [
            text,
            "",
            "The engine runs: doors follow at once, without another question."
            if app.by_itself
            else "The plan comes next: nothing changes at a vendor before it is applied.",
        ]
        answer = await app.push_screen_wait(
            Ask(f"Save {draft.unsaved} in {self.table.name}", lines, [("y", "save", "save")], "go on editing")
        )
        if answer:
            await self._save(draft, effects.targets)

    async def _save(self, draft: Draft, targets: Sequence[str]) -> None:
        from hub.cli.opened import who

        app = self.hub_app
        try:
            done = await edit_rows(app.hub, draft.kind, draft.rows, who(), seen=draft.seen)
        except UserError as error:
            if error.code != "edited":
                self._refuse(f"{error.what}. {error.fix}")
                return
            lines = ["Nothing was saved: your edits and theirs would mix. Yours are still here."]
            answers = [("t", "take theirs, drop mine", "theirs")]
            if await app.push_screen_wait(Ask(f"✖ {error.what}", lines, answers, "look at mine")):
                draft.begin(await rows_of(app.hub, draft.kind))
                self._show()
            else:
                self._refuse(f"{error.what}: nothing was saved")
            return
        draft.begin(draft.rows)
        self._show()
        for note in done.notes:
            self.notify(note, severity="warning", timeout=10)
        app.plan_after_edit(targets)
