"""bsport in memory: the operations of `bsport.openapi.yaml`, with what is known of the vendor's ways.

What a source states is named at the place; what nobody knows is a trait in `BsportFaults`, so that both ways can be
tried. Webhooks are not sent: `delivery` writes the body of one.
"""

from __future__ import annotations

import base64
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hub.clock import Clock
from hub.testing import Reject, Reply, Request
from plugins.booking.bsport._sim_base import BsportFaults, BsportWorld, Row
from plugins.booking.bsport._sim_classic import Classic
from plugins.booking.bsport._sim_management import BASE, Management

__all__ = ["API_KEY", "CLASSIC_TOKEN", "CLIENT_ID", "COMPANY_ID", "BsportFaults", "BsportSimulator", "make_key"]

COMPANY_ID = 4711
CLIENT_ID = "nordlicht"
API_KEY = "bsp-3f6d1c0b9a025d3c2a107c1e"
CLASSIC_TOKEN = "0b9e7d642f354c1b8a7e3f2d1c0b9a02"  # noqa: S105 - opens nothing but a simulator


def make_key(ends: datetime) -> str:
    """A key as the vendor's are: a signed token, valid for about a year (heatlagos). The signature is made up."""
    parts = ({"alg": "HS256", "typ": "JWT"}, {"company": COMPANY_ID, "exp": int(ends.timestamp())})
    texts = [base64.urlsafe_b64encode(msgspec.json.encode(part)).decode().rstrip("=") for part in parts]
    return ".".join((*texts, "c2lnbmF0dXJlLW9mLWEtc2ltdWxhdG9y"))


class BsportSimulator(Management, Classic):
    """A studio at bsport; one application for the management, the classic and the widget interface. `base_url` is the
    bare address.

    `key_ends`: from then on the key is refused, without notice. `largest_page` is unknown at the vendor. `furnish`
    makes a small studio; the tests make their own.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        company_id: int = COMPANY_ID,
        client_id: str = CLIENT_ID,
        api_key: str = API_KEY,
        key_ends: datetime | None = None,
        classic_token: str = CLASSIC_TOKEN,
        time_zone: str = "Europe/Zurich",
        largest_page: int = 100,
        furnish: bool = True,
    ) -> None:
        super().__init__(BsportWorld(), BsportFaults(), clock=clock, seed=seed)
        self._numbers = itertools.count(101)
        self.company_id = company_id
        self.client_id = client_id
        self.key_ends = key_ends
        self.zone = ZoneInfo(time_zone)
        self.largest_page = largest_page
        self.logins = {"api_key": api_key, "company_id": str(company_id), "client_id": client_id}
        self._api_key = api_key
        self._classic_login = f"Token {classic_token}"
        if furnish:
            self._furnish()

    def authorize(self, request: Request) -> None:
        """Three headers for management, a token for classic, nothing for the widget. An address without its last slash
        is redirected before anything else is looked at."""
        path = request.path
        if not path.endswith("/") and self._routes.find(f"{path}/", quoted=False) is not None:
            raise Reject(Reply(301, content=b"", headers={"location": f"{path}/"}))
        if path.startswith("/book/"):
            return
        if not path.startswith(BASE):
            if request.header("authorization") != self._classic_login:
                raise Reject(self.refuse())
            return
        over = self.key_ends is not None and self.clock.now() >= self.key_ends
        if over or request.header("x-api-key") != self._api_key:
            raise Reject(self.refuse())
        ours = (str(self.company_id), self.client_id)
        if (request.header("x-company-id"), request.header("x-client-id")) != ours:
            raise Reject(Reply(403, {"detail": "You do not have permission to perform this action."}))

    def refuse(self) -> Reply:
        # `{detail}` is seen (heatlagos); its words are not.
        return Reply(401, {"detail": "Invalid token."})

    def not_found(self, allowed: Any) -> Reply:
        methods = ", ".join(sorted(allowed))
        if methods:
            return Reply(405, {"detail": "Method not allowed."}, headers={"allow": methods})
        return Reply(404, {"detail": "Not found."})

    # ── what staff do ─────────────────────────────────────────────────────────────────────────────────────────────

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

    def _furnish(self) -> None:
        now = self.clock.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        today = now.astimezone(self.zone).date()
        tag, pass_id, teacher = self.add_tag("Team"), self.add_pass("Abo 12 months"), self.add_teacher("Regula")
        evening = self.add_class(now + timedelta(hours=3), capacity=12, teacher_id=teacher)
        for number, name in enumerate(("Anna", "Luca", "Mia")):
            client = self.add_client(name, tag_ids=[] if number else [tag])
            ends = (today + timedelta(days=300)).isoformat()
            held = self.sell(client, pass_id, starts=(today - timedelta(days=60)).isoformat(), ends=ends)
            self.book(client, evening, client_pass=held, spot=number + 1)
