"""Resivo in memory: the calls that one client shows, and no others. How a real site answers is not known."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, ClassVar

from hub.clock import Clock
from hub.testing import Faults, Reject, Reply, Request, Simulator, World, act, operation, wrong

__all__ = ["CLIENT_ID", "CLIENT_SECRET", "SITE_ID", "ResivoFaults", "ResivoSimulator"]

SITE_ID = "3c9f0f52-6a53-4d0e-8a55-2f8a6f1f7e01"
CLIENT_ID = "studiohub-simulated"
CLIENT_SECRET = "resivo-simulated-client-secret-51b8"  # noqa: S105 - opens nothing but a simulator
DOORS = {"D-1": "Front door", "D-2": "Studio 1"}

Row = dict[str, Any]


class ResivoFaults(Faults, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The usual switches, and what is not known of Resivo."""

    deployment_pending: bool = False
    """A new PIN is not active before the door was updated."""
    revocation_pending: bool = False
    """A revoked PIN opens until the door was updated."""
    short_pins_refused: bool = False
    """The property wants eight digits at least."""
    odd_states: bool = False
    """States that nobody has named."""
    version_everywhere: bool = False
    """The version is part of every path."""


class ResivoWorld(World):
    """The tables of a site."""

    hidden: ClassVar[frozenset[str]] = frozenset({"tokens"})

    def __init__(self) -> None:
        self.doors: dict[str, Row] = {}
        self.authorizations: dict[str, Row] = {}
        self.tokens: set[str] = set()


class ResivoSimulator(Simulator):
    """A Resivo site. `doors` are names by id."""

    world: ResivoWorld
    faults: ResivoFaults

    def __init__(self, *, clock: Clock | None = None, seed: int = 1, doors: Mapping[str, str] | None = None) -> None:
        super().__init__(ResivoWorld(), ResivoFaults(), clock=clock, seed=seed)
        self.logins = {"site_id": SITE_ID, "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        for key, name in (DOORS if doors is None else doors).items():
            self.world.doors[key] = {"id": key, "displayName": name}

    def settings(self) -> dict[str, Any]:
        return {**self.logins, "experimental": True, "policy": "sync"}

    def ids(self) -> dict[str, dict[str, str]]:
        return {"lock": {key: row["displayName"] for key, row in self.world.doors.items()}}

    def authorize(self, request: Request) -> None:
        if request.path == "/oauth2/token":
            return
        scheme, _, token = request.header("authorization").partition(" ")
        if scheme != "Bearer" or token not in self.world.tokens or request.values.get("siteId", SITE_ID) != SITE_ID:
            raise Reject(self.refuse())
        if self.faults.version_everywhere and not request.path.startswith("/v"):
            raise Reject(Reply(404, {"message": "no such resource"}))

    def refuse(self) -> Reply:
        return Reply(401, {"message": "Unauthorized"})

    @operation("token", "POST /oauth2/token", reads=True)
    def token(self, request: Request) -> Row:
        form = request.form
        wanted = {"grant_type": "client_credentials", "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
        if form != wanted:
            raise Reject(Reply(401, {"message": "invalid_client"}))
        token = self.new_id()
        self.world.tokens.add(token)
        return {"access_token": token, "expires_in": 300, "token_type": "Bearer"}

    @operation("getSite", "GET /{version}/sites/{siteId}")
    def get_site(self, request: Request) -> Row:
        return {"id": SITE_ID, "displayName": "Studio Nordlicht"}

    @operation("getComponents", "GET /{siteId}/components")
    def get_components(self, request: Request) -> Reply:
        return Reply(200, list(self.world.doors.values()), items_in="")

    @operation("getComponentsVersioned", "GET /{version}/{siteId}/components")
    def get_components_versioned(self, request: Request) -> Reply:
        return self.get_components(request)

    @operation("createPinAccess", "POST /{siteId}/authorizations/pin-access")
    def create_pin_access(self, request: Request) -> Reply:
        try:
            given = request.json()
            pins = [str(one["pinCode"]) for one in given["pinCodes"]]
            limits = {name: datetime.fromisoformat(given["restrictions"][name]) for name in ("validFrom", "validTo")}
            doors = [str(key) for key in given["componentIds"]]
        except (ValueError, KeyError, TypeError) as error:
            raise Reject(Reply(400, {"message": f"{error!r} is missing or wrong"})) from None
        shortest = 8 if self.faults.short_pins_refused else 6
        if not pins or any(not pin.isdigit() or len(pin) < shortest for pin in pins):
            raise Reject(Reply(400, {"message": f"a PIN has {shortest} digits at least"}))
        if not doors or any(key not in self.world.doors for key in doors):
            raise Reject(Reply(400, {"message": "unknown component"}))
        state = "DEPLOYMENT_PENDING" if self.faults.deployment_pending else "ACTIVE"
        key = self.new_id()
        self.world.authorizations[key] = {
            "id": key,
            "displayName": str(given.get("displayName") or ""),
            "pins": pins,
            "doors": doors,
            "status": state,
            **limits,
        }
        return Reply(201, {"id": key})

    @operation("createPinAccessVersioned", "POST /{version}/{siteId}/authorizations/pin-access")
    def create_pin_access_versioned(self, request: Request) -> Reply:
        return self.create_pin_access(request)

    @operation("getAuthorization", "GET /{siteId}/authorizations/{authorizationId}")
    def get_authorization(self, request: Request) -> Row:
        row = self._row(request)
        state = "HIBERNATING" if self.faults.odd_states else row["status"]
        expired = row["validTo"] <= self.clock.now()
        credentials = [{"status": state, "isExpired": expired}]
        return {"id": row["id"], "displayName": row["displayName"], "status": state, "credentials": credentials}

    @operation("getAuthorizationVersioned", "GET /{version}/{siteId}/authorizations/{authorizationId}")
    def get_authorization_versioned(self, request: Request) -> Row:
        return self.get_authorization(request)

    @operation("revoke", "DELETE /{siteId}/authorizations/{authorizationId}/revoke")
    def revoke(self, request: Request) -> None:
        row = self._row(request)
        state = "REVOCATION_PENDING" if self.faults.revocation_pending else "REVOKED"
        self.world.authorizations[row["id"]] = {**row, "status": state}

    @operation("revokeVersioned", "DELETE /{version}/{siteId}/authorizations/{authorizationId}/revoke")
    def revoke_versioned(self, request: Request) -> None:
        self.revoke(request)

    def _row(self, request: Request) -> Row:
        row = self.world.authorizations.get(request["authorizationId"])
        if row is None:
            raise Reject(Reply(404, {"message": "unknown authorization"}))
        return row

    # ── at the doors ──────────────────────────────────────────────────────────────────────────────────────────────

    def pin_opens(self, pin: str, door: str, at: datetime | None = None) -> bool:
        """Whether a PIN opens a door now, or at another moment."""
        moment = at or self.clock.now()
        return any(
            pin in row["pins"]
            and door in row["doors"]
            and row["status"] in {"ACTIVE", "REVOCATION_PENDING"}
            and row["validFrom"] <= moment < row["validTo"]
            for row in self.world.authorizations.values()
        )

    @act("update-doors")
    def update_doors(self) -> Row:
        """Somebody goes to the doors without internet and updates them."""
        after = {"DEPLOYMENT_PENDING": "ACTIVE", "REVOCATION_PENDING": "REVOKED"}
        for key, row in self.world.authorizations.items():
            self.world.authorizations[key] = {**row, "status": after.get(row["status"], row["status"])}
        return {"authorizations": len(self.world.authorizations)}

    @act("open")
    def _open(self, *, lock: str, code: str) -> Row:
        """Somebody types a PIN at a door."""
        if lock not in self.world.doors:
            raise wrong(f"there is no lock {lock!r}", f"There are: {', '.join(self.world.doors)}.", status=404)
        return {"lock": lock, "opened": self.pin_opens(code, lock)}
