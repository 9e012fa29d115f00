"""Profile details that are pushed: what the member has here and Spivi doesn't. What is blank here stays as it is."""

from __future__ import annotations

from hub import FixRecord, Refused, grants
from plugins.spivi import wire
from plugins.spivi.client import Spivi
from plugins.spivi.shapes import KEPT, ClientSeen

__all__ = ["AT_FIRST", "fields", "push"]

LIMITS = {
    "weight": (20, 300, "weight"),
    "height": (90, 250, "height"),
    "ftp": (30, 600, "FTP"),
    "rhr": (25, 120, "resting heart rate"),
    "lthr": (80, 210, "LTHR"),
    "max_hr": (100, 230, "maximum heart rate"),
}
"""What Spivi's fields can hold (inferred); they are whole numbers."""


AT_FIRST = frozenset({"weight", "height", "ftp", "gender", "birth_date", "strap"})
"""What a new account takes; the rest is a change of it."""


def fields(api: Spivi, person: grants.Person) -> tuple[dict[str, str], tuple[grants.Note, ...]]:
    """What is known of a person, as it is sent; and notes about what can't be."""
    numbers = {
        "weight": person.weight_kg,
        "height": person.height_cm,
        "ftp": person.ftp_w,
        "rhr": person.rhr,
        "lthr": person.lthr,
        "max_hr": person.max_hr,
    }
    found: dict[str, str] = {}
    notes: list[grants.Note] = []
    for meaning, value in numbers.items():
        if value is None or not api.wire.sends(meaning):
            continue
        low, high, name = LIMITS[meaning]
        if low <= value <= high:
            found[meaning] = str(round(value))
        elif value:
            # Inbox and alarm mails are read by many: what somebody weighs stands in neither.
            text = f"the {name} of {person.member} can hardly be right, and was not sent"
            notes.append(grants.Note(code="profile_implausible", text=text, fix="Correct it at the source."))
    words = {
        "gender": wire.gender(person.gender),
        "birth_date": wire.birth_date(person.birth_date, api.settings.birth_date_format),
        "strap": (person.strap or "").strip() or None,
    }
    found |= {meaning: text for meaning, text in words.items() if text is not None}
    return found, tuple(notes)


async def push(api: Spivi, person: grants.Person, seen: ClientSeen, *, new: bool = False) -> tuple[grants.Note, ...]:
    """Change what differs. A field that Spivi doesn't show can't be compared: it goes along with a change, and to an
    account that is new. What is there is sent back too, because whether a field that is left out keeps its value is
    inferred."""
    wanted, notes = fields(api, person)
    email = seen.email
    if email is None:
        return notes
    changed = {
        meaning: text
        for meaning, text in wanted.items()
        if meaning in seen.profile and not _same(text, seen.profile[meaning])
    }
    unseen = {meaning: text for meaning, text in wanted.items() if meaning not in seen.profile}
    if changed or (new and unseen.keys() - AT_FIRST):
        kept = {meaning: seen.profile[meaning] for meaning in KEPT if seen.profile.get(meaning)}
        try:
            await api.update_client(email, {**kept, **unseen, **changed})
        except Refused as refused:
            raise FixRecord(
                f"Spivi does not take the profile of {person.member}",
                said=refused.said or refused.what,
                fix="Correct it at the source.",
                code="profile_refused",
            ) from refused
    if person.show_live is not None and api.able("set_live_display_consent"):
        shown = seen.profile.get("show_live")
        if shown is None or shown != str(int(person.show_live)):
            await api.show_live(email, person.show_live)
    return notes


def _same(wanted: str, shown: str) -> bool:
    """Whether Spivi shows what is wanted; its weights and heights may come with decimals."""
    left, right = wire.number(wanted), wire.number(shown)
    return wanted == shown or (left is not None and right is not None and left == round(right))
