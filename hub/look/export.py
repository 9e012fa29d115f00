"""Results taken out as a table, written down in the audit."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from hub import times
from hub.classes.table import writing
from hub.core import Hub
from hub.look.members import find_member
from hub.look.rides import rides_after
from hub.store import journal
from hub.words import counted

__all__ = ["export_rides"]

PIECE = 1000


async def export_rides(
    hub: Hub,
    file: Path,
    *,
    who: str,
    member: str | None = None,
    first: date | None = None,
    last: date | None = None,
) -> int:
    """Write what counts into a table, piece by piece; returns how many results. `member` as somebody types it; `first`
    and `last` are days of the studio, both included. The ending of the file says the format. Raises UserError."""
    studio, zone, seen, count = hub.the_studio, times.zone(hub.the_studio.timezone), 0, 0
    since = times.day_start(first, zone) if first is not None else None
    until = times.day_end(last, zone) if last is not None else None
    async with hub.database.read() as db:
        found = await find_member(db, studio, member) if member is not None else None
    with writing(file) as table:
        while True:
            async with hub.database.read() as db:
                rides = await rides_after(
                    db,
                    hub.vault,
                    studio,
                    seen,
                    limit=PIECE,
                    source=found.source if found else None,
                    member=found.member_id if found else None,
                    since=since,
                    until=until,
                )
            if not rides:
                break
            table.write(rides)
            seen, count = rides[-1].result_id, count + len(rides)
    async with hub.database.write() as db:
        detail = f"{counted(count, 'result')}{f' of {found.ref}' if found else ''}"
        await journal.add_audit(db, studio.id, who=who, act="metrics export", detail=detail, now=hub.clock.now())
    return count
