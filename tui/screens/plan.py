"""A plan, looked at before anything is changed: what would happen, to whom, and by which rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Input, Static

from hub import times
from hub.engine.target_pass import TargetRun
from hub.look.plan_lines import PlanLine
from hub.words import counted
from tui.chrome import Hint, Hints
from tui.dialogs.confirm import ConfirmDialog, Question
from tui.hanging import Hanging
from tui.page import Page
from tui.plan_card import Bar, fold_card, plan_card, plan_counts, plan_row
from tui.plan_rows import ACTS, Rows, arrange, question
from tui.planning import Made, apply_chosen, let_through, make
from tui.table import Column, IdTable
from tui.telling import applied_in_words
from tui.words import clean

__all__ = ["PlanScreen"]

HELD_KEY = "let held through"
KINDS = (None, "create", "change", "remove", "held", "blocked")


class PlanTable(IdTable):
    """The lines. The cursor is never on a heading."""

    headings: Mapping[str, Any] = {}

    def _allowed(self, place: int, step: int) -> int:
        found = place
        while 0 <= found < len(self.ids) and self.ids[found] in self.headings:
            found += step
        if 0 <= found < len(self.ids):
            return found
        return place if step > 0 else self._allowed(place, 1)


class PlanScreen(Page):
    """The whole screen; nothing on it moves by itself."""

    mode = "plan"
    first = "#lines"
    follows = False
    pinned = (("esc", "back, change nothing", True), ("?", "all keys", True))
    writes = frozenset({"apply", "approve"})
    BINDINGS: ClassVar[list[Any]] = [
        Binding("A", "apply", "apply what is shown"),
        Binding("L", "approve", HELD_KEY),
        Binding("space", "leave_out", "leave out"),
        Binding("f", "kind", "only + ~ −"),
        Binding("slash", "filter", "filter", key_display="/"),
        Binding("x", "explain", "explain"),
        Binding("escape", "back", "back, change nothing"),
    ]
    CSS = """
    PlanScreen #head { height: 1; padding: 0 1; background: $background; }
    PlanScreen #counts { height: 1; padding: 0 1; }
    PlanScreen #bar { margin-bottom: 1; }
    PlanScreen.short #bar { margin-bottom: 0; }
    PlanScreen #filter { height: 1; border: none; background: $surface; padding: 0 1; display: none; }
    PlanScreen #filter.used { display: block; }
    PlanScreen #card { width: 44; background: $panel; padding: 1 1 1 2; margin-left: 1;
                       scrollbar-size-vertical: 1; scrollbar-gutter: stable; }
    PlanScreen.narrow #card { display: none; }
    PlanScreen.narrow.opened #card { display: block; width: 1fr; margin-left: 0; }
    PlanScreen.narrow.opened #lines { display: none; }
    """

    def __init__(self) -> None:
        super().__init__()
        self.made: Made | None = None
        self._rows = Rows()
        self._kind: str | None = None
        self._left_out: set[str] = set()
        self._unfolded: set[str] = set()
        self._new: frozenset[str] = frozenset()
        self._failed = False
        self._waits = False
        """Whether it is to be made once other work is over."""
        self._applies = False
        """Whether what was chosen is being applied just now."""

    def head(self) -> Static:
        """Says that nothing has changed yet."""
        return Static("", id="head")

    def body(self) -> ComposeResult:
        """Counts, bar, lines and card."""
        yield Static("", id="counts")
        yield Bar()
        yield Input(placeholder="/  name, door…", id="filter")
        with Horizontal():
            columns = [
                Column("mark", "", 1),
                Column("action", "", 10),
                Column("who", "Who", 20, grow=True),
                Column("change", "Change", 32, grow=True, drop=1),
            ]
            yield PlanTable(columns, self._cells, empty="", opens="why", id="lines")
            with VerticalScroll(id="card", can_focus=False):
                yield Hanging("", id="detail")

    def on_mount(self) -> None:
        """One piece of work at a time: a plan that had to wait begins after it."""
        self.set_interval(0.25, self._begin)

    # ── making ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def load(self) -> None:
        """Make the plan, once."""
        if self.made is None and not self._failed and not self._waits:
            self.make()

    def make(self) -> None:
        """Read the sources and plan, beside the screen."""
        self._failed = False
        self.query_one("#lines", PlanTable).empty = "Reading and planning. Nothing is changed."
        self._waits = not self.hub_app.do("Plan", make, self._take, failed=self._no_plan)
        if self._waits and self.made is None:
            self.query_one("#lines", PlanTable).empty = "It is made once what goes on is over."
        self.query_one("#lines", PlanTable).refresh()
        self._say_head()

    def _begin(self) -> None:
        if self._waits and self.hub_app.work is None and self.is_current:
            self.make()

    def _no_plan(self, why: str) -> None:
        self._failed = True
        if not self.is_attached:
            return
        self.query_one("#lines", PlanTable).empty = f"No plan could be made. {why}"
        self.query_one("#lines", PlanTable).refresh()

    def _take(self, made: Made) -> None:
        if not self.is_attached:
            # Nobody waits for it any more.
            return
        before = self.made
        self.made = made
        if before is not None:
            known = {line.identity for line in before.lines}
            self._new = frozenset(line.identity for line in made.lines if line.identity not in known)
        if made.errors:
            self.say(made.errors[0], "failed")
        self._arrange(keep=before is not None)
        self.query_one("#lines", PlanTable).focus()

    def _arrange(self, *, keep: bool = True) -> None:
        made = self.made
        if made is None:
            return
        text = self.query_one("#filter", Input).value
        self._rows = arrange(made.lines, kind=self._kind, text=text, unfolded=self._unfolded)
        table = self.query_one("#lines", PlanTable)
        table.headings = self._rows.headings
        table.empty = (
            "Everything is as it should be. There is nothing to change."
            if not made.lines
            else "Nothing matches. esc clears the filter."
        )
        first = self._rows.ids[table.first_page]
        table.show(self._rows.ids, keep=keep, rows={row: self._row(row) for row in first})
        table.fresh.clear()
        self.query_one(Bar).show(made.counts)
        self._say_head()
        self._detail(table.row)

    def _breakpoints(self) -> None:
        super()._breakpoints()
        self._say_head()

    def _say_head(self) -> None:
        colours, made = self.app.theme_variables, self.made
        line = Text.assemble(("◆ plan  ", f"bold {colours['accent']}"))
        if made is not None:
            zone = times.zone(self.hub_app.hub.the_studio.timezone)
            line.append(f"{' + '.join(made.sources)} → {' + '.join(made.targets)}")
            line.append(f"   made {made.at.astimezone(zone):%H:%M} · ", style=colours["muted"])
        narrow = self.has_class("narrow")
        if self._applies:
            line.append("being applied", style=f"bold {colours['progress']}")
        else:
            line.append("nothing changed yet" if narrow else "nothing has been changed yet", style=colours["muted"])
        if self.hub_app.read_only:
            line.append("  read only", style=f"bold {colours['progress']}")
        self.query_one("#head", Static).update(line)
        self.query_one("#counts", Static).update(
            plan_counts(made.counts, self._kind, self.app.theme_variables) if made is not None else ""
        )
        self.show_hints()

    def pins(self) -> tuple[Hint, ...]:
        """Leaving does not undo what is being applied."""
        return (("esc", "back, it goes on", True), *self.pinned[1:]) if self._applies else self.pinned

    def label(self, action: str, what: str) -> str:
        """Applying says how much; letting through is there where something is held."""
        if action == "approve":
            return what if self.made is not None and self.made.counts.get("held") else ""
        if action == "apply" and self.made is not None:
            return f"apply {len(self.chosen)}"
        return super().label(action, what)

    def show_hints(self) -> None:
        """On a line that is held, the key that lets it through stands first."""
        super().show_hints()
        lines = self._rows.of(self.query_one("#lines", PlanTable).row or "") if self.is_mounted else []
        if lines and lines[0].action == "held":
            hints = self.query_one(Hints)
            hints.hints = tuple(sorted(hints.hints, key=lambda hint: hint[1] != HELD_KEY))

    # ── showing ───────────────────────────────────────────────────────────────────────────────────────────────────

    async def _cells(self, ids: Sequence[str]) -> dict[str, dict[str, Text | str]]:
        return {row: self._row(row) for row in ids}

    def _row(self, row: str) -> dict[str, Text | str]:
        colours = self.app.theme_variables
        if row in self._rows.headings:
            group, count = self._rows.headings[row]
            return {"*": Text(f"{clean(group)} · {count:,}", style=f"bold {colours['foreground']}")}
        lines = self._rows.of(row)
        if not lines:
            return {}
        identities = {line.identity for line in lines}
        return plan_row(
            lines,
            fold=row in self._rows.folds,
            out=identities <= self._left_out,
            new=bool(identities & self._new),
            colours=colours,
        )

    def _detail(self, row: str | None) -> None:
        lines = self._rows.of(row) if row else []
        card = self.query_one("#detail", Static)
        if not lines:
            card.update("")
            return
        if row in self._rows.folds:
            card.update(fold_card(lines))
            return
        zone = times.zone(self.hub_app.hub.the_studio.timezone)
        card.update(
            plan_card(lines[0], new=lines[0].identity in self._new, colours=self.app.theme_variables, zone=zone)
        )

    def who(self) -> str | None:
        """The member of the line under the cursor; of many in one line the first."""
        lines = self._rows.of(self.query_one("#lines", PlanTable).row or "")
        return lines[0].ref if lines else None

    @on(IdTable.Moved, "#lines")
    def _moved(self, message: IdTable.Moved) -> None:
        self._detail(message.row)
        self.show_hints()

    @on(IdTable.Opened, "#lines")
    def _opened(self, message: IdTable.Opened) -> None:
        if message.row in self._rows.folds:
            self._unfolded.add(message.row)
            self._arrange()
        elif self.has_class("narrow"):
            self.add_class("opened")
            self.query_one("#card").can_focus = True
            self.query_one("#card").focus()
        else:
            self.call_later(self.action_explain)

    # ── choosing ──────────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def chosen(self) -> list[PlanLine]:
        """What applying would do: the lines that are shown, without those that were left out."""
        return [line for line in self._rows.shown if line.action in ACTS and line.identity not in self._left_out]

    def action_leave_out(self) -> None:
        """Leave the line under the cursor out, or take it in again."""
        table = self.query_one("#lines", PlanTable)
        lines = [line for line in self._rows.of(table.row or "") if line.action in ACTS]
        if not lines:
            self.say("This line is only told: applying does nothing about it.", of_row=True)
            return
        identities = {line.identity for line in lines}
        if identities <= self._left_out:
            self._left_out -= identities
        else:
            self._left_out |= identities
            self.say("Left out of this plan only: a sync, or the engine, does it.")
        table.show(table.ids)
        self._say_head()

    def action_kind(self) -> None:
        """One kind of lines alone."""
        counts = self.made.counts if self.made is not None else {}
        kinds = [kind for kind in KINDS if kind is None or counts.get(kind)]
        self._kind = kinds[(kinds.index(self._kind) + 1) % len(kinds)] if self._kind in kinds else None
        self._arrange()

    def action_filter(self) -> None:
        """Type what to look for."""
        field = self.query_one("#filter", Input)
        field.add_class("used")
        field.focus()

    @on(Input.Changed, "#filter")
    def _typed(self) -> None:
        self._arrange()

    @on(Input.Submitted, "#filter")
    def _done_typing(self) -> None:
        self.query_one("#lines", PlanTable).focus()

    def action_back(self) -> None:
        """One step back: out of the card or the field, then of the filter, then away. Nothing is changed."""
        field, table = self.query_one("#filter", Input), self.query_one("#lines", PlanTable)
        if self.has_class("opened"):
            self.remove_class("opened")
            table.focus()
        elif field.has_focus:
            table.focus()
        elif field.value or self._kind is not None:
            field.value, self._kind = "", None
            field.remove_class("used")
            self._arrange()
        else:
            self.dismiss(None)

    # ── applying ──────────────────────────────────────────────────────────────────────────────────────────────────

    def action_apply(self) -> None:
        """Apply what is shown, and nothing else."""
        if not self.may("apply"):
            return
        chosen = self.chosen
        if self.made is None:
            self.say("The plan is not made yet.")
            return
        if not chosen:
            held = self.made.counts.get("held", 0)
            more = (
                f" {counted(held, 'removal')} {'is' if held == 1 else 'are'} held: L lets them through." if held else ""
            )
            self.say(f"There is nothing to apply.{more}")
            return
        self._ask(question(chosen), lambda: self._apply(chosen))

    def action_approve(self) -> None:
        """Let through what is held, all of it."""
        if not self.may("approve"):
            return
        held = [line for line in self.made.lines if line.action == "held"] if self.made is not None else []
        if not held:
            self.say("Nothing is held.")
            return
        plans = list(dict.fromkeys(line.plan for line in held))
        admin = self.hub_app.admin
        self._ask(
            question(held),
            lambda: self._do("Let through", lambda hub, work: let_through(hub, work, plans, who=admin)),
        )

    def _ask(self, asked: Question | None, then: Any) -> None:
        if asked is None:
            then()
            return
        self.app.push_screen(ConfirmDialog(asked), lambda yes: then() if yes else None)

    def _apply(self, chosen: Sequence[PlanLine]) -> None:
        made, admin = self.made, self.hub_app.admin
        assert made is not None  # noqa: S101 - nothing can be chosen without a plan
        self._do(
            "Apply",
            lambda hub, work: apply_chosen(hub, work, made, chosen, who=admin),
            held=made.counts.get("held", 0),
        )

    def _do(self, title: str, job: Any, *, held: int = 0) -> None:
        if self.hub_app.do(title, job, partial(self._applied, held), failed=lambda _: self._applying(False)):
            self._applying(True)

    def _applying(self, goes_on: bool) -> None:
        """Say so above and in the last line: leaving does not undo it."""
        self._applies = goes_on
        if self.is_attached:
            self._say_head()

    def _applied(self, held: int, result: Made | list[TargetRun]) -> None:
        self._applying(False)
        if isinstance(result, Made):
            self._take(result)
            self.hub_app.say(
                "The sources moved since then, so the plan was made again and nothing was applied. ✎ is new."
                if self.is_attached
                else "Nothing was applied: the sources moved since the plan was made. p makes it again."
            )
            return
        words = applied_in_words(result) or "nothing was left to do"
        wrong = next((str(run.error) for run in result if run.error is not None), "")
        failed = sum(len(run.failed) for run in result)
        words += f"; {held} still held, p and L let them through" if held else ""
        self.made = None
        if self.is_current:
            self.dismiss(None)
        elif self.is_attached:
            # Whoever comes back finds another plan, not the lines that were applied.
            self._rows = Rows()
            self.query_one("#lines", PlanTable).show([])
        if wrong:
            self.app.call_later(self.hub_app.say, clean(wrong), "failed")
        elif failed:
            self.app.call_later(self.hub_app.say, f"Applied: {words}; {counted(failed, 'line')} failed.", "failed")
        else:
            self.app.call_later(self.hub_app.say, f"Applied: {words}.", "done")
