"""A made-up studio: people, passes, rooms and classes that every simulator can put into its vendor's own tables.

The same seed and the same day give the same studio. Nobody in it is real, and their addresses reach nobody.
"""

from __future__ import annotations

import random
import unicodedata
from dataclasses import dataclass
from datetime import date, datetime, timedelta

__all__ = ["COMMUNITIES", "FAMILY", "GIVEN", "PASSES", "ROOMS", "Lesson", "Member", "lessons", "members", "slots"]

# fmt: off
GIVEN = [
    "Anna", "Luca", "Mia", "Noah", "Lea", "Jan", "Nina", "Tim", "Lara", "Finn", "Mara", "Elias", "Sofia", "Ben", "Emma",
    "Leon", "Julia", "Nico", "Alma", "Jonas", "Ida", "Samuel", "Zoé", "Matteo", "Léa", "Aylin", "Dario", "Elif", "Ravi",
    "Chloé",
]
FAMILY = [
    "Graf", "Frei", "Meier", "Egli", "Keller", "Huber", "Rossi", "Weber", "Kunz", "Moser", "Baumann", "Fischer",
    "Steiner", "Brunner", "Gerber", "Widmer", "Wyss", "Bianchi", "Müller", "Favre", "Öztürk", "Novak", "Suter", "Hofer",
]
# fmt: on
PASSES = ("Abo 12 months", "Abo 12 months + Sauna", "10 visits")
COMMUNITIES = ("Team", "Founders")
ROOMS = ("Studio 1", "Ride", "Sauna")
LESSONS = (("Vinyasa Flow", 0), ("Ride 45", 1), ("Stretch and Sauna", 2))
"""Name of the class and the room that it is in."""


@dataclass(frozen=True, kw_only=True)
class Member:
    """Somebody of the studio. `number` counts from 1; `held` and `communities` are places in PASSES and COMMUNITIES."""

    number: int
    given: str
    family: str
    email: str
    badge: str | None
    held: int
    since: date
    until: date
    communities: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Lesson:
    """A class; `room` is its place in ROOMS."""

    name: str
    room: int
    starts: datetime
    minutes: int


def members(count: int, *, seed: int, today: date) -> list[Member]:
    """So many members: most have a badge, each has a pass, some are of a community."""
    found = []
    for number in range(1, count + 1):
        chance = random.Random(f"{seed}:{number}")  # noqa: S311 - made-up people, the same ones every time
        given, family = chance.choice(GIVEN), chance.choice(FAMILY)
        found.append(
            Member(
                number=number,
                given=given,
                family=family,
                email=f"{_plain(given)}.{_plain(family)}.{number}@example.com",
                badge=None if number % 25 == 7 else f"4A{number:05X}7C",
                held=(0, 0, 1, 2)[number % 4],
                since=today - timedelta(days=40),
                until=today + timedelta(days=30 + number),
                communities=(*((0,) if number % 10 == 1 else ()), *((1,) if number % 5 == 2 else ())),
            )
        )
    return found


def lessons(now: datetime, *, days: int = 2) -> list[Lesson]:
    """Classes for some days: the first is running, and one begins every two hours."""
    first = now.replace(minute=0, second=0, microsecond=0)
    found = []
    for number in range(days * 12):
        name, room = LESSONS[number % len(LESSONS)]
        found.append(Lesson(name=name, room=room, starts=first + timedelta(hours=2 * number), minutes=60))
    return found


def slots(now: datetime, *, rooms: int, days: int = 3) -> list[tuple[int, datetime]]:
    """Rooms and hours that can be booked one by one: in each room an hour, an hour nothing, and so on."""
    first = now.replace(minute=0, second=0, microsecond=0)
    return [(room, first + timedelta(hours=2 * turn)) for turn in range(days * 12) for room in range(rooms)]


def _plain(name: str) -> str:
    return unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
