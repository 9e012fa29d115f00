"""What is asked of every plugin whose vendor is on the network: trouble is told, and nothing is half."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import msgspec

from hub.errors import FixSettings, RetryLater, Unconfirmed
from hub.testing.conformance.bench import Bench
from hub.testing.conformance.between import Answered
from hub.testing.conformance.errands import Came, Errand, came_of, errands
from hub.testing.conformance.kit import Kit
from hub.testing.conformance.promise import expect, promise

__all__ = ["UNKNOWN", "NetworkKit", "other_word"]

HOUR = timedelta(hours=1)
UNKNOWN = "never_seen_before"
"""A word that no vendor has."""


class NetworkKit(Kit):
    """Every plugin with a simulator."""

    async def _each(self) -> AsyncIterator[tuple[Errand, Bench]]:
        """Every call, each on a vendor of its own."""
        async with self.vendor() as bench:
            names = errands(bench)
        for errand in names:
            async with self.vendor() as bench:
                yield errand, bench

    async def _under(self, *switches: str) -> AsyncIterator[tuple[Errand, str, Came]]:
        """Every call that asks the vendor something, while all its requests meet a fault."""
        for switch in switches:
            async for errand, bench in self._each():
                do = await errand.prepare(bench)
                bench.vendor.faults.set(switch)
                came = await came_of(errand, bench, do)
                if came.requests:
                    yield errand, switch, came

    @promise(network=True)
    async def test_an_outage_is_told_as_one(self) -> None:
        """503 and dropped connections are RetryLater (or Unconfirmed, where something may have been changed)."""
        async for errand, switch, came in self._under("outage", "outage=drop"):
            expect(came.errors, f"{errand} says that all is well while the vendor has {switch}")
            strange = [error for error in came.errors if not isinstance(error, RetryLater | Unconfirmed)]
            expect(not strange, f"{errand} under {switch} is to be tried later, and told as {_kinds(strange)}")

    @promise(network=True)
    async def test_a_page_of_html_is_no_answer(self) -> None:
        """A proxy's page with status 200 is as good as no answer."""
        async for errand, _, came in self._under("garbage"):
            expect(came.errors, f"{errand} took a page of HTML for an answer")
            strange = [error for error in came.errors if not isinstance(error, RetryLater | Unconfirmed)]
            expect(not strange, f"{errand}, answered with a page of HTML, tells it as {_kinds(strange)}")

    @promise(network=True)
    async def test_refused_credentials_need_a_person(self) -> None:
        """A key that ends while the hub runs is FixSettings: nobody should wait for it to heal."""
        async for errand, _, came in self._under("unauthorized"):
            strange = [error for error in came.errors if not isinstance(error, FixSettings)]
            expect(came.errors and not strange, f"{errand} with refused credentials: {_kinds(strange) or 'no error'}")

    @promise(network=True)
    async def test_a_pause_that_the_vendor_asks_for_is_kept(self) -> None:
        """429 with a long Retry-After ends the call at once, and says how long; a short one is waited for."""
        async for errand, _, came in self._under("status=429,retry_after=3600"):
            pauses = [error.after for error in came.errors if isinstance(error, RetryLater)]
            expect(pauses, f"{errand} answered 429 is RetryLater, and told as {_kinds(came.errors) or 'no error'}")
            expect(all(pause == HOUR for pause in pauses), f"{errand} loses for how long the vendor asked to pause")
            few = f"{errand} sent {came.requests} requests to a vendor that asks for a pause of an hour"
            expect(came.requests <= len(came.errors), few)
        async for errand, bench in self._each():
            do = await errand.prepare(bench)
            bench.vendor.faults.set("status=429,retry_after=0,times=1")
            came = await came_of(errand, bench, do)
            expect(not came.errors, f"{errand} does not go on after a pause of no length: {_kinds(came.errors)}")

    @promise(network=True)
    async def test_half_an_answer_is_none(self) -> None:
        """A body that stops half-way is never half believed."""
        async for errand, _, came in self._under("cut_body"):
            fine = (RetryLater, Unconfirmed)
            strange = [error for error in came.errors if not isinstance(error, fine)]
            expect(not strange, f"{errand}, given half a body, tells it as {_kinds(strange)}")
            if errand.hook in _READS:
                expect(came.errors, f"{errand} believed half a body")

    @promise(network=True)
    async def test_words_never_seen_before_do_no_harm(self) -> None:
        """A vendor adds fields, and words to its lists of them, without asking anybody."""
        for change in (_more_fields, *(other_word(name) for name in self.words)):
            async for errand, bench in self._each():
                do = await errand.prepare(bench)
                bench.wire.change = change
                came = await came_of(errand, bench, do)
                if change is _more_fields:
                    told = f"{errand} fails because the vendor's answers have a field more: {came.errors[:1]}"
                    expect(not came.errors, told)

    @promise(network=True)
    async def test_a_cancelled_call_ends(self) -> None:
        """A task that is cancelled while it waits for the vendor ends as cancelled, whatever the plugin catches."""
        async for errand, bench in self._each():
            do = await errand.prepare(bench)
            bench.wire.hang_at = bench.wire.requests + 1
            task = asyncio.ensure_future(_plainly(do))
            hanging = asyncio.ensure_future(bench.wire.hanging.wait())
            await asyncio.wait({task, hanging}, return_when=asyncio.FIRST_COMPLETED)
            hanging.cancel()
            if task.done():
                # It asked the vendor nothing.
                task.exception()
                continue
            task.cancel()
            await asyncio.wait({task}, timeout=5)
            expect(task.done(), f"{errand} goes on although it was cancelled")
            expect(task.cancelled(), f"{errand} was cancelled, and says that it ended in another way")


_READS = frozenset({"read_records", "list_openings", "observe_access", "fetch_metrics"})


async def _plainly(do: Callable[[], Any]) -> Any:
    return await do()


def _kinds(errors: Any) -> str:
    return ", ".join(sorted({type(error).__name__ for error in errors}))


def _more_fields(answered: Answered) -> tuple[int, bytes] | None:
    """A field more in the answer itself and in every row of its lists. Objects elsewhere may be maps, whose names are
    data."""

    def more(row: Any) -> Any:
        return {**row, "neverSeenBefore": {"deep": [1, None]}} if isinstance(row, dict) else row

    def lists(row: dict[str, Any]) -> dict[str, Any]:
        return {name: [more(one) for one in item] if isinstance(item, list) else item for name, item in row.items()}

    return _rewritten(answered, lists, top=more)


def other_word(name: str) -> Callable[[Answered], tuple[int, bytes] | None]:
    """Every text in a field of that name becomes an unknown word."""

    def replaced(row: dict[str, Any]) -> dict[str, Any]:
        return {**row, name: UNKNOWN} if isinstance(row.get(name), str) else row

    element = re.compile(rb"(<%b>)[A-Za-z_]+(</%b>)" % (name.encode(), name.encode()))

    def change(answered: Answered) -> tuple[int, bytes] | None:
        if "xml" in answered.kind:
            return answered.status, element.sub(rb"\g<1>" + UNKNOWN.encode() + rb"\g<2>", answered.body)
        return _rewritten(answered, replaced)

    return change


def _rewritten(
    answered: Answered,
    row: Callable[[dict[str, Any]], dict[str, Any]],
    *,
    top: Callable[[Any], Any] = lambda whole: whole,
) -> tuple[int, bytes] | None:
    """A JSON answer with every object in it changed, and then all of it; other answers stay."""
    if answered.status >= 300:
        return None
    try:
        value = msgspec.json.decode(answered.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None

    def walk(item: Any) -> Any:
        if isinstance(item, dict):
            return row({name: walk(inner) for name, inner in item.items()})
        return [walk(inner) for inner in item] if isinstance(item, list) else item

    return answered.status, msgspec.json.encode(top(walk(value)))
