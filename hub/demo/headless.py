"""The demo in words: a studio on the exivo simulator over real HTTP, step by step."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from rich.markup import escape

from hub.clock import FrozenClock
from hub.core import Hub, initialise, load_plugins
from hub.demo.people import Desk, made_up_desk
from hub.engine.approving import approve_stored
from hub.engine.sync import SyncResult, sync_now
from hub.errors import HubError
from hub.look import journal
from hub.look.explain import explain
from hub.look.grants import count_grants
from hub.settings import HubSettings
from hub.studio.importing import import_file
from hub.testing import serve
from hub.words import counted

__all__ = ["run_headless"]

START = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)

STUDIO_FILE = """\
[studio]
name = "Studio Nordlicht"
timezone = "Europe/Zurich"
language = "de"

[[connections]]
name = "desk"
plugin = "files"
path = "export"

[[connections]]
name = "door"
plugin = "exivo"
{logins}
base_url = "{base_url}"
policy = "sync"
hold_removals_above = {{ count = 5, percent = 10 }}
requests_per_second = 2000

[[passes]]
source = "desk"
pass = "abo-12-sauna"
target = "door"
group = "AG-2"
priority = 1

[[passes]]
source = "desk"
pass = "abo-12"
target = "door"
group = "AG-1"
priority = 2
"""


@dataclass
class _Demo:
    """The demo under way."""

    say: Callable[[str], None]
    clock: FrozenClock
    hub: Hub
    desk: Desk
    simulator: Any
    began: float
    number: int = 0
    wrong: list[str] = field(default_factory=list)

    def title(self, text: str) -> None:
        """The next step."""
        self.number += 1
        self.say(f"\n[bold]{self.number}. {escape(text)}[/]")

    def tell(self, text: str) -> None:
        """What it did."""
        self.say(f"   {escape(text)}")

    def expect(self, true: bool, what: str) -> None:
        """The demo checks itself: something that is not as it should be makes it fail."""
        if not true:
            self.wrong.append(what)
            self.say(f"   [bold red]✖ {escape(what)}[/]")

    async def sync(self) -> SyncResult:
        """Export, sync, and say what happened."""
        self.desk.export(self.clock.now())
        return await self.sync_as_it_is()

    async def sync_as_it_is(self) -> SyncResult:
        """Sync what lies in the folder, and say what happened."""
        before, started = (self.simulator.log.reads, self.simulator.log.writes), time.perf_counter()
        result = await sync_now(self.hub)
        took = time.perf_counter() - started
        reads, writes = self.simulator.log.reads - before[0], self.simulator.log.writes - before[1]
        for source in result.sources:
            if source.report is not None:
                counts = ", ".join(f"{c.seen} {kind}" for kind, c in source.report.kinds.items() if c.seen)
                self.tell(f"read {source.name}: {counts or 'nothing'}; {counted(source.report.changes, 'change')}")
        for target in result.targets:
            done = ", ".join(f"{n} {action}" for action, n in target.applied.items()) or "nothing to change"
            self.tell(f"{target.name}: {done}; {reads} reads and {writes} writes at exivo in {took:.1f} s")
        return result

    def open_doors(self) -> int:
        """How many members the simulated doors would let in right now: asked of the vendor, not of the hub."""
        door = next(iter(self.simulator.components))
        return sum(self.simulator.can_open(number, door) for number in self.desk.badges.values())


async def run_headless(say: Callable[[str], None], *, members: int = 200) -> int:
    """Run the demo; returns 0, or 1 where something was not as it should be."""
    began = time.perf_counter()
    with tempfile.TemporaryDirectory(prefix="studiohub-demo-") as folder:
        home = Path(folder) / "home"
        settings = HubSettings(home=home, database_url=None, key=None)
        plugins = load_plugins(settings)
        clock = FrozenClock(START)
        make = plugins["exivo"].simulator
        if make is None:
            raise HubError("the exivo plugin brings no simulator")
        simulator = make(clock=clock, groups={"AG-1": "Gym", "AG-2": "Gym + Sauna"})
        async with serve(simulator) as base_url:
            say(f"A made-up studio of {members} members. Its door system is simulated at {base_url}.")
            await initialise(settings)
            file = Path(folder) / "studio.toml"
            logins = "\n".join(f'{name} = "{value}"' for name, value in simulator.logins.items())
            _write(file, STUDIO_FILE.format(base_url=base_url, logins=logins))
            async with Hub.open(settings, plugins=plugins, clock=clock) as hub:
                desk = made_up_desk(Path(folder) / "export", START.date(), members=members)
                demo = _Demo(say, clock, hub, desk, simulator, began)
                for change in (await import_file(hub, file, who="demo")).changes:
                    demo.tell(change)
                await _steps(demo)
                return _end(demo)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8")


def _end(demo: _Demo) -> int:
    took = time.perf_counter() - demo.began
    if demo.wrong:
        demo.say(f"\n[bold red]✖ {len(demo.wrong)} things were not as they should be[/] ({took:.1f} s)")
        return 1
    demo.say(f"\n[green]●[/] Everything was as it should be. {took:.1f} s, and the throw-away home is gone.")
    demo.say("  Next: `studiohub init`, write a studio.toml (see the README), `studiohub import studio.toml`.")
    return 0


async def _steps(demo: _Demo) -> None:
    await _first_sync(demo)
    await _an_expiry(demo)
    await _a_new_badge(demo)
    await _a_bad_day(demo)
    await _an_empty_source(demo)
    await _a_mass_removal(demo)


async def _first_sync(demo: _Demo) -> None:
    demo.title("First sync: who has a valid pass and a badge gets access")
    await demo.sync()
    opens = demo.open_doors()
    demo.tell(f"the door opens for {opens} badges")
    demo.expect(opens == len(demo.desk.badges), f"{len(demo.desk.badges)} badges should open the door")
    async with demo.hub.database.read() as db:
        items = await journal.inbox(db, demo.hub.the_studio)
    for item in items:
        demo.tell(f"needs you: {item['text']}")

    demo.title("Again: nothing has changed, so nothing is written")
    before = demo.simulator.log.writes
    await demo.sync()
    demo.expect(demo.simulator.log.writes == before, "a second sync must not write")


async def _an_expiry(demo: _Demo) -> None:
    demo.title("The next morning: three passes have ended")
    before = demo.open_doors()
    demo.clock.move(timedelta(days=1))
    await demo.sync()
    demo.tell(f"the door opened for {before} badges yesterday and opens for {demo.open_doors()} today")
    demo.expect(demo.open_doors() == before - 3, "three people should have lost access")
    ended = next(key for key in demo.desk.members if key == "1003")
    answer = await explain(demo.hub, f"desk:{ended}")
    demo.tell(f"explain desk:{ended}: {answer.sentence}. {answer.lines[0].text}")


async def _a_new_badge(demo: _Demo) -> None:
    demo.title("Somebody lost their badge and got another")
    key = "1010"
    old, new = demo.desk.badges[key], "BAD6E7C"
    demo.desk.badges[key] = new
    await demo.sync()
    door = next(iter(demo.simulator.components))
    demo.tell(
        f"the old badge {old} opens: {'yes' if demo.simulator.can_open(old, door) else 'no'}; "
        f"the new one {new}: {'yes' if demo.simulator.can_open(new, door) else 'no'}"
    )
    demo.expect(demo.simulator.can_open(new, door) and not demo.simulator.can_open(old, door), "only the new one opens")


async def _a_bad_day(demo: _Demo) -> None:
    demo.title("Twenty join while exivo has a bad day: every tenth answer is lost, every seventh request gets a 503")
    for number in range(900, 920):
        demo.desk.join(number, demo.clock.now().date(), pass_id="abo-12", badge=True, days=365)  # noqa: S106 - a pass
    demo.simulator.faults.set("drop_after_write,every=10", "status=503,every=7")
    await demo.sync()
    demo.simulator.faults.clear()
    persons = [person for person in demo.simulator.persons.values() if "[hub:" in (person.get("info") or "")]
    twice = len(persons) - len({person["info"] for person in persons})
    demo.tell(f"the door opens for {demo.open_doors()} badges; people who stand there twice: {twice}")
    demo.expect(twice == 0, "nobody may stand there twice")
    demo.expect(demo.simulator.can_open("4A003947C", next(iter(demo.simulator.components))), "all twenty get in")


async def _an_empty_source(demo: _Demo) -> None:
    demo.title("The export breaks and is suddenly empty")
    before = demo.open_doors()
    members, badges, passes = demo.desk.members, demo.desk.badges, demo.desk.passes
    demo.desk.members, demo.desk.passes = {}, {}
    demo.desk.badges = {}
    result = await demo.sync()
    demo.desk.members, demo.desk.badges, demo.desk.passes = members, badges, passes
    for source in result.sources:
        if source.report is not None:
            kinds = ", ".join(f"{had} {kind}" for kind, had in source.report.refused.items())
            demo.tell(f"refused: there were {kinds}, and now there is nothing. That is a fault, not an exodus.")
    demo.tell(f"the door still opens for {demo.open_doors()} badges")
    demo.expect(demo.open_doors() == before, "nobody may lose access because an export broke")


async def _a_mass_removal(demo: _Demo) -> None:
    demo.title("Sixty passes vanish from the export at once")
    before = demo.open_doors()
    for key in list(demo.desk.passes)[20:80]:
        del demo.desk.passes[key]
    result = await demo.sync()
    held = sum(target.held for target in result.targets)
    demo.tell(f"{held} removals are held; the door still opens for {demo.open_doors()} badges")
    demo.expect(held > 0 and demo.open_doors() == before, "the removals should be held")
    plan = result.targets[0].last
    if plan is None:
        return
    demo.title(f"The admin looks and says yes: studiohub approve {plan.id}")
    run = await approve_stored(demo.hub, plan.id, who="demo")
    done = ", ".join(f"{n} {action}" for action, n in run.applied.items())
    demo.tell(f"{run.name}: {done}; the door opens for {demo.open_doors()} badges")
    demo.expect(demo.open_doors() == before - held, "the approved removals should be done")
    async with demo.hub.database.read() as db:
        counts = await count_grants(db, demo.hub.the_studio)
    demo.tell("grants: " + ", ".join(f"{count} {status}" for status, count in sorted(counts.items())))
