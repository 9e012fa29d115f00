"""What happens at the studio of the simulated SportsNow, as methods."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

from plugins.booking.sportsnow._sim_assumed import Assumed
from plugins.booking.sportsnow._sim_export import write_export

__all__ = ["Desk"]


class Desk(Assumed):
    """Methods of tests and of the control path."""

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
