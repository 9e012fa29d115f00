"""exivo's own shapes: paths, field names and formats. Nothing else in the plugin knows them.

Facts are from the exivo v1 contract in `tests/vendors/exivo.openapi.yaml` (reconstructed from public material). What is
unknown about the vendor is decided here and nowhere else:

* the rate limit: two requests a second unless the connection says otherwise (our choice);
* the largest page: 100 (200 has been seen to work), and half of it where that is refused;
* the length of `info`: the marker is kept short, and whoever writes it looks at what came back;
* enum values: parsed leniently, because live systems return values that the contract doesn't list;
* how a `uid` wants its leading zeros: as whole bytes, because that is what an insecure medium says of itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

from hub import RetryLater, grants, records

__all__ = [
    "BASE_URL",
    "PER_SECOND",
    "Medium",
    "Paths",
    "PersonSeen",
    "door",
    "group",
    "listed",
    "medium",
    "medium_payload",
    "moment",
    "person",
    "person_payload",
    "same_moment",
    "site",
    "timestamp",
]

BASE_URL = "https://api.exivo.io/v1"
PER_SECOND = 2.0
LANGUAGES = frozenset({"da", "de", "en", "es", "fi", "fo", "fr", "it", "nb", "nl", "sv"})
NORWEGIAN = {"no": "nb", "nn": "nb"}
NAMELESS = "-"
"""Stands for a first or last name that is missing: both must be present."""
NO_SUCH_PERSON = "00000000-0000-4000-8000-000000000000"
"""An id that nobody has: a write to it shows whether writing is allowed, and changes nothing."""

TAKEN = frozenset({"active", "blocked", "damaged", "lost", "assignedButPending"})
"""States in which a medium can't be given to somebody. The list of states is open: of any other, the vendor decides."""

_MARKER = re.compile(r"\[hub:[^\]]*\]")


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
        found = _MARKER.findall(self.info)
        return found[-1] if found else None

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
        revoked=str(raw.get("revoked")).lower() == "true",
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


def _number(raw: Mapping[str, Any], name: str) -> str | None:
    """A card number in the normal form. A mechanical key may carry anything there; it is just never the badge that is
    looked for."""
    try:
        return records.normal_badge(str(raw.get(name) or ""), "hex")
    except ValueError:
        return None
