"""Classes at the tracker. Numbers are those of section 3 of the guide (`spivi.md`)."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hub.core import NoProgress
from hub.engine.disconnecting import disconnect
from hub.engine.lanes import holding
from hub.engine.sync import plan_now, sync_target
from hub.engine.target_pass import run_target
from hub.errors import UserError
from hub.look.classes import list_classes
from hub.store import tables as t
from tests.conftest import BOTH
from tests.riding import Riding, make_riding


@BOTH
async def test_5_7_8_bookings_are_seats(riding: Riding) -> None:
    """(5, 7, 8) A class and its riders, found or made; a second sync writes nothing."""
    riding.ride()
    riding.book("anna", spot="3")
    riding.book("bo", spot="4")
    riding.spivi.add_by_hand("bo@example.org")
    result = await riding.sync()
    assert result.exit_code == 0, (result.targets, await riding.inbox())
    assert riding.roster() == riding.booked() == {"c1": {"anna": "2", "bo": "3"}}
    assert result.targets[0].applied == {"classes_created": 1, "seats_taken": 2, "people_created": 1}
    [event] = await riding.rows(t.event)
    assert event.results_due_at == event.ends_at + timedelta(minutes=30)
    writes = riding.writes()
    again = await riding.sync()
    assert again.targets[0].applied == {}
    assert riding.writes() == writes


@BOTH
async def test_5_a_class_that_changes_is_changed(riding: Riding) -> None:
    """(5) Another time and name, and everybody sits where they sat."""
    ride = riding.ride()
    riding.book("anna", spot="3")
    await riding.sync()
    ride["starts_at"] += timedelta(hours=1)
    ride["ends_at"] += timedelta(hours=1)
    ride["name"] = "Evening ride"
    result = await riding.sync()
    assert result.exit_code == 0
    assert result.targets[0].applied["classes_changed"] == 1
    assert riding.roster() == riding.booked()
    assert riding.events()[riding.event_of("c1")]["Title"] == "Evening ride"
    [event] = await riding.rows(t.event)
    assert event.results_due_at == ride["ends_at"] + timedelta(minutes=30)


@BOTH
async def test_5_7_cancelled_and_restored(riding: Riding) -> None:
    """(5, 7) Off, and on again with those who are booked then."""
    ride = riding.ride()
    riding.book("anna", spot="3")
    off = riding.book("bo", spot="4")
    await riding.sync()
    ride["state"] = "cancelled"
    result = await riding.sync()
    assert result.targets[0].applied == {"classes_cancelled": 1}
    assert riding.roster() == {}
    [event] = await riding.rows(t.event)
    assert (event.state, event.results_due_at) == ("removed", None)
    ride["state"] = "scheduled"
    off["state"] = "cancelled"
    riding.book("cleo", spot="5")
    result = await riding.sync()
    assert result.exit_code == 0
    assert riding.roster() == riding.booked() == {"c1": {"anna": "2", "cleo": "4"}}
    [event] = await riding.rows(t.event)
    assert event.state == "active"


async def test_2_4_5_another_box(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """(2, 4, 5) A class that moves to another room is cancelled on the old box and made on the new one."""
    rows = """
[[rooms]]
source = "desk"
room_plan = "small"
target = "bikes"
box = "4472"
seats = { "1" = "7" }
"""
    async with make_riding(tmp_path, monkeypatch, rows=rows) as riding:
        riding.desk.room_plans.append({"id": "small", "name": "Small room"})
        ride = riding.ride()
        riding.book("anna", spot="1")
        await riding.sync()
        old = riding.event_of("c1")
        ride["room_plan_id"] = "small"
        result = await riding.sync()
        assert result.exit_code == 0, await riding.inbox()
        assert riding.spivi.world.events[old]["IsCancelled"]
        assert riding.roster() == {"c1": {"anna": "7"}}
        assert riding.events()[riding.event_of("c1")]["BoxID"] == "4472"


@BOTH
async def test_5_a_box_that_is_not_there_costs_no_class(
    tmp_path: Path, database_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """(5) A wrong digit in a row: everybody keeps their seat on the old box, and what is wrong is told."""
    async with make_riding(tmp_path, monkeypatch, database_url=database_url) as riding:
        for key in ("c1", "c2"):
            riding.ride(key)
            riding.book("anna", key, spot="1")
        await riding.sync()
        before = riding.roster()
        del riding.spivi.world.boxes["4472"]
        await riding.reimport(box="4472")
        for _ in range(2):
            result = await riding.sync()
            assert result.exit_code == 4
            assert riding.roster() == before
            assert {row["BoxID"] for row in riding.events().values()} == {"4471"}
        item = (await riding.inbox())["class_failed"]
        assert "stays on box 4471, because it can't move to box 4472" in item["text"]
        now = riding.clock.now()
        views = await list_classes(riding.hub, since=now, until=now + timedelta(days=7), problems=True)
        assert [view.id for view in views] == ["desk:c1", "desk:c2"]
        assert "It stays on box 4471 until box 4472 takes it." in views[0].reason
        assert [seat.seat for seat in views[0].seats] == ["0"]
        # Put right: nothing had happened.
        writes = riding.writes()
        await riding.reimport(box="4471")
        assert (await riding.sync()).exit_code == 0
        assert (riding.roster(), riding.writes()) == (before, writes)
        assert "class_failed" not in await riding.inbox()


async def test_5_a_box_that_comes_later_gets_its_classes(riding: Riding) -> None:
    """(5) As soon as the new box takes the class, it goes there, and leaves the old one."""
    riding.ride()
    riding.book("anna", spot="2")
    await riding.sync()
    spots = riding.spivi.world.boxes.pop("4472")
    await riding.reimport(box="4472")
    await riding.sync()
    riding.spivi.world.boxes["4472"] = spots
    assert (await riding.sync()).exit_code == 0
    assert riding.roster() == {"c1": {"anna": "1"}}
    assert riding.events()[riding.event_of("c1")]["BoxID"] == "4472"
    await riding.reimport(box="4471")
    assert (await riding.sync()).exit_code == 0
    assert riding.roster() == {"c1": {"anna": "1"}}
    assert riding.events()[riding.event_of("c1")]["BoxID"] == "4471"


@pytest.mark.parametrize("how", ["session", "row", "no row"])
async def test_4_5_switched_off(riding: Riding, how: str) -> None:
    """(4, 5) Switched off, here or there, it is cancelled."""
    ride = riding.ride()
    riding.book("anna")
    await riding.sync()
    if how == "session":
        ride["send"] = False
    elif how == "row":
        await riding.reimport(send="false")
    else:
        ride["room_plan_id"] = "yoga"
    result = await riding.sync()
    assert result.exit_code == 0
    assert riding.roster() == {}
    [event] = await riding.rows(t.event)
    assert event.reason_code == ("elsewhere" if how == "no row" else "not_sent")


async def test_4_a_class_may_be_sent_where_its_room_is_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """(4) The class's own word goes before the row's."""
    async with make_riding(tmp_path, monkeypatch, send="false") as riding:
        riding.ride("c1")
        riding.ride("c2", send=True)
        await riding.sync()
        assert set(riding.roster()) == {"c2"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"minutes": 19}, "class_too_short"),
        ({"minutes": 241}, "class_too_long"),
        ({"room_plan_id": None, "send": True}, "no_room_plan"),
        ({"room_plan_id": "yoga", "send": True}, "no_box"),
    ],
)
async def test_6_refused_early_with_a_reason(riding: Riding, fields: dict[str, object], code: str) -> None:
    """(6) Nothing is asked of Spivi, the inbox says why, and it is solved with the class."""
    ride = riding.ride(**fields)  # type: ignore[arg-type]
    result = await riding.sync()
    assert result.exit_code == 0
    assert riding.events(live=False) == {}
    item = (await riding.inbox())[code]
    assert item["subject"] == "desk:c1 @ bikes"
    assert item["fix"]
    ride |= {"room_plan_id": "ride", "ends_at": ride["starts_at"] + timedelta(minutes=45)}
    await riding.sync()
    assert code not in await riding.inbox()
    assert set(riding.roster()) == {"c1"}


async def test_what_is_over_is_left_alone(riding: Riding) -> None:
    """Never created, changed or cancelled then; its event stays for the results."""
    ride = riding.ride("c1")
    riding.ride("c0", riding.clock.now() - timedelta(hours=2))
    booking = riding.book("anna")
    await riding.sync()
    assert set(riding.roster()) == {"c1"}
    riding.clock.set(ride["ends_at"] + timedelta(minutes=1))
    writes = riding.writes()
    ride["name"], booking["state"] = "Renamed", "cancelled"
    await riding.sync()
    ride["state"] = "cancelled"
    await riding.sync()
    assert riding.writes() == writes
    [event] = await riding.rows(t.event)
    [seat] = await riding.rows(t.seat)
    assert (event.state, event.settled, seat.state) == ("active", True, "active")
    assert event.results_due_at is not None


async def test_somebody_elses_event_is_never_touched(riding: Riding) -> None:
    """An event at the same time on the same box, and riders in it."""
    ride = riding.ride()
    riding.book("anna")
    other = riding.spivi.add_event_by_hand(
        "Staff ride", ride["starts_at"] + timedelta(hours=2), ride["ends_at"] + timedelta(hours=2)
    )
    before = dict(other)
    await riding.sync()
    ride["state"] = "cancelled"
    await riding.sync()
    assert riding.spivi.world.events[other["EventID"]] == before


@pytest.mark.parametrize("count", [5, 6])
async def test_classes_that_vanish_are_held_when_they_are_many(riding: Riding, count: int) -> None:
    """Design idea 5: a few are believed; many wait for somebody's word, and nothing else does."""
    for number in range(12):
        riding.ride(f"c{number}")
    riding.book("anna", "c11")
    await riding.sync()
    riding.desk.sessions = riding.desk.sessions[count:]
    result = await riding.sync()
    if count == 5:
        assert result.exit_code == 0
        assert len(riding.roster()) == 7
        return
    assert result.exit_code == 3
    assert len(riding.roster()) == 12
    assert "6 classes" in (await riding.inbox())["held"]["text"]
    riding.book("bo", "c11", "2")
    await riding.sync()
    assert riding.roster()["c11"] == {"anna": "0", "bo": "1"}
    row = await riding.hub.connection_row("bikes")
    run = await sync_target(riding.hub, row, trigger="approved", approved={"vanished"})
    assert (run.state, len(riding.roster())) == ("done", 6)
    assert "held" not in await riding.inbox()


@pytest.mark.parametrize("policy", ["observe", "grant_only"])
async def test_policies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, policy: str) -> None:
    """Observing writes nothing; grant_only takes nothing away."""
    async with make_riding(tmp_path, monkeypatch, policy=policy) as riding:
        ride = riding.ride()
        booking = riding.book("anna")
        await riding.sync()
        if policy == "observe":
            assert riding.writes() == 0
            assert await riding.rows(t.event) == []
            await riding.reimport(policy="sync")
            await riding.sync()
            assert riding.roster() == riding.booked()
            return
        booking["state"] = "cancelled"
        riding.book("bo", spot="2")
        await riding.sync()
        assert riding.roster() == {"c1": {"anna": "0", "bo": "1"}}
        ride["state"] = "cancelled"
        await riding.sync()
        assert set(riding.roster()) == {"c1"}


async def test_times_are_those_of_the_location(riding: Riding) -> None:
    """A class in Lisbon is shown on Lisbon's clock."""
    riding.desk.locations.append({"id": "lx", "name": "Lisbon", "timezone": "Europe/Lisbon"})
    ride = riding.ride(location_id="lx")
    await riding.sync()
    [event] = await riding.rows(t.event)
    assert event.timezone == "Europe/Lisbon"
    assert riding.events()[riding.event_of("c1")]["starts"].hour == ride["starts_at"].hour


async def test_9_a_teacher_by_e_mail(riding: Riding) -> None:
    """(9) Known to Spivi, or left out with a note."""
    riding.desk.instructors += [
        {"id": "noa", "name": "Noa Berger", "email": "noa@nordlicht.example"},
        {"id": "new", "name": "New One", "email": "new@nordlicht.example"},
    ]
    riding.ride("c1", instructor_id="noa")
    riding.ride("c2", instructor_id="new")
    await riding.sync()
    assert riding.events()[riding.event_of("c1")]["InstructorName"] == "Noa B."
    assert riding.events()[riding.event_of("c2")]["InstructorName"] is None
    assert (await riding.inbox())["instructor_unknown"]["subject"] == "desk:c2 @ bikes"


@pytest.mark.parametrize("name", ["bikes", "desk"])
async def test_1_disconnecting_cancels_what_is_to_come(riding: Riding, name: str) -> None:
    """(1) Of the tracker or of the source; nothing that somebody else made is touched."""
    ride = riding.ride()
    riding.book("anna")
    other = riding.spivi.add_event_by_hand("Staff ride", ride["starts_at"], ride["ends_at"])
    await riding.sync()
    if name == "desk":
        with pytest.raises(UserError, match="classes of desk"):
            await disconnect(riding.hub, name, revoke=False, who="test")
    done = await disconnect(riding.hub, name, revoke=True, who="test")
    assert (done.removed, done.failed, done.forgotten) == (1, {}, True)
    assert riding.roster() == {}
    assert not riding.spivi.world.events[other["EventID"]]["IsCancelled"]


async def test_1_what_can_not_be_cancelled_keeps_the_connection(riding: Riding) -> None:
    """(1) And the next try goes on from there."""
    riding.ride()
    await riding.sync()
    riding.spivi.faults.set("outage=503")
    done = await disconnect(riding.hub, "bikes", revoke=True, who="test")
    assert (list(done.failed), done.forgotten) == (["desk:c1"], False)
    riding.spivi.faults.clear()
    assert (await disconnect(riding.hub, "bikes", revoke=True, who="test")).forgotten
    assert riding.roster() == {}


async def test_a_class_alone_wakes_the_tracker(riding: Riding) -> None:
    """Classes belong to no member: what changes about them is news all the same, and nothing else is."""
    ride = riding.ride()
    await riding.sync()
    await riding.lanes()
    assert await riding.wakes_at() > riding.clock.now()
    ride["name"] = "Renamed"
    riding.desk.export(at=riding.clock.now())
    await riding.read()
    assert await riding.wakes_at() <= riding.clock.now()
    await riding.lanes()
    assert riding.events()[riding.event_of("c1")]["Title"] == "Renamed"


async def test_a_dry_run_of_a_tracker_changes_nothing(riding: Riding) -> None:
    """Nor does it forget what is to be done."""
    riding.ride()
    riding.book("anna")
    riding.desk.export(at=riding.clock.now())
    _, [plan], errors = await plan_now(riding.hub)
    assert (plan.changes, errors, riding.writes()) == ((), [], 0)
    await riding.lanes()
    assert riding.roster() == riding.booked()


async def test_a_row_that_is_edited_is_acted_on(riding: Riding) -> None:
    """Also where nobody has booked."""
    riding.ride()
    await riding.lanes()
    assert set(riding.roster()) == {"c1"}
    await riding.reimport(send="false")
    await riding.lanes(export=False)
    assert riding.roster() == {}


async def test_a_pass_that_is_left_goes_on(riding: Riding) -> None:
    """Between two classes; each time some more is done."""
    for number in range(12):
        riding.ride(f"c{number}")
        riding.book("anna", f"c{number}")
        riding.book("bo", f"c{number}", "2")
    riding.desk.export(at=riding.clock.now())
    await riding.read()
    row = await riding.hub.connection_row("bikes")

    async def leave() -> bool:
        return True

    for full in (True, *[False] * 20):
        async with holding(riding.hub.database, row.id, row.name, riding.clock) as lease:
            run = await run_target(
                riding.hub,
                row,
                lease=lease,
                trigger="timer",
                progress=NoProgress(),
                full=full,
                retry=False,
                leave=leave,
            )
        if not run.left_off:
            break
    assert riding.roster() == riding.booked()
