"""The codes of the inbox: each kind of thing that needs a person, in one place.

`hub.store.journal` puts things in and takes them out by code. Besides these there are the codes of notes, which a
plugin gives to what a person should know of its vendor; they are the plugin's own. docs/inbox.md says of each what it
means and what to do.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

__all__ = ["CODES", "Kind"]


@dataclass(frozen=True)
class Kind:
    """`many`: what is so about several of a kind, after their number; empty where the first is told and the others are
    counted. `mail_after`: how long it must have stood there until the admin gets a mail; None: only the daily summary
    has it."""

    many: str = ""
    mail_after: timedelta | None = None


_AT_ONCE = timedelta(0)

CODES: Mapping[str, Kind] = {
    # Doors.
    "access_without_grant": Kind("accesses stand that the hub did not give", _AT_ONCE),
    "removal_failed": Kind("removals failed: access may still stand", timedelta(minutes=10)),
    "held": Kind(mail_after=_AT_ONCE),
    "grant_failed": Kind("people did not get access"),
    "waiting": Kind(),
    "no_badge": Kind(),
    "badges_unread": Kind(),
    "badge_twice": Kind(),
    "opening_missing": Kind(),
    "duplicate_person": Kind("people are there twice"),
    "target_failed": Kind(mail_after=timedelta(hours=1)),
    # Booking systems.
    "source_failed": Kind(mail_after=timedelta(hours=1)),
    "source_empty": Kind(mail_after=_AT_ONCE),
    "record_set_aside": Kind("records are set aside"),
    "not_complete": Kind(),
    "email_twice": Kind("e-mail addresses have several members"),
    "key_ends": Kind(mail_after=_AT_ONCE),
    "source_note": Kind("notes about what was read"),
    "webhooks_off": Kind(),
    # Mapping.
    "pass_unmapped": Kind("passes open nothing"),
    "row_unmatched": Kind("mapping rows match nothing"),
    # Classes.
    "class_failed": Kind("classes are not as they should be"),
    "seat_failed": Kind("riders have no seat"),
    "booking_without_spot": Kind(),
    "no_seat_free": Kind(),
    "spot_unknown": Kind(),
    "spot_twice": Kind(),
    "member_unknown": Kind(),
    "no_room_plan": Kind(),
    "no_box": Kind(),
    "class_too_short": Kind(),
    "class_too_long": Kind(),
    "seat_map": Kind("rooms do not match their seats"),
    "not_linked": Kind("members are not linked"),
    "results_failed": Kind("classes have no results yet"),
    # Mail and members.
    "no_mail_server": Kind(),
    "mail_server": Kind(),
    "mail_failed": Kind("mails were not sent"),
    "template_failed": Kind(),
    "no_address": Kind("members have no e-mail address"),
    "erase_asked": Kind("members ask to be erased"),
}
