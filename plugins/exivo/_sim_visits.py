"""The simulated exivo: visits and digital key visits."""

from __future__ import annotations

from typing import Any

from hub.testing import Reply, Request, operation
from plugins.exivo._sim_base import ExivoBase, bad
from plugins.exivo._sim_payloads import DigitalKeyVisitPayload, VisitPayload
from plugins.exivo._sim_world import Row, is_door

__all__ = ["Visits"]


class Visits(ExivoBase):
    """Time-limited permissions."""

    invitations: list[tuple[str, str]]
    """What the vendor sent: to whom, for which visit. The code is never in it."""

    def visit_now(self, visit: Row) -> Row:
        """The row with `expired` worked out."""
        return {**visit, "expired": visit["validTo"] <= self.moment()}

    @operation("getVisits", "GET /{siteId}/visit")
    def get_visits(self, request: Request) -> Reply:
        return self.page(request, self.world.visits.values(), self._shown)

    @operation("delegateUnlockDoor", "POST /{siteId}/visit")
    def delegate_unlock_door(self, request: Request) -> Row:
        given = self.payload(request, VisitPayload).given()
        self._check(given)
        if self.faults.unique_codes and any(
            visit["code"] == given["code"] and not visit["revoked"] and visit["validTo"] > self.moment()
            for visit in self.world.visits.values()
        ):
            raise bad("the code is in use")
        identifier = self.new_id()
        visit = {
            "id": identifier,
            "name": None,
            "message": None,
            "email": None,
            "smsNr": None,
            **given,
            "link": f"https://exivo.invalid/visit/{identifier}",
            "revoked": False,
        }
        self.world.visits[identifier] = visit
        # Only the SMS if both are given; no contact is needed (OneGov/onegov-cloud sends neither).
        if contact := visit["smsNr"] or visit["email"]:
            self.invitations.append((contact, identifier))
        return self._shown(visit, created=True)

    @operation("getVisit", "GET /{siteId}/visit/{visitId}")
    def get_visit(self, request: Request) -> Row:
        return self._shown(self.found(self.world.visits, request["visitId"]))

    @operation("revokeUnlockDoorDelegation", "POST /{siteId}/visit/{visitId}/revoke")
    def revoke_unlock_door_delegation(self, request: Request) -> None:
        self._revoke(request, self.world.visits, request["visitId"])

    @operation("getDigitalKeyVisits", "GET /{siteId}/digitalKeyVisits")
    def get_digital_key_visits(self, request: Request) -> Reply:
        return self.page(request, self.world.key_visits.values(), self.visit_now)

    @operation("createDigitalKeyVisit", "POST /{siteId}/digitalKeyVisits")
    def create_digital_key_visit(self, request: Request) -> Row:
        given = self.payload(request, DigitalKeyVisitPayload).given()
        self._check(given)
        visit = {"id": self.new_id(), "name": None, "message": None, "callbackUri": None, **given, "revoked": False}
        self.world.key_visits[visit["id"]] = visit
        return self.visit_now(visit)

    @operation("getDigitalKeyVisit", "GET /{siteId}/digitalKeyVisit/{digitalKeyVisitId}")
    def get_digital_key_visit(self, request: Request) -> Row:
        return self.visit_now(self.found(self.world.key_visits, request["digitalKeyVisitId"]))

    @operation("revokeDigitalKeyVisit", "POST /{siteId}/digitalKeyVisit/{digitalKeyVisitId}/revoke")
    def revoke_digital_key_visit(self, request: Request) -> None:
        self._revoke(request, self.world.key_visits, request["digitalKeyVisitId"])

    def _shown(self, visit: Row, *, created: bool = False) -> Row:
        shown = self.visit_now(visit)
        if self.faults.masked_codes and not created:
            shown["code"] = "****"
        if self.faults.link_absent:
            del shown["link"]
        return shown

    def _check(self, given: Row) -> None:
        now = self.moment()
        if given["validTo"] <= now:
            raise bad("validTo must be in the future")
        # A window that never opens is taken for a mistake; not described.
        if given["validFrom"] >= given["validTo"]:
            raise bad("validFrom must be before validTo")
        # Whether validFrom may be past is disputed (mehak187/nova does it); the switch takes the other side.
        if self.faults.refuse_past_valid_from and given["validFrom"] < now:
            raise bad("validFrom must not be in the past")
        for identifier in given["components"]:
            component = self.world.components.get(identifier)
            if component is None or not is_door(component):
                raise bad(f"unknown component {identifier}")

    def _revoke(self, request: Request, table: dict[str, Any], identifier: str) -> None:
        self.nothing(request)
        visit = self.visit_now(self.target(table, identifier, "visit"))
        # Both answer an error (inferred: OneGov/onegov-cloud reads first and skips the call then).
        if visit["revoked"] or visit["expired"]:
            raise bad("the visit is revoked or expired")
        table[identifier] = {**table[identifier], "revoked": True}
