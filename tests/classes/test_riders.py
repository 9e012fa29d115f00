"""Riders on seats at the tracker. Numbers are those of section 3 of the guide (`spivi.md`)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hub.store import tables as t
from tests.conftest import BOTH
from tests.riding import Riding, make_riding


@BOTH
async def test_7_moved_freed_and_swapped(riding: Riding) -> None:
    """(7) A chain of moves, a circle of three, one who leaves and one who comes, all at once."""
    riding.ride()
    rows = [riding.book(name, spot=str(number)) for number, name in enumerate("abcdef", 1)]
    await riding.sync()
    a, b, c, d, e, f = rows
    a["spot"], b["spot"], c["spot"] = "2", "3", "1"
    d["spot"], e["spot"], f["state"] = "5", "6", "cancelled"
    riding.book("new", spot="4")
    result = await riding.sync()
    assert result.exit_code == 0, (result.targets[0].failed, await riding.inbox())
    assert riding.roster() == riding.booked()
    assert result.targets[0].applied["seats_freed"] == 1
    assert (await riding.inbox()).keys() & {"seat_failed", "class_failed"} == set()


async def test_7_without_a_spot_is_listed(riding: Riding) -> None:
    """(7) Nobody is given a seat by guess; with a spot they have one."""
    riding.ride()
    row = riding.book("anna", spot=None)
    result = await riding.sync()
    assert result.exit_code == 0
    assert riding.roster() == {"c1": {}}
    item = (await riding.inbox())["booking_without_spot"]
    assert "Anna Graf" in item["text"]
    row["spot"] = "2"
    await riding.sync()
    assert riding.roster() == {"c1": {"anna": "1"}}
    assert "booking_without_spot" not in await riding.inbox()
    row["spot"] = None
    await riding.sync()
    assert riding.roster() == {"c1": {}}
    assert "booking_without_spot" in await riding.inbox()


async def test_7_the_first_free_seat(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """(7) Where the row says so, and it is kept from then on."""
    async with make_riding(tmp_path, monkeypatch, first_free="true", spots=3) as riding:
        riding.ride()
        first = riding.book("anna", spot="1")
        riding.book("bo", spot=None)
        riding.book("cleo", spot=None)
        riding.book("dan", spot=None)
        await riding.sync()
        assert riding.roster() == {"c1": {"anna": "0", "bo": "1", "cleo": "2"}}
        assert "no_seat_free" in await riding.inbox()
        first["state"] = "cancelled"
        await riding.sync()
        assert riding.roster() == {"c1": {"dan": "0", "bo": "1", "cleo": "2"}}


async def test_3_a_spot_that_the_map_lacks(riding: Riding) -> None:
    """(3) No seat is computed for it."""
    riding.ride()
    riding.book("anna", spot="99")
    await riding.sync()
    assert riding.roster() == {"c1": {}}
    assert "spot 99" in (await riding.inbox())["spot_unknown"]["text"]


async def test_6_two_riders_on_one_spot(riding: Riding) -> None:
    """(6) Who has it keeps it; the other is listed, and not moved by guess."""
    riding.ride()
    first = riding.book("anna", spot="1")
    second = riding.book("bo", spot="2")
    await riding.sync()
    first["spot"] = "2"
    await riding.sync()
    assert riding.roster() == {"c1": {"anna": "0", "bo": "1"}}
    assert "Anna Graf" in (await riding.inbox())["spot_twice"]["text"]
    second["spot"] = "1"
    await riding.sync()
    assert riding.roster() == riding.booked()
    assert "spot_twice" not in await riding.inbox()


async def test_a_booking_that_is_handed_on(riding: Riding) -> None:
    """Another member in the same booking, and a booking that goes to another class."""
    riding.ride("c1")
    riding.ride("c2")
    one, other = riding.book("anna"), riding.book("bo", spot="2")
    riding.member("cleo")
    await riding.sync()
    one["member_id"], other["session_id"] = "cleo", "c2"
    await riding.sync()
    assert riding.roster() == riding.booked() == {"c1": {"cleo": "0"}, "c2": {"bo": "1"}}


async def test_12_who_does_not_want_to_be_shown(riding: Riding) -> None:
    """(12) Gets no seat, is listed, is no failure; what they say themselves goes before the source."""
    riding.ride()
    member = riding.member("anna", show_live=False)
    riding.book("anna")
    result = await riding.sync()
    assert result.exit_code == 0
    assert riding.roster() == {"c1": {}}
    [seat] = await riding.rows(t.seat)
    assert (seat.state, seat.reason_code) == ("blocked", "live_withheld")
    member["show_live"] = True
    await riding.sync()
    assert riding.roster() == {"c1": {"anna": "0"}}
    await riding.says("anna", show_live=False)
    await riding.lanes()
    assert riding.roster() == {"c1": {}}
    await riding.says("anna", show_live=True)
    member["show_live"] = False
    await riding.lanes()
    assert riding.roster() == {"c1": {"anna": "0"}}


async def test_12_sent_anyway(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """(12) Where the studio says so."""
    async with make_riding(tmp_path, monkeypatch, more='live_display = "send_anyway"') as riding:
        riding.ride()
        member = riding.member("anna", show_live=False)
        riding.book("anna")
        await riding.sync()
        assert riding.roster() == {"c1": {"anna": "0"}}
        [seat] = await riding.rows(t.seat)
        assert seat.reason_code == "live_off"
        writes = riding.writes()
        await riding.sync()
        assert riding.writes() == writes
        member["show_live"] = True
        await riding.sync()
        [seat] = await riding.rows(t.seat)
        assert seat.reason_code == "seated"


async def test_5_the_hourly_comparison(riding: Riding) -> None:
    """Somebody taken off by hand is seated again, somebody moved is put back, a stranger is left alone."""
    riding.ride(starts=riding.clock.now() + timedelta(hours=20))
    riding.book("anna", spot="1")
    riding.book("bo", spot="2")
    await riding.sync()
    event, clients = riding.event_of("c1"), riding.spivi.world.clients
    ids = {row["Email"].partition("@")[0]: key for key, row in clients.items()}
    stranger = riding.spivi.add_by_hand("guest@example.org")
    riding.spivi.seat_by_hand(event, ids["bo"], 9)
    riding.spivi.seat_by_hand(event, stranger["ClientID"], 5)
    riding.spivi.world.booked[event] = {k: v for k, v in riding.spivi.world.booked[event].items() if k != ids["anna"]}
    riding.clock.move(timedelta(minutes=30))
    await riding.lanes()
    assert "anna" not in riding.roster()["c1"]
    riding.clock.move(timedelta(minutes=31))
    await riding.lanes()
    assert riding.roster() == {"c1": {"anna": "0", "bo": "1", "guest": "5"}}
    await riding.sync()
    [row] = await riding.rows(t.event)
    assert f"{stranger['ClientID']} on seat 5" in row.notes


async def test_5_the_final_pass(riding: Riding) -> None:
    """Ten minutes before the start everything is looked at once more, and the lane wakes for it."""
    ride = riding.ride(starts=riding.clock.now() + timedelta(minutes=65))
    riding.book("anna", spot="1")
    await riding.sync()
    await riding.lanes()
    assert await riding.wakes_at() <= ride["starts_at"] - timedelta(minutes=10)
    event = riding.event_of("c1")
    riding.clock.move(timedelta(minutes=50))
    await riding.lanes()
    riding.spivi.world.booked[event] = {}
    riding.clock.move(timedelta(minutes=5))
    assert await riding.wakes_at() <= riding.clock.now()
    await riding.lanes()
    assert riding.roster() == riding.booked()


async def test_an_event_that_somebody_cancelled_is_made_again(riding: Riding) -> None:
    """With everybody in it."""
    riding.ride()
    riding.book("anna")
    await riding.sync()
    riding.spivi.world.events[riding.event_of("c1")]["IsCancelled"] = 1
    await riding.sync()
    assert riding.roster() == riding.booked()
    riding.book("bo", spot="2")
    riding.spivi.world.events[riding.event_of("c1")]["IsCancelled"] = 1
    await riding.lanes()
    assert riding.roster() == riding.booked()


async def test_somebody_else_on_the_seat(riding: Riding) -> None:
    """A stranger by hand is not moved: the inbox says so, and it is tried again."""
    riding.ride()
    await riding.sync()
    stranger = riding.spivi.add_by_hand("guest@example.org")
    riding.spivi.seat_by_hand(riding.event_of("c1"), stranger["ClientID"], 0)
    riding.book("anna")
    result = await riding.sync()
    assert result.exit_code == 4
    assert riding.roster() == {"c1": {"guest": "0"}}
    assert "desk:anna in desk:c1" in (await riding.inbox())["seat_failed"]["subject"]
    riding.spivi.world.booked[riding.event_of("c1")] = {}
    assert (await riding.sync()).exit_code == 0
    assert riding.roster() == {"c1": {"anna": "0"}}
    assert "seat_failed" not in await riding.inbox()


@pytest.mark.parametrize("count", [2, 3, 5])
async def test_riders_who_change_places_are_no_failure(riding: Riding, count: int) -> None:
    """Somebody has to get up first; what was in the way and is so no more is nothing to read about."""
    names = ["anna", "bo", "cleo", "dan", "eve"][:count]
    riding.ride()
    rows = [riding.book(name, spot=str(spot)) for spot, name in enumerate(names, 1)]
    await riding.sync()
    for number, row in enumerate(rows):
        row["spot"] = str((number + 1) % count + 1)
    result = await riding.sync()
    assert (result.exit_code, result.targets[0].failed) == (0, {})
    assert riding.roster() == riding.booked()
    lines = [(row.level, row.code, row.text) for row in await riding.rows(t.log)]
    assert [line for line in lines if line[0] != "info"] == []
