"""What staff and customers do at the simulated SportsNow over the control path, and the studio to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hub.testing import FrontDesk, Id, act, wrong
from hub.testing import made_up as studio
from plugins.booking.sportsnow._sim_desk import Desk
from plugins.booking.sportsnow._sim_world import Row, SportsNowWorld, new_pass

__all__ = ["Staff"]


class Staff(Desk, FrontDesk):
    """Acts of the control path. SportsNow sends no webhooks."""

    editable: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "customers": {},
        "customer_passes": {"customer_id": "customers", "pass_id": "passes"},
        "lessons": {"instructor_id": "instructors", "location_id": "locations"},
        "bookings": {"customer_id": "customers", "service_session_id": "lessons"},
        "passes": {},
    }

    # ── the studio to begin with ──────────────────────────────────────────────────────────────────────────────────

    def settings(self) -> dict[str, Any]:
        return {**self.logins, "assumed_routes": True, "badge_numbers": "hexadecimal", "weeks": 1}

    def furnish(self, members: int) -> None:
        self.world = world = SportsNowWorld()
        if not members:
            return
        world.locations.update({number: {"id": number, "name": name} for number, name in enumerate(studio.ROOMS, 1)})
        names = {"first_name": "Regula", "last_name": "Muster", "email": None}
        world.instructors[1] = {"id": 1, **names}
        for number, name in enumerate(studio.PASSES, 1):
            visits = 10 if name.startswith("10") else None
            world.passes[number] = new_pass(number, name, validity=(12, "months"), credits=visits)
        now = self.clock.now()
        lessons = [
            self.add_lesson(
                self._wall(one.starts), minutes=one.minutes, name=one.name, instructor=1, location=one.room + 1
            )
            for one in studio.lessons(now)
        ]
        today = now.astimezone(self.zone).date()
        for one in studio.members(members, seed=self.seed, today=today):
            badges = () if one.badge is None else (one.badge,)
            customer = self.add_customer(*badges, given=one.given, family=one.family, email=one.email)
            since, until = one.since.isoformat(), one.until.isoformat()
            self.sell(customer, pass_id=one.held + 1, starts_on=since, ends_on=until)
            self._new_booking(customer, lessons[one.number % len(lessons)])

    def ids(self) -> dict[str, dict[str, str]]:
        world = self.world
        return {
            "pass": {str(key): row["name"] for key, row in world.passes.items()},
            "location": {row["name"].lower(): row["name"] for row in world.locations.values()},
            "member": {
                str(key): f"{row['first_name']} {row['last_name']} <{row['email']}>"
                for key, row in world.customers.items()
            },
            "session": {
                str(key): f"{row['name']} from {row['begin']}" + (" (cancelled)" if row["cancelled"] else "")
                for key, row in world.lessons.items()
            },
            "booking": {
                str(key): f"{row['customer_id']} in {row['service_session_id']} ({row['status']})"
                for key, row in world.bookings.items()
            },
        }

    # ── bookings ──────────────────────────────────────────────────────────────────────────────────────────────────

    @act("book")
    def _book(self, *, member: Id, session: Id) -> Row:
        """Somebody books a lesson."""
        customer = self.pick(self.world.customers, member, "member")
        return self._shown(self._new_booking(customer, self.pick(self.world.lessons, session, "session")))

    @act("move")
    def _move(self, *, booking: Id, session: Id) -> Row:
        """A booking gets another lesson."""
        target = self.pick(self.world.lessons, session, "session")
        return self._changed(self._booking(booking), service_session_id=target)

    @act("cancel")
    def _cancel(self, *, booking: Id) -> Row:
        """A booking is cancelled."""
        row = self._booking(booking)
        if row["status"] == "cancelled":
            raise wrong(f"booking {row['id']} is cancelled already", "POST /_simulator/restore brings it back.")
        return self._changed(row, status="cancelled")

    @act("restore")
    def _restore(self, *, booking: Id) -> Row:
        """A cancelled booking counts again."""
        row = self._booking(booking)
        if row["status"] != "cancelled":
            raise wrong(f"booking {row['id']} is not cancelled")
        return self._changed(row, status="booked")

    @act("plan")
    def _plan(self, *, start: str = "+1h", minutes: int = 60, name: str = "Ride 45", location: Id | None = None) -> Row:
        """Staff publish a lesson."""
        starts = self.when(start)
        self.until(starts, minutes, usual=timedelta())
        places = {row["name"].lower(): key for key, row in self.world.locations.items()}
        key = None if location is None else places.get(str(location).lower())
        if location is not None and key is None:
            key = self.pick(self.world.locations, location, "location")
        place = key or next(iter(self.world.locations), 1)
        lesson = self.add_lesson(self._wall(starts), minutes=minutes, name=name, instructor=None, location=place)
        return {"session": lesson}

    # ── people ────────────────────────────────────────────────────────────────────────────────────────────────────

    @act("join")
    def _join(
        self,
        *,
        given_name: str = "Anna",
        family_name: str = "Graf",
        email: str | None = None,
        badge: str | None = None,
    ) -> Row:
        """Somebody signs up."""
        badges = () if badge is None else (badge,)
        return {"member": self.add_customer(*badges, given=given_name, family=family_name, email=email)}

    @act("sell")
    def _sell(self, *, member: Id, pass_: Id, start: str = "now", days: int | None = 365) -> Row:
        """Somebody buys a pass; without `days` (null) it has no end."""
        if days is not None and not 0 <= days <= 36500:
            raise wrong("days must be between 0 and 36500")
        customer = self.pick(self.world.customers, member, "member")
        what = self.pick(self.world.passes, pass_, "pass")
        first = self.when(start).astimezone(self.zone).date()
        starts, ends = first.isoformat(), None if days is None else (first + timedelta(days=days)).isoformat()
        sold = self.sell(customer, pass_id=what, starts_on=starts, ends_on=ends)
        return {"member_pass": sold, "member": customer, "pass": what, "start": starts, "end": ends}

    def removed(self, table: str, row: Mapping[str, Any]) -> None:
        if table == "lessons":
            bookings = self.world.bookings
            self.world.bookings = {key: one for key, one in bookings.items() if one["service_session_id"] != row["id"]}

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _wall(self, at: datetime) -> str:
        return at.astimezone(self.zone).replace(tzinfo=None, second=0, microsecond=0).isoformat(timespec="minutes")

    def _new_booking(self, customer: int, lesson: int) -> int:
        number = max(self.world.bookings, default=0) + 1
        self.world.bookings[number] = {
            "id": number,
            "service_session_id": lesson,
            "customer_id": customer,
            "status": "booked",
            "checked_in_at": None,
            "updated_at": None,
        }
        return number

    def _booking(self, key: Id) -> Row:
        return self.world.bookings[self.pick(self.world.bookings, key, "booking")]

    def _changed(self, row: Row, **fields: Any) -> Row:
        self.world.bookings[row["id"]] = {**row, **fields, "updated_at": self.clock.now().isoformat()}
        return self._shown(row["id"])

    def _shown(self, key: int) -> Row:
        row = self.world.bookings[key]
        return {
            "booking": key,
            "member": row["customer_id"],
            "session": row["service_session_id"],
            "cancelled": row["status"] == "cancelled",
        }
