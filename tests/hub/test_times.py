"""Days and moments: where a local day begins and ends, whatever the clocks do."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub import times
from hub.access.doors import window_text
from hub.access.windows import FOREVER, Window
from tui.grant_card import period

ZURICH = ZoneInfo("Europe/Zurich")
SANTIAGO = ZoneInfo("America/Santiago")
ZONES = [
    *("Europe/Zurich", "America/New_York", "America/Santiago", "Africa/Cairo", "Asia/Kathmandu", "UTC"),
    *("Australia/Lord_Howe", "Pacific/Apia", "Pacific/Kiritimati", "America/St_Johns"),
]

zones = st.sampled_from([ZoneInfo(name) for name in ZONES])
walls = st.datetimes(datetime.fromisoformat("1990-01-01"), datetime.fromisoformat("2037-12-31"))
days = st.dates(date(1990, 1, 1), date(2037, 12, 31))


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("day", "zone", "start", "end"),
    [
        pytest.param(date(2026, 11, 30), ZURICH, "2026-11-29T23:00", "2026-11-30T23:00", id="winter"),
        pytest.param(date(2026, 7, 1), ZURICH, "2026-06-30T22:00", "2026-07-01T22:00", id="summer"),
        pytest.param(date(2026, 3, 29), ZURICH, "2026-03-28T23:00", "2026-03-29T22:00", id="clocks-go-forward"),
        pytest.param(date(2026, 10, 25), ZURICH, "2026-10-24T22:00", "2026-10-25T23:00", id="clocks-go-back"),
        pytest.param(date(2026, 9, 6), SANTIAGO, "2026-09-06T04:00", "2026-09-07T03:00", id="midnight-is-skipped"),
        pytest.param(
            date(2026, 9, 5), SANTIAGO, "2026-09-05T04:00", "2026-09-06T04:00", id="before-a-skipped-midnight"
        ),
        pytest.param(date(2026, 4, 4), SANTIAGO, "2026-04-04T03:00", "2026-04-05T04:00", id="midnight-comes-twice"),
        pytest.param(
            date(2011, 12, 30), ZoneInfo("Pacific/Apia"), "2011-12-30T10:00", "2011-12-30T10:00", id="no-such-day"
        ),
        pytest.param(date(2026, 2, 28), ZoneInfo("UTC"), "2026-02-28T00:00", "2026-03-01T00:00", id="utc"),
    ],
)
def test_a_day_runs_from_its_midnight_to_the_next(day: date, zone: ZoneInfo, start: str, end: str) -> None:
    """Start and end are the local midnights, also where the day is longer, shorter or does not begin at midnight."""
    assert (times.day_start(day, zone), times.day_end(day, zone)) == (utc(start), utc(end))


@pytest.mark.parametrize(
    ("wall", "expected"),
    [
        pytest.param("2026-03-29T02:30", "2026-03-29T01:00", id="never-happens"),
        pytest.param("2026-03-29T02:00", "2026-03-29T01:00", id="first-moment-of-the-gap"),
        pytest.param("2026-03-29T02:59:59.999999", "2026-03-29T01:00", id="last-moment-of-the-gap"),
        pytest.param("2026-03-29T03:00", "2026-03-29T01:00", id="after-the-gap"),
        pytest.param("2026-03-29T01:59:59", "2026-03-29T00:59:59", id="before-the-gap"),
        pytest.param("2026-10-25T02:30", "2026-10-25T00:30", id="happens-twice"),
        pytest.param("2026-10-25T03:00", "2026-10-25T02:00", id="after-the-repeat"),
    ],
)
def test_a_wall_time_in_a_clock_change_is_read_as_the_first_moment_that_fits(wall: str, expected: str) -> None:
    """A time that happens twice is the first one; one that never happens is the jump over it."""
    assert times.local_to_utc(datetime.fromisoformat(wall), ZURICH) == utc(expected)


@given(walls, zones)
def test_a_wall_time_outside_a_gap_survives_the_way_to_utc_and_back(wall: datetime, zone: ZoneInfo) -> None:
    """Nothing is moved but what can't exist."""
    assume(wall.replace(tzinfo=zone).astimezone(UTC).astimezone(zone).replace(tzinfo=None) == wall)
    moment = times.local_to_utc(wall, zone)
    assert moment.tzinfo is UTC
    assert moment.astimezone(zone).replace(tzinfo=None) == wall


@given(walls, st.timedeltas(timedelta(0), timedelta(days=400)), zones)
def test_a_later_day_never_starts_earlier(wall: datetime, later: timedelta, zone: ZoneInfo) -> None:
    """Days follow one another in UTC as they do on the wall, so windows never turn round."""
    first, second = wall.date(), (wall + later).date()
    assert times.day_start(first, zone) <= times.day_start(second, zone)
    assert times.day_start(first, zone) <= times.day_end(first, zone)
    assert times.day_end(first, zone) == times.day_start(first + timedelta(days=1), zone)


@given(walls, st.timedeltas(timedelta(0), timedelta(hours=6)), zones)
def test_wall_times_keep_their_order_but_for_the_hour_that_is_repeated(
    wall: datetime, later: timedelta, zone: ZoneInfo
) -> None:
    """The first reading of a repeated hour is used throughout, so order is never turned round."""
    assert times.local_to_utc(wall, zone) <= times.local_to_utc(wall + later, zone)


@given(days, zones)
def test_a_day_starts_at_the_first_moment_that_carries_its_date(day: date, zone: ZoneInfo) -> None:
    """One microsecond earlier it is still the day before."""
    start = times.day_start(day, zone)
    assert start.astimezone(zone).date() >= day
    assert (start - timedelta(microseconds=1)).astimezone(zone).date() < day


@pytest.mark.parametrize(
    ("day", "zone"),
    [(date.min, ZoneInfo("Asia/Tokyo")), (date.max, ZoneInfo("America/New_York")), (date.min, ZURICH)],
)
def test_the_ends_of_the_calendar_are_refused_with_a_value_error(day: date, zone: ZoneInfo) -> None:
    """A source that writes 0001-01-01 or 9999-12-31 gets a problem for that record, not a crash."""
    with pytest.raises(ValueError, match=r"calendar|last day"):
        (times.day_start if day == date.min else times.day_end)(day, zone)


def test_the_last_day_there_is_has_no_end() -> None:
    """There is no midnight behind it in any zone."""
    with pytest.raises(ValueError, match="last day"):
        times.day_end(date.max, ZoneInfo("UTC"))


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../../etc/passwd", "Europe/", "/etc/localtime", "Europe/Zürich"])
def test_a_zone_that_does_not_exist_is_a_value_error(name: str) -> None:
    """Whatever is typed, it is a sentence and never a path that is opened."""
    with pytest.raises(ValueError, match="is not a time zone"):
        times.zone(name)


@given(st.datetimes(timezones=st.sampled_from([UTC, ZURICH, ZoneInfo("Asia/Kathmandu")]), allow_imaginary=False))
def test_a_moment_survives_the_way_through_text(moment: datetime) -> None:
    """What is printed can be read again, in UTC with a Z. (Python calls a moment of an hour that comes twice unequal to
    the same moment in another zone, so both are compared in UTC.)"""
    assume(timedelta(days=2) < moment.replace(tzinfo=UTC) - datetime.min.replace(tzinfo=UTC))
    assume(timedelta(days=2) < datetime.max.replace(tzinfo=UTC) - moment.replace(tzinfo=UTC))
    text = times.to_text(moment)
    assert text.endswith("Z")
    assert times.from_text(text) == moment.astimezone(UTC)


def test_text_without_a_zone_is_no_moment() -> None:
    """A zone is never guessed."""
    with pytest.raises(ValueError, match="no time zone"):
        times.from_text("2026-11-21T09:00:00")


# ── said to people ────────────────────────────────────────────────────────────────────────────────────────────────────

LAST_DAY = datetime(2027, 1, 8, 23, tzinfo=UTC)
"""The midnight in Zürich that ends 8 January."""


def test_a_window_that_ends_at_midnight_is_said_by_its_last_day_wherever_it_is_said() -> None:
    """Plan, table and card would otherwise name three days for one grant."""
    starts = datetime(2026, 10, 12, 22, tzinfo=UTC)
    assert times.moment_text(LAST_DAY, ZURICH) == "8 Jan 2027"
    assert times.edges_text(starts, LAST_DAY, ZURICH) == ("13 Oct 2026", "8 Jan 2027")
    assert times.wall(LAST_DAY, ZURICH, end=True) == (date(2027, 1, 8), "24:00")
    assert period(starts, LAST_DAY, ZURICH) == "13 Oct 26 – 8 Jan 27"
    assert period(None, LAST_DAY, ZURICH) == "until 8 Jan 2027"


@pytest.mark.parametrize(
    ("starts", "ends", "said"),
    [
        pytest.param(
            "2027-01-07T23:00", "2027-01-08T13:00", ("8 Jan 2027 00:00", "8 Jan 2027 14:00"), id="ends-by-day"
        ),
        pytest.param("2027-01-08T17:00", "2027-01-08T23:00", ("8 Jan 2027 18:00", "8 Jan 2027 24:00"), id="evening"),
        pytest.param("2027-01-07T23:00", "2027-01-08T23:00", ("8 Jan 2027", "8 Jan 2027"), id="one-whole-day"),
        pytest.param("2026-10-12T13:00", "2027-01-08T23:00", ("12 Oct 2026 15:00", "8 Jan 2027"), id="membership"),
        pytest.param(None, "2027-01-08T13:00", ("", "8 Jan 2027 14:00"), id="open-start"),
        pytest.param("2027-01-07T23:00", None, ("8 Jan 2027", ""), id="open-end"),
    ],
)
def test_a_midnight_keeps_its_time_where_the_other_side_of_the_window_has_one(
    starts: str | None, ends: str | None, said: tuple[str, str]
) -> None:
    window = [utc(edge) if edge is not None else None for edge in (starts, ends)]
    assert times.edges_text(window[0], window[1], ZURICH) == said


def test_an_evening_that_ends_at_midnight_stays_on_its_day() -> None:
    starts = utc("2027-01-08T17:00")
    assert period(starts, LAST_DAY, ZURICH) == "Fri 8 Jan 18:00–24:00"
    assert window_text(Window(starts, LAST_DAY), ZURICH) == "8 Jan 2027 18:00 to 24:00"
    assert window_text(Window(starts - timedelta(days=2), LAST_DAY), ZURICH) == "6 Jan 2027 18:00 to 8 Jan 2027 24:00"
    assert window_text(Window(LAST_DAY, FOREVER), ZURICH) == "from 9 Jan 2027"
