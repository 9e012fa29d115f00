"""What a mail is about, for whoever has to find out why it did not arrive."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.notify.class_mail import SUMMARY
from hub.notify.outbox import Queued
from hub.store import tables as t

__all__ = ["what_of"]


async def what_of(db: AsyncConnection, mail: Queued) -> str:
    """Member and class of a summary, whatever words the studio has put into its subject; of any other mail, nothing."""
    if mail.kind != SUMMARY:
        return ""
    o, e = t.outbox.c, t.event.c
    row = (await db.execute(select(o.name, o.subject_id).where(o.id == mail.id))).one()
    event_id = row.name.removeprefix("summary:").removesuffix(f":{row.subject_id}")
    event = (
        await db.execute(select(e.name, e.session_id, e.starts_at, e.timezone).where(e.id == event_id))
    ).one_or_none()
    if event is None:
        return f" with the results of {row.subject_id}"
    day = event.starts_at.astimezone(times.zone(event.timezone))
    return f" with the results of {row.subject_id} in {event.name or event.session_id} on {day:%d %b %Y %H:%M}"
