"""Resivo under the hub's conformance kit."""

from __future__ import annotations

from hub.testing.conformance import Conformance
from plugins import resivo

__all__ = ["Kit"]


class Kit(Conformance):
    """The simulator as it is made."""

    plugin = resivo
