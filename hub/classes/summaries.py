"""Telling riders what they rode: the mails that go with results, put into the outbox with them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.classes.page_link import page_link
from hub.classes.result_store import Seated, seated_in
from hub.classes.rides import Ride
from hub.classes.scope import TrackerScope
from hub.classes.trends import ranking
from hub.look.rides import hidden, rides_of_class
from hub.notify import outbox, own_templates
from hub.notify.class_mail import summary_mail
from hub.store import journal
from hub.store import tables as t

__all__ = ["NO_ADDRESS", "instructor_of", "place_in", "tell_late", "tell_riders"]

NO_ADDRESS = "no_address"

STALE = timedelta(days=7)
"""After so long nobody is told any more what they rode: it stands on their page."""


async def tell_riders(
    scope: TrackerScope, db: AsyncConnection, event: Any, riders: Sequence[Seated], *, now: datetime
) -> None:
    """Put the summaries of these riders' results into the outbox. Part of the transaction that stores the results, so
    that each rider is told once of each class."""
    if not riders or not scope.studio.mail.summary:
        return
    mails: list[outbox.Mail] = []
    own = await own_templates.load(db, scope.studio.id)
    rides = await rides_of_class(db, scope.vault, scope.studio, event.id)
    unseen = await hidden(db, scope.studio, [ride.member for ride in rides])
    instructor = await instructor_of(db, event.source_id, event.session_id)
    by_member = {ride.member: ride for ride in rides}
    for rider in riders:
        ride = by_member.get(rider.ref)
        if ride is None:
            continue
        subject = f"{rider.ref} @ {scope.name}: {event.id}"
        if rider.member is None or not rider.member.email:
            await _nobody_to_tell(scope, db, rider, ride, subject, now)
            continue
        await journal.solve(db, scope.studio.id, code=NO_ADDRESS, subject=subject, now=now)
        mail = summary_mail(
            scope.studio,
            ride,
            rider.member,
            instructor=instructor,
            place=place_in(ride, rides, unseen),
            page_link=page_link(scope, rider.source_id, rider.member_id, now=now),
            own=own,
        )
        mails += [mail] if mail is not None else []
    if mails:
        scope.count("summaries", len(mails))
    await outbox.put(db, scope.studio.id, mails, seal=scope.vault.seal, now=now)


async def tell_late(scope: TrackerScope) -> None:
    """Write to riders who had no address when their results came and have one now; what is long over needs nobody any
    more."""
    i, e, now = t.inbox.c, t.event.c, scope.connection.clock.now()
    open_items = (i.studio_id == scope.studio.id, i.code == NO_ADDRESS, i.solved_at.is_(None))
    query = select(i.subject).where(*open_items, i.connection == scope.name)
    async with scope.database.read() as db:
        subjects = list((await db.execute(query)).scalars())
    for event_id in sorted({subject.rpartition(": ")[2] for subject in subjects}):
        about = {subject.rpartition(" @ ")[0]: subject for subject in subjects if subject.endswith(f": {event_id}")}
        async with scope.database.read() as db:
            event = (await db.execute(select(t.event).where(e.id == event_id))).one_or_none()
            stale = event is None or event.ends_at + STALE < now or event.source_id not in scope.sources
            seated = [] if stale else await seated_in(db, scope, event)
        reachable = [one for one in seated if one.ref in about and one.member is not None and one.member.email]
        if not reachable and not stale:
            continue
        async with scope.database.write() as db:
            await scope.lease.check(db)
            await tell_riders(scope, db, event, reachable, now=now)
            for subject in about.values() if stale else ():
                await journal.solve(db, scope.studio.id, code=NO_ADDRESS, subject=subject, now=now)


def place_in(ride: Ride, rides: Sequence[Ride], unseen: Collection[str]) -> tuple[int, int] | None:
    """A rider's place in the class and of how many, as others see it too; None for who is not shown to them, and where
    there is nobody to compare with."""
    places = ranking(rides, hidden=unseen)
    own = next((place.rank for place in places if place.ride.member == ride.member), None)
    return (own, len(places)) if own is not None and len(places) > 1 else None


async def instructor_of(db: AsyncConnection, source_id: int, session_id: str) -> str:
    """The name of who gave a class; empty where the source doesn't say."""
    session = await _record(db, source_id, "session", session_id)
    if not isinstance(session, r.Session) or session.instructor_id is None:
        return ""
    found = await _record(db, source_id, "instructor", session.instructor_id)
    return found.name if isinstance(found, r.Instructor) else ""


async def _record(db: AsyncConnection, source_id: int, kind: str, record_id: str) -> r.Record | None:
    c = t.record.c
    query = select(c.data).where(c.source_id == source_id, c.kind == kind, c.record_id == record_id)
    data = (await db.execute(query)).scalar_one_or_none()
    found: r.Record | None = r.decoder(kind).decode(data) if data is not None else None
    return found


async def _nobody_to_tell(
    scope: TrackerScope, db: AsyncConnection, rider: Seated, ride: Ride, subject: str, now: datetime
) -> None:
    await journal.raise_item(
        db,
        scope.studio.id,
        code=NO_ADDRESS,
        subject=subject,
        connection=scope.name,
        text=f"{rider.name or rider.ref} ({rider.ref}) has no e-mail address in {rider.source}, so nobody told them "
        f"their results of {ride.name or ride.session} on {ride.starts_at.astimezone(scope.zone):%d %b %Y}.",
        fix=f"Enter the address in {rider.source} within a week, and they are told then; "
        f"`studiohub metrics {rider.ref}` shows the results.",
        weight=4,
        now=now,
    )
