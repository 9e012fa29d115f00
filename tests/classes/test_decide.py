"""The pure decision: what a tracker should hold for one class."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.classes.decide import ClassFacts, Decision, Rider, decide
from hub.classes.reasons import WORDINGS
from hub.classes.rules import RoomRule, TrackerRules
from hub.records import Booking, BookingState, Session, SessionState

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
SEATS = {str(spot): str(spot + 10) for spot in range(1, 6)}


def rules(*, send: bool = True, first_free: bool = False, box: str = "1") -> TrackerRules:
    room = RoomRule("desk", "ride", box, SEATS, send, first_free, "rooms row 1")
    hall = RoomRule("desk", "hall", "2", {}, send, first_free, "rooms row 2")
    return TrackerRules("bikes", "sync", plans={("desk", "ride"): room}, locations={("desk", "hall"): hall})


def facts(**fields: object) -> ClassFacts:
    session = {
        "id": "c1",
        "name": "Ride",
        "starts_at": NOW + timedelta(hours=1),
        "ends_at": NOW + timedelta(hours=2),
        "room_plan_id": "ride",
    }
    given_facts = {name: fields.pop(name) for name in ("gone", "riders", "held") if name in fields}
    made = Session(**{**session, **fields})  # type: ignore[arg-type]
    return ClassFacts(source="desk", session=made, timezone="Europe/Zurich", **given_facts)  # type: ignore[arg-type]


def rider(member: str, spot: str | None, *, state: BookingState = BookingState.CONFIRMED, known: bool = True) -> Rider:
    return Rider(Booking(id=f"b-{member}", member_id=member, session_id="c1", spot=spot, state=state), member, known)


def seats(decision: Decision) -> dict[str, tuple[str | None, str]]:
    return {wish.member: (wish.seat, wish.reason.code) for wish in decision.seats}


@pytest.mark.parametrize(
    ("fields", "code", "over", "surprise"),
    [
        ({}, "ok", False, False),
        ({"state": SessionState.CANCELLED}, "class_cancelled", False, False),
        ({"gone": "said"}, "class_deleted", False, False),
        ({"gone": "vanished"}, "class_vanished", False, True),
        ({"gone": "vanished", "starts_at": NOW - timedelta(minutes=5)}, "class_running", True, True),
        ({"ends_at": NOW}, "class_over", True, False),
        ({"send": False}, "not_sent", False, False),
        ({"room_plan_id": "yoga"}, "elsewhere", False, False),
        ({"room_plan_id": "yoga", "send": True}, "no_box", False, False),
        ({"room_plan_id": None, "send": True}, "no_room_plan", False, False),
        ({"room_plan_id": "yoga", "location_id": "hall"}, "ok", False, False),
        ({"ends_at": NOW + timedelta(minutes=79)}, "class_too_short", False, False),
        ({"ends_at": NOW + timedelta(minutes=80)}, "ok", False, False),
        ({"ends_at": NOW + timedelta(hours=5)}, "ok", False, False),
        ({"ends_at": NOW + timedelta(hours=5, minutes=1)}, "class_too_long", False, False),
    ],
)
def test_each_reason(fields: dict[str, object], code: str, over: bool, surprise: bool) -> None:
    decision = decide(facts(**fields), rules(), NOW)
    assert (decision.reason.code, decision.over, decision.surprise) == (code, over, surprise)
    assert (decision.wanted is not None) == (code == "ok")
    assert "{" not in decision.reason.text


def test_the_class_says_more_than_the_room() -> None:
    assert decide(facts(send=True), rules(send=False), NOW).wanted is not None
    assert decide(facts(), rules(send=False), NOW).reason.code == "not_sent"
    assert decide(facts(), rules(box=""), NOW).reason.code == "no_box"


def test_only_active_bookings_have_seats() -> None:
    every = [rider(state.value, str(number), state=state) for number, state in enumerate(BookingState, 1)]
    found = seats(decide(facts(riders=every), rules(), NOW))
    assert found.keys() == {"confirmed", "checked_in", "no_show"}


def test_who_has_the_seat_keeps_it_and_else_the_earlier_booking() -> None:
    both = [rider("anna", "2"), rider("bo", "2")]
    assert seats(decide(facts(riders=both), rules(), NOW)) == {"anna": ("12", "seated"), "bo": (None, "spot_twice")}
    found = seats(decide(facts(riders=both, held={"bo": "12", "anna": "11"}), rules(), NOW))
    assert found == {"anna": ("11", "spot_twice"), "bo": ("12", "seated")}


def test_somebody_unknown_and_a_spot_that_is_not_there() -> None:
    found = seats(decide(facts(riders=[rider("anna", "9"), rider("x", "1", known=False)]), rules(), NOW))
    assert found == {"anna": (None, "spot_unknown"), "x": (None, "member_unknown")}


def test_a_member_whose_record_is_lost_keeps_their_seat() -> None:
    riders = [rider("x", "1", known=False), rider("anna", "1")]
    found = seats(decide(facts(riders=riders, held={"x": "11"}), rules(), NOW))
    assert found == {"x": ("11", "seated"), "anna": (None, "spot_twice")}


def test_two_bookings_of_one_member_are_one_seat() -> None:
    found = seats(decide(facts(riders=[rider("anna", None), rider("anna", "3"), rider("anna", "4")]), rules(), NOW))
    assert found == {"anna": ("13", "seated")}


@given(
    st.lists(st.tuples(st.integers(0, 7), st.sampled_from([None, "1", "2", "3", "4", "5", "6"])), max_size=8),
    st.dictionaries(st.sampled_from([f"m{n}" for n in range(8)]), st.sampled_from(list(SEATS.values()))),
    st.booleans(),
)
def test_nobody_sits_on_anybody(booked: list[tuple[int, str | None]], held: dict[str, str], first_free: bool) -> None:
    """Whatever is booked and held: a seat has one rider, and a rider is there once."""
    riders = [rider(f"m{member}", spot) for member, spot in booked]
    decision = decide(facts(riders=riders, held=held), rules(first_free=first_free), NOW)
    taken = [wish.seat for wish in decision.seats if wish.seat is not None]
    assert len(taken) == len(set(taken))
    assert len({wish.member for wish in decision.seats}) == len(decision.seats) == len({m for m, _ in booked})
    again = {wish.member: wish.seat for wish in decision.seats if wish.seat is not None}
    then = decide(facts(riders=riders, held=again), rules(first_free=first_free), NOW)
    assert {wish.member: wish.seat for wish in then.seats if wish.seat is not None} == again


def test_every_wording_has_a_sentence() -> None:
    for code, wording in WORDINGS.items():
        assert wording.text.strip().endswith(".") or code == "not_linked"
