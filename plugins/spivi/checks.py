"""The check list of a connection to Spivi."""

from __future__ import annotations

import time
from datetime import timedelta

from hub import FixSettings, VendorError
from hub.grants import Check, CheckState
from hub.words import counted
from plugins.spivi.client import Spivi
from plugins.spivi.wire import CALLS

__all__ = ["verify"]

AHEAD = timedelta(days=7)
REFUSED = {
    "credentials": "site ID, source name and password are accepted",
    "agreement": "Spivi's API agreement is signed",
    "not_admin": "the account is an administrator of the club",
}


async def verify(api: Spivi) -> list[Check]:
    """Try the connection, thing by thing; nothing is changed."""
    checks = _shapes(api)
    started = time.perf_counter()
    try:
        await api.try_credentials()
    except FixSettings as error:
        if error.code in {"no_such_call", "redirect"}:
            return [*checks, _bad("Spivi answers", error, "Check base_url.")]
        took = round((time.perf_counter() - started) * 1000)
        title = REFUSED.get(error.code, "Spivi lets the hub in")
        return [*checks, Check(title="Spivi answers", state=CheckState.OK, took_ms=took), _bad(title, error)]
    except VendorError as error:
        return [*checks, _bad("Spivi answers", error, "Check base_url and the way out to the internet.")]
    took = round((time.perf_counter() - started) * 1000)
    checks += [
        Check(title="Spivi answers", state=CheckState.OK, took_ms=took),
        Check(title=REFUSED["credentials"], state=CheckState.OK),
        await _instructors(api),
    ]
    checks += [await _box(api, box) for box in api.settings.box_ids]
    if not api.settings.box_ids:
        checks.append(
            Check(
                title="boxes",
                state=CheckState.WARNING,
                said="none named",
                fix="Enter the Box IDs from My Studio > Developers > API for developers, so that they can be tried.",
            )
        )
    checks += _switched(api)
    checks.append(
        Check(
            title="classes and riders may be written",
            state=CheckState.SKIPPED,
            said="Spivi has no write that changes nothing",
            fix="Send one class with one rider, and look at the screen in the room.",
        )
    )
    return checks


def _bad(title: str, error: VendorError, fix: str = "") -> Check:
    said = error.said or error.what
    return Check(title=title, state=CheckState.FAILED, said=said, own=not error.said, fix=fix or error.fix)


def _shapes(api: Spivi) -> list[Check]:
    if api.settings.site_id.isascii() and api.settings.site_id.isdigit():
        return []
    return [
        Check(
            title="a value looks unusual",
            state=CheckState.WARNING,
            said="the site ID is not a number, which Spivi's usually are",
            fix="Compare with My Studio > Developers > API for developers if something below fails.",
        )
    ]


async def _instructors(api: Spivi) -> Check:
    try:
        known = await api.instructors()
    except VendorError as error:
        return _bad(
            "instructors can be read", error, "Classes are sent without one until this works. Check the administrator."
        )
    return Check(title=f"{counted(len(known), 'instructor')} can be read", state=CheckState.OK)


async def _box(api: Spivi, box: str) -> Check:
    now = api.connection.clock.now()
    try:
        events = await api.events(box, now - AHEAD, now + AHEAD, api.connection.timezone)
    except VendorError as error:
        fix = "Compare the Box ID with My Studio > Developers > API for developers."
        return _bad(f"box {box} can be read", error, fix)
    seats = {seat for event in events for seat in (*event.free, *event.booked.values())}
    said = f"{counted(len(events), 'event')} within a week, {counted(len(seats), 'seat')}"
    return Check(title=f"box {box} can be read", state=CheckState.OK, said=said)


def _switched(api: Spivi) -> list[Check]:
    """Calls that were never seen, and that somebody switched on."""
    on = [name for name, call in api.wire.calls.items() if call.on and CALLS[name].evidence != "documented"]
    if not on:
        return []
    return [
        Check(
            title="calls that are not documented",
            state=CheckState.WARNING,
            said=f"switched on: {', '.join(on)}",
            fix="Try each with one class first; set it to false under calls if Spivi does not know it.",
        )
    ]
