"""What the commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from rich.table import Table

from hub import redact
from hub.errors import HubError

__all__ = ["crash", "error", "mark", "print_json", "progress", "say", "table", "usage_error"]

STYLES = {
    "created": "green",
    "create": "green",
    "done": "green",
    "ok": "green",
    "in_progress": "yellow",
    "running": "yellow",
    "change": "yellow",
    "held": "yellow",
    "warning": "yellow",
    "blocked": "yellow",
    "removed": "bright_black",
    "remove": "red",
    "failed": "bold red",
    "broken": "bold red",
    "error": "bold red",
    "unknown": "bold red",
}
GLYPHS = {
    "created": "●",
    "done": "●",
    "ok": "●",
    "in_progress": "◐",
    "running": "◐",
    "removed": "○",
    "failed": "✖",
    "broken": "✖",
    "error": "✖",
    "unknown": "✖",
    "held": "◌",
    "warning": "▲",
    "blocked": "▲",
    "create": "+",
    "change": "~",
    "remove": "−",
    "skipped": "○",
}


@cache
def out() -> Console:
    """Standard output."""
    return Console(highlight=False, soft_wrap=not sys.stdout.isatty())


@cache
def err() -> Console:
    """Standard error."""
    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def say(text: str) -> None:
    """A sentence for a person."""
    err().print(escape(redact.mask(text)))


def line(text: str) -> None:
    """A line of a result, with markup."""
    out().print(text)


def print_json(value: Any) -> None:
    """One JSON document on standard output."""
    json.dump(value, sys.stdout, ensure_ascii=False, indent=2 if sys.stdout.isatty() else None)
    sys.stdout.write("\n")


def status(word: str, text: str | None = None) -> str:
    """A status as glyph and word, coloured; the words alone say it all."""
    style = STYLES.get(word, "")
    shown = f"{GLYPHS.get(word, '·')} {(text or word).replace('_', ' ')}"
    return f"[{style}]{escape(shown)}[/]" if style else escape(shown)


def mark(word: str) -> str:
    """A status as its glyph alone, for lines whose words say it already."""
    return f"[{STYLES.get(word, '')}]{GLYPHS.get(word, '·')}[/]" if word in STYLES else GLYPHS.get(word, "·")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None) -> None:
    """A table on a terminal; columns separated by tabs into a pipe. Cells may carry markup."""
    if not sys.stdout.isatty():
        plain = Console(file=sys.stdout, highlight=False, soft_wrap=True, no_color=True, force_terminal=False)
        for row in (columns, *rows):
            plain.print("\t".join(row), overflow="ignore", no_wrap=True, crop=False)
        return
    made = Table(*columns, title=title, box=None, pad_edge=False, header_style="bright_black", title_justify="left")
    for row in rows:
        made.add_row(*row)
    out().print(made)


def error(problem: HubError) -> None:
    """What does not work, what was said, what to do."""
    console = err()
    first, *rest = redact.mask(problem.what).splitlines()
    console.print(f"[bold red]✖[/] {escape(first)}")
    for text in rest:
        console.print(f"  {escape(text)}")
    if problem.said:
        console.print(f"  [bright_black]it said:[/] {escape(redact.mask(problem.said))}")
    if problem.fix:
        console.print(f"  [cyan]→[/] {escape(redact.mask(problem.fix))}")


def usage_error(problem: Exception) -> int:
    """What was typed can't be used."""
    text = " ".join(redact.mask(str(problem)).split())
    err().print(f"[bold red]✖[/] {escape(text)}")
    err().print("  [cyan]→[/] `studiohub --help` lists the commands, `studiohub COMMAND --help` what one takes.")
    return 2


def crash(problem: Exception) -> int:
    """A mistake in studiohub itself: a redacted report in a file, and where it is."""
    report = redact.mask("".join(traceback.format_exception(problem)))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    home = Path(os.environ.get("STUDIOHUB_HOME", "."))
    path = (home if home.is_dir() else Path()) / f"crash-{stamp}.txt"
    try:
        path.write_text(report, encoding="utf-8")
        path.chmod(0o600)
        where = f"The report is in {path}; it holds no secrets."
    except OSError:
        where = report
    err().print(f"[bold red]✖[/] studiohub made a mistake: {escape(redact.mask(type(problem).__name__))}")
    err().print(f"  [cyan]→[/] {escape(where)}")
    return 1


class _Bars:
    """Progress bars, one for each step."""

    def __init__(self, bars: Progress) -> None:
        self._bars = bars
        self._tasks: dict[str, TaskID] = {}

    def step(self, title: str, done: int, total: int | None) -> None:
        """So much of that step is done."""
        if title not in self._tasks:
            self._tasks[title] = self._bars.add_task(escape(title), total=total)
        self._bars.update(self._tasks[title], completed=done, total=total)


class _Silent:
    def step(self, title: str, done: int, total: int | None) -> None:
        """Nothing: nobody is looking."""


@contextmanager
def progress() -> Iterator[_Bars | _Silent]:
    """Progress bars on a terminal, nothing into a pipe."""
    if not sys.stderr.isatty():
        yield _Silent()
        return
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err(), transient=True) as bars:
        yield _Bars(bars)
