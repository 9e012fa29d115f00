"""Results come once they are due, are kept as they were measured, and nobody's are lost or told twice."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from hub import FixRecord, FixSettings, NotFound, RetryLater, grants
from hub.classes import results
from hub.classes.results import LOOKS, next_look
from hub.errors import LostLease
from hub.store import tables as t
from tests.conftest import BOTH
from tests.harness import NOW
from tests.rode import END, GOOD, START, Riding, make_riding


@pytest.fixture
async def riding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database_url: str | None) -> AsyncIterator[Riding]:
    async with make_riding(tmp_path, monkeypatch, database_url=database_url) as made:
        yield made


# ── when ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_results_are_looked_for_half_an_hour_after_a_class_and_not_before(riding: Riding) -> None:
    riding.bikes.rode("v1", "v2")
    assert await riding.after(minutes=29) == 0
    assert riding.bikes.asked == []
    assert await riding.after(minutes=30) == 2
    event = await riding.row(t.event)
    assert (event.results_due_at, event.results_tries, event.results_at) == (None, 1, END + timedelta(minutes=30))
    assert await riding.after(hours=30) == 0
    [(session, riders)] = riding.bikes.asked
    assert (session.id, session.vendor_id, session.starts_at) == ("desk:s-e1", "x-e1", START)
    assert [(rider.member, rider.vendor_id) for rider in riders] == [("desk:1", "v1"), ("desk:2", "v2")]


async def test_while_somebodys_are_missing_they_are_looked_for_again_and_then_no_more(riding: Riding) -> None:
    """After one, three and 24 hours; who never gets any is named in the log."""
    for after in LOOKS:
        assert (await riding.row(t.event)).results_due_at == END + after
        assert await riding.after(seconds=after.total_seconds()) == (after == LOOKS[1])
        if after == LOOKS[0]:
            riding.bikes.rode("v1")
    event = await riding.row(t.event)
    assert (event.results_due_at, event.results_tries) == (None, 4)
    [line] = await riding.rows(t.log, code="no_results")
    assert "Ride 45" in line.text
    assert "desk:2" in line.text
    assert "desk:1" not in line.text
    assert await riding.after(days=3) == 0


async def test_a_daemon_that_was_off_for_long_looks_once_and_not_four_times(riding: Riding) -> None:
    await riding.after(hours=5)
    assert (await riding.row(t.event)).results_due_at == END + timedelta(hours=24)
    await riding.after(days=9)
    assert (await riding.row(t.event)).results_due_at is None
    assert len(riding.bikes.asked) == 2


def test_the_next_look_is_always_later() -> None:
    for minutes in range(0, 24 * 60 + 10, 7):
        now = END + timedelta(minutes=minutes)
        found = next_look(END, now)
        assert found is None or found > now
    assert next_look(END, END + LOOKS[-1]) is None


# ── whose ─────────────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_only_riders_whom_the_tracker_knows_are_asked_for(riding: Riding) -> None:
    """A seat that was given up and a member without an account there are not; an id by hand is, and so is a seat that
    failed: a later failure says nothing of what became of the first try."""
    await riding.rider("3", state="removed", removed_at=NOW)
    await riding.rider("4", state="failed", applied=None)
    await riding.rider("5", linked=None)
    await riding.rider("6", linked="v6", state="updating")
    await riding.rider("7")
    await riding.change(t.link, t.link.c.member == "7", state="conflict")
    await riding.rider("8", linked="hand")
    await riding.change(t.link, t.link.c.member == "8", state="conflict", by_hand=True)
    await riding.after(minutes=30)
    assert [rider.vendor_id for rider in riding.bikes.asked[0][1]] == ["v1", "v2", "v4", "v6", "hand"]


async def test_an_id_in_a_mapping_row_goes_before_the_one_that_was_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    more = '[[links]]\nmember = "desk:1"\ntarget = "bikes"\nid = "77"\n'
    async with make_riding(tmp_path, monkeypatch, more=more) as riding:
        riding.bikes.rode("77")
        assert await riding.after(minutes=30) == 1
        assert list(await riding.rides()) == ["desk:1"]


async def test_who_was_kept_off_the_screen_is_asked_for_and_not_waited_for(riding: Riding) -> None:
    """Consent is about the live display alone, and staff may have seated them by hand."""
    await riding.rider("3", state="failed", applied=None, reason_code="live_withheld")
    riding.bikes.rode("v1", "v2")
    await riding.after(minutes=30)
    assert "v3" in [rider.vendor_id for rider in riding.bikes.asked[0][1]]
    assert (await riding.row(t.event)).results_due_at is None


async def test_a_class_without_riders_or_that_never_was_at_the_tracker_asks_nothing(riding: Riding) -> None:
    await riding.a_class("e2")
    await riding.a_class("e3", vendor_id=None)
    await riding.rider("1", event="e3")
    await riding.a_class("e4", state="removed")
    await riding.rider("1", event="e4")
    await riding.after(minutes=30)
    assert [session.id for session, _ in riding.bikes.asked] == ["desk:s-e1"]
    assert [row.results_due_at for row in await riding.rows(t.event)][1:] == [None, None, None]


# ── what ──────────────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_what_was_not_measured_is_absent_and_what_can_hardly_be_is_marked(riding: Riding) -> None:
    """By the plugin or by the hub; 0 is no measurement, but of points; what is no number is none."""
    odd: Any = {"power_avg_w": 900.0, "hr_avg_bpm": 0.0, "points": 0.0, "cadence_avg_rpm": 80.0,
                "speed_avg_kmh": float("nan"), "distance_km": "far", "points_secondary": 3.0}  # fmt: skip
    riding.bikes.results["v1"] = {"metrics": odd, "implausible": frozenset({"cadence_avg_rpm", "hr_avg_bpm"})}
    riding.bikes.results["v2"] = {"metrics": {"hr_avg_bpm": 0.0, "rank": 1.0}}
    assert await riding.after(minutes=30) == 1
    [ride] = (await riding.rides()).values()
    assert ride.metrics == {"power_avg_w": 900, "points": 0, "cadence_avg_rpm": 80, "points_secondary": 3}
    assert ride.implausible == {"power_avg_w", "cadence_avg_rpm"}


@BOTH
async def test_what_was_measured_is_sealed_wherever_it_waits(riding: Riding) -> None:
    """In the rows, and in what the log and the inbox say; what no name fits is kept, sealed too."""
    riding.bikes.results["v1"] = {"metrics": {**GOOD, "hr_avg_bpm": 147.25}, "unread": {"Wheel": "29.123"}, "seat": "7"}
    riding.bikes.rode("v2", power_avg_w=9123.5)
    await riding.after(minutes=30)
    rows = [row for table in t.metadata.sorted_tables for row in await riding.rows(table)]
    assert "147.25" not in repr(rows)
    assert "29.123" not in repr(rows)
    assert "9123" not in repr(rows)
    result = (await riding.rows(t.result))[0]
    assert riding.world.hub.vault.open_private(result.sealed_unread) == '{"Wheel": "29.123"}'
    assert result.seat == "7"


async def test_a_later_correction_is_taken_and_the_same_answer_changes_nothing(riding: Riding) -> None:
    """While others' results are missing it is asked again."""
    riding.bikes.rode("v1")
    await riding.after(minutes=30)
    assert await riding.after(hours=1) == 0
    assert (await riding.row(t.result)).changed_at == END + timedelta(minutes=30)
    riding.bikes.rode("v1", **{**GOOD, "distance_km": 25.0})
    assert await riding.after(hours=3) == 1
    assert (await riding.rides())["desk:1"].metrics["distance_km"] == 25
    row = await riding.row(t.result)
    assert (row.arrived_at, row.changed_at) == (END + timedelta(minutes=30), END + timedelta(hours=3))
    assert [len(event.members) for event in riding.bikes.told] == [1, 1]
    assert len(await riding.mails()) == 1


async def test_an_answer_of_less_takes_nothing_back(riding: Riding) -> None:
    riding.bikes.rode("v1")
    await riding.after(minutes=30)
    riding.bikes.results.clear()
    await riding.after(hours=1)
    assert (await riding.rides())["desk:1"].metrics == GOOD


async def test_what_staff_dropped_or_gave_to_somebody_else_stays_so(riding: Riding) -> None:
    await riding.rider("3")
    riding.bikes.rode("v1", "v2")
    await riding.after(minutes=30)
    await riding.change(t.result, t.result.c.member == "1", dropped=True)
    await riding.change(t.result, t.result.c.member == "2", member="9", by_hand=True)
    riding.bikes.rode("v1", "v2", "v3", distance_km=1.5)
    assert await riding.after(hours=1) == 1
    assert (await riding.row(t.event)).results_due_at is None
    assert {member: ride.metrics["distance_km"] for member, ride in (await riding.rides()).items()} == {
        "desk:9": 24.3,
        "desk:3": 1.5,
    }


async def test_a_rider_who_is_answered_twice_or_whom_nobody_asked_for_brings_no_second_result(riding: Riding) -> None:
    one = grants.Result(vendor_person_id="v1", metrics=GOOD)
    riding.bikes.seen = [one, one, grants.Result(vendor_person_id="stranger", metrics=GOOD)]
    assert await riding.after(minutes=30) == 1


async def test_the_ftp_of_the_day_is_kept_with_a_result(riding: Riding) -> None:
    """What the member said on their page goes before what the desk says; a later correction doesn't change it."""
    ids = await riding.ids()
    for row in riding.world.desk.members:
        row["ftp_w"] = 210
    await riding.world.sync("desk")
    sealed = riding.world.hub.vault.seal('{"ftp_w": 250}')
    async with riding.world.hub.database.write() as db:
        said = {"source_id": ids["desk"], "member": "2", "sealed_profile": sealed, "changed_at": NOW}
        await db.execute(insert(t.own_word).values(**said))
    await riding.rider("3", linked="v3")
    riding.bikes.rode("v1", "v2")
    await riding.after(minutes=30)
    for row in riding.world.desk.members:
        row["ftp_w"] = 220
    await riding.world.sync("desk")
    riding.bikes.rode("v1", distance_km=20)
    await riding.after(hours=1)
    assert {ref: ride.metrics["ftp_w"] for ref, ride in (await riding.rides()).items()} == {
        "desk:1": 210,
        "desk:2": 250,
    }


# ── when it fails ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "error", [RetryLater("busy"), FixRecord("odd"), NotFound("gone"), ValueError("a mistake in the plugin")]
)
async def test_a_class_that_fails_stops_no_other(riding: Riding, error: Exception) -> None:
    await riding.a_class("e2", ends=END + timedelta(minutes=1))
    await riding.rider("2", event="e2")
    riding.bikes.rode("v2")
    riding.bikes.fails_for["desk:s-e1"] = error
    assert await riding.after(minutes=40) == 1
    assert list(await riding.rides("e2")) == ["desk:2"]


@BOTH
async def test_a_tracker_that_does_not_answer_is_asked_again_soon_and_no_look_is_lost(riding: Riding) -> None:
    """After the pause that it asked for, where it did; and not for every class of the day."""
    for number in range(2, 6):
        await riding.a_class(f"e{number}")
        await riding.rider("1", event=f"e{number}")
    riding.bikes.fails = RetryLater("busy", after=timedelta(minutes=20))
    await riding.after(minutes=30)
    assert len(riding.bikes.asked) == 3
    event = await riding.row(t.event, id="e1")
    assert (event.results_due_at, event.results_tries) == (END + timedelta(minutes=50), 0)
    riding.bikes.fails = None
    riding.bikes.rode("v1", "v2")
    # Those that were not asked for have their turn first.
    assert await riding.after(minutes=31) == 2
    assert await riding.after(minutes=50) == 4


async def test_a_tracker_that_is_gone_for_good_is_given_up_after_a_week_and_that_is_told(riding: Riding) -> None:
    riding.bikes.fails = RetryLater("down")
    await riding.after(days=6)
    assert (await riding.row(t.event)).results_due_at is not None
    await riding.after(days=8)
    assert (await riding.row(t.event)).results_due_at is None
    [item] = [item for item in await riding.world.inbox() if item["code"] == "results_failed"]
    assert "Ride 45" in item["text"]
    assert "studiohub metrics fetch e1" in item["fix"]


async def test_settings_that_must_be_mended_are_in_the_inbox_until_they_are(riding: Riding) -> None:
    """With the vendor's own words, once, and no other class is tried meanwhile."""
    await riding.a_class("e2")
    await riding.rider("1", event="e2")
    riding.bikes.fails = FixSettings("the password is refused", said="401")
    await riding.after(minutes=30)
    assert len(riding.bikes.asked) == 1
    [item] = [item for item in await riding.world.inbox() if item["code"] == "results_failed"]
    assert "401" in item["text"]
    riding.bikes.fails = None
    riding.bikes.rode("v1", "v2")
    await riding.after(hours=1)
    assert [item for item in await riding.world.inbox() if item["code"] == "results_failed"] == []


async def test_a_plugin_that_answers_something_else_is_named(riding: Riding) -> None:
    seen: Any = [{"metrics": GOOD}]
    riding.bikes.seen = seen
    assert await riding.after(minutes=30) == 0
    [item] = [item for item in await riding.world.inbox() if item["code"] == "results_failed"]
    assert "fetch_metrics" in item["text"]
    riding.bikes.seen = None
    riding.bikes.rode("v1")
    await riding.after(hours=1)
    assert [item for item in await riding.world.inbox() if item["code"] == "results_failed"] == []


@BOTH
async def test_a_process_that_dies_or_loses_its_lane_leaves_nothing_half_done(
    riding: Riding, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither results without mails nor mails without results, and the next one does it all."""

    async def dies(*_args: Any, **_named: Any) -> None:
        raise RuntimeError("the power is gone")

    riding.bikes.rode("v1", "v2")
    for name in ("tell_riders", "_looked", "_lines"):
        with monkeypatch.context() as patch:
            patch.setattr(results, name, dies)
            with pytest.raises(RuntimeError):
                await riding.after(minutes=30)
        assert await riding.rides() == {}
        assert await riding.mails() == []

    async def taken_over(*_args: Any) -> None:
        raise LostLease("another process has it")

    with monkeypatch.context() as patch:
        patch.setattr("hub.engine.lanes.Lease.check", taken_over)
        with pytest.raises(LostLease):
            await riding.after(minutes=30)
    assert await riding.rows(t.result) == []
    assert await riding.after(minutes=31) == 2
    assert len(await riding.mails()) == 2


async def test_observers_are_told_of_the_class_and_who_is_in_it(riding: Riding) -> None:
    riding.bikes.rode("v2")
    await riding.after(minutes=30)
    [event] = riding.bikes.told
    assert (event.target, event.session, event.members) == ("bikes", "desk:s-e1", ("desk:2",))
    [line] = await riding.rows(t.log, code="results")
    assert "Ride 45" in line.text
    assert "1 arrived, 1 to come" in line.text
    assert line.run_id == "r1"
