"""The terminal UI, where it is installed: it is found like a plugin, so that the core needs nothing of it."""

from __future__ import annotations

import sys
from collections.abc import Awaitable
from importlib.metadata import entry_points
from typing import Annotated, Protocol, cast

from cyclopts import Parameter

from hub.cli.opened import settings
from hub.errors import UserError
from hub.settings import HubSettings

__all__ = ["find_ui", "instead_of_nothing", "tui_"]

GROUP, NAME = "studiohub.ui", "tui"


class Run(Protocol):
    """What the entry point is."""

    def __call__(
        self, settings: HubSettings, *, read_only: bool = False, ascii: bool = False, theme: str | None = None
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
) -> int:
    """The terminal UI: what needs you, who can open what, runs, plans."""
    chosen = settings()
    if chosen.database_url is None and not chosen.home.is_dir():
        raise UserError(
            f"there is no studiohub home at {chosen.home}", fix="Run `studiohub init` first.", code="no_home"
        )
    run = find_ui()
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UserError(
            "the terminal UI needs a terminal",
            fix="`studiohub inbox`, `grants` and `runs` print the same.",
            code="no_terminal",
        )
    return await run(chosen, read_only=read_only, ascii=ascii or _plain_terminal(), theme=theme)


def instead_of_nothing() -> tuple[str, ...]:
    """What `studiohub` alone means: the terminal UI where there is a terminal for it, else what commands there are."""
    there = sys.stdin.isatty() and sys.stdout.isatty() and entry_points(group=GROUP, name=NAME)
    return ("tui",) if there else ()


def _plain_terminal() -> bool:
    import os

    return os.environ.get("TERM") == "linux"
