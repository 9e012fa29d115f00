"""What a simulator can be told while it runs, at `/_simulator`: faults, what staff and customers do, webhooks.

A method that is marked with `act` can be called as `POST /_simulator/NAME`: its parameters are the members of a JSON
object. What is wrong with them is answered as `{"message", "fix"}`.
"""

from __future__ import annotations

import contextlib
import inspect
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar, get_type_hints
from zoneinfo import ZoneInfo

import msgspec

from hub import times
from hub.testing.exchange import Reject, Reply
from hub.testing.outbox import MODES, unfit

if TYPE_CHECKING:
    from hub.testing.simulator import Simulator

__all__ = ["Act", "Id", "act", "acts_of", "answer", "moment_of", "wrong"]

F = TypeVar("F", bound=Callable[..., Any])

Id = str | int
"""An id as somebody types it; vendors with numbers take them as text too."""

FARTHEST = timedelta(days=3660)
_AHEAD = re.compile(r"([+-])(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}
_OWN = ("faults", "log", "state", "ids", "webhook")


class Act(msgspec.Struct, frozen=True, kw_only=True):
    """Something that staff or customers do. `payload` is the shape of the body."""

    name: str
    run: str
    payload: type[msgspec.Struct]
    says: str

    def as_json(self) -> dict[str, Any]:
        """What it takes."""
        fields = msgspec.structs.fields(self.payload)
        takes = [one.encode_name if one.required else f"[{one.encode_name}]" for one in fields]
        return {"call": f"POST /_simulator/{self.name}", "takes": " ".join(takes), "does": self.says}


def act(name: str) -> Callable[[F], F]:
    """Marks a method of a simulator as what `POST /_simulator/NAME` does. It takes keywords that are text, numbers or
    flags, answers a dict, and raises `wrong` for input that can't be used."""

    def mark(function: F) -> F:
        function.__dict__["act"] = name
        return function

    return mark


def acts_of(owner: type) -> Mapping[str, Act]:
    """The marked methods of a class by the name of their act."""
    return _acts(owner)


@cache
def _acts(owner: type) -> Mapping[str, Act]:
    found = {}
    for run in dir(owner):
        function = getattr(owner, run, None)
        name = getattr(function, "act", None)
        if not isinstance(name, str) or function is None:
            continue
        hints = get_type_hints(function)
        fields: list[Any] = [
            (one.name, hints[one.name]) if one.default is one.empty else (one.name, hints[one.name], one.default)
            for one in inspect.signature(function).parameters.values()
            if one.name != "self"
        ]
        payload = msgspec.defstruct(
            name, fields, rename=lambda field: field.rstrip("_"), forbid_unknown_fields=True, kw_only=True
        )
        says = " ".join((inspect.getdoc(function) or "").partition("\n\n")[0].split())
        found[name] = Act(name=name, run=run, payload=payload, says=says)
    return found


def wrong(message: str, fix: str = "", *, status: int = 400) -> Reject:
    """Input that can't be used, and what would be right."""
    return Reject(Reply(status, {"message": message, "fix": fix}))


def moment_of(text: str, now: datetime, zone: ZoneInfo) -> datetime:
    """A moment as somebody types it: `now`, `+30m`, `-2h`, `+1d`, or a date and time, which is on the studio's wall
    clock unless it has an offset. Raises Reject."""
    now = now.replace(microsecond=0)
    moment: datetime | None = now if text == "now" else None
    with contextlib.suppress(ValueError, OverflowError):
        if ahead := _AHEAD.fullmatch(text):
            sign = -1 if ahead[1] == "-" else 1
            moment = now + sign * timedelta(**{_UNITS[ahead[3]]: int(ahead[2])})
        elif moment is None:
            written = datetime.fromisoformat(text)
            moment = written.astimezone(UTC) if written.tzinfo else times.local_to_utc(written, zone)
    if moment is None or abs(moment - now) > FARTHEST:
        raise wrong(f"{text!r} is no time, or too far away", "Write now, +30m, +2h, +1d or 2026-11-23T18:00.")
    return moment


async def answer(simulator: Simulator, method: str, path: str, body: bytes) -> Reply:
    """The answer to one control call, as somebody at a terminal wants to read it."""
    reply = await _answer(simulator, method, path, body)
    if reply.value is msgspec.UNSET:
        return reply
    text = msgspec.json.format(reply.body(), indent=2) + b"\n"
    return Reply(reply.status, content=text, headers={"content-type": "application/json", **(reply.headers or {})})


async def _answer(simulator: Simulator, method: str, path: str, body: bytes) -> Reply:
    try:
        if path in {"", "/"} and method == "GET":
            return Reply(200, {"calls": [one.as_json() for one in acts_of(type(simulator)).values()]})
        if path == "/webhook":
            return _webhook(simulator, method, body)
        found = acts_of(type(simulator)).get(path.removeprefix("/"))
        if found is not None:
            if method != "POST":
                return Reply(405, {"message": f"{found.name} is a POST", "fix": ""}, headers={"allow": "POST"})
            return await _perform(simulator, found, body)
        return _look(simulator, method, path, body)
    except Reject as rejected:
        return rejected.reply


def _look(simulator: Simulator, method: str, path: str, body: bytes) -> Reply:
    """Faults, the log, the state."""
    if path == "/faults":
        if method == "PUT":
            try:
                simulator.faults.replace(msgspec.json.decode(body))
            except (ValueError, msgspec.DecodeError) as error:
                return Reply(400, {"message": str(error)})
        elif method == "DELETE":
            simulator.faults.clear()
        elif method != "GET":
            return Reply(405, headers={"allow": "DELETE, GET, PUT"})
        return Reply(200, simulator.faults.as_json())
    if path == "/log" and method in {"GET", "DELETE"}:
        if method == "DELETE":
            simulator.log.clear()
        return Reply(200, simulator.log.as_json())
    if path == "/state" and method == "GET":
        hidden = simulator.world.hidden
        return Reply(200, {name: table for name, table in vars(simulator.world).items() if name not in hidden})
    if path == "/ids" and method == "GET":
        return Reply(200, simulator.ids())
    known = ", ".join([*_OWN, *acts_of(type(simulator))])
    return Reply(404, {"message": f"there is no {method} /_simulator{path}", "fix": f"There are: {known}."})


async def _perform(simulator: Simulator, found: Act, body: bytes) -> Reply:
    given = _object(body)
    mode = given.pop("webhooks", None)
    if mode is not None and mode not in MODES:
        raise wrong(f"webhooks can't be {mode!r}", f"It is one of {', '.join(MODES)}.")
    try:
        payload = msgspec.convert(given, found.payload)
    except msgspec.ValidationError as error:
        text = str(error).replace("Object ", "the body ").replace(" - at `$.", " in `")
        raise wrong(text, f"{found.name} takes: {found.as_json()['takes']}.") from None
    outbox = simulator.webhooks
    if outbox is not None:
        outbox.waiting.clear()
    result: dict[str, Any] = getattr(simulator, found.run)(
        **{name: getattr(payload, name) for name in payload.__struct_fields__}
    )
    if outbox is not None:
        result = {**result, "webhooks": await outbox.flush(mode)}
    return Reply(200, result)


def _webhook(simulator: Simulator, method: str, body: bytes) -> Reply:
    outbox = simulator.webhooks
    if outbox is None:
        raise wrong("this vendor sends no webhooks here", "It is read when it is time.", status=404)
    if method == "DELETE":
        simulator.forget_webhook()
        outbox.mode = "send"
    elif method == "POST":
        given = _object(body)
        if unknown := given.keys() - {"address", "mode"}:
            raise wrong(f"unknown: {', '.join(sorted(unknown))}", "webhook takes: [address] [mode].")
        mode, address = given.get("mode", outbox.mode), given.get("address")
        if mode not in MODES:
            raise wrong(f"mode can't be {mode!r}", f"It is one of {', '.join(MODES)}.")
        if address is not None:
            why = unfit(address) if isinstance(address, str) else "it is no text"
            if why is not None:
                raise wrong(f"webhooks can't be sent to this address: {why}", "`studiohub webhook NAME` prints it.")
            simulator.subscribe_by_hand(address)
        outbox.mode = mode
    elif method != "GET":
        return Reply(405, headers={"allow": "DELETE, GET, POST"})
    return Reply(200, {"mode": outbox.mode, "goes_to": simulator.webhooks_go_to(), "sent": list(outbox.sent)})


def _object(body: bytes) -> dict[str, Any]:
    try:
        value = msgspec.json.decode(body or b"{}")
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise wrong(f"the body is not JSON: {error}", "Send an object, such as {}.") from None
    if not isinstance(value, dict):
        raise wrong("the body is not a JSON object", 'Send one, such as {"booking": "b-1"}.')
    return value
