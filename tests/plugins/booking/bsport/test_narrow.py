"""Re-reading what a hint named, and no more than that."""

from __future__ import annotations

from typing import Any

import pytest

from tests.plugins.booking.bsport.support import DAY, HOUR, NOW, Read, Studio, member


async def again(studio: Studio, *kinds: str, members: Any = (), ids: Any = ()) -> Read:
    """Re-read these."""
    studio.sim.log.clear()
    names = frozenset(str(one) for one in members)
    read = await studio.read(*kinds, members=names, ids=frozenset((kind, str(key)) for kind, key in ids))
    assert read.complete == frozenset(), "a narrow read proves nothing about the others"
    return read


async def test_a_member_is_read_by_id(studio: Studio) -> None:
    client, _ = member(studio.sim)
    member(studio.sim, "Luca")
    read = await again(studio, "member", ids=[("member", client)])
    assert set(read.of("member")) == {str(client)}
    assert dict(studio.sim.log.by_operation) == {"getClient": 1}


@pytest.mark.parametrize("gone", ["999", "x/../tags", "abc"])
async def test_a_member_who_is_not_there_is_gone(studio: Studio, gone: str) -> None:
    """bsport says so itself; an id goes into the address as it is and nowhere else."""
    read = await again(studio, "member", ids=[("member", gone)])
    assert read.gone("member") == {gone}
    assert not read.problems


async def test_a_404_of_somebody_elses_is_nobodys_end(studio: Studio) -> None:
    """A proxy's page says nothing about a member."""
    from hub import RetryLater

    client, _ = member(studio.sim)
    studio.sim.faults.set("status=404")
    with pytest.raises(RetryLater, match="not the way bsport does"):
        await again(studio, "member", ids=[("member", client)])


async def test_passes_and_bookings_of_a_member(studio: Studio) -> None:
    """Asked for by client, whatever the date of the class."""
    client, held = member(studio.sim)
    other, _ = member(studio.sim, "Luca")
    old = studio.sim.book(client, studio.sim.add_class(NOW - 100 * DAY))
    studio.sim.book(other, studio.sim.add_class(NOW))
    read = await again(studio, "member_pass", "booking", members=[client])
    assert set(read.of("member_pass")) == {str(held)}
    assert set(read.of("booking")) == {str(old)}
    assert dict(studio.sim.log.by_operation) == {"listClientPasses": 1, "listBookings": 1}


async def test_members_alone_mean_their_own_records(studio: Studio) -> None:
    """Passes, tags and classes belong to nobody."""
    client, _ = member(studio.sim, tag_ids=[studio.sim.add_tag("Team")])
    studio.sim.add_class(NOW)
    read = await again(studio, members=[client])
    assert {page.kind for page in read.pages if page.records} == {"member", "community_member", "member_pass"}


async def test_a_tag_that_was_taken_off_is_gone(studio: Studio) -> None:
    team, vip = studio.sim.add_tag("Team"), studio.sim.add_tag("VIP")
    client, _ = member(studio.sim, tag_ids=[vip])
    read = await again(studio, "community_member", members=[client])
    assert set(read.of("community_member")) == {f"{client}:{vip}"}
    assert read.gone("community_member") == {f"{client}:{team}"}


async def test_a_member_who_is_gone_has_no_tags_left(studio: Studio) -> None:
    team = studio.sim.add_tag("Team")
    read = await again(studio, "community_member", ids=[("community_member", f"5:{team}")])
    assert read.gone("community_member") == {f"5:{team}"}


async def test_a_booking_with_its_member_is_one_call(studio: Studio) -> None:
    client, _ = member(studio.sim)
    booking = studio.sim.book(client, studio.sim.add_class(NOW + 40 * DAY))
    read = await again(studio, "booking", members=[client], ids=[("booking", booking)])
    assert set(read.of("booking")) == {str(booking)}
    assert not read.gone("booking")
    assert studio.asked("listBookings") == 1


async def test_a_booking_without_its_member_is_looked_for_among_those_to_come(studio: Studio) -> None:
    """There is no address for one booking."""
    client, _ = member(studio.sim)
    booking = studio.sim.book(client, studio.sim.add_class(NOW + 40 * DAY))
    read = await again(studio, "booking", ids=[("booking", booking)])
    assert set(read.of("booking")) == {str(booking)}
    assert studio.queries("/bookings/")[-1]["session_started_after_date"] == "2026-11-18"
    assert not read.gone("booking")


async def test_a_deleted_booking_is_gone(studio: Studio) -> None:
    client, _ = member(studio.sim)
    booking = studio.sim.book(client, studio.sim.add_class(NOW + HOUR))
    del studio.sim.world.bookings[booking]
    assert (await again(studio, "booking", members=[client], ids=[("booking", booking)])).gone("booking") == {
        str(booking)
    }


@pytest.mark.parametrize("kind", ["booking", "member_pass", "session", "pass", "community"])
async def test_what_is_nowhere_is_gone(studio: Studio, kind: str) -> None:
    assert (await again(studio, kind, ids=[(kind, "999")])).gone(kind) == {"999"}


@pytest.mark.parametrize("kind", ["booking", "member_pass", "session", "pass", "community"])
async def test_what_a_broken_list_lacks_is_not_gone(studio: Studio, kind: str) -> None:
    """Half a list proves nothing."""
    client, _ = member(studio.sim)
    for _ in range(4):
        studio.sim.add_tag("Team")
        studio.sim.book(client, studio.sim.add_class(NOW))
    studio.sim.faults.set("half_page")
    assert not (await again(studio, kind, ids=[(kind, "999")])).gone(kind)


async def test_a_warning_about_the_key_can_wait(studio: Studio) -> None:
    """It is told with every whole read."""
    read = await again(studio, "pass", ids=[("pass", "1")])
    assert not read.problems
