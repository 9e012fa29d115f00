"""What all screens have in common: the lines around them, their hints, and following what changes."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncConnection
from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import Screen

from hub.look.pulse import Pulse, feel
from tui.chrome import Header, Hint, Hints, StatusLine
from tui.table import IdTable

if TYPE_CHECKING:
    from tui.app import HubApp

__all__ = ["LOW", "PHONE", "SHORT", "Page"]

T = TypeVar("T")

NARROW, PHONE, SHORT, LOW = 100, 60, 30, 18
SAYS_FOR = 8.0
"""Seconds that a sentence stands in the status line."""
ECHO = 0.05
"""A mode that is opened for the first time is told so twice, one right after the other: one time is read."""


_OWN_WORDS = {
    "app.focus_next": "next pane",
    "app.focus_previous": "pane before",
    "quit": "quit",
    "scroll_up": "up",
    "scroll_down": "down",
    "page_up": "page up",
    "page_down": "page down",
    "scroll_home": "first",
    "scroll_end": "last",
    **dict.fromkeys(("scroll_left", "scroll_right", "page_left", "page_right", "screen.copy_text"), ""),
}
"""Textual's own keys in our words; empty for those that do nothing here."""


_TYPED = frozenset({"slash", "plus", "minus", "space", "full_stop", "left_square_bracket", "right_square_bracket"})
"""Keys with names that are characters all the same."""


class Page(Screen[Any]):
    """One of the modes, or a screen on top of one. Subclasses give a body and say what to load."""

    AUTO_FOCUS = ""

    mode: ClassVar[str] = ""
    first: ClassVar[str] = ""
    """What has the focus when somebody comes here."""
    follows: ClassVar[bool] = True
    """Whether what is shown moves by itself. A plan, a form and a table that is being edited never do."""
    pinned: ClassVar[tuple[Hint, ...]] = (("?", "all keys", True),)
    writes: ClassVar[frozenset[str]] = frozenset()
    """The actions that change something, here or at a vendor: refused where one may only look."""

    def __init__(self) -> None:
        super().__init__()
        # A new screen gets its styles while it is mounted. Left at Textual's -1, it would count as out of date, and the
        # styles of everything be worked out twice more, those of the screen that is left included.
        self._css_update_count = 0
        self._pulse: Pulse | None = None
        self.tells_work = False
        """Whether the line above the keys says how far work is."""
        self._of_row = False
        self._came = 0.0
        """When somebody came here, and everything was read."""

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
        yield self.head()
        with Vertical(id="body"):
            yield from self.body()
        yield StatusLine()
        yield Hints()

    def head(self) -> Any:
        """What stands above the body."""
        return Header()

    def body(self) -> ComposeResult:
        """What is between the lines."""
        raise NotImplementedError

    async def load(self) -> None:
        """Read everything that is shown."""

    async def read(self, ask: Callable[[AsyncConnection], Awaitable[T]]) -> T:
        """Ask the database."""
        async with self.hub_app.hub.database.read() as db:
            return await ask(db)

    def who(self) -> str | None:
        """Whose name is under the cursor (`source:id`), where it is somebody's."""
        return None

    # ── living ────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_mount(self) -> None:
        """Start to follow."""
        self.query_one(Hints).pinned = self.pins()
        self.set_interval(1.0, self._look)
        self.watch(self.app, "theme", self._repaint, init=False)
        self._breakpoints()

    def _repaint(self) -> None:
        for table in self.query(IdTable):
            table.forget()
        self._pulse = None
        self.refresh(layout=True)

    async def on_screen_resume(self) -> None:
        """Somebody came here: what is shown is read again."""
        if time.monotonic() - self._came > ECHO:
            self._pulse = None
            await self._look()
            self._came = time.monotonic()
        if self.focused is None and self.first:
            self.query_one(self.first).focus()
        self.hub_app.show_work(self)
        self.call_after_refresh(self.show_hints)

    def on_resize(self) -> None:
        """Other sizes hide and show parts. Where somebody is stays in view."""
        self._breakpoints()
        if self.focused is not None and not isinstance(self.focused, IdTable):
            self.call_after_refresh(self.focused.scroll_visible, animate=False)

    def _breakpoints(self) -> None:
        self.set_class(self.app.size.width < NARROW, "narrow")
        self.set_class(self.app.size.width < PHONE, "phone")
        self.set_class(self.app.size.height < SHORT, "short")
        self.set_class(self.app.size.height < LOW, "low")

    async def _look(self) -> None:
        """Load again what has changed, at most once a second; nothing is drawn where nothing has."""
        if not self.is_current:
            return
        app = self.hub_app
        if app.hub.studio is None:
            return
        try:
            pulse = await self.read(lambda db: feel(db, app.hub.the_studio))
            for header in self.query(Header):
                await app.fill_header(header, self.mode, pulse)
            if self._pulse is None or (pulse != self._pulse and self.stale(self._pulse, pulse)):
                self._pulse = pulse
                await self.load()
        except (DBAPIError, OSError) as error:
            # What is shown stays, and is looked for again in a second.
            said = str(getattr(error, "orig", None) or error).splitlines()[0]
            self.say(f"The database does not answer: {said}", "failed")

    def stale(self, before: Pulse, now: Pulse) -> bool:
        """Whether what is shown is to be read again, something having happened since it was read."""
        return self.follows

    async def look_again(self) -> None:
        """Read everything again, now."""
        self._pulse = None
        await self._look()

    def engine_changed(self) -> None:
        """Somebody else sees to it now that things happen by themselves."""
        if self.follows:
            self._pulse = None

    # ── saying ────────────────────────────────────────────────────────────────────────────────────────────────────

    def say(
        self,
        text: str,
        kind: str = "warning",
        *,
        share: float | None = None,
        stays: bool = False,
        of_row: bool = False,
    ) -> None:
        """Say something in the line above the keys. `of_row`: about the row under the cursor; goes when that does."""
        self.tells_work = bool(text) and stays
        self._of_row = of_row
        for line in self.query(StatusLine):
            line.kind, line.share, line.text = kind, share, text
            if text and not stays:
                # Who has more to read has more time for it.
                self.set_timer(SAYS_FOR * (1 + len(text) // 100), lambda: self._unsay(text))

    def unsay(self) -> None:
        """Take away what was said, unless it is how far work is."""
        if not self.tells_work:
            self.say("")

    def _unsay(self, text: str) -> None:
        for line in self.query(StatusLine):
            if line.text == text:
                line.text = ""

    @on(IdTable.Moved)
    def _elsewhere(self) -> None:
        if self._of_row:
            self.unsay()

    @property
    def said(self) -> str:
        """What stands in the line above the keys."""
        return next((line.text for line in self.query(StatusLine)), "")

    @property
    def said_as(self) -> str:
        """What kind of thing that is."""
        return next((line.kind for line in self.query(StatusLine)), "planned")

    def refuses(self, action: str) -> str:
        """Why an action can't be used now; empty where it can. A key that can't be used stays listed, and says why."""
        name = action.partition("(")[0].rpartition(".")[2]
        if self.hub_app.read_only and name in self.writes | self.hub_app.writes:
            return "Read only: started with --read-only, or in a browser without --write. Nothing is changed from here."
        return ""

    def label(self, action: str, what: str) -> str:
        """What a key does, in a word or two, where that depends on what is shown."""
        return "stop the engine that runs here" if action == "engine" and self.hub_app.engine.works else what

    def may(self, action: str) -> bool:
        """Whether an action can be used now; says why where it can't."""
        why = self.refuses(action)
        if why:
            self.say(why)
        return not why

    # ── hints ─────────────────────────────────────────────────────────────────────────────────────────────────────

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Other keys work now."""
        self.show_hints()

    def on_descendant_blur(self, event: events.DescendantBlur) -> None:
        """Where nothing has the focus after that, letters are keys again."""
        if self.focused is None:
            self.show_hints()

    def live_keys(self, *, hidden: bool = False) -> list[tuple[str, str, str, Any]]:
        """The keys that work now, those of the focused pane first: key, what it does, action, node."""
        return [
            (" ".join(dict.fromkeys(shown for _, shown in keys)), what, action, node)
            for keys, what, action, node in self._live(hidden=hidden)
        ]

    def _live(self, *, hidden: bool = False) -> list[tuple[list[tuple[Binding, str]], str, str, Any]]:
        found: dict[tuple[int, str], tuple[list[tuple[Binding, str]], str, str, Any]] = {}
        for active in self.active_bindings.values():
            binding = active.binding
            what = binding.description
            if isinstance(active.node, IdTable) and binding.action == "open":
                what = active.node.opens
            what = _OWN_WORDS.get(binding.action, self.label(binding.action, what))
            if not what or not active.enabled or not (binding.show or hidden) or binding.system:
                continue
            entry = found.setdefault((id(active.node), binding.action), ([], what, binding.action, active.node))
            entry[0].append((binding, self.app.get_key_display(binding)))
        return list(found.values())

    def pins(self) -> tuple[Hint, ...]:
        """The keys that are always shown."""
        return self.pinned

    def show_hints(self) -> None:
        """Show the keys that do something here, from the live bindings, so that they can't drift."""
        if not self.is_mounted or not self.is_current:
            return
        line = self.query_one(Hints)
        pinned = {what for _, what, _ in self.pins()}
        typing = self.focused is not None and self.focused.check_consume_key("a", "a")
        line.pinned = tuple(("F1" if typing and key == "?" else key, what, works) for key, what, works in self.pins())
        found = []
        for keys, what, action, _ in self._live():
            # Of two keys for the same, the first; while somebody types, letters are letters.
            works = [shown for key, shown in keys if not (typing and (len(key.key) == 1 or key.key in _TYPED))]
            if works and what not in pinned:
                found.append((works[0], what, not self.refuses(action)))
        line.hints = tuple(found)

    # ── keys that mean the same everywhere ────────────────────────────────────────────────────────────────────────

    def action_follow(self) -> None:
        """Jump to what is new."""
        table = self.focused if isinstance(self.focused, IdTable) else None
        if table is None and self.first:
            found = self.query_one(self.first)
            table = found if isinstance(found, IdTable) else None
        if table is not None:
            table.follow()

    async def action_explain(self) -> None:
        """Why has, or hasn't, the person under the cursor access."""
        member = self.who()
        if member is None:
            self.say("Nobody's name is under the cursor.", of_row=True)
            return
        from tui.dialogs.explain import ExplainDialog

        await self.app.push_screen(ExplainDialog(member))

    async def action_past(self) -> None:
        """Who could open what at a moment in the past."""
        from tui.dialogs.past import PastDialog

        await self.app.push_screen(PastDialog(self.who()))
