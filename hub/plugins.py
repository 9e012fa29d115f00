"""Finding plugins, and calling one of them or all of them.

Plugins come from entry points in the group `studiohub.plugins`; the ones in this distribution are found in no other
way than a stranger's. pluggy keeps the contract (names, arguments); calling is done here, because the hooks are
asynchronous, a vendor is addressed and never broadcast to, and no plugin may take the others down.
"""

from __future__ import annotations

import asyncio
import contextlib
import difflib
import importlib.metadata
import inspect
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import pluggy

from hub import hookspecs, redact
from hub.errors import HubError, LostLease, PluginError, UserError, VendorError
from hub.settings import ConnectionSettings

if TYPE_CHECKING:
    from hub.connection import Connection

__all__ = ["Ability", "Broken", "Plugin", "Plugins", "Poll", "Trace", "Unset"]

GROUP = "studiohub.plugins"
HOOK_TIMEOUT = 120.0
"""Seconds that one call of a hook, or one step of a reading hook, may take."""


class Ability(StrEnum):
    """What a plugin's vendor can do, as far as the hub has to know."""

    GROUPS = "groups"
    """Access groups: one per person, given by a grant with `opens.group`."""
    LOCKS = "locks"
    """Windows on named locks, given by a grant with `opens.locks`."""
    PEOPLE = "people"
    """Has people of its own: `sync_members` comes before `grant_access`."""
    BADGES = "badges"
    """Takes badges with a grant."""
    BADGE_NEEDED = "badge_needed"
    """A person without a badge can't open anything, so somebody without one is blocked."""
    CODES = "codes"
    """Takes a code that the hub draws."""
    LINKS = "links"
    """Gives a link that opens the door."""
    DATES = "dates"
    """Keeps the limits of a window itself, and ends access on its own when they pass."""
    OBSERVE = "observe"
    """Can list what stands there (`observe_access`)."""
    CHANGES = "changes"
    """A source that can say what changed since the last read."""
    WEBHOOKS = "webhooks"
    SESSIONS = "sessions"
    SEATS = "seats"
    METRICS = "metrics"


@dataclass(frozen=True, kw_only=True)
class Poll:
    """A part of a source that is read on a clock of its own: these `kinds`, `every` so often, and of kinds with times
    only what lies between `before` and `after` from now (None: no limit on that side)."""

    name: str
    every: timedelta
    kinds: frozenset[str]
    before: timedelta | None = None
    after: timedelta | None = None


class Unset(NamedTuple):
    """A setting that is empty, by its name in a studio file and by its label in a form."""

    name: str
    label: str


@dataclass(frozen=True, kw_only=True)
class Plugin:
    """What `describe` answers.

    `kind`: `booking` is read from, `lock` and `tracker` are written to. `settings` holds the vendor's own words.
    `simulator` makes the vendor as an ASGI application. `slice_size` is how many grants are worked on between two
    looks at the clock and the lane. `misses` is how many complete reads in a row must miss a record before it is gone.
    `settle` is how many seconds after a lost answer its effect may still appear at the vendor.
    """

    name: str
    title: str
    kind: Literal["booking", "lock", "tracker"]
    settings: type[ConnectionSettings]
    abilities: frozenset[Ability] = frozenset()
    simulator: Callable[..., Any] | None = None
    experimental: bool = False
    slice_size: int = 20
    misses: int = 1
    settle: float = 5.0
    profile: frozenset[str] = frozenset({"given_name", "family_name"})
    """Which of a member's fields the vendor keeps; a change of the others is nothing to it."""
    polls: tuple[Poll, ...] = ()
    """What is read when. Without any, everything is read every 15 minutes, or as often as `every` says."""
    credential: str = ""
    """What the vendor calls the thing that a person needs in hand, for sentences ("badge")."""
    confirms_within: timedelta = timedelta(minutes=10)
    """How long a vendor may take to show what it has accepted. After that it is told as what could not be done."""
    look_again: tuple[timedelta, ...] = ()
    """Where a vendor shows within seconds what it has accepted: the pauses after which somebody who waits for it has it
    looked at again. A plugin that names some can be called again at once, and asks for nothing twice."""
    code_once: bool = False
    """A code can stand only once at a lock, so a visit that takes the place of another gets a code of its own."""
    draw_code: Callable[[], str] | None = None
    """Draws one random code in the vendor's format, for vendors with the ability CODES. The hub draws until it has one
    that is not in use there."""
    draw_code_for: Callable[[Any], str] | None = None
    """The same in the place of `draw_code`, where the format hangs on the connection's settings, which it is given."""
    booked_only: bool = False
    """Opens only windows with a beginning and an end, as bookings have them."""
    read_where_set: Mapping[str, str] = field(default_factory=dict)
    """Kinds of records that are read only where a setting says where they stand, each with the name of that setting:
    nobody is then told to enter at the source what the hub was not told to read."""

    def unset_for(self, kind: str, settings: Mapping[str, Any]) -> Unset | None:
        """The setting without which a kind is not read, where it is empty among these (as they are stored)."""
        name = self.read_where_set.get(kind)
        if name is None or settings.get(name) is not None:
            return None
        return Unset(name, self.settings.model_fields[name].title or name)


@dataclass(frozen=True)
class Broken:
    """A plugin that is installed and could not be loaded."""

    name: str
    distribution: str
    why: str


@dataclass
class Trace:
    """The trace switch: prints every hook call with its arguments and result, secrets replaced."""

    write: Callable[[str], None]

    def line(self, plugin: str, hook: str, arguments: Mapping[str, Any], outcome: str, took: float) -> None:
        """Print one call."""
        shown = ", ".join(f"{name}={_short(value)}" for name, value in arguments.items() if name != "connection")
        self.write(redact.mask(f"hook {plugin}.{hook}({shown}) → {outcome} in {took * 1000:.0f} ms"))


@dataclass
class Plugins:
    """The loaded plugins, by name."""

    loaded: dict[str, Plugin] = field(default_factory=dict)
    broken: list[Broken] = field(default_factory=list)
    versions: dict[str, str] = field(default_factory=dict)
    trace: Trace | None = None
    timeout: float = HOOK_TIMEOUT
    _manager: pluggy.PluginManager = field(default_factory=lambda: pluggy.PluginManager(hookspecs.PROJECT))

    def __post_init__(self) -> None:
        self._manager.add_hookspecs(hookspecs)

    @classmethod
    def discover(cls, *, blocked: Iterable[str] = (), trace: Trace | None = None) -> Plugins:
        """Load every plugin that is installed, but for the `blocked` ones.

        One that fails to import, to describe itself or to keep the contract ends up in `broken` with the reason.
        """
        plugins = cls(trace=trace)
        skip = frozenset(blocked)
        for entry in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda entry: entry.name):
            if entry.name in skip:
                continue
            distribution = f"{entry.dist.name} {entry.dist.version}" if entry.dist else "unknown"
            try:
                plugins.register(entry.load(), name=entry.name)
                plugins.versions[entry.name] = distribution
            except (Exception, SystemExit) as error:  # noqa: BLE001 - a broken plugin must not keep the others out
                why = error.what if isinstance(error, HubError) else f"{type(error).__name__}: {error}"
                plugins.broken.append(Broken(entry.name, distribution, redact.mask(why)))
        return plugins

    def register(self, module: Any, *, name: str | None = None) -> Plugin:
        """Add one plugin. Raises PluginError where it breaks the contract: a hook that doesn't exist, a wrong argument,
        no usable `describe`."""
        described = _describe(module, name)
        try:
            self._manager.register(module, name=described.name)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            if self._manager.is_registered(module):
                self._manager.unregister(module)
            raise PluginError(_explain_contract(error, module)) from error
        except ValueError as error:
            raise PluginError(f"there is a plugin {described.name!r} already") from error
        self.loaded[described.name] = described
        return described

    def __getitem__(self, name: str) -> Plugin:
        """The plugin of that name. Raises UserError naming the nearest one there is."""
        if name in self.loaded:
            return self.loaded[name]
        for broken in self.broken:
            if broken.name == name:
                raise UserError(f"plugin {name!r} could not be loaded", said=broken.why, code="plugin_broken")
        near = difflib.get_close_matches(name, self.loaded, n=1)
        hint = f"Did you mean {near[0]!r}?" if near else f"Installed: {', '.join(sorted(self.loaded)) or 'none'}."
        raise UserError(f"there is no plugin {name!r}", fix=hint, code="no_such_plugin")

    def module(self, name: str) -> Any:
        """The module (or object) that a loaded plugin's hooks are in."""
        return self._manager.get_plugin(self[name].name)

    def has(self, plugin: str, hook: str) -> bool:
        """Whether a plugin implements a hook."""
        return self._implementation(plugin, hook) is not None

    async def call(self, connection: Connection, hook: str, *, timeout: float | None = None, **arguments: Any) -> Any:
        """Call a vendor hook on the plugin that owns the connection.

        Vendor errors come through as they are. Anything else that the plugin raises, and a call that takes longer than
        the time-out, is a PluginError naming plugin and hook.
        """
        name = connection.plugin.name
        implementation = self._able(name, hook)
        seconds = timeout or self.timeout
        started = time.perf_counter()
        outcome = "failed"
        try:
            async with asyncio.timeout(seconds) as limit:
                result = await _run(implementation, {"connection": connection, **arguments})
            if self.trace is not None:
                outcome = _short(result)
        except (VendorError, LostLease) as error:
            outcome = f"{type(error).__name__}: {error.what}"
            raise
        except Exception as error:
            outcome = "timed out" if limit.expired() else type(error).__name__
            if limit.expired():
                raise _too_slow(name, f"{hook} for {connection.name} took longer than {seconds:g} s") from error
            raise _broke_contract(name, hook, error) from error
        finally:
            if self.trace is not None:
                self.trace.line(name, hook, arguments, outcome, time.perf_counter() - started)
        return result

    async def read(self, connection: Connection, hook: str, **arguments: Any) -> AsyncIterator[Any]:
        """Iterate over a reading hook (an asynchronous generator) with the time-out on each step."""
        name = connection.plugin.name
        implementation = self._able(name, hook)
        started = time.perf_counter()
        count = 0
        outcome = "broke off"
        iterator: Any = None
        try:
            while True:
                try:
                    async with asyncio.timeout(self.timeout) as limit:
                        if iterator is None:
                            iterator = _run(implementation, {"connection": connection, **arguments})
                        item = await anext(iterator)
                except StopAsyncIteration:
                    break
                except (VendorError, LostLease) as error:
                    outcome = f"{type(error).__name__}: {error.what}"
                    raise
                except Exception as error:
                    outcome = "timed out" if limit.expired() else type(error).__name__
                    if limit.expired():
                        what = f"{hook} for {connection.name} gave nothing for {self.timeout:g} s"
                        raise _too_slow(name, what) from error
                    raise _broke_contract(name, hook, error) from error
                count += 1
                yield item
            outcome = f"{count} items"
        finally:
            await _close(iterator, self.timeout)
            if self.trace is not None:
                self.trace.line(name, hook, arguments, outcome, time.perf_counter() - started)

    async def tell(self, hook: str, event: Any, *, on_error: Callable[[str, Exception], None]) -> None:
        """Tell every observer. What one raises goes to `on_error` with the plugin's name and stops nobody else."""
        if hook not in hookspecs.OBSERVERS:
            raise ValueError(f"{hook} is not an observer hook")

        async def one(implementation: pluggy.HookImpl) -> None:
            try:
                async with asyncio.timeout(self.timeout):
                    await _run(implementation, {"event": event})
            except Exception as error:  # noqa: BLE001 - an observer is a guest: its errors are reported, not raised
                on_error(implementation.plugin_name, error)

        await asyncio.gather(*(one(implementation) for implementation in self._caller(hook).get_hookimpls()))

    def observed(self, hook: str) -> bool:
        """Whether anybody observes this."""
        return bool(self._caller(hook).get_hookimpls())

    def _caller(self, hook: str) -> pluggy.HookCaller:
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        return caller

    def _implementation(self, plugin: str, hook: str) -> pluggy.HookImpl | None:
        for implementation in self._caller(hook).get_hookimpls():
            if implementation.plugin_name == plugin:
                return implementation
        return None

    def _able(self, plugin: str, hook: str) -> pluggy.HookImpl:
        implementation = self._implementation(plugin, hook)
        if implementation is None:
            raise PluginError(f"plugin {plugin} does not implement {hook}", code="not_able")
        return implementation


def _run(implementation: pluggy.HookImpl, arguments: Mapping[str, Any]) -> Any:
    """Call an implementation with those arguments that it names: it may leave out what it doesn't need."""
    named = {*implementation.argnames, *implementation.kwargnames}
    return implementation.function(**{name: value for name, value in arguments.items() if name in named})


async def _close(iterator: Any, seconds: float) -> None:
    """Let a reading hook clean up after a break. What it raises then is no news: its reader is done with it."""
    if inspect.iscoroutine(iterator):
        iterator.close()
    closing = getattr(iterator, "aclose", None)
    if closing is not None:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(seconds):
                await closing()


def _describe(module: Any, name: str | None) -> Plugin:
    label = repr(name) if name is not None else repr(module)
    describe = getattr(module, "describe", None)
    if describe is None:
        raise PluginError(_misspelt(module) or f"plugin {label} has no describe()")
    try:
        described = describe()
    except Exception as error:
        raise PluginError(f"plugin {label}: describe() raised {type(error).__name__}: {error}") from error
    if inspect.iscoroutine(described):
        described.close()
    if not isinstance(described, Plugin):
        raise PluginError(f"plugin {label}: describe() must answer a hub.Plugin, not {type(described).__name__}")
    if name is not None and described.name != name:
        raise PluginError(f"plugin {label} calls itself {described.name!r}; entry point and describe() must agree")
    unknown = sorted(set(described.read_where_set.values()) - described.settings.model_fields.keys())
    if unknown:
        raise PluginError(f"plugin {label}: read_where_set names {unknown[0]!r}, which is none of its settings")
    return described


def _too_slow(name: str, what: str) -> PluginError:
    return PluginError(f"plugin {name}: {what}", code="plugin_timeout")


def _broke_contract(name: str, hook: str, error: Exception) -> PluginError:
    return PluginError(
        f"plugin {name} failed in {hook}",
        said=redact.mask(f"{type(error).__name__}: {error}"),
        fix="This is a mistake in the plugin; tell its author.",
        code="plugin_failed",
    )


def _explain_contract(error: pluggy.PluginValidationError, module: Any) -> str:
    return _misspelt(module) or " ".join(str(error).split())


def _misspelt(module: Any) -> str:
    """A sentence about a function that is marked as a hook that doesn't exist, with the nearest one that does."""
    known = [*hookspecs.VENDOR_HOOKS, *hookspecs.OBSERVERS, "describe"]
    for name in dir(module):
        if name not in known and hasattr(getattr(module, name, None), f"{hookspecs.PROJECT}_impl"):
            near = difflib.get_close_matches(name, known, n=1)
            return f"there is no hook {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    return ""


def _short(value: Any, length: int = 300) -> str:
    masked = redact.mask_value(value)
    # Of anything but plain data, the masked value is its repr already.
    text = redact.mask(repr(masked)) if isinstance(value, str) or not isinstance(masked, str) else masked
    return text if len(text) <= length else f"{text[:length]}…"
