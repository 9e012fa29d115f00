"""The terminal UI: a window on the same services that the command line uses. It holds no rules."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, ClassVar

from textual.app import App
from textual.binding import Binding

from hub import times
from hub.core import Hub
from hub.look import journal
from hub.look.grants import count_grants
from hub.look.today import flows, next_wake
from tui.chrome import PLACES, Header
from tui.leaving import ask_before_leaving
from tui.screens.access import AccessScreen
from tui.screens.mapping import MappingScreen
from tui.screens.today import TodayScreen
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
    MODES: ClassVar[dict[str, Any]] = {"today": TodayScreen, "access": AccessScreen, "mapping": MappingScreen}
    BINDINGS: ClassVar[list[Any]] = [
        *(Binding(mode.key, f"mode('{mode.name}')", mode.title, show=False) for mode in PLACES),
        Binding("q", "quit", "quit", show=False),
    ]

    def __init__(self, hub: Hub, *, read_only: bool = False) -> None:
        super().__init__()
        self.hub, self.read_only = hub, read_only

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Our colours, for themes that don't have them."""
        return dict(DARK.variables)

    def on_mount(self) -> None:
        """Begin with what needs somebody."""
        self.register_theme(DARK)
        self.register_theme(LIGHT)
        self.theme = DARK.name
        self.switch_mode("today")

    def action_mode(self, name: str) -> None:
        """Go to one of the places."""
        if name in self.MODES:
            ask_before_leaving(self, lambda: self.switch_mode(name))

    async def action_quit(self) -> None:
        """End, unless something is not saved and somebody wants to stay."""
        ask_before_leaving(self, self.exit)

    def plan_after_edit(self, targets: Sequence[str]) -> None:
        """Rules were saved: what comes next is the plan of these locks."""
        where = ", ".join(targets)
        self.notify(f"Saved. {f'The plan for {where} comes next.' if where else 'No lock changes by it.'}")

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
