"""The check list of a connection to anny. Nothing is changed."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

from hub import FixSettings, VendorError
from hub.grants import Check, CheckState
from plugins.booking.anny import wire
from plugins.booking.anny.client import Anny
from plugins.booking.anny.webhooks import ours
from plugins.booking.anny.wire import Raw

__all__ = ["verify"]

_LISTS = (
    (wire.CUSTOMERS, "customers"),
    (wire.RESOURCES, "resources"),
    (wire.SERVICES, "services"),
    (wire.BOOKINGS, "bookings"),
    (wire.SUBSCRIPTIONS, "plan subscriptions"),
    (wire.COMMUNITIES, "communities"),
    (wire.ACCOUNTS, "community accounts"),
)


async def verify(api: Anny) -> list[Check]:
    """Try the connection, thing by thing."""
    started = time.perf_counter()
    try:
        organisations = await api.organisations()
    except FixSettings as error:
        took = _ms(started)
        if error.code == "redirect":
            return [_failed("anny answers", error, "Check base_url.")]
        if await _accepted(api):
            return await _rest(api, took, None)
        fix = "Make an access token on anny's settings page; check that it hasn't expired, and base_url (.co or .eu)."
        return [
            Check(title="anny answers", state=CheckState.OK, took_ms=took),
            _failed("the access token is accepted", error, fix),
        ]
    except VendorError as error:
        return [_failed("anny answers", error, "Check base_url and the way out to the internet.")]
    return await _rest(api, _ms(started), organisations)


async def _accepted(api: Anny) -> bool:
    """Whether a token that may not list organisations is good for something else."""
    try:
        await api.page(wire.CUSTOMERS, 1)
    except VendorError:
        return False
    return True


async def _rest(api: Anny, took: int, organisations: Sequence[Raw] | None) -> list[Check]:
    checks = [
        Check(title="anny answers", state=CheckState.OK, took_ms=took),
        Check(title="the access token is accepted", state=CheckState.OK),
        await _organisation(api, organisations),
    ]
    for path, what in _LISTS:
        checks.append(await _may_read(api, path, what))
    checks.append(await _webhook(api))
    return checks


async def _organisation(api: Anny, found: Sequence[Raw] | None) -> Check:
    title = "the organisation is known"
    if found is None:
        fix = "Set organization_id if the token sees more than one."
        return Check(title=title, state=CheckState.WARNING, said="the token may not list organisations", fix=fix)
    names = {str(row.get("id")): str(row.get("name") or row.get("id")) for row in found if row.get("id")}
    listed = ", ".join(f"{name} ({key})" for key, name in names.items())
    chosen = api.settings.organization_id
    if chosen is not None:
        if chosen in names:
            return Check(title=f"the organisation is “{names[chosen]}”", state=CheckState.OK)
        fix = "Set organization_id to one of them."
        return Check(title=title, state=CheckState.FAILED, said=f"the token sees {listed or 'none'}", fix=fix)
    if len(names) <= 1:
        name = next(iter(names.values()), "")
        return Check(title=f"the organisation is “{name}”" if name else title, state=CheckState.OK)
    try:
        active = _active(await api.user())
    except VendorError:
        # The scope user:read is a convenience; the list of organisations says enough.
        active = ""
    said = f"the token sees {listed}" + (f"; now active is {names.get(active, active)}" if active else "")
    fix = "Set organization_id, because which one is active can be changed in anny."
    return Check(title=title, state=CheckState.WARNING, said=said, fix=fix)


def _active(body: Any) -> str:
    """`data.relationships.active_organization.data.id` (S5 in `wire`)."""
    for name in ("data", "relationships", "active_organization", "data", "id"):
        body = body.get(name) if isinstance(body, Mapping) else None
    return str(body or "")


async def _may_read(api: Anny, path: str, what: str) -> Check:
    title = f"{what} can be read"
    try:
        page = await api.page(path, 1)
    except VendorError as error:
        if path in wire.ASSUMED:
            fix = "Rules with communities can't be used. Allow the token to read them if you need such rules."
            return Check(
                title=title, state=CheckState.WARNING, said=error.said or error.what, own=not error.said, fix=fix
            )
        return _failed(title, error, f"Give the access token the scope to read {what}.")
    said = f"{page.total:,}" if page.total is not None else ""
    return Check(title=title, state=CheckState.OK, said=said)


async def _webhook(api: Anny) -> Check:
    title = "the webhook is on"
    try:
        found = await ours(api)
    except VendorError as error:
        fix = "Give the token the scope b.webhook-subscriptions:*. Without it changes are found by reading only."
        return Check(title=title, state=CheckState.WARNING, said=error.said or error.what, own=not error.said, fix=fix)
    if not found:
        return Check(title=title, state=CheckState.SKIPPED, said="the hub has made none yet")
    if any(row.get("is_active") is not False for row in found):
        return Check(title=title, state=CheckState.OK)
    fix = "See that anny can reach the hub's public address; the webhook is made anew within a day."
    said = "anny has switched it off, as it does after five failures in a row"
    return Check(title=title, state=CheckState.WARNING, said=said, fix=fix)


def _failed(title: str, error: VendorError, fix: str) -> Check:
    return Check(title=title, state=CheckState.FAILED, said=error.said or error.what, own=not error.said, fix=fix)


def _ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
