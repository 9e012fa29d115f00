"""The assumed routes of the simulated SportsNow. ASSUMED as a whole: see `assumed`."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import ClassVar
from zoneinfo import ZoneInfo

from hub.testing import Faults, Reject, Reply, Request, Simulator, operation
from plugins.booking.sportsnow._sim_world import Row, SportsNowWorld

__all__ = ["Assumed", "SportsNowFaults"]

PROVIDER = "/platform/api/v1/provider/{provider}"
LARGEST_PAGE = 100


class SportsNowFaults(Faults, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The usual switches, and what clients of other years say of the timetable."""

    date_in_body: bool = False
    """The date counts in the body and not in the query, as clients of 2020 have it: every query answers this week."""
    lesson_ids: bool = False
    """Rows have an `id`, as a client of 2020 read it. It is not the lesson's number."""
    no_location: bool = False
    """Rows have no `location_name`."""
    without_meta: bool = False
    """The assumed lists don't say how many pages they have."""


class Assumed(Simulator):
    """Lists with plain paging and a bearer token; which of it is so at the vendor is unknown."""

    world: SportsNowWorld
    faults: SportsNowFaults
    base_path: ClassVar[str] = ""
    provider: str
    token: str
    zone: ZoneInfo

    def at_studio(self, request: Request) -> None:
        """The studio must be this one."""
        if request["provider"] != self.provider:
            raise Reject(Reply(404))

    def allowed(self, request: Request) -> None:
        """The token must be right, and the studio this one."""
        if request.header("authorization") != f"Bearer {self.token}":
            raise Reject(self.refuse())
        self.at_studio(request)

    def refuse(self) -> Reply:
        return Reply(401, {"message": "Unauthorized"})

    def listed(self, request: Request, rows: Iterable[Row]) -> Reply:
        """A page of a list, in the order of creation."""
        size = min(_number(request, "per_page", 25), LARGEST_PAGE)
        number, found = _number(request, "page", 1), list(rows)
        body: Row = {"data": found[(number - 1) * size : number * size]}
        if not self.faults.without_meta:
            body["meta"] = {"page": number, "total_pages": max(1, -(-len(found) // size))}
        return Reply(200, body, items_in="data")

    @operation("assumedListCustomers", f"GET {PROVIDER}/customers")
    def list_customers(self, request: Request) -> Reply:
        self.allowed(request)
        return self.listed(request, self.world.customers.values())

    @operation("assumedListPasses", f"GET {PROVIDER}/passes")
    def list_passes(self, request: Request) -> Reply:
        self.allowed(request)
        return self.listed(request, self.world.passes.values())

    @operation("assumedListCustomerPasses", f"GET {PROVIDER}/customer_passes")
    def list_customer_passes(self, request: Request) -> Reply:
        self.allowed(request)
        customer = request.query.get("customer_id")
        rows = self.world.customer_passes.values()
        return self.listed(request, (row for row in rows if customer in {None, str(row["customer_id"])}))

    @operation("assumedListLocations", f"GET {PROVIDER}/locations")
    def list_locations(self, request: Request) -> Reply:
        self.allowed(request)
        return self.listed(request, self.world.locations.values())

    @operation("assumedListInstructors", f"GET {PROVIDER}/instructors")
    def list_instructors(self, request: Request) -> Reply:
        self.allowed(request)
        return self.listed(request, self.world.instructors.values())

    @operation("assumedListSessions", f"GET {PROVIDER}/service_sessions")
    def list_sessions(self, request: Request) -> Reply:
        self.allowed(request)
        since, until = request.query.get("from", ""), request.query.get("to", "9999")
        rows = (row for row in self.world.lessons.values() if since <= row["begin"][:10] <= until)
        return self.listed(request, (self._session(row) for row in rows))

    @operation("assumedListBookings", f"GET {PROVIDER}/service_sessions/{{id}}/bookings")
    def list_bookings(self, request: Request) -> Reply:
        self.allowed(request)
        if not any(str(identifier) == request["id"] for identifier in self.world.lessons):
            raise Reject(Reply(404))
        rows = self.world.bookings.values()
        return self.listed(request, (row for row in rows if str(row["service_session_id"]) == request["id"]))

    def _session(self, row: Row) -> Row:
        times = {
            name: datetime.fromisoformat(row[source]).replace(tzinfo=self.zone).isoformat()
            for name, source in (("starts_at", "begin"), ("ends_at", "end"))
        }
        kept = ("id", "name", "instructor_id", "location_id", "capacity", "cancelled")
        return {**{name: row[name] for name in kept}, **times}


def _number(request: Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text)):
        raise Reject(Reply(400, {"message": f"{name} must be a number from 1"}))
    return int(text)
