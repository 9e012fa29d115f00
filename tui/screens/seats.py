"""The room as it stands: every spot with its seat at the tracker."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.screen import ModalScreen
from textual.widget import Widget
from textual.widgets import Input, Static

from hub.errors import UserError
from hub.look.seats import SeatView, compare_seats, match_by_number
from tui.mapping.drawing import SEATS
from tui.mapping.rooms import seat_id
from tui.mapping.shape import Board, Room
from tui.questions import keys_line
from tui.theme import glyph, state

__all__ = ["SeatDialog"]

CELL = 6
PER_ROW = 8


class SeatGrid(Widget, can_focus=True):
    """Spots by row and column; those without a place stand in lines of eight."""

    DEFAULT_CSS = """
    SeatGrid { width: auto; height: auto; }
    """
    cursor: reactive[int] = reactive(0)
    BINDINGS: ClassVar[list[Any]] = [
        Binding("left,h", "step(-1, 0)", show=False),
        Binding("right,l", "step(1, 0)", show=False),
        Binding("up,k", "step(0, -1)", show=False),
        Binding("down,j", "step(0, 1)", show=False),
    ]

    class Moved(Message):
        """The cursor is on another spot."""

    def __init__(self) -> None:
        super().__init__()
        self.views: Sequence[SeatView] = ()
        self.places: list[tuple[int, int]] = []

    def show(self, views: Sequence[SeatView]) -> None:
        """Show these spots."""
        self.views = views
        placed = all(view.spot.row is not None and view.spot.column is not None for view in views)
        places = [(view.spot.row or 0, view.spot.column or 0) for view in views]
        if not placed or len(set(places)) < len(places):
            places = [divmod(number, PER_ROW) for number in range(len(views))]
        rows, columns = sorted({row for row, _ in places}), sorted({column for _, column in places})
        first = columns[0] if columns else 0
        self.places = [(rows.index(row), column - first) for row, column in places]
        self.refresh(layout=True)

    def get_content_width(self, container: Size, viewport: Size) -> int:
        """As wide as the room."""
        return max([CELL * (column + 1) for _, column in self.places], default=CELL)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Two lines for each row."""
        return max([2 * (row + 1) for row, _ in self.places], default=1)

    def render(self) -> Text:
        """Match: a thin line below. Differs: both numbers. Missing: a question mark."""
        colours = self.app.theme_variables
        width, height = self.get_content_width(self.size, self.size), self.get_content_height(self.size, self.size, 0)
        lines = [[(" ", "")] * width for _ in range(height)]
        for number, (view, (row, column)) in enumerate(zip(self.views, self.places, strict=True)):
            shown = state(SEATS[view.state])
            label = view.spot.label.strip()
            text = {"match": label, "differs": f"{label}≠{view.label}", "missing": f"{label} ?"}[view.state]
            style = colours["foreground"] if view.state == "match" else f"bold {colours[shown.colour]}"
            if number == self.cursor:
                style = f"bold {colours['background']} on {colours['accent']}"
            for place, character in enumerate(f"{text[: CELL - 1]:^{CELL - 1}}"):
                lines[row * 2][column * CELL + place] = (character, style)
            for place in range(CELL - 1):
                lines[row * 2 + 1][column * CELL + place] = ("▔", colours[shown.colour])
        return Text("\n").join(Text.assemble(*line) for line in lines)

    def watch_cursor(self) -> None:
        """Say where it is."""
        self.post_message(self.Moved())

    @property
    def view(self) -> SeatView | None:
        """The spot under the cursor."""
        return self.views[self.cursor] if self.cursor < len(self.views) else None

    def action_step(self, across: int, down: int) -> None:
        """To the nearest spot in that direction."""
        if not self.places:
            return
        row, column = self.places[self.cursor]
        ahead = [
            (abs(other_row - row) * (1 if down else 100) + abs(other_column - column) * (1 if across else 2), number)
            for number, (other_row, other_column) in enumerate(self.places)
            if (across and other_row == row and (other_column - column) * across > 0)
            or (down and (other_row - row) * down > 0)
        ]
        if ahead and down:
            nearest = min(abs(self.places[number][0] - row) for _, number in ahead)
            ahead = [one for one in ahead if abs(self.places[one[1]][0] - row) == nearest]
        if ahead:
            self.cursor = min(ahead)[1]

    def on_click(self, event: events.Click) -> None:
        """The spot under the mouse."""
        place = (event.y // 2, event.x // CELL)
        if place in self.places:
            self.cursor = self.places.index(place)


class SeatDialog(ModalScreen[dict[str, str] | None]):
    """Answers with the seats as they are when it closes; they are not saved by that."""

    DEFAULT_CSS = """
    SeatDialog { align: center middle; background: $background 60%; }
    SeatDialog #box { width: 92; max-width: 98%; height: auto; max-height: 96%; background: $panel; padding: 1 2; }
    SeatDialog #room { height: auto; margin-top: 1; }
    SeatDialog #map { width: auto; max-width: 54; height: auto; max-height: 20; overflow: auto; }
    SeatDialog #said { width: 1fr; margin-left: 3; height: auto; max-height: 20; }
    SeatDialog Input { height: 1; border: none; background: $row; padding: 0 1; display: none; margin-top: 1; }
    SeatDialog Input:focus { border: none; }
    SeatDialog Input.open { display: block; }
    SeatDialog #keys { margin-top: 1; }
    """
    BINDINGS: ClassVar[list[Any]] = [
        Binding("e,enter", "edit", "set seat", show=False),
        Binding("n", "next", "next that does not match", show=False),
        Binding("a", "match", "match by number", show=False),
        Binding("z", "undo", "undo", show=False),
        Binding("escape", "back", "close", show=False),
    ]

    def __init__(self, title: str, where: str, room: Room, seats: dict[str, str]) -> None:
        super().__init__()
        self._title, self._where, self._room = title, where, room
        self._seats = dict(seats)
        self._steps: list[dict[str, str]] = []

    def compose(self) -> ComposeResult:
        """Numbers above, the room left, what does not match right."""
        with Vertical(id="box"):
            yield Static("", id="head")
            with Horizontal(id="room"):
                with Vertical(id="map"):
                    yield SeatGrid()
                with VerticalScroll(id="said", can_focus=False):
                    yield Static("", id="wrong")
            yield Input(id="seat")
            yield Static("", id="keys")

    def on_mount(self) -> None:
        """Begin with the first spot that does not match."""
        self._show()
        grid = self.query_one(SeatGrid)
        grid.focus()
        bad = [number for number, view in enumerate(grid.views) if view.state != "match"]
        grid.cursor = bad[0] if bad else 0
        keys = [("←↑↓→", "spot"), ("e", "set seat"), ("n", "next ✖"), ("a", "match by number"), ("z", "undo")]
        self.query_one("#keys", Static).update(keys_line([*keys, ("esc", "close")], self.app.theme_variables))

    def _show(self, problem: str = "") -> None:
        colours = self.app.theme_variables
        views = compare_seats(self._room.spots, self._room.seats, self._seats)
        self.query_one(SeatGrid).show(views)
        count: Counter[str] = Counter(view.state for view in views)
        head = Text.assemble((self._title, "bold"), (f"   {self._where}", colours["muted"]))
        for name, word in (("match", "match"), ("differs", "differ"), ("missing", "missing")):
            shown = state(SEATS[name])
            if count[name] or name == "match":
                head.append(f"   {glyph(shown)} {count[name]} {word}", style=colours[shown.colour])
        self.query_one("#head", Static).update(head)
        here = self.query_one(SeatGrid).view
        lines: list[Text] = []
        if problem:
            lines += [Text(f"✖ {problem}", style=f"bold {colours['failed']}"), Text()]
        bad = [view for view in views if view.state != "match"]
        lines.append(
            Text("Does not match" if bad else "Every spot has its seat" if views else "No spots known", style="bold")
        )
        for view in bad:
            shown = state(SEATS[view.state])
            mark = "▌" if here is not None and view.spot.label == here.spot.label else " "
            lines.append(
                Text.assemble(
                    (mark, colours["accent"]),
                    (f"{glyph(shown)} {view.spot.label:<3} ", f"bold {colours[shown.colour]}"),
                    view.text,
                )
            )
        if any(view.state == "differs" for view in bad):
            lines += [Text(), Text("The watts of one rider show under the other's name.", style=colours["muted"])]
        if self._room.problem:
            lines += [Text(), Text(self._room.problem, style=colours["muted"])]
        self.query_one("#wrong", Static).update(Text("\n").join(lines))

    @on(SeatGrid.Moved)
    def _moved(self) -> None:
        self._show()

    def _change(self, seats: dict[str, str]) -> None:
        if seats != self._seats:
            self._steps.append(self._seats)
            self._seats = seats
        self._show()

    def action_edit(self) -> None:
        """Type the seat of this spot."""
        view = self.query_one(SeatGrid).view
        if view is not None:
            field = self.query_one("#seat", Input)
            field.placeholder = f"seat of spot {view.spot.label}; empty: none"
            field.value = view.label or view.seat or ""
            field.add_class("open")
            field.focus()

    @on(Input.Submitted, "#seat")
    def _typed(self, message: Input.Submitted) -> None:
        view = self.query_one(SeatGrid).view
        if view is None:
            return
        seats = {spot: seat for spot, seat in self._seats.items() if spot != view.spot.label.strip()}
        if message.value.strip():
            try:
                seats[view.spot.label.strip()] = seat_id(Board(rooms={"": self._room}), "", message.value.strip())
            except UserError as error:
                self._show(error.what)
                return
        self._close_field()
        self._change(seats)

    def _close_field(self) -> None:
        self.query_one("#seat", Input).remove_class("open")
        self.query_one(SeatGrid).focus()

    def action_next(self) -> None:
        """The next spot that does not match."""
        grid = self.query_one(SeatGrid)
        bad = [number for number, view in enumerate(grid.views) if view.state != "match"]
        if bad:
            grid.cursor = next((number for number in bad if number > grid.cursor), bad[0])

    def action_match(self) -> None:
        """Every spot gets the seat with its number."""
        if self._room.seats is None:
            self._show("the tracker can't tell its seats, so numbers can't be matched")
        else:
            self._change(match_by_number(self._room.spots, self._room.seats, self._seats))

    def action_undo(self) -> None:
        """One step back."""
        if self._steps:
            self._seats = self._steps.pop()
        self._show()

    def action_back(self) -> None:
        """Out of the field, then out of the room."""
        if self.query_one("#seat", Input).has_focus:
            self._close_field()
        else:
            self.dismiss(self._seats)
