"""Plugins of a stranger: made by `studiohub plugin new`, built into wheels, installed beside the hub."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.vendor_pair.cluster import COMMAND, free_port

__all__ = ["Elsewhere", "build", "install"]


@dataclass
class Elsewhere:
    """A folder that knows nothing of this checkout but what is installed, with plugins in `site`."""

    folder: Path
    site: Path

    @property
    def environment(self) -> dict[str, str]:
        """Of a process that is started there."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("STUDIOHUB_", "PYTHON"))}
        path = f"{Path(COMMAND).parent}{os.pathsep}{kept['PATH']}"
        home = str(self.folder / "home")
        return {**kept, "PATH": path, "PYTHONPATH": str(self.site), "STUDIOHUB_HOME": home}

    def run(self, *words: str, code: int = 0, **environment: str) -> str:
        """A command, to its end; what it prints. It has to end with that code."""
        done = subprocess.run(
            words,
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == code, f"{' '.join(words)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def hub(self, *words: str, code: int = 0, **environment: str) -> str:
        """`studiohub …`."""
        return self.run(COMMAND, *words, code=code, **environment)

    def json(self, *words: str, code: int = 0) -> Any:
        """`studiohub … --json`."""
        return json.loads(self.hub(*words, "--json", code=code))

    @contextlib.contextmanager
    def open(self, *words: str, **environment: str) -> Iterator[subprocess.Popen[str]]:
        """A command that stays open."""
        process = subprocess.Popen(
            [COMMAND, *words],
            cwd=self.folder,
            env={**self.environment, "PYTHONUNBUFFERED": "1", **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            yield process
        finally:
            process.terminate()
            process.communicate(timeout=30)

    @contextlib.contextmanager
    def simulate(self, plugin: str) -> Iterator[tuple[str, Mapping[str, str]]]:
        """A vendor's simulator as a server; its address, and the secrets that it prints as exports."""
        with self.open("simulate", plugin, "--port", str(free_port())) as process:
            said = ""
            assert process.stdout is not None
            for line in process.stdout:
                said += line
                if "Ctrl+C ends it" in line:
                    break
            address = re.search(r"simulated at (\S+)", said)
            assert address is not None, said
            yield address[1], dict(re.findall(r"^export (\w+)=(\S+)$", said, re.MULTILINE))


def build(project: Path, into: Path) -> Path:
    """The wheel of a project, without the network."""
    options = ("--quiet", "--no-index", "--no-deps", "--no-build-isolation", "--disable-pip-version-check")
    command = (sys.executable, "-m", "pip", "wheel", *options, "-w", str(into), str(project))
    subprocess.run(command, check=True, capture_output=True, timeout=120)
    (wheel,) = into.glob(f"*{project.name.replace('-', '_')}*.whl")
    return wheel


def install(wheel: Path, site: Path) -> None:
    """Install a wheel into a folder."""
    options = ("--quiet", "--no-index", "--no-deps", "--disable-pip-version-check")
    command = (sys.executable, "-m", "pip", "install", *options, "--target", str(site), str(wheel))
    subprocess.run(command, check=True, capture_output=True, timeout=120)


def until(answer: Any, what: str, seconds: float = 30) -> Any:
    """Ask until something that counts is answered."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if found := answer():
                return found
        time.sleep(0.1)
    raise TimeoutError(what)
