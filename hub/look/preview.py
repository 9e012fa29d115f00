"""What a mail would say to a real member."""

from __future__ import annotations

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import records as r
from hub.classes.summaries import instructor_of, place_in
from hub.core import Hub
from hub.errors import UserError
from hub.look.grants import list_grants
from hub.look.members import Found
from hub.look.reveal import kept_of
from hub.look.rides import find_class, hidden, rides_of, rides_of_class
from hub.notify.access_mail import access_values
from hub.notify.class_mail import SUMMARY, account_values, summary_values
from hub.notify.wording import language_of
from hub.store import tables as t
from hub.studio.registry import Studio

__all__ = ["previewed", "real_values"]

_MASKED = "••••••"
"""What stands for a code: previews are looked at by more eyes than a member's mail."""

MOST = 30
AMONG = 20 * MOST
"""How many of the newest rows they are looked for in: to group a hundred thousand takes longer than to show a mail."""


async def previewed(db: AsyncConnection, studio: Studio, kind: str) -> list[str]:
    """The last members (`source:id`) for whom a mail of that kind can be shown; of those with results, only who is
    shown to others."""
    if kind not in _LAST:
        return []
    table, at, kept = _LAST[kind]
    c, row = t.connection.c, table.c
    where = [c.studio_id == studio.id, kept]
    if "studio_id" in row:
        # The same once more, for the index.
        where.append(row.studio_id == studio.id)
    newest = (
        select(c.name, row.member, at.label("at"))
        .join(t.connection, c.id == row.source_id)
        .where(*where)
        .order_by(at.desc())
        .limit(AMONG)
        .subquery()
    )
    last = func.max(newest.c.at)
    query = (
        select(newest.c.name, newest.c.member, last)
        .group_by(newest.c.name, newest.c.member)
        .order_by(last.desc(), newest.c.member)
        .limit(MOST)
    )
    found = [f"{source}:{member}" for source, member, _ in (await db.execute(query)).all()]
    unseen = await hidden(db, studio, found) if kind == SUMMARY else frozenset[str]()
    return [member for member in found if member not in unseen]


_VISITS = (t.ledger, t.ledger.c.created_at, t.ledger.c.state == "active")
_LAST = {
    "access": _VISITS,
    "access_reminder": _VISITS,
    SUMMARY: (t.result, t.result.c.starts_at, t.result.c.dropped.is_(False)),
    "account_created_member": (t.link, t.link.c.linked_at, t.link.c.state == "linked"),
}


async def real_values(
    db: AsyncConnection, hub: Hub, kind: str, found: Found, *, class_: str | None = None, language: str | None = None
) -> tuple[str, dict[str, str]]:
    """The language that a member is written to in (or the one that was asked for), and what a template of that kind
    shows for them: of that class, or of their last class or grant. Codes and links are masked. Raises UserError."""
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
    if kind in {"access", "access_reminder"}:
        return chosen, await _access(db, studio, found, member, chosen)
    if kind != SUMMARY:
        raise UserError(f"{kind} can't be shown with a real member", fix="Leave out --member.")
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


async def _access(db: AsyncConnection, studio: Studio, found: Found, member: r.Member, language: str) -> dict[str, str]:
    grants = await list_grants(db, studio, member=found.member_id, source=found.source, status="created", limit=1)
    if not grants:
        raise UserError(f"{found.name} can open nothing now", fix=f"`studiohub explain {found.ref}` says why.")
    grant = grants[0]
    kept = await kept_of(db, studio, grant.id)
    values = access_values(
        studio,
        language,
        member,
        grant.opens_text.split(", ") if grant.opens_text else [],
        (grant.valid_from, grant.valid_until),
        code=_MASKED if kept.code else None,
        url=None,
        reference=grant.record.removeprefix("booking:") if grant.record.startswith("booking:") else None,
    )
    return {**values, "link": f"https://{_MASKED}" if kept.url else ""}
