"""Fetching results: when a class is over, and again while there are none."""

from __future__ import annotations

from hub.classes.scope import TrackerScope

__all__ = ["fetch_due"]


async def fetch_due(scope: TrackerScope) -> int:
    """Fetch the results that are due at this tracker; returns how many riders' results arrived or changed."""
    return 0
