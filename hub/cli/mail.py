"""Mail: what was sent and what waits, and the words in which members are written to."""

from __future__ import annotations

import sys
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from cyclopts import App, Parameter
from rich.markup import escape
from sqlalchemy import select

from hub import times
from hub.cli import output
from hub.cli.opened import Count, Json, opened, who
from hub.core import Hub
from hub.errors import UserError
from hub.look.mails import let_go_again
from hub.look.members import find_member
from hub.look.preview import real_values
from hub.notify import own_templates
from hub.notify.templates import KINDS, Kind, Template, built_in, kind_named, read, render
from hub.notify.trial import sample_values, send_trial
from hub.notify.wording import LANGUAGES
from hub.store import tables as t

__all__ = ["mail_"]

Language = Literal["de", "en"]

mail_ = App(name="mail", help="Mails that were sent, wait, or could not be sent.", result_action="return_value")


@mail_.default
async def list_(*, again: int | Literal["all"] | None = None, limit: Count = 50, json: Json = False) -> None:
    """Mails that were sent, wait, or could not be sent, newest first. What they say is sealed and not shown.

    Parameters
    ----------
    again:
        Let this mail (an id) go out at the next turn, or "all" that failed or wait for another try. One that is
        "unsure" may have gone out already, because its server took it or did not: it goes out again by its id only.
    limit:
        At most so many.
    """
    o = t.outbox.c
    async with opened() as hub:
        zone = times.zone(hub.the_studio.timezone)
        now = hub.clock.now()
        sent = await let_go_again(hub, again, who=who()) if again is not None else ""
        query = select(t.outbox).where(o.studio_id == hub.the_studio.id).order_by(o.id.desc()).limit(limit)
        async with hub.database.read() as db:
            rows = (await db.execute(query)).all()
        waiting = hub.settings.smtp_url is None and any(row.state == "queued" for row in rows)
    if json:
        output.print_json(
            [
                {
                    "id": row.id,
                    "kind": row.kind,
                    "to": row.recipient,
                    "subject": row.subject,
                    "state": row.state,
                    "created_at": times.to_text(row.created_at),
                    "due_at": times.to_text(row.next_try_at) if row.next_try_at else None,
                    "sent_at": times.to_text(row.sent_at) if row.sent_at else None,
                    "error": row.error,
                }
                for row in rows
            ]
        )
        return
    shown = [
        [
            str(row.id),
            _state(row, now, zone),
            f"{row.created_at.astimezone(zone):%d %b %Y %H:%M}",
            escape(row.recipient),
            escape(row.subject),
            escape(row.error or ""),
        ]
        for row in rows
    ]
    output.table(["id", "state", "made", "to", "subject", "error"], shown)
    if sent:
        output.line(f"{output.mark('ok')} {sent}")
    if waiting:
        output.say("No mail server is set, so mails wait. Set STUDIOHUB_SMTP_URL.")


def _state(row: Any, now: datetime, zone: ZoneInfo) -> str:
    """The state of a mail, with the time until which it waits."""
    if row.state != "queued" or row.next_try_at is None or row.next_try_at <= now:
        return str(row.state)
    return f"queued until {row.next_try_at.astimezone(zone):%d %b %H:%M}"


@mail_.command(name="templates")
async def templates(*, json: Json = False) -> None:
    """The kinds of mail to members, and which of them have words of your own."""
    async with opened() as hub:
        own = await _own(hub)
    rows = [(kind, language, (kind.name, language) in own) for kind in KINDS.values() for language in LANGUAGES]
    if json:
        output.print_json(
            [{"kind": kind.name, "title": kind.title, "language": lang, "own": is_own} for kind, lang, is_own in rows]
        )
        return
    shown = [[kind.name, lang, "your own" if is_own else "built in", kind.title] for kind, lang, is_own in rows]
    output.table(["kind", "language", "words", "sent when"], shown)


@mail_.command(name="variables")
async def variables(kind: str, /, *, json: Json = False) -> None:
    """What a template of that kind can show.

    Parameters
    ----------
    kind:
        The kind of mail, as `studiohub mail templates` lists it.
    """
    known = kind_named(kind).variables
    if json:
        output.print_json(
            [
                {
                    "name": one.name,
                    "meaning": one.meaning,
                    "sample": one.samples,
                    "may_be_empty": one.optional,
                    "in_subject": one.in_subject,
                }
                for one in known
            ]
        )
        return
    notes = {
        (True, False): "may be empty; not in the subject",
        (True, True): "may be empty",
        (False, False): "not in the subject",
    }
    output.table(
        ["variable", "what it is", "for example", ""],
        [
            [one.name, escape(one.meaning), escape(one.samples["en"]), notes.get((one.optional, one.in_subject), "")]
            for one in known
        ],
    )


@mail_.command(name="show")
async def show(kind: str, /, *, language: Language | None = None, html: bool = False) -> None:
    """Print a template in the form that `studiohub mail save` takes: yours, or the built-in one.

    Parameters
    ----------
    kind:
        The kind of mail.
    language:
        The studio's language where it is left out.
    html:
        The HTML part instead of subject and text.
    """
    _, _, template = await _template(kind, language)
    text = template.html if html else template.file
    if text is None:
        raise _plain(kind)
    sys.stdout.write(text)


def _plain(kind: str) -> UserError:
    return UserError(f"your own {kind} has no HTML part", fix="Its mails are plain text; `mail save --html` adds one.")


def _chosen(language: Language | None, command: str) -> Language:
    if language is None:
        fix = f"Type {' or '.join(f'`{command} --language {one} …`' for one in LANGUAGES)}."
        raise UserError("say in which language the words are", fix=fix)
    return language


@mail_.command(name="save")
async def save(kind: str, file: Path, /, *, language: Language | None = None, html: Path | None = None) -> None:
    """Send your own words from now on. They are tried first; what does not work is refused.

    The file begins with a line `Subject: …`; after an empty line comes the text.

    Parameters
    ----------
    kind:
        The kind of mail.
    file:
        Subject and text.
    language:
        The language they are in; it has to be said.
    html:
        A file with the HTML part. Without it the mail is plain text.
    """
    language = _chosen(language, f"studiohub mail save {kind}")
    words = read(_text(file), name=str(file))
    template = Template(words.subject, words.body, _text(html) if html is not None else None)
    async with opened() as hub, hub.database.write() as db:
        now = hub.clock.now()
        notes = await own_templates.save(db, hub.the_studio, kind, language, template, who=who(), now=now)
    output.line(f"{output.mark('ok')} {kind} ({language}) is sent in your own words.")
    for note in notes:
        output.line(f"{output.mark('warning')} {escape(note)}")
    output.line(f"Next: `studiohub mail preview {kind} --language {language}` shows it with sample values.")


@mail_.command(name="reset")
async def reset(kind: str, /, *, language: Language | None = None) -> None:
    """Go back to the built-in words.

    Parameters
    ----------
    kind:
        The kind of mail.
    language:
        In which language; it has to be said.
    """
    language = _chosen(language, f"studiohub mail reset {kind}")
    async with opened() as hub, hub.database.write() as db:
        now = hub.clock.now()
        was_own = await own_templates.reset(db, hub.the_studio, kind, language, who=who(), now=now)
    said = "is sent in the built-in words." if was_own else "was in the built-in words already."
    output.line(f"{output.mark('ok')} {kind} ({language}) {said}")


@mail_.command(name="preview")
async def preview(
    kind: str,
    /,
    *,
    language: Language | None = None,
    html: bool = False,
    member: str | None = None,
    class_: Annotated[str | None, Parameter(name="--class")] = None,
) -> None:
    """Show a mail with sample values, or with those of a member, and with the studio's name and words.

    Parameters
    ----------
    kind:
        The kind of mail.
    language:
        The member's, or else the studio's language where it is left out.
    html:
        The HTML part instead of subject and text.
    member:
        What this member would get (connection:id, id, e-mail or full name); codes and links are masked.
    class_:
        Of this class (connection:id, or id); their last one where it is left out.
    """
    found, chosen, template = await _template(kind, language)
    real: dict[str, str] = {}
    async with opened() as hub:
        studio = hub.the_studio
        if class_ is not None and member is None:
            raise UserError("--class says whose result only together with --member")
        if member is not None:
            async with hub.database.read() as db:
                person = await find_member(db, studio, member)
                chosen, real = await real_values(db, hub, found.name, person, class_=class_, language=language)
                own = await own_templates.load(db, studio.id)
            template = own.get((found.name, chosen)) or built_in(found.name, chosen)
    values = sample_values(studio, found, chosen)
    if html and template.html is None:
        raise _plain(kind)
    made = render(found, chosen, values | real, template)
    if made.problem:
        output.say(made.problem)
    sys.stdout.write((made.html or "") if html else f"Subject: {made.subject}\n\n{made.text}")


@mail_.command(name="test")
async def trial(kind: str, /, *, to: str, language: Language | None = None) -> None:
    """Send a mail with made-up values, to see it where mails are read.

    Parameters
    ----------
    kind:
        The kind of mail.
    to:
        The address that it goes to.
    language:
        The studio's language where it is left out.
    """
    found, chosen, template = await _template(kind, language)
    async with opened() as hub:
        said = await send_trial(hub, found, chosen, template, to, who=who())
    output.line(f"{output.mark('ok')} {escape(said)}")


async def _template(kind: str, language: Language | None) -> tuple[Kind, str, Template]:
    """The kind, the language, and what is sent in it."""
    found = kind_named(kind)
    async with opened() as hub:
        chosen = language or hub.the_studio.language
        own = await _own(hub)
    return found, chosen, own.get((kind, chosen)) or built_in(kind, chosen)


async def _own(hub: Hub) -> own_templates.OwnTemplates:
    async with hub.database.read() as db:
        return await own_templates.load(db, hub.the_studio.id)


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{file} can't be read", said=error.strerror or "", fix="Type where it is.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{file} is not UTF-8 (byte {error.start + 1})", fix="Save it as UTF-8.") from error
