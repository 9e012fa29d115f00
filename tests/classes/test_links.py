"""Members and people at the tracker. Numbers are those of section 3 of the guide (`spivi.md`)."""

from __future__ import annotations

from datetime import timedelta

from hub.store import tables as t
from tests.conftest import BOTH
from tests.riding import Riding


def link(member: str, vendor_id: str) -> str:
    """A `[[links]]` row."""
    return f'[[links]]\nmember = "desk:{member}"\ntarget = "bikes"\nid = "{vendor_id}"\n'


async def states(riding: Riding) -> dict[str, tuple[str, str | None, bool]]:
    """State, id and whether it was said by hand, by member."""
    return {row.member: (row.state, row.vendor_id, row.by_hand) for row in await riding.rows(t.link)}


@BOTH
async def test_8_an_account_is_made_once(riding: Riding) -> None:
    """(8, 9) Noted on the link, so that one mail tells them; somebody who was there needs none."""
    there = riding.spivi.add_by_hand("bo@example.org")
    riding.ride()
    riding.book("anna")
    riding.book("bo", spot="2")
    await riding.sync()
    notes = {row.member: row.note for row in await riding.rows(t.link)}
    assert notes == {"anna": "created", "bo": None}
    mails = [(row.kind, row.recipient) for row in await riding.rows(t.outbox)]
    assert mails == [("account_created_member", "anna@example.org")]
    assert (await states(riding))["bo"] == ("linked", there["ClientID"], False)
    riding.clock.move(timedelta(hours=25))
    await riding.lanes()
    assert {row.member: row.note for row in await riding.rows(t.link)} == notes
    assert len([row for row in await riding.rows(t.outbox) if row.kind == "account_created_member"]) == 1


async def test_8_two_members_with_one_address(riding: Riding) -> None:
    """Neither is linked, with a line in the inbox; corrected, both are."""
    riding.ride()
    one = riding.member("anna", email="both@example.org")
    riding.member("bo", email="Both@example.org ")
    riding.book("anna")
    riding.book("bo", spot="2")
    result = await riding.sync()
    assert result.exit_code == 0
    assert riding.roster() == {"c1": {}}
    assert {state for state, _, _ in (await states(riding)).values()} == {"conflict"}
    assert "not_linked" in await riding.inbox()
    one["email"] = "anna@example.org"
    await riding.sync()
    assert riding.roster() == {"c1": {"anna": "0", "both": "1"}}
    assert "not_linked" not in await riding.inbox()


async def test_8_a_shared_address_is_found_although_only_one_books(riding: Riding) -> None:
    """The other one is in the records; nobody is linked by an address that is not theirs alone."""
    riding.ride()
    riding.member("anna", email="both@example.org")
    riding.member("bo", email="both@example.org")
    riding.book("anna")
    await riding.lanes()
    assert riding.roster() == {"c1": {}}


@BOTH
async def test_10_an_id_by_hand_goes_before_the_address(riding: Riding) -> None:
    """(10) Also later: who sits there under another id gets up first. Cleared, the address counts again."""
    other = riding.spivi.add_by_hand("private@example.org")
    riding.ride()
    riding.book("anna")
    await riding.sync()
    assert riding.roster() == {"c1": {"anna": "0"}}
    await riding.reimport(rows=link("anna", other["ClientID"]))
    assert (await riding.sync()).exit_code == 0
    assert riding.roster() == {"c1": {"private": "0"}}
    assert (await states(riding))["anna"] == ("linked", other["ClientID"], True)
    await riding.reimport(rows="")
    riding.ride("c2")
    riding.book("anna", "c2")
    await riding.sync()
    assert riding.roster() == {"c1": {"anna": "0"}, "c2": {"anna": "0"}}


async def test_10_one_id_is_one_member(riding: Riding) -> None:
    """Given twice by hand, nobody has it; given to one, the other is not linked to it by their address."""
    there = riding.spivi.add_by_hand("bo@example.org")
    riding.ride()
    riding.book("anna")
    riding.book("bo", spot="2")
    await riding.reimport(rows=link("anna", there["ClientID"]) + link("bo", there["ClientID"]))
    await riding.sync()
    assert riding.roster() == {"c1": {}}
    await riding.reimport(rows=link("anna", there["ClientID"]))
    await riding.sync()
    assert riding.roster() == {"c1": {"bo": "0"}}
    assert (await states(riding))["bo"][0] == "conflict"


async def test_10_the_address_changes_and_the_link_stays(riding: Riding) -> None:
    """Kept by id, and said."""
    riding.ride()
    riding.book("anna")
    await riding.sync()
    before = await states(riding)
    riding.desk.members[0] = {**riding.desk.members[0], "email": "new@example.org"}
    await riding.sync()
    assert await states(riding) == before
    assert "addresses_differ" in await riding.inbox()
    assert riding.roster() == {"c1": {"anna": "0"}}


async def test_11_a_profile_that_changes_is_pushed(riding: Riding) -> None:
    """(11) The member's own words first; what is blank changes nothing."""
    riding.ride()
    member = riding.member("anna", weight_kg=61, ftp_w=180)
    riding.book("anna")
    await riding.sync()
    [client] = [row for row in riding.spivi.world.clients.values() if row["Email"] == "anna@example.org"]
    assert (client["Weight"], client["FTP"]) == (61, 180)
    await riding.says("anna", ftp_w=205, lthr=160, strap="1234")
    await riding.lanes()
    client = riding.spivi.world.clients[client["ClientID"]]
    assert (client["Weight"], client["FTP"], client["LTHR"], client["DeviceID"]) == (61, 205, 160, "1234")
    member["weight_kg"] = None
    await riding.lanes()
    assert riding.spivi.world.clients[client["ClientID"]]["Weight"] == 61
    writes = riding.writes()
    await riding.lanes()
    assert riding.writes() == writes


async def test_10_everybody_is_looked_at_once_a_day(riding: Riding) -> None:
    """(10) What was changed at Spivi is put right by then."""
    riding.ride(starts=riding.clock.now() + timedelta(days=3))
    riding.member("anna", weight_kg=61)
    riding.book("anna")
    await riding.lanes()
    [client] = [row for row in riding.spivi.world.clients.values() if row["Email"] == "anna@example.org"]
    riding.spivi.world.clients[client["ClientID"]]["Weight"] = 99
    riding.clock.move(timedelta(hours=2))
    await riding.lanes()
    assert riding.spivi.world.clients[client["ClientID"]]["Weight"] == 99
    riding.clock.move(timedelta(hours=23))
    await riding.lanes()
    assert riding.spivi.world.clients[client["ClientID"]]["Weight"] == 61


async def test_8_somebody_without_an_address(riding: Riding) -> None:
    """Is a conflict, no failure; the others are seated."""
    riding.ride()
    riding.member("anna", email=None)
    riding.book("anna")
    riding.book("bo", spot="2")
    result = await riding.sync()
    assert result.exit_code == 0
    assert riding.roster() == {"c1": {"bo": "1"}}
    [seat] = [row for row in await riding.rows(t.seat) if row.member == "anna"]
    assert (seat.state, seat.reason_code) == ("blocked", "not_linked")
    assert "e-mail" in seat.reason


async def test_3_seat_maps_are_looked_after(riding: Riding) -> None:
    """(3) Gaps, doubles, spots and seats that nobody knows; solved when corrected."""
    right = riding.file["seats"]
    riding.ride()
    await riding.reimport(seats='"1" = "0", "2" = "0", "99" = "77"')
    await riding.sync()
    text = (await riding.inbox())["seat_map"]["text"]
    for part in ("spots without a seat: 3, 4", "more than one spot: 0", "does not have: 99", "does not have: 77"):
        assert part in text
    await riding.reimport(seats=right)
    await riding.sync()
    assert "seat_map" not in await riding.inbox()
