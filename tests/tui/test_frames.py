"""How the screens look, as text without colour: what is kept was looked at as a picture first.

`STUDIOHUB_FRAMES=keep` writes the frames anew; look at each of them before it is kept.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest

from tests.harness import World
from tests.tui.driving import frame, press, text_of, until
from tests.tui.test_mapping import begin, go_to, thing, world
from tests.tui.test_vendors import begin as begin_vendors
from tui.app import HubApp
from tui.screens.seats import SeatDialog

__all__ = ["world"]

FRAMES = Path(__file__).parent / "frames"
SIZES = pytest.mark.parametrize("size", [(120, 36), (80, 24)], ids=["120x36", "80x24"])
KEEP = os.environ.get("STUDIOHUB_FRAMES") == "keep"


def compare(pilot: Any, name: str, size: tuple[int, int]) -> None:
    """The screen is as it was kept."""
    shown = re.sub(r"exivo-\d+\.test", "exivo.test", frame(pilot))
    shown = re.sub(r"   (took [\d.]+ s|\d+ ms)(?= |$)", "", shown, flags=re.MULTILINE)
    shown = "\n".join(line.rstrip() for line in shown.split("\n")) + "\n"
    path = FRAMES / f"{name}_{size[0]}x{size[1]}.txt"
    if KEEP:
        FRAMES.mkdir(exist_ok=True)
        path.write_text(shown, encoding="utf-8")
    assert shown == path.read_text(encoding="utf-8")


@SIZES
async def test_passes(world: World, size: tuple[int, int]) -> None:
    async with HubApp(world.hub).run_test(size=size) as pilot:
        await begin(pilot)
        await thing(pilot, "AG-1")
        await go_to(pilot, "ten")
        await press(pilot, "space")
        await until(pilot, lambda: "get Gym" in text_of(pilot, "#does"), "the count")
        await until(pilot, lambda: "Gym + Sauna" in frame(pilot) and "10 visits" in frame(pilot), "every row")
        compare(pilot, "passes", size)


@SIZES
async def test_room(world: World, size: tuple[int, int]) -> None:
    async with HubApp(world.hub).run_test(size=size) as pilot:
        await begin(pilot, "[", "[")
        await until(pilot, lambda: "Seats not known" in text_of(pilot, "#does"), "the seats")
        await press(pilot, "enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, SeatDialog) and "2≠3" in frame(pilot), "the room")
        compare(pilot, "room", size)


@SIZES
async def test_vendor(world: World, size: tuple[int, int]) -> None:
    async with HubApp(world.hub).run_test(size=size) as pilot:
        await begin_vendors(pilot, world, "door")
        await press(pilot, "V")
        await until(pilot, lambda: "persons may be written" in text_of(pilot, "#checks"), "the checks")
        await press(pilot, "k", "j")
        await until(pilot, lambda: "door   dormakaba" in frame(pilot), "the door again")
        compare(pilot, "vendor", size)


async def test_keys_stay_in_the_last_line_and_the_way_to_all_of_them(world: World) -> None:
    async with HubApp(world.hub).run_test(size=(80, 24)) as pilot:
        await begin(pilot)
        for key in ("4", "5", "1"):
            await press(pilot, key)
            await until(pilot, lambda: frame(pilot).rstrip().endswith("? all keys"), "the hints")
