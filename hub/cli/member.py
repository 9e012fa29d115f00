"""Members' own pages."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

from cyclopts import Parameter, validators

from hub import member_links
from hub.cli import output
from hub.cli.opened import opened, who
from hub.errors import UserError
from hub.look.members import find_member
from hub.store import journal

__all__ = ["member_link_"]

LONGEST = 366


async def member_link_(
    member: str, /, *, days: Annotated[int | None, Parameter(validator=validators.Number(gte=1, lte=LONGEST))] = None
) -> None:
    """Print the address of a member's own page. Whoever has it sees and changes what is theirs: give it to nobody else.

    Parameters
    ----------
    member:
        The member (connection:id, id, e-mail or full name).
    days:
        How long it is good; STUDIOHUB_MEMBER_LINK_DAYS (30) where it is left out.
    """
    async with opened() as hub:
        base = hub.settings.public_url
        if not base:
            raise UserError(
                "nobody has said under which address members reach the daemon",
                fix="Set STUDIOHUB_PUBLIC_URL, such as https://hub.example.",
                code="no_public_url",
            )
        days = days or hub.settings.member_link_days
        studio, now = hub.the_studio, hub.clock.now()
        async with hub.database.write() as db:
            found = await find_member(db, studio, member)
            await journal.add_audit(
                db, studio.id, who=who(), act="member-link", subject=found.ref, detail=f"{days} days", now=now
            )
        link = member_links.make_link(
            hub.vault, base, studio.id, found.source_id, found.member_id, now, lasts=timedelta(days=days)
        )
    output.line(link, reveal=True)
    output.say(f"Good for {days} days. It opens the page of {found.name} ({found.ref}) without a password.")
