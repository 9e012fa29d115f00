"""A process that dies in the middle of applying a plan, with nothing written about what reached the vendor."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from hub.reconcile import apply

__all__ = ["Crash", "dying"]


class Crash(BaseException):
    """The process is gone: nothing after this line runs."""


@contextmanager
def dying(name: str, *, after: int, where: str) -> Iterator[None]:
    """Within the block the process dies at the `after`-th call of a function of `hub.reconcile.apply` that reaches the
    vendor: before the `call`, or before its `answer` is written down."""
    left = [after]
    real_one, real_write = getattr(apply, name), apply._write

    async def one(*arguments: Any) -> Any:
        left[0] -= 1
        if left[0] == 0 and where == "call":
            raise Crash
        return await real_one(*arguments)

    async def write(*arguments: Any) -> Any:
        if where == "answer" and left[0] <= 0:
            raise Crash
        return await real_write(*arguments)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(apply, name, one)
        patch.setattr(apply, "_write", write)
        yield
