"""What is asked of a lock or tracker with people of its own: everybody once, and nobody taken for another."""

from __future__ import annotations

from datetime import timedelta

from hub import grants as g
from hub.errors import HubError, RetryLater, VendorError
from hub.plugins import Ability
from hub.testing.conformance import wishes
from hub.testing.conformance.bench import OTHER, Bench, difference, touched
from hub.testing.conformance.kit import Kit
from hub.testing.conformance.promise import Broken, expect, promise

__all__ = ["PeopleKit"]

people = [Ability.PEOPLE]


class PeopleKit(Kit):
    """Plugins with the ability `people`."""

    @promise(abilities=people, network=True)
    async def test_a_person_is_made_once(self) -> None:
        """Told of somebody again, by the id that it answered, the vendor is left as it is."""
        async with self.vendor() as bench:
            vendor_id = await wishes.linked(bench)
            before = bench.tables()
            bench.restart()
            again = await wishes.linked(bench, vendor_id=vendor_id)
            expect(again == vendor_id, f"a person who is known as {vendor_id} is answered as {again}")
            changed = [name for name, table in bench.tables().items() if before[name] != table]
            expect(not changed, f"telling of the same person again changes {', '.join(changed)}")

    @promise(abilities=people, network=True)
    async def test_a_changed_name_is_brought_up_to_date(self) -> None:
        """A member who married has the new name at the vendor, under the same id."""
        async with self.vendor() as bench:
            vendor_id = await wishes.linked(bench)
            before = bench.tables()
            bench.restart()
            await wishes.linked(bench, vendor_id=vendor_id, family_name="Neuhaus")
            expect("Neuhaus" in repr(bench.tables()), "a changed family name does not reach the vendor")
            expect(
                {n: len(t) for n, t in before.items()} == {n: len(t) for n, t in bench.tables().items()},
                "a changed name makes another person",
            )

    @promise(abilities=people, network=True)
    async def test_every_person_has_an_outcome(self) -> None:
        """One for each, in any order; one whom the vendor refuses keeps nobody else out."""
        async with self.vendor() as bench:
            wanted = [wishes.person(bench, number) for number in (1, 2, 3)]
            bench.vendor.faults.set("status=400,only=writes,times=1")
            try:
                outcomes = await bench.call("sync_members", people=wanted)
            except HubError as error:
                raise Broken(f"one refused person ends sync_members for all: {error}") from error
            told = sorted(outcome.member for outcome in outcomes)
            expect(told == sorted(one.member for one in wanted), f"of {len(wanted)} people it answers {told}")
            links = [outcome for outcome in outcomes if isinstance(outcome, g.Link)]
            expect(len(links) >= 2, "one person whom the vendor refused kept the others out")

    @promise(abilities=people, network=True)
    async def test_a_person_whose_answer_was_lost_is_found_again(self) -> None:
        """The vendor made the person and the hub never heard: the next call finds, and makes no second one."""
        async with self.vendor() as bench:
            await wishes.linked(bench)
            once = bench.rows()
        for at in range(4):
            async with self.vendor() as bench:
                bench.vendor.faults.set(f"drop_after_write,after={at},times=1")
                lost = await _lost(bench)
                bench.vendor.faults.clear()
                sure = bench.settle()
                bench.restart()
                if lost:
                    await wishes.linked(bench, look_first=True, sure_after=sure, maybe_created=True)
                expect(
                    bench.rows() == once,
                    f"with the answer to write {at + 1} lost, the vendor ends up with {difference(once, bench.rows())}",
                )

    @promise(abilities=people, network=True)
    async def test_nobody_is_made_while_it_is_too_early_to_tell(self) -> None:
        """Until `sure_after`, not finding somebody proves nothing: RetryLater, and no second person."""
        async with self.vendor() as bench:
            before = bench.rows()
            soon = bench.clock.now() + timedelta(seconds=30)
            try:
                await wishes.linked(bench, look_first=True, sure_after=soon)
            except RetryLater:
                expect(bench.rows() == before, "a person was made although it was too early to tell")
                return
            # A vendor that refuses a second one by its own key (an e-mail address) may create at once.
            vendor_id = await wishes.linked(bench, look_first=True, sure_after=soon)
            rows = bench.rows()
            await wishes.linked(bench, vendor_id=vendor_id)
            expect(rows == bench.rows(), "a person was made twice while it was too early to tell")
            expect("email" in self.described().profile, "a person was made although it was too early to tell")

    @promise(abilities=people, network=True)
    async def test_people_of_others_are_left_alone(self) -> None:
        """Somebody of the same name, made by hand or by another hub, is not changed, adopted or taken for ours."""
        async with self.vendor() as bench:
            self.by_hand(bench)
            bench.restart(instance=OTHER)
            await wishes.linked(bench, 2)
            before = bench.tables()
            bench.restart()
            try:
                await wishes.linked(bench)
            except (VendorError, Broken):
                return
            found = touched(before, bench.tables())
            expect(not found, f"told of a member, the plugin changed what others made: {found}")


async def _lost(bench: Bench) -> bool:
    """Whether telling of the person failed."""
    try:
        await wishes.linked(bench)
    except VendorError:
        return True
    return False
