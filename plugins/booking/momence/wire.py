"""Momence's addresses, its envelope and its ways to refuse. `values` and `rows` have what is inside.

Sources, as these modules name them: S1 <https://static.momence.com/schema/api-v2-schema.yaml>,
S2 <https://api.docs.momence.com/docs/getting-started>, S3 <https://api.docs.momence.com/docs/authorization>,
S4 <https://api.docs.momence.com/reference/outoging-webhooks>,
S5 <https://api.docs.momence.com/reference/webhooks-reference>.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from hub import Answer, RetryLater, times
from plugins.booking.momence.values import Raw, is_id

BASE_URL = "https://api.momence.com"
PER_SECOND = 2.0
"""Limits are not published; an integrator's connector runs at this pace and honours `Retry-After`."""

TOKEN = "/api/v2/auth/token"  # noqa: S105 - a path
PROFILE = "/api/v2/auth/profile"
MEMBERS = "/api/v2/host/members"
TAGS = "/api/v2/host/tags"
MEMBERSHIPS = "/api/v2/host/memberships"
SESSIONS = "/api/v2/host/sessions"
LOCATIONS = "/api/v2/member/host/locations"
"""Under the members' prefix only; whether a staff user's token is let in there is unknown."""

SMALL_PAGE, LARGE_PAGE = 100, 200
"""The largest pages: 100 for members, bookings and tags, 200 for sessions, memberships and locations (S1)."""

OLDEST_FIRST = {
    MEMBERS: "firstSeenAt",
    TAGS: "name",
    MEMBERSHIPS: "name",
    SESSIONS: "startsAt",
    LOCATIONS: "name",
}
"""What each list is sorted by, so that as little as possible moves between two of its pages: who is new comes last."""


# ── addresses ─────────────────────────────────────────────────────────────────────────────────────────────────────


def member_path(member_id: str) -> str:
    """One member."""
    return f"{MEMBERS}/{quote(member_id, safe='')}"


def passes_path(member_id: str) -> str:
    """The active passes of a member: there is no other list of passes."""
    return f"{MEMBERS}/{quote(member_id, safe='')}/bought-memberships/active"


def order(path: str) -> dict[str, str]:
    """The query that sorts a list; empty for the passes of a member, which can't be sorted (S1)."""
    by = OLDEST_FIRST.get(path)
    if by is None and path.endswith("/bookings"):
        by = "createdAt"
    elif by is None and path.endswith("/sessions"):
        by = "startsAt"
    return {"sortBy": by, "sortOrder": "ASC"} if by else {}


def member_sessions_path(member_id: str) -> str:
    """A member's bookings, with their sessions."""
    return f"{MEMBERS}/{quote(member_id, safe='')}/sessions"


def session_path(session_id: str) -> str:
    """One session."""
    return f"{SESSIONS}/{quote(session_id, safe='')}"


def bookings_path(session_id: str) -> str:
    """The bookings of a session."""
    return f"{SESSIONS}/{quote(session_id, safe='')}/bookings"


# ── answers ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True)
class Token:
    """A token answer. `expires_at` None: it works until it is refused. None of it is ever shown."""

    access: str
    refresh: str | None
    expires_at: datetime | None
    refresh_expires_at: datetime | None

    def __repr__(self) -> str:
        return "Token()"


def token(raw: Any) -> Token:
    """Both spellings of each name are in the answer, and moments in place of OAuth's `expires_in` (S1); either spelling
    alone is enough. Raises RetryLater for anything else."""
    access = _either(raw, "accessToken", "access_token")
    if access is None:
        raise garbage("the token answer holds no token")
    return Token(
        access,
        _either(raw, "refreshToken", "refresh_token"),
        _moment_or_none(raw.get("accessTokenExpiresAt")),
        _moment_or_none(raw.get("refreshTokenExpiresAt")),
    )


def _either(raw: Any, *names: str) -> str | None:
    found = (raw.get(name) for name in names) if isinstance(raw, Mapping) else ()
    return next((value for value in found if isinstance(value, str) and value), None)


def _moment_or_none(value: Any) -> datetime | None:
    try:
        return times.from_text(value) if isinstance(value, str) else None
    except ValueError:
        return None


def page(raw: Any, number: int, size: int) -> tuple[list[Any], int]:
    """The rows of a page and how many there are in all. Raises RetryLater for a page that is not the one that was asked
    for, or that has fewer or more rows than it must have: the envelope says how many there are (S1)."""
    match raw:
        case {"payload": list(rows), "pagination": {"page": int(at), "pageSize": int(of), "totalCount": int(total)}}:
            pass
        case _:
            raise garbage("a list came in a shape that is not Momence's")
    if (at, of) != (number, size) or total < 0:
        raise garbage(f"page {number} of {size} rows was asked for, and page {at} of {of} came")
    due = max(0, min(size, total - number * size))
    if len(rows) != due:
        raise garbage(f"a page came with {len(rows)} rows, and of {total} in all it must have {due}")
    return rows, total


def one(raw: Any) -> Raw:
    """A single item. Raises RetryLater for anything else."""
    if not isinstance(raw, Mapping) or not is_id(raw.get("id")):
        raise garbage("an item came in a shape that is not Momence's")
    return raw


def profile(raw: Any) -> Raw:
    """Whose token it is. Raises RetryLater for anything else."""
    if not isinstance(raw, Mapping) or "userId" not in raw:
        raise garbage("the profile came in a shape that is not Momence's")
    return raw


def refusal(answer: Answer) -> tuple[str, str]:
    """Type and message of a refusal: `{type: "err-…", message}`. Empty where it isn't one of Momence's."""
    try:
        raw = answer.json()
    except RetryLater:
        return "", ""
    if not isinstance(raw, Mapping):
        return "", ""
    kind, message = raw.get("type"), raw.get("message")
    return kind if isinstance(kind, str) else "", message if isinstance(message, str) else ""


def says_not_found(answer: Answer) -> bool:
    """Whether an answer says that there is no such record. `err-member-not-found` is documented for bookings and
    assumed for the rest (S1); a 404 counts when its body is empty or JSON, as a proxy's page says nothing."""
    if answer.status == 400:
        return refusal(answer)[0].endswith("-not-found")
    return answer.status == 404 and answer.content.lstrip()[:1] in {b"", b"{", b"[", b'"'}


def garbage(what: str) -> RetryLater:
    """An answer that can't be used."""
    fix = "It is asked again later; if it stays so, check base_url."
    return RetryLater(f"Momence: {what}", fix=fix, code="vendor_garbage")
