"""What is read from bsport, record by record."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest

from hub.records import BookingState, PassState, SessionState
from plugins.booking import bsport
from tests.plugins.booking.bsport.support import DAY, HOUR, NOW, Studio, member, opened, simulator


async def test_a_client_is_a_member(studio: Studio) -> None:
    """Names, e-mail, phone, birthday; nothing of weight, badge or display consent is there."""
    client = studio.sim.add_client("Anna", "Graf", phone="+41790000000", birth_date="1990-02-03")
    found = (await studio.read("member")).one("member")
    assert (found.id, found.name, found.email) == (str(client), "Anna Graf", "anna.graf@example.org")
    assert (found.phone, found.birth_date, found.archived) == ("+41790000000", date(1990, 2, 3), False)
    assert found.weight_kg is found.ftp_w is found.height_cm is None
    assert found.show_live


async def test_an_archived_client_is_archived(studio: Studio) -> None:
    studio.sim.add_client("Anna", is_archived=True)
    assert (await studio.read("member")).one("member").archived


@pytest.mark.parametrize("birthday", ["", None, "31.12.1990", "0000-00-00", 5])
async def test_an_odd_birthday_hides_nobody(studio: Studio, birthday: Any) -> None:
    studio.sim.add_client("Anna", birth_date=birthday)
    read = await studio.read("member")
    assert read.one("member").birth_date is None
    assert not read.problems


async def test_tags_are_communities(studio: Studio) -> None:
    """A tag is the nearest thing; who has it is in it, without role or dates."""
    team, vip = studio.sim.add_tag("Team"), studio.sim.add_tag("VIP")
    client = studio.sim.add_client("Anna", tag_ids=[team, vip, team])
    read = await studio.read("community", "community_member")
    assert {key: one.name for key, one in read.of("community").items()} == {str(team): "Team", str(vip): "VIP"}
    assert set(read.of("community_member")) == {f"{client}:{team}", f"{client}:{vip}"}
    one = read.of("community_member")[f"{client}:{team}"]
    assert (one.community_id, one.member_id, one.accepted) == (str(team), str(client), True)
    assert read.complete == {"community", "community_member"}
    assert not read.of("member")


async def test_a_client_whose_tags_are_unreadable_leaves_communities_incomplete(studio: Studio) -> None:
    """It isn't known which ones are missing; the member itself is fine."""
    studio.sim.add_client("Anna", tag_ids=None)
    read = await studio.read("member", "community_member")
    assert read.one("member").given_name == "Anna"
    (problem,) = read.problems
    assert (problem.kind, problem.id) == ("community_member", None)
    assert "tag_ids is missing" in problem.what


async def test_passes_and_who_holds_them(studio: Studio) -> None:
    """Calendar days are those of the studio, and the ending date is included."""
    client, held = member(studio.sim)
    read = await studio.read("pass", "member_pass")
    assert read.one("pass").name == "Abo 12 months"
    found = read.one("member_pass")
    assert (found.id, found.member_id, found.pass_id) == (str(held), str(client), read.one("pass").id)
    assert found.state is PassState.ACTIVE
    assert found.valid_from == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert found.valid_until == datetime(2027, 12, 31, 23, tzinfo=UTC)


async def test_the_ending_date_can_be_set_to_be_excluded() -> None:
    """Which of both it is, nobody knows."""
    async with opened(simulator(), ending_date_included=False) as studio:
        member(studio.sim)
        found = (await studio.read("member_pass")).one("member_pass")
    assert found.valid_until == datetime(2027, 12, 30, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("2026-06-30T22:00:00Z", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-07-01T00:00:00+02:00", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-07-01T00:00:00.000", datetime(2026, 6, 30, 22, tzinfo=UTC)),
        ("2026-07-01", datetime(2026, 7, 1, 22, tzinfo=UTC)),
        (None, None),
        ("", None),
    ],
)
async def test_an_ending_date_may_be_a_moment_or_absent(
    studio: Studio, written: str | None, meant: datetime | None
) -> None:
    """A moment is the moment it says; one without offset is the studio's; none is no end."""
    client, _ = member(studio.sim)
    studio.sim.world.client_passes.clear()
    studio.sim.sell(client, 1, starts="2026-01-01", ends=written)
    found = (await studio.read("member_pass")).one("member_pass")
    assert found.valid_until == meant
    assert found.state is PassState.ACTIVE


async def test_a_disabled_pass_is_revoked(studio: Studio) -> None:
    _, held = member(studio.sim)
    studio.sim.change(studio.sim.world.client_passes, held, is_disabled=True)
    assert (await studio.read("member_pass")).one("member_pass").state is PassState.REVOKED


@pytest.mark.parametrize("starts", [None, ""])
async def test_a_pass_that_has_not_begun_opens_nothing(studio: Studio, starts: str | None) -> None:
    """Without a starting date it may wait for the first visit."""
    _, held = member(studio.sim)
    studio.sim.change(studio.sim.world.client_passes, held, starting_date=starts)
    assert (await studio.read("member_pass")).one("member_pass").state is PassState.PENDING


async def test_a_pass_without_credits_left_still_opens(studio: Studio) -> None:
    """Credits are used up by booking, and the booked class is still to come."""
    _, held = member(studio.sim)
    studio.sim.change(studio.sim.world.client_passes, held, available_credits_amount=0, used_credits_amount=10)
    assert (await studio.read("member_pass")).one("member_pass").state is PassState.ACTIVE


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"is_disabled": None}, "is_disabled is missing"),
        ({"is_disabled": "no"}, "is_disabled is 'no'"),
        ({"starting_date": "soon"}, "starting_date is 'soon'"),
        ({"starting_date": 20260101}, "starting_date is 20260101"),
        ({"ending_date": "2026-13-01"}, "ending_date is '2026-13-01'"),
        ({"ending_date": "9999-12-31"}, "last day"),
        ({"client_id": None}, "client_id is missing"),
        ({"pass_id": [1]}, "pass_id is [1]"),
    ],
)
async def test_a_pass_that_can_not_be_understood_is_set_aside(
    studio: Studio, fields: dict[str, Any], words: str
) -> None:
    """With its id, what is wrong and what to do; the others are read."""
    _, held = member(studio.sim)
    member(studio.sim, "Luca")
    studio.sim.change(studio.sim.world.client_passes, held, **fields)
    read = await studio.read("member_pass")
    (problem,) = read.problems
    assert (problem.kind, problem.id) == ("member_pass", str(held))
    assert words in problem.what
    assert problem.fix
    assert str(held) in problem.where
    assert len(read.of("member_pass")) == 1
    assert read.complete == {"member_pass"}


async def test_a_record_without_an_id_is_a_problem_without_one(studio: Studio) -> None:
    """Which keeps its kind from being complete."""
    pass_id = studio.sim.add_pass("Abo")
    studio.sim.change(studio.sim.world.passes, pass_id, id=None)
    (problem,) = (await studio.read("pass")).problems
    assert (problem.kind, problem.id, problem.what) == ("pass", None, "id is missing")


async def test_a_class_is_a_session(studio: Studio) -> None:
    """With its end worked out from its length; its name is on the classic interface only."""
    class_id = studio.sim.add_class(NOW + HOUR, minutes=45, teacher_id=7, venue_id=8)
    read = await studio.read("session")
    found = read.one("session")
    assert (found.id, found.starts_at, found.ends_at) == (str(class_id), NOW + HOUR, NOW + 1.75 * HOUR)
    assert (found.instructor_id, found.location_id, found.state) == ("7", "8", SessionState.SCHEDULED)
    assert (found.name, found.room_plan_id) == ("", None)
    assert read.complete == {"session"}


async def test_a_cancelled_class_is_cancelled(studio: Studio) -> None:
    studio.sim.add_class(NOW, is_cancelled=True)
    assert (await studio.read("session")).one("session").state is SessionState.CANCELLED


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"duration_in_minutes": None}, "duration_in_minutes"),
        ({"duration_in_minutes": 0}, "duration_in_minutes"),
        ({"is_cancelled": None}, "is_cancelled"),
        ({"venue_id": True}, "venue_id"),
    ],
)
async def test_a_class_that_can_not_be_understood_is_set_aside(
    studio: Studio, fields: dict[str, Any], words: str
) -> None:
    class_id = studio.sim.add_class(NOW)
    studio.sim.change(studio.sim.world.classes, class_id, **fields)
    (problem,) = (await studio.read("session")).problems
    assert (problem.kind, problem.id) == ("session", str(class_id))
    assert words in problem.what


async def test_a_time_without_offset_is_the_studios(studio: Studio) -> None:
    """Which is the zone that was asked for with X-Timezone-Name."""
    studio.sim.faults.set("local_times")
    studio.sim.add_class(NOW)
    assert (await studio.read("session")).one("session").starts_at == NOW
    assert studio.requests[-1].header("x-timezone-name") == "Europe/Zurich"


async def test_a_time_without_offset_is_its_venues_where_that_is_known() -> None:
    """Venues are read where the guessed lists are on, also when only classes are asked for."""
    async with opened(simulator(time_zone="Europe/London"), guessed_lists=True) as studio:
        studio.sim.faults.set("local_times", "guessed_lists")
        venue = studio.sim.add_venue("Camden", "Europe/London")
        studio.sim.add_class(NOW, venue_id=venue)
        read = await studio.read("session")
        assert read.one("session").starts_at == NOW
        assert not read.of("location")
        assert read.complete == {"session"}


async def test_guessed_lists_are_read_where_they_exist() -> None:
    async with opened(simulator(), guessed_lists=True) as studio:
        studio.sim.faults.set("guessed_lists")
        venue, teacher = studio.sim.add_venue("Camden", "Europe/London"), studio.sim.add_teacher("Regula")
        read = await studio.read()
    assert read.of("location")[str(venue)].timezone == "Europe/London"
    assert read.of("instructor")[str(teacher)].name == "Regula Muster"
    assert {"location", "instructor"} <= read.complete


async def test_guessed_lists_that_do_not_exist_hinder_nothing() -> None:
    """A note says so, and the other kinds are complete."""
    async with opened(simulator(), guessed_lists=True) as studio:
        read = await studio.read()
    assert {note.where for note in read.notes} == {"/api/v1/management/venues/", "/api/v1/management/teachers/"}
    assert read.complete >= {"member", "member_pass", "session", "booking"}
    assert read.mark is not None
    assert read.mark.why_not.keys() == {"location", "instructor"}


async def test_guessed_lists_are_not_tried_unless_asked_for(studio: Studio) -> None:
    await studio.read()
    assert not studio.asked("listVenues") + studio.asked("listTeachers") + studio.asked("listRoomPlans")


@pytest.mark.parametrize(
    ("numbers", "written", "normal"),
    [("hex", "00a1:b2", "A1B2"), ("decimal", 41394, "A1B2"), ("hex", 41394, "41394"), ("hex", None, None)],
)
async def test_a_studio_may_keep_badge_numbers_as_membership_ids(numbers: str, written: Any, normal: Any) -> None:
    """bsport has no badges of its own, so this is off unless asked for."""
    async with opened(simulator(), badge_field="membership_id", badge_numbers=numbers) as studio:
        client = studio.sim.add_client("Anna", membership_id=written)
        read = await studio.read("badge")
        again = await studio.read("badge", members=frozenset({str(client)}))
    assert {one.number for one in read.of("badge").values()} == ({normal} if normal else set())
    assert read.complete == {"badge"}
    assert again.of("badge") == read.of("badge")
    assert again.gone("badge") == (set() if normal else {str(client)})


async def test_a_membership_id_that_is_no_badge_number_is_set_aside() -> None:
    async with opened(simulator(), badge_field="membership_id") as studio:
        client = studio.sim.add_client("Anna", membership_id="gold")
        read = await studio.read("member", "badge")
    assert len(read.of("member")) == 1
    assert [(problem.kind, problem.id) for problem in read.problems] == [("badge", str(client))]


# ── bookings ──────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({}, BookingState.CONFIRMED),
        ({"booking_status_code": 0}, BookingState.CONFIRMED),
        ({"booking_status_code": "0"}, BookingState.CONFIRMED),
        ({"has_attended": False, "is_no_show": False}, BookingState.CONFIRMED),
        ({"has_attended": True}, BookingState.CHECKED_IN),
        ({"is_no_show": True}, BookingState.NO_SHOW),
        ({"canceled_at": "2026-11-20T09:00:00Z"}, BookingState.CANCELLED),
        ({"canceled_at": "2026-11-20T09:00:00Z", "has_attended": True}, BookingState.CANCELLED),
        ({"canceled_at": "2026-11-20T09:00:00Z", "booking_status_code": "?"}, BookingState.CANCELLED),
    ],
)
async def test_states_of_bookings(studio: Studio, fields: dict[str, Any], state: BookingState) -> None:
    """Valid is OK here and 0 on the classic interface."""
    client, _ = member(studio.sim)
    class_id = studio.sim.add_class(NOW + HOUR)
    booking = studio.sim.book(client, class_id, **fields)
    read = await studio.read("booking")
    found = read.one("booking")
    assert (found.id, found.member_id, found.session_id) == (str(booking), str(client), str(class_id))
    assert (found.state, found.spot, found.starts_at) == (state, None, None)
    assert not read.problems


@pytest.mark.parametrize("code", ["WAITING", "ok", 1, "", None, False, {"a": 1}])
async def test_an_unknown_state_is_told_and_opens_nothing(studio: Studio, code: Any) -> None:
    """It is a request and never a confirmation, also where the booking was confirmed before; False is not 0."""
    client, _ = member(studio.sim)
    class_id = studio.sim.add_class(NOW + HOUR)
    for _ in range(3):
        studio.sim.book(client, class_id, booking_status_code=code)
    read = await studio.read("booking")
    assert {one.state for one in read.of("booking").values()} == {BookingState.REQUESTED}
    (note,) = read.notes
    assert note.kind == "booking"
    assert "not known" in note.what
    assert note.fix
    assert read.complete == {"booking"}


async def test_a_waiting_list_entry_opens_nothing(studio: Studio) -> None:
    """What management calls it is unknown; whatever it is, it isn't OK."""
    client, _ = member(studio.sim)
    studio.sim.book(client, studio.sim.add_class(NOW + HOUR), waiting=True)
    assert (await studio.read("booking")).one("booking").state is BookingState.REQUESTED


# ── windows ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("excluded", [False, True])
async def test_a_window_holds_whether_its_days_are_included_or_not(studio: Studio, excluded: bool) -> None:
    """A day more is asked for on either side; what is far away is left out."""
    studio.sim.faults.days_excluded = excluded
    client, _ = member(studio.sim)
    near = [studio.sim.add_class(NOW + number * DAY / 2) for number in (-2, -1, 0, 1, 2)]
    far = [studio.sim.add_class(NOW + number * DAY) for number in (-30, 30)]
    for class_id in (*near, *far):
        studio.sim.book(client, class_id)
    read = await studio.read("session", "booking", starts_at=NOW - DAY, ends_at=NOW + DAY)
    assert set(read.of("session")) == {str(one) for one in near}
    assert {one.session_id for one in read.of("booking").values()} == {str(one) for one in near}
    assert read.complete == {"session", "booking"}


async def test_a_window_without_limits_asks_for_everything(studio: Studio) -> None:
    studio.sim.add_class(NOW - 900 * DAY)
    assert len((await studio.read("session")).of("session")) == 1
    assert studio.queries("/classes/") == [{"page": "1", "page_size": "100"}]


async def test_days_of_a_window_are_the_studios(studio: Studio) -> None:
    """Half past eleven at night in UTC is the next day in Zurich."""
    at = datetime(2026, 11, 21, 23, 30, tzinfo=UTC)
    await studio.read("session", "booking", starts_at=at, ends_at=at)
    assert studio.queries("/classes/")[0]["period_start"] == "2026-11-21"
    assert studio.queries("/classes/")[0]["period_end"] == "2026-11-23"
    assert studio.queries("/bookings/")[0]["session_started_after_date"] == "2026-11-21"
    assert studio.queries("/bookings/")[0]["session_started_before_date"] == "2026-11-23"


@pytest.mark.parametrize(
    ("kind", "operation"),
    [
        ("member", "listClients"),
        ("community_member", "listClients"),
        ("community", "listTags"),
        ("pass", "listPasses"),
        ("member_pass", "listClientPasses"),
        ("session", "listClasses"),
        ("booking", "listBookings"),
    ],
)
async def test_only_what_is_asked_for_is_read(studio: Studio, kind: str, operation: str) -> None:
    read = await studio.read(kind)
    assert dict(studio.sim.log.by_operation) == {operation: 1}
    assert read.complete == {kind}


async def test_kinds_that_bsport_does_not_have_are_never_complete(studio: Studio) -> None:
    """Badges, room plans, spots and locations are not in the interface."""
    read = await studio.read("badge", "room_plan", "spot", "location")
    assert read.complete == frozenset()
    assert not studio.sim.log.total


def test_the_plugin_says_what_it_is() -> None:
    """Classes and passes each 15 minutes, today's bookings each 5, webhooks, two misses."""
    described = bsport.describe()
    assert (described.name, described.kind, described.misses) == ("bsport", "booking", 2)
    assert described.abilities == {"webhooks"}
    assert {poll.name: poll.every.total_seconds() / 60 for poll in described.polls} == {
        "passes": 15,
        "classes": 15,
        "bookings": 5,
    }
    kinds = [kind for poll in described.polls for kind in poll.kinds]
    assert len(kinds) == len(set(kinds))
