"""The mails about classes: what somebody rode, and the account that they got at the tracker."""

from __future__ import annotations

from collections.abc import Mapping

from hub import records, times
from hub.classes.rides import METRICS, Ride
from hub.notify.class_kinds import SUMMARY_METRICS
from hub.notify.outbox import Mail
from hub.notify.own_templates import OwnTemplates
from hub.notify.templates import kind_named, render
from hub.notify.wording import language_of, metric_text, one_line, place_text, window_text
from hub.studio.registry import Studio

__all__ = ["SUMMARY", "account_created_mail", "account_values", "summary_mail", "summary_name", "summary_values"]

SUMMARY = "performance_summary"
_NO_NAME = {"de": "deine Stunde", "en": "your class"}


def summary_name(event_id: str, member: str) -> str:
    """The name of the mail about a member's (`source:id`) ride in a class: there is one for each."""
    return f"summary:{event_id}:{member}"


def summary_mail(
    studio: Studio,
    ride: Ride,
    member: records.Member,
    *,
    instructor: str = "",
    place: tuple[int, int] | None = None,
    page_link: str = "",
    own: OwnTemplates | None = None,
) -> Mail | None:
    """The mail about a ride. `place` is the rank among so many, for those who are shown to others. None where the
    member has no address or the studio's `[mail]` does not want it."""
    if not member.email or not studio.mail.summary:
        return None
    language = language_of(member.language, studio.language)
    values = summary_values(studio, ride, member, language, instructor=instructor, place=place, page_link=page_link)
    return _mail(
        SUMMARY, language, values, own, to=member.email, about=ride.member,
        name=summary_name(ride.event_id, ride.member),
    )  # fmt: skip


def summary_values(
    studio: Studio,
    ride: Ride,
    member: records.Member,
    language: str,
    *,
    instructor: str = "",
    place: tuple[int, int] | None = None,
    page_link: str = "",
) -> dict[str, str]:
    """What a template of that mail can show of a ride."""
    measured = {
        word: metric_text(METRICS[name], ride.metrics.get(name), language, implausible=name in ride.implausible)
        for word, name in SUMMARY_METRICS.items()
    }
    return {
        **_person(studio, member.given_name, member.family_name, language),
        "class_name": one_line(ride.name) or _NO_NAME[language],
        "class_time": window_text(ride.starts_at, ride.ends_at, times.zone(ride.timezone), language),
        "instructor": one_line(instructor),
        "rank": place_text(*place, language) if place is not None else "",
        "page_link": page_link,
        **measured,
    }


def account_created_mail(
    studio: Studio,
    person: records.Member | records.Instructor,
    *,
    target: str,
    tracker: str,
    source: str,
    own: OwnTemplates | None = None,
) -> Mail | None:
    """The mail about an account that was made at a tracker (its title is `tracker`), one for each person and tracker.
    None where they have no address or the studio's `[mail]` does not want it."""
    if not person.email or not studio.mail.accounts:
        return None
    teacher = isinstance(person, records.Instructor)
    kind = "account_created_teacher" if teacher else "account_created_member"
    spoken = None if isinstance(person, records.Instructor) else person.language
    language = language_of(spoken, studio.language)
    values = account_values(studio, person, language, tracker=tracker)
    return _mail(
        kind,
        language,
        values,
        own,
        to=person.email,
        # A teacher and a member of a source may have the same id.
        about=f"{source}: teacher {person.id}" if teacher else f"{source}:{person.id}",
        name=f"{'teacher' if teacher else 'account'}:{target}:{source}:{person.id}",
    )


def account_values(
    studio: Studio, person: records.Member | records.Instructor, language: str, *, tracker: str
) -> dict[str, str]:
    """What a template of that mail can show."""
    if isinstance(person, records.Instructor):
        given, _, family = one_line(person.name).partition(" ")
    else:
        given, family = person.given_name, person.family_name
    login = one_line(person.email or "")
    return {**_person(studio, given, family, language), "tracker": one_line(tracker), "login": login}


def _person(studio: Studio, given_name: str, family_name: str, language: str) -> dict[str, str]:
    words = "\n".join(one_line(line) for line in studio.mail.words.of(language).strip().splitlines())
    return {
        "member_name": one_line(f"{given_name} {family_name}"),
        "given_name": one_line(given_name),
        "studio": one_line(studio.name),
        "words": words,
    }


def _mail(
    kind: str,
    language: str,
    values: Mapping[str, str],
    own: OwnTemplates | None,
    *,
    to: str,
    about: str,
    name: str,
) -> Mail:
    made = render(kind_named(kind), language, values, (own or {}).get((kind, language)))
    return Mail(
        name=name,
        kind=kind,
        to=to,
        subject=made.subject,
        text=made.text,
        html=made.html,
        subject_id=about,
        problem=made.problem,
    )
