"""What becomes of customers, places, passes, communities and bookings."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from hub.records import BookingState, PassState
from plugins.booking.anny import describe
from plugins.booking.anny.bookings import LONGEST_BOOKING
from tests.plugins.booking.anny.support import NOW, Recorder, Studio, opened

ALL = {"member", "location", "resource", "pass", "member_pass", "community", "community_member", "booking"}


def entry(label: str, value: Any) -> dict[str, Any]:
    return {"value": value, "formatted_value": str(value), "label": label, "type": "text"}


# ── customers ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_customers_are_members(studio: Studio) -> None:
    row = studio.sim.desk.customer("Zoé", "Meier", email="Zoe@Example.org", mobile="+41 79 1", birth_date="1990-02-03")
    member = (await studio.read("member")).one("member")
    assert (member.id, member.given_name, member.family_name) == (row["id"], "Zoé", "Meier")
    assert (member.email, member.phone, member.language) == ("Zoe@Example.org", "+41 79 1", "de")
    assert member.birth_date == date(1990, 2, 3)
    assert member.gender is None
    assert member.show_live


async def test_somebody_with_a_full_name_only_keeps_it_whole(studio: Studio) -> None:
    studio.sim.desk.customer(given_name=None, family_name=None, full_name="Anna Graf", phone="044", id="1")
    studio.change({"id": studio.sim.desk.customer()["id"]})
    found = await studio.read("member")
    assert found.records["member"]["1"].name == "Anna Graf"  # type: ignore[attr-defined]
    assert found.records["member"]["1"].phone == "044"  # type: ignore[attr-defined]


async def test_old_ids_that_are_integers_stay_text(studio: Studio) -> None:
    studio.sim.world.customers["x"] = {**studio.sim.desk.customer(id="x"), "id": 4711}
    assert (await studio.read("member")).one("member").id == "4711"


async def test_custom_fields_give_metrics_consent_and_badge_by_label_or_key() -> None:
    fields = {
        "badge_field": "Badge",
        "weight_field": "weight",
        "height_field": "GRÖSSE",
        "ftp_field": "ftp",
        "max_hr_field": "HR",
        "display_field": "Anzeige",
    }
    async with opened(**fields) as studio:
        entries = {
            "weight": entry("Gewicht", "72,5 kg"),
            "k2": entry("Grösse", 181),
            "ftp": entry("FTP", "250 W"),
            "hr": entry("hr", "188 bpm"),
            "k5": entry("Anzeige", "Nein"),
            "k6": entry("Badge", "00:a1-b2"),
        }
        row = studio.sim.desk.customer(custom_entry_map=entries)
        found = await studio.read()
    member = found.one("member")
    assert (member.weight_kg, member.height_cm, member.ftp_w, member.max_hr) == (72.5, 181, 250, 188)
    assert not member.show_live
    assert (found.one("badge").member_id, found.one("badge").number) == (row["id"], "A1B2")
    assert found.complete >= {"member", "badge"}


async def test_a_custom_field_that_cannot_be_read_keeps_nobody_out() -> None:
    """It is told, and an answer about the display that is neither yes nor no is no consent."""
    async with opened(weight_field="w", display_field="d", badge_field="b") as studio:
        entries = {"w": entry("w", "heavy"), "d": entry("d", "maybe"), "b": entry("b", "not hex!")}
        row = studio.sim.desk.customer(custom_entry_map=entries, birth_date="soon")
        found = await studio.read("member", "badge")
    member = found.one("member")
    assert (member.weight_kg, member.show_live, member.birth_date) == (None, False, None)
    assert [problem.id for problem in found.problems if problem.kind == "member"] == [""] * 3
    (badge,) = [problem for problem in found.problems if problem.kind == "badge"]
    assert (badge.id, bool(badge.fix)) == (row["id"], True)


async def test_the_weight_of_a_booking_is_no_body_weight() -> None:
    async with opened(weight_field="weight") as studio:
        customer = studio.sim.desk.customer()
        studio.sim.desk.booking(customer, studio.sim.desk.resource(), NOW, weight=80)
        assert (await studio.read()).one("member").weight_kg is None


# ── places ────────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", ["", "parents_only"])
async def test_resources_come_with_their_children_and_locations(studio: Studio, fault: str) -> None:
    """Also where the filter that asks for children, which is assumed, does nothing."""
    desk = studio.sim.desk
    place = desk.location("Altstadt", timezone="Europe/Vienna")
    room = desk.resource("Room", location_id=place["id"])
    spots = [desk.resource(f"Bike {n}", parent_id=room["id"]) for n in range(3)]
    desk.resource("Old", archived=True)
    if fault:
        studio.sim.faults.set(fault)
    found = await studio.read("resource", "location")
    assert (found.one("location").name, found.one("location").timezone) == ("Altstadt", "Europe/Vienna")
    by_name = {record.name: record for record in found.of("resource")}
    assert set(by_name) == {"Room", "Bike 0", "Bike 1", "Bike 2", "Old"}
    assert by_name["Room"].location_id == place["id"]
    assert by_name["Bike 1"].parent_id == room["id"] == by_name["Bike 0"].parent_id
    assert by_name["Old"].archived
    assert not by_name["Room"].archived
    assert found.complete == {"resource", "location"}
    assert len(spots) == 3


async def test_a_location_with_a_zone_that_does_not_exist_is_a_problem(studio: Studio) -> None:
    place = studio.sim.desk.location(timezone="Europe/Nowhere")
    for _ in range(2):
        studio.sim.desk.resource(location_id=place["id"])
    found = await studio.read("location", "resource")
    assert [problem.id for problem in found.problems] == [place["id"]]
    assert len(found.of("resource")) == 2


# ── passes ────────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_plan_subscriptions_are_member_passes_and_their_plans_passes(studio: Studio) -> None:
    desk = studio.sim.desk
    anna, ben, plan = desk.customer(), desk.customer("Ben"), desk.plan("Abo 12")
    row = desk.subscribe(anna, plan, end="2026-12-31")
    desk.subscribe(ben, plan, renewal_date="2026-12-01T00:00:00Z")
    found = await studio.read()
    assert (found.one("pass").id, found.one("pass").name) == (plan["id"], "Abo 12")
    mine = found.records["member_pass"][row["id"]]
    assert (mine.member_id, mine.pass_id, mine.state) == (anna["id"], plan["id"], PassState.ACTIVE)  # type: ignore[attr-defined]
    assert {record.valid_until for record in found.of("member_pass")} == {None, datetime(2026, 12, 31, 23, tzinfo=UTC)}
    assert found.complete == ALL
    assert found.problems == []


@pytest.mark.parametrize(
    ("end", "last_day", "until"),
    [
        ("2026-12-31", "included", datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("2026-12-31", "excluded", datetime(2026, 12, 30, 23, tzinfo=UTC)),
        ("2026-12-31T00:00:00Z", "included", datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("2026-12-31T00:00:00+01:00", "included", datetime(2026, 12, 31, 23, tzinfo=UTC)),
        ("2026-12-31T00:00:00", "excluded", datetime(2026, 12, 30, 23, tzinfo=UTC)),
        ("2026-12-31T18:30:00+01:00", "included", datetime(2026, 12, 31, 17, 30, tzinfo=UTC)),
        ("2026-12-31T18:30:00", "excluded", datetime(2026, 12, 31, 17, 30, tzinfo=UTC)),
    ],
)
async def test_an_end_date_includes_its_day_unless_set_otherwise(end: str, last_day: str, until: datetime) -> None:
    """A moment is a moment; a day, and a midnight that stands for one, follow the setting in the studio's zone."""
    async with opened(last_day=last_day) as studio:
        desk = studio.sim.desk
        desk.subscribe(desk.customer(), desk.plan(), end_date=end)
        assert (await studio.read("member_pass")).one("member_pass").valid_until == until


@pytest.mark.parametrize("word", ["cancelled", "frobnicated", "", "Active"])
async def test_an_unknown_state_of_a_subscription_is_a_problem(studio: Studio, word: str) -> None:
    desk = studio.sim.desk
    row = desk.subscribe(desk.customer(), desk.plan(), status=word)
    found = await studio.read("member_pass")
    assert found.of("member_pass") == []
    (problem,) = found.problems
    assert (problem.kind, problem.id) == ("member_pass", row["id"])
    assert "subscription_states" in problem.fix


async def test_an_admin_can_say_what_a_state_means() -> None:
    async with opened(subscription_states={"cancelled": "ended", "active": "pending"}) as studio:
        desk = studio.sim.desk
        for word in ("cancelled", "active", "paused"):
            desk.subscribe(desk.customer(), desk.plan(), status=word)
        found = await studio.read("member_pass")
    assert [record.state for record in found.of("member_pass")] == ["ended", "pending", "frozen"]


async def test_a_subscription_without_its_plan_or_customer_is_a_problem(studio: Studio) -> None:
    """And the passes are not complete then: the plan may be one that is left."""
    desk = studio.sim.desk
    desk.subscribe(desk.customer(), {"id": "no plan"})
    desk.subscribe({"id": "nobody"}, desk.plan())
    found = await studio.read("member_pass", "pass")
    assert len(found.problems) == 2
    assert found.complete == {"member_pass"}
    assert "without its plan" in found.why_not["pass"]


# ── communities ───────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_communities_and_their_accounts(studio: Studio) -> None:
    desk = studio.sim.desk
    anna, climbers = desk.customer(), desk.community("Climbers")
    row = desk.join(anna, climbers, role="manager", start_date="2026-01-01", end_date="2026-11-30")
    waiting = desk.join(desk.customer(), climbers, status="pending")
    found = await studio.read("community", "community_member")
    assert found.one("community").name == "Climbers"
    account: Any = found.records["community_member"][row["id"]]
    assert (account.member_id, account.community_id, account.role) == (anna["id"], climbers["id"], "manager")
    assert account.valid_from == datetime(2025, 12, 31, 23, tzinfo=UTC)
    assert account.valid_until == datetime(2026, 11, 30, 23, tzinfo=UTC)
    assert account.accepted
    assert not found.records["community_member"][waiting["id"]].accepted  # type: ignore[attr-defined]


@pytest.mark.parametrize("fields", [{"role": "king"}, {"status": "invited"}])
async def test_an_unknown_role_or_status_of_an_account_is_a_problem(studio: Studio, fields: dict[str, str]) -> None:
    desk = studio.sim.desk
    row = desk.join(desk.customer(), desk.community(), **fields)
    found = await studio.read("community_member")
    assert found.of("community_member") == []
    assert [problem.id for problem in found.problems] == [row["id"]]


async def test_communities_that_cannot_be_listed_hinder_nothing_else(studio: Studio) -> None:
    """The two lists are assumed."""
    studio.sim.desk.customer()
    studio.sim.faults.set("no_communities")
    found = await studio.read()
    assert found.complete == ALL - {"community", "community_member"}
    assert set(found.why_not) == {"community", "community_member"}
    assert {problem.id for problem in found.problems} == {""}


# ── bookings ──────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_booking_has_its_real_times_and_not_those_with_padding(studio: Studio) -> None:
    desk = studio.sim.desk
    anna, room = desk.customer(), desk.resource()
    row = desk.booking(anna, room, NOW, hours=2, service_id=desk.service()["id"])
    booking = (await studio.read("booking")).one("booking")
    assert (booking.id, booking.member_id, booking.resource_id) == (row["id"], anna["id"], room["id"])
    assert (booking.starts_at, booking.ends_at) == (NOW, NOW + timedelta(hours=2))
    assert (booking.number, booking.session_id) == ("B-1", None)


@pytest.mark.parametrize(
    ("fields", "state"),
    [
        ({"status": "accepted"}, BookingState.CONFIRMED),
        ({"status": "accepted", "check_in_date": "2026-11-21T09:00:00Z"}, BookingState.CHECKED_IN),
        ({"status": "requested"}, BookingState.REQUESTED),
        ({"status": "reserved"}, BookingState.REQUESTED),
        ({"status": "requested", "check_in_date": "2026-11-21T09:00:00Z"}, BookingState.REQUESTED),
        ({"status": "accepted", "canceled_at": "2026-11-20T09:00:00Z"}, BookingState.CANCELLED),
    ],
)
async def test_only_an_accepted_booking_that_was_not_cancelled_opens(
    studio: Studio, fields: dict[str, str], state: BookingState
) -> None:
    desk = studio.sim.desk
    desk.booking(desk.customer(), desk.resource(), NOW, **fields)  # type: ignore[arg-type]
    found = await studio.read("booking")
    assert found.one("booking").state is state
    assert found.problems == []


async def test_an_unknown_status_of_a_booking_is_told_and_opens_no_door(studio: Studio) -> None:
    """Set aside, a booking that was accepted before would go on opening doors."""
    desk = studio.sim.desk
    desk.booking(desk.customer(), desk.resource(), NOW, status="declined")
    found = await studio.read("booking")
    assert found.one("booking").state is BookingState.REQUESTED
    (problem,) = found.problems
    assert "declined" in problem.what


async def test_series_masters_and_blockers_are_skipped(studio: Studio) -> None:
    desk = studio.sim.desk
    anna, room = desk.customer(), desk.resource()
    desk.booking(anna, room, NOW, is_series_master=True, is_series=True)
    desk.booking({"id": "nobody"}, room, NOW, is_blocker=True)
    kept = desk.booking(anna, room, NOW, is_series=True)
    found = await studio.read("booking")
    assert found.one("booking").id == kept["id"]
    assert found.problems == []


async def test_sub_bookings_are_their_parents_customers_and_count_for_no_more(studio: Studio) -> None:
    desk = studio.sim.desk
    anna, room, locker = desk.customer(), desk.resource(), desk.resource("Locker")
    for status in ("accepted", "requested"):
        main = desk.booking(anna, room, NOW, status=status)
        part = desk.booking({"id": ""}, locker, NOW, is_sub_booking=True, main_booking_id=main["id"])
        found = await studio.read("booking", ids=frozenset({("booking", main["id"])}))
        inside: Any = found.records["booking"][part["id"]]
        assert (inside.member_id, inside.resource_id) == (anna["id"], locker["id"])
        assert (inside.state is BookingState.CONFIRMED) is (status == "accepted")


@pytest.mark.parametrize(
    "fields",
    [
        {"customer_id": None},
        {"start_date": None},
        {"end_date": "2026-11-21T08:00:00Z"},
        {"start_date": "noon"},
        {"start_date": "0001-01-01T00:00:00+14:00"},
    ],
)
async def test_a_booking_that_cannot_be_understood_is_a_problem(studio: Studio, fields: dict[str, Any]) -> None:
    desk = studio.sim.desk
    row = desk.booking(desk.customer(), desk.resource(), NOW, **fields)
    found = await studio.read("booking")
    assert found.of("booking") == []
    (problem,) = found.problems
    assert (problem.kind, problem.id, bool(problem.fix)) == ("booking", row["id"], True)
    assert row["id"] in problem.where


@pytest.mark.parametrize(
    ("location_zone", "resource_zone", "hour"),
    [("America/New_York", "Asia/Tokyo", 15), (None, "Asia/Tokyo", 1), (None, None, 9)],
)
async def test_times_without_a_zone_are_local(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, location_zone: str | None, resource_zone: str | None, hour: int
) -> None:
    """The location's zone, else the resource's, else the studio's."""
    desk = studio.sim.desk
    room = desk.resource(timezone=resource_zone)
    row = desk.booking(desk.customer(), room, NOW, start_date="2026-11-21T10:00:00", end_date="2026-11-21T11:00:00")
    if location_zone:
        related = studio.sim.related

        def with_location(shown: dict[str, Any], tree: Any) -> dict[str, Any]:
            found = related(shown, tree)
            place = {"id": "L", "timezone": location_zone}
            return {**found, "location": place} if found.get("type") == "resources" else found

        monkeypatch.setattr(studio.sim, "related", with_location)
    booking = (await studio.read("booking", ids=frozenset({("booking", row["id"])}))).one("booking")
    assert booking.starts_at == datetime(2026, 11, 21, hour, tzinfo=UTC)


# ── windows ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("fault", ["", "unsorted", "refuse_sort", "flat_pages"])
async def test_bookings_are_those_that_touch_the_window(studio: Studio, fault: str) -> None:
    """Whether or not anny sorts as it is asked to."""
    desk = studio.sim.desk
    anna, room = desk.customer(), desk.resource()
    rows = [desk.booking(anna, room, NOW + timedelta(hours=n), hours=1) for n in range(-40, 60)]
    if fault:
        studio.sim.faults.set(fault)
    found = await studio.read("booking", starts_at=NOW, ends_at=NOW + timedelta(hours=2))
    assert {booking.id for booking in found.of("booking")} == {rows[40]["id"], rows[41]["id"]}
    assert found.complete == {"booking"}


async def test_what_is_wrong_outside_the_window_is_not_told(studio: Studio) -> None:
    """And what is wrong with many bookings alike is told once."""
    desk = studio.sim.desk
    anna, room = desk.customer(), desk.resource()
    for hours in (-9, -8, 0, 1):
        desk.booking(anna, room, NOW + timedelta(hours=hours), status="declined" if hours >= 0 else "vanished")
    desk.booking({"id": None}, room, NOW - timedelta(hours=9))
    found = await studio.read("booking", starts_at=NOW)
    assert len(found.of("booking")) == 2
    assert [problem.what for problem in found.problems] == ["status 'declined' is unknown, so it opens no door"]


@pytest.mark.parametrize(("fault", "calls"), [("", 2), ("unsorted", 7)])
async def test_old_bookings_are_not_read_where_anny_sorts(studio: Studio, fault: str, calls: int) -> None:
    """A list whose order can't be chosen is read whole, even one that happens to begin with the newest."""
    desk = studio.sim.desk
    anna, room = desk.customer(), desk.resource()
    for n in range(150):
        desk.booking(anna, room, NOW - LONGEST_BOOKING - timedelta(days=n + 1))
    today = desk.booking(anna, room, NOW)
    if fault:
        studio.sim.faults.set(fault)
    found = await studio.read("booking", starts_at=NOW)
    assert found.one("booking").id == today["id"]
    assert found.complete == {"booking"}
    assert studio.sim.log.by_operation["listBookings"] == calls


async def test_only_what_is_asked_for_is_read(studio: Studio) -> None:
    studio.sim.desk.customer()
    found = await studio.read("member")
    assert set(found.records) == {"member"}
    assert found.complete == {"member"}
    assert set(studio.sim.log.by_operation) == {"listCustomers"}


async def test_a_record_by_id_is_read_by_one_call(studio: Studio) -> None:
    desk = studio.sim.desk
    anna, room = desk.customer(), desk.resource()
    row, other = desk.booking(anna, room, NOW - timedelta(days=90)), desk.booking(anna, room, NOW)
    sold = desk.subscribe(anna, desk.plan())
    ids = {("booking", row["id"]), ("member", anna["id"]), ("resource", room["id"]), ("member_pass", sold["id"])}
    found = await studio.read(ids=frozenset(ids))
    assert {(kind, key) for kind, records in found.records.items() for key in records if key} == ids
    assert other["id"] not in found.records["booking"]
    assert found.complete == frozenset()
    assert studio.sim.log.total == 4


async def test_what_anny_no_longer_has_is_gone(studio: Studio) -> None:
    desk = studio.sim.desk
    blocker = desk.booking(desk.customer(), desk.resource(), NOW, is_blocker=True)
    kept = desk.community()
    ids = [("booking", "b"), ("member", "m"), ("member_pass", "p"), ("resource", "r"), ("community", "c")]
    ids += [("booking", blocker["id"]), ("community", kept["id"]), ("community_member", "a"), ("pass", "x")]
    found = await studio.read(ids=frozenset(ids))
    gone = {(kind, key) for kind, keys in found.gone.items() for key in keys}
    assert gone == set(ids) - {("community", kept["id"])}


async def test_members_narrow_a_read_to_what_is_theirs(studio: Studio) -> None:
    desk = studio.sim.desk
    anna, ben, room, plan, club = desk.customer(), desk.customer("Ben"), desk.resource(), desk.plan(), desk.community()
    for who in (anna, ben):
        desk.subscribe(who, plan)
        desk.booking(who, room, NOW)
        desk.join(who, club)
    found = await studio.read(members=frozenset({anna["id"], "gone"}))
    assert {record.owner for records in found.records.values() for record in records.values()} == {anna["id"]}
    assert {kind for kind, records in found.records.items() if records} == {
        "member",
        "member_pass",
        "booking",
        "community_member",
    }
    assert found.gone["member"] == {"gone"}


# ── addresses ─────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_nothing_is_ever_cancelled(studio: Studio) -> None:
    """`GET /bookings/{id}/cancel` cancels. Links in answers are not followed, and an id can't lead there."""
    desk = studio.sim.desk
    rows = [desk.booking(desk.customer(), desk.resource(), NOW) for _ in range(70)]
    await studio.read()
    await studio.read(ids=frozenset({("booking", f"{rows[0]['id']}/cancel"), ("booking", rows[1]["id"])}))
    await studio.verify()
    assert "cancelBooking" not in studio.sim.log.by_operation
    assert not any(row["canceled_at"] for row in studio.sim.world.bookings.values())
    assert studio.sim.log.writes == 0


async def test_the_organisation_goes_along_where_it_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    from plugins.booking.anny.simulator import AnnySimulator

    sim = AnnySimulator(organizations={"o1": "North", "o2": "South"})
    sim.desk.customer("Anna", organization_id="o1")
    sim.desk.customer("Ben", organization_id="o2")
    async with opened(sim, organization_id="o2") as studio:
        recorder = Recorder(sim, monkeypatch)
        assert (await studio.read("member")).one("member").given_name == "Ben"
    assert {request.query.get("o") for request in recorder.requests} == {"o2"}
    async with opened(sim) as studio:
        assert (await studio.read("member")).one("member").given_name == "Anna"


async def test_everything_is_asked_for_flat(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without that Accept header anny answers JSON:API, and relations aren't inside."""
    recorder = Recorder(studio.sim, monkeypatch)
    await studio.read()
    assert {request.header("accept") for request in recorder.requests} == {"application/json"}
    assert {request.query["page[size]"] for request in recorder.requests} == {"30"}


def test_the_plugin_says_what_it_is() -> None:
    described = describe()
    assert (described.name, described.kind, described.misses) == ("anny", "booking", 2)
    assert described.abilities == {"webhooks"}
    people, bookings = described.polls
    assert (people.every, bookings.every) == (timedelta(minutes=15), timedelta(minutes=10))
    assert (bookings.kinds, bookings.after) == ({"booking"}, timedelta(hours=48))
    assert people.kinds | bookings.kinds == ALL | {"badge"}
    assert described.simulator is not None
