"""The check list of a connection to Resivo."""

from __future__ import annotations

from collections import Counter

from hub import FixSettings, VendorError
from hub.grants import Check, CheckState
from plugins.resivo.client import Resivo

__all__ = ["verify"]


async def verify(api: Resivo) -> list[Check]:
    """Try the connection, thing by thing; nothing is changed."""
    checks = [
        Check(
            title="experimental",
            state=CheckState.WARNING,
            said="nothing of this was ever tried at a real site",
            fix="Begin with one door that matters little, and watch that each PIN opens it, and stops to.",
        )
    ]
    try:
        name = await api.site()
    except FixSettings as error:
        fix = "Check client_id, client_secret and site_id, and that the credential may see this site."
        said, own = error.said or error.what, not error.said
        title = "the credential is accepted"
        return [*checks, Check(title=title, state=CheckState.FAILED, said=said, own=own, fix=fix)]
    except VendorError as error:
        said = f"{error.what}. {error.said}".strip()
        fix = "Check site_id, api_version and base_url."
        return [*checks, Check(title="the site is found", state=CheckState.FAILED, said=said, own=True, fix=fix)]
    checks.append(Check(title=f"the site is “{name or api.settings.site_id}”", state=CheckState.OK))
    try:
        doors = await api.doors()
    except VendorError as error:
        fix = "Try version_in_every_path = true: the only known client leaves the version out here."
        said, own = error.said or error.what, not error.said
        return [*checks, Check(title="doors can be read", state=CheckState.FAILED, said=said, own=own, fix=fix)]
    checks.append(Check(title=f"{len(doors)} doors can be read", state=CheckState.OK))
    twice = [name for name, count in Counter(door.name for door in doors).items() if count > 1]
    if twice:
        said = f"several doors are called {', '.join(twice)}"
        checks.append(Check(title="names of doors", state=CheckState.WARNING, said=said, fix="Give each its own name."))
    return checks
