"""What staff and customers do at the simulated anny over the control path, and what anny sends to say so."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, ClassVar
from urllib.parse import urlsplit

import msgspec

from hub import times
from hub.testing import Delivery as Outgoing
from hub.testing import FrontDesk, Id, act, wrong
from hub.testing import made_up as studio
from plugins.booking.anny import webhooks, wire
from plugins.booking.anny._sim_base import AnnyBase
from plugins.booking.anny._sim_world import AnnyWorld, Desk, Row

__all__ = ["FAILURES", "Delivery", "Staff"]

FAILURES = 5
"""After so many failed deliveries in a row a subscription is switched off (S6)."""
BY_HAND = "by hand"
HOUR = timedelta(hours=1)
EVENTS = {"bookings": "bookings", "customers": "customers"}
"""What there are events for: nothing tells of communities, plans and resources."""


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One webhook delivery. `headers` have lower-case names."""

    webhook_id: str
    url: str
    headers: Mapping[str, str]
    body: bytes


class Staff(AnnyBase, FrontDesk):
    """Acts of the control path."""

    editable: ClassVar[Mapping[str, Mapping[str, str]]] = {
        "customers": {},
        "bookings": {"customer_id": "customers", "resource_id": "resources"},
        "subscriptions": {"customer_id": "customers", "plan_id": "plans"},
        "accounts": {"customer_id": "customers", "community_id": "communities"},
        "resources": {"location_id": "locations", "parent_id": "resources"},
        "plans": {},
        "communities": {},
    }

    desk: Desk

    # ── the studio to begin with ──────────────────────────────────────────────────────────────────────────────────

    def settings(self) -> dict[str, Any]:
        return {**self.logins, "badge_field": "Badge"}

    def furnish(self, members: int) -> None:
        world = AnnyWorld()
        world.organizations, world.webhooks = self.world.organizations, self.world.webhooks
        self.world = self.desk.world = world
        if not members:
            return
        desk, now = self.desk, self.clock.now()
        place = desk.location("Altstadt", id="altstadt")
        rooms = [desk.resource(name, id=_slug(name), location_id=place["id"]) for name in studio.ROOMS]
        plans = [desk.plan(name, id=_slug(name)) for name in studio.PASSES]
        communities = [desk.community(name, id=_slug(name)) for name in studio.COMMUNITIES]
        slots = studio.slots(now, rooms=len(rooms))
        today = now.astimezone(self.time_zone).date()
        for one in studio.members(members, seed=self.seed, today=today):
            customer = desk.customer(
                one.given,
                one.family,
                id=f"m-{one.number}",
                email=one.email,
                custom_entry_map={} if one.badge is None else _badge(one.badge),
            )
            since, until = one.since.isoformat(), one.until.isoformat()
            desk.subscribe(customer, plans[one.held], start=since, end=until)
            for number in one.communities:
                desk.join(customer, communities[number])
            for room, starts in slots[one.number - 1 : one.number]:
                desk.booking(customer, rooms[room], starts, id=self._booking_id())

    def ids(self) -> dict[str, dict[str, str]]:
        world = self.world
        return {
            "resource": {key: row["name"] for key, row in world.resources.items()},
            "pass": {key: row["name"] for key, row in world.plans.items()},
            "community": {key: row["name"] for key, row in world.communities.items()},
            "location": {key: row["name"] for key, row in world.locations.items()},
            "member": {key: f"{row['full_name']} <{row['email']}>" for key, row in world.customers.items()},
            "booking": {
                key: f"{row['customer_id']} in {row['resource_id']} from {row['start_date']} to {row['end_date']}"
                + (" (cancelled)" if row["canceled_at"] else "")
                for key, row in world.bookings.items()
            },
        }

    # ── bookings ──────────────────────────────────────────────────────────────────────────────────────────────────

    @act("book")
    def _book(self, *, member: Id, resource: Id, start: str = "+1h", minutes: int = 60) -> Row:
        """Somebody books a resource."""
        customer = self.world.customers[self.pick(self.world.customers, member, "member")]
        place = self.world.resources[self.pick(self.world.resources, resource, "resource")]
        starts = self.when(start)
        ends = self.until(starts, minutes, usual=HOUR)
        row = self.desk.booking(customer, place, starts, hours=(ends - starts) / HOUR, id=self._booking_id())
        return self._told("bookings.created", row)

    @act("move")
    def _move(
        self, *, booking: Id, start: str | None = None, minutes: int | None = None, resource: Id | None = None
    ) -> Row:
        """A booking gets another time, another length or another resource."""
        row = self._booking(booking)
        if start is None and minutes is None and resource is None:
            raise wrong("there is nothing to move", "Give start, minutes or resource.")
        old_start, old_end = (datetime.fromisoformat(row[name]) for name in ("start_date", "end_date"))
        starts = old_start if start is None else self.when(start)
        ends = self.until(starts, minutes, usual=old_end - old_start)
        place = row["resource_id"] if resource is None else self.pick(self.world.resources, resource, "resource")
        padding = timedelta(minutes=10)
        changes = {
            "start_date": times.to_text(starts),
            "end_date": times.to_text(ends),
            "blocker_start_date": times.to_text(starts - padding),
            "blocker_end_date": times.to_text(ends + padding),
            "resource_id": place,
        }
        return self._told("bookings.updated", self._changed(row, **changes))

    @act("cancel")
    def _cancel(self, *, booking: Id) -> Row:
        """A booking is cancelled."""
        row = self._booking(booking)
        if row["canceled_at"]:
            raise wrong(f"booking {row['id']} is cancelled already", "POST /_simulator/restore brings it back.")
        return self._told("bookings.updated", self._changed(row, canceled_at=times.to_text(self.clock.now())))

    @act("restore")
    def _restore(self, *, booking: Id) -> Row:
        """A cancelled booking counts again."""
        row = self._booking(booking)
        if not row["canceled_at"]:
            raise wrong(f"booking {row['id']} is not cancelled")
        return self._told("bookings.updated", self._changed(row, canceled_at=None))

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
        """Somebody signs up, or with `member` is there already; with `community` they belong to it."""
        place: str | None = None
        if community is not None:
            place = self.pick(self.world.communities, community, "community")
        if member is not None:
            who = self.pick(self.world.customers, member, "member")
            if place is None:
                raise wrong("there is nothing to join", "Give community; or leave member out for somebody new.")
        else:
            who = self._free(self.world.customers, "m")
            entries = {} if badge is None else _badge(badge)
            address = email or f"{who}@example.com"
            new = self.desk.customer(given_name, family_name, id=who, email=address, custom_entry_map=entries)
            self._tell("customers.created", new)
        answer: Row = {"member": who, "community": place}
        if place is not None:
            account = self.desk.join(self.world.customers[who], self.world.communities[place])
            answer["account"] = account["id"]
        return answer

    @act("leave")
    def _leave(self, *, member: Id, community: Id) -> Row:
        """Somebody leaves a community."""
        who = self.pick(self.world.customers, member, "member")
        place = self.pick(self.world.communities, community, "community")
        gone = [
            row for row in self.world.accounts.values() if (row["customer_id"], row["community_id"]) == (who, place)
        ]
        if not gone:
            raise wrong(f"{who} does not belong to {place}")
        for row in gone:
            self.desk.remove(row)
        return {"member": who, "community": place}

    @act("sell")
    def _sell(self, *, member: Id, pass_: Id, start: str = "now", days: int | None = 365) -> Row:
        """Somebody buys a plan; without `days` (null) it has no end."""
        customer = self.world.customers[self.pick(self.world.customers, member, "member")]
        plan = self.world.plans[self.pick(self.world.plans, pass_, "pass")]
        first = self.when(start).astimezone(self.time_zone).date()
        if days is not None and not 0 <= days <= 36500:
            raise wrong("days must be between 0 and 36500")
        last = None if days is None else (first + timedelta(days=days)).isoformat()
        row = self.desk.subscribe(customer, plan, start=first.isoformat(), end=last)
        names = ("start_date", "end_date")
        return {
            "member_pass": row["id"],
            "member": customer["id"],
            "pass": plan["id"],
            **{name: row[name] for name in names},
        }

    def changed(self, table: str, row: Mapping[str, Any]) -> None:
        if table in EVENTS:
            self._tell(f"{EVENTS[table]}.updated", dict(row))

    def removed(self, table: str, row: Mapping[str, Any]) -> None:
        if table in EVENTS:
            self._tell(f"{EVENTS[table]}.deleted", dict(row))

    # ── what anny sends ───────────────────────────────────────────────────────────────────────────────────────────

    def announce(self, event: str, row: Row) -> list[Delivery]:
        """The deliveries that an event makes: one for each subscription that is on and wants it. Always flat (S3)."""
        now = times.to_text(self.clock.now())
        made = []
        for hook in self.world.webhooks.values():
            if not hook["is_active"] or event not in hook["events"]:
                continue
            body: dict[str, Any] = {
                "event": event,
                "timestamp": now,
                "event_id": self.new_id(),
                "webhook_id": hook["id"],
                "triggered_at": now,
                "data": self.related(row, {"customer": {}, "resource": {}}),
            }
            own = {name.lower(): value for name, value in hook["custom_headers"].items()}
            headers = {"content-type": "application/json", "x-anny-event": event, "x-anny-timestamp": now, **own}
            made.append(
                Delivery(webhook_id=hook["id"], url=hook["url"], headers=headers, body=msgspec.json.encode(body))
            )
        return made

    def delivered(self, delivery: Delivery, *, ok: bool) -> None:
        """How a delivery went, its three retries included. Five failures in a row switch the subscription off (S6)."""
        hook = self.world.webhooks[delivery.webhook_id]
        failures = 0 if ok else hook["failure_count"] + 1
        active = hook["is_active"] and failures < FAILURES
        self.world.webhooks[hook["id"]] = {**hook, "failure_count": failures, "is_active": active}

    def subscribed(
        self, name: str, url: str, events: list[str], headers: Mapping[str, str], *, active: bool = True
    ) -> Row:
        """Make a subscription."""
        row: Row = {
            "id": self.new_id(),
            "type": "webhook-subscriptions",
            "name": name,
            "url": url,
            "events": events,
            "custom_headers": headers,
            "is_active": active,
            "signing_key": (self.new_id() + self.new_id()).replace("-", ""),
            "failure_count": 0,
        }
        self.world.webhooks[row["id"]] = row
        return row

    def webhooks_go_to(self) -> list[str]:
        return [urlsplit(row["url"]).netloc for row in self.world.webhooks.values() if row["is_active"]]

    def subscribe_by_hand(self, address: str) -> None:
        """A subscription with the header that the hub wants, as the hub would make it; there is one of them."""
        self.forget_webhook()
        header = webhooks.header_value(address.rstrip("/").rpartition("/")[2])
        self.subscribed(BY_HAND, address, list(wire.EVENTS), {wire.SECRET_HEADER: header})

    def forget_webhook(self) -> None:
        self.world.webhooks = {key: row for key, row in self.world.webhooks.items() if row["name"] != BY_HAND}

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def _booking(self, key: Id) -> Row:
        return self.world.bookings[self.pick(self.world.bookings, key, "booking")]

    def _changed(self, row: Row, **fields: Any) -> Row:
        return self.desk.change(row, updated_at=times.to_text(self.clock.now()), **fields)

    def _told(self, event: str, row: Row) -> Row:
        """Announce a booking, and say what it is now."""
        self._tell(event, row)
        return {
            "booking": row["id"],
            "number": row["number"],
            "member": row["customer_id"],
            "resource": row["resource_id"],
            "start": row["start_date"],
            "end": row["end_date"],
            "cancelled": row["canceled_at"] is not None,
        }

    def _tell(self, event: str, row: Row) -> None:
        for made in self.announce(event, row):

            def done(ok: bool, made: Delivery = made) -> None:
                if made.webhook_id in self.world.webhooks:
                    self.delivered(made, ok=ok)

            self.tell(Outgoing(event=event, headers=made.headers, body=made.body, address=made.url, done=done))

    def _booking_id(self) -> str:
        return self._free(self.world.bookings, "b")

    def _free(self, table: Mapping[str, Row], letter: str) -> str:
        number = len(table) + 1
        while f"{letter}-{number}" in table:
            number += 1
        return f"{letter}-{number}"


def _slug(name: str) -> str:
    return "-".join("".join(sign if sign.isalnum() else " " for sign in name.lower()).split())


def _badge(number: str) -> Row:
    return {"badge": {"value": number, "label": "Badge", "type": "text"}}
