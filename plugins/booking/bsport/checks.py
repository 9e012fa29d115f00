"""The check list of a connection to bsport."""

from __future__ import annotations

import time

from hub import Connection, FixSettings, VendorError
from hub.grants import Check, CheckState
from plugins.booking.bsport import key, wire
from plugins.booking.bsport.client import NEW_KEY, NEW_TOKEN, Bsport, Classic
from plugins.booking.bsport.settings import settings_of
from plugins.booking.bsport.webhooks import EVENTS

__all__ = ["verify"]

READ = (
    ("members", wire.CLIENTS),
    ("tags", wire.TAGS),
    ("passes", wire.PASSES),
    ("passes of members", wire.CLIENT_PASSES),
    ("classes", wire.CLASSES),
    ("bookings", wire.BOOKINGS),
)
GUESSED = (("venues", wire.VENUES), ("teachers", wire.TEACHERS))


async def verify(connection: Connection) -> list[Check]:
    """Try the connection, thing by thing; nothing is changed."""
    api = connection.keep(Bsport)
    started = time.perf_counter()
    try:
        await api.glance(wire.TAGS, {})
    except FixSettings as error:
        if error.code == "redirect":
            return [_failed("bsport answers", error, "Check base_url."), _key(connection)]
        return [
            Check(title="bsport answers", state=CheckState.OK, took_ms=_ms(started)),
            _failed("key, company and client are accepted", error, NEW_KEY),
            _key(connection),
        ]
    except VendorError as error:
        fix = "Check base_url and the way out to the internet."
        return [_failed("bsport answers", error, fix), _key(connection)]
    checks = [
        Check(title="bsport answers", state=CheckState.OK, took_ms=_ms(started)),
        Check(title="key, company and client are accepted", state=CheckState.OK),
        _key(connection),
    ]
    for what, path in READ:
        checks.append(await _may_read(api, what, path))
    if settings_of(connection).guessed_lists:
        for what, path in GUESSED:
            checks.append(await _may_read(api, what, path, guessed=True))
    checks.append(await _classic(connection))
    checks.append(
        Check(
            title="webhooks are set up by hand",
            state=CheckState.SKIPPED,
            said="bsport has no interface for them, so it can't be told from here whether they are",
            fix="At backoffice.bsport.io/settings/webhook, enter the connection's address once for each of "
            f"{', '.join(EVENTS)}.",
        )
    )
    return checks


def _key(connection: Connection) -> Check:
    ends = key.key_ends(connection)
    if ends is None:
        return Check(
            title="it is known when the key ends",
            state=CheckState.WARNING,
            said="a key lasts about a year and ends without notice",
            fix="Ask bsport when this one ends and put the day into key_ends, so that the hub warns in time.",
        )
    if key.ends_soon(connection) is None:
        return Check(title=f"the key lasts until {ends.isoformat()}", state=CheckState.OK)
    return Check(
        title="the key lasts",
        state=CheckState.WARNING,
        said=f"the API key ends on {ends.isoformat()}",
        fix=key.FIX,
    )


async def _may_read(api: Bsport, what: str, path: str, *, guessed: bool = False) -> Check:
    title = f"{what} can be read"
    try:
        await api.glance(path, {})
    except VendorError as error:
        if guessed:
            return Check(
                title=title, state=CheckState.WARNING, said=_said(error), fix="Switch guessed_lists off: it is a guess."
            )
        return _failed(title, error, error.fix or "Ask bsport to allow it for this key.")
    return Check(title=title, state=CheckState.OK)


async def _classic(connection: Connection) -> Check:
    title = "spots can be read"
    settings = settings_of(connection)
    if not settings.read_spots:
        return Check(
            title=title,
            state=CheckState.SKIPPED,
            said="read_spots is off",
            fix="Only the classic interface has spots; switch it on if seats matter and bsport agrees.",
        )
    try:
        api = connection.keep(Classic)
        await api.glance(wire.CLASSIC_OFFERS, {"company": settings.company_id})
        await api.glance(wire.CLASSIC_BOOKINGS, {"company": settings.company_id})
    except VendorError as error:
        return _failed(title, error, NEW_TOKEN)
    return Check(title=title, state=CheckState.OK)


def _failed(title: str, error: VendorError, fix: str) -> Check:
    return Check(title=title, state=CheckState.FAILED, said=_said(error), own=not error.said, fix=fix)


def _said(error: VendorError) -> str:
    return error.said or error.what


def _ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
