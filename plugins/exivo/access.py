"""Access in exivo: read the person, write only what differs, read back.

A person opens a door with a group and a medium. They have at most one group, and assigning another silently replaces
it; so a group that the hub did not put there is a conflict, not something to replace.
"""

from __future__ import annotations

from typing import Any

from hub import Conflict, FixRecord, NotFound, Refused, RetryLater, grants
from plugins.exivo import badges, wire
from plugins.exivo.client import Exivo
from plugins.exivo.people import check_marker, find, settled
from plugins.exivo.wire import PersonSeen
from plugins.exivo.work import Work

__all__ = ["grant", "observed", "revoke"]


async def grant(api: Exivo, wanted: grants.Grant) -> grants.Granted:
    """Make group, dates and badges of a person be as wanted, and confirm it."""
    if wanted.person_id is None or wanted.opens.group is None:
        raise FixRecord(f"{wanted.member} has no person in exivo to give access to")
    before = await api.person_once(wanted.person_id)
    check_marker(before, wanted.marker, wanted.member)
    if before.group is not None and before.group != wanted.opens.group and before.group not in wanted.our_groups:
        raise Conflict(
            f"somebody put {wanted.label or wanted.member} into another access group in exivo by hand",
            fix="Take the person out of that group in exivo if the hub shall decide again.",
            code="moved_by_hand",
        )
    work = Work()
    await badges.take_back(api, before, wanted.our_badges - {badge.number for badge in wanted.badges}, work)
    # Dates come before what opens doors, so that a crash in between leaves nobody without an end; and before lifting
    # the block, which a past end date would bring back.
    if await _dates(api, before, wanted, work):
        # Without its end, access would outlast the pass, and go on even where the hub never runs again.
        raise FixRecord(
            f"exivo refused the end date for {wanted.label or wanted.member}, and without it the door stays closed",
            said=work.said,
            code="refused",
        )
    await badges.give(api, before, wanted, work)
    if before.group != wanted.opens.group:
        work.wrote(await api.assign_group(before.id, wanted.opens.group))
    if before.revoked:
        work.wrote(await api.unrevoke(before.id))
    # The answer to a change of dates shows the person: where nothing followed, it is what would be read back. Only
    # good news is taken from it.
    try:
        seen = (work.latest or await api.person(before.id)) if work.writes else before
    except RetryLater as error:
        if error.code != "settling" or work.obstacles:
            raise
        return grants.Granted(vendor_id=before.id, confirmed=False)
    lacking = await _lacking(api, seen, wanted)
    if lacking and seen is work.latest:
        seen = await api.person(before.id)
        lacking = await _lacking(api, seen, wanted)
    if work.obstacles:
        raise min(work.obstacles, key=lambda error: not isinstance(error, FixRecord))
    if lacking and work.refusals:
        raise FixRecord(
            f"exivo refused {', '.join(lacking)} for {wanted.label or wanted.member}", said=work.said, code="refused"
        )
    return grants.Granted(vendor_id=seen.id, confirmed=not lacking, notes=await badges.blocked(api, seen, wanted, work))


async def revoke(api: Exivo, wanted: grants.Grant) -> grants.Revoked:
    """Take group and badges back and block the person; only what the hub gave. Gone is success."""
    before = await _person_of(api, wanted)
    if before is None:
        return grants.Revoked()
    check_marker(before, wanted.marker, wanted.member)
    work = Work()
    ours = before.group is None or before.group in wanted.our_groups
    block = ours and not wanted.person_by_hand
    if block and not before.revoked:
        work.wrote(await api.revoke(before.id))
    if ours and before.group is not None:
        work.wrote(await api.unassign_group(before.id))
    await badges.take_back(api, before, wanted.our_badges, work)
    try:
        seen = await api.person(before.id) if work.writes else before
    except NotFound:
        return grants.Revoked()
    lacking = await _still_there(api, seen, wanted, ours=ours, block=block)
    if lacking and work.refusals:
        raise FixRecord(
            f"exivo refused to take {', '.join(lacking)} from {wanted.label or wanted.member}",
            said=work.said,
            code="refused",
        )
    return grants.Revoked(confirmed=not lacking, notes=() if ours else (_moved_by_hand(wanted),))


async def _person_of(api: Exivo, wanted: grants.Grant) -> PersonSeen | None:
    """The person of a grant that is taken back; None where there is none (any more)."""
    if wanted.person_id is not None:
        try:
            return await api.person(wanted.person_id)
        except NotFound:
            return None
    if not wanted.look_first:
        return None
    found = (await find(api, {wanted.marker})).get(wanted.marker)
    if found is None:
        settled(api, wanted.sure_after, f"{wanted.member} was created")
    return found


async def _still_there(api: Exivo, seen: PersonSeen, wanted: grants.Grant, *, ours: bool, block: bool) -> list[str]:
    """What should be gone and isn't, in words."""
    parts = []
    if ours and seen.group is not None:
        parts.append("the access group")
    if block and not seen.revoked:
        parts.append("the right to open doors")
    numbers = {number for medium in await badges.held(api, seen.media) for number in medium.numbers}
    return [*parts, *(f"badge {number}" for number in sorted(wanted.our_badges & numbers))]


def _moved_by_hand(wanted: grants.Grant) -> grants.Note:
    return grants.Note(
        "moved_by_hand",
        f"{wanted.label or wanted.member} is in an access group that somebody chose in exivo by hand, and can still "
        "open its doors with any other badge.",
        "Take the person out of that group in exivo if they should not.",
    )


async def _dates(api: Exivo, seen: PersonSeen, wanted: grants.Grant, work: Work) -> bool:
    """Write the dates that differ; returns whether exivo refused an end that it then does not hold."""
    payload: dict[str, Any] = {}
    if not wire.same_moment(seen.exit, wanted.valid_until):
        payload["exitDate"] = wire.timestamp(wanted.valid_until)
    if _entry_differs(api, seen, wanted):
        payload["entryDate"] = wire.timestamp(wanted.valid_from)
    if not payload:
        return False
    try:
        work.wrote(None, await api.change_person(seen.id, payload))
    except Refused as refused:
        work.wrote(refused)
        if wanted.valid_until is None or "exitDate" not in payload:
            return False
        # Refused may also mean that it is so already.
        return not wire.same_moment((await api.person(seen.id)).exit, wanted.valid_until)
    return False


def _entry_differs(api: Exivo, seen: PersonSeen, wanted: grants.Grant) -> bool:
    """Whether the start date is missing or would keep the person out. An earlier one does no harm and stays."""
    if wanted.valid_from is None:
        return seen.entry is not None and seen.entry > api.connection.clock.now()
    return seen.entry is None or seen.entry > wanted.valid_from


async def _lacking(api: Exivo, seen: PersonSeen, wanted: grants.Grant) -> list[str]:
    """What is not as wanted, in words."""
    parts = []
    if seen.group != wanted.opens.group:
        parts.append("the access group")
    if seen.revoked:
        parts.append("lifting the block")
    if not wire.same_moment(seen.exit, wanted.valid_until):
        parts.append("the end date")
    if _entry_differs(api, seen, wanted):
        parts.append("the start date")
    numbers = {number for medium in await badges.held(api, seen.media) for number in medium.numbers}
    return [*parts, *(f"badge {badge.number}" for badge in wanted.badges if badge.number not in numbers)]


async def observed(api: Exivo, person: PersonSeen, *, listed: bool = False) -> grants.Observed:
    """A person as the hub compares them. `listed`: the media were all read a moment ago, so what is not among them is
    no medium and nobody is asked about it."""
    if listed:
        known = [api.inventory.known(medium_id) for medium_id in sorted(person.media)]
        media = [medium for medium in known if medium is not None]
    else:
        media = await badges.held(api, person.media)
    return grants.Observed(
        vendor_id=person.id,
        marker=person.marker,
        alive=not person.revoked,
        opens=grants.Opens(group=person.group) if person.group is not None else None,
        valid_from=person.entry,
        valid_until=person.exit,
        badges=frozenset(number for medium in media for number in medium.numbers),
        notes=tuple(
            badges.note_blocked(medium, person.name) for medium in media if medium.blocked and person.marker is not None
        ),
    )
