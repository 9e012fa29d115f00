"""Printing what was measured, one line each, and the memory and time of a piece of work."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Measured:
    """CPU and wall seconds of a block, and the process's largest memory so far in MiB."""

    cpu: float = 0.0
    wall: float = 0.0
    peak_mib: float = 0.0


@contextmanager
def measured() -> Iterator[Measured]:
    """Measure the block."""
    found = Measured()
    cpu, wall = time.process_time(), time.perf_counter()
    yield found
    found.cpu, found.wall = time.process_time() - cpu, time.perf_counter() - wall
    found.peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def say(text: str) -> None:
    """A line of the report, past pytest's capturing."""
    sys.__stdout__.write(f"    {text}\n")  # type: ignore[union-attr]
    sys.__stdout__.flush()  # type: ignore[union-attr]
