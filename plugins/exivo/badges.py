"""Badges in exivo: found by number, registered where they are missing, given and taken back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hub import Conflict, FixRecord, NotFound, Refused, RetryLater, grants
from plugins.exivo.client import Exivo
from plugins.exivo.people import settled
from plugins.exivo.wire import Medium, PersonSeen
from plugins.exivo.work import Work

__all__ = ["blocked", "give", "held", "take_back"]


async def held(api: Exivo, media: Iterable[str]) -> list[Medium]:
    """The media with these ids, without what is no medium (a digital key)."""
    found = [await api.inventory.get(medium_id) for medium_id in sorted(media)]
    return [medium for medium in found if medium is not None]


async def take_back(api: Exivo, seen: PersonSeen, numbers: frozenset[str], work: Work) -> None:
    """Take back the media of a person that carry one of these numbers; the hub gave them."""
    if not numbers:
        return
    for medium in await held(api, seen.media):
        if medium.numbers & numbers:
            refused = await api.unassign_medium(seen.id, medium.id)
            work.wrote(refused)
            if refused is None:
                api.inventory.put(replace(medium, state="assignable", person=None))
            else:
                await api.inventory.refresh(medium.id)


async def give(api: Exivo, seen: PersonSeen, wanted: grants.Grant, work: Work) -> None:
    """Give a person the badges that they lack. One that can't be given is noted in `work` and doesn't keep the others
    from being given."""
    has = {number for medium in await held(api, seen.media) for number in medium.numbers}
    for badge in wanted.badges:
        if badge.number in has:
            continue
        try:
            await _give_one(api, seen, badge, wanted, work)
        except FixRecord as error:
            work.obstacles.append(error)
        except RetryLater as error:
            if error.code != "wait_for_other":
                raise
            work.obstacles.append(error)


async def _give_one(api: Exivo, seen: PersonSeen, badge: grants.Badge, wanted: grants.Grant, work: Work) -> None:
    medium = await api.inventory.find(badge, seen.id)
    if medium is not None and not medium.free:
        medium = await api.inventory.refresh(medium.id)
    for _ in range(2):
        if medium is None:
            # The site never knew it, or somebody removed it since the list was read.
            medium = await _register(api, seen, badge, wanted, work)
        if medium.person == seen.id:
            return
        if not medium.free:
            await _explain_taken(api, medium, badge, wanted)
        refused = await api.assign_medium(seen.id, medium.id)
        work.wrote(refused)
        work.gave = medium.id
        medium = await api.inventory.refresh(medium.id)
        if refused is None:
            return
        if medium is not None and medium.person != seen.id:
            await _explain_taken(api, medium, badge, wanted, refused)


async def _register(api: Exivo, seen: PersonSeen, badge: grants.Badge, wanted: grants.Grant, work: Work) -> Medium:
    """Register a badge that the list does not have. After a call whose answer was lost, the list is only believed when
    that call must have taken effect or never will."""
    if wanted.look_first:
        settled(api, wanted.sure_after, f"badge {badge.number} was registered")
    try:
        medium = await api.register_medium(badge)
    except Refused as refused:
        # 400 may mean that somebody registered it since the list was read.
        await api.inventory.read()
        found = await api.inventory.find(badge, seen.id)
        if found is None:
            raise FixRecord(
                f"exivo does not take the badge number {badge.number}",
                said=refused.said,
                fix="Check the number at the source, and whether it is hexadecimal or decimal.",
                code="badge_refused",
            ) from refused
        return found
    except BaseException:
        # Whether it is registered now is open, a time-out included: the list has to be read before the next try.
        api.inventory.forget()
        raise
    work.wrote(None)
    return api.inventory.put(medium)


async def _explain_taken(
    api: Exivo, medium: Medium, badge: grants.Badge, wanted: grants.Grant, refused: Refused | None = None
) -> None:
    """Raise what stands in the way of giving out a medium."""
    said = refused.said if refused is not None else ""
    whose = f"badge {badge.number} of {wanted.label or wanted.member}"
    if medium.person is None:
        raise FixRecord(
            f"{whose} is {medium.state or 'in no known state'} in exivo and can't be assigned",
            said=said,
            fix="Make it assignable in exivo, or give the member another badge.",
            code="badge_not_free",
        )
    try:
        holder = await api.person(medium.person)
    except NotFound:
        holder = None
    name = (holder.name if holder is not None else "") or "somebody"
    if holder is not None and (holder.marker or "").startswith(f"[hub:{api.connection.instance}:"):
        raise RetryLater(
            f"{whose} is still with {name}, from whom it is being taken",
            said=said,
            fix=f"If it stays so, somebody gave it to {name} in exivo by hand: take it back there.",
            code="wait_for_other",
        )
    raise Conflict(
        f"{whose} belongs to {name} in exivo, whom the hub did not create",
        said=said,
        fix=f"Take the badge from {name} in exivo, or correct the number at the source.",
        code="badge_taken",
    )


async def blocked(api: Exivo, seen: PersonSeen, wanted: grants.Grant, work: Work) -> tuple[grants.Note, ...]:
    """Badges that are the person's and open nothing. After another one was given, the others may have become blocked:
    the vendor's texts disagree about that, so they are looked at again."""
    numbers = {badge.number for badge in wanted.badges}
    notes = []
    for medium in await held(api, seen.media):
        now: Medium | None = medium
        if work.gave is not None and medium.id != work.gave:
            now = await api.inventory.refresh(medium.id)
        if now is not None and now.blocked and (now.numbers & numbers or not medium.blocked):
            notes.append(note_blocked(now, wanted.label or wanted.member))
    return tuple(notes)


def note_blocked(medium: Medium, whose: str) -> grants.Note:
    """That a badge in somebody's hand opens nothing."""
    number = medium.cid or medium.uid or medium.id
    return grants.Note(
        "badge_blocked",
        f"Badge {number} of {whose} is {medium.state} in exivo and opens nothing.",
        "Activate it in exivo, or take it from the member at the source.",
    )
