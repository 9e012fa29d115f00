"""What passes between the hub and a plugin that opens doors or seats riders: wishes, outcomes and observations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from enum import StrEnum
from typing import Any, Literal

import msgspec

__all__ = [
    "Badge",
    "Check",
    "CheckState",
    "Failed",
    "Grant",
    "Granted",
    "Hint",
    "Link",
    "LiveDisplay",
    "Note",
    "Observed",
    "Opening",
    "Opens",
    "Person",
    "PersonConflict",
    "PersonOutcome",
    "Result",
    "Revoked",
    "Rider",
    "Seat",
    "SeatOutcome",
    "SessionOutcome",
    "TrackerSeat",
    "TrackerSession",
    "WebhookRequest",
]


class Opens(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a grant opens at a vendor: one access group, or named locks."""

    group: str | None = None
    locks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return self.group if self.group is not None else ", ".join(self.locks)


class Badge(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A badge to be in a person's hand: its normal number, and which of the vendor's numbers that is (None: the
    vendor's usual one)."""

    number: str
    medium: Literal["cid", "uid"] | None = None


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """A member as a vendor should know them.

    `vendor_id` is the id that the hub has on record, None for somebody new. `by_hand`: an admin named that id.
    `look_first`: an earlier create may have gone through unseen, so search by `marker` before creating; until
    `sure_after` not finding anything proves nothing, so raise RetryLater instead of creating. `maybe_created`: the
    answer to a create was surely lost, so who is found now was made by it. `marker` is the hub's recovery text; a
    vendor with a free-text field stores it, so that a person can be found again. `valid_from` and `valid_until` are
    for vendors that keep the limits of access with the person. `lthr` and `rhr` are heart rates (at the lactate
    threshold, resting), `strap` is the number of the person's own heart-rate strap. `show_live` is set when consent
    to the live display was changed here; None says nothing about it, and the vendor's own switch stays.
    """

    member: str
    given_name: str
    family_name: str
    marker: str
    vendor_id: str | None = None
    by_hand: bool = False
    look_first: bool = False
    sure_after: datetime | None = None
    maybe_created: bool = False
    email: str | None = None
    phone: str | None = None
    language: str | None = None
    birth_date: date | None = None
    gender: str | None = None
    weight_kg: float | None = None
    height_cm: float | None = None
    ftp_w: float | None = None
    max_hr: float | None = None
    lthr: float | None = None
    rhr: float | None = None
    strap: str | None = None
    show_live: bool | None = None
    instructor: bool = False
    valid_from: datetime | None = None
    valid_until: datetime | None = None


class Note(msgspec.Struct, frozen=True, omit_defaults=True):
    """Something a person should know although the call went well: a reason code, a sentence, what to do."""

    code: str
    text: str
    fix: str = ""


class Link(msgspec.Struct, frozen=True, kw_only=True):
    """A member's id at the vendor, confirmed. `created`: this call made the person."""

    member: str
    vendor_id: str
    created: bool = False
    notes: tuple[Note, ...] = ()


class PersonConflict(msgspec.Struct, frozen=True, kw_only=True):
    """The person can't be linked without an admin."""

    member: str
    code: str
    text: str
    fix: str = ""


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """One of several failed; the error says with what consequence."""

    member: str
    error: Exception


PersonOutcome = Link | PersonConflict | Failed


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """One grant as it should be at the vendor.

    `id` is the ledger's id and stable for the grant's life. `asked_at` is since when the vendor has been asked for
    exactly this, and has not shown it (`confirmed=False` each time); None for the first call. `shown`: the vendor has
    shown the grant at some time. `person_id` is the vendor's id of the person, where the
    vendor has people. `vendor_id` is the vendor's id of the grant itself, where it is known. `look_first` and
    `sure_after` are as in `Person`. `our_groups` and `our_badges` name everything that the hub ever put there for
    this grant, so a plugin takes back only what is in them. Code and link never appear in a repr.

    A grant with `opens.locks` is a *visit*: a window on doors that stands by itself, whether or not the vendor has
    people. It never changes: what is moved is a new grant, and the old one is revoked after it. `code` is drawn by the
    hub (`Plugin.draw_code`) and the same on every call; a vendor that refuses it because another has it is answered
    with `Refused(code="code_taken")`, and the hub draws anew. `reference` names what the visit is for in the source's
    words (its booking numbers). `tag` is a short name for the grant that stands where a vendor's fields are too short
    for the marker. `others` are the vendor's ids of the member's other visits, where what stands there
    has to be looked at first: none of them is this one, like it as it may be. `email` and `phone` are the member's, for
    vendors that a studio lets write to them.
    """

    id: str
    member: str
    opens: Opens
    marker: str
    tag: str = ""
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    person_id: str | None = None
    person_by_hand: bool = False
    vendor_id: str | None = None
    asked_at: datetime | None = None
    shown: bool = False
    label: str = ""
    badges: tuple[Badge, ...] = ()
    our_groups: frozenset[str] = frozenset()
    our_badges: frozenset[str] = frozenset()
    look_first: bool = False
    sure_after: datetime | None = None
    credential: Literal["code", "link", "both"] | None = None
    code: str | None = None
    reference: str = ""
    others: frozenset[str] = frozenset()
    email: str | None = None
    phone: str | None = None
    language: str | None = None

    def __repr__(self) -> str:
        return f"Grant({self.id} {self.member} → {self.opens})"


class Granted(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor has it. `confirmed` False: it was accepted, and reading back has yet to show it; `waiting` says what
    for, where that is known. The hub calls again until it is confirmed, and is loud about it after a while
    (`Plugin.confirms_within`)."""

    vendor_id: str | None
    confirmed: bool = True
    waiting: Note | None = None
    code: str | None = None
    url: str | None = None
    admin_url: str | None = None
    notes: tuple[Note, ...] = ()

    def __repr__(self) -> str:
        return f"Granted({self.vendor_id!r}, confirmed={self.confirmed})"


class Revoked(msgspec.Struct, frozen=True, kw_only=True):
    """The vendor took it back, or it was gone already. `confirmed` and `waiting` are as in `Granted`."""

    confirmed: bool = True
    waiting: Note | None = None
    notes: tuple[Note, ...] = ()


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What stands at the vendor for one grant (visits, codes) or one person (groups).

    `vendor_id` is the id of whichever it is; `opens.locks` says that it is a visit. `alive` False: still listed, but
    opens nothing. `limits` False where the vendor has no dates to compare. `tag` is the grant's, where the vendor holds
    that in place of the marker.
    """

    vendor_id: str
    marker: str | None = None
    tag: str | None = None
    alive: bool = True
    opens: Opens | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None
    badges: frozenset[str] = frozenset()
    limits: bool = True
    notes: tuple[Note, ...] = ()


class Opening(msgspec.Struct, frozen=True, kw_only=True):
    """Something at the vendor that a mapping row can name: an access group or a lock."""

    kind: Literal["group", "lock", "box"]
    id: str
    name: str
    notes: tuple[Note, ...] = ()


class CheckState(StrEnum):
    """How one check went."""

    OK = "ok"
    FAILED = "failed"
    WARNING = "warning"
    SKIPPED = "skipped"


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that works or doesn't: what was tried, the vendor's own words, what to do. `own`: `said` is in the
    hub's words, because the vendor said nothing."""

    title: str
    state: CheckState
    said: str = ""
    fix: str = ""
    took_ms: int | None = None
    own: bool = False

    @property
    def quotes(self) -> bool:
        """Whether `said` is to be shown as what the vendor said, and not as what was found."""
        return self.state is CheckState.FAILED and not self.own


class WebhookRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A request that reached the connection's webhook address: lower-case header names, the raw body. `secret` is the
    secret part of the address, for vendors that send back a header which was made from it; `signing_secret` is what
    the vendor gave out to sign with (`subscribe_webhooks`), None where it gave nothing."""

    headers: Mapping[str, str]
    body: bytes
    query: Mapping[str, str] = {}
    secret: str = ""
    signing_secret: str | None = None

    def __repr__(self) -> str:
        return f"WebhookRequest({len(self.body)} bytes)"


class Hint(msgspec.Struct, frozen=True, kw_only=True):
    """Something at the source may have changed: read it again. `dedupe` is the delivery's own id, where it has one."""

    kind: str
    ids: tuple[str, ...] = ()
    members: tuple[str, ...] = ()
    dedupe: str | None = None


class LiveDisplay(StrEnum):
    """What to do with a rider who does not consent to the live display, where the vendor has no switch for it."""

    WITHHOLD = "withhold"
    SEND_ANYWAY = "send_anyway"


class TrackerSession(msgspec.Struct, frozen=True, kw_only=True):
    """A class as a tracker should hold it. `timezone` is the IANA zone of its location; times are aware UTC.

    `look_first` and `sure_after` are as in `Person`.
    """

    id: str
    name: str
    box: str
    starts_at: datetime
    ends_at: datetime
    timezone: str
    marker: str
    vendor_id: str | None = None
    look_first: bool = False
    sure_after: datetime | None = None
    instructor_email: str | None = None
    capacity: int | None = None


class SessionOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The tracker has the class under `vendor_id`; None where it no longer has it.

    `seats` is who sits where (the tracker's seat id by the rider's id there), with riders whom the hub never seated
    among them; None where that was not read.
    """

    vendor_id: str | None
    seats: Mapping[str, str] | None = None
    notes: tuple[Note, ...] = ()


class Rider(msgspec.Struct, frozen=True, kw_only=True):
    """A member with their id at the tracker. `show_live`: consents to the live display."""

    member: str
    vendor_id: str
    email: str | None = None
    show_live: bool = True


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """A rider's seat in a class. `seat` is the tracker's own id of the seat, as the seat map says."""

    session: TrackerSession
    rider: Rider
    seat: str
    previous_seat: str | None = None


class SeatOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """The tracker holds the seat (or has freed it)."""

    confirmed: bool = True
    notes: tuple[Note, ...] = ()


class TrackerSeat(msgspec.Struct, frozen=True, kw_only=True):
    """One seat of a box as the tracker knows it."""

    id: str
    label: str
    row: int | None = None
    column: int | None = None


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """One rider's result of a class, in canonical names and units; a metric that was not measured is absent.

    `implausible` names the metrics whose values can hardly be: to be shown with a mark and left out of rankings.
    `unread` keeps what the vendor sent that no canonical name fits, for the diagnostics page.
    """

    vendor_person_id: str
    seat: str | None = None
    metrics: Mapping[str, float] = {}
    implausible: frozenset[str] = frozenset()
    unread: Mapping[str, Any] = {}
    notes: tuple[Note, ...] = ()
