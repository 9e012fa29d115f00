"""Every key of every place, on a made-up studio."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from hub.store import tables as t
from tests.harness import World
from tests.tui.pilot import (
    LARGE,
    NARROW,
    PHONE,
    opened,
    page_of,
    press,
    quiet,
    table_of,
    text_of,
    until,
)
from tests.visiting import at, book
from tui.chrome import Hints
from tui.dialogs.explain import ExplainDialog
from tui.dialogs.help import HelpDialog
from tui.dialogs.item import ItemDialog
from tui.dialogs.past import PastDialog
from tui.run_parts import Log
from tui.screens.access import AccessScreen
from tui.screens.plan import PlanScreen
from tui.screens.runs import RunsScreen


def hints(app: Any) -> dict[str, str]:
    return {what: key for key, what, _ in page_of(app).query_one(Hints).hints}


async def test_today_says_its_keys_and_where_they_lead(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        assert hints(app) == {"open": "enter", "explain": "x", "sync now": "s", "plan": "p"}
        assert "worst first" in text_of(app)
        await press(pilot, "3")
        assert isinstance(app.screen, RunsScreen)
        await press(pilot, "2")
        assert isinstance(app.screen, AccessScreen)
        await press(pilot, "4")
        assert "Mapping" in page_of(app).said or page_of(app).mode == "mapping"


async def test_an_item_opens_in_its_three_parts_and_leads_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bad_day(world: World) -> None:
        world.join("50", given="Nora", family="Moser")
        world.exivo.faults.set("status=409,only=writes")

    async with opened(tmp_path, monkeypatch, before=bad_day) as (_, app, pilot):
        await press(pilot, "s")
        table = table_of(app, "#list")

        def place() -> int | None:
            found = app.screen._needs  # type: ignore[attr-defined]
            return next((n for n, row in enumerate(table.ids) if row in found and "Nora" in found[row].text), None)

        await until(pilot, lambda: place() is not None)
        table.cursor = place() or 0
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ItemDialog))
        await pilot.pause()
        shown = text_of(app)
        assert "did not get access" in shown
        assert "door said" in shown
        assert "Do this" in shown
        assert "since Sat 21 Nov 2026 10:00" in shown, "the studio's clock, not what the database keeps"
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ExplainDialog) and "Nora Moser" in text_of(app))
        await pilot.press("escape")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AccessScreen))
        await until(pilot, lambda: len(table_of(app, "#grants").ids) == 1)


async def test_explain_from_today_and_access(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "2")
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ExplainDialog) and "access" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, AccessScreen))


async def test_sync_shows_that_it_works_and_what_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch, synced=False) as (world, app, pilot):
        said: list[str] = []
        say = page_of(app).say
        monkeypatch.setattr(
            page_of(app), "say", lambda text, *more, **kept: (said.append(text), say(text, *more, **kept))
        )
        assert app.current_mode == "first"
        await app.action_sync()
        await app.action_sync()
        await quiet(pilot)
        assert said[0].startswith("Sync")
        assert said[1] == "Sync is still going on."
        assert page_of(app).said.startswith("Done:")
        assert "Done:" in text_of(app)
        assert world.opens("0")
        await until(pilot, lambda: app.current_mode == "today" and page_of(app).query("#run-list"))
        await until(pilot, lambda: len(table_of(app, "#run-list").ids) == 2)
        await until(pilot, lambda: page_of(app).said.startswith("Done:"))  # what the last step did is still to be read


async def test_sync_wakes_a_daemon_that_works_on_the_same_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch, synced=False) as (world, app, pilot):
        now = world.clock.now()
        async with world.hub.database.write() as db:
            await db.execute(t.worker.insert().values(name="d", version="1", started_at=now, seen_at=now, running=0))
        await press(pilot, "s")
        assert "daemon" in page_of(app).said
        assert not world.opens("0")
        async with world.hub.database.read() as db:
            rows = (await db.execute(t.lane.select())).all()
        assert all(row.wake_at <= now and row.generation for row in rows)
        world.clock.move(timedelta(minutes=2))
        await press(pilot, "s")
        assert world.opens("0")


async def test_read_only_refuses_and_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch, synced=False, read_only=True) as (world, app, pilot):
        assert "read only" in text_of(app)
        await press(pilot, "s")
        assert "Read only" in page_of(app).said
        assert "Read only: started with" in text_of(app)
        await press(pilot, "3")
        assert isinstance(app.screen, RunsScreen)
        await press(pilot, "1")
        assert app.current_mode == "first"
        await press(pilot, "p")
        assert isinstance(app.screen, PlanScreen)
        await press(pilot, "A")
        assert "Read only" in page_of(app).said
        assert not world.exivo.persons
        marks = {what: works for _, what, works in page_of(app).query_one(Hints).hints}
        assert not next(works for what, works in marks.items() if what.startswith("apply"))


async def test_help_lists_the_live_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "2")
        await pilot.press("question_mark")
        await until(pilot, lambda: isinstance(app.screen, HelpDialog))
        await pilot.pause()
        shown = app.screen.query_one("#text").content.plain  # type: ignore[attr-defined]
        for words in ("In this pane", "On this screen", "Everywhere", "show code", "copy URL", "try now", "sync now"):
            assert words in shown
        await pilot.press("escape")
        assert isinstance(app.screen, AccessScreen)


async def test_while_somebody_types_the_key_to_all_keys_is_one_that_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch, size=NARROW) as (_, app, pilot):
        await press(pilot, "2", "slash")
        assert text_of(app).rstrip().endswith("F1 all keys")
        await press(pilot, "question_mark")
        assert app.screen.query_one("#filter", Input).value == "?"
        await pilot.press("f1")
        await until(pilot, lambda: isinstance(app.screen, HelpDialog))
        await pilot.pause()
        shown = app.screen.query_one("#text").content.plain  # type: ignore[attr-defined]
        assert "Scroll" not in shown
        assert "letters are letters" in shown
        await pilot.press("escape")
        await press(pilot, "escape")
        assert text_of(app).rstrip().endswith("? all keys")
        await press(pilot, "enter", "question_mark")
        shown = app.screen.query_one("#text").content.plain  # type: ignore[attr-defined]
        assert "run the engine here; the same key stops it" in shown
        assert "Scroll" not in shown, "in a card as everywhere"


async def test_the_first_line_says_what_its_key_does(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await until(pilot, lambda: "nothing runs by itself E runs it here" in text_of(app))
        await pilot.resize_terminal(*NARROW)
        await until(pilot, lambda: "nothing runs by itself E\n" in text_of(app))


async def test_what_is_said_about_a_row_goes_when_the_cursor_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "2", "end", "v")
        assert "This grant has no code." in text_of(app)
        await press(pilot, "up")
        assert "This grant has no code." not in text_of(app)
        page_of(app).say("Saved.", "done")
        await press(pilot, "down")
        assert "Saved." in text_of(app), "what is about no row stays"


async def test_the_palette_has_every_action_and_no_screenshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        titles = {command.title.lower() for command in app.get_system_commands(page_of(app))}
        assert set(hints(app)) <= titles
        assert not any("screenshot" in title for title in titles)
        await pilot.press("ctrl+p")
        await pilot.pause()
        await pilot.press(*"access")
        await until(pilot, lambda: "Access" in text_of(app))
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, AccessScreen))


async def test_runs_have_steps_and_a_log_that_follows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (world, app, pilot):
        await press(pilot, "3")
        # All began at the same moment of a made-up clock, so any of them may be the first.
        for _ in table_of(app, "#runs").ids:
            if "read groups and locks" not in text_of(app):
                await press(pilot, "j")
        assert "read groups and locks" in text_of(app)
        assert "100%" in text_of(app)
        log = page_of(app).query_one("#log", Log)
        lines = len(log.ids)
        assert lines > 5
        assert log.following
        await press(pilot, "enter")
        assert app.focused is log
        await press(pilot, "k")
        assert not log.following
        run = table_of(app, "#runs").row
        async with world.hub.database.write() as db:
            values = {"studio_id": world.hub.the_studio.id, "at": world.clock.now(), "level": "info", "code": "new"}
            await db.execute(t.log.insert().values(run_id=run, text="of mara.egli@example.org", **values))
        await until(pilot, lambda: len(log.ids) == lines + 1)
        assert not log.following
        await press(pilot, "full_stop")
        assert log.following
        assert "mara.e…" in text_of(app)
        assert "example.org" not in text_of(app)
        await press(pilot, "i")
        assert not log.ids
        await press(pilot, "i", "w", "e")
        assert len(log.ids) == lines + 1
        await press(pilot, "escape")
        assert app.focused is table_of(app, "#runs")


async def test_new_rows_do_not_move_the_cursor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch, members=60) as (world, app, pilot):
        await press(pilot, "2", "j", "j", "j")
        table = table_of(app, "#grants")
        row = table.row
        for n in range(3):
            book(world, f"late-{n}", str(n), at(f"2026-11-22T1{n}:00"))
        await world.sync()
        await until(pilot, lambda: len(table.ids) == 69)
        assert table.row == row
        assert "3 new, press ." in text_of(app)
        await press(pilot, "full_stop")
        assert table.cursor == 0
        assert "new, press" not in text_of(app)


async def test_today_shows_the_newest_runs_until_somebody_moves_in_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also once the list scrolls, and with all its columns in 80 of the terminal."""
    async with opened(tmp_path, monkeypatch, size=NARROW) as (world, app, pilot):
        runs = table_of(app, "#run-list")

        async def more(passes: int, *, so_many: int) -> None:
            for _ in range(passes):
                world.clock.move(timedelta(minutes=7))
                await world.sync()
            await until(pilot, lambda: len(runs.ids) == so_many)

        await more(7, so_many=16)
        assert runs.show_vertical_scrollbar
        assert (runs.cursor, runs.scroll_offset.y) == (0, 0)
        assert [column.key for column, _ in runs._widths()] == ["status", "time", "flow", "changes", "took"]
        runs.focus()
        await press(pilot, "down", "down")
        chosen = runs.row
        await more(1, so_many=18)
        assert (runs.row, runs.cursor) == (chosen, 4)
        await press(pilot, "home")
        await more(1, so_many=20)
        assert (runs.cursor, runs.scroll_offset.y) == (0, 0)


async def test_only_rows_that_changed_are_painted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (world, app, pilot):
        await press(pilot, "2")
        table = table_of(app, "#grants")
        painted: list[int] = []
        paint, refresh = table._paint, table.refresh
        monkeypatch.setattr(table, "_paint", lambda line: (painted.append(line), paint(line)))
        whole: list[Any] = []
        monkeypatch.setattr(table, "refresh", lambda *a, **k: (whole.append(a) if not a else None, refresh(*a, **k))[1])
        async with world.hub.database.write() as db:
            c = t.ledger.c
            await db.execute(t.ledger.update().where(c.id == table.ids[4]).values(name="Somebody Else"))
            values = {"grant_id": table.ids[4], "at": world.clock.now(), "what": "changed"}
            await db.execute(t.ledger_event.insert().values(**values))
        await until(pilot, lambda: "Somebody Else" in text_of(app))
        assert painted == [4]
        assert not whole


async def test_filter_status_order_and_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "2")
        table = table_of(app, "#grants")
        everything = len(table.ids)
        await press(pilot, "slash", *"mia", "enter")
        assert 0 < len(table.ids) < everything
        assert app.focused is table
        await press(pilot, "f")
        assert not table.ids
        assert "Nothing matches" in text_of(app)
        await press(pilot, "escape")
        assert len(table.ids) == everything
        await press(pilot, "o")
        assert "by name" in text_of(app)


async def test_sizes_keep_cursor_and_typed_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "2", "j", "j", "j", "j", "j")
        table = table_of(app, "#grants")
        row = table.row
        await press(pilot, "slash", "a")
        field = page_of(app).query_one("#filter", Input)
        held = table.row
        for size in (NARROW, PHONE, LARGE):
            await pilot.resize_terminal(*size)
            await quiet(pilot)
            assert field.value == "a"
            assert app.focused is field
            assert table.row == held
            assert "F1 all keys" in text_of(app)
        await press(pilot, "backspace")
        assert row in table.ids


async def test_narrow_details_take_the_whole_width(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch, size=NARROW) as (_, app, pilot):
        await press(pilot, "2")
        assert "What happened" not in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: "What happened" in text_of(app) or "opens" in text_of(app))
        assert not table_of(app, "#grants").display
        await press(pilot, "escape")
        assert table_of(app, "#grants").display
        assert app.focused is table_of(app, "#grants")


async def test_who_could_open_what_at_a_past_moment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "2")
        await pilot.press("H")
        await until(pilot, lambda: isinstance(app.screen, PastDialog) and "21 Nov 2026" in text_of(app))
        field = app.screen.query_one("#moment", Input)
        field.value = "2020-01-01 10:00"
        await pilot.press("enter")
        await until(pilot, lambda: "had access then" in text_of(app))
        field.value = "soon"
        await pilot.press("enter")
        await until(pilot, lambda: "is no moment" in text_of(app))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, AccessScreen))


async def test_q_leaves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await pilot.press("q")
        await until(pilot, lambda: app._exit)


async def test_at_forty_by_ten_every_place_shows_where_the_keys_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch, size=PHONE) as (_, app, pilot):
        assert "Nothing runs by itself" in text_of(app)
        for key in "2345671":
            await press(pilot, key)
            focused = app.focused
            assert focused is not None, key
            assert app.screen.region.contains_region(focused.region), f"{key}: {focused} is out of sight"
            assert "all keys" in text_of(app)


async def test_the_past_is_explained_person_by_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "H")
        assert isinstance(app.screen, PastDialog)
        moment = app.screen.query_one("#moment", Input)
        assert moment.has_focus
        assert moment.value in text_of(app)
        await press(pilot, "tab", "tab", "x")
        assert isinstance(app.screen, ExplainDialog)


async def test_a_line_of_the_log_leads_to_its_person(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "3")
        runs = table_of(app, "#runs")
        for _ in runs.ids:
            if "read groups and locks" not in text_of(app):
                await press(pilot, "j")
        await press(pilot, "x")
        assert "Nobody's name" in page_of(app).said
        await press(pilot, "enter", "x")
        assert isinstance(app.screen, ExplainDialog)


async def test_what_a_place_said_of_work_is_gone_once_the_work_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        today = page_of(app)
        today.say("Apply  plan 20", "running", stays=True)
        await press(pilot, "2", "1")
        assert page_of(app) is today
        await until(pilot, lambda: not today.said)


@pytest.mark.parametrize("size", [LARGE, NARROW])
async def test_a_long_list_keeps_its_columns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with opened(tmp_path, monkeypatch, size=size, members=60) as (_, app, pilot):
        await press(pilot, "2")
        table = table_of(app, "#grants")
        assert table.show_vertical_scrollbar
        assert [column.key for column, _ in table._widths()] == ["status", "who", "lock", "period"]
