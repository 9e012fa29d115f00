"""bsport in memory: the operations of `bsport.openapi.yaml`, with what is known of the vendor's ways.

What a source states is named at the place; what nobody knows is a trait in `BsportFaults`, so that both ways can be
tried. `delivery` writes the body of a webhook; one is sent where something is done over the control path.
"""

from __future__ import annotations

import base64
import itertools
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hub.clock import Clock
from hub.testing import Outbox, Reject, Reply, Request
from plugins.booking.bsport._sim_base import BsportFaults, BsportWorld
from plugins.booking.bsport._sim_management import BASE
from plugins.booking.bsport._sim_staff import Staff

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


class BsportSimulator(Staff):
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
        self.webhooks = Outbox()
        self._api_key = api_key
        self.classic_token = classic_token
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
