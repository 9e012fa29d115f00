"""Visits in exivo: named doors, a window, a code and a link, without a person.

A visit can't be changed, only revoked, and that is final. The caller chooses the code; exivo never sends it, and it has
to be entered before the door opens, by way of the link too (hayloft/exivo-client-php). So code and link are both
answered, whichever of them the studio hands out.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import timedelta

from hub import Conflict, FixRecord, NotFound, Refused, VendorError, grants, redact
from plugins.exivo import wire
from plugins.exivo.client import Exivo
from plugins.exivo.people import settled
from plugins.exivo.wire import VisitSeen

__all__ = ["draw_code", "grant", "observed", "revoke"]

DIGITS = 6
SOON = timedelta(seconds=5)
"""From now to the start of a visit that must not start in the past: the call takes a moment, and clocks differ."""


def draw_code() -> str:
    """Six random digits, the longest code there is; zeros in front count."""
    return f"{secrets.randbelow(10**DIGITS):0{DIGITS}}"


async def grant(api: Exivo, wanted: grants.Grant) -> grants.Granted:
    """Make a visit stand, once."""
    if wanted.valid_until is not None and wanted.valid_until <= api.connection.clock.now():
        raise FixRecord(f"the visit of {_name(wanted)} is over already, so exivo takes none", code="window_over")
    standing = await _standing(api, wanted)
    if not standing:
        return await _create(api, wanted)
    seen = standing[0]
    if not _as_wanted(seen, wanted):
        raise Conflict(
            f"the visit of {_name(wanted)} in exivo has other doors or another end than the hub gave it",
            fix="If that is not meant, revoke the visit in exivo; the hub then makes a new one.",
            code="visit_changed",
        )
    if seen.id != wanted.vendor_id:
        seen = await _read_back(api, wanted, seen)
    return _granted(wanted, seen, code=seen.code)


async def revoke(api: Exivo, wanted: grants.Grant) -> grants.Revoked:
    """Revoke a visit. Gone, revoked or over is success."""
    if wanted.valid_until is not None and wanted.valid_until <= api.connection.clock.now():
        return grants.Revoked()
    confirmed = [await _revoke(api, wanted, seen) for seen in await _standing(api, wanted)]
    return grants.Revoked(confirmed=all(confirmed))


def observed(api: Exivo, visit: VisitSeen) -> grants.Observed:
    """A visit as the hub compares it."""
    return grants.Observed(
        vendor_id=visit.id,
        marker=visit.marker,
        alive=not visit.over(api.connection.clock.now()),
        opens=grants.Opens(locks=tuple(sorted(visit.doors))),
        valid_from=visit.starts,
        valid_until=visit.until,
    )


async def _standing(api: Exivo, wanted: grants.Grant) -> list[VisitSeen]:
    """The visits of a grant that open something: the one on record, else what an earlier create may have left behind
    unseen. Raises Conflict for one that is not ours any more, RetryLater while it is too early to tell."""
    seen = await _alive(api, wanted.vendor_id) if wanted.vendor_id is not None else None
    if seen is not None:
        _check_marker(seen, wanted)
        return [seen]
    if not wanted.look_first:
        return []
    now = api.connection.clock.now()
    found = [
        visit
        async for page in api.visits()
        for visit in page
        if visit.marker == wanted.marker
        and visit.id not in wanted.others
        and _as_wanted(visit, wanted)
        and not visit.over(now)
    ]
    # One that starts otherwise is another window, unless its start had to be moved because it was past.
    found = [visit for visit in found if wire.same_moment(visit.starts, wanted.valid_from)] or [
        visit
        for visit in found
        if visit.starts is not None and (wanted.valid_from or visit.starts) <= visit.starts <= now + SOON
    ]
    if not found:
        settled(api, wanted.sure_after, f"the visit of {_name(wanted)} was created")
    return found


async def _alive(api: Exivo, visit_id: str) -> VisitSeen | None:
    """A visit; None where it opens nothing any more."""
    try:
        seen = await api.visit(visit_id)
    except NotFound:
        return None
    return None if seen.over(api.connection.clock.now()) else seen


def _as_wanted(seen: VisitSeen, wanted: grants.Grant) -> bool:
    """Whether doors and end are as wanted. The start is not compared: one in the past may have had to be moved."""
    same_doors = seen.doors == frozenset(wanted.opens.locks)
    return same_doors and wire.same_moment(seen.ends, wanted.valid_until or wire.NO_END)


async def _create(api: Exivo, wanted: grants.Grant) -> grants.Granted:
    if not wire.is_code(wanted.code):
        raise FixRecord(f"the visit of {_name(wanted)} needs a code of four to six digits", code="code_unfit")
    # exivo may repeat it in what it says about a refusal.
    redact.know(wanted.code)
    invite = api.settings.invite
    invited = wire.contact(invite, wanted)
    seen = await _read_back(api, wanted, await _send(api, wanted, invited))
    notes = (_not_invited(wanted, invite),) if invite != "none" and not invited else ()
    return _granted(wanted, seen, code=seen.code or wanted.code, notes=notes)


async def _send(api: Exivo, wanted: grants.Grant, invited: dict[str, str]) -> VisitSeen:
    """Create the visit. Where it is refused, once more with a start that is not past: sources disagree on whether it
    may be (mehak187/nova does it)."""
    starts = wanted.valid_from or api.connection.clock.now()
    try:
        return await api.create_visit(wire.visit_payload(wanted, starts, invited))
    except Refused as refused:
        soon = api.connection.clock.now() + SOON
        if not starts < soon < (wanted.valid_until or wire.NO_END):
            raise await _reason(api, wanted, refused) from refused
    try:
        return await api.create_visit(wire.visit_payload(wanted, soon, invited))
    except Refused as refused:
        raise await _reason(api, wanted, refused) from refused


async def _reason(api: Exivo, wanted: grants.Grant, refused: Refused) -> VendorError:
    """What a refusal most likely means. The body has no code that could be relied on, and its words are free text."""
    doors = {door.id for door in await api.doors()}
    missing = [lock for lock in wanted.opens.locks if lock not in doors]
    said = refused.said or refused.what
    if missing:
        return FixRecord(
            f"exivo has no door {', '.join(missing)}, which the visit of {_name(wanted)} shall open",
            said=said,
            fix="Name a door that exists in the mapping.",
            code="opening_missing",
        )
    return Refused(f"exivo refused the visit of {_name(wanted)}", said=said, code="code_taken")


async def _read_back(api: Exivo, wanted: grants.Grant, seen: VisitSeen) -> VisitSeen:
    """The visit with its link, as wanted; read once more where what was answered doesn't show that."""
    if _as_made(seen, wanted) and (seen.link is not None or not _link_wanted(wanted)):
        return seen
    try:
        again = await api.visit(seen.id)
    except VendorError:
        # The visit is there. Raising would lose its id, and with it the way to revoke it.
        return seen
    return replace(again, code=again.code or seen.code, link=again.link or seen.link)


def _as_made(seen: VisitSeen, wanted: grants.Grant) -> bool:
    return _as_wanted(seen, wanted) and seen.marker == wanted.marker and not seen.revoked


def _link_wanted(wanted: grants.Grant) -> bool:
    return wanted.credential != "code"


def _granted(
    wanted: grants.Grant, seen: VisitSeen, *, code: str | None, notes: tuple[grants.Note, ...] = ()
) -> grants.Granted:
    redact.know(code, seen.link)
    if seen.link is None and _link_wanted(wanted):
        notes = (*notes, grants.Note("no_link", f"exivo gave no link for the visit of {_name(wanted)}, only the code."))
    return grants.Granted(
        vendor_id=seen.id,
        confirmed=_as_made(seen, wanted),
        code=code,
        url=seen.link,
        admin_url=wire.PORTAL,
        notes=notes,
    )


def _not_invited(wanted: grants.Grant, invite: str) -> grants.Note:
    what = "phone number with its country code" if invite == "sms" else "e-mail address"
    return grants.Note(
        "not_invited",
        f"exivo can't send its own message to {_name(wanted)}: there is no {what} that it takes.",
        "Correct it at the source.",
    )


async def _revoke(api: Exivo, wanted: grants.Grant, seen: VisitSeen) -> bool:
    """Revoke one visit; returns whether reading it back shows so."""
    refused = await api.revoke_visit(seen.id)
    gone = await _alive(api, seen.id) is None
    if refused is not None and not gone:
        raise FixRecord(
            f"exivo refused to revoke the visit of {_name(wanted)}", said=refused.said or refused.what, code="refused"
        )
    return gone


def _check_marker(seen: VisitSeen, wanted: grants.Grant) -> None:
    """Raise Conflict unless the visit carries the hub's marker for that grant."""
    if seen.marker == wanted.marker:
        return
    raise Conflict(
        f"the visit of {_name(wanted)} in exivo carries "
        + ("no marker of the hub" if seen.marker is None else f"the marker {seen.marker}, not that of this grant")
        + ", so the hub leaves it alone",
        fix=f"If it is still theirs, write {wanted.marker} at the end of its name in exivo; or revoke it there.",
        code="marker_gone" if seen.marker is None else "marker_other",
    )


def _name(wanted: grants.Grant) -> str:
    return wanted.label or wanted.member
