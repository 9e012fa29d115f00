"""Nuki's own shapes: paths, field names and formats. Nothing else in the plugin knows them.

Facts are from the contract in `tests/vendors/nuki.openapi.yaml`: documented by Nuki [D], inferred from integrators and
the forum [I], or unknown [U]. What is unknown or only inferred is decided here and nowhere else:

* the rate limit [U]: two requests a second unless the connection says otherwise (our choice);
* how long a name may be: 20 on older keypads [D], letters or bytes [U], so it is 20 plain letters;
* a window with no limit by the clock: all seven days, and 0 for both times [I: integrators' requests];
* a code without start or end [U]: dates far away stand for them, always the same, because a change that leaves one out
  takes the limit away without a word [I];
* whether Nuki keeps the seconds of a date [U]: the hub compares by the minute;
* whether the list shows codes [I: the field is there]: one that is not shown is taken for the right one;
* how the paired keypad shows: an authorization of type 3 [D: the list of types; I: that it is there];
* how many codes a lock holds [I: about 200]: a setting, and some room is kept for what begins soon;
* how long an accepted request may take [I: seconds; Nuki's staff say to give up after minutes];
* the hex form of a signature [I], over the raw bytes with the secret of the webhook [D].
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hub import RetryLater, grants

__all__ = [
    "APP",
    "BASE_URL",
    "FEATURE",
    "KEYPAD",
    "KEYPAD_CODE",
    "LOOK_AGAIN",
    "NO_END",
    "PER_SECOND",
    "PORTAL",
    "READ_AFTER",
    "RESERVED",
    "SETTLED",
    "SIGNATURE",
    "SINCE",
    "SOON",
    "SURE",
    "SYNC_AGAIN",
    "AuthSeen",
    "LockSeen",
    "auth",
    "change_payload",
    "create_payload",
    "draw_code",
    "is_code",
    "listed",
    "lock",
    "moment",
    "signature",
    "webhook",
]

BASE_URL = "https://api.nuki.io"
PORTAL = "https://web.nuki.io"
PER_SECOND = 2.0

APP, KEYPAD, KEYPAD_CODE = 0, 3, 13
SERVER_STATES = {
    1: "is not registered",
    2: "refuses Nuki's credentials",
    3: "refuses Nuki's credentials",
    4: "is offline",
}
"""0 is well and 4 is offline [D]; what lies between is about registration or credentials [D], which of them [U]."""

NAME = 20
DAYS = 0b1111111
SINCE = datetime(2000, 1, 1, tzinfo=UTC)
NO_END = datetime(2099, 12, 31, tzinfo=UTC)
CLOSE = timedelta(minutes=1)
"""Two dates nearer than this are the same to Nuki."""

SETTLED = timedelta(minutes=2)
"""So long a request may be on its way before it is sent again [I: "give up after minutes"]. A code stands once at a
lock [D], so a second request can't make a second one."""
SURE = timedelta(seconds=15)
"""A code that was shown, and is missing from a list that is so much younger than the request to delete it, after a
forced sync, is gone [I]."""
LOOK_AGAIN = tuple(timedelta(seconds=seconds) for seconds in (3, 5, 11))
"""When somebody who waits has it looked at again [I: some seconds]: long enough for a new code that is shown at the
first look, and to be sure that the one in whose place it came is gone after the last."""
READ_AFTER = timedelta(seconds=2)
"""A list that was read so long after a forced sync shows what the lock holds [our choice]."""
SYNC_AGAIN = timedelta(minutes=1)
"""A lock is not asked to sync more often than this: it costs its battery [our choice]."""
SOON = timedelta(days=1)
RESERVED = 20
"""So much of a lock's room is kept for codes that begin within a day [our choice]."""

SIGNATURE = "x-nuki-signature-sha256"
FEATURE = "DEVICE_AUTHS"

_TAG = re.compile(r"~([0-9a-z]{12})$")
_CODE = re.compile(r"(?!12)[1-9]{6}")


@dataclass(frozen=True)
class LockSeen:
    """A device as Nuki returned it."""

    id: str
    name: str
    server_state: int

    @property
    def online(self) -> bool:
        """Whether Nuki reaches it."""
        return self.server_state == 0

    @property
    def trouble(self) -> str:
        """What is wrong between Nuki and the lock, in words; empty where nothing is."""
        return "" if self.online else SERVER_STATES.get(self.server_state, "is not reached by Nuki")


@dataclass(frozen=True)
class AuthSeen:
    """An authorization on one lock as Nuki returned it. `code` is None where Nuki does not show it."""

    id: str
    lock: str
    type: int
    name: str
    enabled: bool
    starts: datetime | None
    ends: datetime | None
    limited: bool
    """Whether it is limited to some days or hours as well."""
    pending: bool
    """Whether another operation holds it."""
    code: str | None = field(repr=False)

    @property
    def tag(self) -> str | None:
        """The tag at the end of the name, whichever hub's it is; None for a code that no hub made."""
        found = _TAG.search(self.name)
        return found[1] if found is not None and self.type == KEYPAD_CODE else None

    def keeps(self, wanted: grants.Grant) -> bool:
        """Whether window and code are those of a grant."""
        starts, ends = window(wanted)
        return (
            self.enabled
            and not self.limited
            and _same(self.starts, starts)
            and _same(self.ends, ends)
            and self.code in {None, wanted.code}
        )

    @property
    def valid_from(self) -> datetime | None:
        """When it begins to open; None for always."""
        return None if _same(self.starts, SINCE) else self.starts

    @property
    def valid_until(self) -> datetime | None:
        """When it stops opening; None for never."""
        return None if _same(self.ends, NO_END) else self.ends


def draw_code() -> str:
    """Six random digits from 1 to 9, the first two not 12."""
    while True:
        code = "".join(secrets.choice("123456789") for _ in range(6))
        if is_code(code):
            return code


def is_code(code: Any) -> bool:
    """Whether something is a code as a keypad takes it."""
    return isinstance(code, str) and _CODE.fullmatch(code) is not None


def window(wanted: grants.Grant) -> tuple[datetime, datetime]:
    """When a code is to open: always both ends."""
    return wanted.valid_from or SINCE, wanted.valid_until or NO_END


def create_payload(wanted: grants.Grant, tag: str) -> dict[str, Any]:
    """What makes a keypad code. Nobody needs to be at the door by phone."""
    return {"type": KEYPAD_CODE, **change_payload(wanted, tag)}


def change_payload(wanted: grants.Grant, tag: str) -> dict[str, Any]:
    """All of a keypad code: what is left out of a change loses its limit."""
    starts, ends = window(wanted)
    return {
        "name": _name(wanted.reference, tag),
        "code": int(wanted.code or ""),
        "allowedFromDate": _timestamp(starts),
        "allowedUntilDate": _timestamp(ends),
        "allowedWeekDays": DAYS,
        "allowedFromTime": 0,
        "allowedUntilTime": 0,
        "remoteAllowed": False,
    }


def _name(reference: str, tag: str) -> str:
    """What a code is for, and the tag by which it is found again."""
    plain = unicodedata.normalize("NFKD", reference).encode("ascii", "ignore").decode()
    plain = "".join(letter for letter in plain if letter.isprintable())
    room = NAME - len(tag) - 1
    return f"{' '.join(plain.split())[:room].strip()}~{tag}"


def _timestamp(at: datetime) -> str:
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="milliseconds") + "Z"


def moment(text: Any) -> datetime | None:
    """A date that Nuki sent. None for nothing, and for what can't be read: one odd code must not hide the others."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text.strip().upper())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _same(one: datetime | None, other: datetime | None) -> bool:
    if one is None or other is None:
        return one is other
    return abs(one - other) < CLOSE


def listed(raw: Any) -> list[Any]:
    """A list from an answer."""
    if not isinstance(raw, list):
        raise RetryLater("Nuki sent something else where a list was expected", code="vendor_garbage")
    return raw


def lock(raw: Any) -> LockSeen:
    """A device from an answer."""
    raw = _mapping(raw, "a device")
    key = _id(raw, "smartlockId")
    return LockSeen(key, str(raw.get("name") or key), _number(raw.get("serverState"), 0))


def auth(raw: Any) -> AuthSeen:
    """An authorization from an answer. Types that were never seen are just not ours."""
    raw = _mapping(raw, "an authorization")
    code = raw.get("code")
    days = _number(raw.get("allowedWeekDays"), DAYS)
    return AuthSeen(
        id=_id(raw, "id"),
        lock=_id(raw, "smartlockId"),
        type=_number(raw.get("type"), -1),
        name=str(raw.get("name") or "").strip(),
        enabled=raw.get("enabled") is not False,
        starts=moment(raw.get("allowedFromDate")),
        ends=moment(raw.get("allowedUntilDate")),
        limited=days not in {0, DAYS} or bool(raw.get("allowedFromTime")) or bool(raw.get("allowedUntilTime")),
        pending=raw.get("operationId") is not None,
        code=str(code) if is_code(str(code)) else None,
    )


def webhook(raw: Any) -> Mapping[str, Any]:
    """A registered webhook from an answer."""
    return _mapping(raw, "a webhook")


def signature(body: bytes, secret: str) -> str:
    """What Nuki signs a delivery with."""
    return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def _mapping(raw: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise RetryLater(f"Nuki sent something else where {what} was expected", code="vendor_garbage")
    return raw


def _id(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    if isinstance(value, bool) or not isinstance(value, str | int) or not str(value):
        raise RetryLater(f"Nuki left out {name}", code="vendor_garbage")
    return str(value)


def _number(value: Any, otherwise: int) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else otherwise
