"""Looking: grants, runs, log, inbox, explain, accesses."""

from __future__ import annotations

import asyncio
import difflib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from cyclopts import Parameter
from rich.markup import escape
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.cli import output
from hub.cli.opened import Count, Json, opened, who
from hub.core import Hub
from hub.engine.stopping import ask_to_stop
from hub.errors import UserError
from hub.look import journal
from hub.look.accesses import accesses_of
from hub.look.explain import explain
from hub.look.grants import GrantView, list_grants
from hub.look.history import held_at
from hub.look.members import find_member
from hub.look.rules import list_things
from hub.reconcile.observe import keep_openings
from hub.store.journal import add_audit
from hub.words import counted

__all__ = ["accesses_", "explain_", "grants_", "inbox_", "log_", "openings_", "runs_"]


async def grants_(
    *,
    member: str | None = None,
    target: str | None = None,
    status: Literal["in_progress", "created", "removed", "failed", "unknown"] | None = None,
    at: str | None = None,
    limit: Count | None = None,
    reveal: Annotated[bool, Parameter(help="Show codes and URLs.")] = False,
    json: Json = False,
) -> None:
    """Every grant: who can open what, since when, until when, and why.

    Parameters
    ----------
    member:
        Only of this member (connection:id, id, e-mail or full name).
    target:
        Only at this lock.
    status:
        Only with this status.
    at:
        Who could open what at that moment in the past: 2026-11-21 18:30 in the studio's time, or with a zone.
    limit:
        At most so many, the newest ones.
    """
    if at is not None:
        await _grants_at(at, member=member, target=target, json=json)
        return
    async with opened() as hub:
        zone = times.zone(hub.the_studio.timezone)
        if target is not None:
            await hub.connection_row(target)
        async with hub.database.read() as db:
            found = await find_member(db, hub.the_studio, member) if member else None
            views = await list_grants(
                db,
                hub.the_studio,
                member=found.member_id if found else None,
                source=found.source if found else None,
                target=target,
                status=status,
                limit=limit,
                reveal=hub.vault if reveal else None,
            )
        if reveal:
            await _note_reveal(hub, found.ref if found else target or "all grants", views)
    if json:
        output.print_json([view.as_json(reveal=reveal) for view in views], reveal=reveal)
        return
    rows = [
        [
            output.status(view.status),
            escape(view.member),
            escape(view.name),
            escape(view.target),
            escape(view.opens_text),
            *_window(view, zone),
            escape(view.reason),
            *([escape(view.code or ""), escape(view.url or "")] if reveal else []),
        ]
        for view in views
    ]
    columns = ["status", "member", "name", "at", "opens", "from", "until", "why", *(["code", "URL"] if reveal else [])]
    if rows and output.narrow():
        output.folded([_folded(row) for row in rows], reveal=reveal)
    elif rows:
        output.table(columns, rows, reveal=reveal)
    else:
        limited = member or target or status
        output.line("No such grants." if limited else "No grants yet. They appear after the first `studiohub sync`.")


def _folded(row: Sequence[str]) -> tuple[str, Sequence[str]]:
    """A grant in two lines: who can open what, then when and why; what is revealed below."""
    status, member, name, target, opens, start, end, why, *sealed = row
    head = f"{status}  [bold]{name or member}[/]  {opens} [bright_black]· {target}[/]"
    when = f"{start} – {end}   [bright_black]{member}   {why}[/]"
    return head, [when, *(one for one in sealed if one)]


async def _note_reveal(hub: Hub, subject: str, views: Sequence[GrantView]) -> None:
    """Leave in the audit that codes and URLs were shown, and how many."""
    shown = sum(view.code is not None or view.url is not None for view in views)
    if not shown:
        return
    detail = f"codes and URLs of {counted(shown, 'grant')}"
    async with hub.database.write() as db:
        await add_audit(
            db, hub.the_studio.id, who=who(), act="reveal", subject=subject, detail=detail, now=hub.clock.now()
        )


async def _grants_at(text: str, *, member: str | None, target: str | None, json: bool) -> None:
    """The grants that stood at a moment."""
    async with opened() as hub:
        zone = times.zone(hub.the_studio.timezone)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError as error:
            raise UserError(f"{text!r} is no moment", fix='Write it as "2026-11-21 18:30".') from error
        moment = moment if moment.tzinfo is not None else moment.replace(tzinfo=zone)
        if target is not None:
            await hub.connection_row(target)
        async with hub.database.read() as db:
            found = await find_member(db, hub.the_studio, member) if member else None
            held = await held_at(
                db,
                hub.the_studio,
                moment.astimezone(UTC),
                member=found.member_id if found else None,
                source=found.source if found else None,
                target=target,
            )
    if json:
        output.print_json([one.as_json() for one in held])
        return
    rows = [
        [
            escape(one.member),
            escape(one.name),
            escape(one.target),
            escape(one.opens_text),
            f"{one.since.astimezone(zone):%d %b %Y %H:%M}",
            escape(times.moment_text(one.valid_until, zone) or "open end"),
        ]
        for one in held
    ]
    if rows:
        output.table(["member", "name", "at", "opens", "since", "until"], rows)
    else:
        output.line(f"Nobody had a grant at {moment.astimezone(zone):%d %b %Y %H:%M}.")


async def runs_(
    *, connection: str | None = None, limit: Count = 30, stop: str | None = None, json: Json = False
) -> None:
    """The last runs, newest first.

    Parameters
    ----------
    connection:
        Only of this connection.
    limit:
        How many.
    stop:
        Ask the run with this id to leave off (`--json` lists ids). What it has done stays; the rest waits until its
        connection is worked on next.
    """
    async with opened() as hub:
        if stop is not None:
            await ask_to_stop(hub, stop, who=who())
        zone = times.zone(hub.the_studio.timezone)
        async with hub.database.read() as db:
            found = await journal.runs(db, hub.the_studio, connection=connection, limit=limit)
        if connection is not None and not found:
            await hub.connection_row(connection)
    if json:
        output.print_json(found)
        return
    rows = [
        [
            output.status(run["state"]),
            times.from_text(run["started_at"]).astimezone(zone).strftime("%d %b %H:%M:%S"),
            escape(run["flow"]),
            ", ".join(
                f"{count} {name.replace('_', ' ')}"
                for name, count in run["counts"].items()
                if count and "seen" not in name
            ),
            f"{run['seconds']:.1f} s" if run["seconds"] is not None else "…",
            escape(run["trigger"]),
        ]
        for run in found
    ]
    output.table(["state", "started", "flow", "changes", "took", "by"], rows)


async def log_(
    *,
    follow: Annotated[bool, Parameter(help="Go on showing new lines as they come.")] = False,
    run: str | None = None,
    connection: str | None = None,
    member: str | None = None,
    level: Literal["debug", "info", "warning", "error"] | None = None,
    limit: Count = 100,
    json: Json = False,
) -> None:
    """The sync log.

    Parameters
    ----------
    run:
        Only of this run.
    connection:
        Only of this connection.
    member:
        Only of this member (connection:id).
    level:
        This level and worse.
    limit:
        How many of the last lines.
    """
    async with opened() as hub:
        zone = times.zone(hub.the_studio.timezone)
        kept: dict[str, Any] = {"run_id": run, "connection": connection, "member": member, "level": level}
        async with hub.database.read() as db:
            lines = await journal.log_lines(db, hub.the_studio, limit=limit, **kept)
            if not lines:
                await _check_names(hub, db, kept)
        if json and not follow:
            output.print_json(lines)
            return
        last = 0
        while True:
            for line in lines:
                last = line["id"]
                if json:
                    output.print_json(line)
                else:
                    _show_line(line, zone)
            if not follow:
                return
            await asyncio.sleep(0.5)
            async with hub.database.read() as db:
                lines = await journal.log_lines(db, hub.the_studio, after=last, limit=500, **kept)


async def _check_names(hub: Hub, db: AsyncConnection, kept: dict[str, Any]) -> None:
    """Nothing was found: say so where a name is the reason. What is gone by now may still stand in the log."""
    if kept["connection"] is not None:
        await hub.connection_row(kept["connection"])
    if kept["member"] is not None:
        await find_member(db, hub.the_studio, kept["member"])
    if kept["run_id"] is not None and not await journal.run_exists(db, hub.the_studio, kept["run_id"]):
        known = [run["id"] for run in await journal.runs(db, hub.the_studio, limit=500)]
        near = difflib.get_close_matches(kept["run_id"], known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        fix = "`studiohub runs --json` lists the ids."
        raise UserError(f"there is no run {kept['run_id']!r}{hint}", fix=fix, code="no_run")


def _show_line(line: dict[str, Any], zone: Any) -> None:
    moment = times.from_text(line["at"]).astimezone(zone).strftime("%d %b %H:%M:%S")
    who = f" {line['member']}" if line["member"] else ""
    mark = f"{output.mark(line['level'])} " if line["level"] != "info" else "  "
    output.line(
        f"[bright_black]{moment}[/] {mark}{escape(line['connection'] or '')}{escape(who)}: {escape(line['text'])}"
    )


async def inbox_(*, json: Json = False) -> None:
    """What needs a person, worst first."""
    async with opened() as hub, hub.database.read() as db:
        items = await journal.inbox(db, hub.the_studio)
    if json:
        output.print_json(items)
        return
    if not items:
        output.line(f"{output.mark('ok')} Nothing needs you.")
    for item in items:
        output.line(f"{output.mark('warning')} {escape(item['text'])}")
        if item["fix"]:
            output.line(f"    [cyan]→[/] {escape(item['fix'])}")


async def explain_(member: str, /, *, json: Json = False) -> None:
    """Why has, or hasn't, this person access? Ends with what to do.

    Parameters
    ----------
    member:
        connection:id, an id, an e-mail address or a full name.
    """
    async with opened() as hub:
        zone = times.zone(hub.the_studio.timezone)
        answer = await explain(hub, member)
    if json:
        output.print_json(answer.as_json())
        return
    good = answer.verdict in {"access", "later", "bike"}
    output.line(f"{output.mark('ok' if good else 'warning')} [bold]{escape(answer.sentence)}[/]")
    for reason in answer.lines:
        where = f"{escape(reason.target)}: " if reason.target else ""
        output.line(f"  {output.mark('ok' if reason.good else 'warning')} {where}{escape(reason.text)}")
        if reason.fix:
            output.line(f"      [cyan]→[/] {escape(reason.fix)}")
    for door in answer.doors:
        until = f" until {times.moment_text(door.valid_until, zone)}" if door.valid_until else ""
        output.line(f"  {output.status(door.status)} {escape(door.target)} {escape(door.name)}{until}")


async def accesses_(
    booking: str,
    /,
    *,
    reveal: Annotated[bool, Parameter(help="Show codes and URLs.")] = False,
    json: Json = False,
) -> None:
    """What a booking opens or opened, since when and until when, and why it doesn't.

    Parameters
    ----------
    booking:
        connection:id, an id, or the booking number of the source.
    """
    async with opened() as hub:
        zone = times.zone(hub.the_studio.timezone)
        answer = await accesses_of(hub, booking, reveal=reveal)
        if reveal:
            await _note_reveal(hub, f"booking {answer.ref}", [*answer.accesses, *answer.anyway])
    if json:
        output.print_json(answer.as_json(reveal=reveal), reveal=reveal)
        return
    stands = any(view.status == "created" for view in (*answer.accesses, *answer.anyway))
    output.line(f"{output.mark('ok' if stands else 'warning')} [bold]{escape(answer.sentence(zone))}[/]")
    for line in answer.lines:
        where = f"{escape(line.target)}: " if line.target else ""
        output.line(f"  {output.mark('ok' if line.good else 'warning')} {where}{escape(line.text)}")
        if line.fix:
            output.line(f"      [cyan]→[/] {escape(line.fix)}")
    columns = ["status", "at", "opens", "from", "until", "made", *(["code", "URL"] if reveal else []), "admin area"]
    shown = [(view, "") for view in answer.accesses] + [(view, " (not by the booking)") for view in answer.anyway]
    if shown:
        output.table(columns, [_access(view, note, zone, reveal=reveal) for view, note in shown], reveal=reveal)
    else:
        output.line("No accesses.")
    if any(view.status == "removed" for view in answer.accesses):
        output.line("Removed accesses have no code and no URL any more: they are erased with the removal.")
    if not reveal and any(view.status != "removed" for view, _ in shown):
        output.line("Codes and URLs: --reveal.")


def _window(view: GrantView, zone: ZoneInfo) -> tuple[str, str]:
    first, last = times.edges_text(view.valid_from, view.valid_until, zone)
    return first or "open start", last or "open end"


def _access(view: GrantView, note: str, zone: ZoneInfo, *, reveal: bool) -> list[str]:
    return [
        output.status(view.status),
        escape(view.target),
        escape(view.opens_text + note),
        *_window(view, zone),
        f"{view.created_at.astimezone(zone):%d %b %Y %H:%M}",
        *([escape(view.code or ""), escape(view.url or "")] if reveal else []),
        escape(view.admin_url or ""),
    ]


async def openings_(name: str | None = None, /, *, json: Json = False) -> int:
    """The access groups and locks of the vendors, and the passes, resources, communities, room plans and locations of
    the sources, with the ids that mapping rows name.

    Vendors are asked now; of a source it is what was last read.

    Parameters
    ----------
    name:
        Only of this connection.
    """
    found: list[dict[str, Any]] = []
    async with opened() as hub:
        rows = [await hub.connection_row(name)] if name else await hub.connections()
        for row in rows:
            if row.options is None:
                async with hub.database.read() as db:
                    things = await list_things(db, row.id)
                found += [{"connection": row.name, **thing, "notes": []} for thing in things]
                continue
            if not hub.plugins.has(row.plugin, "list_openings"):
                continue
            listed = await hub.plugins.call(await hub.open_connection(row), "list_openings")
            async with hub.database.write() as db:
                await keep_openings(db, row.id, listed, now=hub.clock.now())
            found += [
                {
                    "connection": row.name,
                    "kind": one.kind,
                    "id": one.id,
                    "name": one.name,
                    "notes": [note.text for note in one.notes],
                }
                for one in listed
            ]
    if json:
        output.print_json(found)
        return 0
    if not found:
        output.line("Nothing to name yet. What a source has is known after the first `studiohub sync`.")
        return 0
    output.table(
        ["at", "kind", "name", "id", ""],
        [
            [
                one["connection"],
                one["kind"].replace("_", " "),
                escape(one["name"]),
                escape(one["id"]),
                " ".join(one["notes"]),
            ]
            for one in found
        ],
    )
    return 0
