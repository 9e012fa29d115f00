"""A mail to try how the words look where mails are read. It is filled with made-up values, so that nobody's results or
codes go to an address that somebody typed."""

from __future__ import annotations

import re
from secrets import token_hex
from typing import TYPE_CHECKING

from sqlalchemy import select

from hub.errors import UserError
from hub.notify import outbox
from hub.notify.templates import Kind, Template, check, render
from hub.store import journal
from hub.store import tables as t
from hub.studio.registry import Studio

if TYPE_CHECKING:
    from hub.core import Hub

__all__ = ["sample_values", "send_trial"]

_ADDRESS = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def sample_values(studio: Studio, kind: Kind, language: str) -> dict[str, str]:
    """What a template of that kind shows of nobody in particular, with the studio's own name and words."""
    values = kind.samples(language) | {"studio": studio.name}
    words = studio.mail.words.of(language)
    return values | {"words": words} if words and "words" in values else values


async def send_trial(hub: Hub, kind: Kind, language: str, template: Template, to: str, *, who: str) -> str:
    """Send a template, which need not be saved, to an address; returns what came of it, in words. Raises UserError
    where it can't be sent at all, or the server said no."""
    if not _ADDRESS.fullmatch(to):
        raise UserError(f"{to!r} is no e-mail address")
    if hub.settings.smtp_url is None:
        fix = "Set STUDIOHUB_SMTP_URL (docs/running.md)."
        raise UserError("no mail server is set, so nothing can be sent", fix=fix, code="no_mail_server")
    check(kind, template)
    studio, now, name = hub.the_studio, hub.clock.now(), f"trial:{token_hex(8)}"
    made = render(kind, language, sample_values(studio, kind, language), template)
    mail = outbox.Mail(name=name, kind="trial", to=to, subject=made.subject, text=made.text, html=made.html)
    async with hub.database.write() as db:
        await outbox.put(db, studio.id, [mail], seal=hub.vault.seal, now=now)
        await journal.add_audit(db, studio.id, who=who, act="mail test", subject=f"{kind.name} {language}", now=now)
    # The mail client is loaded where a mail is sent, not where one is only shown.
    from hub.notify.sender import send_mails

    await send_mails(hub)
    o = t.outbox.c
    query = select(o.id, o.state, o.error).where(o.studio_id == studio.id, o.name == name)
    async with hub.database.read() as db:
        row = (await db.execute(query)).one()
    if row.state == "sent":
        return f"The mail server took the test mail to {to}."
    if row.error:
        raise UserError(
            "the test mail could not be sent", said=row.error, fix=f"`studiohub mail --again {row.id}` tries once more."
        )
    return f"The test mail to {to} waits in the outbox behind others."
