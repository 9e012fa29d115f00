"""`studiohub sessions` and `studiohub links`."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest

from hub.cli.work import end, plan_
from hub.errors import UserError
from hub.look.classes import list_classes, seat_maps
from hub.look.explain import explain
from hub.look.links import clear_link, list_links, set_link
from tests.riding import Riding

KEYS = ["id", "name", "starts_at", "ends_at", "target", "box", "status", "vendor_id", "seats"]


async def classes(riding: Riding, **kept: Any) -> dict[str, dict[str, Any]]:
    """The classes of the next days as `--json` has them."""
    now = riding.clock.now()
    views = await list_classes(riding.hub, since=now - timedelta(days=1), until=now + timedelta(days=7), **kept)
    shown = [json.loads(json.dumps(view.as_json())) for view in views]
    return {view["id"].removeprefix("desk:"): view for view in shown}


async def test_the_shape_of_a_class(riding: Riding) -> None:
    ride = riding.ride()
    riding.book("anna", spot="3")
    riding.book("bo", spot=None)
    riding.member("shy", show_live=False)
    riding.book("shy", spot="4")
    await riding.sync()
    [view] = (await classes(riding)).values()
    assert list(view)[: len(KEYS)] == KEYS
    assert (view["id"], view["target"], view["box"], view["status"]) == ("desk:c1", "bikes", "4471", "created")
    assert view["vendor_id"] == riding.event_of("c1")
    assert view["starts_at"] == ride["starts_at"].strftime("%Y-%m-%dT%H:%M:%SZ")
    assert view["seats"][0].items() >= {"member": "desk:anna", "spot": "3", "seat": "2", "status": "created"}.items()
    found = {seat["member"]: seat for seat in view["seats"]}
    assert found["desk:bo"]["status"] == found["desk:shy"]["status"] == "failed"
    assert "without a spot" in found["desk:bo"]["reason"]
    assert "shown live" in found["desk:shy"]["reason"]


async def test_problems_only(riding: Riding) -> None:
    riding.ride("fine")
    riding.ride("shy")
    riding.member("shy", show_live=False)
    riding.book("shy", "shy")
    riding.ride("short", minutes=10)
    riding.ride("lost")
    riding.book("anna", "lost", None)
    riding.ride("off", send=False)
    riding.ride("yoga", room_plan_id="yoga")
    await riding.sync()
    every = await classes(riding)
    assert {key: view["status"] for key, view in every.items()} == {
        "fine": "created",
        "shy": "created",
        "short": "failed",
        "lost": "created",
        "off": None,
    }
    assert set(await classes(riding, problems=True)) == {"short", "lost"}


async def test_a_cancelled_class_is_removed(riding: Riding) -> None:
    ride = riding.ride()
    riding.book("anna")
    await riding.sync()
    ride["state"] = "cancelled"
    await riding.sync()
    [view] = (await classes(riding)).values()
    assert (view["status"], [seat["status"] for seat in view["seats"]]) == ("removed", ["removed"])


async def test_links_by_hand(riding: Riding) -> None:
    there = riding.spivi.add_by_hand("private@example.org")
    riding.ride()
    riding.book("anna")
    riding.book("bo", spot="2")
    await riding.sync()
    assert await set_link(riding.hub, "anna@example.org", "bikes", there["ClientID"], who="test") == "desk:anna"
    with pytest.raises(UserError, match="is desk:anna by hand"):
        await set_link(riding.hub, "desk:bo", "bikes", there["ClientID"], who="test")
    await riding.lanes()
    assert riding.roster() == {"c1": {"private": "0", "bo": "1"}}
    views = {view.member: view for view in await list_links(riding.hub)}
    assert (views["desk:anna"].vendor_id, views["desk:anna"].by_hand) == (there["ClientID"], True)
    assert (views["desk:bo"].state, views["desk:bo"].by_hand) == ("linked", False)
    await clear_link(riding.hub, "desk:anna", "bikes", who="test")
    with pytest.raises(UserError, match="no link by hand"):
        await clear_link(riding.hub, "desk:anna", "bikes", who="test")
    await riding.lanes()
    assert riding.roster() == {"c1": {"anna": "0", "bo": "1"}}


async def test_conflicts_come_first(riding: Riding) -> None:
    riding.ride()
    riding.member("zoe", email=None)
    riding.book("anna")
    riding.book("zoe", spot="2")
    await riding.sync()
    assert [view.member for view in await list_links(riding.hub)] == ["desk:zoe", "desk:anna"]
    [conflict] = await list_links(riding.hub, conflicts=True)
    assert "e-mail" in conflict.note


async def test_the_seat_map_of_a_room(riding: Riding) -> None:
    await riding.reimport(seats='"1" = "0", "2" = "0"')
    riding.ride()
    await riding.sync()
    [found] = await seat_maps(riding.hub, "ride")
    assert (found.duplicates, found.gaps[:2], found.unused[:2]) == (("0",), ("3", "4"), ("1", "2"))
    with pytest.raises(UserError, match="no room 'rid'"):
        await seat_maps(riding.hub, "rid")


async def test_explain_says_where_somebody_rides(riding: Riding) -> None:
    """After the doors: each class to come, with its seat or why there is none."""
    riding.ride()
    riding.book("anna", spot="3")
    riding.book("bo", spot=None)
    await riding.sync()
    [line] = [line for line in (await explain(riding.hub, "desk:anna")).lines if line.target == "bikes"]
    assert (line.code, line.good) == ("seated", True)
    assert "seat 2. Spot 3 is seat 2." in line.text
    [line] = [line for line in (await explain(riding.hub, "desk:bo")).lines if line.target == "bikes"]
    assert (line.code, line.good) == ("booking_without_spot", False)
    assert "Assign a spot in desk" in line.fix


async def test_explain_speaks_of_bikes_where_there_are_no_doors(riding: Riding) -> None:
    riding.ride("c1")
    riding.ride("c2", riding.clock.now() + timedelta(days=2))
    riding.book("anna", "c1", "3")
    riding.book("bo", "c1", None)
    riding.book("cleo", "c1", "5")
    riding.book("cleo", "c2", None)
    riding.member("dan")
    await riding.sync()
    for member, verdict in (("anna", "bike"), ("bo", "no_bike"), ("cleo", "some_bikes"), ("dan", "no_class")):
        answer = await explain(riding.hub, f"desk:{member}")
        assert answer.verdict == verdict
        assert "bike" in answer.sentence
        assert "access" not in answer.sentence
        assert all(line.code != "no_target" for line in answer.lines)


async def test_a_sync_says_who_waits_and_what_came(riding: Riding, capsys: pytest.CaptureFixture[str]) -> None:
    """In a line each, and as numbers; nothing where nobody waits."""
    ride = riding.ride("c1")
    riding.book("anna", spot="3")
    await riding.sync()
    riding.clock.set(ride["ends_at"] + timedelta(minutes=31))
    riding.ride("c2")
    riding.ride("short", minutes=10)
    riding.book("bo", "c2", None)
    riding.book("cleo", "c2", "99")
    riding.member("shy", show_live=False)
    riding.book("shy", "c2", "4")
    result = await riding.sync()
    [run] = result.targets
    assert run.waiting == {"riders": 2, "classes": 1}
    assert run.fetched == {"classes": 1, "results": 1, "summaries": 1}
    capsys.readouterr()
    end(run, json=False)
    said = capsys.readouterr().out
    assert "results of 1 class (1), 1 summary" in said
    assert "2 riders have no seat, 1 class failed: `studiohub sessions --problems`" in said
    end(run, json=True)
    [shown] = json.loads(capsys.readouterr().out)["targets"]
    assert (shown["waiting"], shown["fetched"]) == (run.waiting, run.fetched)
    riding.desk.sessions = riding.desk.sessions[:1]
    riding.desk.bookings = riding.desk.bookings[:1]
    [run] = (await riding.sync()).targets
    assert (run.waiting, run.fetched) == ({}, {})


async def test_a_plan_says_that_classes_are_no_part_of_it(
    riding: Riding, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is nothing to apply, so nothing looks as if there were."""

    @asynccontextmanager
    async def there() -> AsyncIterator[Any]:
        yield riding.hub

    monkeypatch.setattr("hub.cli.work.opened", there)
    riding.ride()
    riding.desk.export(at=riding.clock.now())
    assert await plan_() == 0
    said = capsys.readouterr().out
    assert "Classes are not part of plans: `studiohub sessions` shows what should be at bikes." in said
    assert "Nothing has been changed" not in said
    assert await plan_("bikes", json=True) == 0
    assert json.loads(capsys.readouterr().out)["note"].startswith("Classes are not part of plans")
