"""What staff and customers do at the simulated bsport over the control path, and the studio to begin with."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, ClassVar

from hub.testing import Delivery, FrontDesk, Id, act, wrong
from hub.testing import made_up as studio
from plugins.booking.bsport._sim_base import BsportWorld, Row
from plugins.booking.bsport._sim_desk import Desk

__all__ = ["Staff"]

EVENTS = {"clients": "member", "bookings": "booking"}


class Staff(Desk, FrontDesk):
    """Acts of the control path. Nothing is announced of classes and passes; a sale is, by its invoice."""

    editable: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "clients": {},
        "client_passes": {"client_id": "clients", "pass_id": "passes"},
        "classes": {"teacher_id": "teachers", "venue_id": "venues"},
        "bookings": {"client_id": "clients", "session_id": "classes", "client_pass_id": "client_passes"},
        "tags": {},
        "passes": {},
    }

    classic_token: str

    # ── the studio to begin with ──────────────────────────────────────────────────────────────────────────────────

    def settings(self) -> dict[str, Any]:
        return {
            **self.logins,
            "company_id": self.company_id,
            "badge_field": "membership_id",
            "read_spots": True,
            "classic_token": self.classic_token,
        }

    def furnish(self, members: int) -> None:
        self.world, self._numbers = BsportWorld(), itertools.count(101)
        if not members:
            return
        now = self.clock.now()
        rooms = [self.add_venue(name) for name in studio.ROOMS]
        passes = [self.add_pass(name) for name in studio.PASSES]
        tags = [self.add_tag(name) for name in studio.COMMUNITIES]
        teacher = self.add_teacher("Regula")
        classes = [
            self.add_class(
                one.starts,
                name=one.name,
                minutes=one.minutes,
                capacity=12,
                venue_id=rooms[one.room],
                teacher_id=teacher,
            )
            for one in studio.lessons(now)
        ]
        today = now.astimezone(self.zone).date()
        for one in studio.members(members, seed=self.seed, today=today):
            client = self.add_client(
                one.given,
                one.family,
                email=one.email,
                membership_id=one.badge,
                tag_ids=[tags[number] for number in one.communities],
            )
            held = self.sell(client, passes[one.held], starts=one.since.isoformat(), ends=one.until.isoformat())
            place = classes[one.number % len(classes)]
            self.book(client, place, client_pass=held, spot=one.number // len(classes) + 1)

    def ids(self) -> dict[str, dict[str, str]]:
        world = self.world
        return {
            "pass": {str(key): row["name"] for key, row in world.passes.items()},
            "community": {str(key): row["name"] for key, row in world.tags.items()},
            "location": {str(key): row["name"] for key, row in world.venues.items()},
            "member": {str(key): f"{row['fullname']} <{row['email']}>" for key, row in world.clients.items()},
            "session": {
                str(key): f"{row['name']} from {self.time_text(row['at'])}"
                + (" (cancelled)" if row["is_cancelled"] else "")
                for key, row in world.classes.items()
            },
            "booking": {
                str(key): f"{row['client_id']} in {row['session_id']}" + (" (cancelled)" if row["canceled_at"] else "")
                for key, row in world.bookings.items()
            },
        }

    # ── bookings ──────────────────────────────────────────────────────────────────────────────────────────────────

    @act("book")
    def _book(self, *, member: Id, session: Id, spot: int | None = None) -> Row:
        """Somebody books a class, on the pass that they hold."""
        client = self.pick(self.world.clients, member, "member")
        place = self.pick(self.world.classes, session, "session")
        held = next((key for key, row in self.world.client_passes.items() if row["client_id"] == client), None)
        return self._told("create", self.book(client, place, client_pass=held, spot=spot))

    @act("move")
    def _move(self, *, booking: Id, session: Id | None = None, spot: int | None = None) -> Row:
        """A booking gets another class or another spot."""
        row = self._booking(booking)
        if session is None and spot is None:
            raise wrong("there is nothing to move", "Give session or spot.")
        place = row["session_id"] if session is None else self.pick(self.world.classes, session, "session")
        self.change(self.world.bookings, row["id"], session_id=place, spot_id=row["spot_id"] if spot is None else spot)
        return self._told("update", row["id"])

    @act("cancel")
    def _cancel(self, *, booking: Id) -> Row:
        """A booking is cancelled."""
        row = self._booking(booking)
        if row["canceled_at"]:
            raise wrong(f"booking {row['id']} is cancelled already", "POST /_simulator/restore brings it back.")
        self.change(self.world.bookings, row["id"], canceled_at=self.time_text(self.clock.now()))
        return self._told("update", row["id"])

    @act("restore")
    def _restore(self, *, booking: Id) -> Row:
        """A cancelled booking counts again."""
        row = self._booking(booking)
        if not row["canceled_at"]:
            raise wrong(f"booking {row['id']} is not cancelled")
        self.change(self.world.bookings, row["id"], canceled_at=None)
        return self._told("update", row["id"])

    @act("plan")
    def _plan(self, *, start: str = "+1h", minutes: int = 60, name: str = "Ride 45", location: Id | None = None) -> Row:
        """Staff plan a class."""
        starts = self.when(start)
        self.until(starts, minutes, usual=timedelta())
        place = None if location is None else self.pick(self.world.venues, location, "location")
        return {"session": self.add_class(starts, name=name, minutes=minutes, capacity=12, venue_id=place)}

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
            client = self.pick(self.world.clients, member, "member")
            if tag is None:
                raise wrong("there is nothing to join", "Give community; or leave member out for somebody new.")
        else:
            fields: Row = {"email": email} if email else {}
            client = self.add_client(given_name, family_name, membership_id=badge, **fields)
        if tag is not None:
            held = self.world.clients[client]["tag_ids"]
            self.change(self.world.clients, client, tag_ids=[*(one for one in held if one != tag), tag])
        self._tell(f"member-{'create' if member is None else 'update'}", client)
        return {"member": client, "community": tag}

    @act("leave")
    def _leave(self, *, member: Id, community: Id) -> Row:
        """Somebody loses a tag."""
        client = self.pick(self.world.clients, member, "member")
        tag = self.pick(self.world.tags, community, "community")
        held = self.world.clients[client]["tag_ids"]
        if tag not in held:
            raise wrong(f"{client} does not belong to {tag}")
        self.change(self.world.clients, client, tag_ids=[one for one in held if one != tag])
        self._tell("member-update", client)
        return {"member": client, "community": tag}

    @act("sell")
    def _sell(self, *, member: Id, pass_: Id, start: str = "now", days: int | None = 365) -> Row:
        """Somebody buys a pass; without `days` (null) it has no end."""
        if days is not None and not 0 <= days <= 36500:
            raise wrong("days must be between 0 and 36500")
        client = self.pick(self.world.clients, member, "member")
        what = self.pick(self.world.passes, pass_, "pass")
        first = self.when(start).astimezone(self.zone).date()
        starts, ends = first.isoformat(), None if days is None else (first + timedelta(days=days)).isoformat()
        held = self.sell(client, what, starts=starts, ends=ends)
        self._tell("invoice-finalize", next(self._numbers), member=client)
        return {"member_pass": held, "member": client, "pass": what, "start": starts, "end": ends}

    def changed(self, table: str, row: Mapping[str, Any]) -> None:
        if table in EVENTS:
            self._announce(table, "update", row)

    def removed(self, table: str, row: Mapping[str, Any]) -> None:
        if table == "bookings":
            self._announce(table, "delete", row)
        elif table == "classes":
            bookings = self.world.bookings
            self.world.bookings = {key: one for key, one in bookings.items() if one["session_id"] != row["id"]}

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _booking(self, key: Id) -> Row:
        return self.world.bookings[self.pick(self.world.bookings, key, "booking")]

    def _told(self, what: str, key: int) -> Row:
        row = self.world.bookings[key]
        self._announce("bookings", what, row)
        return {
            "booking": key,
            "member": row["client_id"],
            "session": row["session_id"],
            "spot": row["spot_id"],
            "cancelled": row["canceled_at"] is not None,
        }

    def _announce(self, table: str, what: str, row: Mapping[str, Any]) -> None:
        owner = {"client_id": row["client_id"]} if table == "bookings" else {}
        self._tell(f"{EVENTS[table]}-{what}", row["id"], **owner)

    def _tell(self, event: str, number: int, **fields: Any) -> None:
        body = self.delivery(event, number, **fields)
        self.tell(Delivery(event=event, headers={"content-type": "application/json"}, body=body))
