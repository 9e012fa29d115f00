"""Vendors: what is connected and whether it answers, with a form made from the plugin's own settings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from msgspec import structs
from textual import on, work
from textual.binding import Binding
from textual.widgets import Input, Static

from hub import times
from hub.engine.disconnecting import disconnect
from hub.errors import HubError
from hub.grants import Check, CheckState
from hub.studio.connecting import check_connection, gave_access, try_connection
from hub.studio.file import ConnectionSpec
from hub.studio.forms import form_fields, in_form_words
from hub.words import counted
from tui.checks import checks_text
from tui.fields import Field
from tui.questions import Ask, TypeWords
from tui.table import IdTable
from tui.vendor_forms import ADD, NEW, VendorForms

__all__ = ["VendorsScreen"]


class VendorsScreen(VendorForms):
    """The fifth place."""

    writes = frozenset({"save", "save_untried", "disconnect"})
    BINDINGS: ClassVar[list[Any]] = [
        Binding("V", "verify", "verify"),
        Binding("n", "add", "add vendor"),
        Binding("S", "save", "save"),
        Binding("ctrl+s", "save", "save", priority=True),
        Binding("U", "save_untried", "save untried", show=False),
        Binding("z", "undo", "undo typing"),
        Binding("D", "disconnect", "disconnect…"),
        Binding("escape", "back", "leave the field"),
    ]

    @on(IdTable.Opened, "#vendors")
    def _opened(self, message: IdTable.Opened) -> None:
        if message.row == ADD:
            self.action_add()
        elif fields := list(self.query(Field)):
            self._go_to(fields[0])

    def label(self, action: str, what: str) -> str:
        """On the last line, enter adds a vendor, and there is nothing that could be tried or saved."""
        if self.query_one("#vendors", IdTable).row == ADD:
            if action in ("verify", "save", "save_untried", "undo", "disconnect"):
                return ""
            if action == "open":
                return "add vendor"
        return super().label(action, what)

    # ── what can be done ──────────────────────────────────────────────────────────────────────────────────────────

    @work(exclusive=True, group="vendor")
    async def action_verify(self) -> None:
        """Try it, as it stands in the form."""
        spec, current = self._spec()
        if spec is None:
            return
        self._remember()
        hub, key = self.hub_app.hub, self._shown or ""
        self._say("running", f"trying {spec.name} …")
        saved = current is not None and not self._typed.get(key)
        try:
            checks = await (check_connection(hub, current) if saved and current else try_connection(hub, spec, current))
        except HubError as error:
            self._say("failed", f"{error.what}. {error.fix}")
            return
        self._show_checks(key, spec, checks, "" if saved else "This is not saved yet: S saves it.")

    def _show_checks(self, key: str, spec: ConnectionSpec, checks: Sequence[Check], end: str) -> None:
        colours = self.app.theme_variables
        fields = form_fields(spec.plugin, None)
        checks = [structs.replace(check, fix=in_form_words(check.fix, fields)) for check in checks]
        hub = self.hub_app.hub
        at = hub.clock.now().astimezone(times.zone(hub.the_studio.timezone))
        self._checks[key] = checks_text(spec.plugin.title, checks, at, end, colours)
        self.add_class("opened")
        if self._shown == key:
            self.query_one("#checks", Static).update(self._checks[key])
            self.query_one("#checks", Static).scroll_visible(animate=False)

    @work(exclusive=True, group="vendor")
    async def action_save(self) -> None:
        """Check what was typed, try it, and save it if nothing that was tried failed."""
        if not self.may("save"):
            return
        spec, current = self._spec()
        if spec is None:
            return
        key, entered = self._shown or "", self._entered()
        self._say("running", f"trying {spec.name} …")
        try:
            checks = await try_connection(self.hub_app.hub, spec, current)
        except HubError as error:
            self._say("failed", f"{error.what}. {error.fix}")
            return
        if any(check.state is CheckState.FAILED for check in checks):
            if self._shown != key or self._entered() != entered:
                # Something else was typed or looked at meanwhile: U would save what nobody sees any more.
                self._show_checks(key, spec, checks, "Nothing was saved.")
                return
            self._untried = spec
            # The focus stays where somebody may be typing: keys become commands by their own doing.
            typing = "esc, then " if isinstance(self.focused, Input) else ""
            self._show_checks(key, spec, checks, f"Nothing was saved. Mend it; or {typing}U saves it all the same.")
            return
        await self._save(key, spec, checks, entered)

    @work(exclusive=True, group="vendor")
    async def action_save_untried(self) -> None:
        """Save although something that was tried failed."""
        if not self.may("save_untried"):
            return
        if self._untried is None:
            self.notify("S tries and saves; U is for what failed then.", timeout=4)
            return
        await self._save(self._shown or "", self._untried, (), self._entered())

    async def _save(self, key: str, spec: ConnectionSpec, checks: Sequence[Check], entered: Mapping[str, str]) -> None:
        from hub.cli.opened import who
        from hub.studio.importing import save_one_connection

        try:
            done = await save_one_connection(self.hub_app.hub, spec, who=who())
        except HubError as error:
            self._say("failed", f"{error.what}. {error.fix}")
            return
        # What was typed while it was tried, here or in another form, is not saved and not lost.
        self._remember()
        since = {name: text for name, text in self._typed.pop(key, {}).items() if entered.get(name) != text}
        if since:
            self._typed[spec.name] = since
        self._new.pop(key, None)
        self._checks.pop(key, None)
        said = "; ".join(done.changes) or f"{spec.name} is as it was"
        if self._shown != key:
            # Somebody looks at another one by now.
            await self.load()
            self._show_checks(spec.name, spec, checks, f"Saved: {said}.")
            self.hub_app.say(f"Saved: {said}.", "done")
            return
        await self._empty()
        self._shown = None
        await self.load()
        table = self.query_one("#vendors", IdTable)
        table.cursor = list(table.ids).index(spec.name)
        next_ = " s reads it, 1 goes on with the first steps." if self.hub_app.new_here else ""
        self._show_checks(spec.name, spec, checks, f"Saved: {said}.{next_}")
        await self._show_form(spec.name)
        self.call_after_refresh(self.query_one("#checks").scroll_visible, animate=False)
        self.say(f"{spec.name} is saved.{next_}", "done")

    @work(exclusive=True, group="vendor")
    async def action_add(self) -> None:
        """Choose a vendor; its form is next."""
        plugins = sorted(self.hub_app.hub.plugins.loaded.values(), key=lambda one: (one.kind, one.title.casefold()))
        answers = [
            ("123456789abcdefghijklmnop"[place], f"{plugin.title} · {plugin.kind}", plugin.name)
            for place, plugin in enumerate(plugins[:25])
        ]
        chosen = await self.app.push_screen_wait(Ask("Add a vendor", [], answers, "none of them", below=True))
        if chosen:
            key = f"{NEW}{chosen}"
            self._new[key] = self.hub_app.hub.plugins[chosen]
            await self.load()
            table = self.query_one("#vendors", IdTable)
            table.cursor = list(table.ids).index(key)
            await self._show_form(key)
            self._go_to(self.query(Field).first())

    @work(exclusive=True, group="vendor")
    async def action_disconnect(self) -> None:
        """Forget a connection, once the words were typed."""
        from hub.cli.opened import who

        if not self.may("disconnect"):
            return
        key, app = self._shown or "", self.hub_app
        if key in self._new:
            del self._new[key]
            self._typed.pop(key, None)
            self._shown = None
            await self._empty()
            await self.load()
            return
        row = self._row(key)
        if row is None:
            self.notify("Choose a vendor first.", timeout=3)
            return
        words = [(f"revoke {row.name}", "take back everything that the hub gave by it, then forget it")]
        if row.options is not None:
            words.append((f"leave {row.name}", "leave everything there as it is, and forget it"))
        elif not await gave_access(app.hub, row):
            words = [(f"forget {row.name}", "nobody has access because of it")]
        lines = ["Its settings, secrets, records and mapping rows go with it. A backup is the only way back."]
        typed = await app.push_screen_wait(TypeWords(f"✖ Disconnect {row.name}", lines, words, "keep it"))
        if not typed:
            return
        self._say("running", f"{typed} …")
        try:
            done = await disconnect(app.hub, row.name, revoke=typed.startswith("revoke"), who=who())
        except HubError as error:
            self._say("failed", f"{error.what}. {error.fix}")
            return
        if not done.forgotten:
            why = "; ".join(f"{member}: {said}" for member, said in list(done.failed.items())[:5])
            self._say("failed", f"{counted(len(done.failed), 'grant')} could not be taken back, so it stays. {why}")
            return
        await self._empty()
        self._typed.pop(key, None)
        self._shown = None
        await self.load()
        self.notify(f"{row.name} is forgotten; {counted(done.removed, 'grant')} taken back.")

    def action_undo(self) -> None:
        """As it is saved."""
        if self._shown is not None:
            self._typed.pop(self._shown, None)
            # What was tried is not what stands there any more.
            self._checks.pop(self._shown, None)
            shown, self._shown = self._shown, None
            self.run_worker(self._show_form(shown))

    def action_back(self) -> None:
        """Out of the form, to the list."""
        self.remove_class("opened")
        self.query_one("#vendors", IdTable).focus()
