"""Keypad codes: one for each lock of a visit, all with the same digits, found again by the tag in their names.

Nuki answers that it has stored a request, and the lock carries it out later, or never where it is offline. So nothing
here counts before the list shows it: a code that was asked for is *in progress*, and one that a single read does not
show is neither gone nor removed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from hub import Connection, FixRecord, NotFound, NotYet, Refused, RetryLater, VendorError, grants, redact
from plugins.nuki import wire
from plugins.nuki.client import Nuki
from plugins.nuki.removal import delete, tag_of
from plugins.nuki.told import busy, lock_name, trouble, whose
from plugins.nuki.wire import AuthSeen

__all__ = ["grant", "observed"]

BUSY = timedelta(seconds=10)


# ── giving ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def grant(api: Nuki, wanted: grants.Grant) -> grants.Granted:
    """Have the code on every lock of the visit, with its window; confirmed once all of them are listed so."""
    if wanted.valid_until is not None and wanted.valid_until <= api.now:
        raise FixRecord(f"the visit of {whose(wanted)} is over already", code="window_over")
    if not wire.is_code(wanted.code):
        raise FixRecord(f"the visit of {whose(wanted)} needs a code of six digits from 1 to 9", code="code_unfit")
    # Nuki may repeat it in what it says about a refusal.
    redact.know(wanted.code)
    tag = tag_of(api, wanted)
    found = [seen for seen in await api.auths() if seen.tag == tag and seen.lock in wanted.opens.locks]
    mine, spare = _one_each(found, wanted)
    missing = [lock for lock in wanted.opens.locks if lock not in {seen.lock for seen in found}]
    first = _is_first(api, wanted, tag)
    wrong = [seen for seen in mine if not seen.keeps(wanted) or (seen.code is None and first)]
    # It is still listed, and is about to go: what was asked for last has to be over before anything can be said.
    going = [seen for seen in mine if seen not in wrong and (seen.pending or _is_going(api, seen, tag))]
    try:
        if missing and first and not found:
            await _check_room(api, wanted, missing)
            await _check_code(api, wanted, missing)
        waiting = [await _change(api, seen, wanted, tag) for seen in wrong]
        waiting += [await delete(api, seen, tag) for seen in spare]
        waiting += [await busy(api, seen.lock) for seen in going]
        waiting += [await _make(api, lock, wanted, tag) for lock in missing]
    except VendorError as error:
        if found or any(api.asked("create", lock, tag) for lock in wanted.opens.locks):
            # One of the locks has it, or will have it: it can be taken back by this.
            error.made = tag
        if error.code == "code_taken":
            # The hub draws other digits after this, so what was asked for with these is no guide any more.
            api.forget(tag)
        raise
    return grants.Granted(
        vendor_id=tag,
        confirmed=not (missing or wrong or spare or going),
        code=wanted.code,
        admin_url=wire.PORTAL,
        waiting=next((note for note in waiting if note is not None), None),
    )


def _one_each(found: Sequence[AuthSeen], wanted: grants.Grant) -> tuple[list[AuthSeen], list[AuthSeen]]:
    """One code for each lock, and those that are too many: of several, only one that shows the right digits stays."""
    mine: list[AuthSeen] = []
    spare: list[AuthSeen] = []
    for lock in dict.fromkeys(seen.lock for seen in found):
        here = [seen for seen in found if seen.lock == lock]
        keep = here if len(here) == 1 else [seen for seen in here if seen.code == wanted.code][:1]
        mine += keep
        spare += [seen for seen in here if seen not in keep]
    return mine, spare


def _is_first(api: Nuki, wanted: grants.Grant, tag: str) -> bool:
    """Whether nobody has asked for this, with this code, before. A code that Nuki lists then was made for an earlier
    try, and where Nuki shows no digits nobody knows which it has."""
    asked = wanted.asked_at is not None or any(api.asked("create", lock, tag) for lock in wanted.opens.locks)
    return not (wanted.shown or wanted.look_first or asked)


def _is_going(api: Nuki, seen: AuthSeen, tag: str) -> bool:
    """Whether this process asked for its deletion a moment ago."""
    asked = api.asked("delete", seen.id, tag)
    return asked is not None and api.now - asked < wire.SETTLED


async def _check_room(api: Nuki, wanted: grants.Grant, locks: Sequence[str]) -> None:
    """Raise NotYet where it is too early for a code, or a lock has no room for it."""
    ahead = timedelta(days=api.settings.days_ahead)
    if wanted.valid_from is not None and wanted.valid_from - ahead > api.now:
        raise NotYet(
            f"a code is made {api.settings.days_ahead} days before it begins",
            code="too_early",
            at=wanted.valid_from - ahead,
        )
    limit = api.settings.codes_per_lock
    soon = wanted.valid_from is None or wanted.valid_from <= api.now + wire.SOON
    for lock in locks:
        held = [seen for seen in await api.auths() if seen.lock == lock and seen.type in {wire.APP, wire.KEYPAD_CODE}]
        coming = api.on_their_way(lock) - {seen.tag for seen in held}
        if len(held) + len(coming) < (limit if soon else limit - min(wire.RESERVED, limit // 10)):
            continue
        name = await lock_name(api, lock)
        what = f"the lock {name} holds {limit} codes and app users, and has no room for more"
        if not soon:
            what = f"the lock {name} is nearly full, and its last places are for what begins within a day"
        raise NotYet(
            what,
            fix="Nothing, if ended codes make room in time: the nearest visits come first. Else delete in Nuki what "
            "nobody needs.",
            code="lock_full",
        )


async def _check_code(api: Nuki, wanted: grants.Grant, locks: Sequence[str]) -> None:
    """Raise Refused where a lock lists the digits already, before any other lock is asked."""
    for seen in await api.auths():
        if seen.lock in locks and seen.code is not None and seen.code == wanted.code:
            raise await _taken(api, seen.lock)


async def _taken(api: Nuki, lock: str) -> Refused:
    name = await lock_name(api, lock)
    return Refused(f"the lock {name} has a code with the same digits already", code="code_taken")


async def _make(api: Nuki, lock: str, wanted: grants.Grant, tag: str) -> grants.Note | None:
    """Ask for the code on a lock that does not list it; what it waits for. One that was asked for before, or stood
    there, is asked for again only when the lock was read anew and still does not show it."""
    if wanted.look_first and wanted.sure_after is not None and api.now < wanted.sure_after:
        raise RetryLater(
            f"it is too early to tell whether the lock {await lock_name(api, lock)} has the code already",
            after=wanted.sure_after - api.now,
            code="settling",
        )
    sent = api.asked("create", lock, tag)
    before = max((at for at in (sent, wanted.asked_at) if at is not None), default=None)
    if wanted.asked_at is None and (wanted.shown or (before is None and wanted.vendor_id and wanted.look_first)):
        before = api.now
    if before is not None:
        repeated = sent is not None and wanted.asked_at is not None and sent > wanted.asked_at
        patience = wire.SURE if wanted.shown and not repeated else wire.SETTLED
        note = await trouble(api, lock)
        if note is not None or api.now - before < patience or not api.synced(lock, since=before):
            await api.sync(lock)
            return note
    try:
        said = await api.create(lock, tag, wire.create_payload(wanted, tag))
    except (Refused, NotFound) as refused:
        raise await _reason(api, lock, wanted, refused) from refused
    if said == "busy" and before is None:
        raise RetryLater(f"the lock {await lock_name(api, lock)} is at something else", after=BUSY, code="lock_busy")
    if said != "exists":
        return await trouble(api, lock)
    await api.sync(lock)
    here = [seen for seen in await api.auths(fresh=True) if seen.lock == lock]
    if any(seen.tag == tag for seen in here):
        return None
    if before is None or any(seen.code == wanted.code for seen in here):
        raise await _taken(api, lock)
    return grants.Note(
        "code_left_over",
        f"The lock {await lock_name(api, lock)} says that it has this code, and does not list it",
        "Nothing at first: the hub has it read the lock again. If it stays so, sync the lock in the Nuki app.",
    )


async def _change(api: Nuki, seen: AuthSeen, wanted: grants.Grant, tag: str) -> grants.Note | None:
    """Ask for a code that stands there to be as wanted, all of it; what it waits for."""
    if seen.pending:
        return await busy(api, seen.lock)
    asked = api.asked("change", seen.id, tag)
    if asked is not None and api.now - asked < wire.SETTLED:
        await api.sync(seen.lock)
        return await trouble(api, seen.lock)
    try:
        said = await api.change(seen, tag, wire.change_payload(wanted, tag))
    except Refused as refused:
        raise await _reason(api, seen.lock, wanted, refused) from refused
    if said == "exists":
        raise await _taken(api, seen.lock)
    if said == "gone":
        await api.sync(seen.lock)
    return await busy(api, seen.lock) if said == "busy" else await trouble(api, seen.lock)


async def _reason(api: Nuki, lock: str, wanted: grants.Grant, refused: Refused | NotFound) -> FixRecord | NotYet:
    """What a refusal most likely means: its words are free text."""
    said = refused.said or refused.what
    if lock not in await api.locks(fresh=True):
        return FixRecord(
            f"Nuki has no lock {lock}, which the visit of {whose(wanted)} shall open",
            said=said,
            fix="Name a lock that exists in the mapping.",
            code="opening_missing",
        )
    name = await lock_name(api, lock)
    on_lock = [seen for seen in await api.auths(fresh=True) if seen.lock == lock]
    if not any(seen.type in {wire.KEYPAD, wire.KEYPAD_CODE} for seen in on_lock):
        return FixRecord(
            f"the lock {name} takes no codes: no keypad is paired with it",
            said=said,
            fix="Pair a Nuki Keypad with the lock in the Nuki app, then sync.",
            code="no_keypad",
        )
    return FixRecord(f"Nuki refused the code of {whose(wanted)} for the lock {name}", said=said, code="refused")


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────


def observed(connection: Connection, seen: Iterable[AuthSeen]) -> list[grants.Observed]:
    """The codes with a tag as the hub compares them: one for each visit, whichever locks it is on."""
    by_tag: dict[str, list[AuthSeen]] = {}
    for one in seen:
        if one.tag is not None:
            by_tag.setdefault(one.tag, []).append(one)
    now = connection.clock.now()
    return [
        grants.Observed(
            vendor_id=tag,
            tag=tag,
            alive=all(one.enabled and not one.limited for one in codes) and not _over(codes, now),
            opens=grants.Opens(locks=tuple(sorted({one.lock for one in codes}))),
            valid_from=min((one.valid_from for one in codes), key=_or_early),
            valid_until=max((one.valid_until for one in codes), key=_or_late),
        )
        for tag, codes in by_tag.items()
    ]


def _over(codes: Iterable[AuthSeen], now: datetime) -> bool:
    return all(one.valid_until is not None and one.valid_until <= now for one in codes)


def _or_early(at: datetime | None) -> datetime:
    return at or wire.SINCE


def _or_late(at: datetime | None) -> datetime:
    return at or wire.NO_END
