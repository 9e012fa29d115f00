"""How the first three places and the plan look when all is well, when nothing is there yet and when things go wrong;
and that colour, light and ASCII change nothing of what can be read."""

from __future__ import annotations

import itertools
import re
from pathlib import Path
from typing import Any

import pytest

from hub.reconcile import ledger
from hub.store import journal
from tests.harness import World
from tests.tui.pilot import opened, press, quiet, table_of, text_of, until
from tests.tui.test_frames import SIZES, compare
from tui.ascii import to_ascii
from tui.theme import ascii_only

PLACES = {"today": "1", "access": "2", "runs": "3", "plan": "p"}
ALL = pytest.mark.parametrize("place", PLACES)


@pytest.fixture(autouse=True)
def in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    count_from_one(monkeypatch)


def count_from_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs that began at the same moment of a frozen clock stand in the order in which they began."""
    numbers = itertools.count(1)
    for module in (journal, ledger):
        monkeypatch.setattr(module, "new_id", lambda prefix, now: f"{prefix}{next(numbers):08}")


def trouble(world: World) -> None:
    """Three who get no access, and five whose pass is gone."""
    for number in ("70", "71", "72"):
        world.join(number, given="Nora", family=f"Moser {number}")
    world.desk.member_passes = [row for row in world.desk.member_passes if row["member_id"] not in {"7", "8", "9"}]
    world.exivo.faults.set("status=409,only=writes")


async def go(pilot: Any, app: Any, place: str) -> None:
    await press(pilot, PLACES[place])
    await until(pilot, lambda: app.work is None)
    await quiet(pilot)
    app.page.say("")
    if place == "access" and app.page.query_one("#card").display and table_of(app, "#grants").ids:
        await until(pilot, lambda: "What happened" in str(app.page.query_one("#detail").content))
    await quiet(pilot)


@ALL
@SIZES
async def test_when_all_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, size: Any) -> None:
    async with opened(tmp_path, monkeypatch, size=size) as (_, app, pilot):
        await until(pilot, lambda: app.runs_by)
        await go(pilot, app, place)
        compare(pilot, f"{place}_normal", size)


@pytest.mark.parametrize("place", ["access", "runs", "plan"])
@SIZES
async def test_when_nothing_is_there_yet(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, size: Any
) -> None:
    async with opened(tmp_path, monkeypatch, size=size, synced=False, members=0) as (world, app, pilot):
        world.desk.members.clear()
        world.desk.member_passes.clear()
        world.desk.bookings.clear()
        world.desk.export(at=world.clock.now())
        await until(pilot, lambda: app.runs_by)
        await go(pilot, app, place)
        compare(pilot, f"{place}_empty", size)


@ALL
@SIZES
async def test_when_things_go_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, size: Any) -> None:
    async with opened(tmp_path, monkeypatch, size=size, before=trouble) as (_, app, pilot):
        await until(pilot, lambda: app.runs_by)
        await press(pilot, "s")
        await until(pilot, lambda: "2 Access 6" in text_of(app) and "running" not in text_of(app))
        await go(pilot, app, place)
        compare(pilot, f"{place}_trouble", size)


@pytest.mark.parametrize("place", ["access", "plan"])
@SIZES
async def test_without_colour_in_light_and_in_ascii_the_same_can_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, size: Any
) -> None:
    frames = {}
    for way in ("dark", "light", "no_colour", "ascii"):
        (tmp_path / way).mkdir()
        with monkeypatch.context() as patch:
            count_from_one(patch)
            if way == "no_colour":
                patch.setenv("NO_COLOR", "1")
            ascii_only(way == "ascii")
            try:
                theme = "hub-light" if way == "light" else None
                async with opened(tmp_path / way, patch, size=size, theme=theme, before=trouble) as (_, app, pilot):
                    await until(pilot, lambda: app.runs_by)
                    await press(pilot, "s")
                    await go(pilot, app, place)
                    frames[way] = text_of(app)
                    if way == "no_colour":
                        assert "NoColor" in str(app.get_line_filters()) or app.no_color
            finally:
                ascii_only(False)
    assert frames["light"] == frames["dark"]
    assert frames["no_colour"] == frames["dark"]
    assert to_ascii(frames["ascii"]).isascii()
    words = re.compile(r"[^\W\d_]{2,}")
    assert words.findall(frames["ascii"]) == words.findall(frames["dark"])
