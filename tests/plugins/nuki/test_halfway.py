"""Nuki where something is only half done: one lock of two has the code, a deletion is on its way, digits are taken."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub import FixRecord, Refused
from plugins.nuki.simulator import NukiSimulator
from tests.plugins.nuki.support import FRONT, NOW, STUDIO1, Account, Studio, at, visit


def without_keypad(sim: NukiSimulator, lock: str) -> None:
    """Nothing at the lock says that it takes codes."""
    auths = sim.world.auths
    for key in [key for key, row in auths.items() if str(row["smartlockId"]) == lock]:
        del auths[key]


@pytest.mark.parametrize("restarted", [False, True])
async def test_what_one_lock_took_and_another_refused_is_taken_back(account: Account, restarted: bool) -> None:
    """The hub has no id of it, because the whole was refused."""
    without_keypad(account.sim, STUDIO1)
    with pytest.raises(FixRecord):
        await account.grant(visit(1, FRONT, STUDIO1))
    account.later()
    account.sim.settle()
    assert account.sim.code_opens("348916", FRONT, at("14:00"))
    process = account.another() if restarted else account
    revoked = await process.revoke(visit(1, FRONT, STUDIO1))
    assert not revoked.confirmed
    account.later()
    account.sim.settle()
    assert not account.sim.code_opens("348916", FRONT, at("14:00"))


async def test_what_one_lock_took_before_another_had_the_digits_is_taken_back(account: Account) -> None:
    account.sim.add_by_hand(STUDIO1, "Staff", code=348916)
    account.sim.faults.set("hidden_codes")
    with pytest.raises(Refused) as refused:
        await account.grant(visit(1, FRONT, STUDIO1))
    # Cancelled in the same moment: no list shows it yet.
    wanted = visit(1, FRONT, STUDIO1, vendor_id=refused.value.made)
    assert not (await account.another().revoke(wanted)).confirmed


async def test_a_visit_that_half_failed_and_is_cancelled_leaves_no_code(studio: Studio) -> None:
    """Whatever the lists showed at the time, and whoever is asked to take it back."""
    without_keypad(studio.nuki, STUDIO1)
    studio.nuki.faults.set("late=60")
    booking = studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    assert (await studio.only()).status == "failed"
    booking["state"] = "cancelled"
    # The daemon, which has asked for nothing itself.
    await studio.lanes()
    studio.clock.move(timedelta(seconds=61))
    studio.nuki.settle()
    for _ in range(6):
        await studio.passes(minutes=2)
    assert studio.ours() == []
    assert [grant.status for grant in await studio.grants()] == ["removed"]


async def test_a_code_whose_deletion_is_on_its_way_is_not_granted(account: Account) -> None:
    """A booking is cancelled, and confirmed again before the lock has deleted its code."""
    await account.grant(visit())
    account.later()
    assert (await account.grant(visit())).confirmed
    account.sim.faults.set("late=60")
    standing = visit(vendor_id="bcd000000001", shown=True)
    await account.revoke(standing)
    for process in (account, account.another()):
        account.later(5)
        assert not (await process.grant(standing)).confirmed


async def test_digits_that_staff_took_meanwhile_are_drawn_anew(account: Account) -> None:
    """Nuki accepted the code, the lock never made it, and staff gave the same digits to somebody."""
    account.sim.faults.set("lost,times=1")
    await account.grant(visit())
    account.sim.add_by_hand(FRONT, "Staff", code=348916)
    waiting = visit(vendor_id="bcd000000001", asked_at=NOW)
    account.clock.move(timedelta(minutes=3))
    # The lock is read anew first.
    assert not (await account.grant(waiting)).confirmed
    account.clock.move(timedelta(minutes=3))
    with pytest.raises(Refused) as refused:
        await account.grant(waiting)
    assert refused.value.code == "code_taken"
