"""Riders of whom nobody knows whether they were seated, and what is told about a profile."""

from __future__ import annotations

from datetime import timedelta

from hub.store import tables as t
from tests.riding import Riding


async def test_13_who_may_have_been_seated_is_asked_for(riding: Riding) -> None:
    """The answer to a late move is lost, and Spivi is away until the class is over: they rode all the same."""
    riding.ride()
    row = riding.book("anna")
    riding.book("bea", spot="2")
    await riding.sync()
    event = riding.event_of("c1")
    riding.clock.move(timedelta(hours=23, minutes=55))
    row["spot"] = "5"
    riding.spivi.faults.set("drop_after_write")
    await riding.lanes()
    riding.spivi.faults.clear()
    riding.spivi.faults.set("outage=503")
    riding.clock.move(timedelta(hours=1))
    await riding.lanes()
    riding.spivi.faults.clear()
    [anna] = [key for key, client in riding.spivi.world.clients.items() if client["Email"] == "anna@example.org"]
    riding.spivi.seat_by_hand(event, anna, 4)
    for _ in range(3):
        riding.clock.move(timedelta(hours=6))
        await riding.lanes()
    assert {result.member for result in await riding.rows(t.result)} == {"anna", "bea"}


async def test_11_what_somebody_weighs_is_not_told_to_staff(riding: Riding) -> None:
    """The inbox, and the mails about it, say that a value can't be right, and not which."""
    riding.member("anna", ftp_w=5123)
    riding.ride()
    riding.book("anna")
    await riding.sync()
    item = (await riding.inbox())["profile_implausible"]
    assert "FTP" in item["text"]
    assert "5123" not in repr(item)


async def test_a_ride_under_an_id_that_was_corrected_by_hand_counts_no_longer(riding: Riding) -> None:
    """(10) It was somebody else's: it is dropped, with the reason in its history."""
    riding.spivi.add_by_hand("other@example.org")
    riding.ride("c1", riding.clock.now() + timedelta(hours=1))
    riding.book("anna")
    riding.book("bea", spot="2")
    await riding.sync()
    event = riding.event_of("c1")
    ids = {row["Email"].partition("@")[0]: key for key, row in riding.spivi.world.clients.items()}
    riding.spivi.record(event, ids["bea"])
    riding.clock.move(timedelta(hours=2, minutes=20))
    await riding.lanes()
    riding.spivi.seat_by_hand(event, ids["other"], 7)
    link = f'[[links]]\nmember = "desk:anna"\ntarget = "bikes"\nid = "{ids["other"]}"\n'
    await riding.reimport(rows=link)
    for _ in range(4):
        riding.clock.move(timedelta(hours=7))
        await riding.lanes()
    rides = [row for row in await riding.rows(t.result) if row.member == "anna" and not row.dropped]
    assert [row.vendor_person_id for row in rides] == [ids["other"]]
    assert [row.what for row in await riding.rows(t.result_change)] == ["drop"]
