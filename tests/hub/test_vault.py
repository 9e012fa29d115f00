"""Secrets at rest: sealed, opened with the right key only, and sealed anew when the key changes."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from cryptography import fernet
from sqlalchemy import select, update

from hub import redact
from hub.core import Hub, initialise
from hub.engine import keys as keys_module
from hub.engine.keys import SEALED, rotate_key
from hub.errors import UserError
from hub.settings import HubSettings
from hub.store import tables as t
from hub.vault import Vault, fingerprint, new_key, read_key_file, write_key_file
from plugins.exivo.simulator import API_SECRET
from tests.conftest import BOTH
from tests.harness import World

PIN = "593817204416"

# ── sealing ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("text", ["hunter2", "", "pässwörd €", "x" * 10_000, '{"a": 1}'])
def test_what_is_sealed_can_be_opened_and_is_not_to_be_seen(text: str) -> None:
    """Twice sealed is not twice the same, so equal secrets can't be told from each other."""
    vault = Vault([new_key()])
    first, second = vault.seal(text), vault.seal(text)
    assert vault.open(first) == vault.open(second) == text
    assert first != second
    assert not text or text.encode() not in first


def test_what_was_opened_is_known_as_secret() -> None:
    """Nobody has to remember to register it."""
    vault = Vault([new_key()])
    sealed = vault.seal("hunter2-hunter2")
    redact.forget_all()
    vault.open(sealed)
    assert "hunter2" not in redact.mask("it is hunter2-hunter2")


def test_a_cipher_that_is_made_while_the_keys_change_is_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads open secrets too: one that still makes the old cipher must not put it in the place of the new one."""
    old, new = new_key(), new_key()
    vault = Vault([old])
    real = fernet.MultiFernet

    def slow(keys: Any) -> Any:
        monkeypatch.setattr(fernet, "MultiFernet", real)
        vault._use([new, old])
        return real(keys)

    monkeypatch.setattr(fernet, "MultiFernet", slow)
    assert vault.open(vault.seal("hunter2")) == "hunter2"
    assert Vault([new]).open(vault.seal("hunter2")) == "hunter2"


def test_the_wrong_key_is_said_so() -> None:
    """With what to do, and without the ciphertext."""
    sealed = Vault([new_key()]).seal("hunter2")
    with pytest.raises(UserError, match="can't be opened with this key") as raised:
        Vault([new_key()]).open(sealed)
    assert "Put back the key file" in raised.value.fix
    assert sealed.decode() not in str(raised.value)
    with pytest.raises(UserError, match="with this key"):
        Vault([new_key()]).reseal(sealed)


@pytest.mark.parametrize("garbage", [b"", b"not sealed", bytes(200)])
def test_what_was_never_sealed_is_said_so_too(garbage: bytes) -> None:
    """A damaged row is an error for a person, not a crash."""
    with pytest.raises(UserError, match="can't be opened"):
        Vault([new_key()]).open(garbage)


def test_of_several_keys_the_first_seals_and_any_opens() -> None:
    """That is how a key is changed without a moment at which something can't be opened."""
    old, new = new_key(), new_key()
    before, both, after = Vault([old]), Vault([new, old]), Vault([new])
    sealed = before.seal("hunter2")
    assert both.open(sealed) == "hunter2"
    assert after.open(both.seal("hunter2")) == "hunter2"
    assert after.open(both.reseal(sealed)) == "hunter2"
    with pytest.raises(UserError):
        before.open(both.reseal(sealed))


@pytest.mark.parametrize("keys", [[], ["short"], ["x" * 44], ["schlüssel"], [new_key(), "second is bad"]])
def test_a_key_that_is_none_is_refused_without_being_shown(keys: list[str]) -> None:
    """A slip while setting it must not print it."""
    with pytest.raises(UserError, match="can't be read") as raised:
        Vault(keys)
    assert not any(key in str(raised.value) for key in keys)


def test_keys_are_known_as_secret() -> None:
    """A trace that shows one shows nothing."""
    key = new_key()
    Vault([key])
    assert key not in redact.mask(f"the key is {key}")


def test_equal_codes_have_equal_fingerprints_and_no_others() -> None:
    """They can be compared without being kept, and only by whoever has the pepper."""
    assert fingerprint(PIN, "a") == fingerprint(PIN, "a")
    assert len({fingerprint(PIN, "a"), fingerprint(PIN, "b"), fingerprint("593817204417", "a")}) == 3
    assert PIN not in fingerprint(PIN, "a")


# ── the key file ──────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_key_file_is_its_owners_alone(tmp_path: Path) -> None:
    """Also where a draft of an earlier crash was left for all to read."""
    draft = tmp_path / f".key.{os.getpid()}"
    draft.write_text("")
    draft.chmod(0o666)
    keys = [new_key(), new_key()]
    path = write_key_file(tmp_path, keys)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key_file(tmp_path) == keys
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666, 0o620, 0o601])
def test_a_key_file_that_others_can_touch_is_refused(tmp_path: Path, mode: int) -> None:
    """With the command that mends it."""
    path = write_key_file(tmp_path, [new_key()])
    path.chmod(mode)
    with pytest.raises(UserError, match="can be read by others") as raised:
        Vault.load(tmp_path)
    assert raised.value.fix == f"Run `chmod 600 {path}`."


@pytest.mark.parametrize(
    ("content", "why"),
    [(None, "there is no key file"), (b"", "is empty"), (b" ,\n", "is empty"), (b"\xff", "can't be read")],
)
def test_a_key_file_that_can_not_be_used_is_named(tmp_path: Path, content: bytes | None, why: str) -> None:
    """With what to do where it is missing."""
    if content is not None:
        (tmp_path / "key").write_bytes(content)
        (tmp_path / "key").chmod(0o600)
    with pytest.raises(UserError, match=why):
        Vault.load(tmp_path)


@pytest.mark.parametrize("separator", [",", "\n", " , ", ",\n\n"])
def test_a_key_from_the_environment_needs_no_file(tmp_path: Path, separator: str) -> None:
    """One or several, the newest first."""
    new, old = new_key(), new_key()
    sealed = Vault([old]).seal("hunter2")
    vault = Vault.load(tmp_path, f"{new}{separator}{old}")
    assert vault.open(sealed) == "hunter2"
    assert Vault([new]).open(vault.seal("x")) == "x"


def test_a_home_that_can_not_be_written_is_said_so(tmp_path: Path) -> None:
    """Not a traceback."""
    with pytest.raises(UserError, match="can't be written"):
        write_key_file(tmp_path / "missing", [new_key()])


async def test_a_key_is_never_made_for_a_database_that_has_secrets(world: World) -> None:
    """A new one could not open them; the old one has to be put back."""
    (world.hub.settings.home / "key").unlink()
    with pytest.raises(UserError, match="is missing and the database has sealed secrets"):
        await initialise(world.hub.settings)
    assert not (world.hub.settings.home / "key").exists()


# ── changing the key ──────────────────────────────────────────────────────────────────────────────────────────────────


async def plant_code(world: World) -> None:
    """Give somebody a grant with a code and a link, as a lock with codes would."""
    world.join("1")
    await world.sync()
    async with world.hub.database.write() as db:
        await db.execute(
            update(t.ledger).values(sealed_code=world.hub.vault.seal(PIN), sealed_url=world.hub.vault.seal("https://u"))
        )


async def sealed_values(hub: Hub) -> list[bytes]:
    async with hub.database.read() as db:
        return [
            value
            for table, column in SEALED
            for value in (await db.execute(select(table.c[column]).where(table.c[column].is_not(None)))).scalars()
        ]


async def opens_with(hub: Hub, vault: Vault) -> set[bool]:
    """Whether each sealed value can be opened with these keys."""
    found = set()
    for value in await sealed_values(hub):
        try:
            vault.open(value)
            found.add(True)
        except UserError:
            found.add(False)
    return found


async def still_works(world: World) -> bool:
    """Whether the installation can be opened from what lies on the disk, and its connections with it."""
    async with Hub.open(world.hub.settings, plugins=world.hub.plugins, clock=world.clock) as hub:
        connection = await hub.open_connection(await hub.connection_row("door"))
        return connection.settings.secrets() == {"api_secret": API_SECRET}


def test_every_sealed_column_is_known_to_the_rotation() -> None:
    """A column that is added later must not be forgotten."""
    columns = [column for table in t.metadata.sorted_tables for column in table.c]
    named = {(column.table.name, column.name) for column in columns if column.name.startswith("sealed_")}
    assert {(table.name, column) for table, column in SEALED} == named


@BOTH
async def test_a_new_key_opens_everything_and_the_old_one_nothing(world: World) -> None:
    """Pepper, connection secrets, codes and links; and it is written down that somebody did it."""
    await plant_code(world)
    old = Vault(read_key_file(world.hub.settings.home))
    count = await rotate_key(world.hub, who="test")
    new = Vault(read_key_file(world.hub.settings.home))
    assert count == len(await sealed_values(world.hub)) >= 4
    assert await opens_with(world.hub, old) == {False}
    assert await opens_with(world.hub, new) == {True}
    assert len(read_key_file(world.hub.settings.home)) == 1
    assert await still_works(world)
    async with world.hub.database.read() as db:
        assert "key rotate" in (await db.execute(select(t.audit.c.act))).scalars().all()


async def test_the_hub_that_changed_the_key_goes_on_with_it(world: World) -> None:
    """It need not be opened again."""
    await rotate_key(world.hub, who="test")
    assert [grant.code for grant in await world.grants(reveal=world.hub.vault)] == []
    connection = await world.hub.open_connection(await world.hub.connection_row("door"))
    assert connection.settings.secrets() == {"api_secret": API_SECRET}
    await plant_code(world)
    assert [grant.code for grant in await world.grants(reveal=world.hub.vault)] == [PIN]


class Crash(RuntimeError):
    """The power fails."""


@pytest.mark.parametrize("step", ["before-sealing", "while-sealing", "before-commit", "before-dropping"])
async def test_a_crash_at_any_step_loses_nothing(world: World, monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """Everything can be opened before and after, and the next attempt ends it."""
    await plant_code(world)
    calls = {"write": 0, "seal": 0}
    write, reseal = keys_module.write_key_file, Vault.reseal

    def writing(*arguments: Any) -> Path:
        calls["write"] += 1
        if step == "before-dropping" and calls["write"] == 2:
            raise Crash
        path = write(*arguments)
        if step == "before-sealing":
            raise Crash
        return path

    def sealing(vault: Vault, sealed: bytes) -> bytes:
        calls["seal"] += 1
        if step == "while-sealing" and calls["seal"] == 3:
            raise Crash
        return reseal(vault, sealed)

    async def auditing(*_arguments: Any, **_named: Any) -> None:
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(keys_module, "write_key_file", writing)
        patch.setattr(Vault, "reseal", sealing)
        if step == "before-commit":
            patch.setattr(keys_module.journal, "add_audit", auditing)
        with pytest.raises(Crash):
            await rotate_key(world.hub, who="test")
    assert await opens_with(world.hub, Vault(read_key_file(world.hub.settings.home))) == {True}
    assert await still_works(world)
    async with Hub.open(world.hub.settings, plugins=world.hub.plugins, clock=world.clock) as hub:
        await rotate_key(hub, who="test")
    assert len(read_key_file(world.hub.settings.home)) == 1
    assert await opens_with(world.hub, Vault(read_key_file(world.hub.settings.home))) == {True}
    assert await still_works(world)


async def test_keys_from_the_environment_are_changed_there(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The new one is put in front; after the rotation the old one can be taken away. No file is touched."""
    home = world.hub.settings.home
    (old,) = read_key_file(home)
    (home / "key").unlink()
    new = new_key()
    monkeypatch.setenv("STUDIOHUB_HOME", str(home))
    monkeypatch.setenv("STUDIOHUB_KEY", f"{new},{old}")
    async with Hub.open(HubSettings(), plugins=world.hub.plugins, clock=world.clock) as hub:
        assert await rotate_key(hub, who="test") > 0
        assert await opens_with(hub, Vault([new])) == {True}
        assert await opens_with(hub, Vault([old])) == {False}
    assert not (home / "key").exists()


# ── at rest ───────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_nothing_secret_stands_in_clear_in_any_file_of_the_home(world: World) -> None:
    """Neither in the database nor in what SQLite keeps beside it; not in another writing either."""
    await plant_code(world)
    await rotate_key(world.hub, who="test")
    home = world.hub.settings.home
    key = read_key_file(home)[0]
    files = [path for path in home.rglob("*") if path.is_file()]
    assert {"studiohub.sqlite3", "studiohub.sqlite3-wal", "key"} <= {path.name for path in files}
    everything = b"".join(path.read_bytes() for path in files if path.name != "key")
    assert b"Graf" in everything
    for secret in (API_SECRET, key, f'"api_secret": "{API_SECRET}"', PIN):
        for form in (secret.encode(), base64.b64encode(secret.encode()).rstrip(b"="), secret.encode("utf-16-le")):
            assert form not in everything


def test_an_open_vault_follows_a_rotation(tmp_path: Path) -> None:
    """A daemon that runs while the key is rotated seals with the new key from then on."""
    write_key_file(tmp_path, [new_key()])
    running = Vault.load(tmp_path)
    old = running.seal("before")
    newest = new_key()
    write_key_file(tmp_path, [newest, *read_key_file(tmp_path)])
    assert running.open(old) == "before"
    write_key_file(tmp_path, [newest])
    assert Vault([newest]).open(running.seal("after")) == "after"
