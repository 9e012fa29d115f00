"""A plan in the terminal: looked at, limited, asked about, applied; and what can't be done by mashing keys."""

from __future__ import annotations

import asyncio
import threading
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from textual.widgets import Input, Static

from hub.engine.sync import plan_now
from hub.store import tables as t
from tests.harness import World
from tests.tui.driving import in_view
from tests.tui.pilot import NARROW, PHONE, opened, page_of, press, quiet, table_of, text_of, until
from tests.visiting import at, book
from tui.app import HubApp
from tui.chrome import Hints
from tui.dialogs.confirm import ConfirmDialog, Question
from tui.dialogs.explain import ExplainDialog
from tui.plan_rows import question
from tui.screens.plan import PlanScreen
from tui.work import Work

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


async def test_rows_stand_by_name_and_visits_by_their_start_never_by_their_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As text, 10 January is before 2 January, Monday before the Sunday before it, and `Zoe` before `anna`."""

    def before(world: World) -> None:
        for member, given, last in [
            ("70", "zoe", "2027-01-10"),
            ("71", "Bea", "2027-01-02"),
            ("72", "anna", "2027-01-01"),
        ]:
            world.join(member, given=given, family="Egli", valid_until=last)
        for n, (day, member) in enumerate([(23, "1"), (22, "2"), (22, "0")]):
            book(world, f"b-7{n}", member, at(f"2026-11-{day}T16:30"), resource="r-1")

    async with opened(tmp_path, monkeypatch, before=before) as (_, app, pilot):
        plan = await plan_of(pilot, app)
        lines = [line for line in plan._rows.shown if line.action == "create"]
        passes = [line.name for line in lines if line.starts is None]
        assert passes == ["anna Egli", "Bea Egli", "zoe Egli"]
        visits = [line for line in lines if line.starts is not None]
        assert [line.text[:10] for line in visits] == ["Sun 22 Nov", "Sun 22 Nov", "Mon 23 Nov"]
        assert visits[0].name < visits[1].name
        made = await plan_now(app.hub, read=False)
        told = [change.name for plan_ in made[1] for change in plan_.changes if not change.visit and change.to_do]
        assert told == passes


async def test_lines_that_say_the_same_are_folded_although_others_stand_between_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def before(world: World) -> None:
        for n in range(70, 82):
            world.join(str(n), given="Alma", family=f"Egli {n}", valid_until="2027-03-31" if n % 2 else "2027-04-30")

    async with opened(tmp_path, monkeypatch, before=before) as (_, app, pilot):
        plan = await plan_of(pilot, app)
        assert [len(lines) for lines in plan._rows.folds.values()] == [4, 4]
        assert len(plan.chosen) == 12
        table = table_of(app, "#lines")
        table.cursor = table.ids.index(next(iter(plan._rows.folds)))
        await press(pilot, "enter")
        opened_ = plan._rows.lines[table.row or ""]
        assert opened_.name == "Alma Egli 74", "the cursor stands where the fold was"


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
        assert "`studiohub" not in text_of(app), "here it is a key"
        await pilot.press("A")
        assert "6 removals are held: L lets them through." in plan.said
        await pilot.press("L")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        app.screen.query_one("#words", Input).value = "remove 6"
        await pilot.press("enter")
        await until(pilot, lambda: page_of(app).said.startswith("Applied: 6 remove"))
        assert not any(world.opens(member) for member in gone)


async def test_explaining_a_blocked_line_says_what_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also of who has a booking that opens a door for an hour, and of many in one line."""

    def before(world: World) -> None:
        book(world, "b-99", "99", at("18:30"))
        for n in range(80, 90):
            world.join(str(n), badge=None, given="Uma", family=f"Egli {n}")

    async with opened(tmp_path, monkeypatch, before=before) as (world, app, pilot):
        await world.sync()
        plan = await plan_of(pilot, app)
        table = table_of(app, "#lines")
        [tim] = [line.id for line in plan._rows.shown if line.ref == "desk:99" and line.action == "blocked"]
        fold = next(row for row, lines in plan._rows.folds.items() if lines[0].action == "blocked")
        for row, name in [(fold, plan._rows.folds[fold][0].name), (tim, "Tim Graf")]:
            table.cursor = table.ids.index(row)
            await pilot.press("x")
            await until(pilot, lambda: isinstance(app.screen, ExplainDialog))
            await until(pilot, lambda name=name: f"{name} has no badge in desk" in " ".join(text_of(app).split()))
            await press(pilot, "escape")


async def test_on_a_held_line_the_key_that_lets_it_through_is_offered_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where 80 columns leave room for little; and the line names its plan for whoever uses the command."""

    def before(world: World) -> None:
        world.drop_pass(*(str(n) for n in range(6, 12)))
        world.join("70", given="Alma", family="Egli")

    held = {"hold_count": 1, "hold_percent": 1}
    async with opened(tmp_path, monkeypatch, size=NARROW, before=before, **held) as (world, app, pilot):
        plan = await plan_of(pilot, app)
        if plan.made is None or not plan.made.counts.get("held"):
            await world.plan(export=False)
            plan.make()
            await quiet(pilot)
        table = table_of(app, "#lines")
        table.cursor = next(n for n, row in enumerate(table.ids) if _action(plan, row) == "held")
        await pilot.pause()
        assert text_of(app).splitlines()[-1].strip().startswith("L let held through")
        line = next(line for line in plan._rows.shown if line.action == "held")
        assert f"`studiohub approve {line.plan}`" in line.fix
        table.cursor = next(n for n, row in enumerate(table.ids) if _action(plan, row) == "create")
        await pilot.pause()
        assert text_of(app).splitlines()[-1].strip().startswith("enter why")


def _action(plan: PlanScreen, row: str) -> str:
    lines = plan._rows.of(row)
    return lines[0].action if lines else ""


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


async def test_a_plan_that_is_left_while_it_is_made_ends_quietly(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch, before=two_ended, **FREE) as (world, app, pilot):
        for _ in range(3):
            await press(pilot, "p")
            await until(pilot, lambda: isinstance(app.screen, PlanScreen))
            await press(pilot, "escape")
            await until(pilot, lambda: app.work is None and not isinstance(app.screen, PlanScreen))
        assert app.mistake is None
        async with world.hub.database.read() as db:
            states = set((await db.execute(select(t.run.c.state))).scalars())
        assert "running" not in states, "what was read is read to its end"
        await plan_of(pilot, app)


async def test_while_it_is_applied_it_says_so_and_how_far_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Line by line, not slice by slice; and leaving does not stop it."""
    told: list[tuple[int, int | None]] = []
    heads: list[str] = []

    async with opened(tmp_path, monkeypatch, before=two_ended, **FREE) as (world, app, pilot):
        before = Work.step

        def step(work: Work[Any], title: str, done: int, total: int | None) -> None:
            before(work, title, done, total)
            if title.endswith("apply"):
                told.append((done, total))

        monkeypatch.setattr(Work, "step", step)
        await plan_of(pilot, app)
        said = PlanScreen._say_head

        def say_head(screen: PlanScreen) -> None:
            said(screen)
            heads.append(f"{screen.query_one('#head', Static).render()} {screen.query_one(Hints).pinned[0][1]}")

        monkeypatch.setattr(PlanScreen, "_say_head", say_head)
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("right", "enter")
        await until(pilot, lambda: app.work is None and not isinstance(app.screen, PlanScreen))
        assert told == [(0, 2), (1, 2), (2, 2), (2, 2)]
        assert "being applied" in heads[0]
        assert "it goes on" in heads[0]
        assert not world.opens("9")


async def test_a_plan_that_is_asked_for_during_other_work_is_made_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch, before=two_ended, **FREE) as (_, app, pilot):
        over = threading.Event()

        async def long(hub: Any, work: Any) -> None:
            await asyncio.to_thread(over.wait, 20)

        app.do("Something", long, lambda _: None)
        await pilot.press("p")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))
        await until(pilot, lambda: "made once what goes on is over" in text_of(app))
        over.set()
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and app.screen.made is not None)
        await until(pilot, lambda: "2 remove" in text_of(app))


async def test_whoever_comes_back_to_an_applied_plan_finds_a_new_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch, before=two_ended, **FREE) as (_, app, pilot):
        plan = await plan_of(pilot, app)
        await pilot.press("A")
        await until(pilot, lambda: isinstance(app.screen, ConfirmDialog))
        await pilot.press("right", "enter", "2")
        await until(pilot, lambda: app.work is None and app.current_mode == "access")
        await pilot.press("1")
        await until(pilot, lambda: app.screen is not plan or (plan.made is not None and "remove" not in text_of(app)))


async def test_the_terminals_own_colours_can_be_chosen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch, theme="ansi-dark") as (_, app, pilot):
        for key in "234571":
            await press(pilot, key)
        assert app.theme == "ansi-dark"
        assert app.mistake is None
