"""Trying a connection: what works, what doesn't, anny's words, what to do; and nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from pydantic import ValidationError

from hub.grants import Check, CheckState
from plugins.booking.anny.settings import Settings
from plugins.booking.anny.simulator import ACCESS_TOKEN, AnnySimulator
from tests.plugins.booking.anny.support import Studio, opened

LISTS = [
    "customers",
    "resources",
    "services",
    "bookings",
    "plan subscriptions",
    "communities",
    "community accounts",
]


def states(checks: Sequence[Check]) -> dict[str, CheckState]:
    return {check.title: check.state for check in checks}


async def test_a_good_connection_is_good_in_every_point(studio: Studio) -> None:
    checks = await studio.verify()
    assert list(states(checks)) == [
        "anny answers",
        "the access token is accepted",
        "the organisation is “Studio Nordlicht”",
        *(f"{what} can be read" for what in LISTS),
        "the webhook is on",
    ]
    assert set(states(checks).values()) == {CheckState.OK, CheckState.SKIPPED}
    assert studio.sim.log.writes == 0


async def test_a_wrong_token_is_told() -> None:
    async with opened(access_token="wrong-token-123") as studio:
        checks = await studio.verify()
    assert [check.state for check in checks] == ["ok", "failed"]
    assert checks[-1].said == "Unauthenticated."
    assert "settings page" in checks[-1].fix
    assert "wrong-token-123" not in repr(checks)


@pytest.mark.parametrize("fault", ["outage", "garbage", "status=404", "outage=drop"])
async def test_what_is_not_anny_is_told_apart(studio: Studio, fault: str) -> None:
    studio.sim.faults.set(fault)
    (check,) = await studio.verify()
    assert (check.title, check.state) == ("anny answers", CheckState.FAILED)
    assert "base_url" in check.fix
    assert check.said


@pytest.mark.parametrize(
    ("operation", "title", "state"),
    [
        ("listCustomers", "customers can be read", CheckState.FAILED),
        ("listServices", "services can be read", CheckState.FAILED),
        ("listPlanSubscriptions", "plan subscriptions can be read", CheckState.FAILED),
        ("listCommunityAccounts", "community accounts can be read", CheckState.WARNING),
        ("listWebhooks", "the webhook is on", CheckState.WARNING),
    ],
)
@pytest.mark.parametrize("fault", ["unauthorized", "garbage", "status=422"])
async def test_a_scope_that_is_missing_is_told(
    studio: Studio, operation: str, title: str, state: CheckState, fault: str
) -> None:
    """And the other points are still tried. Communities are a warning only: a studio may do without."""
    studio.sim.faults.set(f"{fault},operation={operation}")
    checks = await studio.verify()
    assert len(checks) == 11
    (check,) = [check for check in checks if check.state not in {CheckState.OK, CheckState.SKIPPED}]
    assert (check.title, check.state) == (title, state)
    assert check.fix


@pytest.mark.parametrize(("chosen", "state"), [("o1", "ok"), ("o9", "failed"), (None, "warning")])
async def test_the_organisation_must_be_chosen_where_there_are_several(chosen: str | None, state: str) -> None:
    sim = AnnySimulator(organizations={"o1": "North", "o2": "South"})
    async with opened(sim, organization_id=chosen) as studio:
        check = (await studio.verify())[2]
    assert check.state == state
    if state != "ok":
        assert "North (o1)" in check.said
        assert "organization_id" in check.fix
    if state == "warning":
        assert "now active is North" in check.said


async def test_a_token_that_may_not_list_organisations_is_good_all_the_same(studio: Studio) -> None:
    studio.sim.faults.set("unauthorized,operation=listOrganizations")
    checks = await studio.verify()
    assert len(checks) == 11
    (check,) = [check for check in checks if check.state is CheckState.WARNING]
    assert check.title == "the organisation is known"


async def test_the_scope_to_read_the_user_is_not_needed() -> None:
    sim = AnnySimulator(organizations={"o1": "North", "o2": "South"})
    sim.faults.set("unauthorized,operation=getUser")
    async with opened(sim) as studio:
        check = (await studio.verify())[2]
    assert check.state == "warning"


def test_settings_take_what_was_pasted_and_keep_the_token_secret() -> None:
    made = Settings(access_token=f" {ACCESS_TOKEN}\n", organization_id=" o1 ")  # type: ignore[arg-type]
    assert made.access_token.get_secret_value() == ACCESS_TOKEN
    assert made.organization_id == "o1"
    assert ACCESS_TOKEN not in repr(made)
    assert Settings.secret_names() == {"access_token"}


@pytest.mark.parametrize("settings", [{}, {"access_token": ""}, {"access_token": "t", "page_size": 51}])
def test_settings_that_cannot_be_used_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        Settings(**settings)
