"""Whatever happens, it ends well: a state machine over members, faults, crashes and time.

The oracle is independent of the hub: it reads the desk's tables and the clock and says who should be able to open the
door. After the faults stop and a few syncs, the vendor's own answer has to agree, nobody stands there twice, nobody
made by hand was touched, and there is nothing left to do.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import stamina
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sqlalchemy import update

from hub.store import tables as t
from tests.crashing import Crash, dying
from tests.harness import World, badge_of, make_world

MEMBERS = [str(number) for number in range(12)]
members = st.sampled_from(MEMBERS)
FAULTS = (
    "status=503,every=5",
    "status=503,when=after,every=4",
    "drop_after_write,every=3",
    "drop_before_write,every=4",
    "status=429,every=6",
    "half_page,every=2",
    "cut_body,every=5",
    "garbage,every=7",
    "outage",
)


class Machine(RuleBasedStateMachine):
    """Members come, go, change badges and passes, while the vendor misbehaves and the hub crashes."""

    def __init__(self) -> None:
        super().__init__()
        stamina.set_testing(True, attempts=3)
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.patch = pytest.MonkeyPatch()
        self.world: World = self.runner.run(self._open())
        self.by_hand: dict[str, Any] = {}

    async def _open(self) -> World:
        # The limits are out of the way here: that holding loses nothing has its own rule.
        world = make_world(self.folder, self.patch, hold_count=1000)
        return await self.stack.enter_async_context(world)

    def teardown(self) -> None:
        try:
            self._settle()
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()
            self.patch.undo()
            shutil.rmtree(self.folder)

    # ── what happens at the studio ────────────────────────────────────────────────────────────────────────────────

    @initialize()
    def somebody_works_there(self) -> None:
        person = self.world.exivo.add_by_hand(firstName="Staff", lastName="Only", badge="D00D")
        self.by_hand = dict(self.world.exivo.world.persons[person["id"]])

    @rule(member=members, sauna=st.booleans(), days=st.integers(-2, 40), badge=st.booleans())
    def joins(self, member: str, sauna: bool, days: int, badge: bool) -> None:
        until = (self.world.clock.now() + timedelta(days=days)).date().isoformat()
        known = {row["id"] for row in self.world.desk.members}
        if member in known:
            self.world.sell(member, pass_id="abo-sauna" if sauna else "abo", valid_until=until)
        else:
            self.world.join(
                member,
                pass_id="abo-sauna" if sauna else "abo",
                valid_until=until,
                badge="auto" if badge else None,
            )

    @rule(member=members)
    def passes_vanish(self, member: str) -> None:
        self.world.drop_pass(member)

    @rule(member=members, state=st.sampled_from(["ended", "frozen", "active"]))
    def passes_change_state(self, member: str, state: str) -> None:
        for row in self.world.desk.member_passes:
            if row["member_id"] == member:
                row["state"] = state  # type: ignore[index]

    @rule(member=members, have=st.booleans())
    def badge_comes_or_goes(self, member: str, have: bool) -> None:
        self.world.desk.badges = [row for row in self.world.desk.badges if row["member_id"] != member]
        if have:
            self.world.desk.badges.append({"member_id": member, "number": badge_of(member)})

    @rule(hours=st.integers(1, 30))
    def time_passes(self, hours: int) -> None:
        self.world.clock.move(timedelta(hours=hours))

    # ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────

    @rule(fault=st.sampled_from(FAULTS))
    def vendor_misbehaves(self, fault: str) -> None:
        self.world.exivo.faults.clear()
        self.world.exivo.faults.set(fault)

    @rule()
    def vendor_behaves(self) -> None:
        self.world.exivo.faults.clear()

    # ── what the hub does ─────────────────────────────────────────────────────────────────────────────────────────

    @rule(complete=st.booleans())
    def syncs(self, complete: bool) -> None:
        self.runner.run(self.world.sync(complete=complete))

    @rule(after=st.integers(1, 6), where=st.sampled_from(["call", "answer"]))
    def syncs_and_crashes(self, after: int, where: str) -> None:
        """The process dies before or after the n-th grant reached the vendor, with nothing written about it."""
        try:
            with dying("_one", after=after, where=where):
                self.runner.run(self.world.sync())
        except Crash:
            self.runner.run(self._leave_the_lanes_as_a_dead_process_does())

    async def _leave_the_lanes_as_a_dead_process_does(self) -> None:
        async with self.world.hub.database.write() as db:
            later = self.world.clock.now() + timedelta(seconds=15)
            await db.execute(update(t.lane).values(lease_owner="elsewhere:1:1:0", lease_until=later))
        self.world.clock.move(timedelta(seconds=20))

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def nobody_made_by_hand_was_touched(self) -> None:
        if self.by_hand:
            assert self.world.exivo.world.persons[self.by_hand["id"]] == self.by_hand

    @invariant()
    def nobody_stands_there_twice(self) -> None:
        markers = [person["info"] for person in self.world.ours()]
        assert len(markers) == len(set(markers))

    @precondition(lambda self: True)
    @rule()
    def settles(self) -> None:
        self._settle()

    def _settle(self) -> None:
        self.world.exivo.faults.clear()
        # The source never forgets everybody at once: that would be refused, which other tests are about.
        if not self.world.desk.member_passes:
            self.world.join("last", badge=None)
        for _ in range(4):
            self.runner.run(self.world.sync())
        refused = {item["subject"] for item in self.runner.run(self.world.inbox()) if item["code"] == "source_empty"}
        if refused:
            return
        should = self._should_open()
        does = {member for member in [*MEMBERS, "last"] if self.world.opens(member)}
        assert does == should
        plan = self.runner.run(self.world.plan())
        assert plan.to_do == []
        assert self.nobody_stands_there_twice() is None

    def _should_open(self) -> set[str]:
        zone = ZoneInfo("Europe/Zurich")
        today = self.world.clock.now().astimezone(zone).date().isoformat()
        with_badge = {row["member_id"] for row in self.world.desk.badges}
        return {
            row["member_id"]
            for row in self.world.desk.member_passes
            if row["state"] == "active" and row["member_id"] in with_badge and today <= row["valid_until"]
        }


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None, derandomize=True)


class HoldMachine(RuleBasedStateMachine):
    """Held removals: as long as more vanishes than is allowed, nobody loses anything."""

    def __init__(self) -> None:
        super().__init__()
        stamina.set_testing(True, attempts=3)
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.patch = pytest.MonkeyPatch()
        self.world: World = self.runner.run(self._open())
        self.gone: set[str] = set()

    async def _open(self) -> World:
        world = await self.stack.enter_async_context(make_world(self.folder, self.patch, hold_count=3))
        for number in range(20):
            world.join(str(number))
        await world.sync()
        return world

    def teardown(self) -> None:
        self.runner.run(self.stack.aclose())
        self.runner.close()
        self.patch.undo()
        shutil.rmtree(self.folder)

    @rule(numbers=st.sets(st.integers(0, 19), min_size=4, max_size=12))
    def many_vanish_and_come_back(self, numbers: set[int]) -> None:
        kept = list(self.world.desk.member_passes)
        vanished = {str(number) for number in numbers}
        self.world.drop_pass(*vanished)
        result = self.runner.run(self.world.sync())
        assert result.targets[0].held == len(vanished)
        assert all(self.world.opens(str(number)) for number in range(20))
        self.world.desk.member_passes = kept
        assert self.runner.run(self.world.sync()).exit_code == 0

    @rule(number=st.integers(0, 19), hours=st.integers(0, 20))
    def others_go_on(self, number: int, hours: int) -> None:
        self.world.clock.move(timedelta(hours=hours))
        key = f"new-{number}-{len(self.world.desk.members)}"
        self.world.join(key)
        self.runner.run(self.world.sync())
        assert self.world.opens(key)


TestHoldMachine = HoldMachine.TestCase
TestHoldMachine.settings = settings(max_examples=8, stateful_step_count=8, deadline=None, derandomize=True)
