"""Resivo's own shapes: paths, field names and formats. Nothing else in the plugin knows them.

There is no contract that could be read. Each fact is marked: documented by dormakaba or an integrator's manual [D],
inferred from one client whose change was still open when it was read (OneGov, pull request 2692) [I], or unknown [U].
**Nothing of this was ever tried at a real site.** What is decided where nothing is known, is decided here:

* the version stands in the path of the connection test, and in no other [I]: a setting puts it into all of them;
* the length of PINs [D: 6 or 8 at least, 8 for new properties]: a setting;
* whether a PIN may begin with 0 [U]: none does;
* whether a text for recipients has to be sent [U]: it is, and there are no recipients;
* a list of authorizations [U]: there is none here, so what was lost with an answer can't be found again;
* the spelling of states [U; the manual names planned, active, deployment pending, revocation pending and revoked]:
  compared without case, spaces and lines; one that was never seen is taken for *not yet*, and never for done;
* whether an authorization shows its name [U]: where it does, one without the hub's marker is left alone;
* limits of the API [U]: one request a second (our choice).
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from hub import RetryLater, grants

__all__ = [
    "BASE_URL",
    "LIFETIME",
    "PER_SECOND",
    "PORTAL",
    "TOKEN",
    "AuthorizationSeen",
    "Paths",
    "authorization",
    "component",
    "draw",
    "listed",
    "made",
    "payload",
    "site",
    "token",
]

BASE_URL = "https://api.resivo.io"
PORTAL = "https://portal.resivo.io"
PER_SECOND = 1.0
TOKEN = "/oauth2/token"  # noqa: S105 - a path [I]
LIFETIME = 300.0
"""Seconds that a token is good for where the answer doesn't say [I]."""

ACTIVE = frozenset({"active"})
OVER = frozenset({"revoked", "expired", "deleted"})
PENDING = "revocationpending"


class Paths:
    """The paths of one site [I]."""

    def __init__(self, site: str, version: str, *, everywhere: bool) -> None:
        key = quote(site, safe="")
        self.site = f"/{version}/sites/{key}"
        base = f"/{version}/{key}" if everywhere else f"/{key}"
        self.components = f"{base}/components"
        self.authorizations = f"{base}/authorizations"
        self.create = f"{self.authorizations}/pin-access"

    def authorization(self, key: str) -> str:
        """One authorization."""
        return f"{self.authorizations}/{quote(key, safe='')}"

    def revoke(self, key: str) -> str:
        """Where one is revoked."""
        return f"{self.authorization(key)}/revoke"


@dataclass(frozen=True)
class AuthorizationSeen:
    """An authorization as Resivo returned it: its name (None where that is not shown), its state, and those of its
    PINs."""

    name: str | None
    state: str
    parts: tuple[str, ...]
    expired: bool

    @property
    def active(self) -> bool:
        """Whether it is known to open the doors."""
        return self.state in ACTIVE and all(part in ACTIVE for part in self.parts) and not self.expired

    @property
    def over(self) -> bool:
        """Whether it is known to open nothing any more: one whose revocation is pending may still open."""
        if self.pending:
            return False
        return self.state in OVER or self.expired or (bool(self.parts) and all(part in OVER for part in self.parts))

    @property
    def pending(self) -> bool:
        """Whether it was revoked, and a door has yet to hear of it."""
        return PENDING in {self.state, *self.parts}

    @property
    def words(self) -> str:
        """Its states, for people."""
        return ", ".join(dict.fromkeys((self.state, *self.parts))) or "nothing"


def draw(length: int) -> str:
    """That many random digits; the first is not 0."""
    return str(secrets.choice(range(10 ** (length - 1), 10**length)))


def payload(wanted: grants.Grant) -> dict[str, Any]:
    """What makes a PIN authorization [I]. Both limits are always sent: without them it is good until it is deleted."""
    if wanted.valid_from is None or wanted.valid_until is None:
        raise ValueError("both limits are needed")
    text = " ".join(wanted.reference.split())[:60]
    name = f"{text} {wanted.marker}".strip()
    return {
        "displayName": name,
        "pinCodes": [{"pinCode": wanted.code, "displayName": name}],
        "componentIds": list(wanted.opens.locks),
        "restrictions": {"validFrom": _timestamp(wanted.valid_from), "validTo": _timestamp(wanted.valid_until)},
        "accessRequestMessage": text,
    }


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def token(raw: Any) -> tuple[str, float]:
    """A token and how many seconds it is good for."""
    raw = _mapping(raw, "a token")
    value, seconds = raw.get("access_token"), raw.get("expires_in")
    if not isinstance(value, str) or not value:
        raise RetryLater("Resivo gave no token", code="vendor_garbage")
    return value, float(seconds) if isinstance(seconds, int | float) and seconds > 0 else LIFETIME


def site(raw: Any) -> str:
    """The name of the site."""
    return str(_mapping(raw, "a site").get("displayName") or "")


def listed(raw: Any) -> list[Any]:
    """A list from an answer."""
    if not isinstance(raw, list):
        raise RetryLater("Resivo sent something else where a list was expected", code="vendor_garbage")
    return raw


def component(raw: Any) -> grants.Opening:
    """A door from an answer."""
    raw = _mapping(raw, "a component")
    return grants.Opening(kind="lock", id=_id(raw), name=str(raw.get("displayName") or _id(raw)))


def made(raw: Any) -> str:
    """The id of what was created."""
    return _id(_mapping(raw, "an authorization"))


def authorization(raw: Any) -> AuthorizationSeen:
    """An authorization from an answer."""
    raw = _mapping(raw, "an authorization")
    credentials = raw.get("credentials")
    parts = [one for one in credentials if isinstance(one, Mapping)] if isinstance(credentials, list) else []
    name = raw.get("displayName")
    return AuthorizationSeen(
        name if isinstance(name, str) else None,
        _state(raw.get("status")),
        tuple(_state(one.get("status")) for one in parts),
        bool(parts) and all(one.get("isExpired") is True for one in parts),
    )


def _state(value: Any) -> str:
    return re.sub(r"[^a-z]", "", str(value or "").lower())


def _mapping(raw: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise RetryLater(f"Resivo sent something else where {what} was expected", code="vendor_garbage")
    return raw


def _id(raw: Mapping[str, Any]) -> str:
    value = raw.get("id")
    if not isinstance(value, str) or not value:
        raise RetryLater("Resivo left out id", code="vendor_garbage")
    return value
