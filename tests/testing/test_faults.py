"""The fault switches that every simulator has, on a made-up vendor with one shelf of items."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar

import httpx
import msgspec
import pytest
import uvicorn
from hypothesis import given
from hypothesis import strategies as st

from hub.clock import FrozenClock
from hub.errors import RetryLater, Unconfirmed
from hub.http import Client, answering, asgi
from hub.testing import (
    Faults,
    Outage,
    Reject,
    Reply,
    Request,
    Simulator,
    Slow,
    StaleReads,
    Status,
    Switch,
    World,
    operation,
    serve,
    serve_in_thread,
)

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class Shelf(World):
    hidden: ClassVar[frozenset[str]] = frozenset({"secrets"})

    def __init__(self) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, str] = {"code": "4711"}


class ShelfFaults(Faults, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    dusty: bool = False
    wobbles: Switch | None = None


class ShelfSimulator(Simulator):
    base_path: ClassVar[str] = "/api"
    world: Shelf
    faults: ShelfFaults

    def __init__(self, clock: FrozenClock | None = None, seed: int = 1) -> None:
        super().__init__(Shelf(), ShelfFaults(), clock=clock or FrozenClock(NOON), seed=seed)

    @operation("listItems", "GET /items")
    def list_items(self, request: Request) -> Reply:
        return Reply(200, {"items": list(self.world.items.values())}, items_in="items")

    @operation("findItems", "POST /items/find", reads=True)
    def find_items(self, request: Request) -> Any:
        return list(self.world.items.values())

    @operation("addItem", "POST /items")
    def add_item(self, request: Request) -> Any:
        item = {"id": self.new_id(), **request.json()}
        self.world.items[item["id"]] = item
        return item

    @operation("getItem", "GET /items/{id}")
    def get_item(self, request: Request) -> Any:
        if request["id"] not in self.world.items:
            raise Reject(Reply(404))
        return self.world.items[request["id"]]

    @operation("removeItem", "DELETE /items/{id}")
    def remove_item(self, request: Request) -> None:
        if self.world.items.pop(request["id"], None) is None:
            raise Reject(Reply(404))


@pytest.fixture
def sim() -> ShelfSimulator:
    return ShelfSimulator()


@pytest.fixture
async def http(sim: ShelfSimulator) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(transport=asgi(sim.app), base_url="http://shelf.test/api") as client:
        yield client


async def add(http: httpx.AsyncClient, name: str) -> httpx.Response:
    return await http.post("/items", json={"name": name})


async def names(http: httpx.AsyncClient) -> list[str]:
    return [item["name"] for item in (await http.get("/items")).json()["items"]]


# ── the switches ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_status_on_every_nth_request(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`status=503,every=3` answers 503 to the third, the sixth and so on, and such a request takes no effect."""
    sim.faults.set("status=503,every=3,retry_after=7")
    answers = [await add(http, str(number)) for number in range(6)]
    assert [answer.status_code for answer in answers] == [200, 200, 503, 200, 200, 503]
    assert answers[2].headers["retry-after"] == "7"
    assert [item["name"] for item in sim.world.items.values()] == ["0", "1", "3", "4"]


async def test_status_after_the_work(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`when=after` answers the status although the write took effect."""
    sim.faults.status = Status(code=502, when="after")
    assert (await add(http, "a")).status_code == 502
    assert len(sim.world.items) == 1


@pytest.mark.parametrize(
    ("options", "statuses"),
    [
        ("only=writes", [200, 200, 500]),
        ("only=reads", [500, 500, 200]),
        ("path=*/find", [200, 500, 200]),
        ("operation=list*", [500, 200, 200]),
        ("after=1,times=1", [200, 500, 200]),
    ],
)
async def test_which_requests(sim: ShelfSimulator, http: httpx.AsyncClient, options: str, statuses: list[int]) -> None:
    """A switch can be limited to reads or writes (as the operation says, whatever its method), to paths, to operations,
    and in number."""
    sim.faults.set(f"status=500,{options}")
    answers = [await http.get("/items"), await http.post("/items/find"), await add(http, "a")]
    assert [answer.status_code for answer in answers] == statuses


async def test_probability_is_repeatable() -> None:
    """A probability draws from the simulator's seed: the same seed fails the same requests."""

    async def run(seed: int) -> list[int]:
        sim = ShelfSimulator(seed=seed)
        sim.faults.set("status=500,p=0.4")
        async with httpx.AsyncClient(transport=asgi(sim), base_url="http://shelf.test/api") as http:
            return [(await http.get("/items")).status_code for _ in range(40)]

    first = await run(1)
    assert first == await run(1) != await run(2)
    assert 5 < first.count(500) < 30


async def test_drop_after_write(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`drop_after_write` does the write and breaks the connection; reads are left alone."""
    sim.faults.set("drop_after_write,every=2")
    await add(http, "kept")
    with pytest.raises(httpx.ReadError):
        await add(http, "also kept")
    assert await names(http) == ["kept", "also kept"]
    assert sim.log.entries[1].status is None
    assert sim.log.entries[1].fault == "drop_after_write"


async def test_drop_before_write(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`drop_before_write` breaks the connection and nothing was written."""
    sim.faults.set("drop_before_write")
    with pytest.raises(httpx.ReadError):
        await add(http, "lost")
    assert await names(http) == []


@pytest.mark.parametrize(("switch", "left"), [("drop_after_write", 1), ("drop_before_write", 0)])
@pytest.mark.parametrize("threaded", [False, True])
async def test_drops_over_real_http(sim: ShelfSimulator, switch: str, left: int, threaded: bool) -> None:
    """Over a socket the connection breaks without a full answer, which the hub's client takes for unconfirmed."""
    sim.faults.set(switch)

    async def lose_one(base_url: str) -> None:
        client = Client(base_url, name="shelf")
        try:
            with pytest.raises(Unconfirmed, match="answer was lost"):
                await client.call("POST", "/items", json={"name": "a"})
            assert len((await client.get("/items")).json()["items"]) == left
        finally:
            await client.aclose()

    if threaded:
        with serve_in_thread(sim) as base_url:
            await lose_one(base_url)
    else:
        async with serve(sim) as base_url:
            await lose_one(base_url)


async def test_drop_is_quiet_on_any_uvicorn(sim: ShelfSimulator, caplog: pytest.LogCaptureFixture) -> None:
    """A uvicorn that logs everything logs no traceback for a dropped connection either."""
    sim.faults.set("drop_after_write")
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(sim.app, log_config=None, log_level="debug"))
    serving = asyncio.create_task(server.serve(sockets=[listening]))
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}/api") as http:
        with pytest.raises(httpx.RemoteProtocolError):
            await add(http, "a")
    server.should_exit = True
    await serving
    said = [record for record in caplog.records if record.name == "uvicorn.error"]
    assert said
    assert not [record for record in said if record.levelno >= logging.WARNING]


async def test_in_process_the_client_sees_a_lost_answer(sim: ShelfSimulator) -> None:
    """In the process, a dropped write is Unconfirmed for the hub's client, just as over a socket."""
    sim.faults.set("drop_after_write")
    async with answering("http://shelf.test", sim):
        client = Client("http://shelf.test/api", name="shelf")
        with pytest.raises(Unconfirmed):
            await client.call("POST", "/items", json={"name": "a"})
        await client.aclose()
    assert len(sim.world.items) == 1


@pytest.mark.parametrize(("when", "kept"), [("before", 0), ("after", 1)])
async def test_slow_sleeps_on_the_clock(when: str, kept: int) -> None:
    """`slow` sleeps on the simulator's own clock, before or after the work, so a test waits for nothing."""
    seen: list[int] = []

    class Watching(FrozenClock):
        async def sleep(self, seconds: float) -> None:
            seen.append(len(shelf.world.items))
            await super().sleep(seconds)

    shelf = ShelfSimulator(Watching(NOON))
    shelf.faults.set(f"slow=30,when={when}")
    async with httpx.AsyncClient(transport=asgi(shelf), base_url="http://shelf.test/api") as http:
        await add(http, "a")
    assert seen == [kept]
    assert shelf.clock.now() == NOON + timedelta(seconds=30)


async def test_stale_reads_by_writes(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`stale_reads=2` answers reads as things stood two successful writes ago; a refused write does not count."""
    await add(http, "0")
    sim.faults.set("stale_reads=2")
    seen = []
    for number in range(1, 4):
        await add(http, str(number))
        assert (await http.delete("/items/unknown")).status_code == 404
        seen.append(await names(http))
    assert seen == [["0"], ["0"], ["0", "1"]]
    sim.faults.clear("stale_reads")
    assert await names(http) == ["0", "1", "2", "3"]


async def test_stale_reads_by_time(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`stale_reads=10s` answers reads as things stood ten seconds ago by the simulator's clock."""
    clock = sim.clock
    assert isinstance(clock, FrozenClock)
    sim.faults.set("stale_reads=10s")
    await add(http, "a")
    clock.move(timedelta(seconds=6))
    await add(http, "b")
    assert await names(http) == []
    clock.move(timedelta(seconds=5))
    assert await names(http) == ["a"]
    clock.move(timedelta(seconds=5))
    assert await names(http) == ["a", "b"]


async def test_stale_reads_of_one_item(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """A stale read of something new does not find it, and of something removed still does."""
    sim.faults.stale_reads = StaleReads(times=1)
    item = (await add(http, "a")).json()
    assert (await http.get(f"/items/{item['id']}")).status_code == 404
    assert (await http.get(f"/items/{item['id']}")).json() == item


async def test_half_page(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`half_page` leaves the first half of a list, wherever in the answer the list is, and single items alone."""
    for number in range(5):
        answer = await add(http, str(number))
    sim.faults.set("half_page")
    assert await names(http) == ["0", "1"]
    assert (await http.get(f"/items/{answer.json()['id']}")).json()["name"] == "4"


async def test_cut_body(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`cut_body` sends the first half of the JSON text as a complete HTTP answer, which the hub's client refuses."""
    await add(http, "a")
    sim.faults.set("cut_body")
    answer = await http.get("/items")
    assert answer.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        answer.json()
    async with answering("http://shelf.test", sim):
        client = Client("http://shelf.test/api", name="shelf")
        with pytest.raises(RetryLater, match="not JSON"):
            (await client.get("/items")).json()
        await client.aclose()


async def test_outage_until_switched_off(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`outage` answers 503 to everything, unknown paths too, until it is switched off."""
    sim.faults.outage = Outage()
    assert {(await http.get(path)).status_code for path in ("/items", "/nothing")} == {503}
    assert (await add(http, "a")).status_code == 503
    sim.faults.clear("outage")
    assert await names(http) == []


async def test_outage_until_a_moment(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`outage=drop,until=…` breaks every connection, and is over by itself at that moment of the clock."""
    sim.faults.set("outage=drop,until=2026-03-02T12:05:00Z")
    with pytest.raises(httpx.ReadError):
        await http.get("/items")
    await sim.clock.sleep(300)
    assert await names(http) == []
    assert sim.faults.outage is None


async def test_garbage(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`garbage` answers 200 with a page of HTML, and the request takes no effect."""
    sim.faults.set("garbage")
    answer = await add(http, "a")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")
    assert not sim.world.items


async def test_unauthorized(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """`unauthorized` refuses credentials as the vendor does, and the request takes no effect."""
    sim.faults.set("unauthorized")
    assert (await add(http, "a")).status_code == 401
    assert not sim.world.items


# ── their forms ───────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("text", "switch"),
    [
        ("status", Status()),
        ("status=429,retry_after=2,only=writes", Status(code=429, retry_after=2, only="writes")),
        ("drop_after_write=0.1", Switch(p=0.1)),
        ("drop_after_write, every=3", Switch(every=3)),
        ("slow=0.5,when=after", Slow(seconds=0.5, when="after")),
        ("stale_reads=3", StaleReads(writes=3)),
        ("stale_reads=1.5s,path=*/person", StaleReads(seconds=1.5, path="*/person")),
        ("outage=drop", Outage(drop=True)),
        ("outage=502", Outage(code=502)),
        ("dusty", True),
        ("dusty=false", False),
        ("status=off", None),
        ("dusty=off", False),
    ],
)
def test_text_form(text: str, switch: Any) -> None:
    """Every switch has a text form for the command line: the main value behind `=`, then options after commas."""
    faults = ShelfFaults()
    faults.set(text)
    assert getattr(faults, text.partition("=")[0].partition(",")[0]) == switch


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("drop_afterwrite=0.1", "no fault switch 'drop_afterwrite'; did you mean 'drop_after_write'"),
        ("", "no fault switch ''"),
        ("status=503,evry=5", "status has no option 'evry'; did you mean 'every'"),
        ("status=soon", "status: Expected `int`"),
        ("status=503,every=0", "status: Expected `int` >= 1"),
        ("drop_after_write=2", "drop_after_write: Expected `float` <= 1"),
        ("slow=1,sideways", "slow: 'sideways' must look like OPTION=VALUE"),
        ("dusty,every=2", "dusty is on or off and takes no options"),
        ("dusty=perhaps", "dusty: Expected `bool`"),
        ("stale_reads=xs", "stale_reads: Expected `float"),
        ("outage,until=2026-01-01T00:00:00", "outage: Expected `datetime` with a timezone"),
    ],
)
def test_text_form_names_the_mistake(text: str, complaint: str) -> None:
    """A mistake in the text form is a ValueError that names the switch, and the nearest one where it is unknown;
    nothing is set then."""
    faults = ShelfFaults()
    with pytest.raises(ValueError, match=complaint.replace("(", r"\(")):
        faults.set("garbage", text)
    assert faults == ShelfFaults()


@given(
    st.builds(
        ShelfFaults,
        status=st.none() | st.builds(Status, code=st.integers(400, 599), every=st.integers(1, 9)),
        drop_after_write=st.none() | st.builds(Switch, p=st.floats(0, 1), only=st.sampled_from([None, "writes"])),
        outage=st.none() | st.builds(Outage, until=st.none() | st.datetimes(timezones=st.just(UTC))),
        dusty=st.booleans(),
    )
)
def test_json_form_round_trip(faults: ShelfFaults) -> None:
    """What the JSON form shows can be put back as it is."""
    again = ShelfFaults(garbage=Switch())
    again.replace(json.loads(msgspec.json.encode(faults.as_json())))
    assert again == faults


# ── control path, log, ids ────────────────────────────────────────────────────────────────────────────────────────


async def test_control_path(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """Faults are read, set and cleared over HTTP, in both forms; faults never apply there and it isn't in the log."""
    control = "http://shelf.test/_simulator/faults"
    answer = await http.put(control, json={"outage": True, "status": {"code": 429, "every": 2}, "dusty": True})
    assert answer.json() == {"outage": {}, "status": {"code": 429, "every": 2}, "dusty": True}
    assert (await http.get("/items")).status_code == 503
    assert (await http.get(control)).json() == answer.json()
    assert (await http.put(control, json=["slow=2"])).json() == {"slow": {"seconds": 2.0}}
    assert (await http.delete(control)).json() == {}
    assert sim.log.total == 1


@pytest.mark.parametrize("body", ['{"outag": true}', "[1]", "7", "{", '{"slow": {"seconds": "long"}}'])
async def test_control_path_names_the_mistake(sim: ShelfSimulator, http: httpx.AsyncClient, body: str) -> None:
    """A mistake over the control path answers 400 with a message and leaves the switches as they are."""
    sim.faults.set("garbage")
    answer = await http.put("http://shelf.test/_simulator/faults", content=body)
    assert answer.status_code == 400
    assert answer.json()["message"]
    assert sim.faults.as_json() == {"garbage": {}}


async def test_control_path_knows_its_paths(http: httpx.AsyncClient) -> None:
    """What isn't there answers 404, and a method that isn't, 405."""
    assert (await http.get("http://shelf.test/_simulator/nothing")).status_code == 404
    assert (await http.post("http://shelf.test/_simulator/faults")).status_code == 405


async def test_log_counts_and_keeps_no_secrets(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """The log counts reads and writes, and per operation, and keeps method, path and status, but no bodies and no
    queries."""
    await add(http, "geheim")
    mark, writes = sim.log.total, sim.log.writes
    await http.get("/items?token=geheim")
    await http.post("/items/find")
    await http.get("/nothing")
    assert sim.log.writes == writes == 1
    assert sim.log.reads == 3
    assert sim.log.by_operation == {"addItem": 1, "listItems": 1, "findItems": 1, "": 1}
    assert [(entry.kind, entry.path, entry.status) for entry in sim.log.since(mark)] == [
        ("read", "/api/items", 200),
        ("read", "/api/items/find", 200),
        ("read", "/api/nothing", 404),
    ]
    shown = await http.get("http://shelf.test/_simulator/log")
    assert shown.json()["by_status"] == {"200": 3, "404": 1}
    assert "geheim" not in shown.text
    assert (await http.delete("http://shelf.test/_simulator/log")).json()["entries"] == []


async def test_state_can_be_looked_at(sim: ShelfSimulator, http: httpx.AsyncClient) -> None:
    """The control path shows the tables, but for those that are hidden."""
    item = (await add(http, "a")).json()
    assert (await http.get("http://shelf.test/_simulator/state")).json() == {"items": {item["id"]: item}}


async def test_ids_are_the_same_in_every_run(sim: ShelfSimulator) -> None:
    """The same seed gives the same ids, whatever faults are on; they look like random UUIDs."""
    other = ShelfSimulator()
    other.faults.set("drop_after_write=0.5")
    first = sim.new_id()
    assert other.new_id() == first != ShelfSimulator(seed=2).new_id()
    assert first[14] == "4"


async def test_paths(http: httpx.AsyncClient) -> None:
    """A percent-encoded slash belongs to its parameter, a wrong method answers 405 and names the right ones."""
    assert (await http.get("/items/a%2Fb")).status_code == 404
    wrong = await http.patch("/items")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET, POST")
    assert (await http.get("/items/")).status_code == 404
