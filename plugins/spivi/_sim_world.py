"""The state of a simulated Spivi site, and what becomes of a class there."""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta
from typing import Any

from hub.testing import World

__all__ = ["Row", "SpiviWorld", "shown", "typed", "workout"]

Row = dict[str, Any]

_MOMENT = re.compile(r"(\d{2})-(\d{2})-(\d{4})T(\d{2}):(\d{2})")


class SpiviWorld(World):
    """The tables of a site, by id."""

    def __init__(self) -> None:
        self.clients: dict[str, Row] = {}
        self.elsewhere: dict[str, Row] = {}
        """People of other clubs, by address."""
        self.instructors: dict[str, bool] = {}
        self.boxes: dict[str, int] = {}
        """How many spots each has."""
        self.events: dict[str, Row] = {}
        self.booked: dict[str, dict[str, int]] = {}
        """By event, the spot of each client, counted from 0."""
        self.workouts: dict[str, Row] = {}
        """What was recorded, by event and client."""
        self.last: dict[str, int] = {}

    def client_by_email(self, email: str) -> Row | None:
        """A person of the site."""
        wanted = email.strip().lower()
        return next((row for row in self.clients.values() if row["Email"].lower() == wanted), None)


def typed(text: Any) -> datetime | None:
    """A moment in a request: day, month, year, T, hour and minute with two digits (documented)."""
    match = _MOMENT.fullmatch(str(text))
    if match is None:
        return None
    day, month, year, hour, minute = (int(part) for part in match.groups())
    try:
        return datetime(year, month, day, hour, minute)  # noqa: DTZ001 - Spivi's times have no zone
    except ValueError:
        return None


def shown(at: datetime) -> str:
    """A moment in an answer; its hour has no leading zero (inferred)."""
    return f"{at:%d-%m-%Y}T{at.hour}:{at:%M}"


def workout(seed: int, event: Row, client: Row) -> Row:
    """A made-up ride, the same for the same seed, class and client: plausible, and true to the vendor's formula for
    calories. Somebody without a strap has no heart rate."""
    draw = random.Random(f"{seed}:{event['EventID']}:{client['ClientID']}")  # noqa: S311 - made-up results
    hours = (event["ends"] - event["starts"]) / timedelta(hours=1)
    power = round(min(340.0, float(client.get("FTP") or 160) * draw.uniform(0.6, 0.9)))
    speed = round(draw.uniform(22, 34), 1)
    work = round(power * hours * 3.6)
    heart = round(draw.uniform(120, 160)) if client.get("DeviceID") else 0
    return {
        "WorkoutName": event["Title"],
        "Calories": round(work / 4.184 * 4.75),
        "KJ": work,
        "Distance": round(speed * hours, 2),
        "DistanceUnits": "KM",
        "AvgSpeed": speed,
        "MaxSpeed": round(speed * draw.uniform(1.2, 1.6), 1),
        "AvgHR": heart,
        "MaxHR": heart and heart + round(draw.uniform(15, 30)),
        "AvgRPM": round(draw.uniform(70, 95)),
        "MaxRPM": round(draw.uniform(100, 130)),
        "AvgPower": power,
        "MaxPower": round(power * draw.uniform(2, 3)),
        "TotalSEP": round(power * hours * 2),
        "TotalWPP": 0,
    }
