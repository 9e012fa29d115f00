"""The folder's own names: files, columns, and the words that cells are made of. Nothing else here knows them."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from hub.records import BookingState, PassState, SessionState

__all__ = [
    "BADGE_FORMATS",
    "BOOKING_STATES",
    "FLAGS",
    "MARK",
    "PASS_STATES",
    "SESSION_STATES",
    "TABLES",
    "BadgeFormat",
    "Table",
    "could_be",
    "nearest",
    "word",
]

_ALIKE = 0.7
"""From here on two names are one of them misspelt; measured on names that exports have."""

MARK = "complete"
"""The file that says when the export was finished."""


@dataclass(frozen=True)
class Table:
    """One file. `columns` starts with those of `identity`, which together make a record's id.

    `required` must be in the header. `decisive` may be left out, but a column that could be one of these misspelt is
    not ignored: without it a pass would never end, or a rider would be shown who said no. `owner` is the column with
    the member that a row belongs to.
    """

    kind: str
    file: str
    columns: tuple[str, ...]
    identity: tuple[str, ...] = ("id",)
    required: tuple[str, ...] = ("id",)
    decisive: tuple[str, ...] = ()
    owner: str | None = None


TABLES = (
    Table("location", "locations.csv", ("id", "name", "timezone"), decisive=("timezone",)),
    Table("room_plan", "room_plans.csv", ("id", "name", "location_id"), decisive=("location_id",)),
    Table("resource", "resources.csv", ("id", "name", "location_id"), decisive=("location_id",)),
    Table("pass", "passes.csv", ("id", "name")),
    Table("community", "communities.csv", ("id", "name")),
    Table("instructor", "instructors.csv", ("id", "name", "email")),
    Table(
        "spot",
        "spots.csv",
        ("room_plan_id", "label", "row", "column"),
        identity=("room_plan_id", "label"),
        required=("room_plan_id", "label"),
    ),
    Table(
        "member",
        "members.csv",
        (
            "id",
            "given_name",
            "family_name",
            "email",
            "phone",
            "language",
            "birth_date",
            "gender",
            "weight_kg",
            "height_cm",
            "ftp_w",
            "max_hr",
            "show_live",
        ),
        decisive=("show_live",),
        owner="id",
    ),
    Table(
        "badge",
        "badges.csv",
        ("member_id", "number", "format"),
        identity=("member_id", "number", "format"),
        required=("member_id", "number"),
        decisive=("format",),
        owner="member_id",
    ),
    Table(
        "member_pass",
        "member_passes.csv",
        ("id", "member_id", "pass_id", "valid_from", "valid_until", "state"),
        required=("id", "member_id", "pass_id"),
        decisive=("valid_from", "valid_until", "state"),
        owner="member_id",
    ),
    Table(
        "community_member",
        "community_members.csv",
        ("community_id", "member_id", "valid_from", "valid_until"),
        identity=("community_id", "member_id", "valid_from"),
        required=("community_id", "member_id"),
        decisive=("valid_from", "valid_until"),
        owner="member_id",
    ),
    Table(
        "session",
        "sessions.csv",
        ("id", "name", "starts_at", "ends_at", "state", "instructor_id", "location_id", "room_plan_id", "send"),
        required=("id", "starts_at", "ends_at"),
        decisive=("state", "location_id", "room_plan_id", "send"),
    ),
    Table(
        "booking",
        "bookings.csv",
        ("id", "member_id", "resource_id", "session_id", "spot", "starts_at", "ends_at", "state"),
        required=("id", "member_id"),
        decisive=("state",),
        owner="member_id",
    ),
)
"""Every file, in the order in which they are read: what says where something is comes before what happens there."""


class BadgeFormat(NamedTuple):
    """What a word in `format` says: how the number is written, and which number of the medium it is.

    `form` None means that the row leaves it open.
    """

    form: Literal["hex", "decimal"] | None
    medium: Literal["cid", "uid"] | None = None


BADGE_FORMATS = {
    "": BadgeFormat(None),
    "hex": BadgeFormat("hex"),
    "hexadecimal": BadgeFormat("hex"),
    "decimal": BadgeFormat("decimal"),
    "dec": BadgeFormat("decimal"),
    "cid": BadgeFormat("hex", "cid"),
    "uid": BadgeFormat("hex", "uid"),
}

PASS_STATES = {"": PassState.ACTIVE, **{state.value: state for state in PassState}}

SESSION_STATES = {
    "": SessionState.SCHEDULED,
    **{state.value: state for state in SessionState},
    "canceled": SessionState.CANCELLED,
}

BOOKING_STATES = {**{state.value: state for state in BookingState}, "canceled": BookingState.CANCELLED}

FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "ja", "oui", "wahr", "vrai"), True),
    **dict.fromkeys(("false", "0", "no", "nein", "non", "falsch", "faux"), False),
}
"""`true` and `false`, and what spreadsheets in German and French make of them."""


def word(text: str) -> str:
    """A cell that holds one word, as it is looked up: `Checked-in` is `checked_in`."""
    return text.strip().lower().replace("-", "_").replace(" ", "_")


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that this one was probably meant to be."""
    found = difflib.get_close_matches(name, list(known), n=1)
    return found[0] if found else None


def could_be(name: str, columns: Iterable[str]) -> list[str]:
    """Every column that this unknown name could stand for: `valid_to` and `until` for `valid_until`."""
    words = {*name.split("_")} - {"id"}
    return [
        column
        for column in columns
        if not words.isdisjoint(column.split("_"))
        or (len(name) > 3 and name in column)
        or difflib.SequenceMatcher(None, column, name).ratio() >= _ALIKE
    ]
