"""Signing in, paging, and what becomes of answers that are not as they should be."""

from __future__ import annotations

import asyncio
import base64
import logging
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx

from hub import FixSettings, NotFound, Refused, RetryLater, VendorError
from hub.records import Complete, Window
from hub.testing import Reply, Request
from plugins.booking import momence
from plugins.booking.momence import wire
from plugins.booking.momence.client import Momence
from plugins.booking.momence.reading import KINDS
from plugins.booking.momence.simulator import CLIENT_ID, CLIENT_SECRET, PASSWORD, USERNAME, MomenceSimulator
from tests.plugins.booking.momence.support import SECRETS, Site, connection, furnished, opened

BASE = "http://momence.test"
SOON = "2026-11-21T13:00:00.000Z"
TOKEN = {"access_token": "a-1", "refresh_token": "r-1", "accessTokenExpiresAt": SOON}
EMPTY = {"payload": [], "pagination": {"page": 0, "pageSize": 100, "totalCount": 0}}


@pytest.fixture
async def api() -> AsyncIterator[Momence]:
    """A client of a vendor that a test plays."""
    made = connection(BASE)
    yield made.keep(Momence)
    await made.aclose()


# ── signing in ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_the_password_grant_is_spelt_as_the_vendor_has_it(api: Momence) -> None:
    """A form, with client id and secret as Basic; then the token as Bearer."""
    with respx.mock(base_url=BASE) as vendor:
        token = vendor.post(wire.TOKEN).respond(json=TOKEN)
        tags = vendor.get(wire.TAGS).respond(json=EMPTY)
        assert [page async for page in api.pages(wire.TAGS, 100)] == [[]]
    sent = token.calls[0].request
    login = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    assert sent.headers["authorization"] == f"Basic {login}"
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"
    assert dict(httpx.QueryParams(sent.content.decode())) == {
        "grant_type": "password",
        "username": USERNAME,
        "password": PASSWORD,
    }
    assert tags.calls[0].request.headers["authorization"] == "Bearer a-1"


@pytest.mark.parametrize(
    "answer",
    [
        {"accessToken": "a-1", "refreshToken": "r-1", "accessTokenExpiresAt": SOON},
        {"access_token": "a-1"},
        {"access_token": "a-1", "accessTokenExpiresAt": "soon", "expires_in": 1},
        {"accessToken": None, "access_token": "a-1", "accessTokenExpiresAt": None},
    ],
)
async def test_the_token_answer_is_read_in_either_spelling(api: Momence, answer: dict[str, Any]) -> None:
    """There is no expires_in; without a moment that can be read, a token works until it is refused."""
    with respx.mock(base_url=BASE) as vendor:
        route = vendor.post(wire.TOKEN).respond(json=answer)
        assert await api.tokens.get() == await api.tokens.get() == "a-1"
    assert len(route.calls) == 1


@pytest.mark.parametrize("answer", [{}, [], {"access_token": 5}, "token"])
async def test_a_token_answer_of_another_shape_is_no_token(api: Momence, answer: Any) -> None:
    """It is asked for again later."""
    with respx.mock(base_url=BASE) as vendor:
        vendor.post(wire.TOKEN).respond(json=answer)
        with pytest.raises(RetryLater):
            await api.tokens.get()


async def test_one_token_serves_until_it_ends_and_is_refreshed_then(site: Site) -> None:
    """It lasts some hours; the password is sent once."""
    await site.read("community")
    await site.read("community")
    assert site.calls("_token") == 1
    site.clock.move(timedelta(hours=3, minutes=59, seconds=30))
    grants = watched(site)
    await site.read("community")
    assert grants == ["refresh_token"]


def watched(site: Site) -> list[str]:
    """The grants that are asked for from now on."""
    grants: list[str] = []
    authorize = site.sim.authorize

    def watch(request: Request) -> None:
        if request.path == wire.TOKEN:
            grants.append(request.form["grant_type"])
        authorize(request)

    site.sim.authorize = watch  # type: ignore[method-assign]
    return grants


async def test_a_refresh_token_that_rotates_is_kept_as_it_comes_back(site: Site) -> None:
    """Whether it does is unknown."""
    site.sim.faults.refresh_rotates = True
    await site.read("community")
    grants = watched(site)
    for _ in range(3):
        site.clock.move(timedelta(hours=5))
        await site.read("community")
    assert grants == ["refresh_token"] * 3


async def test_a_refresh_token_that_is_spent_is_no_reason_to_stop(site: Site) -> None:
    """The password signs in again; a refresh token that has ended isn't even tried."""
    await site.read("community")
    site.sim.world.refreshes.clear()
    grants = watched(site)
    site.clock.move(timedelta(hours=5))
    await site.read("community")
    site.clock.move(timedelta(days=40))
    await site.read("community")
    assert grants == ["refresh_token", "password", "password"]


async def test_a_token_that_is_refused_is_refreshed_once(site: Site) -> None:
    """And the call is made again."""
    await site.read("community")
    site.sim.world.tokens.clear()
    assert (await site.read("community")).complete == {"community"}
    assert site.calls("_token") == 2
    site.sim.faults.set("unauthorized,operation=*Tags*")
    with pytest.raises(FixSettings, match="401"):
        await site.read("community")
    assert site.calls("_token") == 3


async def test_calls_at_the_same_time_share_one_refresh(site: Site) -> None:
    """Also when all of them were refused; the others wait while one signs in."""
    site.sim.faults.set("slow=1,operation=*_token")
    api = site.connection.keep(Momence)
    await asyncio.gather(*(api.item(wire.member_path("1007")) for _ in range(8)))
    assert site.calls("_token") == 1
    site.sim.world.tokens.clear()
    await asyncio.gather(*(api.item(wire.member_path("1007")) for _ in range(8)))
    assert site.calls("_token") == 2


@pytest.mark.parametrize("wrong", ["client_id", "client_secret", "username", "password"])
async def test_a_wrong_login_is_a_matter_of_settings(wrong: str) -> None:
    """It is said with the vendor's words and without the secret."""
    async with opened(furnished(), **{wrong: "wrong-value-77"}) as site:
        with pytest.raises(FixSettings, match="does not let this user sign in") as caught:
            await site.read()
    assert "Invalid" in caught.value.said
    assert "wrong-value-77" not in str(caught.value)


async def test_a_login_is_lost_and_made_again(site: Site) -> None:
    """Signing in twice is signing in."""
    site.sim.faults.set("drop_after_write,times=1")
    assert (await site.read("community")).complete == {"community"}


async def test_no_secret_is_shown_anywhere(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """In representations, errors, logs and checks."""
    caplog.set_level(logging.DEBUG)
    await site.read()
    token = next(iter(site.sim.world.tokens))
    api = site.connection.keep(Momence)
    shown = [repr(api.settings), repr(site.connection), repr(await site.verify())]
    site.sim.faults.set("status=500")
    with pytest.raises(VendorError) as caught:
        await site.read()
    shown += [str(caught.value), repr(caught.value), caplog.text, repr(wire.token(TOKEN))]
    for secret in (*SECRETS, token, "a-1"):
        assert not [text for text in shown if secret in text]


# ── paging ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_lists_are_read_to_the_last_page() -> None:
    """Pages are counted from 0, and a list that fills its last page needs no further call."""
    sim = MomenceSimulator(clock=furnished().clock)
    for _ in range(200):
        sim.add_member()
    async with opened(sim) as site:
        read = await site.read("member")
        assert len(read.records["member"]) == 200
        assert site.calls("MembersController_list") == 2
        sim.add_member()
        assert len((await site.read("member")).records["member"]) == 201
    assert max(len(item.records) for item in read.items[:-1]) == 100


async def test_a_list_that_moves_while_it_is_read_is_read_again() -> None:
    """A row that slipped past is found, each is told once, and the list is complete in the end."""
    sim = MomenceSimulator(clock=furnished().clock)
    keys = [sim.add_member() for _ in range(150)]
    list_members = MomenceSimulator.list_members
    moved = []

    def moving(self: MomenceSimulator, request: Request) -> Any:
        if request.query["page"] == "1" and not moved:
            moved.append(self.remove_member(keys[0]))
        return list_members(self, request)

    sim.list_members = moving.__get__(sim)  # type: ignore[method-assign]
    async with opened(sim) as site:
        read = await site.read("member")
    told = [record.id for item in read.items[:-1] for record in item.records]
    assert len(told) == len(set(told)) == 150
    assert str(keys[100]) in told
    assert read.complete == {"member"}


async def test_a_list_that_never_stands_still_is_not_complete() -> None:
    """What was read of it is kept, and the other kinds go on."""
    sim = furnished()
    for _ in range(120):
        sim.add_member()
    async with opened(sim) as site:
        list_members = sim.list_members

        def moving(request: Request) -> Any:
            reply = list_members(request)
            total = 123 + int(request.query["page"])
            page = {**reply.value["pagination"], "totalCount": total}
            rows = reply.value["payload"] + ([sim.world.members[1007]] if request.query["page"] == "1" else [])
            return Reply(200, {"payload": rows, "pagination": page})

        sim.list_members = moving  # type: ignore[method-assign]
        read = await site.read("member", "member_pass", "community")
    assert read.complete == {"community"}
    assert len(read.records["member"]) == 123
    assert len(read.records["member_pass"]) == 3
    assert "changed while it was read" in read.why_not["member"]
    assert "changed while it was read" in read.why_not["member_pass"]


async def test_lists_are_sorted_so_that_who_is_new_comes_last(site: Site) -> None:
    """A new row then shifts no other to another page; the passes of a member can't be sorted."""
    sorts: dict[str, str | None] = {}
    authorize = site.sim.authorize

    def watch(request: Request) -> None:
        sorts[request.path.rpartition("/")[2]] = request.query.get("sortBy")
        authorize(request)

    site.sim.authorize = watch  # type: ignore[method-assign]
    await site.read("member", "member_pass", "booking")
    assert sorts["members"] == "firstSeenAt"
    assert sorts["bookings"] == "createdAt"
    assert sorts["sessions"] == "startsAt"
    assert sorts["active"] is None


@pytest.mark.parametrize(
    "answer",
    [
        [],
        {"payload": []},
        {"payload": None, "pagination": {"page": 0, "pageSize": 100, "totalCount": 0}},
        {"payload": [], "pagination": {"page": 0, "pageSize": 100, "totalCount": 7}},
        {"payload": [], "pagination": {"page": 0, "pageSize": 50, "totalCount": 0}},
        {"payload": [], "pagination": {"page": 1, "pageSize": 100, "totalCount": 0}},
        {"payload": [{"id": 1}], "pagination": {"page": 0, "pageSize": 100, "totalCount": 0}},
        {"payload": [], "pagination": {"page": 0, "pageSize": 100, "totalCount": -1}},
        {"payload": [], "pagination": {"page": 0, "pageSize": 100, "totalCount": "0"}},
    ],
)
async def test_a_page_of_another_shape_ends_the_read(api: Momence, answer: Any) -> None:
    """It has no mark then, so nothing is gone."""
    with respx.mock(base_url=BASE) as vendor:
        vendor.post(wire.TOKEN).respond(json=TOKEN)
        route = vendor.get(wire.TAGS).respond(json=answer)
        with pytest.raises(RetryLater):
            _ = [page async for page in api.pages(wire.TAGS, 100)]
    assert len(route.calls) == 3


async def test_above_the_largest_page_is_a_refusal(site: Site) -> None:
    """100 for members, bookings and tags, 200 for the others; the hub asks for that and no more."""
    api = site.connection.keep(Momence)
    for path, largest in [
        (wire.MEMBERS, 100),
        (wire.TAGS, 100),
        (wire.bookings_path("1013"), 100),
        (wire.SESSIONS, 200),
        (wire.MEMBERSHIPS, 200),
        (wire.LOCATIONS, 200),
    ]:
        assert [page async for page in api.pages(path, largest)]
        with pytest.raises(Refused, match="400"):
            _ = [page async for page in api.pages(path, largest + 1)]
    for query in ({}, {"page": 0}, {"pageSize": 10}):
        with pytest.raises(Refused):
            await api.get(wire.TAGS, dict, query)


# ── faults ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault",
    [
        "status=503,every=4",
        "status=429,retry_after=0,every=4",
        "garbage,every=4",
        "half_page,every=3",
        "cut_body,every=4",
        "unauthorized,every=5",
        "slow=3",
    ],
)
async def test_what_goes_wrong_now_and_then_is_asked_again(fault: str) -> None:
    """And everything is read."""
    async with opened(furnished()) as site:
        site.sim.faults.set(fault)
        read = await site.read()
        assert read.complete == KINDS
        assert len(read.records["booking"]) == 6


@pytest.mark.parametrize(
    "fault", ["status=503", "status=429,retry_after=60", "garbage", "half_page", "cut_body", "outage", "outage=drop"]
)
async def test_what_stays_wrong_ends_the_read_without_a_mark(site: Site, fault: str) -> None:
    """So nothing is gone; it is tried again later."""
    site.sim.faults.set(f"{fault},after=5" if not fault.startswith("outage") else fault)
    items: list[Any] = []

    async def read() -> None:
        async for item in momence.read_records(site.connection, Window()):
            items.append(item)  # noqa: PERF401 - what came before the error counts

    with pytest.raises(RetryLater) as caught:
        await read()
    assert not [item for item in items if isinstance(item, Complete)]
    if "429" in fault:
        assert caught.value.after == timedelta(seconds=60)


async def test_half_a_page_is_never_the_last(site: Site) -> None:
    """The envelope says how many rows there are."""
    site.sim.faults.set("half_page,operation=*getSessionBookings")
    with pytest.raises(RetryLater, match="must have 3"):
        await site.read("booking")


async def test_a_role_that_may_not_see_something_is_told(site: Site) -> None:
    """With what to check."""
    site.sim.faults.set("status=403,operation=*Memberships*")
    with pytest.raises(FixSettings):
        await site.read("pass")


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (httpx.Response(400, json={"type": "err-member-not-found", "message": "Member not found"}), NotFound),
        (httpx.Response(404), NotFound),
        (httpx.Response(404, json={"statusCode": 404}), NotFound),
        (httpx.Response(404, html="<h1>nginx</h1>"), RetryLater),
        (httpx.Response(200, html="<h1>Welcome</h1>"), RetryLater),
        (httpx.Response(200, json=["anna"]), RetryLater),
        (httpx.Response(400, json={"type": "err-validation", "message": "no"}), Refused),
        (httpx.Response(400, text="bad"), Refused),
        (httpx.Response(302, headers={"location": "https://elsewhere.invalid"}), FixSettings),
        (httpx.ConnectError("no route"), RetryLater),
        (httpx.ReadTimeout("late"), RetryLater),
    ],
)
async def test_only_momence_itself_says_that_a_record_is_gone(
    api: Momence, answer: httpx.Response | Exception, error: type[Exception]
) -> None:
    """A proxy's page says nothing about a member."""
    with respx.mock(base_url=BASE) as vendor:
        vendor.post(wire.TOKEN).respond(json=TOKEN)
        vendor.get(wire.member_path("7")).mock(
            side_effect=answer if isinstance(answer, Exception) else lambda request: answer
        )
        with pytest.raises(error) as caught:
            await api.item(wire.member_path("7"))
    assert type(caught.value) is error


async def test_a_session_that_goes_while_it_is_read_leaves_bookings_incomplete(site: Site) -> None:
    """The next read tells."""
    site.sim.list_bookings = lambda request: site.sim.found({}, "1", "session")  # type: ignore[method-assign]
    read = await site.read("session", "booking")
    assert read.complete == {"session"}
    assert "booking" in read.why_not


async def test_the_pace_is_two_requests_a_second_unless_it_is_set() -> None:
    """Limits are not published."""
    made = connection(None, requests_per_second=None)
    api = made.keep(Momence)
    assert api.http.base_url == "https://api.momence.com"
    assert api.http._limiter is not None
    assert api.http._limiter.max_rate / api.http._limiter.time_period == 2
    await made.aclose()


async def test_a_member_who_goes_while_passes_are_read_leaves_them_incomplete(site: Site) -> None:
    """A role that may not see one member's passes looks the same, so nobody loses any because of it."""
    list_bought = site.sim.list_bought

    def closed(request: Request) -> Any:
        if request["memberId"] == "1009":
            site.sim.found({}, "1009", "member")
        return list_bought(request)

    site.sim.list_bought = closed  # type: ignore[method-assign]
    read = await site.read("member", "member_pass")
    assert read.complete == {"member"}
    assert {found.member_id for found in read.records["member_pass"].values()} == {"1007", "1011"}
    assert "member_pass" in read.why_not
