"""What becomes of answers that are not as they should be, and of pages in all their shapes."""

from __future__ import annotations

import logging
from typing import Any

import httpx
import pytest
import respx

from hub import FixSettings, RetryLater, VendorError
from hub.records import Window
from hub.testing import Reply, Request
from plugins.booking import anny
from plugins.booking.anny import wire
from plugins.booking.anny.client import Anny
from plugins.booking.anny.simulator import ACCESS_TOKEN, AnnySimulator
from tests.plugins.booking.anny.support import NOW, Found, Studio, connection

CUSTOMER = {"id": "1", "type": "customers", "uuid": "u", "full_name": "Anna Graf", "email": "a@example.org"}


def furnish(studio: Studio, customers: int = 65) -> None:
    desk = studio.sim.desk
    plan, room, club = desk.plan(), desk.resource(), desk.community()
    for number in range(customers):
        anna = desk.customer(f"Anna {number}")
        desk.subscribe(anna, plan)
        desk.booking(anna, room, NOW)
        desk.join(anna, club)


async def answered(*bodies: Any) -> Found:
    """Read the customers of a vendor that answers so, page after page."""
    with respx.mock(base_url="http://anny.test/api/v1") as vendor:
        vendor.get("/customers").mock(side_effect=[httpx.Response(200, json=body) for body in bodies])
        made = connection("http://anny.test")
        try:
            return await Studio(AnnySimulator(), made).read("member")
        finally:
            await made.aclose()


# ── pages ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", ["", "flat_pages", "no_page_info"])
@pytest.mark.parametrize("customers", [0, 1, 30, 65])
async def test_both_shapes_of_page_info_are_read_to_the_end(studio: Studio, fault: str, customers: int) -> None:
    """And so is a list without any."""
    furnish(studio, customers)
    if fault:
        studio.sim.faults.set(fault)
    found = await studio.read()
    assert {len(found.of(kind)) for kind in ("member", "member_pass", "booking", "community_member")} == {customers}
    assert found.why_not == {}
    assert "member" in found.complete


async def test_links_alone_say_whether_there_is_more_and_are_not_followed() -> None:
    found = await answered(
        {"data": [CUSTOMER], "links": {"next": "https://elsewhere.invalid/api/v1/bookings/1/cancel"}},
        {"data": [{**CUSTOMER, "id": "2"}], "links": {"next": None}},
    )
    assert {record.id for record in found.of("member")} == {"1", "2"}


@pytest.mark.parametrize("fault", ["half_page,every=2", "half_page", "flat_pages", "no_page_info", "half_page,times=1"])
async def test_a_page_that_came_half_leaves_its_kind_out_of_the_mark(studio: Studio, fault: str) -> None:
    """Nobody is gone because of it, and what came is kept."""
    furnish(studio)
    studio.sim.faults.set(*([fault] if fault.startswith("half") else [fault, "half_page,times=1"]))
    found = await studio.read("member")
    assert 0 < len(found.of("member")) < 65
    assert found.complete == frozenset()
    assert found.why_not["member"]


async def test_rows_that_come_twice_show_that_others_slipped_past() -> None:
    one, two, three = ({**CUSTOMER, "id": str(n)} for n in range(3))
    meta = {"current_page": 1, "last_page": 2}
    found = await answered(
        {"data": [one, two], "meta": meta}, {"data": [two, three], "meta": {**meta, "current_page": 2}}
    )
    assert len(found.of("member")) == 3
    assert "changed" in found.why_not["member"]


@pytest.mark.parametrize(
    "second",
    [
        {"data": [CUSTOMER], "meta": {"current_page": 1, "last_page": 2}},
        {"data": [CUSTOMER], "meta": {"current_page": 2, "last_page": 3}},
        {"data": [], "meta": {"page": {"current-page": 2, "last-page": 2, "total": 3}}},
    ],
)
async def test_a_list_that_does_not_turn_its_pages_ends_and_is_not_complete(second: Any) -> None:
    found = await answered({"data": [CUSTOMER], "meta": {"current_page": 1, "last_page": 2}}, second)
    assert found.complete == frozenset()
    assert found.why_not["member"]


async def test_a_total_that_changes_is_no_complete_list() -> None:
    pages = [
        {"data": [{**CUSTOMER, "id": str(n)}], "meta": {"page": {"current-page": n, "last-page": 2, "total": n + 1}}}
        for n in (1, 2)
    ]
    assert "changed" in (await answered(*pages)).why_not["member"]


@pytest.mark.parametrize("row", [None, "text", 7, {}, {"id": None}, {"id": True}])
async def test_a_row_without_an_id_is_a_problem_without_one(row: Any) -> None:
    """Which keeps its kind from being complete."""
    found = await answered({"data": [CUSTOMER, row], "meta": {"current_page": 1, "last_page": 1}})
    assert [problem.id for problem in found.problems] == [None]
    assert len(found.of("member")) == 1


async def test_a_field_of_another_type_is_a_problem() -> None:
    found = await answered({"data": [{**CUSTOMER, "email": ["a"]}], "meta": {"current_page": 1, "last_page": 1}})
    assert [(problem.id, problem.what) for problem in found.problems] == [("1", "email is not text")]


async def test_unknown_fields_and_nulls_are_fine() -> None:
    row = {**CUSTOMER, "new": {"deep": [1]}, "custom_entry_map": None, "meta": None, "given_name": None, "phone": 791}
    found = await answered({"data": [row], "meta": {"current_page": 1, "last_page": 1}})
    assert found.problems == []
    assert found.one("member").phone == "791"


# ── faults ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault", ["status=503,every=3", "status=429,every=3,retry_after=0", "garbage,every=3", "cut_body,every=4"]
)
async def test_a_fault_now_and_then_costs_a_second_try(studio: Studio, fault: str) -> None:
    furnish(studio)
    studio.sim.faults.set(fault)
    found = await studio.read()
    assert len(found.of("member")) == len(found.of("booking")) == 65
    assert found.why_not == {}
    assert found.problems == []


@pytest.mark.parametrize(
    "fault", ["status=503", "garbage", "cut_body", "outage", "outage=drop", "status=429,retry_after=60"]
)
async def test_a_vendor_that_is_down_ends_the_read_without_a_mark(studio: Studio, fault: str) -> None:
    """Pages that came before are kept."""
    furnish(studio)
    studio.sim.faults.set(f"{fault},after=2")
    found = Found()
    with pytest.raises(RetryLater):
        await studio.read(into=found)
    assert len(found.of("member")) == 60
    assert not found.ended


async def test_a_slow_answer_is_waited_for(studio: Studio) -> None:
    furnish(studio, 1)
    studio.sim.faults.set("slow=3")
    assert len((await studio.read("member")).of("member")) == 1


async def test_a_refused_token_is_a_matter_of_settings(studio: Studio) -> None:
    studio.sim.faults.set("unauthorized")
    with pytest.raises(FixSettings) as caught:
        await studio.read()
    assert caught.value.said == "Unauthenticated."


async def test_a_list_that_is_not_there_is_a_matter_of_settings() -> None:
    """Not of a record that is gone."""
    with respx.mock(base_url="http://anny.test/api/v1") as vendor:
        vendor.get("/customers").mock(return_value=httpx.Response(404, json={"error": "Not Found"}))
        made = connection("http://anny.test")
        with pytest.raises(FixSettings) as caught:
            await Studio(AnnySimulator(), made).read("member")
        await made.aclose()
    assert "base_url" in caught.value.fix


@pytest.mark.parametrize("body", [[], {"hello": 1}, {"data": {}}, "text"])
async def test_an_answer_of_another_shape_is_garbage(body: Any) -> None:
    with pytest.raises(RetryLater) as caught:
        await answered(body)
    assert caught.value.code == "vendor_garbage"


@pytest.mark.parametrize("bare", [True, False])
async def test_an_item_may_be_bare_or_in_data(studio: Studio, bare: bool) -> None:
    studio.sim.faults.bare_items = bare
    row = studio.sim.desk.customer()
    assert (await studio.read(ids=frozenset({("member", row["id"])}))).one("member").id == row["id"]


async def test_a_404_of_somebody_else_does_not_make_a_record_gone() -> None:
    """A proxy's page says nothing about a booking."""
    with respx.mock(base_url="http://anny.test/api/v1") as vendor:
        vendor.get("/bookings/1").mock(return_value=httpx.Response(404, html="<h1>nginx</h1>"))
        made = connection("http://anny.test")
        with pytest.raises(RetryLater):
            await Studio(AnnySimulator(), made).read(ids=frozenset({("booking", "1")}))
        await made.aclose()


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"errors": [{"status": "422", "code": "x", "title": "Bad", "detail": "page is odd"}]}, "page is odd"),
        ({"error": "page is odd"}, "page is odd"),
        ({"title": "Bad", "message": "page is odd"}, "page is odd"),
    ],
)
async def test_the_three_shapes_of_errors_are_understood(body: Any, words: str) -> None:
    with respx.mock(base_url="http://anny.test/api/v1") as vendor:
        vendor.get("/customers").mock(return_value=httpx.Response(422, json=body))
        made = connection("http://anny.test")
        with pytest.raises(VendorError) as caught:
            await Studio(AnnySimulator(), made).read("member")
        await made.aclose()
    assert caught.value.said == words


async def test_no_secret_is_in_errors_reprs_or_logs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with respx.mock(base_url="http://anny.test/api/v1") as vendor:
        vendor.get("/customers").mock(
            side_effect=lambda request: httpx.Response(401, json={"error": request.headers["authorization"]})
        )
        made = connection("http://anny.test")
        with pytest.raises(FixSettings) as caught:
            await Studio(AnnySimulator(), made).read("member")
        await made.aclose()
    assert ACCESS_TOKEN not in str(caught.value) + repr(caught.value) + repr(made) + caplog.text


async def test_pacing_has_a_default_of_its_own() -> None:
    """anny publishes no limit."""
    made = connection(requests_per_second=None)
    limiter = made.keep(Anny).http._limiter
    assert limiter is not None
    assert limiter.time_period == 1 / wire.PER_SECOND
    assert made.keep(Anny).http.base_url == "https://b.anny.co"
    await made.aclose()


async def test_pages_are_handed_on_as_they_arrive(studio: Studio) -> None:
    """One call for the first page, and no more before the second is asked for."""
    furnish(studio)
    items = anny.read_records(studio.connection, Window(kinds=frozenset({"member"})))
    first: Any = await anext(items)
    assert (len(first.records), studio.sim.log.total) == (30, 1)
    await items.aclose()


def test_the_simulator_answers_json_api_unless_asked_for_flat() -> None:
    sim = AnnySimulator()
    row = sim.desk.customer()
    for headers, flat in (([], False), ([(b"accept", b"application/json")], True)):
        reply: Reply = sim.get_customer(Request("GET", "/", {"id": row["id"]}, b"", headers, b""))
        assert ("given_name" in reply.value["data"]) is flat
