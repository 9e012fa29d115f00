"""SportsNow in memory: the public timetable as clients describe it, and the assumed routes of `sportsnow.openapi.yaml`.

Sources stand in `shared/vendors/sportsnow.md`; where none says what the vendor does, a comment at the place says what
was decided. There is nothing to subscribe to.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from hub.clock import Clock
from hub.testing import Reject, Reply, Request, operation
from plugins.booking.sportsnow import wire
from plugins.booking.sportsnow._sim_assumed import SportsNowFaults
from plugins.booking.sportsnow._sim_staff import Staff
from plugins.booking.sportsnow._sim_world import Row, SportsNowWorld, furnish

__all__ = ["PROVIDER", "TOKEN", "SportsNowFaults", "SportsNowSimulator"]

PROVIDER = "studio-nordlicht"
TOKEN = "simulated-token-4f1c2a9be07d"  # noqa: S105 - opens nothing but a simulator


class SportsNowSimulator(Staff):
    """One studio. `empty` leaves out the studio to start with."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        provider: str = PROVIDER,
        studio: str = "Studio Nordlicht",
        token: str = TOKEN,
        time_zone: str = "Europe/Zurich",
        empty: bool = False,
    ) -> None:
        super().__init__(SportsNowWorld(), SportsNowFaults(), clock=clock, seed=seed)
        self.provider = provider
        self.studio = studio
        self.token = token
        self.logins = {"provider": provider, "token": token}
        self.zone = ZoneInfo(time_zone)
        if not empty:
            furnish(self.world, datetime.combine(self.monday(), time.min), provider)

    def monday(self) -> date:
        """The Monday of this week, in the studio's zone."""
        return wire.monday_of(self.clock.now().astimezone(self.zone).date())

    def not_found(self, allowed: Iterable[str]) -> Reply:
        # A GET of the timetable is answered with 404, not 405.
        return Reply(404)

    @operation("liveCalendar", "POST /platform/api/v1/public/provider/{provider}/live_calendar", reads=True)
    def live_calendar(self, request: Request) -> Reply:
        """The lessons of the week from Monday to Sunday that holds the date; nobody has to sign in."""
        self.at_studio(request)
        monday = wire.monday_of(self._date(request))
        rows = [self._row(lesson) for lesson in self.world.lessons.values() if not lesson["cancelled"]]
        week = {(monday + timedelta(days=day)).isoformat() for day in range(7)}
        found = [row for row in rows if row["date"] in week]
        return Reply(200, sorted(found, key=lambda row: (row["date"], row["time_begin"])), items_in="")

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _date(self, request: Request) -> date:
        """The date that is asked for. Without one, this week's; what the vendor does then is unknown."""
        try:
            body = request.json()
        except ValueError:
            body = None
        if not isinstance(body, dict):
            # What a body that is no object does is unknown, so a client that sends none is told.
            raise Reject(Reply(400, {"message": "the body must be a JSON object"}))
        text = body.get("date") if self.faults.date_in_body else request.query.get("date")
        if text is None:
            return self.clock.now().astimezone(self.zone).date()
        try:
            return date.fromisoformat(text)
        except (TypeError, ValueError):
            raise Reject(Reply(400, {"message": "date must be YYYY-MM-DD"})) from None

    def _row(self, lesson: Row) -> Row:
        instructor = self.world.instructors.get(lesson["instructor_id"])
        location = self.world.locations.get(lesson["location_id"])
        row = {
            "date": lesson["begin"][:10],
            "time_begin": lesson["begin"][11:16],
            "time_end": lesson["end"][11:16],
            "name": lesson["name"],
            # The studio's own name stands there when nobody is assigned.
            "team": f"{instructor['first_name']} {instructor['last_name']}" if instructor else self.studio,
            "location_name": location["name"] if location else None,
            "book_now_link": f"https://www.sportsnow.ch/service_sessions/{lesson['id']}/bookings/new",
        }
        if self.faults.no_location:
            del row["location_name"]
        if self.faults.lesson_ids:
            row["id"] = 7_000_000 + lesson["id"]
        return row
