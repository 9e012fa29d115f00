"""Telling people about the account that they got at a tracker."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.classes.scope import TrackerScope
from hub.notify import outbox, own_templates
from hub.notify.class_mail import account_created_mail

__all__ = ["account_mail"]


async def account_mail(
    scope: TrackerScope, db: AsyncConnection, *, source: str, person: r.Member | r.Instructor, now: datetime
) -> None:
    """Put the mail about a new account into the outbox: for a member, or a teacher where `person` is an instructor.

    To be called where the tracker answered that it made the person (`Link.created`), in the transaction that writes the
    link down: nobody is told of an account that was never made, and nobody is told twice, however often this is called
    for them. Who has no address gets no mail; a tracker makes no account without one.
    """
    own = await own_templates.load(db, scope.studio.id)
    mail = account_created_mail(
        scope.studio, person, target=scope.name, tracker=scope.connection.plugin.title, source=source, own=own
    )
    if mail is not None:
        await outbox.put(db, scope.studio.id, [mail], seal=scope.vault.seal, now=now)
