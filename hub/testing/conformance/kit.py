"""What an integrator subclasses: the plugin, and what the kit can't find out by itself."""

from __future__ import annotations

import tempfile
import unittest
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from hub import hookspecs, http
from hub.clock import FrozenClock
from hub.plugins import Plugin, Plugins
from hub.quality.file import grade_file, is_reason
from hub.settings import TargetOptions
from hub.testing.conformance.bench import NOW, Bench
from hub.testing.conformance.promise import needs_of
from hub.testing.simulator import Simulator

__all__ = ["Kit", "Step", "fault", "plain"]

Step = Callable[[Bench], None]


def fault(text: str) -> Step:
    """Sets a fault switch of the simulator."""
    return lambda bench: bench.vendor.faults.set(text)


class Kit:
    """The base of a plugin's tests. Set `plugin` to its module; the rest has defaults.

    `exempt`: tests that don't fit this vendor, each with the reason why, besides those that the grade file names under
    `[kit]`; they are skipped with it. A test of several
    cases can be kept for the others: `test_name[case]`. `settings`: what a
    connection needs besides what the simulator's `settings()` says. `wrong`: settings with which the vendor refuses;
    without it every secret is changed. `words`: the names of fields in the vendor's answers that hold one of a list of
    words. `contract`: a file (OpenAPI, JSON or YAML) that says what the simulator serves; `contract_base` is what its
    addresses have in front of those of the simulator.
    """

    plugin: Any = None
    exempt: Mapping[str, str] = {}
    settings: Mapping[str, Any] = {}
    wrong: Mapping[str, Any] = {}
    words: tuple[str, ...] = ("state", "status")
    contract: Path | None = None
    exempted: Mapping[str, str] = {}
    """The exemptions that hold: with a reason, and of a test that is asked of this plugin."""

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        if cls.plugin is None:
            return
        plugin, hooks = cls.described(), cls.hooks()
        networked = plugin.simulator is not None or cls.simulator is not Kit.simulator
        staged = cls.furnish is not Kit.furnish
        exempted = dict(cls.exempted)
        said = grade_file(cls.plugin)
        cls.exempt = {**(said.kit if said is not None else {}), **cls.exempt}
        for name in list(dir(cls)):
            needs = needs_of(getattr(cls, name))
            if needs is None:
                continue
            reason = cls.exempt.get(name, "")
            if not needs.met(plugin, hooks, networked=networked, staged=staged):
                setattr(cls, name, None)
            elif is_reason(reason):
                exempted[name] = reason
                setattr(cls, name, _skipped(reason))
        cls.exempted = exempted

    # ── for the plugin's tests to override ────────────────────────────────────────────────────────────────────────

    def simulator(self, clock: FrozenClock) -> Simulator | None:
        """A new vendor."""
        factory = self.described().simulator
        made: Simulator | None = factory(clock=clock, seed=1) if factory is not None else None
        return made

    def furnish(self, bench: Bench) -> None:
        """Put something into the vendor before a test, such as a studio; and for a vendor that is not on the network,
        whatever `bench.settings` needs."""
        if self.described().kind == "booking" and self.described().simulator is not None:
            bench.vendor.furnish(12)

    def by_hand(self, bench: Bench) -> None:
        """Staff make something at the vendor which the hub must leave alone; the more it resembles what the hub makes
        (`conformance.people.GIVEN`, `FAMILY`, `EMAIL`), the better."""

    def interruptions(self) -> Iterator[tuple[str, Step]]:
        """What can break off a read, by name."""
        yield from (
            ("half a page", fault("half_page,times=1")),
            ("half of a later page", fault("half_page,after=1,times=1")),
            ("half of a body", fault("cut_body,after=1")),
            ("no answer after the first", fault("outage=drop,after=1")),
            ("no answer after the second", fault("outage=drop,after=2")),
            ("503 after the third", fault("outage,after=3")),
            ("a proxy's page after the first", fault("garbage,after=1")),
        )

    # ── what tests work with ──────────────────────────────────────────────────────────────────────────────────────

    @classmethod
    def described(cls) -> Plugin:
        """The plugin's card."""
        card: Plugin = cls.plugin.describe()
        return card

    @classmethod
    def hooks(cls) -> frozenset[str]:
        """The hooks that the plugin implements."""
        plugins = Plugins()
        name = plugins.register(cls.plugin).name
        return frozenset(hook for hook in hookspecs.VENDOR_HOOKS if plugins.has(name, hook))

    @classmethod
    def excused(cls, test: str, case: str) -> bool:
        """Whether one case of a test is exempted, with a reason."""
        return is_reason(cls.exempt.get(f"{test}[{case}]", ""))

    @classmethod
    def promises(cls) -> list[str]:
        """The tests that are asked of this plugin, exempted ones among them."""
        return [name for name in dir(cls) if needs_of(getattr(cls, name)) is not None or name in cls.exempted]

    @asynccontextmanager
    async def vendor(self) -> AsyncIterator[Bench]:
        """A new vendor on the bench, furnished."""
        clock = FrozenClock(NOW)
        simulator = self.simulator(clock)
        with tempfile.TemporaryDirectory(prefix="studiohub-kit-") as folder:
            bench = Bench(self.plugin, self.described(), simulator, clock, Path(folder))
            if simulator is not None:
                own = {name: value for name, value in simulator.settings().items() if name not in _OPTIONS}
                address = f"{bench.origin}{simulator.base_path}"
                bench.settings.update({**own, "base_url": address, "requests_per_second": 1_000_000})
            bench.settings.update(self.settings)
            self.furnish(bench)
            async with http.answering(bench.origin, bench.wire):
                try:
                    yield bench
                finally:
                    await bench.aclose()

    def wrong_settings(self, bench: Bench) -> dict[str, Any]:
        """Settings that the vendor refuses."""
        if self.wrong:
            return dict(self.wrong)
        secrets = self.described().settings.secret_names() & bench.settings.keys()
        return {name: f"not-{plain(bench.settings[name])[::-1]}" for name in secrets}


_OPTIONS = frozenset(TargetOptions.model_fields)


def plain(value: Any) -> str:
    """A setting as text, secrets in clear."""
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)


def _skipped(reason: str) -> Callable[[Kit], None]:
    def skip(self: Kit) -> None:
        # pytest knows this as a skip too, so the kit needs no pytest.
        raise unittest.SkipTest(reason)

    return skip
