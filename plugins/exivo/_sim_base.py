"""What the parts of the simulated exivo share: its faults, its ways to refuse, its lists and bodies."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, ClassVar, TypeVar

import msgspec

from hub.testing import Faults, Reject, Reply, Request, Simulator
from plugins.exivo._sim_payloads import EmptyPayload, Payload, moment_text
from plugins.exivo._sim_world import ExivoWorld, Row

__all__ = ["ExivoBase", "ExivoFaults", "bad"]

P = TypeVar("P", bound=Payload)


class ExivoFaults(Faults, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The usual switches, and the ways in which sources disagree about exivo."""

    masked_codes: bool = False
    """Reads show a visit's code as "****"."""
    second_medium_blocks: bool = False
    """Assigning a second medium blocks the person's first one."""
    link_absent: bool = False
    """Visits have no link."""
    refuse_past_valid_from: bool = False
    """A visit that starts in the past is refused."""
    unique_codes: bool = False
    """A visit whose code another visit still uses is refused."""


def bad(message: str) -> Reject:
    """Input, id or state that the vendor refuses. The body's shape is inferred from clients."""
    return Reject(Reply(400, {"message": message}))


class ExivoBase(Simulator):
    """Helpers for the operations."""

    base_path: ClassVar[str] = "/v1"

    world: ExivoWorld
    faults: ExivoFaults

    def moment(self) -> str:
        """The present, as the vendor writes it."""
        return moment_text(self.clock.now())

    def found(self, table: Mapping[str, Row], identifier: str) -> Row:
        """A row for reading; an unknown id answers 404 with an empty body."""
        row = table.get(identifier)
        if row is None:
            raise Reject(Reply(404))
        return row

    def target(self, table: Mapping[str, Row], identifier: str, what: str) -> Row:
        """A row for writing; an unknown id answers 400."""
        row = table.get(identifier)
        if row is None:
            raise bad(f"unknown {what}")
        return row

    def payload(self, request: Request, shape: type[P], *, required: bool = True) -> P:
        """The body, checked. One that isn't required may be missing altogether."""
        if not request.body and not required:
            value: Any = {}
        else:
            value = self.json(request)
        try:
            return msgspec.convert(value, shape)
        except msgspec.ValidationError as error:
            raise bad(str(error)) from None

    def nothing(self, request: Request) -> None:
        """Check the body of an operation that needs none."""
        self.payload(request, EmptyPayload, required=False)

    def json(self, request: Request) -> Any:
        """The body as JSON. The contract asks for the content type; what happens without is unknown, so it is refused
        and a client that forgets it is told."""
        if not request.header("content-type").lower().startswith("application/json"):
            raise bad("Content-Type must be application/json")
        try:
            return request.json()
        except ValueError as error:
            raise bad(str(error)) from None

    def page(self, request: Request, rows: Iterable[Row], view: Callable[[Row], Row] | None = None) -> Reply:
        """A list answer: `skip`, `limit` (0: all), `sort`, `sortDir`; each item as `view` shows it.

        Which fields may be sorted by is unknown: any that holds plain values is taken, and any other is ignored rather
        than refused. Without `sort` the order is that of creation, and `sortDir` turns that round.
        """
        query = request.query
        skip, limit = _count(query, "skip"), _count(query, "limit")
        if query.get("sort") or query.get("sortDir") == "desc":
            rows = [view(row) for row in rows] if view else list(rows)
            view = None
            _sort(rows, query.get("sort", ""), down=query.get("sortDir") == "desc")
        part = islice(rows, skip, skip + limit if limit else None)
        return Reply(200, [view(row) for row in part] if view else list(part), items_in="")


def _count(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "0")
    if not (text.isascii() and text.isdigit()):
        raise bad(f"{name} must be a number of items")
    return int(text) if len(text) < 10 else 10**9


def _sort(rows: list[Row], field: str, *, down: bool) -> None:
    if field and all(isinstance(row.get(field), str | bool | int | None) for row in rows):
        rows.sort(key=lambda row: (row.get(field) is not None, row.get(field)))
    if down:
        rows.reverse()
