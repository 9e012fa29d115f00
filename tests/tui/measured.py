"""A studio whose classes were ridden: weeks of results, written down as a pass over the tracker does."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import insert

from hub.store import tables as t
from tests.harness import NOW
from tests.rode import Riding, make_riding
from tests.tui.pilot import LARGE, quiet, until
from tui.app import HubApp
from tui.page import Page

__all__ = ["PEOPLE", "PLANTED", "measured", "post", "result"]

PEOPLE = ("Lea Keller", "Noah Frei", "Anna Weber", "Jan Huber", "Yara Steiner", "Tim Graf", "Alma Egli", "Zora Moser")
PLANTED = 173.0
"""Watts of who does not want to be shown: no mean and no other rider comes to it."""


def result(
    riding: Riding, source: int, event: str, member: str, at: datetime, metrics: dict[str, float], **values: Any
) -> dict[str, Any]:
    """A result, as it is stored."""
    hub = riding.world.hub
    return {
        "studio_id": hub.the_studio.id, "event_id": event, "source_id": source, "member": member, "starts_at": at,
        "vendor_person_id": f"v{member}", "sealed_metrics": hub.vault.seal(json.dumps(metrics)),
        "arrived_at": at + timedelta(hours=1), "changed_at": at + timedelta(hours=1), **values,
    }  # fmt: skip


def _ridden(week: int, person: int) -> dict[str, float]:
    watts = 118.0 + 9 * person + 2 * ((week * 7 + person * 3) % 5) - week
    ride = {"power_avg_w": watts, "calories_kcal": watts * 2.5, "distance_km": 15 + watts / 20, "points": watts / 2}
    return ride if person == 6 else {**ride, "hr_avg_bpm": 132.0 + person * 3}


async def fill(riding: Riding, weeks: int) -> None:
    """Three classes a week. Zora (7) is not shown; Tim's (5) last ride can hardly be; Alma (6) wore no belt; Jan (3)
    had a bike and has no result of the last class."""
    world = riding.world
    world.desk.members.clear()
    for number, name in enumerate(PEOPLE):
        given, _, family = name.partition(" ")
        world.desk.members.append(
            {"id": str(number), "given_name": given, "family_name": family, "email": f"{given.lower()}@example.org",
             "show_live": "false" if number == 7 else "true"}
        )  # fmt: skip
    await world.sync("desk")
    source, seats, results = (await riding.ids())["desk"], list[dict[str, Any]](), list[dict[str, Any]]()
    for week in range(weeks):
        for number, (name, days, hour) in enumerate((("Ride 45", 0, 2), ("Hills", 1, 14), ("Early ride", 3, 2))):
            at, event = NOW - timedelta(weeks=week, days=days, hours=hour), f"w{week}-{number}"
            await riding.a_class(event, ends=at + timedelta(minutes=45), name=name, results_due_at=None)
            for person in range(8 if number == 0 else 5):
                values = {"event_id": event, "member": str(person), "name": PEOPLE[person], "state": "active",
                          "applied": "1", "created_at": NOW, "changed_at": NOW}  # fmt: skip
                seats.append(values)
                if (week, number, person) == (0, 0, 3):
                    continue
                metrics, odd = _ridden(week, person), "[]"
                if person == 7:
                    metrics["power_avg_w"] = PLANTED
                if (week, number, person) == (0, 0, 5):
                    metrics["power_avg_w"], odd = 812.0, '["power_avg_w"]'
                results.append(result(riding, source, event, str(person), at, metrics, implausible=odd))
    async with world.hub.database.write() as db:
        if seats:
            await db.execute(insert(t.seat), seats)
            await db.execute(insert(t.result), results)


async def post(riding: Riding, first: int = 0, count: int = 6) -> None:
    """Mails in every state; one that its server refused."""
    hub, now = riding.world.hub, NOW - timedelta(hours=2)
    states = ("sent", "sent", "queued", "failed", "unsure", "sent")
    rows = [
        {
            "studio_id": hub.the_studio.id, "name": f"m{number}", "kind": "performance_summary",
            "recipient": f"{PEOPLE[number].split()[0].lower()}@example.org", "subject": "Ride 45, 21 November",
            "subject_id": f"desk:{number}", "sealed_text": hub.vault.seal("493827"), "message_id": f"<{number}@x>",
            "state": states[number % 6], "attempts": number % 2, "created_at": now + timedelta(minutes=number),
            "error": "550 5.1.1 no such user" if states[number % 6] == "failed" else None,
            "next_try_at": now if states[number % 6] == "queued" else None,
            "sent_at": now + timedelta(minutes=number + 1) if states[number % 6] == "sent" else None,
        }
        for number in range(first, first + count)
    ]  # fmt: skip
    async with hub.database.write() as db:
        await db.execute(insert(t.outbox), rows)


@asynccontextmanager
async def measured(
    folder: Path,
    monkeypatch: Any,
    *,
    size: tuple[int, int] = LARGE,
    weeks: int = 13,
    place: str = "6",
    before: Callable[[Riding], Awaitable[None]] | None = None,
    **options: Any,
) -> AsyncIterator[tuple[Riding, HubApp, Any]]:
    """That studio, and the app on it, showing Metrics or another place."""
    async with make_riding(folder, monkeypatch) as riding:
        async with riding.world.hub.database.write() as db:
            await db.execute(t.seat.delete())
            await db.execute(t.event.delete())
        await fill(riding, weeks)
        if before is not None:
            await before(riding)
        app = HubApp(riding.world.hub, **options)
        async with app.run_test(size=LARGE) as pilot:
            await until(pilot, lambda: isinstance(app.screen, Page))
            await quiet(pilot)
            app.new_here = False
            await pilot.press(place)
            await until(pilot, lambda: app.current_mode not in {"today", "first"} and app.focused is not None)
            await pilot.resize_terminal(*size)
            await quiet(pilot)
            yield riding, app, pilot
