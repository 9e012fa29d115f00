"""exivo under the hub's conformance kit."""

from __future__ import annotations

from hub.testing.conformance import Bench, Conformance
from plugins import exivo
from plugins.exivo.simulator import ExivoSimulator

__all__ = ["Kit"]


class Kit(Conformance):
    """A site where staff know somebody of the same name."""

    plugin = exivo
    words = ("formFactor", "gender", "type", "state")

    def by_hand(self, bench: Bench) -> None:
        assert isinstance(bench.vendor, ExivoSimulator)  # noqa: S101 - for the type checker
        bench.vendor.add_by_hand(firstName="Anna", lastName="Graf")
