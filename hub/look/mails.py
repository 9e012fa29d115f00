"""Mails in the outbox, as people see them: what each is about and what came of it, never what it says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import redact
from hub.core import Hub
from hub.errors import UserError
from hub.look.names import names_of
from hub.notify.outbox import send_again, send_all_again
from hub.store import journal
from hub.store import tables as t
from hub.studio.registry import Studio
from hub.words import counted

__all__ = ["MailView", "count_mails", "let_go_again", "mail_ids", "mails_of"]


@dataclass(frozen=True)
class MailView:
    """A mail. `state`: queued, sending, sent, failed, or unsure where nobody knows whether it went out. `member` is who
    it is about (`source:id`), with the `name` where that is known; `error` is what came of the last try."""

    id: int
    kind: str
    to: str
    subject: str
    state: str
    created_at: datetime
    due_at: datetime | None
    sent_at: datetime | None
    error: str
    attempts: int
    member: str | None
    name: str


async def mail_ids(db: AsyncConnection, studio: Studio, *, states: Sequence[str] = ()) -> list[int]:
    """The ids of all mails, or of those in these states; the newest first."""
    o = t.outbox.c
    query = select(o.id).where(o.studio_id == studio.id).order_by(o.id.desc())
    return list((await db.execute(query.where(o.state.in_(states)) if states else query)).scalars())


async def count_mails(db: AsyncConnection, studio: Studio) -> dict[str, int]:
    """How many mails there are in each state."""
    o = t.outbox.c
    query = select(o.state, func.count()).where(o.studio_id == studio.id).group_by(o.state)
    return {row[0]: row[1] for row in (await db.execute(query)).all()}


async def mails_of(db: AsyncConnection, studio: Studio, ids: Sequence[int]) -> dict[int, MailView]:
    """These mails."""
    o = t.outbox.c
    columns = (o.id, o.kind, o.recipient, o.subject, o.subject_id, o.state, o.created_at, o.next_try_at, o.sent_at)
    query = select(*columns, o.error, o.attempts).where(o.studio_id == studio.id, o.id.in_(list(ids)))
    rows = (await db.execute(query)).all()
    about = {row.id: row.subject_id for row in rows if ":" in row.subject_id and " " not in row.subject_id}
    names = await names_of(db, studio, set(about.values()))
    return {
        row.id: MailView(
            id=row.id,
            kind=row.kind,
            to=row.recipient,
            subject=row.subject,
            state=row.state,
            created_at=row.created_at,
            due_at=row.next_try_at,
            sent_at=row.sent_at,
            error=redact.mask(row.error or ""),
            attempts=row.attempts,
            member=about.get(row.id) if about.get(row.id) in names else None,
            name=names.get(about.get(row.id, ""), ""),
        )
        for row in rows
    }


async def let_go_again(hub: Hub, which: int | Literal["all"], *, who: str) -> str:
    """Let one mail, or all that failed or were tried and wait, go out at the next turn; returns what was done, in
    words. Raises UserError."""
    studio, now = hub.the_studio.id, hub.clock.now()
    async with hub.database.write() as db:
        if which == "all":
            ids = await send_all_again(db, studio, now=now)
        elif await send_again(db, studio, which, now=now):
            ids = [which]
        else:
            fix = "`studiohub mail` lists them."
            raise UserError(f"there is no mail {which} that failed, is unsure or waits", fix=fix)
        for mail in ids:
            await journal.solve(db, studio, code="mail_failed", subject=f"mail {mail}", now=now)
        if ids:
            subject = f"mail {which}" if which != "all" else counted(len(ids), "mail")
            await journal.add_audit(db, studio, who=who, act="mail again", subject=subject, now=now)
    if not ids:
        return "No mail failed or waits for another try."
    verb = "goes" if len(ids) == 1 else "go"
    return f"{counted(len(ids), 'mail')} {verb} out at the next turn of the daemon, or with `studiohub sync`."
