"""Mapping: ticked, counted, saved; nothing is lost by looking elsewhere, and nobody's edit goes under."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text

from hub.studio.editing import edit_rows, rows_of
from hub.studio.model import LinkRow, PassRow, ResourceRow, RoomRow
from tests.harness import World
from tests.tui.driving import frame, press, text_of, until
from tests.visiting import at, book, make_visiting
from tui.app import HubApp
from tui.chrome import Hints
from tui.mapping.drawing import left_cells, right_cells
from tui.mapping.shape import Left, Right
from tui.questions import Ask
from tui.screens.mapping import MappingScreen
from tui.screens.plan import PlanScreen
from tui.screens.seats import SeatDialog, SeatGrid
from tui.table import IdTable

BIKES = """
[[connections]]
name = "bikes"
plugin = "spivi"
site_id = "77"
source_name = "hub"
password = { env = "TEST_SPIVI" }
box_ids = ["4471", "4472"]
base_url = "http://127.0.0.1:9/"
policy = "observe"

[[rooms]]
source = "desk"
room_plan = "ride"
target = "bikes"
box = "4471"
seats = { "1" = "1", "2" = "3", "3" = "2" }
"""


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[World]:
    monkeypatch.setenv("TEST_SPIVI", "not-told-to-anybody")
    async with make_visiting(tmp_path, monkeypatch, more=BIKES) as made:
        made.desk.passes.append({"id": "ten", "name": "10 visits"})
        made.desk.room_plans += [{"id": "ride", "name": "Ride room"}, {"id": "yoga", "name": "Yoga room"}]
        for number in range(1, 5):
            spot = {"room_plan_id": "ride", "label": str(number), "row": 1 + number // 3, "column": number}
            made.desk.spots.append(spot)
        for member in "123":
            made.join(member, pass_id="ten" if member == "3" else "abo")
        book(made, "b-1", "1", at("14:00"))
        await made.sync()
        yield made


def screen(pilot: Any) -> MappingScreen:
    found = pilot.app.screen
    assert isinstance(found, MappingScreen)
    return found


async def begin(pilot: Any, *keys: str) -> None:
    await until(pilot, lambda: pilot.app.current_mode == "today", "today")
    await press(pilot, "4")
    await until(pilot, lambda: pilot.app.screen.query("#things") and pilot.app.screen.query_one(IdTable).ids, "rows")
    await press(pilot, *keys)


async def go_to(pilot: Any, choice: str) -> None:
    """Put the cursor of the right side on a line."""
    table = pilot.app.screen.query_one("#choices", IdTable)
    await until(pilot, lambda: choice in table.ids, choice)
    table.focus()
    table.cursor = list(table.ids).index(choice)
    await pilot.pause()


async def thing(pilot: Any, *parts: str) -> None:
    """Put the cursor of the left side on what has these in its key."""
    table = pilot.app.screen.query_one("#things", IdTable)
    await until(pilot, lambda: any(all(part in key for part in parts) for key in table.ids), str(parts))
    table.cursor = next(place for place, key in enumerate(table.ids) if all(part in key for part in parts))
    await pilot.pause()


async def passes(world: World) -> list[PassRow]:
    return [row for row in await rows_of(world.hub, "passes") if isinstance(row, PassRow)]


async def test_where_an_engine_works_saving_says_that_doors_follow_at_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And no plan comes that would say that nothing has been changed yet."""
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        await begin(pilot)
        await thing(pilot, "AG-1")
        await go_to(pilot, "ten")
        await press(pilot, "space")
        await until(pilot, lambda: "get Gym" in text_of(pilot, "#does"), "the count")
        # The header looks once a second for a daemon, and finds none.
        monkeypatch.setattr(HubApp, "by_itself", property(lambda app: True))
        await press(pilot, "S")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask), "the question")
        assert "doors follow at once" in frame(pilot)
        await press(pilot, "y")
        await until(pilot, lambda: "door follows now" in frame(pilot), "what happens next")
        assert isinstance(pilot.app.screen, MappingScreen)


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_a_pass_is_ticked_counted_and_saved(world: World, size: tuple[int, int]) -> None:
    async with HubApp(world.hub).run_test(size=size) as pilot:
        await begin(pilot)
        await thing(pilot, "AG-1")
        await go_to(pilot, "ten")
        await press(pilot, "space")
        await until(pilot, lambda: "get Gym" in text_of(pilot, "#does"), "the count")
        assert "+ 1 get Gym" in text_of(pilot, "#does")
        assert "✎ 1 unsaved" in frame(pilot)
        assert "[×] 10 visits" in " ".join(frame(pilot).split())
        assert "ten" not in [one for row in await passes(world) for one in row.passes]
        await press(pilot, "S")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask), "the question")
        assert "+ 1 get Gym" in frame(pilot)
        persons = len(world.exivo.persons)
        await press(pilot, "S", "enter", "space")
        assert isinstance(pilot.app.screen, Ask), "the same key twice saves nothing"
        await press(pilot, "y")
        await until(pilot, lambda: isinstance(pilot.app.screen, PlanScreen), "the plan")
        await until(pilot, lambda: "+ 1 create" in frame(pilot), "what it would change")
        shown = frame(pilot)
        for words in ("Gym · 1", "+ create", "changed yet"):
            assert words in shown
        assert len(world.exivo.persons) == persons, "a plan changes nothing"
        await press(pilot, "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MappingScreen) and not screen(pilot).unsaved, "saved")
    assert (await passes(world))[0].passes == ["abo", "abo-sauna-old", "ten"]


async def test_names_of_locks_take_the_room_that_is_there(world: World) -> None:
    """In 80 columns too; what has no room is left out, not cut in two."""
    long = "Changing room on the ground floor"
    board = Right("C-1", long, "tick", on=True, faint="C-1")
    colours = dict.fromkeys(("created", "progress", "muted", "faint", "foreground"), "green")
    assert Text.assemble(right_cells(board, board, colours, 40, noted=False)["title"]).plain == f"{long}  C-1"
    assert str(right_cells(board, board, colours, 15, noted=False)["*"]) == f"[×]  {long}  C-1"
    assert str(left_cells(Left("a", {"name": "Changing room"}, faint="r-12"), False, colours, 16)["name"]) == (
        "Changing room"
    )
    async with HubApp(world.hub).run_test(size=(80, 24)) as pilot:
        await begin(pilot, "]")
        await until(pilot, lambda: "What a booking opens" in frame(pilot), "the resources")
        head = next(line for line in frame(pilot).splitlines() if "What a booking opens" in line)
        assert "opens   door" in head
        assert head.endswith(("door", "opens it")), "whole words"


async def test_what_a_key_could_not_do_covers_nothing(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(80, 24)) as pilot:
        await begin(pilot)
        for key, said in (("z", "Nothing to undo in this table."), ("S", "Nothing is changed in Passes.")):
            await press(pilot, key)
            await until(pilot, lambda said=said: screen(pilot).said == said, said)
            assert not list(pilot.app._notifications)
            assert "What this does" in frame(pilot)


async def test_what_was_edited_can_be_undone_step_by_step(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        await begin(pilot)
        await thing(pilot, "AG-1")
        await go_to(pilot, "ten")
        await press(pilot, "space")
        await go_to(pilot, "abo")
        await press(pilot, "space")
        assert screen(pilot).draft.values(screen(pilot).query_one("#things", IdTable).row or "")["pass"] == [
            "abo-sauna-old",
            "ten",
        ]
        await press(pilot, "z", "z")
        assert not screen(pilot).unsaved
        assert "Nothing is changed" in text_of(pilot, "#does")


async def test_priority_moves_a_group_and_the_numbers_stay_in_order(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        await begin(pilot)
        await thing(pilot, "AG-1")
        await press(pilot, "plus")
        rows = [row for row in screen(pilot).draft.rows if isinstance(row, PassRow) and row.group]
        assert {row.group: row.priority for row in rows} == {"AG-1": 1, "AG-2": 2}
        await press(pilot, "minus")
        assert not screen(pilot).unsaved


async def test_minutes_are_typed_and_a_wrong_one_is_refused_where_it_was_typed(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        await begin(pilot, "]")
        await thing(pilot, "r-1")
        await go_to(pilot, "minutes_before")
        await press(pilot, "e", "=9999", "enter")
        assert "minutes_before" in text_of(pilot, "#does")
        assert not screen(pilot).unsaved
        field = screen(pilot).query_one("#value")
        assert field.has_focus
        await press(pilot, "home", "shift+end", "=30", "enter", "plus")
        rows = [row for row in screen(pilot).draft.rows if isinstance(row, ResourceRow)]
        assert rows[0].minutes_before == 35
        await go_to(pilot, "credential")
        await press(pilot, "space")
        assert next(row.credential for row in screen(pilot).draft.rows if isinstance(row, ResourceRow)) == "code"


async def test_edits_are_asked_about_on_leaving_and_wait_where_they_were_made(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        await begin(pilot)
        await thing(pilot, "AG-1")
        await go_to(pilot, "ten")
        await press(pilot, "space", "2")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask), "the question")
        await press(pilot, "escape")
        assert isinstance(pilot.app.screen, MappingScreen)
        await press(pilot, "2", "k")
        await until(pilot, lambda: pilot.app.current_mode == "access", "access")
        await press(pilot, "4")
        await until(pilot, lambda: pilot.app.current_mode == "mapping", "mapping")
        assert screen(pilot).unsaved == 1
        await press(pilot, "2", "d")
        await until(pilot, lambda: pilot.app.current_mode == "access", "access")
        await press(pilot, "4")
        await until(pilot, lambda: pilot.app.current_mode == "mapping", "mapping")
        assert not screen(pilot).unsaved
        await press(pilot, "q")
        await until(pilot, lambda: not pilot.app.is_running, "the end")


async def test_who_was_slower_is_told_and_loses_nothing(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        await begin(pilot)
        await thing(pilot, "AG-1")
        await go_to(pilot, "ten")
        await press(pilot, "space")
        theirs = (await rows_of(world.hub, "passes"))[:2]
        await edit_rows(world.hub, "passes", theirs, "somebody")
        await press(pilot, "S")
        await until(pilot, lambda: isinstance(pilot.app.screen, Ask), "the question")
        await press(pilot, "y")
        await until(pilot, lambda: "somebody else has edited passes" in frame(pilot), "the refusal")
        await press(pilot, "escape")
        assert screen(pilot).unsaved
        assert await rows_of(world.hub, "passes") == theirs


async def test_a_room_gets_a_box(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        await begin(pilot, "]", "]", "]")
        await thing(pilot, "yoga")
        await go_to(pilot, "box:4472")
        await press(pilot, "space")
        rooms = [row for row in screen(pilot).draft.rows if isinstance(row, RoomRow)]
        assert [(row.room_plan, row.box) for row in rooms] == [("ride", "4471"), ("yoga", "4472")]


@pytest.mark.parametrize("size", [(120, 36), (80, 24)])
async def test_the_room_shows_what_does_not_match_and_takes_a_seat(world: World, size: tuple[int, int]) -> None:
    async with HubApp(world.hub).run_test(size=size) as pilot:
        await begin(pilot, "[", "[")
        await until(pilot, lambda: screen(pilot).board.views, "the seats")
        await until(
            pilot, lambda: screen(pilot).board.rooms and all(r.problem for r in screen(pilot).board.rooms.values())
        )
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, SeatDialog), "the room")
        shown = frame(pilot)
        for words in ("2≠3", "3≠2", "4 ?", "1 match", "2 differ", "1 missing", "esc close"):
            assert words in shown
        grid = pilot.app.screen.query_one(SeatGrid)
        assert grid.view is not None
        assert grid.view.spot.label == "2"
        await press(pilot, "n", "n")
        assert grid.view.spot.label == "4"
        await press(pilot, "a")
        assert "can't tell its seats" in " ".join(frame(pilot).split())
        await press(pilot, "e", "=9", "escape", "e", "home", "shift+end", "=4", "enter", "escape")
        await until(pilot, lambda: isinstance(pilot.app.screen, MappingScreen), "the table")
        await until(pilot, lambda: screen(pilot).unsaved, "the edit")
        room = screen(pilot).draft.rows[0]
        assert isinstance(room, RoomRow)
        assert room.seats == {"1": "1", "2": "3", "3": "2", "4": "4"}


async def test_a_member_is_linked_by_hand(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        await begin(pilot, "[")
        await thing(pilot, "door/desk:1")
        await until(pilot, lambda: "● linked" in frame(pilot), "the members")
        await go_to(pilot, "typed")
        await press(pilot, "e", "=P-77", "enter")
        assert screen(pilot).draft.rows == [LinkRow(target="door", member="desk:1", id="P-77")]
        assert "✎ 1 unsaved" in frame(pilot)


async def test_a_member_is_found_by_name_and_by_mail(world: World) -> None:
    world.desk.members[1] |= {"given_name": "Zoë", "family_name": "Ångström", "email": "zoe@example.org"}
    await world.sync()
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        await begin(pilot, "[")
        table = pilot.app.screen.query_one("#things", IdTable)
        await until(pilot, lambda: len(table.ids) == 2, "the members")
        for text, hits in (("ångs", 1), ("zoe@ex", 1), ("nobody", 0)):
            await press(pilot, "slash", f"={text}")
            await until(pilot, lambda hits=hits: len(table.ids) == hits, text)  # type: ignore[misc]
            assert all("desk:2" in key for key in table.ids)
            await press(pilot, "escape")
            await until(pilot, lambda: len(table.ids) == 2, "everybody again")


async def test_a_read_only_window_saves_nothing(world: World) -> None:
    before = await rows_of(world.hub, "passes")
    async with HubApp(world.hub, read_only=True).run_test(size=(120, 36)) as pilot:
        await begin(pilot)
        await thing(pilot, "AG-1")
        await go_to(pilot, "ten")
        await press(pilot, "space", "S", "y")
        assert isinstance(pilot.app.screen, MappingScreen)
        assert "Read only" in screen(pilot).said
        assert any(what == "save → plan" and not works for _, what, works in screen(pilot).query_one(Hints).hints)
    assert await rows_of(world.hub, "passes") == before


async def test_what_a_sync_read_is_there_to_choose_unless_somebody_edits(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(120, 36)) as pilot:
        await begin(pilot)
        await thing(pilot, "AG-1")
        await go_to(pilot, "ten")
        world.desk.passes.append({"id": "new", "name": "Brand new pass"})
        world.clock.move(timedelta(minutes=30))
        world.desk.export(at=world.clock.now())
        await world.sync()
        await until(pilot, lambda: "Brand new pass" in frame(pilot), "what was read")
        await press(pilot, "space")
        world.desk.passes.append({"id": "newer", "name": "Newest pass"})
        world.clock.move(timedelta(minutes=30))
        world.desk.export(at=world.clock.now())
        await world.sync()
        await screen(pilot)._look()
        assert "Newest pass" not in frame(pilot)
        assert screen(pilot).unsaved
