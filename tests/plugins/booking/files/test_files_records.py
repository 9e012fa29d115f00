"""Each row becomes the record that it says."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from hub import records as r


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


EVERY_KIND = [
    (
        "members.csv",
        "id,given_name,family_name,email,phone,language,birth_date,gender,weight_kg,height_cm,ftp_w,max_hr,show_live",
        '007,Zoë,Müller,Zoe@Example.org,+41 79 000 00 00,de,24.12.1990,female,"61,5",170.5,210,188,false',
        r.Member(
            id="007",
            given_name="Zoë",
            family_name="Müller",
            email="Zoe@Example.org",
            phone="+41 79 000 00 00",
            language="de",
            birth_date=date(1990, 12, 24),
            gender="female",
            weight_kg=61.5,
            height_cm=170.5,
            ftp_w=210,
            max_hr=188,
            show_live=False,
        ),
    ),
    ("members.csv", "id", "007", r.Member(id="007")),
    (
        "badges.csv",
        "member_id,number,format",
        "007,04:a3:00,hex",
        r.Badge(id="007/4A300", member_id="007", number="4A300"),
    ),
    ("passes.csv", "id,name", "abo-12,Abo «12»", r.Pass(id="abo-12", name="Abo «12»")),
    (
        "member_passes.csv",
        "id,member_id,pass_id,valid_from,valid_until,state",
        "m1,007,abo-12,2026-11-01,30.11.2026,frozen",
        r.MemberPass(
            id="m1",
            member_id="007",
            pass_id="abo-12",
            valid_from=utc(2026, 10, 31, 23),
            valid_until=utc(2026, 11, 30, 23),
            state=r.PassState.FROZEN,
        ),
    ),
    ("communities.csv", "id,name", "c-1,Team", r.Community(id="c-1", name="Team")),
    (
        "community_members.csv",
        "community_id,member_id,valid_from,valid_until",
        "c-1,007,2026-11-01,2026-11-30",
        r.CommunityMember(
            id="c-1/007/2026-10-31T23:00:00Z",
            community_id="c-1",
            member_id="007",
            valid_from=utc(2026, 10, 31, 23),
            valid_until=utc(2026, 11, 30, 23),
        ),
    ),
    (
        "community_members.csv",
        "community_id,member_id",
        "c-1,007",
        r.CommunityMember(id="c-1/007", community_id="c-1", member_id="007"),
    ),
    (
        "locations.csv",
        "id,name,timezone",
        "l1,Lisboa,Europe/Lisbon",
        r.Location(id="l1", name="Lisboa", timezone="Europe/Lisbon"),
    ),
    (
        "resources.csv",
        "id,name,location_id",
        "r-7,Room 7,l1",
        r.Resource(id="r-7", name="Room 7", location_id="l1"),
    ),
    (
        "instructors.csv",
        "id,name,email",
        "i1,Bo,bo@example.org",
        r.Instructor(id="i1", name="Bo", email="bo@example.org"),
    ),
    ("room_plans.csv", "id,name,location_id", "ride,Ride,", r.RoomPlan(id="ride", name="Ride")),
    (
        "spots.csv",
        "room_plan_id,label,row,column",
        "ride,A1,1,-2",
        r.Spot(id="ride/A1", room_plan_id="ride", label="A1", row=1, column=-2),
    ),
    (
        "sessions.csv",
        "id,name,starts_at,ends_at,state,instructor_id,location_id,room_plan_id,send",
        "s1,Ride 45,2026-11-21 18:00,21.11.2026 18:45,cancelled,i1,l1,ride,false",
        r.Session(
            id="s1",
            name="Ride 45",
            starts_at=utc(2026, 11, 21, 17),
            ends_at=utc(2026, 11, 21, 17, 45),
            state=r.SessionState.CANCELLED,
            instructor_id="i1",
            location_id="l1",
            room_plan_id="ride",
            send=False,
        ),
    ),
    (
        "bookings.csv",
        "id,member_id,resource_id,session_id,spot,starts_at,ends_at,state",
        "b1,007,,s1,12,,,checked_in",
        r.Booking(id="b1", member_id="007", session_id="s1", spot="12", state=r.BookingState.CHECKED_IN),
    ),
    (
        "bookings.csv",
        "id,member_id,resource_id,starts_at,ends_at,state",
        "b1,007,r-7,2026-11-21T18:00Z,2026-11-21T19:00+00:00,confirmed",
        r.Booking(
            id="b1",
            member_id="007",
            resource_id="r-7",
            starts_at=utc(2026, 11, 21, 18),
            ends_at=utc(2026, 11, 21, 19),
            state=r.BookingState.CONFIRMED,
        ),
    ),
]


@pytest.mark.parametrize(("name", "header", "row", "record"), EVERY_KIND, ids=lambda value: str(value)[:40])
async def test_a_row_becomes_its_record(put, read, name, header, row, record) -> None:
    """Every column of every file lands in its field, whatever order and separator the file has."""
    put(name, header, row)
    found = await read()
    assert found.one(type(record).kind) == record
    assert found.complete.kinds == {type(record).kind}
    assert not found.notes


async def test_columns_may_stand_in_any_order_and_case(put, read) -> None:
    """Columns are found by their name, with spaces and capitals forgiven."""
    put("member_passes.csv", " Pass_ID ;STATE;Member_id; id", "abo-1;active;7;m1")
    assert (await read()).one("member_pass") == r.MemberPass(id="m1", member_id="7", pass_id="abo-1")


async def test_ids_are_text(put, read) -> None:
    """An id keeps its leading zeros and its length; only spaces around it go."""
    put("passes.csv", "id,name", " 000123456789012345678901234567890 ,x")
    assert (await read()).one("pass").id == "000123456789012345678901234567890"


@pytest.mark.parametrize(
    ("number", "written", "default", "normal", "medium"),
    [
        ("04:A3:1B", "", "hex", "4A31B", None),
        ("04 a3-1b", "HEX", "decimal", "4A31B", None),
        ("0x04A31B", "Hexadecimal", "hex", "4A31B", None),
        ("1234", "", "hex", "1234", None),
        ("1234", "", "decimal", "4D2", None),
        ("12 34", "", "decimal", "4D2", None),
        ("12A4", "", "decimal", "12A4", None),
        ("1234", "hex", "decimal", "1234", None),
        ("1234", "decimal", "hex", "4D2", None),
        ("001234", " Dec ", "hex", "4D2", None),
        ("1234", "cid", "decimal", "1234", "cid"),
        ("1234", "UID", "decimal", "1234", "uid"),
    ],
)
async def test_badge_numbers_become_normal(put, read, number, written, default, normal, medium) -> None:
    """The row says how its number is written; where it doesn't, letters do, and the studio does for digits."""
    put("badges.csv", "member_id,number,format", f"7,{number},{written}")
    badge = (await read(badge_numbers=default)).one("badge")
    assert (badge.id, badge.number, badge.medium) == (f"7/{normal}", normal, medium)


@pytest.mark.parametrize(
    ("number", "written", "said"),
    [
        ("04A3", "octal", "is none of hex, hexadecimal, decimal, dec, cid, uid"),
        ("04A3", "decimal", "is not a decimal badge number"),
        ("badge", "", "is not a hexadecimal badge number"),
        ("0000", "", "is zero"),
        ("", "", "number is empty"),
        ("4.7E+11", "", "is not a hexadecimal badge number"),
    ],
)
async def test_a_badge_that_cant_be_read_keeps_all_badges(put, read, number, written, said) -> None:
    """Which badge a broken row was can't be told, so no badge is taken as gone."""
    put("badges.csv", "member_id,number,format", f"7,{number},{written}")
    found = await read()
    assert found.problem.id is None
    assert found.problem.where == "badges.csv line 2"
    assert said in found.problem.what
    assert not found.complete.kinds
    assert set(found.complete.why_not) == {"badge"}


async def test_a_badge_number_that_a_spreadsheet_shortened_says_so(put, read) -> None:
    """The usual reason for a number like 4.7E+11 is named with its cure."""
    put("badges.csv", "member_id,number", "7,4.7E+11")
    assert "format the column as text" in (await read()).problem.fix


async def test_one_number_with_two_members_is_handed_on(put, read) -> None:
    """Who of two members owns a badge is not for the reader to say."""
    put("badges.csv", "member_id,number", "7,AA", "8,AA")
    assert [badge.id for badge in (await read()).records["badge"]] == ["7/AA", "8/AA"]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((text, True) for text in ("", "true", "TRUE", "1", "yes", "ja", "WAHR")),
        *((text, False) for text in ("false", "False", "0", "no", " nein ", "FALSCH")),
    ],
)
async def test_consent_to_the_live_display(put, read, text, value) -> None:
    """An empty cell is on; spreadsheets' own words for true and false are understood."""
    put("members.csv", "id,show_live", f"7,{text}")
    assert (await read()).one("member").show_live is value


@pytest.mark.parametrize(("text", "value"), [("", None), ("true", True), ("false", False)])
async def test_an_empty_send_is_the_rooms_default(put, read, text, value) -> None:
    """A session that doesn't say whether it is sent leaves it to its room."""
    put("sessions.csv", "id,starts_at,ends_at,send", f"s,2026-11-21T18:00,2026-11-21T19:00,{text}")
    assert (await read()).one("session").send is value


@pytest.mark.parametrize(
    ("text", "value"),
    [("", None), ("0", None), ("72", 72.0), ("72.5", 72.5), ("72,5", 72.5), (" 72.5 ", 72.5), ("1e2", 100.0)],
)
async def test_measures(put, read, text, value) -> None:
    """A measure is a number with a point or a comma; 0 and nothing are not measured."""
    put("members.csv", "id;weight_kg;height_cm;ftp_w;max_hr", f"7;{text};{text};{text};{text}")
    member = (await read()).one("member")
    assert [member.weight_kg, member.height_cm, member.ftp_w, member.max_hr] == [value] * 4


@pytest.mark.parametrize("state", [*r.PassState, "", "Active", " ENDED "])
async def test_states_of_a_pass(put, read, state) -> None:
    """A pass has the state that its row says; without a word it is active."""
    put("member_passes.csv", "id,member_id,pass_id,state", f"m,7,p,{state}")
    assert (await read()).one("member_pass").state == (state.strip().lower() or "active")


@pytest.mark.parametrize(("state", "means"), [("", "scheduled"), ("Cancelled", "cancelled"), ("canceled", "cancelled")])
async def test_states_of_a_session(put, read, state, means) -> None:
    """A session without a word is scheduled."""
    put("sessions.csv", "id,starts_at,ends_at,state", f"s,2026-11-21T18:00,2026-11-21T19:00,{state}")
    assert (await read()).one("session").state == means


@pytest.mark.parametrize(
    ("state", "means"),
    [
        *((state.value, state.value) for state in r.BookingState),
        ("Checked-in", "checked_in"),
        ("no show", "no_show"),
        ("canceled", "cancelled"),
    ],
)
async def test_states_of_a_booking(put, read, state, means) -> None:
    """A booking has the state that its row says, however it is spelled."""
    put("bookings.csv", "id,member_id,session_id,state", f"b,7,s,{state}")
    found = await read()
    assert found.one("booking").state == means
    assert not found.notes


@pytest.mark.parametrize("state", ["", "bestätigt", "confirmed?"])
async def test_a_booking_is_never_confirmed_by_a_word_that_isnt_understood(put, read, state) -> None:
    """An unknown or absent state counts as requested, and one note for the whole file says so."""
    put("bookings.csv", "id,member_id,session_id,state", *(f"b{n},7,s,{state}" for n in range(3)))
    found = await read()
    assert {booking.state for booking in found.records["booking"]} == {r.BookingState.REQUESTED}
    [note] = found.notes
    assert "counts as requested" in note.what
    assert found.complete.kinds == {"booking"}


async def test_a_cancelled_booking_needs_no_times(put, read) -> None:
    """A cancellation is not set aside for want of a time that no longer matters."""
    put("bookings.csv", "id,member_id,resource_id,state", "b,7,r,cancelled")
    assert (await read()).one("booking").state is r.BookingState.CANCELLED


async def test_joined_ids_never_meet(put, read) -> None:
    """Ids that are joined from several cells stay apart where the cells hold slashes themselves."""
    put("spots.csv", "room_plan_id,label", "a/b,c", "a,b/c", "a~1b,c")
    ids = [spot.id for spot in (await read()).records["spot"]]
    assert len(set(ids)) == 3
