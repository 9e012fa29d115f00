"""The state of a simulated studio at SportsNow, and the studio to start with."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from hub.testing import World

__all__ = ["Row", "SportsNowWorld", "furnish", "new_pass"]

Row = dict[str, Any]


class SportsNowWorld(World):
    """Tables by id. Lessons hold their times as naive wall-clock times in ISO form, as a studio types them in;
    everything else is as the assumed routes show it."""

    def __init__(self) -> None:
        self.lessons: dict[int, Row] = {}
        self.customers: dict[int, Row] = {}
        self.passes: dict[int, Row] = {}
        self.customer_passes: dict[int, Row] = {}
        self.bookings: dict[int, Row] = {}
        self.locations: dict[int, Row] = {}
        self.instructors: dict[int, Row] = {}


def furnish(world: SportsNowWorld, monday: datetime, studio: str) -> None:
    """A small studio: three rooms' worth of lessons for six weeks from a Monday, two passes, three customers."""
    world.locations.update({1: {"id": 1, "name": "Studio 1"}, 2: {"id": 2, "name": "Ride"}})
    world.instructors.update(
        {
            1: {"id": 1, "first_name": "Mia", "last_name": "Keller", "email": None},
            2: {"id": 2, "first_name": "Luca", "last_name": "Frei", "email": None},
        }
    )
    plan = ((0, 18, "Vinyasa Flow", 1, 1), (2, 12, "Ride 45", 2, 2), (4, 7, "Early Bird", None, 1))
    for week in range(6):
        for day, hour, name, instructor, location in plan:
            begin = monday + timedelta(weeks=week, days=day, hours=hour)
            identifier = 1000 + len(world.lessons)
            world.lessons[identifier] = {
                "id": identifier,
                "name": name,
                "begin": begin.isoformat(),
                "end": (begin + timedelta(minutes=60)).isoformat(),
                "instructor_id": instructor,
                "location_id": location,
                "capacity": 12,
                "cancelled": False,
            }
    world.passes.update(
        {
            1: new_pass(1, "Abo 12 Monate", validity=(12, "months"), credits=None),
            2: new_pass(2, "10er Abo", validity=(6, "months"), credits=10),
        }
    )
    names = (("Anna", "Graf", "female", "1456098437"), ("Béla", "Kovač", "male", "04A2B7C1"), ("Zoé", "Rey", None, ""))
    for number, (given, family, gender, badge) in enumerate(names, 1):
        world.customers[number] = {
            "id": number,
            "first_name": given,
            "last_name": family,
            "email": f"{given.lower()}@{studio}.example",
            "phone": None,
            "gender": gender,
            "birth_date": "1990-02-01",
            "badges": [{"id": number, "number": badge, "kind": "nfc"}] if badge else [],
            "tags": [],
            "archived": False,
        }
        world.customer_passes[number] = {
            "id": number,
            "customer_id": number,
            "pass_id": 1 if number < 3 else 2,
            "starts_on": monday.date().isoformat(),
            "ends_on": (monday + timedelta(days=364)).date().isoformat(),
            "remaining_credits": None if number < 3 else 7,
            "use_for_check_in": True,
            "deleted_at": None,
        }
    world.bookings[1] = {
        "id": 1,
        "service_session_id": 1000,
        "customer_id": 1,
        "status": "booked",
        "checked_in_at": None,
        "updated_at": None,
    }


def new_pass(number: int, name: str, *, validity: tuple[int, str], credits: int | None) -> Row:
    """A pass on sale."""
    return {
        "id": number,
        "name": name,
        "description": None,
        "price": 990.0,
        "currency": "CHF",
        "validity_amount": validity[0],
        "validity_unit": validity[1],
        "credits": credits,
        "category_ids": [],
    }
