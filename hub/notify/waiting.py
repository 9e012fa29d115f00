"""Mails that can't go out because no server takes them: counted, told in the inbox, and solved by themselves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.notify.outbox import AWAY, RETRIES
from hub.store import journal
from hub.store import tables as t
from hub.words import counted

if TYPE_CHECKING:
    from hub.core import Hub
    from hub.engine.engine import Engine

__all__ = ["Waiting", "find_waiting", "tell_waiting"]

TOLD_AFTER = timedelta(minutes=15)
"""A server that is away for less is no news: mails are tried again by themselves."""


@dataclass(frozen=True)
class Waiting:
    """The mails of a studio that are due and can't go out. `said`: what came of the last try; empty where there is no
    server to try."""

    count: int
    since: datetime
    said: str

    @property
    def code(self) -> str:
        """What it is called in the inbox."""
        return "mail_server" if self.said else "no_mail_server"

    @property
    def text(self) -> str:
        """In a few words."""
        why = "the mail server can't be used" if self.said else "no mail server"
        return f"{self.mails}: {why}"

    @property
    def mails(self) -> str:
        """How many, as the beginning of a sentence."""
        return f"{counted(self.count, 'mail')} {'waits' if self.count == 1 else 'wait'}"

    def sentence(self, timezone: str) -> str:
        """All that is known, in the time of the studio."""
        since = f"{self.since.astimezone(times.zone(timezone)):%d %b %Y %H:%M}"
        if not self.said:
            return f"{self.mails} since {since}: no mail server is set"
        return f"{self.mails}: the mail server can't be used since {since}. It said: {self.said}"

    @property
    def fix(self) -> str:
        """What to do."""
        if not self.said:
            return "Set STUDIOHUB_SMTP_URL (docs/running.md); the mails go out by themselves then."
        return "Look at STUDIOHUB_SMTP_URL and at the server; then `studiohub mail --again all` tries at once."


async def find_waiting(db: AsyncConnection, *, server: bool, now: datetime) -> Mapping[int, Waiting]:
    """The mails that wait, for each studio that has some. `server`: whether there is one to hand them to; then only
    those count that it was tried with."""
    o = t.outbox.c
    count, first, oldest = func.count(), func.min(o.next_try_at), func.min(o.created_at)
    query = select(o.studio_id, o.attempts, count, first, oldest, func.max(o.error)).group_by(o.studio_id, o.attempts)
    due = o.error.startswith(AWAY, autoescape=True) & (o.attempts > 0) if server else o.next_try_at <= now
    found: dict[int, Waiting] = {}
    for studio_id, attempts, number, next_try, made, error in (
        await db.execute(query.where(o.state == "queued", due))
    ).all():
        # When it was tried first, going back pause by pause.
        pauses = sum(RETRIES[:attempts], timedelta()) if server else timedelta()
        since = max(next_try - pauses, made)
        said = error.removeprefix(AWAY) if server else ""
        other = found.get(studio_id)
        if other is not None:
            number, since = number + other.count, min(since, other.since)
        found[studio_id] = Waiting(number, since, said)
    return found


async def tell_waiting(hub: Hub | Engine) -> Mapping[int, Waiting]:
    """Bring the inboxes of all studios up to date; returns what waits, by studio."""
    now, i, s = hub.clock.now(), t.inbox.c, t.studio.c
    codes = ("no_mail_server", "mail_server")
    async with hub.database.read() as db:
        waiting = await find_waiting(db, server=hub.settings.smtp_url is not None, now=now)
        to_tell = {one: mails for one, mails in waiting.items() if not mails.said or now - mails.since > TOLD_AFTER}
        told = (await db.execute(select(i.studio_id, i.code).where(i.code.in_(codes), i.solved_at.is_(None)))).all()
        zones = dict((await db.execute(select(s.id, s.timezone).where(s.id.in_(to_tell)))).all()) if to_tell else {}
    over = [(studio, code) for studio, code in told if studio not in to_tell or to_tell[studio].code != code]
    if not over and not to_tell:
        return waiting
    async with hub.database.write() as db:
        for studio, code in over:
            await journal.solve(db, studio, code=code, subject="mail", now=now)
        for studio, mails in to_tell.items():
            await journal.raise_item(
                db,
                studio,
                code=mails.code,
                subject="mail",
                text=f"{mails.sentence(zones[studio]).rstrip('.')}.",
                fix=mails.fix,
                weight=2,
                now=now,
            )
    return waiting
