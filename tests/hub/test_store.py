"""The database: its schema, its transactions, and two processes on one of it."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
import sys
from asyncio.subprocess import PIPE
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from hub.errors import UserError
from hub.notify import own_templates
from hub.store import Database, migrate, upsert
from hub.store import database as database_module
from hub.store import tables as t
from hub.store.migrate import HEAD
from hub.studio import registry
from hub.studio.model import MailSection
from tests.conftest import BOTH

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
FILE = "studiohub.sqlite3"


@asynccontextmanager
async def opened(home: Path, url: str | None = None) -> AsyncIterator[Database]:
    database = await Database.open(home=home, url=url)
    try:
        yield database
    finally:
        await database.aclose()


async def add_studio(database: Database, name: str = "Nordlicht") -> int:
    async with database.write() as db:
        made = await db.execute(
            insert(t.studio)
            .values(name=name, timezone="Europe/Zurich", instance=name, sealed_pepper=b"x", created_at=NOW)
            .returning(t.studio.c.id)
        )
        return int(made.scalar_one())


async def names(database: Database) -> list[str]:
    async with database.read() as db:
        return list((await db.execute(select(t.studio.c.name).order_by(t.studio.c.name))).scalars())


def modes_in(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_mode & 0o777 for path in folder.iterdir()}


# ── schema ────────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_the_newest_revision_is_the_one_that_the_code_expects() -> None:
    """There is one, and alembic is imported only where the database lacks it."""
    assert ScriptDirectory.from_config(migrate.config()).get_heads() == [HEAD]


# Of an index over an expression SQLAlchemy reads nothing back from SQLite; its name is looked for below.
@pytest.mark.filterwarnings("ignore:Skipped unsupported reflection of expression-based index")
@pytest.mark.filterwarnings("ignore:autogenerate skipping metadata-specified expression-based index")
@BOTH
async def test_the_migrated_schema_is_the_one_in_the_code(tmp_path: Path, database_url: str | None) -> None:
    """Migrations and tables say the same, on both databases; indexes with their conditions too."""

    def differences(connection: Any) -> list[Any]:
        tables = t.with_postgresql(t.metadata)
        context = MigrationContext.configure(connection, opts={"target_metadata": tables})
        return list(compare_metadata(context, tables))

    def conditions(connection: Any) -> dict[str, str]:
        found = [index for table in t.metadata.tables for index in inspect(connection).get_indexes(table)]
        name = f"{connection.dialect.name}_where"
        return {
            index["name"]: str(index["dialect_options"][name]) for index in found if name in index["dialect_options"]
        }

    async with opened(tmp_path, database_url) as database, database.read() as db:
        assert await db.run_sync(differences) == []
        found = await db.run_sync(conditions)
        catalogue = "SELECT name FROM sqlite_master" if database_url is None else "SELECT indexname FROM pg_indexes"
        names = set((await db.execute(text(catalogue))).scalars())
    indexes = [index for table in t.metadata.sorted_tables for index in table.indexes]
    expected = {index.name: index.dialect_options["sqlite"]["where"] for index in indexes}
    expected = {name: str(where) for name, where in expected.items() if where is not None}
    assert {index.name for index in indexes} <= names
    # PostgreSQL writes the conditions anew.
    assert found == expected if database_url is None else found.keys() == expected.keys()


async def test_a_fresh_file_is_its_owners_alone_and_in_the_right_mode(tmp_path: Path) -> None:
    """So are the files beside it; readers and a writer don't wait for each other, and there was nothing to copy."""
    wanted = ("journal_mode", "foreign_keys", "synchronous", "busy_timeout")
    async with opened(tmp_path) as database, database.read() as db:
        pragmas = {name: (await db.execute(text(f"PRAGMA {name}"))).scalar() for name in wanted}
        modes = modes_in(tmp_path)
    assert modes == {FILE: 0o600, f"{FILE}-wal": 0o600, f"{FILE}-shm": 0o600}
    assert pragmas == {"journal_mode": "wal", "foreign_keys": 1, "synchronous": 2, "busy_timeout": 30_000}
    assert not (tmp_path / "backups").exists()


@BOTH
async def test_opening_again_migrates_nothing(
    tmp_path: Path, database_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An up-to-date database is opened without alembic."""
    async with opened(tmp_path, database_url) as database:
        await add_studio(database)

    def never(*_arguments: Any) -> None:
        raise AssertionError("migrated")

    monkeypatch.setattr(migrate, "_upgrade", never)
    async with opened(tmp_path, database_url) as database:
        assert await names(database) == ["Nordlicht"]


@BOTH
async def test_many_that_open_an_empty_database_at_once_migrate_it_once(
    tmp_path: Path, database_url: str | None
) -> None:
    """Daemons that start together wait for the first of them."""
    opening = [Database.open(home=tmp_path, url=database_url) for _ in range(10)]
    databases = await asyncio.gather(*opening)
    try:
        await add_studio(databases[0])
        assert [await names(database) for database in databases] == [["Nordlicht"]] * 10
    finally:
        for database in databases:
            await database.aclose()


NEXT = """
revision = "9001"
down_revision = "{head}"
branch_labels = None
depends_on = None

import sqlalchemy as sa
from alembic import op

def upgrade():
    op.add_column("studio", sa.Column("colour", sa.Text()))
    {more}
"""


@pytest.fixture
def next_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The studiohub of tomorrow: one more migration."""

    def install(more: str = "") -> None:
        folder = tmp_path / "migrations"
        shutil.copytree(migrate._FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__"))
        (folder / "versions" / "9001_colour.py").write_text(NEXT.format(head=HEAD, more=more))
        monkeypatch.setattr(migrate, "_FOLDER", folder)
        monkeypatch.setattr(migrate, "HEAD", "9001")

    return install


@BOTH
async def test_an_older_database_is_brought_up_to_date(
    tmp_path: Path, database_url: str | None, next_version: Any
) -> None:
    """What is in it stays; a SQLite file is copied first, for its owner only."""
    async with opened(tmp_path, database_url) as database:
        await add_studio(database)
    next_version()
    async with opened(tmp_path, database_url) as database:
        assert await names(database) == ["Nordlicht"]
        async with database.read() as db:
            assert (await db.execute(text("SELECT colour FROM studio"))).scalars().all() == [None]
    if database_url is not None:
        return
    (copy,) = (tmp_path / "backups").iterdir()
    assert copy.name.endswith("-before-9001.sqlite3")
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    with closing(sqlite3.connect(copy)) as old:
        assert old.execute("SELECT name FROM studio").fetchall() == [("Nordlicht",)]
        assert old.execute("SELECT version_num FROM alembic_version").fetchall() == [(HEAD,)]


@BOTH
async def test_a_database_of_the_first_schema_gets_templates_and_keeps_its_studios(
    tmp_path: Path, database_url: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A studio of then sends the mails that everybody gets."""
    folder = tmp_path / "migrations"
    shutil.copytree(migrate._FOLDER, folder, ignore=shutil.ignore_patterns("__pycache__", "000[2-9]*"))
    with monkeypatch.context() as then:
        then.setattr(migrate, "_FOLDER", folder)
        then.setattr(migrate, "HEAD", "0001")
        async with opened(tmp_path, database_url) as database, database.write() as db:
            await db.execute(
                text(
                    "INSERT INTO studio (name, timezone, language, instance, sealed_pepper, created_at) "
                    f"VALUES ('Nordlicht', 'Europe/Zurich', 'de', 'i', '', '{NOW:%Y-%m-%dT%H:%M:%S.%f}Z')"
                )
            )
    async with opened(tmp_path, database_url) as database, database.read() as db:
        studio = await registry.studio_named(db, "Nordlicht")
        assert studio is not None
        assert studio.mail == MailSection()
        assert await own_templates.load(db, studio.id) == {}


@BOTH
async def test_an_upgrade_that_fails_leaves_everything_as_it_was(
    tmp_path: Path, database_url: str | None, next_version: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All of it or nothing: half a schema would fit neither version."""
    async with opened(tmp_path, database_url) as database:
        await add_studio(database)
    next_version("raise RuntimeError('the power fails')")
    with pytest.raises(RuntimeError, match="power"):
        await Database.open(home=tmp_path, url=database_url)
    monkeypatch.undo()
    async with opened(tmp_path, database_url) as database, database.read() as db:
        assert await db.run_sync(lambda sync: "colour" not in {c["name"] for c in inspect(sync).get_columns("studio")})


@BOTH
async def test_a_database_of_a_newer_studiohub_is_refused_and_left_alone(
    tmp_path: Path, database_url: str | None
) -> None:
    """An old version must not write into what it does not understand; nor does it leave copies of it lying about."""
    async with opened(tmp_path, database_url) as database, database.write() as db:
        await db.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(UserError, match="newer studiohub") as raised:
        await Database.open(home=tmp_path, url=database_url)
    assert (raised.value.code, "9999" in raised.value.said) == ("database_newer", True)
    assert not (tmp_path / "backups").exists()


async def test_a_file_can_be_copied_while_it_is_written(tmp_path: Path) -> None:
    """What is committed by then is in the copy, the rest is not."""
    async with opened(tmp_path) as database:
        await add_studio(database)
        async with database.write() as db:
            await db.execute(update(t.studio).values(name="Half-way"))
            copy = await asyncio.to_thread(migrate.copy_sqlite, tmp_path / FILE, reason="test")
    with closing(sqlite3.connect(copy)) as old:
        assert old.execute("SELECT name FROM studio").fetchall() == [("Nordlicht",)]


# ── opening ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("nonsense", "not an address"),
        ("postgresql://h:p4ssw0rd@127.0.0.1:port/x", "not an address"),
        ("mysql://hub:p4ssw0rd@127.0.0.1/x", "speaks mysql"),
        ("sqlite:///x.db", "speaks sqlite"),
        ("postgresql://hub:p4ssw0rd@127.0.0.1:1/x?colour=red", "'colour'"),
        ("postgresql://hub:p4ssw0rd@127.0.0.1:1/x", "can't be opened"),
        ("postgres://hub:p4ssw0rd@127.0.0.1:1/x?sslmode=require", "can't be opened"),
    ],
)
async def test_an_address_that_leads_nowhere_is_said_so_without_its_password(
    tmp_path: Path, url: str, why: str
) -> None:
    """What is wrong with it, and what to check."""
    with pytest.raises(UserError, match=why) as raised:
        await Database.open(home=tmp_path, url=url)
    assert raised.value.code == "database"
    assert "p4ssw0rd" not in str(raised.value)
    assert raised.value.fix or "colour" in url


@pytest.mark.postgres
async def test_a_postgresql_database_that_does_not_exist_is_said_so(tmp_path: Path, postgres: str) -> None:
    """In the server's words."""
    with pytest.raises(UserError, match='database "nowhere" does not exist'):
        await Database.open(home=tmp_path, url=postgres.replace("/postgres?", "/nowhere?"))


@pytest.mark.postgres
async def test_the_word_that_hosts_use_for_encryption_is_understood(tmp_path: Path, postgres: str) -> None:
    """`sslmode` stands in the addresses that they hand out."""
    database = Database._on_postgresql(f"{postgres}&sslmode=disable")
    async with database.read() as db:
        assert (await db.execute(text("SELECT 1"))).scalar() == 1
    await database.aclose()


async def test_what_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    """Somebody's file by that name is not overwritten."""
    (tmp_path / FILE).write_text("a letter to my grandmother " * 50)
    with pytest.raises(UserError, match=r"can't be opened.*not a database"):
        await Database.open(home=tmp_path)
    assert (tmp_path / FILE).read_text().startswith("a letter")


async def test_without_a_home_there_is_nothing_to_open(tmp_path: Path) -> None:
    """No folder is made by accident."""
    with pytest.raises(UserError, match="no studiohub home") as raised:
        await Database.open(home=tmp_path / "missing")
    assert "studiohub init" in raised.value.fix
    assert not (tmp_path / "missing").exists()


# ── transactions ──────────────────────────────────────────────────────────────────────────────────────────────────────


@BOTH
async def test_a_transaction_is_all_or_nothing(tmp_path: Path, database_url: str | None) -> None:
    """An error that leaves the block takes everything back."""
    async with opened(tmp_path, database_url) as database:
        await add_studio(database)

        async def change_and_fail() -> None:
            async with database.write() as db:
                await db.execute(update(t.studio).values(name="Changed"))
                raise KeyError("half-way")

        with pytest.raises(KeyError):
            await change_and_fail()
        assert await names(database) == ["Nordlicht"]


@BOTH
async def test_counting_up_side_by_side_loses_nothing(tmp_path: Path, database_url: str | None) -> None:
    """Writers of one process and of several wait for each other; nobody writes over what they have not seen."""
    async with opened(tmp_path, database_url) as one, opened(tmp_path, database_url) as two:
        await add_studio(one, "0")

        async def count(database: Database) -> None:
            async with database.write() as db:
                query = select(t.studio.c.id, t.studio.c.name)
                row = (await db.execute(query if database.is_sqlite else query.with_for_update())).one()
                await asyncio.sleep(0)
                await db.execute(update(t.studio).where(t.studio.c.id == row.id).values(name=str(int(row.name) + 1)))

        await asyncio.gather(*(count(database) for database in (one, two) * 15))
        assert await names(two) == ["30"]


COUNT = """
import asyncio, sys
from pathlib import Path
from sqlalchemy import select, update
from hub.store import Database
from hub.store import tables as t

async def main(home, times):
    database = await Database.open(home=home)
    print("ready", flush=True)
    sys.stdin.readline()
    for _ in range(times):
        async with database.write() as db:
            name = (await db.execute(select(t.studio.c.name))).scalar_one()
            await db.execute(update(t.studio).values(name=str(int(name) + 1)))
    await database.aclose()

asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
"""


async def test_two_processes_on_one_file_lose_nothing(tmp_path: Path) -> None:
    """The terminal UI beside the daemon."""
    async with opened(tmp_path) as database:
        await add_studio(database, "0")
    code = (sys.executable, "-c", COUNT, str(tmp_path), "25")
    processes = [await asyncio.create_subprocess_exec(*code, stdin=PIPE, stdout=PIPE) for _ in range(2)]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    await asyncio.gather(*(process.communicate(b"go\n") for process in processes))
    assert [process.returncode for process in processes] == [0, 0]
    async with opened(tmp_path) as database:
        assert await names(database) == ["50"]


async def test_readers_do_not_wait_for_a_writer(tmp_path: Path) -> None:
    """They see what was committed last."""
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        await add_studio(one)
        async with one.write() as db:
            await db.execute(update(t.studio).values(name="Half-way"))
            assert await names(two) == await names(one) == ["Nordlicht"]
        assert await names(two) == ["Half-way"]


async def test_work_that_is_cancelled_twice_in_a_statement_leaves_nothing_waiting(tmp_path: Path) -> None:
    """As it is when a screen is left and the program ends right behind it: the second time, the connection is just
    being closed because of the first."""
    slow = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT count(*) FROM n"
    async with opened(tmp_path) as database:
        before = asyncio.all_tasks()

        async def read() -> None:
            async with database.read() as db:
                await db.execute(text(slow))

        for turns in range(1, 12):
            task = asyncio.create_task(read())
            await asyncio.sleep(0.005)
            task.cancel()
            for _ in range(turns):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.wait([task], timeout=10)
            left = asyncio.all_tasks() - before
            for one in left:
                one.cancel()
            if left:
                _, waiting = await asyncio.wait(left, timeout=10)
                assert not waiting


async def test_a_writer_that_waits_for_too_long_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It has written nothing by then, so it can be tried again."""
    monkeypatch.setattr(database_module, "BUSY_MS", 50)
    async with opened(tmp_path) as one, opened(tmp_path) as two:
        await add_studio(one)
        async with one.write() as db:
            await db.execute(update(t.studio).values(name="One"))
            with pytest.raises(OperationalError, match="locked"):
                async with two.write():
                    raise AssertionError("two writers at once")
        async with two.write() as db:
            await db.execute(update(t.studio).values(name="Two"))
        assert await names(one) == ["Two"]


@BOTH
async def test_what_belongs_to_nothing_can_not_be_stored(tmp_path: Path, database_url: str | None) -> None:
    """Foreign keys hold, and with a studio everything of it goes."""
    async with opened(tmp_path, database_url) as database:
        studio = await add_studio(database)
        values = {"name": "desk", "plugin": "files", "settings": "{}", "created_at": NOW, "changed_at": NOW}
        with pytest.raises(IntegrityError):
            async with database.write() as db:
                await db.execute(insert(t.connection).values(studio_id=studio + 1, **values))
        async with database.write() as db:
            made = await db.execute(
                insert(t.connection).values(studio_id=studio, **values).returning(t.connection.c.id)
            )
            await db.execute(insert(t.lane).values(connection_id=made.scalar_one(), studio_id=studio))
        async with database.write() as db:
            await db.execute(t.studio.delete())
        async with database.read() as db:
            assert (await db.execute(select(t.lane))).all() == (await db.execute(select(t.connection))).all() == []


# ── times and rows ────────────────────────────────────────────────────────────────────────────────────────────────────

moments = st.datetimes(datetime.fromisoformat("1970-01-01"), datetime.fromisoformat("9000-01-01"))
zones = st.sampled_from([UTC, ZoneInfo("Europe/Zurich"), timezone(timedelta(hours=-11, minutes=-30))])


@pytest.fixture
async def store(tmp_path: Path, database_url: str | None) -> AsyncIterator[Database]:
    async with opened(tmp_path, database_url) as database:
        await add_studio(database)
        yield database


@BOTH
@given(
    given_moments=st.lists(st.builds(lambda at, zone: at.replace(tzinfo=zone), moments, zones), min_size=1, max_size=8)
)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
async def test_moments_come_back_as_they_went_in_and_in_their_order(
    store: Database, given_moments: list[datetime]
) -> None:
    """To the microsecond and in UTC, whatever zone they were given in; the database sorts and compares them rightly."""
    expected = [moment.astimezone(UTC) for moment in given_moments]
    (studio,) = [row.id for row in await _all(store, t.studio)]
    rows = [{"studio_id": studio, "at": at, "level": "info", "text": ""} for at in given_moments]
    async with store.write() as db:
        await db.execute(t.log.delete())
        await db.execute(insert(t.log), rows)
        ordered = list((await db.execute(select(t.log.c.at).order_by(t.log.c.at))).scalars())
        later = list((await db.execute(select(t.log.c.at).where(t.log.c.at > given_moments[0]))).scalars())
    assert ordered == sorted(expected)
    assert all(moment.utcoffset() == timedelta(0) for moment in ordered)
    assert sorted(later) == sorted(moment for moment in expected if moment > expected[0])


async def _all(database: Database, table: Any) -> list[Any]:
    async with database.read() as db:
        return list((await db.execute(select(table))).all())


@BOTH
async def test_a_moment_without_a_zone_is_refused(store: Database) -> None:
    """It would be read as another one on another machine."""
    with pytest.raises(StatementError, match="without a time zone"):
        async with store.write() as db:
            await db.execute(update(t.studio).values(created_at=NOW.replace(tzinfo=None)))


@BOTH
async def test_rows_are_inserted_or_brought_up_to_date(store: Database) -> None:
    """By their key; only the named columns change, and without any the row that stands there stays."""
    (studio,) = [row.id for row in await _all(store, t.studio)]

    def row(plan: str, digest: str, state: str) -> dict[str, Any]:
        return {
            "id": plan, "studio_id": studio, "target_id": target, "hash": digest, "made_at": NOW, "state": state,
            "counts": "{}", "changes": "[]",
        }  # fmt: skip

    async with store.write() as db:
        made = await db.execute(
            insert(t.connection)
            .values(studio_id=studio, name="d", plugin="p", settings="{}", created_at=NOW, changed_at=NOW)
            .returning(t.connection.c.id)
        )
        target = made.scalar_one()
        await upsert(db, t.plan, [row("a", "1", "open"), row("b", "1", "open")], key=("id",), update=("hash",))
        await upsert(db, t.plan, [row("a", "2", "done"), row("c", "2", "open")], key=("id",), update=("hash",))
        await upsert(db, t.plan, [row("b", "3", "done"), row("d", "3", "open")], key=("id",))
        await upsert(db, t.plan, [], key=("id",))
    found = {plan.id: (plan.hash, plan.state) for plan in await _all(store, t.plan)}
    assert found == {"a": ("2", "open"), "b": ("1", "open"), "c": ("2", "open"), "d": ("3", "open")}


SLOW = text("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400000) SELECT max(i) FROM n")


async def test_a_reader_that_is_cancelled_twice_leaves_nothing_that_waits_for_ever(tmp_path: Path) -> None:
    """Ending the loop waits for whatever is left, so leaving a program would hang."""
    async with opened(tmp_path) as database:
        before, there = asyncio.all_tasks(), asyncio.Event()

        async def look() -> None:
            async with database.read() as db:
                there.set()
                await db.execute(SLOW)

        task = asyncio.create_task(look())
        await there.wait()
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        for _ in range(20):
            await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        left = asyncio.all_tasks() - before
        if left:
            _, waiting = await asyncio.wait(left, timeout=10)
            assert not waiting
