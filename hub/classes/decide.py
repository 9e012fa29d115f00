"""What a tracker should hold for one class: the one function that sync, listings and tests all ask."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import msgspec

from hub import records as r
from hub.classes.reasons import Reason
from hub.classes.rules import RoomRule, TrackerRules
from hub.records import BookingState, SessionState

__all__ = ["ACTIVE", "ClassFacts", "ClassWish", "Decision", "Rider", "SeatWish", "decide", "encode_wish"]

SHORTEST, LONGEST = timedelta(minutes=20), timedelta(hours=4)

ACTIVE = frozenset({BookingState.CONFIRMED, BookingState.CHECKED_IN, BookingState.NO_SHOW})
"""Bookings that have a seat. Who did not come keeps it: the class has begun by then, and nothing is gained."""


class ClassWish(msgspec.Struct, frozen=True, kw_only=True):
    """A class as the tracker should hold it."""

    name: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    box: str
    instructor_email: str | None = None
    capacity: int | None = None


def encode_wish(wish: ClassWish) -> str:
    """As the table keeps it; equal wishes are equal texts."""
    return msgspec.json.encode(wish, order="deterministic").decode()


@dataclass(frozen=True)
class Rider:
    """One booking with whose it is. `show_live` is what the member said last, here or at the source."""

    booking: r.Booking
    name: str
    known: bool = True
    show_live: bool = True


@dataclass(frozen=True)
class ClassFacts:
    """One class as the source has it. `gone` says how it was deleted, where it was. `riders` are its bookings in the
    order in which they came; `held` the seats that members have been given, by member."""

    source: str
    session: r.Session
    timezone: str
    gone: str | None = None
    instructor_email: str | None = None
    riders: Sequence[Rider] = ()
    held: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SeatWish:
    """A rider and the seat they should have; None where there is none to give, and `reason` says why."""

    member: str
    name: str
    booking_id: str
    spot: str | None
    seat: str | None
    reason: Reason
    show_live: bool = True


@dataclass(frozen=True)
class Decision:
    """What should be. `over`: nothing is done about this class any more. `surprise`: it is to be cancelled and nobody
    announced that."""

    wanted: ClassWish | None
    reason: Reason
    rule: RoomRule | None = None
    seats: tuple[SeatWish, ...] = ()
    over: bool = False
    surprise: bool = False


def decide(facts: ClassFacts, rules: TrackerRules, now: datetime) -> Decision:
    """Decide about one class and its riders. Needs nothing but what it is given."""
    session = facts.session
    values = {"name": session.name or session.id, "source": facts.source, "target": rules.target}
    rule = rules.room_of(facts.source, session)
    if session.ends_at <= now:
        return Decision(None, Reason("class_over", values), rule, over=True)
    if facts.gone is not None and facts.gone != "said":
        running = session.starts_at <= now
        return Decision(
            None, Reason("class_running" if running else "class_vanished", values), rule, over=running, surprise=True
        )
    if facts.gone is not None:
        return Decision(None, Reason("class_deleted", values), rule)
    if session.state is SessionState.CANCELLED:
        return Decision(None, Reason("class_cancelled", values), rule)
    if rule is None or not rule.box:
        return Decision(None, _no_box(session, rule, values), rule)
    if not (session.send if session.send is not None else rule.send):
        return Decision(None, Reason("not_sent", values), rule)
    length = session.ends_at - session.starts_at
    if not SHORTEST <= length <= LONGEST:
        code = "class_too_short" if length < SHORTEST else "class_too_long"
        return Decision(None, Reason(code, {**values, "minutes": f"{length / timedelta(minutes=1):g}"}), rule)
    wanted = ClassWish(
        name=session.name or session.id,
        starts_at=session.starts_at,
        ends_at=session.ends_at,
        timezone=facts.timezone,
        box=rule.box,
        instructor_email=facts.instructor_email,
        capacity=session.capacity,
    )
    return Decision(wanted, Reason("ok", {**values, "box": rule.box}), rule, tuple(_seats(facts, rule, values)))


def _no_box(session: r.Session, rule: RoomRule | None, values: dict[str, str]) -> Reason:
    """A class in a room that no row names is nobody's mistake, unless somebody wants it to be sent."""
    if session.send is not True and rule is None:
        return Reason("elsewhere", values)
    place = session.room_plan_id or session.location_id
    return Reason("no_room_plan" if place is None else "no_box", {**values, "place": place or ""})


def _seats(facts: ClassFacts, rule: RoomRule, values: dict[str, str]) -> list[SeatWish]:
    """The riders on their seats: who has a seat already goes before who comes to it, and among those the earlier
    booking. Nobody is moved by guess."""
    chosen = _one_each(facts)
    asked = {
        rider.booking.member_id: rule.seat_of(rider.booking.spot) if rider.booking.spot else None for rider in chosen
    }
    owner: dict[str, str] = {}
    stays = [rider for rider in chosen if facts.held.get(rider.booking.member_id) == asked[rider.booking.member_id]]
    for rider in (*stays, *chosen):
        seat = asked[rider.booking.member_id]
        if seat is not None and (rider.known or facts.held.get(rider.booking.member_id) == seat):
            owner.setdefault(seat, rider.booking.member_id)
    found = {
        rider.booking.member_id: _with_spot(facts, rider, asked[rider.booking.member_id], owner, values)
        for rider in chosen
        if rider.booking.spot or not rider.known
    }
    taken = {wish.seat for wish in found.values()}
    for rider in sorted(
        (rider for rider in chosen if rider.booking.member_id not in found),
        key=lambda rider: rider.booking.member_id not in facts.held,
    ):
        wish = _without_spot(facts, rider, rule, taken, values)
        taken.add(wish.seat)
        found[rider.booking.member_id] = wish
    return [found[rider.booking.member_id] for rider in chosen]


def _one_each(facts: ClassFacts) -> list[Rider]:
    """The bookings that have a seat, one for each member: one with a spot, the earliest."""
    by_member: dict[str, Rider] = {}
    for rider in facts.riders:
        if rider.booking.state not in ACTIVE:
            continue
        other = by_member.get(rider.booking.member_id)
        if other is None or (rider.booking.spot and not other.booking.spot):
            by_member[rider.booking.member_id] = rider
    return list(by_member.values())


def _wish(rider: Rider, seat: str | None, reason: Reason) -> SeatWish:
    booking = rider.booking
    return SeatWish(
        booking.member_id, rider.name, booking.id, booking.spot or None, seat, reason, show_live=rider.show_live
    )


def _with_spot(
    facts: ClassFacts, rider: Rider, seat: str | None, owner: Mapping[str, str], values: dict[str, str]
) -> SeatWish:
    member, spot = rider.booking.member_id, rider.booking.spot or ""
    said: dict[str, Any] = {**values, "member": rider.name, "spot": spot, "seat": seat or ""}
    if not rider.known and (seat is None or facts.held.get(member) != seat):
        return _wish(rider, None, Reason("member_unknown", {**said, "member": member}))
    if seat is None:
        return _wish(rider, None, Reason("spot_unknown", said))
    if owner[seat] != member:
        names = {other.booking.member_id: other.name for other in facts.riders}
        held = facts.held.get(member)
        stays = held if held is not None and held not in owner else None
        return _wish(rider, stays, Reason("spot_twice", {**said, "other": names.get(owner[seat], owner[seat])}))
    return _wish(rider, seat, Reason("seated", said))


def _without_spot(
    facts: ClassFacts, rider: Rider, rule: RoomRule, taken: set[str | None], values: dict[str, str]
) -> SeatWish:
    said: dict[str, Any] = {**values, "member": rider.name}
    if not rule.first_free:
        return _wish(rider, None, Reason("booking_without_spot", said))
    held = facts.held.get(rider.booking.member_id)
    seats = rule.seats.values()
    seat = held if held in seats and held not in taken else next((one for one in seats if one not in taken), None)
    if seat is None:
        return _wish(rider, None, Reason("no_seat_free", said))
    return _wish(rider, seat, Reason("first_free", {**said, "seat": seat}))
