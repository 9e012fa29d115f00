"""Access in exivo: read the person, write only what differs, read back.

A person opens a door with a group and a medium. They have at most one group, and assigning another silently replaces
it; so a group that the hub did not put there is a conflict, not something to replace.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from hub import Conflict, FixRecord, NotFound, Refused, RetryLater, grants
from plugins.exivo import wire
from plugins.exivo.client import Exivo
from plugins.exivo.people import check_marker
from plugins.exivo.wire import Medium, PersonSeen

__all__ = ["grant", "observed", "revoke"]


@dataclass
class _Work:
    """What was written for one grant, and what the vendor refused."""

    writes: int = 0
    refusals: list[Refused] = field(default_factory=list)

    def note(self, refused: Refused | None) -> None:
        """One more write."""
        self.writes += 1
        if refused is not None:
            self.refusals.append(refused)

    @property
    def said(self) -> str:
        """The vendor's words about what it refused."""
        return "; ".join(dict.fromkeys(refused.said or refused.what for refused in self.refusals))


async def grant(api: Exivo, wanted: grants.Grant) -> grants.Granted:
    """Make group, dates and badges of a person be as wanted, and confirm it."""
    if wanted.person_id is None or wanted.opens.group is None:
        raise FixRecord(f"{wanted.member} has no person in exivo to give access to")
    seen = await api.person_once(wanted.person_id)
    check_marker(seen, wanted.marker, wanted.member)
    if seen.group is not None and seen.group != wanted.opens.group and seen.group not in wanted.our_groups:
        raise Conflict(
            f"somebody put {wanted.label or wanted.member} into another access group in exivo by hand",
            fix="Take the person out of that group in exivo if the hub shall decide again.",
            code="moved_by_hand",
        )
    work = _Work()
    numbers = {badge.number for badge in wanted.badges}
    await _take_back(api, seen, wanted.our_badges - numbers, work)
    await _dates(api, seen, wanted, work)
    for badge in wanted.badges:
        await _give(api, seen, badge, wanted, work)
    if seen.group != wanted.opens.group:
        work.note(await api.assign_group(seen.id, wanted.opens.group))
    if seen.revoked:
        work.note(await api.unrevoke(seen.id))
    if work.writes:
        seen = await api.person(seen.id)
    lacking = await _lacking(api, seen, wanted)
    if lacking and work.refusals:
        raise FixRecord(f"exivo refused {', '.join(lacking)} for {wanted.label or wanted.member}", said=work.said)
    return grants.Granted(
        vendor_id=seen.id,
        confirmed=not lacking,
        notes=await _blocked_badges(api, seen, wanted, reread=bool(work.writes)),
    )


async def revoke(api: Exivo, wanted: grants.Grant) -> grants.Revoked:
    """Take group and badges back and block the person; only what the hub gave. Gone is success."""
    person_id = wanted.person_id
    if person_id is None and wanted.look_first:
        async for page in api.persons():
            person_id = next((person.id for person in page if person.marker == wanted.marker), person_id)
    if person_id is None:
        return grants.Revoked()
    try:
        seen = await api.person(person_id)
    except NotFound:
        return grants.Revoked()
    check_marker(seen, wanted.marker, wanted.member)
    work = _Work()
    ours = seen.group is None or seen.group in wanted.our_groups
    if ours and not wanted.person_by_hand and not seen.revoked:
        work.note(await api.revoke(seen.id))
    if ours and seen.group is not None:
        work.note(await api.unassign_group(seen.id))
    await _take_back(api, seen, wanted.our_badges, work)
    if work.writes:
        seen = await api.person(seen.id)
    notes: tuple[grants.Note, ...] = ()
    if not ours:
        notes = (
            grants.Note(
                "moved_by_hand",
                f"{wanted.label or wanted.member} is in an access group that somebody chose in exivo by hand, and can "
                "still open its doors.",
                "Take the person out of that group in exivo if they should not.",
            ),
        )
    still_in = ours and seen.group is not None
    if still_in and work.refusals:
        raise FixRecord(f"exivo refused to take access from {wanted.label or wanted.member}", said=work.said)
    return grants.Revoked(confirmed=not still_in, notes=notes)


async def _dates(api: Exivo, seen: PersonSeen, wanted: grants.Grant, work: _Work) -> None:
    payload: dict[str, Any] = {}
    until = wanted.valid_until.replace(microsecond=0) if wanted.valid_until else None
    if seen.exit != until:
        payload["exitDate"] = wire.timestamp(until)
    if wanted.valid_from is not None and (seen.entry is None or seen.entry > wanted.valid_from):
        payload["entryDate"] = wire.timestamp(wanted.valid_from)
    if payload:
        await api.change_person(seen.id, payload)
        work.note(None)


async def _take_back(api: Exivo, seen: PersonSeen, numbers: frozenset[str], work: _Work) -> None:
    """Take back the media of a person that carry one of these numbers; the hub gave them."""
    if not numbers:
        return
    for medium_id in seen.media:
        try:
            medium = await api.inventory.get(medium_id)
        except NotFound:
            continue
        if medium.numbers & numbers:
            work.note(await api.unassign_medium(seen.id, medium_id))
            await api.inventory.refresh(medium_id)


async def _give(api: Exivo, seen: PersonSeen, badge: grants.Badge, wanted: grants.Grant, work: _Work) -> None:
    """Give one badge to a person, registering it first where the site doesn't know it."""
    medium = await api.inventory.find(badge.number)
    if medium is None:
        medium = await _register(api, badge, work)
    if medium.id in seen.media:
        return
    if not medium.free:
        medium = await api.inventory.refresh(medium.id)
    if not medium.free and medium.person != seen.id:
        await _explain_taken(api, medium, badge, wanted)
    if medium.free:
        refused = await api.assign_medium(seen.id, medium.id)
        work.note(refused)
        medium = await api.inventory.refresh(medium.id)
        if refused is not None and medium.person != seen.id:
            await _explain_taken(api, medium, badge, wanted)


async def _register(api: Exivo, badge: grants.Badge, work: _Work) -> Medium:
    try:
        medium = await api.register_medium(badge)
    except Refused as refused:
        # 400 may mean that somebody registered it since the list was read.
        await api.inventory.read()
        found = await api.inventory.find(badge.number)
        if found is None:
            raise FixRecord(
                f"exivo does not take the badge number {badge.number}",
                said=refused.said,
                fix="Check the number at the source, and whether it is hexadecimal or decimal.",
                code="badge_refused",
            ) from refused
        return found
    except RetryLater:
        raise
    except Exception:
        # Whether it is registered now is open: the list has to be read before the next try.
        api.inventory.forget()
        raise
    work.writes += 1
    return api.inventory.put(medium)


async def _explain_taken(api: Exivo, medium: Medium, badge: grants.Badge, wanted: grants.Grant) -> None:
    """Raise what stands in the way of giving out a medium."""
    whose = f"badge {badge.number} of {wanted.label or wanted.member}"
    if medium.person is None:
        raise FixRecord(
            f"{whose} is {medium.state or 'in no known state'} in exivo",
            fix="Make it assignable in exivo, or give the member another badge.",
            code="badge_not_free",
        )
    try:
        holder = await api.person(medium.person)
    except NotFound:
        holder = None
    if holder is not None and (holder.marker or "").startswith(f"[hub:{api.connection.instance}:"):
        raise RetryLater(
            f"{whose} is still with {holder.first_name} {holder.last_name}, from whom it is being taken",
            code="wait_for_other",
        )
    name = f"{holder.first_name} {holder.last_name}".strip() if holder is not None else "somebody"
    raise Conflict(
        f"{whose} belongs to {name} in exivo, whom the hub did not create",
        fix=f"Take the badge from {name} in exivo, or correct the number at the source.",
        code="badge_taken",
    )


async def _lacking(api: Exivo, seen: PersonSeen, wanted: grants.Grant) -> list[str]:
    """What is not as wanted, in words."""
    parts = []
    if seen.group != wanted.opens.group:
        parts.append("the access group")
    if seen.revoked:
        parts.append("lifting the block")
    if seen.exit != (wanted.valid_until.replace(microsecond=0) if wanted.valid_until else None):
        parts.append("the end date")
    held: set[str] = set()
    for medium_id in seen.media:
        held |= (await api.inventory.get(medium_id)).numbers
    parts += [f"badge {badge.number}" for badge in wanted.badges if badge.number not in held]
    return parts


async def _blocked_badges(
    api: Exivo, seen: PersonSeen, wanted: grants.Grant, *, reread: bool
) -> tuple[grants.Note, ...]:
    """Badges that are the person's and open nothing. After a second one was given, the first may have become blocked:
    the vendor's texts disagree about that, so it is looked at."""
    notes = []
    numbers = {badge.number for badge in wanted.badges}
    for medium_id in sorted(seen.media):
        medium = await api.inventory.get(medium_id)
        if reread and len(seen.media) > 1:
            medium = await api.inventory.refresh(medium_id)
        if medium.blocked and (number := next(iter(medium.numbers & numbers), None)):
            notes.append(
                grants.Note(
                    "badge_blocked",
                    f"Badge {number} of {wanted.label or wanted.member} is {medium.state} in exivo and opens nothing.",
                    "Activate it in exivo, or take it from the member at the source.",
                )
            )
    return tuple(notes)


async def observed(api: Exivo, person: PersonSeen) -> grants.Observed:
    """A person as the hub compares them."""
    numbers: set[str] = set()
    notes: list[grants.Note] = []
    for medium_id in person.media:
        medium = await api.inventory.get(medium_id)
        numbers |= medium.numbers
        if medium.blocked and person.marker is not None:
            notes.append(
                grants.Note(
                    "badge_blocked",
                    f"A badge of {person.first_name} {person.last_name} is {medium.state} in exivo and opens nothing.",
                    "Activate it in exivo, or take it from the member at the source.",
                )
            )
    return grants.Observed(
        vendor_id=person.id,
        marker=person.marker,
        alive=not person.revoked,
        opens=grants.Opens(group=person.group) if person.group is not None else None,
        valid_from=person.entry,
        valid_until=person.exit,
        badges=frozenset(numbers),
        notes=tuple(notes),
    )
