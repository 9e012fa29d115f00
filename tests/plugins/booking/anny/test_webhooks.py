"""The hub's webhook at anny: made once, watched over; and what its deliveries say."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from hub import FixSettings, RetryLater, Unconfirmed
from hub.grants import Hint, WebhookRequest
from hub.records import BookingState
from plugins.booking import anny
from plugins.booking.anny import wire
from plugins.booking.anny.simulator import AnnySimulator, Delivery
from tests.plugins.booking.anny.support import NOW, Recorder, Studio, opened

SECRET = "a-secret-part-of-the-address"
ADDRESS = f"https://hub.example/hooks/desk/{SECRET}"


async def subscribed(studio: Studio, address: str = ADDRESS, secret: str = SECRET) -> list[dict[str, Any]]:
    await anny.subscribe_webhooks(studio.connection, address, secret)
    return list(studio.sim.world.webhooks.values())


async def delivered(studio: Studio, delivery: Delivery, secret: str = SECRET, **headers: str) -> list[Hint]:
    request = WebhookRequest(headers={**delivery.headers, **headers}, body=delivery.body, secret=secret)
    return list(await anny.read_webhook(studio.connection, request))


# ── the subscription ──────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("hide", [True, False])
async def test_subscribing_again_changes_nothing(studio: Studio, hide: bool) -> None:
    """Whether or not anny shows the headers of a subscription."""
    studio.sim.faults.hide_headers = hide
    (made,) = await subscribed(studio)
    writes = studio.sim.log.writes
    assert await subscribed(studio) == [made]
    assert studio.sim.log.writes == writes == 1
    assert (made["url"], made["is_active"], set(made["events"])) == (ADDRESS, True, set(wire.EVENTS))


async def test_the_header_is_made_from_the_secret_and_is_not_it(studio: Studio) -> None:
    (made,) = await subscribed(studio)
    (value,) = made["custom_headers"].values()
    assert SECRET not in value
    assert re.fullmatch("[0-9a-f]{64}", value)


@pytest.mark.parametrize(
    "change", [{"is_active": False}, {"events": ["bookings.created"]}, {"custom_headers": {wire.SECRET_HEADER: "old"}}]
)
async def test_a_subscription_that_is_off_or_wrong_is_made_anew(studio: Studio, change: dict[str, Any]) -> None:
    """anny switches one off after five failures in a row."""
    (made,) = await subscribed(studio)
    studio.change(made, **change)
    (anew,) = await subscribed(studio)
    assert anew["id"] != made["id"]
    assert anew["is_active"]


async def test_a_new_address_replaces_the_old_one_and_nobody_elses(studio: Studio) -> None:
    (made,) = await subscribed(studio)
    other = {**made, "id": "other", "name": "accounting", "url": "https://elsewhere.example"}
    studio.sim.world.webhooks["other"] = other
    await subscribed(studio, "https://hub.example/hooks/desk/new", "new-secret")
    assert {row["url"] for row in studio.sim.world.webhooks.values()} == {
        "https://elsewhere.example",
        "https://hub.example/hooks/desk/new",
    }


async def test_a_create_whose_answer_is_lost_is_not_repeated(studio: Studio) -> None:
    """It is found the next time, so there is one subscription and not two."""
    studio.sim.faults.set("drop_after_write,times=1")
    with pytest.raises(Unconfirmed):
        await subscribed(studio)
    assert len(await subscribed(studio)) == 1
    assert studio.sim.log.writes == 1


async def test_two_that_say_the_same_become_one(studio: Studio) -> None:
    (made,) = await subscribed(studio)
    studio.sim.world.webhooks["twin"] = {**made, "id": "twin"}
    assert [row["id"] for row in await subscribed(studio)] == [made["id"]]


async def test_nothing_is_made_while_the_list_cannot_be_read_whole(studio: Studio) -> None:
    await subscribed(studio)
    studio.sim.faults.set("half_page")
    with pytest.raises(RetryLater):
        await subscribed(studio)
    assert studio.sim.log.writes == 1


async def test_writes_are_json_api(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    recorder = Recorder(studio.sim, monkeypatch)
    await subscribed(studio)
    (post,) = [request for request in recorder.requests if request.method == "POST"]
    assert post.header("content-type") == "application/vnd.api+json"
    assert post.json()["data"]["type"] == "webhook-subscriptions"


async def test_no_secret_of_the_webhook_is_in_an_error(studio: Studio) -> None:
    with pytest.raises(Exception, match="https") as caught:
        await anny.subscribe_webhooks(studio.connection, f"http://hub.example/{SECRET}", SECRET)
    assert SECRET not in str(caught.value)


# ── deliveries ────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("event", [event for event in wire.EVENTS if event.startswith("bookings")])
async def test_every_event_of_a_booking_says_to_read_it_again(studio: Studio, event: str) -> None:
    await subscribed(studio)
    desk = studio.sim.desk
    row = desk.booking(desk.customer(), desk.resource(), NOW)
    (delivery,) = studio.sim.announce(event, row)
    (hint,) = await delivered(studio, delivery)
    assert (hint.kind, hint.ids) == ("booking", (row["id"],))
    assert hint.dedupe == msgspec.json.decode(delivery.body)["event_id"]


@pytest.mark.parametrize("badge_field", [None, "Badge"])
@pytest.mark.parametrize("event", ["customers.created", "customers.updated", "customers.deleted"])
async def test_every_event_of_a_customer_says_to_read_them_again(event: str, badge_field: str | None) -> None:
    async with opened(badge_field=badge_field) as studio:
        await subscribed(studio)
        row = studio.sim.desk.customer()
        (delivery,) = studio.sim.announce(event, row)
        hints = await delivered(studio, delivery)
    assert [hint.kind for hint in hints] == (["member", "badge"] if badge_field else ["member"])
    assert {(hint.ids, hint.members) for hint in hints} == {((row["id"],), (row["id"],))}


@pytest.mark.parametrize("as_deleted", [True, False])
async def test_a_cancelling_takes_either_form(studio: Studio, as_deleted: bool) -> None:
    """`bookings.deleted`, or `bookings.updated` with `canceled_at`: what counts is what reading shows."""
    await subscribed(studio)
    desk = studio.sim.desk
    row = desk.booking(desk.customer(), desk.resource(), NOW)
    if as_deleted:
        desk.remove(row)
    else:
        desk.change(row, canceled_at="2026-11-21T08:00:00Z")
    (delivery,) = studio.sim.announce("bookings.deleted" if as_deleted else "bookings.updated", row)
    (hint,) = await delivered(studio, delivery)
    found = await studio.read("booking", ids=frozenset((hint.kind, key) for key in hint.ids))
    if as_deleted:
        assert found.gone["booking"] == {row["id"]}
    else:
        assert found.one("booking").state is BookingState.CANCELLED


async def test_the_data_of_a_delivery_is_never_used(studio: Studio) -> None:
    """It names the record, and no more."""
    await subscribed(studio)
    desk = studio.sim.desk
    row = desk.booking(desk.customer(), desk.resource(), NOW)
    (delivery,) = studio.sim.announce("bookings.created", {**row, "status": "accepted", "start_date": "lies"})
    calls = studio.sim.log.total
    (hint,) = await delivered(studio, delivery)
    assert studio.sim.log.total == calls
    assert "lies" not in repr(hint)


@pytest.mark.parametrize(
    ("secret", "headers"),
    [
        (SECRET, {wire.SECRET_HEADER: "wrong"}),
        (SECRET, {wire.SECRET_HEADER: ""}),
        (SECRET, {wire.SECRET_HEADER: "é"}),
        (SECRET, {wire.SECRET_HEADER: SECRET}),
        ("another-secret", {}),
        ("", {}),
    ],
)
async def test_a_request_without_the_hubs_header_is_refused(
    studio: Studio, secret: str, headers: dict[str, str]
) -> None:
    await subscribed(studio)
    (delivery,) = studio.sim.announce("customers.created", studio.sim.desk.customer())
    with pytest.raises(FixSettings) as caught:
        await delivered(studio, delivery, secret, **headers)
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b"{}", b'{"event": 7}', b"\xff"])
async def test_a_body_that_is_not_annys_is_refused(studio: Studio, body: bytes) -> None:
    await subscribed(studio)
    (delivery,) = studio.sim.announce("customers.created", studio.sim.desk.customer())
    with pytest.raises(FixSettings):
        await delivered(studio, msgspec.structs.replace(delivery, body=body))


@pytest.mark.parametrize(
    ("body", "hints"),
    [
        ({"event": "bookings.created", "event_id": "e", "data": {}}, [Hint(kind="booking", dedupe="e")]),
        ({"event": "bookings.moved", "data": {"id": 7}}, [Hint(kind="booking", ids=("7",))]),
        ({"event": "invoices.finalised", "event_id": "e", "data": {"id": "i"}}, []),
        ({"event": "invoices.finalized", "event_id": "e", "data": {"id": "i"}}, []),
        ({"event": "orders.created", "event_id": "e", "data": {"id": "o"}}, []),
    ],
)
async def test_other_events_and_records_without_ids(studio: Studio, body: Any, hints: list[Hint]) -> None:
    """What names no record has its kind read again; orders and invoices decide nothing."""
    await subscribed(studio)
    (delivery,) = studio.sim.announce("customers.created", studio.sim.desk.customer())
    assert await delivered(studio, msgspec.structs.replace(delivery, body=msgspec.json.encode(body))) == hints


async def test_five_failures_in_a_row_switch_a_subscription_off_and_verify_tells(studio: Studio) -> None:
    await subscribed(studio)
    row = studio.sim.desk.customer()
    for ok in (False, False, False, False, True, False, False, False, False, False):
        (delivery,) = studio.sim.announce("customers.updated", row)
        studio.sim.delivered(delivery, ok=ok)
    assert studio.sim.announce("customers.updated", row) == []
    (check,) = [check for check in await studio.verify() if check.title == "the webhook is on"]
    assert (check.state, bool(check.fix)) == ("warning", True)
    assert [hook["is_active"] for hook in await subscribed(studio)] == [True]
    assert isinstance(studio.sim, AnnySimulator)
