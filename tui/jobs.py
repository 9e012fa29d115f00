"""Starting work on a widget."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

__all__ = ["deferred"]


def deferred(work: Callable[[], Awaitable[None]]) -> Any:
    """Work for `run_worker` that is made only when it begins: work that is cancelled before leaves nothing behind."""
    return work
