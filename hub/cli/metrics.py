"""Metrics: what was ridden, and corrections by staff."""

from __future__ import annotations

from typing import Annotated, Any

from cyclopts import App, Parameter
from rich.markup import escape

from hub import times
from hub.classes import corrections
from hub.classes.rides import METRICS, Ride
from hub.cli import output
from hub.cli.metrics_out import export, trends_
from hub.cli.opened import Count, Json, opened, who
from hub.core import Hub
from hub.look.members import find_member
from hub.look.rides import classes, find_class, rides_of, rides_of_class
from hub.notify.wording import metric_text

__all__ = ["metrics_"]

metrics_ = App(name="metrics", help="What was ridden: results, trends, exports.", result_action="return_value")

SHOWN = ("distance_km", "energy_kj", "calories_kcal", "power_avg_w", "cadence_avg_rpm", "hr_avg_bpm", "points")


@metrics_.default
async def list_(
    member: str | None = None,
    /,
    *,
    class_: Annotated[str | None, Parameter(name="--class")] = None,
    dropped: bool = False,
    limit: Count = 10,
    json: Json = False,
) -> None:
    """Results: of a member, of a class, or of the last classes.

    On a terminal the most important metrics; with --json all of them, null where not measured.

    Parameters
    ----------
    member:
        The member (connection:id, id, e-mail or full name).
    class_:
        Only of this class (connection:id, or id).
    dropped:
        What was dropped, instead of what counts.
    limit:
        Without a member or a class: of so many classes.
    """
    async with opened() as hub:
        rides, waiting = await _rides(hub, member, class_, dropped=dropped, limit=limit)
    if json:
        output.print_json([_as_json(ride) for ride in rides])
        return
    if rides:
        columns = ["result", "class", "when", "member", *(_title(name) for name in SHOWN)]
        output.table(columns, [_row(ride) for ride in rides])
        if any(ride.implausible for ride in rides):
            output.line("? can hardly be: it is left out of rankings, totals and bests")
    else:
        output.line(
            "No results were dropped." if dropped else "No results yet. They appear half an hour after a class."
        )
    for text in waiting:
        output.line(text)


async def _rides(
    hub: Hub, member: str | None, class_: str | None, *, dropped: bool, limit: int
) -> tuple[list[Ride], list[str]]:
    """The rides that were asked for; and of classes without any, what they wait for."""
    studio, now = hub.the_studio, hub.clock.now()
    async with hub.database.read() as db:
        found = await find_member(db, studio, member) if member is not None else None
        event_id = await find_class(db, studio, class_) if class_ is not None else None
        if found is not None:
            rides = await rides_of(db, hub.vault, studio, found.source, found.member_id, dropped=dropped)
            return [ride for ride in rides if event_id in (None, ride.event_id)], []
        views = await classes(db, studio, now=now, event_id=event_id, limit=limit)
        rides = []
        for view in views:
            rides += await rides_of_class(db, hub.vault, studio, view.event_id, dropped=dropped)
    zone = times.zone(studio.timezone)
    waiting = []
    for view in views:
        if view.results or dropped:
            continue
        due = view.results_due_at
        said = "no data" if due is None else f"results are looked for at {due.astimezone(zone):%d %b %H:%M}"
        waiting.append(escape(f"{view.name or view.session}, {view.starts_at.astimezone(zone):%d %b %H:%M}: {said}"))
    return rides, waiting


def _as_json(ride: Ride) -> dict[str, Any]:
    return {
        "id": ride.result_id,
        "session": ride.session,
        "name": ride.name,
        "starts_at": times.to_text(ride.starts_at),
        "member": ride.member,
        "seat": ride.seat,
        **{name: ride.metrics.get(name) for name in METRICS},
        "implausible": sorted(ride.implausible),
    }


def _title(name: str) -> str:
    word = {"energy_kj": "energy", "calories_kcal": "calories"}.get(name) or name.rpartition("_")[0] or name
    return word.replace("_", " ").replace(" avg", " ⌀")


def _row(ride: Ride) -> list[str]:
    when = ride.starts_at.astimezone(times.zone(ride.timezone))
    shown = []
    for name in SHOWN:
        value = ride.metrics.get(name)
        mark = " ?" if name in ride.implausible else ""
        shown.append("–" if value is None else f"{metric_text(METRICS[name], value, 'en')}{mark}")
    title = escape(ride.name or ride.session)
    return [str(ride.result_id), title, f"{when:%d %b %Y %H:%M}", escape(ride.member), *shown]


metrics_.command(trends_, name="trends")
metrics_.command(export, name="export")


@metrics_.command(name="reassign")
async def reassign(result: int, member: str, /, *, why: str = "") -> None:
    """Give a result to another member, as after a swap of bikes. It is kept who did that.

    Parameters
    ----------
    result:
        The number of the result, as `studiohub metrics` lists it.
    member:
        Whose it is (connection:id, id, e-mail or full name).
    why:
        A word for those who read it later.
    """
    async with opened() as hub, hub.database.write() as db:
        found = await find_member(db, hub.the_studio, member)
        now = hub.clock.now()
        notes = await corrections.reassign(db, hub.the_studio, result, found, who=who(), now=now, why=why)
    output.line(f"{output.mark('ok')} result {result} is {escape(found.ref)}'s now.")
    for note in notes:
        output.line(f"{output.mark('warning')} {escape(note)}")


@metrics_.command(name="drop")
async def drop(result: int, /, *, why: str = "") -> None:
    """Leave a result out of everything. It can be restored.

    Parameters
    ----------
    result:
        The number of the result, as `studiohub metrics` lists it.
    why:
        A word for those who read it later.
    """
    async with opened() as hub, hub.database.write() as db:
        await corrections.drop(db, hub.the_studio, result, who=who(), now=hub.clock.now(), why=why)
    output.line(f"{output.mark('ok')} result {result} is dropped. `studiohub metrics restore {result}` takes it back.")


@metrics_.command(name="restore")
async def restore(result: int, /, *, why: str = "") -> None:
    """Let a result that was dropped count again.

    Parameters
    ----------
    result:
        The number of the result, as `studiohub metrics --dropped` lists it.
    why:
        A word for those who read it later.
    """
    async with opened() as hub, hub.database.write() as db:
        await corrections.restore(db, hub.the_studio, result, who=who(), now=hub.clock.now(), why=why)
    output.line(f"{output.mark('ok')} result {result} counts again.")


@metrics_.command(name="fetch")
async def fetch(class_: str, /) -> None:
    """Ask the tracker for the results of a class again. Corrections are taken; nobody gets a second mail.

    Parameters
    ----------
    class_:
        The class (connection:id, or id).
    """
    async with opened() as hub, hub.database.write() as db:
        event_id = await find_class(db, hub.the_studio, class_)
        target = await corrections.fetch_again(db, hub.the_studio, event_id, who=who(), now=hub.clock.now())
    output.line(f"{output.mark('ok')} They are fetched with the next pass over {escape(target)}.")
    output.line(f"    [cyan]→[/] `studiohub sync {escape(target)}` does it now, where no daemon runs.")
