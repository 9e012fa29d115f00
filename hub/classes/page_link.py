"""Where members find their own page."""

from __future__ import annotations

from datetime import datetime

from hub.classes.scope import TrackerScope

__all__ = ["page_link"]


def page_link(scope: TrackerScope, source_id: int, member: str, *, now: datetime) -> str:
    """The address of a member's own page, for their mails; empty where there is none."""
    return ""
