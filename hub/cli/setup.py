"""Getting started: home, studio file, connections, demo."""

from __future__ import annotations

import getpass
import sys
from json import dumps
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter, validators
from rich.markup import escape

from hub import times
from hub.cli import output
from hub.cli.opened import Json, opened, settings, who
from hub.connection import Connection
from hub.core import Hub, initialise
from hub.errors import HubError, UserError
from hub.grants import Check, CheckState
from hub.look.rules import describe_rows
from hub.plugins import Plugin
from hub.reconcile.observe import keep_openings
from hub.store import journal
from hub.studio.connecting import check_connection, gave_access, try_connection
from hub.studio.editing import row_values
from hub.studio.file import spec_from_values
from hub.studio.importing import Imported
from hub.studio.registry import ConnectionRow
from hub.words import counted

__all__ = ["connect_", "demo_", "disconnect_", "export_", "import_", "init_", "verify_"]

POLICIES = ("sync", "grant_only", "observe")


async def demo_(
    *, headless: bool = False, members: Annotated[int, Parameter(validator=validators.Number(gte=20))] = 200
) -> int:
    """A made-up studio on simulated vendors, in a throw-away home.

    The terminal UI opens on it, the engine runs, and the studio goes on: people book, cancel and ride, and a vendor is
    away for a while. Without a terminal, or with --headless, it is told in words.

    Parameters
    ----------
    headless:
        Print what happens, step by step, and end.
    members:
        How many members the studio has in words, at least 20.
    """
    from hub.cli.ui import find_ui, is_terminal, plain_terminal
    from hub.demo import run_headless, run_live

    if headless:
        return await run_headless(output.line, members=members)
    if not is_terminal():
        output.say("There is no terminal here for the terminal UI; here is the demo in words.")
        return await run_headless(output.line, members=members)
    run = find_ui()
    return await run_live(lambda made: run(made, ascii=plain_terminal()), output.say)


async def init_(*, json: Json = False) -> None:
    """Make the home: folder, key file (readable by you only) and database."""
    chosen = settings()
    made = await initialise(chosen)
    if json:
        output.print_json({"home": str(chosen.home), "made": made})
        return
    for thing in made:
        output.line(f"{output.status('ok', 'made')} {escape(thing)}")
    if not made:
        output.line(f"Nothing to do: {escape(str(chosen.home))} is complete.")
    else:
        output.line("Next: `studiohub import studio.toml`, or `studiohub demo` to look round.")


async def import_(file: Path, /, *, json: Json = False) -> None:
    """Bring connections and mapping tables in line with a studio file.

    Parameters
    ----------
    file:
        The studio file (TOML).
    """
    from hub.studio.importing import import_file

    async with opened() as hub:
        done = await import_file(hub, file, who=who())
        async with hub.database.read() as db:
            gone, come = [
                await describe_rows(db, hub.the_studio, [row for _, row in rows]) for rows in (done.removed, done.added)
            ]
        zone, now = times.zone(hub.the_studio.timezone), hub.clock.now()
    if json:
        output.print_json({"changes": done.changes, **_import_json(done)})
        return
    for change in done.changes or ["nothing changed: everything is as the file says"]:
        output.line(f"{output.mark('ok')} {escape(change)}")
    if not done.first:
        for mark, words, rows in (("remove", gone, done.removed), ("create", come, done.added)):
            for (kind, _), text in zip(rows, words, strict=True):
                output.line(f"{output.mark(mark)} {kind}: {escape(text)}")
    for edit in done.taken_back:
        at, today = edit.at.astimezone(zone), now.astimezone(zone).date()
        when = f"{at:%H:%M}" if at.date() == today else f"{at:%d %b %Y %H:%M}"
        output.line(
            f"{output.mark('warning')} {edit.table}: this takes back an edit made at {when} by {escape(edit.who)}"
        )
    for note in done.notes:
        output.line(f"{output.mark('warning')} {escape(note)}")
    if done.changes:
        output.line("Next: `studiohub verify` tries the connections, `studiohub plan` says what a sync would do.")


def _import_json(done: Imported) -> dict[str, Any]:
    """What an import has to tell besides its changes; what there is nothing of is left out."""
    rows = {
        name: [{"table": kind, "row": row_values(row)} for kind, row in rows]
        for name, rows in (("removed", done.removed), ("added", done.added))
    }
    edits = [{"table": edit.table, "at": times.to_text(edit.at), "who": edit.who} for edit in done.taken_back]
    told: dict[str, Any] = {**rows, "taken_back": edits, "notes": done.notes}
    return {name: what for name, what in told.items() if what}


async def export_(file: Path | None = None, /, *, member: str | None = None) -> None:
    """Write the studio file of what is connected; or, with --member, everything that is kept about one person.

    Secrets and codes are never in either.

    Parameters
    ----------
    file:
        Where to; standard output where it is left out.
    member:
        The person (connection:id, id, e-mail or full name). The result is one JSON document.
    """
    from hub.engine.personal import personal_data
    from hub.look.members import find_member
    from hub.studio.importing import export_text

    async with opened() as hub:
        if member is None:
            text = await export_text(hub)
        else:
            async with hub.database.read() as db:
                found = await find_member(db, hub.the_studio, member)
                data = await personal_data(db, hub, found)
            text = dumps(data, ensure_ascii=False, indent=2) + "\n"
            async with hub.database.write() as db:
                await journal.add_audit(
                    db, hub.the_studio.id, who=who(), act="export", subject=found.ref, now=hub.clock.now()
                )
    if file is None:
        sys.stdout.write(text)
    else:
        _write(file, text)
        output.say(f"written to {file}")


def _write(file: Path, text: str) -> None:
    """A file that is there already may have comments and origins of secrets that the text lacks, so it is kept."""
    try:
        if file.is_file() and file.read_bytes() != text.encode():
            kept = file.with_name(f"{file.name}~")
            file.replace(kept)
            output.say(f"what was in {file} is in {kept} now")
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        fix = "Choose a file that you may write."
        if file.is_dir():
            fix = f"Name a file in it, such as {file / 'studio.toml'}."
        elif not file.absolute().parent.is_dir():
            fix = f"Make the folder first: mkdir -p {file.parent}"
        raise UserError(f"{file} can't be written", said=error.strerror or "", fix=fix) from error


async def connect_(
    plugin: str,
    name: str,
    /,
    *settings_given: str,
    policy: Literal["sync", "grant_only", "observe"] | None = None,
    check: Annotated[bool, Parameter(negative="--no-check")] = True,
    json: Json = False,
) -> int:
    """Connect a booking system, a lock or a tracker, or change a connection's settings.

    Settings are given as key=value, secrets as key=env:NAME or key=file:PATH; what is missing is asked for on a
    terminal. A secret is never taken from the command line itself. The connection is tried first, and saved only if
    nothing that was tried failed.

    Parameters
    ----------
    plugin:
        Which vendor; `studiohub plugin list` shows them.
    name:
        What to call the connection.
    settings_given:
        key=value, once for each setting.
    policy:
        How far the hub may go at a lock or tracker.
    check:
        Try the connection before saving it.
    """
    from hub.studio.importing import save_one_connection

    async with opened() as hub:
        chosen = hub.plugins[plugin]
        given = _given(chosen, settings_given)
        current = {row.name: row for row in await hub.connections()}.get(name)
        if current is not None and current.plugin != plugin:
            raise UserError(
                f"{name!r} is a connection of plugin {current.plugin!r}, not {plugin!r}", fix="Choose another name."
            )
        values: dict[str, Any] = {**(current.settings if current else {}), **given}
        if chosen.kind != "booking":
            values = {**(current.options.model_dump() if current and current.options else {}), **values}
            values["policy"] = policy or values.get("policy")
            if values["policy"] is None:
                values["policy"] = _ask("How far may the hub go (sync, grant_only, observe)?", "policy")
            if values["policy"] not in POLICIES:
                known = ", ".join(POLICIES)
                raise UserError(f"policy must be one of {known}, not {values['policy']!r}", code="settings")
        if current is None:
            _ask_missing(chosen, values)
        found: list[tuple[str | None, str]] = []
        spec = spec_from_values(name, chosen, values, base=Path.cwd(), found=found)
        if spec is None:
            raise UserError("\n".join(what for _, what in found), code="settings")
        checks = await try_connection(hub, spec, current) if check else []
        failed = any(one.state is CheckState.FAILED for one in checks)
        changes = [] if failed else (await save_one_connection(hub, spec, who=who())).changes
    if json:
        output.print_json({"saved": not failed, "changes": changes, "checks": [_check_json(one) for one in checks]})
    else:
        if checks:
            _show_checks(name, checks)
        for change in changes or ([] if failed else [f"connection {name!r} is as it was"]):
            output.line(f"{output.mark('ok')} {escape(change)}")
    if failed:
        output.say("nothing was saved; with --no-check it is saved untried")
    return 1 if failed else 0


def _given(plugin: Plugin, pairs: tuple[str, ...]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    secret = plugin.settings.secret_names()
    for pair in pairs:
        key, equals, value = pair.partition("=")
        if not equals:
            raise UserError(f"write settings as key=value, not {pair.split('=')[0]!r}")
        if value.startswith("env:"):
            values[key] = {"env": value[4:]}
        elif value.startswith("file:"):
            values[key] = {"file": value[5:]}
        elif key in secret:
            raise UserError(
                f"{key} is a secret and the command line is not: others can read it there",
                fix=f"Write {key}=env:NAME or {key}=file:PATH, or leave it out to be asked.",
            )
        else:
            values[key] = value
    return values


def _ask_missing(plugin: Plugin, values: dict[str, Any]) -> None:
    secret = plugin.settings.secret_names()
    for key, info in plugin.settings.model_fields.items():
        if not info.is_required() or key in values:
            continue
        title = info.title or key
        values[key] = _ask(f"{title}:", key, hidden=key in secret)


def _ask(question: str, key: str, *, hidden: bool = False) -> str:
    if not sys.stdin.isatty():
        raise UserError(f"{key} is missing", fix=f"Write {key}=… or run this on a terminal.")
    return getpass.getpass(f"{question} ") if hidden else output.err().input(f"{question} ")


async def verify_(name: str | None = None, /, *, json: Json = False) -> int:
    """Try connections, thing by thing, and say what works and what doesn't.

    Ends with 0 (all work), 4 (some do), 1 (none does).

    Parameters
    ----------
    name:
        Which connection; all of them where it is left out.
    """
    results: dict[str, list[Check]] = {}
    async with opened() as hub:
        rows = [await hub.connection_row(name)] if name else await hub.connections()
        for row in rows:
            results[row.name] = await check_connection(hub, row)
            if row.options is not None and not any(c.state is CheckState.FAILED for c in results[row.name]):
                results[row.name] += await _keep_openings(hub, row, await hub.open_connection(row))
    if json:
        output.print_json(
            [{"connection": one, "checks": [_check_json(c) for c in checks]} for one, checks in results.items()]
        )
    else:
        for one, checks in results.items():
            _show_checks(one, checks)
    failed = [any(c.state is CheckState.FAILED for c in checks) for checks in results.values()]
    return 0 if not any(failed) else 1 if all(failed) else 4


async def _keep_openings(hub: Hub, row: ConnectionRow, connection: Connection) -> list[Check]:
    """Keep which groups and locks there are, so that an import knows what a mapping row can name."""
    if not hub.plugins.has(row.plugin, "list_openings"):
        return []
    try:
        listed = await hub.plugins.call(connection, "list_openings")
    except HubError as error:
        said = f"{error.what}. {error.said}" if error.said else error.what
        return [Check(title="groups and locks are listed", state=CheckState.FAILED, said=said, own=True, fix=error.fix)]
    async with hub.database.write() as db:
        await keep_openings(db, row.id, listed, now=hub.clock.now())
    return []


def _check_json(check: Check) -> dict[str, Any]:
    return {
        "title": check.title,
        "state": check.state.value,
        "said": check.said,
        "fix": check.fix,
        "took_ms": check.took_ms,
    }


def _show_checks(name: str, checks: list[Check]) -> None:
    output.line(f"[bold]{escape(name)}[/]")
    for check in checks:
        took = f" [bright_black]{check.took_ms} ms[/]" if check.took_ms is not None else ""
        # Titles are worded for what is well ("key and secret are accepted"), so a failed one needs the word.
        failed = "failed: " if check.state is CheckState.FAILED else ""
        output.line(f"  {output.mark(check.state.value)} {failed}{escape(check.title)}{took}")
        if check.said:
            output.line(f"      {'[bright_black]it said:[/] ' if check.quotes else ''}{escape(check.said)}")
        if check.fix:
            output.line(f"      [cyan]→[/] {escape(check.fix)}")


async def disconnect_(
    name: str,
    /,
    *,
    leave: Annotated[bool, Parameter(help="Leave everything at the vendor as it is.")] = False,
    revoke: Annotated[bool, Parameter(help="Take back everything that the hub gave there, first.")] = False,
    json: Json = False,
) -> int:
    """Forget a connection, its secrets and its records. One by which access was given needs --leave or --revoke.

    Parameters
    ----------
    name:
        Which connection.
    """
    from hub.engine.disconnecting import disconnect

    if leave and revoke:
        raise UserError("--leave or --revoke, not both")
    async with opened() as hub:
        row = await hub.connection_row(name)
        if not (leave or revoke) and await gave_access(hub, row):
            leave_it = ", --leave leaves all as it is at the vendor" if row.options is not None else ""
            raise UserError(
                "say what happens to the access that the hub gave by it: --leave or --revoke",
                fix=f"`studiohub disconnect {name} --revoke` takes it back{leave_it}.",
            )
        done = await disconnect(hub, name, revoke=revoke, who=who())
    if json:
        output.print_json({"removed": done.removed, "failed": done.failed, "forgotten": done.forgotten})
    else:
        if revoke:
            could_not = f", {len(done.failed)} could not be" if done.failed else ""
            output.line(f"{counted(done.removed, 'grant')} taken back{could_not}")
        for member, why in done.failed.items():
            output.line(f"  {output.status('failed', member)} {escape(why)}")
        if done.forgotten:
            output.line(f"{output.mark('ok')} {name} is forgotten")
    return 0 if done.forgotten else 4
