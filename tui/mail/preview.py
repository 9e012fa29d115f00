"""A mail as its reader would see it, made from what stands in the editor."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rich.text import Text

from hub.errors import UserError
from hub.notify import language as template_language
from hub.notify.language import BadTemplate
from hub.notify.templates import Kind, Rendered, check, render
from tui.mail.drafts import Words
from tui.theme import glyph, state
from tui.words import clean

__all__ = ["Preview", "foot_text", "mail_text", "make_preview"]


@dataclass(frozen=True)
class Preview:
    """What came of trying a template: the mail, or the problem why there is none. `notes` are for who wrote it."""

    made: Rendered | None = None
    problem: str = ""
    fix: str = ""
    notes: Sequence[str] = ()
    used: int = 0


def make_preview(kind: Kind, language: str, words: Words, values: Mapping[str, str]) -> Preview:
    """Try the words as saving does, and fill them."""
    try:
        template = words.template
        notes = check(kind, template)
        used = {*template_language.names(template.subject), *template_language.names(template.body)}
    except UserError as error:
        return Preview(problem=error.what, fix=error.fix)
    except BadTemplate as error:
        return Preview(problem=error.why)
    made = render(kind, language, values, template)
    return Preview(made, made.problem, notes=notes, used=len(used))


def mail_text(made: Rendered, values: Mapping[str, str], colours: Mapping[str, str], *, html: bool, old: bool) -> Text:
    """Subject and text. What was filled in is bold; a mail as it was before a mistake is faint."""
    body = clean((made.html or "This mail has no HTML part.") if html else made.text)
    if old:
        return Text(f"{clean(made.subject)}\n\n{body}", style=colours["faint"])
    text = Text.assemble((clean(made.subject), "bold"), "\n\n", body)
    if not html:
        filled = {clean(line) for value in values.values() for line in value.split("\n") if len(line) > 1}
        for value in sorted(filled, key=len, reverse=True):
            for found in re.finditer(re.escape(value), text.plain):
                text.stylize("bold", *found.span())
    return text


def foot_text(preview: Preview, kind: Kind, *, html: bool, colours: Mapping[str, str]) -> Text:
    """What is known of the mail, below it."""
    lines = []
    if preview.problem:
        look = state("warning")
        lines.append((look, "as it was before the mistake"))
    else:
        look = state("ok")
        lines.append((look, f"all {preview.used} values known" if preview.used != 1 else "its value is known"))
        lines.append((look if html else state("removed"), "text and HTML" if html else "plain text alone"))
        lines += [(state("warning"), note) for note in preview.notes]
    found = [
        Text.assemble((f"{glyph(shown)} ", colours[shown.colour]), (clean(words), colours["muted"]))
        for shown, words in lines
    ]
    found.append(Text(f"Sent when: {kind.title[:1].lower()}{kind.title[1:]}", style=colours["faint"]))
    return Text("\n").join(found)
