"""The contract between the hub and its plugins: every hook that a plugin can implement.

A plugin is a module (or any object) named by an entry point in the group `studiohub.plugins`; its functions are marked
with `hookimpl`. All hooks but `describe` are asynchronous. A *vendor hook* is called on the one plugin that owns the
connection, never on the others; it gets that `Connection` first, and raises nothing but the errors of `hub.errors`. An
*observer hook* is called on every plugin that has it; what it raises is logged and goes no further.

Implement only the hooks your vendor can serve, and declare the matching abilities in `describe`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING

import pluggy

if TYPE_CHECKING:
    from hub.connection import Connection
    from hub.events import AccessChanged, MetricsArrived, RunFinished
    from hub.grants import (
        Check,
        Grant,
        Granted,
        Hint,
        Observed,
        Opening,
        Person,
        PersonOutcome,
        Result,
        Revoked,
        Rider,
        Seat,
        SeatOutcome,
        SessionOutcome,
        TrackerSeat,
        TrackerSession,
        WebhookRequest,
    )
    from hub.plugins import Plugin
    from hub.records import Complete, Page, Problem, Window

__all__ = ["OBSERVERS", "PROJECT", "VENDOR_HOOKS", "hookimpl", "hookspec"]

PROJECT = "studiohub"

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)
"""Marks a function of a plugin as the implementation of the hook of that name."""


@hookspec
def describe() -> Plugin:  # type: ignore[empty-body]
    """Say what this plugin is: name, title, kind, settings model, abilities, simulator. The only hook that must be
    there, and the only one that is not asynchronous. Called once when the plugin is loaded; must not do any I/O."""


# ── every vendor ──────────────────────────────────────────────────────────────────────────────────────────────────


@hookspec
async def verify(connection: Connection) -> Sequence[Check]:  # type: ignore[empty-body]
    """Try the connection and say, thing by thing, what works and what doesn't. Called before a connection is saved, on
    `studiohub verify`, and after settings change. Changes nothing at the vendor. Problems are checks, not errors."""


# ── booking systems ───────────────────────────────────────────────────────────────────────────────────────────────


@hookspec
def read_records(connection: Connection, window: Window) -> AsyncIterator[Page | Problem | Complete]:  # type: ignore[empty-body]
    """Read the source, page by page; an asynchronous generator.

    Yield `Page`s of one kind each (a few hundred records at most), a `Problem` for each record that can't be read, and
    `Complete` last, naming the kinds of which everything was sent. Without that mark nothing is ever taken as gone, so
    a read that breaks off simply raises. `window` limits kinds that have times.
    """


@hookspec
async def read_webhook(connection: Connection, request: WebhookRequest) -> Sequence[Hint]:  # type: ignore[empty-body]
    """Authenticate one webhook delivery and say what to read again. Also for locks. Raises `FixSettings` for a request
    that is not from the vendor. The delivery's data is never used itself: it is only a hint."""


@hookspec
async def subscribe_webhooks(
    connection: Connection, address: str, secret: str, signing_secret: str | None
) -> str | None:
    """See to it that the vendor sends its webhooks to this address, and only once. Idempotent: called once a day, and
    whenever the address has changed. `secret` is the secret part of the address: what a header is made from that the
    vendor sends along (`read_webhook` finds it in the request). A vendor that signs with a secret of its own gives it
    out here: what is returned is kept sealed, handed to `read_webhook`, and is `signing_secret` the next time; None
    leaves what is kept. Also for locks."""


# ── locks ─────────────────────────────────────────────────────────────────────────────────────────────────────────


@hookspec
async def list_openings(connection: Connection) -> Sequence[Opening]:  # type: ignore[empty-body]
    """The access groups and locks (or boxes of a tracker) that mapping rows can name."""


@hookspec
async def sync_members(connection: Connection, people: Sequence[Person]) -> Sequence[PersonOutcome]:  # type: ignore[empty-body]
    """Make these people exist at the vendor as described, and return one outcome for each: a `Link`, a
    `PersonConflict` or `Failed`.

    Idempotent. A person with a `vendor_id` is brought up to date, one with `look_first` is searched by marker before
    anything is created, and nobody is ever adopted by name or e-mail unless the vendor's own key is the e-mail. One
    person's failure must not keep the others from being done. Called for locks with people before `grant_access`, and
    for trackers once a day and when somebody is new.
    """


@hookspec
async def grant_access(connection: Connection, grant: Grant) -> Granted:  # type: ignore[empty-body]
    """Make this grant stand at the vendor exactly as described, whatever stands there now, and read it back.

    Idempotent: a second call with the same grant changes nothing. Never repeats a call that creates after its answer
    was lost; it raises `Unconfirmed`, and the hub calls again with `look_first` set.
    """


@hookspec
async def revoke_access(connection: Connection, grant: Grant) -> Revoked:  # type: ignore[empty-body]
    """Take this grant back at the vendor. Idempotent: what is already gone is success. Touches only what the hub made:
    groups in `our_groups`, badges in `our_badges`, the visit or code in `vendor_id`."""


@hookspec
def observe_access(connection: Connection, only: Sequence[str] | None) -> AsyncIterator[Sequence[Observed]]:  # type: ignore[empty-body]
    """Read back what stands at the vendor, in pages; an asynchronous generator. `only` names vendor ids to look at one
    by one; None asks for everything. Finishing without an error means that everything was listed."""


# ── trackers ──────────────────────────────────────────────────────────────────────────────────────────────────────


@hookspec
async def session_created(connection: Connection, session: TrackerSession) -> SessionOutcome:  # type: ignore[empty-body]
    """Create a class at the tracker. Idempotent by marker: an event that carries it is adopted, no other ever is.

    Raises `FixRecord` for a class that the tracker can't hold (`code` says why), and `Unconfirmed` where the answer was
    lost; the hub calls again with `look_first` set.
    """


@hookspec
async def session_changed(connection: Connection, session: TrackerSession) -> SessionOutcome:  # type: ignore[empty-body]
    """Bring a class up to date; one that is as it should be is left alone, so the hub also calls it to compare, and
    finds in the outcome who sits where. The vendor may give it a new id: `seat_taken` calls follow for every seat."""


@hookspec
async def session_cancelled(connection: Connection, session: TrackerSession) -> SessionOutcome:  # type: ignore[empty-body]
    """Cancel a class that the hub created. Already gone is success."""


@hookspec
async def session_restored(connection: Connection, session: TrackerSession) -> SessionOutcome:  # type: ignore[empty-body]
    """Bring a cancelled class back. Its seats are taken again by `seat_taken` calls that follow."""


@hookspec
async def seat_taken(connection: Connection, seat: Seat) -> SeatOutcome:  # type: ignore[empty-body]
    """Put a rider on a seat, whichever other seat of the class the vendor has them on. Idempotent.

    Raises `NotFound` where the vendor has the class no longer, `Conflict` (`seat_occupied`) where somebody else has the
    seat, and `FixRecord` (`live_withheld`) for a rider who must not be shown and is not on any seat now.
    """


@hookspec
async def seat_moved(connection: Connection, seat: Seat) -> SeatOutcome:  # type: ignore[empty-body]
    """Move a rider from `previous_seat` to `seat`. Idempotent.

    Where somebody else still has the new seat it raises `Conflict` (`seat_occupied`), and the rider's old seat is free
    by then: of two riders who swap, the second can move, and the first is moved by another call.
    """


@hookspec
async def seat_freed(connection: Connection, seat: Seat) -> SeatOutcome:  # type: ignore[empty-body]
    """Take a rider out of a class. Already gone is success."""


@hookspec
async def read_layout(connection: Connection, box: str) -> Sequence[TrackerSeat] | None:
    """The seats of a box; None where the tracker can't tell."""


@hookspec
async def fetch_metrics(  # type: ignore[empty-body]
    connection: Connection, session: TrackerSession, riders: Sequence[Rider]
) -> Sequence[Result]:
    """The results of a class, per rider. Empty while there are none yet: the hub asks again later."""


# ── observers ─────────────────────────────────────────────────────────────────────────────────────────────────────


@hookspec
async def access_changed(event: AccessChanged) -> None:
    """A grant was confirmed, removed, or failed."""


@hookspec
async def run_finished(event: RunFinished) -> None:
    """A run ended, well or not."""


@hookspec
async def metrics_arrived(event: MetricsArrived) -> None:
    """Results of a class arrived or changed."""


OBSERVERS = frozenset({"access_changed", "run_finished", "metrics_arrived"})

VENDOR_HOOKS = frozenset(
    name
    for name, value in list(globals().items())
    if callable(value) and hasattr(value, f"{PROJECT}_spec") and name not in OBSERVERS and name != "describe"
)
