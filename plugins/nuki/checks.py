"""The check list of a connection to Nuki."""

from __future__ import annotations

import time

from hub import FixSettings, VendorError
from hub.grants import Check, CheckState
from plugins.nuki import wire
from plugins.nuki.client import Nuki
from plugins.nuki.wire import AuthSeen, LockSeen

__all__ = ["verify"]


async def verify(api: Nuki) -> list[Check]:
    """Try the connection, thing by thing; nothing is changed."""
    started = time.perf_counter()
    try:
        locks = await api.locks(fresh=True)
    except FixSettings as error:
        return [
            Check(title="Nuki answers", state=CheckState.OK, took_ms=_ms(started)),
            Check(
                title="the token is accepted",
                state=CheckState.FAILED,
                said=error.said or error.what,
                own=not error.said,
                fix="Make a new API token in Nuki Web. One dies when the account's password is changed.",
            ),
        ]
    except VendorError as error:
        said = f"{error.what}. {error.said}".strip()
        fix = "Check base_url and the way out to the internet."
        return [Check(title="Nuki answers", state=CheckState.FAILED, said=said, own=True, fix=fix)]
    checks = [
        Check(title="Nuki answers", state=CheckState.OK, took_ms=_ms(started)),
        Check(title="the token is accepted", state=CheckState.OK),
        _locks(locks),
    ]
    try:
        auths = await api.auths(fresh=True)
    except VendorError as error:
        fix = "Give the token the right to manage authorizations (smartlock.auth)."
        said, own = error.said or error.what, not error.said
        checks.append(Check(title="codes can be read", state=CheckState.FAILED, said=said, own=own, fix=fix))
    else:
        checks.append(Check(title="codes can be read", state=CheckState.OK))
        checks += [_lock(api, seen, [one for one in auths if one.lock == seen.id]) for seen in locks.values()]
    return [*checks, await _webhooks(api)]


def _locks(locks: dict[str, LockSeen]) -> Check:
    if locks:
        return Check(title=f"{len(locks)} locks are seen" if len(locks) > 1 else "1 lock is seen", state=CheckState.OK)
    return Check(
        title="locks",
        state=CheckState.FAILED,
        said="none",
        fix="Activate Nuki Web for the locks in the Nuki app, and make the token in the account that has them.",
    )


def _lock(api: Nuki, seen: LockSeen, auths: list[AuthSeen]) -> Check:
    """What is to say about one lock: whether it is reached, takes codes, and has room."""
    title = f"{seen.name} takes codes"
    if not any(one.type in {wire.KEYPAD, wire.KEYPAD_CODE} for one in auths):
        fix = "Pair a Nuki Keypad with it in the Nuki app, or don't name this lock in the mapping."
        return Check(title=title, state=CheckState.WARNING, said="no keypad is seen at this lock", fix=fix)
    if not seen.online:
        fix = "Check its Wi-Fi or bridge and its batteries. Codes wait until it is back."
        return Check(title=title, state=CheckState.WARNING, said=f"the lock {seen.trouble}", fix=fix)
    held, limit = sum(one.type in {wire.APP, wire.KEYPAD_CODE} for one in auths), api.settings.codes_per_lock
    if held >= limit:
        fix = "Delete in Nuki what nobody needs; until then new codes wait."
        return Check(title=title, state=CheckState.WARNING, said=f"it holds {held} of {limit}", fix=fix)
    return Check(title=title, state=CheckState.OK, said=f"{held} of {limit} codes and app users")


async def _webhooks(api: Nuki) -> Check:
    title = "webhooks"
    try:
        await api.webhooks()
    except FixSettings as error:
        return Check(
            title=title,
            state=CheckState.WARNING,
            said=error.said or error.what,
            own=not error.said,
            fix="Nothing: what is under way is looked at once a minute. Webhooks need Advanced API access from Nuki.",
        )
    except VendorError as error:
        return Check(title=title, state=CheckState.WARNING, said=error.said or error.what, own=not error.said)
    return Check(title="webhooks can be subscribed to", state=CheckState.OK)


def _ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
