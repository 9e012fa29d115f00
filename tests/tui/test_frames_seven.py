"""How Metrics and Mail look, as text: nothing there yet, as usual, and with something wrong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.rode import Riding
from tests.tui.measured import measured, post
from tests.tui.pilot import press, quiet, until
from tests.tui.test_frames import SIZES, compare
from tests.tui.test_metrics import settled, silent

USUAL = pytest.mark.parametrize(
    ("name", "weeks", "before"), [("empty", 0, None), ("normal", 13, None), ("trouble", 3, silent)]
)


@SIZES
@USUAL
async def test_metrics(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], name: str, weeks: int, before: Any
) -> None:
    async with measured(tmp_path, monkeypatch, size=size, weeks=weeks, before=before) as (_, app, pilot):
        await settled(app, pilot)
        compare(pilot, f"metrics_{name}", size)


@SIZES
async def test_a_rider_and_the_table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]) -> None:
    async with measured(tmp_path, monkeypatch, size=size) as (_, app, pilot):
        await settled(app, pilot)
        await press(pilot, "t")
        compare(pilot, "metrics_table", size)
        await press(pilot, "escape")
        await pilot.press("enter")
        await pilot.pause()
        await press(pilot, "j", "enter")
        compare(pilot, "metrics_rider", size)


@SIZES
@pytest.mark.parametrize("name", ["empty", "normal", "trouble"])
async def test_mail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], name: str) -> None:
    weeks = 0 if name == "empty" else 1
    async with measured(tmp_path, monkeypatch, size=size, weeks=weeks, place="7") as (_, app, pilot):
        await press(pilot, "j", "j")
        if name == "trouble":
            await press(pilot, "e", *"{{ ride_km }} ")
        await until(pilot, lambda: str(app.screen.query_one("#foot").content))
        await quiet(pilot)
        compare(pilot, f"mail_{name}", size)


async def nothing(_: Riding) -> None:
    """No mail yet."""


@SIZES
@pytest.mark.parametrize(("name", "before"), [("empty", nothing), ("trouble", post)])
async def test_outbox(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int], name: str, before: Any
) -> None:
    async with measured(tmp_path, monkeypatch, size=size, weeks=1, place="7", before=before) as (_, _, pilot):
        await press(pilot, "right_square_bracket")
        if name == "trouble":
            await press(pilot, "j", "j")
        compare(pilot, f"outbox_{name}", size)
