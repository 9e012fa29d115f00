"""Templates of the mails to members: what kinds there are, the built-in words, and filling them.

A kind says which variables a template of it may use; its built-in words stand in `defaults/KIND.LANGUAGE.txt` and
`.html`, in the form in which an admin saves their own. Adding a kind is an entry in `KINDS` and those files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from hub.errors import UserError
from hub.notify import language
from hub.notify.class_kinds import CLASS_KINDS
from hub.notify.kinds import Kind, Variable, variable
from hub.notify.language import BadTemplate
from hub.notify.wording import LANGUAGES
from hub.studio.file import nearest

__all__ = ["KINDS", "Kind", "Rendered", "Template", "Variable", "built_in", "check", "kind_named", "read", "render"]

LONGEST_SUBJECT = 150


@dataclass(frozen=True)
class Template:
    """The words of a mail. Without `html` the mail is plain text only."""

    subject: str
    body: str
    html: str | None = None

    @property
    def file(self) -> str:
        """Subject and text as one file, which `read` takes."""
        return f"Subject: {self.subject}\n\n{self.body}"


@dataclass(frozen=True)
class Rendered:
    """A mail's words, filled. `problem` says why the built-in template was used instead of the studio's own."""

    subject: str
    text: str
    html: str | None
    problem: str = ""


_ACCESS = (
    variable("member_name", "given and family name", "Anna Graf", optional=True),
    variable("given_name", "given name", "Anna", optional=True),
    variable("studio", "name of the studio", "Studio Nordlicht"),
    variable("doors", "names of the doors", "front door and studio 2", "Eingang und Studio 2"),
    variable("window", "from when to when", "Tue 24 Nov 2026, 09:45–11:15", "Di, 24. November 2026, 09:45–11:15 Uhr"),
    variable(
        "opens_from", "when it begins", "Tue 24 Nov 2026, 09:45", "Di, 24. November 2026, 09:45 Uhr", optional=True
    ),
    variable(
        "opens_until", "when it is over", "Tue 24 Nov 2026, 11:15", "Di, 24. November 2026, 11:15 Uhr", optional=True
    ),
    variable("code", "code to type at the door", "493827", optional=True, secret=True),
    variable("link", "address that opens the door", "https://open.example/x7Kp", optional=True, secret=True),
    variable("reference", "number of the booking", "B-1042", optional=True),
    variable(
        "words",
        "your own words, from [mail] in the studio file",
        "Please bring indoor shoes.",
        "Bitte bring Hallenschuhe mit.",
        optional=True,
    ),
)

KINDS: Mapping[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("access", "Somebody can open a door for a time", _ACCESS),
        Kind("access_reminder", "It begins soon", _ACCESS),
        *CLASS_KINDS,
    )
}
"""The kinds of mail to members, by name."""


def kind_named(name: str) -> Kind:
    """The kind of that name. Raises UserError."""
    if name not in KINDS:
        raise UserError(f"there is no kind of mail {name!r}; {nearest(name, KINDS)}", code="template")
    return KINDS[name]


def read(text: str, *, name: str) -> Template:
    """A template from the text of a file: `Subject: …`, an empty line, the text. Raises UserError."""
    subject, _, rest = text.partition("\n")
    empty, _, body = rest.partition("\n")
    word, colon, words = subject.partition(":")
    if not colon or word.strip().lower() != "subject" or empty.strip():
        raise UserError(
            f"{name} does not begin with a subject",
            fix="Write `Subject: …` into the first line, leave the second empty; the text begins in the third.",
            code="template",
        )
    return Template(words.strip(), body)


BODY_LINE = 3
"""The line of such a file in which the text begins."""


@cache
def built_in(kind: str, language: str) -> Template:
    """The words that come with studiohub."""
    folder = Path(__file__).parent / "defaults"
    words = read((folder / f"{kind}.{language}.txt").read_text(encoding="utf-8"), name=kind)
    return Template(words.subject, words.body, (folder / f"{kind}.{language}.html").read_text(encoding="utf-8"))


def check(kind: Kind, template: Template) -> list[str]:
    """Try a template with sample values, also where some are empty. Lines of its text are counted as in a file that
    `read` takes.

    Raises UserError that names the place. Returns what somebody may want to know about it.
    """
    for part, source, line in _sources(template):
        _check_names(kind, part, source, line)
    for part, source, line in _sources(template):
        for language_ in LANGUAGES:
            for values in _cases(kind, language_):
                try:
                    made = language.fill(source, values, html=part == "the HTML part")
                except BadTemplate as error:
                    raise _refused(part, error.line + line - 1, error.why) from None
                if not made.strip():
                    raise _refused(part, line, "it is empty", _may_be_empty(kind))
    return [
        f"the text does not show {variable.name} ({variable.meaning}): no member gets it by this mail"
        for variable in kind.variables
        if variable.secret and not _is_shown(kind, variable, template.body)
    ]


def _is_shown(kind: Kind, variable: Variable, body: str) -> bool:
    """Whether a member ever reads it, as it is: that a template names it is not enough."""
    return any(
        values[variable.name] and values[variable.name] in language.fill(body, values)
        for language_ in LANGUAGES
        for values in _cases(kind, language_)
    )


def _sources(template: Template) -> Iterator[tuple[str, str, int]]:
    """The parts of a template, with the line in which each begins."""
    yield "the subject", template.subject, 1
    yield "the text", template.body, BODY_LINE
    if template.html is not None:
        yield "the HTML part", template.html, 1


def _check_names(kind: Kind, part: str, source: str, line: int) -> None:
    known = {variable.name: variable for variable in kind.variables}
    if part == "the subject" and len(source.splitlines()) > 1:
        raise _refused(part, line, "it must be one line")
    try:
        used = language.names(source)
    except BadTemplate as error:
        raise _refused(part, error.line + line - 1, error.why) from None
    for name, at in used.items():
        if name not in known:
            there_are = f"There are: {', '.join(known)}."
            raise _refused(part, at + line - 1, f"there is no variable {name!r}", there_are)
        if part == "the subject" and not known[name].in_subject:
            why = f"{name} can't stand in it: subjects are shown in lists and on locked phones"
            raise _refused(part, line, why, "Put it into the text.")


def _may_be_empty(kind: Kind) -> str:
    return f"These may be empty: {', '.join(variable.name for variable in kind.variables if variable.optional)}."


def _refused(part: str, line: int, why: str, fix: str = "") -> UserError:
    place = part if part == "the subject" else f"{part}, line {line}"
    return UserError(f"{place}: {why}", fix=fix or "Nothing was saved.", code="template")


def _cases(kind: Kind, language: str) -> Iterator[dict[str, str]]:
    """Sample values: all, each optional one empty, all of these empty."""
    every = kind.samples(language)
    optional = [variable.name for variable in kind.variables if variable.optional]
    yield every
    for name in optional:
        yield {**every, name: ""}
    yield {**every, **dict.fromkeys(optional, "")}


def render(kind: Kind, language: str, values: Mapping[str, str], own: Template | None = None) -> Rendered:
    """Fill a template: the studio's own, or else the built-in one. A mail is never lost over words: where the own one
    fails, the built-in one is filled, and `problem` says so."""
    if own is not None:
        try:
            return _filled(kind, own, values)
        except BadTemplate as error:
            problem = (
                f"Your own template {kind.name} ({language}) can't be used: {error.why}. "
                "Members get the built-in words instead."
            )
            return _filled(kind, built_in(kind.name, language), values, problem)
    return _filled(kind, built_in(kind.name, language), values)


def _filled(kind: Kind, template: Template, values: Mapping[str, str], problem: str = "") -> Rendered:
    open_ones = {variable.name: values[variable.name] for variable in kind.variables if variable.in_subject}
    subject = " ".join(language.fill(template.subject, open_ones).split())
    text = language.fill(template.body, values).strip()
    if not subject or not text:
        raise BadTemplate("it is empty")
    html = language.fill(template.html, values, html=True) if template.html is not None else None
    return Rendered(subject[:LONGEST_SUBJECT], f"{text}\n", html, problem)
