"""Trying a connection: what works, what doesn't, the vendor's words, what to do; and nothing is changed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import httpx
import pytest
import respx

from hub import grants
from hub.grants import Check, CheckState
from hub.testing import Reject, Reply, Request
from plugins import exivo
from plugins.exivo.simulator import API_SECRET, SITE_ID, ExivoSimulator
from tests.plugins.exivo.support import Site, connection, opened
from tests.plugins.exivo.support import site as make_site

BASE = "http://exivo.test/v1"


def states(checks: Sequence[Check]) -> dict[str, CheckState]:
    return {check.title: check.state for check in checks}


def failed(checks: Sequence[Check]) -> Check:
    (found,) = [check for check in checks if check.state is CheckState.FAILED]
    return found


async def verify_against(answer: httpx.Response | Exception, path: str = "/info") -> Sequence[Check]:
    """Verify against a vendor that answers the connection test so."""
    with respx.mock(base_url=f"{BASE}/{SITE_ID}", assert_all_called=False) as vendor:
        vendor.get(path).mock(side_effect=answer if isinstance(answer, Exception) else lambda request: answer)
        made = connection(BASE)
        try:
            return await exivo.verify(made)
        finally:
            await made.aclose()


async def test_a_good_connection_is_good_in_every_point(site: Site) -> None:
    """Each point names one thing that works."""
    checks = await site.verify()
    assert set(states(checks).values()) == {CheckState.OK}
    assert list(states(checks)) == [
        "exivo answers",
        "key and secret are accepted",
        "the site is “Studio Nordlicht”",
        "3 access groups and 5 doors can be read",
        "persons can be read",
        "badges can be read",
        "visits can be read",
        "persons may be written",
    ]
    assert checks[0].took_ms is not None


async def test_verifying_changes_nothing(site: Site) -> None:
    """The one write names a person that nobody is."""
    await site.member()
    before = site.sim.world.snapshot()
    calls = site.calls()
    await site.verify()
    assert vars(site.sim.world) == vars(before)
    assert calls.writes == ["revokeAccess"]


async def test_a_wrong_secret_is_told(site: Site) -> None:
    """exivo answers, so it is not the network."""
    async with opened(site.sim, api_secret="wrong-secret") as other:
        checks = await other.verify()
    assert states(checks)["exivo answers"] is CheckState.OK
    check = failed(checks)
    assert check.title == "key and secret are accepted"
    assert "API settings" in check.fix
    assert "Connection" in check.fix
    assert "wrong-secret" not in repr(checks)
    assert API_SECRET not in repr(checks)


@pytest.mark.parametrize("status", [401, 403])
async def test_either_status_means_the_credentials(status: int) -> None:
    """Which one exivo sends is not described."""
    check = failed(await verify_against(httpx.Response(status, json={"message": "Connection service is off"})))
    assert (check.title, check.said) == ("key and secret are accepted", "Connection service is off")


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (httpx.ConnectError("no route to host"), "base_url"),
        (httpx.ReadTimeout("late"), "base_url"),
        (httpx.Response(503), "base_url"),
        (httpx.Response(200, html="<h1>Router login</h1>"), "base_url"),
        (httpx.Response(200, json={"hello": "world"}), "base_url"),
        (httpx.Response(200, json=[]), "base_url"),
        (httpx.Response(404, html="<h1>nginx</h1>"), "base_url"),
        (httpx.Response(404), "site ID"),
    ],
)
async def test_what_is_not_exivo_is_told_apart(answer: httpx.Response | Exception, words: str) -> None:
    """With what to check next."""
    check = failed(await verify_against(answer))
    assert check.title == "exivo answers"
    assert words in check.fix
    assert check.said


async def test_a_redirect_is_a_matter_of_base_url() -> None:
    """It is never followed: the secret would go along."""
    checks = await verify_against(httpx.Response(302, headers={"Location": "https://elsewhere.invalid"}))
    check = failed(checks)
    assert "elsewhere.invalid" in check.said
    assert "base_url" in check.fix


class ReadOnly(ExivoSimulator):
    """A key that may read only."""

    def authorize(self, request: Request) -> None:
        super().authorize(request)
        if request.method != "GET":
            raise Reject(Reply(403, {"message": "read-only key"}))


async def test_a_key_that_may_only_read_is_told() -> None:
    """Otherwise the first sync would find out."""
    async with opened(make_site(ReadOnly)) as site:
        check = failed(await site.verify())
    assert (check.title, check.said) == ("persons may be written", "read-only key")
    assert "only reads" in check.fix


@pytest.mark.parametrize(
    ("operation", "title"),
    [
        ("getPersons", "persons can be read"),
        ("getMedia", "badges can be read"),
        ("getVisits", "visits can be read"),
        ("getComponents", "groups and doors can be read"),
    ],
)
@pytest.mark.parametrize("fault", ["unauthorized", "status=404", "garbage"])
async def test_a_list_that_may_not_be_read_is_told(site: Site, operation: str, title: str, fault: str) -> None:
    """And the other points are still tried."""
    site.sim.faults.set(f"{fault},operation={operation}")
    checks = await site.verify()
    assert failed(checks).title == title
    assert states(checks)["persons may be written"] is CheckState.OK


@pytest.mark.parametrize(
    ("options", "title", "said"),
    [
        ({"time_zone": "America/New_York"}, "time zones agree", "America/New_York"),
        ({"site_type": "real-estate"}, "kind of site", "real-estate"),
        ({"groups": {}}, "access groups", "none"),
        ({"site_id": "my-site"}, "a value looks unusual", "site ID"),
    ],
)
async def test_what_is_odd_is_a_warning(options: dict[str, Any], title: str, said: str) -> None:
    """It may be meant, so the connection can be made all the same."""
    sim = make_site(**options)
    async with opened(sim, site_id=sim.site["id"]) as site:
        checks = await site.verify()
    (check,) = [check for check in checks if check.state is not CheckState.OK]
    assert (check.title, check.state) == (title, CheckState.WARNING)
    assert said in check.said
    assert check.fix


async def test_a_site_that_says_little_about_itself_is_no_warning(site: Site) -> None:
    """Name, zone and type may be missing."""
    site.sim.site = {"id": SITE_ID}
    assert set(states(await site.verify()).values()) == {CheckState.OK}


async def test_groups_and_doors_are_what_mapping_rows_can_name(site: Site) -> None:
    """Gateways are none, and alarm doors carry a warning."""
    openings = await exivo.list_openings(site.connection)
    assert {(found.id, found.name) for found in openings if found.kind == "group"} == {
        ("AG-1", "Gym"),
        ("AG-2", "Sauna"),
        ("STAFF", "Staff"),
    }
    doors = {found.name: found.notes for found in openings if found.kind == "lock"}
    assert set(doors) == {"Front door", "Changing room", "Studio 1", "Sauna", "Back door"}
    assert {name for name, notes in doors.items() if notes} == {"Back door"}
    assert isinstance(doors["Back door"][0], grants.Note)


def test_the_plugin_says_what_it_is() -> None:
    """People with badges in groups and visits on doors, read back by listing."""
    described = exivo.describe()
    assert (described.name, described.kind, described.credential) == ("exivo", "lock", "badge")
    assert described.simulator is ExivoSimulator
    assert described.abilities == {
        "groups", "locks", "people", "badges", "badge_needed", "codes", "links", "dates", "observe"
    }  # fmt: skip
    assert described.profile == {"given_name", "family_name", "language"}
    assert described.settle >= described.settings.model_fields["timeout"].default
