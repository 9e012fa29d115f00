"""`verify` says file by file what a sync would find, and changes nothing."""

from __future__ import annotations

import pytest
from files_support import connect

from hub.grants import CheckState


async def checks(folder, **settings) -> dict:
    plugins, connection = connect(folder, **settings)
    return {check.title: check for check in await plugins.call(connection, "verify")}


async def test_a_good_folder(put, folder) -> None:
    """Each file with its rows, the mark with its age, the zone: everything in order."""
    put("members.csv", "id,given_name", "1,Anna", "2,Bo")
    put("locations.csv", "id,timezone", "l,Europe/Lisbon")
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    found = await checks(folder)
    assert found["Folder"].said == str(folder)
    assert found["members.csv"].said == "2 read"
    assert found["Mark 'complete'"].said == "1 hour old (2026-11-21 18:00)"
    assert found["Time zone"].said == "times without a zone are in Europe/Zurich, at some locations in Europe/Lisbon"
    assert {check.state for check in found.values()} == {CheckState.OK, CheckState.SKIPPED}
    assert "badges.csv" in found["Not in the folder"].said
    assert before == {path.name: path.read_bytes() for path in folder.iterdir()}


async def test_the_first_problem_of_a_file_is_told(put, folder) -> None:
    """A file with problems fails with their number, the first one's place, and what to do."""
    put("members.csv", "id,weight_kg", "1,70", "2,heavy", "3,light")
    check = (await checks(folder))["members.csv"]
    assert check.state is CheckState.FAILED
    assert check.said.startswith("1 read, 2 problems; first members.csv line 3: weight_kg 'heavy'")
    assert check.fix


async def test_one_problem_is_told_alone(put, folder) -> None:
    """A single problem isn't counted."""
    put("members.csv", b"")
    assert (await checks(folder))["members.csv"].said.startswith("0 read; members.csv: is empty")


async def test_a_note_is_a_warning(put, folder) -> None:
    """An unknown column hinders nothing and is told all the same."""
    put("members.csv", "id,emial", "1,x")
    check = (await checks(folder))["members.csv"]
    assert check.state is CheckState.WARNING
    assert "did you mean 'email'?" in check.said


async def test_files_that_nobody_reads_are_told(put, folder) -> None:
    """A misspelt name is told with the right one, other tables are listed."""
    put("members.csv", "id", "1")
    put("badge.csv", "member_id,number", "1,AA")
    put("zzz.csv", "x", "1")
    put(".badges.csv.tmp", "x", "1")
    found = await checks(folder)
    assert found["badge.csv"].fix == "Rename it to 'badges.csv'."
    assert found["Other files"].said == "zzz.csv"
    assert ".badges.csv.tmp" not in str(found)


@pytest.mark.parametrize(
    ("mark", "state", "said"),
    [
        (None, CheckState.WARNING, "there is no file 'complete'"),
        ("soon", CheckState.FAILED, "says 'soon', which is no time"),
        ("2026-11-21T18:59:30+01:00", CheckState.OK, "less than a minute old"),
        ("2026-11-21T18:17:00+01:00", CheckState.OK, "43 minutes old"),
        ("2026-11-18T18:17:00+01:00", CheckState.WARNING, "3 days old"),
        ("2026-11-21T20:00:00+01:00", CheckState.WARNING, "lies 1 hour ahead"),
    ],
)
async def test_the_mark_and_its_age(put, folder, mark, state, said) -> None:
    """No mark, a mark without a time, an old one and one from the future are each told apart."""
    put("members.csv", "id", "1", mark=mark)
    check = (await checks(folder))["Mark 'complete'"]
    assert check.state is state
    assert said in check.said
    assert bool(check.fix) is (state is not CheckState.OK)


@pytest.mark.parametrize("there", [False, True])
async def test_no_folder_or_no_export_is_a_check_that_failed(folder, there) -> None:
    """What a sync would stop at is told as a check, not raised."""
    if not there:
        folder.rmdir()
    [check] = (await checks(folder)).values()
    assert check.state is CheckState.FAILED
    assert check.fix
