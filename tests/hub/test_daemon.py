"""`studiohub daemon` as an operator runs it: a process with signals, an address and a log."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.vendor_pair.cluster import COMMAND, ROOT, STUDIO, free_port, install_pair, wait_for

TOKEN = "s3cret-smtp-password"


class Installation:
    """A home with one studio on the two vendors, which run beside it."""

    def __init__(self, folder: Path, vendor: str) -> None:
        path = os.pathsep.join([str(install_pair(folder)), str(ROOT)])
        self.folder, self.vendor = folder, vendor
        self.environment = {**os.environ, "PYTHONPATH": path, "STUDIOHUB_HOME": str(folder / "home")}
        self.run("init")
        file = folder / "studio.toml"
        file.write_text(STUDIO.format(name="s0", base_url=vendor))
        self.run("import", str(file))

    def run(self, *words: str) -> str:
        """A command, which has to end well."""
        done = subprocess.run([COMMAND, *words], env=self.environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def daemon(self, log: str, **more: str) -> subprocess.Popen[bytes]:
        """Start a daemon."""
        with (self.folder / log).open("wb") as file:
            return subprocess.Popen([COMMAND, "daemon"], stdout=file, stderr=file, env={**self.environment, **more})

    def lines(self, log: str) -> list[dict[str, Any]]:
        """A daemon's log, line by line; every line has to be JSON."""
        return [json.loads(line) for line in (self.folder / log).read_text().splitlines()]

    def until(self, log: str, event: str) -> dict[str, Any]:
        """Wait for a line."""
        for _ in range(200):
            found = [line for line in self.lines(log) if line["event"] == event]
            if found:
                return found[0]
            time.sleep(0.05)
        raise TimeoutError(f"no {event!r} in {self.lines(log)}")

    def ask(self, path: str, **values: Any) -> Any:
        """Ask the vendors, or tell them something."""
        data = json.dumps(values).encode() if values else None
        with urllib.request.urlopen(f"{self.vendor}{path}", data=data, timeout=10) as answer:
            return json.load(answer)


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    port = free_port()
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-m", "tests.vendor_pair.server", str(port)]
    with subprocess.Popen(command, env=environment) as vendor:
        try:
            wait_for(f"http://127.0.0.1:{port}/counts")
            yield Installation(tmp_path, f"http://127.0.0.1:{port}")
        finally:
            vendor.terminate()


@pytest.mark.slow
def test_a_daemon_works_reloads_and_stops_within_ten_seconds(installation: Installation) -> None:
    """In the middle of its work; what it leaves the next one does; no line of its log has a secret."""
    secret_file = installation.folder / "smtp"
    secret_file.write_text(f"smtp://hub:{TOKEN}@127.0.0.1:9")
    installation.ask("/fill", companies=["s0"], members=400, latency=0.02)
    settings = {"STUDIOHUB_LISTEN": f"127.0.0.1:{free_port()}", "STUDIOHUB_SMTP_URL_FILE": str(secret_file)}
    daemon = installation.daemon("first.log", **settings)
    wait_for(f"http://{settings['STUDIOHUB_LISTEN']}/readyz")
    while installation.ask("/counts")["grants"] < 20:
        time.sleep(0.05)
    daemon.send_signal(signal.SIGHUP)
    installation.until("first.log", "settings are read again")
    started = time.monotonic()
    daemon.terminate()
    assert daemon.wait(12) == 0
    assert time.monotonic() - started < 10
    assert installation.lines("first.log")[-1]["event"] == "stopped"
    assert TOKEN not in (installation.folder / "first.log").read_text()
    assert installation.ask("/counts")["grants"] < 400
    installation.ask("/fill", latency=0.0)
    second = installation.daemon("second.log", **settings)
    for _ in range(400):
        if installation.ask("/counts")["grants"] == 400:
            break
        time.sleep(0.05)
    counts = installation.ask("/counts")
    second.terminate()
    assert second.wait(12) == 0
    assert (counts["grants"], counts["doubles"], counts["overlaps"]) == (400, [], 0)
    runs = [line for line in installation.lines("second.log") if line["event"] == "run ended"]
    assert {"studio", "connection", "run"} <= runs[0].keys()


@pytest.mark.slow
def test_an_address_that_is_taken_is_no_reason_to_leave_doors_alone(installation: Installation) -> None:
    """Unless it was asked for: then it is an error, told in a sentence."""
    first = installation.daemon("first.log")
    installation.until("first.log", "listening")
    asked = installation.daemon("asked.log", STUDIOHUB_LISTEN=installation.until("first.log", "listening")["address"])
    assert asked.wait(10) == 2
    said = (installation.folder / "asked.log").read_text()
    assert "can't be listened on" in said
    assert "Traceback" not in said
    first.terminate()
    assert first.wait(12) == 0
