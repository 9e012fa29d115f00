"""Mail: the words in which members are written to, and what became of each mail."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Container

from hub.core import Hub
from hub.errors import HubError
from hub.notify import own_templates
from hub.notify.templates import Template, check
from hub.notify.trial import send_trial
from tui.dialogs.prompt import Prompt
from tui.mail.outbox import Outbox
from tui.mail.panes import kind_title
from tui.mail.templates import Templates
from tui.mapping.tabs import Tabs
from tui.page import PHONE, Page
from tui.questions import Ask
from tui.table import IdTable
from tui.work import Work

__all__ = ["MailScreen"]

NAMES = ("Templates", "Outbox")


class MailScreen(Page):
    """The seventh place: two views, one line of tabs."""

    mode = "mail"
    first = "#kinds"
    writes = frozenset({"save", "reset", "trial", "again", "again_all"})
    BINDINGS: ClassVar[list[Any]] = [
        Binding("S", "save", "save"),
        Binding("ctrl+s", "save", "save", priority=True),
        Binding("z", "undo", "undo typing"),
        Binding("T", "trial", "test mail…"),
        Binding("D", "reset", "back to built-in…"),
        Binding("right_square_bracket", "view(1)", "next view", key_display="]"),
        Binding("left_square_bracket", "view(-1)", "view before", show=False),
    ]
    CSS = """
    MailScreen.short Tabs { height: 1; }
    MailScreen #outbox { display: none; }
    MailScreen.second #outbox { display: block; }
    MailScreen.second #templates { display: none; }
    """

    def body(self) -> ComposeResult:
        """Tabs and both views."""
        yield Tabs(NAMES)
        with Container():
            yield Templates()
            yield Outbox()

    @property
    def templates(self) -> Templates:
        """The words."""
        return self.query_one(Templates)

    @property
    def outbox(self) -> Outbox:
        """The mails."""
        return self.query_one(Outbox)

    def _breakpoints(self) -> None:
        super()._breakpoints()
        for view in (*self.query(Templates), *self.query(Outbox)):
            for name in ("narrow", "short", "low"):
                view.set_class(self.has_class(name), name)
            view.set_class(self.app.size.width < PHONE, "phone")
        # Some keys are for windows with room for one pane alone.
        self.call_after_refresh(self.show_hints)

    async def load(self) -> None:
        """Both views."""
        await self.templates.load()
        self._badge(await self.outbox.load())

    def _badge(self, failed: int) -> None:
        tabs = self.query_one(Tabs)
        tabs.here, tabs.unsaved = int(self.has_class("second")), self.templates.drafts.unsaved
        tabs.badges = {"Outbox": failed}
        tabs.refresh()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """What is about words is a key of their view alone."""
        if action in {"save", "undo", "trial", "reset"}:
            return not self.has_class("second")
        return super().check_action(action, parameters)

    def who(self) -> str | None:
        """Whom the mail under the cursor is about."""
        view = self.outbox.view() if self.has_class("second") else None
        return view.member if view is not None else None

    # ── what is not saved ─────────────────────────────────────────────────────────────────────────────────────────

    @property
    def unsaved(self) -> int:
        """How many templates were typed into."""
        if not self.query(Templates):
            return 0
        self.templates.remember()
        return self.templates.drafts.unsaved

    def drop_unsaved(self) -> None:
        """Forget what was typed."""
        self.templates.drafts.drop()
        self.templates.show(self.templates.kind.name, again=True)

    def on_text_area_changed(self) -> None:
        """Count what is not saved."""
        tabs = self.query_one(Tabs)
        if tabs.unsaved != self.templates.drafts.unsaved:
            tabs.unsaved = self.templates.drafts.unsaved
            tabs.refresh()

    # ── views ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_view(self, by: int) -> None:
        """The other view: there are two."""
        self._view(not self.has_class("second"))

    def _view(self, second: bool) -> None:
        self.set_class(second, "second")
        tabs = self.query_one(Tabs)
        tabs.here = int(second)
        tabs.refresh()
        self.call_after_refresh(self.query_one("#mails" if second else "#kinds", IdTable).focus)

    @on(Tabs.Chosen)
    def _chosen(self, message: Tabs.Chosen) -> None:
        self._view(message.place == 1)

    # ── words ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def _title(self) -> str:
        return f"{kind_title(self.templates.kind.name)} ({self.templates.language})"

    @work(exclusive=True, group="words")
    async def action_save(self) -> None:
        """Send these words from now on, if they can be used."""
        if not self.may("save"):
            return
        shown, hub = self.templates, self.hub_app.hub
        shown.remember()
        key = shown.shown
        if key is None or not shown.drafts.changed(key):
            self.say(f"Nothing is changed in {self._title()}.")
            return
        try:
            template: Template | None = shown.drafts.words(key).template
            check(shown.kind, shown.drafts.words(key).template)
            async with hub.database.read() as db:
                shown.drafts.own = await own_templates.load(db, hub.the_studio.id)
            template = await self._asked(template)
            if template is None:
                return
            async with hub.database.write() as db:
                notes = await own_templates.save(
                    db, hub.the_studio, *key, template, who=self.hub_app.admin, now=hub.clock.now()
                )
        except HubError as error:
            shown.show_problem(getattr(error, "what", str(error)), getattr(error, "fix", ""))
            self.say("Nothing was saved: what is wrong stands below the text.", "failed")
            return
        shown.drafts.drop(key)
        await self.load()
        shown.show(key[0], again=True)
        warning = f" But {notes[0]}." if notes else ""
        self.say(f"Saved: {self._title()} is sent in these words from now on.{warning}", "held" if notes else "done")

    async def _asked(self, template: Template | None) -> Template | None:
        """The template as it is to be saved, after what has to be asked; None: not at all."""
        shown = self.templates
        if template is None or shown.shown is None:
            return None
        if shown.drafts.overtaken(shown.shown):
            lines = ["Somebody else saved other words since you began. Saving yours replaces theirs."]
            answers = [("y", "save mine", "yes")]
            if not await self.app.push_screen_wait(Ask(f"✎ {self._title()}", lines, answers, "go on editing")):
                return None
        if shown.drafts.html_left_behind(shown.shown):
            lines = [
                "The HTML part still has the built-in words, and most programs show that part.",
                "Plain text alone shows everybody what you wrote. h lets you write the HTML part too.",
            ]
            answers = [("p", "plain text alone", "plain"), ("k", "keep the HTML part as it is", "keep")]
            answer = await self.app.push_screen_wait(Ask(f"✎ {self._title()}", lines, answers, "go on editing"))
            if not answer:
                return None
            return Template(template.subject, template.body) if answer == "plain" else template
        return template

    def action_undo(self) -> None:
        """Back to what is saved; once more brings back what was typed."""
        shown = self.templates
        shown.remember()
        key = shown.shown
        if key is None:
            return
        if shown.drafts.changed(key):
            shown.drafts.drop(key)
            self.say("Back to the words that are saved. z brings yours back.", "done")
        elif not shown.drafts.bring_back(key):
            self.say("Nothing to undo here.")
            return
        shown.show(key[0], again=True)
        shown.query_one("#kinds", IdTable).forget()

    @work(exclusive=True, group="words")
    async def action_reset(self) -> None:
        """Back to the built-in words."""
        if not self.may("reset"):
            return
        shown, hub = self.templates, self.hub_app.hub
        key = shown.shown
        if key is None or key not in shown.drafts.own:
            self.say(f"{self._title()} has the built-in words already.")
            return
        lines = ["Your own words are forgotten; members get the built-in ones from now on."]
        answers = [("b", "back to the built-in words", "yes")]
        if not await self.app.push_screen_wait(Ask(f"✖ {self._title()}", lines, answers, "keep my words")):
            return
        async with hub.database.write() as db:
            await own_templates.reset(db, hub.the_studio, *key, who=self.hub_app.admin, now=hub.clock.now())
        shown.drafts.drop(key)
        await self.load()
        shown.show(key[0], again=True)
        self.say(f"{self._title()} is sent in the built-in words.", "done")

    @work(exclusive=True, group="words")
    async def action_trial(self) -> None:
        """Send the words as they stand here to an address."""
        if not self.may("trial"):
            return
        app, shown = self.hub_app, self.templates
        shown.remember()
        if shown.shown is None:
            return
        kind, language, admin = shown.kind, shown.language, app.admin
        try:
            template = shown.drafts.words(shown.shown).template
        except HubError as error:
            shown.show_problem(str(error))
            return

        async def accept(text: str) -> str:
            return "" if re.fullmatch(r"[^@\s]+@[^@\s]+", text) else "Type one e-mail address."

        lines = ["As the words stand here, saved or not, with made-up values: nobody's results or codes go out."]
        to = await app.push_screen_wait(
            Prompt(f"Test mail: {self._title()}", lines, "send it", accept, text=app.hub.the_studio.admin_email or "")
        )
        if to is None:
            return

        async def job(hub: Hub, _work: Work[str]) -> str:
            return await send_trial(hub, kind, language, template, to, who=admin)

        app.do("Test mail", job, lambda said: app.say(said, "done"))
