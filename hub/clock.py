"""The one source of time. Everything in the hub that asks for the time asks a `Clock`, so tests can stop it."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Protocol

__all__ = ["Clock", "FrozenClock", "SystemClock"]


class Clock(Protocol):
    """What the hub needs of time: the present, and a way to wait."""

    def now(self) -> datetime:
        """The present as an aware datetime in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait that long. A frozen clock moves its own time instead of waiting."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


class FrozenClock:
    """A clock that stands still until it is moved; sleeping moves it. For tests, the demo and screenshots."""

    def __init__(self, at: datetime) -> None:
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._now = at.astimezone(UTC)

    def now(self) -> datetime:
        return self._now

    async def sleep(self, seconds: float) -> None:
        self.move(timedelta(seconds=seconds))
        await asyncio.sleep(0)

    def move(self, by: timedelta) -> None:
        """Go forward (or back) by that much."""
        self._now += by

    def set(self, at: datetime) -> None:
        """Jump to an aware moment."""
        if at.tzinfo is None:
            raise ValueError("a clock needs an aware datetime")
        self._now = at.astimezone(UTC)
