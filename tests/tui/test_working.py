"""Work that goes on beside the screen: an engine in here, runs that are stopped, several things at once."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from hub.look.needs import needs
from hub.store import journal
from hub.store import tables as t
from tests.harness import World
from tests.tui.pilot import LARGE, NARROW, PHONE, opened, page_of, press, quiet, table_of, text_of, until
from tui.chips import Chips
from tui.chrome import StatusLine
from tui.dialogs.group import GroupDialog
from tui.dialogs.item import ItemDialog
from tui.questions import Ask
from tui.screens.today import TodayScreen


async def workers(world: World) -> int:
    async with world.hub.database.read() as db:
        return int((await db.execute(select(func.count()).select_from(t.worker))).scalar_one())


async def test_without_a_daemon_the_engine_can_run_in_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def somebody_new(world: World) -> None:
        world.join("70", given="Nora", family="Moser")

    async with opened(tmp_path, monkeypatch, before=somebody_new) as (world, app, pilot):
        await until(pilot, lambda: "nothing runs by itself" in text_of(app))
        assert "E runs the engine here" in text_of(app)
        await press(pilot, "E")
        await until(pilot, lambda: "the engine runs here" in text_of(app))
        await until(pilot, lambda: "Nothing runs by itself" not in text_of(app))
        assert await workers(world) == 1
        # What is asked for is handed to it, as to a daemon.
        await press(pilot, "s")
        await until(pilot, lambda: world.opens("70"))
        await press(pilot, "q")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        assert "The engine runs in here" in text_of(app)
        await pilot.press("q", "escape")
        await until(pilot, lambda: isinstance(app.screen, TodayScreen))
        assert app.engine.works
        await press(pilot, "E")
        await until(pilot, lambda: "nothing runs by itself" in text_of(app))
        assert not app.engine.works
        assert await workers(world) == 0


async def test_what_is_said_is_shown_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over as many lines as it takes, and the next sentence over as many as that one takes."""
    long = "The engine runs here, as long as this stays open. `studiohub daemon` does it for good."
    async with opened(tmp_path, monkeypatch, size=NARROW) as (_, app, pilot):
        line = page_of(app).query_one(StatusLine)
        for text, lines in ((long, 2), ("Done.", 1), (long * 2, 3), ("", 0), (long, 2)):
            page_of(app).say(text, "done")
            await pilot.pause()
            assert text in " ".join(text_of(app).split())
            assert line.size.height == lines
        assert text_of(app).rstrip().endswith("? all keys")
        await pilot.resize_terminal(*PHONE)
        await quiet(pilot)
        assert long in " ".join(text_of(app).split())


async def test_leaving_stops_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (world, app, pilot):
        await press(pilot, "E")
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("l")
        await until(pilot, lambda: not app.is_running and not app.engine.works)
        assert await workers(world) == 0


async def test_beside_a_daemon_no_engine_is_started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (world, app, pilot):
        now = world.clock.now()
        async with world.hub.database.write() as db:
            await db.execute(t.worker.insert().values(name="d", version="1", started_at=now, seen_at=now, running=0))
        await until(pilot, lambda: "nothing runs by itself" not in text_of(app))
        await press(pilot, "E")
        assert "daemon works" in page_of(app).said
        assert not app.engine.works


async def test_read_only_starts_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch, read_only=True) as (_, app, pilot):
        await press(pilot, "E")
        assert page_of(app).said.startswith("Read only")
        assert not app.engine.works


async def test_a_run_that_goes_on_is_asked_to_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (world, app, pilot):
        await press(pilot, "3", "X")
        assert "This run is over" in page_of(app).said
        hub = world.hub
        async with hub.database.write() as db:
            later = world.clock.now().replace(minute=59)
            run = await journal.start_run(
                db, hub.the_studio.id, connection="door", flow="records → door", trigger="timer", now=later
            )
        table = table_of(app, "#runs")
        await until(pilot, lambda: run in table.ids)
        await press(pilot, "g")
        for keys in (("X", "X", "X", "enter", "escape"), ("X", "escape")):
            await pilot.press(*keys)
            await quiet(pilot)
            async with hub.database.read() as db:
                query = select(t.run.c.stop_asked_at).where(t.run.c.id == run)
                assert (await db.execute(query)).scalar() is None
        await press(pilot, "X")
        assert "Stop this run?" in text_of(app)
        await press(pilot, "y")
        assert page_of(app).said.startswith("Asked.")
        async with hub.database.read() as db:
            assert (await db.execute(select(t.run.c.stop_asked_at).where(t.run.c.id == run))).scalar() is not None


async def test_marked_grants_are_tried_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bad_day(world: World) -> None:
        for number in ("70", "71"):
            world.join(number, given="Nora", family=f"Moser {number}")
        world.exivo.faults.set("status=409,only=writes")

    async with opened(tmp_path, monkeypatch, before=bad_day) as (world, app, pilot):
        await press(pilot, "s")
        await press(pilot, "2", "f")
        table = table_of(app, "#grants")
        await until(pilot, lambda: len(table.ids) == 2)
        await press(pilot, "space", "space")
        assert len(table.marks) == 2
        assert "2 marked" in text_of(app)
        await press(pilot, "escape")
        assert not table.marks
        await press(pilot, "g", "space", "space")
        world.exivo.faults.clear()
        await press(pilot, "r")
        assert world.opens("70")
        assert world.opens("71")
        assert not table.marks


async def test_chips_can_be_clicked_at_every_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "2")
        table = table_of(app, "#grants")
        everything = len(table.ids)
        for size in (LARGE, NARROW, PHONE):
            await pilot.resize_terminal(*size)
            await quiet(pilot)
            chips = page_of(app).query_one(Chips)
            start = next(start for start, _, name in chips._spans if name == "removed")
            await pilot.click(chips, offset=(start + 1, 0))
            await until(pilot, lambda: not table.ids)
            await pilot.click(chips, offset=(1, 0))
            await until(pilot, lambda: len(table.ids) == everything)


async def test_things_of_one_kind_are_one_line_that_opens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bad_day(world: World) -> None:
        for number in ("70", "71", "72"):
            world.join(number, given="Nora", family=f"Moser {number}")
        world.exivo.faults.set("status=409,only=writes")

    async with opened(tmp_path, monkeypatch, before=bad_day) as (_, app, pilot):
        await press(pilot, "s")
        await until(pilot, lambda: "3 people did not get access" in text_of(app))
        table = table_of(app, "#list")
        table.cursor = next(n for n, row in enumerate(table.ids) if row.startswith("grant_failed@"))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, GroupDialog) and "Moser 72" in text_of(app))
        await pilot.press("j", "enter")
        await until(pilot, lambda: isinstance(app.screen, ItemDialog) and "Do this" in text_of(app))
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "access")
        await until(pilot, lambda: len(table_of(app, "#grants").ids) == 1)


def item(number: int, code: str, connection: str | None = "door") -> dict[str, Any]:
    return {"id": number, "code": code, "connection": connection, "text": f"text {number}"}


def test_needs_stand_where_their_worst_stood_and_nothing_is_lost() -> None:
    inbox = [item(1, "held"), item(2, "grant_failed"), item(3, "key_ends"), item(4, "grant_failed")]
    inbox += [item(5, "grant_failed", "other"), item(6, "odd"), item(7, "odd")]
    found = needs(inbox)
    assert [need.code for need in found] == ["held", "grant_failed", "key_ends", "grant_failed", "odd"]
    assert sorted(one["id"] for need in found for one in need.items) == [1, 2, 3, 4, 5, 6, 7]
    assert found[1].text == "2 people did not get access"
    assert found[4].text == "text 6 (and 1 more like it)"
