"""What the parts of the simulated Nuki share: its faults, its ways to refuse, its bodies."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, TypeVar

import msgspec

from hub.testing import Faults, Reject, Reply, Request, Simulator, Switch
from plugins.nuki._sim_world import NukiWorld, Row

__all__ = ["Late", "NukiBase", "NukiFaults", "bad", "moment_text"]

P = TypeVar("P")


class Late(Switch, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Locks carry out what they are told so many seconds later."""

    main: ClassVar[str] = "seconds"

    seconds: Annotated[float, msgspec.Meta(ge=0)] = 60


class Room(Switch, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """A lock holds so many codes and app users."""

    main: ClassVar[str] = "codes"

    codes: Annotated[int, msgspec.Meta(ge=0)] = 200


class NukiFaults(Faults, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The usual switches, and the ways in which Nuki is known to surprise."""

    late: Late | None = None
    """Locks take their time."""
    room: Room | None = None
    """Locks are full."""
    lost: Switch | None = None
    """A request about a code is answered with 204, and nothing ever comes of it."""
    busy: Switch | None = None
    """A request about a code is answered with 423."""
    ghost_delete: bool = False
    """A deleted code stays listed, and in the lock, until the lock is synced."""
    leftover_code: bool = False
    """A deleted code is listed no more, and its digits stay taken until the lock is synced."""
    hidden_codes: bool = False
    """Lists don't show codes."""
    hidden_secrets: bool = False
    """The list of webhooks doesn't show their secrets."""
    no_keypad: bool = False
    """No lock has a keypad."""
    not_paid: bool = False
    """The account is not paid."""
    no_webhooks: bool = False
    """The account has no Advanced API access."""


def bad(message: str) -> Reject:
    """A parameter that is refused. The body's shape is inferred from the forum."""
    return Reject(Reply(400, {"detailMessage": message}))


def moment_text(at: datetime) -> str:
    """A moment as Nuki writes it."""
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


class NukiBase(Simulator):
    """Helpers for the operations."""

    world: NukiWorld
    faults: NukiFaults

    def found(self, table: Mapping[str, Row], key: str) -> Row:
        """A row, or 404."""
        row = table.get(key)
        if row is None:
            raise Reject(Reply(404, {"detailMessage": "not found"}))
        return row

    def payload(self, request: Request, shape: type[P]) -> P:
        """The body, checked."""
        if not request.header("content-type").lower().startswith("application/json"):
            raise bad("Content-Type must be application/json")
        try:
            return msgspec.convert(request.json(), shape)
        except (ValueError, msgspec.ValidationError) as error:
            raise bad(str(error)) from None

    def fires(self, name: str, request: Request, operation: str) -> bool:
        """Whether one of Nuki's own switches acts on this request."""
        switch = getattr(self.faults, name)
        return self._firing.fires(name, switch, operation=operation, path=request.path, reads=False)

    def log_entry(self, lock: Row, action: int, **fields: Any) -> None:
        """Write down that a lock did something."""
        key = str(self.world.number("log"))
        self.world.logs[key] = {
            "id": key,
            "smartlockId": lock["smartlockId"],
            "deviceType": lock["type"],
            "name": "",
            "action": action,
            "trigger": 4,
            "state": 0,
            "autoUnlock": False,
            "date": moment_text(self.clock.now()),
            **fields,
        }
