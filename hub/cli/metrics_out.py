"""What rides say taken together, and all of them as a table."""

from __future__ import annotations

from datetime import date, datetime
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.markup import escape

from hub import times
from hub.classes.rides import METRICS, Ride
from hub.classes.trends import Change, Span, Trends, trends
from hub.cli import output
from hub.cli.opened import Json, opened, who
from hub.errors import UserError
from hub.look.export import export_rides
from hub.look.members import Found, find_member
from hub.look.rides import rides_of
from hub.notify.wording import metric_text
from hub.words import counted

__all__ = ["export", "trends_"]


async def trends_(member: str, /, *, json: Json = False) -> None:
    """A member over all their classes: totals, means, bests, and the last weeks against those before.

    Parameters
    ----------
    member:
        The member (connection:id, id, e-mail or full name).
    """
    async with opened() as hub:
        studio, now = hub.the_studio, hub.clock.now()
        async with hub.database.read() as db:
            found = await find_member(db, studio, member)
            rides = await rides_of(db, hub.vault, studio, found.source, found.member_id)
    made = trends(rides, now=now)
    if json:
        output.print_json(_trends_json(found, made))
        return
    if not rides:
        output.line(f"{escape(found.name)} has no results yet.")
        return
    output.line(f"[bold]{escape(found.name)}[/] ({escape(found.ref)}): {counted(made.total.rides, 'ride')}")
    output.table(["", "total", "mean", "best", "last 4 weeks", "last 12 weeks"], _trend_rows(made))
    if made.ftp:
        points = ", ".join(f"{point.ftp_w:.0f} W since {_day(point.at, point.ride)}" for point in made.ftp)
        output.line(f"FTP: {points}")


def _trend_rows(made: Trends) -> list[list[str]]:
    rows = []
    for name, metric in METRICS.items():
        total, mean, best = made.total.totals.get(name), made.total.means.get(name), made.bests.get(name)
        if total is None and mean is None:
            continue
        rows.append(
            [
                name,
                metric_text(metric, total, "en") if total is not None else "",
                metric_text(metric, mean, "en") if mean is not None else "",
                f"{metric_text(metric, best.value, 'en')} ({_day(best.ride.starts_at, best.ride)})" if best else "",
                *(_change(change, name) for change in (made.weeks_4, made.weeks_12)),
            ]
        )
    return rows


def _day(moment: datetime, ride: Ride) -> str:
    return f"{moment.astimezone(times.zone(ride.timezone)):%d %b %Y}"


def _change(change: Change, name: str) -> str:
    """What the last weeks came to, and how that compares with the weeks before, where there is something before."""
    now, more = {**change.now.totals, **change.now.means}.get(name), change.more(name)
    if now is None:
        return ""
    text = metric_text(METRICS[name], now, "en")
    return f"{text} ({more:+.0%})" if more is not None else text


def _trends_json(found: Found, made: Trends) -> dict[str, Any]:
    def span_json(span: Span) -> dict[str, Any]:
        return {"rides": span.rides, "minutes": span.minutes, "totals": span.totals, "means": span.means}

    def ride_json(ride: Ride) -> dict[str, Any]:
        return {"result": ride.result_id, "session": ride.session, "starts_at": times.to_text(ride.starts_at)}

    def change_json(change: Change) -> dict[str, Any]:
        names = change.now.totals.keys() | change.now.means.keys()
        return {
            "now": span_json(change.now),
            "before": span_json(change.before),
            "more": {name: change.more(name) for name in sorted(names)},
        }

    return {
        "member": found.ref,
        **span_json(made.total),
        "bests": {name: {"value": best.value, **ride_json(best.ride)} for name, best in made.bests.items()},
        "weeks_4": change_json(made.weeks_4),
        "weeks_12": change_json(made.weeks_12),
        "ftp": [{"ftp_w": point.ftp_w, **ride_json(point.ride)} for point in made.ftp],
    }


async def export(
    file: Path,
    /,
    *,
    member: str | None = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
    until: str | None = None,
) -> None:
    """Write results into a table that other programs read. Only you can read the file: it is health data.

    Parameters
    ----------
    file:
        Where to: .csv, .parquet or .arrow. What is there already is replaced.
    member:
        Only of this member (connection:id, id, e-mail or full name).
    from_:
        The first day, such as 2026-11-01.
    until:
        The last day, which is included.
    """
    async with opened() as hub:
        first, last = (_date(day) if day is not None else None for day in (from_, until))
        count = await export_rides(hub, file, who=who(), member=member, first=first, last=last)
    output.line(f"{output.mark('ok')} {counted(count, 'result')} in {escape(str(file))}")


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{text!r} is no day", fix='Write it as "2026-11-21".') from error
