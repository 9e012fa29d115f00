"""Trying a connection: what works, what doesn't, Spivi's words, what to do; and nothing is changed.

Numbers in brackets are those of section 3 of the guide (`spivi.md`)."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pytest
import respx

from hub.grants import Check, CheckState
from plugins import spivi
from plugins.spivi.simulator import PASSWORD
from tests.plugins.spivi.support import Site, connection, opened

BASE = "http://spivi.test"


def states(checks: Sequence[Check]) -> dict[str, CheckState]:
    return {check.title: check.state for check in checks}


def failed(checks: Sequence[Check]) -> Check:
    (found,) = [check for check in checks if check.state is CheckState.FAILED]
    return found


async def verify_against(answer: httpx.Response | Exception) -> Sequence[Check]:
    """Verify against a vendor that answers every call so."""
    with respx.mock(base_url=BASE) as vendor:
        vendor.post(path__regex=".*").mock(side_effect=answer if isinstance(answer, Exception) else lambda _: answer)
        made = connection(BASE)
        try:
            return await spivi.verify(made)
        finally:
            await made.aclose()


def refusal(code: str, said: str) -> httpx.Response:
    return httpx.Response(200, text=f"<R><ErrorCode>{code}</ErrorCode><Clients><message>{said}</message></Clients></R>")


async def test_1_a_good_connection_is_good_in_every_point(site: Site) -> None:
    """(1) Each point names one thing that works."""
    await site.created()
    checks = await site.verify()
    assert states(checks) == {
        "Spivi answers": CheckState.OK,
        "site ID, source name and password are accepted": CheckState.OK,
        "1 instructor can be read": CheckState.OK,
        "box 4471 can be read": CheckState.OK,
        "classes and riders may be written": CheckState.SKIPPED,
    }
    assert checks[0].took_ms is not None
    assert checks[3].said == "1 event within a week, 20 seats"


async def test_1_verifying_changes_nothing(site: Site) -> None:
    """(1) Only reads; and not everybody is read for it."""
    calls = site.calls()
    await site.verify()
    assert calls.writes == []
    assert calls.names == ["getClients", "getInstructors", "getEvents"]


@pytest.mark.parametrize("faults", [[], ["http_statuses"]])
async def test_1_a_wrong_password_is_told(faults: list[str]) -> None:
    """(1) Spivi answers, so it is not the network; with or without an HTTP status."""
    async with opened(faults=faults, password="wrong-password-99") as site:
        checks = await site.verify()
    assert states(checks)["Spivi answers"] is CheckState.OK
    check = failed(checks)
    assert check.title == "site ID, source name and password are accepted"
    assert check.said == "The credentials are not valid"
    assert "source_name" in check.fix
    assert "wrong-password-99" not in repr(checks)
    assert PASSWORD not in repr(checks)


@pytest.mark.parametrize(
    ("code", "said", "title", "fix"),
    [
        ("403", "The API agreement was not signed", "Spivi's API agreement is signed", "owner has to sign"),
        ("403", "You are not an administrator", "the account is an administrator of the club", "Manage Admins"),
        ("403", "No", "Spivi lets the hub in", "three things"),
        ("401", "No", "site ID, source name and password are accepted", "source_name"),
        ("17", "Invalid credentials", "site ID, source name and password are accepted", "source_name"),
    ],
)
async def test_1_refusals_are_told_apart(code: str, said: str, title: str, fix: str) -> None:
    """(1) Credentials, agreement, administrator: by the code, and by the words where the code says little."""
    check = failed(await verify_against(refusal(code, said)))
    assert (check.title, check.said) == (title, said)
    assert fix in check.fix


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (httpx.ConnectError("no route to host"), "no route"),
        (httpx.Response(503), ""),
        (httpx.Response(404, html="<html>Not Found</html>"), "not a call"),
        (httpx.Response(200, html="<html><body>It works!</body></html>"), ""),
        (httpx.Response(302, headers={"location": "https://elsewhere.test"}), "elsewhere"),
    ],
)
async def test_1_a_vendor_that_does_not_answer_is_told(answer: httpx.Response | Exception, said: str) -> None:
    """(1) Down, another address, a proxy."""
    check = failed(await verify_against(answer))
    assert check.title == "Spivi answers"
    assert said in check.said
    assert "base_url" in check.fix


async def test_2_an_unknown_box_is_told() -> None:
    """(2) The others are tried too."""
    async with opened(box_ids=["4471", "9999"]) as site:
        checks = await site.verify()
    assert failed(checks).title == "box 9999 can be read"
    assert failed(checks).said == "There is no such box"
    assert states(checks)["box 4471 can be read"] is CheckState.OK


async def test_2_without_boxes_that_is_said() -> None:
    """(2) Spivi has no list of them."""
    async with opened(box_ids=[]) as site:
        assert states(await site.verify())["boxes"] is CheckState.WARNING


async def test_what_looks_wrong_is_a_warning() -> None:
    """It may be right all the same."""
    async with opened(site_id="abc") as site:
        assert states(await site.verify())["a value looks unusual"] is CheckState.WARNING


async def test_calls_that_nobody_has_seen_are_named() -> None:
    """Whoever switched them on should know."""
    async with opened(calls={"update_event": True, "get_layout": "StudioService/GetLayout"}) as site:
        (check,) = [check for check in await site.verify() if check.title == "calls that are not documented"]
    assert check.said == "switched on: get_layout, update_event"


async def test_instructors_that_can_not_be_read_are_told() -> None:
    """Everything else is tried too."""
    async with opened(faults=["error_inside=422,operation=getInstructors"]) as site:
        checks = await site.verify()
    assert failed(checks).title == "instructors can be read"
    assert states(checks)["box 4471 can be read"] is CheckState.OK
