"""Classes at Spivi. Numbers in brackets are those of section 3 of the guide (`spivi.md`)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub import Conflict, FixRecord, RetryLater, Unconfirmed
from tests.plugins.spivi.support import BOX, ENDS, NOW, STARTS, TEACHER, Recorder, Site, marker, opened, session

UPDATES = {"update_event": True}


async def test_5_a_class_is_created_with_our_marker(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """(5) Times are the studio's wall clock, and the description holds the marker and nothing personal."""
    sent = Recorder(site.sim, monkeypatch)
    wanted = await site.created()
    (event,) = site.live()
    assert event["EventID"] == wanted.vendor_id
    form = sent.form("AddEvent")
    assert form["StartDateTime"] == "22-11-2026T18:00"
    assert form["EndDateTime"] == "22-11-2026T18:45"
    assert form["InstructorUserName"] == TEACHER
    assert form["BoxID"] == BOX
    assert form["Description"].startswith(f"{marker()} ")
    assert event["InstructorName"] == "Noa B."


async def test_5_creating_twice_makes_one(site: Site) -> None:
    """(5) With the id and without it: the marker finds the event again."""
    wanted = await site.created()
    again = await site.created()
    assert again.vendor_id == wanted.vendor_id
    calls = site.calls()
    await site.changed(wanted)
    assert calls.names == ["getEvents"]
    assert len(site.sim.world.events) == 1


async def test_nobody_elses_event_is_adopted(site: Site) -> None:
    """Same box, same time, same title: it is not ours, so ours is made beside it."""
    theirs = site.sim.add_event_by_hand("Power Ride 45", STARTS, ENDS)
    other = site.sim.add_event_by_hand("Power Ride 45", STARTS, ENDS, Description="[hub:other:desk:s-1] 1")
    wanted = await site.created()
    assert wanted.vendor_id not in {theirs["EventID"], other["EventID"]}
    await site.cancelled(wanted)
    assert {event["EventID"] for event in site.live()} == {theirs["EventID"], other["EventID"]}


@pytest.mark.parametrize("hook", ["changed", "cancelled", "restored"])
async def test_an_id_that_leads_to_another_classs_event_is_a_conflict(site: Site, hook: str) -> None:
    """What carries another marker is never touched."""
    other = site.sim.add_event_by_hand("Theirs", STARTS, ENDS, Description="[hub:other:desk:s-9]")
    with pytest.raises(Conflict) as caught:
        await getattr(site, hook)(session(vendor_id=other["EventID"]))
    assert caught.value.code == "marker_other"
    assert len(site.live()) == 1


CHANGES: list[dict[str, Any]] = [
    {"name": "Power Ride 60"},
    {"ends_at": ENDS + timedelta(minutes=15)},
    {"starts_at": STARTS + timedelta(days=3), "ends_at": ENDS + timedelta(days=3)},
    {"instructor_email": None},
]


@pytest.mark.parametrize("change", CHANGES)
async def test_5_a_change_is_a_new_event_with_everybody_in_it(site: Site, change: dict[str, Any]) -> None:
    """(5) Spivi's own way to change an event is unknown: the old one is cancelled first, and the riders come along,
    those too whom staff seated."""
    wanted, rider = await site.created(), site.rider()
    await site.take(wanted, rider, "3")
    site.sim.seat_by_hand(str(wanted.vendor_id), site.rider("walk-in@example.org").vendor_id, 7)
    calls = site.calls()
    outcome = await site.changed(session(vendor_id=wanted.vendor_id, **change))
    assert outcome.vendor_id != wanted.vendor_id
    assert calls.writes == ["cancelEvent", "addEvent", "addClientsToEvents", "addClientsToEvents"]
    (event,) = site.live()
    assert event["EventID"] == outcome.vendor_id
    assert outcome.seats == site.sim.seats(event["EventID"])
    assert set(outcome.seats.values()) == {"3", "7"}
    quiet = site.calls()
    await site.changed(session(vendor_id=outcome.vendor_id, **change))
    assert quiet.writes == []


@pytest.mark.parametrize(("fault", "tried"), [("error_inside=409", 5), ("drop_before_write", 3)])
async def test_5_who_does_not_come_along_is_named(site: Site, fault: str, tried: int) -> None:
    """(5) The class is there, and the hub seats its own riders again; where Spivi is silent not everybody is tried."""
    wanted = await site.created()
    riders = [site.rider(f"rider{number}@example.org").vendor_id for number in range(5)]
    for seat, rider in enumerate(riders):
        site.sim.seat_by_hand(str(wanted.vendor_id), rider, seat)
    site.sim.faults.set(f"{fault},operation=addClientsToEvents")
    calls = site.calls()
    outcome = await site.changed(session(vendor_id=wanted.vendor_id, name="Power Ride 60"))
    assert [event["EventID"] for event in site.live()] == [outcome.vendor_id]
    assert outcome.seats == {}
    (note,) = outcome.notes
    assert note.code == "seats_lost"
    assert all(rider in note.text for rider in riders)
    assert calls.names.count("addClientsToEvents") == tried


async def test_5_where_changing_is_known_the_event_stays(site: Site) -> None:
    """(5) Switched on by a setting, not by a release."""
    async with opened(site.sim, calls=UPDATES) as able:
        wanted = await able.created()
        calls = able.calls()
        changed = session(vendor_id=wanted.vendor_id, name="Power Ride 60")
        assert (await able.changed(changed)).vendor_id == wanted.vendor_id
        await able.changed(changed)
        assert calls.writes == ["updateEvent"]
        assert able.live()[0]["Title"] == "Power Ride 60"


async def test_5_a_change_that_is_not_seen_is_unconfirmed(site: Site) -> None:
    """(5) Spivi may keep what it had; a teacher who is none any more is sent as none."""
    async with opened(site.sim, calls=UPDATES) as able:
        wanted = await able.created()
        able.sim.faults.set("stale_reads=1")
        changed = session(vendor_id=wanted.vendor_id, instructor_email=None)
        with pytest.raises(Unconfirmed):
            await able.changed(changed)
        able.sim.faults.clear()
        await able.changed(changed)
        assert able.live()[0]["InstructorName"] is None


async def test_5_another_box_cancels_on_the_old_one(site: Site) -> None:
    """(5) Seats have other ids there, so nobody is seated by the way."""
    site.sim.world.boxes["4472"] = 5
    wanted = await site.created()
    await site.take(wanted, site.rider())
    outcome = await site.changed(session(vendor_id=wanted.vendor_id, box="4472"))
    (event,) = site.live()
    assert (event["EventID"], event["BoxID"]) == (outcome.vendor_id, "4472")
    assert outcome.seats == {}


async def test_5_another_box_is_noticed_where_events_do_not_show_theirs() -> None:
    """(5) That an event shows its box is inferred."""
    async with opened(faults=["no_box_id"]) as site:
        site.sim.world.boxes["4472"] = 5
        wanted = await site.created()
        await site.changed(session(vendor_id=wanted.vendor_id, box="4472"))
        assert [event["BoxID"] for event in site.live()] == ["4472"]


async def test_a_time_that_staff_moved_is_put_right(site: Site) -> None:
    """The hub's class has the source's time."""
    wanted = await site.created()
    event = site.sim.world.events[str(wanted.vendor_id)]
    site.sim.world.events[event["EventID"]] = {**event, "starts": event["starts"] - timedelta(minutes=10)}
    await site.changed(wanted)
    (event,) = site.live()
    assert event["starts"].minute == 0


async def test_a_class_that_runs_is_not_replaced(site: Site) -> None:
    """A new event would end the riders' live display and split their results."""
    wanted = await site.created()
    site.clock.set(STARTS + timedelta(minutes=5))
    calls = site.calls()
    outcome = await site.changed(session(vendor_id=wanted.vendor_id, name="Power Ride 60"))
    assert outcome.vendor_id == wanted.vendor_id
    assert [note.code for note in outcome.notes] == ["class_running"]
    assert calls.writes == []


async def test_5_cancelled_stays_cancelled(site: Site) -> None:
    """(5) Twice is once; what is gone is success."""
    wanted = await site.created()
    assert (await site.cancelled(wanted)).vendor_id == wanted.vendor_id
    assert site.live() == []
    calls = site.calls()
    await site.cancelled(wanted)
    assert calls.writes == []
    site.sim.world.events.clear()
    assert (await site.cancelled(wanted)).vendor_id is None


async def test_5_restored_is_a_new_event(site: Site) -> None:
    """(5) Empty: whoever cancelled in the meantime must not be back; the hub seats those who are booked."""
    wanted = await site.created()
    await site.take(wanted, site.rider())
    await site.cancelled(wanted)
    outcome = await site.restored(wanted)
    (event,) = site.live()
    assert event["EventID"] == outcome.vendor_id != wanted.vendor_id
    assert outcome.seats == {}


async def test_5_where_restoring_is_known_the_event_is_back(site: Site) -> None:
    """(5) And its seats are told, so that the hub can free those that are booked no more."""
    async with opened(site.sim, calls={"restore_event": True}) as able:
        wanted = await able.created()
        await able.take(wanted, able.rider())
        await able.cancelled(wanted)
        outcome = await able.restored(wanted)
        assert outcome.vendor_id == wanted.vendor_id
        assert outcome.seats == {able.rider().vendor_id: "3"}


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"box": ""}, "no_box"),
        ({"ends_at": STARTS + timedelta(minutes=19)}, "class_length"),
        ({"ends_at": STARTS + timedelta(hours=4, minutes=1)}, "class_length"),
    ],
)
async def test_6_what_spivi_would_refuse_is_refused_early(site: Site, fields: dict[str, Any], code: str) -> None:
    """(6) With a reason, and without a call."""
    calls = site.calls()
    with pytest.raises(FixRecord) as caught:
        await site.created(**fields)
    assert caught.value.code == code
    assert calls.names == []


@pytest.mark.parametrize("minutes", [20, 240])
async def test_6_the_limits_themselves_are_taken(site: Site, minutes: int) -> None:
    """(6) 20 minutes and 4 hours."""
    await site.created(ends_at=STARTS + timedelta(minutes=minutes))
    assert len(site.live()) == 1


async def test_an_unknown_box_is_told_in_spivis_words(site: Site) -> None:
    """Only Spivi knows its boxes."""
    with pytest.raises(FixRecord) as caught:
        await site.created(box="9999")
    assert "no such box" in caught.value.said + str(caught.value)


async def test_a_teacher_whom_spivi_does_not_have_is_left_out(site: Site) -> None:
    """The class is there without one, and that is said."""
    outcome = await site.changed(session(instructor_email="new@nordlicht.example"))
    assert [note.code for note in outcome.notes] == ["instructor_unknown"]
    assert site.live()[0]["InstructorName"] is None


async def test_a_teacher_is_told_to_spivi_once_it_has_them(site: Site) -> None:
    """Spivi shows no address of an event's instructor; what was sent is known all the same."""
    wanted = await site.created(instructor_email="new@nordlicht.example")
    row = site.sim.add_by_hand("new@nordlicht.example", "Kim", "Neu")
    site.sim.world.instructors[row["ClientID"]] = True
    site.clock.move(timedelta(minutes=11))
    await site.changed(wanted)
    assert [event["InstructorName"] for event in site.live()] == ["Kim N."]


# ── lost answers ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_lost_answer_is_looked_for_and_found() -> None:
    """The event was made: it is adopted, not made again."""
    async with opened(faults=["drop_after_write,times=1"]) as site:
        with pytest.raises(Unconfirmed):
            await site.created()
        wanted = await site.created(look_first=True, sure_after=NOW + timedelta(seconds=15))
        assert [event["EventID"] for event in site.live()] == [wanted.vendor_id]


async def test_not_finding_proves_nothing_at_first() -> None:
    """A request that was given up may still be worked on."""
    async with opened(faults=["drop_before_write,times=1"]) as site:
        with pytest.raises(Unconfirmed):
            await site.created()
        again = {"look_first": True, "sure_after": NOW + timedelta(seconds=15)}
        with pytest.raises(RetryLater) as caught:
            await site.created(**again)
        assert caught.value.code == "settling"
        site.clock.move(timedelta(seconds=16))
        await site.created(**again)
        assert len(site.sim.world.events) == 1


async def test_a_change_that_broke_off_is_finished() -> None:
    """The old event is cancelled, and the new one's answer is lost: the next call finds it."""
    async with opened() as site:
        wanted = await site.created()
        site.sim.faults.set("drop_after_write,times=1,operation=addEvent")
        changed = session(vendor_id=wanted.vendor_id, name="Power Ride 60")
        with pytest.raises(Unconfirmed):
            await site.changed(changed)
        outcome = await site.changed(session(vendor_id=wanted.vendor_id, name="Power Ride 60", look_first=True))
        assert [event["EventID"] for event in site.live()] == [outcome.vendor_id]


async def test_one_event_too_many_is_cancelled(site: Site) -> None:
    """Both carry our marker, so both are ours."""
    first = await site.created()
    twin = {**site.sim.world.events[str(first.vendor_id)], "EventID": "77777"}
    site.sim.world.events["77777"] = twin
    site.sim.world.booked["77777"] = {}
    again = await site.created()
    assert [event["EventID"] for event in site.live()] == [again.vendor_id]


async def test_an_answer_without_the_id_is_made_up_for() -> None:
    """The box is listed, and the marker found."""
    async with opened(faults=["no_event_id"]) as site:
        wanted = await site.created()
        assert site.live()[0]["EventID"] == wanted.vendor_id


async def test_an_event_that_is_not_shown_is_unconfirmed() -> None:
    """Neither in the answer nor in the list: never taken for failed."""
    async with opened(faults=["no_event_id", "stale_reads=9"]) as site:
        with pytest.raises(Unconfirmed):
            await site.created()


async def test_a_cancellation_that_is_not_seen_is_unconfirmed() -> None:
    """Written is not done."""
    async with opened() as site:
        wanted = await site.created()
        site.sim.faults.set("stale_reads=1")
        with pytest.raises(Unconfirmed):
            await site.cancelled(wanted)
        site.sim.faults.clear()
        await site.cancelled(wanted)


@pytest.mark.parametrize("done", ["false", "true"])
async def test_an_error_inside_200_is_an_error(done: str) -> None:
    """An internal one may have come after the work, so the event is looked for."""
    async with opened(faults=[f"error_inside=500,times=1,operation=addEvent,done={done}"]) as site:
        with pytest.raises(Unconfirmed):
            await site.created()
        await site.created(look_first=True)
        assert len(site.live()) == 1


# ── clocks ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("at", "shown"),
    [
        (datetime(2026, 3, 28, 8, 30, tzinfo=UTC), "28-03-2026T09:30"),
        (datetime(2026, 3, 29, 8, 30, tzinfo=UTC), "29-03-2026T10:30"),
        (datetime(2026, 10, 24, 8, 30, tzinfo=UTC), "24-10-2026T10:30"),
        (datetime(2026, 10, 25, 8, 30, tzinfo=UTC), "25-10-2026T09:30"),
    ],
)
async def test_both_clock_changes(site: Site, monkeypatch: pytest.MonkeyPatch, at: datetime, shown: str) -> None:
    """Wall-clock time on the days before and after."""
    site.clock.set(at - timedelta(days=2))
    sent = Recorder(site.sim, monkeypatch)
    wanted = await site.created(starts_at=at, ends_at=at + timedelta(minutes=45))
    assert sent.form("AddEvent")["StartDateTime"] == shown
    calls = site.calls()
    await site.changed(wanted)
    assert calls.writes == []


async def test_a_class_that_the_clock_change_makes_endless_is_refused(site: Site) -> None:
    """An hour that ends at the minute at which it began can't be told to Spivi."""
    at = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    with pytest.raises(FixRecord) as caught:
        await site.created(starts_at=at, ends_at=at + timedelta(hours=1))
    assert caught.value.code == "class_length"
