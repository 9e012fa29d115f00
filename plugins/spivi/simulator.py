"""Spivi in memory: all 16 operations of `spivi.openapi.yaml`, with a switch for everything that is not known of it.

Times are the studio's wall clock. Whoever is booked when a class ends has a made-up ride, unless a test recorded one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from hub.clock import Clock
from hub.testing import Reject, Reply, Request
from plugins.spivi._sim_base import SpiviFaults, refused
from plugins.spivi._sim_events import Events
from plugins.spivi._sim_world import Row, SpiviWorld

__all__ = ["PASSWORD", "SITE_ID", "SOURCE_NAME", "SpiviFaults", "SpiviSimulator"]

SITE_ID = "1234"
SOURCE_NAME = "owner@nordlicht.example"
PASSWORD = "ride-like-the-wind-31"  # noqa: S105 - opens nothing but a simulator


class SpiviSimulator(Events):
    """A Spivi site. `boxes` is how many spots each box has; `instructors` are names by e-mail."""

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        site_id: str = SITE_ID,
        source_name: str = SOURCE_NAME,
        password: str = PASSWORD,
        time_zone: str = "Europe/Zurich",
        boxes: Mapping[str, int] | None = None,
        instructors: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(SpiviWorld(), SpiviFaults(), clock=clock, seed=seed)
        self.logins = {"site_id": site_id, "source_name": source_name, "password": password}
        self._zone = ZoneInfo(time_zone)
        self.world.boxes.update({"4471": 20} if boxes is None else boxes)
        for email, name in ({"noa@nordlicht.example": "Noa Berger"} if instructors is None else instructors).items():
            given, _, family = name.partition(" ")
            self.world.instructors[self.add_by_hand(email, given, family)["ClientID"]] = True

    def settings(self) -> dict[str, Any]:
        return {**self.logins, "box_ids": list(self.world.boxes), "policy": "sync"}

    def ids(self) -> dict[str, dict[str, str]]:
        return {"box": {key: f"{spots} spots" for key, spots in self.world.boxes.items()}}

    def authorize(self, request: Request) -> None:
        login = self.form(request).get("SourceCredentials")
        given = login if isinstance(login, dict) else {}
        names = {"SourceName": "source_name", "Password": "password", "SiteID": "site_id"}
        if any(given.get(name) != self.logins[mine] for name, mine in names.items()):
            raise Reject(self.refuse())

    def refuse(self) -> Reply:
        # Code and words are unknown; that the answer is HTTP 200 nevertheless is inferred.
        status = 401 if self.faults.http_statuses else 200
        return refused(401, "The credentials are not valid", status=status).reply

    def not_found(self, allowed: Iterable[str]) -> Reply:
        return Reply(405 if any(allowed) else 404, content=b"<html><body>Not Found</body></html>")

    def local_now(self) -> datetime:
        return self.clock.now().astimezone(self._zone).replace(tzinfo=None)

    # ── what happens at the studio ────────────────────────────────────────────────────────────────────────────────

    def add_by_hand(self, email: str, given_name: str = "Ada", family_name: str = "Muster", **fields: Any) -> Row:
        """Staff add a rider in Spivi."""
        return self._join(email, {"FirstName": given_name, "LastName": family_name, **fields})

    def rides_elsewhere(self, email: str, **fields: Any) -> None:
        """Somebody has an account through another club."""
        self.world.elsewhere[email.lower()] = {"FirstName": "Ada", "LastName": "Muster", **fields}

    def add_event_by_hand(self, title: str, starts: datetime, ends: datetime, box: str = "4471", **fields: Any) -> Row:
        """Staff plan a session in Spivi; times are naive, or aware ones that are shown on the studio's wall clock."""
        start, end = (
            at if at.tzinfo is None else at.astimezone(self._zone).replace(tzinfo=None) for at in (starts, ends)
        )
        row = {
            "EventID": self.number(),
            "Title": title,
            "Description": None,
            "BoxID": box,
            "InstructorName": None,
            "IsCancelled": 0,
            "starts": start,
            "ends": end,
            **fields,
        }
        self.world.events[row["EventID"]] = row
        self.world.booked[row["EventID"]] = {}
        return row

    def seat_by_hand(self, event_id: str, client_id: str, seat: int | str) -> None:
        """Staff put a rider on a seat in Spivi."""
        riders = {other: spot for other, spot in self.world.booked[event_id].items() if other != client_id}
        self.world.booked[event_id] = {**riders, client_id: int(seat) - int(self.faults.seats_from_one)}

    def seats(self, event_id: str) -> dict[str, str]:
        """Seat id by client id."""
        return {client: str(self.seat_id(spot)) for client, spot in self.world.booked[event_id].items()}

    def record(self, event_id: str, client_id: str, **measured: Any) -> None:
        """What a rider's ride came to; nothing at all for somebody who did not ride."""
        self.world.workouts[f"{event_id}:{client_id}"] = measured
