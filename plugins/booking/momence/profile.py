"""A member from their row, with the rider's profile from the studio's own customer fields.

Customer fields are `{id, label, type, value}` with `value` always text, and no fixed ones (S1). A value that can't be
read is left out with a note; it never keeps a member from being read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any, Literal

from hub.records import Badge, Member, normal_badge
from plugins.booking.momence import values
from plugins.booking.momence.settings import CustomerFields
from plugins.booking.momence.values import Raw, Unreadable

__all__ = ["badge", "member"]

_NUMBERS = {
    "weight_kg": ("kg", 20, 350),
    "height_cm": ("cm", 80, 250),
    "ftp_w": ("w", 20, 700),
    "max_hr": ("bpm", 80, 250),
}
"""Unit, smallest and largest: outside, it is another unit or a slip, and nothing is converted on a guess."""
_NUMBER = re.compile(r"(\d{1,4}(?:[.,]\d{1,4})?)\s*([a-z]*)")
_YES = frozenset({"true", "yes", "1", "ja", "oui", "si", "sì"})
_NO = frozenset({"false", "no", "0", "nein", "non"})


def member(raw: Raw, labels: CustomerFields) -> tuple[Member, list[str]]:
    """The member, and what of the customer fields could not be read."""
    key = values.identifier(raw)
    fields, notes = _profile(raw, labels)
    found = Member(
        id=key,
        given_name=values.text(raw, "firstName"),
        family_name=values.text(raw, "lastName"),
        email=values.text(raw, "email") or None,
        phone=values.text(raw, "phoneNumber") or None,
        **fields,
    )
    return found, notes


def badge(raw: Raw, label: str, numbers: Literal["hex", "decimal"]) -> Badge | None:
    """The badge in the customer field of that label; None where it is empty. Raises Unreadable."""
    key = values.identifier(raw)
    rows = raw.get("customerFields")
    if not isinstance(rows, list):
        raise Unreadable("customerFields is not a list")
    for row in rows:
        known = row.get("label") if isinstance(row, Mapping) else None
        if not isinstance(known, str) or known.strip().casefold() != label.strip().casefold():
            continue
        number = values.text(row, "value")
        if not number:
            return None
        try:
            return Badge(id=key, member_id=key, number=normal_badge(number, numbers))
        except ValueError as error:
            raise Unreadable(str(error)) from None
    return None


def _profile(raw: Raw, labels: CustomerFields) -> tuple[dict[str, Any], list[str]]:
    wanted = {label.strip().casefold(): name for name, label in labels.model_dump().items() if label}
    rows = raw.get("customerFields")
    if not wanted:
        return {}, []
    # A consent that can't be seen is none.
    found: dict[str, Any] = {"show_live": False} if labels.show_live else {}
    if not isinstance(rows, list):
        return found, ["customerFields is not a list"]
    notes: list[str] = []
    for row in rows:
        label = row.get("label") if isinstance(row, Mapping) else None
        name = wanted.get(label.strip().casefold()) if isinstance(label, str) else None
        if name is None:
            continue
        try:
            found |= _read(name, values.text(row, "value"))
        except Unreadable as error:
            notes.append(f"{label!r}: {error}")
    return found, notes


def _read(name: str, text: str) -> dict[str, Any]:
    if not text:
        return {}
    if name == "gender":
        return {name: text.lower()}
    if name == "show_live":
        word = text.casefold()
        if word not in _YES | _NO:
            raise Unreadable("the value is neither yes nor no, so the consent is taken as not given")
        return {name: word in _YES}
    if name == "birth_date":
        try:
            return {name: date.fromisoformat(text[:10])}
        except ValueError:
            raise Unreadable("the value is not a date such as 1990-12-31") from None
    unit, low, high = _NUMBERS[name]
    found = _NUMBER.fullmatch(text.casefold())
    if found is None or found[2] not in {"", unit}:
        raise Unreadable(f"the value is not a number in {unit}")
    value = float(found[1].replace(",", "."))
    if not low <= value <= high:
        raise Unreadable(f"the value is not between {low} and {high} {unit}")
    return {name: value}
