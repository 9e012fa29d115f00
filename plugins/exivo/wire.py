"""exivo's own shapes: paths, field names and formats. Nothing else in the plugin knows them.

Facts are from the exivo v1 contract in `tests/vendors/exivo.openapi.yaml` (reconstructed from public material). What is
unknown about the vendor is decided here and nowhere else:

* the rate limit: two requests a second unless the connection says otherwise (our choice);
* the largest page: 100 (200 has been seen to work), and half of it where that is refused;
* the length of `info` and of a visit's `name`: the marker is kept short, and whoever writes it looks at what came back;
* a visit without an end: `validTo` is required, so one far away stands for it;
* whether a visit needs a contact: the texts disagree, a working integration (OneGov/onegov-cloud) sends none;
* enum values: parsed leniently, because live systems return values that the contract doesn't list;
* how a `uid` wants its leading zeros: as whole bytes, because that is what an insecure medium says of itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

from hub import RetryLater, grants, records

__all__ = [
    "BASE_URL",
    "NO_END",
    "PER_SECOND",
    "PORTAL",
    "Medium",
    "Paths",
    "PersonSeen",
    "VisitSeen",
    "contact",
    "door",
    "group",
    "is_code",
    "listed",
    "medium",
    "medium_payload",
    "moment",
    "person",
    "person_payload",
    "same_moment",
    "site",
    "timestamp",
    "visit",
    "visit_payload",
]

BASE_URL = "https://api.exivo.io/v1"
PORTAL = "https://customer.exivo.io"
"""The vendor's admin area: hayloft/exivo-client-php names its page of API credentials. No address of a single visit is
known."""
PER_SECOND = 2.0
LANGUAGES = frozenset({"da", "de", "en", "es", "fi", "fo", "fr", "it", "nb", "nl", "sv"})
NORWEGIAN = {"no": "nb", "nn": "nb"}
NAMELESS = "-"
"""Stands for a first or last name that is missing: both must be present."""
NO_SUCH_PERSON = "00000000-0000-4000-8000-000000000000"
"""An id that nobody has: a write to it shows whether writing is allowed, and changes nothing."""

NO_END = datetime(2099, 12, 31, tzinfo=UTC)
"""Stands for a visit that never ends. Always the same moment, so that a visit can be recognized by it."""
NAME_TEXT = 60
"""Characters of a visit's name in front of the marker, at most: how long a name may be is unknown."""

TAKEN = frozenset({"active", "blocked", "damaged", "lost", "assignedButPending"})
"""States in which a medium can't be given to somebody. The list of states is open: of any other, the vendor decides."""

_MARKER = re.compile(r"\[hub:[^\]]*\]")
_CODE = re.compile(r"[0-9]{4,6}")
_EMAIL = re.compile(r"[^@\s]+@[^@\s]+")
_PHONE = re.compile(r"(\+|00)([0-9] ?){6,14}[0-9]")


@dataclass(frozen=True)
class PersonSeen:
    """A person as exivo returned them."""

    id: str
    first_name: str
    last_name: str
    language: str
    info: str
    entry: datetime | None
    exit: datetime | None
    revoked: bool
    group: str | None
    media: frozenset[str]

    @property
    def marker(self) -> str | None:
        """The hub marker at the end of `info`, whichever hub's it is."""
        return _last_marker(self.info)

    @property
    def name(self) -> str:
        """First and last name, for sentences."""
        return f"{self.first_name} {self.last_name}".strip()


@dataclass(frozen=True)
class Medium:
    """A badge, fob or key as exivo returned it; `cid` and `uid` are in the normal form."""

    id: str
    cid: str | None
    uid: str | None
    state: str
    person: str | None

    @property
    def numbers(self) -> frozenset[str]:
        """Its numbers."""
        return frozenset(number for number in (self.cid, self.uid) if number is not None)

    @property
    def free(self) -> bool:
        """Whether it can be given to somebody, as far as one can tell."""
        return self.person is None and self.state not in TAKEN

    @property
    def blocked(self) -> bool:
        """Whether it opens nothing although it is somebody's."""
        return self.state in {"blocked", "damaged", "lost"}


@dataclass(frozen=True)
class VisitSeen:
    """A visit as exivo returned it. `code` is None where exivo does not show it; `ends` is None only where it can't be
    read."""

    id: str
    name: str
    doors: frozenset[str]
    starts: datetime | None
    ends: datetime | None
    expired: bool
    revoked: bool
    code: str | None = field(repr=False)
    link: str | None = field(repr=False)

    @property
    def marker(self) -> str | None:
        """The hub marker at the end of the name, whichever hub's it is."""
        return _last_marker(self.name)

    @property
    def until(self) -> datetime | None:
        """When it ends; None for never."""
        return None if self.ends == NO_END else self.ends

    def over(self, now: datetime) -> bool:
        """Whether it opens nothing any more."""
        return self.revoked or self.expired or (self.ends is not None and self.ends <= now)


class Paths:
    """The paths of one site. Their spelling is irregular on purpose: that is how the vendor has them."""

    def __init__(self, site_id: str) -> None:
        self._site = f"/{quote(site_id, safe='')}"
        self.info = f"{self._site}/info"
        self.persons = f"{self._site}/person"
        self.media = f"{self._site}/medium"
        self.groups = f"{self._site}/accessgroup"
        self.components = f"{self._site}/component"
        self.visits = f"{self._site}/visit"

    def person(self, person_id: str, *rest: str) -> str:
        """A person, or something to do with them."""
        return "/".join((self.persons, quote(person_id, safe=""), *(quote(part, safe="") for part in rest)))

    def medium(self, medium_id: str) -> str:
        """A medium."""
        return f"{self.media}/{quote(medium_id, safe='')}"

    def visit(self, visit_id: str, *rest: str) -> str:
        """A visit, or something to do with it."""
        return "/".join((self.visits, quote(visit_id, safe=""), *rest))


def timestamp(moment: datetime | None) -> str | None:
    """A moment as exivo takes it: UTC with a trailing Z, whole seconds; numeric offsets are refused."""
    if moment is None:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None, microsecond=0).isoformat() + "Z"


def moment(text: Any) -> datetime | None:
    """The reverse, for what comes back (fractions allowed). None for nothing, and for what can't be read: one person's
    odd date must not hide everybody else."""
    if not isinstance(text, str):
        return None
    try:
        found = datetime.fromisoformat(text.strip().upper())
        return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC).replace(microsecond=0)
    except (ValueError, OverflowError):
        return None


def same_moment(one: datetime | None, other: datetime | None) -> bool:
    """Whether two moments are the same to exivo, to which the hub writes whole seconds."""
    return timestamp(one) == timestamp(other)


def person_payload(wanted: grants.Person) -> dict[str, Any]:
    """The fields of a person that the hub writes."""
    payload: dict[str, Any] = {
        "firstName": wanted.given_name.strip() or NAMELESS,
        "lastName": wanted.family_name.strip() or NAMELESS,
    }
    language = re.split(r"[-_]", (wanted.language or "").strip().lower())[0]
    language = NORWEGIAN.get(language, language)
    if language in LANGUAGES:
        payload["language"] = language
    return payload


def site(raw: Any) -> Mapping[str, Any]:
    """The answer to the connection test."""
    found = _mapping(raw, "a site")
    if not {"id", "name", "timeZone", "type"} & found.keys():
        raise RetryLater("what answers is not exivo", code="vendor_garbage", fix="Check base_url.")
    return found


def listed(raw: Any) -> list[Any]:
    """A list from an answer."""
    if not isinstance(raw, list):
        raise RetryLater("exivo sent something else where a list was expected", code="vendor_garbage")
    return raw


def person(raw: Any) -> PersonSeen:
    """A person from an answer."""
    raw = _mapping(raw, "a person")
    media = raw.get("media")
    return PersonSeen(
        id=_text(raw, "id"),
        first_name=str(raw.get("firstName") or ""),
        last_name=str(raw.get("lastName") or ""),
        language=str(raw.get("language") or ""),
        info=str(raw.get("info") or ""),
        entry=moment(raw.get("entryDate")),
        exit=moment(raw.get("exitDate")),
        revoked=_flag(raw, "revoked"),
        group=_optional(raw, "accessGroupId"),
        media=frozenset(str(item) for item in media if item) if isinstance(media, list) else frozenset(),
    )


def medium(raw: Any) -> Medium:
    """A medium from an answer."""
    raw = _mapping(raw, "a medium")
    return Medium(
        id=_text(raw, "id"),
        cid=_number(raw, "cid"),
        uid=_number(raw, "uid"),
        state=str(raw.get("state") or ""),
        person=_optional(raw, "personId"),
    )


def medium_payload(badge: grants.Badge, usual: Literal["cid", "uid"]) -> dict[str, str]:
    """What registers a badge: `cid` for a smart medium, hexadecimal without leading zeros; `uid` for an insecure one,
    hexadecimal."""
    if (badge.medium or usual) == "uid":
        return {"uid": badge.number.zfill(len(badge.number) + len(badge.number) % 2), "formFactor": "insecure"}
    return {"cid": badge.number, "formFactor": "badge"}


def visit(raw: Any) -> VisitSeen:
    """A visit from an answer. A code that is masked is none."""
    raw = _mapping(raw, "a visit")
    doors = raw.get("components")
    code = raw.get("code")
    return VisitSeen(
        id=_text(raw, "id"),
        name=str(raw.get("name") or ""),
        doors=frozenset(str(item) for item in doors if item) if isinstance(doors, list) else frozenset(),
        starts=moment(raw.get("validFrom")),
        ends=moment(raw.get("validTo")),
        expired=_flag(raw, "expired"),
        revoked=_flag(raw, "revoked"),
        code=code if is_code(code) else None,
        link=_optional(raw, "link"),
    )


def is_code(code: Any) -> bool:
    """Whether something is a code as exivo has them: four to six digits."""
    return isinstance(code, str) and _CODE.fullmatch(code) is not None


def visit_payload(wanted: grants.Grant, starts: datetime, invited: Mapping[str, str]) -> dict[str, Any]:
    """What makes a visit. `name` is what it is for and the hub's marker; `invited` is what `contact` answered."""
    text = " ".join(wanted.reference.split())[:NAME_TEXT]
    return {
        "code": wanted.code,
        "validFrom": timestamp(starts),
        "validTo": timestamp(wanted.valid_until or NO_END),
        "components": list(wanted.opens.locks),
        "name": f"{text.rstrip()} {wanted.marker}".strip(),
        **invited,
    }


def contact(kind: Literal["none", "email", "sms"], wanted: grants.Grant) -> dict[str, str]:
    """Where exivo shall send its own message; nothing where it shall not, or could not."""
    value = {"none": None, "email": wanted.email, "sms": wanted.phone}[kind]
    name, pattern = ("email", _EMAIL) if kind == "email" else ("smsNr", _PHONE)
    value = (value or "").strip()
    return {name: value} if pattern.fullmatch(value) else {}


def group(raw: Any) -> grants.Opening:
    """An access group from an answer."""
    raw = _mapping(raw, "an access group")
    return grants.Opening(kind="group", id=_text(raw, "id"), name=str(raw.get("name") or raw["id"]))


def door(raw: Any) -> grants.Opening | None:
    """A door from an answer; None for a component that is none (gateways are listed too)."""
    raw = _mapping(raw, "a component")
    template = str(raw.get("templateIdentifier") or "").lower()
    if "gateway" in template:
        return None
    notes = (
        (grants.Note("alarm_door", "This is an alarm door: entering while the alarm is armed may set it off."),)
        if "alarm" in template
        else ()
    )
    name = str(raw.get("identifier") or raw.get("labelling") or raw["id"])
    return grants.Opening(kind="lock", id=_text(raw, "id"), name=name, notes=notes)


def _last_marker(text: str) -> str | None:
    found = _MARKER.findall(text)
    return found[-1] if found else None


def _mapping(raw: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(raw, Mapping):
        raise RetryLater(f"exivo sent something else where {what} was expected", code="vendor_garbage")
    return raw


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or not value:
        raise RetryLater(f"exivo left out {name}", code="vendor_garbage")
    return value


def _optional(raw: Mapping[str, Any], name: str) -> str | None:
    value = raw.get(name)
    return str(value) if value else None


def _flag(raw: Mapping[str, Any], name: str) -> bool:
    return str(raw.get(name)).lower() == "true"


def _number(raw: Mapping[str, Any], name: str) -> str | None:
    """A card number in the normal form. A mechanical key may carry anything there; it is just never the badge that is
    looked for."""
    try:
        return records.normal_badge(str(raw.get(name) or ""), "hex")
    except ValueError:
        return None
