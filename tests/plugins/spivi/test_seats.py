"""Riders on seats at Spivi. Numbers in brackets are those of section 3 of the guide (`spivi.md`)."""

from __future__ import annotations

import pytest

from hub import Conflict, FixRecord, NotFound, Unconfirmed
from plugins.spivi.simulator import SpiviSimulator
from tests.plugins.spivi.support import Recorder, Site, opened, session

ADDING = [[], ["add_moves"], ["add_again_succeeds"], ["seats_shared"], ["add_moves", "seats_shared"]]
"""Everything that adding may do where somebody is seated already."""


async def test_7_a_booking_is_a_seat(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """(7) One rider, one event, one seat in a call, so that an error is about one booking."""
    wanted, rider = await site.created(), site.rider()
    sent = Recorder(site.sim, monkeypatch)
    assert (await site.take(wanted, rider, "3")).confirmed
    assert site.seats(wanted) == {rider.vendor_id: "3"}
    form = sent.form("AddClientsToEvents")
    lists = {name: value for name, value in form.items() if not name.startswith("SourceCredentials")}
    assert lists == {
        "ClientIDs[0]": rider.vendor_id,
        "EventIDs[0]": str(wanted.vendor_id),
        "SeatIDs[0]": "3",
    }


@pytest.mark.parametrize("faults", ADDING)
async def test_7_taking_twice_is_once(faults: list[str]) -> None:
    """(7) Whatever Spivi makes of adding twice: it is not tried."""
    async with opened(faults=faults) as site:
        wanted, rider = await site.created(), site.rider()
        await site.take(wanted, rider)
        calls = site.calls()
        assert (await site.take(wanted, rider)).confirmed
        assert calls.writes == []


@pytest.mark.parametrize("faults", ADDING)
async def test_7_a_changed_spot_is_a_move(faults: list[str]) -> None:
    """(7) Removed, then added: whether adding again moves is unknown."""
    async with opened(faults=faults) as site:
        wanted, rider = await site.created(), site.rider()
        await site.take(wanted, rider, "3")
        calls = site.calls()
        assert (await site.move(wanted, rider, "4", "3")).confirmed
        assert calls.writes == ["removeClientsFromEvents", "addClientsToEvents"]
        assert site.seats(wanted) == {rider.vendor_id: "4"}
        again = site.calls()
        await site.move(wanted, rider, "4", "3")
        assert again.writes == []


@pytest.mark.parametrize("faults", ADDING)
async def test_a_taken_seat_is_nobody_elses(faults: list[str]) -> None:
    """Two riders on one spot don't work at Spivi, even where it lets them."""
    async with opened(faults=faults) as site:
        wanted, first, second = await site.created(), site.rider(), site.rider("bo@example.org")
        await site.take(wanted, first)
        with pytest.raises(Conflict) as caught:
            await site.take(wanted, second)
        assert caught.value.code == "seat_occupied"
        assert site.seats(wanted) == {first.vendor_id: "3"}


@pytest.mark.parametrize("faults", ADDING)
async def test_two_riders_can_swap(faults: list[str]) -> None:
    """The first has to wait and gives up the old seat, so the second can move, and then the first."""
    async with opened(faults=faults) as site:
        wanted, first, second = await site.created(), site.rider(), site.rider("bo@example.org")
        await site.take(wanted, first, "3")
        await site.take(wanted, second, "4")
        with pytest.raises(Conflict):
            await site.move(wanted, first, "4", "3")
        await site.move(wanted, second, "3", "4")
        await site.move(wanted, first, "4", "3")
        assert site.seats(wanted) == {first.vendor_id: "4", second.vendor_id: "3"}


@pytest.mark.parametrize("faults", [*ADDING, ["remove_absent_fails"]])
async def test_7_a_cancelled_booking_frees_the_seat(faults: list[str]) -> None:
    """(7) Twice is once; the others stay."""
    async with opened(faults=faults) as site:
        wanted, first, second = await site.created(), site.rider(), site.rider("bo@example.org")
        await site.take(wanted, first, "3")
        await site.take(wanted, second, "4")
        assert (await site.free(wanted, first)).confirmed
        assert (await site.free(wanted, first)).confirmed
        assert site.seats(wanted) == {second.vendor_id: "4"}


async def test_freeing_in_a_class_that_is_gone_is_success(site: Site) -> None:
    """Cancelled, deleted or never there."""
    wanted, rider = await site.created(), site.rider()
    await site.take(wanted, rider)
    await site.cancelled(wanted)
    assert (await site.free(wanted, rider)).confirmed
    site.sim.world.events.clear()
    assert (await site.free(wanted, rider)).confirmed
    assert (await site.free(session(), rider)).confirmed


async def test_nobody_is_seated_in_a_class_that_is_gone(site: Site) -> None:
    """The hub brings the class first."""
    wanted, rider = await site.created(), site.rider()
    with pytest.raises(NotFound):
        await site.take(session(), rider)
    await site.cancelled(wanted)
    with pytest.raises(NotFound):
        await site.take(wanted, rider)


async def test_a_class_that_goes_while_riders_are_seated_is_gone(site: Site) -> None:
    """Not a mistake in the seat map."""
    wanted, first, second = await site.created(), site.rider(), site.rider("bo@example.org")
    await site.take(wanted, first)
    event = site.sim.world.events[str(wanted.vendor_id)]
    site.sim.world.events[event["EventID"]] = {**event, "IsCancelled": 1}
    with pytest.raises(NotFound):
        await site.take(wanted, second, "4")


@pytest.mark.parametrize("faults", [[], ["seats_from_one"]])
async def test_a_seat_id_is_never_computed(faults: list[str]) -> None:
    """Whether ids begin at 0 or at 1, the seat map's id is what Spivi gets."""
    async with opened(faults=faults) as site:
        wanted = await site.created()
        for number, seat in enumerate(("1", "2", "19")):
            rider = site.rider(f"rider{number}@example.org")
            await site.take(wanted, rider, seat)
            assert site.seats(wanted)[rider.vendor_id] == seat


async def test_a_seat_that_spivi_does_not_have_is_told_with_those_it_has(site: Site) -> None:
    """The seat map is wrong; a retry would not help."""
    wanted = await site.created()
    with pytest.raises(FixRecord) as caught:
        await site.take(wanted, site.rider(), "99")
    assert caught.value.code == "seat_refused"
    assert "no such seat" in caught.value.said
    assert "12" in caught.value.fix


async def test_7_a_rider_whom_staff_moved_is_put_back(site: Site) -> None:
    """(7) What the source says counts."""
    wanted, rider = await site.created(), site.rider()
    await site.take(wanted, rider, "3")
    site.sim.seat_by_hand(str(wanted.vendor_id), rider.vendor_id, 9)
    outcome = await site.changed(wanted)
    assert outcome.seats == {rider.vendor_id: "9"}
    await site.take(wanted, rider, "3")
    assert site.seats(wanted) == {rider.vendor_id: "3"}


async def test_somebody_else_was_faster(site: Site) -> None:
    """What was read back a moment ago is old: the refusal is explained by looking again."""
    wanted, first, second = await site.created(), site.rider(), site.rider("bo@example.org")
    await site.take(wanted, first, "3")
    site.sim.seat_by_hand(str(wanted.vendor_id), second.vendor_id, 8)
    await site.take(wanted, second, "4")
    assert site.seats(wanted)[second.vendor_id] == "4"
    site.sim.seat_by_hand(str(wanted.vendor_id), site.rider("cy@example.org").vendor_id, 5)
    with pytest.raises(Conflict):
        await site.take(wanted, first, "5")


@pytest.mark.parametrize(("fault", "ends"), [("drop_after_write", True), ("drop_before_write", False)])
async def test_a_lost_answer_is_looked_up_at_once(fault: str, ends: bool) -> None:
    """Seated: success. Not: unconfirmed, and the next call does it."""
    async with opened() as site:
        wanted, rider = await site.created(), site.rider()
        site.sim.faults.set(f"{fault},times=1,operation=addClientsToEvents")
        if ends:
            assert (await site.take(wanted, rider)).confirmed
        else:
            with pytest.raises(Unconfirmed):
                await site.take(wanted, rider)
            await site.take(wanted, rider)
        assert site.seats(wanted) == {rider.vendor_id: "3"}


async def test_reads_that_lag_are_not_taken_for_failure() -> None:
    """Accepted, and not shown yet."""
    async with opened() as site:
        wanted, rider = await site.created(), site.rider()
        site.sim.faults.set("stale_reads=1")
        assert not (await site.take(wanted, rider)).confirmed
        site.sim.faults.clear()
        assert (await site.take(wanted, rider)).confirmed


async def test_7_a_full_class_is_seated_in_few_calls(site: Site) -> None:
    """(7) Two calls for each rider: the one reads back what the next begins with."""
    wanted = await site.created()
    riders = [site.rider(f"rider{number}@example.org") for number in range(20)]
    calls = site.calls()
    for seat, rider in enumerate(riders):
        await site.take(wanted, rider, str(seat))
    assert len(calls.names) == 41
    assert len(site.seats(wanted)) == 20


# ── consent ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_12_without_consent_nobody_is_shown(site: Site) -> None:
    """(12) How Spivi is told is unknown, so no seat is sent, and staff are told."""
    wanted, rider = await site.created(), site.rider()
    await site.take(wanted, rider)
    with pytest.raises(FixRecord) as caught:
        await site.take(wanted, site.rider(show_live=False))
    assert caught.value.code == "live_withheld"
    assert site.seats(wanted) == {}


async def test_12_the_studio_may_send_them_anyway() -> None:
    """(12) Its choice, and its word to the riders."""
    async with opened(live_display="send_anyway") as site:
        wanted, rider = await site.created(), site.rider(show_live=False)
        await site.take(wanted, rider)
        assert site.seats(wanted) == {rider.vendor_id: "3"}


async def test_12_where_the_switch_is_known_it_is_set_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """(12) Before the rider is on the screen."""
    async with opened(calls={"set_live_display_consent": True}) as site:
        wanted, rider = await site.created(), site.rider(show_live=False)
        sent = Recorder(site.sim, monkeypatch)
        calls = site.calls()
        await site.take(wanted, rider)
        assert calls.writes == ["updateClient", "addClientsToEvents"]
        assert sent.form("UpdateClient")["DisplayLiveData"] == "0"


# ── layout and boxes ──────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("faults", "first"), [([], "0"), (["seats_from_one"], "1")])
async def test_3_seats_are_those_of_the_boxs_events(faults: list[str], first: str) -> None:
    """(3) Free and taken ones together; what is written on the bike is unknown, so the id stands in for it."""
    async with opened(faults=faults) as site:
        assert (await site.layout()) is None
        wanted = await site.created()
        await site.take(wanted, site.rider(), "3")
        seats = await site.layout()
        assert seats is not None
        assert next(seat.id for seat in seats) == first
        assert len(seats) == 20
        assert all(seat.label == seat.id for seat in seats)


@pytest.mark.parametrize(("faults", "first"), [([], "0"), (["seats_from_one"], "1")])
async def test_3_where_the_layout_is_known_it_is_read(faults: list[str], first: str) -> None:
    """(3) With labels and places."""
    async with opened(faults=faults, calls={"get_layout": True}) as site:
        seats = await site.layout()
        assert seats is not None
        assert (seats[0].id, seats[0].label, seats[0].row, seats[0].column) == (first, "1", 1, 1)


async def test_3_an_unknown_box_has_no_seats(site: Site) -> None:
    """(3) None: Spivi can't tell."""
    assert (await site.layout("9999")) is None


async def test_2_the_boxes_are_those_of_the_settings() -> None:
    """(2) Several rooms, several boxes."""
    async with opened(SpiviSimulator(boxes={"4471": 5, "4472": 5}), box_ids=["4471", " 4472 "]) as site:
        assert [(box.kind, box.id) for box in await site.openings()] == [("box", "4471"), ("box", "4472")]
