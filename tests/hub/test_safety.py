"""Removing is harder than granting: what is held, what is never held, and what nothing may take away."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from hub.engine.approving import apply_stored
from hub.reconcile.plan import Action
from tests.conftest import BOTH
from tests.harness import World

pytestmark = BOTH


async def _thirty(world: World) -> None:
    for number in range(30):
        world.join(str(number))
    await world.sync()


def _open(world: World, count: int = 30) -> int:
    return sum(world.opens(str(number)) for number in range(count))


async def test_many_vanished_passes_are_held_and_grants_still_go_through(world: World) -> None:
    """Ten of thirty passes vanish: nobody loses access, a new member gets in, exit code 3, and the inbox says what to
    type."""
    await _thirty(world)
    world.drop_pass(*map(str, range(10)))
    world.join("new")
    result = await world.sync()
    assert result.exit_code == 3
    assert result.targets[0].held == 10
    assert _open(world) == 30
    assert world.opens("new")
    [item] = [item for item in await world.inbox() if item["code"] == "held"]
    assert result.targets[0].last is not None
    assert result.targets[0].last.id in item["fix"]


async def test_approval_lets_through_what_was_held_and_no_more(world: World) -> None:
    """An approved plan is done at once; passes that vanish after it are judged anew."""
    await _thirty(world)
    world.drop_pass(*map(str, range(10)))
    result = await world.sync()
    plan = result.targets[0].last
    assert plan is not None
    world.drop_pass(*map(str, range(20)))
    await world.sync()
    run = await world.approve(plan)
    assert run.applied == {"remove": 10}
    assert run.held == 10
    assert [world.opens(str(number)) for number in range(30)] == [False] * 10 + [True] * 20


async def test_the_held_plan_keeps_its_name_until_it_changes(world: World) -> None:
    """Syncing again holds the same plan under the same id, so the id in a mail still works."""
    await _thirty(world)
    world.drop_pass(*map(str, range(10)))
    first = (await world.sync()).targets[0].last
    second = (await world.sync()).targets[0].last
    assert first is not None
    assert second is not None
    assert first.id == second.id


async def test_passes_that_come_back_are_no_longer_held(world: World) -> None:
    """A corrected export ends the hold by itself and leaves nothing in the inbox."""
    await _thirty(world)
    kept = list(world.desk.member_passes)
    world.drop_pass(*map(str, range(10)))
    await world.sync()
    world.desk.member_passes = kept
    result = await world.sync()
    assert result.exit_code == 0
    assert await world.inbox() == []
    assert (await world.plan()).changes == []


async def test_few_vanished_passes_are_removed(world: World) -> None:
    """Five of thirty are not more than the count, so they are removed."""
    await _thirty(world)
    world.drop_pass(*map(str, range(5)))
    result = await world.sync()
    assert result.exit_code == 0
    assert _open(world) == 25


async def test_a_limit_holds_only_when_count_and_share_are_exceeded(world: World) -> None:
    """Six of sixty are more than five and not more than ten per cent."""
    for number in range(60):
        world.join(str(number))
    await world.sync()
    world.drop_pass(*map(str, range(6)))
    assert (await world.sync()).exit_code == 0
    assert _open(world, 60) == 54


async def test_known_end_dates_are_never_held(world: World) -> None:
    """Thirty passes that end on the day that was always known end on that day."""
    for number in range(30):
        world.join(str(number), valid_until="2026-11-21")
    await world.sync()
    world.clock.move(timedelta(days=1))
    result = await world.sync()
    assert result.exit_code == 0
    assert _open(world) == 0


@pytest.mark.parametrize("state", ["ended", "revoked", "frozen"])
async def test_passes_that_the_source_marks_are_never_held(world: World, state: str) -> None:
    """A row that says that it is over is no surprise, however many there are."""
    await _thirty(world)
    for row in world.desk.member_passes:
        row["state"] = state  # type: ignore[index]
    result = await world.sync()
    assert result.exit_code == 0
    assert _open(world) == 0


async def test_passes_cut_short_count_as_a_surprise(world: World) -> None:
    """End dates that suddenly lie in the past are held like rows that vanish."""
    await _thirty(world)
    for row in world.desk.member_passes[:10]:
        row["valid_until"] = "2026-11-20"  # type: ignore[index]
    result = await world.sync()
    assert result.exit_code == 3
    assert _open(world) == 30


async def test_passes_cut_short_to_tomorrow_are_held_today_and_tomorrow(world: World) -> None:
    """A date that was moved closer is not carried over by waiting until it has passed."""
    await _thirty(world)
    for row in world.desk.member_passes[:10]:
        row["valid_until"] = "2026-11-22"  # type: ignore[index]
    result = await world.sync()
    assert result.targets[0].held == 10
    assert not any(person["exitDate"].startswith("2026-11-22") for person in world.ours())
    world.clock.move(timedelta(days=3))
    result = await world.sync()
    assert result.targets[0].held == 10
    assert _open(world) == 30


async def test_an_empty_source_is_refused(world: World) -> None:
    """A complete export without a single row is a fault: nobody loses access, the inbox says so, exit code 1."""
    await _thirty(world)
    world.desk.members, world.desk.badges, world.desk.member_passes = [], [], []
    world.desk.passes = []
    result = await world.sync()
    assert result.exit_code == 1
    assert _open(world) == 30
    assert {item["code"] for item in await world.inbox()} == {"source_empty"}


async def test_one_empty_file_is_refused(world: World) -> None:
    """A file of passes with only its header, beside full ones, is a fault too."""
    await _thirty(world)
    world.desk.member_passes = []
    await world.sync()
    assert _open(world) == 30


async def test_without_the_mark_nothing_is_removed(world: World) -> None:
    """A missing row is evidence only in a complete export; what is there counts all the same."""
    await _thirty(world)
    world.drop_pass("3")
    world.join("new")
    await world.sync(complete=False)
    assert _open(world) == 30
    assert world.opens("new")
    await world.sync()
    assert _open(world) == 29


async def test_a_file_that_vanished_is_no_evidence(world: World) -> None:
    """Badges that are no longer exported at all take nobody's badge."""
    await _thirty(world)
    world.desk.export(at=world.clock.now())
    (world.desk.folder / "badges.csv").unlink()
    await world.sync(export=False)
    assert _open(world) == 30


async def test_protected_people_keep_what_they_have(world: World) -> None:
    """Neither an ended pass nor a vanished one takes access from somebody on the protect list, and the vendor is given
    no end date for them."""
    await world.reimport(protect='["desk:1"]')
    world.join("1", valid_until="2026-11-21")
    world.join("2", valid_until="2026-11-21")
    await world.sync()
    world.clock.move(timedelta(days=5))
    await world.sync()
    assert (world.opens("1"), world.opens("2")) == (True, False)
    answer = await world.explain("1")
    assert answer.verdict == "access"
    assert "protected" in {line.code for line in answer.lines}
    world.drop_pass("1")
    await world.sync()
    assert world.opens("1")


async def test_protected_people_keep_their_group(world: World) -> None:
    """A lesser pass does not move somebody who is protected."""
    await world.reimport(protect='["desk:1"]')
    world.join("1", pass_id="abo-sauna")
    await world.sync()
    world.pass_of("1")["pass_id"] = "abo"
    await world.sync()
    assert world.group_of("1") == "AG-2"
    assert (await world.plan()).changes == []


async def test_grant_only_never_removes(world: World) -> None:
    """Access is given and extended, never taken; the vendor is given no end date that would take it."""
    await world.reimport(policy="grant_only")
    world.join("1", valid_until="2026-11-21")
    await world.sync()
    assert world.ours()[0]["exitDate"] is None
    world.clock.move(timedelta(days=5))
    await world.sync()
    assert world.opens("1")
    assert "policy_grant_only" in {line.code for line in (await world.explain("1")).lines}


async def test_observe_changes_nothing(world: World) -> None:
    """The plan is made and nothing is written at the vendor."""
    await world.reimport(policy="observe")
    world.join("1")
    result = await world.sync()
    assert world.exivo.log.writes == 0
    assert result.targets[0].plan is not None
    assert result.targets[0].plan.counts["create"] == 1
    assert "policy_observe" in {line.code for line in (await world.explain("1")).lines}


async def test_a_running_day_ticket_is_left_to_run_out(world: World) -> None:
    """Somebody inside on a day ticket is not locked out because the row vanished; the ticket ends by itself."""
    for number in range(30):
        world.join(str(number))
    world.join("day", valid_from="2026-11-21", valid_until="2026-11-21")
    await world.sync()
    world.drop_pass("day")
    await world.sync()
    assert world.opens("day")
    assert "running_window" in {line.code for line in (await world.explain("day")).lines}
    world.clock.set(datetime(2026, 11, 21, 23, 0, tzinfo=UTC))
    result = await world.sync()
    assert result.exit_code == 0
    assert not world.opens("day")


async def test_a_cancelled_day_ticket_ends_at_once(world: World) -> None:
    """What the source marks as over is over, also in the middle of its window."""
    world.join("day", valid_from="2026-11-21", valid_until="2026-11-21")
    await world.sync()
    world.pass_of("day")["state"] = "revoked"
    await world.sync()
    assert not world.opens("day")


async def test_a_broken_row_keeps_what_it_said_before(world: World) -> None:
    """A pass with a date that can't be read stays as it was known, and the inbox names the line."""
    world.join("1")
    await world.sync()
    world.pass_of("1")["valid_until"] = "31.31.2026"
    result = await world.sync()
    assert result.exit_code == 4
    assert world.opens("1")
    [item] = await world.inbox()
    assert "line 2" in item["text"]


async def test_a_plan_can_be_applied_later(world: World) -> None:
    """A plan is a value: what it names and is still wanted is done, what came after it waits."""
    world.join("1")
    world.join("2")
    plan = await world.plan()
    assert [change.action for change in plan.changes] == [Action.CREATE, Action.CREATE]
    world.drop_pass("2")
    world.join("3")
    await world.plan()
    run = await apply_stored(world.hub, plan.id, who="test")
    assert run.applied == {"create": 1}
    assert [world.opens(member) for member in "123"] == [True, False, False]
    await world.sync()
    assert world.opens("3")
