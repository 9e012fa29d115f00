"""What the author of a plugin tests with: the base of vendor simulators and their fault switches.

A simulator is the vendor in memory, so that tests, the demo and an integrator's first day need no account. Serve it
with `serve`, or hand it to `hub.http.answering` and stay in the process. `Conformance` is the kit of tests that every
plugin is held to; it is loaded when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hub.testing.control import Id, act, wrong
from hub.testing.exchange import Entry, Log, Reject, Reply, Request
from hub.testing.faults import Faults, Outage, Slow, StaleReads, Status, Switch
from hub.testing.front_desk import FrontDesk
from hub.testing.outbox import Delivery, Outbox
from hub.testing.routing import Operation, operation
from hub.testing.serving import serve, serve_in_thread
from hub.testing.simulator import CONTROL_PATH, Simulator, World

if TYPE_CHECKING:
    from hub.testing.conformance import Conformance

__all__ = [
    "CONTROL_PATH",
    "Conformance",
    "Delivery",
    "Entry",
    "Faults",
    "FrontDesk",
    "Id",
    "Log",
    "Operation",
    "Outage",
    "Outbox",
    "Reject",
    "Reply",
    "Request",
    "Simulator",
    "Slow",
    "StaleReads",
    "Status",
    "Switch",
    "World",
    "act",
    "operation",
    "serve",
    "serve_in_thread",
    "wrong",
]


def __getattr__(name: str) -> Any:
    if name != "Conformance":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from hub.testing.conformance import Conformance

    return Conformance
