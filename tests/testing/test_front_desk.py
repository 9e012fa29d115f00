"""Simulators of booking systems: a made-up studio to begin with, what staff do there, and the webhooks of it."""

from __future__ import annotations

import tomllib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import select

from hub import http as hub_http
from hub.cli.build import _introduce
from hub.clock import FrozenClock
from hub.core import Hub, initialise
from hub.engine.sync import sync_now
from hub.grants import WebhookRequest
from hub.plugins import Plugins
from hub.settings import HubSettings
from hub.store import tables as t
from hub.studio.importing import import_file
from hub.testing import Simulator
from tests.harness import NOW

BOOKING = ("anny", "bsport", "momence", "sportsnow")
HOOKED = ("anny", "bsport", "momence")
HUB = "http://127.0.0.1:8710"
SECRET = "s3cret-part"
PLUGINS = Plugins.discover()
KINDS = {"pass": "pass", "community": "community", "resource": "resource", "location": "location"}


def made(name: str, *, members: int = 20, seed: int = 1) -> Simulator:
    """A simulator as `studiohub simulate` serves it."""
    simulator = PLUGINS[name].simulator
    assert simulator is not None
    sim: Simulator = simulator(clock=FrozenClock(NOW), seed=seed)
    sim.furnish(members)
    return sim


class Desk:
    """Control calls to a simulator."""

    def __init__(self, sim: Simulator) -> None:
        self.sim = sim
        self.http = httpx.AsyncClient(transport=httpx.ASGITransport(app=sim), base_url="http://vendor.test")

    async def __call__(self, name: str, status: int = 200, /, **body: Any) -> dict[str, Any]:
        reply = await self.http.post(f"/_simulator/{name}", json=body)
        assert reply.status_code == status, reply.text
        answer: dict[str, Any] = reply.json()
        return answer

    async def book(self, **more: Any) -> dict[str, Any]:
        """Whatever can be booked first, by the last member."""
        ids = self.sim.ids()
        place = (
            {"resource": next(iter(ids["resource"]))} if "resource" in ids else {"session": next(iter(ids["session"]))}
        )
        return await self("book", member=list(ids["member"])[-1], **place, **more)


class Listener:
    """The hub's end of a webhook."""

    def __init__(self, status: int = 202) -> None:
        self.status = status
        self.requests: list[WebhookRequest] = []
        self.paths: list[str] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body = (await receive())["body"]
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.requests.append(WebhookRequest(headers=headers, body=body, secret=SECRET))
        self.paths.append(scope["path"])
        await send({"type": "http.response.start", "status": self.status, "headers": []})
        await send({"type": "http.response.body", "body": b""})


@pytest.fixture
async def listener(monkeypatch: pytest.MonkeyPatch) -> Listener:
    found = Listener()
    monkeypatch.setitem(hub_http.transports, HUB, hub_http.asgi(found))
    return found


@pytest.fixture
async def hub(tmp_path: Path) -> AsyncIterator[Hub]:
    options: dict[str, Any] = {"home": tmp_path / "home", "key": None, "database_url": None}
    settings = HubSettings(**options)
    await initialise(settings)
    async with Hub.open(settings, plugins=PLUGINS, clock=FrozenClock(NOW)) as opened:
        yield opened


async def connect(hub: Hub, sim: Simulator, name: str, folder: Path, monkeypatch: Any, capsys: Any) -> None:
    """Paste what `studiohub simulate` prints into a studio file, and import it."""
    capsys.readouterr()
    _introduce(PLUGINS[name], sim, f"http://{name}-served.test{sim.base_path}")
    printed = capsys.readouterr().out
    section = printed[printed.index("[[connections]]") :].partition("\n\n")[0]
    assert tomllib.loads(section)["connections"][0]["name"] == name
    for line in printed.splitlines():
        if line.startswith("export "):
            variable, _, value = line.removeprefix("export ").partition("=")
            monkeypatch.setenv(variable, value.strip("'"))
    file = folder / "studio.toml"
    file.write_text(f'[studio]\nname = "S"\ntimezone = "Europe/Zurich"\n{section}\n', encoding="utf-8")
    await import_file(hub, file, who="test")


# ── what it begins with ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", BOOKING)
def test_it_begins_with_so_many_members_and_the_same_ones_every_time(name: str) -> None:
    """With what they have booked; another seed has others, and no members is nothing at all."""
    first = made(name).ids()
    assert (len(first["member"]), len(first["booking"])) == (20, 20)
    assert all("@example.com>" in text for text in first["member"].values())
    assert first == made(name).ids() != made(name, seed=2).ids()
    assert len(made(name, members=3).ids()["member"]) == 3
    assert all(not found for found in made(name, members=0).ids().values())


@pytest.mark.parametrize("name", BOOKING)
async def test_what_it_prints_is_all_that_a_hub_needs(
    name: str, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The connection is read without a problem, and every id that can be mapped, every member and every booking is
    known then."""
    sim = made(name)
    async with hub_http.answering(f"http://{name}-served.test", sim):
        await connect(hub, sim, name, tmp_path, monkeypatch, capsys)
        result = await sync_now(hub, ())
    assert [run.state for run in result.sources] == ["done"]
    r = t.record.c
    async with hub.database.read() as db:
        rows = (await db.execute(select(r.kind, r.record_id))).all()
    known: dict[str, set[str]] = {}
    for kind, key in rows:
        known.setdefault(kind, set()).add(key)
    ids = sim.ids()
    for word, found in ids.items():
        if word == "location" and name == "bsport":
            continue  # bsport has no list of them; they are named by classes
        missing = set(found) - known.get(word, set())
        assert not missing, (word, missing)
    assert len(known["badge"]) == 19


@pytest.mark.parametrize("name", ["exivo", "spivi"])
async def test_a_lock_or_tracker_prints_a_connection_that_works(
    name: str, hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """And the ids that it lists."""
    sim = made(name)
    async with hub_http.answering(f"http://{name}-served.test", sim):
        await connect(hub, sim, name, tmp_path, monkeypatch, capsys)
        connection = await hub.open_connection(await hub.connection_row(name))
        checks = await hub.plugins.call(connection, "verify")
        openings = await hub.plugins.call(connection, "list_openings")
    assert {str(check.state) for check in checks} <= {"ok", "skipped"}
    assert {opening.id for opening in openings} == {key for found in sim.ids().values() for key in found}


# ── what staff do ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", BOOKING)
async def test_a_booking_is_made_moved_cancelled_and_restored(name: str) -> None:
    """Each answers with the ids."""
    desk = Desk(made(name))
    booked = await desk.book()
    key = booked["booking"]
    assert str(key) in desk.sim.ids()["booking"]
    assert str(booked["member"]) == list(desk.sim.ids()["member"])[-1]
    ids = desk.sim.ids()
    target = {"start": "+1d"} if name == "anny" else {"session": list(ids["session"])[5]}
    moved = await desk("move", booking=key, **target)
    assert (moved["start"] > booked["start"]) if name == "anny" else (str(moved["session"]) == target["session"])
    key = moved["booking"]
    assert (await desk("cancel", booking=key))["cancelled"]
    assert "cancelled already" in (await desk("cancel", 400, booking=key))["message"]
    assert not (await desk("restore", booking=key))["cancelled"]
    assert "not cancelled" in (await desk("restore", 400, booking=key))["message"]


@pytest.mark.parametrize("name", BOOKING)
async def test_somebody_joins_buys_changes_and_goes(name: str) -> None:
    """By name or by e-mail address."""
    desk = Desk(made(name))
    joined = await desk("join", given_name="Nora", family_name="Kunz", email="nora@example.com", badge="04A1")
    ids = desk.sim.ids()
    assert "Nora Kunz <nora@example.com>" in ids["member"][str(joined["member"])]
    sold = await desk("sell", member="NORA@example.com", **{"pass": next(iter(ids["pass"]))}, days=30)
    assert sold["member"] == joined["member"]
    endless = await desk("sell", member="nora@example.com", **{"pass": next(iter(ids["pass"]))}, days=None)
    assert endless["member_pass"] != sold["member_pass"]
    if "community" in ids:
        community = next(iter(ids["community"]))
        assert str((await desk("join", member="nora@example.com", community=community))["community"]) == community
        await desk("leave", member="nora@example.com", community=community)
        assert (
            "does not belong" in (await desk("leave", 400, member="nora@example.com", community=community))["message"]
        )
    table = {"anny": "customers", "bsport": "clients", "momence": "members", "sportsnow": "customers"}[name]
    await desk("change", table=table, id=joined["member"], fields={"email": "kunz@example.com"})
    assert "kunz@example.com" in desk.sim.ids()["member"][str(joined["member"])]
    await desk("delete", table=table, id=joined["member"])
    assert str(joined["member"]) not in desk.sim.ids()["member"]


@pytest.mark.parametrize("name", ["bsport", "momence", "sportsnow"])
async def test_a_class_is_planned_and_booked(name: str) -> None:
    """At a time that is typed as people type it."""
    desk = Desk(made(name))
    room = next(iter(desk.sim.ids()["location"]))
    session = (await desk("plan", start="2026-11-23T18:00", name="Sunrise", location=room))["session"]
    shown = desk.sim.ids()["session"][str(session)]
    assert "Sunrise" in shown
    assert "18:00" in shown or "17:00" in shown
    assert (await desk("book", member=next(iter(desk.sim.ids()["member"])), session=session))["session"] == session


@pytest.mark.parametrize("name", BOOKING)
@pytest.mark.parametrize(
    ("call", "body", "status", "said"),
    [
        ("book", b"", 400, "required"),
        ("book", b"[", 400, "not JSON"),
        ("book", b"[]", 400, "not a JSON object"),
        ("cancel", b'{"bookin": 1}', 400, "bookin"),
        ("cancel", b'{"booking": []}', 400, "array"),
        ("cancel", b'{"booking": true}', 400, "bool"),
        ("cancel", b'{"booking": "b-999999"}', 404, "there is no booking"),
        ("sell", b'{"member": "nobody@example.com", "pass": 1}', 404, "there is no member"),
        ("sell", b'{"member": "MEMBER", "pass": "no"}', 404, "there is no pass"),
        ("sell", b'{"member": "MEMBER", "pass": "PASS", "start": "soon"}', 400, "is no time"),
        ("sell", b'{"member": "MEMBER", "pass": "PASS", "start": "+999999d"}', 400, "is no time"),
        ("sell", b'{"member": "MEMBER", "pass": "PASS", "days": -1}', 400, "days"),
        ("cancel", b'{"booking": "b-1", "webhooks": "maybe"}', 400, "webhooks can't be"),
        ("change", b'{"table": "secrets", "id": 1, "fields": {"a": 1}}', 400, "no table"),
        ("delete", b'{"table": "bookings", "id": "none"}', 404, "there is no row"),
        ("steal", b"{}", 404, "there is no POST"),
    ],
)
async def test_what_is_wrong_is_said_and_nothing_is_done(
    name: str, call: str, body: bytes, status: int, said: str
) -> None:
    """As JSON, with what would be right."""
    desk = Desk(made(name))
    ids = desk.sim.ids()
    body = body.replace(b"MEMBER", next(iter(ids["member"])).encode()).replace(
        b"PASS", next(iter(ids["pass"])).encode()
    )
    reply = await desk.http.post(f"/_simulator/{call}", content=body)
    assert reply.status_code == status, reply.text
    assert said in reply.json()["message"]
    assert "fix" in reply.json()
    assert desk.sim.ids() == ids


async def test_a_change_keeps_the_kind_of_a_value_and_names_rows_that_exist() -> None:
    """So a typo doesn't make a vendor that can't be."""
    desk = Desk(made("anny"))
    for fields, status, said in (
        ({}, 400, "nothing to change"),
        ({"id": "x"}, 400, "no field 'id'"),
        ({"statsu": "x"}, 400, "no field 'statsu'"),
        ({"status": 7}, 400, "can't be 7"),
        ({"is_blocker": 1}, 400, "can't be 1"),
        ({"customer_id": "m-99"}, 404, "m-99"),
    ):
        answer = await desk("change", status, table="bookings", id="b-1", fields=fields)
        assert said in answer["message"]
    changed = await desk("change", table="bookings", id="b-1", fields={"customer_id": "m-2", "status": "requested"})
    assert (changed["row"]["customer_id"], changed["row"]["status"]) == ("m-2", "requested")


async def test_control_calls_are_listed_and_never_fail_by_a_fault() -> None:
    """`GET /_simulator` says what each takes."""
    desk = Desk(made("anny"))
    desk.sim.faults.set("outage=503")
    calls = (await desk.http.get("/_simulator")).json()["calls"]
    assert {"call": "POST /_simulator/cancel", "takes": "booking", "does": "A booking is cancelled."} in calls
    assert (await desk.http.get("/_simulator/cancel")).status_code == 405
    await desk.book()


async def test_a_door_says_whether_a_badge_or_a_code_opens_it() -> None:
    """At exivo, whose log has it then."""
    desk = Desk(made("exivo"))
    lock = next(iter(desk.sim.ids()["lock"]))
    assert (await desk("open", lock=lock, badge="04A1"))["opened"] is False
    assert (await desk("open", lock=lock, code="123456"))["opened"] is False
    assert "needed" in (await desk("open", 400, lock=lock))["message"]
    assert "no lock" in (await desk("open", 404, lock="x", code="1"))["message"]
    assert len((await desk.http.get("/_simulator/state")).json()["access_log"]) == 2


# ── webhooks ──────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("name", HOOKED)
async def test_a_change_sends_the_webhook_that_the_hub_understands(
    name: str,
    hub: Hub,
    listener: Listener,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """To the address that was set by hand: signed, with its header, or by the address alone."""
    sim = made(name)
    desk = Desk(sim)
    await desk("webhook", address=f"{HUB}/hooks/{name}/{SECRET}")
    booked = await desk.book()
    assert [one["answer"] for one in booked["webhooks"]] == [202]
    assert listener.paths == [f"/hooks/{name}/{SECRET}"]
    async with hub_http.answering(f"http://{name}-served.test", sim):
        await connect(hub, sim, name, tmp_path, monkeypatch, capsys)
        connection = await hub.open_connection(await hub.connection_row(name))
        hints = await hub.plugins.call(connection, "read_webhook", request=listener.requests[0])
    assert [(hint.kind, hint.ids) for hint in hints] == [("booking", (str(booked["booking"]),))]


@pytest.mark.parametrize("name", HOOKED)
async def test_webhooks_are_sent_lost_or_sent_twice(name: str, listener: Listener) -> None:
    """For one call, or for all from now on; twice the same is the same delivery."""
    desk = Desk(made(name))
    assert [one["answer"] for one in (await desk.book())["webhooks"]] in ([], ["nobody has said where to"])
    await desk("webhook", address=f"{HUB}/hooks/x/{SECRET}")
    assert {one["answer"] for one in (await desk.book(webhooks="lose"))["webhooks"]} == {"lost"}
    assert listener.requests == []
    await desk("webhook", mode="twice")
    await desk.book()
    first, second = listener.requests
    assert (first.body, first.headers) == (second.body, second.headers)
    await desk("webhook", mode="lose")
    await desk.book(webhooks="send")
    assert len(listener.requests) == 3
    shown = (await desk.http.get("/_simulator/webhook")).json()
    assert (shown["mode"], shown["goes_to"]) == ("lose", ["127.0.0.1:8710"])
    assert SECRET not in msgspec.json.encode(shown).decode()
    assert (await desk.http.delete("/_simulator/webhook")).json()["goes_to"] == []


async def test_a_hub_that_does_not_answer_is_told_and_ends_the_subscription(listener: Listener) -> None:
    """As at the vendor, after five in a row."""
    desk = Desk(made("anny"))
    await desk("webhook", address=f"{HUB}/hooks/anny/{SECRET}")
    listener.status = 500
    for _ in range(5):
        assert [one["answer"] for one in (await desk.book())["webhooks"]] == [500]
    assert (await desk.book())["webhooks"] == []
    await desk("webhook", address="http://127.0.0.1:9/hooks/anny/x")
    assert [one["answer"] for one in (await desk.book())["webhooks"]] == ["no answer"]


@pytest.mark.parametrize(
    "address", ["http://hub.example/hooks/x", "ftp://127.0.0.1/x", "hub.example", "http://[::1", 7, "http:///x", ""]
)
async def test_webhooks_go_to_https_or_to_this_machine(address: Any) -> None:
    """And nowhere else, in the clear."""
    desk = Desk(made("bsport"))
    assert "can't be sent" in (await desk("webhook", 400, address=address))["message"]
    for good in ("https://hub.example/hooks/x", "http://localhost:1/x", "http://[::1]:1/x", "http://127.0.0.1:1/x"):
        assert (await desk("webhook", address=good))["goes_to"]


async def test_who_sends_no_webhooks_says_so() -> None:
    """SportsNow has none."""
    desk = Desk(made("sportsnow"))
    assert "no webhooks" in (await desk("webhook", 404, address=f"{HUB}/x"))["message"]
    assert "webhooks" not in await desk.book()


async def test_what_nobody_did_over_the_control_path_is_not_sent_later(listener: Listener) -> None:
    """Tests that change a simulator by its methods get no surprise."""
    desk = Desk(made("momence"))
    await desk("webhook", address=f"{HUB}/hooks/x/{SECRET}")
    sim: Any = desk.sim
    sim.add_member(firstName="Nobody")
    await desk.book()
    assert len(listener.requests) == 1
