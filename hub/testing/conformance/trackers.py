"""What is asked of a tracker: a class stands once, its riders sit where they should, results are their own."""

from __future__ import annotations

import math
from datetime import timedelta

from hub import grants as g
from hub.errors import Conflict, HubError, NotFound, RetryLater, VendorError
from hub.plugins import Ability
from hub.testing.conformance import wishes
from hub.testing.conformance.bench import OTHER, Bench, difference, touched
from hub.testing.conformance.kit import Kit
from hub.testing.conformance.promise import Broken, expect, promise

__all__ = ["TrackerKit"]

sessions, seats = [Ability.SESSIONS], [Ability.SESSIONS, Ability.SEATS]
MOST_WRITES = 6


class TrackerKit(Kit):
    """Plugins of the kind `tracker`."""

    @promise(abilities=sessions, network=True)
    async def test_a_class_is_made_once(self) -> None:
        """Created again with the id that it answered, and compared by `session_changed`: all is left as it is."""
        async with self.vendor() as bench:
            standing = await wishes.created(bench)
            expect(standing.vendor_id, "session_created answers no id")
            before = bench.tables()
            for hook in ("session_created", "session_changed"):
                bench.restart()
                outcome = await bench.call(hook, session=standing)
                same = outcome.vendor_id == standing.vendor_id
                expect(same, f"{hook} of a class that is as it should be answers the id {outcome.vendor_id}")
                found = touched(before, bench.tables()) or difference(_count(before), bench.rows())
                expect(not found, f"{hook} of a class that is as it should be changes {found}")

    @promise(abilities=sessions, network=True)
    async def test_a_moved_class_is_moved(self) -> None:
        """Another time reaches the tracker; there is one class afterwards, and its id is told."""
        async with self.vendor() as bench:
            standing = await wishes.created(bench)
            later = timedelta(hours=2)
            moved = wishes.renewed(
                standing, starts_at=standing.starts_at + later, ends_at=standing.ends_at + later, name="Ride 60"
            )
            bench.restart()
            outcome = await bench.call("session_changed", session=moved)
            expect("Ride 60" in repr(bench.tables()), "a class's new name does not reach the tracker")
            before = bench.tables()
            bench.restart()
            now = wishes.renewed(moved, vendor_id=outcome.vendor_id)
            again = await bench.call("session_changed", session=now)
            expect(again.vendor_id == outcome.vendor_id, "a class that was moved is moved again by the next look")
            expect(not touched(before, bench.tables()), "a class that was moved is changed again by the next look")

    @promise(abilities=sessions, network=True)
    async def test_cancelling_twice_is_success(self) -> None:
        """What is gone already, or never was, is cancelled."""
        async with self.vendor() as bench:
            standing = await wishes.created(bench)
            for what in ("once", "again"):
                try:
                    await bench.call("session_cancelled", session=standing)
                except HubError as error:
                    raise Broken(f"cancelling {what} ends with {type(error).__name__}: {error}") from error
                bench.restart()
            await bench.call("session_cancelled", session=await wishes.session(bench, 2))

    @promise(abilities=sessions, network=True)
    async def test_a_cancelled_class_comes_back(self) -> None:
        """Restored, it stands: looking at it again changes nothing."""
        async with self.vendor() as bench:
            standing = await wishes.created(bench)
            await bench.call("session_cancelled", session=standing)
            bench.restart()
            outcome = await bench.call("session_restored", session=standing)
            expect(outcome.vendor_id, "session_restored answers no id")
            before = bench.tables()
            bench.restart()
            now = wishes.renewed(standing, vendor_id=outcome.vendor_id)
            again = await bench.call("session_changed", session=now)
            same = again.vendor_id == outcome.vendor_id and not touched(before, bench.tables())
            expect(same, "a class that was brought back is not there at the next look")

    @promise(abilities=sessions, network=True)
    async def test_a_class_whose_answer_was_lost_is_found_again(self) -> None:
        """Killed between the tracker's work and its answer: one class afterwards, not two."""
        for fault in ("drop_after_write", "drop_before_write"):
            async with self.vendor() as bench:
                wanted = await wishes.session(bench)
                start = bench.vendor.log.writes
                await bench.call("session_created", session=wanted)
                writes, once = bench.vendor.log.writes - start, bench.rows()
            for at in range(min(writes, MOST_WRITES)):
                async with self.vendor() as bench:
                    wanted = await wishes.session(bench)
                    bench.vendor.faults.set(f"{fault},after={at},times=1")
                    lost = await _lost(bench, wanted)
                    bench.vendor.faults.clear()
                    sure = bench.settle()
                    bench.restart()
                    if lost:
                        again = wishes.renewed(wanted, look_first=True, sure_after=sure)
                        await bench.call("session_created", session=again)
                    left = difference(once, bench.rows())
                    expect(not left, f"{fault} at write {at + 1}, and the tracker ends up with {left}")

    @promise(abilities=sessions, network=True)
    async def test_no_class_is_made_while_it_is_too_early_to_tell(self) -> None:
        """Until `sure_after`, not finding a class proves nothing: RetryLater, and no second one."""
        async with self.vendor() as bench:
            wanted = await wishes.session(bench)
            before = bench.rows()
            soon = bench.clock.now() + timedelta(seconds=30)
            try:
                await bench.call("session_created", session=wishes.renewed(wanted, look_first=True, sure_after=soon))
            except RetryLater:
                expect(bench.rows() == before, "a class was made although it was too early to tell")
                return
            raise Broken("session_created made a class although it was too early to tell whether it is there already")

    @promise(abilities=sessions, network=True)
    async def test_classes_of_others_are_left_alone(self) -> None:
        """A class made by hand or by another hub, at the same time on the same box, is never adopted or changed."""
        async with self.vendor() as bench:
            self.by_hand(bench)
            bench.restart(instance=OTHER)
            theirs = await wishes.created(bench)
            before = bench.tables()
            bench.restart()
            wanted = await wishes.session(bench)
            try:
                outcome = await bench.call("session_created", session=wanted)
                expect(outcome.vendor_id != theirs.vendor_id, "another hub's class was taken for ours")
                ours = wishes.renewed(wanted, vendor_id=outcome.vendor_id)
                await bench.call("session_cancelled", session=ours)
                await bench.call("session_cancelled", session=wishes.renewed(wanted, vendor_id=theirs.vendor_id))
            except VendorError:
                pass
            found = touched(before, bench.tables())
            expect(not found, f"what others made was changed at the tracker: {found}")

    # ── seats ─────────────────────────────────────────────────────────────────────────────────────────────────────

    @promise(abilities=seats, network=True)
    async def test_a_seat_taken_twice_is_taken_once(self) -> None:
        """The second call changes nothing; `session_changed` tells who sits where."""
        async with self.vendor() as bench:
            standing, who = await wishes.created(bench), await wishes.rider(bench)
            wanted = await wishes.seat(bench, standing, who)
            await bench.call("seat_taken", seat=wanted)
            before = bench.tables()
            bench.restart()
            await bench.call("seat_taken", seat=wanted)
            expect(not touched(before, bench.tables()), "taking the same seat again changes the tracker")
            outcome = await bench.call("session_changed", session=standing)
            told = outcome.seats is None or outcome.seats.get(who.vendor_id) == wanted.seat
            expect(told, f"the rider sits on {wanted.seat}, and session_changed tells {outcome.seats}")

    @promise(abilities=seats, network=True)
    async def test_a_rider_moves_from_seat_to_seat(self) -> None:
        """Afterwards the rider has the new seat and no other."""
        async with self.vendor() as bench:
            standing, who = await wishes.created(bench), await wishes.rider(bench)
            first = await wishes.seat(bench, standing, who)
            await bench.call("seat_taken", seat=first)
            bench.restart()
            moved = await wishes.seat(bench, standing, who, 1, previous_seat=first.seat)
            await bench.call("seat_moved", seat=moved)
            other = await wishes.seat(bench, standing, await wishes.rider(bench, 2))
            try:
                await bench.call("seat_taken", seat=other)
            except VendorError as error:
                raise Broken(f"a rider moved away, and the old seat is not free: {error}") from error

    @promise(abilities=seats, network=True)
    async def test_a_seat_that_somebody_has_is_a_conflict(self) -> None:
        """`seat_occupied`, and whoever had it keeps it."""
        async with self.vendor() as bench:
            standing = await wishes.created(bench)
            await bench.call("seat_taken", seat=await wishes.seat(bench, standing, await wishes.rider(bench)))
            second = await wishes.seat(bench, standing, await wishes.rider(bench, 2))
            before = bench.tables()
            bench.restart()
            try:
                await bench.call("seat_taken", seat=second)
            except Conflict as conflict:
                expect(conflict.code == "seat_occupied", f"the conflict has the code {conflict.code!r}")
                expect(not touched(before, bench.tables()), "whoever had the seat has lost it")
                return
            except HubError as error:
                raise Broken(f"a seat that is taken is Conflict, not {type(error).__name__}: {error}") from error
            raise Broken("a seat that somebody has was given to another rider")

    @promise(abilities=seats, network=True)
    async def test_freeing_twice_is_success(self) -> None:
        """Whoever is out already is out."""
        async with self.vendor() as bench:
            standing, who = await wishes.created(bench), await wishes.rider(bench)
            wanted = await wishes.seat(bench, standing, who)
            await bench.call("seat_taken", seat=wanted)
            for what in ("once", "again"):
                try:
                    await bench.call("seat_freed", seat=wanted)
                except HubError as error:
                    raise Broken(f"freeing a seat {what} ends with {type(error).__name__}: {error}") from error
                bench.restart()
            outcome = await bench.call("session_changed", session=standing)
            expect(not outcome.seats or who.vendor_id not in outcome.seats, "the rider was taken out and still sits")

    @promise(abilities=seats, network=True)
    async def test_a_seat_of_a_class_that_is_gone_is_not_found(self) -> None:
        """NotFound, so that the hub makes the class again."""
        async with self.vendor() as bench:
            standing, who = await wishes.created(bench), await wishes.rider(bench)
            wanted = await wishes.seat(bench, standing, who)
            await bench.call("session_cancelled", session=standing)
            bench.restart()
            try:
                await bench.call("seat_taken", seat=wanted)
            except NotFound:
                return
            except HubError as error:
                raise Broken(f"a class that is gone is NotFound, not {type(error).__name__}: {error}") from error
            raise Broken("somebody was seated in a class that was cancelled")

    @promise(hooks=["read_layout"], network=True)
    async def test_seats_have_ids_of_their_own(self) -> None:
        """The layout of a box names each seat once."""
        async with self.vendor() as bench:
            layout = await bench.call("read_layout", box=await wishes.box_of(bench))
            ids = [one.id for one in layout or ()]
            expect(len(set(ids)) == len(ids), "read_layout names a seat twice")
            expect(all(isinstance(one, str) and one for one in ids), "the id of a seat is text")

    # ── results ───────────────────────────────────────────────────────────────────────────────────────────────────

    @promise(abilities=[Ability.SESSIONS, Ability.METRICS], network=True)
    async def test_there_are_no_results_before_the_end(self) -> None:
        """Empty, and no error: the hub asks again."""
        async with self.vendor() as bench:
            standing, who = await wishes.created(bench), await wishes.rider(bench)
            try:
                results = await bench.call("fetch_metrics", session=standing, riders=[who])
            except HubError as error:
                raise Broken(f"a class that is not over has no results; fetch_metrics raised {error}") from error
            expect(not results, "a class that has not begun has results")

    @promise(abilities=[Ability.SESSIONS, Ability.SEATS, Ability.METRICS], network=True)
    async def test_results_are_the_riders_own(self) -> None:
        """Each names its rider, once; a metric is a finite number, and one that was not measured is absent."""
        async with self.vendor() as bench:
            standing, who = await wishes.created(bench), await wishes.rider(bench)
            await bench.call("seat_taken", seat=await wishes.seat(bench, standing, who))
            bench.clock.set(standing.ends_at + timedelta(hours=6))
            bench.restart()
            results: list[g.Result] = list(await bench.call("fetch_metrics", session=standing, riders=[who]))
            expect(results, "six hours after a class there are no results of who rode at the simulator")
            people = [one.vendor_person_id for one in results]
            expect(len(set(people)) == len(people), "a rider has two results of one class")
            expect(who.vendor_id in people, f"the rider {who.vendor_id} has no result; there are some of {people}")
            for one in results:
                odd = [name for name, value in one.metrics.items() if not _measured(value)]
                expect(not odd, f"these metrics are no finite numbers: {odd}")
            expect(any(one.metrics for one in results), "no result has a metric under a canonical name")


def _measured(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


async def _lost(bench: Bench, wanted: g.TrackerSession) -> bool:
    try:
        await bench.call("session_created", session=wanted)
    except VendorError:
        return True
    return False


def _count(tables: dict[str, object]) -> dict[str, int]:
    return {name: len(table) for name, table in tables.items() if isinstance(table, dict)}
