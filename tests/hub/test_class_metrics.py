"""What is shown of a class: means without those who are not shown, read again only where something changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from hub.classes import corrections
from hub.look.class_metrics import class_means, compared, look_at_class, troubles, weekly
from hub.store import tables as t
from tests.harness import NOW
from tests.rode import END, GOOD, START, Riding, make_riding


@pytest.fixture
async def riding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Riding]:
    async with make_riding(tmp_path, monkeypatch) as made:
        made.bikes.results = {
            "v1": {"metrics": {**GOOD, "power_avg_w": 100.0}},
            "v2": {"metrics": {**GOOD, "power_avg_w": 200.0, "hr_avg_bpm": 150.0}},
        }
        yield made


async def hide(riding: Riding, member: str) -> None:
    ids = await riding.ids()
    async with riding.world.hub.database.write() as db:
        row = {"source_id": ids["desk"], "member": member, "show_live": False, "changed_at": NOW}
        await db.execute(t.own_word.insert().values(**row))


async def test_who_is_not_shown_is_counted_and_is_in_no_mean(riding: Riding) -> None:
    await riding.after(hours=1)
    hub = riding.world.hub
    both = await look_at_class(hub, "e1")
    assert both is not None
    assert both.means["power_avg_w"] == 150
    assert (len(both.riders), both.unseen) == (2, 0)
    await hide(riding, "2")
    one = await look_at_class(hub, "e1")
    assert one is not None
    assert one.means["power_avg_w"] == 100
    assert [rider.member for rider in one.riders] == ["desk:1"]
    assert one.unseen == 1
    means = await class_means(hub, since=START - timedelta(days=1), until=END)
    assert means.every[0].means["power_avg_w"] == 100


async def test_means_are_made_anew_only_where_something_changed(riding: Riding) -> None:
    await riding.a_class("e2", ends=END - timedelta(days=1), name="Ride 45")
    await riding.rider("1", event="e2")
    await riding.after(hours=1)
    hub, since = riding.world.hub, START - timedelta(days=30)
    first = await class_means(hub, since=since, until=END)
    assert set(first.made) == {"e1", "e2"}
    again = await class_means(hub, since=since, until=END, kept=first)
    assert again.made["e1"] is first.made["e1"]
    riding.clock.move(timedelta(minutes=5))
    number = (await riding.row(t.result, event_id="e1", member="2")).id
    async with hub.database.write() as db:
        await corrections.drop(db, hub.the_studio, number, who="test", now=riding.clock.now())
    after = await class_means(hub, since=since, until=END, kept=again)
    assert after.made["e2"] is first.made["e2"]
    assert after.made["e1"][1].means["power_avg_w"] == 100
    await hide(riding, "1")
    hidden = await class_means(hub, since=since, until=END, kept=after)
    assert hidden.made["e2"][1].means == {}


async def test_a_class_is_compared_with_those_of_its_name_before_it(riding: Riding) -> None:
    await riding.a_class("e0", ends=END - timedelta(days=7))
    await riding.a_class("other", ends=END - timedelta(days=6), name="Hills")
    for event in ("e0", "other"):
        await riding.rider("1", event=event)
    await riding.after(hours=1)
    hub = riding.world.hub
    one = await look_at_class(hub, "e1")
    assert one is not None
    assert one.more("power_avg_w") is None
    whole = compared(one, await class_means(hub, since=START - timedelta(days=30), until=END))
    assert [mean.event_id for mean in whole.before] == ["e0"]
    assert whole.more("power_avg_w") == pytest.approx(0.5)
    assert whole.more("cadence_avg_rpm") is None


async def test_riders_without_a_value_come_after_those_with_one(riding: Riding) -> None:
    for member in ("3", "4", "5"):
        await riding.rider(member)
    riding.bikes.results["v3"] = {"metrics": {"distance_km": 20.0}}
    riding.bikes.results["v4"] = {"metrics": {**GOOD, "power_avg_w": 900.0}}
    await riding.after(hours=1)
    one = await look_at_class(riding.world.hub, "e1")
    assert one is not None
    assert [rider.member for rider in one.by("power_avg_w")] == ["desk:2", "desk:1", "desk:4", "desk:3", "desk:5"]
    assert one.riders[-1].ride is None
    assert one.means["power_avg_w"] == 150


def test_weeks_without_a_value_are_none_and_never_nought() -> None:
    days = [(NOW - timedelta(days=day), float(day)) for day in (0, 1, 6, 8, 30)]
    assert weekly([*days, (NOW, None)], until=NOW, weeks=4) == [None, None, 8.0, pytest.approx(7 / 3)]
    assert weekly([], until=NOW, weeks=2) == [None, None]


async def test_a_tracker_that_does_not_answer_is_told_with_its_words(riding: Riding) -> None:
    hub, ids = riding.world.hub, await riding.ids()
    assert not await troubles(hub)
    lane = t.lane.c
    async with hub.database.write() as db:
        values = {"down_since": NOW, "error": "timed out", "succeeded_at": NOW - timedelta(hours=3)}
        await db.execute(update(t.lane).where(lane.connection_id == ids["bikes"]).values(**values))
    found = (await troubles(hub))["bikes"]
    assert found.said == "timed out"
    assert found.answered == NOW - timedelta(hours=3)
