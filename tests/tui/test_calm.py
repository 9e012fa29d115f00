"""Lines that fit: text that hangs under its own column, filters and modes that are not cut."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.text import Text
from textual.app import App, ComposeResult

from hub.look.plan_lines import PlanLine, _step
from hub.look.story import around_bookings
from tests.tui.pilot import LARGE, NARROW, opened, page_of, press, quiet, table_of, text_of, until
from tests.tui.test_frames_places import count_from_one
from tests.visiting import at, book, make_visiting
from tui.chips import Chip, Chips
from tui.chrome import Header
from tui.hanging import HANG, hung
from tui.plan_rows import question
from tui.theme import DARK

STATUSES = ("failed", "in_progress", "created", "removed", "unknown")


def test_what_does_not_fit_goes_on_under_its_own_column() -> None:
    text = Text(f"title\n\nwhy     {HANG}a booking of the sauna tonight\nplain words that are too long for it")
    assert hung(text, 24).plain.split("\n") == [
        "title",
        "",
        "why     a booking of the",
        "        sauna tonight",
        "plain words that are too",
        "long for it",
    ]
    assert hung(text, 6).plain.split("\n")[:2] == ["title", ""]
    assert all(len(line) <= 6 for line in hung(text, 6).plain.split("\n"))


class _Chips(App[None]):
    def __init__(self, chips: Sequence[Chip], on: str | None) -> None:
        super().__init__()
        self.chips, self.chosen = chips, on

    def compose(self) -> ComposeResult:
        yield Chips()

    def on_mount(self) -> None:
        self.register_theme(DARK)
        self.theme = DARK.name
        self.query_one(Chips).show(self.chips, self.chosen)


async def line(counts: Sequence[int], on: str | None = None, *, width: int = 78) -> str:
    every = Chip(None, "all", sum(counts))
    words = [name.replace("_", " ") for name in STATUSES]
    chips = [Chip(name, word, n, state=name) for name, word, n in zip(STATUSES, words, counts, strict=False)]
    async with _Chips([every, *chips], on).run_test(size=(width, 3)) as pilot:
        await pilot.pause()
        return str(pilot.app.query_one(Chips).render())


async def test_counts_are_there_in_80_columns() -> None:
    many = " all 100k    ✖ failed 41   ◐ in progress 41   ● created 88k   ○ removed 12k"
    few = " all 164   ✖ failed  ◐ in progress  ● created 102  ○ removed 60  ▲ unknown 2"
    assert (await line((41, 41, 88_210, 12_190)), await line((0, 0, 102, 60, 2))) == (many, few)


@pytest.mark.parametrize("on", [None, *STATUSES])
@pytest.mark.parametrize("counts", [(41, 41, 88_210, 12_190, 2), (999_999,) * 5, (0,) * 5, (9_999,) * 5])
async def test_no_filter_is_cut_in_80_columns(counts: Sequence[int], on: str | None) -> None:
    shown = await line(counts, on)
    assert len(shown) <= 78
    assert all(name.replace("_", " ") in shown for name in STATUSES)
    assert "100k" in shown or counts != (41, 41, 88_210, 12_190, 2)


@pytest.mark.parametrize("size", [LARGE, NARROW])
async def test_a_badge_stands_off_from_the_place_that_is_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    async with opened(tmp_path, monkeypatch, size=size) as (_, app, pilot):
        header = page_of(app).query_one(Header)
        header.badges = {"today": 3, "access": 2}
        await pilot.pause()
        assert " 1 Today  3  2 Access 2 " in text_of(app).replace("   ", "  ")
        header.badges = dict.fromkeys(("today", "access", "runs", "mapping", "vendors", "metrics"), 12)
        await pilot.pause()
        assert text_of(app).split("\n")[1].endswith("7 Mail" if size == LARGE else "7")


async def test_minutes_around_bookings_are_known_where_the_bookings_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_visiting(tmp_path, monkeypatch) as world:
        first = book(world, "b-1", "4711", at("14:00"))
        book(world, "b-2", "4711", at("15:00"))
        book(world, "b-3", "4712", at("14:00"), resource="r-2")
        world.join("7")
        await world.sync()

        async def around(member: str) -> Any:
            [grant] = await world.grants(member=member)
            async with world.hub.database.read() as db:
                return await around_bookings(db, world.hub.the_studio, grant)

        quarter = timedelta(minutes=15)
        assert await around("4711") == (quarter, quarter)
        assert await around("4712") == (timedelta(), timedelta())
        assert await around("7") is None
        first["starts_at"] = at("13:30")
        await world.plan()
        assert await around("4711") is None


async def test_the_card_says_the_minutes_and_draws_the_window(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "2", "slash", *"b-0", "enter")
        await quiet(pilot)
        await until(pilot, lambda: "15 min before" in text_of(app))
        assert f"{'─' * 6}{'━' * 24}{'─' * 6}" in text_of(app)
        assert "15 min after" in text_of(app)


def test_a_step_says_once_what_both_ends_say() -> None:
    assert _step("until 12 Jan 2027", "until 25 Nov 2027") == "until 12 Jan → 25 Nov 2027"
    assert _step("until 12 Dec 2026", "until 25 Jan 2027") == "until 12 Dec 2026 → 25 Jan 2027"
    assert _step("from 1 Jan 2027", "from 5 Jan 2027") == "from 1 Jan → 5 Jan 2027"
    assert _step("open end", "until 25 Jan 2027") == "open end → until 25 Jan 2027"
    assert _step("until 25 Jan 2027", "open end") == "until 25 Jan 2027 → open end"
    assert _step("Gym", "Gym + Sauna") == "Gym → Gym + Sauna"


async def test_a_row_of_a_plan_does_not_say_the_name_twice(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with opened(tmp_path, monkeypatch) as (_, app, pilot):
        await press(pilot, "p")
        await until(pilot, lambda: "no badge in desk" in text_of(app))
        lines = app.screen.made.lines  # type: ignore[attr-defined]
        [line] = [line for line in lines if line.action == "blocked"]
        assert line.text == "no badge in desk"
        assert line.why.startswith("Tim Graf has no badge in desk, and ")


def taken(group: str, target: str) -> PlanLine:
    words = dict.fromkeys(("plan", "before", "after", "why", "fix", "rule", "reference", "identity", "text"), "")
    key = f"{target}/{group}"
    return PlanLine(id=key, target=target, action="remove", group=group, name="Mia", ref=key, takes=True, **words)


def asked(*lines: PlanLine) -> str:
    found = question(lines)
    assert found is not None
    return found.lines[0].plain.removeprefix("They can not open ").removesuffix(" as soon as this runs.")


def test_a_question_names_the_connection_only_where_there_are_several() -> None:
    one, two, three, four = (taken(f"doors · {name}", "doors") for name in ("Gym", "Sauna", "Hall", "Attic"))
    assert asked(one) == "Gym"
    assert asked(one, two) == "Gym or Sauna"
    assert asked(one, two, three) == "Gym, Sauna or Hall"
    assert asked(one, two, three, four) == "Gym, Sauna, Hall or 1 more"
    assert asked(one, taken("bikes · Ride", "bikes")) == "doors · Gym or bikes · Ride"


async def test_today_gives_the_runs_what_needs_you_does_not_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with opened(tmp_path, monkeypatch, size=NARROW) as (_, app, pilot):
        table, runs = table_of(app, "#list"), table_of(app, "#run-list")
        await until(pilot, lambda: app.runs_by and len(table.ids) == 2)
        await quiet(pilot)
        assert table.size.height == 2
        shown = text_of(app)
        assert all(word in shown for word in ("Status", "Time", "Flow", "Changes", "Took"))
        assert re.search(r"without a badge.*\d\d:\d\d$|has no badge.*\d\d:\d\d", shown, re.MULTILINE)
        room = runs.size.height
        await pilot.resize_terminal(*LARGE)
        await quiet(pilot)
        assert page_of(app).query_one("#needs").size.height == page_of(app).query_one("#flows").size.height
        await pilot.resize_terminal(*NARROW)
        await quiet(pilot)
        assert (table.size.height, runs.size.height) == (2, room)


@pytest.mark.parametrize("size", [LARGE, NARROW])
async def test_a_line_of_the_log_can_be_read_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    count_from_one(monkeypatch)
    async with opened(tmp_path, monkeypatch, size=size) as (_, app, pilot):
        await press(pilot, "3")
        await until(pilot, lambda: "Anna Graf" in text_of(app))
        whole = page_of(app).query_one("#whole")
        assert not whole.display
        await press(pilot, "enter", "home")
        await until(pilot, lambda: whole.display and "and opens" in " ".join(text_of(app).split()))
        await press(pilot, "escape")
        assert not whole.display
