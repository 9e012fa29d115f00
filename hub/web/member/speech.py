"""How the member page speaks: its words in each language, numbers, units and days."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from hub import times
from hub.classes.rides import METRICS
from hub.notify.wording import LANGUAGES, moment_text, window_text

__all__ = ["Speech", "choose_language", "speech"]

_FOLDER = Path(__file__).parent / "words"
_THIN = "\u202f"
"""A narrow space that keeps a number and its unit, or groups of digits, on one line."""
_FIRM = "\u00a0"

MOST_PREFERENCES = 20


def choose_language(member: str | None, accepted: str, studio: str) -> str:
    """The member's own language; else what their browser asks for first; else the studio's."""
    wishes = [member or "", *_by_preference(accepted)]
    for wish in wishes:
        short = wish.strip().lower().replace("_", "-").partition("-")[0]
        if short in LANGUAGES:
            return short
    return studio if studio in LANGUAGES else LANGUAGES[0]


def _by_preference(accepted: str) -> list[str]:
    """The languages of an Accept-Language header, the most wanted first; those that are refused are left out."""
    found: list[tuple[float, str]] = []
    for part in accepted.split(",")[:MOST_PREFERENCES]:
        name, _, weight = part.partition(";")
        match = re.fullmatch(r"\s*q\s*=\s*([01](?:\.\d{1,3})?)\s*", weight)
        found.append((float(match[1]) if match else 1.0, name))
    return [name for weight, name in sorted(found, key=lambda one: -one[0]) if weight > 0]


@dataclass(frozen=True)
class Speech:
    """One language. `words` are what stands in `words/LANGUAGE.toml`."""

    language: str
    words: dict[str, Any]

    def number(self, value: float, decimals: int = 0) -> str:
        """A number with the marks of this language."""
        text = f"{value:,.{decimals}f}"
        if self.language == "de":
            return text.replace(",", _THIN).replace(".", ",")
        return text

    def metric(self, name: str) -> str:
        """What a metric is called; one that is not known by its own name."""
        return str(self.words["metrics"].get(name) or name.replace("_", " "))

    def unit(self, name: str) -> str:
        """The unit of a metric."""
        metric = METRICS.get(name)
        return str(self.words["units"][metric.unit.replace("/", "")]) if metric else ""

    def amount(self, name: str, value: float) -> str:
        """A value of a metric with its unit."""
        metric = METRICS.get(name)
        decimals = metric.decimals if metric else 0 if value == round(value) else 1
        return f"{self.number(value, decimals)}{_THIN}{self.unit(name)}".rstrip(_THIN)

    def bare(self, name: str, value: float) -> str:
        """A value of a metric without its unit, for where that stands beside it."""
        metric = METRICS.get(name)
        return self.number(value, metric.decimals if metric else 0)

    def change(self, share: float) -> str:
        """By how much something rose or fell."""
        percent = round(share * 100)
        sign = "+" if percent > 0 else "−" if percent < 0 else "±"
        return f"{sign}{abs(percent)}{_THIN}%"

    def day(self, day: date) -> str:
        """A day without its year, short."""
        return f"{day.day}.{day.month}." if self.language == "de" else f"{day.day} {_MONTHS[day.month - 1]}"

    def full_day(self, moment: datetime, zone: str) -> str:
        """The day of a moment by a zone's clock."""
        return self.moment(moment, zone).rpartition(", ")[0]

    def moment(self, moment: datetime, zone: str) -> str:
        """Day and time by a zone's clock."""
        return moment_text(moment, _zone(zone), self.language).replace(" Uhr", _FIRM + "Uhr")

    def short(self, moment: datetime, zone: str) -> str:
        """Day and time as they stand in a list."""
        local = moment.astimezone(_zone(zone))
        weekday = moment_text(moment, _zone(zone), self.language)[: 2 if self.language == "de" else 3]
        day = f"{local.day}.{local.month}." if self.language == "de" else f"{self.day(local.date())} "
        return f"{weekday}{_FIRM}{day}{local.year}, {local:%H:%M}"

    def window(self, start: datetime, end: datetime, zone: str) -> str:
        """From when to when by a zone's clock."""
        return window_text(start, end, _zone(zone), self.language).replace(" Uhr", _FIRM + "Uhr")


_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def _zone(name: str) -> ZoneInfo:
    try:
        return times.zone(name)
    except ValueError:
        return times.zone("UTC")


@cache
def speech(language: str) -> Speech:
    """How one of `LANGUAGES` is spoken."""
    return Speech(language, tomllib.loads((_FOLDER / f"{language}.toml").read_text(encoding="utf-8")))
