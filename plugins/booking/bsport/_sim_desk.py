"""What staff do in the simulated bsport's back office, as methods."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from plugins.booking.bsport._sim_base import Row
from plugins.booking.bsport._sim_classic import Classic
from plugins.booking.bsport._sim_management import Management

__all__ = ["Desk"]


class Desk(Management, Classic):
    """Methods of tests and of the control path."""

    def add_tag(self, name: str, **fields: Any) -> int:
        """A tag; its id."""
        return self.add(self.world.tags, name=name, **fields)

    def add_client(self, firstname: str, lastname: str = "Muster", **fields: Any) -> int:
        """A member; their id."""
        row: Row = {
            "firstname": firstname,
            "lastname": lastname,
            "fullname": f"{firstname} {lastname}",
            "email": f"{firstname}.{lastname}@example.org".lower(),
            "phone": None,
            "birth_date": None,
            "is_archived": False,
            "membership_id": None,
            "tag_ids": [],
        }
        return self.add(self.world.clients, **{**row, **fields})

    def add_pass(self, name: str, **fields: Any) -> int:
        """A pass that the studio sells; its id."""
        return self.add(self.world.passes, **{"name": name, "credits_amount": None, "duration_in_days": 365, **fields})

    def sell(self, client: int, pass_id: int, *, starts: str | None, ends: str | None, **fields: Any) -> int:
        """Sell a pass; the id of the client pass. `starts` and `ends` are what the vendor would write."""
        row: Row = {
            "client_id": client,
            "pass_id": pass_id,
            "starting_date": starts,
            "ending_date": ends,
            "available_credits_amount": None,
            "used_credits_amount": 0,
            "is_disabled": False,
        }
        return self.add(self.world.client_passes, **{**row, **fields})

    def add_class(self, at: datetime, *, name: str = "Ride", minutes: int | None = 60, **fields: Any) -> int:
        """A class; its id."""
        row: Row = {"at": at, "name": name, "duration_in_minutes": minutes, "is_cancelled": False}
        return self.add(self.world.classes, **{**row, "teacher_id": None, "venue_id": None, "service_id": 1, **fields})

    def add_teacher(self, firstname: str, lastname: str = "Muster", **fields: Any) -> int:
        """An instructor; their id."""
        return self.add(self.world.teachers, **{"firstname": firstname, "lastname": lastname, "email": None, **fields})

    def add_venue(self, name: str, timezone: str | None = None, **fields: Any) -> int:
        """A venue; its id."""
        return self.add(self.world.venues, name=name, timezone=timezone, **fields)

    def change(self, table: dict[int, Row], number: int, **fields: Any) -> None:
        """Change fields of a row."""
        table[number] = {**table[number], **fields}

    def delivery(self, event: str, number: int, **fields: Any) -> bytes:
        """The body of a webhook. The fields of the record inside are not published; the id is our guess."""
        subject = event.partition("-")[0]
        record = {"id": number, **fields}
        now = int(self.clock.now().timestamp())
        return msgspec.json.encode({"event_type": event, "date": now, "data": {subject: record}})
