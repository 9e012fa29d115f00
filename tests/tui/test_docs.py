"""docs/tui says what the screens do: every key in a page works there, every key that is shown is in the page, and the
pictures are what the screens look like."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from hub.core import Hub
from tests.tui import pictures
from tests.tui.live_keys import keys_here
from tests.tui.pilot import LARGE, quiet, until
from tui.app import HubApp

PAGES = Path(pictures.__file__).parents[2] / "docs" / "tui"
SHOTS = {
    "today": ["today"],
    "access": ["access"],
    "runs": ["runs"],
    "plan": ["plan"],
    "mapping": ["mapping"],
    "vendors": ["vendors"],
    "metrics": ["metrics"],
    "mail": ["mail", "outbox"],
    "confirmations": ["confirm"],
}
"""The pages, each with the pictures that its keys were read from; those of other studios are below."""


def keys_of(page: str) -> set[str]:
    """The keys that a page's table names."""
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8").partition("\n## Keys\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {key for row in rows for key in re.findall(r"`([^`]+)`", row)}


@pytest.fixture(scope="module")
def written() -> set[str]:
    """The keys of the page about all screens."""
    return keys_of("index")


@pytest.fixture
async def studio() -> AsyncIterator[Hub]:
    with pictures.no_chance(), tempfile.TemporaryDirectory() as folder:
        async with pictures.furnished(Path(folder)) as hub:
            yield hub


async def live(hub: Hub, steps: pictures.Steps) -> tuple[set[str], set[str]]:
    """The keys that are shown there, and all that work."""
    app = HubApp(hub)
    async with app.run_test(size=LARGE) as pilot:
        await until(pilot, lambda: app.page is not None and (app.new_here or app.screen.focused is not None))
        await quiet(pilot)
        await steps(pilot)
        shown, every = await keys_here(pilot)
        return set(shown), set(every)


def compare(page: str, shown: set[str], every: set[str], everywhere: set[str]) -> None:
    named = keys_of(page)
    assert named, f"{page} names no key"
    # Two keys that are told as one, as the last line does.
    every |= {"−"} if "-" in every else set()
    assert named - every == set(), f"{page} names keys that do nothing there"
    assert shown - named - everywhere == set(), f"{page} lacks keys that are shown"


@pytest.mark.slow
async def test_keys_of_the_pages_are_those_of_the_screens(studio: Hub, written: set[str]) -> None:
    for page, shots in SHOTS.items():
        shown: set[str] = set()
        every: set[str] = set()
        for shot in shots:
            here = await live(studio, pictures.SHOTS[shot][0])
            shown |= here[0]
            every |= here[1]
        # What a plan with something held offers besides.
        every |= {"L"} if page == "plan" else set()
        compare(page, shown, every, written)
    _, every = await live(studio, pictures.SHOTS["today"][0])
    assert written - every == set(), "index names keys that do nothing"


async def test_keys_of_the_first_steps_and_of_the_room_are_in_their_pages(tmp_path: Path, written: set[str]) -> None:
    async with AsyncExitStack() as stack:
        for page, make, steps in (
            ("first-run", pictures.unfurnished, pictures.FIRST),
            ("seats", pictures.room, pictures.SEATS[0][0]),
        ):
            folder = tmp_path / page
            folder.mkdir()
            hub = await stack.enter_async_context(make(folder))
            compare(page, *await live(hub, steps), written)


def test_each_picture_is_in_a_page_and_each_link_leads_somewhere() -> None:
    shown = set()
    for page in PAGES.glob("*.md"):
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).is_file(), f"{page.name}: {target}"
                shown.add((page.parent / target).resolve())
    assert {file.resolve() for file in pictures.FOLDER.glob("*.svg")} - shown == set()
    index = (PAGES / "index.md").read_text(encoding="utf-8")
    assert {page.name for page in PAGES.glob("*.md")} - set(re.findall(r"\]\(([\w-]+\.md)", index)) == {"index.md"}


@pytest.mark.slow
async def test_the_pictures_are_what_the_screens_look_like() -> None:
    """`make pictures` draws them; a person looks at each before it is kept."""
    drawn = await pictures.draw()
    kept = {file.name: file.read_text(encoding="utf-8") for file in pictures.FOLDER.glob("*.svg")}
    assert set(drawn) == set(kept)
    assert [name for name in drawn if drawn[name] != kept[name]] == []


def test_the_pictures_are_small_and_ask_nobody_for_anything() -> None:
    for file in pictures.FOLDER.glob("*.svg"):
        text = file.read_text(encoding="utf-8")
        assert len(text) < 60_000
        markup = re.sub(r">[^<]*<", "><", text).replace('"http://www.w3.org/2000/svg"', "")
        for word in ("://", "url(", "@import", "<script", "<image", "href"):
            assert word not in markup
