"""What the parts of the simulated Momence share: its faults, tokens, refusals and lists."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from hub.testing import Faults, Reject, Reply, Request, Simulator, operation
from plugins.booking.momence import wire
from plugins.booking.momence._sim_world import MomenceWorld, Row, moment_text

__all__ = ["MomenceBase", "MomenceFaults", "refused"]

ACCESS_LASTS, REFRESH_LASTS = timedelta(hours=4), timedelta(days=30)
"""An access token lasts a few hours (S3); how long a refresh token does is made up."""


class MomenceFaults(Faults, kw_only=True, omit_defaults=True, forbid_unknown_fields=True):
    """The usual switches, and what is not known of Momence."""

    refresh_rotates: bool = False
    """A refresh token works once."""
    locations_closed: bool = False
    """A staff user's token is not let in to the members' prefix."""
    dotted_events: bool = False
    """Webhooks name events as in the vendor's older texts: session.booked."""
    local_times: bool = False
    """Sessions' times come without a zone, in Zurich's time."""


def refused(kind: str, message: str, status: int = 400) -> Reject:
    """A refusal of Momence's: `{type: "err-…", message}` (S1)."""
    return Reject(Reply(status, {"type": kind, "message": message}))


class MomenceBase(Simulator):
    """Signing in, and helpers for the operations."""

    world: MomenceWorld
    faults: MomenceFaults
    logins: dict[str, str]

    def refuse(self) -> Reply:
        # That a missing token is a 401 is inferred; nothing is known of its body.
        return Reply(401, {"statusCode": 401, "message": "Unauthorized"})

    def authorize(self, request: Request) -> None:
        if request.path == wire.TOKEN:
            return
        scheme, _, access = request.header("authorization").partition(" ")
        ends = self.world.tokens.get(access)
        if scheme.lower() != "bearer" or ends is None or ends <= self.clock.now():
            raise Reject(self.refuse())
        if self.faults.locations_closed and request.path.startswith("/api/v2/member/"):
            raise refused("err-forbidden", "Not a member", 403)

    @operation("ApiV2AuthController_token", "POST /api/v2/auth/token")
    def token(self, request: Request) -> Any:
        """Client id and secret as Basic or in the body (S3). How a wrong login is refused is not described: 400."""
        form = request.form
        if not self._client(request, form):
            raise refused("err-invalid-client", "Invalid client")
        match form.get("grant_type"):
            case "password":
                right = form.get("username"), form.get("password")
                if right != (self.logins["username"], self.logins["password"]):
                    raise refused("err-invalid-credentials", "Invalid username or password")
            case "refresh_token":
                given = form.get("refresh_token", "")
                ends = self.world.refreshes.get(given)
                if ends is None or ends <= self.clock.now():
                    raise refused("err-invalid-refresh-token", "Invalid refresh token")
                if self.faults.refresh_rotates:
                    del self.world.refreshes[given]
            case _:
                raise refused("err-unsupported-grant", "Unsupported grant_type")
        return self._issue()

    def _client(self, request: Request, form: Mapping[str, str]) -> bool:
        login = form.get("client_id", ""), form.get("client_secret", "")
        scheme, _, basic = request.header("authorization").partition(" ")
        if scheme.lower() == "basic":
            try:
                user, _, secret = base64.b64decode(basic, validate=True).decode().partition(":")
            except (binascii.Error, UnicodeDecodeError, ValueError):
                return False
            login = user, secret
        return login == (self.logins["client_id"], self.logins["client_secret"])

    def _issue(self) -> Row:
        now = self.clock.now()
        access, refresh = f"access-{self.new_id()}", f"refresh-{self.new_id()}"
        self.world.tokens[access] = now + ACCESS_LASTS
        self.world.refreshes[refresh] = now + REFRESH_LASTS
        # Two spellings, and moments in place of expires_in (S1).
        return {
            "accessToken": access,
            "access_token": access,
            "accessTokenExpiresAt": moment_text(now + ACCESS_LASTS),
            "refreshToken": refresh,
            "refresh_token": refresh,
            "refreshTokenExpiresAt": moment_text(now + REFRESH_LASTS),
        }

    @operation("ApiV2AuthController_profile", "GET /api/v2/auth/profile")
    def profile(self, request: Request) -> Any:
        return {
            "userId": 1,
            "memberId": None,
            "email": self.logins["username"],
            "firstName": "Hub",
            "lastName": "Nordlicht",
        }

    # ── helpers ───────────────────────────────────────────────────────────────────────────────────────────────────

    def found(self, table: Mapping[int, Row], text: str, what: str) -> Row:
        """The row of that id. An unknown one is refused with 400 (documented for bookings, assumed elsewhere)."""
        row = table.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 20 else None
        if row is None:
            raise refused(f"err-{what}-not-found", f"{what} not found")
        return row

    def page(self, request: Request, rows: Iterable[Row], largest: int) -> Reply:
        """A list answer. `page` (from 0) and `pageSize` are both required (S1); beyond the largest is a 400
        (inferred)."""
        query = request.query
        number, size = _whole(query, "page"), _whole(query, "pageSize")
        if not 1 <= size <= largest:
            raise refused("err-validation", f"pageSize must be between 1 and {largest}")
        listed = list(rows)
        key = _SORTS.get(query.get("sortBy", ""), query.get("sortBy", ""))
        if key:
            listed.sort(key=lambda row: str(row.get(key) or ""))
        if query.get("sortOrder") == "DESC":
            listed.reverse()
        part = listed[number * size : (number + 1) * size]
        pagination = {"page": number, "pageSize": size, "totalCount": len(listed)}
        return Reply(200, {"payload": part, "pagination": pagination}, items_in="payload")


_SORTS = {"lastSeenAt": "lastSeen", "firstSeenAt": "firstSeen"}


def _whole(query: Mapping[str, str], name: str) -> int:
    text = query.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise refused("err-validation", f"{name} is required and a whole number")
    return int(text)


def within(request: Request, starts: datetime, ends: datetime) -> bool:
    """Whether something lies within `startAfter`, `startBefore`, `endAfter`, `endBefore`. Whether the limits belong to
    it is unknown; here they do."""
    limits = {}
    for name in ("startAfter", "startBefore", "endAfter", "endBefore"):
        if text := request.query.get(name):
            try:
                limits[name] = datetime.fromisoformat(text)
                if limits[name].tzinfo is None:
                    raise ValueError
            except ValueError:
                raise refused("err-validation", f"{name} is not a date and time") from None
    return (
        ("startAfter" not in limits or starts >= limits["startAfter"])
        and ("startBefore" not in limits or starts <= limits["startBefore"])
        and ("endAfter" not in limits or ends >= limits["endAfter"])
        and ("endBefore" not in limits or ends <= limits["endBefore"])
    )


def yes(request: Request, name: str) -> bool:
    """A flag of the query; false unless it is true."""
    return request.query.get(name, "").lower() == "true"
