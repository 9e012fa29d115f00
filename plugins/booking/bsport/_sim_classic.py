"""The simulated bsport: the classic interface, which the web app uses, and the widget's published timetable."""

from __future__ import annotations

from collections.abc import Iterable

from hub.testing import Reject, Reply, Request, operation
from plugins.booking.bsport._sim_base import BsportBase, Row, whole_number

__all__ = ["Classic"]


class Classic(BsportBase):
    """`{links: {next, previous}, next_page, count, results}`."""

    def classic_listing(self, request: Request, rows: list[Row]) -> Reply:
        """A page of a list."""
        items, following, before = self.page_of(request, rows)

        def link(page: int | None) -> str | None:
            return None if page is None else f"https://api.production.bsport.io{request.path}?page={page}"

        value = {
            "links": {"next": link(following), "previous": link(before)},
            "next_page": following,
            "count": len(rows),
            "results": items,
        }
        return Reply(200, value, items_in="results")

    # ── classic ───────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("classicListOffers", "GET /api/v1/offer/")
    def classic_list_offers(self, request: Request) -> Reply:
        """Classes."""
        return self.classic_listing(request, self._offers(request))

    @operation("classicGetOffer", "GET /api/v1/offer/{id}/")
    def classic_get_offer(self, request: Request) -> Row:
        """One class with the ids of its bookings."""
        return self.offer_view(self.found(self.world.classes, request["id"]))

    @operation("classicListBookings", "GET /api/v1/booking/")
    def classic_list_bookings(self, request: Request) -> Reply:
        """Bookings of a class or a member, with their spots."""
        rows = self.matching(request, self.world.bookings.values(), session_id="offer", client_id="member")
        if (code := request.query.get("booking_status_code")) is not None:
            rows = [row for row in rows if self._code(row) == whole_number("booking_status_code", code)]
        start_of = {row["id"]: self.world.classes[row["session_id"]]["at"] for row in rows}
        rows = self.within(request, rows, lambda row: start_of[row["id"]], "min_date", "max_date")
        return self.classic_listing(request, [self.offer_booking_view(row) for row in rows])

    @operation("classicGetCoach", "GET /api/v1/coach/{id}/")
    def classic_get_coach(self, request: Request) -> Row:
        """One instructor."""
        return coach_view(self.found(self.world.teachers, request["id"]))

    # ── widget ────────────────────────────────────────────────────────────────────────────────────────────────────

    @operation("widgetListOffers", "GET /book/v1/offer/")
    def widget_list_offers(self, request: Request) -> Reply:
        """Published classes; no sign-in."""
        return self.classic_listing(request, self._offers(request))

    @operation("widgetListCoaches", "GET /book/v1/coach/")
    def widget_list_coaches(self, request: Request) -> Reply:
        """Instructors; no sign-in."""
        rows: Iterable[Row] = self.world.teachers.values()
        if "company" in request.query:
            rows = rows if self._ours(request) else ()
        return self.classic_listing(request, [coach_view(row) for row in rows])

    # ── views ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _ours(self, request: Request) -> bool:
        return whole_number("company", request.query.get("company", "")) == self.company_id

    def _offers(self, request: Request) -> list[Row]:
        if "company" not in request.query:
            raise Reject(Reply(400, {"error": "company is required"}))
        if not self._ours(request):
            return []
        rows = self.within(request, self.world.classes.values(), lambda row: row["at"], "min_date", "max_date")
        return [self.offer_view(row) for row in rows]

    def offer_view(self, row: Row) -> Row:
        """A class as classic shows it: `available` false means cancelled, `effectif` is its capacity, and entries of
        the waiting list are in `booking_options`."""
        booked = [one for one in self.world.bookings.values() if one["session_id"] == row["id"]]
        return {
            "id": row["id"],
            "company": self.company_id,
            "activity": row.get("service_id") or 1,
            "activity_name": row["name"],
            "name_override": row.get("name_override"),
            "establishment": row.get("venue_id") or 1,
            "coach": row.get("teacher_id"),
            "coach_override": row.get("coach_override"),
            "date_start": self.time_text(row["at"]),
            "duration_minute": row["duration_in_minutes"],
            "timezone_name": str(self.zone),
            "effectif": row.get("capacity"),
            "available": not row["is_cancelled"],
            "bookings": [one["id"] for one in booked if not one["waiting"]],
            "booking_options": [one["id"] for one in booked if one["waiting"]],
        }

    def offer_booking_view(self, row: Row) -> Row:
        """A booking as classic shows it: 0 is what OK is on management."""
        return {
            "id": row["id"],
            "offer": row["session_id"],
            "member": row["client_id"],
            "consumer_payment_pack": row["client_pass_id"],
            "booking_status_code": self._code(row),
            "attendance": row["has_attended"],
            "is_deleted": False,
            "date_canceled": row["canceled_at"],
            "spot_id": row["spot_id"],
        }

    def _code(self, row: Row) -> int:
        """Which numbers stand for other states is unknown; 1 is made up."""
        return 0 if row["booking_status_code"] == "OK" and not row["waiting"] else 1


def coach_view(row: Row) -> Row:
    """An instructor as classic and widget show them."""
    return {"id": row["id"], "user": {"name": f"{row['firstname']} {row['lastname']}", "first_name": row["firstname"]}}
