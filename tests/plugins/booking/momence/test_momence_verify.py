"""Trying a connection: what works, what doesn't, what to do; nothing is changed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from hub.grants import Check, CheckState
from plugins.booking import momence
from plugins.booking.momence.settings import MomenceSettings
from plugins.booking.momence.simulator import MomenceSimulator
from tests.plugins.booking.momence.support import SECRETS, Site, connection, furnished, opened


def states(checks: Any) -> dict[str, CheckState]:
    return {check.title: check.state for check in checks}


def bad(checks: Any) -> Check:
    (found,) = [check for check in checks if check.state not in {CheckState.OK, CheckState.SKIPPED}]
    assert isinstance(found, Check)
    return found


async def test_a_good_connection_is_good_in_every_point() -> None:
    """Each point names one thing that works."""
    async with opened(furnished(), customer_fields={"weight_kg": "Gewicht"}) as site:
        checks = await site.verify()
    assert set(states(checks).values()) == {CheckState.OK}
    assert list(states(checks)) == [
        "Momence answers",
        "the user can sign in",
        "who the user is can be read",
        "members can be read",
        "a member's passes can be read",
        "memberships can be read",
        "tags can be read",
        "sessions can be read",
        "locations can be read",
        "customer fields are found",
        "webhooks can be checked",
    ]
    assert checks[0].took_ms is not None


async def test_verifying_changes_nothing(site: Site) -> None:
    """Signing in is all that is sent besides reads."""
    before = site.sim.world.snapshot()
    await site.verify()
    site.sim.world.tokens, site.sim.world.refreshes = before.tokens, before.refreshes
    assert vars(site.sim.world) == vars(before)
    assert site.sim.log.writes == 1


@pytest.mark.parametrize("wrong", ["client_id", "client_secret", "username", "password"])
async def test_a_wrong_login_is_told(wrong: str) -> None:
    """Momence answers, so it is not the network."""
    async with opened(furnished(), **{wrong: "wrong-value-77"}) as site:
        checks = await site.verify()
    assert states(checks)["Momence answers"] is CheckState.OK
    check = bad(checks)
    assert (check.title, check.said[:7]) == ("the user can sign in", "Invalid")
    assert wrong in check.fix
    assert not [secret for secret in (*SECRETS, "wrong-value-77") if secret in repr(checks)]


@pytest.mark.parametrize("fault", ["outage", "outage=drop", "garbage", "status=301"])
async def test_what_is_not_momence_is_told_apart(site: Site, fault: str) -> None:
    """With what to check next."""
    site.sim.faults.set(fault)
    check = bad(await site.verify())
    assert check.title == "Momence answers"
    assert "base_url" in check.fix


@pytest.mark.parametrize(
    ("operation", "title"),
    [
        ("*AuthController_profile", "who the user is can be read"),
        ("*MembershipsController_list", "memberships can be read"),
        ("*TagsController_list", "tags can be read"),
        ("*getSessions", "sessions can be read"),
        ("*BoughtMembershipsController_list", "a member's passes can be read"),
    ],
)
@pytest.mark.parametrize("fault", ["status=403", "unauthorized", "garbage"])
async def test_a_list_that_may_not_be_read_is_told(site: Site, operation: str, title: str, fault: str) -> None:
    """And the other points are still tried."""
    site.sim.faults.set(f"{fault},operation={operation}")
    checks = await site.verify()
    failed = [check for check in checks if check.state is CheckState.FAILED]
    assert title in [check.title for check in failed]
    assert "role" in failed[0].fix
    assert states(checks)["locations can be read"] is CheckState.OK


async def test_locations_that_are_closed_are_a_warning(site: Site) -> None:
    """The hub goes on without."""
    site.sim.faults.locations_closed = True
    check = bad(await site.verify())
    assert (check.title, check.state, check.said) == ("locations can be read", CheckState.WARNING, "Not a member")


async def test_a_label_that_nobody_has_is_a_warning() -> None:
    """It may be misspelt."""
    async with opened(furnished(), customer_fields={"weight_kg": "Gewicht", "height_cm": "Höhe"}) as site:
        check = bad(await site.verify())
    assert check.state is CheckState.WARNING
    assert "Höhe" in check.said
    assert "Gewicht" not in check.said


async def test_an_empty_host_is_fine() -> None:
    """There is nobody to try passes with, and no webhook needs to be."""
    sim = MomenceSimulator(clock=furnished().clock)
    async with opened(sim, webhook_secret=None) as site:
        checks = await site.verify()
    skipped = {title for title, state in states(checks).items() if state is not CheckState.OK}
    assert skipped == {"a member's passes can be read", "customer fields are found", "webhooks can be checked"}
    assert all(state is not CheckState.FAILED for state in states(checks).values())


def test_settings_have_the_vendors_words_and_keep_secrets() -> None:
    """Pasted blanks go, a password stays as it is, and a word that isn't known is refused."""
    settings = connection(None, client_id=" id ", client_secret=" secret-1 ", password="pass ").settings
    assert isinstance(settings, MomenceSettings)
    assert settings.client_id == "id"
    assert settings.secrets() | {"webhook_secret": ""} == {
        "client_secret": "secret-1",
        "password": "pass ",
        "webhook_secret": "",
    }
    assert MomenceSettings.secret_names() == {
        "client_secret",
        "password",
        "webhook_secret",
        "webhook_signing_secret",
    }
    with pytest.raises(ValidationError):
        connection(None, customer_fields={"weight": "Gewicht"})


def test_the_plugin_says_what_it_is() -> None:
    """A booking system that sends webhooks; no row is known to be dropped silently."""
    described = momence.describe()
    assert (described.name, described.kind, described.misses) == ("momence", "booking", 1)
    assert described.simulator is MomenceSimulator
