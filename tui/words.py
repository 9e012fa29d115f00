"""Text as it may be shown: without secrets, whole e-mail addresses, and characters that take over a terminal."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hub import redact

__all__ = ["age", "clean", "member_of", "moment", "printable", "short_mails", "took"]

_CONTROLS = dict.fromkeys((*range(32), *range(127, 160), 8232, 8233), "�")
_MAIL = re.compile(r"\b([\w.+\-]{1,6})[\w.+\-]*@[\w\-]+(?:\.[\w\-]+)+")


def printable(text: str) -> str:
    """The text in one line, without characters that move the cursor."""
    return text if text.isprintable() else text.translate(_CONTROLS)


def clean(text: str | None) -> str:
    """A text from elsewhere: secrets masked, controls replaced. Lines stay lines."""
    return "\n".join(printable(line) for line in redact.mask(text or "").split("\n"))


def short_mails(text: str) -> str:
    """The text with e-mail addresses shortened: enough to know whose it is, too little to write to."""
    return _MAIL.sub(lambda match: f"{match[1]}…", text) if "@" in text else text


def moment(at: datetime | None, zone: ZoneInfo) -> str:
    """A moment with its day."""
    return f"{at.astimezone(zone):%a %-d %b %Y %H:%M}" if at is not None else ""


def age(past: timedelta) -> str:
    """How long ago."""
    minutes = int(past.total_seconds() // 60)
    if minutes < 1:
        return "now"
    if minutes < 120:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 2880 else f"{minutes // 1440} days"


def took(seconds: float) -> str:
    """A length of time, as short as it can be said."""
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}:{rest:02}" if minutes < 60 else f"{minutes // 60} h {minutes % 60:02}"


_ABOUT = re.compile(r"^(?P<member>[^\s:@]+:[^\s@]+) @ ")
_RECORD = re.compile(r"^(?P<source>[^\s:]+): member (?P<id>\S+)$")


def member_of(item: Mapping[str, Any]) -> str | None:
    """The member that an item of the inbox is about (`source:id`), where it is about one."""
    subject = str(item["subject"])
    if found := _ABOUT.match(subject):
        return found["member"]
    if found := _RECORD.match(subject):
        return f"{found['source']}:{found['id']}"
    return None
