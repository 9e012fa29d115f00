"""The public timetable as sessions: one promise of the guide after the other."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hub import FixSettings, RetryLater
from hub.records import Instructor, Location, SessionState, Window
from hub.testing import Reply, Request
from plugins.booking.sportsnow.simulator import SportsNowSimulator
from tests.plugins.booking.sportsnow.support import NOW, TIMETABLE, WEEK, Studio, opened


def change_rows(monkeypatch: pytest.MonkeyPatch, **fields: Any) -> None:
    """SportsNow writes these fields of every row so; None leaves a field out."""
    rows = SportsNowSimulator.live_calendar

    def changed(self: SportsNowSimulator, request: Request) -> Reply:
        found = [{**row, **fields} for row in rows(self, request).value]
        return Reply(200, [{name: value for name, value in row.items() if value is not None} for row in found])

    monkeypatch.setattr(SportsNowSimulator, "live_calendar", changed)


@pytest.fixture
async def one(studio: Studio) -> Studio:
    """A studio with one lesson, Saturday at 10."""
    studio.sim.world.lessons.clear()
    studio.sim.add_lesson("2026-11-21T10:00", name="Yoga")
    return studio


async def test_a_row_is_a_session_with_the_number_in_its_link_as_id(one: Studio) -> None:
    """Names become records of their own, keyed by the normalised name; there is no capacity."""
    found = await one.timetable()
    session = found.one("session")
    assert (session.id, session.name, session.state) == ("1000", "Yoga", SessionState.SCHEDULED)
    assert (session.instructor_id, session.location_id) == ("mia keller", "studio 1")
    assert session.capacity is None
    assert found.one("instructor") == Instructor(id="mia keller", name="Mia Keller")
    assert found.one("location") == Location(id="studio 1", name="Studio 1")


async def test_the_id_field_of_2020_is_never_read(one: Studio) -> None:
    """It is said to be gone, and was not the number of the link."""
    one.sim.faults.lesson_ids = True
    assert (await one.timetable()).one("session").id == "1000"


async def test_times_are_wall_clock_times_of_the_studio(one: Studio) -> None:
    """In winter an hour ahead of UTC, in summer two."""
    assert (await one.timetable()).one("session").starts_at == datetime(2026, 11, 21, 9, tzinfo=UTC)
    one.clock.set(datetime(2026, 7, 1, tzinfo=UTC))
    one.sim.world.lessons.clear()
    one.sim.add_lesson("2026-07-01T10:00")
    assert (await one.read(Window(kinds=TIMETABLE))).one("session").starts_at == datetime(2026, 7, 1, 8, tzinfo=UTC)


async def test_the_zone_is_the_studios_and_not_the_machines() -> None:
    """A studio elsewhere reads the same clock another way."""
    async with opened(zone="Asia/Tokyo") as studio:
        studio.sim.world.lessons.clear()
        studio.sim.add_lesson("2026-11-21T10:00")
        session = (await studio.read(Window(kinds=TIMETABLE))).one("session")
    assert session.starts_at == datetime(2026, 11, 21, 1, tzinfo=UTC)


async def test_a_lesson_over_midnight_ends_on_the_next_day(one: Studio) -> None:
    """A row has one date for both times."""
    one.sim.world.lessons.clear()
    one.sim.add_lesson("2026-11-21T23:30", minutes=90)
    session = (await one.timetable()).one("session")
    assert session.ends_at - session.starts_at == timedelta(minutes=90)


@pytest.mark.parametrize("team", ["Studio Nordlicht", "studio  NORDLICHT", "Studio-Nordlicht", "", "  "])
async def test_the_studios_own_name_means_that_nobody_is_assigned(
    one: Studio, monkeypatch: pytest.MonkeyPatch, team: str
) -> None:
    """The name as the hub has it, or as it stands in the public address."""
    change_rows(monkeypatch, team=team)
    found = await one.timetable()
    assert found.one("session").instructor_id is None
    assert not found.records["instructor"]


async def test_a_name_is_the_same_in_any_case_and_spacing(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise staff would confirm one person twice."""
    names = iter(["Mia Keller", " mia  keller", "MIA KELLER "])
    row = SportsNowSimulator._row
    monkeypatch.setattr(SportsNowSimulator, "_row", lambda self, lesson: {**row(self, lesson), "team": next(names, "")})
    assert (await studio.timetable()).ids("instructor") == {"mia keller"}


async def test_a_row_without_a_location_is_a_session_without_one(one: Studio) -> None:
    """The field may be null, and a client does without it."""
    one.sim.faults.no_location = True
    found = await one.timetable()
    assert found.one("session").location_id is None
    assert not found.records["location"]


async def test_a_cancelled_lesson_just_vanishes_and_the_week_is_complete(studio: Studio) -> None:
    """That is how the hub learns of it."""
    before = await studio.timetable()
    studio.sim.cancel_lesson(1000)
    after = await studio.timetable()
    assert before.ids("session") - after.ids("session") == {"1000"}
    assert after.mark.kinds == {"session"}


async def test_nothing_is_concluded_from_an_empty_answer(studio: Studio) -> None:
    """It may be a fault as well as a holiday."""
    studio.sim.world.lessons.clear()
    found = await studio.timetable()
    assert found.mark.kinds == frozenset()
    assert "empty" in found.mark.why_not["session"]


async def test_one_empty_week_among_others_leaves_the_sessions_out_of_the_mark(studio: Studio) -> None:
    """Weeks that are not published yet look the same, so nobody is told."""
    found = await studio.timetable(weeks=8)
    assert found.mark.kinds == frozenset()
    assert (await studio.timetable(weeks=6)).mark.kinds == {"session"}


async def test_instructors_and_locations_are_never_complete(studio: Studio) -> None:
    """One who gives no lesson in these weeks is still there. A page says all the same that the kind was looked at."""
    studio.sim.world.instructors.clear()
    found = await studio.timetable()
    assert found.mark.kinds == {"session"}
    assert {page.kind for page in found.pages} == TIMETABLE


async def test_a_read_without_limits_asks_this_week_and_those_after_and_claims_nothing(studio: Studio) -> None:
    """A timetable has no end, so not every session was sent."""
    found = await studio.read(Window(kinds=TIMETABLE))
    assert len(found.records["session"]) == 18
    assert found.mark.kinds == frozenset()
    assert studio.sim.log.by_operation["liveCalendar"] == 6


async def test_weeks_is_how_far_is_asked_and_what_lies_behind_is_not_claimed() -> None:
    """A studio that publishes less asks for less."""
    async with opened(weeks=1) as studio:
        found = await studio.timetable(weeks=4)
        assert studio.sim.log.by_operation["liveCalendar"] == 2
        assert found.mark.kinds == frozenset()
        assert (await studio.timetable(weeks=2)).mark.kinds == {"session"}


async def test_a_window_far_in_the_past_does_not_ask_for_years(studio: Studio) -> None:
    """A few weeks back, and nothing is claimed of the others."""
    found = await studio.read(Window(starts_at=NOW - 500 * WEEK, ends_at=NOW, kinds=TIMETABLE))
    assert studio.sim.log.by_operation["liveCalendar"] == 5
    assert found.mark.kinds == frozenset()


async def test_a_window_beyond_the_last_week_asks_for_nothing(studio: Studio) -> None:
    """There is nothing to say about it."""
    found = await studio.read(Window(starts_at=NOW + 90 * WEEK, ends_at=NOW + 91 * WEEK, kinds=TIMETABLE))
    assert studio.sim.log.total == 0
    assert found.mark.kinds == frozenset()


async def test_only_sessions_that_lie_in_the_window_are_sent(studio: Studio) -> None:
    """One that touches it with a part does, one that ends as it begins does not."""
    studio.sim.world.lessons.clear()
    early, across, late = (studio.sim.add_lesson(f"2026-11-21T{hour}:00") for hour in ("09", "10", "12"))
    begin = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
    found = await studio.read(Window(starts_at=begin, ends_at=begin + timedelta(hours=2), kinds=TIMETABLE))
    assert found.ids("session") == {str(across)}
    assert early != late


async def test_a_week_begins_on_monday_in_the_studios_zone(studio: Studio) -> None:
    """Sunday 23:30 UTC is Monday in Zurich."""
    monday = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    await studio.read(Window(starts_at=monday, ends_at=monday + timedelta(hours=1), kinds=TIMETABLE))
    found = await studio.read(Window(starts_at=monday, ends_at=monday + WEEK - timedelta(hours=1), kinds=TIMETABLE))
    assert studio.sim.log.by_operation["liveCalendar"] == 2
    assert {session.starts_at.date() for session in found.records["session"]} == {
        date(2026, 11, 23),
        date(2026, 11, 25),
        date(2026, 11, 27),
    }


async def test_lessons_of_another_week_are_an_error(studio: Studio) -> None:
    """As they come from a server that reads the date from the body, as that of 2020 did."""
    studio.sim.faults.date_in_body = True
    with pytest.raises(RetryLater, match="was asked for"):
        await studio.timetable(weeks=2)


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("date", "21.11.2026", "is not a day"),
        ("date", None, "is not a day"),
        ("time_begin", "ten", "is not a time of day"),
        ("time_begin", None, "is not a time of day"),
        ("time_end", "25:00", "is not a time of day"),
        ("time_end", 11, "is not a time of day"),
        ("time_end", "10:00", "is not after time_begin"),
        ("time_end", "09:00", "is not after time_begin"),
    ],
)
async def test_a_row_that_cant_be_read_is_set_aside_by_its_number(
    one: Studio, monkeypatch: pytest.MonkeyPatch, field: str, value: Any, said: str
) -> None:
    """What was known of it before stays; the others are complete."""
    change_rows(monkeypatch, **{field: value})
    found = await one.timetable()
    assert (found.problem.kind, found.problem.id) == ("session", "1000")
    assert said in found.problem.what
    assert found.problem.fix
    assert found.mark.kinds == {"session"}


@pytest.mark.parametrize("link", [None, "", "https://www.sportsnow.ch/service_sessions/", "/service_sessions/a1/"])
async def test_a_row_without_a_number_in_its_link_keeps_the_week_from_being_complete(
    one: Studio, monkeypatch: pytest.MonkeyPatch, link: str | None
) -> None:
    """It could be any lesson."""
    change_rows(monkeypatch, book_now_link=link)
    found = await one.timetable()
    assert found.problem.id is None
    assert found.mark.kinds == frozenset()
    assert "which lessons" in found.mark.why_not["session"]


async def test_rows_that_repeat_a_lesson_are_one_and_rows_that_disagree_are_none(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody can say which of them is right."""
    rows = SportsNowSimulator.live_calendar

    def double(self: SportsNowSimulator, request: Request) -> Reply:
        found = rows(self, request).value
        return Reply(200, [*found, found[0], {**found[1], "name": "Other"}], items_in="")

    monkeypatch.setattr(SportsNowSimulator, "live_calendar", double)
    found = await studio.timetable()
    assert found.ids("session") == {"1000", "1002"}
    assert found.problem.id == "1001"


async def test_a_lesson_asked_for_by_id_is_found_in_the_weeks_that_are_asked(studio: Studio) -> None:
    """One that isn't there may lie beyond them, so it isn't said to be gone."""
    asked = frozenset({("session", "1004"), ("session", "9")})
    found = await studio.read(Window(kinds=frozenset({"session"}), ids=asked))
    assert found.ids("session") == {"1004"}
    assert not found.gone["session"]
    assert found.mark.kinds == frozenset()


async def test_asking_for_members_does_not_read_the_timetable(studio: Studio) -> None:
    """It has none."""
    await studio.read(Window(members=frozenset({"1"})))
    assert studio.sim.log.total == 0


async def test_a_studio_that_sportsnow_does_not_know_is_a_matter_of_settings() -> None:
    """With the name and where to find the right one."""
    async with opened(provider="somebody-else") as studio:
        with pytest.raises(FixSettings, match="somebody-else") as caught:
            await studio.timetable()
    assert "sportsnow.ch/providers/" in caught.value.fix
