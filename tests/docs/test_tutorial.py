"""Whoever follows docs/plugins/tutorial.md to the letter ends with a door that opens."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.quality.stranger import until
from tests.vendor_pair.cluster import ROOT, free_port

PAGE = (ROOT / "docs" / "plugins" / "tutorial.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"(?:^File `([^`]+)`:\n\n)?^```(\w[^\n`]*)\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
PORT = "8090"


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """An environment of its own to install into, which knows what is installed here."""
    place = tmp_path / "env"
    venv.create(place, with_pip=False)
    python = place / "bin" / "python"
    site = next(place.glob("lib/python*/site-packages"))
    (site / "hub.pth").write_text(f"{ROOT}\n{sysconfig.get_path('purelib')}\n")
    commands = {"pip": "pip._internal.cli.main:main", "studiohub": "hub.cli:main"}
    for name, entry in commands.items():
        module, _, function = entry.partition(":")
        script = place / "bin" / name
        code = f"#!{python}\nimport sys\nfrom {module} import {function}\nsys.exit({function}())\n"
        script.write_text(code)
        script.chmod(0o755)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STUDIOHUB_", "PYTHON"))}
    # Off is what pip takes for `--no-build-isolation`: the page's own `pip install` would fetch what builds.
    offline = {"PIP_NO_INDEX": "1", "PIP_NO_BUILD_ISOLATION": "0", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return {**kept, **offline, "PATH": f"{place / 'bin'}{os.pathsep}{kept['PATH']}"}


class Reader:
    """Somebody who writes each file and types each command; commands share one shell's exports."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        self.folder = folder
        self.environment = environment
        self.port = str(free_port())
        self.exports = ""
        self.said = ""
        self.open: list[subprocess.Popen[bytes]] = []

    def follow(self, file: str, kind: str, text: str) -> None:
        """One block of the page."""
        text = text.replace(PORT, self.port)
        if file:
            path = self.folder / file
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        elif kind == 'sh title="stays open"':
            self._leave_open(text)
        elif kind == "sh":
            self._type(text)
        elif kind == "text":
            for line in text.splitlines():
                assert line in self.said, f"{line!r} is not in what the commands before it said:\n{self.said}"
        else:
            raise AssertionError(f"a block of {kind} that is neither a file nor a command")

    def _type(self, text: str) -> None:
        done = subprocess.run(
            ["bash", "-euc", self.exports + text],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        self.said = done.stdout
        assert done.returncode == 0, f"{text}\nended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        self.exports += "".join(f"{line}\n" for line in text.splitlines() if line.startswith("export "))

    def _leave_open(self, text: str) -> None:
        with (self.folder / "stays.log").open("wb") as log:
            command = ["bash", "-c", f"exec {text}"]
            process = subprocess.Popen(command, cwd=self.folder, env=self.environment, stdout=log, stderr=log)
        self.open.append(process)
        until(lambda: "simulated at" in (self.folder / "stays.log").read_text(), "the simulator")


@pytest.fixture
def reader(tmp_path: Path, environment: dict[str, str]) -> Iterator[Reader]:
    folder = tmp_path / "work"
    folder.mkdir()
    made = Reader(folder, environment)
    yield made
    for process in made.open:
        process.terminate()
        process.wait(timeout=30)


@pytest.mark.slow
def test_the_tutorial_does_what_it_says(reader: Reader) -> None:
    """Every file and every command of it, in its order, with another port."""
    assert len([file for file, _, _ in BLOCKS if file]) > 10
    for file, kind, text in BLOCKS:
        reader.follow(file, kind, text)


@pytest.mark.slow
def test_what_the_tutorial_writes_is_in_order(reader: Reader) -> None:
    """ruff and mypy have nothing to say about it."""
    for file, kind, text in BLOCKS:
        if file.endswith(".py") or file == "pyproject.toml":
            reader.follow(file, kind, text)
    bin_ = Path(sys.executable).parent
    config = "lint.isort.known-first-party = ['studiohub_latch']"
    reader._type(f'{bin_}/ruff check --no-cache --line-length 120 --config "{config}" studiohub_latch tests')
    reader._type(f"{bin_}/ruff format --no-cache --line-length 120 --check studiohub_latch tests")
    reader._type(f"MYPYPATH={ROOT} {bin_}/mypy --strict --python-version 3.11 -p studiohub_latch")
