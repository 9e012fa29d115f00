"""The mails about access: somebody can open a door for a time, and it begins soon."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from urllib.parse import urlsplit

from hub import records, times
from hub.notify.outbox import Mail
from hub.notify.own_templates import OwnTemplates
from hub.notify.templates import kind_named, render
from hub.notify.wording import joined, language_of, moment_text, one_line, window_text
from hub.studio.registry import Studio

__all__ = ["access_mail", "access_values", "mail_names"]

_NAMES = {"access": "access:{}", "access_reminder": "reminder:{}"}


def mail_names(grant_id: str) -> list[str]:
    """The names of the mails about a grant, for `outbox.withdraw`."""
    return [name.format(grant_id) for name in _NAMES.values()]


def access_mail(
    studio: Studio,
    kind: str,
    *,
    grant_id: str,
    source: str,
    member: records.Member,
    doors: Sequence[str],
    window: tuple[datetime | None, datetime | None],
    code: str | None,
    url: str | None,
    reference: str | None,
    now: datetime,
    own: OwnTemplates | None = None,
    version: str = "",
) -> Mail | None:
    """The mail of that kind (`access`, `access_reminder`) about one grant, one for each grant, kind and `version`: what
    tells one way in from another where a grant gets a new code or link.

    None where nobody is to get it: the member has no address, the studio's `[mail]` does not want it, the window is
    over, or it is a reminder whose time has passed. A reminder waits in the outbox until its time.
    """
    start, end = window
    not_before = None
    if not member.email or (end is not None and end <= now):
        return None
    if kind == "access_reminder":
        minutes = studio.mail.reminder_minutes
        not_before = start - timedelta(minutes=minutes) if minutes is not None and start is not None else None
        if not_before is None or not_before <= now:
            return None
    elif not studio.mail.access:
        return None
    language = language_of(member.language, studio.language)
    values = access_values(studio, language, member, doors, window, code=code, url=url, reference=reference)
    made = render(kind_named(kind), language, values, (own or {}).get((kind, language)))
    return Mail(
        name=":".join(filter(None, (_NAMES[kind].format(grant_id), version))),
        kind=kind,
        to=member.email,
        subject=made.subject,
        text=made.text,
        html=made.html,
        subject_id=f"{source}:{member.id}",
        not_before=not_before,
        problem=made.problem,
    )


def access_values(
    studio: Studio,
    language: str,
    member: records.Member,
    doors: Sequence[str],
    window: tuple[datetime | None, datetime | None],
    *,
    code: str | None,
    url: str | None,
    reference: str | None,
) -> dict[str, str]:
    """What a template of these mails can show."""
    zone, (start, end) = times.zone(studio.timezone), window
    values = {
        "member_name": f"{member.given_name} {member.family_name}",
        "given_name": member.given_name,
        "studio": studio.name,
        "doors": joined(doors, language) or studio.name,
        "window": window_text(start, end, zone, language),
        "opens_from": moment_text(start, zone, language),
        "opens_until": moment_text(end, zone, language, end=True),
        "code": code or "",
        "link": url if url and _is_web(url) else "",
        "reference": reference or "",
    }
    words = "\n".join(one_line(line) for line in studio.mail.words.of(language).strip().splitlines())
    return {**{name: one_line(value) for name, value in values.items()}, "words": words}


def _is_web(url: str) -> bool:
    """Whether an address is one that may stand in a mail to be clicked."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and url.isprintable() and " " not in url
