"""Whatever Spivi does wrong: in the end everybody sits where they booked."""

from __future__ import annotations

import random
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from hub.store import tables as t
from tests.conftest import BOTH
from tests.riding import Riding, make_riding

TRAITS = [
    ["seats_from_one"],
    ["add_moves"],
    ["add_again_succeeds"],
    ["seats_shared"],
    ["no_event_id"],
    ["no_box_id"],
    ["remove_absent_fails"],
    ["unlisted_clients"],
    ["http_statuses"],
    ["documented_only"],
]


def small(riding: Riding) -> list[dict[str, Any]]:
    """Two classes with some riders."""
    riding.ride("c1")
    riding.ride("c2", minutes=60)
    return [riding.book(f"m{n}", f"c{n % 2 + 1}", str(n + 1)) for n in range(8)]


def stir(riding: Riding, rows: list[dict[str, Any]]) -> None:
    """A swap, a move, a cancellation, somebody new, another time."""
    rows[0]["spot"], rows[2]["spot"] = rows[2]["spot"], rows[0]["spot"]
    rows[1]["spot"] = "12"
    rows[4]["state"] = "cancelled"
    riding.book("late", "c1", "5")
    second = riding.desk.sessions[1]
    assert isinstance(second, dict)
    second["ends_at"] += timedelta(minutes=15)


@pytest.mark.parametrize("faults", TRAITS, ids="+".join)
async def test_whatever_spivi_is_like(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, faults: list[str]) -> None:
    """Every trait that is not known of it."""
    async with make_riding(tmp_path, monkeypatch, faults=tuple(faults)) as riding:
        first = int("seats_from_one" in faults)
        rows = small(riding)
        riding.spivi.add_event_by_hand("Staff", riding.clock.now(), riding.clock.now() + timedelta(hours=1))
        assert (await riding.sync()).exit_code == 0
        assert riding.roster() == riding.booked(seats_from=first)
        stir(riding, rows)
        assert (await riding.sync()).exit_code == 0
        assert riding.roster() == riding.booked(seats_from=first)


FAILING = [
    "error_inside=500,p=0.3",
    "error_inside=500,p=0.2,done=true",
    "drop_after_write,p=0.3",
    "drop_before_write,p=0.3",
    "status=503,p=0.3",
    "status=500,p=0.2,when=after",
    "garbage,p=0.2",
    "cut_body,p=0.2",
    "stale_reads=1,p=0.2",
]


@pytest.mark.parametrize("fault", FAILING)
async def test_whatever_goes_wrong_on_the_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    """Answers that are lost, errors in answers that say yes, a vendor that stumbles: nobody sits twice or nowhere, and
    no class stands twice."""
    async with make_riding(tmp_path, monkeypatch) as riding:
        rows = small(riding)
        riding.spivi.faults.set(fault)
        await riding.sync()
        stir(riding, rows)
        await riding.sync()
        riding.spivi.faults.clear()
        await settle(riding)
        assert riding.roster() == riding.booked()


async def settle(riding: Riding) -> None:
    """The vendor is well again, and the daemon goes on by itself."""
    for _ in range(4):
        riding.clock.move(timedelta(minutes=16))
        await riding.lanes()
    result = await riding.sync()
    assert result.exit_code == 0, (result.targets[0].failed, result.targets[0].error)


@BOTH
async def test_a_process_that_dies_on_the_way(riding: Riding) -> None:
    """After the vendor made the class, before the hub could write that down: it is found again by its marker."""
    small(riding)
    riding.desk.export(at=riding.clock.now())
    row = await riding.hub.connection_row("bikes")
    await riding.sync()
    async with riding.hub.database.write() as db:
        await db.execute(
            update(t.event).values(
                state="in_progress", settled=False, vendor_id=None, applied=None, asked_at=riding.clock.now(), token=0
            )
        )
        await db.execute(update(t.seat).values(state="in_progress", settled=False, applied=None))
        await db.execute(update(t.lane).where(t.lane.c.connection_id == row.id).values(full_at=riding.clock.now()))
    before = len(riding.events(live=False))
    await settle(riding)
    assert riding.roster() == riding.booked()
    assert len(riding.events(live=False)) == before


async def test_an_outage_stops_the_pass_and_loses_nothing(riding: Riding) -> None:
    """One line in the inbox, and everything is done when it is over."""
    rows = small(riding)
    riding.spivi.faults.set("outage=503")
    result = await riding.sync()
    assert result.exit_code == 1
    assert "target_failed" in await riding.inbox()
    stir(riding, rows)
    riding.spivi.faults.clear()
    assert (await riding.sync()).exit_code == 0
    assert riding.roster() == riding.booked()
    assert {"target_failed", "class_failed", "seat_failed"} & (await riding.inbox()).keys() == set()


async def test_credentials_that_are_refused_stop_the_pass(riding: Riding) -> None:
    """Nothing else is tried."""
    small(riding)
    riding.spivi.faults.set("unauthorized")
    result = await riding.sync()
    assert result.targets[0].state == "broken"
    assert len([entry for entry in riding.spivi.log.since(0) if not entry.operation.startswith("get")]) <= 1
    riding.spivi.faults.clear()
    await riding.sync()
    assert riding.roster() == riding.booked()


@BOTH
@pytest.mark.parametrize("seed", [1])
async def test_a_week(riding: Riding, seed: int) -> None:
    """40 classes and 800 bookings, edited, cancelled, restored, swapped, while Spivi is down now and then."""
    draw = random.Random(seed)
    start = riding.clock.now() + timedelta(days=1)
    for number in range(40):
        begins = start + timedelta(days=number // 8, hours=number % 8)
        riding.ride(f"c{number}", begins.replace(minute=0), minutes=draw.choice([45, 60]))
    members = [f"m{number}" for number in range(90)]
    for number in range(40):
        for spot, member in enumerate(draw.sample(members, 20), 1):
            riding.book(member, f"c{number}", str(spot))
    assert (await riding.sync()).exit_code == 0
    assert riding.roster() == riding.booked()
    faults = [None, "outage=503", "drop_after_write,p=0.1", "error_inside=500,p=0.1", "status=503,p=0.2"]
    for fault in faults:
        riding.clock.move(timedelta(minutes=20))
        _edit(riding, draw)
        riding.spivi.faults.clear()
        if fault is not None:
            riding.spivi.faults.set(fault)
        await riding.lanes()
    riding.spivi.faults.clear()
    for _ in range(3):
        riding.clock.move(timedelta(minutes=31))
        await riding.lanes()
    assert riding.roster() == riding.booked()
    result = await riding.sync()
    assert result.exit_code == 0
    assert riding.roster() == riding.booked()


def _edit(riding: Riding, draw: random.Random) -> None:
    """What an afternoon at the desk brings."""
    for session in draw.sample(riding.desk.sessions, 6):
        assert isinstance(session, dict)
        if session["state"] == "cancelled" or draw.random() < 0.3:
            session["state"] = "scheduled" if session["state"] == "cancelled" else "cancelled"
        elif draw.random() < 0.5:
            session["ends_at"] += timedelta(minutes=5)
        else:
            session["name"] += "!"
    by_class: dict[str, list[dict[str, Any]]] = {}
    for row in riding.desk.bookings:
        assert isinstance(row, dict)
        by_class.setdefault(row["session_id"], []).append(row)
    for session_id in draw.sample(sorted(by_class), 8):
        rows = by_class[session_id]
        active = [row for row in rows if row["state"] == "confirmed"]
        one, other, gone = draw.sample(active, 3)
        one["spot"], other["spot"] = other["spot"], one["spot"]
        gone["state"] = "cancelled"
        if draw.random() < 0.5:
            free = draw.choice(
                [m["id"] for m in riding.desk.members if m["id"] not in {r["member_id"] for r in active}]
            )
            riding.book(free, session_id, gone["spot"])
