"""The terminal UI: a window on the same services that the command line uses. It holds no rules."""

from __future__ import annotations

import getpass
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from importlib import import_module
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from sqlalchemy.exc import DBAPIError
from textual import events
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.filter import LineFilter
from textual.screen import Screen
from textual.widgets import Input

from hub import redact
from hub.core import Hub
from hub.errors import HubError
from hub.look.first_steps import first_steps
from hub.look.pulse import Pulse
from tui.ascii import AsciiFilter
from tui.chrome import PLACES, Header
from tui.engine_here import EngineHere
from tui.heading import Counted, read_heading, show_heading
from tui.jobs import deferred
from tui.leaving import ask_before_leaving
from tui.page import Page
from tui.screens.today import TodayScreen
from tui.telling import sync_in_words, told
from tui.theme import DARK, LIGHT, is_ascii
from tui.work import Work

if TYPE_CHECKING:
    from hub.engine.sync import SyncResult

__all__ = ["DEMO", "HubApp"]

T = TypeVar("T")

KEYS = {"enter": "enter", "space": "space", "pageup": "pgup", "pagedown": "pgdn", "slash": "/", "escape": "esc"}
ASCII = AsciiFilter()
DEMO = 10
"""What the app ends with when somebody wants to see the made-up studio."""


class HubApp(App[None]):
    """The whole of it, on an opened installation."""

    TITLE = "studiohub"
    ENABLE_COMMAND_PALETTE = True
    CSS = """
    Screen { background: $background; color: $foreground; }
    ModalScreen { background: $background 60%; }
    #body { height: 1fr; padding: 1 1 0 1; }
    .short #body { padding: 0 1; }
    .card { background: $surface; padding: 1; height: auto; }
    .short .card { padding: 0 1; }
    .muted { color: $muted; }
    Dialog { background: $background 70%; }
    """
    MODES: ClassVar[dict[str, Any]] = {
        "today": TodayScreen,
        "access": lambda: _later("access", "AccessScreen"),
        "runs": lambda: _later("runs", "RunsScreen"),
        "mapping": lambda: _later("mapping", "MappingScreen"),
        "vendors": lambda: _later("vendors", "VendorsScreen"),
        "metrics": lambda: _later("metrics", "MetricsScreen"),
        "mail": lambda: _later("mail", "MailScreen"),
        "first": lambda: _later("first", "FirstRunScreen"),
    }
    BINDINGS: ClassVar[list[Any]] = [
        *(Binding(mode.key, f"mode('{mode.name}')", mode.title, show=False) for mode in PLACES),
        Binding("s", "sync", "sync now"),
        Binding("p", "plan", "plan"),
        Binding("full_stop", "follow", "what is new", key_display=".", show=False),
        Binding("E", "engine", "run the engine here; the same key stops it", show=False),
        Binding("H", "past", "at a past moment", show=False),
        Binding("question_mark", "help", "all keys", key_display="?", show=False),
        Binding("f1", "help", "all keys", key_display="F1", show=False),
        Binding("ctrl+p", "command_palette", "every action by name", show=False),
        Binding("q", "quit", "quit", show=False),
    ]
    writes: ClassVar[frozenset[str]] = frozenset({"sync", "engine"})

    def __init__(self, hub: Hub, *, read_only: bool = False, theme: str | None = None) -> None:
        super().__init__()
        self.hub, self.read_only = hub, read_only
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        # Before anything is drawn, so that no style is worked out for Textual's own theme first; that one is dark too.
        self.set_reactive(HubApp.theme, DARK.name)
        self.stylesheet.set_variables(self.get_css_variables())
        self._wanted_theme = theme
        self.work: Work[Any] | None = None
        """What goes on beside the screen."""
        self.engine = EngineHere(hub)
        self.runs_by = ""
        """Who sees to it that things happen by themselves: `here`, `daemon`, `none`; empty while that is not known."""
        self._counted: Counted | None = None
        self.new_here = False
        """Whether the first run goes on: it stands where Today stands later."""

    def get_css_variables(self) -> dict[str, str]:
        """As Textual has them; for our own texts, which Rich draws, the terminal's colours by Rich's names."""
        found = super().get_css_variables()
        self.theme_variables = {
            name: "default" if value == "transparent" else value.removeprefix("ansi_") for name, value in found.items()
        }
        return found

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours, for themes that don't have them."""
        return dict(DARK.variables)

    async def on_mount(self) -> None:
        """Begin with what needs somebody; with the first steps where nothing was ever applied."""
        if self._wanted_theme in self.available_themes:
            self.theme = self._wanted_theme
        self.set_interval(0.25, self._show_progress)
        self.new_here = not (await first_steps(self.hub))["applied"]
        self.switch_mode("first" if self.new_here else "today")

    async def on_first_run_screen_finished(self) -> None:
        """Everything is set up."""
        self.new_here = False
        if self.current_mode != "first":
            return
        first = self.page
        await self.switch_mode("today")
        if first is not None and first.said and self.work is None:
            # What the last step did is still to be read.
            self.say(first.said, first.said_as)

    def get_key_display(self, binding: Binding) -> str:
        """Keys by the names that people say."""
        return KEYS.get(binding.key) or super().get_key_display(binding)

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Where only ASCII can be shown, whatever is drawn goes through one more filter."""
        found = super().get_line_filters()
        return [*found, ASCII] if is_ascii() else found

    @property
    def page(self) -> Page | None:
        """The screen that is looked at, also where something stands over it."""
        return next((screen for screen in reversed(self.screen_stack) if isinstance(screen, Page)), None)

    @property
    def admin(self) -> str:
        """Who is typing, for the audit."""
        try:
            return getpass.getuser()
        except (KeyError, OSError):
            return "unknown"

    def say(self, text: str, kind: str = "warning") -> None:
        """Say something on the screen that is looked at."""
        if self.page is not None:
            self.page.say(text, kind)

    async def on_event(self, event: events.Event) -> None:
        """Esc takes away what was said, whatever else it does."""
        if isinstance(event, events.Key) and event.key == "escape" and isinstance(self.screen, Page):
            self.screen.unsay()
        await super().on_event(event)

    # ── places ────────────────────────────────────────────────────────────────────────────────────────────────────

    def action_mode(self, name: str) -> None:
        """Go to one of the places."""
        name = "first" if name == "today" and self.new_here else name
        if self.hub.studio is None and name != "first":
            self.notify("First the studio itself: its name and time zone.", timeout=3)
        elif name != self.current_mode:
            ask_before_leaving(self, lambda: self.switch_mode(name))

    def show_run(self, run_id: str) -> None:
        """Go to a run."""
        from tui.screens.runs import RunsScreen

        self.switch_mode("runs")
        if isinstance(self.screen, RunsScreen):
            self.screen.choose(run_id)

    def show_member(self, member: str) -> None:
        """Go to the grants of a member (`source:id`)."""
        from tui.screens.access import AccessScreen

        self.switch_mode("access")
        if isinstance(self.screen, AccessScreen):
            self.screen.look_for(member.partition(":")[2])

    async def connect_vendor(self) -> None:
        """Go to where a vendor is added."""
        from tui.screens.vendors import VendorsScreen

        await self.switch_mode("vendors")
        if isinstance(self.screen, VendorsScreen):
            self.screen.go_to_add()
            await self.screen.look_again()

    def plan_after_edit(self, targets: Sequence[str]) -> None:
        """Rules were saved: what comes next is the plan of these locks. Where an engine works it has begun by now, and
        a plan that says that nothing has changed would not be true."""
        where = ", ".join(targets)
        if not where:
            self.say("Saved. No lock changes by it.", "done")
        elif not self.by_itself:
            self.say(f"Saved. The plan for {where} comes next.", "done")
            self.call_later(self.run_action, "app.plan")
        else:
            self.say(f"Saved. {where} follows now: Runs shows how far it is.", "running")

    def on_header_chosen(self, message: Header.Chosen) -> None:
        """A mode was clicked."""
        self.action_mode(message.mode)

    async def fill_header(self, header: Header, mode: str, pulse: Pulse | None = None) -> None:
        """Bring the two lines above a screen up to date."""
        found = await read_heading(self.hub, pulse, self._counted)
        self._counted = found.counted
        if self.engine.works:
            found = replace(found, engine="here")
        if found.engine != self.runs_by:
            self.runs_by = found.engine
            if self.page is not None:
                self.page.engine_changed()
        show_heading(header, found, mode=mode, read_only=self.read_only)

    @property
    def counted(self) -> Mapping[str, int] | None:
        """How many grants of each status there were when that was last counted."""
        return self._counted.grants if self._counted is not None else None

    @property
    def by_itself(self) -> bool:
        """Whether an engine works on this studio, here or elsewhere."""
        return self.runs_by in {"here", "daemon"}

    # ── work ──────────────────────────────────────────────────────────────────────────────────────────────────────

    def do(
        self,
        title: str,
        job: Callable[[Hub, Work[T]], Awaitable[T]],
        then: Callable[[T], None],
        *,
        failed: Callable[[str], None] | None = None,
    ) -> bool:
        """Do long work beside the screen, one at a time; returns whether it was begun."""
        if self.work is not None:
            self.say(f"{self.work.title} is still going on.", "running")
            return False
        work: Work[T] = Work(title, self.hub, job)
        self.work = work
        self._show_progress()

        async def run() -> None:
            try:
                result = await work.run()
            except (HubError, DBAPIError, OSError) as error:
                self._over()
                why = told(error)
                self.say(why, "failed")
                if failed is not None:
                    failed(why)
            else:
                self._over()
                then(result)
            finally:
                self.work = None

        self.run_worker(deferred(run), group="work", exclusive=False)
        return True

    def _over(self) -> None:
        self.work = None
        for screen in self.screen_stack:
            if isinstance(screen, Page):
                screen.say("")

    def _show_progress(self) -> None:
        if self.work is not None and self.page is not None:
            self.show_work(self.page)

    def show_work(self, page: Page) -> None:
        """Show on a screen how far the work is."""
        if self.work is None:
            if page.tells_work:
                # It ended while somebody looked elsewhere.
                page.say("")
            return
        step, done, total = self.work.at
        count = f" {done:,} of {total:,}" if total else f" {done:,}" if done else ""
        share = done / total if total else None
        page.say(f"{self.work.title}  {step}{count}".rstrip(), "running", share=share, stays=True)

    async def _connected(self, *, otherwise: str = "Nothing is connected yet") -> bool:
        """Whether there is anything to work on; says so where there is not, and where to connect it."""
        if self.hub.studio is None:
            self.say(f"{otherwise}: first the studio gets its name.")
            return False
        try:
            found = await self.hub.connections()
        except (DBAPIError, OSError) as error:
            self.say(told(error), "failed")
            return False
        if not found:
            self.say(f"{otherwise}: 5 Vendors.")
        return bool(found)

    async def action_sync(self) -> None:
        """Read, plan and apply now."""
        page = self.page
        if page is None or not page.may("sync") or not await self._connected():
            return
        from hub.engine.by_hand import sync_by_hand

        admin = self.admin
        self.do("Sync", lambda hub, work: sync_by_hand(hub, who=admin, progress=work), self._synced)

    def try_now(self, grant_ids: Collection[str]) -> None:
        """Try grants again now."""
        from hub.engine.by_hand import try_again

        admin = self.admin
        self.do("Try now", lambda hub, work: try_again(hub, grant_ids, who=admin, progress=work), self._synced)

    def _synced(self, result: SyncResult | None) -> None:
        self.say(*sync_in_words(result))

    # ── the engine ────────────────────────────────────────────────────────────────────────────────────────────────

    async def action_engine(self) -> None:
        """Run the engine in this program, or stop it here."""
        if not (self.page is not None and self.page.may("engine")):
            return
        if self.engine.works:
            self.say("The engine leaves off…", "running")
            await self.engine.stop()
            self.say("The engine is off: nothing runs by itself now.", "stopped")
        elif self.runs_by == "daemon":
            self.say("A daemon works on this studio already. There is nothing to start.")
        elif await self._connected(otherwise="There is nothing to run yet"):
            try:
                await self.engine.start()
            except (HubError, DBAPIError, OSError) as error:
                self.say(told(error), "failed")
                return
            self.say("The engine runs here, as long as this stays open. `studiohub daemon` does it for good.", "done")
        if self.page is not None:
            await self.page.look_again()

    async def action_plan(self) -> None:
        """A dry run, looked at before anything is changed."""
        from tui.screens.plan import PlanScreen

        if not await self._connected():
            return
        if isinstance(self.screen, PlanScreen):
            self.screen.make()
            return
        await self.push_screen(PlanScreen())

    # ── on whatever is looked at ──────────────────────────────────────────────────────────────────────────────────

    def action_follow(self) -> None:
        """Jump to what is new."""
        if self.page is not None:
            self.page.action_follow()

    async def action_past(self) -> None:
        """Who could open what at a moment in the past."""
        if self.page is not None:
            await self.page.action_past()

    async def action_help(self) -> None:
        """All keys of the focused pane, and those that work everywhere."""
        from tui.dialogs.help import HelpDialog

        if self.page is not None and self.page is self.screen:
            await self.push_screen(HelpDialog(self.page.live_keys(hidden=True), self.page))

    def show_demo(self) -> None:
        """End for now: whoever started this shows the made-up studio, and then this again."""
        self.exit(return_code=DEMO)

    async def action_quit(self) -> None:
        """End, unless something is not saved or the engine runs here, and somebody wants to stay."""
        ask_before_leaving(self, lambda: self.call_later(self._leave), ends=True, engine=self.engine.works)

    async def _leave(self) -> None:
        if self.engine.works:
            self.say("The engine leaves off…", "running")
            await self.engine.stop()
        self.exit()

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Every action that works here, by the name it has in the last line. There is no screenshot among them: a
        picture of a screen may show who goes where."""
        if isinstance(screen, Page):
            for key, what, action, node in screen.live_keys(hidden=True):
                yield SystemCommand(
                    what[:1].upper() + what[1:], f"key {key}", lambda action=action, node=node: self._act(action, node)
                )
        yield SystemCommand("Theme", "Other colours", self.action_change_theme)

    def _act(self, action: str, node: Any) -> None:
        self.call_later(self.run_action, action, node)

    # ── ending badly ──────────────────────────────────────────────────────────────────────────────────────────────

    def _fatal_error(self) -> None:
        """A mistake of ours ends the app. Nothing of it is printed here: a traceback has local variables, and those
        have secrets. Whoever started the app writes a report that is masked, of what stands in secret fields too."""
        redact.know(*(field.value for screen in self.screen_stack for field in screen.query(Input) if field.password))
        self.bell()
        self._close_messages_no_wait()

    def panic(self, *renderables: Any) -> None:
        """As above, for errors that know how to draw themselves."""
        if self._exception is None:
            self._exception = RuntimeError("the terminal UI could not go on")
        self._fatal_error()

    @property
    def mistake(self) -> Exception | None:
        """What ended the app, where it did not end by itself."""
        return self._exception


def _later(module: str, name: str) -> Screen[Any]:
    """A screen whose parts are imported when it is first visited."""
    return cast(Screen[Any], getattr(import_module(f"tui.screens.{module}"), name)())
