"""What staff and customers do at the simulated Momence over the control path, and the studio to begin with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hub.testing import FrontDesk, Id, act, wrong
from hub.testing import made_up as studio
from plugins.booking.momence._sim_host import Host
from plugins.booking.momence._sim_world import MomenceWorld, Row, moment_text

__all__ = ["Staff"]


class Staff(Host, FrontDesk):
    """Acts of the control path."""

    editable: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "members": {},
        "bought": {"memberId": "members"},
        "sessions": {"teacherId": "teachers", "locationId": "locations"},
        "bookings": {"memberId": "members", "sessionId": "sessions"},
        "tags": {},
        "memberships": {},
        "locations": {},
    }

    # ── the studio to begin with ──────────────────────────────────────────────────────────────────────────────────

    def settings(self) -> dict[str, Any]:
        return {**self.logins, "webhook_secret": self.webhook_key, "badge_field": "Badge"}

    def furnish(self, members: int) -> None:
        world = MomenceWorld()
        world.tokens, world.refreshes = self.world.tokens, self.world.refreshes
        self.world = world
        if members:
            now = self.clock.now()
            rooms = [self.add_location(name) for name in studio.ROOMS]
            passes = [self.add_membership(name) for name in studio.PASSES]
            tags = [self.add_tag(name) for name in studio.COMMUNITIES]
            teacher = self.add_teacher("Regula", "Muster", "regula.muster@example.com")
            sessions = [
                self.add_session(
                    one.starts, minutes=one.minutes, name=one.name, locationId=rooms[one.room], teacherId=teacher
                )
                for one in studio.lessons(now)
            ]
            today = now.astimezone(self.time_zone).date()
            for one in studio.members(members, seed=self.seed, today=today):
                member = self.add_member(
                    firstName=one.given,
                    lastName=one.family,
                    email=one.email,
                    customer_fields={} if one.badge is None else {"Badge": one.badge},
                    customerTags=[world.tags[tags[number]] for number in one.communities],
                )
                starts, ends = (
                    datetime.combine(day, datetime.min.time(), self.time_zone) for day in (one.since, one.until)
                )
                self.sell(member, passes[one.held], starts=starts, ends=ends)
                self.book(member, sessions[one.number % len(sessions)], one.number // len(sessions) + 1)
        self.deliveries.clear()

    def ids(self) -> dict[str, dict[str, str]]:
        world = self.world
        return {
            "pass": {str(key): row["name"] for key, row in world.memberships.items()},
            "community": {str(key): row["name"] for key, row in world.tags.items()},
            "location": {str(key): row["name"] for key, row in world.locations.items()},
            "member": {
                str(key): f"{row['firstName']} {row['lastName']} <{row['email']}>" for key, row in world.members.items()
            },
            "session": {str(key): f"{row['name']} from {row['startsAt']}" for key, row in world.sessions.items()},
            "booking": {
                str(key): f"{row['memberId']} in {row['sessionId']}" + (" (cancelled)" if row["cancelledAt"] else "")
                for key, row in world.bookings.items()
            },
        }

    # ── bookings ──────────────────────────────────────────────────────────────────────────────────────────────────

    @act("book")
    def _book(self, *, member: Id, session: Id, spot: int | None = None) -> Row:
        """Somebody books a class."""
        who = self.pick(self.world.members, member, "member")
        return self._told(self.book(who, self.pick(self.world.sessions, session, "session"), spot))

    @act("move")
    def _move(self, *, booking: Id, spot: int | None = None, session: Id | None = None) -> Row:
        """A booking gets another spot, which is not announced; or another class, by a new booking for the old one."""
        row = self._booking(booking)
        if row["cancelledAt"]:
            raise wrong(f"booking {row['id']} is cancelled", "POST /_simulator/restore brings it back.")
        if session is not None:
            target = self.pick(self.world.sessions, session, "session")
            self.cancel_booking(row["id"])
            return self._told(self.book(row["memberId"], target, spot))
        if spot is None:
            raise wrong("there is nothing to move", "Give spot or session.")
        self.move(row["id"], spot)
        return self._told(row["id"])

    @act("cancel")
    def _cancel(self, *, booking: Id) -> Row:
        """A booking is cancelled."""
        row = self._booking(booking)
        if row["cancelledAt"]:
            raise wrong(f"booking {row['id']} is cancelled already", "POST /_simulator/restore brings it back.")
        self.cancel_booking(row["id"])
        return self._told(row["id"])

    @act("restore")
    def _restore(self, *, booking: Id) -> Row:
        """A cancelled booking counts again; announced as a booking (assumed)."""
        row = self._booking(booking)
        if not row["cancelledAt"]:
            raise wrong(f"booking {row['id']} is not cancelled")
        self.world.bookings[row["id"]] = {**row, "cancelledAt": None}
        self._booking_event("session-booked", row["id"])
        return self._told(row["id"])

    @act("plan")
    def _plan(self, *, start: str = "+1h", minutes: int = 60, name: str = "Ride 45", location: Id | None = None) -> Row:
        """Staff plan a class."""
        starts = self.when(start)
        self.until(starts, minutes, usual=timedelta())
        place = None if location is None else self.pick(self.world.locations, location, "location")
        return {"session": self.add_session(starts, minutes=minutes, name=name, locationId=place)}

    # ── people ────────────────────────────────────────────────────────────────────────────────────────────────────

    @act("join")
    def _join(
        self,
        *,
        member: Id | None = None,
        given_name: str = "Anna",
        family_name: str = "Graf",
        email: str | None = None,
        badge: str | None = None,
        community: Id | None = None,
    ) -> Row:
        """Somebody signs up, or with `member` is there already; with `community` they get that tag."""
        tag = None if community is None else self.pick(self.world.tags, community, "community")
        if member is not None:
            who = self.pick(self.world.members, member, "member")
            if tag is None:
                raise wrong("there is nothing to join", "Give community; or leave member out for somebody new.")
        else:
            fields: Row = {"email": email} if email else {}
            values = {} if badge is None else {"Badge": badge}
            who = self.add_member(firstName=given_name, lastName=family_name, customer_fields=values, **fields)
        if tag is not None:
            held = {one["id"] for one in self.world.members[who]["customerTags"]}
            self.tag_member(who, *sorted(held | {tag}))
        return {"member": who, "community": tag}

    @act("leave")
    def _leave(self, *, member: Id, community: Id) -> Row:
        """Somebody loses a tag."""
        who = self.pick(self.world.members, member, "member")
        tag = self.pick(self.world.tags, community, "community")
        held = {one["id"] for one in self.world.members[who]["customerTags"]}
        if tag not in held:
            raise wrong(f"{who} does not belong to {tag}")
        self.tag_member(who, *sorted(held - {tag}))
        return {"member": who, "community": tag}

    @act("sell")
    def _sell(self, *, member: Id, pass_: Id, start: str = "now", days: int | None = 365) -> Row:
        """Somebody buys a membership; without `days` (null) it has no end."""
        if days is not None and not 1 <= days <= 36500:
            raise wrong("days must be between 1 and 36500")
        starts = self.when(start)
        ends = None if days is None else starts + timedelta(days=days)
        who = self.pick(self.world.members, member, "member")
        what = self.pick(self.world.memberships, pass_, "pass")
        bought = self.sell(who, what, starts=starts, ends=ends)
        return {
            "member_pass": bought,
            "member": who,
            "pass": what,
            "start": moment_text(starts),
            "end": ends and moment_text(ends),
        }

    def changed(self, table: str, row: Mapping[str, Any]) -> None:
        if table == "members":
            self._member_event("member-updated", row["id"])
        elif table == "sessions":
            self._session_event("session-updated", row["id"])

    def removed(self, table: str, row: Mapping[str, Any]) -> None:
        # Nothing is announced. Who goes takes along what they bought, and a class its bookings: answers join them.
        if table == "members":
            self.world.bought = _without(self.world.bought, "memberId", row["id"])
        elif table == "sessions":
            self.world.bookings = _without(self.world.bookings, "sessionId", row["id"])

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _booking(self, key: Id) -> Row:
        return self.world.bookings[self.pick(self.world.bookings, key, "booking")]

    def _told(self, key: int) -> Row:
        row = self.world.bookings[key]
        return {
            "booking": key,
            "member": row["memberId"],
            "session": row["sessionId"],
            "spot": row["roomSpotId"],
            "cancelled": row["cancelledAt"] is not None,
        }


def _without(table: dict[int, Row], name: str, key: int) -> dict[int, Row]:
    return {number: row for number, row in table.items() if row[name] != key}
