"""Mails to a studio's admin: what can't wait, once each, and a summary of the day."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.inbox import CODES
from hub.notify import outbox
from hub.notify.outbox import Mail
from hub.store import tables as t
from hub.studio import registry
from hub.studio.registry import Studio

if TYPE_CHECKING:
    from hub.engine.engine import Engine

__all__ = ["ALARMS", "Alarms"]

ALARMS: Mapping[str, timedelta] = {code: kind.mail_after for code, kind in CODES.items() if kind.mail_after is not None}
"""What an admin gets a mail about, and how long it must have stood in the inbox by then."""

SUMMARY_AT = time(7)
"""When the summary goes out, in the studio's zone."""

_WORDS = {
    "en": {
        "alarm": "{studio}: {count} that can't wait",
        "one": "{studio}: {text}",
        "look": "Look at it: studiohub inbox",
        "summary": "{studio}: yesterday at the doors",
        "counts": "{created} granted, {changed} changed, {removed} removed, {failed} failed attempts.",
        "open": "What needs a person:",
        "nothing": "Nothing needs a person.",
    },
    "de": {
        "alarm": "{studio}: {count} Dinge, die nicht warten können",
        "one": "{studio}: {text}",
        "look": "Ansehen: studiohub inbox",
        "summary": "{studio}: gestern an den Türen",
        "counts": "{created} erteilt, {changed} geändert, {removed} entzogen, {failed} fehlgeschlagene Versuche.",
        "open": "Was jemand tun muss:",
        "nothing": "Es ist nichts zu tun.",
    },
}


@dataclass
class Alarms:
    """Puts mails into the outbox for the admins of all studios."""

    engine: Engine

    def __post_init__(self) -> None:
        self._summed: dict[int, date] = {}

    async def tell(self) -> None:
        """Put in what is due. Several daemons may do this at once: each mail is put in once."""
        await self._alarms()
        await self._summaries()

    async def _alarms(self) -> None:
        engine, now = self.engine, self.engine.clock.now()
        i, s = t.inbox.c, t.studio.c
        due = or_(*((i.code == code) & (i.since <= now - after) for code, after in ALARMS.items()))
        query = (
            select(i.id, i.studio_id, i.text, i.fix)
            .join(t.studio, s.id == i.studio_id)
            .where(i.told_at.is_(None), i.solved_at.is_(None), s.admin_email.is_not(None), due)
            .order_by(i.studio_id, i.weight, i.id)
            .limit(500)
        )
        async with engine.database.read() as db:
            waiting = (await db.execute(query)).all()
            studios = {studio.id: studio for studio in await registry.studios_with_admin(db)} if waiting else {}
        for studio_id in dict.fromkeys(row.studio_id for row in waiting):
            rows = [row for row in waiting if row.studio_id == studio_id]
            async with engine.database.write() as db:
                taken = await _mark(db, [row.id for row in rows], now)
                items = [row for row in rows if row.id in taken]
                if items:
                    await self._put(db, studios[studio_id], _alarm(studios[studio_id], items), now)

    async def _summaries(self) -> None:
        engine, now = self.engine, self.engine.clock.now()
        async with engine.database.read() as db:
            studios = await registry.studios_with_admin(db)
        for studio in studios:
            local = now.astimezone(times.zone(studio.timezone))
            if local.time() < SUMMARY_AT or self._summed.get(studio.id) == local.date():
                continue
            async with engine.database.write() as db:
                if studio.created_at is None or studio.created_at < now - timedelta(hours=12):
                    await self._put(db, studio, await _summary(db, studio, local, now), now)
            self._summed[studio.id] = local.date()

    async def _put(self, db: AsyncConnection, studio: Studio, mail: Mail, now: datetime) -> None:
        await outbox.put(db, studio.id, [mail], seal=self.engine.vault.seal, now=now)


async def _mark(db: AsyncConnection, ids: Sequence[int], now: datetime) -> set[int]:
    """Mark items as told; returns those that nobody else has marked."""
    i = t.inbox.c
    done = await db.execute(
        update(t.inbox).where(i.id.in_(ids), i.told_at.is_(None)).values(told_at=now).returning(i.id)
    )
    return set(done.scalars())


def _alarm(studio: Studio, items: Sequence[Any]) -> Mail:
    words = _WORDS[studio.language]
    first = str(items[0].text).split(". ")[0]
    subject = (
        words["one"].format(studio=studio.name, text=first)
        if len(items) == 1
        else words["alarm"].format(studio=studio.name, count=len(items))
    )
    body = "\n\n".join(f"{item.text}\n→ {item.fix}" if item.fix else str(item.text) for item in items)
    return Mail(
        # Each item is marked as told in the transaction that puts its mail in: that is what makes it one.
        name=f"alarm {secrets.token_hex(8)}",
        kind="alarm",
        to=studio.admin_email or "",
        subject=subject[:150],
        text=f"{body}\n\n{words['look']}\n",
    )


async def _summary(db: AsyncConnection, studio: Studio, local: datetime, now: datetime) -> Mail:
    words = _WORDS[studio.language]
    e, g, i = t.ledger_event.c, t.ledger.c, t.inbox.c
    counted = (
        select(e.what, func.count())
        .join(t.ledger, g.id == e.grant_id)
        .where(g.studio_id == studio.id, e.at >= now - timedelta(hours=24))
        .group_by(e.what)
    )
    counts = {"created": 0, "changed": 0, "removed": 0, "failed": 0, **dict((await db.execute(counted)).all())}
    query = select(i.text).where(i.studio_id == studio.id, i.solved_at.is_(None)).order_by(i.weight, i.id).limit(30)
    items = [f"- {text}" for text in (await db.execute(query)).scalars()]
    lines = [words["counts"].format(**counts), "", words["open"] if items else words["nothing"], *items]
    return Mail(
        name=f"summary {local.date().isoformat()}",
        kind="summary",
        to=studio.admin_email or "",
        subject=words["summary"].format(studio=studio.name),
        text="\n".join(lines) + "\n",
    )
