"""Who is whom at a vendor, and setting that by hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from hub.core import Hub
from hub.errors import UserError
from hub.look.members import find_member
from hub.store import tables as t
from hub.studio.editing import edit_rows, make_row, rows_of
from hub.studio.model import LinkRow

__all__ = ["LinkView", "clear_link", "list_links", "set_link"]


@dataclass(frozen=True)
class LinkView:
    """A member and their id at a target. `state`: linked, asked (being looked for), conflict, or new."""

    member: str
    name: str
    target: str
    vendor_id: str | None
    by_hand: bool
    state: str
    note: str

    def as_json(self) -> dict[str, Any]:
        """As `--json` prints it."""
        names = ("member", "name", "target", "vendor_id", "by_hand", "state", "note")
        return {name: getattr(self, name) for name in names}


async def list_links(hub: Hub, *, target: str | None = None, conflicts: bool = False) -> list[LinkView]:
    """The links of the studio, conflicts first; those that were set by hand and not looked at yet among them."""
    from hub.records import decoder

    link, rec, c = t.link.c, t.record.c, t.connection.c
    rows = {row.id: row for row in await hub.connections()}
    by_hand = {(row.target, row.member): row.id for row in await rows_of(hub, "links") if isinstance(row, LinkRow)}
    query = (
        select(t.link, rec.data)
        .join(t.connection, c.id == link.target_id)
        .outerjoin(
            t.record,
            (rec.source_id == link.source_id) & (rec.kind == "member") & (rec.record_id == link.member),
        )
        .where(c.studio_id == hub.the_studio.id)
        .order_by(link.target_id, link.source_id, link.member)
    )
    found: dict[tuple[str, str], LinkView] = {}
    async with hub.database.read() as db:
        for row in await db.execute(query):
            at, member = rows[row.target_id].name, f"{rows[row.source_id].name}:{row.member}"
            named = by_hand.get((at, member))
            name = decoder("member").decode(row.data).name if row.data else row.member
            found[at, member] = LinkView(
                member, name, at, named or row.vendor_id, named is not None, row.state, row.note or ""
            )
    for (at, member), named in by_hand.items():
        found.setdefault((at, member), LinkView(member, member, at, named, True, "new", ""))
    views = [view for view in found.values() if target in {None, view.target}]
    views = [view for view in views if view.state == "conflict" or not conflicts]
    return sorted(views, key=lambda view: (view.state != "conflict", view.target, view.member))


async def set_link(hub: Hub, member: str, target: str, vendor_id: str, *, who: str) -> str:
    """Say by hand who a member is at a target; returns the member as `source:id`.

    Raises UserError for a member or target that is not known, and for an id that another member was given.
    """
    await _target(hub, target)
    ref = await _ref(hub, member)
    rows = await rows_of(hub, "links")
    other = next(
        (row for row in rows if isinstance(row, LinkRow) and (row.target, row.id) == (target, vendor_id)), None
    )
    if other is not None and other.member != ref:
        raise UserError(
            f"{vendor_id} at {target} is {other.member} by hand",
            fix=f"`studiohub links clear {other.member} {target}` first.",
            code="link_taken",
        )
    made = await make_row(hub, "links", {"member": ref, "target": target, "id": vendor_id})
    kept = [row for row in rows if not (isinstance(row, LinkRow) and (row.target, row.member) == (target, ref))]
    await edit_rows(hub, "links", [*kept, made], who, seen=rows)
    return ref


async def clear_link(hub: Hub, member: str, target: str, *, who: str) -> str:
    """Take away what was said by hand; returns the member. Raises UserError where nothing was."""
    await _target(hub, target)
    rows = await rows_of(hub, "links")
    named = {row.member for row in rows if isinstance(row, LinkRow) and row.target == target}
    ref = member if member in named else await _ref(hub, member)
    if ref not in named:
        raise UserError(f"{ref} has no link by hand at {target}", fix="`studiohub links` lists them.", code="no_link")
    kept = [row for row in rows if not (isinstance(row, LinkRow) and (row.target, row.member) == (target, ref))]
    await edit_rows(hub, "links", kept, who, seen=rows)
    return ref


async def _target(hub: Hub, name: str) -> None:
    row = await hub.connection_row(name)
    if row.options is None:
        raise UserError(f"{name} is a booking system; people are linked at locks and trackers")


async def _ref(hub: Hub, member: str) -> str:
    async with hub.database.read() as db:
        return (await find_member(db, hub.the_studio, member)).ref
