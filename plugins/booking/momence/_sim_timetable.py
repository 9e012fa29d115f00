"""Sessions, bookings and appointments of the simulated Momence."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub.testing import Reply, Request, operation
from plugins.booking.momence import wire
from plugins.booking.momence._sim_base import MomenceBase, within, yes
from plugins.booking.momence._sim_world import Row

__all__ = ["Timetable"]

_LISTED = (
    "id",
    "name",
    "type",
    "description",
    "startsAt",
    "endsAt",
    "durationInMinutes",
    "capacity",
    "isRecurring",
    "isCancelled",
    "isInPerson",
    "isDraft",
    "tags",
)
_OF_MEMBER = frozenset(_LISTED) - {"isCancelled", "isDraft", "tags"}


class Timetable(MomenceBase):
    """The routes about sessions."""

    @operation("ApiV2HostSessionsController_getSessions", "GET /api/v2/host/sessions")
    def list_sessions(self, request: Request) -> Any:
        cancelled = yes(request, "includeCancelled")
        rows = [
            self.listed(row)
            for row in self.world.sessions.values()
            if (cancelled or not row["isCancelled"]) and within(request, *_times(row))
        ]
        return self.page(request, rows, wire.LARGE_PAGE)

    @operation("ApiV2HostSessionsController_getSession", "GET /api/v2/host/sessions/{sessionId}")
    def get_session(self, request: Request) -> Any:
        row = self.found(self.world.sessions, request["sessionId"], "session")
        shown = self.listed(row)
        for name in ("type", "description", "durationInMinutes"):
            del shown[name]
        teacher = self.world.teachers.get(row["teacherId"])
        return {
            **shown,
            "waitlistCapacity": None,
            "waitlistBookingCount": None,
            "teacher": teacher,
            "originalTeacher": None,
            "additionalTeachers": None,
        }

    @operation("ApiV2HostSessionsController_getSessionBookings", "GET /api/v2/host/sessions/{sessionId}/bookings")
    def list_bookings(self, request: Request) -> Any:
        session = self.found(self.world.sessions, request["sessionId"], "session")
        rows = [self._booked(row) for row in self._bookings(request) if row["sessionId"] == session["id"]]
        return self.page(request, rows, wire.SMALL_PAGE)

    @operation("ApiV2HostMembersSessionBookingsController_list", "GET /api/v2/host/members/{memberId}/sessions")
    def list_member_sessions(self, request: Request) -> Any:
        member = self.found(self.world.members, request["memberId"], "member")
        names = ("id", "createdAt", "roomSpotId", "checkedIn", "cancelledAt")
        rows = []
        for row in self._bookings(request):
            session = self.world.sessions[row["sessionId"]]
            if row["memberId"] != member["id"] or not within(request, *_times(session)):
                continue
            shown = self.listed(session)
            kept = {
                name: shown[name] for name in shown if name in _OF_MEMBER or name in {"teacher", "inPersonLocation"}
            }
            rows.append({**{name: row[name] for name in names}, "session": {**kept, "isLocationPrivate": False}})
        return self.page(request, rows, wire.SMALL_PAGE)

    @operation(
        "ApiV2HostSessionBookingCheckInController_addSessionBookingCheckIn",
        "POST /api/v2/host/session-bookings/{bookingId}/check-in",
    )
    def check_in(self, request: Request) -> Any:
        return self._checked(request, checked=True)

    @operation(
        "ApiV2HostSessionBookingCheckInController_removeSessionBookingCheckIn",
        "DELETE /api/v2/host/session-bookings/{bookingId}/check-in",
    )
    def undo_check_in(self, request: Request) -> Any:
        return self._checked(request, checked=False)

    @operation(
        "ApiV2HostAppointmentsController_getHostAppointmentReservations", "GET /api/v2/host/appointments/reservations"
    )
    def list_appointments(self, request: Request) -> Any:
        cancelled = yes(request, "includeCancelled")
        rows = [
            row
            for row in self.world.appointments.values()
            if (cancelled or row["cancelledAt"] is None) and within(request, *_times(row))
        ]
        return self.page(request, rows, wire.LARGE_PAGE)

    def listed(self, row: Row) -> Row:
        """A session as lists show it: the teacher without e-mail."""
        teacher, place = self.world.teachers.get(row["teacherId"]), self.world.locations.get(row["locationId"])
        shown = {name: row[name] for name in _LISTED}
        if self.faults.local_times:
            for name in ("startsAt", "endsAt"):
                local = datetime.fromisoformat(row[name]).astimezone(ZoneInfo("Europe/Zurich"))
                shown[name] = local.replace(tzinfo=None).isoformat()
        bookings = self.world.bookings.values()
        return {
            **shown,
            "bookingCount": sum(one["sessionId"] == row["id"] and one["cancelledAt"] is None for one in bookings),
            "teacher": {name: value for name, value in teacher.items() if name != "email"} if teacher else None,
            "inPersonLocation": {"id": place["id"], "name": place["name"]} if place else None,
        }

    def _bookings(self, request: Request) -> list[Row]:
        cancelled = yes(request, "includeCancelled")
        return [row for row in self.world.bookings.values() if cancelled or row["cancelledAt"] is None]

    def _booked(self, row: Row) -> Row:
        member = self.world.members.get(row["memberId"]) or row["member"]
        names = ("id", "firstName", "lastName", "email", "phoneNumber", "pictureUrl")
        shown = {name: value for name, value in row.items() if name not in {"sessionId", "memberId"}}
        return {**shown, "member": {name: member[name] for name in names}}

    def _checked(self, request: Request, *, checked: bool) -> Reply:
        row = self.found(self.world.bookings, request["bookingId"], "booking")
        self.world.bookings[row["id"]] = {**row, "checkedIn": checked}
        return Reply(200)


def _times(row: Row) -> tuple[datetime, datetime]:
    return datetime.fromisoformat(row["startsAt"]), datetime.fromisoformat(row["endsAt"])
