"""The profile that a member fills in: which fields there are, and what may stand in them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

__all__ = ["FIELDS", "Field", "Wrong", "check", "shown"]

Kind = Literal["number", "date", "choice", "digits"]


@dataclass(frozen=True)
class Field:
    """One field. `low` and `high` are what is plausible (`spivi.md` section 7); `choices` are what can be chosen."""

    name: str
    kind: Kind
    unit: str = ""
    low: int = 0
    high: int = 0
    choices: tuple[str, ...] = ()
    autocomplete: str = "off"


FIELDS: tuple[Field, ...] = (
    Field("weight_kg", "number", "kg", 35, 180),
    Field("height_cm", "number", "cm", 130, 215),
    Field("birth_date", "date", autocomplete="bday"),
    Field("gender", "choice", choices=("female", "male", "other")),
    Field("ftp_w", "number", "W", 50, 450),
    Field("max_hr", "number", "bpm", 100, 215),
    Field("lthr", "number", "bpm", 110, 200),
    Field("rhr", "number", "bpm", 35, 100),
    Field("strap", "digits"),
)
"""By the names that `hub.grants.Person` has."""

OLDEST = timedelta(days=366 * 110)
LONGEST_STRAP = 8
_NUMBER = re.compile(r"\d{1,4}([.,]\d{1,2})?")


@dataclass(frozen=True)
class Wrong:
    """What is wrong with a field: the name of a sentence in the words of the page."""

    field: Field
    why: Literal["not_a_number", "out_of_range", "not_a_date", "not_a_choice", "not_digits"]


def check(typed: Mapping[str, str], *, today: date) -> tuple[dict[str, str | float], list[Wrong]]:
    """What a form says, and what is wrong with it. A blank field says nothing: it is in neither."""
    said: dict[str, str | float] = {}
    wrong: list[Wrong] = []
    for field in FIELDS:
        text = typed.get(field.name, "").strip()
        if not text:
            continue
        found = _READ[field.kind](field, text, today)
        if isinstance(found, Wrong):
            wrong.append(found)
        else:
            said[field.name] = found
    return said, wrong


def shown(value: str | float, language: str) -> str:
    """A value as it stands in its field."""
    if isinstance(value, str):
        return value
    text = f"{value:g}"
    return text.replace(".", ",") if language == "de" else text


def _number(field: Field, text: str, today: date) -> float | Wrong:
    if not _NUMBER.fullmatch(text):
        return Wrong(field, "not_a_number")
    value = float(text.replace(",", "."))
    return value if field.low <= value <= field.high else Wrong(field, "out_of_range")


def _date(field: Field, text: str, today: date) -> str | Wrong:
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return Wrong(field, "not_a_date")
    return day.isoformat() if today - OLDEST < day < today else Wrong(field, "not_a_date")


def _choice(field: Field, text: str, today: date) -> str | Wrong:
    return text if text in field.choices else Wrong(field, "not_a_choice")


def _digits(field: Field, text: str, today: date) -> str | Wrong:
    good = text.isascii() and text.isdigit() and len(text) <= LONGEST_STRAP
    return text if good else Wrong(field, "not_digits")


_READ = {"number": _number, "date": _date, "choice": _choice, "digits": _digits}
