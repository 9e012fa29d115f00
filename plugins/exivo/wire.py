"""exivo's own shapes: paths, field names and formats. Nothing else in the plugin knows them.

Facts are from the exivo v1 contract in `tests/vendors/exivo.openapi.yaml` (reconstructed from public material). What is
unknown about the vendor is decided here and nowhere else:

* the rate limit: two requests a second unless the connection says otherwise (our choice);
* the largest page: 100 (200 has been seen to work);
* whether a short page is the last one: a page is only the last when the next one is empty;
* the length of `info`: the marker is kept short, and whoever writes it looks at what came back;
* enum values: parsed leniently, because live systems return values that the contract doesn't list.
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
    "LANGUAGES",
    "PAGE",
    "PER_SECOND",
    "Medium",
    "PersonSeen",
    "door",
    "group",
    "medium",
    "medium_payload",
    "person",
    "person_payload",
    "timestamp",
]

BASE_URL = "https://api.exivo.io/v1"
PAGE = 100
PER_SECOND = 2.0
LANGUAGES = frozenset({"da", "de", "en", "es", "fi", "fo", "fr", "it", "nb", "nl", "sv"})
NO_SUCH_PERSON = "00000000-0000-4000-8000-000000000000"
"""An id that nobody has: a write to it shows whether writing is allowed, and changes nothing."""

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


@dataclass(frozen=True)
class Medium:
    """A badge, fob or key as exivo returned it. `numbers` are its normal numbers (cid, uid)."""

    id: str
    numbers: frozenset[str]
    state: str
    person: str | None
    form: str

    @property
    def free(self) -> bool:
        """Whether it can be given to somebody."""
        return self.state == "assignable" and self.person is None

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
    """The reverse, for what comes back (fractions allowed)."""
    if not isinstance(text, str) or not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError as error:
        raise RetryLater("exivo sent a time that can't be read", said=text[:40], code="vendor_garbage") from error
    return found.astimezone(UTC).replace(microsecond=0) if found.tzinfo else found.replace(tzinfo=UTC, microsecond=0)


def person_payload(wanted: grants.Person) -> dict[str, Any]:
    """The fields of a person that the hub writes. First and last name must be present, so a missing one is a dash."""
    payload: dict[str, Any] = {
        "firstName": wanted.given_name.strip() or "-",
        "lastName": wanted.family_name.strip() or "-",
    }
    language = (wanted.language or "").strip().lower()[:2]
    if language in LANGUAGES:
        payload["language"] = language
    return payload


def person(raw: Any) -> PersonSeen:
    """A person from an answer."""
    raw = _mapping(raw, "a person")
    return PersonSeen(
        id=_text(raw, "id"),
        first_name=str(raw.get("firstName") or ""),
        last_name=str(raw.get("lastName") or ""),
        language=str(raw.get("language") or ""),
        info=str(raw.get("info") or ""),
        entry=moment(raw.get("entryDate")),
        exit=moment(raw.get("exitDate")),
        revoked=bool(raw.get("revoked")),
        group=raw.get("accessGroupId") or None,
        media=frozenset(str(item) for item in raw.get("media") or ()),
    )


def medium(raw: Any) -> Medium:
    """A medium from an answer."""
    raw = _mapping(raw, "a medium")
    numbers = set()
    for name in ("cid", "uid"):
        if raw.get(name):
            try:
                numbers.add(records.normal_badge(str(raw[name]), "hex"))
            except ValueError:
                # A mechanical key may carry anything here; it is just never the badge that is looked for.
                continue
    return Medium(
        id=_text(raw, "id"),
        numbers=frozenset(numbers),
        state=str(raw.get("state") or ""),
        person=raw.get("personId") or None,
        form=str(raw.get("formFactor") or ""),
    )


def medium_payload(badge: grants.Badge, usual: Literal["cid", "uid"]) -> dict[str, str]:
    """What registers a badge: `cid` for a smart medium, `uid` for an insecure one, hexadecimal, no leading zeros."""
    if (badge.medium or usual) == "uid":
        return {"uid": badge.number, "formFactor": "insecure"}
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
