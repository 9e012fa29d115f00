"""Finding plugins, and calling one of them or all of them.

Plugins come from entry points in the group `studiohub.plugins`; the ones in this distribution are found in no other
way than a stranger's. pluggy keeps the contract (names, arguments); calling is done here, because the hooks are
asynchronous, a vendor is addressed and never broadcast to, and no plugin may take the others down.
"""

from __future__ import annotations

import asyncio
import difflib
import importlib.metadata
import inspect
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, cast

import pluggy

from hub import hookspecs, redact
from hub.errors import HubError, PluginError, UserError, VendorError
from hub.settings import ConnectionSettings

if TYPE_CHECKING:
    from hub.connection import Connection

__all__ = ["Ability", "Broken", "Plugin", "Plugins", "Trace"]

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
    credential: str = ""
    """What the vendor calls the thing that a person needs in hand, for sentences ("badge")."""


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
        self.write(f"hook {plugin}.{hook}({shown}) → {outcome} in {took * 1000:.0f} ms")


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
            except Exception as error:  # noqa: BLE001 - one broken plugin must not keep the others from loading
                why = error.what if isinstance(error, HubError) else f"{type(error).__name__}: {error}"
                plugins.broken.append(Broken(entry.name, distribution, redact.mask(why)))
        return plugins

    def register(self, module: Any, *, name: str | None = None) -> Plugin:
        """Add one plugin. Raises PluginError where it breaks the contract: a hook that doesn't exist, a wrong argument,
        no usable `describe`."""
        try:
            self._manager.register(module, name=name)
            self._manager.check_pending()
        except pluggy.PluginValidationError as error:
            self._manager.unregister(module)
            raise PluginError(_explain_contract(error, module)) from error
        try:
            described = module.describe()
        except AttributeError as error:
            self._manager.unregister(module)
            raise PluginError(f"plugin {name or module!r} has no describe()") from error
        if not isinstance(described, Plugin):
            self._manager.unregister(module)
            raise PluginError(f"plugin {name!r}: describe() must answer a hub.Plugin, not {type(described).__name__}")
        if name is not None and described.name != name:
            self._manager.unregister(module)
            raise PluginError(f"plugin {name!r} calls itself {described.name!r}; entry point and describe() must agree")
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

    def has(self, plugin: str, hook: str) -> bool:
        """Whether a plugin implements a hook."""
        return self._implementation(plugin, hook) is not None

    async def call(self, connection: Connection, hook: str, *, timeout: float | None = None, **arguments: Any) -> Any:
        """Call a vendor hook on the plugin that owns the connection.

        Vendor errors come through as they are. Anything else that the plugin raises, and a call that takes longer than
        the time-out, is a PluginError naming plugin and hook.
        """
        name = connection.plugin.name
        function = self._implementation(name, hook)
        if function is None:
            raise PluginError(f"plugin {name} does not implement {hook}", code="not_able")
        started = time.perf_counter()
        outcome = "failed"
        try:
            async with asyncio.timeout(timeout or self.timeout):
                result = await function(connection=connection, **arguments)
            outcome = _short(result)
        except TimeoutError as error:
            outcome = "timed out"
            raise PluginError(
                f"plugin {name}: {hook} for {connection.name} took longer than {timeout or self.timeout:.0f} s",
                code="plugin_timeout",
            ) from error
        except VendorError as error:
            outcome = f"{type(error).__name__}: {error.what}"
            raise
        except Exception as error:
            outcome = type(error).__name__
            raise _broke_contract(name, hook, error) from error
        finally:
            if self.trace is not None:
                self.trace.line(name, hook, arguments, outcome, time.perf_counter() - started)
        return result

    async def read(self, connection: Connection, hook: str, **arguments: Any) -> AsyncIterator[Any]:
        """Iterate over a reading hook (an asynchronous generator) with the time-out on each step."""
        name = connection.plugin.name
        function = self._implementation(name, hook)
        if function is None:
            raise PluginError(f"plugin {name} does not implement {hook}", code="not_able")
        started = time.perf_counter()
        count = 0
        outcome = "broke off"
        iterator = function(connection=connection, **arguments)
        try:
            while True:
                try:
                    async with asyncio.timeout(self.timeout):
                        item = await anext(iterator)
                except StopAsyncIteration:
                    break
                except TimeoutError as error:
                    raise PluginError(
                        f"plugin {name}: {hook} for {connection.name} gave nothing for {self.timeout:.0f} s",
                        code="plugin_timeout",
                    ) from error
                except VendorError:
                    raise
                except Exception as error:
                    raise _broke_contract(name, hook, error) from error
                count += 1
                yield item
            outcome = f"{count} items"
        finally:
            if inspect.isasyncgen(iterator):
                await iterator.aclose()
            if self.trace is not None:
                self.trace.line(name, hook, arguments, outcome, time.perf_counter() - started)

    async def tell(self, hook: str, event: Any, *, on_error: Callable[[str, Exception], None]) -> None:
        """Tell every observer. What one raises goes to `on_error` with the plugin's name and stops nobody else."""
        if hook not in hookspecs.OBSERVERS:
            raise ValueError(f"{hook} is not an observer hook")

        async def one(implementation: pluggy.HookImpl) -> None:
            try:
                async with asyncio.timeout(self.timeout):
                    await cast("Awaitable[None]", implementation.function(event))
            except Exception as error:  # noqa: BLE001 - an observer is a guest: its errors are reported, not raised
                on_error(implementation.plugin_name, error)

        await asyncio.gather(*(one(implementation) for implementation in self._caller(hook).get_hookimpls()))

    def _caller(self, hook: str) -> pluggy.HookCaller:
        caller: pluggy.HookCaller = getattr(self._manager.hook, hook)
        return caller

    def _implementation(self, plugin: str, hook: str) -> Callable[..., Any] | None:
        for implementation in self._caller(hook).get_hookimpls():
            if implementation.plugin_name == plugin:
                function: Callable[..., Any] = implementation.function
                return function
        return None


def _broke_contract(name: str, hook: str, error: Exception) -> PluginError:
    return PluginError(
        f"plugin {name} failed in {hook}",
        said=redact.mask(f"{type(error).__name__}: {error}"),
        fix="This is a mistake in the plugin; tell its author.",
        code="plugin_failed",
    )


def _explain_contract(error: pluggy.PluginValidationError, module: Any) -> str:
    names = [name for name in dir(module) if hasattr(getattr(module, name, None), f"{hookspecs.PROJECT}_impl")]
    known = [*hookspecs.VENDOR_HOOKS, *hookspecs.OBSERVERS, "describe"]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            return f"there is no hook {name!r}" + (f"; did you mean {near[0]!r}?" if near else "")
    return " ".join(str(error).split())


def _short(value: Any, length: int = 300) -> str:
    text = redact.mask(repr(redact.mask_value(value)))
    return text if len(text) <= length else f"{text[:length]}…"
