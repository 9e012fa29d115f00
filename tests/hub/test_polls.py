"""Polls: parts of a source on clocks of their own, and what a read of a window may conclude."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from hub import Ability, ConnectionSettings, Plugin, Poll, hookimpl, records
from hub.clock import FrozenClock
from hub.core import Hub, NoProgress, initialise
from hub.engine import lanes
from hub.engine.engine import Engine
from hub.engine.lane_run import windows_of
from hub.engine.source_pass import all_windows, run_source
from hub.errors import RetryLater
from hub.grants import Hint
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.store import tables as t
from hub.studio.importing import import_file
from tests.conftest import BOTH
from tests.hub.test_engine import until

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SOON = Poll(
    name="soon",
    every=timedelta(minutes=5),
    kinds=frozenset({"session", "booking"}),
    before=timedelta(hours=1),
    after=timedelta(hours=48),
)
SLOW = Poll(name="members", every=timedelta(hours=6), kinds=frozenset({"member"}))


@dataclass
class Diary:
    """A booking system in memory. `asked` are the windows that it was read for. `mute`: says nothing about single
    records; `deaf`: takes no address for webhooks."""

    bookings: dict[str, records.Booking] = field(default_factory=dict)
    sessions: dict[str, records.Session] = field(default_factory=dict)
    members: dict[str, records.Member] = field(default_factory=dict)
    asked: list[records.Window] = field(default_factory=list)
    subscribed: list[str] = field(default_factory=list)
    deaf: bool = False
    mute: bool = False

    def book(self, key: str, *, hours: float, session: str | None = None) -> None:
        """A booking that begins so many hours from the start of the test; of a session it has the session's times."""
        starts = NOW + timedelta(hours=hours)
        times = {} if session else {"starts_at": starts, "ends_at": starts + timedelta(hours=1)}
        self.bookings[key] = records.Booking(
            id=key,
            member_id="1",
            session_id=session,
            resource_id=None if session else "r",
            state=records.BookingState.CONFIRMED,
            **times,
        )

    def plugin(self) -> Any:
        """The plugin of this diary."""
        diary = self

        class Module:
            @staticmethod
            @hookimpl
            def describe() -> Plugin:
                return Plugin(
                    name="diary",
                    title="Diary",
                    kind="booking",
                    settings=ConnectionSettings,
                    abilities=frozenset({Ability.WEBHOOKS}),
                    polls=(SOON, SLOW),
                )

            @staticmethod
            @hookimpl
            async def read_records(connection: Any, window: records.Window) -> AsyncIterator[Any]:
                diary.asked.append(window)
                if window.ids is not None and diary.mute:
                    return
                if window.ids is not None:
                    for kind, key in sorted(window.ids):
                        known = getattr(diary, f"{kind}s").get(key)
                        yield records.Page(kind, [known]) if known else records.Page(kind, gone=[key])
                    return
                assert window.kinds is not None
                if "member" in window.kinds:
                    yield records.Page("member", list(diary.members.values()))
                for kind in sorted(window.kinds & {"session", "booking"}):
                    found = [row for row in getattr(diary, f"{kind}s").values() if diary.inside(row, window)]
                    yield records.Page(kind, found)
                yield records.Complete(window.kinds)

            @staticmethod
            @hookimpl
            async def subscribe_webhooks(connection: Any, address: str, secret: str) -> None:
                if diary.deaf:
                    raise RetryLater("not now")
                assert secret in address
                diary.subscribed.append(address)

        return Module

    def inside(self, row: Any, window: records.Window) -> bool:
        """Whether a window shows it."""
        timed = row if row.starts_at is not None else self.sessions[row.session_id]
        return bool(timed.starts_at < window.ends_at and timed.ends_at > window.starts_at)


@dataclass
class Place:
    hub: Hub
    diary: Diary
    clock: FrozenClock

    async def read(self, *names: str) -> None:
        """Read these polls (all of them where none is named)."""
        row = await self.hub.connection_row("diary")
        plugin = self.hub.plugins["diary"]
        windows = dict(zip([poll.name for poll in plugin.polls], all_windows(plugin, self.clock.now()), strict=True))
        async with lanes.holding(self.hub.database, row.id, row.name, self.clock) as lease:
            run = await run_source(
                self.hub,
                row,
                lease=lease,
                trigger="test",
                progress=NoProgress(),
                windows=[windows[name] for name in names] if names else None,
            )
        assert run.error is None, run.error

    async def standing(self, kind: str = "booking") -> set[str]:
        """The ids of the records that are not gone."""
        r = t.record.c
        async with self.hub.database.read() as db:
            return set((await db.execute(select(r.record_id).where(r.kind == kind, r.deleted_at.is_(None)))).scalars())


@pytest.fixture
async def place(tmp_path: Path, database_url: str | None) -> AsyncIterator[Place]:
    diary, clock, plugins = Diary(), FrozenClock(NOW), Plugins()
    plugins.register(diary.plugin())
    options: dict[str, Any] = {
        "home": tmp_path / "home",
        "key": None,
        "database_url": database_url,
        "public_url": "https://hub.example",
    }
    settings = HubSettings(**options)
    await initialise(settings)
    async with Hub.open(settings, plugins=plugins, clock=clock) as hub:
        file = tmp_path / "studio.toml"
        file.write_text('[studio]\nname = "N"\ntimezone = "UTC"\n[[connections]]\nname = "diary"\nplugin = "diary"\n')
        await import_file(hub, file, who="test")
        diary.members["1"] = records.Member(id="1", given_name="A", family_name="B")
        yield Place(hub, diary, clock)


@BOTH
async def test_a_window_takes_nothing_for_gone_that_lies_outside_of_it(place: Place) -> None:
    """Neither later bookings nor what was yesterday; what lies inside and is missing is gone, and what reaches into it
    where the source says so when it is asked about that one."""
    for key, hours in (("past", -30), ("edge", -1.5), ("now", 1), ("tomorrow", 20), ("later", 90)):
        place.diary.book(key, hours=hours)
    wide = records.Window(
        kinds=frozenset({"booking"}), starts_at=NOW - timedelta(days=9), ends_at=NOW + timedelta(days=9)
    )
    row = await place.hub.connection_row("diary")
    async with lanes.holding(place.hub.database, row.id, row.name, place.clock) as lease:
        await run_source(place.hub, row, lease=lease, trigger="test", progress=NoProgress(), windows=[wide])
    assert await place.standing() == {"past", "edge", "now", "tomorrow", "later"}
    for key in ("past", "edge", "tomorrow", "later"):
        del place.diary.bookings[key]
    await place.read("soon")
    assert await place.standing() == {"past", "now", "later"}


@BOTH
async def test_a_booking_that_moved_out_of_the_window_is_not_gone(place: Place) -> None:
    """What the window no longer shows is asked for by its id before anything is concluded."""
    place.diary.book("moves", hours=2)
    place.diary.book("goes", hours=3)
    place.diary.book("stays", hours=4)
    await place.read("soon")
    place.diary.book("moves", hours=200)
    del place.diary.bookings["goes"]
    await place.read("soon")
    assert await place.standing() == {"moves", "stays"}
    assert place.diary.asked[-1].ids == {("booking", "moves"), ("booking", "goes")}


@BOTH
async def test_a_booking_of_a_session_lies_where_the_session_lies(place: Place) -> None:
    """It has no times of its own."""
    for key, hours in (("a", 2), ("b", 100)):
        starts = NOW + timedelta(hours=hours)
        place.diary.sessions[key] = records.Session(
            id=key, name=key, starts_at=starts, ends_at=starts + timedelta(hours=1)
        )
        place.diary.book(f"in-{key}", hours=0, session=key)
    wide = records.Window(
        kinds=frozenset({"booking", "session"}), starts_at=NOW - timedelta(days=9), ends_at=NOW + timedelta(days=9)
    )
    row = await place.hub.connection_row("diary")
    async with lanes.holding(place.hub.database, row.id, row.name, place.clock) as lease:
        await run_source(place.hub, row, lease=lease, trigger="test", progress=NoProgress(), windows=[wide])
    place.diary.bookings.clear()
    place.diary.book("other", hours=5)
    await place.read("soon")
    assert await place.standing() == {"in-b", "other"}


async def test_many_bookings_that_are_suddenly_none_are_refused(place: Place) -> None:
    """A window without bookings is nothing unusual; one that had many and has none is."""
    for number in range(8):
        place.diary.book(str(number), hours=1 + number)
    await place.read("soon")
    place.diary.bookings.clear()
    place.diary.mute = True
    await place.read("soon")
    assert len(await place.standing()) == 8
    place.diary.mute = False
    await place.read("soon")
    assert await place.standing() == set(), "asked about each, the source says itself that they are gone"


def test_a_hint_is_followed_with_as_little_reading_as_it_allows() -> None:
    """Named records and members at once; a kind of which nothing is named only within the times of its poll."""
    named = Hint(kind="booking", ids=("b",), members=("m",))
    vague, unknown = Hint(kind="session"), Hint(kind="location")
    plugin = Plugin(name="p", title="P", kind="booking", settings=ConnectionSettings, polls=(SOON, SLOW))
    exact, sessions, rest = windows_of([named, vague, unknown], plugin, NOW)
    assert (exact.ids, exact.members) == ({("booking", "b")}, {"m"})
    assert (sessions.kinds, sessions.ends_at) == ({"session"}, NOW + timedelta(hours=48))
    assert (rest.kinds, rest.limited, rest.narrow) == ({"location"}, False, False)
    assert windows_of([named], plugin, NOW) == [exact]


async def test_each_poll_is_read_when_its_own_time_has_come(place: Place) -> None:
    """The members, which take long, every six hours; what begins soon, every five minutes."""
    hub = place.hub
    engine = Engine(hub.settings, hub.database, hub.vault, hub.plugins, place.clock)
    task = asyncio.create_task(engine.run())
    try:
        await until(lambda: len(place.diary.asked) == 2)
        await until(lambda: _asleep(place))
        place.diary.asked.clear()
        place.clock.move(timedelta(minutes=7))
        await until(lambda: len(place.diary.asked) == 1)
        assert place.diary.asked[0].kinds == SOON.kinds
        assert place.diary.asked[0].ends_at == place.clock.now() + timedelta(hours=48)
        await until(lambda: _asleep(place))
        place.clock.move(timedelta(hours=7))
        await until(lambda: len(place.diary.asked) == 3)
    finally:
        engine.stop()
        await task


async def _asleep(place: Place) -> bool:
    async with place.hub.database.read() as db:
        row = (await db.execute(select(t.lane))).one()
    return row.lease_owner is None and row.wake_at > place.clock.now()


async def test_the_vendor_is_told_once_a_day_where_to_send_its_webhooks(place: Place) -> None:
    """And somebody hears of it where it can't be."""
    hub = place.hub
    place.diary.deaf = True
    engine = Engine(hub.settings, hub.database, hub.vault, hub.plugins, place.clock)
    task = asyncio.create_task(engine.run())
    try:
        await until(lambda: _open(place, "webhooks_off"))
        place.diary.deaf = False
        place.clock.move(timedelta(minutes=7))
        await until(lambda: len(place.diary.subscribed) == 1)
        await until(lambda: _asleep(place))
        assert not await _open(place, "webhooks_off")
        assert place.diary.subscribed[0].startswith("https://hub.example/hooks/diary/")
        place.clock.move(timedelta(minutes=7))
        await until(lambda: len(place.diary.asked) >= 4)
        await until(lambda: _asleep(place))
        assert len(place.diary.subscribed) == 1
        place.clock.move(timedelta(hours=25))
        await until(lambda: len(place.diary.subscribed) == 2)
    finally:
        engine.stop()
        await task


async def _open(place: Place, code: str) -> bool:
    i = t.inbox.c
    async with place.hub.database.read() as db:
        return (await db.execute(select(i.id).where(i.code == code, i.solved_at.is_(None)))).first() is not None
