"""A row that can't be read loses nothing: it is set aside with its place and its cure, and the others go on."""

from __future__ import annotations

import pytest

from hub import records as r

TIMES = "2026-11-21T18:00,2026-11-21T19:00"

SET_ASIDE = [
    ("members.csv", "id,birth_date", "7,21.13.1990", "birth_date '21.13.1990' is not a date"),
    ("members.csv", "id,weight_kg", "7,heavy", "weight_kg 'heavy' is not a number"),
    ("members.csv", "id,height_cm", "7,-3", "height_cm '-3' is not a number"),
    ("members.csv", "id,ftp_w", "7,nan", "ftp_w 'nan' is not a number"),
    ("members.csv", "id,max_hr", "7,1_80", "max_hr '1_80' is not a number"),
    ("members.csv", "id,show_live", "7,perhaps", "show_live 'perhaps' is neither true nor false"),
    ("member_passes.csv", "id,member_id,pass_id", "7,,p", "member_id is empty"),
    ("member_passes.csv", "id,member_id,pass_id", "7,m,", "pass_id is empty"),
    (
        "member_passes.csv",
        "id,member_id,pass_id,state",
        "7,m,p,paused",
        "state 'paused' is none of active, pending, frozen, ended, revoked",
    ),
    (
        "member_passes.csv",
        "id,member_id,pass_id,valid_from,valid_until",
        "7,m,p,2026-11-21,2026-11-20",
        "valid_until '2026-11-20' is before valid_from '2026-11-21'",
    ),
    ("locations.csv", "id,timezone", "7,Zurich", "timezone 'Zurich' is not a time zone; use an IANA name"),
    ("sessions.csv", "id,starts_at,ends_at", "7,,2026-11-21T18:00", "starts_at '' is empty"),
    (
        "sessions.csv",
        "id,starts_at,ends_at",
        "7,2026-11-21T18:00,2026-11-21T18:00",
        "ends_at '2026-11-21T18:00' is not after starts_at",
    ),
    ("sessions.csv", "id,starts_at,ends_at", "7,2026-11-21T18:00,9999-12-31T18:00", "is no time that a class"),
    ("sessions.csv", "id,starts_at,ends_at,state", f"7,{TIMES},moved", "state 'moved' is none of scheduled, cancelled"),
    ("sessions.csv", "id,starts_at,ends_at,send", f"7,{TIMES},maybe", "send 'maybe' is neither true nor false"),
    ("bookings.csv", "id,member_id,session_id", "7,,s", "member_id is empty"),
    ("bookings.csv", "id,member_id,session_id,resource_id", "7,m,,", "neither resource_id nor session_id"),
    ("bookings.csv", "id,member_id,resource_id,state", "7,m,r,confirmed", "needs starts_at and ends_at"),
    (
        "bookings.csv",
        "id,member_id,resource_id,starts_at,ends_at",
        "7,m,r,2026-11-21T19:00,2026-11-21T18:00",
        "is not after starts_at",
    ),
]


@pytest.mark.parametrize(("name", "header", "row", "said"), SET_ASIDE, ids=lambda value: str(value)[:30])
async def test_a_row_that_cant_be_read_is_set_aside_by_its_id(put, read, name, header, row, said) -> None:
    """The problem names file, line, cell and cure; the kind is complete, since the record is known to be there."""
    put(name, header, "", row)
    found = await read()
    problem = found.problem
    assert (problem.id, problem.where) == ("7", f"{name} line 3")
    assert said in problem.what
    assert problem.fix
    assert found.complete.kinds == {problem.kind}
    assert not found.records


NAMELESS = [
    ("members.csv", "id,given_name", ",Anna", "id is empty"),
    ("members.csv", "id,given_name", '"7\n8",Anna', "has line breaks or invisible characters"),
    ("members.csv", "id,given_name", "7\u200b,Anna", "has line breaks or invisible characters"),
    ("members.csv", "given_name,id", "Anna", "it has 1 cells, and the header has 2"),
    ("members.csv", "given_name,id", "Anna,Bo,7", "it has 3 cells, and the header has 2"),
    ("members.csv", "id,given_name", "7", "it has 1 cells"),
    ("members.csv", "id,given_name,email", '7,"Anna\n8,Bo"', "it has 2 cells"),
    ("members.csv", "id,given_name", '7,"Anna" Bo', "its quotes don't match"),
    ("badges.csv", "member_id,number", "7,AA,BB", "it has 3 cells"),
    ("spots.csv", "room_plan_id,label", "ride,", "label is empty"),
    ("community_members.csv", "community_id,member_id,valid_from", "c,7,soon", "valid_from 'soon' is not a date"),
]


@pytest.mark.parametrize(("name", "header", "row", "said"), NAMELESS, ids=lambda value: str(value)[:30])
async def test_a_row_whose_id_isnt_sure_keeps_its_kind_from_being_complete(put, read, name, header, row, said) -> None:
    """Where a row could be anybody's, nobody is taken as gone."""
    put(name, header, row)
    found = await read()
    assert found.problem.id is None
    assert said in found.problem.what
    assert not found.complete.kinds
    assert "don't tell which records they are" in found.complete.why_not[found.problem.kind]


async def test_a_pass_that_ends_as_it_begins_opens_nothing_and_is_no_mistake(put, read) -> None:
    """A window without length is a pass that was ended at once, and must reach the hub as that."""
    put("member_passes.csv", "id,member_id,pass_id,valid_from,valid_until", "7,m,p,2026-11-21,2026-11-21T00:00")
    record = (await read()).one("member_pass")
    assert record.valid_from == record.valid_until


@pytest.mark.parametrize("row", ["7,Anna", "7,Anna,x,y"])
async def test_a_row_of_another_width_is_known_by_its_first_cell(put, read, row) -> None:
    """Missing or surplus cells stand behind an id that comes first, so that one is sure."""
    put("members.csv", "id,given_name,email", row)
    assert (await read()).problem.id == "7"


async def test_a_torn_row_is_not_read_as_a_pass_without_an_end(put, read) -> None:
    """A file that was cut off never turns a pass that ends into one that doesn't."""
    put("member_passes.csv", "id,member_id,pass_id,valid_from,valid_until", "a,7,p,2026-01-01,2026-12-31", "b,7,p,2026")
    found = await read()
    assert [record.id for record in found.records["member_pass"]] == ["a"]
    assert found.problem.id == "b"


async def test_the_other_rows_go_on(put, read) -> None:
    """One broken row takes nothing from its neighbours."""
    put("members.csv", "id,weight_kg", "1,70", "2,heavy", ",", "3,80", "", "4,x", " , ", "5,90")
    found = await read()
    assert [member.id for member in found.records["member"]] == ["1", "3", "5"]
    assert [(problem.id, problem.where) for problem in found.problems] == [
        ("2", "members.csv line 3"),
        ("4", "members.csv line 7"),
    ]
    assert found.complete.kinds == {"member"}


async def test_trailing_separators_are_forgiven(put, read) -> None:
    """Empty cells behind the last column mean nothing."""
    put("members.csv", "id;given_name", "7;Anna;;", "8;Bo")
    found = await read()
    assert [member.given_name for member in found.records["member"]] == ["Anna", "Bo"]
    assert not found.problems


async def test_lines_are_counted_as_an_editor_counts_them(put, read) -> None:
    """Line breaks inside of cells count, so that the named line is the one to look at."""
    put("members.csv", "id,given_name,weight_kg", '1,"An\nna",70', '2,"B\n\no",heavy', "3,C,heavy")
    assert [problem.where for problem in (await read()).problems] == ["members.csv line 4", "members.csv line 7"]


async def test_many_nameless_rows_are_told_once(put, read) -> None:
    """A file full of rows without an id doesn't bury everything else: twenty are told, the rest are counted."""
    put("members.csv", "id,given_name", *(f",Anna {n}" for n in range(50)))
    found = await read()
    assert len(found.problems) == 21
    assert found.problems[-1].what.startswith("30 more rows")
    assert {problem.id for problem in found.problems} == {None}


# ── ids that are there twice ──────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("rows", [["1,A", "2,B", "1,A"], ["1,A", "1,A", "2,B"], ["1, A ", "2,B", " 1,A", "1,A"]])
async def test_rows_that_say_the_same_are_one_record(put, read, rows) -> None:
    """A row that is there twice is read once."""
    put("passes.csv", "id,name", *rows)
    found = await read()
    assert sorted(found.records["pass"], key=lambda record: record.id) == [
        r.Pass(id="1", name="A"),
        r.Pass(id="2", name="B"),
    ]
    assert not found.problems
    assert found.complete.kinds == {"pass"}


@pytest.mark.parametrize(
    ("rows", "lines"),
    [
        (["1,A", "2,B", "1,C"], "lines 2 and 4"),
        (["1,C", "1,A", "2,B"], "lines 2 and 3"),
        (["1,A", "1,A", "2,B", "1,C"], "lines 2, 3 and 5"),
        (["1,A", "2,B", "1,A,x"], "lines 2 and 4"),
        (["2,B", *(f"1,{n}" for n in range(8))], "lines 3, 4, 5, 6, 7 and 3 more"),
    ],
)
async def test_of_rows_that_contradict_each_other_none_is_taken(put, read, rows, lines) -> None:
    """Which of two rows is right is never guessed, in whatever order they stand; both lines are named."""
    put("passes.csv", "id,name", *rows)
    found = await read()
    assert found.records["pass"] == [r.Pass(id="2", name="B")]
    assert (found.problem.id, found.problem.where) == ("1", f"passes.csv {lines}")
    assert "say different things" in found.problem.what
    assert found.complete.kinds == {"pass"}


async def test_the_second_of_two_rows_may_be_far_away(put, read) -> None:
    """No page is handed out with a record that a later row contradicts."""
    put("passes.csv", "id,name", *(f"{n},A" for n in range(3000)), "0,B")
    found = await read()
    assert len(found.records["pass"]) == 2999
    assert found.problem.where == "passes.csv lines 2 and 3002"


async def test_one_badge_in_two_spellings_is_one_badge(put, read) -> None:
    """Rows are compared by what they say, not by how."""
    put("badges.csv", "member_id,number,format", "7,04:A3,hex", "7,4a3,", "7,1187,decimal")
    assert (await read()).one("badge") == r.Badge(id="7/4A3", member_id="7", number="4A3")


async def test_a_broken_row_that_is_there_twice_is_told_once(put, read) -> None:
    """The same mistake in the same row is one problem."""
    put("members.csv", "id,weight_kg", "7,heavy", "7,heavy")
    assert (await read()).problem.where == "members.csv lines 2 and 3"


async def test_somebody_can_belong_to_a_community_twice(put, read) -> None:
    """Two memberships with different beginnings are two records."""
    put("community_members.csv", "community_id,member_id,valid_from", "c,7,2026-01-01", "c,7,2026-06-01", "c,7,")
    found = await read()
    assert len({record.id for record in found.records["community_member"]}) == 3
    assert not found.problems


async def test_a_file_that_ends_in_the_middle_of_a_row_is_not_complete(put, read) -> None:
    """Whoever comes after the cut is still there: a torn export takes nobody's access."""
    header = "id,member_id,pass_id,valid_from,valid_until,state"
    put("member_passes.csv", header, "mp-1,1,p,2026-01-01,,active", "mp-2,2,p,2026-0")
    found = await read()
    assert found.problem.id == "mp-2"
    assert found.complete.kinds == frozenset()
    assert "ends in the middle of a row" in found.complete.why_not["member_pass"]
