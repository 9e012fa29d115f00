"""Whoever pastes docs/simulate.md, block by block, sees what it says: every block is run, with other ports."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import time
import tomllib
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from hub.plugins import Plugins
from tests.vendor_pair.cluster import COMMAND, ROOT, free_port, wait_for

PAGE = (ROOT / "docs" / "simulate.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(sh|toml)\n(.*?)```", PAGE, re.DOTALL)
PORTS = ("8081", "8082", "8083", "8710")


class Reader:
    """Somebody who pastes. What stays open goes into a terminal of its own; the others share one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = {port: str(free_port()) for port in PORTS}
        kept = {name: value for name, value in os.environ.items() if not name.startswith("STUDIOHUB_")}
        path = f"{Path(COMMAND).parent}{os.pathsep}{kept['PATH']}"
        listen = f"127.0.0.1:{self.ports['8710']}"
        self.environment = {**kept, "PATH": path, "PYTHONPATH": str(ROOT), "STUDIOHUB_LISTEN": listen}
        self.exports = ""
        self.open: list[subprocess.Popen[bytes]] = []
        self.said: dict[str, str] = {}

    def paste(self, kind: str, block: str) -> None:
        """One block; a call that fails ends the test."""
        text = block
        for port, other in self.ports.items():
            text = text.replace(f":{port}", f":{other}").replace(f"--port {port}", f"--port {other}")
        if kind == "toml":
            (self.folder / "studio.toml").write_text(text, encoding="utf-8")
        elif "studiohub simulate" in text or "studiohub daemon" in text:
            self._stays_open(text)
        else:
            # Who reads waits longer where a machine is slow.
            self.said[block] = self._type(text.replace("sleep 2", "sleep 6"))

    def ask(self, port: str, path: str) -> Any:
        """What a simulator answers."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.ports[port]}/_simulator{path}", timeout=10) as answer:
            return json.load(answer)

    def _type(self, text: str) -> str:
        curl = 'curl() { command curl -sSf "$@"; }\n'
        exports = "".join(line + "\n" for line in text.splitlines() if line.startswith("export "))
        words = ["bash", "-e", "-o", "pipefail", "-c", curl + self.exports + text]
        done = subprocess.run(
            words, cwd=self.folder, env=self.environment, capture_output=True, text=True, timeout=120, check=False
        )
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        self.exports += exports
        return done.stdout

    def _stays_open(self, text: str) -> None:
        *before, last = text.strip().splitlines()
        name = f"terminal-{len(self.open)}.log"
        words = ["bash", "-e", "-c", "\n".join([self.exports, *before, f"exec {last}"])]
        with (self.folder / name).open("wb") as file:
            self.open.append(
                subprocess.Popen(words, cwd=self.folder, env=self.environment, stdout=file, stderr=subprocess.STDOUT)
            )
        if port := re.search(r"--port (\d+)", text):
            wait_for(f"http://127.0.0.1:{port[1]}/_simulator")
        else:
            self._until_subscribed()

    def _until_subscribed(self) -> None:
        for _ in range(300):
            if self.ask("8081", "/webhook")["goes_to"]:
                return
            time.sleep(0.1)
        raise TimeoutError((self.folder / f"terminal-{len(self.open) - 1}.log").read_text())


@contextmanager
def pasted(folder: Path, blocks: Sequence[tuple[str, str]]) -> Iterator[Reader]:
    """A reader who has pasted these blocks; what they left running ends with them."""
    if shutil.which("curl") is None or shutil.which("bash") is None:
        pytest.skip("the page is for a shell with curl")
    made = Reader(folder)
    try:
        for kind, block in blocks:
            made.paste(kind, block)
        yield made
    finally:
        for process in made.open:
            process.terminate()
        for process in made.open:
            process.wait(timeout=20)


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Reader]:
    """Everything was pasted."""
    with pasted(tmp_path_factory.mktemp("reader"), BLOCKS) as made:
        yield made


def said(reader: Reader, words: str) -> str:
    """What the block with these words has printed."""
    (found,) = (text for block, text in reader.said.items() if words in block)
    return found


@pytest.mark.slow
def test_what_the_walk_through_says_is_what_is_seen(reader: Reader) -> None:
    """Booked, it opens; cancelled, it doesn't; by a sync, and by the daemon with a webhook."""
    assert "Front door, Studio 1" in said(reader, "studiohub grants")
    booked = said(reader, '"start": "now"')
    assert '"booking": "b-21"' in booked
    assert re.search(r"● created +exivo", " ".join(booked.split()))
    assert "Jan Weber" in booked
    assert said(reader, "code=$(").count('"opened": true') == 2
    moved, cancelled = said(reader, "_simulator/move").split('"cancelled": true')
    assert "● created" in moved
    assert "is cancelled in anny" in cancelled
    assert "● created" not in cancelled
    hooked, unhooked = said(reader, "sleep 2").split('"cancelled": true')
    assert '"answer": 202' in hooked
    assert "● created" in hooked
    assert "○ removed" in unhooked
    lost = said(reader, '"webhooks": "lose"')
    assert '"answer": "lost"' in lost
    assert "● created" in lost
    assert lost.partition('"cancelled": true')[2].partition("]")[0].count('"answer": 202') == 2


@pytest.mark.slow
def test_the_simulators_print_the_connections_of_the_walk_through(reader: Reader) -> None:
    """With every id that its mapping rows name, and the secrets that it exports."""
    file = tomllib.loads((reader.folder / "studio.toml").read_text(encoding="utf-8"))
    for number, connection in enumerate(file["connections"]):
        printed = (reader.folder / f"terminal-{number}.log").read_text(encoding="utf-8")
        block = printed[printed.index("[[connections]]") :].partition("\n\n")[0]
        assert tomllib.loads(block)["connections"] == [connection]
        exported = re.findall(r"^export (?!STUDIOHUB).*$", printed, re.MULTILINE)
        assert exported
        assert all(line in reader.exports for line in exported)
        rows = [row for kind in ("passes", "resources", "communities") for row in file[kind]]
        side = ("pass", "resource", "community") if connection["name"] == "anny" else ("group", "locks")
        for row in rows:
            for key in (one for name in side for one in _listed(row.get(name, []))):
                assert f" {key}  " in printed


@pytest.mark.slow
def test_the_daemon_of_the_walk_through_made_no_mistake(reader: Reader) -> None:
    """Whatever was done at the vendor meanwhile."""
    log = (reader.folder / "terminal-2.log").read_text(encoding="utf-8")
    assert [line for line in log.splitlines() if '"level": "error"' in line] == []


def test_the_page_names_every_call_and_every_vendor() -> None:
    """What is not written down is not found."""
    from hub.testing.control import acts_of

    plugins = [one for one in Plugins.discover().loaded.values() if one.simulator is not None]
    assert [one.name for one in plugins if f"`{one.name}`" not in PAGE] == []
    table = PAGE.partition("## What can be done there")[2].partition("```")[0]
    for one in plugins:
        assert isinstance(one.simulator, type)
        acts = acts_of(one.simulator)
        assert [name for name in acts if f"`{name}`" not in table] == []
        for act in acts.values():
            names = [found.encode_name for found in act.payload.__struct_fields__ and _fields(act.payload)]
            assert [name for name in names if f"`{name}`" not in table and f"`[{name}]`" not in table] == [], act.name


def _fields(payload: Any) -> Any:
    import msgspec

    return msgspec.structs.fields(payload)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)
