"""The classic interface: off unless asked for, and never in the way of the rest."""

from __future__ import annotations

from typing import Any

import pytest

from hub.records import BookingState
from tests.plugins.booking.bsport.support import DAY, HOUR, NOW, SPOTS, Studio, member, opened, simulator

CLASSIC = ("classicListOffers", "classicListBookings", "classicGetCoach", "classicGetOffer")


def calls(studio: Studio) -> int:
    return sum(studio.asked(name) for name in CLASSIC)


async def test_off_by_default(studio: Studio) -> None:
    """Spots are None then, and no other interface is asked."""
    client, _ = member(studio.sim)
    studio.sim.book(client, studio.sim.add_class(NOW + HOUR), spot=7)
    assert (await studio.read("booking")).one("booking").spot is None
    await studio.read()
    assert calls(studio) == 0


async def test_spots_come_from_the_bookings_of_a_class(classic: Studio) -> None:
    """One call for each class, whose id is the offer's and the booking's is the booking's."""
    anna, luca = member(classic.sim)[0], member(classic.sim, "Luca")[0]
    early, late = classic.sim.add_class(NOW + HOUR), classic.sim.add_class(NOW + 2 * HOUR)
    wanted = {
        str(classic.sim.book(client, class_id, spot=spot)): str(spot) if spot is not None else None
        for client, class_id, spot in ((anna, early, 7), (luca, early, None), (anna, late, 8), (luca, late, 9))
    }
    read = await classic.read("booking", starts_at=NOW, ends_at=NOW + DAY)
    assert {key: one.spot for key, one in read.of("booking").items()} == wanted
    assert classic.asked("classicListBookings") == 2
    assert {query["offer"] for query in classic.queries("/v1/booking/")} == {str(early), str(late)}
    assert read.complete == {"booking"}


async def test_the_token_goes_to_the_classic_interface_and_the_key_does_not(classic: Studio) -> None:
    client, _ = member(classic.sim)
    classic.sim.book(client, classic.sim.add_class(NOW + HOUR))
    await classic.read()
    for request in classic.requests:
        mine = request.path.startswith("/api/v1/management/")
        assert bool(request.header("x-api-key")) is mine
        assert bool(request.header("authorization")) is not mine


@pytest.mark.parametrize("looks_accepted", [False, True])
async def test_a_waiting_list_entry_is_told_by_the_offer(classic: Studio, looks_accepted: bool) -> None:
    """It stands in `booking_options`, whatever management calls it; it opens nothing."""
    classic.sim.faults.waiting_looks_accepted = looks_accepted
    client, _ = member(classic.sim)
    class_id = classic.sim.add_class(NOW + HOUR)
    first, second = classic.sim.book(client, class_id), classic.sim.book(client, class_id, waiting=True)
    found = (await classic.read("booking")).of("booking")
    assert found[str(first)].state is BookingState.CONFIRMED
    assert found[str(second)].state is BookingState.WAITLISTED


async def test_classes_get_name_capacity_and_instructor(classic: Studio) -> None:
    """An override comes before what the class is usually called and given by."""
    regula, urs = classic.sim.add_teacher("Regula"), classic.sim.add_teacher("Urs")
    plain = classic.sim.add_class(NOW, name="Ride", capacity=12, teacher_id=regula)
    other = classic.sim.add_class(NOW, name="Ride", name_override="Ride XL", teacher_id=regula, coach_override=urs)
    read = await classic.read("session", "instructor")
    named = {key: (one.name, one.capacity, one.instructor_id) for key, one in read.of("session").items()}
    assert named == {str(plain): ("Ride", 12, str(regula)), str(other): ("Ride XL", None, str(urs))}
    assert {one.name for one in read.of("instructor").values()} == {"Regula Muster", "Urs Muster"}
    assert read.complete == {"session"}, "only the instructors of these classes are known"


async def test_classes_that_are_over_are_not_looked_up(classic: Studio) -> None:
    """Their spots don't matter any more, and each would cost a call."""
    client, _ = member(classic.sim)
    classic.sim.book(client, classic.sim.add_class(NOW - 3 * DAY), spot=3)
    classic.sim.book(client, classic.sim.add_class(NOW + HOUR), canceled_at="2026-11-20T09:00:00Z", spot=4)
    read = await classic.read("booking")
    assert len(read.of("booking")) == 2
    assert calls(classic) == 0


@pytest.mark.parametrize(
    "fault", ["outage", "garbage", "unauthorized", "status=404", "status=403", "half_page", "cut_body"]
)
@pytest.mark.parametrize("operation", ["classicListOffers", "classicListBookings"])
async def test_a_broken_classic_interface_hinders_only_what_needs_it(
    classic: Studio, fault: str, operation: str
) -> None:
    """Bookings that stand are set aside, so that what was known stays; a cancelled one is told. All else is read."""
    client, _ = member(classic.sim)
    class_id = classic.sim.add_class(NOW + HOUR)
    stands = [classic.sim.book(client, class_id, spot=number) for number in range(7)]
    cancelled = classic.sim.book(client, class_id, canceled_at="2026-11-20T09:00:00Z")
    classic.sim.faults.set(f"{fault},operation={operation}")
    read = await classic.read("member", "member_pass", "booking")
    assert len(read.of("member")) == len(read.of("member_pass")) == 1
    assert set(read.of("booking")) == {str(cancelled)}
    assert {problem.id for problem in read.set_aside} == {str(one) for one in stands}
    (note,) = read.notes
    assert "classic interface can't be read" in note.what
    assert note.fix
    assert read.complete == {"member", "member_pass", "booking"}
    assert classic.asked(operation) <= 6, "it is not tried again for every class"


async def test_classes_without_the_classic_interface_are_set_aside(classic: Studio) -> None:
    """Otherwise they would lose their names; that one is cancelled is told all the same."""
    scheduled, cancelled = classic.sim.add_class(NOW), classic.sim.add_class(NOW, is_cancelled=True)
    classic.sim.faults.set("outage,operation=classic*")
    read = await classic.read("session")
    assert set(read.of("session")) == {str(cancelled)}
    assert [problem.id for problem in read.set_aside] == [str(scheduled)]


async def test_an_instructor_who_can_not_be_read_hinders_nothing(classic: Studio) -> None:
    classic.sim.add_class(NOW, teacher_id=classic.sim.add_teacher("Regula"))
    classic.sim.faults.set("outage,operation=classicGetCoach")
    read = await classic.read("session", "instructor")
    assert len(read.of("session")) == 1
    assert len(read.notes) == 1


@pytest.mark.parametrize("change", [{"booking_options": "1"}, {"booking_options": [None]}, {"id": None}])
async def test_an_odd_offer_is_no_reason_to_open_a_door(
    classic: Studio, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    client, _ = member(classic.sim)
    classic.sim.book(client, classic.sim.add_class(NOW + HOUR))
    view = classic.sim.offer_view
    monkeypatch.setattr(classic.sim, "offer_view", lambda row: {**view(row), **change})
    read = await classic.read("booking")
    assert not read.of("booking")
    assert len(read.set_aside) == 1


async def test_without_a_token_nothing_breaks_and_it_is_told() -> None:
    async with opened(simulator(), read_spots=True) as studio:
        client, _ = member(studio.sim)
        studio.sim.book(client, studio.sim.add_class(NOW + HOUR))
        read = await studio.read()
        assert "classic_token" in read.notes[0].what
        assert read.complete >= {"member", "booking"}


async def test_the_classic_interface_has_an_address_of_its_own() -> None:
    """By default bsport's; the same as base_url where that is given."""
    from plugins.booking.bsport.client import Classic
    from tests.plugins.booking.bsport.support import connection

    def address(base_url: str | None = None, **settings: Any) -> str:
        return connection(base_url, **SPOTS, **settings).keep(Classic).http.base_url

    assert address() == "https://api.production.bsport.io"
    assert address("http://one.test") == "http://one.test"
    assert address("http://one.test", classic_base_url="http://two.test/") == "http://two.test"


async def test_spots_of_a_booking_that_a_hint_named(classic: Studio) -> None:
    client, _ = member(classic.sim)
    booking = classic.sim.book(client, classic.sim.add_class(NOW + HOUR), spot=5)
    asked = {"members": frozenset({str(client)}), "ids": frozenset({("booking", str(booking))})}
    assert (await classic.read("booking", **asked)).one("booking").spot == "5"
