"""The simulated anny has the vendor's ways, also those that the hub avoids."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hub.clock import FrozenClock
from hub.errors import FixSettings, Refused
from hub.http import Client, answering
from plugins.booking.anny.simulator import ACCESS_TOKEN, AnnySimulator
from tests.plugins.booking.anny.support import NOW

HOST = "http://anny-sim.test"
WEBHOOK = {"name": "n", "url": "https://hub.example", "events": ["bookings.created"]}


@pytest.fixture
def sim() -> AnnySimulator:
    return AnnySimulator(clock=FrozenClock(NOW), organizations={"o1": "North", "o2": "South"})


@pytest.fixture
async def client(sim: AnnySimulator) -> AsyncIterator[Client]:
    """Somebody with the token who asks for flat answers."""
    headers = {"Authorization": f"Bearer {ACCESS_TOKEN}", "Accept": "application/json"}
    async with answering(HOST, sim):
        made = Client(f"{HOST}/api/v1", name="anny", headers=headers)
        yield made
        await made.aclose()


async def test_cancelling_is_a_get(sim: AnnySimulator, client: Client) -> None:
    """And counts as a write here."""
    row = sim.desk.booking(sim.desk.customer(), sim.desk.resource(), NOW)
    await client.get(f"/bookings/{row['id']}/cancel")
    assert sim.world.bookings[row["id"]]["canceled_at"] == "2026-11-21T09:00:00Z"
    assert sim.log.writes == 1


async def test_checking_in_and_out(sim: AnnySimulator, client: Client) -> None:
    row = sim.desk.booking(sim.desk.customer(), sim.desk.resource(), NOW)
    for name in ("check-in", "check-out"):
        await client.call("POST", f"/bookings/{row['id']}/{name}")
    kept = sim.world.bookings[row["id"]]
    assert kept["check_in_date"] == kept["check_out_date"] == kept["updated_at"]


async def test_resources_are_parents_only_unless_asked(sim: AnnySimulator, client: Client) -> None:
    room = sim.desk.resource()
    sim.desk.resource("Bike", parent_id=room["id"])
    for params, count in (({}, 1), ({"filter[exclude_child_resources]": "false"}, 2)):
        assert len((await client.get("/resources", params=params)).json()["data"]) == count


async def test_relations_are_inside_only_where_asked_for(sim: AnnySimulator, client: Client) -> None:
    row = sim.desk.booking(sim.desk.customer(), sim.desk.resource(), NOW)
    plain = (await client.get(f"/bookings/{row['id']}")).json()["data"]
    assert not {"customer", "resource", "customer_id"} & plain.keys()
    full = (await client.get(f"/bookings/{row['id']}", params={"include": "customer,resource"})).json()["data"]
    assert full["customer"]["full_name"] == "Anna Graf"


@pytest.mark.parametrize("params", [{"page[size]": "51"}, {"page[size]": "x"}, {"page[number]": "0"}])
async def test_pages_have_limits(client: Client, params: dict[str, str]) -> None:
    with pytest.raises(Refused):
        await client.get("/customers", params=params)


async def test_the_organisation_is_the_active_one_unless_chosen(sim: AnnySimulator, client: Client) -> None:
    for number, key in enumerate(("o1", "o2", "o2")):
        sim.desk.customer(f"Anna {number}", organization_id=key)
    for params, count in (({}, 1), ({"o": "o1"}, 1), ({"o": "o2"}, 2)):
        assert len((await client.get("/customers", params=params)).json()["data"]) == count
    with pytest.raises(FixSettings):
        await client.get("/customers", params={"o": "o3"})
    user: Any = (await client.get("/user")).json()
    assert user["data"]["relationships"]["active_organization"]["data"]["id"] == "o1"


@pytest.mark.parametrize(
    ("content_type", "change"),
    [
        ("application/json", {}),
        ("application/vnd.api+json", {"url": "http://hub.example"}),
        ("application/vnd.api+json", {"events": None}),
    ],
)
async def test_a_webhook_needs_json_api_https_and_events(
    sim: AnnySimulator, client: Client, content_type: str, change: dict[str, Any]
) -> None:
    attributes = {name: value for name, value in {**WEBHOOK, **change}.items() if value is not None}
    body = {"data": {"type": "webhook-subscriptions", "attributes": attributes}}
    with pytest.raises(Refused):
        await client.call("POST", "/webhook-subscriptions", json=body, headers={"Content-Type": content_type})
    assert sim.world.webhooks == {}


async def test_a_new_webhook_comes_with_a_signing_key_of_64_characters(sim: AnnySimulator, client: Client) -> None:
    body = {"data": {"type": "webhook-subscriptions", "attributes": WEBHOOK}}
    headers = {"Content-Type": "application/vnd.api+json"}
    answer = await client.call("POST", "/webhook-subscriptions", json=body, headers=headers)
    assert answer.status == 201
    assert len(answer.json()["data"]["signing_key"]) == 64
    assert len((await client.get(f"/webhook-subscriptions/{answer.json()['data']['id']}")).json()["data"]["name"]) == 1


def test_the_same_seed_gives_the_same_ids() -> None:
    first, second = (AnnySimulator(seed=7).desk.customer()["id"] for _ in range(2))
    assert first == second
