"""The connections in a list, and the form of one of them: what was typed stays until it is saved or undone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from hub.look.pulse import Pulse
from hub.look.vendors import VendorView, list_vendors
from hub.plugins import Plugin
from hub.studio.connecting import spec_of
from hub.studio.file import ConnectionSpec
from hub.studio.forms import FormField, form_fields, in_form_words, typed_values
from hub.studio.registry import ConnectionRow
from tui.checks import vendor_cells
from tui.fields import Field
from tui.hanging import Hanging
from tui.page import Page
from tui.table import Column, IdTable
from tui.theme import glyph, state

__all__ = ["ADD", "NEW", "VendorForms"]

ADD = "+"
NEW = "new:"
NAME = FormField("name", "Name here", "text", "What to call it here: letters, digits, - and _", required=True)


class VendorForms(Page):
    """What is connected, and the form of one connection."""

    mode = "vendors"
    first = "#vendors"
    follows = False
    CSS = """
    VendorsScreen #left { width: 40; padding: 1 0; background: $surface; }
    VendorsScreen.narrow #left { width: 26; }
    VendorsScreen #right { width: 1fr; padding: 1 2; margin-left: 1; background: $panel; }
    VendorsScreen.short #left, VendorsScreen.short #right { padding: 0 1; }
    VendorsScreen #head { height: auto; margin-bottom: 1; }
    VendorsScreen #form { height: auto; }
    VendorsScreen #checks { height: auto; margin-bottom: 1; }
    VendorsScreen #more { height: auto; }
    VendorsScreen .more-title { height: 2; }
    VendorsScreen.short .more-title { height: 1; }
    VendorsScreen #right { scrollbar-size-vertical: 1; }
    VendorsScreen Field .label { width: 32; }
    VendorsScreen Field .about, VendorsScreen Field .wrong { padding-left: 32; }
    VendorsScreen.short Field { margin-bottom: 0; }
    VendorsScreen.short Field.wrapped { margin-bottom: 1; }
    VendorsScreen.narrow Field .label { width: 22; }
    VendorsScreen.narrow Field .about, VendorsScreen.narrow Field .wrong { padding-left: 2; }
    VendorsScreen.phone #left { width: 1fr; }
    VendorsScreen.phone #right { display: none; margin-left: 0; }
    VendorsScreen.phone.opened #right { display: block; }
    VendorsScreen.phone.opened #left { display: none; }
    VendorsScreen.phone Field Horizontal { layout: vertical; }
    VendorsScreen.phone Field .label { width: 100%; }
    """

    def __init__(self) -> None:
        super().__init__()
        self._views: dict[str, VendorView] = {}
        self._new: dict[str, Plugin] = {}
        self._typed: dict[str, dict[str, str]] = {}
        self._checks: dict[str, Text] = {}
        self._shown: str | None = None
        self._untried: ConnectionSpec | None = None
        self._to_add = False

    @property
    def unsaved(self) -> int:
        """Fields that were typed into."""
        self._remember()
        return sum(len(typed) for typed in self._typed.values())

    def drop_unsaved(self) -> None:
        """Forget what was typed."""
        self._typed.clear()
        self._new.clear()
        self._checks.clear()
        self._shown = None
        self.run_worker(self.load())

    def body(self) -> ComposeResult:
        """List and form."""
        with Horizontal():
            with Vertical(id="left"):
                columns = [
                    Column("name", "Vendor", 12, grow=True),
                    Column("kind", "Kind", 8, drop=2),
                    Column("age", "Seen", 7, right=True),
                ]
                yield IdTable(columns, self._rows, opens="edit", id="vendors")
            with VerticalScroll(id="right", can_focus=False):
                yield Static("", id="head")
                yield Vertical(id="form")
                yield Hanging("", id="checks")
                yield Vertical(id="more")

    def go_to_add(self) -> None:
        """To the line that adds a vendor, once the list is there."""
        self._to_add = True

    # ── the list ──────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self) -> None:
        """The connections; what was typed stays."""
        views = await list_vendors(self.hub_app.hub)
        self._views = {view.row.name: view for view in views}
        table = self.query_one("#vendors", IdTable)
        table.forget()
        table.show([*self._views, *self._new, ADD])
        if self._to_add:
            self._to_add = False
            table.cursor = len(table.ids) - 1
        if self._shown != table.row:
            await self._show_form(table.row)

    async def _rows(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        colours, now = self.app.theme_variables, self.hub_app.hub.clock.now()
        found: dict[str, dict[str, Text | str]] = {}
        for key in ids:
            if key == ADD:
                found[key] = {"name": Text("+ add vendor", style=colours["accent"])}
            elif key in self._new:
                plugin = self._new[key]
                name = Text(f"✎ {plugin.title}", style=colours["progress"])
                found[key] = {"name": name, "kind": plugin.kind, "age": "new"}
            else:
                found[key] = vendor_cells(self._views[key], bool(self._typed.get(key)), now, colours)
        return found

    def stale(self, before: Pulse, now: Pulse) -> bool:
        """A run has looked at them: the list says so; the form stays."""
        return before.runs != now.runs

    @on(IdTable.Moved, "#vendors")
    async def _moved(self, message: IdTable.Moved) -> None:
        self.show_hints()
        if message.row != self._shown:
            await self._show_form(message.row)

    # ── the form ──────────────────────────────────────────────────────────────────────────────────────────────────

    def _plugin(self, key: str) -> Plugin | None:
        if key in self._new:
            return self._new[key]
        view = self._views.get(key)
        return self.hub_app.hub.plugins.loaded.get(view.row.plugin) if view is not None else None

    def _row(self, key: str) -> ConnectionRow | None:
        return self._views[key].row if key in self._views else None

    async def _show_form(self, key: str | None) -> None:
        self._remember()
        if key != self._shown:
            # Another form begins at its top.
            self.query_one("#right").scroll_home(animate=False)
        self._shown, self._untried = key, None
        colours = self.app.theme_variables
        form, head = self.query_one("#form", Vertical), self.query_one("#head", Static)
        checks = self.query_one("#checks", Static)
        await self._empty()
        plugin = self._plugin(key) if key is not None else None
        if key is None or key == ADD:
            words = "n or enter connects a booking system, a lock or a tracker."
            head.update(Text.assemble(("Add a vendor", "bold"), "\n", (words, colours["muted"])))
            checks.update("")
            return
        if plugin is None:
            what = f"The plugin of {key} is not installed, or could not be loaded. D forgets the connection."
            head.update(Text.assemble((key, "bold"), "\n", (what, colours["failed"])))
            checks.update("")
            return
        about = " ".join((plugin.settings.__doc__ or "").split())
        kind = f"   {plugin.title} · {plugin.kind}{' · new' if key in self._new else ''}"
        name = plugin.title if key in self._new else key
        head.update(Text.assemble((name, "bold"), (kind, colours["muted"]), "\n", (about, colours["faint"])))
        typed = self._typed.get(key, {})
        fields = form_fields(plugin, self._row(key))
        if key in self._new:
            fields.insert(0, replace(NAME, value=self._free_name(plugin.name)))
        needed = [field for field in fields if field.required or field.kind == "secret"]
        rest = [field for field in fields if field not in needed]
        await form.mount_all([Field(field, typed.get(field.key)) for field in needed])
        if rest:
            title = Static(Text("More settings", style="bold"), classes="more-title")
            more = [Field(field, typed.get(field.key)) for field in rest]
            await self.query_one("#more", Vertical).mount_all([title, *more])
        checks.update(self._checks.get(key, self._trouble(key)))

    def _free_name(self, name: str) -> str:
        """A name that nothing is called yet."""
        names = [name, *(f"{name}-{number}" for number in range(2, len(self._views) + 3))]
        return next(one for one in names if one not in self._views)

    async def _empty(self) -> None:
        await self.query_one("#form", Vertical).remove_children()
        await self.query_one("#more", Vertical).remove_children()

    def _trouble(self, key: str) -> Text:
        view = self._views.get(key)
        if view is None or not view.error:
            return Text("V tries the connection, thing by thing.", style=self.app.theme_variables["muted"])
        colours, shown = self.app.theme_variables, state("failed")
        first = (f"{glyph(shown)} does not answer", f"bold {colours['failed']}")
        return Text.assemble(first, (f"\n  {view.title} said: {view.error}", colours["muted"]))

    def _remember(self) -> None:
        """Keep what was typed while somebody looks elsewhere."""
        if self._shown is not None and (fields := list(self.query(Field))):
            typed = {field.field.key: field.text for field in fields if field.changed}
            self._typed[self._shown] = typed
            if not typed:
                del self._typed[self._shown]

    @on(Field.Typed)
    def _typing(self, message: Field.Typed) -> None:
        self._untried = None
        if message.field.has_focus_within:
            # What a check says may have moved it out of sight.
            message.field.scroll_visible(animate=False)
        self.query_one("#vendors", IdTable).forget()

    def _wrong(self, found: Sequence[tuple[str | None, str]]) -> None:
        """Show each problem beside its field, and go to the first."""
        fields = list(self.query(Field))
        for field in fields:
            field.wrong("")
        first: Field | None = None
        rest: list[str] = []
        for key, what in found:
            named = [one for one in fields if one.field.key == key]
            named += [one for one in fields if one.field.key.partition(".")[0] == key and one.field.key in what]
            if not named:
                rest.append(what)
                continue
            words = what.removeprefix(f"{named[-1].field.key}").removeprefix(":").strip()
            named[-1].wrong(in_form_words(words, [one.field for one in fields]))
            first = first if first is not None and fields.index(first) < fields.index(named[-1]) else named[-1]
        if first is not None:
            self._go_to(first)
        self._say("failed", "\n".join(["Nothing was saved.", *rest]))

    def _say(self, name: str, what: str) -> None:
        colours, shown = self.app.theme_variables, state(name)
        what = in_form_words(what, [field.field for field in self.query(Field)])
        line = Text(f"{glyph(shown)} {what}", style=f"{'bold ' * shown.bold}{colours[shown.colour]}")
        checks = self.query_one("#checks", Static)
        checks.update(line)
        self.add_class("opened")
        if not self.query(".bad"):
            # The field that was typed last may be far below.
            checks.scroll_visible(animate=False)

    def _go_to(self, field: Field) -> None:
        """Into the form; where there is no room for both, in place of the list."""
        self.add_class("opened")
        field.go()

    def _entered(self) -> dict[str, str]:
        """What stands in the form, by the keys of its fields."""
        return {field.field.key: field.text for field in self.query(Field)}

    def _spec(self) -> tuple[ConnectionSpec | None, ConnectionRow | None]:
        """What the form says; None after showing what is wrong."""
        key = self._shown or ""
        plugin = self._plugin(key)
        if plugin is None:
            self.notify("Choose a vendor first.", timeout=3)
            return None, None
        current = self._row(key)
        typed = self._entered()
        found: list[tuple[str | None, str]] = []
        name = current.name if current is not None else typed.pop("name", "").strip()
        if current is None and name in self._views:
            found.append(("name", f"{name} is connected already: choose another name"))
        values = typed_values(form_fields(plugin, current), typed)
        spec = spec_of(plugin, name, values, current, base=Path.cwd(), found=found)
        if found or spec is None:
            self._wrong(found)
            return None, None
        for field in self.query(Field):
            field.wrong("")
        return spec, current
