"""The engine: everything happens by itself, once, and soon; on SQLite and on PostgreSQL."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from httpx import ASGITransport, AsyncClient
from sqlalchemy import func, select, update

from hub import http
from hub.clock import FrozenClock
from hub.core import Hub, initialise
from hub.engine import lanes
from hub.engine.engine import Engine
from hub.engine.hints import Delivery, address_of, keep
from hub.engine.queue import LaneQueue
from hub.engine.sync import sync_now
from hub.grants import Hint
from hub.look import journal
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.store import tables as t
from hub.studio.importing import import_file
from hub.web import make_app
from hub.web.webhooks import LARGEST_BODY
from tests.conftest import BOTH
from tests.vendor_pair import latch, roll
from tests.vendor_pair.cluster import STUDIO
from tests.vendor_pair.roll import HOOK_SECRET
from tests.vendor_pair.server import Pair

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
_numbers = itertools.count(1)


@dataclass
class Place:
    """An installation whose engine can be started."""

    folder: Path
    hub: Hub
    clock: FrozenClock
    pair: Pair
    base_url: str
    engines: list[Engine] = field(default_factory=list)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Engine]:
        """An engine at work."""
        hub = self.hub
        engine = Engine(hub.settings, hub.database, hub.vault, hub.plugins, self.clock)
        task = asyncio.create_task(engine.run())
        try:
            yield engine
        finally:
            engine.stop()
            await asyncio.wait_for(task, 15)

    async def add(self, name: str) -> Hub:
        """Another studio of the same database."""
        file = self.folder / f"{name}.toml"
        file.write_text(STUDIO.format(name=name, base_url=self.base_url))
        hub = Hub(self.hub.settings, self.hub.database, self.hub.vault, self.hub.plugins, self.clock, None)
        await import_file(hub, file, who="test")
        return hub

    async def lane(self, name: str, hub: Hub | None = None) -> Any:
        """A lane's row."""
        row = await (hub or self.hub).connection_row(name)
        async with self.hub.database.read() as db:
            return (await db.execute(select(t.lane).where(t.lane.c.connection_id == row.id))).one()

    async def log(self) -> list[str]:
        """The codes of the sync log."""
        async with self.hub.database.read() as db:
            return list((await db.execute(select(t.log.c.code).order_by(t.log.c.id))).scalars())

    async def hook(self, engine: Engine, body: bytes, *, secret: str = HOOK_SECRET, path: str | None = None) -> int:
        """Deliver a webhook to the studio's `roll`; returns the status."""
        row = await self.hub.connection_row("roll")
        async with self.hub.database.write() as db:
            address = await address_of(db, row.id, self.hub.vault)
        async with AsyncClient(transport=ASGITransport(make_app(engine)), base_url="http://daemon.test") as client:
            answer = await client.post(
                path or f"/hooks/roll/{address}", content=body, headers={"x-roll-secret": secret}
            )
        return answer.status_code


async def until(true: Callable[[], Any], *, seconds: float = 10.0) -> None:
    """Wait for something that the engine does by itself."""
    async with asyncio.timeout(seconds):
        while True:
            found = true()
            if asyncio.iscoroutine(found):
                found = await found
            if found:
                return
            await asyncio.sleep(0.02)


@pytest.fixture
async def place(tmp_path: Path, database_url: str | None) -> AsyncIterator[Place]:
    pair, clock, base_url = Pair(), FrozenClock(NOW), f"http://pair-{next(_numbers)}.test"
    plugins = Plugins()
    for module in (roll, latch):
        plugins.register(module)
    options: dict[str, Any] = {"home": tmp_path / "home", "key": None, "database_url": database_url}
    settings = HubSettings(**options)
    await initialise(settings)
    opening = Hub.open(settings, plugins=plugins, clock=clock)
    async with http.answering(base_url, pair.app()), opening as hub:
        made = Place(tmp_path, hub, clock, pair, base_url)
        file = tmp_path / "studio.toml"
        file.write_text(STUDIO.format(name="one", base_url=base_url))
        await import_file(hub, file, who="test")
        yield made


@BOTH
async def test_members_get_in_and_out_without_anybody_doing_anything(place: Place) -> None:
    """Read at once when connected, again when it is time; who left at the source is out."""
    place.pair.join("one", "1")
    async with place.running():
        await until(lambda: place.pair.opens("one", "1"))
        await until(lambda: _asleep(place, "roll"))
        place.pair.join("one", "2")
        place.pair.join("one", "1", state="revoked")
        place.clock.move(timedelta(minutes=17))
        await until(lambda: place.pair.opens("one", "2") and not place.pair.opens("one", "1"))


@BOTH
async def test_a_pass_that_ends_is_taken_back_when_its_time_comes(place: Place) -> None:
    """The lock's lane wakes for it; the source need not be read."""
    place.pair.join("one", "1", until="2026-11-21T09:10:00Z")
    async with place.running():
        await until(lambda: place.pair.opens("one", "1"))
        await until(lambda: _asleep(place, "latch"))
        place.pair.roll_down = True
        place.clock.move(timedelta(minutes=11))
        await until(lambda: not place.pair.opens("one", "1"))


async def _asleep(place: Place, name: str) -> bool:
    row = await place.lane(name)
    return row.lease_owner is None and row.wake_at > place.clock.now()


@BOTH
async def test_what_the_queue_writes_about_itself_is_dropped(place: Place) -> None:
    """It would grow for as long as the daemon runs."""
    place.pair.join("one", "1")
    async with place.running() as engine:
        await until(lambda: place.pair.opens("one", "1"))
        await until(lambda: _asleep(place, "latch"))
        queue = engine._queue
        assert queue is not None
        queries: Any = queue._queues[False].queries
        assert await queries.queue_log()

        async def dropped() -> bool:
            # What PgQueuer still had in a buffer comes a moment later.
            await queue.tidy()
            return not await queries.queue_log()

        await until(dropped)


@BOTH
async def test_a_webhook_opens_the_door_at_once(place: Place) -> None:
    """Only the member it names is read again, and nobody waits for the next round."""
    for number in range(3):
        place.pair.join("one", str(number))
    async with place.running() as engine:
        await until(lambda: place.pair.opens("one", "2"))
        await until(lambda: _asleep(place, "roll"))
        place.pair.join("one", "new")
        assert await place.hook(engine, b'{"member": "new", "delivery": "d1"}') == 202
        await until(lambda: place.pair.opens("one", "new"), seconds=3)
        await until(lambda: _asleep(place, "roll"))
    async with place.hub.database.read() as db:
        assert (await db.execute(select(func.count()).select_from(t.hint))).scalar_one() == 0


async def test_a_webhook_does_not_wait_behind_a_long_read(place: Place) -> None:
    """The read goes on where it was afterwards, and takes nobody for gone whom it saw on the way."""
    for number in range(150):
        place.pair.join("one", f"{number:03}")
    async with place.running() as engine:
        await until(lambda: place.pair.opens("one", "149"))
        place.pair.at_page = asyncio.Event()
        place.clock.move(timedelta(minutes=17))
        await until(lambda: _held(place, "roll"))
        place.pair.join("one", "new")
        assert await place.hook(engine, b'{"member": "new"}') == 202
        place.pair.at_page.set()
        await until(lambda: place.pair.opens("one", "new"))
        await until(lambda: _asleep(place, "roll"))
        assert len(place.pair.grants["one"]) == 151


async def _held(place: Place, name: str) -> bool:
    return (await place.lane(name)).lease_owner is not None


@BOTH
async def test_a_webhook_does_not_wait_behind_a_long_apply(place: Place) -> None:
    """A slice ends, who is pressing goes first, and the rest follows."""
    for number in range(200):
        place.pair.join("one", f"{number:03}")
    place.pair.latency = 0.02
    async with place.running() as engine:
        await until(lambda: place.pair.calls > 5)
        place.pair.join("one", "new")
        assert await place.hook(engine, b'{"member": "new"}') == 202
        await until(lambda: place.pair.opens("one", "new"), seconds=4)
        assert place.pair.calls < 190
        place.pair.latency = 0
        await until(lambda: len(place.pair.grants["one"]) == 201)
    assert place.pair.doubles() == []


async def test_deliveries_that_are_wrong_or_repeated_do_nothing(place: Place) -> None:
    """Not the address, not the vendor, too large, not understood, or known already."""
    async with place.running() as engine:
        assert await place.hook(engine, b"{}", path="/hooks/roll/guessed") == 404
        assert await place.hook(engine, b'{"member": "1"}', secret="somebody") == 401
        assert await place.hook(engine, b"x" * (LARGEST_BODY + 1)) == 413
        assert await place.hook(engine, b"<html>") == 422
        place.pair.join("one", "1")
        assert await place.hook(engine, b'{"member": "1", "delivery": "d"}') == 202
        await until(lambda: place.pair.opens("one", "1"))
        place.pair.join("one", "1", state="revoked")
        assert await place.hook(engine, b'{"member": "1", "delivery": "d"}') == 202
        assert await place.hook(engine, b'{"member": "1", "delivery": "e"}') == 202
        await until(lambda: not place.pair.opens("one", "1"))


async def test_a_webhook_that_can_not_be_followed_stops_nothing(place: Place) -> None:
    """The vendor knows nobody of that name: it is told, and the source is read as ever."""
    place.pair.join("one", "1")
    async with place.running() as engine:
        await until(lambda: place.pair.opens("one", "1"))
        await until(lambda: _asleep(place, "roll"))
        place.pair.join("one", "2")
        assert await place.hook(engine, b'{"member": "nobody"}') == 202
        assert await place.hook(engine, b'{"member": "2"}') == 202
        await until(lambda: place.pair.opens("one", "2"))
        await until(lambda: _asleep(place, "roll"))
        place.pair.join("one", "3")
        place.clock.move(timedelta(minutes=17))
        await until(lambda: place.pair.opens("one", "3"))
        await until(lambda: _asleep(place, "roll"))
    assert "webhook" in await place.log()
    assert await _hints(place) == 0


async def _hints(place: Place) -> int:
    async with place.hub.database.read() as db:
        return int((await db.execute(select(func.count()).select_from(t.hint))).scalar_one())


async def test_the_same_webhook_again_may_tell_of_another_change(place: Place) -> None:
    """Bought and cancelled within a minute, in the same words."""
    async with place.running() as engine:
        await until(lambda: _asleep(place, "roll"))
        place.pair.join("one", "1")
        assert await place.hook(engine, b'{"member": "1"}') == 202
        await until(lambda: place.pair.opens("one", "1"))
        place.pair.join("one", "1", state="revoked")
        assert await place.hook(engine, b'{"member": "1"}') == 202
        await until(lambda: not place.pair.opens("one", "1"))


async def test_any_number_of_webhooks_is_followed_at_once(place: Place) -> None:
    """More than are read in one go."""
    for number in range(620):
        place.pair.join("one", f"{number:03}", state="revoked")
    await sync_now(place.hub, trigger="test")
    for number in range(620):
        place.pair.join("one", f"{number:03}")
    row = await place.hub.connection_row("roll")
    found = [Hint(kind="member", members=(f"{number:03}",)) for number in range(620)]
    async with place.hub.database.write() as db:
        deliveries = [Delivery(row.id, place.hub.the_studio.id, found)]
        await keep(db, deliveries, now=NOW, repeats_within=timedelta(hours=1))
    async with place.running():
        await until(lambda: len(place.pair.grants.get("one", {})) == 620, seconds=30)


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_a_long_read_after_a_webhook_keeps_nobody_else_waiting(place: Place) -> None:
    """What is urgent in one studio holds up no other."""
    await place.add("two")
    for number in range(150):
        place.pair.join("one", f"{number:03}")
    place.pair.join("two", "1", until="2026-11-21T09:16:00Z")
    async with place.running() as engine:
        await until(lambda: place.pair.opens("two", "1") and place.pair.opens("one", "149"))
        await until(lambda: _asleep(place, "roll"))
        place.pair.at_page = asyncio.Event()
        place.clock.move(timedelta(minutes=17))
        assert await place.hook(engine, b'{"member": "001"}') == 202
        await until(lambda: not place.pair.opens("two", "1"))
        place.pair.at_page.set()


async def test_a_queue_that_ends_is_started_again_whatever_ended_it(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or no lane would ever run again."""
    real, ended = LaneQueue.run, []

    async def once(self: LaneQueue, ready: asyncio.Event | None = None) -> None:
        if not ended:
            ended.append(True)
            raise LookupError("nobody thought of this")
        await real(self, ready)

    monkeypatch.setattr(LaneQueue, "run", once)
    place.pair.join("one", "1")
    async with place.running():
        await until(lambda: place.pair.opens("one", "1"))


async def test_a_lock_that_answers_nobody_counts_as_down_however_few_wait(place: Place) -> None:
    """One removal that can't be made is enough to know."""
    place.pair.join("one", "1")
    async with place.running():
        await until(lambda: place.pair.opens("one", "1"))
        await until(lambda: _asleep(place, "roll"))
        place.pair.down = True
        place.pair.join("one", "1", state="revoked")
        place.clock.move(timedelta(minutes=17))
        await until(lambda: _lane_failed(place, "latch"))
        place.pair.down = False
        place.clock.move(timedelta(minutes=17))
        await until(lambda: not place.pair.opens("one", "1"))


async def test_after_a_long_outage_everybody_gets_in_within_minutes(place: Place) -> None:
    """However often it was tried meanwhile."""
    async with place.running():
        await until(lambda: _asleep(place, "roll"))
        await until(lambda: _asleep(place, "latch"))
        place.pair.down = True
        place.pair.join("one", "1")
        place.clock.move(timedelta(minutes=17))
        for _ in range(8):
            token = (await place.lane("latch")).token
            await until(lambda token=token: _worked(place, token))  # type: ignore[misc]
            place.clock.move(timedelta(minutes=40))
        await until(lambda: _asleep(place, "latch"))
        assert (await place.lane("latch")).failures > 4
        place.pair.down = False
        place.clock.move(timedelta(minutes=35))
        await until(lambda: place.pair.opens("one", "1"))


async def _worked(place: Place, token: int) -> bool:
    row = await place.lane("latch")
    return row.token > token and row.lease_owner is None


async def _lane_failed(place: Place, name: str) -> bool:
    return bool((await place.lane(name)).failures)


async def test_a_vendor_that_is_down_is_told_once_and_once_when_it_is_back(place: Place) -> None:
    """Left alone for longer and longer meanwhile, and nobody loses anything."""
    place.pair.join("one", "1")
    async with place.running():
        await until(lambda: _asleep(place, "roll"))
        place.pair.roll_down = True
        pauses = []
        for _ in range(3):
            failures = (await place.lane("roll")).failures
            place.clock.move(timedelta(minutes=31))
            await until(lambda failures=failures: _failed(place, failures))  # type: ignore[misc]
            await until(lambda: _asleep(place, "roll"))
            pauses.append((await place.lane("roll")).wake_at - place.clock.now())
        assert pauses[0] < pauses[1] < pauses[2] < timedelta(minutes=5)
        place.pair.roll_down = False
        place.clock.move(timedelta(minutes=31))
        await until(lambda: _failed(place, -1, exactly=0))
    codes = await place.log()
    assert codes.count("vendor_busy") == 1
    assert codes.count("up") == 1
    assert place.pair.opens("one", "1")


async def _failed(place: Place, more_than: int, *, exactly: int | None = None) -> bool:
    failures = (await place.lane("roll")).failures
    return bool(failures == exactly if exactly is not None else failures > more_than)


async def test_rounds_in_which_nothing_is_new_leave_no_trace(place: Place) -> None:
    """The list of runs says what happened, not that time went by."""
    place.pair.join("one", "1")
    async with place.running():
        await until(lambda: place.pair.opens("one", "1"))
        await until(lambda: _asleep(place, "roll"))
        before = len(await _runs(place))
        for _ in range(3):
            token = (await place.lane("roll")).token
            place.clock.move(timedelta(minutes=17))
            await until(lambda token=token: _ran(place, token))  # type: ignore[misc]
        assert len(await _runs(place)) == before


async def _ran(place: Place, token: int) -> bool:
    row = await place.lane("roll")
    return row.token > token and row.lease_owner is None


async def _runs(place: Place) -> list[Any]:
    async with place.hub.database.read() as db:
        return list(await journal.runs(db, place.hub.the_studio))


@BOTH
async def test_a_lane_whose_process_died_is_run_by_the_next(place: Place) -> None:
    """It was due, somebody took it, and nobody knows what came of it."""
    place.pair.join("one", "1")
    await sync_now(place.hub, trigger="test")
    place.pair.join("one", "2")
    row = await place.hub.connection_row("roll")
    await lanes.take(place.hub.database, row.id, "roll", place.clock, starts=True)
    async with place.hub.database.write() as db:
        await db.execute(update(t.lane).values(full_at=None, lease_owner="elsewhere:1:2:3"))
    async with place.running():
        place.clock.move(lanes.LEASE + timedelta(seconds=1))
        await until(lambda: place.pair.opens("one", "2"))


async def test_stopping_leaves_off_between_two_slices_and_the_next_engine_does_the_rest(place: Place) -> None:
    """Within seconds, with nobody granted twice."""
    for number in range(300):
        place.pair.join("one", f"{number:03}")
    place.pair.latency = 0.02
    async with place.running() as engine:
        await until(lambda: place.pair.calls > 20)
        started = asyncio.get_running_loop().time()
        engine.stop()
    assert asyncio.get_running_loop().time() - started < 3
    assert 20 < len(place.pair.grants["one"]) < 250
    place.pair.latency = 0
    async with place.running():
        await until(lambda: len(place.pair.grants["one"]) == 300)
    assert place.pair.doubles() == []


@pytest.mark.parametrize("database_url", [pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
async def test_studios_of_one_database_never_see_each_other(place: Place) -> None:
    """The same names, the same members, the same webhook secret: what is done for one is done for nobody else."""
    other = await place.add("two")
    place.pair.join("one", "1")
    place.pair.join("two", "1", state="revoked")
    place.pair.join("two", "2")
    async with place.running() as engine:
        await until(lambda: place.pair.opens("one", "1") and place.pair.opens("two", "2"))
        await until(lambda: _asleep(place, "roll"))
        place.pair.join("one", "3")
        place.pair.join("two", "3")
        assert await place.hook(engine, b'{"member": "3"}') == 202
        await until(lambda: place.pair.opens("one", "3"))
        theirs = await other.connection_row("roll")
        async with place.hub.database.write() as db:
            secret = await address_of(db, theirs.id, place.hub.vault)
        assert await place.hook(engine, b"{}", path=f"/hooks/latch/{secret}") == 404
    assert not place.pair.opens("two", "3")
    assert not place.pair.opens("two", "1")
    for hub, members in ((place.hub, {"1", "3"}), (other, {"2"})):
        async with hub.database.read() as db:
            query = select(t.ledger.c.member).where(t.ledger.c.studio_id == hub.the_studio.id)
            assert set((await db.execute(query)).scalars()) == members


async def test_health_readiness_and_numbers_are_served(place: Place) -> None:
    """What a proxy, an orchestrator and a dashboard ask for."""
    place.pair.join("one", "1")
    async with place.running() as engine:
        await until(lambda: place.pair.opens("one", "1"))
        await until(lambda: _asleep(place, "roll"))
        await until(lambda: _asleep(place, "latch"))
        async with AsyncClient(transport=ASGITransport(make_app(engine)), base_url="http://daemon.test") as client:
            assert (await client.get("/healthz")).text == "ok\n"
            assert (await client.get("/readyz")).status_code == 200
            numbers = (await client.get("/metrics")).text
            assert 'studiohub_vendor_calls_total{connection="latch",method="POST",status="201"}' in numbers
            assert 'studiohub_lane_last_success_seconds{connection="roll",studio="one"}' in numbers
            for name in ("lane_lag_seconds", "held_removals", "unconfirmed_removals", "mails_waiting"):
                assert f"studiohub_{name} 0.0" in numbers
            engine.stop()
            ready = await client.get("/readyz")
            assert (ready.status_code, ready.json()["problems"][0]) == (503, "stopping")
