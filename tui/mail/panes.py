"""The words of mails: which there are, their source, and what a member would read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import cast

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static, TextArea

from hub.core import Hub
from hub.errors import HubError
from hub.look.members import find_member
from hub.look.names import names_of
from hub.look.preview import previewed, real_values
from hub.notify import own_templates
from hub.notify.templates import KINDS, Kind, Rendered
from hub.notify.trial import sample_values
from tui.jobs import deferred
from tui.mail.drafts import Drafts, Key, Words
from tui.mail.editor import SourceEditor
from tui.mail.preview import Preview, foot_text, mail_text, make_preview
from tui.page import Page
from tui.table import Column, IdTable
from tui.theme import glyph, state
from tui.words import clean

__all__ = ["TemplatePanes", "kind_title"]

REST = 0.15
"""Seconds that the fingers rest before the mail is made anew."""

_SHORT = {
    "performance_summary": "ride summary",
    "account_created_member": "account, member",
    "account_created_teacher": "account, teacher",
}


def kind_title(kind: str) -> str:
    """A kind of mail, in a word or two."""
    return _SHORT.get(kind, kind.replace("_", " "))


class TemplatePanes(Horizontal):
    """List and values left, source in the middle, the mail right; in narrow windows source or mail."""

    DEFAULT_CSS = """
    TemplatePanes { height: 1fr; }
    TemplatePanes #words-left { width: 34; background: $surface; padding: 1 0 0 0; }
    TemplatePanes #kinds { height: 5; }
    TemplatePanes #values-title { height: 2; padding: 1 2 0 2; }
    TemplatePanes #about { height: 3; padding: 0 2; color: $muted; }
    TemplatePanes #source { width: 1fr; background: $panel; padding: 1 1 0 0; margin-left: 1;
        border-left: blank $panel; }
    TemplatePanes #source:focus-within { border-left: outer $accent; }
    TemplatePanes .title { height: 2; padding: 0 1; }
    TemplatePanes #problem { height: auto; padding: 0 1; color: $failed; text-style: bold; }
    TemplatePanes #preview-pane { width: 40; background: $panel; padding: 1 1 0 1; margin-left: 1; }
    TemplatePanes #preview-scroll { height: 1fr; padding: 0 1; background: $panel; scrollbar-size-vertical: 1; }
    TemplatePanes #foot { height: auto; padding: 0 1; }
    TemplatePanes.short #words-left, TemplatePanes.short #source, TemplatePanes.short #preview-pane { padding: 0; }
    TemplatePanes.short .title, TemplatePanes.short #values-title { height: 1; padding: 0 1; }
    TemplatePanes.short #values-title { padding: 0 2; }
    TemplatePanes.short #about { display: none; }
    TemplatePanes.narrow #words-left { width: 25; }
    TemplatePanes.narrow #preview-pane { display: none; width: 1fr; }
    TemplatePanes.narrow.swapped #preview-pane { display: block; }
    TemplatePanes.narrow.swapped #source { display: none; }
    TemplatePanes.low #values, TemplatePanes.low #values-title { display: none; }
    TemplatePanes.phone #words-left { width: 1fr; }
    TemplatePanes.phone #source, TemplatePanes.phone #preview-pane { display: none; margin-left: 0; }
    TemplatePanes.phone.opened #words-left { display: none; }
    TemplatePanes.phone.opened #source { display: block; }
    TemplatePanes.phone.opened.swapped #source { display: none; }
    TemplatePanes.phone.opened.swapped #preview-pane { display: block; }
    """

    def __init__(self) -> None:
        super().__init__(id="templates")
        self.drafts = Drafts()
        self.language = ""
        self.shown: Key | None = None
        self.html = False
        """Whether the HTML part is in the editor, instead of subject and text."""
        self._problems: dict[Key, str] = {}
        self._members: dict[str, list[str]] = {}
        self._names: dict[str, str] = {}
        self._turn: dict[str, int] = {}
        self._last: dict[Key, Rendered] = {}
        self._values: Mapping[str, str] = {}

    @property
    def page(self) -> Page:
        """The screen."""
        return cast(Page, self.screen)

    @property
    def hub(self) -> Hub:
        """The installation."""
        return self.page.hub_app.hub

    @property
    def kind(self) -> Kind:
        """The kind that is shown."""
        return KINDS[self.shown[0] if self.shown is not None else next(iter(KINDS))]

    def compose(self) -> ComposeResult:
        """Three panes."""
        with Vertical(id="words-left"):
            kinds = [Column("name", "", 18, grow=True), Column("words", "", 9, drop=1)]
            yield IdTable(kinds, self._kind_rows, opens="edit", titled=False, id="kinds")
            yield Static("", id="values-title")
            yield IdTable(
                [Column("name", "", 16, grow=True)], self._value_rows, opens="insert value", titled=False, id="values"
            )
            yield Static("", id="about")
        with Vertical(id="source"):
            yield Static("", id="source-title", classes="title")
            yield SourceEditor(id="editor")
            yield Static("", id="problem")
        with Vertical(id="preview-pane"):
            yield Static("", id="preview-title", classes="title")
            with VerticalScroll(id="preview-scroll"):
                yield Static("", id="preview")
            yield Static("", id="foot")

    @property
    def editor(self) -> SourceEditor:
        """Where the words are written."""
        return self.query_one(SourceEditor)

    # ── showing ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self) -> None:
        """The studio's own words, and who a mail can be shown for; what was typed stays."""
        studio = self.hub.the_studio
        self.language = self.language or studio.language
        async with self.hub.database.read() as db:
            self.drafts.own = await own_templates.load(db, studio.id)
            self._members = {kind: await previewed(db, studio, kind) for kind in KINDS}
            self._names = await names_of(db, studio, {one for those in self._members.values() for one in those})
        self.editor.read_only = self.page.hub_app.read_only
        table = self.query_one("#kinds", IdTable)
        table.show(list(KINDS))
        table.forget()
        self.show(table.row)

    async def _kind_rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        colours, found = self.app.theme_variables, dict[str, dict[str, Text | str]]()
        for kind in ids:
            key = (kind, self.language)
            look, word = (state("ok"), "own words") if key in self.drafts.own else (state("removed"), "built in")
            mark, colour = glyph(look), colours[look.colour]
            if self._problems.get(key):
                look = state("failed")
                mark, colour, word = glyph(look), colours[look.colour], "mistake"
            elif self.drafts.changed(key):
                mark, colour, word = "✎", colours["progress"], "unsaved"
            name = Text.assemble((f"{mark} ", f"bold {colour}"), kind_title(kind))
            found[kind] = {"name": name, "words": Text(word, style=colours["muted"])}
        return found

    async def _value_rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        info = self.app.theme_variables["info"]
        return {name: {"name": Text(name, style=info)} for name in ids}

    def remember(self) -> None:
        """Keep what stands in the editor."""
        if self.shown is not None:
            words, text = self.drafts.words(self.shown), self.editor.text
            self.drafts.type(self.shown, Words(words.text, text) if self.html else Words(text, words.html))

    def show(self, kind: str | None, *, again: bool = False) -> None:
        """Show a kind of mail; `again` even though it is the one that is shown."""
        if kind is None:
            return
        key = (kind, self.language)
        if key == self.shown and not again:
            self.soon()
            return
        if not again:
            self.remember()
        self.shown = key
        words, values = self.drafts.words(key), self.kind.variables
        self.editor.put(words.html if self.html else words.text, [one.name for one in values], is_file=not self.html)
        self.query_one("#values", IdTable).show([one.name for one in values], keep=False)
        title = Text.assemble(("Values", "bold"), (f"  {len(values)}", self.app.theme_variables["muted"]))
        self.query_one("#values-title", Static).update(title)
        self._titles()
        self.soon()

    def _titles(self) -> None:
        colours = self.app.theme_variables
        about = f"  {kind_title(self.kind.name)} · {self.language}{' · HTML part' * self.html}"
        unsaved = "  ✎ unsaved" if self.shown is not None and self.drafts.changed(self.shown) else ""
        self.query_one("#source-title", Static).update(
            Text.assemble(("Source", "bold"), (about, colours["muted"]), (unsaved, colours["progress"]))
        )
        member = self._member()
        seen = f"  as {clean(self._names.get(member, member))}" if member is not None else "  with made-up values"
        self.query_one("#preview-title", Static).update(Text.assemble(("Preview", "bold"), (seen, colours["muted"])))

    # ── the mail ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _member(self) -> str | None:
        """Whose mail is shown; None: nobody's."""
        members = self._members.get(self.kind.name, [])
        turn = self._turn.get(self.kind.name, 0) % (len(members) + 1)
        return members[turn] if turn < len(members) else None

    def soon(self) -> None:
        """Make the mail anew, once the fingers rest."""
        self.run_worker(deferred(self._make), group="typed", exclusive=True)

    async def _make(self) -> None:
        await asyncio.sleep(REST)
        key = self.shown
        if key is None or not self.is_attached:
            return
        values = await self._read_values(key)
        preview = await asyncio.to_thread(make_preview, self.kind, key[1], self.drafts.words(key), values)
        if self.query("#preview") and self.query("#foot") and key == self.shown:
            self._values = values
            self.show_problem(preview.problem, preview.fix)
            self._show_mail(key, preview)

    async def _read_values(self, key: Key) -> Mapping[str, str]:
        studio, member = self.hub.the_studio, self._member()
        values = sample_values(studio, KINDS[key[0]], key[1])
        if member is None:
            return values
        try:
            async with self.hub.database.read() as db:
                person = await find_member(db, studio, member)
                _, real = await real_values(db, self.hub, key[0], person, language=key[1])
        except HubError as error:
            self.page.say(str(error))
            return values
        return values | real

    def show_problem(self, problem: str, fix: str = "") -> None:
        """Say below the text what is wrong with it; nothing: all is well."""
        if self.shown is None:
            return
        if bool(self._problems.get(self.shown)) != bool(problem):
            self._problems[self.shown] = problem
            self.query_one("#kinds", IdTable).forget()
        look = state("failed")
        # The values are listed on the left.
        more = f" {fix}" if fix != "Nothing was saved." and not fix.startswith("There are: ") else ""
        self.query_one("#problem", Static).update(
            Text(f"{glyph(look)} {clean(problem)}.{clean(more)}" if problem else "")
        )

    def _show_mail(self, key: Key, preview: Preview) -> None:
        colours, old = self.app.theme_variables, preview.problem != ""
        made = self._last.get(key) if old else preview.made
        if made is not None and not old:
            self._last[key] = made
        text = mail_text(made, self._values, colours, html=self.html, old=old) if made is not None else Text("")
        self.query_one("#preview", Static).update(text)
        has_html = bool(self.drafts.words(key).html.strip())
        self.query_one("#foot", Static).update(foot_text(preview, self.kind, html=has_html, colours=colours))

    @on(TextArea.Changed, "#editor")
    def _typed(self) -> None:
        before = self.shown is not None and self.drafts.changed(self.shown)
        self.remember()
        if self.shown is not None and before != self.drafts.changed(self.shown):
            self.query_one("#kinds", IdTable).forget()
            self._titles()
        self.soon()

    @on(IdTable.Moved, "#kinds")
    def _moved(self, message: IdTable.Moved) -> None:
        self.show(message.row)

    @on(IdTable.Moved, "#values")
    def _value_moved(self, message: IdTable.Moved) -> None:
        said = ""
        for one in self.kind.variables:
            if one.name == message.row:
                notes = "; may be empty" * one.optional + "; not in the subject" * (not one.in_subject)
                said = f"{one.meaning}, such as {one.samples.get(self.language, '')}{notes}"
        self.query_one("#about", Static).update(Text(clean(said).replace("\n", " ")))
