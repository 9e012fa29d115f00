"""From text to values. What can't be read is `Unreadable`, with the words that a person is told."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import UTC, date, datetime, time
from typing import Literal, TypeVar
from zoneinfo import ZoneInfo

from hub.records import normal_badge
from hub.times import day_end, day_start, local_to_utc

__all__ = [
    "Unreadable",
    "badge_number",
    "check_window",
    "choice",
    "clock_time",
    "day",
    "flag",
    "measure",
    "name_key",
    "pass_end",
    "pass_start",
    "reference",
    "shown",
    "tidy",
    "when",
]

T = TypeVar("T")

FIRST_YEAR, LAST_YEAR = 1, 9999
"""What systems write for "always" and "for ever"."""

_ISO = re.compile(r"^(\d{4})-(\d{2})-(\d{2})$")
_SWISS = re.compile(r"^(\d{1,2})\.(\d{1,2})\.(\d{4})$")
_CLOCK = re.compile(r"^(\d{1,2}):(\d{2})(?::(\d{2}))?$")


class Unreadable(Exception):
    """A record that can't be read: what is wrong, what to do, and its id where that much is certain."""

    def __init__(self, what: str, fix: str = "", id: str | None = None) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix
        self.id = id


def shown(text: object) -> str:
    """A value as it is quoted in a sentence: short, on one line."""
    line = " ".join(str(text).split())
    return repr(line if len(line) <= 60 else f"{line[:60]}…")


def tidy(text: str) -> str:
    """Text without the white space around and doubled in it."""
    return " ".join(unicodedata.normalize("NFC", text).split())


def name_key(text: str) -> str:
    """The id of something that SportsNow gives nothing but a name: tidy, and the same in any case."""
    return tidy(text).casefold()


def reference(name: str, text: str) -> str:
    """An id, which is text and must be there."""
    text = text.strip()
    if not text:
        raise Unreadable(f"{name} is empty")
    if not text.isprintable():
        raise Unreadable(f"{name} {shown(text)} has line breaks or invisible characters in it")
    return text


def choice(name: str, words: Mapping[str, T], text: str) -> T:
    """What a word means. A word that is not known is never guessed at."""
    try:
        return words[text.strip().lower().replace("-", "_").replace(" ", "_")]
    except KeyError:
        known = ", ".join(word for word in words if word)
        raise Unreadable(f"{name} {shown(text)} is none of {known}") from None


def day(name: str, text: str) -> date | None:
    """A day as SportsNow's template writes it, `01.01.2017` (support.sportsnow.ch/info/mitglieder-importieren), or as
    ISO 8601 does. Empty: None."""
    text = text.strip()
    if not text:
        return None
    try:
        if found := _ISO.match(text):
            return date(int(found[1]), int(found[2]), int(found[3]))
        if found := _SWISS.match(text):
            return date(int(found[3]), int(found[2]), int(found[1]))
    except ValueError:
        pass
    raise Unreadable(f"{name} {shown(text)} is not a date; write 21.11.2026 or 2026-11-21")


def clock_time(name: str, text: str) -> time:
    """A time of day, `18:00` or `18:00:00`."""
    found = _CLOCK.match(text.strip())
    try:
        if found:
            return time(int(found[1]), int(found[2]), int(found[3] or 0))
    except ValueError:
        pass
    raise Unreadable(f"{name} {shown(text)} is not a time of day such as 18:00")


def when(name: str, text: str, tz: ZoneInfo) -> datetime | date | None:
    """A day, or a moment in UTC where a time of day follows; a time without a zone is in `tz`. Empty: None."""
    text = text.strip()
    if not text:
        return None
    day_text, separator, rest = text.replace("T", " ", 1).partition(" ")
    found = day(name, day_text)
    if not separator or found is None:
        return found
    rest = rest.strip()
    try:
        # Python reads "18" and "1800" too, in which a person could have meant something else.
        if ":" not in rest:
            raise ValueError
        at = time.fromisoformat(rest if rest[1:2] != ":" else f"0{rest}")
        moment = datetime.combine(found, at)
        return local_to_utc(moment, tz) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        what = f"{name} {shown(text)} is not a time; write 21.11.2026 18:00 or 2026-11-21T18:00, with +01:00 if need be"
        raise Unreadable(what) from None


def pass_start(name: str, text: str, tz: ZoneInfo) -> datetime | None:
    """When something begins to be valid: a day from its first moment. Empty, or the year 1: it always was."""
    found = when(name, text, tz)
    if found is None or found.year <= FIRST_YEAR:
        return None
    if found.year >= LAST_YEAR:
        raise Unreadable(f"{name} {shown(text)} is no day on which anything could begin")
    return found if isinstance(found, datetime) else day_start(found, tz)


def pass_end(name: str, text: str, tz: ZoneInfo, *, last_day_included: bool) -> datetime | None:
    """When something is over. A day is included or not, as the studio says; a moment is meant as it stands. Empty, or
    the year 9999: never."""
    found = when(name, text, tz)
    if found is None or found.year >= LAST_YEAR:
        return None
    if found.year <= FIRST_YEAR:
        raise Unreadable(f"{name} {shown(text)} is no day on which anything could end")
    if isinstance(found, datetime):
        return found
    return day_end(found, tz) if last_day_included else day_start(found, tz)


def check_window(since: datetime | None, until: datetime | None, since_text: str, until_text: str) -> None:
    """Raises Unreadable where something ends before it begins. A pass that ends at the moment at which it begins was
    ended at once; one whose last day is the day before its first is a mistake."""
    if since is None or until is None or until > since:
        return
    if until < since or (":" not in until_text and until_text.strip() != since_text.strip()):
        raise Unreadable(f"the end {shown(until_text)} is before the beginning {shown(since_text)}")


def badge_number(text: str, written: Literal["hex", "decimal"] | None) -> str:
    """A badge number in the hub's one form. SportsNow understands decimal and hexadecimal numbers (support article
    48001144852); letters make one hexadecimal, and what digits alone mean is never guessed: `written` says."""
    if not text.strip():
        raise Unreadable("the badge number is empty")
    if "E+" in text.upper():
        raise Unreadable(
            f"the badge number {shown(text)} was shortened by a spreadsheet",
            "Format the column as text and save again.",
        )
    form = "hex" if any(character.isalpha() for character in text) else written
    if form is None:
        raise Unreadable(
            f"the badge number {shown(text)} could be decimal or hexadecimal",
            'Set badge_numbers to "decimal" or "hexadecimal", as the numbers are in SportsNow.',
        )
    try:
        return normal_badge(text, form)
    except ValueError as error:
        raise Unreadable(f"the badge number {error}") from None


def measure(name: str, text: str) -> float | None:
    """A measured number, `72.5` or `72,5`. Empty or 0: not measured."""
    text = text.strip()
    if not text:
        return None
    try:
        value = math.nan if "_" in text else float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value) or value < 0:
        raise Unreadable(f"{name} {shown(text)} is not a number such as 72.5")
    return value or None


def flag(name: str, words: Mapping[str, bool], text: str) -> bool | None:
    """Yes or no. Empty: None."""
    return choice(name, words, text) if text.strip() else None
