"""Classes at trackers, and who is whom there: sessions, links."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import Annotated

from cyclopts import App, Parameter
from rich.markup import escape

from hub import times
from hub.classes.work import VANISHED
from hub.cli import output
from hub.cli.opened import Count, Json, opened, who
from hub.cli.work import end
from hub.core import Hub
from hub.engine.sync import sync_target
from hub.errors import UserError
from hub.look.classes import ClassView, SeatView, list_classes, seat_maps
from hub.look.links import clear_link, list_links, set_link

__all__ = ["links_", "sessions_"]

sessions_ = App(name="sessions", help="Classes at trackers, and who sits where.", result_action="return_value")
links_ = App(name="links", help="Who is whom at a lock or tracker.", result_action="return_value")

DAYS = 7


@sessions_.default
async def list_(
    *,
    since: Annotated[str | None, Parameter(name="--from")] = None,
    until: str | None = None,
    days: Count | None = None,
    target: str | None = None,
    problems: Annotated[bool, Parameter(help="Only what somebody has to look at.")] = False,
    seats: str | None = None,
    json: Json = False,
) -> None:
    """Classes at trackers, who sits where, and why somebody doesn't. From today on, seven days, unless said otherwise.

    Parameters
    ----------
    since:
        From that day, or moment, on: 2026-11-21, or 2026-11-21 18:30.
    until:
        Up to that day, it included, or that moment.
    days:
        So many days.
    target:
        Only at this tracker.
    seats:
        Show the seat map of that room (its id, or its box) instead, beside what the tracker has.
    """
    async with opened() as hub:
        if seats is not None:
            await _seat_maps(hub, seats, json=json)
            return
        if target is not None:
            await hub.connection_row(target)
        zone = times.zone(hub.the_studio.timezone)
        begins = _moment(since, hub) if since else _today(hub)
        if until is not None:
            ends = _moment(until, hub, end=True)
        else:
            ends = times.local_to_utc(begins.astimezone(zone).replace(tzinfo=None) + timedelta(days=days or DAYS), zone)
        views = await list_classes(hub, since=begins, until=ends, target=target, problems=problems)
    if json:
        output.print_json([view.as_json() for view in views])
        return
    if not views:
        output.line("No problems." if problems else "No classes in rooms with a box in that time.")
    for view in views:
        _show(view, view.starts_at.astimezone(zone), problems=problems)


@sessions_.command(name="approve")
async def approve(target: str, /, *, json: Json = False) -> int:
    """Let classes go that vanished from their source, and are held because they are many: they are cancelled now.

    Parameters
    ----------
    target:
        The tracker.
    """
    async with opened() as hub:
        row = await hub.connection_row(target)
        if row.options is None or hub.plugins[row.plugin].kind != "tracker":
            raise UserError(f"{target} is no tracker", fix="`studiohub approve PLAN` is for locks.")
        with output.progress() as bars:
            run = await sync_target(
                hub, row, trigger=f"approved by {who()}", progress=bars, full=False, approved={VANISHED}
            )
    return end(run, json=json)


def _today(hub: Hub) -> datetime:
    zone = times.zone(hub.the_studio.timezone)
    return times.day_start(hub.clock.now().astimezone(zone).date(), zone)


def _moment(text: str, hub: Hub, *, end: bool = False) -> datetime:
    zone = times.zone(hub.the_studio.timezone)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise UserError(f"{text!r} is no day or moment", fix='Write it as 2026-11-21 or "2026-11-21 18:30".') from error
    if moment.tzinfo is not None:
        return moment.astimezone(UTC)
    if moment.time() == time.min and len(text) <= len("2026-11-21"):
        return times.day_end(moment.date(), zone) if end else times.day_start(moment.date(), zone)
    return times.local_to_utc(moment, zone)


def _show(view: ClassView, starts: datetime, *, problems: bool) -> None:
    box = f", box {view.box}" if view.box else ""
    status = output.status(view.status) if view.status is not None else "[bright_black]not sent[/]"
    why = f": {escape(view.reason)}" if view.status in {None, "failed", "unknown", "removed"} else ""
    output.line(f"{status} [bold]{starts:%a %d %b %H:%M} {escape(view.name)}[/] ({escape(view.target + box)}){why}")
    for seat in view.seats:
        if (seat.status == "removed" or problems) and seat.good:
            continue
        _show_seat(seat)


def _show_seat(seat: SeatView) -> None:
    place = f"spot {seat.spot}" if seat.spot else "no spot"
    place += f", seat {seat.seat}" if seat.seat is not None else ""
    why = "" if seat.status == "created" else f": {escape(seat.reason)}"
    output.line(f"    {output.status(seat.status, escape(place))} {escape(seat.name)}{why}")


async def _seat_maps(hub: Hub, room: str, *, json: bool) -> None:
    maps = await seat_maps(hub, room)
    if json:
        output.print_json(
            [
                {
                    "source": one.rule.source,
                    "room": one.rule.place,
                    "box": one.rule.box,
                    "seats": dict(one.rule.seats),
                    "known": list(one.known) if one.known is not None else None,
                    "gaps": list(one.gaps),
                    "duplicates": list(one.duplicates),
                    "strange": list(one.strange),
                    "unknown": list(one.unknown),
                    "unused": list(one.unused),
                }
                for one in maps
            ]
        )
        return
    for one in maps:
        output.line(f"[bold]{escape(one.rule.place)}[/] is box {escape(one.rule.box)}")
        spots = list(dict.fromkeys([*one.spots, *one.rule.seats]))
        rows = []
        for spot in spots:
            seat = one.rule.seats.get(spot)
            wrong = [
                words
                for words, which, what in (
                    ("no seat", one.gaps, spot),
                    ("no such spot", one.strange, spot),
                    ("no such seat", one.unknown, seat),
                    ("used twice", one.duplicates, seat),
                )
                if what in which
            ]
            rows.append([escape(spot), escape(seat or ""), ", ".join(wrong)])
        output.table(["spot", "seat", ""], rows)
        if one.known is None:
            output.line(f"{output.mark('warning')} The tracker can't tell its seats: try one rider on one seat first.")
        elif one.unused:
            output.line(f"Seats that no spot leads to: {escape(', '.join(one.unused))}")


@links_.default
async def links_list(
    *,
    target: str | None = None,
    conflicts: Annotated[bool, Parameter(help="Only conflicts.")] = False,
    json: Json = False,
) -> None:
    """Who is whom at a lock or tracker: matched, or set by hand; conflicts first.

    Parameters
    ----------
    target:
        Only at this one.
    """
    async with opened() as hub:
        if target is not None:
            await hub.connection_row(target)
        views = await list_links(hub, target=target, conflicts=conflicts)
    if json:
        output.print_json([view.as_json() for view in views])
        return
    if not views:
        output.line("No conflicts." if conflicts else "Nobody is linked yet.")
        return
    output.table(
        ["state", "member", "name", "at", "id", "how", ""],
        [
            [
                output.status("failed" if view.state == "conflict" else "ok", view.state),
                escape(view.member),
                escape(view.name),
                escape(view.target),
                escape(view.vendor_id or ""),
                "by hand" if view.by_hand else "matched" if view.vendor_id else "",
                escape(view.note),
            ]
            for view in views
        ],
    )


@links_.command(name="set")
async def set_(member: str, target: str, vendor_id: str, /) -> None:
    """Say by hand who a member is there. It goes before any e-mail, and stays until it is cleared.

    Parameters
    ----------
    member:
        connection:id, an id, an e-mail address or a full name.
    target:
        The lock or tracker.
    vendor_id:
        The person's id there.
    """
    async with opened() as hub:
        ref = await set_link(hub, member, target, vendor_id, who=who())
    output.line(f"{output.mark('ok')} {escape(ref)} is {escape(vendor_id)} at {escape(target)}.")
    output.line("[cyan]→[/] The daemon acts on it by itself; `studiohub sync` does it now.")


@links_.command(name="clear")
async def clear(member: str, target: str, /) -> None:
    """Take away what was said by hand: the e-mail counts again.

    Parameters
    ----------
    member:
        connection:id, an id, an e-mail address or a full name.
    target:
        The lock or tracker.
    """
    async with opened() as hub:
        ref = await clear_link(hub, member, target, who=who())
    output.line(f"{output.mark('ok')} {escape(ref)} is matched at {escape(target)} again.")
    output.line("[cyan]→[/] The daemon acts on it by itself; `studiohub sync` does it now.")
