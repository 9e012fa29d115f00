"""Nuki under the hub's conformance kit."""

from __future__ import annotations

from hub.testing.conformance import Bench, Conformance
from hub.testing.control import acts_of
from plugins import nuki
from plugins.nuki.simulator import NukiSimulator

__all__ = ["Kit"]


class Kit(Conformance):
    """An account where staff delete a code in the app, which Nuki announces."""

    plugin = nuki

    def announce(self, bench: Bench) -> None:
        vendor = bench.vendor
        if isinstance(vendor, NukiSimulator):
            getattr(vendor, acts_of(NukiSimulator)["delete-code"].run)(id=next(iter(vendor.world.auths)))
