"""A plugin that nobody here knows, from its wheel: everything works with it, and nothing in the hub was changed."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.request
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub import http
from hub.cli.app import run
from hub.plugins import Plugins
from tests.harness import World, make_world
from tests.quality.stranger import Elsewhere, build, install, until
from tests.tui.driving import press
from tests.tui.driving import until as shown
from tests.tui.test_vendors import begin, field, fill, text_of
from tests.vendor_pair.cluster import COMMAND, free_port
from tui.app import HubApp
from tui.questions import Ask

STUDIO = """
[studio]
name = "Elsewhere"
timezone = "Europe/Zurich"

[[connections]]
name = "desk"
plugin = "bookit"
base_url = "{desk}"
site = "nordlicht"
api_token = {{ env = "BOOKIT_API_TOKEN" }}
webhook_secret = {{ env = "BOOKIT_WEBHOOK_SECRET" }}
requests_per_second = 50
"""

ROWS = """
[[passes]]
source = "desk"
pass = ["p-1", "p-2"]
target = "door"
locks = ["D-1"]

[[resources]]
source = "desk"
resource = "r-1"
target = "door"
locks = ["D-2"]
"""


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Elsewhere:
    """A lock and a booking system, installed from their wheels."""
    folder = tmp_path_factory.mktemp("elsewhere")
    made = Elsewhere(folder, folder / "site")
    for name, kind in (("acme", "lock"), ("bookit", "source"), ("rides", "tracker")):
        made.hub("plugin", "new", name, f"studiohub-{name}", "--kind", kind)
        install(build(folder / f"studiohub-{name}", folder / "wheels"), made.site)
    return made


def test_a_wheel_holds_all_that_is_needed(elsewhere: Elsewhere) -> None:
    """The grade file and the mark for type checkers are packaged, tests are not."""
    (wheel,) = (elsewhere.folder / "wheels").glob("studiohub_acme*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert {f"studiohub_acme/{name}" for name in ("quality.toml", "py.typed", "simulator.py")} <= names
    assert not any(name.startswith("tests") for name in names)


def test_an_installed_plugin_is_listed_and_graded(elsewhere: Elsewhere) -> None:
    """Without this checkout's tests, and without pytest."""
    listed = {one["name"]: one for one in elsewhere.json("plugin", "list")["plugins"]}
    assert listed["acme"]["from"] == "studiohub-acme 0.1.0"
    assert listed["acme"]["simulator"] is True
    assert {listed[name]["kind"] for name in ("acme", "bookit", "rides")} == {"lock", "booking", "tracker"}
    for name in ("acme", "bookit", "rides"):
        checked = elsewhere.json("plugin", "check", name)
        assert (checked["grade"], checked["says"]) == ("bronze", "bronze"), checked


def test_a_studio_runs_on_plugins_of_strangers(elsewhere: Elsewhere) -> None:
    """Connect, verify, plan, sync, grants, and nothing left to do; then the daemon goes on with it."""
    with elsewhere.simulate("acme") as (door, lock_secrets), elsewhere.simulate("bookit") as (desk, secrets):
        given = {**lock_secrets, **secrets}
        elsewhere.hub("init")
        (elsewhere.folder / "studio.toml").write_text(STUDIO.format(desk=desk))
        elsewhere.hub("import", "studio.toml", **given)
        settings = ("site=nordlicht", "api_token=env:ACME_API_TOKEN", f"base_url={door}", "requests_per_second=50")
        elsewhere.hub("connect", "acme", "door", *settings, "--policy", "sync", **given)
        (elsewhere.folder / "rows.toml").write_text(ROWS)
        elsewhere.hub("import", "rows.toml", **given)
        assert "door" in elsewhere.hub("verify")
        assert "Front door" in elsewhere.hub("openings", "door")
        elsewhere.hub("sync")
        grants = elsewhere.json("grants")
        assert len(grants) > 10
        assert {one["status"] for one in grants} == {"created"}
        assert {lock for one in grants for lock in one["opens"]["locks"]} == {"D-1", "D-2"}
        assert elsewhere.json("plan")["changes"] == []
        _daemon(elsewhere)


def _daemon(elsewhere: Elsewhere) -> None:
    """It works on both connections, and ends well."""
    listen = f"127.0.0.1:{free_port()}"
    process = subprocess.Popen(
        [COMMAND, "daemon"],
        cwd=elsewhere.folder,
        env={**elsewhere.environment, "STUDIOHUB_LISTEN": listen},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        until(lambda: urllib.request.urlopen(f"http://{listen}/readyz", timeout=5).status == 200, "the daemon")
        lanes: list[dict[str, Any]] = elsewhere.json("lanes")
        assert {"desk", "door"} <= {one["name"] for one in lanes}
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0


@pytest.fixture
def at_home(elsewhere: Elsewhere, monkeypatch: pytest.MonkeyPatch) -> Iterator[Plugins]:
    """The strangers' plugins in this process."""
    before = set(sys.modules)
    monkeypatch.syspath_prepend(elsewhere.site)
    yield Plugins.discover()
    for name in set(sys.modules) - before:
        if name.startswith("studiohub_"):
            del sys.modules[name]


async def test_the_terminal_ui_makes_a_form_of_it(
    at_home: Plugins, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the list of vendors, with its settings as fields; tried and saved like any other."""
    factory = at_home["acme"].simulator
    assert factory is not None
    simulator = factory()
    async with (
        make_world(tmp_path, monkeypatch, plugins=at_home) as world,
        http.answering("http://acme.test", simulator),
    ):
        await _filled(world, simulator.settings())


async def _filled(world: World, logins: dict[str, str]) -> None:
    async with HubApp(world.hub).run_test(size=(120, 50)) as pilot:
        screen = await begin(pilot, world)
        await press(pilot, "n")
        await shown(pilot, lambda: isinstance(pilot.app.screen, Ask), "the vendors")
        asked = pilot.app.screen
        assert isinstance(asked, Ask)
        await press(pilot, next(key for key, (_, name) in asked._answers.items() if name == "acme"))
        await shown(pilot, lambda: screen._shown == "new:acme", "the form")
        await shown(pilot, lambda: any(one.field.key == "api_token" for one in screen.query("Field")), "its fields")
        assert field(screen, "api_token").field.kind == "secret"
        values = {"site": logins["site"], "api_token": logins["api_token"], "base_url": "http://acme.test"}
        await fill(pilot, screen, name="back", policy="sync", **values)
        await press(pilot, "ctrl+s")
        await shown(pilot, lambda: "Saved" in text_of(pilot, "#checks"), "saved")
    assert (await world.hub.connection_row("back")).plugin == "acme"


def test_a_checkout_is_graded_where_it_stands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is wrong with a plugin makes the command fail, and says which test and why."""
    assert run(["plugin", "new", "torn", str(tmp_path / "torn")]) == 0
    file = tmp_path / "torn" / "studiohub_torn" / "client.py"
    file.write_text(file.read_text().replace("if came != page.total:", "if False:"))
    made = Elsewhere(tmp_path, tmp_path / "site")
    install(build(tmp_path / "torn", tmp_path / "wheels"), made.site)
    checked = made.json("plugin", "check", "torn", code=1)
    assert (checked["grade"], checked["says"]) == ("none", "bronze")
    broken = next(one for one in checked["rules"] if one["id"] == "complete-or-no-evidence")
    assert broken["state"] == "not_met"
    assert "half a page" in broken["why"]
    assert "its grade file says bronze" in made.hub("plugin", "check", "torn", code=1)
