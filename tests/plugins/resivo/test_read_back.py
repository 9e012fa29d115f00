"""Resivo where a PIN was made and can't be read back: it is known by its id, never made twice, and taken back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from hub import RetryLater
from tests.plugins.resivo.test_resivo import NOW, PIN, opened, visit

UNREAD = ["status=404,operation=getAuthorization", "status=503,operation=getAuthorization"]


@pytest.mark.parametrize("fault", UNREAD)
async def test_a_pin_that_was_made_and_can_not_be_read_keeps_its_id(fault: str) -> None:
    async with opened() as site:
        site.sim.faults.set(fault)
        granted = await site.grant(visit())
        assert not granted.confirmed
        assert granted.waiting is not None
        assert granted.vendor_id in site.sim.world.authorizations
        site.sim.faults.clear()
        assert (await site.grant(visit(vendor_id=granted.vendor_id, asked_at=NOW))).confirmed


async def test_a_pin_that_nobody_can_read_is_not_made_again() -> None:
    """Where the path of the read is not what is known, each try would leave one more PIN behind."""
    async with opened() as site:
        site.sim.faults.set(UNREAD[0])
        granted = await site.grant(visit())
        for _ in range(3):
            site.clock.move(timedelta(minutes=1))
            again = await site.grant(visit(vendor_id=granted.vendor_id, asked_at=NOW))
            assert (again.confirmed, again.vendor_id) == (False, granted.vendor_id)
        assert len(site.sim.world.authorizations) == 1


async def test_a_pin_that_nobody_can_read_is_revoked_all_the_same_and_not_said_to_be() -> None:
    async with opened() as site:
        wanted = await site.stands()
        site.sim.faults.set(UNREAD[0])
        assert not (await site.revoke(wanted)).confirmed
        assert not site.sim.pin_opens(PIN, "D-1", NOW + timedelta(hours=1))
        site.sim.faults.clear()
        assert (await site.revoke(wanted)).confirmed


async def test_a_read_that_fails_is_no_reason_to_make_another() -> None:
    async with opened() as site:
        wanted = await site.stands()
        site.sim.faults.set(UNREAD[1])
        with pytest.raises(RetryLater):
            await site.grant(wanted)
        assert len(site.sim.world.authorizations) == 1
