"""What a read was asked for is what it brings, in the order that others rely on, without taking the machine."""

from __future__ import annotations

import asyncio
import tracemalloc
from datetime import UTC, datetime

import pytest
from files_support import connect

from hub.records import KINDS, Page, Window
from plugins.booking.files import describe, wire
from plugins.booking.files.sheet import Sheet
from plugins.booking.files.simulator import Desk


@pytest.fixture
def desk(folder) -> Desk:
    """A small studio with something in every file."""
    desk = Desk(
        folder,
        locations=[{"id": "l", "timezone": "Europe/Lisbon"}],
        room_plans=[{"id": "ride", "location_id": "l"}],
        resources=[{"id": "r", "location_id": "l"}],
        passes=[{"id": "p"}],
        communities=[{"id": "c"}],
        instructors=[{"id": "i"}],
        spots=[{"room_plan_id": "ride", "label": "1"}],
        members=[{"id": "1"}, {"id": "2", "weight_kg": "heavy"}, {"id": "3"}],
        badges=[{"member_id": "1", "number": "AA"}, {"member_id": "2", "number": "BB"}],
        member_passes=[{"id": "m1", "member_id": "1", "pass_id": "p"}, {"id": "m2", "member_id": "2", "pass_id": "p"}],
        community_members=[{"community_id": "c", "member_id": member} for member in "12"],
        sessions=[{"id": "s", "starts_at": "2026-07-01 18:00", "ends_at": "2026-07-01 19:00", "location_id": "l"}],
        bookings=[
            {"id": f"b{member}", "member_id": member, "session_id": "s", "starts_at": "2026-07-01 18:00"}
            for member in "12"
        ],
    )
    desk.export()
    return desk


@pytest.mark.usefixtures("desk")
async def test_every_kind_is_read_places_first(read) -> None:
    """Locations, rooms and what is sold come before people, and these before what they booked."""
    found = await read()
    order = [item.kind for item in found.items if isinstance(item, Page)]
    assert order == [table.kind for table in wire.TABLES]
    assert found.complete.kinds == set(KINDS)
    assert [problem.id for problem in found.problems] == ["2"]


@pytest.mark.usefixtures("desk")
@pytest.mark.parametrize("kinds", [{"member"}, {"booking"}, {"badge", "member_pass"}, {"bicycle"}, set()])
async def test_only_the_kinds_that_were_asked_for_are_read(read, kinds) -> None:
    """A window of kinds brings these, complete, and nothing of the others."""
    found = await read(Window(kinds=frozenset(kinds)))
    assert set(found.records) == set(found.complete.kinds) == kinds & set(KINDS)
    assert {problem.kind for problem in found.problems} <= kinds


@pytest.mark.usefixtures("desk")
async def test_bookings_alone_still_know_where_they_are(read) -> None:
    """What is needed for a zone is read silently."""
    found = await read(Window(kinds=frozenset({"booking"})))
    assert {booking.starts_at for booking in found.records["booking"]} == {datetime(2026, 7, 1, 17, tzinfo=UTC)}


@pytest.mark.usefixtures("desk")
async def test_the_records_of_some_members_are_no_evidence_about_others(read) -> None:
    """A re-read after a hint brings what belongs to those members, and no kind is complete."""
    found = await read(Window(members=frozenset({"1", "9"})))
    assert set(found.records) == {"member", "badge", "member_pass", "community_member", "booking"}
    assert [record.owner for records in found.records.values() for record in records] == ["1"] * 5
    assert not found.problems
    assert not found.complete.kinds
    assert set(found.complete.why_not) == set(found.records)
    assert (await read(Window(members=frozenset({"2"})))).problem.id == "2"


async def test_rows_of_others_are_not_told_in_a_re_read(put, read) -> None:
    """Whose torn row it is can't be told, so a re-read for one member leaves it to the next full read."""
    put("badges.csv", "member_id,number", "1,AA", "2,BB,CC")
    put("members.csv", "id,given_name", "1,Anna,x", "2,Bo,x")
    found = await read(Window(members=frozenset({"1"})))
    assert [record.id for record in found.records["badge"]] == ["1/AA"]
    assert [(problem.kind, problem.id) for problem in found.problems] == [("member", "1")]


@pytest.mark.usefixtures("desk")
async def test_limits_in_time_are_left_aside(read) -> None:
    """A file is read as a whole, so every session in it is handed on and the kind is complete."""
    found = await read(Window(starts_at=datetime(2030, 1, 1, tzinfo=UTC), ends_at=datetime(2030, 1, 2, tzinfo=UTC)))
    assert found.records["session"]
    assert "session" in found.complete.kinds


async def test_pages_are_a_few_hundred_records(put, read) -> None:
    """A large file comes in pages of one kind, all of it, in its order."""
    put("passes.csv", "id", *(str(number) for number in range(1234)))
    found = await read()
    pages = [item for item in found.items if isinstance(item, Page)]
    assert [len(page.records) for page in pages] == [500, 500, 234]
    assert [record.id for record in found.records["pass"]] == [str(number) for number in range(1234)]


async def test_the_loop_turns_while_a_large_file_is_read(put, read) -> None:
    """Others get their turn at every page of rows, also where nothing is handed out for a long while."""
    put("members.csv", "id", *(str(number) for number in range(20_000)))
    turns = 0

    async def count() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    counting = asyncio.create_task(count())
    await read(Window(members=frozenset({"none"})))
    counting.cancel()
    assert turns > 60


async def test_a_read_that_is_given_up_closes_its_file(folder, put, monkeypatch) -> None:
    """Whoever stops after the first page leaves no open file behind."""
    put("passes.csv", "id", *(str(number) for number in range(5000)))
    closed = []
    monkeypatch.setattr(Sheet, "__exit__", lambda self, *_: closed.append(self.name) or self.close())
    plugins, connection = connect(folder)
    reading = plugins.read(connection, "read_records", window=Window())
    await anext(reading)
    assert not closed
    await reading.aclose()
    assert closed == ["passes.csv"]


async def test_memory_doesnt_grow_with_the_records(folder, put, read) -> None:
    """What is kept of a large file is its ids: far less than its records."""
    name = "x" * 200
    put("passes.csv", "id,name", *(f"{number},{name}" for number in range(20_000)))
    size = (folder / "passes.csv").stat().st_size
    tracemalloc.start()
    try:
        await read(Window(kinds=frozenset({"nothing"})))
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        await _count_only(folder)
        peak = tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()
    assert peak < size


async def _count_only(folder) -> None:
    plugins, connection = connect(folder)
    async for _ in plugins.read(connection, "read_records", window=Window()):
        pass


def test_the_card_says_what_the_plugin_is() -> None:
    """The plugin calls itself by the name of its entry point and has its own settings."""
    plugin = describe()
    assert (plugin.name, plugin.kind, plugin.simulator) == ("files", "booking", None)
    assert {"path", "badge_numbers"} <= set(plugin.settings.model_fields)


def test_every_table_is_consistent() -> None:
    """Ids are made of the first columns, and what is required or decisive is a column."""
    assert {table.kind for table in wire.TABLES} == set(KINDS)
    for table in wire.TABLES:
        assert table.columns[: len(table.identity)] == table.identity
        assert {*table.required, *table.decisive} <= {*table.columns}
        assert table.owner is None or table.owner in table.columns
