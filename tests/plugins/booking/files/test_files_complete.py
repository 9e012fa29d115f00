"""A read is evidence of what is gone only if the export says that it was finished and nothing speaks against it."""

from __future__ import annotations

import os
from datetime import UTC, datetime

import pytest

from hub.records import Page
from plugins.booking.files import reading

AT = datetime(2026, 11, 21, 17, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "as_of"),
    [
        ("2026-11-21T18:00:00+01:00", AT),
        ("2026-11-21T17:00:00Z\n", AT),
        ("2026-11-21T18:00", AT),
        ("\ufeff21.11.2026 18:00\r\n", AT),
        ("2026-11-21", datetime(2026, 11, 20, 23, tzinfo=UTC)),
    ],
)
async def test_the_mark_makes_the_read_complete(put, read, text, as_of) -> None:
    """The time in the mark is the one that the data is from; without a zone it is the studio's."""
    put("passes.csv", "id", "a", mark=text)
    put("members.csv", "id", "1", mark=text)
    complete = (await read()).complete
    assert complete.kinds == {"pass", "member"}
    assert complete.as_of == as_of
    assert complete.as_of.tzinfo is UTC
    assert not complete.why_not


async def test_without_the_mark_nothing_is_complete(put, read) -> None:
    """Records are read all the same; each kind says why it is no evidence."""
    put("passes.csv", "id", "a", mark=None)
    found = await read()
    assert found.one("pass").id == "a"
    assert not found.complete.kinds
    assert found.complete.as_of is None
    assert found.complete.why_not == {"pass": "there is no file 'complete' that says when the export was finished"}
    assert not found.notes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "is empty"),
        ("yes", "says 'yes', which is no time"),
        ("1795280400", "which is no time"),
        ("9999-12-31", "which is no time"),
        ("2026-11-21T18:00".encode("utf-16"), "is not UTF-8 text"),
    ],
)
async def test_a_mark_without_a_time_makes_nothing_complete(folder, put, read, text, said) -> None:
    """A mark that says nothing is told as a note of the folder."""
    put("passes.csv", "id", "a")
    (folder / "complete").write_bytes(text if isinstance(text, bytes) else text.encode())
    found = await read()
    assert not found.complete.kinds
    assert said in found.complete.why_not["pass"]
    [note] = found.notes
    assert (note.kind, note.id, note.where) == ("", "", "complete")
    assert said in note.what


@pytest.mark.parametrize(("late", "complete"), [(-3600, True), (0, True), (110, True), (130, False), (3600, False)])
async def test_data_that_is_newer_than_the_mark_is_no_evidence(folder, put, read, late, complete) -> None:
    """A file that was written well after the mark may belong to the next export, of which half is there."""
    put("passes.csv", "id", "a")
    put("members.csv", "id", "1")
    now = (folder / "complete").stat().st_mtime
    os.utime(folder / "passes.csv", (now, now))
    os.utime(folder / "members.csv", (now + late, now + late))
    found = await read()
    assert found.complete.kinds == ({"pass", "member"} if complete else {"pass"})
    assert found.records["member"]
    if not complete:
        assert "after the file 'complete'" in found.complete.why_not["member"]


async def test_a_file_that_is_absent_is_no_statement(put, read) -> None:
    """That there is no badges.csv doesn't mean that nobody has a badge."""
    put("passes.csv", "id", "a")
    complete = (await read()).complete
    assert complete.kinds == {"pass"}
    assert not complete.why_not


# ── while somebody writes ─────────────────────────────────────────────────────────────────────────────────────────


def after_first(kind: str, act):
    """Do something once, as soon as a page of that kind was handed out."""
    done = []

    def meanwhile(item) -> None:
        if isinstance(item, Page) and item.kind == kind and not done:
            done.append(item)
            act()

    return meanwhile


MANY = [f"{n},x" for n in range(3 * reading.PAGE)]


@pytest.mark.parametrize("how", ["append", "replace", "remove", "touch"])
async def test_a_file_that_changes_while_it_is_read_is_not_complete(folder, put, read, how) -> None:
    """Whatever is done to a file between its first and its last page, what was read of it is no evidence."""
    put("locations.csv", "id", "l")
    path = put("passes.csv", "id,name", *MANY)

    def act() -> None:
        match how:
            case "append":
                with path.open("a") as file:
                    file.write("\nnew,x")
            case "replace":
                other = folder / "other"
                other.write_bytes(path.read_bytes())
                other.replace(path)
            case "remove":
                path.unlink()
            case _:
                os.utime(path, (1, 1))

    found = await read(meanwhile=after_first("pass", act))
    assert len(found.records["pass"]) >= len(MANY)
    assert found.complete.kinds == {"location"}
    assert found.complete.why_not == {"pass": "passes.csv changed while it was read"}


async def test_a_file_that_stops_being_text_while_it_is_read_is_told(put, read) -> None:
    """A file that is overwritten under the reader's hands ends its reading, not the whole read."""
    put("members.csv", "id", "1")
    path = put("passes.csv", "id,name", *MANY)
    found = await read(meanwhile=after_first("pass", lambda: path.write_bytes(b"id,name\n" + b"\xff" * 40_000)))
    assert found.problem.id is None
    assert "changed while it was read" in found.problem.what
    assert found.complete.kinds == {"member"}


@pytest.mark.parametrize("how", ["rewritten", "removed", "touched"])
async def test_an_export_that_begins_meanwhile_spoils_the_whole_read(folder, put, read, how) -> None:
    """A mark that changes between the first file and the last means that files of two exports may be mixed."""
    put("passes.csv", "id", "a")
    put("members.csv", "id", "1")
    mark = folder / "complete"
    acts = {
        "rewritten": lambda: mark.write_text("2026-11-21T19:00:00+01:00"),
        "removed": mark.unlink,
        "touched": lambda: os.utime(mark, (1, 1)),
    }
    found = await read(meanwhile=after_first("pass", acts[how]))
    assert found.records["member"]
    assert not found.complete.kinds
    assert set(found.complete.why_not.values()) == {"another export began while this one was read"}


async def test_a_file_that_is_being_written_is_looked_at_again(put, read, monkeypatch) -> None:
    """A file that changes during the first look is read in its new form, and is complete."""
    path = put("passes.csv", "id,name", "a,x", '"torn')
    survey, looks = reading.Reading._survey, []

    async def slow(self, sheet) -> None:
        looks.append(1)
        if len(looks) == 1:
            path.write_text("id,name\na,x\nb,y\n")
        await survey(self, sheet)

    monkeypatch.setattr(reading.Reading, "_survey", slow)
    found = await read()
    assert [record.id for record in found.records["pass"]] == ["a", "b"]
    assert len(looks) == 2
    assert found.complete.kinds == {"pass"}


@pytest.mark.parametrize("text", ["id,name\na,x\n", ""])
async def test_a_file_that_never_rests_is_read_without_being_evidence(put, read, monkeypatch, text) -> None:
    """After three tries a file is taken as it is; what can be read of it is handed out."""
    path = put("passes.csv", "id,name", "a,x")
    survey, looks = reading.Reading._survey, []

    async def slow(self, sheet) -> None:
        looks.append(1)
        path.write_text(text)
        os.utime(path, (len(looks), len(looks)))
        await survey(self, sheet)

    monkeypatch.setattr(reading.Reading, "_survey", slow)
    found = await read()
    assert len(looks) == 3
    assert len(found.records["pass"]) == bool(text)
    assert not found.complete.kinds
    assert "passes.csv" in found.complete.why_not["pass"]
