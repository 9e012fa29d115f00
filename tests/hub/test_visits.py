"""Access by booking, by community and by pass, on named locks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select, update

from hub.core import NoProgress
from hub.engine import lanes
from hub.engine.approving import apply_stored
from hub.engine.source_pass import run_source
from hub.engine.sync import SyncResult, sync_target
from hub.engine.target_pass import run_target
from hub.store import tables as t
from hub.studio.editing import edit_rows, rows_of
from plugins.exivo.simulator import ExivoSimulator
from tests.conftest import BOTH
from tests.harness import World
from tests.visiting import at, book, make_visiting, visits

ROOM = "C-1,C-2"


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None) -> AsyncIterator[World]:
    async with make_visiting(tmp_path, monkeypatch, database_url=database_url) as made:
        yield made


def _done(result: SyncResult) -> dict[str, int]:
    target = result.targets[0]
    assert target.error is None, target.error
    assert not target.failed, target.failed
    return target.applied


async def _codes(world: World) -> list[str]:
    grants = await world.grants(status="created", reveal=world.hub.vault)
    return [grant.code or "" for grant in grants if "locks" in grant.opens]


@BOTH
async def test_a_booking_opens_its_doors_from_minutes_before_to_minutes_after(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    assert _done(await world.sync()) == {"create": 1}
    assert visits(world) == [(ROOM, "2026-11-21T13:45:00Z", "2026-11-21T15:15:00Z")]
    [code] = await _codes(world)
    assert world.exivo.code_opens(code, "C-2", at=at("13:45"))
    assert not world.exivo.code_opens(code, "C-2", at=at("15:15"))
    assert _done(await world.sync()) == {}


@BOTH
async def test_a_second_plan_is_empty(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    book(world, "b-2", "4712", at("08:30"))
    await world.sync()
    assert not (await world.plan()).changes


async def test_only_confirmed_bookings_open_doors(world: World) -> None:
    for number, state in enumerate(("requested", "waitlisted", "cancelled", "confirmed", "checked_in")):
        book(world, f"b-{number}", f"m{number}", at("14:00"), state=state)
    await world.sync()
    assert {grant.member for grant in await world.grants(status="created")} == {"desk:m3", "desk:m4"}


async def test_a_visit_names_its_booking_and_carries_our_marker(world: World) -> None:
    book(world, "b-77", "4711", at("14:00"))
    await world.sync()
    [visit] = world.exivo.visits.values()
    assert visit["name"].startswith("b-77 ")
    assert visit["name"].endswith(":desk:4711]")
    assert (visit["email"], visit["smsNr"]) == (None, None)
    assert world.exivo.invitations == []


async def test_touching_and_overlapping_windows_are_one_visit(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    book(world, "b-2", "4711", at("15:00"))
    book(world, "b-3", "4711", at("15:30"), minutes=60)
    book(world, "b-4", "4712", at("15:00"))
    await world.sync()
    assert visits(world) == [
        (ROOM, "2026-11-21T13:45:00Z", "2026-11-21T16:45:00Z"),
        (ROOM, "2026-11-21T14:45:00Z", "2026-11-21T16:15:00Z"),
    ]


async def test_a_moved_booking_is_a_new_visit_and_then_the_old_one_revoked(world: World) -> None:
    booking = book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    [before] = await _codes(world)
    booking |= {"starts_at": at("18:00"), "ends_at": at("19:00")}
    calls = world.exivo.log.total
    assert _done(await world.sync()) == {"create": 1, "remove": 1}
    writes = [entry.operation for entry in world.exivo.log.since(calls) if entry.kind == "write"]
    assert writes == ["delegateUnlockDoor", "revokeUnlockDoorDelegation"]
    assert visits(world) == [(ROOM, "2026-11-21T17:45:00Z", "2026-11-21T19:15:00Z")]
    assert await _codes(world) == [before], "whoever has a code keeps it"


async def test_a_longer_booking_keeps_its_door_until_the_new_visit_stands(world: World) -> None:
    booking = book(world, "b-1", "4711", at("08:30"))
    await world.sync()
    booking |= {"ends_at": at("11:00")}
    world.exivo.faults.set("status=400,operation=delegateUnlockDoor")
    await world.sync()
    assert visits(world) == [(ROOM, "2026-11-21T08:15:00Z", "2026-11-21T09:45:00Z")]
    world.exivo.faults.clear()
    world.clock.move(timedelta(minutes=10))
    await world.sync()
    [(_, _, ends)] = visits(world)
    assert ends == "2026-11-21T11:15:00Z"


async def test_a_cancelled_booking_is_revoked_even_while_it_runs(world: World) -> None:
    booking = book(world, "b-1", "4711", at("08:30"))
    await world.sync()
    booking["state"] = "cancelled"
    assert _done(await world.sync()) == {"remove": 1}
    assert visits(world) == []


async def test_a_restored_booking_opens_again(world: World) -> None:
    booking = book(world, "b-1", "4711", at("14:00"))
    for state in ("cancelled", "confirmed"):
        await world.sync()
        booking["state"] = state
    await world.sync()
    assert len(visits(world)) == 1
    assert len(visits(world, gone=True)) == 1


async def test_a_booking_that_vanishes_while_it_runs_is_left_to_end_by_itself(world: World) -> None:
    book(world, "b-1", "4711", at("08:30"))
    book(world, "b-2", "4712", at("18:00"))
    await world.sync()
    world.desk.bookings = [row for row in world.desk.bookings if row["id"] != "b-1"]
    await world.sync()
    assert len(visits(world)) == 2
    world.clock.move(timedelta(hours=1))
    await world.sync()
    assert [grant.status for grant in await world.grants(member="4711")] == ["removed"]
    assert not await world.inbox()


async def test_many_bookings_that_vanish_at_once_are_held(world: World) -> None:
    for number in range(8):
        book(world, f"b-{number}", f"m{number}", at("14:00"))
    book(world, "b-9", "m9", at("14:00"))
    await world.sync()
    world.desk.bookings = world.desk.bookings[-1:]
    result = await world.sync()
    assert result.targets[0].held == 8
    assert len(visits(world)) == 9
    await world.approve(result.targets[0].last)  # type: ignore[arg-type]
    assert len(visits(world)) == 1


async def test_many_bookings_that_are_cancelled_or_moved_are_not_held(world: World) -> None:
    rows = [book(world, f"b-{number}", f"m{number}", at("14:00")) for number in range(12)]
    await world.sync()
    for number, row in enumerate(rows):
        row |= {"state": "cancelled"} if number % 2 else {"starts_at": at("19:00"), "ends_at": at("20:00")}
    assert _done(await world.sync()) == {"create": 6, "remove": 12}


async def test_a_window_that_is_over_costs_no_call(world: World) -> None:
    book(world, "b-1", "4711", at("08:30"))
    await world.sync()
    world.clock.move(timedelta(hours=1))
    calls = world.exivo.log.total
    assert _done(await world.sync()) == {"remove": 1}
    assert not [entry for entry in world.exivo.log.since(calls) if entry.kind == "write"]
    [grant] = await world.grants()
    assert (grant.status, grant.vendor_id) == ("removed", next(iter(world.exivo.visits)))


async def test_a_community_opens_its_doors_for_as_long_as_somebody_belongs_to_it(world: World) -> None:
    book(world, "b-0", "4711", at("08:30"), resource="elsewhere")
    world.desk.community_members.append(
        {"community_id": "team", "member_id": "4711", "valid_from": "2026-01-01", "valid_until": "2026-12-31"}
    )
    await world.sync()
    [(locks, _, ends)] = visits(world)
    assert (locks, ends) == ("C-1", "2026-12-31T23:00:00Z")
    world.desk.community_members[0] = {**world.desk.community_members[0], "valid_until": "2027-12-31"}
    [code] = await _codes(world)
    assert _done(await world.sync()) == {"create": 1, "remove": 1}
    assert await _codes(world) == [code]
    [(_, _, ends)] = visits(world)
    assert ends == "2027-12-31T23:00:00Z"
    world.clock.move(timedelta(days=500))
    await world.sync()
    assert {grant.status for grant in await world.grants()} == {"removed"}


async def test_a_pass_can_open_locks(world: World) -> None:
    world.join("4711", pass_id="key", badge=None, valid_until=None)
    await world.sync()
    [(locks, _, ends)] = visits(world)
    assert (locks, ends[:4]) == ("C-3", "2099")
    world.pass_of("4711")["state"] = "revoked"
    await world.sync()
    assert visits(world) == []


async def test_belonging_to_a_community_makes_a_visit_for_the_same_door_unnecessary(world: World) -> None:
    world.join("4711", pass_id="key", badge=None)
    book(world, "b-1", "4711", at("14:00"), resource="r-2")
    await world.sync()
    assert [locks for locks, _, _ in visits(world)] == ["C-3"]


async def test_groups_and_visits_of_one_member_stand_beside_each_other(world: World) -> None:
    world.join("4711")
    book(world, "b-1", "4711", at("14:00"))
    assert _done(await world.sync()) == {"create": 2}
    assert world.group_of("4711") == "AG-1"
    assert len(visits(world)) == 1
    assert not (await world.plan()).changes
    world.drop_pass("4711")
    await world.sync()
    assert world.group_of("4711") is None
    assert len(visits(world)) == 1


@pytest.mark.parametrize(
    ("starts", "opens", "closes"),
    [
        ("2027-03-28T00:30", "2027-03-28T00:15:00Z", "2027-03-28T01:45:00Z"),
        ("2027-10-31T00:30", "2027-10-31T00:15:00Z", "2027-10-31T01:45:00Z"),
        ("2026-11-21T22:30", "2026-11-21T22:15:00Z", "2026-11-21T23:45:00Z"),
    ],
    ids=["the hour that is not there", "the hour that is there twice", "midnight"],
)
async def test_a_window_walks_through(world: World, starts: str, opens: str, closes: str) -> None:
    """A booking without a zone is in the studio's; its window has the minutes that people count."""
    book(world, "b-1", "4711", at(starts))
    await world.sync()
    assert visits(world) == [(ROOM, opens, closes)]
    [code] = await _codes(world)
    for minutes in range(-30, 121, 5):
        moment = at(starts) + timedelta(minutes=minutes)
        assert world.exivo.code_opens(code, "C-1", at=moment) is (-15 <= minutes < 75)


async def test_codes_of_active_visits_never_collide(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn = iter(f"{number // 5:06}" for number in range(500))
    plugin = world.hub.plugins["exivo"]
    monkeypatch.setitem(world.hub.plugins.loaded, "exivo", _drawing(plugin, lambda: next(drawn)))
    for number in range(30):
        book(world, f"b-{number}", f"m{number}", at("14:00"))
    await world.sync()
    codes = await _codes(world)
    assert len(codes) == 30 == len(set(codes))


def _drawing(plugin: Any, draw: Any) -> Any:
    import dataclasses

    return dataclasses.replace(plugin, draw_code=draw)


async def test_a_code_that_the_vendor_refuses_is_drawn_anew(world: World) -> None:
    world.exivo.faults.unique_codes = True
    plugin = world.hub.plugins["exivo"]
    drawn = iter(["111111", "222222"])
    world.hub.plugins.loaded["exivo"] = _drawing(plugin, lambda: next(drawn))
    # Somebody made a visit by hand that has the first code.
    _by_hand(world.exivo, "111111")
    book(world, "b-1", "4711", at("14:00"))
    result = await world.sync()
    assert not result.targets[0].failed
    assert await _codes(world) == ["222222"]


def _by_hand(exivo: ExivoSimulator, code: str) -> None:
    exivo.world.visits["by-hand"] = {
        "id": "by-hand",
        "code": code,
        "name": "Handwerker",
        "message": None,
        "email": None,
        "smsNr": None,
        "validFrom": "2026-11-01T00:00:00Z",
        "validTo": "2026-12-01T00:00:00Z",
        "components": ["C-1"],
        "link": "https://exivo.invalid/visit/by-hand",
        "revoked": False,
    }


async def test_visits_made_by_hand_are_never_touched(world: World) -> None:
    _by_hand(world.exivo, "4321")
    before = dict(world.exivo.visits["by-hand"])
    book(world, "b-1", "4711", at("14:00"))
    for _ in range(2):
        await world.sync()
        world.desk.bookings = []
    assert world.exivo.visits["by-hand"] == before


async def test_the_nearest_start_is_served_first(world: World) -> None:
    for number, start in enumerate(("18:00", "10:00", "14:00")):
        book(world, f"b-{number}", f"m{number}", at(start))
    await world.sync()
    assert [visit["validFrom"] for visit in world.exivo.visits.values()] == sorted(
        visit["validFrom"] for visit in world.exivo.visits.values()
    )


async def test_a_visit_that_staff_revoked_is_made_again_and_said(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    [visit] = world.exivo.world.visits.values()
    visit["revoked"] = True
    await world.sync()
    assert len(visits(world)) == 1
    assert len(world.exivo.visits) == 2


async def test_a_lost_answer_makes_no_second_visit(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    world.exivo.faults.set("drop_after_write,times=1,operation=delegateUnlockDoor")
    await world.sync()
    world.clock.move(timedelta(minutes=1))
    await world.sync()
    assert len(world.exivo.visits) == 1
    [code] = await _codes(world)
    assert world.exivo.code_opens(code, "C-1", at=at("14:00"))


async def test_a_visit_of_ours_without_a_grant_is_found_and_ended(world: World) -> None:
    """As after a restore from an older backup: the booking was cancelled, and nobody knows of the visit."""
    booking = book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    from sqlalchemy import delete

    from hub.store import tables as t

    async with world.hub.database.write() as db:
        await db.execute(delete(t.ledger))
    booking["state"] = "cancelled"
    await world.sync()
    assert visits(world) == []


async def test_explain_says_which_booking_opens_which_door(world: World) -> None:
    book(world, "b-1", "4711", at("08:30"))
    book(world, "b-2", "4711", at("18:00"), state="requested")
    await world.sync()
    answer = await world.explain("4711")
    assert answer.verdict == "access"
    assert [line.code for line in answer.lines] == ["booking_ok", "booking_state"]
    assert "Front door, Studio 1" in answer.lines[0].text
    [door] = answer.as_json()["doors"]
    assert door["locks"] == ["C-1", "C-2"]
    assert door["valid_from"] == "2026-11-21T08:15:00Z"


async def test_explain_says_that_a_booking_is_for_later(world: World) -> None:
    book(world, "b-1", "4711", at("18:00"))
    await world.sync()
    assert (await world.explain("4711")).verdict == "later"


async def test_a_lock_that_is_not_there_blocks_the_booking_and_nobody_else(world: World) -> None:
    del world.exivo.world.components["C-3"]
    book(world, "b-1", "4711", at("14:00"), resource="r-2")
    book(world, "b-2", "4712", at("14:00"))
    await world.sync()
    assert [locks for locks, _, _ in visits(world)] == [ROOM]
    assert (await world.explain("4711")).lines[0].code == "opening_missing"


async def _lanes_pass(world: World) -> None:
    """What the daemon does when records have changed: only those are looked at, and nothing else at the vendor."""
    world.desk.export(at=world.clock.now())
    for name in ("desk", "door"):
        row = await world.hub.connection_row(name)
        async with lanes.holding(world.hub.database, row.id, row.name, world.hub.clock) as lease:
            if name == "desk":
                await run_source(world.hub, row, lease=lease, trigger="timer", progress=NoProgress())
            else:
                kind = {"trigger": "timer", "full": False, "retry": False}
                await run_target(world.hub, row, lease=lease, progress=NoProgress(), **kind)


async def test_a_lost_answer_is_never_taken_for_the_visit_that_is_to_be_replaced(world: World) -> None:
    """It has the same doors and the same end, and only starts later."""
    booking = book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    booking["starts_at"] = at("13:00")
    world.exivo.faults.set("drop_before_write,times=1,operation=delegateUnlockDoor")
    for _ in range(3):
        await _lanes_pass(world)
        world.clock.move(timedelta(minutes=2))
    assert visits(world) == [(ROOM, "2026-11-21T12:45:00Z", "2026-11-21T15:15:00Z")]


async def test_a_visit_of_which_nobody_knows_is_ended_also_when_the_first_try_fails(world: World) -> None:
    booking = book(world, "b-1", "4711", at("14:00"))
    world.exivo.faults.set("drop_after_write,times=1,operation=delegateUnlockDoor")
    await _lanes_pass(world)
    assert len(visits(world)) == 1
    booking["state"] = "cancelled"
    world.exivo.faults.clear()
    world.exivo.faults.set("outage")
    await _lanes_pass(world)
    world.exivo.faults.clear()
    for _ in range(3):
        world.clock.move(timedelta(minutes=10))
        await _lanes_pass(world)
    assert visits(world) == []


async def test_a_visit_that_two_others_replace_stands_until_both_do(world: World) -> None:
    for number, start in enumerate(("14:00", "15:00", "16:00")):
        book(world, f"b-{number}", "4711", at(start))
    await world.sync()
    world.desk.bookings[1]["state"] = "cancelled"  # type: ignore[index]
    world.exivo.faults.set("status=503,operation=delegateUnlockDoor,after=1")
    await _lanes_pass(world)
    [code] = {visit["code"] for visit in world.exivo.visits.values()}
    assert world.exivo.code_opens(code, "C-1", at=at("16:30"))
    world.exivo.faults.clear()
    world.clock.move(timedelta(minutes=10))
    await _lanes_pass(world)
    assert not world.exivo.code_opens(code, "C-1", at=at("15:30"))
    assert len(visits(world)) == 2


async def test_many_bookings_that_are_handed_to_somebody_else_are_not_held(world: World) -> None:
    rows = [book(world, f"b-{number}", f"m{number}", at("14:00")) for number in range(8)]
    book(world, "x", "other", at("20:00"))
    await world.sync()
    for row in rows:
        row["member_id"] = "other"
    assert _done(await world.sync()) == {"create": 1, "remove": 8}


async def test_a_rule_that_is_edited_to_name_a_lock_that_is_not_there_leaves_what_works_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with make_visiting(tmp_path, monkeypatch) as world:
        booking = book(world, "b-1", "4711", at("14:00"))
        await world.sync()
        before = visits(world)
        rows = await rows_of(world.hub, "resources")
        wrong = [row.model_copy(update={"locks": ["C-9"]}) if index == 0 else row for index, row in enumerate(rows)]
        await edit_rows(world.hub, "resources", wrong, who="test")
        await world.sync()
        assert visits(world) == before
        booking["state"] = "cancelled"
        await world.sync()
        assert visits(world) == []


async def test_one_of_two_merged_bookings_that_vanishes_while_it_runs_keeps_the_whole_visit(world: World) -> None:
    book(world, "b-1", "4711", at("08:30"))
    book(world, "b-2", "4711", at("09:30"))
    await world.sync()
    before = visits(world)
    world.desk.bookings = [row for row in world.desk.bookings if row["id"] != "b-1"]
    await world.sync()
    assert visits(world) == before


async def test_a_neighbour_that_is_cancelled_does_not_excuse_a_booking_that_vanished(world: World) -> None:
    book(world, "b-1", "4711", at("08:30"))
    other = book(world, "b-2", "4711", at("09:30"))
    await world.sync()
    world.desk.bookings = [row for row in world.desk.bookings if row["id"] != "b-1"]
    other["state"] = "cancelled"
    await world.sync()
    assert visits(world) == [(ROOM, "2026-11-21T08:15:00Z", "2026-11-21T09:45:00Z")]


async def test_parts_of_visits_that_vanish_in_numbers_are_held(world: World) -> None:
    for number in range(20):
        book(world, f"a-{number}", f"m{number}", at("14:00"))
        book(world, f"b-{number}", f"m{number}", at("15:00"))
    await world.sync()
    before = visits(world)
    world.desk.bookings = [row for row in world.desk.bookings if row["id"].startswith("b-")]
    result = await world.sync()
    assert result.targets[0].held == 20
    assert set(before) <= set(visits(world))


async def test_a_day_pass_that_vanishes_while_it_runs_is_left_to_end_by_itself(world: World) -> None:
    world.join("4711", pass_id="key", badge=None, valid_from="2026-11-21", valid_until="2026-11-21")
    world.join("4712", pass_id="key", badge=None)
    await world.sync()
    world.drop_pass("4711")
    await world.sync()
    assert len(visits(world)) == 2


@pytest.mark.parametrize("change", ["moved", "cancelled"])
async def test_a_class_that_changes_changes_the_doors_of_who_booked_it(world: World, change: str) -> None:
    session = {"id": "s-1", "name": "Yoga", "starts_at": at("14:00"), "ends_at": at("15:00"), "state": "scheduled"}
    world.desk.sessions.append(session)
    booking = book(world, "b-1", "4711", at("14:00"))
    booking |= {"session_id": "s-1", "starts_at": None, "ends_at": None}
    await world.sync()
    session |= {"state": "cancelled"} if change == "cancelled" else {"starts_at": at("10:00"), "ends_at": at("11:00")}
    world.desk.export(at=world.clock.now() + timedelta(seconds=1))
    row = await world.hub.connection_row("desk")
    async with lanes.holding(world.hub.database, row.id, row.name, world.clock) as lease:
        await run_source(world.hub, row, lease=lease, trigger="test", progress=NoProgress())
    door = await world.hub.connection_row("door")
    # A small pass, as a lane does it: only who is on the agenda.
    await sync_target(world.hub, door, trigger="test", full=False)
    assert visits(world) == ([] if change == "cancelled" else [(ROOM, "2026-11-21T09:45:00Z", "2026-11-21T11:15:00Z")])


async def test_a_visit_that_is_not_settled_is_not_taken_for_another_one(world: World) -> None:
    """A revoke fails, the member comes back, and a look at everything finds the visit with another start."""
    member = {"community_id": "team", "member_id": "4711", "valid_from": "2026-01-01", "valid_until": None}
    book(world, "b-0", "4711", at("08:30"), resource="elsewhere")
    world.desk.community_members.append(member)
    await world.sync()
    world.desk.community_members[0] = {**member, "valid_until": "2026-11-01"}
    world.exivo.faults.set("status=503,operation=revokeUnlockDoorDelegation")
    await world.sync()
    world.exivo.faults.clear()
    world.desk.community_members[0] = member
    for _ in range(3):
        world.clock.move(timedelta(minutes=10))
        await world.sync()
    assert len(visits(world)) == 1


async def test_a_refused_revoke_of_a_visit_that_was_found_is_never_taken_for_done(world: World) -> None:
    booking = book(world, "b-1", "4711", at("14:00"))
    world.exivo.faults.set("drop_after_write,operation=delegateUnlockDoor,times=1", "outage=503")
    world.exivo.faults.clear("outage")
    await world.sync()
    async with world.hub.database.write() as db:
        await db.execute(update(t.ledger).values(state="unknown", vendor_id=None, settled=False, next_try_at=None))
    booking["state"] = "cancelled"
    world.exivo.faults.set("status=400,operation=revokeUnlockDoorDelegation")
    for _ in range(3):
        await world.sync()
        world.clock.move(timedelta(hours=1))
    assert len(visits(world)) == 1
    assert [item["code"] for item in await world.inbox()] == ["removal_failed"]


async def test_a_booking_to_the_end_of_the_calendar_has_no_end_and_stops_nobody_else(world: World) -> None:
    book(world, "b-1", "4711", at("14:00"))
    other = book(world, "b-2", "4712", at("14:00"))
    await world.sync()
    async with world.hub.database.write() as db:
        data = (await db.execute(select(t.record.c.data).where(t.record.c.record_id == "b-1"))).scalar_one()
        moved = data.replace("2026-11-21T15:00:00Z", "9999-12-31T23:59:59Z")
        assert moved != data
        await db.execute(update(t.record).where(t.record.c.record_id == "b-1").values(data=moved))
    other["state"] = "cancelled"
    assert (await sync_target(world.hub, await world.hub.connection_row("door"), trigger="test")).error is None
    [(_, _, ends)] = [visit for visit in visits(world) if visit[2] > "2027"]
    assert ends.startswith("2099")


async def test_a_plan_that_is_out_of_date_does_not_end_what_its_successor_has_yet_to_replace(world: World) -> None:
    booking = book(world, "b-1", "4711", at("08:30"))
    await world.sync()
    booking["state"] = "cancelled"
    plan = await world.plan()
    booking |= {"state": "confirmed", "ends_at": at("10:30")}
    world.desk.export(at=world.clock.now() + timedelta(seconds=1))
    row = await world.hub.connection_row("desk")
    async with lanes.holding(world.hub.database, row.id, row.name, world.clock) as lease:
        await run_source(world.hub, row, lease=lease, trigger="test", progress=NoProgress())
    await apply_stored(world.hub, plan.id, who="test")
    assert visits(world)


async def test_one_visit_that_can_be_given_says_nothing_about_another_that_can_not_be_ended(world: World) -> None:
    booking = book(world, "b-1", "4711", at("14:00"))
    await world.sync()
    booking["state"] = "cancelled"
    world.exivo.faults.set("status=400,operation=revokeUnlockDoorDelegation")
    book(world, "b-2", "4711", at("18:00"), resource="r-2")
    await world.sync()
    world.clock.move(timedelta(minutes=1))
    await world.sync()
    assert "removal_failed" in [item["code"] for item in await world.inbox()]
