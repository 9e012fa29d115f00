"""A studio whose doors open for bookings: rooms and doors, bookings at the desk, visits at the simulated vendor."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.harness import STUDIO, World, make_world

__all__ = ["DOORS", "ROOMS", "at", "book", "make_visiting", "visits"]

DOORS = {"C-1": "Front door", "C-2": "Studio 1", "C-3": "Studio 2"}

ROOMS = """
[[resources]]
source = "desk"
resource = "r-1"
target = "door"
locks = ["C-1", "C-2"]
minutes_before = 15
minutes_after = 15
credential = "both"

[[resources]]
source = "desk"
resource = "r-2"
target = "door"
locks = ["C-3"]
credential = "code"

[[communities]]
source = "desk"
community = "team"
target = "door"
locks = ["C-1"]

[[passes]]
source = "desk"
pass = "key"
target = "door"
locks = ["C-3"]
"""


@asynccontextmanager
async def make_visiting(folder: Path, monkeypatch: Any, *, more: str = "", **settings: Any) -> AsyncIterator[World]:
    """Open it. `more` is added to the studio file."""
    text = STUDIO + ROOMS + more.replace("{", "{{").replace("}", "}}")
    async with make_world(folder, monkeypatch, doors=DOORS, text=text, **settings) as world:
        world.desk.resources += [{"id": "r-1", "name": "Studio 1"}, {"id": "r-2", "name": "Studio 2"}]
        world.desk.communities.append({"id": "team", "name": "Team"})
        world.desk.passes.append({"id": "key", "name": "key"})
        yield world


def at(text: str) -> datetime:
    """A moment of the studio's day, 21 November 2026 unless a date is given, in UTC."""
    return datetime.fromisoformat(text if "T" in text else f"2026-11-21T{text}").replace(tzinfo=UTC)


def book(
    world: World,
    key: str,
    member: str,
    starts: datetime,
    *,
    minutes: int = 60,
    resource: str = "r-1",
    state: str = "confirmed",
) -> dict[str, Any]:
    """Add a booking, and its member where there is none yet."""
    if not any(row["id"] == member for row in world.desk.members):
        row = {"id": member, "given_name": "Anna", "family_name": "Graf", "email": f"{member}@example.org"}
        world.desk.members.append(row)
    booking = {
        "id": key,
        "member_id": member,
        "resource_id": resource,
        "starts_at": starts,
        "ends_at": starts + timedelta(minutes=minutes),
        "state": state,
    }
    world.desk.bookings.append(booking)
    return booking


def visits(world: World, *, gone: bool = False) -> list[tuple[str, str, str]]:
    """The windows that stand at the vendor now, as (locks, start, end), in the order of their starts. `gone`: those
    that were revoked instead."""
    return sorted(
        (",".join(visit["components"]), *(visit[edge].replace(".000Z", "Z") for edge in ("validFrom", "validTo")))
        for visit in world.exivo.visits.values()
        if visit["revoked"] is gone
    )
