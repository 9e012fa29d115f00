"""The simulated desk writes what a booking system would, rightly or wrongly as told."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from files_support import read_folder
from hypothesis import given, settings
from hypothesis import strategies as st

from hub import records as r
from plugins.booking.files.simulator import Desk, write_export

AT = datetime(2026, 11, 21, 17, tzinfo=UTC)


async def test_what_the_desk_holds_is_what_is_read(folder, read) -> None:
    """Values of every type arrive, and the mark says when the export was."""
    desk = Desk(folder)
    desk.members.append({"id": 7, "given_name": "Anna", "birth_date": date(1990, 1, 2), "weight_kg": 61.5})
    desk.members.append({"id": "8", "show_live": False, "email": None})
    desk.member_passes.append({"id": "m", "member_id": 7, "pass_id": "p", "valid_from": AT})
    desk.export(at=AT)
    found = await read()
    assert found.records["member"] == [
        r.Member(id="7", given_name="Anna", birth_date=date(1990, 1, 2), weight_kg=61.5),
        r.Member(id="8", show_live=False),
    ]
    assert found.one("member_pass").valid_from == AT
    assert found.complete.kinds == {"member", "member_pass"}
    assert found.complete.as_of == AT
    assert not found.notes


async def test_an_export_after_a_change_is_complete_again(folder, read) -> None:
    """A table that becomes empty is written empty, so that its records can be missed."""
    desk = write_export(folder, passes=[{"id": "a"}], members=[{"id": "1"}])
    desk.passes.clear()
    desk.separator = ";"
    desk.export(at=AT)
    found = await read()
    assert not found.records["pass"]
    assert found.complete.kinds == {"pass", "member"}
    assert {path.name for path in folder.iterdir()} == {"passes.csv", "members.csv", "complete"}


async def test_an_export_without_its_mark(folder, read) -> None:
    """An old mark doesn't outlive the export that leaves its own out."""
    desk = write_export(folder, passes=[{"id": "a"}])
    desk.export(complete=False)
    assert not (await read()).complete.kinds


async def test_a_torn_file(folder, read) -> None:
    """Half a file makes a problem and no false record."""
    desk = Desk(folder, members=[{"id": str(n), "given_name": "Anna", "show_live": True} for n in range(10)])
    desk.faults.torn = "members.csv"
    desk.export()
    found = await read()
    assert 0 < len(found.records["member"]) < 10
    assert len(found.problems) == 1
    assert all(member.given_name == "Anna" for member in found.records["member"])


@pytest.mark.parametrize(("encoding", "readable"), [("utf-8-sig", True), ("cp1252", False), ("utf-16", False)])
async def test_encodings(folder, read, encoding, readable) -> None:
    """A byte order mark is fine; anything but UTF-8 is not."""
    desk = Desk(folder, members=[{"id": "1", "given_name": "Zoë"}])
    desk.faults.encoding = encoding
    desk.export()
    found = await read()
    assert (found.complete.kinds == {"member"}) is readable
    assert bool(found.problems) is not readable


async def test_a_mark_that_says_nothing(folder, read) -> None:
    """The mark can be told to say something else."""
    desk = Desk(folder, members=[{"id": "1"}])
    desk.faults.mark = "done"
    desk.export()
    assert not (await read()).complete.kinds


TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40).map(str.strip)
NAMES = st.lists(st.tuples(TEXT, TEXT), min_size=1, max_size=8)


@settings(deadline=None)
@given(names=NAMES, separator=st.sampled_from(",;"))
async def test_any_name_survives_the_way_through_a_file(tmp_path_factory, names, separator) -> None:
    """Emoji, quotes, separators and line breaks in names arrive as they were."""
    folder = tmp_path_factory.mktemp("export")
    rows = [{"id": f"i{n}", "given_name": given, "family_name": family} for n, (given, family) in enumerate(names)]
    desk = Desk(folder, members=rows, separator=separator)
    desk.export(at=AT)
    found = await read_folder(folder)
    assert not found.problems
    assert [(member.given_name, member.family_name) for member in found.records["member"]] == names
    assert found.complete.kinds == {"member"}


@settings(deadline=None)
@given(data=st.binary(max_size=300), name=st.sampled_from(["members.csv", "member_passes.csv", "bookings.csv"]))
async def test_no_bytes_break_the_reading(tmp_path_factory, data, name) -> None:
    """Whatever is in a file, the read ends with its mark."""
    folder = tmp_path_factory.mktemp("export")
    (folder / name).write_bytes(b"id,member_id,pass_id,session_id\n" + data)
    assert (await read_folder(folder)).complete.as_of is None
