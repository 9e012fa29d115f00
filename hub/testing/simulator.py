"""The base of every vendor simulator: the vendor's API in memory, as an ASGI application with fault switches.

A simulator subclasses `Simulator`, keeps its state in a `World`, and marks the methods that serve the vendor's API with
`operation`. It gets from here: finding the operation of a path, the fault switches, the log of requests, the control
path, and ids that are the same in every run.
"""

from __future__ import annotations

import copy
import logging
import random
import uuid
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, ClassVar, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import msgspec

from hub.clock import Clock, SystemClock
from hub.testing import control
from hub.testing.exchange import Log, Reject, Reply, Request
from hub.testing.faults import Faults, Firing, StaleReads, Status
from hub.testing.outbox import Delivery, Outbox
from hub.testing.routing import Operation, Routes, operations_of

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

__all__ = ["CONTROL_PATH", "Dropped", "Simulator", "World"]

CONTROL_PATH = "/_simulator"
"""Below it: `GET|PUT|DELETE /faults`, `GET|DELETE /log`, `GET /state`, `GET /ids`, `GET|POST|DELETE /webhook`, and a
POST for everything that is marked with `act`. Faults never apply there."""

GARBAGE = b"<!doctype html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>"


class Dropped(ConnectionResetError):
    """Leaves the application so that whoever serves it breaks the connection: uvicorn closes the socket after the
    answer's head, `hub.http.asgi` raises what a broken connection raises."""


def _not_dropped(record: logging.LogRecord) -> bool:
    return not (record.exc_info and isinstance(record.exc_info[1], Dropped))


class World:
    """The state of a simulated vendor: dicts and lists as attributes, the tables.

    A row is never changed in place but replaced (`table[id] = {**row, "name": name}`), so that a snapshot needs to copy
    the tables only and not the rows.
    """

    hidden: ClassVar[frozenset[str]] = frozenset()
    """Tables that the control path doesn't show."""

    def snapshot(self) -> Self:
        """The state of this moment, untouched by what happens afterwards."""
        twin = copy.copy(self)
        for name, table in vars(twin).items():
            if isinstance(table, dict | list | set):
                setattr(twin, name, table.copy())
        return twin


class Simulator:
    """A vendor in memory; the object is the ASGI application.

    `faults` may be changed at any time. `log` says what arrived. `clock` is the only source of time, and the clock on
    which the `slow` switch sleeps. The same `seed` gives the same ids and the same faults.
    """

    base_path: ClassVar[str] = ""
    """What the vendor's addresses have in front of each operation's path; a connection's `base_url` ends in it."""

    time_zone: ClassVar[ZoneInfo] = ZoneInfo("Europe/Zurich")
    """Whose wall clock is meant where somebody types a time without an offset."""

    world: World
    faults: Faults
    logins: Mapping[str, str] = {}
    """What to log in with, by the names of the plugin's settings; made up, and opens nothing else."""
    webhooks: Outbox | None = None
    """What is to be sent, where the vendor sends webhooks."""

    _routes: ClassVar[Routes]

    def __init_subclass__(cls, **options: Any) -> None:
        super().__init_subclass__(**options)
        # Once for all simulators of a kind: benchmarks make thousands.
        cls._routes = Routes(cls.operations(), cls.base_path)

    def __init__(
        self, world: World, faults: Faults | None = None, *, clock: Clock | None = None, seed: int = 1
    ) -> None:
        self.world = world
        self.faults = faults if faults is not None else Faults()
        self.clock: Clock = clock or SystemClock()
        self.seed = seed
        self.log = Log()
        self._ids = random.Random(f"{seed}:ids")  # noqa: S311 - ids must be repeatable, nothing is secret
        self._firing = Firing(seed)
        self._history: deque[tuple[datetime, World]] = deque()
        # uvicorn logs whatever leaves an application as a fault of the application; a dropped connection is meant.
        logging.getLogger("uvicorn.error").addFilter(_not_dropped)

    @property
    def app(self) -> Self:
        """The ASGI application."""
        return self

    @classmethod
    def operations(cls) -> list[Operation]:
        """Everything that this simulator serves."""
        return operations_of(cls)

    def when(self, text: str) -> datetime:
        """A moment as somebody types it in a control call."""
        return control.moment_of(text, self.clock.now(), self.time_zone)

    def new_id(self) -> str:
        """The next id; looks like a random UUID."""
        return str(uuid.UUID(int=self._ids.getrandbits(128), version=4))

    # ── for the vendor's simulator to override ────────────────────────────────────────────────────────────────────

    def authorize(self, request: Request) -> None:
        """Check the credentials of a request. Raises Reject."""

    def refuse(self) -> Reply:
        """The vendor's answer to bad credentials."""
        return Reply(401)

    def settings(self) -> dict[str, Any]:
        """What a connection to it is set to, `base_url` aside."""
        return dict(self.logins)

    def furnish(self, members: int) -> None:
        """Begin anew with a made-up studio of so many members; with none, empty. Vendors that aren't booking systems
        leave it."""

    def ids(self) -> dict[str, dict[str, str]]:
        """What it holds by the words of a studio file (`resource`, `pass`, `group`, …) and by `member`, `session` and
        `booking`: names by id."""
        return {}

    def tell(self, delivery: Delivery) -> None:
        """Put a webhook into the outbox; it is sent when the control call that it came of is done."""
        if self.webhooks is not None:
            self.webhooks.waiting.append(delivery)

    def webhooks_go_to(self) -> list[str]:
        """The hosts that webhooks are sent to. The rest of an address is a secret of the hub."""
        address = None if self.webhooks is None else self.webhooks.address
        return [] if address is None else [urlsplit(address).netloc]

    def subscribe_by_hand(self, address: str) -> None:
        """A person types the address for webhooks into the vendor's pages."""
        if self.webhooks is not None:
            self.webhooks.address = address

    def forget_webhook(self) -> None:
        """The person takes it out again."""
        if self.webhooks is not None:
            self.webhooks.address = None

    def not_found(self, allowed: Iterable[str]) -> Reply:
        """The vendor's answer for a path that it doesn't have, or has for the `allowed` methods only."""
        methods = ", ".join(sorted(allowed))
        return Reply(405, headers={"allow": methods}) if methods else Reply(404)

    # ── serving ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await _lifespan(scope, receive, send)
            return
        method, path = scope["method"], scope["path"]
        body = b"" if method == "GET" else await _read(receive)
        if path == CONTROL_PATH or path.startswith(CONTROL_PATH + "/"):
            await _send(send, await control.answer(self, method, path.removeprefix(CONTROL_PATH), body))
            return
        call = self._receive(method, path, scope, body)
        status: int | None = None
        try:
            reply = await self._answer(call)
            status = reply.status
        except Dropped:
            # A server that was told nothing yet would answer 500 in the application's place.
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
            raise
        finally:
            self.log.add(
                self.clock.now(),
                operation=call.name,
                reads=call.reads,
                method=method,
                path=path,
                status=status,
                fault=" ".join(call.acted),
            )
        await _send(send, reply, cut="cut_body" in call.acted)

    def _receive(self, method: str, path: str, scope: Scope, body: bytes) -> _Call:
        raw_path: bytes = scope.get("raw_path") or b""
        quoted = b"%" in raw_path
        place = self._routes.find(raw_path.decode("latin-1") if quoted else path, quoted=quoted)
        request = Request(method, path, {}, scope["query_string"], scope["headers"], body)
        call = _Call(request, reads=method == "GET")
        if place is not None:
            call.allowed = place[0].methods
            if method in call.allowed:
                found, names = call.allowed[method]
                call.name, call.reads, call.run = found.name, found.reads, getattr(self, found.run)
                request.values = dict(zip(names, place[1], strict=True))
        return call

    def _fires(self, call: _Call, name: str) -> bool:
        switch = getattr(self.faults, name)
        if switch is None:
            return False
        fired = self._firing.fires(name, switch, operation=call.name, path=call.request.path, reads=call.reads)
        if fired:
            call.acted.append(name)
        return fired

    async def _answer(self, call: _Call) -> Reply:
        """The work, with everything that a vendor and a network can do wrong before and after it."""
        outage = self.faults.outage
        if outage is not None:
            if outage.until is not None and self.clock.now() >= outage.until:
                self.faults.outage = None
            elif self._fires(call, "outage"):
                if outage.drop:
                    raise Dropped
                return Reply(outage.code)
        slow = self.faults.slow if self._fires(call, "slow") else None
        if slow is not None and slow.when == "before":
            await self.clock.sleep(slow.seconds)
        if self._fires(call, "garbage"):
            return Reply(200, content=GARBAGE, headers={"content-type": "text/html; charset=utf-8"})
        if self._fires(call, "unauthorized"):
            return self.refuse()
        status = self.faults.status if self._fires(call, "status") else None
        if status is not None and status.when == "before":
            return _broken(status)
        if not call.reads and self._fires(call, "drop_before_write"):
            raise Dropped
        reply = self._do(call)
        if slow is not None and slow.when == "after":
            await self.clock.sleep(slow.seconds)
        if not call.reads and self._fires(call, "drop_after_write"):
            raise Dropped
        if status is not None:
            return _broken(status)
        if reply.items_in is not None and self._fires(call, "half_page"):
            reply = reply.halved()
        if reply.value is not msgspec.UNSET or reply.content:
            self._fires(call, "cut_body")
        return reply

    def _do(self, call: _Call) -> Reply:
        """The work itself, on the world as it is or, for a stale read, as it was."""
        present = self.world
        stale = self.faults.stale_reads
        remembered = False
        try:
            self.authorize(call.request)
            if call.run is None:
                return self.not_found(call.allowed)
            if stale is None:
                self._history.clear()
            elif not call.reads:
                self._history.append((self.clock.now(), present.snapshot()))
                remembered = True
            elif self._fires(call, "stale_reads"):
                self.world = self._past(stale)
            reply = _as_reply(call.run(call.request))
        except Reject as rejected:
            reply = rejected.reply
        finally:
            self.world = present
        if remembered and reply.status >= 400:
            self._history.pop()
        elif remembered and stale is not None:
            self._forget(stale)
        return reply

    def _past(self, switch: StaleReads) -> World:
        """The world that stale reads see. Each item of the history is the world right before a successful write."""
        self._forget(switch)
        return self._history[0][1] if self._history else self.world

    def _forget(self, switch: StaleReads) -> None:
        """Drop what is older than stale reads look."""
        history = self._history
        if switch.seconds is None:
            while len(history) > switch.writes:
                history.popleft()
        else:
            moment = self.clock.now() - timedelta(seconds=switch.seconds)
            while history and history[0][0] <= moment:
                history.popleft()


class _Call:
    """A request on its way through: what it is for, and which switches acted on it."""

    __slots__ = ("acted", "allowed", "name", "reads", "request", "run")

    def __init__(self, request: Request, *, reads: bool) -> None:
        self.request = request
        self.reads = reads
        self.name = ""
        self.run: Callable[[Request], Any] | None = None
        self.allowed: Mapping[str, Any] = {}
        self.acted: list[str] = []


def _as_reply(result: Any) -> Reply:
    if isinstance(result, Reply):
        return result
    return Reply(204) if result is None else Reply(200, result)


def _broken(status: Status) -> Reply:
    return Reply(status.code, headers=None if status.retry_after is None else {"retry-after": str(status.retry_after)})


async def _read(receive: Receive) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    while message.get("more_body", False):
        message = await receive()
        body += message.get("body", b"")
    return body


async def _send(send: Send, reply: Reply, *, cut: bool = False) -> None:
    body = reply.body()
    if cut:
        body = body[: len(body) // 2]
    headers = [] if reply.status == 204 else [(b"content-length", b"%d" % len(body))]
    if reply.value is not msgspec.UNSET:
        headers.append((b"content-type", b"application/json"))
    for name, value in (reply.headers or {}).items():
        headers.append((name.encode("latin-1"), value.encode("latin-1")))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _lifespan(scope: Scope, receive: Receive, send: Send) -> None:
    """Nothing is to be done at start and end; other kinds of connection are refused."""
    if scope["type"] != "lifespan":
        raise ValueError(f"a simulator speaks HTTP only, not {scope['type']}")
    while (kind := (await receive())["type"]) != "lifespan.shutdown":
        await send({"type": f"{kind}.complete"})
    await send({"type": "lifespan.shutdown.complete"})
