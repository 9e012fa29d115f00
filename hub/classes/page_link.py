"""Where members find their own page."""

from __future__ import annotations

from datetime import datetime, timedelta

from hub.classes.scope import TrackerScope
from hub.member_links import make_link

__all__ = ["page_link"]


def page_link(scope: TrackerScope, source_id: int, member: str, *, now: datetime) -> str:
    """The address of a member's own page, for their mails; empty where there is none."""
    if not scope.public_url:
        return ""
    lasts = timedelta(days=scope.link_days)
    return make_link(scope.vault, scope.public_url, scope.studio.id, source_id, member, now, lasts=lasts)
