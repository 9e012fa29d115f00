"""Nuki in memory: all operations of `nuki.openapi.yaml`, and locks that carry out what they are told some time later.

What a source states is in the contract; where none does, a comment at the place says what was decided.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from hub.clock import Clock, SystemClock
from hub.testing import Reject, Reply, Request, act, wrong
from hub.testing.outbox import Outbox
from plugins.nuki._sim_auths import CODE, KEYPAD
from plugins.nuki._sim_base import NukiFaults, moment_text
from plugins.nuki._sim_devices import Devices
from plugins.nuki._sim_world import LOCKS, NukiWorld, Row, opens_now

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["API_TOKEN", "LOCKS", "NukiFaults", "NukiSimulator"]

API_TOKEN = "nuki-simulated-api-token-7d41c09e"  # noqa: S105 - opens nothing but a simulator


class NukiSimulator(Devices):
    """A Nuki account. `locks` are names by id; each has a keypad and a code that staff made. They carry out what they
    are told `delay` seconds later."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        api_token: str = API_TOKEN,
        locks: Mapping[str, str] | None = None,
        delay: float = 2.0,
    ) -> None:
        super().__init__(NukiWorld(), NukiFaults(), clock=clock, seed=seed)
        self.logins = {"api_token": api_token}
        self.webhooks = Outbox()
        self.delay = delay
        self._tasks: set[asyncio.Task[None]] = set()
        for key, name in (LOCKS if locks is None else locks).items():
            self.world.locks[key] = _lock(key, name)
            self.add_by_hand(key, "Keypad", type=KEYPAD)
            self.add_by_hand(key, "Cleaning", code=583946)

    def authorize(self, request: Request) -> None:
        if request.header("authorization") != f"Bearer {self.logins['api_token']}":
            raise Reject(self.refuse())
        if self.faults.no_keypad:
            for key in [key for key, row in self.world.auths.items() if row["type"] == KEYPAD]:
                del self.world.auths[key]
        self.settle()

    def settings(self) -> dict[str, Any]:
        return {**self.logins, "policy": "sync"}

    def ids(self) -> dict[str, dict[str, str]]:
        return {"lock": {key: row["name"] for key, row in self.world.locks.items()}}

    def webhooks_go_to(self) -> list[str]:
        return sorted({row["webhookUrl"].split("/")[2] for row in self.world.hooks.values()})

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await super().__call__(scope, receive, send)
        if isinstance(self.clock, SystemClock) and self.world.jobs:
            # Served to a hub: the locks act, and webhooks are sent, without anybody asking.
            task = asyncio.create_task(self._later())
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _later(self) -> None:
        await asyncio.sleep(self.seconds() + 0.1)
        self.settle()
        await self.send_webhooks()

    async def send_webhooks(self) -> list[dict[str, Any]]:
        """Send what waits; what became of each."""
        assert self.webhooks is not None  # noqa: S101 - made with the simulator
        return await self.webhooks.flush()

    # ── at the doors ──────────────────────────────────────────────────────────────────────────────────────────────

    def code_opens(self, code: str, lock: str, at: datetime | None = None) -> bool:
        """Whether the keypad of a lock opens to a code now, or at another moment."""
        held = [*self.world.auths.values(), *self.world.leftovers.values()]
        return any(
            str(row["smartlockId"]) == lock
            and row["type"] == CODE
            and str(row.get("code")) == code
            and opens_now(row, at or self.clock.now())
            for row in held
        )

    def codes(self, lock: str | None = None) -> list[Row]:
        """The keypad codes that are listed, of one lock or of all."""
        rows = self.world.auths.values()
        return [row for row in rows if row["type"] == CODE and lock in {None, str(row["smartlockId"])}]

    def add_by_hand(self, lock: str, name: str, *, type: int = CODE, code: int | None = None, **fields: Any) -> Row:
        """Staff add a code in the Nuki app, or pair a keypad."""
        key, now = self.new_id(), moment_text(self.clock.now())
        row: Row = {
            "id": key,
            "smartlockId": int(lock),
            "authId": self.world.number("auth"),
            "type": type,
            "name": name,
            "code": code,
            "enabled": True,
            "remoteAllowed": False,
            "lockCount": 0,
            "creationDate": now,
            "updateDate": now,
            **fields,
        }
        self.world.auths[key] = row
        return row

    def set_server_state(self, lock: str, state: int) -> None:
        """A lock loses its connection (4), or is back (0)."""
        self.world.locks[lock] = {**self.world.locks[lock], "serverState": state}

    @act("open")
    def _open(self, *, lock: str, code: str) -> Row:
        """Somebody types a code at a door."""
        row = self.world.locks[self._lock_named(lock)]
        opened = self.code_opens(code, str(row["smartlockId"]))
        if opened:
            self.log_entry(row, 1, trigger=255, source=1)
        return {"lock": lock, "opened": opened}

    @act("offline")
    def _offline(self, *, lock: str) -> Row:
        """A lock loses its connection: what it is told waits."""
        self.set_server_state(self._lock_named(lock), 4)
        return {"lock": lock, "serverState": 4}

    @act("online")
    def _online(self, *, lock: str) -> Row:
        """A lock is back, and carries out what waited."""
        self.set_server_state(self._lock_named(lock), 0)
        self.settle()
        return {"lock": lock, "serverState": 0}

    @act("settle")
    def _settle(self) -> Row:
        """The locks carry out what is due."""
        self.settle()
        return {"waiting": len(self.world.jobs)}

    @act("delete-code")
    def _delete_code(self, *, id: str) -> Row:
        """Staff delete a code in the Nuki app."""
        if id not in self.world.auths:
            raise wrong(f"there is no code {id!r}", "`/_simulator/state` lists them under auths.", status=404)
        self._do_delete({"auth": id})
        return {"id": id}

    def _lock_named(self, lock: str) -> str:
        if lock not in self.world.locks:
            listed = ", ".join(f"{key} ({name})" for key, name in self.ids()["lock"].items())
            raise wrong(f"there is no lock {lock!r}", f"There are: {listed}.", status=404)
        return lock

    def refuse(self) -> Reply:
        return Reply(401, {"detailMessage": "Your access token is not authorized"})


def _lock(key: str, name: str) -> Row:
    return {
        "smartlockId": int(key),
        "accountId": 1,
        "type": 4,
        "authId": 1,
        "name": name,
        "serverState": 0,
        "adminPinState": 0,
        "state": {
            "mode": 2,
            "state": 1,
            "trigger": 0,
            "lastAction": 2,
            "batteryCritical": False,
            "batteryCharge": 80,
            "keypadBatteryCritical": False,
            "doorState": 2,
        },
    }
