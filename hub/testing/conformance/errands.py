"""One call of each hook that goes to the vendor, for the tests that ask of every hook the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from hub.errors import PluginError, VendorError
from hub.plugins import Ability
from hub.records import Window
from hub.testing.conformance import wishes
from hub.testing.conformance.bench import Bench, failures
from hub.testing.conformance.promise import Broken

__all__ = ["Came", "Errand", "came_of", "errands"]

Do = Callable[[], Awaitable[Any]]


@dataclass(frozen=True)
class Errand:
    """A hook, and how to come to a call of it: `prepare` runs while all is well and gives the call."""

    hook: str
    prepare: Callable[[Bench], Awaitable[Do]]
    way: str = ""

    def __str__(self) -> str:
        return f"{self.hook} ({self.way})" if self.way else self.hook


@dataclass(frozen=True)
class Came:
    """What came of a call: its result or its errors, and how many requests it made."""

    result: Any
    errors: list[VendorError]
    requests: int


async def came_of(errand: Errand, bench: Bench, do: Do) -> Came:
    """Make the call. Raises Broken for anything that is no error of the contract."""
    before = bench.wire.requests
    result, errors = None, []
    try:
        result = await do()
        errors = failures(result)
    except VendorError as error:
        errors = [error]
    except PluginError as error:
        raise Broken(
            f"{errand} let something out that is no error of `hub.errors`: {error.said or error.what}"
        ) from error
    strangers = [error for error in errors if not isinstance(error, VendorError)]
    if strangers:
        raise Broken(f"{errand} answered Failed with {strangers[0]!r}, which is no error of `hub.errors`")
    return Came(result, [error for error in errors if isinstance(error, VendorError)], bench.wire.requests - before)


def errands(bench: Bench) -> list[Errand]:
    """Every call that the plugin's kind and abilities ask for, observing and reading first."""
    kind, abilities = bench.plugin.kind, bench.plugin.abilities
    if kind == "booking":
        return [Errand("read_records", _read)]
    found = [Errand("list_openings", _openings)] if bench.has("list_openings") else []
    if Ability.PEOPLE in abilities:
        found.append(Errand("sync_members", _people))
    if kind == "lock":
        if Ability.OBSERVE in abilities:
            found.append(Errand("observe_access", _observe))
        for way in wishes.ways(bench):
            found += [Errand("grant_access", _granting(way), way), Errand("revoke_access", _revoking(way), way)]
        return found
    if Ability.SESSIONS in abilities:
        found += [
            Errand("session_created", _creating),
            Errand("session_changed", _changing),
            Errand("session_cancelled", _cancelling),
        ]
    if Ability.SEATS in abilities:
        found += [Errand("seat_taken", _seating), Errand("seat_freed", _freeing)]
    if Ability.METRICS in abilities:
        found.append(Errand("fetch_metrics", _fetching))
    return found


async def _read(bench: Bench) -> Do:
    return lambda: bench.pages("read_records", window=Window())


async def _openings(bench: Bench) -> Do:
    return lambda: bench.call("list_openings")


async def _people(bench: Bench) -> Do:
    people = [wishes.person(bench, number) for number in (1, 2)]
    return lambda: bench.call("sync_members", people=people)


async def _observe(bench: Bench) -> Do:
    for way in wishes.ways(bench):
        await wishes.stands(bench, way)
    bench.restart()
    return lambda: bench.pages("observe_access", only=None)


def _granting(way: str) -> Callable[[Bench], Awaitable[Do]]:
    async def prepare(bench: Bench) -> Do:
        wanted = await wishes.grant_for(bench, way)
        bench.restart()
        return lambda: bench.call("grant_access", grant=wanted)

    return prepare


def _revoking(way: str) -> Callable[[Bench], Awaitable[Do]]:
    async def prepare(bench: Bench) -> Do:
        standing = await wishes.stands(bench, way)
        bench.restart()
        return lambda: bench.call("revoke_access", grant=standing)

    return prepare


async def _creating(bench: Bench) -> Do:
    wanted = await wishes.session(bench)
    return lambda: bench.call("session_created", session=wanted)


async def _changing(bench: Bench) -> Do:
    standing = await wishes.created(bench)
    bench.restart()
    return lambda: bench.call("session_changed", session=wishes.renewed(standing, name="Ride 60"))


async def _cancelling(bench: Bench) -> Do:
    standing = await wishes.created(bench)
    bench.restart()
    return lambda: bench.call("session_cancelled", session=standing)


async def _seating(bench: Bench) -> Do:
    standing = await wishes.created(bench)
    wanted = await wishes.seat(bench, standing, await wishes.rider(bench))
    bench.restart()
    return lambda: bench.call("seat_taken", seat=wanted)


async def _freeing(bench: Bench) -> Do:
    standing = await wishes.created(bench)
    wanted = await wishes.seat(bench, standing, await wishes.rider(bench))
    await bench.call("seat_taken", seat=wanted)
    bench.restart()
    return lambda: bench.call("seat_freed", seat=wanted)


async def _fetching(bench: Bench) -> Do:
    standing, who = await wishes.created(bench), await wishes.rider(bench)
    if Ability.SEATS in bench.plugin.abilities:
        await bench.call("seat_taken", seat=await wishes.seat(bench, standing, who))
    bench.clock.set(standing.ends_at)
    bench.settle()
    bench.restart()
    return lambda: bench.call("fetch_metrics", session=standing, riders=[who])
