"""Backup and restore, history, erasing, forgetting, and an audit that nobody can change."""

from __future__ import annotations

import shutil
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import DBAPIError

from hub.core import Hub, initialise
from hub.engine.backup import back_up, restore
from hub.engine.personal import erase, personal_data
from hub.engine.retention import tidy
from hub.engine.sync import sync_now
from hub.errors import UserError
from hub.look.history import held_at
from hub.look.members import find_member
from hub.notify import outbox
from hub.notify.outbox import Mail
from hub.settings import HubSettings
from hub.store import journal
from hub.store import tables as t
from hub.vault import new_key, write_key_file
from tests.conftest import BOTH
from tests.harness import World

LATER = datetime(2026, 11, 24, 9, 0, tzinfo=UTC)


async def everything(hub: Hub) -> dict[str, list[Any]]:
    """All rows of all tables."""
    async with hub.database.read() as db:
        return {
            table.name: [tuple(row) for row in await db.execute(select(table).order_by(*table.primary_key.columns))]
            for table in t.metadata.sorted_tables
            if table.name not in {"worker", "lane"}
        }


async def fresh(world: World, folder: Path, *, same_key: bool = True) -> HubSettings:
    """Settings of an empty installation, with the key of the first."""
    options: dict[str, Any] = {"home": folder / "second", "key": None, "database_url": None}
    settings = HubSettings(**options)
    settings.home.mkdir()
    if same_key:
        shutil.copy(world.hub.settings.home / "key", settings.home / "key")
    else:
        write_key_file(settings.home, [new_key()])
    await initialise(settings)
    return settings


@BOTH
async def test_what_was_backed_up_is_there_again_and_goes_on(world: World, tmp_path: Path) -> None:
    """From either database into SQLite: the same rows, secrets that open, and a first pass that finds nothing to do."""
    for number in range(5):
        world.join(str(number))
    await world.sync()
    file = tmp_path / "backup.zip"
    await back_up(world.hub.database, file, now=world.clock.now())
    assert file.stat().st_mode & 0o077 == 0
    settings = await fresh(world, tmp_path)
    async with Hub.open(settings, plugins=world.hub.plugins, clock=world.clock) as hub:
        await restore(hub.database, hub.vault, file, now=world.clock.now())
        assert await everything(hub) == await everything(world.hub)
    async with Hub.open(settings, plugins=world.hub.plugins, clock=world.clock) as hub:
        result = await sync_now(hub)
        assert (result.exit_code, result.targets[0].applied) == (0, {})


async def test_a_mail_that_waited_in_a_backup_is_not_sent_again_by_itself(world: World, tmp_path: Path) -> None:
    """It may have gone out since; an admin can let it go."""
    async with world.hub.database.write() as db:
        mail = Mail(name="m", kind="test", to="a@b.ch", subject="s", text="t")
        await outbox.put(db, world.hub.the_studio.id, [mail], seal=world.hub.vault.seal, now=world.clock.now())
    file = tmp_path / "backup.zip"
    await back_up(world.hub.database, file, now=world.clock.now())
    settings = await fresh(world, tmp_path)
    async with Hub.open(settings, plugins=world.hub.plugins, clock=world.clock) as hub:
        await restore(hub.database, hub.vault, file, now=world.clock.now())
        async with hub.database.write() as db:
            assert await outbox.due(db, now=LATER) == []
            (found,) = (await db.execute(select(t.outbox))).all()
            assert found.state == "unsure"
            assert await outbox.send_again(db, found.studio_id, found.id, now=LATER)
            assert len(await outbox.due(db, now=LATER)) == 1


async def test_an_old_backup_finds_what_happened_since(world: World, tmp_path: Path) -> None:
    """Who joined after it is not made a second time, who left is not let in again."""
    for number in range(8):
        world.join(str(number))
    await world.sync()
    file = tmp_path / "backup.zip"
    await back_up(world.hub.database, file, now=world.clock.now())
    world.join("late")
    world.pass_of("1")["state"] = "revoked"
    await world.sync()
    people = len(world.ours())
    settings = await fresh(world, tmp_path)
    async with Hub.open(settings, plugins=world.hub.plugins, clock=world.clock) as hub:
        await restore(hub.database, hub.vault, file, now=world.clock.now())
    async with Hub.open(settings, plugins=world.hub.plugins, clock=world.clock) as hub:
        await sync_now(hub)
        await sync_now(hub)
    assert len(world.ours()) == people
    assert world.opens("late")
    assert not world.opens("1")


async def test_a_backup_that_can_not_be_used_changes_nothing(world: World, tmp_path: Path) -> None:
    """Damaged, of another kind, sealed with another key, or over a studio that is there."""
    world.join("1")
    await world.sync()
    file = tmp_path / "backup.zip"
    await back_up(world.hub.database, file, now=world.clock.now())
    with pytest.raises(UserError, match="has a studio already"):
        await restore(world.hub.database, world.hub.vault, file, now=LATER)
    settings = await fresh(world, tmp_path, same_key=False)
    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(damaged, "w") as copy:
        for name in source.namelist():
            data = source.read(name)
            copy.writestr(name, data.replace(b"Anna", b"Anja") if name == "record.jsonl" else data)
    text = tmp_path / "text.zip"
    text.write_text("no zip")
    async with Hub.open(settings) as hub:
        for path, why in ((damaged, "damaged"), (text, "not a backup"), (tmp_path / "none", "can't be read")):
            with pytest.raises(UserError, match=why):
                await restore(hub.database, hub.vault, path, now=LATER)
        with pytest.raises(UserError, match="another key"):
            await restore(hub.database, hub.vault, file, now=LATER)
        assert not any((await everything(hub)).values())


@BOTH
async def test_who_could_open_what_at_any_past_moment(world: World) -> None:
    """From the ledger: granted, moved to another group, taken back."""
    moments = [world.clock.now()]
    world.join("1")
    await world.sync()
    for change in ("abo-sauna", None):
        world.clock.move(timedelta(hours=1))
        moments.append(world.clock.now())
        world.clock.move(timedelta(hours=1))
        if change:
            world.pass_of("1")["pass_id"] = change
        else:
            world.pass_of("1")["state"] = "revoked"
        await world.sync()
    moments.append(world.clock.now() + timedelta(minutes=1))
    found = []
    for moment in (moments[0] - timedelta(minutes=1), *moments[1:]):
        async with world.hub.database.read() as db:
            held = await held_at(db, world.hub.the_studio, moment)
        found.append([(one.member, one.opens["group"]) for one in held])
    assert found == [[], [("desk:1", "AG-1")], [("desk:1", "AG-2")], []]


async def test_nobody_with_access_is_erased(world: World) -> None:
    """Or nobody would know of it any more."""
    world.join("1")
    await world.sync()
    async with world.hub.database.read() as db:
        found = await find_member(db, world.hub.the_studio, "desk:1")
    with pytest.raises(UserError, match="still has access"):
        await erase(world.hub, found, who="test")


@BOTH
async def test_of_an_erased_member_nothing_is_left(world: World) -> None:
    """Names, numbers, log lines; a member whose id begins alike is untouched, and the audit doesn't say who it was."""
    world.join("4", given="Berta", family="Einzig")
    world.join("47", given="Carla", family="Anders")
    await world.sync()
    world.pass_of("4")["state"] = "revoked"
    await world.sync()
    async with world.hub.database.read() as db:
        found = await find_member(db, world.hub.the_studio, "desk:4")
        told = await personal_data(db, world.hub, found)
    assert told["member"] == "desk:4"
    assert {record["kind"] for record in told["records"]} == {"member", "badge", "member_pass"}
    assert [event["what"] for event in told["grants"][0]["history"]] == ["created", "removed"]
    done = await erase(world.hub, found, who="test")
    assert done.still_read
    assert len(done.at_vendors) == 1
    rows = await everything(world.hub)
    assert "Einzig" not in repr(rows)
    assert "desk:4'" not in repr(rows)
    assert "Anders" in repr(rows)
    assert [row for row in rows["audit"] if "erase" in row]


async def test_erasing_one_leaves_what_is_said_of_others(world: World) -> None:
    """A held plan and its inbox item stay, without the name; somebody of the same first name keeps their log."""
    world.join("anna", given="Anna", family="")
    world.join("namesake", given="Anna", family="Graf")
    for number in range(30):
        world.join(str(number), given=f"Given{number}", family=f"Fam{number}")
    await world.sync()
    world.pass_of("anna")["state"] = "revoked"
    world.pass_of("0")["state"] = "revoked"
    await world.sync()
    world.drop_pass(*map(str, range(1, 13)))
    result = await world.sync()
    assert result.targets[0].held == 12
    for member in ("desk:anna", "desk:0"):
        async with world.hub.database.read() as db:
            found = await find_member(db, world.hub.the_studio, member)
        await erase(world.hub, found, who="test")
    rows = await everything(world.hub)
    assert "Fam0'" not in repr(rows)
    assert "Fam0 " not in repr(rows)
    assert [row for row in rows["log"] if "Anna Graf" in repr(row)]
    assert [item["code"] for item in await world.inbox()].count("held") == 1
    plan = result.targets[0].last
    assert plan is not None
    await world.approve(plan)
    assert not world.opens("5")


async def test_what_is_over_is_forgotten_when_its_time_is_up_and_nothing_else(world: World) -> None:
    """Log, runs and removed grants go; whoever has access stays, and so does a record that a held removal rests on."""
    for number in range(30):
        world.join(str(number))
    await world.sync()
    world.pass_of("0")["state"] = "revoked"
    world.drop_pass(*map(str, range(1, 11)))
    result = await world.sync()
    assert result.targets[0].held == 10
    assert await tidy(world.hub.database, world.hub.settings, world.clock.now() + timedelta(days=80)) == {}
    done = await tidy(world.hub.database, world.hub.settings, world.clock.now() + timedelta(days=800))
    assert done["ledger"] == 1
    assert {"log", "run"} <= done.keys()
    assert "record" not in done
    result = await world.sync(export=False)
    assert result.targets[0].held == 10


@BOTH
async def test_the_audit_can_only_grow(world: World) -> None:
    """The database itself refuses the rest."""
    async with world.hub.database.write() as db:
        await journal.add_audit(db, world.hub.the_studio.id, who="a", act="test", now=world.clock.now())
    for statement in (update(t.audit).values(who="b"), delete(t.audit)):
        with pytest.raises(DBAPIError, match="append-only"):
            async with world.hub.database.write() as db:
                await db.execute(statement)
    async with world.hub.database.read() as db:
        assert (await db.execute(select(func.count()).where(t.audit.c.act == "test"))).scalar_one() == 1
