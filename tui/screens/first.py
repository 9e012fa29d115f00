"""The first run: five steps from nothing to doors that open by themselves. They tick themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Middle, Vertical
from textual.message import Message
from textual.widgets import Static

from hub.errors import UserError
from hub.look.first_steps import first_steps, vendors_by_kind
from hub.studio.connecting import make_studio, studio_section
from hub.studio.forms import FormField
from hub.times import local_zone_name
from tui.chrome import Header
from tui.fields import Field
from tui.leaving import ask_before_leaving
from tui.page import Page
from tui.theme import glyph, state

__all__ = ["FirstRunScreen"]

STEPS: tuple[tuple[str, str, str], ...] = (
    ("source", "Connect where people book", "vendors"),
    ("target", "Connect a lock or a tracker", "vendors"),
    ("rules", "Say what opens what", "mapping"),
    ("plan", "Look at the plan", "plan"),
    ("applied", "Switch it on", "plan"),
)
"""What is done, what it is called, where it is done."""


class FirstRunScreen(Page):
    """Stands where Today stands later."""

    mode = "first"
    first = ""
    BINDINGS: ClassVar[list[Any]] = [
        Binding("enter", "go_on", "go on"),
        Binding("d", "demo", "look round with made-up data"),
        Binding("up,k", "step(-1)", "step before", show=False),
        Binding("down,j", "step(1)", "step after", show=False),
        Binding("ctrl+s", "make", "make the studio", priority=True),
        Binding("escape", "back", "back", show=False),
    ]
    CSS = """
    FirstRunScreen #box { width: 76; max-width: 100%; height: auto; }
    FirstRunScreen Middle { width: 100%; align: center middle; }
    FirstRunScreen Field Input, FirstRunScreen Field Choose { background: $panel; }
    FirstRunScreen #studio { height: auto; margin: 1 0; }
    FirstRunScreen.short #studio { margin: 0; }
    FirstRunScreen.short Field { margin-bottom: 0; }
    FirstRunScreen Field .label { width: 22; }
    FirstRunScreen Field .about, FirstRunScreen Field .wrong { padding-left: 22; }
    """

    class Finished(Message):
        """Every step is done: Today from now on."""

    def __init__(self) -> None:
        super().__init__()
        self._done: Mapping[str, bool] = {}
        self._here: int | None = None
        self._said = ""

    def body(self) -> ComposeResult:
        """In the middle of the screen."""
        with Middle(), Vertical(id="box"):
            yield Static("", id="head")
            yield Vertical(id="studio")
            yield Static("", id="steps")

    @property
    def unsaved(self) -> int:
        """A name that was typed and not used yet."""
        return sum(field.changed for field in self.query(Field))

    async def _look(self) -> None:
        """Steps tick themselves, also while somebody looks."""
        if not self.is_current:
            return
        done = await first_steps(self.hub_app.hub)
        if self.hub_app.hub.studio is not None:
            await self.hub_app.fill_header(self.query_one(Header), "today")
        else:
            self.query_one(Header).mode = "today"
        if done == self._done:
            return
        self._done = done
        if done["applied"]:
            self.post_message(self.Finished())
            return
        await self._form()
        self._draw()

    async def _form(self) -> None:
        """What a studio is called and where it is, as long as there is none."""
        form = self.query_one("#studio", Vertical)
        if self._done["studio"]:
            await form.remove_children()
            return
        if form.children:
            return
        fields = (
            FormField("name", "Name of the studio", "text", "As members read it in mails", required=True),
            FormField("timezone", "Time zone", "text", "Such as Europe/Zurich", required=True, value=local_zone_name()),
            FormField(
                "language", "Language of mails", "choice", choices=(("de", "Deutsch"), ("en", "English")), value="en"
            ),
            FormField("admin_email", "Your e-mail address", "text", "Gets alarms; may stay empty"),
        )
        await form.mount_all([Field(field) for field in fields])
        self.query(Field).first().go()

    @property
    def _next(self) -> int:
        """The first step that is not done."""
        return next((place for place, (name, _, _) in enumerate(STEPS) if not self._done.get(name)), len(STEPS) - 1)

    def _draw(self) -> None:
        colours = self.app.theme_variables
        self.query_one("#head", Static).update(
            Text.assemble(
                ("◆ hub\n", f"bold {colours['accent']}"),
                ("Your bookings open your doors. It runs on your own machine.\n", colours["muted"]),
            )
        )
        vendors = vendors_by_kind(self.hub_app.hub.plugins)
        words = (
            ", ".join(vendors["booking"]),
            ", ".join(title.partition(" (")[0] for title in [*vendors["lock"], *vendors["tracker"]]),
            "passes, rooms, communities",
            "see every change before it is made",
            "by itself from then on",
        )
        lines: list[Text] = []
        here = self._here if self._here is not None else self._next
        tall = self.app.size.height >= 30
        for place, (name, title, _) in enumerate(STEPS):
            done, chosen = self._done.get(name, False), place == here and self._done.get("studio", False)
            shown = state("ok")
            number = f" {glyph(shown)} " if done else f" {place + 1} "
            style = (
                f"bold {colours['background']} on {colours['accent']}"
                if chosen
                else colours[shown.colour if done else "muted"]
            )
            head = Text(f"{title:<29}", style="bold" if chosen else colours["muted"] if done else colours["foreground"])
            line = Text.assemble((number, style), " ", head, (words[place], colours["muted"]), no_wrap=True)
            line.truncate(max(20, self.query_one("#box").size.width or 76), overflow="ellipsis")
            lines.append(line)
            if tall and place + 1 < len(STEPS):
                lines.append(Text(" │", style=colours["faint"]))
        made = self._done.get("studio", False)
        first = "About ten minutes. Have an admin log-in at each vendor ready."
        lines += [
            Text(),
            Text(first if made else "First the studio itself: enter in a field makes it.", colours["muted"]),
        ]
        demo = Text.assemble(("d", f"bold {colours['accent']}"), "  look round with made-up data first")
        lines += [Text(), Text.assemble(demo, ("   nothing is sent anywhere", colours["muted"]))]
        if self._said:
            lines.append(Text(self._said, style=colours["info"]))
        self.query_one("#steps", Static).update(Text("\n").join(lines))
        self.call_after_refresh(self.show_hints)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """The studio is made once."""
        return not self._done.get("studio", False) if action == "make" else True

    def _repaint(self) -> None:
        super()._repaint()
        if self._done:
            self._draw()

    def on_resize(self) -> None:
        """Other sizes have other lines."""
        super().on_resize()
        if self._done:
            self._draw()

    def action_step(self, by: int) -> None:
        """Choose a step."""
        here = self._here if self._here is not None else self._next
        self._here = max(0, min(len(STEPS) - 1, here + by))
        self._draw()

    async def action_go_on(self) -> None:
        """Do the step."""
        if not self._done.get("studio"):
            self.action_make()
            return
        place = self._here if self._here is not None else self._next
        missing = [title for name, title, _ in STEPS[:place] if not self._done.get(name)]
        if place > 1 and missing:
            self.notify(f"First: {missing[0]}.", timeout=3)
            return
        where = STEPS[place][2]
        if where == "plan":
            await self.hub_app.action_plan()
        elif where == "vendors" and not self._done.get(STEPS[place][0]):
            await self.hub_app.connect_vendor()
        else:
            self.hub_app.action_mode(where)

    @on(Field.Typed)
    def _typed(self) -> None:
        self._said = ""

    def on_input_submitted(self) -> None:
        """Enter in a field."""
        self.action_make()

    @work(exclusive=True, group="studio")
    async def action_make(self) -> None:
        """Make the studio from what was typed, or say what is wrong beside the field."""
        from hub.cli.opened import who

        if self._done.get("studio") or self.hub_app.read_only:
            return
        fields = list(self.query(Field))
        found: list[tuple[str | None, str]] = []
        section = studio_section({field.field.key: field.text.strip() for field in fields}, found)
        for field in fields:
            wrong = next((what for key, what in found if key == field.field.key), "")
            field.wrong(wrong.removeprefix(field.field.key).strip())
        if section is None:
            next((field for field in fields if field.has_class("bad")), fields[0]).go()
            return
        try:
            await make_studio(self.hub_app.hub, section, who=who())
        except UserError as error:
            self.notify(f"{error.what}. {error.fix}", severity="error")
            return
        self.set_focus(None)
        await self._look()

    def action_demo(self) -> None:
        """Show the made-up studio, in a home of its own, and come back here when it is left."""
        if self.app.is_web:
            self._said = "In a terminal, type: studiohub demo"
            self._draw()
            return
        app = self.hub_app
        ask_before_leaving(app, app.show_demo, ends=True, engine=app.engine.works)

    def action_back(self) -> None:
        """Out of the field."""
        self.set_focus(None)
