"""What Nuki is known to surprise with, seen from a studio: offline locks, ghosts, full locks, lost requests, alarms."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from hub.engine.disconnecting import disconnect
from hub.engine.hints import address_of
from hub.errors import UserError
from plugins.nuki.simulator import NukiSimulator
from tests.plugins.nuki.support import FRONT, SAUNA, STUDIO1, Studio, at, open_studio


async def test_a_removal_that_does_not_confirm_is_the_loudest_alarm(studio: Studio) -> None:
    """Although Nuki answered 204 to every request; and it is silent again once the lock shows that it is done."""
    booking = studio.book("b-1", "4711", at("09:30"), minutes=600)
    await studio.sync()
    booking["state"] = "cancelled"
    studio.nuki.faults.set("lost")
    await studio.sync()
    assert "removal_failed" not in await studio.inbox()
    for _ in range(15):
        await studio.passes(seconds=61)
    item = (await studio.inbox())["removal_failed"]
    assert "the door may still open" in item["text"]
    assert "still lists the code" in item["text"]
    assert "Nuki app" in item["fix"]
    grant = await studio.only()
    assert (grant.status, (grant.error or {})["code"]) == ("in_progress", "not_confirmed")
    assert (await studio.sync()).exit_code == 4
    studio.nuki.faults.clear()
    for _ in range(6):
        await studio.passes(minutes=6)
    assert [grant.status for grant in await studio.grants()] == ["removed"]
    assert "removal_failed" not in await studio.inbox()


async def test_a_grant_that_does_not_confirm_is_told_too(studio: Studio) -> None:
    studio.nuki.faults.set("lost")
    studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    for _ in range(15):
        await studio.passes(seconds=61)
    item = (await studio.inbox())["grant_failed"]
    assert "accepted it" in item["text"]
    assert "does not show that it is done" in item["text"]
    studio.nuki.faults.clear()
    for _ in range(6):
        await studio.passes(minutes=6)
    assert (await studio.only()).status == "created"
    assert "grant_failed" not in await studio.inbox()
    assert len(studio.ours()) == 2


async def test_an_offline_lock_is_said_in_words_and_keeps_the_request(studio: Studio) -> None:
    studio.nuki.set_server_state(STUDIO1, 4)
    studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    assert (await studio.only()).status == "in_progress"
    told = await studio.explain("4711")
    assert any("Studio 1 is offline" in reason.text for reason in told.lines)
    for _ in range(5):
        await studio.passes(minutes=3)
    assert len(studio.ours(FRONT)) == 1
    assert "offline" in (await studio.inbox())["grant_failed"]["text"]
    studio.nuki.set_server_state(STUDIO1, 0)
    for _ in range(3):
        await studio.passes(minutes=6)
    assert (await studio.only()).status == "created"
    assert len(studio.ours(STUDIO1)) == 1


async def test_no_removal_is_confirmed_by_a_lock_that_nobody_reaches(studio: Studio) -> None:
    booking = studio.book("b-1", "4711", at("08:30"), minutes=600, resource="r-2")
    await studio.sync()
    code = (await studio.only()).code or ""
    studio.nuki.set_server_state(SAUNA, 4)
    # Nuki's own list forgets it before the lock has heard.
    for key in [row["id"] for row in studio.ours()]:
        studio.nuki.world.leftovers[key] = studio.nuki.world.auths.pop(key)
    booking["state"] = "cancelled"
    for _ in range(5):
        await studio.passes(minutes=3)
    assert studio.nuki.code_opens(code, SAUNA)
    assert (await studio.only()).status == "in_progress"
    assert "removal_failed" in await studio.inbox()


async def test_one_read_that_misses_a_code_takes_nothing_and_doubles_nothing(studio: Studio) -> None:
    studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    before = studio.ours()
    studio.nuki.faults.set("half_page,operation=listAllAuths,times=2")
    studio.clock.move(timedelta(minutes=5))
    await studio.sync()
    await studio.passes(minutes=5)
    assert studio.ours() == before
    assert (await studio.only()).status == "created"
    assert (await studio.plan()).changes == []


async def test_a_code_that_staff_deleted_is_made_again_after_the_lock_was_read_anew(studio: Studio) -> None:
    studio.book("b-1", "4711", at("14:00"), resource="r-2")
    await studio.sync()
    [row] = studio.ours()
    del studio.nuki.world.auths[row["id"]]
    mark = studio.nuki.log.total
    studio.clock.move(timedelta(minutes=5))
    await studio.sync()
    names = [entry.operation for entry in studio.nuki.log.since(mark) if entry.kind == "write"]
    assert names.index("syncSmartlock") < names.index("createAuth")
    await studio.passes(minutes=2)
    [again] = studio.ours()
    assert again["code"] == row["code"]
    assert (await studio.only()).status == "created"


async def test_a_ghost_that_stays_listed_is_synced_away(studio: Studio) -> None:
    booking = studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    studio.nuki.faults.set("ghost_delete")
    booking["state"] = "cancelled"
    await studio.sync()
    for _ in range(4):
        await studio.passes(minutes=2)
    assert studio.ours() == []
    assert [grant.status for grant in await studio.grants()] == ["removed"]


async def test_digits_left_over_in_a_lock_are_synced_away_before_they_are_used_again(studio: Studio) -> None:
    """A code that was deleted by hand leaves a ghost, so making it again is answered with 409."""
    studio.nuki.faults.set("leftover_code")
    studio.book("b-1", "4711", at("14:00"), resource="r-2")
    await studio.sync()
    [row] = studio.ours()
    studio.nuki._do_delete({"auth": row["id"]})
    assert studio.nuki.world.leftovers
    studio.clock.move(timedelta(minutes=5))
    await studio.sync()
    await studio.passes(minutes=2)
    assert not studio.nuki.world.leftovers
    assert [again["code"] for again in studio.ours()] == [row["code"]]
    assert (await studio.only()).status == "created"


async def test_digits_that_a_lock_has_already_are_drawn_anew(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    draws = iter(["583946", "583946", "348916"])
    described = studio.hub.plugins.loaded["nuki"]
    drawing = replace(described, draw_code=lambda: next(draws))
    monkeypatch.setitem(studio.hub.plugins.loaded, "nuki", drawing)
    studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    await studio.passes(minutes=2)
    grant = await studio.only()
    assert (grant.status, grant.code) == ("created", "348916")


async def test_a_moved_booking_gets_other_digits_and_its_old_code_goes_when_the_new_one_stands(studio: Studio) -> None:
    booking = studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    former = (await studio.only()).code
    booking |= {"starts_at": at("14:30"), "ends_at": at("15:30")}
    studio.nuki.faults.set("late=60")
    await studio.sync()
    assert {str(row["code"]) for row in studio.ours()} == {former}
    for _ in range(5):
        await studio.passes(seconds=61)
    grant = await studio.only()
    assert grant.status == "created"
    assert {str(row["code"]) for row in studio.ours()} == {grant.code}
    assert grant.code != former


async def test_a_typed_sync_sees_a_moved_booking_through(studio: Studio) -> None:
    booking = studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    booking |= {"starts_at": at("18:00"), "ends_at": at("19:00")}
    studio.clock.move(timedelta(minutes=5))
    assert (await studio.sync()).exit_code == 0
    assert sorted(grant.status for grant in await studio.grants()) == ["created", "removed"]
    assert len(studio.ours()) == 2


async def test_limits_that_somebody_took_away_are_put_back_whole(studio: Studio) -> None:
    studio.book("b-1", "4711", at("14:00"))
    await studio.sync()
    for row in studio.ours():
        studio.nuki.world.auths[row["id"]] = {**row, "allowedFromDate": None, "allowedUntilDate": None}
    studio.clock.move(timedelta(minutes=5))
    await studio.sync()
    await studio.passes(minutes=2)
    for row in studio.ours():
        assert (row["allowedFromDate"], row["allowedUntilDate"]) == (
            "2026-11-21T13:45:00.000Z",
            "2026-11-21T15:15:00.000Z",
        )
        assert (row["allowedWeekDays"], row["allowedFromTime"], row["allowedUntilTime"]) == (127, 0, 0)
    assert (await studio.only()).status == "created"


async def test_a_lock_without_a_keypad_is_said_so(studio: Studio) -> None:
    studio.nuki.faults.set("no_keypad")
    for row in studio.nuki.codes():
        del studio.nuki.world.auths[row["id"]]
    studio.book("b-1", "4711", at("14:00"))
    assert (await studio.sync()).exit_code == 4
    item = (await studio.inbox())["grant_failed"]
    assert "no keypad is paired" in item["text"]
    assert "Pair a Nuki Keypad" in item["fix"]


async def test_an_account_that_is_not_paid_stops_the_pass_and_takes_nothing(studio: Studio) -> None:
    studio.nuki.faults.set("not_paid")
    studio.book("b-1", "4711", at("14:00"))
    assert (await studio.sync()).exit_code == 1
    assert "not paid" in (await studio.inbox())["target_failed"]["text"]


async def test_what_is_far_away_waits_without_being_a_failure(studio: Studio) -> None:
    studio.book("b-1", "4711", at("2026-12-05T14:00"))
    assert (await studio.sync()).exit_code == 0
    grant = await studio.only()
    assert (grant.status, (grant.error or {})["code"]) == ("in_progress", "too_early")
    assert studio.ours() == []
    assert await studio.inbox() == {}
    assert (await studio.plan()).changes == []
    told = await studio.explain("4711")
    assert any("7 days before it begins" in reason.text for reason in told.lines)
    await studio.passes(days=7, hours=5)
    await studio.passes(minutes=2)
    assert (await studio.only()).status == "created"


async def test_a_visit_that_waited_is_taken_back_without_a_word(studio: Studio) -> None:
    booking = studio.book("b-1", "4711", at("2026-12-05T14:00"))
    await studio.sync()
    booking["state"] = "cancelled"
    assert (await studio.sync()).exit_code == 0
    assert [grant.status for grant in await studio.grants()] == ["removed"]


async def test_a_full_lock_takes_the_nearest_first_and_the_rest_waits_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_studio(tmp_path, monkeypatch, more="codes_per_lock = 10") as studio:
        for number in range(12):
            studio.book(f"b-{number}", f"m{number}", at("10:00") + timedelta(minutes=90 * number), resource="r-2")
        assert (await studio.sync()).exit_code == 0
        grants = sorted(await studio.grants(), key=lambda grant: str(grant.valid_from))
        assert [grant.status for grant in grants] == ["created"] * 9 + ["in_progress"] * 3
        assert {(grant.error or {})["code"] for grant in grants[9:]} == {"lock_full"}
        item = (await studio.inbox())["waiting"]
        assert item["text"].startswith("3 grants at locks wait: the lock Sauna holds 10 codes")
        assert (await studio.plan()).changes == []
        # Ended codes are deleted, and make room.
        for _ in range(4):
            await studio.passes(hours=3)
            await studio.passes(minutes=3)
        assert "waiting" not in await studio.inbox()
        assert [grant.status for grant in await studio.grants()].count("in_progress") == 0
        assert all(at("19:00") <= _ends(row) for row in studio.ours())


def _ends(row: dict[str, str]) -> object:
    from datetime import datetime

    return datetime.fromisoformat(row["allowedUntilDate"])


async def test_a_signed_webhook_confirms_at_once_and_another_is_refused(studio: Studio) -> None:
    await studio.lanes()
    assert studio.nuki.world.hooks, "the hub has subscribed by itself"
    studio.nuki.faults.set("late=20")
    studio.book("b-1", "4711", at("14:00"))
    await studio.passes(minutes=16)
    assert (await studio.only()).status == "in_progress"
    studio.clock.move(timedelta(seconds=21))
    assert await studio.webhooks() == [202, 202]
    await studio.lanes()
    assert (await studio.only()).status == "created"
    row = await studio.hub.connection_row("locks")
    async with studio.hub.database.write() as db:
        secret = await address_of(db, row.id, studio.hub.vault)
    body = b'{"feature": "DEVICE_AUTHS", "deleted": false, "smartlockAuth": {"id": "x", "smartlockId": 1}}'
    for headers in ({}, {"X-Nuki-Signature-SHA256": "0" * 64}):
        answer = await studio.web.post(f"/hooks/locks/{secret}", content=body, headers=headers)
        assert answer.status_code == 401


async def test_without_webhooks_it_is_polled_and_the_inbox_says_why(studio: Studio) -> None:
    studio.nuki.faults.set("no_webhooks")
    await studio.lanes()
    assert "Advanced API" in (await studio.inbox())["webhooks_off"]["fix"]
    studio.book("b-1", "4711", at("14:00"))
    await studio.passes(minutes=16)
    await studio.passes(seconds=61)
    assert (await studio.only()).status == "created"


async def test_a_request_that_arrives_after_its_removal_is_found_and_taken_back(studio: Studio) -> None:
    """The hub gave up on a create; the lock carries it out hours later all the same."""
    booking = studio.book("b-1", "4711", at("09:30"), minutes=600, resource="r-2")
    await studio.sync()
    [row] = studio.ours()
    booking["state"] = "cancelled"
    for _ in range(3):
        await studio.passes(minutes=3)
    assert [grant.status for grant in await studio.grants()] == ["removed"]
    studio.nuki.world.auths[row["id"]] = row
    await studio.sync()
    assert "access_without_grant" in await studio.inbox()
    for _ in range(3):
        await studio.passes(minutes=3)
    assert studio.ours() == []
    assert "access_without_grant" not in await studio.inbox() or (await studio.sync()).exit_code == 0


async def test_disconnecting_waits_until_the_locks_have_deleted_what_was_given(studio: Studio) -> None:
    for number in range(3):
        studio.book(f"b-{number}", f"m{number}", at("14:00"))
    await studio.sync()
    assert len(studio.ours()) == 6
    before = studio.by_hand()
    done = await disconnect(studio.hub, "locks", revoke=True, who="test")
    assert (done.forgotten, done.removed, done.failed) == (True, 3, {})
    assert studio.ours() == []
    assert studio.by_hand() == before


async def test_an_ended_code_at_a_lock_that_nobody_reaches_is_asked_to_go_once(studio: Studio) -> None:
    studio.book("b-1", "4711", at("09:30"), resource="r-2")
    await studio.sync()
    studio.nuki.set_server_state(SAUNA, 4)
    for _ in range(20):
        await studio.passes(minutes=10)
    assert studio.nuki.log.by_operation["deleteAuth"] == 1
    assert await studio.inbox() == {}
    studio.nuki.set_server_state(SAUNA, 0)
    for _ in range(2):
        await studio.passes(minutes=3)
    assert studio.ours() == []


async def test_a_group_can_not_be_named_and_a_link_not_be_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = '\n[[passes]]\nsource = "desk"\npass = "abo"\ntarget = "locks"\ngroup = "AG-1"\n'
    with pytest.raises(UserError, match="'locks' \\(Nuki\\) has no access groups; name locks instead"):
        async with open_studio(tmp_path / "a", monkeypatch, rows=rows):
            pass
    rows = f'\n[[passes]]\nsource = "desk"\npass = "abo"\ntarget = "locks"\nlocks = ["{FRONT}"]\ncredential = "link"\n'
    with pytest.raises(UserError, match="gives no links"):
        async with open_studio(tmp_path / "b", monkeypatch, rows=rows):
            pass


async def test_somebody_of_a_community_has_a_code_without_an_end(studio: Studio) -> None:
    studio.desk.members.append({"id": "t1", "given_name": "Tim", "family_name": "Team", "email": "t1@example.org"})
    studio.desk.community_members.append({"community_id": "team", "member_id": "t1"})
    await studio.sync()
    [row] = studio.ours()
    assert (row["allowedFromDate"], row["allowedUntilDate"]) == ("2000-01-01T00:00:00.000Z", "2099-12-31T00:00:00.000Z")
    grant = await studio.only()
    assert grant.status == "created"
    assert studio.nuki.code_opens(grant.code or "", FRONT)
    assert (await studio.plan()).changes == []


def test_the_simulator_is_the_one_that_is_described() -> None:
    from plugins import nuki

    assert nuki.describe().simulator is NukiSimulator
