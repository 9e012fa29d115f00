"""Fault switches: how a simulated vendor is told to misbehave.

A switch is set as an object, as text (`--fault status=503,every=5`), or as JSON over the simulator's control path; the
three forms say the same. In text, the part behind the first `=` is the switch's main value, and options follow after
commas: `drop_after_write=0.1`, `status=429,retry_after=2,only=writes`, `stale_reads=10s`, `half_page,every=3`.
`NAME=off` switches off.
"""

from __future__ import annotations

import difflib
import random
import types
import typing
from collections.abc import Iterable, Mapping
from datetime import datetime
from fnmatch import fnmatchcase
from typing import Annotated, Any, ClassVar, Literal

import msgspec

__all__ = ["Faults", "Firing", "Outage", "Slow", "StaleReads", "Status", "Switch"]


class Switch(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """When a switch acts; by default on every request that it is about."""

    main: ClassVar[str] = "p"
    """The option that the text form puts right behind the switch's name."""

    p: Annotated[float, msgspec.Meta(ge=0, le=1)] = 1.0
    """The probability, drawn from the simulator's seed."""
    every: Annotated[int, msgspec.Meta(ge=1)] = 1
    """Only every n-th of the requests that match, the n-th being the first."""
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    """Lets that many matching requests pass first."""
    times: Annotated[int, msgspec.Meta(ge=1)] | None = None
    """Acts at most that often."""
    only: Literal["reads", "writes"] | None = None
    """Only requests that change nothing, or only those that may."""
    operation: str | None = None
    """Only operations whose name fits this pattern (`*` stands for anything)."""
    path: str | None = None
    """Only paths that fit this pattern."""

    @classmethod
    def options_of(cls, text: str) -> dict[str, str]:
        """The options that the main value of the text form stands for."""
        return {cls.main: text}


class Status(Switch, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Answers with a status and an empty body. `when` is "before" (the request takes no effect) or "after"."""

    main: ClassVar[str] = "code"

    code: Annotated[int, msgspec.Meta(ge=100, le=599)] = 503
    retry_after: Annotated[int, msgspec.Meta(ge=0)] | None = None
    """Seconds to put into a `Retry-After` header."""
    when: Literal["before", "after"] = "before"


class Slow(Switch, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Sleeps on the simulator's clock before (or after) the work is done."""

    main: ClassVar[str] = "seconds"

    seconds: Annotated[float, msgspec.Meta(ge=0)] = 1.0
    when: Literal["before", "after"] = "before"


class StaleReads(Switch, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Reads answer as things stood `writes` successful writes ago, or `seconds` ago where that is given. Things are
    remembered from the moment at which the switch is set, not from before."""

    main: ClassVar[str] = "writes"

    writes: Annotated[int, msgspec.Meta(ge=1)] = 1
    seconds: Annotated[float, msgspec.Meta(gt=0)] | None = None

    @classmethod
    def options_of(cls, text: str) -> dict[str, str]:
        return {"seconds": text.removesuffix("s")} if text.endswith("s") else {"writes": text}


class Outage(Switch, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Nothing is let in: every request is answered with a status, or loses its connection (`drop`). Lasts until it is
    switched off, or `until` a moment of the simulator's clock."""

    main: ClassVar[str] = "code"

    code: Annotated[int, msgspec.Meta(ge=400, le=599)] = 503
    drop: bool = False
    until: Annotated[datetime, msgspec.Meta(tz=True)] | None = None

    @classmethod
    def options_of(cls, text: str) -> dict[str, str]:
        return {"drop": "true"} if text == "drop" else {"code": text}


class Faults(msgspec.Struct, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The switches that every simulator has. A simulator adds its vendor's own in a subclass: a `bool` for a trait of
    the vendor, or a `Switch`."""

    status: Status | None = None
    """Answers with a status, 503 unless named."""
    drop_before_write: Switch | None = None
    """A write is lost before it takes effect: the connection breaks."""
    drop_after_write: Switch | None = None
    """A write takes effect and its answer is lost: the connection breaks."""
    slow: Slow | None = None
    """Takes its time."""
    stale_reads: StaleReads | None = None
    """Reads lag behind writes."""
    half_page: Switch | None = None
    """A list answer holds only the first half of its page, as valid JSON."""
    cut_body: Switch | None = None
    """The text of an answer stops half-way."""
    outage: Outage | None = None
    """The vendor is down."""
    garbage: Switch | None = None
    """A proxy's HTML page with status 200 instead of an answer; the request takes no effect."""
    unauthorized: Switch | None = None
    """Credentials are refused, right as they may be."""

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The switches there are."""
        return cls.__struct_fields__

    def set(self, *texts: str) -> None:
        """Set switches from their text forms. Raises ValueError that names the mistake; nothing is set then."""
        for name, value in [_parse(type(self), text) for text in texts]:
            setattr(self, name, value)

    def clear(self, *names: str) -> None:
        """Switch these off, or everything."""
        for name in names or self.names():
            setattr(self, name, _off(_kind(type(self), name)))

    def replace(self, value: Any) -> None:
        """Set switches from their JSON form (an object of switch names, or a list of text forms) and everything else
        off. Raises ValueError that names the mistake; nothing is changed then."""
        kind = type(self)
        if isinstance(value, list) and all(isinstance(text, str) for text in value):
            found = dict(_parse(kind, text) for text in value)
        elif isinstance(value, Mapping):
            found = {name: _convert(kind, name, options) for name, options in value.items()}
        else:
            raise ValueError("faults are an object of switches by name, or a list of texts like 'status=503,every=5'")
        self.clear()
        for name, switch in found.items():
            setattr(self, name, switch)

    def as_json(self) -> dict[str, Any]:
        """The switches that are on, ready for JSON."""
        shown: dict[str, Any] = msgspec.to_builtins(self)
        return shown


def _parse(faults: type[Faults], text: str) -> tuple[str, Any]:
    first, *rest = (part.strip() for part in text.split(","))
    name, _, main = first.partition("=")
    kind = _kind(faults, name)
    if main == "off":
        return name, _off(kind)
    if kind is bool:
        if rest:
            raise ValueError(f"{name} is on or off and takes no options")
        return name, _convert(faults, name, main or True)
    options: dict[str, Any] = kind.options_of(main) if main else {}
    for part in rest:
        option, equals, value = part.partition("=")
        if not equals:
            raise ValueError(f"{name}: {part!r} must look like OPTION=VALUE")
        options[option] = value
    return name, _convert(faults, name, options)


def _convert(faults: type[Faults], name: str, options: Any) -> Any:
    kind = _kind(faults, name)
    if kind is not bool:
        if options is None or options is False:
            return None
        if options is True:
            options = {}
        if isinstance(options, Mapping):
            for option in options:
                _nearest(option, kind.__struct_fields__, f"{name} has no option")
    try:
        return msgspec.convert(options, kind, strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(f"{name}: {error}") from None


def _kind(faults: type[Faults], name: str) -> Any:
    """The type of a switch: `bool`, or the kind of `Switch`."""
    _nearest(name, faults.names(), "there is no fault switch")
    hint = typing.get_type_hints(faults)[name]
    if isinstance(hint, types.UnionType):
        return next(kind for kind in typing.get_args(hint) if kind is not types.NoneType)
    return hint


def _nearest(name: str, known: Iterable[str], complaint: str) -> None:
    known = list(known)
    if name in known:
        return
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)[0]
    raise ValueError(f"{complaint} {name!r}; did you mean {near!r}? All: {', '.join(known)}")


def _off(kind: Any) -> bool | None:
    return False if kind is bool else None


class _Count(msgspec.Struct):
    switch: Switch
    seen: int = 0
    acted: int = 0


class Firing:
    """Decides, request by request, whether a switch acts; deterministic for a seed and an order of requests. Setting a
    switch anew starts its counting anew."""

    def __init__(self, seed: object) -> None:
        self._random = random.Random(f"{seed}:faults")  # noqa: S311 - faults must be repeatable, nothing is secret
        self._counts: dict[str, _Count] = {}

    def fires(self, name: str, switch: Switch | None, *, operation: str, path: str, reads: bool) -> bool:
        """Whether `switch`, which stands under `name`, acts on this request."""
        if switch is None:
            return False
        if switch.only is not None and (switch.only == "reads") is not reads:
            return False
        if switch.operation is not None and not fnmatchcase(operation, switch.operation):
            return False
        if switch.path is not None and not fnmatchcase(path, switch.path):
            return False
        count = self._counts.get(name)
        if count is None or count.switch is not switch:
            count = self._counts[name] = _Count(switch)
        count.seen += 1
        turn = count.seen - switch.after
        if turn <= 0 or turn % switch.every or (switch.times is not None and count.acted >= switch.times):
            return False
        if switch.p < 1 and self._random.random() >= switch.p:
            return False
        count.acted += 1
        return True
