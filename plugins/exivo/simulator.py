"""dormakaba exivo in memory: all 62 operations of `exivo.openapi.yaml`, with what is known of the vendor's ways.

What a source states is named in brackets; where none does, a comment at the place says what was decided and why.
Webhooks are not sent: they are set up by hand at the vendor, and are hints at most.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from hub.clock import Clock
from hub.testing import Reject, Reply, Request, act, wrong
from plugins.exivo._sim_base import ExivoFaults
from plugins.exivo._sim_payloads import PersonPayload
from plugins.exivo._sim_people import People
from plugins.exivo._sim_site import Site
from plugins.exivo._sim_visits import Visits
from plugins.exivo._sim_world import ExivoWorld, Row, code_fits, furnish, is_door, not_opening

__all__ = ["API_KEY", "API_SECRET", "SITE_ID", "ExivoFaults", "ExivoSimulator"]

SITE_ID = "5d3c2a10-7c1e-4e57-9b0a-0e8d9f1a6b01"
API_KEY = "0b9e7d64-2f35-4c1b-8a7e-3f2d1c0b9a02"
API_SECRET = "c4a1f0e2-9d8b-4b6f-a5c3-7e6d5f4b3a03"  # noqa: S105 - opens nothing but a simulator


class ExivoSimulator(People, Site, Visits):
    """An exivo site. `base_url` ends in `/v1`.

    `groups` and `doors` are names by id; `zones` is door ids by zone id; `group_zones` is, by group id, a time profile
    (ALWAYS, NEVER or an id) by zone id. What is left out is a small studio's; a group without `group_zones` opens
    every zone at any time. `persons` are people whom staff made by hand, as for `add_by_hand`.
    """

    def __init__(
        self,
        *,
        clock: Clock | None = None,
        seed: int = 1,
        site_id: str = SITE_ID,
        api_key: str = API_KEY,
        api_secret: str = API_SECRET,
        time_zone: str = "Europe/Zurich",
        site_type: str = "exivo",
        groups: Mapping[str, str] | None = None,
        doors: Mapping[str, str] | None = None,
        zones: Mapping[str, Sequence[str]] | None = None,
        group_zones: Mapping[str, Mapping[str, str]] | None = None,
        persons: Iterable[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(ExivoWorld(), ExivoFaults(), clock=clock, seed=seed)
        self.invitations = []
        self.logins = {"site_id": site_id, "api_key": api_key, "api_secret": api_secret}
        self.site = {
            "id": site_id,
            "name": "Studio Nordlicht",
            "language": "de",
            "timeZone": time_zone,
            "type": site_type,
        }
        self._zone_info = ZoneInfo(time_zone)
        self._login = base64.b64encode(f"{api_key}:{api_secret}".encode()).decode()
        furnish(self.world, self.new_id, groups=groups, doors=doors, zones=zones, group_zones=group_zones)
        for person in persons:
            self.add_by_hand(**person)

    def authorize(self, request: Request) -> None:
        scheme, _, login = request.header("authorization").partition(" ")
        if (
            scheme.lower() != "basic"
            or login != self._login
            or request.values.get("siteId") not in {None, self.site["id"]}
        ):
            raise Reject(self.refuse())

    def refuse(self) -> Reply:
        # Status and body are not described; another site's id is listed under the same answer.
        return Reply(401, headers={"www-authenticate": 'Basic realm="exivo"'})

    def settings(self) -> dict[str, Any]:
        return {**self.logins, "policy": "sync"}

    def ids(self) -> dict[str, dict[str, str]]:
        doors = {key: row["identifier"] for key, row in self.world.components.items() if is_door(row)}
        return {"group": {key: row["name"] for key, row in self.world.groups.items()}, "lock": doors}

    @act("open")
    def _open(self, *, lock: str, badge: str | None = None, code: str | None = None) -> Row:
        """Somebody holds a badge to a door, or types a code."""
        if lock not in self.world.components:
            doors = ", ".join(f"{key} ({name})" for key, name in self.ids()["lock"].items())
            raise wrong(f"there is no lock {lock!r}", f"There are: {doors}.", status=404)
        if (badge is None) == (code is None):
            raise wrong("a badge or a code is needed", 'Give {"lock": …, "badge": …} or {"lock": …, "code": …}.')
        opened = self.enter_code(code, lock) if code is not None else self.present_badge(str(badge), lock)
        return {"lock": lock, "opened": opened}

    # ── looking in ────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def persons(self) -> dict[str, Row]:
        """All persons by id, as of now."""
        return {identifier: self.person_now(person) for identifier, person in list(self.world.persons.items())}

    @property
    def media(self) -> dict[str, Row]:
        """All media by id, digital keys among them."""
        return self.world.media

    @property
    def groups(self) -> dict[str, Row]:
        """All access groups by id, with their members."""
        return {group["id"]: group for group in self.group_views(self.world.groups.values())}

    @property
    def visits(self) -> dict[str, Row]:
        """All visits by id, as of now."""
        return {identifier: self.visit_now(visit) for identifier, visit in self.world.visits.items()}

    @property
    def components(self) -> dict[str, Row]:
        """All doors and gateways by id."""
        return self.world.components

    def can_open(self, number: str, component_id: str, at: datetime | None = None, *, pin: str | None = None) -> bool:
        """Whether the badge with that card number (or medium id) opens the door now, or at another moment with
        everything else as it is now. Nothing is recorded."""
        moment = at or self.clock.now()
        return not_opening(self.world, number, component_id, moment, self._zone_info, pin) is None

    def code_opens(self, code: str, component_id: str, at: datetime | None = None) -> bool:
        """Whether a visit's code opens the door now, or at another moment. Nothing is recorded."""
        return code_fits(self.world, code, component_id, at or self.clock.now())

    # ── what happens at the site ──────────────────────────────────────────────────────────────────────────────────

    def present_badge(self, number: str, component_id: str, *, pin: str | None = None) -> bool:
        """Somebody holds a badge to a door. Whether it opens is in the access log afterwards."""
        opens = self.can_open(number, component_id, pin=pin)
        data: dict[str, Any] = {}
        medium = self.world.medium_by_number(number)
        if medium is not None:
            data["medium"] = {name: medium[name] for name in ("id", "cid", "uid", "caption", "formFactor")}
            if person := self.world.persons.get(medium["personId"] or ""):
                data["person"] = {name: person[name] for name in ("id", "firstName", "lastName")}
        self.record("accessPermitted" if opens else "accessDenied", self.world.components[component_id], **data)
        return opens

    def enter_code(self, code: str, component_id: str) -> bool:
        """Somebody types a visit's code at a door. How a log entry names the visit is unknown, so it doesn't."""
        opens = self.code_opens(code, component_id)
        self.record("accessPermitted" if opens else "accessDenied", self.world.components[component_id])
        return opens

    def fetch_key(self, medium_id: str) -> None:
        """The phone fetches a digital key that was assigned; it works from now on."""
        self.world.media[medium_id] = {**self.world.media[medium_id], "state": "active"}

    def add_by_hand(self, *, badge: str | None = None, **fields: Any) -> Row:
        """Staff add a person in the portal: the fields of the API, `id` and `accessGroupId` where wanted, and as
        `badge` a card number, which is registered if it isn't yet."""
        given = msgspec.convert(fields, PersonPayload).given()
        extra: Row = {name: fields[name] for name in ("id", "accessGroupId") if name in fields}
        person = self.new_person({**given, **extra})
        if badge is not None:
            medium = self.world.medium_by_number(badge) or self.new_medium({"cid": badge})
            self.hand_out(person, medium, "active")
        return self.persons[person["id"]]
