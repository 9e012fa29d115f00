"""What can be done with results from any of the screens about them: take them out, put them right, ask again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from textual import work

from hub.classes import corrections
from hub.classes.table import FORMATS
from hub.core import Hub
from hub.errors import HubError
from hub.look.export import export_rides
from hub.look.members import find_member
from hub.words import counted
from tui.dialogs.prompt import Prompt
from tui.page import PHONE, Page
from tui.questions import Ask
from tui.work import Work

__all__ = ["MetricsPage"]


class MetricsPage(Page):
    """A screen with results on it."""

    mode = "metrics"
    writes = frozenset({"export", "correct", "fetch"})

    def phone(self) -> bool:
        """Whether there is room for one pane only."""
        return self.app.size.width < PHONE

    # ── taking out ────────────────────────────────────────────────────────────────────────────────────────────────

    def exported(self) -> tuple[str | None, str]:
        """Whose results are taken out (None: everybody's), and a name for the file."""
        return None, "results.csv"

    @work(exclusive=True, group="asked")
    async def action_export(self) -> None:
        """Write results into a file, by a name that is asked for."""
        if not self.may("export"):
            return
        app, warned = self.hub_app, set[str]()
        member, name = self.exported()

        async def accept(text: str) -> str:
            file, there = await asyncio.to_thread(_file, text)
            if not text or file.suffix.lower() not in FORMATS:
                return f"A name with one of the endings {', '.join(FORMATS)} is needed."
            if there and text not in warned:
                warned.add(text)
                return f"{file} is there already. enter once more replaces it."
            return ""

        whose = f"Results of {member}" if member is not None else "All results, also of those who are not shown here"
        lines = [
            f"{whose}. It is health data: only you can read the file.",
            f"Into {Path.cwd()}, unless a folder is said.",
        ]
        text = await app.push_screen_wait(Prompt("Export results", lines, "write it", accept, text=name))
        if text is None:
            return
        admin, (file, _) = app.admin, await asyncio.to_thread(_file, text)

        async def job(hub: Hub, _work: Work[int]) -> int:
            return await export_rides(hub, file, who=admin, member=member)

        app.do("Export", job, lambda count: app.say(f"{counted(count, 'result')} in {file}", "done"))

    # ── putting right ─────────────────────────────────────────────────────────────────────────────────────────────

    def result(self) -> tuple[int, str, bool] | None:
        """The result under the cursor: its number, whose it is, and whether it was dropped."""
        return None

    @work(exclusive=True, group="asked")
    async def action_correct(self) -> None:
        """Give a result to somebody else, drop it, or let it count again."""
        if not self.may("correct"):
            return
        found = self.result()
        if found is None:
            self.say("There is no result under the cursor: choose a rider who has one.", of_row=True)
            return
        number, name, dropped = found
        answers = [("b", "let it count again", "restore")] if dropped else [("d", "drop it", "drop")]
        lines = [
            "It stays written down who did that, and no later fetch undoes it.",
            "A dropped result is left out of everything. It can come back from the table (t).",
        ]
        answers.insert(0, ("g", "give it to somebody else", "reassign"))
        answer = await self.app.push_screen_wait(Ask(f"Result {number} of {name}", lines, answers, "leave it"))
        if answer == "reassign":
            said = await self._reassign(number, name)
        elif answer:
            said = await self._done(answer, number)
        else:
            return
        if said:
            self.say(said, "failed" if said.startswith("✖") else "done")
        await self.load()

    async def _reassign(self, number: int, name: str) -> str:
        hub, admin, notes = self.hub_app.hub, self.hub_app.admin, list[str]()

        async def accept(text: str) -> str:
            if not text:
                return "Type whose it is."
            try:
                async with hub.database.write() as db:
                    to = await find_member(db, hub.the_studio, text)
                    now = hub.clock.now()
                    notes.extend(await corrections.reassign(db, hub.the_studio, number, to, who=admin, now=now))
                    notes.insert(0, f"Result {number} is {to.name}'s now.")
            except HubError as error:
                return str(error)
            return ""

        lines = ["Whose is it? An id, an e-mail address or a full name."]
        await self.app.push_screen_wait(Prompt(f"Result {number} of {name}", lines, "give it to them", accept))
        return " ".join(notes)

    async def fetch_again(self, event: str) -> bool:
        """Have the results of a class looked for again; returns whether they will be."""
        if not self.may("fetch"):
            return False
        hub = self.hub_app.hub
        try:
            async with hub.database.write() as db:
                now = hub.clock.now()
                target = await corrections.fetch_again(db, hub.the_studio, event, who=self.hub_app.admin, now=now)
        except HubError as error:
            self.say(str(error), "failed")
            return False
        self.say(f"Asked for: they come with the next pass over {target}; s does one now.", "done")
        return True

    async def _done(self, what: str, number: int) -> str:
        hub = self.hub_app.hub
        act: Any = {"drop": corrections.drop, "restore": corrections.restore}[what]
        try:
            async with hub.database.write() as db:
                await act(db, hub.the_studio, number, who=self.hub_app.admin, now=hub.clock.now())
        except HubError as error:
            return f"✖ {error}"
        return f"Result {number} counts again." if what == "restore" else f"Result {number} is dropped. t lists it."


def _file(text: str) -> tuple[Path, bool]:
    """The file that somebody means, and whether it is there."""
    file = Path(text).expanduser().absolute()
    return file, file.exists()
