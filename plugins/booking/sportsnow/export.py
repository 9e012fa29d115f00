"""The folder's own names: files, columns and words. Nothing else here knows them.

Two forms are read. The hub's own, with the columns that docs/files.md has (`members.csv`, `badges.csv`, `passes.csv`,
`member_passes.csv`, `bookings.csv`), and SportsNow's customer table as `customers.csv`.

Known of SportsNow's table (support.sportsnow.ch/info/mitglieder-importieren): its columns have a fixed order, gender is
`female` or `male`, dates are written `01.01.2017`. UNKNOWN: the names and the order of its columns, and whether an
export has the same ones. So columns are found by their headings, in German or English, and never by their place; the
headings in `HEADINGS` are assumed.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hub.records import BookingState, PassState

__all__ = [
    "BADGE_FORMATS",
    "BOOKING_STATES",
    "CUSTOMERS",
    "FLAGS",
    "GENDERS",
    "MARK",
    "NOT_READ",
    "PASS_STATES",
    "TABLES",
    "Table",
]

MARK = "complete"
"""The file that says when the export was finished."""

CUSTOMERS = "customers.csv"

NOT_READ = frozenset({"sessions.csv", "instructors.csv", "locations.csv"})
"""Files of the hub's form that say what the timetable says already."""


@dataclass(frozen=True)
class Table:
    """What is read of one kind from one file. `required`: at least one column of each group must be in the header.
    `decisive`: a heading that could be one of these misspelt is not ignored, because without it a pass would never end.
    `owner`: the column of the member that a row belongs to. `headings` are other names of columns. `named`: a row's
    identity is the id of the record that it makes."""

    kind: str
    file: str
    columns: tuple[str, ...]
    required: tuple[tuple[str, ...], ...]
    decisive: tuple[str, ...] = ()
    headings: dict[str, str] = field(default_factory=dict)
    named: bool = True


HEADINGS = {
    **dict.fromkeys(("id", "nr", "nr.", "kundennummer", "kunden-nr.", "customer id", "customer number"), "id"),
    **dict.fromkeys(("vorname", "first name", "first_name", "given_name"), "given_name"),
    **dict.fromkeys(("nachname", "name", "last name", "last_name", "family_name"), "family_name"),
    **dict.fromkeys(("e-mail", "email", "e-mail-adresse", "mail"), "email"),
    **dict.fromkeys(("telefon", "mobile", "natel", "handy", "phone"), "phone"),
    **dict.fromkeys(("sprache", "language"), "language"),
    **dict.fromkeys(("geburtsdatum", "geburtstag", "birth date", "birth_date", "date of birth"), "birth_date"),
    **dict.fromkeys(("geschlecht", "gender", "anrede"), "gender"),
    **dict.fromkeys(("badge", "badges", "badge-nummer", "badgenummer", "badge number"), "badges"),
}
"""Headings of SportsNow's customer table in lower case. ASSUMED: none has been seen."""

_CUSTOMER = ("id", "given_name", "family_name", "email", "phone", "language", "birth_date", "gender", "badges")

TABLES = (
    Table("pass", "passes.csv", ("id", "name"), (("id",),)),
    Table("member", CUSTOMERS, _CUSTOMER, (("id", "email"),), headings=HEADINGS),
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
        (("id",),),
        ("show_live",),
    ),
    Table("badge", CUSTOMERS, _CUSTOMER, (("id", "email"),), headings=HEADINGS, named=False),
    Table("badge", "badges.csv", ("member_id", "number", "format"), (("member_id",), ("number",)), ("format",)),
    Table(
        "member_pass",
        "member_passes.csv",
        ("id", "member_id", "pass_id", "valid_from", "valid_until", "state"),
        (("id",), ("member_id",), ("pass_id",)),
        ("valid_from", "valid_until", "state"),
    ),
    Table(
        "booking",
        "bookings.csv",
        ("id", "member_id", "resource_id", "session_id", "spot", "starts_at", "ends_at", "state"),
        (("id",), ("member_id",)),
        ("state",),
    ),
)
"""What is read, in this order."""

GENDERS = {"": None, "female": "female", "male": "male"}
"""The only words that SportsNow's table takes (support.sportsnow.ch/info/mitglieder-importieren)."""

BADGE_FORMATS = {"": None, "hex": "hex", "hexadecimal": "hex", "decimal": "decimal", "dec": "decimal"}
MEDIA = {"cid": "cid", "uid": "uid"}
"""Formats that also say which number of the medium it is; both are hexadecimal."""

PASS_STATES = {"": PassState.ACTIVE, **{state.value: state for state in PassState}}

BOOKING_STATES = {**{state.value: state for state in BookingState}, "canceled": BookingState.CANCELLED}

FLAGS = {
    **dict.fromkeys(("true", "1", "yes", "ja", "oui", "wahr", "vrai"), True),
    **dict.fromkeys(("false", "0", "no", "nein", "non", "falsch", "faux"), False),
}
"""`true` and `false`, and what spreadsheets in German and French make of them."""
