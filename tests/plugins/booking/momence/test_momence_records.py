"""What is read of Momence, record by record, and what is set aside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hub.clock import FrozenClock
from hub.records import BookingState, PassState, SessionState
from plugins.booking.momence import describe
from plugins.booking.momence.reading import KINDS
from plugins.booking.momence.simulator import MomenceSimulator
from tests.plugins.booking.momence.support import NOW, YEAR, Site, furnished, opened


def first(table: dict[int, Any]) -> int:
    return next(iter(table))


def put(table: dict[int, Any], **fields: Any) -> str:
    """Change the first row of a table as the vendor's wire has it; its id."""
    key = first(table)
    table[key] = {**table[key], **fields}
    return str(key)


async def test_a_whole_read_is_complete_in_every_kind_that_momence_has(site: Site) -> None:
    """And ends with the mark."""
    read = await site.read()
    assert read.complete == KINDS
    assert {kind: len(found) for kind, found in read.records.items()} == {
        "member": 3,
        "community": 2,
        "community_member": 1,
        "pass": 2,
        "location": 1,
        "session": 2,
        "instructor": 1,
        "booking": 6,
        "member_pass": 3,
    }
    assert not read.problems


async def test_only_what_is_asked_for_is_read(site: Site) -> None:
    """Each poll costs its own calls only."""
    read = await site.read("pass")
    assert read.complete == {"pass"}
    assert site.sim.log.reads == 1
    assert (await site.read("room_plan")).complete == frozenset()


async def test_every_part_of_the_poll_plan_can_be_read(site: Site) -> None:
    """Together the polls have every kind once; passes once a day, as they cost a call for each member."""
    polls = describe().polls
    assert sorted(kind for poll in polls for kind in poll.kinds) == sorted(KINDS)
    for poll in polls:
        limits = {
            name: poll and NOW + sign * span
            for name, sign, span in (("starts_at", -1, poll.before), ("ends_at", 1, poll.after))
            if span
        }
        assert (await site.read(*poll.kinds, **limits)).complete == poll.kinds
    assert next(poll.every for poll in polls if "member_pass" in poll.kinds) == timedelta(days=1)


async def test_ids_are_text_and_names_and_addresses_come_along(site: Site) -> None:
    """Numbers are never parsed."""
    key = put(site.sim.world.members, email="Anna@Example.com ", phoneNumber="+41790000000")
    member = (await site.read("member")).records["member"][key]
    assert (member.given_name, member.family_name) == ("Anna 0", "Graf")
    assert (member.email, member.phone) == ("Anna@Example.com", "+41790000000")


async def test_tags_are_communities_and_their_badge_opens_nothing(site: Site) -> None:
    """A tag's "badge" is a coloured label."""
    site.sim.world.tags[1001] = {**site.sim.world.tags[1001], "isCustomerBadge": True, "badgeLabel": "VIP"}
    read = await site.read()
    assert read.records["community"]["1001"].name == "Night owls"
    (link,) = read.records["community_member"].values()
    assert (link.id, link.community_id, link.member_id, link.accepted) == ("1001:1011", "1001", "1011", True)
    assert "badge" not in read.records


# ── customer fields ───────────────────────────────────────────────────────────────────────────────────────────────

LABELS = {
    "weight_kg": "Gewicht",
    "height_cm": "Grösse",
    "ftp_w": "ftp",
    "max_hr": "HFmax",
    "birth_date": "Geburtstag",
    "gender": "Geschlecht",
    "show_live": "Anzeige",
}


async def profile(**values: str) -> tuple[Any, list[Any]]:
    sim = MomenceSimulator(clock=furnished().clock)
    key = sim.add_member(customer_fields={LABELS[name]: value for name, value in values.items()})
    async with opened(sim, customer_fields=LABELS) as site:
        read = await site.read("member")
    assert read.complete == {"member"}
    return read.records["member"][str(key)], read.problems


async def test_customer_fields_are_mapped_by_label() -> None:
    """Values are always text: with a comma or a point, with the unit or without."""
    member, problems = await profile(
        weight_kg="72,5 kg",
        height_cm="181",
        ftp_w=" 240W",
        max_hr="188.0",
        birth_date="1990-12-31",
        gender="Female",
        show_live="Ja",
    )
    assert (member.weight_kg, member.height_cm, member.ftp_w, member.max_hr) == (72.5, 181, 240, 188)
    assert (member.birth_date, member.gender, member.show_live) == (date(1990, 12, 31), "female", True)
    assert not problems


@pytest.mark.parametrize(
    ("name", "value"),
    [("weight_kg", "siebzig"), ("weight_kg", "160 lb"), ("height_cm", "1.81"), ("ftp_w", "9999"), ("birth_date", "?")],
)
async def test_a_customer_field_that_cant_be_read_is_left_out_with_a_note(name: str, value: str) -> None:
    """Nothing is converted on a guess, and the member is read all the same."""
    member, (note,) = await profile(**{name: value})
    assert getattr(member, name) is None
    assert (note.kind, note.id) == ("member", "")
    assert LABELS[name] in note.what
    assert value not in note.what


@pytest.mark.parametrize(("value", "shown"), [("yes", True), ("no", False), ("maybe", False), ("", False)])
async def test_a_consent_that_cant_be_seen_is_none(value: str, shown: bool) -> None:
    """Where the studio has a field for it."""
    member, problems = await profile(show_live=value)
    assert member.show_live is shown
    assert bool(problems) is (value == "maybe")


async def test_without_labels_no_customer_field_is_read(site: Site) -> None:
    """There is no fixed field for anything."""
    members = (await site.read("member")).records["member"].values()
    assert {(member.weight_kg, member.show_live) for member in members} == {(None, True)}


# ── passes ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_passes_are_read_member_by_member(site: Site) -> None:
    """There is no list of all; each member gives a sign of life."""
    site.sim.add_member()
    read = await site.read("member_pass")
    assert site.calls("BoughtMembershipsController_list") == 4
    assert sum(getattr(item, "kind", "") == "member_pass" for item in read.items) == 4
    bought = read.records["member_pass"]["1008"]
    assert (bought.member_id, bought.pass_id, bought.state) == ("1007", "1005", PassState.ACTIVE)
    assert (bought.valid_from, bought.valid_until) == (NOW - timedelta(days=30), YEAR)


async def test_passes_may_be_read_of_members_with_an_active_membership_only() -> None:
    """Momence's own filter, for a studio with many former members."""
    sim = furnished()
    sim.add_member()
    async with opened(sim, pass_members="with-active-membership") as site:
        assert len((await site.read("member_pass")).records["member_pass"]) == 3
        assert site.calls("BoughtMembershipsController_list") == 3


async def test_a_pass_that_ran_out_is_not_among_the_active_ones(site: Site) -> None:
    """The read is complete without it, which is how the hub knows."""
    site.clock.move(timedelta(days=366))
    read = await site.read("member_pass")
    assert read.complete == {"member_pass"}
    assert not read.records["member_pass"]


@pytest.mark.parametrize(
    ("fields", "state", "until"),
    [
        ({"isFrozen": True}, PassState.FROZEN, YEAR),
        ({"startDate": None}, PassState.ACTIVE, YEAR),
        ({"endDate": None}, PassState.ACTIVE, None),
        ({"endDate": "2026-12-31"}, PassState.ACTIVE, datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ({"endDate": "2026-12-31T12:00:00"}, PassState.ACTIVE, datetime(2026, 12, 31, 11, tzinfo=UTC)),
        ({"eventCreditsLeft": 0}, PassState.ACTIVE, YEAR),
        (
            {"freeze": {"scheduledFreezeAt": "2026-12-01T00:00:00Z"}},
            PassState.ACTIVE,
            datetime(2026, 12, 1, tzinfo=UTC),
        ),
        (
            {"freeze": {"scheduledFreezeAt": "2026-10-01T00:00:00Z", "unfrozenAt": "2026-10-09T00:00:00Z"}},
            PassState.ACTIVE,
            YEAR,
        ),
    ],
)
async def test_states_and_ends_of_passes(
    site: Site, fields: dict[str, Any], state: PassState, until: datetime | None
) -> None:
    """An end is a moment; a date alone lasts to the end of that day in the studio."""
    key = put(site.sim.world.bought, **fields)
    found = (await site.read("member_pass")).records["member_pass"][key]
    assert (found.state, found.valid_until) == (state, until)


async def test_a_pass_that_waits_for_its_first_use_is_pending(site: Site) -> None:
    """It has no start yet; assumed from the names."""
    membership = {**site.sim.world.bought[1008]["membership"], "isActivatedOnFirstUse": True}
    key = put(site.sim.world.bought, startDate=None, membership=membership)
    assert (await site.read("member_pass")).records["member_pass"][key].state is PassState.PENDING


# ── timetable ─────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_sessions_have_teacher_place_and_size(site: Site) -> None:
    """The teacher's e-mail address is only in a session's detail, of which one is read for each teacher."""
    read = await site.read("session", "instructor")
    found = read.records["session"]["1013"]
    assert (found.name, found.capacity, found.location_id, found.instructor_id) == ("Cycling", 20, "1003", "1004")
    assert (found.starts_at, found.ends_at) == (NOW + timedelta(hours=1), NOW + timedelta(minutes=105))
    assert read.records["instructor"]["1004"].email == "tim@example.com"
    assert read.records["instructor"]["1004"].name == "Tim Coach"
    await site.read("session", "instructor")
    assert site.calls("_getSession") == 1


async def test_a_cancelled_session_is_seen_by_polling(site: Site) -> None:
    """No event tells of it."""
    before = len(site.sim.deliveries)
    site.sim.cancel_session(1013)
    assert len(site.sim.deliveries) == before
    assert (await site.read("session")).records["session"]["1013"].state is SessionState.CANCELLED


async def test_a_draft_is_no_session_yet(site: Site) -> None:
    """Nor are its bookings any."""
    put(site.sim.world.sessions, isDraft=True)
    read = await site.read("session", "booking")
    assert read.records["session"].keys() == {"1017"}
    assert {found.session_id for found in read.records["booking"].values()} == {"1017"}
    assert read.complete == {"session", "booking"}


async def test_the_window_limits_sessions_and_their_bookings(site: Site) -> None:
    """A session that is still on at the start of the window is in it; without a window it is a few days."""
    window = {"starts_at": NOW + timedelta(hours=25, minutes=30), "ends_at": NOW + timedelta(days=3)}
    assert (await site.read("session", **window)).records["session"].keys() == {"1017"}
    read = await site.read("booking", ends_at=NOW + timedelta(hours=2))
    assert {found.session_id for found in read.records["booking"].values()} == {"1013"}
    site.sim.add_session(NOW + timedelta(days=30))
    site.sim.add_session(NOW - timedelta(days=30))
    assert (await site.read("session")).records["session"].keys() == {"1013", "1017"}


async def test_times_without_a_zone_are_the_locations() -> None:
    """Else the studio's."""
    sim = furnished()
    sim.faults.local_times = True
    sim.world.locations[1003] = {**sim.world.locations[1003], "timeZone": "Europe/London"}
    async with opened(sim) as site:
        found = (await site.read("session")).records["session"]["1013"]
        assert found.starts_at == NOW + timedelta(hours=2)
        sim.faults.locations_closed = True
        found = (await site.read("session")).records["session"]["1013"]
        assert found.starts_at == NOW + timedelta(hours=1)


async def test_bookings_have_spot_and_state(site: Site) -> None:
    """The spot is a bare number, which the studio maps to a bike."""
    cancelled, moved, plain, *_ = site.sim.world.bookings
    site.sim.cancel_booking(cancelled)
    site.sim.move(moved, 99)
    site.sim.world.bookings[plain] = {**site.sim.world.bookings[plain], "checkedIn": True, "roomSpotId": None}
    found = (await site.read("booking")).records["booking"]
    shown = [(found[str(key)].spot, found[str(key)].state) for key in (cancelled, moved, plain)]
    assert shown == [
        ("11", BookingState.CANCELLED),
        ("99", BookingState.CONFIRMED),
        (None, BookingState.CHECKED_IN),
    ]
    assert found[str(moved)].member_id == "1009"


# ── what can't be understood ──────────────────────────────────────────────────────────────────────────────────────

Spoil = Callable[[Any], str]


@pytest.mark.parametrize(
    ("kind", "spoil", "words"),
    [
        ("member_pass", lambda w: put(w.bought, type="gift"), "'gift'"),
        ("member_pass", lambda w: put(w.bought, membership=None), "names no membership"),
        ("member_pass", lambda w: put(w.bought, isFrozen="no"), "isFrozen"),
        ("member_pass", lambda w: put(w.bought, isFrozen=None), "isFrozen"),
        ("member_pass", lambda w: put(w.bought, endDate=123), "endDate"),
        ("location", lambda w: put(w.locations, timeZone="Zurich"), "time zone"),
        ("booking", lambda w: put(w.bookings, checkedIn=None), "checkedIn"),
        ("booking", lambda w: put(w.bookings, cancelledAt="yesterday"), "cancelledAt"),
        ("booking", lambda w: put(w.bookings, roomSpotId=[]), "roomSpotId"),
        ("member", lambda w: put(w.members, firstName=7), "firstName"),
    ],
)
async def test_a_record_that_cant_be_understood_is_set_aside(kind: str, spoil: Spoil, words: str) -> None:
    """With what is wrong and what to do; the others are read, and it is not missing."""
    sim = furnished()
    key = spoil(sim.world)
    async with opened(sim) as site:
        read = await site.read(kind)
    (problem,) = read.problems
    assert (problem.kind, problem.id) == (kind, key)
    assert words in problem.what
    assert problem.where
    assert problem.fix
    assert key not in read.records[kind]
    assert read.complete == {kind}


@pytest.mark.parametrize(
    ("fields", "words"),
    [({"type": "karaoke"}, "karaoke"), ({"isCancelled": "false"}, "isCancelled"), ({"isDraft": None}, "isDraft")],
)
async def test_a_session_that_cant_be_understood_is_set_aside(site: Site, fields: dict[str, Any], words: str) -> None:
    """A word that is new is never guessed at."""
    key = put(site.sim.world.sessions, **fields)
    read = await site.read("session")
    assert [(problem.id, words in problem.what) for problem in read.problems] == [(key, True)]
    assert read.records["session"].keys() == {"1017"}


async def test_a_record_without_an_id_keeps_its_kind_from_being_complete(site: Site) -> None:
    """So nothing is gone because of it."""
    put(site.sim.world.members, id=None)
    read = await site.read("member", "community", "member_pass")
    assert read.complete == {"community"}
    assert {problem.id for problem in read.problems} == {None}
    assert set(read.why_not) == {"member", "member_pass"}


async def test_tags_that_cant_be_read_keep_communities_from_losing_anybody(site: Site) -> None:
    """The member is read all the same."""
    put(site.sim.world.members, customerTags=None)
    read = await site.read("member", "community_member")
    assert read.complete == {"member"}
    assert len(read.records["member"]) == 3


async def test_locations_may_be_closed_to_a_staff_user(site: Site) -> None:
    """They have a route under the members' prefix only; the rest goes on, and why is said."""
    site.sim.faults.locations_closed = True
    read = await site.read()
    assert read.complete == KINDS - {"location"}
    assert "Not a member" in read.why_not["location"]


async def test_a_badge_is_what_stands_in_the_field_that_the_studio_names() -> None:
    """An empty field says that there is none; one that is no number is set aside, and its member stays."""
    async with opened(MomenceSimulator(clock=FrozenClock(NOW)), badge_field="Badge", badge_numbers="decimal") as made:
        keys = [
            made.sim.add_member(customer_fields={"badge": value}) if value is not None else made.sim.add_member()
            for value in ("1003", "", "Anna", None)
        ]
        read = await made.read("member", "badge")
        assert {badge.member_id: badge.number for badge in read.records["badge"].values()} == {str(keys[0]): "3EB"}
        assert [problem.id for problem in read.problems if problem.kind == "badge"] == [str(keys[2])]
        assert len(read.records["member"]) == 4
        assert "badge" in read.complete
        named = await made.ids(("member", keys[0]))
        assert set(named.records["badge"]) == {str(keys[0])}
        emptied = await made.ids(("member", keys[1]))
        assert emptied.gone["badge"] == {str(keys[1])}
    async with opened(MomenceSimulator(clock=FrozenClock(NOW))) as made:
        made.sim.add_member(customer_fields={"badge": "1003"})
        assert not (await made.read("member", "badge")).records["badge"]
