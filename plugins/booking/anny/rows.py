"""anny's rows as the hub's records. What can't be understood raises `Unread`, which becomes a Problem."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from hub import records, times
from hub.records import BookingState, Problem
from plugins.booking.anny import values, wire
from plugins.booking.anny.settings import Settings
from plugins.booking.anny.values import Unread
from plugins.booking.anny.wire import Raw

__all__ = ["Rows"]

_NUMBER = re.compile(r"^\s*(\d+(?:[.,]\d+)?)\s*(?:kg|cm|w|watts?|bpm)?\s*$", re.IGNORECASE)
_DAY = re.compile(r"^\d{4}-\d{2}-\d{2}$")


@dataclass
class Rows:
    """Reads rows for one connection. `notes` collects what hinders no record."""

    settings: Settings
    zone: ZoneInfo
    notes: list[Problem] = field(default_factory=list)
    _told: set[tuple[str, str]] = field(default_factory=set)

    # ── people ────────────────────────────────────────────────────────────────────────────────────────────────────

    def member(self, row: Raw) -> records.Member:
        """A customer. Weight, height, FTP and consent are custom fields of the organisation."""
        key = values.identifier(row)
        given, family = values.text(row, "given_name"), values.text(row, "family_name")
        return records.Member(
            id=key,
            given_name=given,
            # Who is known by one name only keeps it whole: where to cut it would be a guess.
            family_name=family if given or family else values.text(row, "full_name"),
            email=values.text(row, "email") or None,
            phone=values.text(row, "mobile") or values.text(row, "phone") or None,
            language=values.text(row, "locale") or None,
            birth_date=self._birth_date(row, key),
            # `sex` is a number without a documented meaning, so the gender stays unknown.
            weight_kg=self._measure(row, key, self.settings.weight_field),
            height_cm=self._measure(row, key, self.settings.height_field),
            ftp_w=self._measure(row, key, self.settings.ftp_field),
            max_hr=self._measure(row, key, self.settings.max_hr_field),
            show_live=self._shown(row, key),
        )

    def badge(self, row: Raw) -> records.Badge | None:
        """The badge in a customer's custom field; None where there is none. anny has no badges of its own."""
        key = values.identifier(row)
        number = values.entry(row, self.settings.badge_field)
        if number is None or not str(number).strip():
            return None
        # A number that JSON carries as a number is decimal, or has lost its letters and zeros long ago.
        if not isinstance(number, str):
            raise Unread("the badge field holds a number instead of text", "Make it a text field in anny.")
        try:
            normal = records.normal_badge(number.strip(), self.settings.badge_numbers)
        except ValueError as error:
            raise Unread(str(error), "Correct the badge number in anny, or set badge_numbers.") from None
        return records.Badge(id=key, member_id=key, number=normal)

    def _birth_date(self, row: Raw, key: str) -> date | None:
        text = values.text(row, "birth_date")
        try:
            return date.fromisoformat(text[:10]) if text else None
        except ValueError:
            self.note("member", key, f"birth_date {text!r} is not a date; it is left out")
            return None

    def _measure(self, row: Raw, key: str, name: str | None) -> float | None:
        value = values.entry(row, name)
        if value is None or value == "":
            return None
        match = _NUMBER.match(str(value)) if not isinstance(value, bool) else None
        if match is None:
            self.note("member", key, f"the custom field {name!r} holds no number; it is left out")
            return None
        return float(match[1].replace(",", "."))

    def _shown(self, row: Raw, key: str) -> bool:
        value = values.entry(row, self.settings.display_field)
        if value is None:
            return True
        word = str(value).strip().lower()
        if word not in wire.YES | wire.NO:
            # Somebody who was asked and whose answer can't be read has not agreed.
            self.note("member", key, f"the custom field {self.settings.display_field!r} is neither yes nor no")
        return word in wire.YES

    # ── entitlements ──────────────────────────────────────────────────────────────────────────────────────────────

    def plan(self, row: Raw) -> records.Pass:
        """The plan of a subscription. There is no list of plans."""
        plan = values.relation(row, "plan")
        return records.Pass(id=values.identifier(plan), name=values.text(plan, "name"))

    def subscription(self, row: Raw) -> records.MemberPass:
        """A plan subscription: a pass that somebody has. Its renewal date is no end: who renews goes on."""
        word = values.text(row, "status")
        known = {**wire.SUBSCRIPTION_STATES, **self.settings.subscription_states}
        if word not in known:
            raise Unread(
                f"status {word!r} is unknown",
                f'Say what it means in subscription_states, such as {{"{word}" = "ended"}}.',
            )
        starts, ends = self._limits(row)
        return records.MemberPass(
            id=values.identifier(row),
            member_id=values.identifier(values.relation(row, "customer")),
            pass_id=values.identifier(values.relation(row, "plan")),
            valid_from=starts,
            valid_until=ends,
            state=known[word],
        )

    def community(self, row: Raw) -> records.Community:
        """A community."""
        return records.Community(id=values.identifier(row), name=values.text(row, "name"))

    def account(self, row: Raw) -> records.CommunityMember:
        """A community account: who belongs to a community, as what, and for how long."""
        role, status = values.text(row, "role"), values.text(row, "status")
        if role not in wire.ROLES:
            raise Unread(f"role {role!r} is unknown")
        if status not in wire.ACCOUNT_STATES:
            raise Unread(f"status {status!r} is unknown")
        starts, ends = self._limits(row)
        return records.CommunityMember(
            id=values.identifier(row),
            community_id=values.identifier(values.relation(row, "community")),
            member_id=values.identifier(values.relation(row, "customer")),
            valid_from=starts,
            valid_until=ends,
            role=role,
            accepted=wire.ACCOUNT_STATES[status],
        )

    # ── places ────────────────────────────────────────────────────────────────────────────────────────────────────

    def resource(self, row: Raw, parent: str | None = None) -> records.Resource:
        """A room or a desk; a child resource is the nearest thing to a spot."""
        meta, above, location = (values.mapping(row.get(name)) for name in ("meta", "parent", "location"))
        return records.Resource(
            id=values.identifier(row),
            name=values.text(row, "name"),
            location_id=values.identifier(location) if location else None,
            parent_id=values.text(meta, "parent_id") or (values.identifier(above) if above else parent),
            archived=row.get("archived") is True,
        )

    def location(self, row: Raw) -> records.Location:
        """The location inside a resource. There is no list of locations."""
        name = values.text(row, "timezone")
        if name:
            values.zone_named(name)
        return records.Location(id=values.identifier(row), name=values.text(row, "name"), timezone=name or None)

    # ── bookings ──────────────────────────────────────────────────────────────────────────────────────────────────

    def booking(self, row: Raw, parent: Raw | None = None) -> records.Booking:
        """A booking, with its real times and not those with padding (`blocker_start_date`). A sub-booking without a
        customer is the parent's, and never counts for more than the parent does."""
        key = values.identifier(row)
        zone = self._zone_of(row)
        starts, ends = values.moment(row, "start_date", zone), values.moment(row, "end_date", zone)
        if starts is None or ends is None:
            raise Unread("start_date or end_date is missing")
        if ends <= starts:
            raise Unread("it ends before it starts")
        customer = values.mapping(row.get("customer")) or values.mapping((parent or {}).get("customer"))
        if not customer:
            raise Unread("it has no customer", "Give the booking a customer in anny; without one it opens no door.")
        resource = values.mapping(row.get("resource"))
        state = self._state(row, key)
        if parent is not None:
            above = self._state(parent, values.identifier(parent))
            state = state if above in _OPENING or state is BookingState.CANCELLED else above
        return records.Booking(
            id=key,
            member_id=values.identifier(customer),
            resource_id=values.identifier(resource) if resource else None,
            starts_at=starts,
            ends_at=ends,
            state=state,
            number=values.text(row, "number") or None,
        )

    def time(self, row: Any, name: str) -> datetime | None:
        """A time of a booking; None where it can't be read."""
        try:
            return values.moment(row, name, self._zone_of(row)) if isinstance(row, Mapping) else None
        except Unread:
            return None

    def _state(self, row: Raw, key: str) -> BookingState:
        """Cancelling shows as `canceled_at` or as a word. A word that nobody knows is worth a request and no more: set
        aside, a booking that was accepted once would go on opening doors."""
        if row.get("canceled_at"):
            return BookingState.CANCELLED
        word = values.text(row, "status")
        if word == wire.ACCEPTED:
            return BookingState.CHECKED_IN if row.get("check_in_date") else BookingState.CONFIRMED
        if word not in wire.WAITING:
            self.note("booking", key, f"status {word!r} is unknown, so it opens no door")
        return BookingState.REQUESTED

    def _zone_of(self, row: Raw) -> ZoneInfo:
        resource = values.mapping(row.get("resource"))
        name = values.text(values.mapping(resource.get("location")), "timezone") or values.text(resource, "timezone")
        return values.zone_named(name) if name else self.zone

    # ── times ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _limits(self, row: Raw) -> tuple[datetime | None, datetime | None]:
        starts = values.moment(row, "start_date", self.zone)
        text = values.text(row, "end_date")
        day = self._named_day(text)
        if day is None:
            return starts, values.moment(row, "end_date", self.zone)
        whole = self.settings.last_day == "included"
        return starts, times.day_end(day, self.zone) if whole else times.day_start(day, self.zone)

    def _named_day(self, text: str) -> date | None:
        """The day that an end date means where it is a day: written as one, or as midnight here or in UTC, which is how
        systems write a day that must look like a moment. Assumed."""
        if not text:
            return None
        moment = values.parsed(text, "end_date")
        if _DAY.match(text):
            return moment.date()
        if moment.tzinfo is None:
            return moment.date() if moment.time() == time() else None
        for zone in (UTC, self.zone):
            local = moment.astimezone(zone)
            if local.time() == time():
                return local.date()
        return None

    def note(self, kind: str, key: str, what: str) -> None:
        """Tell of something that sets no record aside, once for all records that have it."""
        if (kind, what) in self._told:
            return
        self._told.add((kind, what))
        self.notes.append(Problem(kind, "", f"{kind} {key}", what, "Correct it in anny, or tell the plugin's author."))


_OPENING = frozenset({BookingState.CONFIRMED, BookingState.CHECKED_IN})
