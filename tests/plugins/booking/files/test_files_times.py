"""Days and times mean what people mean by them, in the zone where they happen."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.times import day_end, day_start, local_to_utc
from plugins.booking.files.values import end, start, when

ZURICH = ZoneInfo("Europe/Zurich")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-11-21T18:00", "2026-11-21T17:00Z"),
        ("2026-11-21 18:00", "2026-11-21T17:00Z"),
        ("2026-11-21t18:00:30", "2026-11-21T17:00:30Z"),
        ("2026-11-21 18:00:30.5", "2026-11-21T17:00:30.5Z"),
        ("21.11.2026 18:00", "2026-11-21T17:00Z"),
        ("21.11.2026 18:00:30", "2026-11-21T17:00:30Z"),
        ("1.1.2027 8:05", "2027-01-01T07:05Z"),
        ("2026-11-21T18:00Z", "2026-11-21T18:00Z"),
        ("2026-11-21T18:00z", "2026-11-21T18:00Z"),
        ("2026-11-21T18:00+01:00", "2026-11-21T17:00Z"),
        ("2026-11-21T18:00:00-0500", "2026-11-21T23:00Z"),
        ("21.11.2026 18:00 +02:00", "2026-11-21T16:00Z"),
        ("2026-11-21 24:00", "2026-11-21T23:00Z"),
        # Clocks go forward at 2:00 on 29 March and back at 3:00 on 25 October 2026.
        ("2026-03-29T02:30", "2026-03-29T01:00Z"),
        ("2026-10-25T02:30", "2026-10-25T00:30Z"),
        ("2026-10-25T02:30+01:00", "2026-10-25T01:30Z"),
    ],
)
async def test_ways_to_write_a_time(put, read, text, moment) -> None:
    """A time is read in every spelling that has one meaning, in the studio's zone where it names none."""
    put("member_passes.csv", "id,member_id,pass_id,valid_from,valid_until", f"a,7,p,{text},", f"b,7,p,,{text}")
    first, second = (await read()).records["member_pass"]
    assert first.valid_from == second.valid_until == datetime.fromisoformat(moment)
    assert first.valid_from.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "begins", "ends"),
    [
        ("2026-11-21", "2026-11-20T23:00Z", "2026-11-21T23:00Z"),
        ("21.11.2026", "2026-11-20T23:00Z", "2026-11-21T23:00Z"),
        (" 1.2.2026 ", "2026-01-31T23:00Z", "2026-02-01T23:00Z"),
        ("2026-03-29", "2026-03-28T23:00Z", "2026-03-29T22:00Z"),
        ("2026-10-25", "2026-10-24T22:00Z", "2026-10-25T23:00Z"),
    ],
)
async def test_a_day_is_whole(put, read, text, begins, ends) -> None:
    """A day as a beginning is its first moment, as an end it is included; on days of 23 and 25 hours too."""
    put("member_passes.csv", "id,member_id,pass_id,valid_from,valid_until", f"a,7,p,{text},{text}")
    found = (await read()).one("member_pass")
    assert (found.valid_from, found.valid_until) == (datetime.fromisoformat(begins), datetime.fromisoformat(ends))


@pytest.mark.parametrize(
    "text",
    [
        *("11/21/2026", "21/11/2026", "21.11.26", "20261121", "2026-W47-6", "45982", "tomorrow"),
        *("2026-13-01", "2026-02-30", "31.4.2026", "0000-00-00"),
        *("2026-11-21T", "2026-11-21T18", "2026-11-21T1800", "2026-11-21T25:00", "2026-11-21x18:00"),
        *("2026-11-21T18:00+25:00", "2026-11-21 18:00 Uhr", "2026-11-21Z", "9999-12-31 24:00"),
    ],
)
async def test_what_is_no_time_is_never_guessed(put, read, text) -> None:
    """A text that is no time, or could be two, sets its row aside."""
    put("member_passes.csv", "id,member_id,pass_id,valid_from,valid_until", f"a,7,p,,{text}")
    found = await read()
    assert found.problem.id == "a"
    assert found.problem.what.startswith(f"valid_until {text!r} is not a ")
    assert found.complete.kinds == {"member_pass"}


@pytest.mark.parametrize("zone", ["Europe/Zurich", "Pacific/Kiritimati", "America/Los_Angeles"])
@pytest.mark.parametrize(
    ("since", "until"),
    [("0001-01-01", "9999-12-31"), ("01.01.0001", "31.12.9999"), ("0001-01-01T00:00", "9999-12-31T23:59:59"), ("", "")],
)
async def test_the_ends_of_the_calendar_are_no_limits(put, read, zone, since, until) -> None:
    """What systems write for "always" and "for ever" opens the window on that side, in every zone."""
    put("member_passes.csv", "id,member_id,pass_id,valid_from,valid_until", f"a,7,p,{since},{until}")
    found = (await read(zone=zone)).one("member_pass")
    assert (found.valid_from, found.valid_until) == (None, None)


@pytest.mark.parametrize(("since", "until"), [("9999-12-31", ""), ("", "0001-01-01"), ("", "0001-01-01T00:00")])
async def test_a_window_outside_of_the_calendar_is_a_mistake(put, read, since, until) -> None:
    """A pass that starts at the end of time, or ended before it, is not guessed about."""
    put("member_passes.csv", "id,member_id,pass_id,valid_from,valid_until", f"a,7,p,{since},{until}")
    assert (await read()).problem.id == "a"


@pytest.mark.parametrize(
    ("location", "room", "zone"),
    [
        ("lisbon", "", "Europe/Lisbon"),
        ("lisbon", "in-zurich", "Europe/Lisbon"),
        ("", "in-lisbon", "Europe/Lisbon"),
        ("", "in-zurich", "Europe/Zurich"),
        ("zoneless", "", "Europe/Zurich"),
        ("unheard-of", "", "Europe/Zurich"),
        ("", "unheard-of", "Europe/Zurich"),
        ("", "", "Europe/Zurich"),
    ],
)
async def test_a_session_happens_in_its_locations_zone(put, read, location, room, zone) -> None:
    """A wall time of a session is its location's, else its room's location's, else the studio's."""
    put("locations.csv", "id,timezone", "lisbon,Europe/Lisbon", "zoneless,", "zurich,Europe/Zurich")
    put("room_plans.csv", "id,location_id", "in-lisbon,lisbon", "in-zurich,zurich")
    put(
        "sessions.csv",
        "id,starts_at,ends_at,location_id,room_plan_id",
        f"s,2026-07-01 18:00,2026-07-01 19:00,{location},{room}",
    )
    [session] = (await read()).records["session"]
    assert session.starts_at == datetime(2026, 7, 1, 18, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    ("resource", "session", "zone"),
    [("r-lisbon", "", "Europe/Lisbon"), ("", "s-lisbon", "Europe/Lisbon"), ("r-zurich", "", "Europe/Zurich")],
)
async def test_a_booking_happens_where_its_resource_or_session_is(put, read, resource, session, zone) -> None:
    """A wall time of a booking is in the zone of what was booked."""
    put("locations.csv", "id,timezone", "lisbon,Europe/Lisbon")
    put("resources.csv", "id,location_id", "r-lisbon,lisbon", "r-zurich,")
    put("sessions.csv", "id,starts_at,ends_at,location_id", "s-lisbon,2026-07-01 18:00,2026-07-01 19:00,lisbon")
    put(
        "bookings.csv",
        "id,member_id,resource_id,session_id,starts_at,ends_at,state",
        f"b,7,{resource},{session},2026-07-01 18:00,2026-07-01 19:00,confirmed",
    )
    [booking] = (await read()).records["booking"]
    assert booking.starts_at == datetime(2026, 7, 1, 18, tzinfo=ZoneInfo(zone))


@pytest.mark.parametrize(
    "locations",
    [
        ["id,timezone", "lisbon,Europe/Lissabon"],
        ["id,timezone", "lisbon,Europe/Lisbon", "lisbon,Europe/Madrid"],
        ["id,timezone", "lisbon"],
        ["id,time_zone", "lisbon,Europe/Lisbon"],
        [b"\xff\xfe"],
    ],
    ids=["unknown zone", "two zones", "torn row", "misspelt column", "unreadable file"],
)
async def test_a_zone_that_couldnt_be_read_is_never_taken_for_the_studios(put, read, locations) -> None:
    """A wall time at a location whose zone is unsure is set aside; a time with its own zone is not."""
    put("locations.csv", *locations)
    put(
        "sessions.csv",
        "id,starts_at,ends_at,location_id",
        "a,2026-07-01 18:00,2026-07-01 19:00,lisbon",
        "b,2026-07-01T18:00Z,2026-07-01T19:00Z,lisbon",
        "c,2026-07-01 18:00,2026-07-01 19:00,",
    )
    found = await read()
    assert [session.id for session in found.records["session"]] == ["b", "c"]
    [problem] = [problem for problem in found.problems if problem.kind == "session"]
    assert problem.id == "a"
    assert "its location could not be read" in problem.what


async def test_a_class_needs_a_time_of_day(put, read) -> None:
    """A class that only has a day is not a class from midnight to midnight."""
    put("sessions.csv", "id,starts_at,ends_at", "s,2026-11-21,2026-11-21")
    assert "time of day is missing" in (await read()).problem.what


async def test_a_resource_can_be_booked_for_days(put, read) -> None:
    """A booking from day to day is for whole days, the last one included, as with passes."""
    put("bookings.csv", "id,member_id,resource_id,starts_at,ends_at,state", "b,7,r,2026-11-21,2026-11-22,confirmed")
    booking = (await read()).one("booking")
    assert booking.ends_at - booking.starts_at == timedelta(days=2)


DAYS_OF_CHANGE = (datetime.fromisoformat("2026-03-29T01:00"), datetime.fromisoformat("2026-10-25T01:00"))
AROUND_CHANGES = st.one_of(
    *(st.datetimes(change - timedelta(days=2), change + timedelta(days=2)) for change in DAYS_OF_CHANGE)
)
SPELLINGS = st.sampled_from(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M:%S", "%d.%m.%Y %H:%M:%S"])


@given(wall=AROUND_CHANGES, spelling=SPELLINGS)
def test_wall_times_around_clock_changes(wall: datetime, spelling: str) -> None:
    """A wall time is the moment that the hub says it is, in every spelling, in a gap and in an overlap."""
    wall = wall.replace(microsecond=0)
    text = wall.strftime(spelling)
    assert start(text, ZURICH) == end(text, ZURICH) == local_to_utc(wall, ZURICH)


@given(moment=AROUND_CHANGES, hours=st.integers(-12, 14))
def test_times_with_a_zone_are_exact(moment: datetime, hours: int) -> None:
    """A time that names its zone is that moment, whatever the studio's clocks do."""
    aware = moment.replace(tzinfo=UTC).astimezone(timezone(timedelta(hours=hours)))
    assert start(aware.isoformat(), ZURICH) == aware


@given(day=st.dates(date(1900, 1, 1), date(2200, 1, 1)), german=st.booleans())
def test_days_are_the_hubs_days(day: date, german: bool) -> None:
    """A day begins and ends when the hub says so."""
    text = day.strftime("%d.%m.%Y") if german else day.isoformat()
    assert (start(text, ZURICH), end(text, ZURICH)) == (day_start(day, ZURICH), day_end(day, ZURICH))


@given(text=st.text(st.characters(max_codepoint=0x2000), max_size=30))
def test_any_text_is_a_time_or_refused(text: str) -> None:
    """No text breaks the reading of a time."""
    with suppress(ValueError):
        assert isinstance(when(text), date)
