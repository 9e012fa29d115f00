"""Why has, or hasn't, this person access: every reason, and what to do."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Static

from hub import times
from hub.errors import HubError
from hub.look.explain import Explanation, explain
from tui.dialogs.base import Dialog
from tui.jobs import deferred
from tui.theme import glyph, state
from tui.words import clean

__all__ = ["ExplainDialog"]


class ExplainDialog(Dialog[None]):
    """The answer for one member."""

    def __init__(self, member: str) -> None:
        super().__init__()
        self._member = member

    def on_mount(self) -> None:
        """Look while the panel is there already."""
        self.query_one("#text", Static).update(f"Looking at what is known of {clean(self._member)} …")
        self.run_worker(deferred(self._explain), exclusive=True)

    async def _explain(self) -> None:
        from tui.app import HubApp

        assert isinstance(self.app, HubApp)  # noqa: S101 - dialogs are ours
        hub = self.app.hub
        try:
            answer = await explain(hub, self._member)
        except HubError as error:
            self.query_one("#text", Static).update(Text(clean(str(error))))
            return
        self.query_one("#text", Static).update(self._text(answer, hub.the_studio.timezone))

    def _text(self, answer: Explanation, timezone: str) -> Text:
        colours, zone = self.app.theme_variables, times.zone(timezone)
        first = state("ok" if answer.verdict in {"access", "later"} else "warning")
        lines = [
            Text.assemble((f"{glyph(first)} ", colours[first.colour]), (clean(answer.sentence), "bold")),
            Text(),
        ]
        for reason in answer.lines:
            mark = state("ok" if reason.good else "warning")
            where = f"{reason.target}: " if reason.target else ""
            lines.append(Text.assemble((f"{glyph(mark)} ", colours[mark.colour]), clean(f"{where}{reason.text}")))
            if reason.fix:
                lines.append(Text.assemble(("  → ", colours["accent"]), (clean(reason.fix), colours["muted"])))
        if answer.doors:
            lines += [Text(), Text("Doors", style="bold")]
        for door in answer.doors:
            shown = state(door.status)
            until = f" until {times.moment_text(door.valid_until, zone)}" if door.valid_until else ""
            lines.append(
                Text.assemble(
                    (f"{glyph(shown)} {shown.word}", colours[shown.colour]),
                    f"  {clean(door.name)}",
                    (f"  {clean(door.target)}{until}", colours["muted"]),
                )
            )
        return Text("\n").join(lines)
