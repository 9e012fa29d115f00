"""The terminal UI, where it is installed: it is found like a plugin, so that the core needs nothing of it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from dataclasses import dataclass
from importlib.metadata import entry_points
from pathlib import Path
from typing import Annotated, Protocol, cast

from cyclopts import Parameter
from cyclopts.validators import Number
from rich.markup import escape

from hub.cli import output
from hub.cli.opened import settings
from hub.core import initialise
from hub.errors import UserError
from hub.settings import HubSettings

__all__ = ["InBrowser", "find_ui", "instead_of_nothing", "is_terminal", "plain_terminal", "tui_"]

GROUP, NAME = "studiohub.ui", "tui"
WEB_PORT = 8711


@dataclass(frozen=True)
class InBrowser:
    """Serve it to browsers, in place of the terminal."""

    host: str
    port: int
    behind_proxy: str | None


class Run(Protocol):
    """What the entry point is."""

    def __call__(
        self,
        settings: HubSettings,
        *,
        read_only: bool = False,
        ascii: bool = False,
        theme: str | None = None,
        web: InBrowser | None = None,
    ) -> Awaitable[int]:
        """Show the terminal UI until it is left; returns an exit code."""
        ...


def find_ui() -> Run:
    """The terminal UI. Raises UserError where it is not installed, or can't be loaded."""
    found = next(iter(entry_points(group=GROUP, name=NAME)), None)
    fix = "Install studiohub with it (`pip install studiohub`). The commands work without: `studiohub --help`."
    if found is None:
        raise UserError("the terminal UI is not part of this installation", fix=fix, code="no_ui")
    try:
        return cast(Run, found.load())
    except ImportError as error:
        raise UserError("the terminal UI can't be loaded", said=str(error), fix=fix, code="no_ui") from error


async def tui_(
    *,
    read_only: Annotated[bool, Parameter(help="Only look: nothing can be changed from there.")] = False,
    ascii: Annotated[bool, Parameter(help="Draw with ASCII alone.")] = False,
    theme: Annotated[str | None, Parameter(help="hub-dark, hub-light, or one of Textual's themes.")] = None,
    web: Annotated[bool, Parameter(help="Serve it to a browser on this machine; read only without --write.")] = False,
    host: Annotated[str | None, Parameter(help="With --web: the address to listen on; 127.0.0.1 unless set.")] = None,
    port: Annotated[
        int | None, Parameter(validator=Number(gte=0, lte=65535), help="With --web: the port; 8711 unless set.")
    ] = None,
    write: Annotated[bool, Parameter(help="With --web: changes can be made from the browser.")] = False,
    behind_proxy: Annotated[
        str | None,
        Parameter(help="With --web: the https address of a proxy before it that asks who it is. It has no log-in."),
    ] = None,
) -> int:
    """The terminal UI: what needs you, who can open what, runs, plans."""
    chosen = settings()
    given = [("--host", host), ("--port", port), ("--write", write or None), ("--behind-proxy", behind_proxy)]
    needless = [name for name, value in given if value is not None]
    if needless and not web:
        raise UserError(f"{needless[0]} goes with --web", fix="`studiohub tui --web` serves the terminal UI.")
    if write and read_only:
        raise UserError("--write or --read-only, not both")
    if chosen.database_url is None and not _is_home(chosen.home):
        if web or not is_terminal():
            raise UserError(
                f"there is no studiohub home at {chosen.home}", fix="Run `studiohub init` first.", code="no_home"
            )
        if not _wanted(chosen.home):
            # Somebody said no, which is an answer and no mistake; there is nothing to show all the same.
            output.say("Nothing was made. `studiohub init` makes one; `--home FOLDER` says where.")
            return 2
        await initialise(chosen)
    run = find_ui()
    if web:
        served = InBrowser(host or "127.0.0.1", WEB_PORT if port is None else port, behind_proxy)
        return await run(chosen, read_only=not write, ascii=ascii, theme=theme, web=served)
    if not is_terminal():
        raise UserError(
            "the terminal UI needs a terminal",
            fix="`studiohub inbox`, `grants` and `runs` print the same; `studiohub tui --web` serves a browser.",
            code="no_terminal",
        )
    return await run(chosen, read_only=read_only, ascii=ascii or plain_terminal(), theme=theme)


def _is_home(home: Path) -> bool:
    """Whether anything is there: a folder that was made for it beforehand is no home yet."""
    try:
        return home.is_dir() and any(home.iterdir())
    except OSError:
        # What can't be read is said by whoever needs it.
        return True


def _wanted(home: Path) -> bool:
    """Whether whoever starts here for the first time wants a home there. Only a clear yes counts: a mistyped folder
    must not become a second studio."""
    output.line(f"There is no studiohub home at {escape(str(home))} yet: no studio, no key, no database.")
    try:
        return input("Make one there? [y/N] ").strip().casefold() in {"y", "yes", "j", "ja"}
    except (EOFError, KeyboardInterrupt):
        return False


def instead_of_nothing() -> tuple[str, ...]:
    """What `studiohub` alone means: the terminal UI where there is a terminal for it, else what commands there are."""
    return ("tui",) if is_terminal() and entry_points(group=GROUP, name=NAME) else ()


def is_terminal() -> bool:
    """Whether somebody sits at a terminal."""
    return sys.stdin.isatty() and sys.stdout.isatty()


def plain_terminal() -> bool:
    """Whether it can only draw ASCII: the console of Linux itself."""
    import os

    return os.environ.get("TERM") == "linux"
