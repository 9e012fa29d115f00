"""What all screens have in common: the lines around them, their hints, and following what changes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from sqlalchemy.ext.asyncio import AsyncConnection
from textual.app import ComposeResult
from textual.containers import Vertical
from textual.screen import Screen

from hub.look.pulse import Pulse, feel
from tui.chrome import Header, Hints

if TYPE_CHECKING:
    from tui.app import HubApp

__all__ = ["Page"]

T = TypeVar("T")

NARROW, SHORT = 100, 30


class Page(Screen[Any]):
    """One of the modes. Subclasses give a body and say what to load."""

    AUTO_FOCUS = ""

    mode: ClassVar[str] = ""
    first: ClassVar[str] = ""
    """What has the focus when somebody comes here."""
    follows: ClassVar[bool] = True
    """Whether what is shown moves by itself. A plan, a form and a table that is being edited never do."""

    def __init__(self) -> None:
        super().__init__()
        self._pulse: Pulse | None = None

    @property
    def unsaved(self) -> int:
        """How many things were typed or ticked here that are not saved."""
        return 0

    def drop_unsaved(self) -> None:
        """Forget them."""

    @property
    def hub_app(self) -> HubApp:
        """The application, by its own type."""
        from tui.app import HubApp

        return cast(HubApp, self.app)

    def compose(self) -> ComposeResult:
        """Two lines above, one below."""
        yield Header()
        with Vertical(id="body"):
            yield from self.body()
        yield Hints()

    def body(self) -> ComposeResult:
        """What is between the lines."""
        raise NotImplementedError

    async def load(self) -> None:
        """Read everything that is shown."""

    async def read(self, ask: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Ask the database."""
        async with self.hub_app.hub.database.read() as db:
            return await ask(db)

    # ── living ────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_mount(self) -> None:
        """Start to follow."""
        self.set_interval(1.0, self._look)
        self.watch(self.app, "theme", self._repaint, init=False)
        self._breakpoints()

    def _repaint(self) -> None:
        self.refresh(layout=True)

    async def on_screen_resume(self) -> None:
        """Somebody came here: what is shown is read again."""
        self._pulse = None
        await self._look()
        if self.focused is None and self.first:
            self.query_one(self.first).focus()
        self.call_after_refresh(self.show_hints)

    def on_resize(self) -> None:
        """Other sizes hide and show parts."""
        self._breakpoints()

    def _breakpoints(self) -> None:
        self.set_class(self.app.size.width < NARROW, "narrow")
        self.set_class(self.app.size.height < SHORT, "short")

    async def _look(self) -> None:
        """Load again what has changed, at most once a second; nothing is drawn where nothing has."""
        if not self.is_current:
            return
        app = self.hub_app
        if app.hub.studio is None:
            return
        pulse = await self.read(lambda db: feel(db, app.hub.the_studio))
        await app.fill_header(self.query_one(Header), self.mode)
        first = self._pulse is None
        if pulse != self._pulse and (first or self.follows):
            self._pulse = pulse
            await self.load()

    # ── hints ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_descendant_focus(self) -> None:
        """Other keys work now."""
        self.show_hints()

    def show_hints(self) -> None:
        """Show the keys that do something here, from the live bindings, so that they can't drift."""
        if not self.is_mounted:
            return
        hints: dict[str, str] = {}
        for active in self.active_bindings.values():
            if active.binding.show and active.enabled and active.binding.description:
                hints.setdefault(active.binding.description, self.app.get_key_display(active.binding))
        line = self.query_one(Hints)
        line.hints = tuple((key, what) for what, key in hints.items() if what != "all keys")
