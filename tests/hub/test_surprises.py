"""What counts as a surprise: a broken export takes nothing away, a decision at the desk does."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub.testing.faults import Outage, StaleReads
from tests.conftest import BOTH
from tests.harness import World, badge_of

MANY = 30
DECEMBER = datetime(2026, 12, 5, 9, 0, tzinfo=UTC)


def opened(world: World, count: int = MANY) -> int:
    """How many of the first members get in."""
    return sum(world.opens(str(number)) for number in range(count))


def renewals(world: World) -> list[dict[str, Any]]:
    """The rows of the renewals."""
    return [row for row in world.desk.member_passes if row["id"].startswith("renewal")]


async def renewed(world: World) -> None:
    """Members whose pass ends in November, with a renewal from December; synced."""
    for number in range(MANY):
        world.join(str(number), valid_until="2026-11-30")
        world.sell(str(number), valid_from="2026-12-01", key=f"renewal-{number}")
    await world.sync()


async def test_renewals_that_vanish_are_held_although_the_old_passes_are_marked_as_ended(world: World) -> None:
    """The pass that carries the access now is the one that counts, not the one that did when it was granted."""
    await renewed(world)
    world.clock.set(DECEMBER)
    for row in world.desk.member_passes:
        if row not in renewals(world):
            row["state"] = "ended"
    await world.sync()
    gone = renewals(world)
    world.desk.member_passes = [row for row in world.desk.member_passes if row not in gone]
    result = await world.sync()
    assert result.targets[0].held == MANY
    assert opened(world) == MANY


async def test_renewals_that_are_cancelled_end_access_however_many_there_are(world: World) -> None:
    """The old row may still say active: its time is over."""
    await renewed(world)
    world.clock.set(DECEMBER)
    await world.sync()
    for row in renewals(world):
        row["state"] = "revoked"
    result = await world.sync()
    assert result.targets[0].held == 0
    assert opened(world) == 0


async def test_a_cancelled_renewal_brings_the_end_back_without_asking(world: World) -> None:
    """Who did not pay for the next stretch gets in until the end of this one, and not a day longer."""
    await renewed(world)
    for row in renewals(world):
        row["state"] = "revoked"
    result = await world.sync()
    assert (result.targets[0].held, opened(world)) == (0, MANY)
    world.clock.set(DECEMBER)
    result = await world.sync()
    assert (result.targets[0].held, opened(world)) == (0, 0)


async def test_a_better_pass_that_vanishes_from_many_is_held_and_one_that_is_cancelled_is_not(world: World) -> None:
    """Falling back to a lesser group takes access away too."""
    for number in range(MANY):
        world.join(str(number))
        world.sell(str(number), pass_id="abo-sauna", key=f"sauna-{number}")
    await world.sync()
    saunas = [row for row in world.desk.member_passes if row["id"].startswith("sauna")]
    world.desk.member_passes = [row for row in world.desk.member_passes if row not in saunas]
    result = await world.sync()
    assert result.targets[0].held == MANY
    assert world.group_of("0") == "AG-2"
    world.desk.member_passes += [{**row, "state": "revoked"} for row in saunas]
    result = await world.sync()
    assert (result.targets[0].held, world.group_of("0")) == (0, "AG-1")


async def test_an_export_that_garbles_every_badge_number_locks_nobody_out(world: World) -> None:
    """The numbers that open are kept until somebody says that they are wrong; the new ones are given at once."""
    for number in range(MANY):
        world.join(str(number))
    await world.sync()
    for row in world.desk.badges:
        row["number"] = "1" + row["number"]
    result = await world.sync()
    assert (result.targets[0].held, opened(world)) == (MANY, MANY)
    assert world.exivo.can_open("1" + badge_of("0"), world.door)
    plan = result.targets[0].last
    assert plan is not None
    await world.approve(plan)
    assert opened(world) == 0


async def test_one_lost_badge_is_taken_back_at_once(world: World) -> None:
    """A card that is replaced at the desk opens nothing any more."""
    for number in range(MANY):
        world.join(str(number))
    await world.sync()
    world.desk.badges[0]["number"] = "ABCDEF01"
    await world.sync()
    assert not world.opens("0")
    assert world.exivo.can_open("ABCDEF01", world.door)


@pytest.mark.parametrize("what", ["members", "badges", "member_passes"])
async def test_whatever_vanishes_a_running_visit_runs_out_by_itself(world: World, what: str) -> None:
    """Somebody inside on a day ticket is not locked out by a row that is missing."""
    for number in range(10):
        world.join(str(number))
    world.join("day", valid_from="2026-11-21", valid_until="2026-11-21")
    await world.sync()
    key = "id" if what == "members" else "member_id"
    setattr(world.desk, what, [row for row in getattr(world.desk, what) if row[key] != "day"])
    await world.sync()
    assert world.opens("day")
    world.clock.set(datetime(2026, 11, 21, 23, 0, tzinfo=UTC))
    await world.sync()
    assert not world.opens("day")


async def test_a_running_day_upgrade_that_vanishes_runs_out_by_itself(world: World) -> None:
    """A day in the sauna on top of a membership is a visit too."""
    for number in range(10):
        world.join(str(number))
    world.sell("0", pass_id="abo-sauna", valid_from="2026-11-21", valid_until="2026-11-21", key="day")
    await world.sync()
    world.desk.member_passes = [row for row in world.desk.member_passes if row["id"] != "day"]
    await world.sync()
    assert world.group_of("0") == "AG-2"
    world.clock.set(datetime(2026, 11, 21, 23, 0, tzinfo=UTC))
    await world.sync()
    assert world.group_of("0") == "AG-1"


@BOTH
@pytest.mark.parametrize("fault", ["stale_reads", "outage"])
async def test_an_approval_lasts_until_it_is_carried_out(world: World, fault: str) -> None:
    """A vendor that is down, or slow to show what it did, does not make an admin decide twice."""
    for number in range(MANY):
        world.join(str(number))
    await world.sync()
    world.drop_pass(*map(str, range(10)))
    result = await world.sync()
    plan = result.targets[0].last
    assert plan is not None
    assert result.targets[0].held == 10
    setattr(world.exivo.faults, fault, StaleReads(seconds=30) if fault == "stale_reads" else Outage())
    await world.approve(plan)
    setattr(world.exivo.faults, fault, None)
    world.clock.move(timedelta(hours=1))
    result = await world.sync()
    assert (result.targets[0].held, opened(world)) == (0, MANY - 10)


async def test_an_approval_does_not_last_for_ever(world: World) -> None:
    """What was let through on Monday is asked for again when it comes back on Wednesday."""
    for number in range(MANY):
        world.join(str(number))
    await world.sync()
    rows = list(world.desk.member_passes)
    world.drop_pass(*map(str, range(10)))
    result = await world.sync()
    assert result.targets[0].last is not None
    await world.approve(result.targets[0].last)
    world.desk.member_passes = rows
    await world.sync()
    world.clock.move(timedelta(days=2))
    world.drop_pass(*map(str, range(10)))
    result = await world.sync()
    assert (result.targets[0].held, opened(world)) == (10, MANY)


async def test_what_the_vendor_has_taken_but_not_confirmed_is_guarded_too(world: World) -> None:
    """The door opens already, so losing it is a loss."""
    world.exivo.faults.stale_reads = StaleReads(seconds=3)
    for number in range(MANY):
        world.join(str(number))
    await world.sync()
    world.exivo.faults.stale_reads = None
    world.drop_pass(*map(str, range(15)))
    await world.sync()
    assert opened(world) == MANY


async def test_a_held_change_gives_what_it_gives(world: World) -> None:
    """A new badge works at once, although the dates that were cut wait for somebody to look."""
    for number in range(MANY):
        world.join(str(number))
    await world.sync()
    for number in range(10):
        world.pass_of(str(number))["valid_until"] = "2027-06-30"
    world.desk.badges.append({"member_id": "0", "number": "ABCDEF01"})
    result = await world.sync()
    assert result.targets[0].held == 10
    assert world.exivo.can_open("ABCDEF01", world.door)
    assert not (await world.plan()).to_do


async def test_grant_only_takes_nothing_away_by_a_change(world: World) -> None:
    """Neither a group nor a badge; a better group is given."""
    await world.reimport(policy="grant_only")
    for number in range(10):
        world.join(str(number), pass_id="abo-sauna" if number else "abo")
    await world.sync()
    for number in range(1, 10):
        world.pass_of(str(number))["pass_id"] = "abo"
    world.pass_of("0")["pass_id"] = "abo-sauna"
    world.desk.badges[1]["number"] = "ABCD"
    await world.sync()
    assert {world.group_of(str(number)) for number in range(10)} == {"AG-2"}
    assert world.opens("1")


async def test_from_grant_only_to_sync_nobody_is_held(world: World) -> None:
    """Ends that were left out by the policy, and are written now, take nothing away."""
    await world.reimport(policy="grant_only")
    for number in range(MANY):
        world.join(str(number))
    await world.sync()
    await world.reimport(policy="sync")
    result = await world.sync()
    assert result.targets[0].held == 0
    assert result.targets[0].applied == {"change": MANY}


async def test_a_lost_badge_is_taken_back_although_another_is_contested(world: World) -> None:
    """Who is blocked keeps what stands, but not a card that the desk has taken out."""
    for number in range(10):
        world.join(str(number))
    world.desk.badges.append({"member_id": "0", "number": "ABCDEF01"})
    await world.sync()
    world.desk.badges.append({"member_id": "1", "number": "ABCDEF01"})
    world.desk.badges = [row for row in world.desk.badges if row["number"] != badge_of("0")]
    await world.sync()
    assert not world.opens("0")
    assert world.exivo.can_open("ABCDEF01", world.door)
    assert not (await world.plan()).to_do
