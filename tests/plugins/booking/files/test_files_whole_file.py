"""Trouble with a file as a whole is told with its cure, and keeps that kind, and no other, from being complete."""

from __future__ import annotations

import os

import pytest

from hub.errors import FixSettings, RetryLater

GOOD = ("passes.csv", "id,name", "a,Abo")

TROUBLE = {
    "empty": ([b""], "members.csv", "is empty"),
    "blank": ([b"\n  \n\n"], "members.csv", "has no header row"),
    "latin-1": (
        ["id,given_name", "1,Anna", "2,Zoë\n".encode("cp1252")],
        "members.csv line 3",
        "byte 25 is not UTF-8; the file looks like Windows-1252 or Latin-1",
    ),
    "utf-16": (["id,given_name\n1,Anna\n".encode("utf-16")], "members.csv", "is UTF-16, not UTF-8"),
    "utf-16 without a mark": (["id,given_name\n".encode("utf-16-le")], "members.csv", "is UTF-16, not UTF-8"),
    "utf-16 big-endian": (["id,given_name\n".encode("utf-16-be")], "members.csv", "is UTF-16, not UTF-8"),
    "zeros": (["id,given_name", "1,An\0\0\0"], "members.csv line 2", "byte 18 is zero"),
    "half a character": (["id,given_name", "1,Zoë".encode()[:-1]], "members.csv line 2", "middle of a character"),
    "no id": (["number,given_name", "1,Anna"], "members.csv line 1", "the column 'id' is missing"),
    "no header": (["4711,Anna,Muster", "4712,Bo,Muster"], "members.csv line 1", "the first row is not a header"),
    "tabs": (["id\tgiven_name", "1\tAnna"], "members.csv line 1", "the column 'id' is missing"),
    "column twice": (["id,email,Email", "1,a,b"], "members.csv line 1", "the column 'email' is there twice"),
    "stray quote in the header": (['id,"given_name', "1,Anna"], "members.csv line 1", "not a header"),
    "misspelt consent": (["id,show_life", "1,false"], "members.csv line 1", "unknown column 'show_life'"),
}


@pytest.mark.parametrize("case", TROUBLE)
async def test_a_file_that_cant_be_read_is_told(put, read, case) -> None:
    """The problem names file, line and offset; other files are read and complete."""
    lines, where, said = TROUBLE[case]
    put(*GOOD)
    put("members.csv", *lines)
    found = await read()
    assert (found.problem.kind, found.problem.id, found.problem.where) == ("member", None, where)
    assert said in found.problem.what
    assert found.problem.fix
    assert not found.records["member"]
    assert found.complete.kinds == {"pass"}
    assert said in found.complete.why_not["member"]


@pytest.mark.parametrize("shift", range(4))
async def test_the_place_of_a_bad_byte_is_right_in_a_large_file(put, read, shift) -> None:
    """Line and offset are those of the file, wherever the blocks of reading end."""
    text = f"id,given_name\n{'x' * shift}" + "1,Zoë😀\n" * 120_000
    put("members.csv", text.encode(), b"\xfc", b"")
    problem = (await read()).problem
    assert problem.where == "members.csv line 120003"
    assert f"byte {len(text.encode()) + 1} is" in problem.what


@pytest.mark.parametrize(
    ("header", "fix"),
    [
        ("i_d,given_name", "Is it the one that is called 'i_d'?"),
        ("id\tgiven_name", "Separate the columns with , or ; instead of tabs."),
        ("Anna,Muster", "Begin the file with: id,given_name,"),
    ],
)
async def test_a_header_without_a_required_column_says_what_to_do(put, read, header, fix) -> None:
    """The nearest column that is there is named; where it is data instead of a header, nobody's name is shown."""
    put("members.csv", header, "1,Anna")
    problem = (await read()).problem
    assert fix in problem.fix
    assert "Anna" not in f"{problem.what}{problem.fix}"


@pytest.mark.parametrize(
    ("name", "header", "meant"),
    [
        ("member_passes.csv", "id,member_id,pass_id,valid_util", "valid_until"),
        ("member_passes.csv", "id,member_id,pass_id,valid_to", "valid_until"),
        ("member_passes.csv", "id,member_id,pass_id,status", "state"),
        ("badges.csv", "member_id,number,formt", "format"),
        ("member_passes.csv", "id,member_id,pass_id,until", "valid_until"),
        ("sessions.csv", "id,starts_at,ends_at,location", "location_id"),
        ("locations.csv", "id,name,zone", "timezone"),
        ("bookings.csv", "id,member_id,session_id,status", "state"),
    ],
)
async def test_a_misspelt_column_that_limits_access_is_never_ignored(put, read, name, header, meant) -> None:
    """Without its end or its state, a pass would open doors that it shouldn't."""
    put(name, header, ",".join("x" for _ in header.split(",")))
    found = await read()
    assert repr(meant) in found.problem.what
    assert repr(meant) in found.problem.fix
    assert found.problem.id is None
    assert not found.records


@pytest.mark.parametrize(
    ("name", "columns", "others"),
    [
        ("bookings.csv", "id,member_id,session_id", "created_at,updated_at,price,source,note,spot_id,seat,platz"),
        ("member_passes.csv", "id,member_id,pass_id", "credits,price,sold_at,pass_name,member_name,currency,date"),
        ("sessions.csv", "id,starts_at,ends_at", "duration,capacity,trainer,level,category,note"),
        ("members.csv", "id", "street,city,country,tags,birthday,newsletter,archived"),
    ],
)
async def test_columns_that_exports_have_anyway_are_no_hindrance(put, read, name, columns, others) -> None:
    """A name that only looks a little like a column of ours doesn't keep the file from being read."""
    put(name, f"{columns},{others}")
    found = await read()
    assert not found.problems
    assert len(found.complete.kinds) == 1


async def test_unknown_columns_are_noted_and_hinder_nothing(put, read) -> None:
    """A column that nobody reads is told once, with the one it was probably meant to be."""
    put("members.csv", "id,emial,shoe size,hat,,", "1,a@example.org,43,57,,", "2,,,,,")
    found = await read()
    assert [(note.id, note.where, note.what) for note in found.notes] == [
        ("", "members.csv", "unknown column 'emial'; did you mean 'email'?"),
        ("", "members.csv", "unknown columns are not read: 'shoe size', 'hat'"),
    ]
    assert len(found.records["member"]) == 2
    assert found.complete.kinds == {"member"}


async def test_a_header_alone_is_an_empty_table(put, read) -> None:
    """No rows is a statement, not a fault of the file."""
    put("passes.csv", "id,name")
    found = await read()
    assert not found.problems
    assert found.complete.kinds == {"pass"}


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("separator", [",", ";"])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n\n", "\ufeff\n"])
async def test_every_spreadsheets_csv_is_read(folder, put, read, start, separator, ending) -> None:
    """Separator, line ends, a byte order mark and blank lines are as each program likes them."""
    put(*GOOD)
    text = f'{start}id{separator}name\na{separator}"x{separator}""y"""\nb{separator} "z"\n\n'
    (folder / "passes.csv").write_bytes(text.replace("\n", ending).encode())
    found = await read()
    assert not found.problems
    assert [record.name for record in found.records["pass"]] == [f'x{separator}"y"', "z"]


async def test_the_separator_is_the_one_that_makes_sense_of_the_header(put, read) -> None:
    """Commas in a header that is separated by semicolons don't count."""
    put("members.csv", "id;given_name;notes, old, and more, and more", "7;Anna;x")
    assert (await read()).one("member").given_name == "Anna"


@pytest.mark.parametrize("filling", [0, 20_000])
async def test_a_quote_that_is_never_closed_ends_the_reading(put, read, filling) -> None:
    """What stands above the quote is read, the line is named, and nobody is taken as gone."""
    put("members.csv", "id,given_name", "1,Anna", '2,"Bo', *(f"{n},Cy" for n in range(3, 10 + filling)))
    found = await read()
    assert [member.id for member in found.records["member"]] == ["1"]
    assert (found.problem.id, found.problem.where) == (None, "members.csv line 3")
    assert "never closed" in found.problem.what
    assert not found.complete.kinds


async def test_a_stray_quote_costs_only_completeness(put, read) -> None:
    """Rows behind a badly quoted one are read again."""
    put("members.csv", "id,given_name", "1,Anna", '2,"Bo"b', "3,Cy", '4,D"e"e')
    found = await read()
    assert [member.given_name for member in found.records["member"]] == ["Anna", "Cy", 'D"e"e']
    assert found.problem.where == "members.csv line 3"


@pytest.mark.parametrize("make", ["folder", "pipe", "dangling link"])
async def test_what_is_no_file_is_told(folder, put, read, make) -> None:
    """Something else under a file's name neither blocks nor passes for an absent file."""
    put(*GOOD)
    path = folder / "members.csv"
    match make:
        case "folder":
            path.mkdir()
        case "pipe":
            os.mkfifo(path)
        case _:
            path.symlink_to(folder / "gone.csv")
    found = await read()
    assert (found.problem.kind, found.problem.id) == ("member", None)
    assert found.complete.kinds == {"pass"}


async def test_a_file_that_may_not_be_read_is_told(put, read, monkeypatch) -> None:
    """The system's own words are passed on."""
    path = put(*GOOD)
    original = type(path).open

    def refuse(self, mode="r", *more, **named):
        if self.name == "passes.csv":
            raise PermissionError(13, "Permission denied")
        return original(self, mode, *more, **named)

    monkeypatch.setattr(type(path), "open", refuse)
    problem = (await read()).problem
    assert "Permission denied" in problem.what
    assert "permissions" in problem.fix


# ── the folder ────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_folder_that_isnt_there_is_a_setting_to_fix(folder, read) -> None:
    """The path is named."""
    folder.rmdir()
    with pytest.raises(FixSettings, match=r"does not exist") as error:
        await read()
    assert str(folder) in error.value.what


async def test_a_path_that_is_a_file_is_a_setting_to_fix(folder, read) -> None:
    """A file in place of the folder is told as that."""
    folder.rmdir()
    folder.write_text("")
    with pytest.raises(FixSettings, match=r"is not a folder"):
        await read()
    folder.unlink()
    folder.mkdir()


async def test_a_folder_that_may_not_be_read_is_a_setting_to_fix(folder, read, monkeypatch) -> None:
    """Missing rights are told with the system's words."""

    def refuse(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(folder), "iterdir", refuse)
    with pytest.raises(FixSettings, match=r"can't be read") as error:
        await read()
    assert error.value.said == "Permission denied"


@pytest.mark.parametrize("name", [None, "complete", "notes.txt"])
async def test_an_empty_folder_waits_for_its_export(folder, put, read, name) -> None:
    """An export that is still to come, or replaces everything, is waited for; nothing counts as gone."""
    if name:
        put(name, "2026-11-21T18:00", mark=None)
    with pytest.raises(RetryLater, match=r"has no export in it") as error:
        await read()
    assert "members.csv" in error.value.fix


async def test_a_folder_of_misnamed_files_says_how_to_rename_them(put, read) -> None:
    """Files that look like the ones that are read are named with their right names."""
    put("member.csv", "id", "1")
    put("badge list.csv", "member_id,number", "1,AA")
    with pytest.raises(FixSettings) as error:
        await read()
    assert error.value.fix == "Rename 'badge list.csv' to 'badges.csv', 'member.csv' to 'members.csv'."


async def test_a_misnamed_file_among_others_is_noted(put, read) -> None:
    """A file that is silently not read would look like a studio without members."""
    put(*GOOD)
    put("member.csv", "id", "1")
    put("complete.txt", "2026-11-21T18:00")
    found = await read()
    assert [(note.kind, note.id, note.where) for note in found.notes] == [("member", "", "member.csv")]
    assert found.complete.kinds == {"pass"}


async def test_file_names_may_have_capitals(put, read) -> None:
    """`Members.CSV` is members.csv, and is called by its own name."""
    put("Members.CSV", "id,weight_kg", "1,heavy")
    assert (await read()).problem.where == "Members.CSV line 2"
