"""What the parts of the simulated Spivi share: its faults, its forms, its XML, its ways to refuse."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, ClassVar
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

import msgspec

from hub.testing import Faults, Reject, Reply, Request, Simulator, Switch
from plugins.spivi._sim_world import Row, SpiviWorld

__all__ = ["Form", "SpiviBase", "SpiviFaults", "answered", "items", "refused"]

_KEY = re.compile(r"\[([^\]]*)\]")
_INDEX = re.compile(r"[0-9]{1,4}")


class Inside(Switch, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Answers HTTP 200 with an error code in the body, before the work or, with `done`, after it."""

    main: ClassVar[str] = "code"

    code: Annotated[int, msgspec.Meta(ge=0, le=999)] = 500
    message: str = "Something went wrong"
    done: bool = False


class Late(Switch, frozen=True, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """Results are there only so many minutes after the end of a class."""

    main: ClassVar[str] = "minutes"

    minutes: Annotated[float, msgspec.Meta(ge=0)] = 45


class SpiviFaults(Faults, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The usual switches, and one for everything that is not known of Spivi."""

    error_inside: Inside | None = None
    """HTTP 200 with an error in it."""
    late_results: Late | None = None
    """Results come late."""
    http_statuses: bool = False
    """A refusal has its code as HTTP status too."""
    seats_from_one: bool = False
    """Seat ids begin at 1, not at 0."""
    no_event_id: bool = False
    """The answer to creating an event doesn't name it."""
    no_box_id: bool = False
    """Events don't show their box."""
    add_moves: bool = False
    """Adding a rider again moves them; otherwise it is refused."""
    add_again_succeeds: bool = False
    """Adding a rider to the seat that they have is a success; otherwise it is refused."""
    seats_shared: bool = False
    """A taken seat takes another rider; otherwise adding is refused."""
    remove_absent_fails: bool = False
    """Removing somebody who isn't booked is refused."""
    update_blanks: bool = False
    """Changing a profile empties what is left out."""
    unlisted_clients: bool = False
    """Asking for clients without a filter answers none."""
    add_links: bool = False
    """Adding somebody who rides elsewhere links them; otherwise it is refused."""
    results_unfiltered: bool = False
    """Asking for one event's result answers every workout of the period."""
    bare_results: bool = False
    """Workouts don't say whose and of which event they are."""
    documented_only: bool = False
    """Calls that nobody has seen are answered with HTTP 404."""


Form = dict[str, Any]


class Xml(Reply):
    """An XML answer, halved by its items."""

    __slots__ = ("tree",)

    def __init__(self, tree: Mapping[str, Any], *, status: int = 200, items_in: str | None = None) -> None:
        text = f'<?xml version="1.0" encoding="utf-8"?><Response>{_xml(tree)}</Response>'
        headers = {"content-type": "application/xml; charset=utf-8"}
        super().__init__(status, content=text.encode(), headers=headers, items_in=items_in)
        self.tree = tree

    def halved(self) -> Reply:
        if self.items_in is None:
            return self
        ((name, items),) = self.tree[self.items_in].items()
        return Xml({**self.tree, self.items_in: {name: items[: len(items) // 2]}}, items_in=self.items_in)


def _xml(value: Any) -> str:
    if isinstance(value, Mapping):
        return "".join(_element(name, item) for name, item in value.items())
    return "" if value is None else escape(str(value))


def _element(name: str, value: Any) -> str:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return "".join(_element(name, item) for item in value)
    return f"<{name}>{_xml(value)}</{name}>"


def answered(container: str = "", item: str = "", rows: Sequence[Any] = ()) -> Reply:
    """A success, with a list where there is one."""
    if not container:
        return Xml({"ErrorCode": 200})
    return Xml({"ErrorCode": 200, container: {item: list(rows)}}, items_in=container)


def refused(code: int, message: str, container: str = "", *, status: int = 200) -> Reject:
    """A refusal: HTTP 200 with a code and, inside the list's element where there is one, a text (documented)."""
    said = {"message": message}
    return Reject(Xml({"ErrorCode": code, **({container: said} if container else said)}, status=status))


class SpiviBase(Simulator):
    """Helpers for the operations."""

    world: SpiviWorld
    faults: SpiviFaults

    def _do(self, call: Any) -> Reply:
        switch = self.faults.error_inside if self._fires(call, "error_inside") else None
        if switch is not None and not switch.done:
            return refused(switch.code, switch.message).reply
        reply = super()._do(call)
        return reply if switch is None else refused(switch.code, switch.message).reply

    def form(self, request: Request) -> Form:
        """The body with its brackets undone. JSON bodies are refused: whether Spivi takes them is unknown."""
        if not request.header("content-type").startswith("application/x-www-form-urlencoded"):
            raise self.bad(422, "a form is expected")
        form: Form = {}
        for key, value in parse_qsl(request.body.decode("utf-8", "replace"), keep_blank_values=True):
            first, *inner = key.split("[", 1)
            _put(form, [first, *_KEY.findall(f"[{inner[0]}" if inner else "")], value)
        return form

    def bad(self, code: int, message: str, container: str = "") -> Reject:
        """A refusal in the way that the switches say."""
        return refused(code, message, container, status=code if self.faults.http_statuses else 200)

    def given(self, form: Form, *names: str) -> list[str]:
        """Fields that have to be there."""
        for name in names:
            if not form.get(name):
                raise self.bad(422, f"{name} is missing")
        return [form[name] for name in names]

    def found(self, table: Mapping[str, Row], identifier: Any, what: str, container: str = "") -> Row:
        """A row, or the refusal of an unknown id."""
        row = table.get(str(identifier))
        if row is None:
            raise self.bad(404, f"There is no such {what}", container)
        return row

    def number(self) -> str:
        """The next id."""
        self.world.last["id"] = self.world.last.get("id", 55100) + 1
        return str(self.world.last["id"])

    def placeholder(self) -> None:
        """Refuse a call that nobody has seen where the switches say so."""
        if self.faults.documented_only:
            raise Reject(Reply(404, content=b"<html><body>Not Found</body></html>"))


def items(form: Form, name: str) -> list[str]:
    """A list field."""
    value = form.get(name, {})
    if not isinstance(value, dict):
        return [str(value)]
    return [str(value[key]) for key in sorted(value, key=lambda key: int(key) if _INDEX.fullmatch(key) else 0)]


def _put(form: Form, path: list[str], value: str) -> None:
    for name in path[:-1]:
        inner = form.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        form = inner
    form[path[-1]] = value
