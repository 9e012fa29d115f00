"""The tables of the simulated Momence, and rows as the vendor's schema has them (S1 in `wire`)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, ClassVar

from hub.testing import World

__all__ = ["MomenceWorld", "Row", "moment_text", "new_bought", "new_member", "new_membership", "new_session", "new_tag"]

Row = dict[str, Any]


class MomenceWorld(World):
    """Everything of one host, by id."""

    hidden: ClassVar[frozenset[str]] = frozenset({"tokens", "refreshes"})

    def __init__(self) -> None:
        self.members: dict[int, Row] = {}
        self.tags: dict[int, Row] = {}
        self.memberships: dict[int, Row] = {}
        self.bought: dict[int, Row] = {}
        self.sessions: dict[int, Row] = {}
        self.bookings: dict[int, Row] = {}
        self.teachers: dict[int, Row] = {}
        self.locations: dict[int, Row] = {}
        self.appointments: dict[int, Row] = {}
        self.tokens: dict[str, datetime] = {}
        self.refreshes: dict[str, datetime] = {}


def moment_text(moment: datetime) -> str:
    """A moment as Momence writes it: UTC with milliseconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}Z"


def new_tag(key: int, name: str) -> Row:
    """A customer tag."""
    return {
        "id": key,
        "name": name,
        "isCustomerBadge": False,
        "badgeLabel": None,
        "badgeColor": None,
        "corporateTagId": None,
    }


def new_member(key: int, now: str, **fields: Any) -> Row:
    """A member; `customer_fields` is values by label."""
    visits = ("appointments", "appointmentsVisits", "bookings", "bookingsVisits", "openAreaVisits", "total")
    labels = fields.pop("customer_fields", {})
    return {
        "id": key,
        "firstName": "Anna",
        "lastName": "Graf",
        "email": f"member{key}@example.com",
        "phoneNumber": None,
        "pictureUrl": None,
        "firstSeen": now,
        "lastSeen": now,
        "visits": dict.fromkeys((*visits, "totalVisits"), 0),
        "customerFields": [
            {"id": number, "label": label, "type": "text", "value": value}
            for number, (label, value) in enumerate(labels.items(), 1)
        ],
        "customerTags": [],
        **fields,
    }


def new_membership(key: int, name: str, **fields: Any) -> Row:
    """A membership on sale."""
    return {
        "id": key,
        "name": name,
        "description": None,
        "type": "subscription",
        "locationId": None,
        "disabled": False,
        "autoRenewing": True,
        "eventCredits": None,
        "moneyCredits": None,
        "duration": 12,
        "durationUnit": "months",
        "isActivatedOnFirstUse": False,
        "activationDeadlineInDays": None,
        "usageLimitForSessions": None,
        "usageLimitForAppointments": None,
        "combinedUsageLimit": None,
        "startDate": None,
        "endDate": None,
        "tags": [],
        **fields,
    }


def new_bought(key: int, membership: Row, **fields: Any) -> Row:
    """What a member bought; `memberId` is the simulator's own and is never shown."""
    basic = {name: value for name, value in membership.items() if name not in {"startDate", "endDate", "tags"}}
    amounts = ("eventCreditsLeft", "eventCreditsTotal", "moneyCreditsLeft", "moneyCreditsTotal")
    usage = ("usageLimitForSessions", "usageLimitForAppointments", "combinedUsageLimit")
    used = ("usedSessions", "usedAppointments", "combinedUsage", "usageLimitStartDate", "usageLimitEndDate")
    return {
        "id": key,
        "type": membership["type"],
        "startDate": None,
        "endDate": None,
        "isFrozen": False,
        **dict.fromkeys((*amounts, *usage, *used)),
        "membership": basic,
        "freeze": None,
        "declinedRenewal": None,
        **fields,
    }


def new_session(key: int, starts: datetime, ends: datetime, **fields: Any) -> Row:
    """A session; `teacherId` and `locationId` are the simulator's own, and are shown as objects."""
    return {
        "id": key,
        "name": "Cycling",
        "type": "fitness",
        "description": None,
        "startsAt": moment_text(starts),
        "endsAt": moment_text(ends),
        "durationInMinutes": int((ends - starts).total_seconds() // 60),
        "capacity": 20,
        "isRecurring": False,
        "isCancelled": False,
        "isInPerson": True,
        "isDraft": False,
        "tags": [],
        "teacherId": None,
        "locationId": None,
        **fields,
    }
