"""Webhooks: checked, told apart, followed by a narrow read; never used as data."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from hub import FixSettings
from hub.grants import Hint, WebhookRequest
from hub.records import BookingState, PassState
from plugins.booking.momence import describe
from plugins.booking.momence.simulator import WEBHOOK_SECRET
from plugins.booking.momence.webhooks import REQUEST_ID, SECRET, SIGNATURE, sign
from tests.plugins.booking.momence.support import Site, furnished, opened


def delivery(event: Any, key: str = WEBHOOK_SECRET, **headers: str) -> WebhookRequest:
    """A delivery, signed."""
    text = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
    names = {SIGNATURE: sign(text, key), SECRET: key, REQUEST_ID: "d-1"}
    return WebhookRequest(headers={**names, **headers}, body=json.dumps({"payload": text}).encode())


def plain(hints: Any) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    return [(hint.kind, hint.ids, hint.members) for hint in hints]


BOOKED = {"sessionId": 5, "sessionBookingId": 9, "payingMemberId": 1, "targetMemberId": 2}
ATTENDED = {"sessionId": 5, "sessionBookingId": 9, "memberId": 2}
BOUGHT = {"hostId": 1, "boughtMembershipId": 7, "membershipId": 3, "memberId": 2}
SESSION = {"sessionId": 5, "name": "Ride", "startsAt": "2026-11-21T10:00:00Z", "endsAt": "2026-11-21T11:00:00Z"}
PERSON = [("member", ("2",), ("2",)), ("community_member", (), ("2",))]
PASS = [("member_pass", ("7",), ("2",))]

EVENTS: list[tuple[str, dict[str, Any], Any]] = [
    ("session-booked", BOOKED, [("booking", ("9",), ("2", "1"))]),
    ("session-booking-cancelled", {**BOOKED, "payingMemberId": 2}, [("booking", ("9",), ("2",))]),
    ("session-booking-checked-in", ATTENDED, [("booking", ("9",), ("2",))]),
    ("session-booking-no-show", ATTENDED, [("booking", ("9",), ("2",))]),
    ("session-created", SESSION, [("session", ("5",), ())]),
    ("session-updated", SESSION, [("session", ("5",), ())]),
    ("member-assigned", {"memberId": 2}, PERSON),
    ("member-updated", {"memberId": 2}, PERSON),
    *(
        (f"bought-membership-{what}", BOUGHT, PASS)
        for what in (
            "activated",
            "frozen",
            "unfrozen",
            "renewal-cancelled",
            "renewal-uncancelled",
            "renewal-failed",
            "cancelled-after-failed-renewal",
        )
    ),
    ("member-address-created", {"memberId": 2}, []),
    ("payment-transaction-succeeded", {"memberId": 2}, []),
    ("host-report-run-completed", {}, []),
    ("something-new", {}, []),
]


@pytest.mark.parametrize(("event", "payload", "hints"), EVENTS)
@pytest.mark.parametrize("dotted", [False, True])
async def test_each_event_says_what_to_read_again(
    site: Site, event: str, payload: dict[str, Any], hints: Any, dotted: bool
) -> None:
    """In today's spelling and in that of the vendor's older texts, with dots."""
    name = event.replace("-", ".", 1) if dotted else event
    found = await site.hints(delivery({"timestamp": "2026-11-21T09:00:00Z", "event": name, "payload": payload}))
    assert plain(found) == hints
    assert {hint.dedupe for hint in found} <= {"d-1"}


async def test_duplicates_are_told_by_the_misspelt_header(site: Site) -> None:
    """`x-webhook-reqeuest-id` is the same on every retry."""
    assert REQUEST_ID == "x-webhook-reqeuest-id"
    made = site.sim.deliveries[-1]
    first, again = await site.hints(made), await site.hints(made)
    assert [hint.dedupe for hint in first] == [made.headers[REQUEST_ID]] * 2
    assert first == again
    without = {name: value for name, value in made.headers.items() if name != REQUEST_ID}
    assert {hint.dedupe for hint in await site.hints(WebhookRequest(headers=without, body=made.body))} == {None}


def other_body(made: WebhookRequest) -> WebhookRequest:
    return WebhookRequest(headers=made.headers, body=made.body.replace(b"member-updated", b"member-upgraded"))


def headed(**headers: str) -> Callable[[WebhookRequest], WebhookRequest]:
    names = {"signature": SIGNATURE}
    changed = {names[name]: value for name, value in headers.items()}
    return lambda made: WebhookRequest(headers={**made.headers, **changed}, body=made.body)


def with_body(body: bytes) -> Callable[[WebhookRequest], WebhookRequest]:
    return lambda made: WebhookRequest(headers=made.headers, body=body)


@pytest.mark.parametrize(
    "forged",
    [
        other_body,
        headed(signature=""),
        headed(signature="0" * 64),
        headed(signature="ü"),
        with_body(b""),
        with_body(b"<html>"),
        with_body(b"[]"),
        with_body(b"[" * 200_000),
        with_body(b'{"payload": {"event": "member-updated"}}'),
        with_body(b'{"payload": "\xff"}'),
        lambda made: WebhookRequest(headers={}, body=made.body),
    ],
)
async def test_what_is_not_momences_is_refused(site: Site, forged: Callable[[WebhookRequest], WebhookRequest]) -> None:
    """Without a secret in the error."""
    made = site.sim.deliveries[-1]
    assert await site.hints(made)
    with pytest.raises(FixSettings, match="not from Momence") as caught:
        await site.hints(forged(made))
    assert WEBHOOK_SECRET not in str(caught.value)


async def test_without_a_secret_no_webhook_is_believed() -> None:
    """The setting is optional: polling goes on."""
    async with opened(furnished(), webhook_secret=None) as site:
        with pytest.raises(FixSettings, match="webhook_secret"):
            await site.hints(site.sim.deliveries[-1])
        assert (await site.read("community")).complete


@pytest.mark.parametrize(
    ("header", "key", "fine"), [("h-1-secret", "k-1-secret", True), ("other", "k-1-secret", False)]
)
async def test_header_and_key_may_be_two_secrets(header: str, key: str, fine: bool) -> None:
    """Whether they are is unknown: with both settings, both must fit; the key alone is enough without."""
    sim = furnished(webhook_header=header, webhook_key=key)
    async with opened(sim, webhook_secret="h-1-secret", webhook_signing_secret="k-1-secret") as site:
        if fine:
            assert await site.hints(sim.deliveries[-1])
        else:
            with pytest.raises(FixSettings):
                await site.hints(sim.deliveries[-1])
    async with opened(sim, webhook_secret=key) as site:
        assert await site.hints(sim.deliveries[-1])


async def test_the_signature_is_over_the_payload_text_as_received(site: Site) -> None:
    """Umlauts and blanks and all, in hex of either case."""
    text = '{ "event":"member-updated", "payload":{"memberId":7,"firstName":"Jürg \\u00e4"} }'
    made = delivery(text)
    assert plain(await site.hints(made))[0] == ("member", ("7",), ("7",))
    upper = WebhookRequest(headers={**made.headers, SIGNATURE: made.headers[SIGNATURE].upper()}, body=made.body)
    assert await site.hints(upper)


@pytest.mark.parametrize("text", ["", "null", "[]", '{"event": 5}', "not json", '{"payload": {}}'])
async def test_an_event_that_cant_be_read_says_nothing(site: Site, text: str) -> None:
    """It is Momence's all the same."""
    assert await site.hints(delivery(text)) == []


async def test_an_event_without_ids_has_its_whole_kind_read(site: Site) -> None:
    """Something changed, and it doesn't say what."""
    assert await site.hints(delivery({"event": "session-updated", "payload": None})) == [
        Hint(kind="session", dedupe="d-1")
    ]
    assert plain(await site.hints(delivery({"event": "bought-membership-frozen", "payload": {"memberId": True}}))) == [
        ("member_pass", (), ())
    ]


def test_there_is_no_way_to_subscribe() -> None:
    """A person makes webhooks in the dashboard; the plugin says that it reads them."""
    from plugins.booking import momence

    assert not hasattr(momence, "subscribe_webhooks")
    assert "webhooks" in describe().abilities


# ── following a hint ──────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_booking_is_read_with_its_spot(site: Site) -> None:
    """The event has none; it takes the member's list and the session's."""
    member = site.sim.add_member()
    site.sim.book(member, 1013, 77)
    before = site.sim.log.total
    read = await site.follow(site.sim.deliveries[-1])
    assert [found.spot for found in read.records["booking"].values() if found.member_id == str(member)] == ["77"]
    assert site.sim.log.total - before <= 3
    assert read.complete == frozenset()
    key = max(site.sim.world.bookings)
    site.sim.cancel_booking(key)
    read = await site.follow(site.sim.deliveries[-1])
    assert read.records["booking"][str(key)].state is BookingState.CANCELLED


async def test_a_guests_booking_is_the_guests(site: Site) -> None:
    """Whoever pays."""
    guest = site.sim.add_member()
    key = site.sim.book(guest, 1013, payer=1007)
    read = await site.follow(site.sim.deliveries[-1])
    assert read.records["booking"][str(key)].member_id == str(guest)


async def test_a_booking_weeks_ahead_is_found(site: Site) -> None:
    """And a member's other sessions outside of the window are not read."""
    far = [site.sim.add_session(site.clock.now().replace(month=12, day=day)) for day in (10, 20)]
    keys = [site.sim.book(1007, session) for session in far]
    read = await site.follow(site.sim.deliveries[-1])
    assert str(keys[1]) in read.records["booking"]
    assert str(keys[0]) not in read.records["booking"]


async def test_a_pass_is_read_with_the_others_of_its_member(site: Site) -> None:
    """One call."""
    site.sim.freeze(1008)
    before = site.calls("BoughtMembershipsController_list")
    read = await site.follow(site.sim.deliveries[-1])
    assert read.records["member_pass"]["1008"].state is PassState.FROZEN
    assert read.records["member_pass"].keys() == {"1008"}
    assert site.calls("BoughtMembershipsController_list") == before + 1


async def test_what_is_no_longer_there_is_said_to_be_gone(site: Site) -> None:
    """A pass, a member, a session, a booking, a draft, a tag that was taken off, items of short lists."""
    site.sim.end_pass(1008)
    assert (await site.follow(site.sim.deliveries[-1])).gone["member_pass"] == {"1008"}
    assert (await site.ids(("member", 4711))).gone["member"] == {"4711"}
    assert (await site.ids(("session", 4711))).gone["session"] == {"4711"}
    assert (await site.ids(("booking", 4711), members=[1007])).gone["booking"] == {"4711"}
    assert (await site.ids(("pass", 4711), ("pass", 1005))).gone["pass"] == {"4711"}
    assert (await site.ids(("community", 4711))).gone["community"] == {"4711"}
    assert (await site.ids(("location", 4711))).gone["location"] == {"4711"}
    site.sim.change_session(1013, isDraft=True)
    assert (await site.follow(site.sim.deliveries[-1])).gone["session"] == {"1013"}
    site.sim.tag_member(1011, 1002)
    read = await site.follow(site.sim.deliveries[-1])
    assert read.records["community_member"].keys() == {"1002:1011"}
    assert read.gone["community_member"] == {"1001:1011"}


async def test_of_a_booking_or_pass_without_its_member_nothing_is_said(site: Site) -> None:
    """Neither has a route of its own."""
    read = await site.ids(("booking", 1014), ("member_pass", 1008))
    assert not read.gone["booking"]
    assert not read.gone["member_pass"]


async def test_a_record_that_cant_be_understood_is_not_gone(site: Site) -> None:
    """It is there, after all."""
    site.sim.world.bought[1008] = {**site.sim.world.bought[1008], "type": "gift"}
    read = await site.ids(("member_pass", 1008), members=[1007])
    assert [problem.id for problem in read.problems] == ["1008"]
    assert not read.gone["member_pass"]


async def test_everything_of_one_member_can_be_read(site: Site) -> None:
    """And nothing is concluded from it."""
    read = await site.read(members=frozenset({"1011"}))
    assert read.records["member"].keys() == {"1011"}
    assert {found.member_id for found in read.records["member_pass"].values()} == {"1011"}
    assert any(found.member_id == "1011" for found in read.records["booking"].values())
    assert read.complete == frozenset()


async def test_a_session_is_read_with_its_teacher_where_both_are_asked_for(site: Site) -> None:
    """The same record as in a whole read."""
    whole = await site.read("session", "instructor")
    read = await site.read("session", "instructor", ids=frozenset({("session", "1013")}))
    assert read.records["session"]["1013"] == whole.records["session"]["1013"]
    assert read.records["instructor"] == whole.records["instructor"]
