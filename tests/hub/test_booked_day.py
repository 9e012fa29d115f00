"""A day of bookings ends with exactly the visits that the bookings say, whatever happened in between."""

from __future__ import annotations

import asyncio
import random
import shutil
import tempfile
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import stamina
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from tests.booked import RULES, SOAK, BookedDay, open_day
from tests.crashing import Crash, dying

EVENINGS = {
    "the hour that is not there": datetime(2027, 3, 27, 22, 0, tzinfo=UTC),
    "the hour that is there twice": datetime(2026, 10, 24, 21, 0, tzinfo=UTC),
    "a day like any other": datetime(2026, 11, 21, 6, 0, tzinfo=UTC),
}
QUARTER = timedelta(minutes=15)

LOCK_FAULTS = (
    "status=503,every=3",
    "status=503,when=after,every=3",
    "status=429,every=4",
    "drop_after_write,every=2",
    "drop_before_write,every=2",
    "status=400,operation=delegateUnlockDoor,every=3",
    "half_page,every=2",
    "cut_body,every=4",
    "garbage,every=5",
    "slow=4,every=3",
    "stale_reads=2",
    "outage",
    "outage=drop",
    "refuse_past_valid_from",
    "masked_codes",
    "link_absent",
    "unique_codes",
)
DESK_FAULTS = (
    "status=503,every=3",
    "half_page,every=2",
    "cut_body,every=4",
    "garbage,every=6",
    "slow=4,every=3",
    "flat_pages",
    "no_page_info",
    "unsorted",
    "outage",
    "outage=drop",
)

MEMBERS = ("m0", "m1", "m2", "m3")
members = st.sampled_from(MEMBERS)
resources = st.sampled_from([*RULES, "r-5"])
whichever = st.integers(0, 10_000)
quarters = st.integers(-6, 48)


class Machine(RuleBasedStateMachine):
    """Bookings come, move, grow, shrink, change hands, go and come back; webhooks are lost, doubled and late; both
    vendors misbehave; the hub dies in the middle of its work; the clock goes on, over the change of the clocks too."""

    def __init__(self) -> None:
        super().__init__()
        stamina.set_testing(True, attempts=3)
        self.folder = Path(tempfile.mkdtemp())
        self.runner = asyncio.Runner()
        self.stack = AsyncExitStack()
        self.patch = pytest.MonkeyPatch()
        self.opened: BookedDay | None = None
        self.by_itself = False

    @property
    def day(self) -> BookedDay:
        assert self.opened is not None
        return self.opened

    @initialize(evening=st.sampled_from(sorted(EVENINGS)), by_itself=st.booleans())
    def the_day_begins(self, evening: str, by_itself: bool) -> None:
        self.by_itself = by_itself
        opening = open_day(self.folder, self.patch, at=EVENINGS[evening], members=MEMBERS[:2])
        self.opened = self.runner.run(self.stack.enter_async_context(opening))

    def teardown(self) -> None:
        try:
            if self.opened is not None:
                self.runner.run(self.day.settle(by_itself=self.by_itself))
        finally:
            self.runner.run(self.stack.aclose())
            self.runner.close()
            self.patch.undo()
            shutil.rmtree(self.folder)

    # ── at the desk ───────────────────────────────────────────────────────────────────────────────────────────────

    def _at(self, quarter: int) -> datetime:
        now = self.day.clock.now()
        return now.replace(minute=now.minute // 15 * 15, second=0, microsecond=0) + quarter * QUARTER

    def _one(self, which: int) -> str:
        every = self.day.bookings
        return every[which % len(every)]

    @rule(wanted=st.lists(st.tuples(members, resources, quarters, st.integers(1, 12)), min_size=1, max_size=8))
    def members_book(self, wanted: list[tuple[str, str, int, int]]) -> None:
        for member, resource, quarter, length in wanted:
            self.day.book(member, resource, self._at(quarter), 15 * length)

    @precondition(lambda self: self.day.bookings)
    @rule(which=whichever, quarter=quarters)
    def a_booking_is_moved(self, which: int, quarter: int) -> None:
        starts, ends = self.day.times(self._one(which))
        to = self._at(quarter)
        self.day.change(self._one(which), starts_at=to, ends_at=to + (ends - starts))

    @precondition(lambda self: self.day.bookings)
    @rule(which=whichever, before=st.integers(-3, 3), after=st.integers(-3, 4))
    def a_booking_grows_or_shrinks(self, which: int, before: int, after: int) -> None:
        starts, ends = self.day.times(self._one(which))
        starts, ends = starts - before * QUARTER, ends + after * QUARTER
        self.day.change(self._one(which), starts_at=starts, ends_at=max(ends, starts + QUARTER))

    @precondition(lambda self: self.day.bookings)
    @rule(which=whichever, cancelled=st.booleans())
    def a_booking_is_cancelled_or_restored(self, which: int, cancelled: bool) -> None:
        self.day.change(self._one(which), canceled_at="2026-01-01T00:00:00Z" if cancelled else None)

    @precondition(lambda self: self.day.bookings)
    @rule(which=whichever, status=st.sampled_from(["requested", "accepted"]))
    def a_booking_is_accepted_or_not_yet(self, which: int, status: str) -> None:
        self.day.change(self._one(which), status=status)

    @precondition(lambda self: self.day.bookings)
    @rule(which=whichever, member=members)
    def a_booking_goes_to_another_member(self, which: int, member: str) -> None:
        if member in self.day.anny.world.customers:
            self.day.change(self._one(which), customer_id=member)

    @precondition(lambda self: self.day.bookings)
    @rule(which=whichever, resource=resources)
    def a_booking_goes_to_another_room(self, which: int, resource: str) -> None:
        self.day.change(self._one(which), resource_id=resource)

    @precondition(lambda self: self.day.bookings)
    @rule(which=whichever)
    def a_booking_is_deleted(self, which: int) -> None:
        self.day.delete(self._one(which))

    # ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────

    @precondition(lambda self: self.day.deliveries)
    @rule(which=whichever, again=st.booleans())
    def a_webhook_arrives(self, which: int, again: bool) -> None:
        """Whichever comes first; `again`: it will come once more."""
        number = which % len(self.day.deliveries)
        delivery = self.day.deliveries[number]
        if not again:
            del self.day.deliveries[number]
        assert self.runner.run(self.day.deliver(delivery)) == 202

    @precondition(lambda self: self.day.deliveries)
    @rule()
    def every_webhook_arrives(self) -> None:
        for delivery in self.day.deliveries:
            assert self.runner.run(self.day.deliver(delivery)) == 202
        self.day.deliveries.clear()

    @precondition(lambda self: self.day.deliveries)
    @rule(which=whichever)
    def a_webhook_is_lost(self, which: int) -> None:
        self.day.lose(self.day.deliveries.pop(which % len(self.day.deliveries)))

    # ── what goes wrong ───────────────────────────────────────────────────────────────────────────────────────────

    @rule(fault=st.sampled_from(LOCK_FAULTS))
    def the_doors_misbehave(self, fault: str) -> None:
        self.day.exivo.faults.clear()
        self.day.exivo.faults.set(fault)

    @rule(fault=st.sampled_from(DESK_FAULTS))
    def the_desk_misbehaves(self, fault: str) -> None:
        self.day.anny.faults.clear()
        self.day.anny.faults.set(fault)

    @rule()
    def both_behave(self) -> None:
        self.day.exivo.faults.clear()
        self.day.anny.faults.clear()

    @rule(after=st.integers(1, 5), where=st.sampled_from(["call", "answer"]), all_of_it=st.booleans())
    def the_process_dies(self, after: int, where: str, all_of_it: bool) -> None:
        """Before or after the n-th visit reached the vendor, with nothing written about it."""
        try:
            with dying("_one_visit", after=after, where=where):
                self.runner.run(self.day.sync() if all_of_it else self.day.lanes())
        except Crash:
            self.runner.run(self.day.process_dies())

    # ── what goes on ──────────────────────────────────────────────────────────────────────────────────────────────

    @rule(minutes=st.sampled_from([1, 5, 10, 15, 30, 60, 150]))
    def time_passes(self, minutes: int) -> None:
        self.day.clock.move(timedelta(minutes=minutes))

    @rule()
    def the_daemon_works(self) -> None:
        self.runner.run(self.day.lanes())

    @rule()
    def somebody_syncs(self) -> None:
        self.runner.run(self.day.sync())

    # ── what must hold ────────────────────────────────────────────────────────────────────────────────────────────

    @invariant()
    def the_doors_are_right(self) -> None:
        if self.opened is not None:
            self.day.nobody_is_let_in_who_never_booked()
            self.day.nobody_is_locked_out()
            self.day.visits_by_hand_are_untouched()


TestMachine = Machine.TestCase
TestMachine.settings = settings(
    max_examples=SOAK or 25,
    stateful_step_count=50 if SOAK else 25,
    deadline=None,
    derandomize=not SOAK,
    suppress_health_check=list(HealthCheck),
    # A run that fails is told as it was: making it smaller takes many times as long as finding it.
    phases=[Phase.explicit, Phase.generate],
    report_multiple_bugs=False,
)


BATCHES = 20
A_BATCH = 100
"""Bookings: 2000 in all."""


async def test_a_day_of_2000_bookings_with_everything_going_wrong_ends_with_exactly_their_visits(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The day of the change of the clocks. After every batch some bookings change, webhooks come, or don't, in any
    order, and the daemon works with whatever is wrong just then."""
    stamina.set_testing(True, attempts=3)
    chance = random.Random(20270328)
    everybody = [f"p{number}" for number in range(400)]
    async with open_day(
        tmp_path, monkeypatch, at=EVENINGS["the hour that is not there"], members=everybody[:200]
    ) as day:
        for batch in range(BATCHES):
            now = day.clock.now()
            for _ in range(A_BATCH):
                starts = now + QUARTER * chance.randint(-2, 60)
                day.book(chance.choice(everybody), chance.choice([*RULES, "r-5"]), starts, 15 * chance.randint(1, 8))
            for key in chance.sample(day.bookings, A_BATCH // 3):
                _change(day, key, chance)
            chance.shuffle(day.deliveries)
            for delivery in day.deliveries[:12]:
                for _ in range(chance.randint(1, 2)):
                    assert await day.deliver(delivery) == 202
            for delivery in day.deliveries[12:14]:
                day.lose(delivery)
            day.deliveries.clear()
            for simulator, faults in ((day.exivo, LOCK_FAULTS), (day.anny, DESK_FAULTS)):
                simulator.faults.clear()
                if batch % 3 != 2:
                    simulator.faults.set(chance.choice(faults))
            await (day.sync() if batch % 5 == 4 else day.lanes())
            day.nobody_is_let_in_who_never_booked()
            day.nobody_is_locked_out()
            day.clock.move(timedelta(minutes=chance.choice([5, 20, 30])))
        assert len(day.told) == BATCHES * A_BATCH
        await day.settle(by_itself=True)


def _change(day: BookedDay, key: str, chance: random.Random) -> None:
    starts, ends = day.times(key)
    match chance.randrange(8):
        case 0 | 1:
            to = day.clock.now().replace(second=0, microsecond=0) + QUARTER * chance.randint(-2, 60)
            day.change(key, starts_at=to, ends_at=to + (ends - starts))
        case 2:
            day.change(key, starts_at=starts - QUARTER * chance.randint(0, 2), ends_at=ends + QUARTER)
        case 3:
            day.change(key, ends_at=max(starts + QUARTER, ends - QUARTER))
        case 4:
            day.change(key, customer_id=chance.choice(list(day.anny.world.customers)))
        case 5:
            day.change(key, canceled_at=None)
        case 6:
            day.delete(key)
        case _:
            day.change(key, canceled_at="2026-01-01T00:00:00Z")


async def test_a_running_booking_that_is_shortened_without_a_word_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It began before the time that is read, so the source need not show it."""
    async with open_day(tmp_path, monkeypatch, at=datetime(2026, 11, 21, 8, tzinfo=UTC), members=["a", "b"]) as day:
        key = day.book("a", "r-1", day.clock.now(), 600)["id"]
        day.book("b", "r-1", day.clock.now(), 600)
        await day.sync()
        day.clock.move(timedelta(hours=4))
        day.change(key, ends_at=day.times(key)[0] + timedelta(hours=2))
        await day.sync()
        day.doors_open_for_exactly_what_is_booked()


async def test_a_running_booking_that_is_moved_far_away_without_a_word_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_day(tmp_path, monkeypatch, at=datetime(2026, 11, 21, 8, tzinfo=UTC), members=["a", "b"]) as day:
        key = day.book("a", "r-1", day.clock.now(), 600)["id"]
        day.book("b", "r-1", day.clock.now(), 600)
        await day.sync()
        day.clock.move(timedelta(hours=2))
        later = day.clock.now() + timedelta(days=7)
        day.change(key, starts_at=later, ends_at=later + timedelta(hours=2))
        await day.sync()
        assert ("a", "C-1") not in day.open_now()
