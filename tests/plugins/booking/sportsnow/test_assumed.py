"""The assumed routes: off by default, and as careful as if they were real where they are switched on."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from hub import FixSettings, RetryLater
from hub.records import BookingState, PassState, Window
from hub.testing import Reply
from plugins.booking.sportsnow.settings import SportsNowSettings
from plugins.booking.sportsnow.simulator import TOKEN
from tests.plugins.booking.sportsnow.support import NOW, Studio, assumed, opened

PEOPLE = frozenset({"member", "badge", "pass", "member_pass"})
BOOKINGS = Window(starts_at=NOW - timedelta(days=5), ends_at=NOW + timedelta(days=7), kinds=frozenset({"booking"}))


@pytest.fixture
async def people() -> AsyncIterator[Studio]:
    """A studio with the assumed routes switched on."""
    async with opened(**assumed()) as made:
        yield made


def test_they_are_off_by_default() -> None:
    """Nobody is let in over something that nobody has seen."""
    assert SportsNowSettings(provider="a").assumed_routes is False


@pytest.mark.parametrize("values", [{"assumed_routes": True}, {"assumed_routes": True, "token": "t", "path": "export"}])
def test_they_need_a_token_and_no_folder(values: dict[str, Any]) -> None:
    """Members come from one place."""
    with pytest.raises(ValidationError):
        SportsNowSettings(provider="a", **values)


async def test_while_they_are_off_none_is_called(studio: Studio) -> None:
    """Only the timetable is read."""
    await studio.read()
    assert set(studio.sim.log.by_operation) == {"liveCalendar"}


async def test_members_badges_passes_and_what_they_bought_are_read(people: Studio) -> None:
    """Whole lists, to their last page."""
    found = await people.read(Window(kinds=PEOPLE))
    assert not found.problems
    assert found.mark.kinds == PEOPLE
    assert found.ids("member") == {"1", "2", "3"}
    assert found.ids("badge") == {"1/56CA4C85", "2/4A2B7C1"}
    assert found.ids("pass") == {"1", "2"}
    sold = found.records["member_pass"][0]
    assert (sold.member_id, sold.pass_id, sold.state) == ("1", "1", PassState.ACTIVE)
    assert sold.valid_from == datetime(2026, 11, 15, 23, tzinfo=UTC)


async def test_a_deleted_pass_is_revoked(people: Studio) -> None:
    """Expired or deleted passes must end access."""
    people.sim.delete_pass(1)
    found = await people.read(Window(kinds=frozenset({"member_pass"})))
    assert found.records["member_pass"][0].state is PassState.REVOKED


async def test_a_closure_moves_the_end_without_a_purchase(people: Studio) -> None:
    """By exactly the days that it overlaps, so whole records are compared."""
    window = Window(kinds=frozenset({"member_pass"}))
    before = (await people.read(window)).records["member_pass"]
    first = date(2026, 12, 24)
    people.sim.close(first, first + timedelta(days=9))
    after = (await people.read(window)).records["member_pass"]
    moved = [new.valid_until - old.valid_until for old, new in zip(before, after, strict=True)]
    assert moved == [timedelta(days=10)] * 3


async def test_long_lists_are_read_page_by_page(people: Studio) -> None:
    """As they arrive."""
    for _ in range(247):
        people.sim.add_customer()
    found = await people.read(Window(kinds=frozenset({"member"})))
    assert [len(page.records) for page in found.pages] == [100, 100, 50]


async def test_a_list_that_does_not_say_how_long_it_is_ends_with_an_empty_page(people: Studio) -> None:
    """No other end could be told from a short page."""
    people.sim.faults.without_meta = True
    for _ in range(150):
        people.sim.add_customer()
    found = await people.read(Window(kinds=frozenset({"member"})))
    assert len(found.ids("member")) == 153
    assert found.mark.kinds == {"member"}


@pytest.mark.parametrize("fault", ["half_page,after=1,times=1", "half_page,times=1"])
async def test_a_page_that_stops_half_way_is_an_error(people: Studio, fault: str) -> None:
    """Pages before the last one are of one size."""
    for _ in range(250):
        people.sim.add_customer()
    people.sim.faults.set(fault)
    with pytest.raises(RetryLater, match="changed while it was read"):
        await people.read(Window(kinds=frozenset({"member"})))


async def test_a_server_that_ignores_the_page_is_an_error(people: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Otherwise it would never end."""
    people.sim.faults.without_meta = True
    listed = type(people.sim).listed
    rows = list(people.sim.world.customers.values())

    def first(self: Any, request: Any, found: Any) -> Any:
        request.query["page"] = "1"
        return listed(self, request, rows)

    monkeypatch.setattr(type(people.sim), "listed", first)
    with pytest.raises(RetryLater):
        await people.read(Window(kinds=frozenset({"member"})))


@pytest.mark.parametrize(
    ("status", "checked_in", "state"),
    [
        ("booked", None, BookingState.CONFIRMED),
        ("booked", "2026-11-21T09:00:00Z", BookingState.CHECKED_IN),
        ("waiting", None, BookingState.WAITLISTED),
        ("cancelled", None, BookingState.CANCELLED),
        ("cancelled", "2026-11-21T09:00:00Z", BookingState.CANCELLED),
    ],
)
async def test_only_a_booked_booking_is_one(
    people: Studio, status: str, checked_in: str | None, state: BookingState
) -> None:
    """A state that is none opens no door."""
    booking = people.sim.world.bookings[1]
    people.sim.world.bookings[1] = {**booking, "status": status, "checked_in_at": checked_in}
    found = await people.read(BOOKINGS)
    assert (found.one("booking").state, found.one("booking").session_id) == (state, "1000")
    assert found.mark.kinds == {"booking"}


@pytest.mark.parametrize(
    ("table", "fields", "kind", "said"),
    [
        ("bookings", {"status": "perhaps"}, "booking", "none of booked"),
        ("bookings", {"customer_id": None}, "booking", "customer_id is missing"),
        ("customers", {"gender": "x"}, "member", "none of female"),
        ("customers", {"archived": "yes"}, "member", "neither true nor false"),
        ("customers", {"birth_date": 3}, "member", "is not text"),
        ("customer_passes", {"ends_on": "soon"}, "member_pass", "is not a date"),
        ("customer_passes", {"ends_on": "2020-01-01"}, "member_pass", "before the beginning"),
        ("customer_passes", {"pass_id": None}, "member_pass", "pass_id is missing"),
    ],
)
async def test_what_is_not_understood_is_set_aside_by_its_id(
    people: Studio, table: str, fields: dict[str, Any], kind: str, said: str
) -> None:
    """And never guessed at."""
    rows = getattr(people.sim.world, table)
    rows[1] = {**rows[1], **fields}
    found = await people.read(BOOKINGS if kind == "booking" else Window(kinds=frozenset({kind})))
    assert (found.problem.kind, found.problem.id) == (kind, "1")
    assert said in found.problem.what


@pytest.mark.parametrize(
    "badges", [{"number": "12"}, [{"number": "zz"}], [{"number": 12}], [{"number": "12", "kind": "face"}], ["12"]]
)
async def test_badges_that_are_not_understood_keep_badges_from_being_complete(people: Studio, badges: Any) -> None:
    """They could be any that were known before."""
    people.sim.world.customers[1] = {**people.sim.world.customers[1], "badges": badges}
    found = await people.read(Window(kinds=frozenset({"badge"})))
    assert (found.problem.kind, found.problem.id) == ("badge", None)


async def test_bookings_of_a_week_that_is_empty_are_not_complete(people: Studio) -> None:
    """Its lessons may only be missing."""
    people.sim.world.lessons.clear()
    assert (await people.read(BOOKINGS)).mark.kinds == frozenset()


async def test_a_lesson_that_cant_be_read_leaves_its_bookings_incomplete(people: Studio) -> None:
    """Nobody can ask for them."""
    lesson = people.sim.world.lessons[1001]
    people.sim.world.lessons[1001] = {**lesson, "end": lesson["begin"]}
    found = await people.read(BOOKINGS)
    assert "can't be read" in found.mark.why_not["booking"]
    assert found.ids("booking") == {"1"}


async def test_a_list_with_an_empty_page_before_its_last_is_an_error(
    people: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It says itself that there is more."""
    empty = Reply(200, {"data": [], "meta": {"page": 1, "total_pages": 2}}, items_in="data")
    monkeypatch.setattr(type(people.sim), "listed", lambda self, request, rows: empty)
    with pytest.raises(RetryLater, match="page 1 of 2 is empty"):
        await people.read(Window(kinds=frozenset({"member"})))


async def test_a_lesson_that_goes_away_meanwhile_leaves_bookings_incomplete(
    people: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The others are read."""
    calendar = type(people.sim).live_calendar

    def gone(self: Any, request: Any) -> Any:
        reply = calendar(self, request)
        self.world.lessons.pop(1001, None)
        return reply

    monkeypatch.setattr(type(people.sim), "live_calendar", gone)
    found = await people.read(BOOKINGS)
    assert "1001" in found.mark.why_not["booking"]
    assert found.one("booking").id == "1"


async def test_the_records_of_chosen_members_are_narrowed_here(people: Studio) -> None:
    """Nothing follows for the others."""
    found = await people.read(Window(kinds=PEOPLE, members=frozenset({"2"})))
    assert (found.ids("member"), found.ids("badge"), found.ids("member_pass")) == ({"2"}, {"2/4A2B7C1"}, {"2"})
    assert found.mark.kinds == frozenset()


async def test_the_token_goes_to_the_assumed_routes_alone(people: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """The timetable is public."""
    seen: dict[str, str] = {}
    answer = people.sim.authorize
    monkeypatch.setattr(
        people.sim, "authorize", lambda request: (seen.update({request.path: request.header("authorization")}), answer)
    )
    await people.read()
    tokens = {path.rsplit("/", 1)[1]: value for path, value in seen.items()}
    assert tokens["live_calendar"] == ""
    assert tokens["customers"] == f"Bearer {TOKEN}"


async def test_a_wrong_token_is_a_matter_of_settings_and_stands_in_no_error() -> None:
    """Nor in a repr."""
    async with opened(**assumed(token="very-secret-token-1")) as studio:
        with pytest.raises(FixSettings, match="401") as caught:
            await studio.read(Window(kinds=PEOPLE))
        assert "very-secret-token-1" not in f"{caught.value} {studio.connection!r} {await studio.verify()!r}"
