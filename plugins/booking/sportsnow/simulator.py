"""SportsNow in memory: the public timetable as clients describe it, and the assumed routes of `sportsnow.openapi.yaml`.

Sources stand in `shared/vendors/sportsnow.md`; where none says what the vendor does, a comment at the place says what
was decided. There is nothing to subscribe to.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hub.clock import Clock
from hub.testing import Reject, Reply, Request, operation
from plugins.booking.sportsnow import wire
from plugins.booking.sportsnow._sim_assumed import Assumed, SportsNowFaults
from plugins.booking.sportsnow._sim_export import write_export
from plugins.booking.sportsnow._sim_world import Row, SportsNowWorld, furnish

__all__ = ["PROVIDER", "TOKEN", "SportsNowFaults", "SportsNowSimulator"]

PROVIDER = "studio-nordlicht"
TOKEN = "simulated-token-4f1c2a9be07d"  # noqa: S105 - opens nothing but a simulator


class SportsNowSimulator(Assumed):
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

    # ── what happens at the studio ────────────────────────────────────────────────────────────────────────────────

    def add_lesson(
        self, begin: str, *, minutes: int = 60, name: str = "Yoga", instructor: int | None = 1, location: int = 1
    ) -> int:
        """Publish a lesson at a wall-clock time such as `2026-11-21T10:00`; its number."""
        number = max(self.world.lessons, default=999) + 1
        self.world.lessons[number] = {
            "id": number,
            "name": name,
            "begin": begin,
            "end": (datetime.fromisoformat(begin) + timedelta(minutes=minutes)).isoformat(),
            "instructor_id": instructor,
            "location_id": location,
            "capacity": 12,
            "cancelled": False,
        }
        return number

    def cancel_lesson(self, number: int) -> None:
        """Cancel a lesson: it vanishes from the timetable, and nothing says so."""
        self.world.lessons[number] = {**self.world.lessons[number], "cancelled": True}

    def add_customer(self, *badges: str, given: str = "Anna", family: str = "Graf", **fields: Any) -> int:
        """Add a customer with these badge numbers; their id."""
        number = max(self.world.customers, default=0) + 1
        self.world.customers[number] = {
            "id": number,
            "first_name": given,
            "last_name": family,
            "email": None,
            "phone": None,
            "gender": None,
            "birth_date": None,
            "badges": [{"number": badge, "kind": "nfc"} for badge in badges],
            "tags": [],
            "archived": False,
            **fields,
        }
        return number

    def sell(self, customer: int, *, pass_id: int = 1, starts_on: str | None, ends_on: str | None) -> int:
        """Sell a pass; the id of what was sold."""
        number = max(self.world.customer_passes, default=0) + 1
        self.world.customer_passes[number] = {
            "id": number,
            "customer_id": customer,
            "pass_id": pass_id,
            "starts_on": starts_on,
            "ends_on": ends_on,
            "remaining_credits": None,
            "use_for_check_in": True,
            "deleted_at": None,
        }
        return number

    def change_pass(self, number: int, **fields: Any) -> None:
        """Staff edit a customer's pass: its validity, its credits."""
        self.world.customer_passes[number] = {**self.world.customer_passes[number], **fields}

    def delete_pass(self, number: int) -> None:
        """Staff delete a customer's pass."""
        self.change_pass(number, deleted_at=self.clock.now().isoformat())

    def close(self, first: date, last: date) -> None:
        """A holiday closure from `first` to `last`: cancels lessons and bookings, and lengthens the passes that it
        overlaps by exactly those days (support article 48001144941)."""
        for number, lesson in list(self.world.lessons.items()):
            if first.isoformat() <= lesson["begin"][:10] <= last.isoformat():
                self.cancel_lesson(number)
                for key, booking in list(self.world.bookings.items()):
                    if booking["service_session_id"] == number:
                        self.world.bookings[key] = {**booking, "status": "cancelled"}
        for number, held in list(self.world.customer_passes.items()):
            if held["ends_on"] is None:
                continue
            ends = date.fromisoformat(held["ends_on"])
            starts = date.fromisoformat(held["starts_on"] or "0001-01-01")
            days = (min(last, ends) - max(first, starts)).days + 1
            if days > 0:
                self.change_pass(number, ends_on=(ends + timedelta(days=days)).isoformat())

    def export(self, folder: Path, *, complete: bool = True) -> None:
        """Staff export customers, passes and bookings into a folder, with the mark of a finished export or without."""
        write_export(self.world, folder, self.clock.now() if complete else None)

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
