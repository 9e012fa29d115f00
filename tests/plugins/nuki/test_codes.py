"""One visit at Nuki: asked for once, looked at until it shows, taken back until it is gone."""

from __future__ import annotations

import logging
from datetime import timedelta

import msgspec
import pytest

from hub import Conflict, FixRecord, FixSettings, NotYet, Refused, RetryLater, Unconfirmed, redact
from hub.connection import read_tag
from plugins import nuki
from plugins.nuki import wire
from plugins.nuki.simulator import API_TOKEN, NukiSimulator
from tests.plugins.nuki.support import FRONT, NOW, SAUNA, STUDIO1, Account, at, opened, visit


def test_codes_are_six_digits_from_1_to_9_that_do_not_begin_with_12() -> None:
    drawn = {wire.draw_code() for _ in range(3000)}
    assert all(len(code) == 6 and "0" not in code and code.isdigit() and code[:2] != "12" for code in drawn)
    assert len(drawn) > 2900
    for unfit in ("123456", "100000", "12345", "", "abcdef", None, 348916):
        assert not wire.is_code(unfit)


@pytest.mark.parametrize("reference", ["", "R-4711", "B-1, B-2, B-3, B-4", "Jürg\n🚴 Öztürk", "x" * 99])
def test_names_have_twenty_plain_letters_at_most_and_end_in_the_tag(reference: str) -> None:
    payload = wire.create_payload(visit(reference=reference), "012abcdef123")
    assert len(payload["name"]) <= 20
    assert payload["name"].isascii()
    assert payload["name"].isprintable()
    seen = wire.auth({"id": "a", "smartlockId": 1, "type": 13, "name": payload["name"]})
    assert seen.tag == "012abcdef123"


def test_a_window_is_always_sent_whole() -> None:
    """What is left out of a change loses its limit."""
    for wanted in (visit(), visit(valid_from=None, valid_until=None)):
        for payload in (wire.create_payload(wanted, "t"), wire.change_payload(wanted, "t")):
            names = ("allowedFromDate", "allowedUntilDate")
            assert all(payload[name] for name in names)
            assert (payload["allowedWeekDays"], payload["allowedFromTime"], payload["allowedUntilTime"]) == (127, 0, 0)


async def test_a_204_is_not_a_grant(account: Account) -> None:
    granted = await account.grant(visit())
    assert (granted.confirmed, granted.vendor_id) == (False, "bcd000000001")
    account.later()
    assert (await account.grant(visit())).confirmed


async def test_the_same_grant_twice_asks_once(account: Account) -> None:
    for _ in range(3):
        await account.grant(visit(1, FRONT, STUDIO1))
    account.later()
    for _ in range(3):
        assert (await account.grant(visit(1, FRONT, STUDIO1))).confirmed
    assert account.writes() == ["createAuth", "createAuth"]


async def test_one_process_asks_and_another_confirms(account: Account) -> None:
    granted = await account.grant(visit())
    wanted = visit(vendor_id=granted.vendor_id, asked_at=NOW)
    account.later()
    assert (await account.another().grant(wanted)).confirmed
    assert account.writes() == ["createAuth"]


async def test_what_another_hub_made_is_left_alone(account: Account) -> None:
    account.sim.add_by_hand(FRONT, "R-1~999000000001", code=777777)
    before = account.sim.codes()
    with pytest.raises(Conflict):
        await account.revoke(visit(vendor_id="999000000001", shown=True))
    with pytest.raises(Conflict):
        await account.grant(visit(vendor_id="999000000001"))
    assert account.sim.codes() == before


@pytest.mark.parametrize("fault", ["drop_before_write", "drop_after_write"])
async def test_a_lost_answer_is_looked_at_before_it_is_repeated(account: Account, fault: str) -> None:
    account.sim.faults.set(f"{fault},times=1")
    with pytest.raises(Unconfirmed):
        await account.grant(visit())
    wanted = visit(look_first=True, sure_after=account.clock.now() + wire.SETTLED)
    account.later(20)
    if fault == "drop_before_write":
        with pytest.raises(RetryLater):
            await account.another().grant(wanted)
    account.clock.move(wire.SETTLED)
    await account.another().grant(wanted)
    account.later()
    assert (await account.another().grant(wanted)).confirmed
    assert len([row for row in account.sim.codes(FRONT) if "~" in row["name"]]) == 1
    assert len(account.writes()) == (1 if fault == "drop_after_write" else 2)


async def test_a_request_that_nothing_came_of_is_repeated_after_the_lock_was_read_anew(account: Account) -> None:
    account.sim.faults.set("lost,times=1")
    granted = await account.grant(visit())
    wanted = visit(vendor_id=granted.vendor_id, asked_at=NOW)
    for _ in range(4):
        account.later(61)
        granted = await account.grant(wanted)
    assert granted.confirmed
    operations = [entry.operation for entry in account.sim.log.entries if entry.kind == "write"]
    assert operations[0] == operations[-1] == "createAuth"
    assert operations[1:-1]
    assert set(operations[1:-1]) == {"syncSmartlock"}


async def test_of_several_locks_only_those_without_the_code_are_asked_again(account: Account) -> None:
    account.sim.faults.set("lost,times=1")
    granted = await account.grant(visit(1, FRONT, STUDIO1))
    account.later()
    wanted = visit(1, FRONT, STUDIO1, vendor_id=granted.vendor_id, asked_at=NOW)
    assert not (await account.grant(wanted)).confirmed
    for _ in range(4):
        account.later(61)
        granted = await account.grant(wanted)
    assert granted.confirmed
    assert [len([row for row in account.sim.codes(lock) if "~" in row["name"]]) for lock in (FRONT, STUDIO1)] == [1, 1]


async def test_digits_that_a_lock_lists_are_refused_before_any_lock_is_asked(account: Account) -> None:
    account.sim.add_by_hand(STUDIO1, "Plumber", code=348916)
    with pytest.raises(Refused) as refused:
        await account.grant(visit(1, FRONT, STUDIO1))
    assert refused.value.code == "code_taken"
    assert account.writes() == []


async def test_digits_that_a_lock_has_and_does_not_list_are_refused(account: Account) -> None:
    account.sim.faults.set("hidden_codes")
    account.sim.add_by_hand(STUDIO1, "Plumber", code=348916)
    with pytest.raises(Refused) as refused:
        await account.grant(visit(1, FRONT, STUDIO1))
    assert refused.value.code == "code_taken"
    # The front door has the first digits by now, and gets the others all the same.
    account.later()
    other = visit(1, FRONT, STUDIO1, code="777777")
    await account.grant(other)
    for _ in range(3):
        account.later(61)
        granted = await account.grant(msgspec.structs.replace(other, vendor_id="bcd000000001", asked_at=NOW))
    assert granted.confirmed
    assert all(account.sim.code_opens("777777", lock, at("14:00")) for lock in (FRONT, STUDIO1))
    assert not account.sim.code_opens("348916", FRONT, at("14:00"))


async def test_a_busy_lock_is_asked_again_soon(account: Account) -> None:
    account.sim.faults.set("busy,times=1")
    with pytest.raises(RetryLater) as busy:
        await account.grant(visit())
    assert busy.value.after is not None
    assert (await account.grant(visit())).vendor_id
    account.later()
    assert (await account.grant(visit())).confirmed


async def test_a_lock_that_is_not_there_is_named(account: Account) -> None:
    with pytest.raises(FixRecord) as missing:
        await account.grant(visit(1, "4711"))
    assert missing.value.code == "opening_missing"


async def test_a_visit_that_is_over_is_not_made(account: Account) -> None:
    with pytest.raises(FixRecord) as over:
        await account.grant(visit(valid_from=at("07:00"), valid_until=at("08:00")))
    assert over.value.code == "window_over"


async def test_the_last_places_are_kept_for_what_begins_soon() -> None:
    async with opened(codes_per_lock=30) as account:
        for number in range(26):
            account.sim.add_by_hand(SAUNA, f"By hand {number}", code=333333 + number)
        with pytest.raises(NotYet, match="nearly full"):
            await account.grant(visit(1, SAUNA, valid_from=at("2026-11-25T10:00"), valid_until=at("2026-11-25T11:00")))
        await account.grant(visit(2, SAUNA, code="999991"))
        await account.grant(visit(3, SAUNA, code="999992"))
        await account.grant(visit(4, SAUNA, code="999993"))
        with pytest.raises(NotYet, match="no room"):
            await account.grant(visit(5, SAUNA, code="999994"))


# ── taking back ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def _standing(account: Account, *locks: str) -> None:
    await account.grant(visit(1, *locks))
    account.later()
    assert (await account.grant(visit(1, *locks))).confirmed


async def test_a_204_is_not_a_removal(account: Account) -> None:
    await _standing(account, FRONT, STUDIO1)
    gone = visit(1, FRONT, STUDIO1, vendor_id="bcd000000001", shown=True)
    assert not (await account.revoke(gone)).confirmed
    asked = msgspec.structs.replace(gone, asked_at=account.clock.now())
    account.later()
    assert not (await account.revoke(asked)).confirmed, "one read that does not list it is no proof"
    account.later(61)
    await account.revoke(asked)
    account.later(61)
    assert (await account.revoke(asked)).confirmed
    assert account.writes().count("deleteAuth") == 2


async def test_what_was_never_asked_for_is_gone(account: Account) -> None:
    assert (await account.revoke(visit())).confirmed
    assert account.writes() == []


async def test_what_was_asked_for_and_never_shown_is_not_gone_at_once(account: Account) -> None:
    """The lock may still carry it out."""
    account.sim.faults.set("late=90")
    granted = await account.grant(visit())
    gone = visit(vendor_id=granted.vendor_id)
    account.later(10)
    assert not (await account.revoke(gone)).confirmed
    asked = msgspec.structs.replace(gone, asked_at=account.clock.now())
    account.later(81)
    assert not (await account.revoke(asked)).confirmed
    for _ in range(6):
        account.later(61)
        revoked = await account.revoke(asked)
    assert revoked.confirmed
    assert [row for row in account.sim.codes() if "~" in row["name"]] == []


async def test_only_codes_with_the_tag_of_the_grant_are_deleted(account: Account) -> None:
    await _standing(account, FRONT)
    account.sim.add_by_hand(FRONT, "R-1~999000000001", code=777777)
    account.sim.add_by_hand(FRONT, "R-1", code=777778)
    account.later()
    await account.revoke(visit(vendor_id="bcd000000001", shown=True))
    account.later()
    account.sim.settle()
    names = {row["name"] for row in account.sim.codes(FRONT)}
    assert {"R-1~999000000001", "R-1", "Cleaning"} == names


async def test_a_code_that_is_over_is_deleted_and_nobody_waits_for_more(account: Account) -> None:
    await _standing(account, FRONT)
    account.clock.move(timedelta(hours=8))
    over = visit(vendor_id="bcd000000001", shown=True)
    assert not (await account.revoke(over)).confirmed
    account.later()
    assert (await account.revoke(over)).confirmed
    assert [row["name"] for row in account.sim.codes(FRONT)] == ["Cleaning"]


# ── looking ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_visit_on_several_locks_is_seen_as_one(account: Account) -> None:
    await _standing(account, FRONT, STUDIO1)
    [seen] = (await account.observe()).values()
    assert (seen.vendor_id, seen.tag, seen.alive) == ("bcd000000001", "bcd000000001", True)
    assert seen.opens is not None
    assert seen.opens.locks == (FRONT, STUDIO1)
    assert (seen.valid_from, seen.valid_until) == (at("13:45"), at("15:15"))
    assert read_tag(seen.tag or "", account.connection.instance) == "000000001"
    assert read_tag(seen.tag or "", "another1") is None


async def test_a_named_code_that_is_not_listed_is_not_found(account: Account) -> None:
    from hub import NotFound

    with pytest.raises(NotFound):
        await account.observe("bcd000000009")


# ── secrets ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "fault", ["status=400", "status=503", "cut_body", "garbage", "unauthorized", "drop_after_write", "busy"]
)
async def test_no_error_and_no_log_holds_a_code_or_the_token(
    account: Account, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level(logging.DEBUG)
    await _standing(account, FRONT)
    account.later()
    account.sim.faults.set(fault)
    said = []
    for call in (account.grant, account.revoke):
        try:
            said.append(repr(await call(visit(1, FRONT, SAUNA, vendor_id="bcd000000001", shown=True))))
        except (FixRecord, FixSettings, RetryLater, Refused, Unconfirmed, NotYet) as error:
            said.append(f"{error} {error.said} {error.what} {error!r}")
    text = " ".join(said) + caplog.text
    assert "348916" not in text
    assert "583946" not in text
    assert API_TOKEN not in text
    assert API_TOKEN not in redact.mask(f"Bearer {API_TOKEN}")


def test_grants_and_codes_show_no_digits() -> None:
    seen = wire.auth({"id": "a", "smartlockId": 1, "type": 13, "name": "x", "code": 348916})
    assert seen.code == "348916"
    assert "348916" not in repr(seen) + repr(visit())


# ── credentials ───────────────────────────────────────────────────────────────────────────────────────────────────────


def _states(checks: object) -> dict[str, str]:
    assert isinstance(checks, list)
    return {check.title: check.state.value for check in checks}


async def test_verify_says_what_works(account: Account) -> None:
    states = _states(await account.verify())
    assert set(states.values()) == {"ok"}
    assert {"the token is accepted", "3 locks are seen", "Sauna takes codes"} <= states.keys()
    assert account.sim.log.writes == 0


async def test_verify_says_that_the_token_is_refused() -> None:
    async with opened(api_token="another") as account:
        checks = await account.verify()
        assert _states(checks)["the token is accepted"] == "failed"
        assert "account's password" in checks[-1].fix


async def test_verify_says_which_lock_is_offline_or_has_no_keypad(account: Account) -> None:
    account.sim.set_server_state(FRONT, 4)
    for row in [row for row in account.sim.world.auths.values() if str(row["smartlockId"]) == SAUNA]:
        del account.sim.world.auths[row["id"]]
    account.sim.faults.set("no_webhooks")
    checks = {check.title: check for check in await account.verify()}
    assert checks["Front door takes codes"].said == "the lock is offline"
    assert "no keypad" in checks["Sauna takes codes"].said
    assert checks["Studio 1 takes codes"].state == "ok"
    assert "once a minute" in checks["webhooks"].fix


async def test_verify_says_that_nuki_is_down(account: Account) -> None:
    account.sim.faults.set("outage=drop")
    assert _states(await account.verify()) == {"Nuki answers": "failed"}


async def test_locks_are_listed_with_what_is_wrong(account: Account) -> None:
    account.sim.set_server_state(FRONT, 4)
    openings = {opening.id: opening for opening in await nuki.list_openings(account.connection)}
    assert {opening.kind for opening in openings.values()} == {"lock"}
    assert [note.code for note in openings[FRONT].notes] == ["lock_offline"]
    assert openings[SAUNA].notes == ()


async def test_a_rate_limit_is_a_pause_and_no_failure(account: Account) -> None:
    account.sim.faults.set("status=429,retry_after=30")
    with pytest.raises(RetryLater) as asked:
        await account.grant(visit())
    assert asked.value.after == timedelta(seconds=30)


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────────────

ADDRESS = "https://hub.example/hooks/locks/s3cretpart"


async def _subscribe(account: Account, signing: str | None = None, secret: str = "s3cretpart") -> str | None:
    address = f"https://hub.example/hooks/locks/{secret}"
    return await nuki.subscribe_webhooks(account.connection, address, secret, signing)


async def test_one_webhook_is_subscribed_to_and_only_once(account: Account) -> None:
    signing = await _subscribe(account)
    assert signing == next(iter(account.sim.world.secrets.values()))
    assert await _subscribe(account, signing) is None
    assert [row["webhookUrl"] for row in account.sim.world.hooks.values()] == [ADDRESS]


async def test_a_webhook_whose_secret_is_not_known_is_made_anew(account: Account) -> None:
    account.sim.faults.set("hidden_secrets")
    await _subscribe(account)
    again = await _subscribe(account)
    assert again == next(iter(account.sim.world.secrets.values()))
    assert len(account.sim.world.hooks) == 1


async def test_webhooks_of_others_stay(account: Account) -> None:
    foreign = {"id": 7, "webhookUrl": "https://other.example/x", "webhookFeatures": ["DEVICE_AUTHS"]}
    account.sim.world.hooks["7"] = foreign
    account.sim.world.secrets["7"] = "x"
    await _subscribe(account)
    await _subscribe(account, secret="another")
    assert {row["webhookUrl"] for row in account.sim.world.hooks.values()} == {
        "https://other.example/x",
        "https://hub.example/hooks/locks/another",
    }


def test_the_simulator_furnishes_nothing_secret() -> None:
    assert "secrets" in NukiSimulator(seed=1).world.hidden
