"""People in exivo: created with the hub's marker, found again by it, changed only while it is there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from hub import Conflict, NotFound, RetryLater, VendorError, grants
from plugins.exivo import wire
from plugins.exivo.client import Exivo
from plugins.exivo.wire import PersonSeen

__all__ = ["check_marker", "sync"]


async def sync(api: Exivo, people: Sequence[grants.Person]) -> list[grants.PersonOutcome]:
    """Bring these people in line, each on its own."""
    outcomes: list[grants.PersonOutcome] = []
    try:
        found = await _by_marker(api, {p.marker for p in people if p.vendor_id is None and p.look_first})
    except VendorError as error:
        return [grants.Failed(member=person.member, error=error) for person in people]
    for person in people:
        try:
            outcomes.append(await _one(api, person, person.vendor_id or found.get(person.marker)))
        except Conflict as conflict:
            outcomes.append(
                grants.PersonConflict(member=person.member, code=conflict.code, text=conflict.what, fix=conflict.fix)
            )
        except VendorError as error:
            outcomes.append(grants.Failed(member=person.member, error=error))
    return outcomes


async def _by_marker(api: Exivo, markers: set[str]) -> dict[str, str]:
    """Search all persons for markers; the API has no search."""
    found: dict[str, str] = {}
    if markers:
        async for page in api.persons():
            for person in page:
                if person.marker in markers:
                    found.setdefault(str(person.marker), person.id)
    return found


async def _one(api: Exivo, wanted: grants.Person, person_id: str | None) -> grants.Link:
    if person_id is not None:
        try:
            seen = await api.person(person_id)
        except NotFound as error:
            if wanted.by_hand:
                raise Conflict(
                    f"exivo has no person {person_id}, which the link of {wanted.member} names",
                    fix="Correct the link, or remove it so that a new person is made.",
                    code="link_wrong",
                ) from error
        else:
            return await _bring_up_to_date(api, wanted, seen)
    elif wanted.look_first and wanted.sure_after is not None:
        missing = wanted.sure_after - api.connection.clock.now()
        if missing.total_seconds() > 0:
            raise RetryLater(
                f"it is too early to tell whether {wanted.member} was created", after=missing, code="settling"
            )
    made = await api.create_person(
        {
            **wire.person_payload(wanted),
            "info": wanted.marker,
            **({"entryDate": wire.timestamp(wanted.valid_from)} if wanted.valid_from else {}),
            **({"exitDate": wire.timestamp(wanted.valid_until)} if wanted.valid_until else {}),
        }
    )
    notes: tuple[grants.Note, ...] = ()
    if made.marker != wanted.marker:
        notes = (
            grants.Note(
                "marker_lost",
                f"exivo did not keep the marker of {wanted.member}; after a crash they could not be found again.",
                f"Write {wanted.marker} into the info field of that person.",
            ),
        )
    return grants.Link(member=wanted.member, vendor_id=made.id, created=True, notes=notes)


async def _bring_up_to_date(api: Exivo, wanted: grants.Person, seen: PersonSeen) -> grants.Link:
    payload: dict[str, Any] = {}
    if wanted.by_hand and seen.marker is None:
        # An admin said that this person is that member; the marker is what makes that visible at exivo.
        payload["info"] = f"{seen.info} {wanted.marker}".strip()
    else:
        check_marker(seen, wanted.marker, wanted.member)
    now = {"firstName": seen.first_name, "lastName": seen.last_name, "language": seen.language}
    payload |= {name: value for name, value in wire.person_payload(wanted).items() if now[name] != value}
    if payload:
        await api.change_person(seen.id, payload)
    return grants.Link(member=wanted.member, vendor_id=seen.id)


def check_marker(seen: PersonSeen, marker: str, member: str) -> None:
    """Raise Conflict unless the person carries the hub's marker for that member."""
    if seen.marker == marker:
        return
    name = f"{seen.first_name} {seen.last_name}".strip()
    if seen.marker is None:
        raise Conflict(
            f"the person {name} in exivo no longer carries the marker of {member}, so the hub leaves it alone",
            fix=f"If this is still {member}, write {marker} at the end of the info field in exivo and sync.",
            code="marker_gone",
        )
    raise Conflict(
        f"the person {name} in exivo carries the marker {seen.marker}, not that of {member}",
        fix="Two hubs or two members claim this person; correct the info field in exivo.",
        code="marker_other",
    )
