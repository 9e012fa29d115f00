"""The terminal UI: a window on the same services that the command line uses. It holds no rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding
from textual.widgets import Input

from hub import times
from hub.core import Hub
from hub.look import journal
from hub.look.first_steps import first_steps
from hub.look.grants import count_grants
from hub.look.today import flows, next_wake
from tui.chrome import PLACES, Header
from tui.crash import crash_text
from tui.leaving import ask_before_leaving
from tui.screens.access import AccessScreen
from tui.screens.first import FirstRunScreen
from tui.screens.mapping import MappingScreen
from tui.screens.today import TodayScreen
from tui.screens.vendors import VendorsScreen
from tui.theme import DARK, LIGHT

__all__ = ["HubApp"]


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
    """
    MODES: ClassVar[dict[str, Any]] = {
        "today": TodayScreen,
        "access": AccessScreen,
        "mapping": MappingScreen,
        "vendors": VendorsScreen,
        "first": FirstRunScreen,
    }
    BINDINGS: ClassVar[list[Any]] = [
        *(Binding(mode.key, f"mode('{mode.name}')", mode.title, show=False) for mode in PLACES),
        Binding("q", "quit", "quit", show=False),
    ]

    def __init__(self, hub: Hub, *, read_only: bool = False) -> None:
        super().__init__()
        self.hub, self.read_only = hub, read_only
        self.new_here = False
        """Whether the first run goes on: it stands where Today stands later."""

    def _fatal_error(self) -> None:
        """The stock crash screen prints local variables, and so whatever somebody typed: ours prints where it was, and
        keeps a report without values."""
        typed = [field.value for screen in self.screen_stack for field in screen.query(Input) if field.password]
        self.bell()
        self._exit_renderables.append(crash_text(self.hub.settings.home, typed))
        self._close_messages_no_wait()

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours, for themes that don't have them."""
        return dict(DARK.variables)

    async def on_mount(self) -> None:
        """Begin with what needs somebody; with the first steps where nothing was ever applied."""
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self.new_here = not (await first_steps(self.hub))["applied"]
        self.switch_mode("first" if self.new_here else "today")

    def on_first_run_screen_finished(self) -> None:
        """Everything is set up."""
        self.new_here = False
        if self.current_mode == "first":
            self.switch_mode("today")

    def action_mode(self, name: str) -> None:
        """Go to one of the places."""
        name = "first" if name == "today" and self.new_here else name
        if self.hub.studio is None and name != "first":
            self.notify("First the studio itself: its name and time zone.", timeout=3)
        elif name in self.MODES and name != self.current_mode:
            ask_before_leaving(self, lambda: self.switch_mode(name))

    async def action_quit(self) -> None:
        """End, unless something is not saved and somebody wants to stay."""
        ask_before_leaving(self, self.exit)

    def plan_after_edit(self, targets: Sequence[str]) -> None:
        """Rules were saved: what comes next is the plan of these locks."""
        where = ", ".join(targets)
        self.notify(f"Saved. {f'The plan for {where} comes next.' if where else 'No lock changes by it.'}")
        if targets and hasattr(self, "action_plan"):
            self.call_later(self.run_action, "app.plan")

    def on_header_chosen(self, message: Header.Chosen) -> None:
        """A mode was clicked."""
        self.action_mode(message.mode)

    async def fill_header(self, header: Header, mode: str) -> None:
        """Bring the two lines above a screen up to date."""
        hub = self.hub
        studio = hub.the_studio
        async with hub.database.read() as db:
            every = await flows(db, studio)
            counts = await count_grants(db, studio)
            waiting = await journal.inbox(db, studio)
            wake = await next_wake(db, studio)
        zone = times.zone(studio.timezone)
        bad = sum(flow.state == "failed" for flow in every)
        header.studio, header.mode, header.read_only = studio.name, mode, self.read_only
        header.health = (
            "failed" if bad else "ok",
            f"{len(every) - bad} of {len(every)} flows" if every else "nothing connected",
        )
        now = hub.clock.now()
        soon = wake is not None and wake < now + timedelta(days=1)
        header.right = f"next sync {wake.astimezone(zone):%H:%M}" if wake is not None and soon else ""
        header.now = now.astimezone(zone).replace(second=0, microsecond=0)
        badges = {"access": counts.get("failed", 0), "today": len(waiting)}
        if badges != header.badges:
            header.badges = badges
