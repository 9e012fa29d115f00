"""Resivo, as far as it is known: refused unless somebody means it, one PIN for a booking, and never said to be revoked
before Resivo says so."""

from __future__ import annotations

import itertools
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from pydantic import ValidationError

from hub import Conflict, FixRecord, FixSettings, RetryLater, Unconfirmed, grants, http
from hub.clock import FrozenClock
from hub.connection import Connection
from hub.core import Hub, initialise
from hub.engine.sync import plan_now, sync_now
from hub.errors import UserError
from hub.look.grants import list_grants
from hub.settings import HubSettings
from hub.studio.importing import import_file
from plugins import resivo
from plugins.booking.files.simulator import Desk
from plugins.resivo.settings import ResivoSettings
from plugins.resivo.simulator import CLIENT_ID, CLIENT_SECRET, SITE_ID, ResivoSimulator

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
SETTINGS = {"site_id": SITE_ID, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "experimental": True}
PIN = "48291537"
_numbers = itertools.count(1)


@dataclass
class Site:
    """A simulated site and an open connection to it."""

    sim: ResivoSimulator
    clock: FrozenClock
    connection: Connection

    async def grant(self, wanted: grants.Grant) -> grants.Granted:
        return await resivo.grant_access(self.connection, wanted)

    async def revoke(self, wanted: grants.Grant) -> grants.Revoked:
        return await resivo.revoke_access(self.connection, wanted)

    async def stands(self) -> grants.Grant:
        wanted = visit()
        return msgspec.structs.replace(wanted, vendor_id=(await self.grant(wanted)).vendor_id)


def visit(**fields: Any) -> grants.Grant:
    values: dict[str, Any] = {
        "valid_from": NOW + timedelta(hours=1),
        "valid_until": NOW + timedelta(hours=2),
        "label": "Anna Graf",
        "reference": "R-1",
        "code": PIN,
        **fields,
    }
    opens = grants.Opens(locks=("D-1",))
    return grants.Grant(id="g-1", member="desk:1", opens=opens, marker="[hub:inst:desk:1]", **values)


@asynccontextmanager
async def opened(**settings: Any) -> AsyncIterator[Site]:
    clock, origin = FrozenClock(NOW), f"http://resivo-{next(_numbers)}.test"
    sim = ResivoSimulator(clock=clock)
    values: Mapping[str, Any] = {**SETTINGS, "base_url": origin, "requests_per_second": 1_000_000, **settings}
    made = Connection("door", resivo.describe(), ResivoSettings(**values), ZoneInfo("Europe/Zurich"), "inst", clock)
    async with http.answering(origin, sim):
        yield Site(sim, clock, made)
        await made.aclose()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with opened() as made:
        yield made


# ── on purpose only ───────────────────────────────────────────────────────────────────────────────────────────────────


def test_it_is_refused_unless_somebody_means_it() -> None:
    values = {name: value for name, value in SETTINGS.items() if name != "experimental"}
    with pytest.raises(ValidationError, match="nothing of it was ever tried at a real door"):
        ResivoSettings(**values, experimental=False)
    with pytest.raises(ValidationError, match="experimental"):
        ResivoSettings(**values)
    assert resivo.describe().experimental


STUDIO = """
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"

[[connections]]
name = "desk"
plugin = "files"
path = "export"

[[connections]]
name = "door"
plugin = "resivo"
site_id = "{site}"
client_id = "{client}"
client_secret = {{ env = "TEST_RESIVO_SECRET" }}
base_url = "{origin}"
policy = "sync"
requests_per_second = 1000000
pin_length = 6
{experimental}

[[{table}]]
source = "desk"
{row}
target = "door"
locks = ["D-1"]
"""


@asynccontextmanager
async def studio(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    *,
    experimental: str = "experimental = true",
    table: str = "resources",
    row: str = 'resource = "r-1"',
) -> AsyncIterator[tuple[Hub, Desk, ResivoSimulator, FrozenClock]]:
    monkeypatch.setenv("TEST_RESIVO_SECRET", CLIENT_SECRET)
    clock, origin = FrozenClock(NOW), f"http://resivo-{next(_numbers)}.test"
    sim, desk = ResivoSimulator(clock=clock), Desk(folder / "export")
    desk.resources.append({"id": "r-1", "name": "Studio 1"})
    options: dict[str, Any] = {"home": folder / "home", "key": None, "database_url": None}
    await initialise(HubSettings(**options))
    async with http.answering(origin, sim), Hub.open(HubSettings(**options), clock=clock) as hub:
        file = folder / "studio.toml"
        text = STUDIO.format(
            site=SITE_ID, client=CLIENT_ID, origin=origin, experimental=experimental, table=table, row=row
        )
        file.write_text(text, encoding="utf-8")
        await import_file(hub, file, who="test")
        yield hub, desk, sim, clock


@pytest.mark.parametrize("given", ["", "experimental = false"])
async def test_an_import_without_the_word_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    with pytest.raises(UserError, match="experimental") as refused:
        async with studio(tmp_path, monkeypatch, experimental=given):
            pass
    assert "ever tried at a real door" in str(refused.value)


@pytest.mark.parametrize(("table", "row"), [("communities", 'community = "team"'), ("passes", 'pass = "abo"')])
async def test_only_bookings_can_open_doors(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, row: str
) -> None:
    with pytest.raises(UserError, match="opens doors for bookings only"):
        async with studio(tmp_path, monkeypatch, table=table, row=row):
            pass


async def test_a_booking_opens_its_door_and_a_cancelled_one_does_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with studio(tmp_path, monkeypatch) as (hub, desk, sim, clock):
        desk.members.append({"id": "m1", "given_name": "Anna", "family_name": "Graf", "email": "a@example.org"})
        starts = NOW + timedelta(hours=1)
        booking = {
            "id": "b-1",
            "member_id": "m1",
            "resource_id": "r-1",
            "starts_at": starts,
            "ends_at": starts + timedelta(hours=1),
            "state": "confirmed",
        }
        desk.bookings.append(booking)
        desk.export(at=clock.now())
        assert (await sync_now(hub)).exit_code == 0
        async with hub.database.read() as db:
            [grant] = await list_grants(db, hub.the_studio, reveal=hub.vault)
        assert grant.status == "created"
        assert len(grant.code or "") == 6, "the length is a setting of the connection"
        assert sim.pin_opens(grant.code or "", "D-1", starts)
        _, [plan], errors = await plan_now(hub)
        assert (list(plan.changes), errors) == ([], [])
        sim.faults.set("revocation_pending")
        booking["state"] = "cancelled"
        desk.export(at=clock.now())
        await sync_now(hub)
        async with hub.database.read() as db:
            [grant] = await list_grants(db, hub.the_studio)
        assert grant.status == "in_progress"
        assert "may still open" in (grant.error or {})["what"]
        sim.update_doors()
        clock.move(timedelta(minutes=2))
        await sync_now(hub)
        async with hub.database.read() as db:
            [grant] = await list_grants(db, hub.the_studio)
        assert grant.status == "removed"


# ── one PIN ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_both_limits_are_always_sent(site: Site) -> None:
    await site.stands()
    [row] = site.sim.world.authorizations.values()
    assert (row["validFrom"], row["validTo"]) == (NOW + timedelta(hours=1), NOW + timedelta(hours=2))
    for fields in ({"valid_until": None}, {"valid_from": None}):
        with pytest.raises(FixRecord):
            await site.grant(visit(**fields))


async def test_the_same_grant_twice_makes_one(site: Site) -> None:
    standing = await site.stands()
    again = await site.grant(standing)
    assert (again.confirmed, again.vendor_id) == (True, standing.vendor_id)
    assert len(site.sim.world.authorizations) == 1


async def test_a_pin_that_no_door_has_yet_is_not_confirmed(site: Site) -> None:
    site.sim.faults.set("deployment_pending")
    granted = await site.grant(visit())
    assert not granted.confirmed
    site.sim.update_doors()
    assert (await site.grant(visit(vendor_id=granted.vendor_id))).confirmed


async def test_a_state_that_nobody_has_named_is_never_taken_for_done(site: Site) -> None:
    standing = await site.stands()
    site.sim.faults.set("odd_states")
    assert not (await site.grant(standing)).confirmed
    revoked = await site.revoke(standing)
    assert not revoked.confirmed
    assert revoked.waiting is not None
    assert "hibernating" in revoked.waiting.text


async def test_revocation_pending_is_not_revoked(site: Site) -> None:
    standing = await site.stands()
    site.sim.faults.set("revocation_pending")
    for _ in range(2):
        assert not (await site.revoke(standing)).confirmed
    assert site.sim.log.by_operation["revoke"] == 1, "asked once"
    site.sim.update_doors()
    assert (await site.revoke(standing)).confirmed


async def test_revoking_twice_and_revoking_nothing_is_success(site: Site) -> None:
    standing = await site.stands()
    for _ in range(2):
        assert (await site.revoke(standing)).confirmed
    assert (await site.revoke(visit())).confirmed
    assert (await site.revoke(visit(vendor_id="gone"))).confirmed


async def test_what_another_made_is_left_alone(site: Site) -> None:
    theirs = await site.stands()
    ours = msgspec.structs.replace(theirs, marker="[hub:inst:desk:2]")
    for call in (site.grant, site.revoke):
        with pytest.raises(Conflict):
            await call(ours)
    assert site.sim.pin_opens(PIN, "D-1", NOW + timedelta(hours=1))


async def test_a_lost_answer_is_never_followed_by_a_second_pin(site: Site) -> None:
    """Nothing is known that lists them, so a person looks."""
    site.sim.faults.set("drop_after_write,operation=createPinAccess")
    with pytest.raises(Unconfirmed):
        await site.grant(visit())
    site.sim.faults.clear()
    for call in (site.grant, site.revoke):
        with pytest.raises(FixRecord) as told:
            await call(visit(look_first=True, sure_after=NOW))
        assert "[hub:inst:desk:1]" in told.value.fix
    assert len(site.sim.world.authorizations) == 1


async def test_a_pin_of_another_length_than_the_property_wants_is_told(site: Site) -> None:
    site.sim.faults.set("short_pins_refused")
    with pytest.raises(FixRecord, match="needs a PIN of 8 digits"):
        await site.grant(visit(code="1234"))
    async with opened(pin_length=6) as short:
        short.sim.faults.set("short_pins_refused")
        with pytest.raises(FixRecord) as refused:
            await short.grant(visit(code="482915"))
        assert "8 digits at least" in refused.value.said
        assert "pin_length (6)" in refused.value.fix


@pytest.mark.parametrize("length", [4, 6, 8, 12])
def test_pins_have_the_length_that_the_settings_say(length: int) -> None:
    draw = resivo.describe().draw_code_for
    assert draw is not None
    drawn = {draw(ResivoSettings(**{**SETTINGS, "pin_length": length})) for _ in range(300)}
    assert all(len(pin) == length and pin.isdigit() and pin[0] != "0" for pin in drawn)
    assert len(drawn) > 100


# ── getting in ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_verify_says_what_works_and_that_nothing_was_ever_tried(site: Site) -> None:
    checks = await resivo.verify(site.connection)
    assert [check.state.value for check in checks] == ["warning", "ok", "ok"]
    assert "ever tried at a real site" in checks[0].said
    assert site.sim.log.writes == 0


async def test_verify_says_that_the_credential_is_refused() -> None:
    async with opened(client_secret="another") as site:
        assert [check.state.value for check in await resivo.verify(site.connection)] == ["warning", "failed"]


async def test_the_version_can_be_put_into_every_path() -> None:
    async with opened() as site:
        site.sim.faults.set("version_everywhere")
        checks = await resivo.verify(site.connection)
        assert "version_in_every_path" in checks[-1].fix
    async with opened(version_in_every_path=True, api_version="v9") as site:
        site.sim.faults.set("version_everywhere")
        standing = await site.stands()
        assert (await site.revoke(standing)).confirmed
        assert all(entry.path.startswith(("/v9/", "/oauth2/")) for entry in site.sim.log.entries)


async def test_a_token_is_asked_for_anew_before_it_ends_and_when_it_is_refused(site: Site) -> None:
    await site.stands()
    await resivo.list_openings(site.connection)
    assert site.sim.log.by_operation["token"] == 1
    site.clock.move(timedelta(seconds=271))
    await resivo.list_openings(site.connection)
    assert site.sim.log.by_operation["token"] == 2
    site.sim.world.tokens.clear()
    await resivo.list_openings(site.connection)
    assert site.sim.log.by_operation["token"] == 3


@pytest.mark.parametrize("fault", ["status=400", "status=429", "status=503", "cut_body", "garbage", "drop_after_write"])
async def test_no_error_and_no_log_holds_a_pin_or_a_secret(
    site: Site, caplog: pytest.LogCaptureFixture, fault: str
) -> None:
    caplog.set_level(logging.DEBUG)
    await resivo.list_openings(site.connection)
    site.sim.faults.set(fault)
    said = []
    for call in (site.grant, site.revoke):
        try:
            said.append(repr(await call(visit(vendor_id=None))))
        except (FixRecord, FixSettings, RetryLater, Unconfirmed) as error:
            said.append(f"{error!r} {error} {error.said} {error.fix}")
    text = " ".join(said) + caplog.text
    tokens = site.sim.world.tokens
    assert tokens
    assert not [secret for secret in (PIN, CLIENT_SECRET, *tokens) if secret in text]
