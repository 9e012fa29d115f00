"""The calls to exivo as they stand on the wire, and what becomes of answers that are not as they should be."""

from __future__ import annotations

import base64
import itertools
import json
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import respx

from hub import FixSettings, NotFound, Refused, RetryLater, Unconfirmed, VendorError, grants
from hub.connection import Connection
from hub.testing import Reply, Request
from plugins import exivo
from plugins.exivo import client as client_module
from plugins.exivo.client import Exivo
from plugins.exivo.simulator import API_KEY, API_SECRET, SITE_ID, ExivoSimulator
from tests.plugins.exivo.support import Site, connection, grant, opened, person
from tests.plugins.exivo.support import site as make_site

BASE = "http://exivo.test/v1"
ANNA = {"id": "p-1", "firstName": "Anna", "lastName": "Graf", "info": None, "media": [], "revoked": False}
BADGE = {"id": "m-1", "cid": "A1B2", "uid": None, "state": "assignable", "personId": None}
VISIT = {"id": "v-1", "code": "012345", "name": "4711", "components": ["d-1"], "link": "https://exivo.test/v-1"}
HTML = httpx.Response(200, html="<h1>It works!</h1>")
Call = Callable[[Exivo], Any]


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    """The vendor; a request that no test expects fails."""
    with respx.mock(base_url=f"{BASE}/{SITE_ID}", assert_all_called=False) as router:
        yield router


@pytest.fixture
async def api() -> AsyncIterator[Exivo]:
    """A client of it."""
    made = connection(BASE)
    yield made.keep(Exivo)
    await made.aclose()


CALLS: list[tuple[Call, str, str, Any, Any]] = [
    (lambda api: api.info(), "GET", "/info", None, {"id": SITE_ID, "name": "Nordlicht"}),
    (lambda api: api.person("p-1"), "GET", "/person/p-1", None, ANNA),
    (lambda api: api.create_person({"firstName": "A", "lastName": "B"}), "POST", "/person", ..., ANNA),
    (lambda api: api.change_person("p-1", {"exitDate": None}), "POST", "/person/p-1", {"exitDate": None}, ANNA),
    (lambda api: api.revoke("p-1"), "POST", "/person/p-1/revoke", {}, None),
    (lambda api: api.unrevoke("p-1"), "POST", "/person/p-1/unrevoke", {}, None),
    (lambda api: api.assign_group("p-1", "AG-1"), "POST", "/person/p-1/assign/accessgroup/AG-1", {}, None),
    (lambda api: api.unassign_group("p-1"), "POST", "/person/p-1/unassign/accessgroup", {}, None),
    (lambda api: api.assign_medium("p-1", "m-1"), "POST", "/person/p-1/assign/medium/m-1", {}, None),
    (lambda api: api.unassign_medium("p-1", "m-1"), "POST", "/person/p-1/unassign/medium/m-1", {}, None),
    (lambda api: api.medium("m-1"), "GET", "/medium/m-1", None, BADGE),
    (lambda api: api.register_medium(grants.Badge("A1B2")), "POST", "/medium", ..., BADGE),
    (lambda api: api.visit("v-1"), "GET", "/visit/v-1", None, VISIT),
    (lambda api: api.create_visit({"code": "012345"}), "POST", "/visit", {"code": "012345"}, VISIT),
    (lambda api: api.revoke_visit("v-1"), "POST", "/visit/v-1/revoke", {}, None),
]


@pytest.mark.parametrize(("call", "method", "path", "body", "answer"), CALLS)
async def test_every_call_is_spelt_as_the_contract_has_it(
    vendor: respx.MockRouter, api: Exivo, call: Call, method: str, path: str, body: Any, answer: Any
) -> None:
    """Method, path, login, content type and body; an empty object where there is nothing to say."""
    route = vendor.route(method=method, path=path).mock(
        httpx.Response(200, json=answer) if answer else httpx.Response(204)
    )
    await call(api)
    (sent,) = [made.request for made in route.calls]
    login = base64.b64encode(f"{API_KEY}:{API_SECRET}".encode()).decode()
    assert sent.headers["authorization"] == f"Basic {login}"
    assert sent.url.query == b""
    if body is None:
        assert sent.content == b""
    else:
        assert sent.headers["content-type"] == "application/json"
        assert body is ... or json.loads(sent.content) == body


@pytest.mark.parametrize(
    ("read", "path"),
    [
        (lambda api: api.groups(), "accessgroup"),
        (lambda api: api.doors(), "component"),
        (lambda api: collect(api.persons()), "person"),
        (lambda api: collect(api.media()), "medium"),
        (lambda api: collect(api.visits()), "visit"),
    ],
)
async def test_lists_are_read_with_skip_and_limit(vendor: respx.MockRouter, api: Exivo, read: Call, path: str) -> None:
    """Nothing else is in the query: what may be sorted by is unknown."""
    route = vendor.get(f"/{path}").mock(
        side_effect=[httpx.Response(200, json=[{"id": "1"}]), httpx.Response(200, json=[])]
    )
    await read(api)
    assert [dict(made.request.url.params) for made in route.calls] == [
        {"skip": "0", "limit": "100"},
        {"skip": "1", "limit": "100"},
    ]


async def collect(pages: AsyncIterator[list[Any]]) -> list[Any]:
    """All items of a list."""
    return [item async for page in pages for item in page]


async def test_without_a_base_url_it_is_the_vendor(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has to know the address."""
    made = connection(None)
    assert made.keep(Exivo).http.base_url == "https://api.exivo.io/v1"
    await made.aclose()


# ── paging ────────────────────────────────────────────────────────────────────────────────────────────────────────────


class Odd(ExivoSimulator):
    """exivo with lists that a test shapes."""

    shape: Callable[[list[Any], int, int], Reply] | None = None

    def page(self, request: Request, rows: Any, view: Any = None) -> Reply:
        skip, limit = int(request.query["skip"]), int(request.query["limit"])
        items = [view(row) if view else row for row in rows]
        if self.shape is None:
            return super().page(request, rows, view)
        return self.shape(items, skip, limit)


def names(people: list[Any]) -> list[str]:
    return sorted(found.first_name for found in people)


async def listed(shape: Callable[[list[Any], int, int], Reply], count: int, **settings: Any) -> tuple[list[str], int]:
    """The names of that many persons as they are read from such a list, and how many calls it took."""
    sim = make_site(Odd)
    for number in range(count):
        sim.add_by_hand(firstName=f"{number:03}", lastName="X")
    sim.__dict__["shape"] = shape
    async with opened(sim, page_size=settings.pop("page_size", 10), **settings) as site:
        return names(await collect(site.api.persons())), sim.log.total


def everyone(count: int) -> list[str]:
    return [f"{number:03}" for number in range(count)]


@pytest.mark.parametrize("count", [0, 1, 9, 10, 11, 20, 25])
async def test_a_list_is_read_to_its_end(count: int) -> None:
    """Whatever its length is to that of a page, everybody is seen once."""
    found, calls = await listed(lambda items, skip, limit: Reply(200, items[skip : skip + limit]), count)
    assert found == everyone(count)
    assert calls == -(-count // 10) + 1


@pytest.mark.parametrize("count", [0, 5, 11, 25])
async def test_a_server_that_ignores_skip_and_limit_is_read_once(count: int) -> None:
    """It gives everything every time; a reader that waits for an empty page would never end."""
    found, calls = await listed(lambda items, skip, limit: Reply(200, items), count)
    assert found == everyone(count)
    assert calls <= 2


async def test_a_server_that_minds_limit_but_not_skip_is_an_error() -> None:
    """The rest of the list can't be reached, so nothing may be concluded from it."""
    with pytest.raises(RetryLater, match="again and again"):
        await listed(lambda items, skip, limit: Reply(200, items[:limit]), 25)


@pytest.mark.parametrize("largest", [1, 3, 7])
async def test_a_server_with_smaller_pages_is_read_to_the_end(largest: int) -> None:
    """A page that is shorter than asked for is no proof of the end."""
    found, _ = await listed(lambda items, skip, limit: Reply(200, items[skip : skip + min(limit, largest)]), 25)
    assert found == everyone(25)


async def test_a_page_size_that_is_refused_is_halved() -> None:
    """The largest page is unknown."""

    def shape(items: list[Any], skip: int, limit: int) -> Reply:
        return Reply(400, {"message": "limit"}) if limit > 30 else Reply(200, items[skip : skip + limit])

    found, calls = await listed(shape, 60, page_size=100)
    assert found == everyone(60)
    assert calls == 2 + 4  # 100 and 50 are refused; 25, 25, 10 and nothing


async def test_a_list_that_is_refused_whatever_its_size_is_an_error() -> None:
    """Halving ends."""
    with pytest.raises(Refused):
        await listed(lambda items, skip, limit: Reply(400, {"message": "no"}), 5)


async def test_one_page_that_came_back_half_loses_nobody() -> None:
    """Half a page looks like the last one."""
    calls = itertools.count(1)

    def shape(items: list[Any], skip: int, limit: int) -> Reply:
        page = items[skip : skip + limit]
        return Reply(200, page[: len(page) // 2] if next(calls) % 2 else page)

    assert (await listed(shape, 25))[0] == everyone(25)


async def test_an_order_that_changes_between_pages_loses_nobody() -> None:
    """Somebody who slipped from the second page to the first shows by another who comes twice."""
    calls = itertools.count(1)

    def shape(items: list[Any], skip: int, limit: int) -> Reply:
        if next(calls) == 2:
            items = [items[-1], *items[:-1]]
        return Reply(200, items[skip : skip + limit])

    found, _ = await listed(shape, 25)
    assert found == everyone(25)


async def test_an_order_that_never_rests_ends_all_the_same() -> None:
    """A list that is shuffled for every page is read three times and no more."""
    calls = itertools.count(1)

    def shape(items: list[Any], skip: int, limit: int) -> Reply:
        turn = next(calls) * 7 % len(items)
        return Reply(200, [*items[turn:], *items[:turn]][skip : skip + limit])

    found, calls_made = await listed(shape, 25)
    assert len(found) == len(set(found))
    assert calls_made <= 3 * 4


@pytest.mark.parametrize("item", [{}, {"id": None}, {"id": ""}, None, "p-1", 7, []])
async def test_an_item_that_cannot_be_addressed_hides_nobody_else(item: Any) -> None:
    """One broken row must not keep a whole site from being synced."""
    found, _ = await listed(lambda items, skip, limit: Reply(200, [item, *items] if not skip else []), 5)
    assert found == everyone(5)


@pytest.mark.parametrize("body", [["a", "b"], [{}], {"items": []}, "none", None])
async def test_a_list_that_is_none_is_an_error_and_not_empty(body: Any) -> None:
    """An empty site and a broken answer are not the same."""
    with pytest.raises(RetryLater) as caught:
        await listed(lambda items, skip, limit: Reply(200, body), 5)
    assert caught.value.code == "vendor_garbage"


# ── answers that are not as they should be ────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("bad", [HTML, httpx.Response(200, text='{"id": "p-1", "first'), httpx.Response(200)])
async def test_a_read_that_cannot_be_understood_is_made_again(
    vendor: respx.MockRouter, api: Exivo, bad: httpx.Response
) -> None:
    """Half an answer and a proxy's page usually come once."""
    route = vendor.get("/person/p-1").mock(side_effect=[bad, bad, httpx.Response(200, json=ANNA)])
    assert (await api.person("p-1")).first_name == "Anna"
    assert route.call_count == 3


async def test_a_read_that_stays_unreadable_is_given_up(vendor: respx.MockRouter, api: Exivo) -> None:
    """What was sent is in the error, shortened."""
    vendor.get("/person/p-1").mock(HTML)
    with pytest.raises(RetryLater) as caught:
        await api.person("p-1")
    assert (caught.value.code, caught.value.said) == ("vendor_garbage", "<h1>It works!</h1>")


CREATES: list[tuple[str, Call]] = [
    ("/person", lambda api: api.create_person({"firstName": "A", "lastName": "B"})),
    ("/medium", lambda api: api.register_medium(grants.Badge("A1B2"))),
    ("/visit", lambda api: api.create_visit({"code": "012345"})),
]


@pytest.mark.parametrize(
    "bad",
    [
        HTML,
        httpx.Response(204),
        httpx.Response(201),
        httpx.Response(200, text='{"id": "p'),
        httpx.Response(200, json={}),
        httpx.Response(200, json=[]),
        httpx.Response(503),
        httpx.ReadTimeout("late"),
        httpx.ReadError("cut"),
    ],
)
@pytest.mark.parametrize(("path", "create"), CREATES)
async def test_a_create_without_a_readable_answer_is_unconfirmed_and_never_repeated(
    vendor: respx.MockRouter, api: Exivo, path: str, create: Call, bad: Any
) -> None:
    """Whether it was created is open; only a look at the vendor tells."""
    route = vendor.post(path).mock(side_effect=bad if isinstance(bad, Exception) else [bad])
    with pytest.raises(Unconfirmed):
        await create(api)
    assert route.call_count == 1


@pytest.mark.parametrize(("path", "create"), CREATES)
@pytest.mark.parametrize("status", [200, 201])
async def test_a_create_is_done_with_any_status_of_success(
    vendor: respx.MockRouter, api: Exivo, path: str, create: Call, status: int
) -> None:
    """200 by contract, 201 by custom."""
    vendor.post(path).mock(httpx.Response(status, json={**ANNA, **BADGE}))
    assert (await create(api)).id == "m-1"


@pytest.mark.parametrize(
    "answer", [httpx.Response(200), httpx.Response(200, json={"ok": 1}), httpx.Response(204), HTML]
)
async def test_a_change_of_state_needs_no_body_in_its_answer(
    vendor: respx.MockRouter, api: Exivo, answer: httpx.Response
) -> None:
    """204 by contract; what else comes is settled by reading back."""
    vendor.post("/person/p-1/revoke").mock(answer)
    assert await api.revoke("p-1") is None


@pytest.mark.parametrize("answer", [httpx.Response(204), httpx.Response(200, json={}), HTML])
async def test_a_change_of_a_person_without_the_person_in_its_answer_is_read_back(
    vendor: respx.MockRouter, api: Exivo, answer: httpx.Response
) -> None:
    """None tells the caller to look."""
    vendor.post("/person/p-1").mock(answer)
    assert await api.change_person("p-1", {"exitDate": None}) is None


@pytest.mark.parametrize("status", [400, 404, 409, 410, 422])
async def test_a_change_of_state_that_is_refused_is_for_the_caller_to_judge(
    vendor: respx.MockRouter, api: Exivo, status: int
) -> None:
    """It may hold already; and a 404 to a write never means that the person is gone."""
    vendor.post(path__regex="/person/p-1/.*").mock(httpx.Response(status, json={"message": "already so"}))
    for refused in (
        await api.revoke("p-1"),
        await api.assign_group("p-1", "AG-9"),
        await api.unassign_medium("p-1", "m"),
    ):
        assert isinstance(refused, Refused)
        assert refused.said == "already so"


async def test_only_exivos_own_404_says_that_somebody_is_gone(vendor: respx.MockRouter, api: Exivo) -> None:
    """It has an empty body; a proxy's page would make the hub create everybody anew."""
    vendor.get("/person/p-1").mock(httpx.Response(404))
    with pytest.raises(NotFound):
        await api.person("p-1")
    vendor.get("/person/p-2").mock(httpx.Response(404, json={"message": "no such person"}))
    with pytest.raises(NotFound):
        await api.person("p-2")
    vendor.get("/person/p-3").mock(httpx.Response(404, html="<html>no route</html>"))
    with pytest.raises(RetryLater) as caught:
        await api.person("p-3")
    assert caught.value.code == "vendor_garbage"


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/medium", lambda api: api.inventory.read()),
        ("/person", lambda api: collect(api.persons())),
        *((path, call) for path, call in CREATES),
    ],
)
async def test_a_list_that_is_not_there_is_a_matter_of_settings(
    vendor: respx.MockRouter, api: Exivo, path: str, call: Call
) -> None:
    """A site that is not found must not look like a person who is not found."""
    vendor.route(path=path).mock(httpx.Response(404))
    with pytest.raises(FixSettings, match="404"):
        await call(api)


@pytest.mark.parametrize("status", [401, 403])
@pytest.mark.parametrize("path", ["/person/p-1", "/medium/m-1", "/person/p-1/assign/medium/m-1"])
async def test_credentials_that_are_refused_for_one_operation_stop_everything(
    vendor: respx.MockRouter, api: Exivo, path: str, status: int
) -> None:
    """Either status: pause the connection, keep what stands, tell somebody."""
    vendor.route(path=path).mock(httpx.Response(status, html="<html>Forbidden</html>"))
    call: Call = (
        (lambda api: api.assign_medium("p-1", "m-1"))
        if path.count("/") > 2
        else (lambda api: api.person("p-1") if "person" in path else api.inventory.get("m-1"))
    )
    with pytest.raises(FixSettings) as caught:
        await call(api)
    assert f"({status})" in caught.value.what


async def test_a_read_waits_as_long_as_it_is_asked_to(vendor: respx.MockRouter, api: Exivo) -> None:
    """A long pause goes back to whoever schedules, with its length."""
    vendor.get("/person/p-1").mock(httpx.Response(429, headers={"Retry-After": "90"}))
    with pytest.raises(RetryLater) as caught:
        await api.person("p-1")
    assert caught.value.after is not None
    assert caught.value.after.total_seconds() == 90


async def test_a_busy_read_is_repeated(vendor: respx.MockRouter, api: Exivo) -> None:
    """Reading twice does no harm."""
    answers = [
        httpx.Response(503, headers={"Retry-After": "0"}),
        httpx.ReadTimeout("late"),
        httpx.Response(200, json=ANNA),
    ]
    vendor.get("/person/p-1").mock(side_effect=answers)
    assert (await api.person("p-1")).id == "p-1"


async def test_a_change_of_state_is_repeated_after_a_lost_answer(vendor: respx.MockRouter, api: Exivo) -> None:
    """The second answer is 400 where the first call took effect; the caller reads and sees."""
    answers = [httpx.ReadError("cut"), httpx.Response(400, json={"message": "is revoked"})]
    vendor.post("/person/p-1/revoke").mock(side_effect=answers)
    refused = await api.revoke("p-1")
    assert refused is not None
    assert refused.said == "is revoked"


# ── pace, time-out, secrets ───────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("setting", "rate"), [(None, 2.0), (0.5, 0.5), (25.0, 25.0)])
async def test_requests_are_paced_per_site(setting: float | None, rate: float) -> None:
    """Two a second unless the connection says otherwise: no limit is published."""
    made = connection(BASE, requests_per_second=setting)
    limiter = made.keep(Exivo).http._limiter
    assert limiter is not None
    assert limiter.max_rate / limiter.time_period == rate
    await made.aclose()


async def test_the_pace_is_kept_over_all_calls_and_hooks() -> None:
    """Every call of a connection counts, whatever it is for."""
    async with opened(make_site(), requests_per_second=50) as site:
        started = time.perf_counter()
        await site.member()
        assert time.perf_counter() - started >= (site.sim.log.total - 1) / 50 * 0.9


async def test_the_time_out_is_a_setting() -> None:
    """Ten seconds, because none is published."""
    for settings, seconds in (({}, 10.0), ({"timeout": 3}, 3.0)):
        made = connection(BASE, **settings)
        assert made.keep(Exivo).http._http.timeout.read == seconds
        await made.aclose()


@pytest.mark.parametrize("name", ["site_id", "api_key", "api_secret"])
def test_a_pasted_space_is_no_part_of_a_credential(name: str) -> None:
    """The portal's values are copied by hand."""
    made = connection(BASE, **{name: " 4711\n"})
    value = getattr(made.settings, name)
    assert (value.get_secret_value() if name == "api_secret" else value) == "4711"


async def test_the_secret_is_in_no_error_no_log_and_no_repr(
    vendor: respx.MockRouter, caplog: pytest.LogCaptureFixture
) -> None:
    """Not even where the vendor sends it back."""
    caplog.set_level(logging.DEBUG)
    made = connection(BASE)
    login = base64.b64encode(f"{API_KEY}:{API_SECRET}".encode()).decode()
    echo = f"bad login {API_SECRET} in Basic {login}"
    texts: list[str] = []
    for answer in (
        httpx.Response(401, json={"message": echo}),
        httpx.Response(400, json={"message": echo}),
        httpx.Response(404, text=echo),
        httpx.Response(500, text=echo),
        httpx.Response(200, text=echo),
        httpx.ReadError(echo),
    ):
        vendor.route().mock(side_effect=answer if isinstance(answer, Exception) else lambda request, a=answer: a)
        calls: list[Any] = [
            made.keep(Exivo).person("p-1"),
            made.keep(Exivo).inventory.read(),
            exivo.grant_access(made, grant(person_id="p-1")),
            exivo.revoke_access(made, grant(person_id="p-1")),
        ]
        for call in calls:
            try:
                texts.append(repr(await call))
            except VendorError as error:
                texts += [str(error), repr(error), error.what, error.said, error.fix]
        texts.append(repr(await exivo.sync_members(made, [person()])))
        texts.append(repr(await exivo.verify(made)))
    texts += [repr(made), repr(made.settings), str(made.settings), repr(made.keep(Exivo)), repr(vars(made.keep(Exivo)))]
    for text in (*texts, caplog.text):
        assert API_SECRET not in text
        assert login not in text
    await made.aclose()


def test_the_client_refuses_settings_of_another_plugin() -> None:
    """A mistake in the hub shows at once."""
    made = connection(BASE)
    other = Connection("desk", made.plugin, type("Other", (), {})(), made.timezone, "inst")
    with pytest.raises(TypeError, match="another plugin"):
        other.keep(client_module.Exivo)


async def test_ids_of_the_vendor_never_reach_another_path(site: Site) -> None:
    """An id with a slash is asked for as it is, and is not found."""
    with pytest.raises(NotFound):
        await site.api.person("../person")
