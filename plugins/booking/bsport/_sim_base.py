"""What the parts of the simulated bsport share: its state, its traits, its ways to refuse, its lists and times."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub import times
from hub.testing import Faults, Reject, Reply, Request, Simulator, World

__all__ = ["BsportBase", "BsportFaults", "BsportWorld", "Row", "bad", "missing"]

Row = dict[str, Any]


class BsportFaults(Faults, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The usual switches, and what nobody knows about bsport, one way or the other."""

    guessed_lists: bool = False
    """`venues/` and `teachers/` exist. They are guesses, so by default they don't."""
    days_excluded: bool = False
    """The days that limit a period don't belong to it."""
    refuse_large_page: bool = False
    """A page that is larger than the largest is refused, instead of cut down to that."""
    waiting_looks_accepted: bool = False
    """A waiting-list entry reads OK on the management interface."""
    local_times: bool = False
    """Times have no offset."""


class BsportWorld(World):
    """The tables of a studio, by id. One id space: a class is `session_id` on a booking and `offer` on the classic
    interface, a client is `member` there, a client pass is `consumer_payment_pack` (GitHub sebastianbrosche/heatlagos).

    Rows hold the management interface's names; `spot_id`, `waiting`, `name`, `capacity` and `coach_override` are shown
    by the classic one only."""

    def __init__(self) -> None:
        self.clients: dict[int, Row] = {}
        self.tags: dict[int, Row] = {}
        self.passes: dict[int, Row] = {}
        self.client_passes: dict[int, Row] = {}
        self.classes: dict[int, Row] = {}
        self.bookings: dict[int, Row] = {}
        self.teachers: dict[int, Row] = {}
        self.venues: dict[int, Row] = {}


def bad(*sentences: str) -> Reject:
    """Input that the vendor refuses."""
    return Reject(Reply(400, {"non_field_errors": list(sentences)}))


def missing() -> Reject:
    """An unknown id, or a page behind the last."""
    return Reject(Reply(404, {"detail": "Not found."}))


class BsportBase(Simulator):
    """Helpers for the operations. `zone` is the studio's."""

    world: BsportWorld
    faults: BsportFaults
    zone: ZoneInfo
    company_id: int
    largest_page: int

    _numbers: itertools.count[int]

    def found(self, table: Mapping[int, Row], text: str) -> Row:
        """The row of an id. Raises Reject for an unknown one."""
        row = table.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 19 else None
        if row is None:
            raise missing()
        return row

    def time_text(self, moment: datetime) -> str:
        """A moment as the vendor writes it: the studio's wall clock with its offset."""
        local = moment.astimezone(self.zone)
        return (local.replace(tzinfo=None) if self.faults.local_times else local).isoformat()

    def matching(self, request: Request, rows: Iterable[Row], **fields: str) -> list[Row]:
        """The rows in which a field is what the query says; `fields` are names of the query by field."""
        kept = list(rows)
        for field, name in fields.items():
            text = request.query.get(name)
            if text is None:
                continue
            wanted = whole_number(name, text)
            kept = [row for row in kept if row.get(field) == wanted]
        return kept

    def within(
        self, request: Request, rows: Iterable[Row], start_of: Callable[[Row], datetime], first: str, last: str
    ) -> list[Row]:
        """The rows that start in the period of the query. Days are those of `X-Timezone-Name`."""
        zone = self._zone_of(request)
        low, high = (limit(name, request.query.get(name), zone) for name in (first, last))
        outside = 1 if self.faults.days_excluded else 0

        def inside(row: Row) -> bool:
            at = start_of(row)
            for bound, sign in ((low, 1), (high, -1)):
                if isinstance(bound, datetime) and (at - bound).total_seconds() * sign < 0:
                    return False
                if not isinstance(bound, date) or isinstance(bound, datetime):
                    continue
                if (at.astimezone(zone).date() - bound).days * sign < outside:
                    return False
            return True

        return [row for row in rows if inside(row)]

    def page_of(self, request: Request, rows: list[Row]) -> tuple[list[Row], int | None, int | None]:
        """The page that is asked for, and the numbers of the next and the previous one. No other order than that of
        creation is taken. Raises Reject for a page that doesn't exist."""
        page = whole_number("page", request.query.get("page", "1"))
        size = whole_number("page_size", request.query.get("page_size", "20"))
        if page < 1 or size < 1:
            raise bad("page and page_size are one at least")
        if size > self.largest_page:
            if self.faults.refuse_large_page:
                raise Reject(Reply(400, {"error": f"page_size is {self.largest_page} at most"}))
            size = self.largest_page
        start = (page - 1) * size
        if page > 1 and start >= len(rows):
            raise Reject(Reply(404, {"detail": "Invalid page."}))
        more = page + 1 if start + size < len(rows) else None
        return rows[start : start + size], more, page - 1 or None

    def body(self, request: Request, *needed: str) -> Row:
        """The body, in which these numbers must be. Raises Reject."""
        try:
            value = request.json()
        except ValueError as error:
            raise bad(str(error)) from None
        if not isinstance(value, dict):
            raise bad("an object is expected")
        for name in needed:
            if not isinstance(value.get(name), int) or isinstance(value.get(name), bool):
                raise bad(f"{name} is required")
        return value

    def _zone_of(self, request: Request) -> ZoneInfo:
        try:
            return times.zone(request.header("x-timezone-name") or str(self.zone))
        except ValueError as error:
            raise bad(str(error)) from None


def whole_number(name: str, text: str) -> int:
    """A number of the query. Raises Reject."""
    if not (text.isascii() and text.isdigit() and len(text) < 19):
        raise bad(f"{name} must be a whole number")
    return int(text)


def limit(name: str, text: str | None, zone: ZoneInfo) -> date | datetime | None:
    """A day or a local moment of the query. Raises Reject."""
    if text is None:
        return None
    try:
        if len(text) == len("2026-01-01"):
            return date.fromisoformat(text)
        moment = datetime.fromisoformat(text)
        return moment.astimezone(UTC) if moment.tzinfo else times.local_to_utc(moment, zone)
    except (ValueError, OverflowError):
        raise bad(f"{name} must be a date") from None
