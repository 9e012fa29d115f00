"""The check list of a connection to Momence."""

from __future__ import annotations

import time

from hub import Connection, FixSettings, NotFound, VendorError
from hub.grants import Check, CheckState
from plugins.booking.momence import rows, values, wire
from plugins.booking.momence.client import Momence

__all__ = ["verify"]

_ROLE = "The role of this staff user in the Momence dashboard must let them see this."


async def verify(connection: Connection) -> list[Check]:
    """Try the connection, thing by thing; nothing is changed."""
    api = connection.keep(Momence)
    checks: list[Check] = []
    started = time.perf_counter()
    try:
        await api.tokens.get()
    except FixSettings as error:
        refused = error.code == "sign_in"
        took = round((time.perf_counter() - started) * 1000)
        if refused:
            checks.append(Check(title="Momence answers", state=CheckState.OK, took_ms=took))
        title = "the user can sign in" if refused else "Momence answers"
        return [*checks, _failed(title, error)]
    except VendorError as error:
        fix = error.fix or "Check base_url and the way out to the internet."
        return [_failed("Momence answers", error, fix)]
    took = round((time.perf_counter() - started) * 1000)
    checks += [
        Check(title="Momence answers", state=CheckState.OK, took_ms=took),
        Check(title="the user can sign in", state=CheckState.OK),
        await _who(api),
        await _list(api, "members", wire.MEMBERS),
        await _first_passes(api),
        await _list(api, "memberships", wire.MEMBERSHIPS),
        await _list(api, "tags", wire.TAGS),
        await _list(api, "sessions", wire.SESSIONS),
        await _list(api, "locations", wire.LOCATIONS, needed=False),
        await _labels(api),
        _webhooks(api),
    ]
    return checks


def _failed(title: str, error: VendorError, fix: str = "", state: CheckState = CheckState.FAILED) -> Check:
    return Check(title=title, state=state, said=error.said or error.what, own=not error.said, fix=fix or error.fix)


async def _who(api: Momence) -> Check:
    title = "who the user is can be read"
    try:
        found = await api.get(wire.PROFILE, wire.profile)
    except VendorError as error:
        return _failed(title, error, _ROLE)
    said = " ".join(str(found.get(name) or "") for name in ("firstName", "lastName", "email")).strip()
    return Check(title=title, state=CheckState.OK, said=said)


async def _list(api: Momence, what: str, path: str, *, needed: bool = True) -> Check:
    title = f"{what} can be read"
    try:
        _, total = await api.get(path, lambda raw: wire.page(raw, 0, 1), {"page": 0, "pageSize": 1})
    except VendorError as error:
        if needed:
            return _failed(title, error, _ROLE)
        fix = "The hub goes on without: sessions keep their location's id, and times without a zone are the studio's."
        return _failed(title, error, fix, CheckState.WARNING)
    return Check(title=title, state=CheckState.OK, said=f"{total:,}")


async def _first_passes(api: Momence) -> Check:
    title = "a member's passes can be read"
    try:
        listed, _ = await api.get(wire.MEMBERS, lambda raw: wire.page(raw, 0, 1), {"page": 0, "pageSize": 1})
        key = values.id_or_none(listed[0]) if listed else None
        if key is None:
            return Check(title=title, state=CheckState.SKIPPED, said="there is no member to try it with")
        query = {"page": 0, "pageSize": 1, "includeFrozen": "true"}
        await api.get(wire.passes_path(key), lambda raw: wire.page(raw, 0, 1), query)
    except NotFound:
        return Check(title=title, state=CheckState.SKIPPED, said="the member to try it with is gone")
    except VendorError as error:
        return _failed(title, error, _ROLE)
    return Check(title=title, state=CheckState.OK)


async def _labels(api: Momence) -> Check:
    """Whether the labels of `customer_fields` are there, in the first hundred members."""
    title = "customer fields are found"
    labels = [label for label in api.settings.customer_fields.model_dump().values() if label]
    if not labels:
        return Check(title=title, state=CheckState.SKIPPED, said="customer_fields names none")
    query = {"page": 0, "pageSize": wire.SMALL_PAGE}
    try:
        listed, _ = await api.get(wire.MEMBERS, lambda raw: wire.page(raw, 0, wire.SMALL_PAGE), query)
    except VendorError as error:
        return _failed(title, error, _ROLE)
    there = {label.strip().casefold() for raw in listed for label in rows.labels_of(raw)}
    absent = [label for label in labels if label.strip().casefold() not in there]
    if absent:
        return Check(
            title=title,
            state=CheckState.WARNING,
            said=f"none of the first {len(listed)} members has {', '.join(absent)}",
            fix="Compare the labels with those in the Momence dashboard.",
        )
    return Check(title=title, state=CheckState.OK, said=", ".join(labels))


def _webhooks(api: Momence) -> Check:
    title = "webhooks can be checked"
    if api.settings.webhook_secret or api.settings.webhook_signing_secret:
        return Check(
            title=title, state=CheckState.OK, said="whether Momence sends any shows when the first one arrives"
        )
    return Check(
        title=title,
        state=CheckState.SKIPPED,
        said="there is no webhook_secret, so changes are found by polling only",
        fix="Ask Momence's support for webhooks, make one in the dashboard, and set webhook_secret.",
    )
