"""Starting work on a widget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["REST", "deferred"]

REST = 0.1
"""Seconds that the fingers rest before what was typed is used, and the cursor before a story is read."""


def deferred(work: Callable[[], Awaitable[None]]) -> Any:
    """Work for `run_worker` that is made only when it begins: work that is cancelled before leaves nothing behind."""
    return work
