"""A day of bookings ends with exactly the codes that the bookings say, whatever Nuki, the locks, staff and the network
did in between. What is right is worked out here from the desk's table alone."""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections import defaultdict
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import stamina
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import update

from hub.engine.sync import plan_now
from hub.store import tables as t
from plugins.nuki.simulator import API_TOKEN
from tests.crashing import Crash, dying
from tests.plugins.nuki.support import FRONT, NOW, SAUNA, STUDIO1, Studio, open_studio

SOAK = int(os.environ.get("NUKI_DAY_SOAK", "0"))
"""So many examples instead of a few, each twice as long."""
QUARTER = timedelta(minutes=15)
RULES = {"r-1": ((FRONT, STUDIO1), QUARTER), "r-2": ((SAUNA,), timedelta(0))}
FAULTS = (
    "status=503,every=3",
    "status=503,when=after,every=3",
    "status=429,every=4",
    "drop_after_write,every=2",
    "drop_before_write,every=2",
    "half_page,every=2",
    "cut_body,every=4",
    "garbage,every=5",
    "stale_reads=2",
    "outage",
    "outage=drop",
    "late=0",
    "late=90",
    "lost,every=2",
    "busy,every=2",
    "room=4",
    "ghost_delete",
    "leftover_code",
    "hidden_codes",
    "no_webhooks",
    "not_paid",
)
MEMBERS = ("m0", "m1", "m2")
whichever = st.integers(0, 10_000)

Window = tuple[str, tuple[str, ...], datetime, datetime]


class Machine(RuleBasedStateMachine):
    """Bookings come, move, grow and are cancelled; webhooks are lost; the hub dies in the middle of its work."""

    def __init__(self) -> None:
        super().__init__()
        stamina.set_testing(True, attempts=3)
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.patch = pytest.MonkeyPatch()
        self.opened: Studio | None = None
        self.by_hand: list[dict[str, Any]] = []

    @property
    def day(self) -> Studio:
        assert self.opened is not None
        return self.opened

    @initialize()
    def the_day_begins(self) -> None:
        self.opened = self.runner.run(self.stack.enter_async_context(open_studio(self.folder, self.patch)))
        self.by_hand = self.day.by_hand()

    def teardown(self) -> None:
        try:
            if self.opened is not None:
                self.runner.run(self._settle())
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()
            self.patch.undo()
            shutil.rmtree(self.folder)

    # ── at the desk ───────────────────────────────────────────────────────────────────────────────────────────────

    @rule(member=st.sampled_from(MEMBERS), resource=st.sampled_from(sorted(RULES)), quarter=st.integers(-4, 40))
    def somebody_books(self, member: str, resource: str, quarter: int) -> None:
        number = len(self.day.desk.bookings)
        self.day.book(f"b{number}", member, self._at(quarter), minutes=45 + number % 3 * 30, resource=resource)

    @precondition(lambda self: self.day.desk.bookings)
    @rule(which=whichever, quarter=st.integers(-4, 40))
    def a_booking_is_moved(self, which: int, quarter: int) -> None:
        booking = self._one(which)
        length = booking["ends_at"] - booking["starts_at"]
        booking |= {"starts_at": self._at(quarter), "ends_at": self._at(quarter) + length}

    @precondition(lambda self: self.day.desk.bookings)
    @rule(which=whichever)
    def a_booking_grows(self, which: int) -> None:
        booking = self._one(which)
        booking["ends_at"] += QUARTER

    @precondition(lambda self: self.day.desk.bookings)
    @rule(which=whichever, state=st.sampled_from(["cancelled", "confirmed"]))
    def a_booking_is_cancelled_or_restored(self, which: int, state: str) -> None:
        self._one(which)["state"] = state

    def _at(self, quarter: int) -> datetime:
        now = self.day.clock.now()
        return now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) + quarter * QUARTER

    def _one(self, which: int) -> dict[str, Any]:
        every = self.day.desk.bookings
        found = every[which % len(every)]
        assert isinstance(found, dict)
        return found

    # ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────

    @rule(fault=st.sampled_from(FAULTS))
    def nuki_misbehaves(self, fault: str) -> None:
        self.day.nuki.faults.clear()
        self.day.nuki.faults.set(fault)

    @rule()
    def nuki_behaves(self) -> None:
        self.day.nuki.faults.clear()

    @rule(lock=st.sampled_from([FRONT, STUDIO1, SAUNA]), state=st.sampled_from([0, 4]))
    def a_lock_comes_or_goes(self, lock: str, state: int) -> None:
        self.day.nuki.set_server_state(lock, state)

    @precondition(lambda self: self.day.ours())
    @rule(which=whichever, how=st.sampled_from(["delete", "unlimited", "off"]))
    def staff_spoil_a_code_of_ours(self, which: int, how: str) -> None:
        every = self.day.ours()
        row = every[which % len(every)]
        if how == "delete":
            self.day.nuki._do_delete({"auth": row["id"]})
            return
        spoilt = {"enabled": False} if how == "off" else {"allowedFromDate": None, "allowedUntilDate": None}
        self.day.nuki.world.auths[row["id"]] = {**row, **spoilt}

    @rule(after=st.integers(1, 4), where=st.sampled_from(["call", "answer"]), all_of_it=st.booleans())
    def the_process_dies(self, after: int, where: str, all_of_it: bool) -> None:
        """Before or after the n-th visit reached Nuki, with nothing written about it, and nothing remembered."""
        try:
            with dying("_one_visit", after=after, where=where):
                self.runner.run(self.day.sync() if all_of_it else self.day.lanes())
        except Crash:
            self.runner.run(self._gone())

    async def _gone(self) -> None:
        async with self.day.hub.database.write() as db:
            later = self.day.clock.now() + timedelta(seconds=15)
            await db.execute(update(t.lane).values(lease_owner="elsewhere:1:1:0", lease_until=later))
        for hub in (self.day.hub, *self.day.engine._studios.values()):
            await hub.close_connections()
        self.day.clock.move(timedelta(seconds=20))

    # ── what goes on ──────────────────────────────────────────────────────────────────────────────────────────────

    @rule(minutes=st.sampled_from([1, 3, 16, 60, 150]))
    def time_passes(self, minutes: int) -> None:
        self.day.clock.move(timedelta(minutes=minutes))

    @rule()
    def the_daemon_works(self) -> None:
        self.runner.run(self.day.lanes())

    @rule()
    def somebody_syncs(self) -> None:
        self.runner.run(self.day.sync())

    @rule(lose=st.booleans())
    def webhooks_come(self, lose: bool) -> None:
        if lose:
            assert self.day.nuki.webhooks is not None
            self.day.nuki.webhooks.waiting.clear()
        # One whose secret was lost with an answer is refused until it is made anew.
        assert set(self.runner.run(self.day.webhooks())) <= {202, 401}

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def what_staff_made_is_untouched(self) -> None:
        if self.opened is not None:
            assert self.day.by_hand() == self.by_hand

    @invariant()
    def every_code_of_ours_is_limited_as_it_was_asked_for(self) -> None:
        """Unless staff spoilt it: the hub itself never sends half a window."""
        if self.opened is not None:
            for job in self.day.nuki.world.jobs.values():
                if job["what"] in {"create", "change"}:
                    assert job["fields"]["allowedFromDate"]
                    assert job["fields"]["allowedUntilDate"]

    @invariant()
    def a_removed_grant_opens_nothing(self) -> None:
        if self.opened is not None:
            self.runner.run(self._removed_is_removed())

    async def _removed_is_removed(self) -> None:
        async with self.day.hub.database.read() as db:
            rows = (await db.execute(t.ledger.select().where(t.ledger.c.state == "removed"))).all()
        gone = {row.vendor_id for row in rows if row.valid_until is not None and row.valid_until > self.day.clock.now()}
        still = {row["name"].partition("~")[2] for row in self.day.ours()} & gone
        late = {job["fields"].get("name", "").partition("~")[2] for job in self.day.nuki.world.jobs.values()}
        assert not still - late, "said to be removed, and stands there"

    async def _settle(self) -> None:
        """Everything is well again; the daemon goes on for a while by itself."""
        self.day.nuki.faults.clear()
        for lock in (FRONT, STUDIO1, SAUNA):
            self.day.nuki.set_server_state(lock, 0)
        for _ in range(12):
            await self.day.passes(minutes=11)
        for _ in range(2):
            self.day.clock.move(timedelta(minutes=3))
            await self.day.sync()
        for _ in range(3):
            await self.day.passes(minutes=3)
        # A code whose window has just ended may still be on its way out: it opens nothing.
        now = self.day.clock.now()
        every = await self.day.grants()
        grants = [grant for grant in every if grant.valid_until is not None and grant.valid_until > now]
        grants = [grant for grant in grants if grant.status != "removed"]
        odd = [(grant.status, grant.valid_from, grant.valid_until, grant.error) for grant in grants]
        assert {grant.status for grant in grants} <= {"created"}, odd
        assert _standing(self.day, grants) == _wanted(self.day)
        for grant in grants:
            assert grant.valid_until is not None
            for lock in grant.opens["locks"]:
                assert self.day.nuki.code_opens(grant.code or "", lock, grant.valid_until - timedelta(seconds=1))
        _, [plan], errors = await plan_now(self.day.hub)
        assert not errors
        left = [change for change in plan.changes if change.valid_until is None or change.valid_until > now]
        assert not left, left
        assert self.day.by_hand() == self.by_hand
        assert API_TOKEN not in str(await self.day.inbox())


def _standing(day: Studio, grants: list[Any]) -> set[Window]:
    """Who can open what, when, by what the locks hold: one code at each lock."""
    whose = {grant.vendor_id: grant for grant in grants}
    found: set[Window] = set()
    seen: dict[str, list[str]] = defaultdict(list)
    for row in day.ours():
        tag = row["name"].partition("~")[2]
        ends = datetime.fromisoformat(row["allowedUntilDate"])
        assert str(row["smartlockId"]) not in seen[tag], "twice at one lock"
        seen[tag].append(str(row["smartlockId"]))
        if ends <= day.clock.now():
            continue
        assert row["enabled"]
        starts = datetime.fromisoformat(row["allowedFromDate"])
        assert tag in whose, "a code that no grant stands for"
        found.add((whose[tag].member, tuple(sorted(whose[tag].opens["locks"])), starts, ends))
    for tag, locks in seen.items():
        if tag in whose:
            assert sorted(locks) == sorted(whose[tag].opens["locks"])
    return found


def _wanted(day: Studio) -> set[Window]:
    """The same by what is booked: windows that touch are one."""
    spans: dict[tuple[str, tuple[str, ...]], list[tuple[datetime, datetime]]] = defaultdict(list)
    for booking in day.desk.bookings:
        locks, around = RULES[booking["resource_id"]]
        if booking["state"] == "confirmed":
            window = (booking["starts_at"] - around, booking["ends_at"] + around)
            spans[f"desk:{booking['member_id']}", locks].append(window)
    found: set[Window] = set()
    for (member, locks), windows in spans.items():
        merged: list[tuple[datetime, datetime]] = []
        for starts, ends in sorted(windows):
            if merged and starts <= merged[-1][1]:
                merged[-1] = (merged[-1][0], max(merged[-1][1], ends))
            else:
                merged.append((starts, ends))
        found |= {(member, tuple(sorted(locks)), starts, ends) for starts, ends in merged if ends > day.clock.now()}
    return found


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=SOAK or 12,
    stateful_step_count=50 if SOAK else 25,
    deadline=None,
    derandomize=not SOAK,
    suppress_health_check=list(HealthCheck),
    # A run that fails is told as it was: making it smaller takes many times as long as finding it.
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)


def test_the_day_is_one_of_bookings() -> None:
    """The oracle knows what two bookings that touch come to."""
    day: Any = type("Day", (), {})()
    day.clock = type("Clock", (), {"now": staticmethod(lambda: NOW)})()
    day.desk = type("Desk", (), {})()
    booking = {"member_id": "m", "resource_id": "r-2", "state": "confirmed"}
    hours = [NOW + timedelta(hours=number) for number in range(4)]
    day.desk.bookings = [
        {**booking, "starts_at": hours[0], "ends_at": hours[1]},
        {**booking, "starts_at": hours[1], "ends_at": hours[2]},
    ]
    assert _wanted(day) == {("desk:m", (SAUNA,), hours[0], hours[2])}
