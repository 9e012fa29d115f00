"""A plan in the terminal: looked at, limited, asked about, applied; and what can't be done by mashing keys."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input

from tests.harness import World
from tests.tui.driving import in_view
from tests.tui.pilot import NARROW, PHONE, opened, page_of, press, quiet, table_of, text_of, until
from tests.visiting import at, book
from tui.app import HubApp
from tui.dialogs.confirm import ConfirmDialog, Question
from tui.plan_rows import question
from tui.screens.plan import PlanScreen

MASHED = (*"yAarspnjxfL1g", "enter", "space", "tab", "right", "down", "escape")

FREE: dict[str, Any] = {"hold_count": 90, "hold_percent": 90}
"""Limits that hold nothing here."""


def ended(world: World, *members: str) -> None:
    """Their passes ended yesterday: known beforehand, so nothing is held."""
    for member in members:
        world.pass_of(member)["valid_until"] = "2026-11-20"


def two_ended(world: World) -> None:
    ended(world, "9", "10")


async def plan_of(pilot: Any, app: HubApp) -> PlanScreen:
    await press(pilot, "p")
    assert isinstance(app.screen, PlanScreen)
    await until(pilot, lambda: app.screen.made is not None)  # type: ignore[attr-defined]
    await quiet(pilot)
    return app.screen


async def test_a_plan_says_that_nothing_has_changed_and_why_it_would(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def before(world: World) -> None:
        ended(world, "9")
        world.join("70", given="Alma", family="Egli")

    async with opened(tmp_path, monkeypatch, before=before) as (world, app, pilot):
        writes = world.exivo.log.writes
        plan = await plan_of(pilot, app)
        shown = text_of(app)
        assert "nothing has been changed yet" in shown
        assert "1 create" in shown
        assert "1 remove" in shown
        assert "ended 20 Nov" in shown
        assert "passes row" in shown
        assert world.exivo.log.writes == writes
        assert plan.query_one("#bar").counts["remove"] == 1  # type: ignore[attr-defined]
        await press(pilot, "escape")
        assert page_of(app).mode == "today"
        assert world.exivo.log.writes == writes


async def test_apply_does_what_is_shown_and_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def before(world: World) -> None:
        for n in range(70, 74):
            world.join(str(n), given="Alma", family=f"Egli {n}")

    async with opened(tmp_path, monkeypatch, before=before) as (world, app, pilot):
        plan = await plan_of(pilot, app)
        assert len(plan.chosen) == 4
        assert "apply 4" in text_of(app)
        left_out = plan._rows.lines[table_of(app, "#lines").row or ""].ref.partition(":")[2]
        await press(pilot, "space")
        assert "left out" in text_of(app)
        assert "apply 3" in text_of(app)
        await press(pilot, "slash", *"egli", "enter")
        assert len(plan.chosen) == 3
        await pilot.press("A")
        await until(pilot, lambda: not isinstance(app.screen, PlanScreen))
        await until(pilot, lambda: page_of(app).said.startswith("Applied"))
        assert not world.opens(left_out)
        assert [member for member in ("70", "71", "72", "73") if world.opens(member)] == [
            member for member in ("70", "71", "72", "73") if member != left_out
        ]


async def test_one_kind_and_folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def before(world: World) -> None:
        ended(world, "10")
        for n in range(70, 80):
            world.join(str(n), given="Alma", family=f"Egli {n}")

    async with opened(tmp_path, monkeypatch, before=before) as (_, app, pilot):
        plan = await plan_of(pilot, app)
        table = table_of(app, "#lines")
        assert "8 more" in text_of(app)
        await press(pilot, "f")
        assert {line.action for line in plan.chosen} == {"create"}
        assert len(plan.chosen) == 10
        table.cursor = len(table.ids) - 1
        await press(pilot, "enter")
        assert "8 more" not in text_of(app)
        assert len(plan._rows.lines) == 10
        await press(pilot, "f")
        assert {line.action for line in plan.chosen} == {"remove"}
        await press(pilot, "escape")
        assert isinstance(app.screen, PlanScreen)
        assert len(plan.chosen) == 11


async def test_a_few_removals_are_a_question_with_the_focus_on_keeping(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch, before=two_ended, **FREE) as (world, app, pilot):
        await plan_of(pilot, app)
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.pause()
        assert app.focused is not None
        assert app.focused.id == "keep"
        assert "Remove access for 2 people" in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))
        await quiet(pilot)
        assert world.opens("9")
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("right", "enter")
        await until(pilot, lambda: page_of(app).said.startswith("Applied: 2 remove"))
        assert not world.opens("9")
        assert not world.opens("10")


async def test_many_removals_ask_for_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = [str(n) for n in range(6, 12)]
    async with opened(tmp_path, monkeypatch, before=lambda world: ended(world, *gone), **FREE) as (world, app, pilot):
        await plan_of(pilot, app)
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.pause()
        assert "Type remove 6 to go on" in text_of(app)
        await pilot.press("ctrl+l")
        await pilot.pause()
        assert "and 3 more" not in text_of(app)
        await pilot.press(*"remove", "space", "5", "enter")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmDialog)
        assert "type exactly: remove 6" in text_of(app)
        await pilot.press("backspace", "6", "enter")
        await until(pilot, lambda: page_of(app).said.startswith("Applied: 6 remove"))
        assert not any(world.opens(member) for member in gone)


async def test_at_forty_by_ten_the_words_can_be_seen_as_they_are_typed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = [str(n) for n in range(6, 12)]
    async with opened(tmp_path, monkeypatch, size=PHONE, before=lambda world: ended(world, *gone), **FREE) as (
        _,
        app,
        pilot,
    ):
        await plan_of(pilot, app)
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog) and in_view(pilot))
        await pilot.press(*"remove", "space", "5", "enter")
        await until(pilot, lambda: "type exactly: remove 6" in text_of(app) and in_view(pilot))


async def test_somebody_with_a_booking_soon_asks_for_words(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def before(world: World) -> None:
        book(world, "soon", "10", at("10:15"))
        ended(world, "10")

    async with opened(tmp_path, monkeypatch, before=before) as (_, app, pilot):
        await plan_of(pilot, app)
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.pause()
        assert "1 of them has a booking in the next 2 hours" in text_of(app)
        assert "Type remove 1" in text_of(app)


@pytest.mark.parametrize("many", [False, True], ids=["question", "words"])
async def test_mashing_one_key_passes_no_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, many: bool) -> None:
    gone = [str(n) for n in range(6, 12)] if many else ["9", "10"]
    async with opened(tmp_path, monkeypatch, before=lambda world: ended(world, *gone), **FREE) as (world, app, pilot):
        plan = await plan_of(pilot, app)
        asked: list[str] = []
        monkeypatch.setattr(plan, "_apply", lambda chosen: asked.append("applied"))
        plan.action_apply()
        await pilot.pause()
        assert isinstance(app.screen, ConfirmDialog)
        await pilot.press("escape")
        for key in MASHED:
            hear = partial(lambda pressed, yes: asked.append(pressed) if yes else None, key)
            await app.push_screen(ConfirmDialog(app_question(plan)), hear)
            await pilot.pause()
            dialog = app.screen
            for _ in range(20):
                if app.screen is dialog:
                    await pilot.press(key)
            if app.screen is dialog:
                dialog.dismiss(False)
            await pilot.pause()
            assert not asked, key
        for _ in range(20):
            await pilot.press("A")
        assert not asked
        assert all(world.opens(member) for member in gone)


def app_question(plan: PlanScreen) -> Question:
    found = question(plan.chosen)
    assert found is not None
    return found


async def test_sources_that_moved_make_the_plan_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch, before=lambda world: world.join("70")) as (world, app, pilot):
        plan = await plan_of(pilot, app)
        world.join("71", given="Nora", family="Moser")
        world.desk.export(at=world.clock.now())
        from hub.engine.sync import plan_now

        await plan_now(world.hub)
        await press(pilot, "A")
        assert app.screen is plan
        assert "made again" in plan.said
        assert "✎" in text_of(app)
        assert not world.opens("70")
        await pilot.press("A")
        await until(pilot, lambda: page_of(app).said.startswith("Applied: 2 create"))


async def test_held_removals_are_let_through_by_hand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = [str(n) for n in range(6, 12)]
    held = {"hold_count": 1, "hold_percent": 1}
    async with opened(tmp_path, monkeypatch, before=lambda world: world.drop_pass(*gone), **held) as (
        world,
        app,
        pilot,
    ):
        plan = await plan_of(pilot, app)
        assert plan.made is not None
        if not plan.made.counts.get("held"):
            await world.plan(export=False)
            plan.make()
            await quiet(pilot)
        assert plan.made.counts["held"] == 6
        assert "let held through" in text_of(app)
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        app.screen.query_one("#words", Input).value = "remove 6"
        await pilot.press("enter")
        await until(pilot, lambda: page_of(app).said.startswith("Applied: 6 remove"))
        assert not any(world.opens(member) for member in gone)


async def test_narrow_cards_open(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch, size=NARROW, before=lambda world: world.join("70")) as (_, app, pilot):
        await plan_of(pilot, app)
        assert "Why" not in text_of(app)
        await pilot.press("enter")
        await until(pilot, lambda: "Why" in text_of(app))
        await press(pilot, "escape")
        assert isinstance(app.screen, PlanScreen)
        assert app.focused is table_of(app, "#lines")


async def test_the_first_frame_of_a_plan_has_its_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch, before=two_ended) as (_, app, pilot):
        plan = await plan_of(pilot, app)
        table = table_of(app, "#lines")
        table.show([])
        plan._arrange()
        assert table._on_screen()
        assert set(table._on_screen()) <= set(table._rows), "without a look at anything else in between"


async def test_nothing_to_do_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch, members=3) as (world, app, pilot):
        world.desk.members = [row for row in world.desk.members if row["id"] != "99"]
        world.desk.member_passes = [row for row in world.desk.member_passes if row["member_id"] != "99"]
        world.desk.export(at=world.clock.now())
        await plan_of(pilot, app)
        assert "nothing to change" in text_of(app)
        await press(pilot, "A")
        assert "nothing to apply" in page_of(app).said
