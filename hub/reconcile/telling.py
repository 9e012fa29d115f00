"""Telling members about their visits: the mails that belong to an outcome, put into the outbox with it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.access.doors import references
from hub.engine.lanes import Lease
from hub.notify import outbox, own_templates
from hub.notify.access_mail import access_mail, mail_names
from hub.reconcile.diff import decode_wanted
from hub.reconcile.ledger import Outcome
from hub.reconcile.scope import Scope
from hub.store import among, journal
from hub.store import tables as t

__all__ = ["tell_late", "tell_visitors"]

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
        granted = outcome.granted
        assert granted is not None and change.after is not None  # noqa: S101, PT018 - only asked for what was given
        new = _mails(
            scope,
            member,
            own,
            now,
            grant_id=outcome.intent.grant_id,
            vendor_id=granted.vendor_id,
            source=change.source,
            locks=change.opens.locks,
            window=(change.valid_from, change.valid_until),
            credential=change.after.credential,
            code=granted.code or outcome.intent.code,
            url=granted.url,
            reference=change.reference if _is_booked(change.record) else "",
        )
        if change.grant_id is not None:
            # Not the first try. Where the visit had to be made anew, what still waits names a way in that no longer is
            # one.
            await journal.solve(db, scope.studio.id, code=NO_ADDRESS, subject=_subject(scope, outcome), now=now)
            names = mail_names(outcome.intent.grant_id)
            await outbox.withdraw(db, scope.studio.id, names, but=[mail.name for mail in new])
        mails += new
    await outbox.put(db, scope.studio.id, mails, seal=scope.vault.seal, now=now)


async def tell_late(scope: Scope, lease: Lease) -> None:
    """Write to members who had no address when they were given a visit and have one now: their record was read after
    their booking, or the address was entered since. The visit still has to stand."""
    i = t.inbox.c
    open_items = (i.studio_id == scope.studio.id, i.code == NO_ADDRESS, i.solved_at.is_(None))
    query = select(i.subject).where(*open_items, i.connection == scope.name)
    async with scope.database.read() as db:
        subjects = {subject.rpartition(": ")[2]: subject for subject in (await db.execute(query)).scalars()}
        rows = await _reachable(scope, db, subjects) if subjects and scope.studio.mail.access else []
    if not rows:
        return
    now = scope.connection.clock.now()
    async with scope.database.write() as db:
        await lease.check(db)
        own = await own_templates.load(db, scope.studio.id)
        for row, member in rows:
            wanted = decode_wanted(row.applied)
            mails = _mails(
                scope,
                member,
                own,
                now,
                grant_id=row.id,
                vendor_id=row.vendor_id,
                source=scope.sources[row.source_id],
                locks=wanted.opens.locks,
                window=(row.valid_from, row.valid_until),
                credential=wanted.credential,
                code=scope.vault.open(row.sealed_code) if row.sealed_code is not None else None,
                url=scope.vault.open(row.sealed_url) if row.sealed_url is not None else None,
                reference=await _reference(db, row),
            )
            await outbox.put(db, scope.studio.id, mails, seal=scope.vault.seal, now=now)
            await journal.solve(db, scope.studio.id, code=NO_ADDRESS, subject=subjects[row.id], now=now)


async def _reachable(scope: Scope, db: AsyncConnection, grants: Collection[str]) -> list[tuple[Any, r.Member]]:
    """The grants that stand, of these, whose members have an address by now."""
    c = t.ledger.c
    standing = (c.target_id == scope.target_id, c.state == "active", c.applied.is_not(None))
    rows = (await db.execute(select(t.ledger).where(*standing, among(c.id, sorted(grants), db)))).all()
    found = []
    for row in rows:
        member = await _record(db, row.source_id, "member", row.member) if row.source_id in scope.sources else None
        if isinstance(member, r.Member) and member.email:
            found.append((row, member))
    return found


def _is_booked(record: str | None) -> bool:
    """Whether a grant rests on bookings: only they have a number that tells a member something."""
    return any(kind == "booking" for kind, _ in references(record or ""))


async def _reference(db: AsyncConnection, row: Any) -> str:
    """The bookings that a grant is for, in the source's words."""
    names = []
    for kind, name in references(row.record or ""):
        if kind != "booking":
            continue
        found = await _record(db, row.source_id, kind, name)
        names.append((found.number if isinstance(found, r.Booking) else None) or name)
    return ", ".join(dict.fromkeys(names))


async def _record(db: AsyncConnection, source_id: int, kind: str, record_id: str) -> r.Record | None:
    c = t.record.c
    query = select(c.data).where(
        c.source_id == source_id, c.kind == kind, c.record_id == record_id, c.deleted_at.is_(None)
    )
    data = (await db.execute(query)).scalar_one_or_none()
    found: r.Record | None = r.decoder(kind).decode(data) if data is not None else None
    return found


def _mails(
    scope: Scope,
    member: r.Member,
    own: own_templates.OwnTemplates,
    now: datetime,
    *,
    grant_id: str,
    vendor_id: str | None,
    source: str,
    locks: Sequence[str],
    window: tuple[datetime | None, datetime | None],
    credential: str | None,
    code: str | None,
    url: str | None,
    reference: str,
) -> list[outbox.Mail]:
    known = scope.rules.openings.locks if scope.rules.openings is not None else {}
    made = [
        access_mail(
            scope.studio,
            kind,
            grant_id=grant_id,
            source=source,
            member=member,
            doors=[known.get(lock, lock) for lock in locks],
            window=window,
            # What the door is to be opened with is the studio's choice, row by row. Where the vendor gave no link,
            # only the code opens it.
            code=code if credential != "link" or not url else None,
            url=url if credential != "code" else None,
            reference=reference,
            now=now,
            own=own,
            version=scope.fingerprint(f"{vendor_id} {code}")[:8],
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
