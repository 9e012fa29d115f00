"""The check list of a connection to exivo."""

from __future__ import annotations

import re
import time

from hub import FixSettings, NotFound, VendorError
from hub.grants import Check, CheckState
from plugins.exivo.client import Exivo

__all__ = ["verify"]

_UUID = re.compile(r"^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)


async def verify(api: Exivo) -> list[Check]:
    """Try the connection, thing by thing; nothing is changed."""
    checks = _shapes(api)
    started = time.perf_counter()
    try:
        info = await api.info()
    except FixSettings as error:
        took = _ms(started)
        return [
            *checks,
            Check(title="exivo answers", state=CheckState.OK, took_ms=took),
            Check(
                title="key and secret are accepted",
                state=CheckState.FAILED,
                said=error.said or error.what,
                own=not error.said,
                fix="Make a key in the portal's API settings and check the site ID and base_url. The site must have "
                "the service “Connection” switched on.",
            ),
        ]
    except VendorError as error:
        return [
            *checks,
            Check(
                title="exivo answers",
                state=CheckState.FAILED,
                said=f"{error.what}. {error.said}".strip() if error.said else error.what,
                own=True,
                fix="Check base_url and the way out to the internet."
                if not isinstance(error, NotFound)
                else "Check the site ID and base_url, which ends in /v1.",
            ),
        ]
    took = _ms(started)
    checks += [
        Check(title="exivo answers", state=CheckState.OK, took_ms=took),
        Check(title="key and secret are accepted", state=CheckState.OK),
        Check(title=f"the site is “{info.get('name') or api.settings.site_id}”", state=CheckState.OK),
    ]
    zone = str(info.get("timeZone") or "")
    if zone and zone != str(api.connection.timezone):
        checks.append(
            Check(
                title="time zones agree",
                state=CheckState.WARNING,
                said=f"exivo has {zone}, the studio {api.connection.timezone}",
                fix="Passes end at midnight in the studio's zone; check that this is meant.",
            )
        )
    if info.get("type") not in {None, "exivo"}:
        checks.append(
            Check(
                title="kind of site",
                state=CheckState.WARNING,
                said=str(info.get("type")),
                fix="This kind of site was never tried with the hub. Begin with the policy observe.",
            )
        )
    checks.append(await _count(api))
    checks.append(await _may_read(api, "persons", api.paths.persons))
    checks.append(await _may_read(api, "badges", api.paths.media))
    checks.append(await _may_read(api, "visits", api.paths.visits))
    checks.append(await _may_write(api))
    return checks


def _shapes(api: Exivo) -> list[Check]:
    odd = [
        name
        for name, value in (
            ("site ID", api.settings.site_id),
            ("API key", api.settings.api_key),
            ("secret", api.settings.api_secret.get_secret_value()),
        )
        if not _UUID.match(value)
    ]
    if not odd:
        return []
    return [
        Check(
            title="a value looks unusual",
            state=CheckState.WARNING,
            said=f"{', '.join(odd)}: not a UUID, which exivo's usually are",
            fix="Compare with the portal if something below fails.",
        )
    ]


async def _count(api: Exivo) -> Check:
    try:
        groups, doors = await api.groups(), await api.doors()
    except VendorError as error:
        return Check(
            title="groups and doors can be read",
            state=CheckState.FAILED,
            said=error.said or error.what,
            own=not error.said,
        )
    if not groups:
        return Check(
            title="access groups",
            state=CheckState.WARNING,
            said=f"none, and {len(doors)} doors",
            fix="Make the access groups in the exivo portal, so that passes can be mapped to them.",
        )
    return Check(title=f"{len(groups)} access groups and {len(doors)} doors can be read", state=CheckState.OK)


async def _may_read(api: Exivo, what: str, path: str) -> Check:
    title = f"{what} can be read"
    try:
        await api.glance(path)
    except VendorError as error:
        fix = "Allow reading them in the exivo API settings."
        return Check(title=title, state=CheckState.FAILED, said=error.said or error.what, own=not error.said, fix=fix)
    return Check(title=title, state=CheckState.OK)


async def _may_write(api: Exivo) -> Check:
    title = "persons may be written"
    try:
        await api.try_writing()
    except FixSettings as error:
        return Check(
            title=title,
            state=CheckState.FAILED,
            said=error.said or error.what,
            own=not error.said,
            fix="Allow writing persons in the exivo API settings. Until then the hub only reads.",
        )
    except NotFound:
        pass
    except VendorError as error:
        return Check(title=title, state=CheckState.FAILED, said=error.said or error.what, own=not error.said)
    return Check(title=title, state=CheckState.OK)


def _ms(started: float) -> int:
    return round((time.perf_counter() - started) * 1000)
