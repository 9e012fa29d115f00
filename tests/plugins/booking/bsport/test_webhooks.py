"""Webhooks: unsigned, so nothing but hints."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest

from hub import FixSettings
from hub.engine.lane_run import windows_of
from hub.grants import Hint, WebhookRequest
from plugins.booking import bsport
from plugins.booking.bsport.webhooks import EVENTS
from tests.plugins.booking.bsport.support import HOUR, NOW, Studio, member

SECRET = "the-secret-part-of-the-address"


async def hints(studio: Studio, body: Any, *, secret: str = SECRET) -> Sequence[Hint]:
    """What a delivery hints at."""
    sent = body if isinstance(body, bytes) else json.dumps(body).encode()
    return await bsport.read_webhook(studio.connection, WebhookRequest(headers={}, body=sent, secret=secret))


@pytest.mark.parametrize("event", ["booking-create", "booking-update", "booking-delete"])
async def test_a_booking_event_names_the_booking_and_its_member(studio: Studio, event: str) -> None:
    (hint,) = await hints(studio, studio.sim.delivery(event, 7, client_id=5))
    assert (hint.kind, hint.ids, hint.members) == ("booking", ("7",), ("5",))


@pytest.mark.parametrize("field", [{"member": 5}, {"consumer": 5}, {"client": {"id": 5}}, {"client_id": "5"}])
async def test_the_member_may_stand_under_other_names(studio: Studio, field: dict[str, Any]) -> None:
    """The fields of the record are not published."""
    (hint,) = await hints(studio, studio.sim.delivery("booking-update", 7, **field))
    assert hint.members == ("5",)


@pytest.mark.parametrize("event", ["member-create", "member-update"])
async def test_a_member_event_names_the_member_and_their_tags(studio: Studio, event: str) -> None:
    found = await hints(studio, studio.sim.delivery(event, 5))
    assert [(hint.kind, hint.ids, hint.members) for hint in found] == [
        ("member", ("5",), ()),
        ("community_member", (), ("5",)),
    ]


@pytest.mark.parametrize("event", [*(e for e in EVENTS if e.startswith("invoice")), "invoice-create", "invoice-update"])
async def test_an_invoice_event_means_passes(studio: Studio, event: str) -> None:
    """Of its member where it says who that is, else of all; deprecated events are understood too."""
    (hint,) = await hints(studio, studio.sim.delivery(event, 9, member=5))
    assert (hint.kind, hint.ids, hint.members) == ("member_pass", (), ("5",))
    (hint,) = await hints(studio, studio.sim.delivery(event, 9))
    assert (hint.kind, hint.ids, hint.members) == ("member_pass", (), ())


async def test_the_duplicate_key_is_made_of_type_id_and_date(studio: Studio) -> None:
    """bsport sends none of its own. A retry has the same, another event or moment has not."""

    async def key(event: str = "booking-update", number: int = 7, date: int = 1, **fields: Any) -> str | None:
        body = {"event_type": event, "date": date, "data": {"booking": {"id": number, **fields}}}
        return (await hints(studio, body))[0].dedupe

    assert await key() == await key(note="whatever") == "booking-update:7:1"
    assert len({await key(), await key("booking-delete"), await key(number=8), await key(date=2)}) == 4


async def test_without_an_id_there_is_no_duplicate_key(studio: Studio) -> None:
    """The hub tells it by its body then."""
    (hint,) = await hints(studio, {"event_type": "invoice-pay", "date": 1, "data": {"invoice": {}}})
    assert hint.dedupe is None


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"\xff\xfe",
        [],
        "booking-create",
        {},
        {"event_type": "booking-create", "data": {}},
        {"event_type": "booking-create", "date": "today", "data": {}},
        {"event_type": "booking-create", "date": True, "data": {}},
        {"event_type": 1, "date": 1, "data": {}},
        {"event_type": "booking-create", "date": 1, "data": []},
    ],
)
async def test_what_is_not_bsports_is_refused(studio: Studio, body: Any) -> None:
    with pytest.raises(FixSettings):
        await hints(studio, body)


async def test_the_secret_address_is_all_there_is(studio: Studio) -> None:
    """A delivery that came without one is nobody's; there is no signature to look at."""
    with pytest.raises(FixSettings, match="secret address"):
        await hints(studio, studio.sim.delivery("booking-create", 7), secret="")


@pytest.mark.parametrize("event", ["class-update", "test", "room-plan-create"])
async def test_an_event_that_nobody_knows_hints_at_nothing(studio: Studio, event: str) -> None:
    """Refusing it would have it sent again and again; the next read finds what changed."""
    assert await hints(studio, {"event_type": event, "date": 1, "data": {}}) == []


async def test_a_booking_that_names_nothing_is_left_to_the_next_read(studio: Studio) -> None:
    """Every booking there ever was would have to be read for it."""
    assert await hints(studio, {"event_type": "booking-create", "date": 1, "data": {"booking": {}}}) == []


async def test_the_delivery_itself_is_never_the_data(studio: Studio) -> None:
    """A forged one makes the hub look, and what it sees is what bsport has."""
    client, _ = member(studio.sim)
    booking = studio.sim.book(client, studio.sim.add_class(NOW + HOUR), canceled_at="2026-11-20T09:00:00Z")
    forged = studio.sim.delivery("booking-update", booking, client_id=client, booking_status_code="OK")
    [window] = windows_of(await hints(studio, forged), bsport.describe(), NOW)
    read = await studio.read(*(window.kinds or ()), members=window.members, ids=window.ids)
    assert read.one("booking").state == "cancelled"


async def test_a_hint_costs_as_little_as_bsport_allows(studio: Studio) -> None:
    team = studio.sim.add_tag("Team")
    client, _ = member(studio.sim, tag_ids=[team])
    booking = studio.sim.book(client, studio.sim.add_class(NOW + HOUR))
    found = [
        *await hints(studio, studio.sim.delivery("booking-create", booking, client_id=client)),
        *await hints(studio, studio.sim.delivery("member-update", client)),
    ]
    [window] = windows_of(found, bsport.describe(), NOW)
    read = await studio.read(*(window.kinds or ()), members=window.members, ids=window.ids)
    assert {record.id for record in read.records()} == {str(client), f"{client}:{team}", str(booking)}
    assert dict(studio.sim.log.by_operation) == {"listTags": 1, "getClient": 1, "listBookings": 1}


def test_nothing_is_subscribed_to() -> None:
    """A person sets webhooks up in the back office."""
    assert not hasattr(bsport, "subscribe_webhooks")
