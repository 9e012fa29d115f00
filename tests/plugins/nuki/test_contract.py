"""All that the hub sends fits Nuki's contract to the letter, all that the simulator answers does too, and the hub takes
whatever the contract leaves open."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from httpx import ASGITransport, AsyncClient

from hub.clock import FrozenClock
from hub.testing import Reject, Reply, Request
from plugins import nuki
from plugins.nuki.simulator import API_TOKEN, NukiSimulator
from tests.plugins.nuki import contract
from tests.plugins.nuki.support import FRONT, NOW, SAUNA, STUDIO1, Studio, at


@pytest.fixture
def strict(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What in requests and answers is not in the contract."""
    complaints: list[str] = []
    do = NukiSimulator._do

    def check(self: NukiSimulator, call: Any) -> Reply:
        complaints.extend(filter(None, [contract.complaint(call.request)]))
        try:
            reply = do(self, call)
        except Reject as rejected:
            reply = rejected.reply
        complaints.extend(filter(None, [contract.answer_complaint(call.request, reply)]))
        return reply

    monkeypatch.setattr(NukiSimulator, "_do", check)
    return complaints


async def a_week(studio: Studio) -> None:
    """Bookings come, move and go, a code is spoilt by hand, a community joins; verify in between."""
    bookings = [studio.book(f"b-{number}", f"m{number}", at("14:00")) for number in range(4)]
    studio.book("b-9", "m9", at("15:00"), resource="r-2")
    studio.desk.members.append({"id": "t1", "given_name": "Tim", "family_name": "Team"})
    studio.desk.community_members.append({"community_id": "team", "member_id": "t1"})
    await studio.sync()
    connection = await studio.hub.open_connection(await studio.hub.connection_row("locks"))
    assert all(check.state == "ok" for check in await nuki.verify(connection))
    bookings[0] |= {"starts_at": at("16:00"), "ends_at": at("17:00")}
    bookings[1]["state"] = "cancelled"
    row = studio.ours(SAUNA)[0]
    studio.nuki.world.auths[row["id"]] = {**row, "enabled": False}
    for _ in range(4):
        studio.clock.move(timedelta(minutes=3))
        await studio.sync()
    assert {grant.status for grant in await studio.grants()} == {"created", "removed"}
    assert len(studio.ours(STUDIO1)) == 3
    assert (await studio.plan()).changes == []


async def test_whatever_is_sent_and_answered_is_in_the_contract(studio: Studio, strict: list[str]) -> None:
    await studio.lanes()
    await a_week(studio)
    assert strict == []


async def test_webhooks_are_as_the_contract_has_them(studio: Studio) -> None:
    await studio.lanes()
    booking = studio.book("b-1", "m1", at("14:00"))
    await studio.sync()
    booking["state"] = "cancelled"
    studio.clock.move(timedelta(minutes=3))
    await studio.sync()
    assert studio.nuki.webhooks is not None
    events = [msgspec.json.decode(delivery.body) for delivery in studio.nuki.webhooks.waiting]
    assert {event["deleted"] for event in events} == {True, False}
    assert [contract.event_complaint(event) for event in events] == [None] * len(events)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "/smartlock/1/auth", b'{"name": "a", "type": 13, "code": 348916}'),
        ("PUT", "/smartlock/1/auth", b'{"name": "a", "remoteAllowed": false, "code": 99}'),
        ("PUT", "/smartlock/1/auth", b'{"name": "a", "remoteAllowed": false, "locks": [1]}'),
        ("POST", "/smartlock/1/auth/x", b'{"code": 348916}'),
        ("PUT", "/smartlock/1/auths", b"{}"),
        ("GET", "/smartlock/auth", b"{}"),
        ("PUT", "/api/decentralWebhook", b'{"webhookUrl": "https://a", "webhookFeatures": ["ALL"]}'),
    ],
)
def test_the_contract_is_strict(method: str, path: str, body: bytes) -> None:
    """Otherwise the tests above would say nothing."""
    headers = [(b"content-type", b"application/json")]
    assert contract.complaint(Request(method, path, {}, b"", headers, body)) is not None


def test_every_operation_of_the_contract_is_served() -> None:
    served = {operation.name: (operation.method, operation.template) for operation in NukiSimulator.operations()}
    assert served == {name: (method, path) for name, (method, path, _) in contract.operations().items()}


async def test_every_operation_answers_as_the_contract_says(strict: list[str]) -> None:
    """Called once each, with what the contract takes."""
    sim = NukiSimulator(clock=FrozenClock(NOW))
    [code] = sim.codes(FRONT)
    auth = {"name": "Anna", "remoteAllowed": True}
    window = {"allowedFromDate": "2026-11-21T10:00:00.000Z", "allowedUntilDate": "2026-11-21T12:00:00.000Z"}
    calls: list[tuple[str, str, Any]] = [
        ("GET", "/smartlock", None),
        ("GET", f"/smartlock/{FRONT}", None),
        ("POST", f"/smartlock/{FRONT}/sync", None),
        ("POST", f"/smartlock/{FRONT}/action", {"action": 1}),
        ("POST", f"/smartlock/{FRONT}/action/unlock", None),
        ("POST", f"/smartlock/{FRONT}/action/lock", None),
        ("POST", f"/smartlock/{FRONT}/action/advanced", {"action": 2}),
        ("GET", "/smartlock/auth?types=13", None),
        ("PUT", "/smartlock/auth", {**auth, **window, "type": 13, "code": 348916, "smartlockIds": [int(FRONT)]}),
        ("PUT", f"/smartlock/{FRONT}/auth", {**auth, "type": 13, "code": 348917}),
        ("GET", "/smartlock/auth/paged?page=0&size=2", None),
        ("PUT", "/account/user", {"email": "a@example.org", "name": "A"}),
        ("GET", "/account/user", None),
        ("PUT", "/smartlock/auth/advanced", {**auth, "accountUserId": 1001, "smartlockIds": [int(FRONT)]}),
        ("POST", "/smartlock/auth", [{"id": code["id"], "name": "Cleaning 2"}]),
        ("GET", f"/smartlock/{FRONT}/auth", None),
        ("GET", f"/smartlock/{FRONT}/auth/{code['id']}", None),
        ("GET", "/smartlock/log?limit=50", None),
        ("GET", f"/smartlock/{FRONT}/log", None),
        ("DELETE", "/account/user/1001", None),
        ("PUT", "/api/decentralWebhook", {"webhookUrl": "https://a.example", "webhookFeatures": ["DEVICE_AUTHS"]}),
        ("GET", "/api/decentralWebhook", None),
        ("DELETE", "/api/decentralWebhook/1001", None),
        ("GET", "/api/key/1/webhook/logs", None),
    ]
    headers = {"authorization": f"Bearer {API_TOKEN}"}
    async with AsyncClient(transport=ASGITransport(sim), base_url="http://nuki", headers=headers) as client:
        for method, path, body in calls:
            answer = await client.request(method, path, json=body) if body else await client.request(method, path)
            assert answer.status_code in {200, 204}, (method, path, answer.text)
        sim.clock.move(timedelta(seconds=5))  # type: ignore[attr-defined]
        for method, path, body in (
            ("POST", f"/smartlock/{FRONT}/auth/{code['id']}", {"name": "Cleaning 3"}),
            ("DELETE", f"/smartlock/{STUDIO1}/auth/{sim.codes(STUDIO1)[0]['id']}", None),
            ("DELETE", "/smartlock/auth", [sim.codes(SAUNA)[0]["id"]]),
        ):
            answer = await client.request(method, path, json=body) if body else await client.request(method, path)
            assert answer.status_code == 204, (method, path, answer.text)
    assert strict == []


# ── what the contract leaves open ─────────────────────────────────────────────────────────────────────────────────────


def with_unknown_values(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, "newField": {"deep": [1]}, "authTypeAsString": "HOLOGRAM", "error": None}


def with_other_dates(row: dict[str, Any]) -> dict[str, Any]:
    names = ("allowedFromDate", "allowedUntilDate")
    return {**row, **{name: f"{row[name][:19]}+00:00" for name in names if row.get(name)}}


def without_seconds(row: dict[str, Any]) -> dict[str, Any]:
    names = ("allowedFromDate", "allowedUntilDate")
    return {**row, **{name: f"{row[name][:16]}Z" for name in names if row.get(name)}}


def without_code(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "code"}


def with_text_ids(row: dict[str, Any]) -> dict[str, Any]:
    return {**row, **({"smartlockId": str(row["smartlockId"])} if "smartlockId" in row else {})}


def change_answers(monkeypatch: pytest.MonkeyPatch, rows: Callable[[Any], Any]) -> None:
    do = NukiSimulator._do

    def changed(self: NukiSimulator, call: Any) -> Reply:
        reply = do(self, call)
        if reply.status == 200 and isinstance(reply.value, list):
            return Reply(200, [rows(row) for row in reply.value], items_in="")
        return reply

    monkeypatch.setattr(NukiSimulator, "_do", changed)


@pytest.mark.parametrize("rows", [with_unknown_values, with_other_dates, without_seconds, without_code, with_text_ids])
async def test_answers_may_show_things_another_way(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, rows: Callable[[Any], Any]
) -> None:
    change_answers(monkeypatch, rows)
    await a_week(studio)


async def test_types_and_states_that_were_never_seen_are_just_not_ours(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    studio.nuki.add_by_hand(FRONT, "Hologram~012345678901", type=99)
    studio.nuki.world.locks[FRONT] = {**studio.nuki.world.locks[FRONT], "type": 77, "state": None}
    await a_week(studio)
    assert any(row["type"] == 99 for row in studio.nuki.world.auths.values())
