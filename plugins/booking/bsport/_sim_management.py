"""The simulated bsport: the management interface."""

from __future__ import annotations

from typing import Any

from hub.testing import Reject, Reply, Request, operation
from plugins.booking.bsport._sim_base import BsportBase, Row, bad, missing

__all__ = ["Management"]

BASE = "/api/v1/management"


class Management(BsportBase):
    """`{count, next, previous, results}`, and every address ends in a slash."""

    def listing(self, request: Request, rows: list[Row]) -> Reply:
        """A page of a list. A list that is asked for in some order is refused."""
        if "ordering" in request.query:
            raise bad("ordering is not accepted")
        items, following, before = self.page_of(request, rows)

        def link(page: int | None) -> str | None:
            return None if page is None else f"https://public.production.bsport.io{request.path}?page={page}"

        value = {"count": len(rows), "next": link(following), "previous": link(before), "results": items}
        return Reply(200, value, items_in="results")

    # ── clients and tags ──────────────────────────────────────────────────────────────────────────────────────────

    @operation("listClients", f"GET {BASE}/clients/")
    def list_clients(self, request: Request) -> Reply:
        """Members, by e-mail or by a word in name or e-mail."""
        rows = list(self.world.clients.values())
        if (email := request.query.get("email")) is not None:
            rows = [row for row in rows if row["email"].lower() == email.lower()]
        if (word := request.query.get("search")) is not None:
            rows = [row for row in rows if word.lower() in f"{row['fullname']} {row['email']}".lower()]
        return self.listing(request, rows)

    @operation("getClient", f"GET {BASE}/clients/{{id}}/")
    def get_client(self, request: Request) -> Row:
        """One member."""
        return self.found(self.world.clients, request["id"])

    @operation("tagClient", f"POST {BASE}/clients/{{id}}/tag/")
    def tag_client(self, request: Request) -> Reply:
        """Put a tag on a member; one that is there already stays."""
        client = self.found(self.world.clients, request["id"])
        tag = self.body(request, "tag_id")["tag_id"]
        if tag not in self.world.tags:
            raise bad(f"there is no tag {tag}")
        tags = [*client["tag_ids"], tag] if tag not in client["tag_ids"] else client["tag_ids"]
        self.world.clients[client["id"]] = {**client, "tag_ids": tags}
        return Reply(200)

    @operation("listTags", f"GET {BASE}/tags/")
    def list_tags(self, request: Request) -> Reply:
        """Tags."""
        return self.listing(request, list(self.world.tags.values()))

    # ── passes ────────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("listPasses", f"GET {BASE}/passes/")
    def list_passes(self, request: Request) -> Reply:
        """Pass templates."""
        return self.listing(request, list(self.world.passes.values()))

    @operation("listClientPasses", f"GET {BASE}/client-passes/")
    def list_client_passes(self, request: Request) -> Reply:
        """Passes that members hold."""
        rows = self.world.client_passes.values()
        return self.listing(request, self.matching(request, rows, client_id="client_id", pass_id="pass_id"))  # noqa: S106

    # ── classes and bookings ──────────────────────────────────────────────────────────────────────────────────────

    @operation("listClasses", f"GET {BASE}/classes/")
    def list_classes(self, request: Request) -> Reply:
        """Classes of a period."""
        names = {name: name for name in ("service_id", "teacher_id", "venue_id")}
        rows = self.matching(request, self.world.classes.values(), **names)
        rows = self.within(request, rows, lambda row: row["at"], "period_start", "period_end")
        return self.listing(request, [self.class_view(row) for row in rows])

    def class_view(self, row: Row) -> Row:
        """A class as management shows it: neither name nor capacity."""
        names = ("id", "teacher_id", "duration_in_minutes", "is_cancelled", "venue_id", "service_id")
        return {**{name: row[name] for name in names if name in row}, "starts_at": self.time_text(row["at"])}

    @operation("listBookings", f"GET {BASE}/bookings/")
    def list_bookings(self, request: Request) -> Reply:
        """Bookings by the date of their class."""
        rows = self.matching(request, self.world.bookings.values(), client_id="client_id")
        first, last = "session_started_after_date", "session_started_before_date"
        rows = self.within(request, rows, lambda row: self.world.classes[row["session_id"]]["at"], first, last)
        return self.listing(request, [self.booking_view(row) for row in rows])

    def booking_view(self, row: Row) -> Row:
        """A booking as management shows it: without its spot. The word for a waiting-list entry is made up."""
        shown = {name: value for name, value in row.items() if name not in {"spot_id", "waiting"}}
        if row["waiting"] and not self.faults.waiting_looks_accepted:
            shown["booking_status_code"] = "WAITING"
        return {**shown, "session_start_at": self.time_text(self.world.classes[row["session_id"]]["at"])}

    @operation("createBooking", f"POST {BASE}/bookings/")
    def create_booking(self, request: Request) -> Reply:
        """Book a member into classes. Capacity is not looked at, and no spot can be named (heatlagos)."""
        body = self.body(request, "client_id", "client_pass_id")
        wanted = [*(body.get("class_ids") or []), *(body.get("session_ids") or [])]
        if body["client_id"] not in self.world.clients:
            raise bad(f"there is no client {body['client_id']}")
        if not wanted or any(one not in self.world.classes for one in wanted):
            raise bad("class_ids or session_ids must name classes")
        spot = next(self._numbers) if body.get("should_auto_assign_spot") is True else None
        made = [self.book(body["client_id"], one, client_pass=body["client_pass_id"], spot=spot) for one in wanted]
        return Reply(201, [self.booking_view(self.world.bookings[one]) for one in made])

    # ── guesses ───────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("listTeachers", f"GET {BASE}/teachers/")
    def list_teachers(self, request: Request) -> Reply:
        """Instructors; nobody has seen this list."""
        return self._guessed(request, self.world.teachers)

    @operation("listVenues", f"GET {BASE}/venues/")
    def list_venues(self, request: Request) -> Reply:
        """Locations; nobody has seen this list."""
        return self._guessed(request, self.world.venues)

    @operation("listRoomPlans", f"GET {BASE}/room-plans/")
    def list_room_plans(self, request: Request) -> Reply:
        """The product has room plans and no public address for them, so there is nothing here."""
        raise missing()

    def _guessed(self, request: Request, table: dict[int, Row]) -> Reply:
        if not self.faults.guessed_lists:
            raise Reject(Reply(404, {"detail": "Not found."}))
        return self.listing(request, list(table.values()))

    # ── what staff do ─────────────────────────────────────────────────────────────────────────────────────────────

    def add(self, table: dict[int, Row], **fields: Any) -> int:
        """A new row with the next id; `fields` may name another."""
        number: int = fields.pop("id", None) or next(self._numbers)
        table[number] = {"id": number, **fields}
        return number

    def book(
        self, client: int, class_id: int, *, client_pass: int | None = None, spot: int | None = None, **fields: Any
    ) -> int:
        """Book a member into a class; the booking's id. `waiting`: on the waiting list."""
        row: Row = {
            "client_id": client,
            "client_pass_id": client_pass,
            "session_id": class_id,
            "booking_status_code": "OK",
            "created_at": self.time_text(self.clock.now()),
            "canceled_at": None,
            "has_attended": None,
            "is_no_show": None,
            "spot_id": spot,
            "waiting": False,
        }
        return self.add(self.world.bookings, **{**row, **fields})
