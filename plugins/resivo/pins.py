"""PIN authorizations: named doors, a window with both ends, one PIN.

Nothing lists them, so the id that creating one answers is the only way back to it: where that answer is lost, a person
has to look.
"""

from __future__ import annotations

from hub import Conflict, FixRecord, NotFound, Refused, VendorError, grants, redact
from plugins.resivo import wire
from plugins.resivo.client import Resivo

__all__ = ["grant", "revoke"]


async def grant(api: Resivo, wanted: grants.Grant) -> grants.Granted:
    """Make an authorization stand, once. Confirmed when Resivo says that it and its PIN are active."""
    if wanted.valid_from is None or wanted.valid_until is None:
        raise FixRecord(
            f"{_name(wanted)} would get a PIN without an end, and the hub makes none at Resivo",
            fix="Open this door by bookings.",
            code="no_end",
        )
    if wanted.valid_until <= api.connection.clock.now():
        raise FixRecord(f"the visit of {_name(wanted)} is over already", code="window_over")
    length = api.settings.pin_length
    if wanted.code is None or not wanted.code.isdigit() or len(wanted.code) != length:
        raise FixRecord(f"the visit of {_name(wanted)} needs a PIN of {length} digits", code="code_unfit")
    redact.know(wanted.code)
    if wanted.vendor_id is not None:
        seen = await api.authorization(wanted.vendor_id)
        _check_marker(wanted, seen)
        # One that was never shown may not be readable at all: another would be made with each look.
        if not seen.over if seen is not None else not wanted.shown:
            return _granted(wanted, wanted.vendor_id, seen)
    if wanted.look_first:
        raise _unfindable(wanted)
    try:
        key = await api.create(wire.payload(wanted))
    except (Refused, NotFound) as refused:
        raise FixRecord(
            f"Resivo refused the PIN of {_name(wanted)}",
            said=refused.said or refused.what,
            fix=f"Check that the doors exist and take PINs, and that pin_length ({length}) is what the property wants.",
            code="refused",
        ) from refused
    try:
        return _granted(wanted, key, await api.authorization(key))
    except VendorError as error:
        # The id is the only way back to it, so it is handed on whatever the look at it said.
        return _granted(wanted, key, None, error.what)


def _granted(
    wanted: grants.Grant, key: str, seen: wire.AuthorizationSeen | None, why: str = "Resivo says that there is none"
) -> grants.Granted:
    active = seen is not None and seen.active
    words = f"Resivo says “{seen.words}” of the PIN, which is not active yet" if seen is not None else ""
    note = grants.Note("resivo_pending", words or f"The PIN was made, and can't be read back: {why}")
    return grants.Granted(
        vendor_id=key, confirmed=active, code=wanted.code, admin_url=wire.PORTAL, waiting=None if active else note
    )


async def revoke(api: Resivo, wanted: grants.Grant) -> grants.Revoked:
    """Revoke an authorization. Confirmed only when Resivo says that it is revoked: while that is pending, a door may
    still open."""
    if wanted.valid_until is not None and wanted.valid_until <= api.connection.clock.now():
        return grants.Revoked()
    if wanted.vendor_id is None:
        if wanted.look_first:
            raise _unfindable(wanted)
        return grants.Revoked()
    seen = await api.authorization(wanted.vendor_id)
    _check_marker(wanted, seen)
    if seen is not None and seen.over:
        return grants.Revoked()
    if seen is None or not seen.pending:
        shown = seen is not None
        try:
            there = await api.revoke(wanted.vendor_id)
        except Refused as refused:
            raise FixRecord(
                f"Resivo refused to revoke the PIN of {_name(wanted)}",
                said=refused.said or refused.what,
                fix="Revoke it in the Resivo portal.",
                code="refused",
            ) from refused
        seen = await api.authorization(wanted.vendor_id)
        if seen is None and (shown or not there):
            return grants.Revoked()
    if seen is not None and seen.over:
        return grants.Revoked()
    words = seen.words if seen is not None else "there is none"
    note = grants.Note(
        "revocation_pending",
        f"Resivo says “{words}”, so a door may still open",
        "A door without internet has to be updated by hand before it knows.",
    )
    return grants.Revoked(confirmed=False, waiting=note)


def _check_marker(wanted: grants.Grant, seen: wire.AuthorizationSeen | None) -> None:
    """Raise Conflict for an authorization that shows a name which the hub did not give it."""
    if seen is None or seen.name is None or seen.name.endswith(wanted.marker):
        return
    raise Conflict(
        f"the authorization of {_name(wanted)} at Resivo does not end in {wanted.marker}, so the hub leaves it alone",
        fix=f"If it is still theirs, write {wanted.marker} at the end of its name; or revoke it in the portal.",
        code="marker_other",
    )


def _unfindable(wanted: grants.Grant) -> FixRecord:
    return FixRecord(
        f"an answer of Resivo about {_name(wanted)} was lost, and nothing is known that could find again what it was "
        "about",
        fix=f"Look in the Resivo portal for an authorization that ends in {wanted.marker}, and revoke it there. What "
        "is still wanted is made anew with the next try.",
        code="unfindable",
    )


def _name(wanted: grants.Grant) -> str:
    return wanted.label or wanted.member
