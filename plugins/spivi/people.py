"""Riders at Spivi: matched by e-mail, which is Spivi's own key, and never by name; the ClientID is what is kept."""

from __future__ import annotations

import secrets
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta

from hub import (
    Conflict,
    FixSettings,
    NotFound,
    Refused,
    RetryLater,
    Unconfirmed,
    VendorError,
    grants,
    records,
    redact,
)
from plugins.spivi import profile
from plugins.spivi.client import Spivi
from plugins.spivi.shapes import ClientSeen

__all__ = ["sync"]

SILENT_AFTER = 3
"""So many people in a row without an answer, and the rest are not asked about: each would cost several time-outs."""

WORTH_A_LIST = 5
"""From so many people on, everybody is asked for at once; who isn't in the list is asked for alone."""

NAMELESS = "-"
"""Stands for a name that is missing: both are sent by every known integration."""

Directory = Mapping[str, ClientSeen]


async def sync(api: Spivi, people: Sequence[grants.Person]) -> list[grants.PersonOutcome]:
    """Bring these people in line, each on its own."""
    outcomes: list[grants.PersonOutcome] = []
    shared = _shared(people)
    try:
        directory = await _directory(api, people)
    except VendorError as error:
        return [grants.Failed(member=person.member, error=error) for person in people]
    silent = 0
    for person in people:
        try:
            outcomes.append(await _one(api, person, directory, shared))
            silent = 0
        except Conflict as conflict:
            outcomes.append(
                grants.PersonConflict(member=person.member, code=conflict.code, text=conflict.what, fix=conflict.fix)
            )
        except VendorError as error:
            outcomes.append(grants.Failed(member=person.member, error=error))
            no_answer = isinstance(error, Unconfirmed) or (isinstance(error, RetryLater) and error.code != "settling")
            silent = silent + 1 if no_answer else 0
            pause = isinstance(error, RetryLater) and error.code == "vendor_busy" and error.after is not None
            if isinstance(error, FixSettings) or pause or silent >= SILENT_AFTER:
                rest = people[len(outcomes) :]
                return [*outcomes, *(grants.Failed(member=other.member, error=_for_all(error)) for other in rest)]
    return _one_each(people, outcomes)


def _for_all(error: VendorError) -> VendorError:
    """The error for those who were not asked about; nothing was sent for them."""
    if isinstance(error, Unconfirmed):
        return RetryLater("Spivi does not answer", said=str(error), code="vendor_down")
    return error


def _shared(people: Sequence[grants.Person]) -> frozenset[str]:
    """Addresses of more than one of these people, and not linked by hand."""
    counted = Counter(records.normal_email(person.email) for person in people if not person.by_hand)
    return frozenset(email for email, count in counted.items() if email and count > 1)


def _one_each(people: Sequence[grants.Person], outcomes: list[grants.PersonOutcome]) -> list[grants.PersonOutcome]:
    """One client belongs to one member: of two who would get the same, the one whom an admin named has it."""
    counted = Counter(outcome.vendor_id for outcome in outcomes if isinstance(outcome, grants.Link))
    by_hand = {person.member: person.vendor_id for person in people if person.by_hand}
    named = Counter(by_hand.values())
    checked: list[grants.PersonOutcome] = []
    for outcome in outcomes:
        if isinstance(outcome, grants.Link) and counted[outcome.vendor_id] > 1:
            mine = by_hand.get(outcome.member) == outcome.vendor_id and named[outcome.vendor_id] == 1
            if not mine:
                text = f"client {outcome.vendor_id} at Spivi would belong to {outcome.member} and to another member"
                fix = "Correct one of the links, or the addresses at the source."
                outcome = grants.PersonConflict(member=outcome.member, code="client_shared", text=text, fix=fix)
        checked.append(outcome)
    return checked


async def _directory(api: Spivi, people: Sequence[grants.Person]) -> Directory:
    """Whoever a list tells about, by address and by id; empty where it is not worth asking, or tells nothing."""
    if len(people) < WORTH_A_LIST:
        return {}
    listed = await api.clients() or []
    counted = Counter(seen.email for seen in listed)
    by_email = {seen.email: seen for seen in listed if seen.email and counted[seen.email] == 1}
    return {**{f"#{seen.id}": seen for seen in listed}, **by_email}


async def _one(api: Spivi, wanted: grants.Person, directory: Directory, shared: frozenset[str]) -> grants.PersonOutcome:
    email = records.normal_email(wanted.email)
    if wanted.instructor:
        return await _instructor(api, wanted, email)
    if wanted.vendor_id is not None:
        return await _linked(api, wanted, wanted.vendor_id, email, directory)
    if email is None:
        raise Conflict(
            f"{wanted.member} has no e-mail, and Spivi knows people by nothing else",
            fix="Enter it at the source, or link the member to a ClientID by hand.",
            code="no_email",
        )
    if email in shared:
        raise Conflict(
            f"{wanted.member} shares an e-mail with another member, so neither is linked",
            fix="Correct the addresses at the source, or link one of them to a ClientID by hand.",
            code="email_shared",
        )
    seen = await _by_email(api, email, directory)
    if seen is not None:
        notes = await profile.push(api, wanted, seen)
        # Nobody was found before the create whose answer was lost, so it is that one's.
        return grants.Link(member=wanted.member, vendor_id=seen.id, created=wanted.maybe_created, notes=notes)
    if wanted.look_first and wanted.sure_after is not None:
        left = wanted.sure_after - api.connection.clock.now()
        if left > timedelta(0):
            raise RetryLater(
                f"it is too early to tell whether {wanted.member} was created", after=left, code="settling"
            )
    return await _create(api, wanted, email)


async def _linked(
    api: Spivi, wanted: grants.Person, client_id: str, email: str | None, directory: Directory
) -> grants.Link:
    """The link stays whatever the addresses say; a profile is changed under the address that this client has."""
    seen = directory.get(f"#{client_id}")
    if seen is None and email is not None:
        seen = next((found for found in await api.client(email) if found.id == client_id), None)
    if seen is not None and seen.email is not None:
        notes = await profile.push(api, wanted, seen)
        if seen.email == email:
            return grants.Link(member=wanted.member, vendor_id=client_id, notes=notes)
    else:
        notes = ()
    theirs = f"is {seen.email}" if seen is not None else "is another one"
    if email is None:
        return grants.Link(member=wanted.member, vendor_id=client_id, notes=notes)
    note = grants.Note(
        code="addresses_differ",
        text=f"the address of client {client_id} at Spivi {theirs}, not {email}",
        fix="Nothing has to be done if the member did not change; Spivi's address can't be changed from here.",
    )
    return grants.Link(member=wanted.member, vendor_id=client_id, notes=(*notes, note))


async def _instructor(api: Spivi, wanted: grants.Person, email: str | None) -> grants.PersonOutcome:
    """Teachers are found, never made: how Spivi makes somebody an instructor is unknown."""
    known = await api.instructors() if api.able("list_instructors") else {}
    if wanted.by_hand and wanted.vendor_id is not None:
        return grants.Link(member=wanted.member, vendor_id=wanted.vendor_id)
    if email is None or email not in known:
        raise Conflict(
            f"{wanted.member} is no instructor at Spivi" + ("" if email else ": there is no e-mail to know them by"),
            fix="Make the teacher an instructor in Spivi, with the address of the source. Classes are sent without one "
            "until then.",
            code="instructor_unknown",
        )
    return grants.Link(member=wanted.member, vendor_id=known[email])


async def _by_email(api: Spivi, email: str, directory: Directory) -> ClientSeen | None:
    if email in directory:
        return directory[email]
    found = await api.client(email)
    if len({seen.id for seen in found}) > 1:
        raise Conflict(
            f"Spivi has several clients with the address {email}",
            fix="Link the member to one of the ClientIDs by hand.",
            code="several_clients",
        )
    return found[0] if found else None


async def _create(api: Spivi, wanted: grants.Person, email: str) -> grants.Link:
    password = secrets.token_urlsafe(24)
    redact.know(password)
    known, _ = profile.fields(api, wanted)
    values = {
        "username": email,
        "new_password": password,
        "first_name": wanted.given_name.strip() or NAMELESS,
        "last_name": wanted.family_name.strip() or NAMELESS,
        "phone": wanted.phone,
        **{meaning: text for meaning, text in known.items() if meaning in profile.AT_FIRST},
    }
    refused: Refused | NotFound | None = None
    try:
        await api.create_client(values)
    except (Refused, NotFound) as error:
        refused = error
    seen = await _by_email(api, email, {})
    if seen is None and refused is not None and api.able("link_existing_client"):
        try:
            await api.link_client(email)
        except (Refused, NotFound) as error:
            refused = error
        seen = await _by_email(api, email, {})
    if seen is not None:
        notes = await _rest_of_profile(api, wanted, seen)
        return grants.Link(member=wanted.member, vendor_id=seen.id, created=refused is None, notes=notes)
    if refused is None:
        raise Unconfirmed(f"Spivi took {wanted.member} and does not show them", code="client_unseen")
    raise Conflict(
        f"Spivi does not take {wanted.member}: {refused.said or refused.what}",
        fix="If they ride at another club, add them to this one in Spivi; or link them to their ClientID by hand.",
        code="client_refused",
    ) from refused


async def _rest_of_profile(api: Spivi, wanted: grants.Person, seen: ClientSeen) -> tuple[grants.Note, ...]:
    """What can't be sent with a new account. It can wait; that the account is new must not get lost."""
    try:
        return await profile.push(api, wanted, seen, new=True)
    except VendorError as error:
        text = f"the account of {wanted.member} is made, and its profile is not: {error.said or error.what}"
        return (grants.Note(code="profile_later", text=text, fix="It is sent with the next sync."),)
