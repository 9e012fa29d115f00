"""The simulated SportsNow has the ways that the guide describes."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from hub.clock import FrozenClock
from hub.testing import CONTROL_PATH
from plugins.booking.sportsnow.simulator import PROVIDER, SportsNowSimulator
from tests.plugins.booking.sportsnow.support import NOW
from tests.plugins.booking.sportsnow.test_contract import ask

LESSONS = f"/platform/api/v1/public/provider/{PROVIDER}/live_calendar"
CUSTOMERS = f"/platform/api/v1/provider/{PROVIDER}/customers"


@pytest.fixture
def sim() -> SportsNowSimulator:
    return SportsNowSimulator(clock=FrozenClock(NOW))


async def week(sim: SportsNowSimulator, query: str = "", **body: Any) -> list[dict[str, Any]]:
    """The rows of a week."""
    rows: list[dict[str, Any]] = (await ask(sim, "POST", f"{LESSONS}{query}", json=body)).json()
    return rows


async def test_a_get_of_the_timetable_is_404(sim: SportsNowSimulator) -> None:
    """Not 405."""
    assert (await ask(sim, "GET", LESSONS)).status_code == 404


@pytest.mark.parametrize("day", range(7))
async def test_any_day_gives_its_week_from_monday_to_sunday(sim: SportsNowSimulator, day: int) -> None:
    """In the order of time."""
    rows = await week(sim, f"?date=2026-11-{23 + day}")
    assert [row["date"] for row in rows] == ["2026-11-23", "2026-11-25", "2026-11-27"]


async def test_only_the_date_in_the_query_counts(sim: SportsNowSimulator) -> None:
    """The one in the body is for clients of 2020, and does nothing."""
    rows = await week(sim, "?date=2026-11-23", date="2026-12-07")
    assert rows[0]["date"] == "2026-11-23"
    sim.faults.date_in_body = True
    assert (await week(sim, "?date=2026-11-23", date="2026-12-07"))[0]["date"] == "2026-12-07"


async def test_without_a_date_it_is_this_week(sim: SportsNowSimulator) -> None:
    """What the vendor does then is unknown."""
    assert (await week(sim))[0]["date"] == "2026-11-16"


async def test_a_row_has_names_and_no_ids_but_the_one_in_its_link(sim: SportsNowSimulator) -> None:
    """Wall-clock times without a zone."""
    assert (await week(sim))[0] == {
        "date": "2026-11-16",
        "time_begin": "18:00",
        "time_end": "19:00",
        "name": "Vinyasa Flow",
        "team": "Mia Keller",
        "location_name": "Studio 1",
        "book_now_link": "https://www.sportsnow.ch/service_sessions/1000/bookings/new",
    }


async def test_nobody_assigned_is_the_studios_name(sim: SportsNowSimulator) -> None:
    """There is no other word for it."""
    assert (await week(sim))[2]["team"] == "Studio Nordlicht"


async def test_a_cancelled_lesson_vanishes(sim: SportsNowSimulator) -> None:
    """Nothing says so."""
    sim.cancel_lesson(1000)
    assert len(await week(sim)) == 2


@pytest.mark.parametrize("content", [b"", b"[]", b"no"])
async def test_a_body_that_is_no_object_is_refused(sim: SportsNowSimulator, content: bytes) -> None:
    """What the vendor does is unknown, so a client that forgets it is told."""
    assert (await ask(sim, "POST", LESSONS, content=content)).status_code == 400


@pytest.mark.parametrize("query", ["?per_page=0", "?per_page=x", "?page=-1"])
async def test_a_page_that_is_none_is_refused(sim: SportsNowSimulator, query: str) -> None:
    """Assumed."""
    assert (await ask(sim, "GET", CUSTOMERS + query)).status_code == 400


async def test_a_closure_cancels_lessons_and_bookings_and_lengthens_passes_by_the_days_it_overlaps(
    sim: SportsNowSimulator,
) -> None:
    """One that ends within it only by those days that it had."""
    sim.change_pass(2, ends_on="2026-11-17")
    sim.change_pass(3, ends_on=None)
    sim.close(date(2026, 11, 16), date(2026, 11, 22))
    assert await week(sim) == []
    assert sim.world.bookings[1]["status"] == "cancelled"
    assert [held["ends_on"] for held in sim.world.customer_passes.values()] == ["2027-11-22", "2026-11-19", None]


async def test_the_same_seed_gives_the_same_studio() -> None:
    """And the control path shows it."""
    first, second = (SportsNowSimulator(clock=FrozenClock(NOW)) for _ in range(2))
    assert vars(first.world) == vars(second.world)
    state = (await ask(first, "GET", f"{CONTROL_PATH}/state")).json()
    assert len(state["lessons"]) == 18


async def test_a_simulator_can_begin_empty() -> None:
    """For benchmarks."""
    assert await week(SportsNowSimulator(clock=FrozenClock(NOW), empty=True)) == []
