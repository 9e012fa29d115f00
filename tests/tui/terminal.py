"""A program on a real pseudo-terminal, as whoever sits at one has it: what it writes, and keys that are pressed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

__all__ = ["Terminal", "on_terminal"]

ANSWERS = {b"\x1b[c": b"\x1b[?62;c", b"\x1b[6n": b"\x1b[1;1R"}
"""What a terminal says when it is asked what it is and where its cursor is."""


class Terminal:
    """The screen's side of it."""

    def __init__(self, process: subprocess.Popen[bytes], line: int) -> None:
        self.process, self._line = process, line
        self.written = bytearray()
        """Everything that the program wrote since `forget`."""
        self.last_at = time.perf_counter()
        """When it wrote last."""

    def read(self, seconds: float) -> bool:
        """Take what it writes within so long; whether there was anything."""
        ready, _, _ = select.select([self._line], [], [], seconds)
        if not ready:
            return False
        try:
            data = os.read(self._line, 1 << 16)
        except OSError:
            return False
        self.last_at = time.perf_counter()
        self.written += data
        for question, answer in ANSWERS.items():
            if question in data:
                os.write(self._line, answer)
        return bool(data)

    @property
    def text(self) -> str:
        """What was written, without colours and places."""
        return re.sub(
            r"\x1b(\[[0-9;?<>=$]*[A-Za-z]|\][^\x07\x1b]*(\x07|\x1b\\))", "", self.written.decode(errors="replace")
        )

    def forget(self) -> None:
        """Look only at what comes from now on."""
        self.written.clear()

    def until(self, text: str, *, seconds: float = 60.0) -> None:
        """Read until it was written."""
        give_up = time.monotonic() + seconds
        while text not in self.text:
            assert time.monotonic() < give_up, f"{text!r} never came: {self.text[-3000:]}"
            if not self.read(0.2) and self.process.poll() is not None:
                raise AssertionError(f"it ended: {self.text[-3000:]}")

    def quiet(self, seconds: float) -> None:
        """Read until nothing came for so long."""
        while self.read(seconds):
            pass

    def press(self, keys: str) -> None:
        """Press keys."""
        os.write(self._line, keys.encode())

    def wait(self, seconds: float = 30.0) -> int:
        """Read until it ends; returns its exit code."""
        give_up = time.monotonic() + seconds
        while self.process.poll() is None:
            assert time.monotonic() < give_up, f"it did not end: {self.text[-2000:]}"
            self.read(0.1)
        while self.read(0):
            pass
        return self.process.wait()


@contextmanager
def on_terminal(
    command: Sequence[str], *, size: tuple[int, int] = (120, 36), env: Mapping[str, str] | None = None
) -> Iterator[Terminal]:
    """Run a program on one of that size (columns, rows); it is gone at the end. `env` is added to this process's."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", size[1], size[0], 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    environment |= {"TERM": "xterm-256color", "COLORTERM": "truecolor", **(env or {})}
    process = subprocess.Popen(
        command,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment,
        start_new_session=True,
        cwd=Path(__file__).parents[2],
    )
    os.close(theirs)
    try:
        yield Terminal(process, ours)
    finally:
        if process.poll() is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        os.close(ours)
