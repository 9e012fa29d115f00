"""Metrics: every key, who is not shown, what was not measured, and a tracker that does not answer."""

from __future__ import annotations

import stat
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update
from textual.widgets import Input

from hub.classes.rides import METRICS
from hub.store import tables as t
from tests.harness import NOW
from tests.rode import Riding
from tests.tui.measured import PLANTED, measured
from tests.tui.pilot import LARGE, NARROW, PHONE, page_of, press, quiet, table_of, text_of, until
from tui.chrome import Hints
from tui.dialogs.explain import ExplainDialog
from tui.dialogs.prompt import Prompt
from tui.metrics.card import Card
from tui.metrics.rider import RiderScreen
from tui.metrics.sheet import SheetScreen
from tui.questions import Ask
from tui.screens.metrics import MetricsScreen


async def settled(app: Any, pilot: Any) -> None:
    """The class under the cursor is read, and its weeks."""
    screen, row = app.page, table_of(app, "#classes").row
    await until(pilot, lambda: row is None or screen.weeks_of == row)
    await until(pilot, lambda: not any(one.group in {"class", "weeks"} and not one.is_finished for one in app.workers))
    await quiet(pilot)


async def riders_of(app: Any, pilot: Any, *keys: str) -> None:
    """Among the riders of the newest class, after these keys."""
    await settled(app, pilot)
    await pilot.press("enter")
    await until(pilot, lambda: app.focused is table_of(app, "#riders"))
    await press(pilot, *keys)


async def test_a_class_is_shown_with_means_weeks_and_riders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with measured(tmp_path, monkeypatch) as (_, app, pilot):
        await settled(app, pilot)
        shown = text_of(app)
        assert "against 12 such classes before" in shown
        assert "13 weeks, from 130" in shown
        assert "1 not shown" in shown
        assert " Ride 45\n" in shown
        assert "all" in shown
        first, last = shown.index("Alma Egli"), shown.index("Jan Huber")
        assert first < last
        await press(pilot, "j")
        await until(pilot, lambda: "Hills  Thu" in text_of(app))


async def test_enter_leads_to_a_rider_and_esc_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with measured(tmp_path, monkeypatch) as (_, app, pilot):
        await riders_of(app, pilot, "j", "enter")
        assert isinstance(app.screen, RiderScreen)
        await until(pilot, lambda: "Yara Steiner  desk:4 · 39 rides" in text_of(app))
        assert "161 W  11 Nov 2026" in text_of(app)
        await press(pilot, "m")
        assert "Calories by week" in text_of(app)
        await press(pilot, "r")
        assert "26 weeks" in text_of(app)
        await press(pilot, "t")
        assert isinstance(app.screen, SheetScreen)
        assert "21 Nov 2026 Ride 45" in text_of(app)
        await press(pilot, "escape", "escape")
        assert isinstance(app.screen, MetricsScreen)
        assert app.focused is table_of(app, "#riders")
        await press(pilot, "escape")
        assert app.focused is table_of(app, "#classes")


async def test_another_measure_and_other_weeks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with measured(tmp_path, monkeypatch) as (_, app, pilot):
        await settled(app, pilot)
        await press(pilot, "m", "m", "m")
        await until(pilot, lambda: "Average heart rate by week" in text_of(app))
        assert "not measured" in text_of(app)
        await press(pilot, "r", "r", "r")
        assert "4 weeks" in text_of(app)
        for _ in range(2):
            await press(pilot, "m")
        assert "Average power by week" in text_of(app)


async def test_what_was_not_measured_is_no_nought_and_what_can_not_be_is_marked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with measured(tmp_path, monkeypatch) as (_, app, pilot):
        await settled(app, pilot)
        tim = next(line for line in text_of(app).split("\n") if "Tim Graf" in line)
        assert "▲ can hardly be" in tim
        assert "812 W ?" in tim
        jan = next(line for line in text_of(app).split("\n") if "Jan Huber" in line)
        assert "no data" in jan
        assert " 0 " not in jan
        await press(pilot, "t")
        for line in text_of(app).split("\n"):
            assert not any(f" 0 {metric.unit}" in line for metric in METRICS.values())
        alma = next(line for line in text_of(app).split("\n") if "Alma Egli" in line)
        assert "–" in alma
        assert "– not measured" in text_of(app)


async def test_the_table_can_be_copied_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with measured(tmp_path, monkeypatch, size=NARROW) as (_, app, pilot):
        await settled(app, pilot)
        await press(pilot, "t", "c")
        lines = app.clipboard.split("\n")
        assert lines[0].split("\t")[:3] == ["Rider", "Watts", "Calories"]
        assert len(lines[0].split("\t")) == 2 + len(METRICS)
        assert any(line.startswith("Alma Egli\t178 W") for line in lines)
        assert "Zora" not in app.clipboard
        assert "Sent to your clipboard" in page_of(app).said
        assert "copied" not in text_of(app).lower()


async def test_x_explains_the_rider_and_nobody_where_no_name_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with measured(tmp_path, monkeypatch, weeks=2) as (_, app, pilot):
        await settled(app, pilot)
        await press(pilot, "x")
        assert "Nobody's name" in page_of(app).said
        await riders_of(app, pilot)
        await pilot.press("x")
        await until(pilot, lambda: isinstance(app.screen, ExplainDialog) and "Alma" in text_of(app))


async def test_who_does_not_want_to_be_shown_is_in_no_frame(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with measured(tmp_path, monkeypatch, weeks=3) as (riding, app, pilot):
        await settled(app, pilot)
        frames = []
        for key in (
            "t",
            "escape",
            "enter",
            "m",
            "m",
            "t",
            "escape",
            "enter",
            "t",
            "escape",
            "escape",
            "7",
            "j",
            "j",
            "m",
        ):
            await press(pilot, key)
            frames += [text_of(app), app.export_screenshot()]
        for _ in range(12):
            await press(pilot, "m")
            await until(pilot, lambda: not any(one.group == "typed" and not one.is_finished for one in app.workers))
            frames.append(text_of(app))
        for frame in frames:
            assert "Zora" not in frame
            assert "Moser" not in frame
            assert f"{PLANTED:.0f} W" not in frame
        assert any("Lea" in frame for frame in frames)
        await press(pilot, "6")
        await settled(app, pilot)
        ids = await riding.ids()
        async with riding.world.hub.database.write() as db:
            values = {"source_id": ids["desk"], "member": "6", "show_live": False, "changed_at": NOW}
            await db.execute(t.own_word.insert().values(**values))
            line = {"studio_id": riding.world.hub.the_studio.id, "at": NOW, "level": "info", "code": "x", "text": "y"}
            await db.execute(t.log.insert().values(**line))
        await until(pilot, lambda: "2 not shown" in text_of(app))
        assert "Alma" not in text_of(app)


async def test_results_are_taken_out_into_a_file_that_only_its_owner_reads(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with measured(tmp_path, monkeypatch, weeks=2) as (riding, app, pilot):
        await settled(app, pilot)
        await pilot.press("e")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        field = app.screen.query_one(Input)
        assert field.value == "results.csv"
        assert "health data" in text_of(app)
        field.value = "results.pdf"
        await pilot.press("enter")
        await until(pilot, lambda: "endings" in text_of(app))
        file = tmp_path / "taken.csv"
        file.write_text("old")
        field.value = str(file)
        await pilot.press("enter")
        await until(pilot, lambda: "once more replaces it" in text_of(app))
        assert file.read_text() == "old"
        await pilot.press("enter")
        await until(pilot, lambda: "results in" in page_of(app).said)
        assert file.read_text().startswith("id,session")
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        async with riding.world.hub.database.read() as db:
            acts = (await db.execute(select(t.audit.c.act, t.audit.c.detail))).all()
        assert ("metrics export", "35 results") in [tuple(act) for act in acts]


async def test_a_result_is_dropped_and_comes_back_from_the_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with measured(tmp_path, monkeypatch, weeks=2) as (riding, app, pilot):
        await riders_of(app, pilot)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        for key in ("C", "enter", "y", "space"):
            await pilot.press(key)
            assert isinstance(app.screen, Ask)
        await pilot.press("d")
        await until(pilot, lambda: "is dropped" in page_of(app).said)
        await settled(app, pilot)
        assert "Alma" not in text_of(app)
        await press(pilot, "t")
        table = table_of(app, "#sheet")
        assert "Alma Egli ○ dropped" in text_of(app)
        rows = app.screen._sheet.rows  # type: ignore[attr-defined]
        table.cursor = next(place for place, row in enumerate(table.ids) if "dropped" in rows[row].cells["name"])
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("b")
        await until(pilot, lambda: "counts again" in page_of(app).said)
        assert "dropped" not in text_of(app)
        async with riding.world.hub.database.read() as db:
            acts = [row.act for row in await db.execute(select(t.audit.c.act).order_by(t.audit.c.id))]
        assert acts[-2:] == ["metrics drop", "metrics restore"]


async def test_a_result_is_given_to_somebody_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with measured(tmp_path, monkeypatch, weeks=2) as (_, app, pilot):
        await riders_of(app, pilot)
        await pilot.press("C")
        await until(pilot, lambda: isinstance(app.screen, Ask))
        await pilot.press("g")
        await until(pilot, lambda: isinstance(app.screen, Prompt))
        app.screen.query_one(Input).value = "nobody at all"
        await pilot.press("enter")
        await until(pilot, lambda: "nobody is known" in text_of(app))
        app.screen.query_one(Input).value = "Jan Huber"
        await pilot.press("enter")
        await until(pilot, lambda: "Jan Huber's now" in page_of(app).said)
        await settled(app, pilot)
        jan = next(line for line in text_of(app).split("\n") if "Jan Huber" in line and "W" in line)
        assert "178 W" in jan


async def test_a_class_is_fetched_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with measured(tmp_path, monkeypatch, weeks=2) as (riding, app, pilot):
        await settled(app, pilot)
        await press(pilot, "F")
        assert "next pass over bikes" in page_of(app).said
        assert (await riding.row(t.event, id="w0-0")).results_due_at == NOW


async def test_read_only_refuses_with_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with measured(tmp_path, monkeypatch, weeks=2, read_only=True) as (_, app, pilot):
        await riders_of(app, pilot)
        for key in ("e", "C", "F"):
            page_of(app).say("")
            await press(pilot, key)
            assert "Read only" in page_of(app).said
            assert isinstance(app.screen, MetricsScreen)
        marks = {what: works for _, what, works in page_of(app).query_one(Hints).hints}
        assert not marks["export…"]


async def silent(riding: Riding) -> None:
    """The tracker has not answered for three hours, and the last class waits for its results."""
    ids = await riding.ids()
    async with riding.world.hub.database.write() as db:
        await db.execute(t.result.delete().where(t.result.c.event_id == "w0-0"))
        await db.execute(update(t.event).where(t.event.c.id == "w0-0").values(results_due_at=NOW + timedelta(hours=1)))
        values = {"down_since": NOW - timedelta(hours=3), "error": "no answer within 30 seconds"}
        values["succeeded_at"] = NOW - timedelta(hours=3)
        await db.execute(update(t.lane).where(t.lane.c.connection_id == ids["bikes"]).values(**values))


async def test_a_tracker_that_does_not_answer_leaves_everything_and_says_how_old_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with measured(tmp_path, monkeypatch, weeks=3, before=silent) as (_, app, pilot):
        await settled(app, pilot)
        shown = text_of(app)
        assert "✖ bikes does not answer" in shown
        assert "bikes said: no answer within 30 seconds" in shown
        assert "→" in shown
        assert "▲ 3 h" in shown
        assert "No data yet: looked for at 21 Nov 11:00." in shown
        assert "◌ no data yet" in shown
        assert len(table_of(app, "#classes").ids) == 9


async def test_no_class_yet_says_what_would_be_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with measured(tmp_path, monkeypatch, weeks=0) as (_, app, pilot):
        await settled(app, pilot)
        assert "Results appear half an hour after a class" in text_of(app)
        assert "4 Mapping" in text_of(app)
        for key in ("m", "r", "t", "F", "C", "x", "enter", "escape"):
            await press(pilot, key)
        assert isinstance(app.screen, MetricsScreen)


async def test_sizes_keep_the_cursor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with measured(tmp_path, monkeypatch, weeks=6) as (_, app, pilot):
        await press(pilot, "j", "j", "j")
        row = table_of(app, "#classes").row
        for size in (NARROW, PHONE, LARGE):
            await pilot.resize_terminal(*size)
            await settled(app, pilot)
            assert table_of(app, "#classes").row == row
            assert "? all keys" in text_of(app)
        await pilot.resize_terminal(*PHONE)
        await pilot.press("enter")
        await until(pilot, lambda: "Riders" in text_of(app) and not table_of(app, "#classes").region)
        assert page_of(app).query_one(Card).display
        await press(pilot, "escape")
        assert app.focused is table_of(app, "#classes")


async def test_mashing_keys_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with measured(tmp_path, monkeypatch, weeks=2) as (riding, app, pilot):
        before = (await riding.rows(t.result), await riding.rows(t.audit))
        keys = "enter j m C enter enter y space escape r t enter C enter escape c escape tab enter m t"
        for key in keys.split():
            await pilot.press(key)
            await pilot.pause()
        await until(pilot, lambda: app.work is None)
        assert (await riding.rows(t.result), await riding.rows(t.audit)) == before
        assert app.is_running
