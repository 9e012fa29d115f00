"""A real browser before a served member page, where there is one; `python -m tests.web.browser FOLDER` takes pictures
of every page."""

from __future__ import annotations

import asyncio
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn

from hub.web import make_app
from tests.web.studio import EVIL, Pages, make_pages

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
WIDTHS = {"phone": (390, 844), "desktop": (1280, 900)}
SCHEMES = ("light", "dark")
PATHS = {
    "home": "",
    "classes": "classes",
    "class": "classes/e95",
    "trends": "trends",
    "year": "trends?weeks=52",
    "bests": "bests",
    "profile": "profile",
    "erase": "erase",
    "missing": "classes/nothing",
}
"""Every page, by a name for its picture."""


class _Server(uvicorn.Server):
    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@contextmanager
def served() -> Iterator[dict[str, str]]:
    """A studio over HTTP on this machine; gives the addresses of the pages of three riders: `anna` rode for a year,
    `beat` never, and `evil` has a name that would like to be a script. `gone` is a link that is over."""
    ready: Future[tuple[dict[str, str], uvicorn.Server]] = Future()

    async def serve() -> None:
        with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
            async with make_pages(Path(folder), patch) as pages:
                await _furnish(pages)
                config = uvicorn.Config(make_app(pages.engine), port=0, log_config=None, lifespan="off")
                server = _Server(config)
                task = asyncio.create_task(server.serve())
                while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
                    await asyncio.sleep(0.01)
                port = server.servers[0].sockets[0].getsockname()[1]
                links = {"anna": pages.link("1"), "beat": pages.link("2"), "evil": pages.link("4")}
                links["gone"] = pages.link("1", lasts=timedelta(0))
                ready.set_result(({name: f"http://127.0.0.1:{port}{path}" for name, path in links.items()}, server))
                await task

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            if not ready.done():
                ready.set_exception(error)
            raise

    thread = threading.Thread(target=run, name="member page", daemon=True)
    thread.start()
    links, server = ready.result(timeout=60)
    try:
        yield links
    finally:
        server.should_exit = True
        thread.join(timeout=20)


async def _furnish(pages: Pages) -> None:
    world = pages.world
    soon = world.clock.now() + timedelta(days=2)
    world.desk.sessions += [
        {
            "id": "s1",
            "name": "Power Hour",
            "starts_at": soon.isoformat(),
            "ends_at": (soon + timedelta(hours=1)).isoformat(),
        }
    ]
    world.desk.bookings += [
        {"id": "b1", "member_id": "1", "session_id": "s1", "spot": "12", "state": "confirmed"},
    ]
    await world.sync()
    await pages.rode_for_a_year("1")
    for member, metres in (("2", 20.0), ("3", 40.0), ("4", 31.0)):
        at = world.clock.now() - timedelta(days=3.5)
        await pages.ride("e95", member, at, {"distance_km": metres})
    await pages.ride("evil", "4", world.clock.now() - timedelta(days=1), {"distance_km": 12.0}, name=EVIL, seat=EVIL)


@contextmanager
def browser() -> Iterator[Any]:
    """Chromium, without a window."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        # Its own sandbox can't be set up by root, and it opens no page but ours.
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


def main(folder: Path) -> None:
    """Take pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    with served() as links, browser() as chromium:
        for size, (width, height) in WIDTHS.items():
            for scheme in SCHEMES:
                page = chromium.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
                pictures = {name: links["anna"] + path for name, path in PATHS.items()}
                pictures |= {"empty": links["beat"], "link": links["gone"], "evil": links["evil"] + "classes/evil"}
                for name, address in pictures.items():
                    page.goto(address)
                    page.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True)
                page.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
