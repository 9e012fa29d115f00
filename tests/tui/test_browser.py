"""The terminal UI in a browser: by keys without a click, with nothing of another host, and for nobody else."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from hub import redact
from hub.errors import UserError
from plugins.exivo.simulator import API_SECRET
from tests.tui.served import Home, Screen, Served, make_home, processes_of, served, until
from tests.web.browser import CHROMIUM, browser
from tui.web import child
from tui.web.guard import make_guard, where

in_browser = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed"),
    pytest.mark.skipif(find_spec("playwright") is None, reason="no browser driver is installed"),
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked for in /proc"),
]


def slow_in_browser(function: Any) -> Any:
    for mark in in_browser:
        function = mark(function)
    return function


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    return make_home(tmp_path_factory.mktemp("served"))


@pytest.fixture(scope="module")
def server(home: Home) -> Iterator[Served]:
    with served(home.folder) as made:
        yield made


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as made:
        yield made


@pytest.fixture
def context(chromium: Any) -> Iterator[Any]:
    made = chromium.new_context(viewport={"width": 1180, "height": 760})
    yield made
    made.close()


def ask(server: Served, path: str = "/", **headers: str) -> tuple[int, dict[str, str], str]:
    """A request with exactly these headers besides the usual ones."""
    parts = urlsplit(server.address)
    line = http.client.HTTPConnection(parts.hostname or "", parts.port or 0, timeout=10)
    line.putrequest("GET", path, skip_host=True, skip_accept_encoding=True)
    for name, value in {"host": parts.netloc, **headers}.items():
        line.putheader(name.replace("_", "-"), value)
    line.endheaders()
    answer = line.getresponse()
    found = answer.status, {name.lower(): value for name, value in answer.getheaders()}
    text = "" if answer.status == 101 else answer.read().decode(errors="replace")
    line.close()
    return (*found, text)


UPGRADE = {
    "connection": "Upgrade",
    "upgrade": "websocket",
    "sec_websocket_version": "13",
    "sec_websocket_key": "dGhlIHNhbXBsZSBub25jZQ==",
}


# ── who may come in ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.7", "::", "hub.example.org", ""])
def test_an_address_that_others_reach_is_refused_without_a_proxy(host: str) -> None:
    with pytest.raises(UserError) as refused:
        where(host, None)
    assert "--behind-proxy" in refused.value.fix
    assert "door codes" in refused.value.fix
    assert where(host, "https://hub.example.org") == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2", "::1", "localhost"])
def test_this_machine_is_not_refused(host: str) -> None:
    assert where(host, None) in {host, "127.0.0.1"}


@pytest.mark.parametrize(
    "proxy", ["hub.example.org", "http://hub.example.org", "ftp://hub.example.org", "https://", "https://a:b@hub.org"]
)
def test_a_proxy_has_an_address_with_https(proxy: str) -> None:
    with pytest.raises(UserError):
        make_guard("127.0.0.1", 8711, proxy)


def test_behind_a_proxy_only_its_own_page_opens_a_line_and_it_does_the_asking() -> None:
    guard = make_guard("10.0.0.5", 8711, "https://Hub.example.org")
    assert guard.origins == {"https://hub.example.org"}
    assert guard.key is None
    assert {"hub.example.org", "10.0.0.5:8711"} <= guard.hosts
    assert "wss://hub.example.org" in guard.headers["Content-Security-Policy"]


@pytest.mark.slow
def test_a_foreign_page_another_name_and_whoever_lacks_the_key_are_refused(server: Served) -> None:
    key = urlsplit(server.address).query
    netloc = urlsplit(server.address).netloc
    port = netloc.rpartition(":")[2]
    assert ask(server, f"/?{key}")[0] == 200
    assert ask(server)[0] == 403
    assert ask(server, "/?key=wrong")[0] == 403
    assert ask(server, "/static/page.js")[0] == 403
    assert ask(server, f"/?{key}", host="evil.example")[0] == 403
    assert ask(server, f"/?{key}", host=f"evil.example:{port}")[0] == 403
    cookie = ask(server, f"/?{key}")[1]["set-cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Strict" in cookie
    known = {"cookie": cookie.partition(";")[0], **UPGRADE}
    before = len(processes_of(server.home))
    assert ask(server, "/ws", **known)[0] == 403
    for origin in ("http://evil.example", "null", f"https://{netloc}", f"http://127.0.0.1:{int(port) + 1}"):
        assert ask(server, "/ws", **known, origin=origin)[0] == 403
    assert ask(server, "/ws", **UPGRADE, origin=server.origin)[0] == 403
    assert len(processes_of(server.home)) == before
    assert ask(server, "/ws", **known, origin=server.origin)[0] == 101


@pytest.mark.slow
def test_every_answer_forbids_what_is_not_ours(server: Served) -> None:
    key = urlsplit(server.address).query
    for path in (f"/?{key}", "/", f"/static/page.js?{key}", f"/static/..%2fserve.py?{key}", f"/nothing?{key}"):
        status, headers, text = ask(server, path)
        assert status in {200, 403, 404}
        assert "default-src 'none'" in headers["content-security-policy"]
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "import asyncio" not in text
    page = ask(server, f"/?{key}")[2]
    assert "//" not in page.replace("<!doctype html>", "")
    assert "read only" in page


# ── in a browser ──────────────────────────────────────────────────────────────────────────────────────────────────


@slow_in_browser
def test_keys_clicks_sizes_and_copying_work_and_nothing_leaves_this_machine(
    server: Served, home: Home, context: Any
) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.origin)
    screen = Screen.open(context, server.address)
    page = screen.page
    assert "Studio Nordlicht" in screen.drawn
    assert page.title() == "Studio Nordlicht (read only) · studiohub"
    assert "read only" in page.locator("footer").inner_text()
    assert "key" not in page.url

    # A key, before anything was clicked.
    screen.forget()
    screen.press("2")
    screen.until("created")
    # A click on a mode.
    screen.forget()
    screen.click(3, 1)
    screen.until("Needs you")

    # 80x24, and the frame is drawn anew for it.
    screen.forget()
    screen.resize(80, 24)
    screen.until("? all keys")
    screen.resize(120, 36)

    # Copying the address of a key.
    screen.press("2")
    screen.until("••")
    page.evaluate("navigator.clipboard.writeText('nothing yet')")
    screen.forget()
    screen.press("c")
    screen.until("clipboard")
    assert page.evaluate("navigator.clipboard.readText()").startswith("http")

    assert {urlsplit(url).netloc for url in screen.asked if not url.startswith("data:")} == {
        urlsplit(server.origin).netloc
    }
    assert screen.complained == []
    page.close()
    until(lambda: not processes_of(home.folder))


@slow_in_browser
def test_it_only_looks_unless_it_was_told_otherwise(server: Served, home: Home, context: Any) -> None:
    before = contents(home)
    screen = Screen.open(context, server.address)
    assert "read only" in screen.drawn
    for keys, said in ((("1", "s"), "Read only:"), (("2", "r"), "Read only:"), (("3", "E"), "Read only:")):
        screen.forget()
        screen.press(*keys)
        screen.until(said)
    for place in ("4", "5"):
        screen.forget()
        screen.press(place, "S")
        screen.until("Read only:")
    screen.page.close()
    until(lambda: not processes_of(home.folder))
    after = contents(home)
    assert [table for table in before if before[table] != after[table]] == []


def contents(home: Home) -> dict[str, list[Any]]:
    """Everything in the database, by table."""
    with sqlite3.connect(home.folder / "studiohub.sqlite3") as db:
        tables = [row[0] for row in db.execute("select name from sqlite_master where type = 'table'")]
        return {table: list(db.execute(f'select * from "{table}"')) for table in tables}


@slow_in_browser
def test_with_write_changes_can_be_made_and_the_page_says_so(home: Home, context: Any) -> None:
    with served(home.folder, "--write") as server:
        screen = Screen.open(context, server.address)
        assert "read only" not in screen.drawn
        assert "changes made here" in screen.page.locator("footer").inner_text()
        screen.forget()
        screen.press("s")
        screen.until("desk")
        screen.page.close()


@slow_in_browser
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_leaving_leaves_no_process_and_no_secret_was_told(home: Home, context: Any, number: int) -> None:
    """Also where the server is killed outright: each tab's process notices."""
    with served(home.folder) as server:
        screen = Screen.open(context, server.address)
        behind = processes_of(home.folder)
        assert len(behind) == 1
        key = urlsplit(server.address).query.removeprefix("key=")
        for secret in (*home.secrets, key):
            assert all(secret not in line for _, line in behind)
        code = server.stop(number)
        assert code == (-signal.SIGKILL if number == signal.SIGKILL else 0)
        until(lambda: not processes_of(home.folder))
        screen.page.wait_for_selector("#over:not([hidden])")
        for secret in home.secrets:
            assert secret not in server.output()
            assert secret not in screen.drawn
        assert "Traceback" not in server.output()


@slow_in_browser
def test_a_tab_that_ends_offers_to_begin_again_by_enter(server: Served, home: Home, context: Any) -> None:
    screen = Screen.open(context, server.address)
    screen.press("q")
    screen.page.wait_for_selector("#over:not([hidden])")
    screen.forget()
    screen.press("Enter")
    screen.until("Studio Nordlicht")
    screen.page.close()
    until(lambda: not processes_of(home.folder))


def test_what_goes_wrong_behind_a_tab_is_a_masked_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def broken(*_: Any, **__: Any) -> int:
        local = f"made with {API_SECRET}"
        raise RuntimeError(local)

    monkeypatch.setenv("STUDIOHUB_HOME", str(tmp_path))
    monkeypatch.setattr(child, "run", broken)
    redact.know(API_SECRET)
    stderr = sys.stderr
    try:
        # The browser's driver has a loop of its own in this thread.
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(child.main, []).result() == 1
        sys.stderr.write(f"a library prints {API_SECRET}")
    finally:
        sys.stderr = stderr
    report = next(tmp_path.glob("crash-*.txt"))
    assert report.stat().st_mode & 0o077 == 0
    said = capsys.readouterr()
    assert "RuntimeError" in said.err
    for text in (report.read_text(), said.out, said.err):
        assert API_SECRET not in text


@pytest.mark.slow
def test_a_port_that_is_taken_and_options_without_web_are_told(home: Home) -> None:
    def run(*options: str) -> str:
        environment = {**os.environ, "STUDIOHUB_HOME": str(home.folder)}
        command = [sys.executable, "-m", "hub.cli", "tui", *options]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60, check=False)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr
        return " ".join(done.stderr.split())

    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert "can't be listened on" in run("--web", "--port", str(taken.getsockname()[1]))
    assert "--port goes with --web" in run("--port", "1")
    assert "not both" in run("--web", "--write", "--read-only")
    assert "no log-in" in run("--web", "--host", "0.0.0.0")
