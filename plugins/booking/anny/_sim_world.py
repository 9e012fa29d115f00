"""The state of a simulated anny organisation, and how staff and customers change it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any, ClassVar

from hub import times
from hub.testing import World

__all__ = ["AnnyWorld", "Desk", "Row"]

Row = dict[str, Any]


class AnnyWorld(World):
    """The tables, by id. Rows hold the ids of their relations as `<relation>_id`; answers hold the relation itself,
    where it was asked for."""

    hidden: ClassVar[frozenset[str]] = frozenset({"webhooks"})

    def __init__(self) -> None:
        self.organizations: dict[str, Row] = {}
        self.customers: dict[str, Row] = {}
        self.locations: dict[str, Row] = {}
        self.resources: dict[str, Row] = {}
        self.services: dict[str, Row] = {}
        self.bookings: dict[str, Row] = {}
        self.plans: dict[str, Row] = {}
        self.subscriptions: dict[str, Row] = {}
        self.communities: dict[str, Row] = {}
        self.accounts: dict[str, Row] = {}
        self.webhooks: dict[str, Row] = {}


class Desk:
    """What staff do in anny's own pages: each method adds a row and returns it. `fields` replace what it has."""

    def __init__(self, world: AnnyWorld, new_id: Callable[[], str], now: Callable[[], datetime]) -> None:
        self.world = world
        self._new_id = new_id
        self._now = now

    def customer(self, given: str = "Anna", family: str = "Graf", **fields: Any) -> Row:
        """A customer."""
        key = str(fields.get("id") or self._new_id())
        return self._add(
            self.world.customers,
            {
                "id": key,
                "type": "customers",
                "uuid": self._new_id(),
                "number": f"C-{len(self.world.customers) + 1}",
                "locale": "de",
                "given_name": given,
                "family_name": family,
                "full_name": f"{given} {family}".strip(),
                "sex": None,
                "birth_date": None,
                "email": f"{key}@example.org",
                "mobile": None,
                "phone": None,
                "custom_entry_map": {},
                "created_at": self._moment(),
                "meta": {"has_account": True, "external_id": None},
                **fields,
            },
        )

    def location(self, name: str = "Altstadt", **fields: Any) -> Row:
        """A location."""
        row = {"id": self._new_id(), "name": name, "timezone": "Europe/Zurich", "address": None, **fields}
        return self._add(self.world.locations, row)

    def resource(self, name: str = "Room 1", **fields: Any) -> Row:
        """A resource; a child with `parent_id`."""
        row = {
            **self._named("resources", name),
            "timezone": "Europe/Zurich",
            "quantity": 1,
            "has_map": False,
            "archived": False,
            "created_at": self._moment(),
            "location_id": None,
            "parent_id": None,
            **fields,
        }
        return self._add(self.world.resources, row)

    def service(self, name: str = "Training", **fields: Any) -> Row:
        """A service."""
        row = {
            **self._named("services", name),
            "min_duration": 30,
            "max_duration": 120,
            "padding_before": 10,
            "padding_after": 10,
            "is_series": False,
            "participant_settings": {"participants": {"minParticipants": 1, "maxParticipants": 1}},
            **fields,
        }
        return self._add(self.world.services, row)

    def booking(
        self,
        customer: Row,
        resource: Row,
        starts_at: datetime,
        *,
        hours: float = 1,
        status: str = "accepted",
        **fields: Any,
    ) -> Row:
        """A booking. With padding of ten minutes, which only the blocker times show."""
        ends_at, padding = starts_at + timedelta(hours=hours), timedelta(minutes=10)
        row = {
            "id": self._new_id(),
            "type": "bookings",
            "number": f"B-{len(self.world.bookings) + 1}",
            "status": status,
            "is_blocker": False,
            "start_date": times.to_text(starts_at),
            "end_date": times.to_text(ends_at),
            "blocker_start_date": times.to_text(starts_at - padding),
            "blocker_end_date": times.to_text(ends_at + padding),
            "weight": 1,
            "currency": "CHF",
            "total": 0,
            "created_at": self._moment(),
            "updated_at": self._moment(),
            "canceled_at": None,
            "check_in_date": None,
            "check_out_date": None,
            "is_series": False,
            "is_series_master": False,
            "is_sub_booking": False,
            "customer_id": customer["id"],
            "resource_id": resource["id"],
            "service_id": None,
            "main_booking_id": None,
            **fields,
        }
        return self._add(self.world.bookings, row)

    def plan(self, name: str = "Abo", **fields: Any) -> Row:
        """A plan."""
        return self._add(self.world.plans, {"id": self._new_id(), "name": name, **fields})

    def subscribe(
        self, customer: Row, plan: Row, *, start: str | None = "2026-01-01", end: str | None = None, **fields: Any
    ) -> Row:
        """A plan subscription."""
        row = {
            "id": self._new_id(),
            "type": "plan-subscriptions",
            "status": "active",
            "start_date": start and f"{start}T00:00:00Z",
            "end_date": end and f"{end}T00:00:00Z",
            "renewal_date": None,
            "auto_renew": False,
            "created_at": self._moment(),
            "customer_id": customer["id"],
            "plan_id": plan["id"],
            **fields,
        }
        return self._add(self.world.subscriptions, row)

    def community(self, name: str = "Climbers", **fields: Any) -> Row:
        """A community."""
        row = {**self._named("communities", name), "is_private": True, "auto_join_enabled": False, **fields}
        return self._add(self.world.communities, row)

    def join(self, customer: Row, community: Row, **fields: Any) -> Row:
        """A community account."""
        row = {
            "id": self._new_id(),
            "type": "community-accounts",
            "role": "member",
            "status": "accepted",
            "start_date": None,
            "end_date": None,
            "customer_id": customer["id"],
            "community_id": community["id"],
            **fields,
        }
        return self._add(self.world.accounts, row)

    def change(self, row: Row, **fields: Any) -> Row:
        """Change a row of any table; the row as it is then."""
        for table in vars(self.world).values():
            if row["id"] in table:
                table[row["id"]] = {**table[row["id"]], **fields}
                return dict(table[row["id"]])
        raise KeyError(row["id"])

    def remove(self, row: Row) -> None:
        """Delete a row of any table."""
        for table in vars(self.world).values():
            table.pop(row["id"], None)

    def _named(self, kind: str, name: str) -> Row:
        return {"id": self._new_id(), "type": kind, "name": name, "slug": name.lower().replace(" ", "-")}

    def _moment(self) -> str:
        return times.to_text(self._now())

    def _add(self, table: dict[str, Row], row: Row) -> Row:
        table[row["id"]] = row
        return row
