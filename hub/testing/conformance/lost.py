"""What is asked of a lock when something gets lost: an answer, a request, the task that asked."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hub import grants as g
from hub.errors import HubError, RetryLater, VendorError
from hub.plugins import Ability
from hub.testing.conformance import wishes
from hub.testing.conformance.bench import Bench, difference
from hub.testing.conformance.kit import Kit
from hub.testing.conformance.locks import each_way
from hub.testing.conformance.promise import Broken, expect, promise

__all__ = ["LostKit"]

lock = ["lock"]
MOST_WRITES = 8
"""So many writes of one grant are interrupted, one after the other."""


class LostKit(Kit):
    """Plugins of the kind `lock`."""

    @promise(kinds=lock, network=True)
    async def test_a_lost_answer_makes_no_double(self) -> None:
        """Killed between the vendor's work and its answer: the next call finds it and makes no second one."""
        await self._interrupted("drop_after_write", "the answer was lost")

    @promise(kinds=lock, network=True)
    async def test_a_request_that_never_arrived_is_made_up_for(self) -> None:
        """Where the vendor has nothing, the next call makes it."""
        await self._interrupted("drop_before_write", "the request was lost")

    async def _interrupted(self, fault: str, what: str) -> None:
        async with self.vendor() as bench:
            ways = wishes.ways(bench)
        for way in ways:
            async with self.vendor() as bench:
                wanted = await wishes.grant_for(bench, way)
                start = bench.vendor.log.writes
                granted = await bench.call("grant_access", grant=wanted)
                writes = bench.vendor.log.writes - start
                await wishes.confirmed(bench, wanted, granted)
                once = bench.rows()
            for at in range(min(writes, MOST_WRITES)):
                async with self.vendor() as bench:
                    wanted = await wishes.grant_for(bench, way)
                    bench.vendor.faults.set(f"{fault},after={at},times=1")
                    granted = await _granted(bench, wanted)
                    bench.vendor.faults.clear()
                    if granted is None:
                        await self._look_and_grant(bench, wanted)
                    else:
                        await wishes.confirmed(bench, wanted, granted)
                    left = difference(once, bench.rows())
                    expect(not left, f"{way}: {what} at write {at + 1}, and the vendor ends up with {left}")

    async def _look_and_grant(self, bench: Bench, wanted: g.Grant) -> None:
        """What the hub does after a call that ended with no answer."""
        sure = bench.settle()
        bench.restart()
        try:
            await wishes.given(bench, wishes.again(wanted, look_first=True, sure_after=sure))
        except HubError as error:
            raise Broken(f"looking first, grant_access ends with {type(error).__name__}: {error}") from error

    @promise(kinds=lock, network=True)
    async def test_a_cancelled_grant_is_found_again(self) -> None:
        """Cancelled while the vendor worked: it is found by the next call, and made no second time."""
        async for way, bench in each_way(self):
            wanted = await wishes.grant_for(bench, way)
            start = bench.wire.requests
            granted = await bench.call("grant_access", grant=wanted)
            requests = bench.wire.requests - start
            await wishes.confirmed(bench, wanted, granted)
            once = bench.rows()
            for at in range(1, min(requests, MOST_WRITES) + 1):
                async with self.vendor() as other:
                    wanted = await wishes.grant_for(other, way)
                    other.wire.hang_at = other.wire.requests + at
                    task = asyncio.ensure_future(_granted(other, wanted))
                    hanging = asyncio.ensure_future(other.wire.hanging.wait())
                    await asyncio.wait({task, hanging}, return_when=asyncio.FIRST_COMPLETED)
                    hanging.cancel()
                    task.cancel()
                    await asyncio.wait({task}, timeout=5)
                    await self._look_and_grant(other, wanted)
                    left = difference(once, other.rows())
                    expect(not left, f"{way}: cancelled at request {at}, and the vendor ends up with {left}")

    @promise(kinds=lock, abilities=[Ability.LOCKS], network=True)
    async def test_nothing_is_made_while_it_is_too_early_to_tell(self) -> None:
        """Until `sure_after`, not finding a window proves nothing: RetryLater, and no second one."""
        async with self.vendor() as bench:
            wanted = await wishes.grant_for(bench, "lock")
            before = bench.rows()
            soon = bench.clock.now() + timedelta(seconds=30)
            try:
                await bench.call("grant_access", grant=wishes.again(wanted, look_first=True, sure_after=soon))
            except RetryLater:
                expect(bench.rows() == before, "something was made although it was too early to tell")
                return
            raise Broken("grant_access made something although it was too early to tell whether it is there already")

    @promise(kinds=lock, network=True)
    async def test_a_revoke_that_never_arrived_is_not_claimed(self) -> None:
        """What still opens is never said to be taken back."""
        async for way, bench in each_way(self):
            standing = await wishes.stands(bench, way)
            before = bench.tables()
            bench.restart()
            bench.vendor.faults.set("drop_before_write")
            try:
                revoked = await bench.call("revoke_access", grant=standing)
            except VendorError:
                continue
            unchanged = before == bench.tables()
            expect(not (revoked.confirmed and unchanged), f"no request arrived, and {way} is said to be revoked")


async def _granted(bench: Bench, wanted: g.Grant) -> g.Granted | None:
    """What a grant came to; None where it did not go well."""
    try:
        granted: g.Granted = await bench.call("grant_access", grant=wanted)
    except VendorError:
        return None
    return granted
