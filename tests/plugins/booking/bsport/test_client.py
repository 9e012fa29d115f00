"""The calls to bsport as they stand on the wire, and what becomes of answers that are not as they should be."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx
import stamina

from hub import FixSettings, RetryLater, VendorError
from hub.clock import FrozenClock
from hub.testing import Reply, Request
from plugins.booking import bsport
from plugins.booking.bsport import wire
from plugins.booking.bsport.client import Bsport
from plugins.booking.bsport.pages import LOOKS
from plugins.booking.bsport.simulator import API_KEY, CLASSIC_TOKEN, CLIENT_ID, COMPANY_ID, BsportSimulator
from tests.plugins.booking.bsport.support import NOW, SPOTS, Read, Studio, connection, member, opened, simulator

BASE = "http://bsport.test"


async def test_three_headers_sign_in(studio: Studio) -> None:
    """Key, company and studio with every request, and the zone that days are meant in."""
    await studio.read()
    for request in studio.requests:
        assert request.header("x-api-key") == API_KEY
        assert request.header("x-company-id") == str(COMPANY_ID)
        assert request.header("x-client-id") == CLIENT_ID
        assert request.header("x-timezone-name") == "Europe/Zurich"
        assert not request.header("x-franchisor-id")
        assert not request.header("authorization")


async def test_a_franchise_sends_a_fourth_header() -> None:
    async with opened(simulator(), franchisor_id=5) as studio:
        await studio.read("pass")
    assert studio.requests[0].header("x-franchisor-id") == "5"


async def test_every_address_ends_in_a_slash(classic: Studio) -> None:
    """Without it bsport redirects."""
    client, _ = member(classic.sim)
    classic.sim.book(client, classic.sim.add_class(NOW, teacher_id=classic.sim.add_teacher("Regula")))
    await classic.read()
    await classic.read("member", ids=frozenset({("member", str(client))}), members=frozenset())
    assert len({request.path for request in classic.requests}) == 10
    assert all(request.path.endswith("/") for request in classic.requests)


async def test_a_redirect_is_not_followed() -> None:
    """The key would go along."""
    with respx.mock(base_url=BASE) as vendor:
        elsewhere = {"Location": "https://elsewhere.invalid"}
        vendor.get(wire.PASSES).mock(return_value=httpx.Response(301, headers=elsewhere))
        made = connection(BASE)
        with pytest.raises(FixSettings) as caught:
            await made.keep(Bsport).glance(wire.PASSES, {})
        await made.aclose()
    assert caught.value.code == "redirect"
    assert "base_url" in caught.value.fix


def test_one_request_a_second_unless_told_otherwise() -> None:
    """As the one integrator does who says."""
    made = connection(BASE, requests_per_second=None)
    limiter = made.keep(Bsport).http._limiter
    assert limiter is not None
    assert (limiter.max_rate, limiter.time_period) == (1, 1.0)


def test_the_vendors_address_is_the_default() -> None:
    made = connection(None)
    assert made.keep(Bsport).http.base_url == "https://public.production.bsport.io"


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_lists_are_read_page_by_page() -> None:
    """Every item once, and no page is asked for twice."""
    sim = simulator()
    for number in range(25):
        sim.add_client(f"Nr{number}")
    async with opened(sim, page_size=10) as studio:
        read = await studio.read("member")
    assert len(read.of("member")) == 25
    assert [len(page.records) for page in read.pages] == [10, 10, 5]
    assert [query["page"] for query in studio.queries("/clients/")] == ["1", "2", "3"]
    assert read.complete == {"member"}


async def test_a_smaller_largest_page_does_no_harm() -> None:
    """Cut down by the vendor, or refused and asked for by half."""
    sim = simulator(largest_page=30)
    for number in range(65):
        sim.add_pass(f"Nr{number}")
    async with opened(sim) as studio:
        read = await studio.read("pass")
        assert (len(read.of("pass")), read.complete) == (65, {"pass"})
        sim.faults.set("refuse_large_page")
        read = await studio.read("pass")
        assert (len(read.of("pass")), read.complete) == (65, {"pass"})
        assert [query["page_size"] for query in studio.queries("/passes/")][-5:] == ["100", "50", "25", "25", "25"]


def change_pages(monkeypatch: pytest.MonkeyPatch, change: Callable[[int, Reply], Reply]) -> None:
    """Have every answer of the management interface changed; `change` gets its number."""
    listing, numbers = BsportSimulator.listing, iter(range(1, 1000))

    def changed(self: BsportSimulator, request: Request, rows: Any) -> Reply:
        return change(next(numbers), listing(self, request, rows))

    monkeypatch.setattr(BsportSimulator, "listing", changed)


async def test_a_list_that_moves_while_it_is_read_is_read_again() -> None:
    """Somebody left between two pages, so the others moved up and one slipped past."""
    sim = simulator()
    first, *_ = [sim.add_client(f"Nr{number}") for number in range(25)]
    async with opened(sim, page_size=10) as studio:
        read = Read()
        async for item in bsport.read_records(studio.connection, bsport.Window(kinds=frozenset({"member"}))):
            if isinstance(item, bsport.Page):
                if not read.pages:
                    del sim.world.clients[first]
                read.pages.append(item)
            else:
                assert isinstance(item, bsport.Complete)
                read.mark = item
    assert set(read.of("member")) >= {str(key) for key in sim.world.clients}
    assert read.complete == {"member"}
    assert studio.asked("listClients") == 6


async def test_a_page_that_stops_half_way_is_no_complete_list(studio: Studio) -> None:
    """`count` gives it away. What came is kept, and nothing is taken as gone."""
    for number in range(8):
        studio.sim.add_client(f"Nr{number}")
    studio.sim.faults.set("half_page,operation=listClients")
    read = await studio.read("member", "pass")
    assert len(read.of("member")) == 4
    assert read.complete == {"pass"}
    assert read.mark is not None
    assert read.mark.why_not == {"member": "bsport says that there are 8 and sent 4"}
    assert studio.asked("listClients") == LOOKS


async def test_half_a_page_once_is_made_good(studio: Studio) -> None:
    for number in range(8):
        studio.sim.add_client(f"Nr{number}")
    studio.sim.faults.set("half_page,times=1")
    read = await studio.read("member")
    assert (len(read.of("member")), read.complete) == (8, {"member"})


async def test_pages_that_repeat_forever_end(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """And are no complete list."""
    studio.sim.add_pass("Abo")
    change_pages(monkeypatch, lambda number, reply: Reply(200, {**reply.value, "next": "https://x/"}))
    monkeypatch.setattr(BsportSimulator, "page_of", lambda self, request, rows: (rows, None, None))
    read = await studio.read("pass")
    assert len(read.of("pass")) == 1
    assert read.complete == frozenset()


async def test_a_list_that_got_shorter_is_read_again() -> None:
    """The page behind the last one is answered with 404."""
    sim = simulator()
    clients = [sim.add_client(f"Nr{number}") for number in range(11)]
    async with opened(sim, page_size=10) as studio:
        mark = None
        async for item in bsport.read_records(studio.connection, bsport.Window(kinds=frozenset({"member"}))):
            sim.world.clients.pop(clients[0], None)
            mark = item
    assert isinstance(mark, bsport.Complete)
    assert mark.kinds == {"member"}


# ── faults ────────────────────────────────────────────────────────────────────────────────────────────────────────


def a_studio() -> BsportSimulator:
    sim = simulator()
    for number in range(12):
        client, _ = member(sim, f"Nr{number}")
        sim.book(client, sim.add_class(NOW))
    return sim


@pytest.mark.parametrize("fault", ["status=503,every=3", "status=500,every=4", "cut_body,every=3", "garbage,every=3"])
async def test_what_passes_by_is_asked_for_again(fault: str) -> None:
    """A status, half a body or a proxy's page now and then change nothing."""
    async with opened(a_studio(), page_size=10) as studio:
        studio.sim.faults.set(fault)
        read = await studio.read()
        assert len(read.of("member")) == len(read.of("member_pass")) == len(read.of("booking")) == 12
        assert read.complete >= {"member", "member_pass", "booking", "session", "pass", "community"}
        assert not read.problems


@pytest.mark.parametrize(
    ("fault", "error", "code"),
    [
        ("outage", RetryLater, "vendor_busy"),
        ("outage=drop", RetryLater, "vendor_down"),
        ("status=429", RetryLater, "vendor_busy"),
        ("garbage", RetryLater, "vendor_garbage"),
        ("cut_body", RetryLater, "vendor_garbage"),
        ("status=404", RetryLater, "vendor_garbage"),
        ("unauthorized", FixSettings, "settings"),
        ("status=403", FixSettings, "settings"),
    ],
)
async def test_what_stays_wrong_raises_and_proves_nothing(fault: str, error: type[VendorError], code: str) -> None:
    """No mark is given, and the pages that came before are kept."""
    async with opened(a_studio()) as studio:
        studio.sim.faults.set(f"{fault},operation=listClientPasses")
        read = Read()
        with pytest.raises(error) as caught:
            await studio.read(into=read)
    assert caught.value.code == code
    assert read.mark is None
    assert len(read.of("member")) == 12


async def test_a_pause_that_bsport_asks_for_is_passed_on(studio: Studio) -> None:
    """`Retry-After`, when it is longer than is worth waiting for."""
    studio.sim.faults.set("status=429,retry_after=120")
    with pytest.raises(RetryLater) as caught:
        await studio.read()
    assert caught.value.after == timedelta(minutes=2)
    assert studio.sim.log.total == 1


async def test_slow_answers_are_waited_for(studio: Studio) -> None:
    studio.sim.faults.set("slow=3")
    await studio.read("pass")
    assert studio.clock.now() == NOW + timedelta(seconds=3)


async def test_an_outage_ends(studio: Studio) -> None:
    studio.sim.faults.set("outage,until=2026-11-21T09:10:00Z")
    with pytest.raises(RetryLater):
        await studio.read()
    studio.clock.move(timedelta(minutes=10))
    assert (await studio.read()).complete


@pytest.mark.parametrize(
    "answer", [[], "OK", None, {}, {"results": []}, {"count": "1", "results": []}, {"count": 1, "results": {}}]
)
async def test_a_wrong_shape_is_no_empty_list(answer: Any) -> None:
    with respx.mock(base_url=BASE) as vendor:
        vendor.get(wire.PASSES).mock(return_value=httpx.Response(200, json=answer))
        made = connection(BASE)
        with pytest.raises(RetryLater) as caught:
            [page async for page in bsport.read_records(made, bsport.Window(kinds=frozenset({"pass"})))]
        await made.aclose()
    assert caught.value.code == "vendor_garbage"


@pytest.mark.parametrize("item", [None, 5, "x", [], {"name": "Abo"}, {"id": True}])
async def test_an_item_that_is_no_record_is_a_problem_without_id(item: Any) -> None:
    with respx.mock(base_url=BASE) as vendor:
        answer = {"count": 2, "next": None, "results": [{"id": 1, "name": "Abo"}, item]}
        vendor.get(wire.PASSES).mock(return_value=httpx.Response(200, json=answer))
        made = connection(BASE)
        page, problem, mark = [one async for one in bsport.read_records(made, bsport.Window(kinds=frozenset({"pass"})))]
        await made.aclose()
    assert isinstance(page, bsport.Page)
    assert len(page.records) == 1
    assert isinstance(problem, bsport.Problem)
    assert problem.id is None
    assert isinstance(mark, bsport.Complete)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"detail": "Studio is closed"}, "Studio is closed"),
        ({"non_field_errors": ["Studio is closed"]}, "Studio is closed"),
        ({"error": "Studio is closed"}, "Studio is closed"),
    ],
)
async def test_the_vendors_own_words_are_passed_on(body: Any, words: str) -> None:
    """In each of the three shapes that errors have."""
    with respx.mock(base_url=BASE) as vendor:
        vendor.get(wire.PASSES).mock(return_value=httpx.Response(403, json=body))
        made = connection(BASE)
        with pytest.raises(FixSettings) as caught:
            await made.keep(Bsport).glance(wire.PASSES, {})
        await made.aclose()
    assert words in caught.value.said
    assert "about a year" in caught.value.fix


async def test_no_secret_in_errors_reprs_or_logs(caplog: pytest.LogCaptureFixture) -> None:
    """Also where the vendor repeats it."""
    from hub import redact

    caplog.set_level(logging.DEBUG)
    redact.know(API_KEY, CLASSIC_TOKEN)  # as the hub does when it opens a connection
    with respx.mock(base_url=BASE) as vendor:
        answer = httpx.Response(401, json={"detail": f"{API_KEY} is over, and so is {CLASSIC_TOKEN}"})
        vendor.route().mock(return_value=answer)
        made = connection(BASE, **SPOTS)
        with pytest.raises(FixSettings) as caught:
            [page async for page in bsport.read_records(made, bsport.Window())]
        checks = await bsport.verify(made)
        await made.aclose()
    shown = f"{caught.value!r} {caught.value} {checks!r} {made!r} {made.settings!r} {caplog.text}"
    assert API_KEY not in shown
    assert CLASSIC_TOKEN not in shown


async def test_retries_do_not_wait_in_tests() -> None:
    """Otherwise this file would take minutes."""
    assert stamina.is_testing()
    assert isinstance(connection(BASE).clock, FrozenClock)
