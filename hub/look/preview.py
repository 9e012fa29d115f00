"""What a mail about classes would say to a real member."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.classes.summaries import instructor_of, place_in
from hub.core import Hub
from hub.errors import UserError
from hub.look.members import Found
from hub.look.rides import find_class, hidden, rides_of, rides_of_class
from hub.notify.class_mail import SUMMARY, account_values, summary_values
from hub.notify.wording import language_of
from hub.store import tables as t

__all__ = ["real_values"]


async def real_values(
    db: AsyncConnection, hub: Hub, kind: str, found: Found, *, class_: str | None = None, language: str | None = None
) -> tuple[str, dict[str, str]]:
    """The language that a member is written to in (or the one that was asked for), and what a template of that kind
    shows for them: of that class, or of their last one. Raises UserError."""
    studio, record = hub.the_studio, t.record.c
    query = select(record.data).where(
        record.source_id == found.source_id, record.kind == "member", record.record_id == found.member_id
    )
    data = (await db.execute(query)).scalar_one_or_none()
    member = r.decoder("member").decode(data) if data is not None else r.Member(id=found.member_id)
    chosen = language or language_of(member.language, studio.language)
    if kind == "account_created_member":
        trackers = [hub.plugins[row.plugin] for row in await hub.connections() if row.options is not None]
        title = next((plugin.title for plugin in trackers if plugin.kind == "tracker"), None)
        values = account_values(studio, member, chosen, tracker=title or "")
        return chosen, {name: value for name, value in values.items() if value or name != "tracker"}
    if kind != SUMMARY:
        raise UserError(
            f"{kind} can't be shown with a real member",
            fix=f"Leave out --member; {SUMMARY} and account_created_member can.",
        )
    event_id = await find_class(db, studio, class_) if class_ is not None else None
    rides = await rides_of(db, hub.vault, studio, found.source, found.member_id)
    ride = next((ride for ride in rides if event_id in (None, ride.event_id)), None)
    if ride is None:
        where = " of that class" if event_id is not None else ""
        raise UserError(f"{found.name} has no result{where}", fix=f"`studiohub metrics {found.ref}` lists them.")
    of_class = await rides_of_class(db, hub.vault, studio, ride.event_id)
    unseen = await hidden(db, studio, [one.member for one in of_class])
    e = t.event.c
    event = (await db.execute(select(e.source_id, e.session_id).where(e.id == ride.event_id))).one()
    instructor = await instructor_of(db, event.source_id, event.session_id)
    place = place_in(ride, of_class, unseen)
    return chosen, summary_values(studio, ride, member, chosen, instructor=instructor, place=place)
