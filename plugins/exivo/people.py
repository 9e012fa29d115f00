"""People in exivo: created with the hub's marker, found again by it, changed only while it is there."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from hub import Conflict, FixRecord, FixSettings, NotFound, Refused, RetryLater, Unconfirmed, VendorError, grants
from plugins.exivo import wire
from plugins.exivo.client import Exivo
from plugins.exivo.wire import PersonSeen

__all__ = ["check_marker", "find", "settled", "sync"]

SILENT_AFTER = 3
"""So many people in a row without an answer, and the rest are not asked about: each would cost several time-outs."""


async def sync(api: Exivo, people: Sequence[grants.Person]) -> list[grants.PersonOutcome]:
    """Bring these people in line, each on its own."""
    api.forget_created()
    outcomes: list[grants.PersonOutcome] = []
    try:
        found = await find(api, {p.marker for p in people if p.vendor_id is None and p.look_first})
    except VendorError as error:
        return [grants.Failed(member=person.member, error=error) for person in people]
    silent = 0
    for person in people:
        try:
            outcomes.append(await _one(api, person, found.get(person.marker)))
            silent = 0
        except Conflict as conflict:
            outcomes.append(
                grants.PersonConflict(member=person.member, code=conflict.code, text=conflict.what, fix=conflict.fix)
            )
        except VendorError as error:
            outcomes.append(grants.Failed(member=person.member, error=error))
            silent = silent + 1 if _no_answer(error) else 0
            reason = _for_everybody(error, silent)
            if reason is not None:
                rest = people[len(outcomes) :]
                return [*outcomes, *(grants.Failed(member=other.member, error=reason) for other in rest)]
    return outcomes


def _no_answer(error: VendorError) -> bool:
    return isinstance(error, Unconfirmed) or (isinstance(error, RetryLater) and error.code.startswith("vendor_"))


def _for_everybody(error: VendorError, silent: int) -> VendorError | None:
    """The error for those who were not asked about, where one says enough about all: credentials that are refused, a
    pause that exivo asks for, silence."""
    pause = error.after if isinstance(error, RetryLater) and error.code == "vendor_busy" else None
    if isinstance(error, FixSettings) or pause is not None:
        return error
    if silent >= SILENT_AFTER:
        return RetryLater("exivo does not answer", said=str(error), code="vendor_down")
    return None


async def find(api: Exivo, markers: set[str]) -> dict[str, PersonSeen]:
    """Search all persons for markers; the API has no search."""
    found: dict[str, PersonSeen] = {}
    if markers:
        async for page in api.persons():
            for person in page:
                if person.marker in markers:
                    found.setdefault(str(person.marker), person)
    return found


def settled(api: Exivo, sure_after: datetime | None, what: str) -> None:
    """Raise RetryLater while it is too early to conclude anything from not finding something."""
    missing = (sure_after - api.connection.clock.now()) if sure_after is not None else None
    if missing is not None and missing.total_seconds() > 0:
        raise RetryLater(f"it is too early to tell whether {what}", after=missing, code="settling")


async def _one(api: Exivo, wanted: grants.Person, seen: PersonSeen | None) -> grants.Link:
    if wanted.vendor_id is not None:
        try:
            seen = await api.person(wanted.vendor_id)
        except NotFound as error:
            if wanted.by_hand:
                raise Conflict(
                    f"exivo has no person {wanted.vendor_id}, which the link of {wanted.member} names",
                    fix="Correct the link, or remove it so that a new person is made.",
                    code="link_wrong",
                ) from error
            # Gone under that id; somebody with the marker would still be this member.
            seen = (await find(api, {wanted.marker})).get(wanted.marker)
    if seen is not None:
        return await _bring_up_to_date(api, wanted, seen)
    if wanted.look_first:
        settled(api, wanted.sure_after, f"{wanted.member} was created")
    return await _create(api, wanted)


async def _create(api: Exivo, wanted: grants.Person) -> grants.Link:
    payload = {**wire.person_payload(wanted), "info": wanted.marker}
    if wanted.valid_from is not None:
        payload["entryDate"] = wire.timestamp(wanted.valid_from)
    if wanted.valid_until is not None:
        payload["exitDate"] = wire.timestamp(wanted.valid_until)
    try:
        made = await api.create_person(payload)
    except Refused as refused:
        raise _not_taken(wanted.member, refused) from refused
    return grants.Link(member=wanted.member, vendor_id=made.id, created=True)


async def _bring_up_to_date(api: Exivo, wanted: grants.Person, seen: PersonSeen) -> grants.Link:
    adopting = wanted.by_hand and seen.marker is None
    if not adopting:
        check_marker(seen, wanted.marker, wanted.member)
    now = {"firstName": seen.first_name, "lastName": seen.last_name, "language": seen.language}
    payload: dict[str, Any] = {
        name: value
        for name, value in wire.person_payload(wanted).items()
        # A name that the source doesn't have is no reason to take away one that somebody wrote in exivo.
        if now[name] != value and not (value == wire.NAMELESS and now[name])
    }
    if adopting:
        # An admin said that this person is that member; the marker is what makes that visible at exivo.
        payload["info"] = f"{seen.info} {wanted.marker}".strip()
    if payload:
        changed = await _change(api, wanted, seen, payload)
        check_marker(changed or await api.person(seen.id), wanted.marker, wanted.member)
    return grants.Link(member=wanted.member, vendor_id=seen.id)


async def _change(api: Exivo, wanted: grants.Person, seen: PersonSeen, payload: dict[str, Any]) -> PersonSeen | None:
    try:
        return await api.change_person(seen.id, payload)
    except Refused as refused:
        if "language" not in payload:
            raise _not_taken(wanted.member, refused) from refused
        # The text about changing a person lists fewer languages than the one about creating one.
        fewer = {name: value for name, value in payload.items() if name != "language"}
        if not fewer:
            return seen
        return await _change(api, wanted, seen, fewer)


def _not_taken(member: str, refused: Refused) -> FixRecord:
    return FixRecord(
        f"exivo does not take the name or dates of {member}",
        said=refused.said or refused.what,
        fix="Correct them at the source.",
        code="person_refused",
    )


def check_marker(seen: PersonSeen, marker: str, member: str) -> None:
    """Raise Conflict unless the person carries the hub's marker for that member."""
    if seen.marker == marker:
        return
    if seen.marker is None:
        raise Conflict(
            f"the person {seen.name} in exivo does not carry the marker of {member}, so the hub leaves it alone",
            fix=f"If this is still {member}, write {marker} at the end of the info field in exivo and sync.",
            code="marker_gone",
        )
    raise Conflict(
        f"the person {seen.name} in exivo carries the marker {seen.marker}, not that of {member}",
        fix="Two hubs or two members claim this person; correct the info field in exivo.",
        code="marker_other",
    )
