"""Members, badges, passes and bookings from a folder: SportsNow's customer table, and the hub's own form."""

from __future__ import annotations

import os
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from hub import FixSettings, RetryLater
from hub.records import Badge, BookingState, Complete, Member, Page, PassState, Window
from plugins.booking.sportsnow import imports
from plugins.booking.sportsnow.imports import NAMELESS, PAGE
from tests.plugins.booking.sportsnow.support import Read, connect, opened, put

PEOPLE = frozenset({"member", "badge", "pass", "member_pass", "booking"})


async def read(folder: Path, window: Window | None = None, **settings: Any) -> Read:
    """Read the folder of this test."""
    async with opened(path=folder, **{"badge_numbers": "decimal", **settings}) as studio:
        return await studio.read(window or Window(kinds=PEOPLE))


# ── SportsNow's customer table ────────────────────────────────────────────────────────────────────────────────────────

TABLE = "Kundennummer;Vorname;Nachname;E-Mail;Telefon;Geburtsdatum;Geschlecht;Badges"


async def test_the_customer_table_has_members_and_their_badges(tmp_path: Path) -> None:
    """Dates as `01.01.2017`, gender as `female` or `male`, one or more badge numbers, any spreadsheet's separator."""
    put(tmp_path, "customers.csv", TABLE, 'K-007;Anna;Graf;Anna@Graf.example;;01.01.2017;female;"00255, 04 A2 B7"')
    found = await read(tmp_path)
    assert found.one("member") == Member(
        id="K-007",
        given_name="Anna",
        family_name="Graf",
        email="Anna@Graf.example",
        birth_date=date(2017, 1, 1),
        gender="female",
    )
    assert found.records["badge"] == [
        Badge(id="K-007/FF", member_id="K-007", number="FF"),
        Badge(id="K-007/4A2B7", member_id="K-007", number="4A2B7"),
    ]
    assert found.mark.kinds == {"member", "badge"}


async def test_columns_are_found_by_their_heading_and_not_by_their_place(tmp_path: Path) -> None:
    """The order is fixed at SportsNow, but nobody has seen it; columns that nobody knows are left aside."""
    put(tmp_path, "customers.csv", "Ort,Last Name,First Name,Customer Number", "Bern,Graf,Anna,7")
    member = (await read(tmp_path)).one("member")
    assert (member.id, member.name) == ("7", "Anna Graf")


async def test_a_table_without_badges_says_nothing_about_badges(tmp_path: Path) -> None:
    """So none is taken away."""
    put(tmp_path, "customers.csv", "Kundennummer,Vorname", "7,Anna")
    found = await read(tmp_path)
    assert found.mark.kinds == {"member"}
    assert "badge" not in found.mark.why_not


async def test_customers_without_a_number_are_known_by_their_e_mail_address_and_never_by_name(tmp_path: Path) -> None:
    """One with neither could be anybody, so the table is not complete."""
    put(tmp_path, "customers.csv", "Vorname,Nachname,E-Mail", "Anna,Graf,Anna@Graf.example", "Bo,Frei,")
    found = await read(tmp_path)
    assert found.ids("member") == {"anna@graf.example"}
    assert found.problems[0].id is None
    assert "never told apart by their names" in found.problems[0].fix
    assert "member" not in found.mark.kinds


@pytest.mark.parametrize("gender", ["Frau", "divers", "f"])
async def test_a_gender_that_sportsnow_does_not_take_is_a_problem(tmp_path: Path, gender: str) -> None:
    """A word that isn't known is never guessed at."""
    put(tmp_path, "customers.csv", TABLE, f"7;Anna;Graf;;;;{gender};")
    found = await read(tmp_path)
    assert (found.problem.kind, found.problem.id, found.problem.where) == ("member", "7", "customers.csv line 2")
    assert "none of female, male" in found.problem.what


async def test_two_files_that_say_who_the_members_are_are_a_matter_of_settings(tmp_path: Path) -> None:
    """Neither is preferred in silence."""
    put(tmp_path, "customers.csv", TABLE)
    put(tmp_path, "members.csv", "id")
    with pytest.raises(FixSettings, match=r"members\.csv"):
        await read(tmp_path)


async def test_a_file_of_badges_goes_before_the_badges_in_the_customer_table(tmp_path: Path) -> None:
    """It says which form each number has."""
    put(tmp_path, "customers.csv", TABLE, "7;Anna;Graf;;;;;999")
    put(tmp_path, "badges.csv", "member_id,number,format", "7,255,decimal")
    assert (await read(tmp_path)).one("badge").number == "FF"


# ── badge numbers ─────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("setting", "number", "normal"),
    [
        ("decimal", "1456098437", "56CA4C85"),
        ("decimal", "0001456098437", "56CA4C85"),
        ("decimal", "56ca4c85", "56CA4C85"),
        ("hexadecimal", "56:CA:4C:85", "56CA4C85"),
        ("hexadecimal", "0056ca4c85", "56CA4C85"),
        ("hexadecimal", "1456", "1456"),
        (None, "56CA4C85", "56CA4C85"),
    ],
)
async def test_badge_numbers_are_compared_in_one_form(
    tmp_path: Path, setting: str | None, number: str, normal: str
) -> None:
    """Upper-case hexadecimal without separators and leading zeros; letters make a number hexadecimal."""
    put(tmp_path, "badges.csv", "member_id,number", f"7,{number}")
    badge = (await read(tmp_path, badge_numbers=setting)).one("badge")
    assert (badge.id, badge.number) == (f"7/{normal}", normal)


async def test_whether_digits_are_decimal_is_never_guessed(tmp_path: Path) -> None:
    """Without the setting, they are set aside with what to set."""
    put(tmp_path, "badges.csv", "member_id,number", "7,1456098437")
    found = await read(tmp_path, badge_numbers=None)
    assert "decimal or hexadecimal" in found.problem.what
    assert "badge_numbers" in found.problem.fix
    assert not found.records["badge"]
    assert found.mark.kinds == frozenset()


async def test_a_mistake_that_every_row_has_is_not_told_a_thousand_times(tmp_path: Path) -> None:
    """The first ones, and how many more there are."""
    put(tmp_path, "badges.csv", "member_id,number", *(f"{number},{number + 10}" for number in range(NAMELESS + 30)))
    found = await read(tmp_path, badge_numbers=None)
    assert len(found.problems) == NAMELESS + 1
    assert found.problems[-1].what.startswith("30 more rows")


@pytest.mark.parametrize("written", ["uid", "cid"])
async def test_a_format_may_say_which_number_of_the_medium_it_is(tmp_path: Path, written: str) -> None:
    """As in the hub's own form; both are hexadecimal."""
    put(tmp_path, "badges.csv", "member_id,number,format", f"7,1456,{written}")
    badge = (await read(tmp_path)).one("badge")
    assert (badge.number, badge.medium) == ("1456", written)


@pytest.mark.parametrize(
    ("number", "said"),
    [("", "is empty"), ("1.4E+09", "shortened"), ("0", "zero"), ("12G4", "not a hexadecimal"), ("١٢", "not a decimal")],
)
async def test_a_badge_number_that_is_none_is_a_problem(tmp_path: Path, number: str, said: str) -> None:
    """It is nobody's badge, and could be one that was known before."""
    put(tmp_path, "badges.csv", "member_id,number", f"7,{number}")
    found = await read(tmp_path)
    assert said in found.problem.what
    assert found.problem.id is None
    assert found.mark.kinds == frozenset()


# ── passes ────────────────────────────────────────────────────────────────────────────────────────────────────────────

PASSES = "id,member_id,pass_id,valid_from,valid_until,state"


async def test_a_pass_lasts_to_the_end_of_its_last_day_in_the_studios_zone(tmp_path: Path) -> None:
    """As long as nobody says otherwise."""
    put(tmp_path, "member_passes.csv", PASSES, "1,7,abo,01.11.2026,30.11.2026,active")
    sold = (await read(tmp_path)).one("member_pass")
    assert sold.valid_from == datetime(2026, 10, 31, 23, tzinfo=UTC)
    assert sold.valid_until == datetime(2026, 11, 30, 23, tzinfo=UTC)


async def test_a_studio_can_say_that_the_last_day_does_not_count(tmp_path: Path) -> None:
    """SportsNow doesn't document it."""
    put(tmp_path, "member_passes.csv", PASSES, "1,7,abo,,2026-11-30,")
    sold = (await read(tmp_path, last_day_included=False)).one("member_pass")
    assert sold.valid_until == datetime(2026, 11, 29, 23, tzinfo=UTC)
    assert sold.state is PassState.ACTIVE


async def test_a_moment_is_meant_as_it_stands(tmp_path: Path) -> None:
    """With a zone or in the studio's."""
    put(tmp_path, "member_passes.csv", PASSES, "1,7,abo,,30.11.2026 18:00,", "2,7,abo,,2026-11-30T18:00Z,")
    first, second = (await read(tmp_path)).records["member_pass"]
    assert first.valid_until == datetime(2026, 11, 30, 17, tzinfo=UTC)
    assert second.valid_until == datetime(2026, 11, 30, 18, tzinfo=UTC)


async def test_a_pass_without_limits_is_open(tmp_path: Path) -> None:
    """Years that stand for always and for ever are no limits either."""
    put(tmp_path, "member_passes.csv", PASSES, "1,7,abo,,,", "2,7,abo,0001-01-01,9999-12-31,")
    for sold in (await read(tmp_path)).records["member_pass"]:
        assert (sold.valid_from, sold.valid_until) == (None, None)


@pytest.mark.parametrize(
    ("name", "header", "row", "said"),
    [
        ("member_passes.csv", PASSES, "7,m,p,,,paused", "is none of active"),
        ("member_passes.csv", PASSES, "7,m,p,2026-11-21,2026-11-20,", "is before the beginning"),
        ("member_passes.csv", PASSES, "7,m,p,21.13.2026,,", "is not a date"),
        ("member_passes.csv", PASSES, "7,m,p,11/21/2026,,", "is not a date"),
        ("member_passes.csv", PASSES, "7,m,p,21.11.26,,", "is not a date"),
        ("member_passes.csv", PASSES, "7,,p,,,", "member_id is empty"),
        ("member_passes.csv", PASSES, "7,m,,,,", "pass_id is empty"),
        ("member_passes.csv", PASSES, "7,m,p,9999-12-31,,", "no day on which anything could begin"),
        ("member_passes.csv", PASSES, "7,m,p,,0001-01-01,", "no day on which anything could end"),
        ("member_passes.csv", PASSES, "7,m\u200b,p,,,", "invisible characters"),
        ("members.csv", "id,birth_date", "7,soon", "is not a date"),
        ("members.csv", "id,weight_kg", "7,heavy", "is not a number"),
        ("members.csv", "id,show_live", "7,perhaps", "is none of true"),
        ("bookings.csv", "id,member_id,session_id,state", "7,m,1000,booked?", "is none of requested"),
        ("bookings.csv", "id,member_id,session_id,state", "7,m,1000,", "is none of requested"),
        ("bookings.csv", "id,member_id,state", "7,m,confirmed", "neither resource_id nor session_id"),
        ("bookings.csv", "id,member_id,resource_id,state", "7,m,r,confirmed", "needs starts_at and ends_at"),
        (
            "bookings.csv",
            "id,member_id,resource_id,starts_at,ends_at,state",
            "7,m,r,2026-11-21T10:00,2026-11-21T09:00,confirmed",
            "is not after starts_at",
        ),
        ("bookings.csv", "id,member_id,session_id,starts_at,state", "7,m,s,2026-11-21,confirmed", "time of day"),
    ],
)
async def test_a_row_that_cant_be_read_is_set_aside_by_its_id(
    tmp_path: Path, name: str, header: str, row: str, said: str
) -> None:
    """The problem says where and what to do; what was known before stays, and its kind is complete without it."""
    put(tmp_path, name, header, row)
    found = await read(tmp_path)
    assert (found.problem.id, found.problem.where) == ("7", f"{name} line 2")
    assert said in found.problem.what
    assert found.problem.fix
    assert found.mark.kinds == {found.problem.kind}


# ── bookings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_booking_names_its_lesson_by_the_number_in_its_link(tmp_path: Path) -> None:
    """It leaves its times to the session, and says its state in words that are known."""
    lines = [f"{number},7,1000,{state.value}" for number, state in enumerate(BookingState)]
    put(tmp_path, "bookings.csv", "id,member_id,session_id,state", *lines)
    found = await read(tmp_path)
    assert [booking.state for booking in found.records["booking"]] == list(BookingState)
    assert {booking.session_id for booking in found.records["booking"]} == {"1000"}


# ── what is complete ──────────────────────────────────────────────────────────────────────────────────────────────────


async def test_without_the_mark_nothing_is_complete(tmp_path: Path) -> None:
    """Records count all the same."""
    put(tmp_path, "passes.csv", "id,name", "1,Abo", mark=None)
    found = await read(tmp_path)
    assert found.ids("pass") == {"1"}
    assert found.mark.kinds == frozenset()
    assert "'complete'" in found.mark.why_not["pass"]


@pytest.mark.parametrize("mark", ["", "soon", "1", "yesterday 18:00", "2026-11-21T"])
async def test_a_mark_without_a_time_makes_nothing_complete(tmp_path: Path, mark: str) -> None:
    """It could be from any export."""
    put(tmp_path, "passes.csv", "id", "1", mark=mark)
    assert (await read(tmp_path)).mark.kinds == frozenset()


async def test_the_mark_says_what_moment_the_records_are_from(tmp_path: Path) -> None:
    """In the studio's zone where it names none."""
    put(tmp_path, "passes.csv", "id", "1", mark="21.11.2026 09:00")
    assert (await read(tmp_path)).mark.as_of == datetime(2026, 11, 21, 8, tzinfo=UTC)


async def test_a_file_written_long_after_the_mark_is_not_complete(tmp_path: Path) -> None:
    """It may belong to an export that isn't finished."""
    path = put(tmp_path, "passes.csv", "id", "1")
    later = (tmp_path / "complete").stat().st_mtime + 600
    os.utime(path, (later, later))
    assert "after the file" in (await read(tmp_path)).mark.why_not["pass"]


async def test_an_export_that_begins_meanwhile_takes_the_mark_back(tmp_path: Path) -> None:
    """What was read is then of two exports."""
    put(tmp_path, "passes.csv", "id", "1")
    _, connection = connect(path=tmp_path)
    marks = []
    async for item in imports.read(connection, tmp_path, Window()):
        if isinstance(item, Page):
            (tmp_path / "complete").unlink(missing_ok=True)
        elif isinstance(item, Complete):
            marks.append(item)
    assert marks[0].kinds == frozenset()
    assert "another export" in marks[0].why_not["pass"]


async def test_a_file_that_changes_while_it_is_read_is_not_complete(tmp_path: Path) -> None:
    """The end may be of another export than the beginning."""
    path = put(tmp_path, "passes.csv", "id", *map(str, range(PAGE + 1)))
    _, connection = connect(path=tmp_path)
    marks = []
    async for item in imports.read(connection, tmp_path, Window()):
        if isinstance(item, Page):
            path.write_text("id\n1\n")
        elif isinstance(item, Complete):
            marks.append(item)
    assert "changed while it was read" in marks[0].why_not["pass"]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"\n\n", "is empty"),
        (b"name\nAbo\n", "'id' is missing"),
        (b"id,id\n1,1\n", "is there twice"),
        ("id,name\n1,Z\xfcrich\n".encode("cp1252"), "is not UTF-8"),
        ("id,name\n1,Abo\n".encode("utf-16"), "is not UTF-8"),
        (b'id,name\n1,"Abo\n2,Abo\n', "quotes don't match"),
        (b"id,name\n1,A\0bo\n", "bytes that no text has"),
    ],
)
async def test_a_file_that_cant_be_read_as_a_whole_is_not_complete(tmp_path: Path, content: bytes, said: str) -> None:
    """The problem names the file, and the others are read."""
    put(tmp_path, "members.csv", "id", "7")
    put(tmp_path, "passes.csv").write_bytes(content)
    found = await read(tmp_path)
    assert said in found.problem.what
    assert (found.problem.kind, found.problem.id) == ("pass", None)
    assert found.problem.where.startswith("passes.csv")
    assert found.ids("member") == {"7"}
    assert found.mark.kinds == {"member"}


async def test_a_column_that_could_be_a_decisive_one_misspelt_is_not_ignored(tmp_path: Path) -> None:
    """Without it, passes would never end."""
    put(tmp_path, "member_passes.csv", "id,member_id,pass_id,valid_to", "1,7,abo,2020-01-01")
    found = await read(tmp_path)
    assert "valid_until" in found.problem.what
    assert not found.records["member_pass"]


async def test_a_row_of_another_width_is_not_taken_apart(tmp_path: Path) -> None:
    """A separator in a cell would move everything behind it."""
    put(tmp_path, "passes.csv", "id,name", "1,Abo, 12 Monate", "2,Abo,", "3")
    found = await read(tmp_path)
    assert found.ids("pass") == {"2"}
    assert [problem.where for problem in found.problems] == ["passes.csv line 2", "passes.csv line 4"]
    assert found.mark.kinds == frozenset()


async def test_rows_with_one_id_are_one_record_or_none(tmp_path: Path) -> None:
    """One where they say the same, none where they don't."""
    put(tmp_path, "passes.csv", "id,name", "1,Abo", "1,Abo", "2,Abo", "2,Sauna", "3,Bar")
    found = await read(tmp_path)
    assert found.ids("pass") == {"1", "3"}
    assert (found.problem.id, found.problem.where) == ("2", "passes.csv lines 4, 5")
    assert found.mark.kinds == {"pass"}


async def test_records_come_in_pages(tmp_path: Path) -> None:
    """Nothing holds a whole site in memory."""
    put(tmp_path, "members.csv", "id", *map(str, range(2 * PAGE + 1)))
    found = await read(tmp_path)
    assert [len(page.records) for page in found.pages] == [PAGE, PAGE, 1]


async def test_an_empty_file_of_a_kind_says_that_there_is_none(tmp_path: Path) -> None:
    """The kind was looked at, and is complete."""
    put(tmp_path, "passes.csv", "id,name")
    found = await read(tmp_path)
    assert found.mark.kinds == {"pass"}
    assert [page.kind for page in found.pages] == ["pass"]


async def test_a_folder_that_isnt_there_is_a_matter_of_settings(tmp_path: Path) -> None:
    """With what to do."""
    with pytest.raises(FixSettings, match="can't be read"):
        await read(tmp_path / "nowhere")


async def test_a_folder_without_an_export_passes_by_itself(tmp_path: Path) -> None:
    """An export that replaces a whole folder leaves it empty for a moment."""
    with pytest.raises(RetryLater, match="no export"):
        await read(tmp_path)


async def test_files_that_the_timetable_makes_needless_are_named_and_not_read(tmp_path: Path) -> None:
    """Two sources of lessons would contradict each other."""
    put(tmp_path, "passes.csv", "id", "1")
    put(tmp_path, "sessions.csv", "id,starts_at,ends_at", "9,2026-11-21T10:00,2026-11-21T11:00")
    found = await read(tmp_path)
    assert found.notes[0].where == "sessions.csv"
    assert not found.records["session"]


# ── narrow reads ──────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_kinds_that_were_not_asked_for_are_not_read(tmp_path: Path) -> None:
    """Nor are they complete."""
    put(tmp_path, "passes.csv", "id", "1")
    put(tmp_path, "members.csv", "id", "7")
    found = await read(tmp_path, Window(kinds=frozenset({"pass"})))
    assert not found.records["member"]
    assert found.mark.kinds == {"pass"}


async def test_the_records_of_chosen_members_prove_nothing_about_others(tmp_path: Path) -> None:
    """Passes and members of the others are left out."""
    put(tmp_path, "members.csv", "id", "7", "8")
    put(tmp_path, "passes.csv", "id", "abo")
    put(tmp_path, "member_passes.csv", "id,member_id,pass_id", "1,7,abo", "2,8,abo")
    found = await read(tmp_path, Window(members=frozenset({"7"})))
    assert (found.ids("member"), found.ids("member_pass"), found.ids("pass")) == ({"7"}, {"1"}, set())
    assert found.mark.kinds == frozenset()


async def test_a_record_asked_for_that_a_finished_export_lacks_is_gone(tmp_path: Path) -> None:
    """One that is there and can't be read is not, and without a mark nothing is."""
    put(tmp_path, "member_passes.csv", PASSES, "1,7,abo,,,", "2,7,abo,,,paused")
    asked = frozenset({("member_pass", key) for key in "123"})
    found = await read(tmp_path, Window(kinds=frozenset({"member_pass"}), ids=asked))
    assert found.ids("member_pass") == {"1"}
    assert found.gone["member_pass"] == ["3"]
    assert found.problem.id == "2"
    (tmp_path / "complete").unlink()
    again = await read(tmp_path, Window(kinds=frozenset({"member_pass"}), ids=asked))
    assert not again.gone["member_pass"]


async def test_what_the_simulator_exports_is_read_whole(tmp_path: Path) -> None:
    """Customers, badges, passes and bookings, with the mark."""
    async with opened(path=tmp_path / "export", badge_numbers="decimal") as studio:
        studio.sim.export(tmp_path / "export")
        found = await studio.read(Window(kinds=PEOPLE))
    assert not found.problems
    assert found.mark.kinds == PEOPLE
    assert {kind: len(records) for kind, records in found.records.items()} == {
        "pass": 2,
        "member": 3,
        "badge": 2,
        "member_pass": 3,
        "booking": 1,
    }
