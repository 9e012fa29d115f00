"""Telling members about their visits: the mails that belong to an outcome, put into the outbox with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.notify import outbox, own_templates
from hub.notify.access_mail import access_mail, mail_names
from hub.reconcile.ledger import Outcome
from hub.reconcile.scope import Scope
from hub.store import journal

__all__ = ["tell_visitors"]

NO_ADDRESS = "no_address"


async def tell_visitors(
    scope: Scope, db: AsyncConnection, outcomes: Sequence[Outcome], visitors: Mapping[str, r.Member], *, now: datetime
) -> None:
    """Put the mails about confirmed visits into the outbox, and take back those about visits that are over. Part of the
    transaction that writes the outcomes down, so nobody is told twice, or of something that was never made."""
    visits = [outcome for outcome in outcomes if outcome.intent.change.visit and outcome.ok]
    given = [outcome for outcome in visits if outcome.granted is not None and outcome.granted.confirmed]
    ended = [outcome for outcome in visits if outcome.revoked is not None]
    if ended:
        names = [name for outcome in ended for name in mail_names(outcome.intent.grant_id)]
        await outbox.withdraw(db, scope.studio.id, names)
    for outcome in ended:
        subject = _subject(scope, outcome)
        await journal.solve(db, scope.studio.id, code=NO_ADDRESS, subject=subject, now=now)
    if not given or not scope.studio.mail.access:
        return
    own = await own_templates.load(db, scope.studio.id)
    mails: list[outbox.Mail] = []
    for outcome in given:
        change = outcome.intent.change
        member = visitors.get(change.ref)
        if member is None or not member.email:
            await _nobody_to_tell(scope, db, outcome, now)
            continue
        await journal.solve(db, scope.studio.id, code=NO_ADDRESS, subject=_subject(scope, outcome), now=now)
        mails += _mails(scope, outcome, member, own, now)
    await outbox.put(db, scope.studio.id, mails, seal=scope.vault.seal, now=now)


def _mails(
    scope: Scope, outcome: Outcome, member: r.Member, own: own_templates.OwnTemplates, now: datetime
) -> list[outbox.Mail]:
    change, granted = outcome.intent.change, outcome.granted
    assert granted is not None and change.after is not None  # noqa: S101, PT018 - only asked for what was given
    locks = scope.rules.openings.locks if scope.rules.openings is not None else {}
    made = [
        access_mail(
            scope.studio,
            kind,
            grant_id=outcome.intent.grant_id,
            source=change.source,
            member=member,
            doors=[locks.get(lock, lock) for lock in change.opens.locks],
            window=(change.valid_from, change.valid_until),
            # What the door is to be opened with is the studio's choice, row by row. Where the vendor gave no link,
            # only the code opens it.
            code=(granted.code or outcome.intent.code)
            if change.after.credential != "link" or not granted.url
            else None,
            url=granted.url if change.after.credential != "code" else None,
            reference=change.reference,
            now=now,
            own=own,
        )
        for kind in ("access", "access_reminder")
    ]
    return [mail for mail in made if mail is not None]


def _subject(scope: Scope, outcome: Outcome) -> str:
    return f"{outcome.intent.change.ref} @ {scope.name}: {outcome.intent.grant_id}"


async def _nobody_to_tell(scope: Scope, db: AsyncConnection, outcome: Outcome, now: datetime) -> None:
    change = outcome.intent.change
    await journal.raise_item(
        db,
        scope.studio.id,
        code=NO_ADDRESS,
        subject=_subject(scope, outcome),
        connection=scope.name,
        text=f"{change.name} ({change.ref}) has no e-mail address in {change.source}, so nobody told them how to open "
        f"{scope.rules.names_of(change.opens.locks)}.",
        fix=f"Tell them yourself: `studiohub grants --member {change.ref} --reveal`; or enter the address in "
        f"{change.source}.",
        weight=3,
        now=now,
    )
