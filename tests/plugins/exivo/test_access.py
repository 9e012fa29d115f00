"""Access at exivo: one group, an end, and the block; only what differs is written, and it is read back."""

from __future__ import annotations

from collections.abc import Awaitable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from hub import Conflict, FixRecord, NotFound, RetryLater, grants
from hub.testing import Request
from plugins.exivo._sim_base import bad
from plugins.exivo.simulator import ExivoSimulator
from tests.harness import World
from tests.plugins.exivo.support import FROM, NOW, UNTIL, Recorder, Site, grant, person

LATER = datetime(2028, 12, 31, 23, 0, tzinfo=UTC)


def opens(site: Site, number: str = "A1") -> bool:
    """Whether a badge opens the front door."""
    return site.sim.can_open(number, next(iter(site.sim.components)))


# ── giving ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_new_member_can_open_the_door(site: Site) -> None:
    """Group, badge and dates stand, and that is confirmed."""
    wanted = grant("1", "A1", person_id=await site.link(person()))
    done = await site.grant(wanted)
    assert done == grants.Granted(vendor_id=wanted.person_id)
    row = site.at(wanted.person_id)
    assert (row["accessGroupId"], row["revoked"], row["media"]) == ("AG-1", False, [site.medium("A1")["id"]])
    assert opens(site)


async def test_a_grant_that_stands_is_only_read(site: Site) -> None:
    """Idempotent: the second call changes nothing."""
    wanted = await site.member()
    calls = site.calls()
    assert (await site.grant(wanted)).confirmed
    assert calls.names == ["getPerson"]


async def test_how_many_calls_things_take(site: Site) -> None:
    """Half a second each at the usual pace, so none is wasted."""
    counted: dict[str, list[str]] = {}

    async def count(what: str, made: Awaitable[Any]) -> None:
        calls = site.calls()
        await made
        counted[what] = calls.names

    await site.api.inventory.read()
    calls = site.calls()
    wanted = await site.member()
    counted["new"] = calls.names
    await count("renewed", site.grant(grant("1", "A1", person_id=wanted.person_id, valid_until=LATER)))
    await count("moved", site.grant(_moved(wanted)))
    await count("removed", site.revoke(_moved(wanted)))
    await count("removed again", site.revoke(_moved(wanted)))
    assert counted == {
        "new": ["addPerson", "registerMedium", "assignMedium", "getMedium", "assignAccessGroup", "getPerson"],
        "renewed": ["getPerson", "changePersonInfo"],
        "moved": ["getPerson", "assignAccessGroup", "getPerson"],
        "removed": ["getPerson", "revokeAccess", "unassignAccessGroup", "unassignMedium", "getPerson"],
        "removed again": ["getPerson"],
    }


def _moved(wanted: grants.Grant) -> grants.Grant:
    return grant(
        "1", "A1", group="AG-2", person_id=wanted.person_id, valid_until=LATER, our_groups=frozenset({"AG-1", "AG-2"})
    )


async def test_without_a_person_or_a_group_nothing_can_be_given(site: Site) -> None:
    """A door alone can't be given to a person at exivo."""
    with pytest.raises(FixRecord):
        await site.grant(grant("1", "A1"))


async def test_a_person_who_is_gone_is_not_found(site: Site) -> None:
    """The hub makes them anew."""
    with pytest.raises(NotFound):
        await site.grant(grant("1", "A1", person_id="gone"))


async def test_an_unknown_group_is_told_with_the_vendors_words(site: Site) -> None:
    """400 says no more than its message; what is lacking is found by reading."""
    with pytest.raises(FixRecord) as caught:
        await site.grant(grant("1", "A1", group="AG-9", person_id=await site.link(person())))
    assert "the access group" in caught.value.what
    assert caught.value.said == "unknown access group"


async def test_an_unknown_group_answered_with_404_is_no_vanished_person(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Otherwise the hub would make the person a second time."""

    def assign_access_group(self: ExivoSimulator, request: Request) -> Any:
        return self.found(self.world.groups, request["accessGroupId"])

    monkeypatch.setattr(ExivoSimulator, "assign_access_group", assign_access_group)
    with pytest.raises(FixRecord):
        await site.grant(grant("1", "A1", group="AG-9", person_id=await site.link(person())))


# ── one group ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_our_own_group_is_replaced(site: Site) -> None:
    """Assigning another one replaces it without a word, which is what is wanted here."""
    wanted = await site.member()
    await site.grant(_moved(wanted))
    assert site.at(wanted.person_id)["accessGroupId"] == "AG-2"


async def test_a_group_that_somebody_chose_is_a_conflict(site: Site) -> None:
    """It would be lost without a word, so nothing at all is written."""
    wanted = await site.member()
    site.change(wanted.person_id, accessGroupId="STAFF")
    calls = site.calls()
    with pytest.raises(Conflict) as caught:
        await site.grant(grant("1", "A1", "B2", person_id=wanted.person_id, valid_until=LATER))
    assert caught.value.code == "moved_by_hand"
    assert calls.writes == []


async def test_a_group_that_somebody_took_away_is_given_again(site: Site) -> None:
    """The booking system decides."""
    wanted = await site.member()
    site.change(wanted.person_id, accessGroupId=None)
    assert (await site.grant(wanted)).confirmed
    assert opens(site)


async def test_the_group_that_somebody_chose_may_be_the_right_one(site: Site) -> None:
    """Then there is nothing to say."""
    identifier = await site.link(person())
    site.change(identifier, accessGroupId="AG-1")
    calls = site.calls()
    site.api.forget_created()
    assert (await site.grant(grant("1", "A1", person_id=identifier))).confirmed
    assert "assignAccessGroup" not in calls.names


# ── dates and the block ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("before", "after", "sent"),
    [
        (None, UNTIL, {"exitDate": "2027-12-31T23:00:00Z"}),
        (UNTIL, LATER, {"exitDate": "2028-12-31T23:00:00Z"}),
        (UNTIL, None, {"exitDate": None}),
        (UNTIL, UNTIL + timedelta(milliseconds=400), None),
    ],
)
async def test_the_end_date_follows(
    site: Site, monkeypatch: pytest.MonkeyPatch, before: Any, after: Any, sent: dict[str, Any] | None
) -> None:
    """Set, moved and cleared; null clears it. A fraction of a second is no change."""
    wanted = await site.member(valid_until=before)
    recorder = Recorder(site.sim, monkeypatch)
    calls = site.calls()
    assert (await site.grant(grant("1", "A1", person_id=wanted.person_id, valid_until=after))).confirmed
    if sent is None:
        assert calls.writes == []
    else:
        assert recorder.body(f"/person/{wanted.person_id}") == sent


@pytest.mark.parametrize(
    ("there", "wanted", "sent"),
    [
        (None, FROM, "2025-12-31T23:00:00Z"),
        ("2026-12-24T00:00:00.000Z", FROM, "2025-12-31T23:00:00Z"),
        ("2026-12-24T00:00:00.000Z", None, None),
    ],
)
async def test_a_start_date_that_keeps_somebody_out_is_corrected(
    site: Site, monkeypatch: pytest.MonkeyPatch, there: str | None, wanted: datetime | None, sent: str | None
) -> None:
    """Who has access now must not have to wait for a date."""
    made = await site.member()
    site.sim.world.persons[str(made.person_id)]["entryDate"] = there
    recorder = Recorder(site.sim, monkeypatch)
    assert (await site.grant(grant("1", "A1", person_id=made.person_id, valid_from=wanted))).confirmed
    assert recorder.body(f"/person/{made.person_id}") == {"entryDate": sent}
    assert opens(site)


async def test_an_earlier_start_date_stays(site: Site) -> None:
    """It keeps nobody out, so no call is spent on it."""
    wanted = await site.member()
    calls = site.calls()
    await site.grant(grant("1", "A1", person_id=wanted.person_id, valid_from=NOW - timedelta(days=1)))
    assert calls.writes == []


async def test_who_was_blocked_by_the_end_date_is_let_in_again(site: Site) -> None:
    """A new date alone does not lift exivo's own block; and the date comes first, or it would block again."""
    wanted = await site.member(valid_until=NOW + timedelta(days=1))
    site.clock.move(timedelta(days=2))
    assert site.at(wanted.person_id)["revoked"]
    calls = site.calls()
    assert (await site.grant(grant("1", "A1", person_id=wanted.person_id, valid_until=LATER))).confirmed
    assert calls.names == ["getPerson", "changePersonInfo", "unrevokeAccess", "getPerson"]
    assert opens(site)


async def test_a_date_that_exivo_refuses_is_told_with_its_words(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stood before stands, and nothing more is given: it would have no end that exivo keeps by itself."""
    wanted = await site.member()
    _refuse_dates(monkeypatch)
    calls = site.calls()
    with pytest.raises(FixRecord) as caught:
        await site.grant(grant("1", "A1", "B2", person_id=wanted.person_id, valid_until=LATER))
    assert "the end date" in caught.value.what
    assert caught.value.said == "exitDate too far away"
    assert calls.writes == ["changePersonInfo"]
    assert opens(site)


async def test_without_the_end_that_it_needs_a_door_stays_closed(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody who comes back with a pass that ends is not let in where exivo refuses that end, however they were
    blocked: neither the group nor the lifted block comes before it."""
    wanted = await site.member(valid_until=None)
    await site.revoke(wanted)
    assert not opens(site)
    _refuse_dates(monkeypatch)
    with pytest.raises(FixRecord) as caught:
        await site.grant(grant("1", "A1", person_id=wanted.person_id, valid_until=LATER))
    assert caught.value.said == "exitDate too far away"
    row = site.at(wanted.person_id)
    assert (row["revoked"], row.get("accessGroupId"), row["media"]) == (True, None, [])
    assert not opens(site)


async def test_a_date_that_is_refused_because_it_is_so_already_stops_nothing(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading decides, not the refusal."""
    wanted = await site.member(valid_until=None)
    await site.revoke(wanted)
    change = ExivoSimulator.change_person_info

    def change_person_info(self: ExivoSimulator, request: Request) -> Any:
        change(self, request)
        raise bad("nothing to change")

    monkeypatch.setattr(ExivoSimulator, "change_person_info", change_person_info)
    assert (await site.grant(grant("1", "A1", person_id=wanted.person_id, valid_until=LATER))).confirmed
    assert opens(site)


def _refuse_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    def change_person_info(self: ExivoSimulator, request: Request) -> Any:
        raise bad("exitDate too far away")

    monkeypatch.setattr(ExivoSimulator, "change_person_info", change_person_info)


async def test_bad_news_in_the_answer_to_a_change_is_read_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that shows less than the person takes nothing away."""
    wanted = await site.member()
    change = ExivoSimulator.change_person_info

    def change_person_info(self: ExivoSimulator, request: Request) -> Any:
        return {"id": change(self, request)["id"]}

    monkeypatch.setattr(ExivoSimulator, "change_person_info", change_person_info)
    calls = site.calls()
    assert (await site.grant(grant("1", "A1", person_id=wanted.person_id, valid_until=LATER))).confirmed
    assert calls.names == ["getPerson", "changePersonInfo", "getPerson"]


# ── written is not done ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "operation",
    ["changePersonInfo", "assignMedium", "assignAccessGroup", "unrevokeAccess", "unassignMedium"],
)
@pytest.mark.parametrize("fault", ["drop_after_write", "status=503,when=after"])
async def test_a_lost_answer_to_a_change_of_state_settles_itself(site: Site, operation: str, fault: str) -> None:
    """The call is repeated, refused because it is already so, and read back."""
    made = await site.member("1", "A1", valid_until=NOW + timedelta(days=1))
    site.change(made.person_id, accessGroupId=None, revoked=True)
    wanted = grant("1", "B2", person_id=made.person_id, valid_until=LATER, our_badges=frozenset({"A1", "B2"}))
    site.sim.faults.set(f"{fault},operation={operation},times=1")
    assert (await site.grant(wanted)).confirmed
    assert opens(site, "B2")
    assert not opens(site, "A1")


@pytest.mark.parametrize("fault", ["garbage,only=writes", "stale_reads=10s"])
async def test_what_reading_back_does_not_show_is_not_confirmed(site: Site, fault: str) -> None:
    """Unconfirmed is not failed: it is looked at again."""
    wanted = await site.member()
    site.change(wanted.person_id, accessGroupId=None)
    site.sim.faults.set(fault)
    done = await site.grant(wanted)
    assert not done.confirmed
    site.sim.faults.clear()
    assert (await site.grant(wanted)).confirmed


async def test_a_member_who_is_gone_when_it_is_read_back_is_not_found(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Staff deleted them in that moment."""
    identifier = await site.link(person())
    site.api.forget_created()
    assign = ExivoSimulator.assign_access_group

    def assign_access_group(self: ExivoSimulator, request: Request) -> None:
        assign(self, request)
        del self.world.persons[identifier]

    monkeypatch.setattr(ExivoSimulator, "assign_access_group", assign_access_group)
    with pytest.raises(NotFound):
        await site.grant(grant("1", "A1", person_id=identifier))


# ── taking back ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_who_is_removed_is_blocked_and_has_neither_group_nor_badge(site: Site) -> None:
    """The person stays: deleting somebody is another thing."""
    wanted = await site.member()
    assert await site.revoke(wanted) == grants.Revoked()
    row = site.at(wanted.person_id)
    assert (row["revoked"], row.get("accessGroupId"), row["media"]) == (True, None, [])
    assert site.medium("A1")["state"] == "assignable"


async def test_removing_twice_is_success(site: Site) -> None:
    """What is gone is gone."""
    wanted = await site.member()
    await site.revoke(wanted)
    calls = site.calls()
    assert await site.revoke(wanted) == grants.Revoked()
    assert calls.writes == []


async def test_who_comes_back_after_a_removal_is_let_in_again(site: Site) -> None:
    """Same person, same badge."""
    wanted = await site.member()
    await site.revoke(wanted)
    assert (await site.grant(wanted)).confirmed
    assert opens(site)


async def test_removing_somebody_whom_nobody_knows_is_success(site: Site) -> None:
    """Deleted by hand, or never made."""
    assert await site.revoke(grant("1", "A1", person_id="gone")) == grants.Revoked()
    calls = site.calls()
    assert await site.revoke(grant("1", "A1")) == grants.Revoked()
    assert calls.names == []


async def test_what_somebody_did_in_the_meantime_is_success(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every call is refused because it is already so; reading shows that all is as wanted."""
    wanted = await site.member()
    read = ExivoSimulator.get_person
    first = [dict(site.at(wanted.person_id))]

    def get_person(self: ExivoSimulator, request: Request) -> Any:
        return first.pop() if first else read(self, request)

    await site.revoke(wanted)
    monkeypatch.setattr(ExivoSimulator, "get_person", get_person)
    calls = site.calls()
    assert await site.revoke(wanted) == grants.Revoked()
    assert calls.writes == ["revokeAccess", "unassignAccessGroup", "unassignMedium"]


async def test_a_group_that_somebody_chose_stays_and_is_told(site: Site) -> None:
    """The member may still get in, so somebody has to look; our badge comes back all the same."""
    wanted = await site.member()
    site.change(wanted.person_id, accessGroupId="STAFF")
    done = await site.revoke(wanted)
    assert done.confirmed
    assert [note.code for note in done.notes] == ["moved_by_hand"]
    row = site.at(wanted.person_id)
    assert (row["accessGroupId"], row["revoked"], row["media"]) == ("STAFF", False, [])


async def test_who_was_linked_by_hand_is_never_blocked(site: Site) -> None:
    """The person belongs to the staff; only what the hub gave comes back."""
    by_hand = site.sim.add_by_hand(firstName="Anna", lastName="Graf", badge="F00D")
    await site.link(person(vendor_id=by_hand["id"], by_hand=True))
    wanted = grant("1", "A1", person_id=by_hand["id"], person_by_hand=True)
    await site.grant(wanted)
    assert await site.revoke(wanted) == grants.Revoked()
    row = site.at(by_hand["id"])
    assert (row["revoked"], row.get("accessGroupId")) == (False, None)
    assert row["media"] == [site.medium("F00D")["id"]]


async def test_a_removal_that_exivo_refuses_is_loud(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the vendor's words and what still stands."""
    wanted = await site.member()

    def revoke_access(self: ExivoSimulator, request: Request) -> Any:
        raise bad("the controller is offline")

    monkeypatch.setattr(ExivoSimulator, "revoke_access", revoke_access)
    with pytest.raises(FixRecord) as caught:
        await site.revoke(wanted)
    assert "the right to open doors" in caught.value.what
    assert caught.value.said == "the controller is offline"


@pytest.mark.parametrize("operation", ["revokeAccess", "unassignAccessGroup", "unassignMedium"])
async def test_a_removal_that_reading_back_does_not_show_is_not_confirmed(site: Site, operation: str) -> None:
    """Each part counts: group, block and badge."""
    wanted = await site.member()
    site.sim.faults.set(f"garbage,operation={operation}")
    assert not (await site.revoke(wanted)).confirmed
    site.sim.faults.clear()
    assert (await site.revoke(wanted)).confirmed


async def test_a_member_who_may_have_been_made_is_looked_for_before_removal(site: Site) -> None:
    """The answer to making them was lost, and then their pass ended."""
    await site.member()
    made = site.ours()[0]
    lost = grant("1", "A1", look_first=True, sure_after=NOW + timedelta(seconds=5))
    assert await site.revoke(lost) == grants.Revoked()
    assert site.at(made["id"])["revoked"]


async def test_not_finding_them_too_early_proves_nothing(site: Site) -> None:
    """The request may still be worked on."""
    lost = grant("1", "A1", look_first=True, sure_after=NOW + timedelta(seconds=5))
    with pytest.raises(RetryLater) as caught:
        await site.revoke(lost)
    assert caught.value.after == timedelta(seconds=5)
    site.clock.move(timedelta(seconds=5))
    assert await site.revoke(lost) == grants.Revoked()


# ── the whole way ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_unauthorized_stops_the_pass_keeps_access_and_says_what_to_do(world: World) -> None:
    """Nobody loses access because a key was changed."""
    for number in range(3):
        world.join(str(number))
    await world.sync()
    world.drop_pass("0")
    world.join("3")
    world.exivo.faults.set("unauthorized")
    before = world.exivo.log.total
    result = await world.sync()
    assert result.exit_code == 1
    assert world.exivo.log.total - before <= 2
    assert all(world.opens(str(number)) for number in range(3))
    (item,) = [item for item in await world.inbox() if item["code"] == "target_failed"]
    assert "credentials" in item["fix"]


async def test_an_outage_in_the_middle_is_caught_up(world: World) -> None:
    """Who was not done is done next time, and nobody twice."""
    for number in range(30):
        world.join(str(number))
    world.exivo.faults.set("outage=drop,after=50")
    await world.sync()
    done = len(world.ours())
    assert 0 < done < 30
    world.exivo.faults.clear()
    assert (await world.sync()).exit_code == 0
    assert len(world.ours()) == 30
    assert all(world.opens(str(number)) for number in range(30))


async def test_stale_reads_are_settled_when_the_vendor_has_caught_up(world: World) -> None:
    """In progress until it is seen, and then created."""
    world.exivo.faults.set("stale_reads=30s")
    for number in range(3):
        world.join(str(number))
    await world.sync()
    world.clock.move(timedelta(minutes=2))
    assert (await world.sync()).exit_code == 0
    assert {grant.status for grant in await world.grants()} == {"created"}
    assert len(world.ours()) == 3
