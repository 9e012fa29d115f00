"""What the simulated exivo accepts in a request body, shape by shape.

The names and patterns are those of `exivo.openapi.yaml`. Members that it doesn't name are ignored; nothing is known of
how the vendor takes them.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Annotated, Any, ClassVar, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

__all__ = [
    "AccessGroupPayload",
    "ActivatePayload",
    "AssignPayload",
    "DigitalKeyPayload",
    "DigitalKeyVisitPayload",
    "EmptyPayload",
    "MediumPayload",
    "ModePayload",
    "Payload",
    "PersonPayload",
    "PinCodePayload",
    "SpecialDayCommand",
    "SwisspassRegisterPayload",
    "SwisspassSearchPayload",
    "TimeProfilePayload",
    "UnlockPayload",
    "VisitPayload",
    "moment_text",
]

_MOMENT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?Z")

Code = Annotated[str, Meta(pattern=r"^[0-9]{4,6}\Z")]
Digits = Annotated[str, Meta(pattern=r"^[0-9]*\Z")]
Email = Annotated[str, Meta(pattern=r"^[^@\s]+@[^@\s]+\Z")]
Hex = Annotated[str, Meta(pattern=r"^[0-9a-fA-F]+\Z")]
HexWithoutLeadingZeros = Annotated[str, Meta(pattern=r"^[1-9a-fA-F][0-9a-fA-F]*\Z")]
Minute = Annotated[int, Meta(ge=0, le=1440)]
Phone = Annotated[str, Meta(pattern=r"^(\+|00)([0-9] ?){6,14}[0-9]\Z")]
KeyForm = Literal["ma-phone", "ma-email", "ma-custom"]


def moment_text(moment: datetime) -> str:
    """A moment as the vendor writes it. Always with milliseconds: "fractional seconds are accepted and returned"
    (contract), and texts of one width can be compared as they are."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _normal(text: str) -> str:
    """Numeric offsets are refused although ISO 8601 is claimed (OneGov/onegov-cloud commit 841b974087)."""
    if not _MOMENT.fullmatch(text):
        raise ValueError(f"{text!r} is not a time in UTC that ends in Z")
    return moment_text(datetime.fromisoformat(text))


class Payload(msgspec.Struct, rename="camel"):
    """A request body. Members that may be left out are UNSET then."""

    moments: ClassVar[tuple[str, ...]] = ()
    """Members that hold a time."""

    def __post_init__(self) -> None:
        for name in self.moments:
            if isinstance(text := getattr(self, name), str):
                setattr(self, name, _normal(text))

    def given(self) -> dict[str, Any]:
        """The members that were sent, by their names on the wire."""
        given: dict[str, Any] = msgspec.to_builtins(self)
        return given


class EmptyPayload(Payload):
    """Nothing to say."""


class PersonPayload(Payload):
    moments: ClassVar[tuple[str, ...]] = ("entry_date", "exit_date")

    first_name: str | UnsetType = UNSET
    last_name: str | UnsetType = UNSET
    entry_date: str | UnsetType | None = UNSET
    exit_date: str | UnsetType | None = UNSET
    gender: Literal["male", "female", "notspecified", "unspecified"] | UnsetType = UNSET
    email: Email | UnsetType | None = UNSET
    language: Literal["da", "de", "en", "es", "fi", "fo", "fr", "it", "nb", "nl", "sv"] | UnsetType = UNSET
    # Clearing `info` with null is not described, so a client that tries is told.
    info: str | UnsetType = UNSET
    phone_number: Phone | UnsetType | None = UNSET


class PinCodePayload(Payload):
    pin_code: Code


class MediumPayload(Payload):
    # A number with leading zeros is refused rather than stripped: a client that does not normalise should notice.
    cid: HexWithoutLeadingZeros | UnsetType = UNSET
    uid: Hex | UnsetType = UNSET
    form_factor: Literal["badge", "keyfob", "smartkey", "insecure"] | UnsetType = UNSET


class AssignPayload(Payload):
    moments: ClassVar[tuple[str, ...]] = ("expire_date",)

    expire_date: str | UnsetType = UNSET


class ActivatePayload(Payload):
    moments: ClassVar[tuple[str, ...]] = ("expire_date",)

    expire_date: str | UnsetType | None = UNSET


class DigitalKeyPayload(Payload):
    public_registration_id: str
    mobile_app_id: Digits
    form_factor: KeyForm
    mobile_app_name: str | UnsetType = UNSET
    install_notification: bool | UnsetType = UNSET
    callback_uri: str | UnsetType = UNSET


class AccessGroupPayload(Payload):
    name: str


class UnlockPayload(Payload):
    delegated_user: str | UnsetType = UNSET


class ModePayload(Payload):
    mode: Literal["normal", "closed", "open", "accessControl"]


class VisitPayload(Payload):
    moments: ClassVar[tuple[str, ...]] = ("valid_from", "valid_to")

    code: Code
    valid_from: str
    valid_to: str
    components: Annotated[list[str], Meta(min_length=1)]
    name: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    email: Email | UnsetType = UNSET
    sms_nr: Phone | UnsetType = UNSET


class MobileApp(msgspec.Struct, omit_defaults=True):
    name: str | UnsetType = UNSET
    id: Digits | UnsetType = UNSET


class DigitalKeyVisitPayload(Payload):
    moments: ClassVar[tuple[str, ...]] = ("valid_from", "valid_to")

    valid_from: str
    valid_to: str
    # A minimum of one by analogy with visits.
    components: Annotated[list[str], Meta(min_length=1)]
    form_factor: KeyForm
    public_registration_id: str
    mobile_app: MobileApp
    install_notification: bool
    name: str | UnsetType = UNSET
    message: str | UnsetType = UNSET
    callback_uri: str | UnsetType = UNSET


class TimeRange(Payload):
    start: Minute
    end: Minute
    days: list[Literal["0", "1", "2", "3", "4", "5", "6", "a", "b"]]
    pin_required: bool | UnsetType = UNSET

    def __post_init__(self) -> None:
        # The contract says whole numbers only; a range that never is open would be a mistake, so it is refused.
        if self.start >= self.end:
            raise ValueError("start must be before end")
        if len(set(self.days)) != len(self.days):
            raise ValueError("a day is named twice")


class TimeProfilePayload(Payload):
    name: str
    ranges: Annotated[list[TimeRange], Meta(min_length=1)]


class SpecialDayCommand(Payload):
    date: str
    # No source names the field that carries the instruction; "command" is our guess.
    command: Literal["setA", "setB", "remove"]

    def __post_init__(self) -> None:
        # Read as YYYY-MM-DD: the prose's YYYY-DD-MM is most likely a slip (contract).
        self.date = date.fromisoformat(self.date).isoformat()


class SwisspassSearchPayload(Payload):
    postal_code: Annotated[int, Meta(ge=1000, le=9999)]
    card_id: str


class SwisspassRegisterPayload(Payload):
    name: str
    customer_id: str
