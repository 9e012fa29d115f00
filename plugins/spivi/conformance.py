"""Spivi under the hub's conformance kit."""

from __future__ import annotations

from datetime import timedelta

from hub.testing.conformance import Bench, Conformance
from plugins import spivi
from plugins.spivi.simulator import SpiviSimulator

__all__ = ["Kit"]


class Kit(Conformance):
    """A site where staff planned a session of their own, for a rider of the same name."""

    plugin = spivi
    words = ("IsCancelled", "Gender", "message")

    def by_hand(self, bench: Bench) -> None:
        if isinstance(bench.vendor, SpiviSimulator):
            bench.vendor.add_by_hand("anna.g@example.org", "Anna", "Graf")
            starts = bench.clock.now() + timedelta(days=1, hours=1)
            bench.vendor.add_event_by_hand("Ride 45", starts, starts + timedelta(minutes=45))
