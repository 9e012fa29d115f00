"""Days, times and lists in the languages that mails are written in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from zoneinfo import ZoneInfo

from hub import times
from hub.classes.rides import Metric

__all__ = [
    "LANGUAGES",
    "joined",
    "language_of",
    "metric_text",
    "moment_text",
    "one_line",
    "place_text",
    "window_text",
]

LANGUAGES = ("de", "en")

_DAYS = {
    "de": ("Mo", "Di", "Mi", "Do", "Fr", "Sa", "So"),
    "en": ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"),
}
_MONTHS = {
    "de": (
        *("Januar", "Februar", "März", "April", "Mai", "Juni"),
        *("Juli", "August", "September", "Oktober", "November", "Dezember"),
    ),
    "en": ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"),
}
_FORMS = {
    "de": {"clock": "{} Uhr", "from": "ab {}", "until": "bis {}", "always": "jederzeit", "and": " und "},
    "en": {"clock": "{}", "from": "from {}", "until": "until {}", "always": "at any time", "and": " and "},
}


def language_of(wanted: str | None, otherwise: str) -> str:
    """The language to write in: that of the member (`de-CH` is German), or else the studio's."""
    short = (wanted or "").strip().lower().replace("_", "-").partition("-")[0]
    return short if short in LANGUAGES else otherwise


def moment_text(moment: datetime | None, zone: ZoneInfo, language: str, *, end: bool = False) -> str:
    """A moment by the studio's clock, empty for none. The `end` of something at midnight is 24:00 of the day before."""
    if moment is None:
        return ""
    day, clock = _parts(moment, zone, language, end=end)
    return f"{day}, {_FORMS[language]['clock'].format(clock)}"


def window_text(start: datetime | None, end: datetime | None, zone: ZoneInfo, language: str) -> str:
    """From when to when, by the studio's clock; either end may be open."""
    forms = _FORMS[language]
    if start is None and end is None:
        return forms["always"]
    if end is None:
        return forms["from"].format(moment_text(start, zone, language))
    if start is None:
        return forms["until"].format(moment_text(end, zone, language, end=True))
    (day, clock), (last_day, last_clock) = _parts(start, zone, language), _parts(end, zone, language, end=True)
    if day == last_day:
        return f"{day}, {forms['clock'].format(f'{clock}–{last_clock}')}"
    return f"{moment_text(start, zone, language)} – {moment_text(end, zone, language, end=True)}"


def _parts(moment: datetime, zone: ZoneInfo, language: str, *, end: bool = False) -> tuple[str, str]:
    """The day and the time of day."""
    local, clock = times.wall(moment, zone, end=end)
    dot = "." if language == "de" else ""
    comma = "," if language == "de" else ""
    day = (
        f"{_DAYS[language][local.weekday()]}{comma} {local.day}{dot} {_MONTHS[language][local.month - 1]} {local.year}"
    )
    return day, clock


def joined(things: Sequence[str], language: str) -> str:
    """`a, b and c`."""
    *most, last = things or [""]
    return f"{', '.join(most)}{_FORMS[language]['and']}{last}" if most else last


def one_line(text: str) -> str:
    """A name as it may stand in a subject: no line breaks, nothing that is not seen."""
    return "".join(character for character in " ".join(text.split()) if character.isprintable())


_METRICS = {
    "de": {"none": "nicht gemessen", "odd": "{} (kann kaum stimmen)", "SEP": "Punkte", "of": "{} von {}"},
    "en": {"none": "not measured", "odd": "{} (can hardly be right)", "SEP": "points", "of": "{} of {}"},
}


def metric_text(metric: Metric, value: float | None, language: str, *, implausible: bool = False) -> str:
    """A measured value with its unit. What was not measured is said in words and is never 0; what can hardly be is
    marked."""
    forms = _METRICS[language]
    if value is None:
        return forms["none"]
    number = f"{value:.{metric.decimals}f}"
    if language == "de":
        number = number.replace(".", ",")
    text = f"{number} {forms.get(metric.unit, metric.unit)}"
    return forms["odd"].format(text) if implausible else text


def place_text(rank: int, of: int, language: str) -> str:
    """A place in a class."""
    return _METRICS[language]["of"].format(rank, of)
