"""The mapping tables on the screen: read, drawn, and what an edit of them would do."""

from __future__ import annotations

from collections.abc import Sequence

from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical
from textual.widgets import Input, Static

from hub.errors import HubError
from hub.look.catalog import read_catalog
from hub.look.effects import Effects, effects_of
from hub.look.people import people_at, people_keys
from hub.look.pulse import Pulse
from hub.look.seats import compare_seats
from hub.studio.editing import rows_of
from hub.studio.model import ROW_KINDS, Row
from tui.mapping.doors import Communities, Resources
from tui.mapping.draft import Draft
from tui.mapping.drawing import does_text, left_cells, person_cells, right_cells
from tui.mapping.passes import Passes
from tui.mapping.rooms import Members, Rooms, Seats
from tui.mapping.shape import Board, Left, MappingTable, Right
from tui.mapping.tabs import Tabs
from tui.page import Page
from tui.table import Column, IdTable

__all__ = ["MappingTables"]


class Heading(Static):
    """What stands over the right side: what it is, and after it how to use it where there is room for that."""

    def __init__(self, *, id: str, classes: str) -> None:
        super().__init__(id=id, classes=classes)
        self._loud, self._quiet = "", ""

    def say(self, loud: str, quiet: str) -> None:
        """Say these."""
        if (loud, quiet) != (self._loud, self._quiet):
            self._loud, self._quiet = loud, quiet
            self.refresh()

    def render(self) -> Text:
        """From the width as it is now."""
        colours, width = self.app.theme_variables, self.content_size.width
        for quiet in (self._quiet, self._quiet.rpartition(" · ")[0], ""):
            line = Text.assemble((self._loud, "bold"), (f"   {quiet}" if quiet else "", colours["muted"]), no_wrap=True)
            if line.cell_len <= width:
                break
        line.truncate(width, overflow="ellipsis")
        return line


class MappingTables(Page):
    """What is shown: things, what belongs to one of them, and what the edits so far would do."""

    mode = "mapping"
    first = "#things"
    follows = False
    CSS = """
    MappingScreen.short Tabs { height: 1; }
    MappingScreen #left { width: 5fr; padding: 1 0 0 0; background: $surface; }
    MappingScreen #right { width: 7fr; padding: 1 0 0 0; margin-left: 1; background: $surface; }
    MappingScreen.short #left, MappingScreen.short #right { padding: 0; }
    MappingScreen .head { height: 2; padding: 0 2; }
    MappingScreen.short .head { height: 1; }
    MappingScreen #does { height: auto; max-height: 9; padding: 1 2; background: $panel; }
    MappingScreen.short #does { padding: 0 2; max-height: 5; }
    MappingScreen.low #does { display: none; }
    MappingScreen.phone #right { display: none; margin-left: 0; }
    MappingScreen.phone.opened #right { display: block; }
    MappingScreen.phone.opened #left { display: none; }
    MappingScreen Input { height: 1; border: none; background: $row; padding: 0 1; display: none; }
    MappingScreen Input:focus { border: none; }
    MappingScreen Input.open { display: block; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.tables: tuple[MappingTable, ...] = (
            Passes(), Resources(), Communities(), Rooms(), Seats(), Members(),
        )  # fmt: skip
        self.here = 0
        self.board = Board()
        self.drafts = {kind: Draft(kind) for kind in ROW_KINDS}
        self._lefts: dict[str, Left] = {}
        self._rights: dict[str, Right] = {}
        self._filter = ("", "")

    @property
    def table(self) -> MappingTable:
        """The one that is shown."""
        return self.tables[self.here]

    @property
    def draft(self) -> Draft:
        """What is edited in it."""
        return self.drafts[self.table.kind]

    @property
    def unsaved(self) -> int:
        """How many rows are not as they are saved, in all tables."""
        return sum(draft.unsaved for draft in self.drafts.values())

    def drop_unsaved(self) -> None:
        """Everything is as it is saved again."""
        for draft in self.drafts.values():
            draft.begin(draft.seen)
        self._show()

    def body(self) -> ComposeResult:
        """Tables above; things left, what belongs to them right, what it does below."""
        yield Tabs([table.name for table in self.tables])
        with Horizontal():
            with Vertical(id="left"):
                yield Static("", id="left-title", classes="head")
                yield IdTable(self.table.columns, self._left_rows, id="things")
            with Vertical(id="right"):
                yield Heading(id="right-title", classes="head")
                yield IdTable((), self._right_rows, opens="", id="choices")
                yield Input(id="value", select_on_focus=True)
                yield Input(id="filter", placeholder="/  part of a name")
                yield Static("", id="does")

    def on_resize(self) -> None:
        """In another width other parts of a line have room."""
        super().on_resize()
        for table in self.query(IdTable):
            self.call_after_refresh(table.forget)

    # ── loading ───────────────────────────────────────────────────────────────────────────────────────────────────

    def stale(self, before: Pulse, now: Pulse) -> bool:
        """A run may have read other things to choose from. What somebody edits stays as it is."""
        typing = isinstance(self.focused, Input)
        return before.runs != now.runs and not self.unsaved and not typing

    async def load(self) -> None:
        """What can be named, and the rows of every table that nobody is editing."""
        hub = self.hub_app.hub
        self.board.catalog = await read_catalog(hub)
        studio = hub.the_studio
        self.board.people_keys, self.board.unmatched = await self.read(lambda db: people_keys(db, studio))
        for kind, draft in self.drafts.items():
            if not draft.unsaved:
                draft.begin(await rows_of(hub, kind))
        self._show()

    def _show(self) -> None:
        """Draw the table anew, from the draft as it is."""
        things = self.query_one("#things", IdTable)
        self._views()
        lefts = self.table.left(self.draft, self.board)
        pane, text = self._filter
        if pane == "things" and text:
            named = self.board.named if isinstance(self.table, Members) else ()
            lefts = [
                left
                for left in lefts
                if text in " ".join([*left.cells.values(), left.key]).casefold() or left.key.partition("/")[2] in named
            ]
        self._lefts = {left.key: left for left in lefts}
        things.columns, things.empty = self.table.columns, self.table.empty if not text else "Nothing matches."
        things.forget()
        things.show(list(self._lefts))
        head = Text(self.table.title, style="bold")
        self.query_one("#left-title", Static).update(head)
        tabs = self.query_one(Tabs)
        seats = sum(view.state != "match" for views in self.board.views.values() for view in views)
        tabs.here, tabs.unsaved = self.here, self.unsaved
        tabs.badges = {"Seats": seats, "Members": self.board.unmatched}
        tabs.refresh()
        self._show_right()
        self._count()

    def _views(self) -> None:
        draft = self.drafts["rooms"]
        self.board.views = {
            key: compare_seats(room.spots, room.seats, draft.values(key).get("seats", {}))
            for key, room in self.board.rooms.items()
            if draft.values(key)
        }

    def _show_right(self) -> None:
        key = self.query_one("#things", IdTable).row
        choices = self.query_one("#choices", IdTable)
        title = self.query_one("#right-title", Heading)
        if key is None:
            self._rights = {}
            title.say("", "")
            choices.empty = ""
        else:
            title.say(*self.table.heading(self.draft, self.board, key))
            pane, text = self._filter
            rights = self.table.right(self.draft, self.board, key)
            if pane == "choices" and text:
                rights = [one for one in rights if text in f"{one.title} {one.key}".casefold()]
            self._rights = {right.key: right for right in rights}
            choices.empty = self.table.right_empty if not text else "Nothing matches. esc clears the filter."
        choices.columns = (
            Column("mark", "", 3),
            Column("title", self.table.right_column, 14, grow=True),
            Column("value", self.table.value_column, self.table.value_width, right=True),
            Column("note", "", 44 - self.table.value_width - 14, drop=1),
        )
        choices.forget()
        choices.show(list(self._rights))

    async def _left_rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        colours, changed = self.app.theme_variables, self.draft.changed
        if isinstance(self.table, Members):
            studio = self.hub_app.hub.the_studio
            people = await self.read(lambda db: people_at(db, studio, ids))
            self.board.people |= people
            if self.query_one("#things", IdTable).row in people:
                self._show_right()
            return {key: person_cells(people.get(key), self.draft, key, key in changed, colours) for key in ids}
        room = self.query_one("#things", IdTable).room_of("name")
        return {key: left_cells(self._lefts[key], key in changed, colours, room) for key in ids if key in self._lefts}

    async def _right_rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        colours = self.app.theme_variables
        key = self.query_one("#things", IdTable).row or ""
        before = Draft(self.draft.kind, rows=self.draft.seen)
        old = {one.key: one for one in self.table.right(before, self.board, key)} if key else {}
        choices = self.query_one("#choices", IdTable)
        room, noted = choices.room_of("title"), bool(choices.room_of("note"))
        return {
            one: right_cells(self._rights[one], old.get(one), colours, room, noted=noted)
            for one in ids
            if one in self._rights
        }

    # ── what it does ──────────────────────────────────────────────────────────────────────────────────────────────

    def _count(self) -> None:
        does = self.query_one("#does", Static)
        colours = self.app.theme_variables
        key = self.query_one("#things", IdTable).row
        notes = self.table.notes(self.draft, self.board, key) if key is not None else []
        members = self.board.catalog.members
        if self.draft.unsaved:
            does.update(does_text(None, members, notes, colours))
            self._count_effects(list(self.draft.rows), notes)
        else:
            does.update(does_text(Effects(), members, notes, colours, unchanged=True))

    @work(exclusive=True, group="does")
    async def _count_effects(self, rows: list[Row], notes: list[str]) -> None:
        kind = self.draft.kind
        try:
            effects = await effects_of(self.hub_app.hub, kind, rows)
        except HubError as error:
            notes = [f"{error.what}. {error.fix}", *notes]
            effects = Effects()
        if kind == self.draft.kind and rows == self.draft.rows:
            text = does_text(effects, self.board.catalog.members, notes, self.app.theme_variables)
            self.query_one("#does", Static).update(text)
