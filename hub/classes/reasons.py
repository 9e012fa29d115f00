"""Why a class or a rider is at a tracker or isn't: one code each, a sentence, and what to do."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from hub.access.reasons import Wording

__all__ = ["HELD", "LINK_CODES", "TOLD", "WORDINGS", "Reason"]

WORDINGS: Mapping[str, Wording] = {
    "ok": Wording("{name} is in a room with box {box}.", good=True),
    "no_room_plan": Wording(
        "{name} is to be sent to {target} and has neither a room plan nor a location in {source}.",
        "Give the class a room in {source}.",
    ),
    "no_box": Wording(
        "{name} is to be sent to {target}, and no box is bound to its room {place}.",
        "Add the room to a [[rooms]] row with its box.",
    ),
    "elsewhere": Wording("{name} is in a room without a box at {target}.", good=True),
    "not_sent": Wording("Sending to {target} is switched off for {name}.", "Switch it on in {source}, or in the row."),
    "class_too_short": Wording(
        "{name} lasts {minutes} minutes, and a class at {target} lasts 20 at least.",
        "Correct its times in {source}, or switch off sending it.",
    ),
    "class_too_long": Wording(
        "{name} lasts {minutes} minutes, and a class at {target} lasts 4 hours at most.",
        "Correct its times in {source}, or switch off sending it.",
    ),
    "class_cancelled": Wording("{name} is cancelled in {source}."),
    "class_deleted": Wording("{source} has deleted {name}."),
    "class_vanished": Wording(
        "{source} no longer has {name}.", "If that is wrong, put the class back in {source} and sync."
    ),
    "class_over": Wording("{name} is over, so nothing is changed any more.", good=True),
    "box_changed": Wording("{name} is on box {box} now.", good=True),
    "class_running": Wording("{name} vanished from {source} while it is running, and is left to end.", good=True),
    "seated": Wording("Spot {spot} is seat {seat}.", good=True),
    "live_off": Wording("Spot {spot} is seat {seat}; sent although they do not want to be shown live.", good=True),
    "first_free": Wording("Booked without a spot; got the first free seat, {seat}.", good=True),
    "booking_without_spot": Wording(
        "{member} has booked {name} without a spot, so there is no seat to give.",
        "Assign a spot in {source}; or set first_free = true in the [[rooms]] row.",
    ),
    "no_seat_free": Wording(
        "{member} has booked {name} without a spot, and no seat is free.", "Assign a spot in {source}."
    ),
    "spot_unknown": Wording(
        "{member} has booked spot {spot} of {name}, which the seat map does not know.",
        "Add the spot to the seats of the [[rooms]] row, or correct the booking in {source}.",
    ),
    "spot_twice": Wording(
        "{member} has booked spot {spot} of {name}, which {other} has already.",
        "Give one of them another spot in {source}.",
    ),
    "not_linked": Wording("{member} could not be linked to a person at {target}: {what}", "{fix}"),
    "live_withheld": Wording(
        "{member} does not want to be shown live, so {target} has no seat for them.",
        "Nothing: that is their choice. They can change it on their member page.",
        good=True,
    ),
    "disconnected": Wording("{target} is being disconnected and every class there cancelled."),
    "booking_over": Wording("The booking is cancelled or gone."),
    "member_unknown": Wording("{source} knows no member {member}.", "Check the booking in {source}."),
}

TOLD = frozenset({"no_room_plan", "no_box", "class_too_short", "class_too_long"})
"""What is in the way of a class that somebody wants to be sent."""

LINK_CODES = frozenset({"not_linked"})
"""What is in the way of a rider until somebody links them."""

HELD = frozenset({"booking_without_spot", "no_seat_free", "spot_unknown", "spot_twice", "member_unknown"})
"""What is in the way of a seat until somebody corrects the booking or the map."""


class Reason(msgspec.Struct, frozen=True, gc=False):
    """A code with the values that its sentence needs."""

    code: str
    values: dict[str, str] = {}

    @property
    def text(self) -> str:
        """The sentence."""
        return WORDINGS[self.code].text.format_map(_Blank(self.values)).strip()

    @property
    def fix(self) -> str:
        """What to do; empty where there is nothing to do."""
        return WORDINGS[self.code].fix.format_map(_Blank(self.values)).strip()

    @property
    def good(self) -> bool:
        """Whether it is as it should be."""
        return WORDINGS[self.code].good


class _Blank(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return ""
