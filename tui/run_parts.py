"""The two halves of one run: its steps and its log."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual.binding import Binding
from textual.widget import Widget

from hub.look.story import RunStory
from tui.cells import Cells
from tui.table import IdTable
from tui.theme import bar, glyph, state
from tui.words import clean, took

__all__ = ["Log", "StepsCard"]


class Log(IdTable):
    """The log of one run. It follows its end until somebody moves up, and again once they are back there."""

    BINDINGS: ClassVar[list[Any]] = [
        Binding("i", "screen.level('info')", "info"),
        Binding("w", "screen.level('warning')", "warnings"),
        Binding("e", "screen.level('error')", "errors"),
        Binding("x", "screen.explain", "explain"),
    ]

    following = True

    def watch_cursor(self, before: int, after: int) -> None:
        """Where somebody goes says whether they want to follow."""
        super().watch_cursor(before, after)
        self.following = after >= len(self.ids) - 1

    def show(
        self, ids: Sequence[str], *, keep: bool = True, news: bool = True, rows: Mapping[str, Cells] | None = None
    ) -> None:
        """Show these lines; the last one, while it follows."""
        follows = self.following
        super().show(ids, keep=keep, news=news, rows=rows)
        if follows:
            self.follow()

    def follow(self) -> None:
        """Go to the end and stay there."""
        self.following = True
        self.fresh.clear()
        self._go(len(self.ids) - 1)


class StepsCard(Widget):
    """The steps of a run, each with how far it is. They keep their order and size."""

    DEFAULT_CSS = """
    StepsCard { height: auto; background: $panel; padding: 1 2; }
    """

    def __init__(self) -> None:
        super().__init__(id="steps")
        self._run: RunStory | None = None
        self._seconds = 0.0

    def show(self, run: RunStory | None, seconds: float) -> None:
        """Show this run, which has gone on for so long."""
        again = run is None or self._run is None or self._run.id != run.id or len(self._run.steps) != len(run.steps)
        self._run, self._seconds = run, seconds
        self.refresh(layout=again)

    def get_content_height(self, container: Any, viewport: Any, width: int) -> int:
        """A title, and a line for each step."""
        if self._run is None:
            return 1
        return 1 + bool(self._run.error) + (1 + len(self._run.steps) if self._run.steps else 0)

    def render(self) -> Text:
        """From the width as it is now."""
        colours, run = self.app.theme_variables, self._run
        if run is None:
            return Text("No run chosen.", style=colours["muted"])
        width = self.content_size.width
        shown = state(run.state)
        left = ""
        if run.state == "running" and run.usual is not None and run.usual > self._seconds:
            left = f" · about {took(run.usual - self._seconds)} left"
        title = Text.assemble(
            (clean(run.flow), "bold"),
            (f"  {glyph(shown)} {shown.word}", f"{'bold ' * shown.bold}{colours[shown.colour]}"),
            (f"  {took(self._seconds)}{left} · {clean(run.trigger)}", colours["muted"]),
        )
        title.truncate(width, overflow="ellipsis")
        lines = [title]
        if run.error:
            error = Text(clean(run.error), style=colours["failed"])
            error.truncate(width, overflow="ellipsis")
            lines.append(error)
        if run.steps:
            lines.append(Text())
            lines += [self._step(step, width, colours) for step in run.steps]
        return Text("\n").join(lines)

    def _step(self, step: Mapping[str, Any], width: int, colours: Mapping[str, str]) -> Text:
        shown = state("broken" if step["state"] == "failed" else str(step["state"]))
        name = Text(clean(str(step["title"])).replace("_", " "))
        done, total = int(step["done"]), step["total"]
        ended = step["state"] == "done"
        share = 1.0 if ended else done / total if total else 0.0
        count = f"{done:,} of {total:,}" if total else f"{done:,}" if done else "" if ended else "–"
        percent = f"{share:>5.0%}" if total else "     "
        wide = min(28, max(10, width * 2 // 5))
        room = width - wide - 26
        if room <= 4:
            # No room for a bar: the name gets it all.
            wide, count = max(10, width - len(count) - 11), f" {count}"
        else:
            count = f"{count:>15}"
        name.truncate(wide, overflow="ellipsis", pad=True)
        line = Text.assemble((f"{glyph(shown)} ", colours[shown.colour]), name, "  ")
        if room > 4:
            line.append_text(bar(share, room, colours[shown.colour], colours["faint"]))
        line.append(f"{count} {percent}", style=colours["muted"])
        return line
