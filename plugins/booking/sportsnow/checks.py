"""Trying a connection: what works, what doesn't, what to do. Nothing is changed; the folder is read as a sync does."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import aclosing
from pathlib import Path

from hub import Connection, FixSettings, RetryLater, VendorError
from hub.grants import Check, CheckState
from hub.records import Complete, Page, Problem, Window
from hub.words import counted
from plugins.booking.sportsnow import assumed, export, imports, wire
from plugins.booking.sportsnow.client import SportsNow
from plugins.booking.sportsnow.export import Table
from plugins.booking.sportsnow.folder import look, read_mark
from plugins.booking.sportsnow.settings import settings_of
from plugins.booking.sportsnow.sheet import FileTrouble, Sheet
from plugins.booking.sportsnow.timetable import Weeks, lessons

__all__ = ["verify"]


async def verify(connection: Connection) -> list[Check]:
    """Every check. Problems are checks, never errors."""
    settings = settings_of(connection)
    checks = [*await _timetable(connection), _zone(connection)]
    if settings.assumed_routes:
        checks += await _assumed(connection)
    elif settings.path is not None:
        checks += await _folder(connection, settings.path)
    else:
        said = "path is not set, so there are lessons and nobody who could come to them"
        fix = "Set path to a folder with exported customers and passes."
        checks.append(Check(title="members and passes", state=CheckState.SKIPPED, said=said, fix=fix))
    if (settings.assumed_routes or settings.path is not None) and settings.badge_numbers is None:
        said = "badge_numbers is not set; badge numbers of digits only are set aside"
        fix = 'Set badge_numbers to "decimal" or "hexadecimal", as the numbers are in SportsNow.'
        checks.append(Check(title="badge numbers", state=CheckState.WARNING, said=said, fix=fix))
    return checks


async def _timetable(connection: Connection) -> list[Check]:
    api = connection.keep(SportsNow)
    this = wire.monday_of(connection.clock.now().astimezone(connection.timezone).date())
    started = time.perf_counter()
    title = f"the timetable of {api.settings.provider} can be read"
    try:
        async with aclosing(lessons(api, Weeks((this,), whole=False))) as weeks:
            week = await anext(weeks)
    except VendorError as error:
        said = f"{error.what}. {error.said}".strip() if error.said else error.what
        fix = error.fix or "Check base_url and the way out to the internet."
        if isinstance(error, RetryLater):
            fix = "Check base_url and the way out to the internet; if both are right, try again later."
        return [Check(title=title, state=CheckState.FAILED, said=said, own=True, fix=fix)]
    took = round((time.perf_counter() - started) * 1000)
    checks = [Check(title=title, state=CheckState.OK, took_ms=took)]
    if week.problems:
        first = week.problems[0]
        said = f"{counted(len(week.problems), 'lesson')} can't be read; first: {first.what}"
        checks.append(Check(title="lessons of this week", state=CheckState.FAILED, said=said, fix=first.fix))
    elif week.empty:
        said = "none; nothing is taken as cancelled while a week is empty"
        fix = "Look at the timetable on sportsnow.ch; if it has lessons, check provider."
        checks.append(Check(title="lessons of this week", state=CheckState.WARNING, said=said, fix=fix))
    else:
        said = counted(len(week.lessons), "lesson")
        checks.append(Check(title="lessons of this week", state=CheckState.OK, said=said))
    return checks


def _zone(connection: Connection) -> Check:
    said = f"SportsNow's times have no zone; they are read in {connection.timezone.key}, the studio's"
    return Check(title="time zone", state=CheckState.OK, said=said)


async def _assumed(connection: Connection) -> list[Check]:
    api = connection.keep(SportsNow)
    warning = Check(
        title="assumed routes",
        state=CheckState.WARNING,
        said="switched on, although SportsNow has not confirmed that they exist",
        fix="Switch assumed_routes off unless SportsNow has given you such an interface, and put exports into path.",
    )
    title = "customers can be read"
    try:
        async with aclosing(api.assumed(assumed.path(api.settings.provider, "customers"))) as pages:
            async for _ in pages:
                break
    except VendorError as error:
        return [
            warning,
            Check(
                title=title, state=CheckState.FAILED, said=error.said or error.what, own=not error.said, fix=error.fix
            ),
        ]
    return [warning, Check(title=title, state=CheckState.OK)]


async def _folder(connection: Connection, path: Path) -> list[Check]:
    try:
        folder = look(path)
        found, problems = await _read(connection, path)
    except (FixSettings, RetryLater) as error:
        return [
            Check(
                title="folder",
                state=CheckState.FAILED,
                said=error.said or error.what,
                own=not error.said,
                fix=error.fix,
            )
        ]
    checks = [Check(title="folder", state=CheckState.OK, said=str(folder.path))]
    for table in folder.tables:
        wrong = [problem for problem in problems if problem.kind == table.kind]
        title, said = f"{table.kind} in {table.file}", f"{found[table.kind]:,} read"
        if wrong:
            said = f"{said}, {counted(len(wrong), 'problem')}; first {wrong[0].where}: {wrong[0].what}"
            checks.append(Check(title=title, state=CheckState.FAILED, said=said, fix=wrong[0].fix))
        else:
            left = _left_aside(folder.files[table.file], table)
            said = f"{said}; columns left aside: {', '.join(left)}" if left else said
            checks.append(Check(title=title, state=CheckState.OK, said=said))
    if folder.others:
        fix = f"These are read: {', '.join(sorted({table.file for table in export.TABLES}))}."
        checks.append(Check(title="other files", state=CheckState.WARNING, said=", ".join(folder.others), fix=fix))
    mark = read_mark(folder, connection.timezone)
    title = f"mark {export.MARK!r}"
    if mark.at is None:
        said = f"{mark.why_not}; nobody loses access because a row is missing"
        fix = "Write the time of the export into it when all files are there."
        checks.append(Check(title=title, state=CheckState.WARNING, said=said, fix=fix))
    else:
        said = mark.at.astimezone(connection.timezone).strftime("%Y-%m-%d %H:%M")
        checks.append(Check(title=title, state=CheckState.OK, said=said))
    return checks


def _left_aside(path: Path, table: Table) -> list[str]:
    """The headings that nobody knows; none where the file is just being replaced."""
    try:
        return Sheet.open(path, table).left_aside
    except FileTrouble:
        return []


async def _read(connection: Connection, path: Path) -> tuple[Counter[str], list[Problem]]:
    found = Counter[str]()
    problems: list[Problem] = []
    async with aclosing(imports.read(connection, path, Window())) as items:
        async for item in items:
            match item:
                case Page():
                    found[item.kind] += len(item.records)
                case Problem():
                    problems.append(item)
                case Complete():
                    pass
    return found, problems
