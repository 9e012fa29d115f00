"""A promise is one test of the kit: a function of a kit, the plugins that it is for, and how it is run.

Nothing here needs pytest: `studiohub plugin check` runs the same tests by itself. What is broken is said in a sentence
for the plugin's author, not as a comparison of values.
"""

from __future__ import annotations

import asyncio
import functools
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

import stamina

from hub.plugins import Ability

if TYPE_CHECKING:
    from hub.plugins import Plugin

__all__ = ["Broken", "Needs", "expect", "needs_of", "promise"]

K = TypeVar("K")


class Broken(AssertionError):
    """A promise that a plugin does not keep."""


def expect(kept: object, otherwise: str) -> None:
    """Raise Broken with these words unless the promise is kept."""
    __tracebackhide__ = True  # pytest shows the promise, not this line
    if not kept:
        raise Broken(otherwise)


@dataclass(frozen=True, kw_only=True)
class Needs:
    """What a plugin must have for a promise to be asked of it: one of these kinds, all of these abilities and hooks,
    any of those abilities, and a vendor that can be asked: on the network, or staged otherwise. `still`: no vendor."""

    kinds: frozenset[str]
    abilities: frozenset[Ability]
    any_of: frozenset[Ability]
    hooks: frozenset[str]
    network: bool
    still: bool

    def met(self, plugin: Plugin, hooks: frozenset[str], *, networked: bool, staged: bool) -> bool:
        """Whether a plugin with these hooks has it. `networked`: its kit has a simulator; `staged`: or a vendor of
        another kind."""
        return (
            (not self.kinds or plugin.kind in self.kinds)
            and self.abilities <= plugin.abilities
            and (not self.any_of or bool(self.any_of & plugin.abilities))
            and self.hooks <= hooks
            and (networked or not self.network)
            and (networked or staged or self.still)
        )


def promise(
    *,
    kinds: Iterable[str] = (),
    abilities: Iterable[Ability] = (),
    any_of: Iterable[Ability] = (),
    hooks: Iterable[str] = (),
    network: bool = False,
    still: bool = False,
) -> Callable[[Callable[[K], Awaitable[None]]], Callable[[K], None]]:
    """Marks a method of a kit as a test. It runs in an event loop of its own, and no retry waits."""
    needs = Needs(
        kinds=frozenset(kinds),
        abilities=frozenset(abilities),
        any_of=frozenset(any_of),
        hooks=frozenset(hooks),
        network=network,
        still=still,
    )

    def mark(function: Callable[[K], Awaitable[None]]) -> Callable[[K], None]:
        @functools.wraps(function)
        def run(self: K) -> None:
            was = stamina.is_testing()
            stamina.set_testing(True, attempts=3)
            try:
                asyncio.run(_as_coroutine(function(self)))
            finally:
                stamina.set_testing(was)

        run.__dict__.pop("__wrapped__", None)
        run.__dict__["needs"] = needs
        return run

    return mark


def needs_of(member: Any) -> Needs | None:
    """What a member of a kit needs; None for one that is no promise."""
    found = getattr(member, "needs", None)
    return found if isinstance(found, Needs) else None


async def _as_coroutine(work: Awaitable[None]) -> None:
    await work
