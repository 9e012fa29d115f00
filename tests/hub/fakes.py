"""Made-up vendors and connections for tests of the core, which knows no real ones."""

from __future__ import annotations

import types
from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr

from hub import ConnectionSettings, Plugin, hookimpl
from hub.clock import FrozenClock
from hub.connection import Connection
from hub.plugins import Ability, Plugins
from tests.harness import NOW

__all__ = ["Settings", "connected", "fake_plugin", "vendors"]


class Settings(ConnectionSettings):
    """Settings of a vendor that asks for nothing."""


class AnnySettings(ConnectionSettings):
    """A source with a token."""

    access_token: SecretStr
    organization_id: str


class MomenceSettings(ConnectionSettings):
    """A source with two secrets, one of which may be left out."""

    client_id: str
    client_secret: SecretStr
    username: str = ""
    password: SecretStr | None = None


class SpiviSettings(ConnectionSettings):
    """A tracker."""

    site_id: str
    source_name: str = "hub"
    password: SecretStr
    page_size: int = Field(100, ge=1, le=500)


def fake_plugin(
    name: str,
    kind: Any = "booking",
    settings: type[ConnectionSettings] = Settings,
    **hooks: Callable[..., Any],
) -> Any:
    """A plugin module with these hooks. Without `describe` among them it gets a usable one."""
    module = types.ModuleType(f"fake_{name}")

    @hookimpl
    def describe() -> Plugin:
        return Plugin(
            name=name, title=name.title(), kind=kind, settings=settings, abilities=frozenset({Ability.GROUPS})
        )

    for hook, function in {"describe": describe, **hooks}.items():
        setattr(module, hook, function)
    return module


def vendors(*more: Any) -> Plugins:
    """The installed plugins that need no booking system on the network, and made-up ones with a few settings each under
    the names of others: what is tested with them is the core, not what a vendor asks for."""
    made_up = {
        "anny": ("booking", AnnySettings),
        "momence": ("booking", MomenceSettings),
        "bsport": ("booking", Settings),
        "spivi": ("tracker", SpiviSettings),
    }
    plugins = Plugins.discover(blocked=[*made_up, "sportsnow"])
    for name, (kind, settings) in made_up.items():
        plugins.register(fake_plugin(name, kind, settings), name=name)
    for module in more:
        plugins.register(module)
    return plugins


def connected(
    plugin: Plugin | None = None, *, name: str = "door", settings: ConnectionSettings | None = None
) -> Connection:
    """An open connection of a plugin."""
    return Connection(
        name=name,
        plugin=plugin or fake_plugin("fake", "lock").describe(),
        settings=settings or Settings(),
        timezone=ZoneInfo("Europe/Zurich"),
        instance="cafe0001",
        clock=FrozenClock(NOW),
    )
