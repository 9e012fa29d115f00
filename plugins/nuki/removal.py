"""Taking keypad codes back: asked for, looked for, and confirmed only when no lock lists one."""

from __future__ import annotations

from hub import Conflict, FixRecord, Refused, grants
from hub.connection import read_tag
from plugins.nuki import wire
from plugins.nuki.client import Nuki
from plugins.nuki.told import busy, lock_name, trouble, whose
from plugins.nuki.wire import AuthSeen

__all__ = ["delete", "revoke", "tag_of"]


def tag_of(api: Nuki, wanted: grants.Grant) -> str:
    """What the names of the grant's codes end in. Raises Conflict for what another hub made."""
    tag = wanted.vendor_id or wanted.tag or api.connection.tag(wanted.id)
    if read_tag(tag, api.connection.instance) is None:
        raise Conflict(
            f"the code of {whose(wanted)} carries the tag {tag}, which is not of this hub, so the hub leaves it alone",
            fix="If it should go, delete it in the Nuki app.",
            code="marker_other",
        )
    return tag


async def revoke(api: Nuki, wanted: grants.Grant) -> grants.Revoked:
    """Delete the codes of a visit. Confirmed once no lock lists one, after the locks were read anew, and none of them
    is offline. One that is over opens nothing any more: it is deleted to make room."""
    tag = tag_of(api, wanted)
    mine = [seen for seen in await api.auths() if seen.tag == tag]
    if mine:
        waiting = [await delete(api, seen, tag) for seen in mine]
        return grants.Revoked(confirmed=False, waiting=next((note for note in waiting if note is not None), None))
    if wanted.valid_until is not None and wanted.valid_until <= api.now:
        return grants.Revoked()
    if wanted.vendor_id is None and wanted.asked_at is None and not wanted.look_first:
        asked = any(api.asked("create", lock, tag) for lock in wanted.opens.locks)
        if not asked:
            return grants.Revoked()
    return await _confirm_gone(api, wanted)


async def delete(api: Nuki, seen: AuthSeen, tag: str) -> grants.Note | None:
    """Ask for one code to be deleted, unless that was done a moment ago; what it waits for."""
    if seen.pending:
        await api.sync(seen.lock)
        return await trouble(api, seen.lock) or await busy(api, seen.lock)
    asked = api.asked("delete", seen.id, tag)
    # A lock that nobody reaches has the request waiting already.
    if asked is None or (api.now - asked >= wire.SETTLED and await trouble(api, seen.lock) is None):
        try:
            said = await api.delete(seen, tag)
        except Refused as refused:
            name = await lock_name(api, seen.lock)
            raise FixRecord(
                f"Nuki refused to delete a code at the lock {name}",
                said=refused.said or refused.what,
                fix=f"Delete the code “{seen.name}” of the lock {name} in Nuki.",
                code="refused",
            ) from refused
        if said == "busy":
            return await busy(api, seen.lock)
    await api.sync(seen.lock)
    note = await trouble(api, seen.lock)
    if note is not None:
        return note
    name = await lock_name(api, seen.lock)
    return grants.Note(
        "delete_pending",
        f"The lock {name} still lists the code “{seen.name}”",
        f"If it stays so: delete the code “{seen.name}” of the lock {name} in the Nuki app, next to the lock.",
    )


async def _confirm_gone(api: Nuki, wanted: grants.Grant) -> grants.Revoked:
    """Nothing is listed: is that so, or did one read miss it, or is a request to make it still on its way?"""
    since = wanted.asked_at
    known = await api.locks()
    locks = [lock for lock in wanted.opens.locks if lock in known]
    for lock in locks:
        note = await trouble(api, lock)
        if note is not None:
            await api.sync(lock)
            return grants.Revoked(confirmed=False, waiting=note)
    patience = wire.SURE if wanted.shown else wire.SETTLED
    if since is None or api.now - since < patience or not all(api.synced(lock, since=since) for lock in locks):
        for lock in locks:
            await api.sync(lock)
        return grants.Revoked(confirmed=False)
    return grants.Revoked()
