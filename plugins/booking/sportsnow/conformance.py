"""SportsNow under the hub's conformance kit."""

from __future__ import annotations

from hub.testing.conformance import Conformance
from plugins.booking import sportsnow

__all__ = ["Kit"]


class Kit(Conformance):
    """A furnished studio."""

    plugin = sportsnow
    words = ("status",)
