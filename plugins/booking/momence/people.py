"""Members with their tags, and the passes of one member."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from functools import partial
from typing import Any

from hub.records import Badge, CommunityMember, Member, Page, Problem
from plugins.booking.momence import profile, rows, values, wire
from plugins.booking.momence.client import Momence
from plugins.booking.momence.state import Reading

__all__ = ["member_items", "member_pages", "passes_of"]


async def member_pages(api: Momence, kinds: frozenset[str], reading: Reading) -> AsyncGenerator[Page | Problem, None]:
    """Every member. There is no filter for what changed (S1), so all of them are read each time."""
    async with reading.whole(*kinds & {"member", "community_member", "badge"}):
        async for page in api.pages(wire.MEMBERS, wire.SMALL_PAGE):
            for item in member_items(api, reading, page, kinds, wire.MEMBERS):
                yield item


def member_items(
    api: Momence, reading: Reading, listed: list[Any], kinds: frozenset[str], where: str
) -> list[Page | Problem]:
    """Members and their tags from rows. Tags that can't be read keep the memberships of communities from being
    complete, as it isn't known which these are."""
    items: list[Page | Problem] = []
    notes: list[Page | Problem] = []

    def make(raw: Any) -> Member:
        found, unread = profile.member(raw, api.settings.customer_fields)
        fix = "Correct the field in the Momence dashboard, or name another label in customer_fields."
        notes.extend(Problem("member", "", f"{where}, member {found.id}", note, fix) for note in unread)
        return found

    if "member" in kinds:
        items += reading.records("member", where, listed, make)
    if "badge" in kinds and api.settings.badge_field is not None:
        items += _badges(api, reading, listed, where)
    if "community_member" in kinds:
        tagged: list[CommunityMember] = []
        for raw in listed:
            try:
                tagged += rows.tags_of(raw, values.identifier(raw))
            except values.Unreadable as error:
                items.append(reading.problem("community_member", None, where, error))
        if tagged:
            items.append(Page("community_member", tagged))
    return items + notes


def _badges(api: Momence, reading: Reading, listed: list[Any], where: str) -> list[Page | Problem]:
    """Badge numbers from the customer field that the studio keeps them in. An empty field says that there is none."""
    settings = api.settings
    items: list[Page | Problem] = []
    found: list[Badge] = []
    without: list[str] = []
    for raw in listed:
        try:
            key = values.identifier(raw)
            badge = profile.badge(raw, settings.badge_field or "", settings.badge_numbers)
        except values.Unreadable as error:
            items.append(reading.problem("badge", values.id_or_none(raw), where, error))
            continue
        if badge is None:
            without.append(key)
        else:
            found.append(badge)
    if found or without:
        items.append(Page("badge", found, gone=without))
    return items


async def passes_of(api: Momence, reading: Reading, member_id: str) -> AsyncGenerator[Page | Problem, None]:
    """The passes of a member that Momence calls active, frozen ones too; at least one item, as a sign of life. Raises
    NotFound."""
    path = wire.passes_path(member_id)
    make = partial(rows.bought, member_id=member_id, zone=api.connection.timezone)
    found = False
    async for page in api.pages(path, wire.LARGE_PAGE, includeFrozen="true"):
        for item in reading.records("member_pass", path, page, make):
            found = True
            yield item
    if not found:
        yield Page("member_pass")
