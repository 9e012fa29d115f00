"""What happens at the studio of the simulated Momence, and what is announced of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hub.grants import WebhookRequest
from hub.testing import Delivery
from plugins.booking.momence import webhooks
from plugins.booking.momence._sim_people import People
from plugins.booking.momence._sim_timetable import Timetable
from plugins.booking.momence._sim_world import (
    Row,
    moment_text,
    new_bought,
    new_member,
    new_membership,
    new_session,
    new_tag,
)

__all__ = ["Host"]


class Host(People, Timetable):
    """Methods of tests and of the control path."""

    webhook_header: str
    webhook_key: str
    deliveries: list[WebhookRequest]
    _last: int

    # ── what happens at the studio ────────────────────────────────────────────────────────────────────────────────

    def add_member(self, **fields: Any) -> int:
        """Somebody signs up: the fields of the API, and `customer_fields` as values by label."""
        key = self._key(fields)
        self.world.members[key] = new_member(key, self._now(), **fields)
        self._member_event("member-assigned", key)
        return key

    def change_member(self, key: int, **fields: Any) -> None:
        """Staff change a member."""
        self.world.members[key] = {**self.world.members[key], **fields}
        self._member_event("member-updated", key)

    def remove_member(self, key: int) -> None:
        """A member goes, with their passes; there is no event for it."""
        del self.world.members[key]
        self.world.bought = {number: row for number, row in self.world.bought.items() if row["memberId"] != key}

    def add_tag(self, name: str) -> int:
        """Staff make a tag."""
        key = self._key({})
        self.world.tags[key] = new_tag(key, name)
        return key

    def tag_member(self, member: int, *tags: int) -> None:
        """Give a member these tags and no others. Whether there is an event for it is unknown: here there is."""
        self.change_member(member, customerTags=[self.world.tags[tag] for tag in tags])

    def add_membership(self, name: str, **fields: Any) -> int:
        """Staff make a membership that can be bought."""
        key = self._key(fields)
        self.world.memberships[key] = new_membership(key, name, **fields)
        return key

    def sell(
        self,
        member: int,
        membership: int,
        *,
        starts: datetime | None = None,
        ends: datetime | None = None,
        **fields: Any,
    ) -> int:
        """A member buys a pass. When it runs out, nothing is announced."""
        self.needed_member(member)
        key = self._key(fields)
        dates = {"startDate": starts and moment_text(starts), "endDate": ends and moment_text(ends)}
        self.world.bought[key] = {
            **new_bought(key, self.world.memberships[membership]),
            **dates,
            **fields,
            "memberId": member,
        }
        self._pass_event("bought-membership-activated", key)
        return key

    def freeze(self, key: int) -> None:
        """A pass is frozen."""
        self.world.bought[key] = {**self.world.bought[key], "isFrozen": True}
        self._pass_event("bought-membership-frozen", key, freezeAt=self._now())

    def unfreeze(self, key: int) -> None:
        """A pass is unfrozen."""
        self.world.bought[key] = {**self.world.bought[key], "isFrozen": False}
        self._pass_event("bought-membership-unfrozen", key, unfreezeAt=self._now())

    def end_pass(self, key: int) -> None:
        """A pass is cancelled after a renewal failed: it is not among the active ones any more."""
        self._pass_event("bought-membership-cancelled-after-failed-renewal", key)
        del self.world.bought[key]

    def add_location(self, name: str, zone: str | None = "Europe/Zurich", **fields: Any) -> int:
        """Staff make a location."""
        key = self._key(fields)
        blank = (
            "parentLocationId",
            "fullAddress",
            "address",
            "city",
            "countryCode",
            "zipCode",
            "latitude",
            "longitude",
        )
        row = {"id": key, **dict.fromkeys(blank), "name": name, "timeZone": zone, "isPhysical": True, **fields}
        self.world.locations[key] = row
        return key

    def add_teacher(self, first: str, last: str, email: str | None = None) -> int:
        """Staff make a teacher."""
        key = self._key({})
        names = {"firstName": first, "lastName": last}
        self.world.teachers[key] = {"id": key, **names, "pictureUrl": None, "email": email}
        return key

    def add_session(self, starts: datetime, *, minutes: int = 45, **fields: Any) -> int:
        """Staff plan a session; `teacherId` and `locationId` say who and where."""
        key = self._key(fields)
        self.world.sessions[key] = new_session(key, starts, starts + timedelta(minutes=minutes), **fields)
        self._session_event("session-created", key)
        return key

    def change_session(self, key: int, **fields: Any) -> None:
        """Staff change a session."""
        self.world.sessions[key] = {**self.world.sessions[key], **fields}
        self._session_event("session-updated", key)

    def cancel_session(self, key: int) -> None:
        """Staff cancel a session; there is no event for it (S5)."""
        self.world.sessions[key] = {**self.world.sessions[key], "isCancelled": True}

    def book(
        self, member: int, session: int, spot: int | None = None, *, payer: int | None = None, tickets: int = 1
    ) -> int:
        """A member is booked into a session."""
        self.needed_member(member)
        key = self._key({})
        self.world.bookings[key] = {
            "id": key,
            "member": self.world.members[member],
            "roomSpotId": spot,
            "checkedIn": False,
            "ticketsBought": tickets,
            "createdAt": self._now(),
            "isRecurring": False,
            "recurringBookingId": None,
            "cancelledAt": None,
            "sessionId": session,
            "memberId": member,
        }
        self._booking_event("session-booked", key, payer=payer)
        return key

    def cancel_booking(self, key: int) -> None:
        """A booking is cancelled."""
        self.world.bookings[key] = {**self.world.bookings[key], "cancelledAt": self._now()}
        self._booking_event("session-booking-cancelled", key, isLateCancellation=False, cancelledAt=self._now())

    def move(self, key: int, spot: int | None) -> None:
        """A booking gets another spot; there is no event for it (S5)."""
        self.world.bookings[key] = {**self.world.bookings[key], "roomSpotId": spot}

    def announce(self, event: str, payload: Mapping[str, Any]) -> WebhookRequest:
        """Make a delivery as Momence would send it, and keep it."""
        name = event.replace("-", ".", 1) if self.faults.dotted_events else event
        inner = {"timestamp": self._now(), "event": name, "payload": payload}
        text = msgspec.json.encode(inner).decode()
        headers = {
            "content-type": "application/json",
            webhooks.SECRET: self.webhook_header,
            webhooks.SIGNATURE: webhooks.sign(text, self.webhook_key),
            webhooks.REQUEST_ID: self.new_id(),
        }
        made = WebhookRequest(headers=headers, body=msgspec.json.encode({"payload": text}))
        self.deliveries.append(made)
        self.tell(Delivery(event=name, headers=headers, body=made.body))
        return made

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _key(self, fields: dict[str, Any]) -> int:
        self._last += 1
        given: int = fields.pop("id", self._last)
        return given

    def _now(self) -> str:
        return moment_text(self.clock.now())

    def _member_event(self, event: str, key: int) -> None:
        row = self.world.members[key]
        self.announce(event, {"memberId": key, **{name: row[name] for name in ("email", "firstName", "lastName")}})

    def _pass_event(self, event: str, key: int, **more: Any) -> None:
        row = self.world.bought[key]
        ids = {
            "hostId": 1,
            "boughtMembershipId": key,
            "membershipId": (row["membership"] or {}).get("id", 0),
            "memberId": row["memberId"],
        }
        series = {"subscriptionSeriesId": None, "seriesIndex": None, "type": row["type"]}
        dates = {name: row[name] for name in ("startDate", "endDate")}
        self.announce(event, {**ids, **series, **dates, **more})

    def _session_event(self, event: str, key: int) -> None:
        row = self.world.sessions[key]
        ids = {"sessionId": key, "roomId": None, "teacherId": row["teacherId"], "locationId": row["locationId"]}
        nothing = dict.fromkeys(("payrateId", "sessionTemplateId", "sessionSemesterOccurrenceId"))
        names = ("type", "name", "startsAt", "endsAt", "capacity", "description")
        shown = {name: row[name] for name in names}
        self.announce(event, {**ids, **nothing, **shown, "durationMinutes": row["durationInMinutes"]})

    def _booking_event(self, event: str, key: int, *, payer: int | None = None, **more: Any) -> None:
        row: Row = self.world.bookings[key]
        people = {"payingMemberId": payer or row["memberId"], "targetMemberId": row["memberId"]}
        self.announce(event, {"sessionId": row["sessionId"], "sessionBookingId": key, **people, **more})
