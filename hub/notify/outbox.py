"""The outbox: mails are rows first, written in the same transaction as what they tell about.

A row's `name` says what the mail is about and is unique, so no crash and no second pass puts it in twice. Sending marks
the row before the server is handed the message and after it took it. A crash in that moment leaves a mail of which
nobody can say whether it went out: it is not sent again by itself, it is shown, and an admin can.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import make_msgid

from sqlalchemy import delete, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store import journal, upsert
from hub.store import tables as t
from hub.studio import registry

__all__ = [
    "AWAY",
    "RETRIES",
    "Mail",
    "Queued",
    "due",
    "handing_over",
    "lost",
    "not_sent",
    "put",
    "send_again",
    "send_all_again",
    "sent",
    "server_is_back",
    "withdraw",
]

RETRIES = (timedelta(minutes=1), timedelta(minutes=10), timedelta(hours=1), timedelta(hours=6), timedelta(hours=24))
"""After these pauses a mail that could not be sent is tried again; then it has failed."""

AWAY = "the mail server can't be used: "
"""How the error of a mail begins that waits for the server, not for itself."""


@dataclass(frozen=True)
class Mail:
    """A mail to be. `name` is unique within the studio; the body never holds more than the recipient may know.

    `not_before` keeps it in the outbox until then. `problem` says why the studio's own template was not used, if so.
    """

    name: str
    kind: str
    to: str
    subject: str
    text: str
    html: str | None = None
    subject_id: str = ""
    not_before: datetime | None = None
    problem: str = ""


@dataclass(frozen=True)
class Queued:
    """A mail in the outbox, its body still sealed. `sender_name` is the name that the studio writes under."""

    id: int
    studio_id: int
    kind: str
    to: str
    subject: str
    text: bytes
    html: bytes | None
    message_id: str
    attempts: int
    sender_name: str | None = None


async def put(
    db: AsyncConnection,
    studio_id: int,
    mails: Sequence[Mail],
    *,
    seal: Callable[[str], bytes],
    now: datetime,
    domain: str = "studiohub.invalid",
) -> None:
    """Put mails into the outbox; one whose name is there already stays as it is. Bodies are sealed: they may hold
    codes. Whatever kept a template from being used goes into the inbox."""
    await upsert(
        db,
        t.outbox,
        [
            {
                "studio_id": studio_id,
                "name": mail.name,
                "kind": mail.kind,
                "recipient": mail.to,
                # A name may have a line break in it; a header must not.
                "subject": " ".join(mail.subject.split()),
                "subject_id": mail.subject_id,
                "sealed_text": seal(mail.text),
                "sealed_html": seal(mail.html) if mail.html is not None else None,
                "message_id": make_msgid(domain=domain),
                "state": "queued",
                "attempts": 0,
                "created_at": now,
                "next_try_at": max(now, mail.not_before or now),
            }
            for mail in mails
        ],
        key=("studio_id", "name"),
    )
    for kind, problem in {mail.kind: mail.problem for mail in mails if mail.problem}.items():
        await journal.raise_item(
            db,
            studio_id,
            code="template_failed",
            subject=f"template {kind}",
            text=problem,
            fix=f"`studiohub mail templates` lists what is your own; save or reset that of {kind}.",
            now=now,
        )


async def withdraw(db: AsyncConnection, studio_id: int, names: Collection[str], *, but: Collection[str] = ()) -> int:
    """Delete the mails of these names, and of those that go on behind a colon, that wait and were never handed to a
    server; returns how many there were. Those in `but` stay.

    One that is being handed over, or of which nobody knows whether it went out, stays too.
    """
    o = t.outbox.c
    waiting = (o.studio_id == studio_id, o.state == "queued", o.handed_at.is_(None), o.name.not_in(list(but)))
    count = 0
    for name in names:
        meant = or_(o.name == name, o.name.startswith(f"{name}:", autoescape=True))
        count += (await db.execute(delete(t.outbox).where(*waiting, meant))).rowcount
    return count


async def due(db: AsyncConnection, *, now: datetime, limit: int = 20) -> list[Queued]:
    """Mails that are to be sent now, oldest first."""
    o = t.outbox.c
    query = (
        select(t.outbox, t.studio.c.mail_options)
        .join(t.studio, t.studio.c.id == o.studio_id)
        .where(o.state == "queued", or_(o.next_try_at.is_(None), o.next_try_at <= now))
        .order_by(o.id)
        .limit(limit)
    )
    return [
        Queued(
            id=row.id,
            studio_id=row.studio_id,
            kind=row.kind,
            to=row.recipient,
            subject=row.subject,
            text=row.sealed_text,
            html=row.sealed_html,
            message_id=row.message_id,
            attempts=row.attempts,
            sender_name=registry.mail_section(row.mail_options).sender_name,
        )
        for row in (await db.execute(query)).all()
    ]


async def handing_over(db: AsyncConnection, mail_id: int, *, now: datetime) -> bool:
    """Mark that the server is about to be handed this mail; False where another process has it already."""
    o = t.outbox.c
    done = await db.execute(
        update(t.outbox).where(o.id == mail_id, o.state == "queued").values(state="sending", handed_at=now)
    )
    return bool(done.rowcount)


async def sent(db: AsyncConnection, mail_id: int, *, now: datetime) -> None:
    """The server took it."""
    await db.execute(
        update(t.outbox).where(t.outbox.c.id == mail_id).values(state="sent", sent_at=now, error=None, next_try_at=None)
    )


async def not_sent(
    db: AsyncConnection, mail: Queued, *, error: str, final: bool, now: datetime, handed: bool = False
) -> bool:
    """The server surely did not take it; returns whether that was the last try. `handed`: it was being handed over, and
    the server said no; without that, a mail that is being handed over is left alone."""
    last = final or mail.attempts >= len(RETRIES)
    values: dict[str, object] = {"state": "failed" if last else "queued", "error": error, "attempts": mail.attempts + 1}
    if handed:
        # The server said no, so it never had it.
        values["handed_at"] = None
    pause = RETRIES[min(mail.attempts, len(RETRIES) - 1)]
    o = t.outbox.c
    await db.execute(
        update(t.outbox)
        .where(o.id == mail.id, o.state == ("sending" if handed else "queued"))
        .values(**values, next_try_at=None if last else now + pause)
    )
    return last


async def lost(db: AsyncConnection, *, before: datetime) -> list[int]:
    """Mails that a process was handing over when it ended: nobody can say whether they went out. They are marked, and
    returned so that somebody is told."""
    o = t.outbox.c
    query = select(o.id).where(o.state == "sending", o.handed_at < before)
    ids = list((await db.execute(query)).scalars())
    if ids:
        await db.execute(update(t.outbox).where(o.id.in_(ids)).values(state="unsure"))
    return ids


async def server_is_back(db: AsyncConnection, *, now: datetime) -> None:
    """The server took a mail: let those that waited for it go out at once."""
    o = t.outbox.c
    waited = (o.state == "queued", o.error.startswith(AWAY, autoescape=True))
    await db.execute(update(t.outbox).where(*waited).values(next_try_at=now, error=None))


async def send_again(db: AsyncConnection, studio_id: int, mail_id: int, *, now: datetime) -> bool:
    """Let a mail go out at the next turn: one that failed, of which nobody knows whether it went out, or that waits.
    False where there is no such mail."""
    o = t.outbox.c
    again = (o.studio_id == studio_id, o.id == mail_id, o.state.in_(("failed", "unsure", "queued")))
    return bool((await db.execute(update(t.outbox).where(*again).values(**_now(now)))).rowcount)


async def send_all_again(db: AsyncConnection, studio_id: int, *, now: datetime) -> list[int]:
    """Let all mails go out at the next turn that failed, or were tried and wait; returns their ids. What may have gone
    out already, and what is to wait for its time, stays as it is."""
    o = t.outbox.c
    tried = (o.state == "failed") | ((o.state == "queued") & (o.attempts > 0))
    done = update(t.outbox).where(o.studio_id == studio_id, tried).values(**_now(now)).returning(o.id)
    return sorted((await db.execute(done)).scalars())


def _now(now: datetime) -> dict[str, object]:
    return {"state": "queued", "attempts": 0, "next_try_at": now, "error": None}
