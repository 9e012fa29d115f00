"""Calls to vendors: what is repeated, what never is, and what every kind of failure means for the work."""

from __future__ import annotations

import asyncio
import gzip
import itertools
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
import respx
import stamina

from hub import http, redact
from hub.connection import Connection
from hub.errors import FixSettings, NotFound, Refused, RetryLater, Unconfirmed, VendorError
from hub.http import Client, answering
from hub.testing import Reply, Request, Simulator, World, operation
from tests.hub.fakes import connected

BASE = "http://vendor.test/v1"
CREATE: dict[str, Any] = {"method": "POST", "path": "/things", "json": {"name": "Anna"}}
CHANGE: dict[str, Any] = {**CREATE, "method": "PUT", "repeatable": True}


@pytest.fixture
def vendor() -> Iterator[respx.MockRouter]:
    """The vendor; a request that no test expects fails."""
    with respx.mock(base_url=BASE, assert_all_called=False) as router:
        yield router


@asynccontextmanager
async def client(**options: Any) -> AsyncIterator[Client]:
    made = Client(BASE, name="door", **options)
    try:
        yield made
    finally:
        await made.aclose()


async def call(**arguments: Any) -> http.Answer:
    async with client() as api:
        return await api.call(arguments.pop("method"), arguments.pop("path"), **arguments)


LOST = [httpx.ReadError, httpx.ReadTimeout, httpx.WriteError, httpx.RemoteProtocolError, httpx.CloseError]
NEVER_SENT = [httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout]


# ── what is repeated ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("failure", [*LOST, *NEVER_SENT, httpx.Response(503), httpx.Response(408), httpx.Response(429)])
async def test_a_read_is_repeated_until_it_is_answered(vendor: respx.MockRouter, failure: Any) -> None:
    """Reading twice does what reading once does."""
    route = vendor.get("/things").mock(side_effect=[failure, failure, httpx.Response(200, json=[1])])
    async with client() as api:
        answer = await api.get("/things")
    assert answer.json() == [1]
    assert (route.call_count, api.counters.reads, api.counters.failures) == (3, 3, 0)


@pytest.mark.parametrize("failure", [*LOST, httpx.Response(500), httpx.Response(503), httpx.Response(408)])
async def test_a_write_whose_answer_is_lost_is_unconfirmed_and_never_repeated(
    vendor: respx.MockRouter, failure: Any
) -> None:
    """It may have taken effect, so somebody has to look before anything is sent again."""
    route = vendor.post("/things").mock(side_effect=[failure])
    with pytest.raises(Unconfirmed, match="not known whether it took effect"):
        await call(**CREATE)
    assert route.call_count == 1


async def test_a_post_that_only_reads_is_a_read(vendor: respx.MockRouter) -> None:
    """Signing in, or a list that a vendor hands out by POST: repeated, counted as a read, and sent without the lane."""

    def never() -> None:
        raise AssertionError("asked as if it were a write")

    route = vendor.post("/things").mock(side_effect=[httpx.ReadError("lost"), httpx.Response(200, json=[1])])
    guarded = http.write_guard.set(never)
    try:
        async with client() as api:
            answer = await api.call("POST", "/things", json={}, reads=True)
    finally:
        http.write_guard.reset(guarded)
    assert answer.json() == [1]
    assert (route.call_count, api.counters.reads, api.counters.writes) == (2, 2, 0)


@pytest.mark.parametrize("failure", [*LOST, httpx.Response(502)])
async def test_a_write_that_may_be_repeated_is(vendor: respx.MockRouter, failure: Any) -> None:
    """Setting something to a value twice does what doing it once does."""
    route = vendor.put("/things").mock(side_effect=[failure, httpx.Response(204)])
    assert (await call(**CHANGE)).status == 204
    assert route.call_count == 2


@pytest.mark.parametrize(
    "failure", [*NEVER_SENT, httpx.Response(429), httpx.Response(429, headers={"Retry-After": "1"})]
)
async def test_a_write_that_never_got_through_is_repeated(vendor: respx.MockRouter, failure: Any) -> None:
    """A connection that was refused, or a vendor that asks for a pause, has changed nothing."""
    vendor.post("/things").mock(side_effect=[failure, httpx.Response(201, json={"id": 1})])
    async with client() as api:
        answer = await api.call(**CREATE)
    assert (answer.status, api.counters.writes) == (201, 2)


@pytest.mark.parametrize("failure", [httpx.ConnectError, httpx.ReadTimeout, httpx.Response(503), httpx.Response(429)])
async def test_it_gives_up_after_the_attempts_it_was_given(vendor: respx.MockRouter, failure: Any) -> None:
    """The error says who did not answer; whoever schedules tries again later."""
    route = vendor.get("/things").mock(side_effect=[failure] * 9)
    async with client() as api:
        with pytest.raises(RetryLater, match=r"door: GET /v1/things|door could not be reached at http://vendor\.test"):
            await api.get("/things")
    assert route.call_count == 3
    assert api.counters.failures == 1


async def test_the_same_request_is_sent_again_whole(vendor: respx.MockRouter) -> None:
    """Body, query and headers are there the second time too."""
    route = vendor.put("/things").mock(side_effect=[httpx.Response(503), httpx.Response(200, json={})])
    await call(method="PUT", path="/things", json={"a": 1}, params={"x": "1"}, headers={"X-Id": "7"}, repeatable=True)
    first, second = (seen.request for seen in route.calls)
    assert first.content == second.content == b'{"a":1}'
    assert first.url == second.url
    assert second.headers["x-id"] == "7"
    assert second.headers["content-type"] == "application/json"


async def test_a_form_is_sent_as_a_form(vendor: respx.MockRouter) -> None:
    """Vendors ask for tokens that way."""
    route = vendor.post("/token").mock(return_value=httpx.Response(200, json={}))
    await call(method="POST", path="/token", form={"grant_type": "password", "p": "a b"})
    sent = route.calls.last.request
    assert sent.content == b"grant_type=password&p=a+b"
    assert sent.headers["content-type"] == "application/x-www-form-urlencoded"


# ── what a status means ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, Refused),
        (401, FixSettings),
        (402, Refused),
        (403, FixSettings),
        (404, NotFound),
        (405, Refused),
        (409, Refused),
        (410, NotFound),
        (422, Refused),
        (301, FixSettings),
        (302, FixSettings),
        (307, FixSettings),
        (304, FixSettings),
    ],
)
@pytest.mark.parametrize("how", [{"method": "GET", "path": "/things"}, CREATE], ids=["read", "write"])
async def test_a_status_says_what_has_to_happen_next(
    vendor: respx.MockRouter, status: int, error: type[VendorError], how: dict[str, Any]
) -> None:
    """Each is asked once, and sorted by its consequence."""
    route = vendor.route().mock(return_value=httpx.Response(status, json={"message": "Not like that."}))
    with pytest.raises(error) as raised:
        await call(**how)
    assert type(raised.value) is error
    assert route.call_count == 1
    if status >= 400:
        assert raised.value.said == "Not like that."


@pytest.mark.parametrize("status", [400, 404, 409, 500, 302])
async def test_a_status_that_the_caller_wants_to_see_is_an_answer(vendor: respx.MockRouter, status: int) -> None:
    """Some vendors say with 404 that a list is empty."""
    vendor.get("/things").mock(return_value=httpx.Response(status, json={"a": 1}))
    assert (await call(method="GET", path="/things", accept=[status])).status == status


async def test_a_redirect_is_never_followed(vendor: respx.MockRouter) -> None:
    """It would carry the credentials to wherever it points."""
    elsewhere = vendor.get("/elsewhere").mock(return_value=httpx.Response(200))
    vendor.get("/things").mock(
        return_value=httpx.Response(302, headers={"location": f"{BASE}/elsewhere?token=hunter2"})
    )
    with pytest.raises(FixSettings, match="redirect") as raised:
        await call(method="GET", path="/things")
    assert not elsewhere.called
    assert "elsewhere" in raised.value.said
    assert "hunter2" not in str(raised.value)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"message": "no"}, "no"),
        ({"detail": "no"}, "no"),
        ({"error": "invalid", "message": "no"}, "no"),
        ({"error": {"code": 7, "message": "no"}}, "no"),
        ({"errors": [{"title": "Bad", "detail": "no"}, {"detail": "nor this"}]}, "no; nor this"),
        ({"error": True, "description": "no"}, "no"),
        ({"errors": {"email": ["is taken"]}}, '{"errors":{"email":["is taken"]}}'),
        (["no"], '["no"]'),
        ({}, "{}"),
    ],
)
async def test_the_vendor_is_quoted(vendor: respx.MockRouter, body: Any, said: str) -> None:
    """A person reads the sentence, wherever the vendor hides it."""
    vendor.post("/things").mock(return_value=httpx.Response(422, json=body))
    with pytest.raises(Refused) as raised:
        await call(**CREATE)
    assert raised.value.said == said


async def test_a_long_or_unreadable_refusal_is_quoted_in_part(vendor: respx.MockRouter) -> None:
    """One line of it, without bytes that break a terminal."""
    vendor.post("/things").mock(return_value=httpx.Response(400, content=b"\xff<html>\n\n  no  \n" + b"x" * 5000))
    with pytest.raises(Refused) as raised:
        await call(**CREATE)
    assert raised.value.said.startswith("\ufffd<html> no xxx")
    assert len(raised.value.said) <= 300
    assert "\n" not in raised.value.said


# ── answers that are none ─────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("content", [b"<!doctype html><h1>It works!</h1>", b'{"id": "1', b"", b"\xff\xfe"])
async def test_a_read_answered_with_something_else_is_asked_again_later(
    vendor: respx.MockRouter, content: bytes
) -> None:
    """A proxy's page is no record, and no reason to think that everything is gone."""
    vendor.get("/things").mock(return_value=httpx.Response(200, content=content, headers={"content-type": "text/html"}))
    answer = await call(method="GET", path="/things")
    with pytest.raises(RetryLater, match=r"not JSON \(text/html\)") as raised:
        answer.json()
    assert raised.value.code == "vendor_garbage"


@pytest.mark.parametrize("content", [b"<!doctype html><h1>It works!</h1>", b'{"id": "1'])
async def test_a_write_answered_with_something_else_is_unconfirmed(vendor: respx.MockRouter, content: bytes) -> None:
    """Half an answer to a create is a lost one: made again, it would stand there twice."""
    vendor.post("/things").mock(return_value=httpx.Response(200, content=content))
    answer = await call(**CREATE)
    with pytest.raises(Unconfirmed, match="not known whether it took effect"):
        answer.json()


@pytest.mark.parametrize(("how", "error"), [({"method": "GET", "path": "/things"}, RetryLater), (CREATE, Unconfirmed)])
async def test_an_answer_without_end_is_cut_off(
    vendor: respx.MockRouter, monkeypatch: pytest.MonkeyPatch, how: dict[str, Any], error: type[VendorError]
) -> None:
    """A vendor can't fill the memory, not even with a small packet that unfolds."""
    monkeypatch.setattr(http, "LARGEST_ANSWER", 100_000)
    packed = gzip.compress(b"0" * 1_000_000)
    assert len(packed) < 100_000
    vendor.route().mock(return_value=httpx.Response(200, content=packed, headers={"content-encoding": "gzip"}))
    with pytest.raises(error, match="sent more than"):
        await call(**how)


async def test_an_answer_that_can_not_be_unpacked_is_lost(vendor: respx.MockRouter) -> None:
    """Broken compression is a broken connection."""
    vendor.get("/things").mock(
        side_effect=[
            httpx.Response(200, stream=_Bytes(b"not gzip"), headers={"content-encoding": "gzip"}),
            httpx.Response(200, json=[]),
        ]
    )
    assert (await call(method="GET", path="/things")).json() == []


class _Bytes(httpx.AsyncByteStream):
    def __init__(self, content: bytes) -> None:
        self._content = content

    async def __aiter__(self) -> AsyncIterator[bytes]:
        yield self._content


async def test_a_request_that_can_not_be_sent_is_a_matter_of_settings(vendor: respx.MockRouter) -> None:
    """A key with a line break in it changes nothing at the vendor, and nothing is in doubt."""
    vendor.post("/things").mock(side_effect=httpx.LocalProtocolError("Illegal header value b'hunter2-hunter2\\n'"))
    redact.know("hunter2-hunter2")
    with pytest.raises(FixSettings, match="can't be sent") as raised:
        await call(**CREATE)
    assert "hunter2" not in str(raised.value)


# ── pauses ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def answer_with(**headers: str) -> http.Answer:
    raw = [(name.replace("_", "-").encode(), value.encode("latin-1")) for name, value in headers.items()]
    return http.Answer(503, httpx.Headers(raw), b"", "x")


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry_after": "7"}, 7),
        ({"retry_after": " 0 "}, 0),
        ({"retry_after": "999999999999999999999999"}, 86_400),
        ({"retry_after": "9" * 5000}, 86_400),
        ({"retry_after": "Sat, 21 Nov 2026 09:00:30 GMT", "date": "Sat, 21 Nov 2026 09:00:00 GMT"}, 30),
        ({"retry_after": "Sat, 21 Nov 2026 09:00:30 -0000", "date": "Sat, 21 Nov 2026 09:00:00 GMT"}, 30),
        ({"retry_after": "Sat, 21 Nov 2026 08:00:00 GMT", "date": "Sat, 21 Nov 2026 09:00:00 GMT"}, 0),
        ({"retry_after": "Sat, 21 Nov 2099 09:00:00 GMT", "date": "Sat, 21 Nov 2026 09:00:00 GMT"}, 86_400),
        ({"retry_after": "Sat, 21 Nov 2099 09:00:00 GMT", "date": "yesterday"}, 86_400),
        ({"retry_after": "soon"}, None),
        ({"retry_after": "-3"}, None),
        ({"retry_after": "1.5"}, None),
        ({"retry_after": "²"}, None),
        ({"retry_after": ""}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_the_pause_that_a_vendor_asks_for_is_understood(headers: dict[str, str], seconds: float | None) -> None:
    """Seconds or a date; whatever else stands there is no pause, and a year is a mistake."""
    asked = http.retry_after(answer_with(**headers))
    assert asked == (None if seconds is None else timedelta(seconds=seconds))


@pytest.fixture
def naps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Waits between attempts, written down instead of slept."""
    stamina.set_testing(False)
    seen: list[float] = []

    async def nap(seconds: float) -> None:
        seen.append(seconds)

    monkeypatch.setattr(stamina._core, "_smart_sleep", nap)
    return seen


@pytest.mark.parametrize("status", [429, 503])
async def test_a_short_pause_is_waited_for_on_the_spot(
    vendor: respx.MockRouter, naps: list[float], status: int
) -> None:
    """As long as the vendor asked, not as long as the hub would have waited."""
    vendor.get("/things").mock(
        side_effect=[httpx.Response(status, headers={"Retry-After": "4"}), httpx.Response(200, json=[])]
    )
    await call(method="GET", path="/things")
    assert naps == [4.0]


@pytest.mark.parametrize("how", [{"method": "GET", "path": "/things"}, CREATE], ids=["read", "write"])
async def test_a_long_pause_goes_back_to_whoever_schedules(
    vendor: respx.MockRouter, naps: list[float], how: dict[str, Any]
) -> None:
    """The lane sleeps instead of a request, and the error says how long."""
    route = vendor.route().mock(return_value=httpx.Response(429, headers={"Retry-After": "90"}))
    with pytest.raises(RetryLater, match="asks for a pause") as raised:
        await call(**how)
    assert raised.value.after == timedelta(seconds=90)
    assert (route.call_count, naps) == (1, [])


async def test_a_pause_of_nothing_is_no_refusal(vendor: respx.MockRouter, naps: list[float]) -> None:
    """`Retry-After: 0` means now."""
    vendor.get("/things").mock(
        side_effect=[httpx.Response(503, headers={"Retry-After": "0"}), httpx.Response(200, json=[])]
    )
    await call(method="GET", path="/things")
    assert naps == [0.0]


async def test_without_a_word_from_the_vendor_pauses_grow(vendor: respx.MockRouter, naps: list[float]) -> None:
    """And stay short: a person may be waiting."""
    vendor.get("/things").mock(return_value=httpx.Response(503))
    async with client(attempts=5) as api:
        with pytest.raises(RetryLater):
            await api.get("/things")
    assert len(naps) == 4
    assert naps[0] < naps[2] <= 3.2


class FakeTime(asyncio.SelectorEventLoop):
    """An event loop whose time passes only when everybody waits, and then at once."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0

    def time(self) -> float:
        return self.now

    def _run_once(self) -> None:
        if not self._ready and self._scheduled:  # type: ignore[attr-defined]
            self.now = max(self.now, self._scheduled[0].when())  # type: ignore[attr-defined]
        super()._run_once()  # type: ignore[misc]


@pytest.mark.parametrize(("per_second", "gap"), [(2.0, 0.5), (0.5, 2.0), (10.0, 0.1)])
def test_requests_are_paced_evenly(per_second: float, gap: float) -> None:
    """However many are asked for at once: no burst that a vendor would answer with 429."""
    loop = FakeTime()
    seen: list[float] = []

    def note(_request: httpx.Request) -> httpx.Response:
        seen.append(loop.time())
        return httpx.Response(200, json=[])

    async def ask() -> None:
        with respx.mock(base_url=BASE) as vendor:
            vendor.get("/things").mock(side_effect=note)
            async with client(per_second=per_second) as api:
                await asyncio.gather(*(api.get("/things") for _ in range(12)))

    try:
        loop.run_until_complete(ask())
    finally:
        loop.close()
    gaps = [later - earlier for earlier, later in itertools.pairwise(seen)]
    assert gaps == pytest.approx([gap] * 11, abs=1e-6)


# ── secrets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "failure",
    [
        httpx.Response(400, json={"message": "bad key s3cr3t-value"}),
        httpx.Response(401, text="who is s3cr3t-value?"),
        httpx.Response(403, json={"error": {"message": "password s3cr3t-value"}}),
        httpx.Response(404, text="s3cr3t-value"),
        httpx.Response(302, headers={"location": "https://x.test/s3cr3t-value"}),
        httpx.Response(429, text="s3cr3t-value", headers={"Retry-After": "900"}),
        httpx.Response(503, text="s3cr3t-value"),
        httpx.ReadError("broke at s3cr3t-value"),
        httpx.ConnectError("no route to s3cr3t-value"),
        httpx.LocalProtocolError("Illegal header value b's3cr3t-value'"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_secret_stands_in_an_error(
    vendor: respx.MockRouter, caplog: pytest.LogCaptureFixture, failure: Any, method: str
) -> None:
    """Not in its text, not in its parts, not in what is logged; whatever the vendor echoes."""
    caplog.set_level(logging.DEBUG)
    vendor.route().mock(side_effect=[failure] * 5)
    async with client(login=("studio", "s3cr3t-value"), headers={"X-Key": "s3cr3t-value"}) as api:
        with pytest.raises(VendorError) as raised:
            await api.call(method, "/things/s3cr3t-value")
    error = raised.value
    assert "s3cr3t-value" not in f"{error} {error!r} {error.args} {error.said} {error.fix}"
    assert "s3cr3t-value" not in caplog.text


async def test_a_login_is_sent_and_known_as_secret(vendor: respx.MockRouter) -> None:
    """The header travels; its value is masked wherever it turns up."""
    route = vendor.get("/things").mock(return_value=httpx.Response(200, json=[]))
    async with client(login=("studio", "pässwörd")) as api:
        await api.get("/things")
    sent = route.calls.last.request.headers["authorization"]
    assert sent.startswith("Basic ")
    assert sent.removeprefix("Basic ").rstrip("=") not in redact.mask(f"they said: {sent}")


# ── counters and transports ───────────────────────────────────────────────────────────────────────────────────────────


async def test_a_client_counts_what_it_does(vendor: respx.MockRouter) -> None:
    """Attempts, not calls: a vendor's bill and its rate limit count them too."""
    vendor.get("/things").mock(side_effect=[httpx.Response(503), httpx.Response(200, json=[])])
    vendor.post("/things").mock(return_value=httpx.Response(400))
    vendor.delete("/things").mock(side_effect=httpx.ReadError("gone"))
    async with client() as api:
        await api.get("/things")
        for method in ("POST", "DELETE"):
            with pytest.raises(VendorError):
                await api.call(method, "/things")
    counted = api.counters
    assert (counted.reads, counted.writes, counted.failures) == (2, 2, 2)
    assert counted.by_status == {503: 1, 200: 1, 400: 1}
    assert counted.seconds > 0


async def test_a_connection_adds_up_its_clients(vendor: respx.MockRouter) -> None:
    """A run reports what its connection cost, whether a plugin keeps a client or something that has one."""
    connection = connected()
    vendor.get("/things").mock(return_value=httpx.Response(200, json=[]))

    class Api:
        def __init__(self, connection: Connection) -> None:
            self.http = Client(BASE, name=connection.name)

    def plain(connection: Connection) -> Client:
        return Client(BASE, name=connection.name)

    await connection.keep(Api).http.get("/things")
    await connection.keep(plain).get("/things")
    assert connection.keep(Api) is connection.keep(Api)
    assert (connection.counters.reads, connection.counters.by_status) == (2, {200: 2})
    await connection.aclose()
    assert connection.counters.reads == 0


class Shop(Simulator):
    """A vendor with one list."""

    @operation("list", "GET /things")
    def list_things(self, _request: Request) -> Reply:
        return Reply(200, [1, 2])

    @operation("add", "POST /things")
    def add(self, _request: Request) -> Reply:
        return Reply(201, {"id": 3})


async def test_a_simulator_answers_in_the_process() -> None:
    """Only inside the block, and only for its address."""
    shop = Shop(World())
    async with answering("http://shop.test", shop):
        api = Client("http://shop.test/", name="shop")
        assert (await api.get("/things")).json() == [1, 2]
        await api.aclose()
    assert http.transports == {}
    assert shop.log.reads == 1


@pytest.mark.parametrize(
    ("fault", "error", "attempts"),
    [
        ("drop_before_write", Unconfirmed, 1),
        ("drop_after_write", Unconfirmed, 1),
        ("status=503", Unconfirmed, 1),
        ("status=429,retry_after=60", RetryLater, 1),
        ("garbage", Unconfirmed, 1),
        ("cut_body", Unconfirmed, 1),
        ("outage=drop", Unconfirmed, 1),
        ("unauthorized", FixSettings, 1),
    ],
)
async def test_a_misbehaving_vendor_is_told_by_its_consequence(
    fault: str, error: type[VendorError], attempts: int
) -> None:
    """Every switch of the simulators, met by a call that creates."""
    shop = Shop(World())
    shop.faults.set(fault)
    async with answering("http://shop.test", shop):
        api = Client("http://shop.test", name="shop")
        with pytest.raises(error):
            (await api.call("POST", "/things", json={})).json()
        await api.aclose()
    assert shop.log.total == attempts


@pytest.mark.parametrize(
    ("refused", "what"),
    [(ConnectionRefusedError, "shop could not be reached at http://down.test"), (ConnectionResetError, "no answer")],
)
async def test_a_host_that_is_down_looks_as_it_does_on_the_network(refused: type[Exception], what: str) -> None:
    """In-process transports break the way sockets do. Where nobody was reached, nobody is quoted."""

    async def down(_scope: Any, _receive: Any, _send: Callable[[Any], Any]) -> None:
        raise refused

    async with answering("http://down.test", down):
        api = Client("http://down.test", name="shop")
        with pytest.raises(RetryLater, match=what) as raised:
            await api.get("/")
        assert raised.value.code == "vendor_down"
        assert (raised.value.said == "") is (refused is ConnectionRefusedError)
        await api.aclose()


async def test_the_environment_does_not_redirect_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy variable or a .netrc on the machine can't send credentials elsewhere."""
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.test:1")
    monkeypatch.setenv("ALL_PROXY", "http://proxy.test:1")
    async with client() as api:
        assert api._http.trust_env is False
        assert not api._http._mounts
