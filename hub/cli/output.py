"""What the commands print: results on standard output, everything else on standard error."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
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


class _Console(Console):
    """A console that leaves it to the command line to end when nobody reads any more."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        raise BrokenPipeError


@cache
def out() -> Console:
    """Standard output."""
    return _Console(highlight=False, soft_wrap=not sys.stdout.isatty())


@cache
def err() -> Console:
    """Standard error."""
    return _Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def clean(text: str) -> str:
    """The text without secrets, and without control characters by which a name could take over the terminal."""
    return redact.mask(text).translate(_CONTROLS)


_CONTROLS = {code: "\ufffd" for code in (*range(32), *range(127, 160)) if chr(code) not in "\t\n"}


def say(text: str) -> None:
    """A sentence for a person."""
    err().print(escape(clean(text)))


def line(text: str, *, reveal: bool = False) -> None:
    """A line of a result, with markup. `reveal`: it is there to show secrets."""
    out().print(text if reveal else clean(text))


def print_json(value: Any, *, reveal: bool = False) -> None:
    """One JSON document on standard output. `reveal`: it is there to show secrets."""
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    indent = 2 if sys.stdout.isatty() else None
    json.dump(value if reveal else _masked(value), sys.stdout, ensure_ascii=not utf8, indent=indent)
    sys.stdout.write("\n")
    sys.stdout.flush()


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return redact.mask(value)
    if isinstance(value, Mapping):
        return {key: _masked(item) for key, item in value.items()}
    return [_masked(item) for item in value] if isinstance(value, list | tuple) else value


def status(word: str, text: str | None = None) -> str:
    """A status as glyph and word, coloured; the words alone say it all."""
    style = STYLES.get(word, "")
    shown = f"{GLYPHS.get(word, '·')} {(text or word).replace('_', ' ')}"
    return f"[{style}]{escape(shown)}[/]" if style else escape(shown)


def mark(word: str) -> str:
    """A status as its glyph alone, for lines whose words say it already."""
    return f"[{STYLES.get(word, '')}]{GLYPHS.get(word, '·')}[/]" if word in STYLES else GLYPHS.get(word, "·")


def table(
    columns: Sequence[str], rows: Sequence[Sequence[str]], *, title: str | None = None, reveal: bool = False
) -> None:
    """A table on a terminal; columns separated by tabs into a pipe. Cells may carry markup. `reveal`: it is there to
    show secrets."""
    shown = rows if reveal else [[clean(cell) for cell in row] for row in rows]
    if not sys.stdout.isatty():
        plain = _Console(file=sys.stdout, highlight=False, soft_wrap=True, no_color=True, force_terminal=False)
        for row in (columns, *shown):
            cells = (" ".join(cell.split()) for cell in row)
            plain.print("\t".join(cells), overflow="ignore", no_wrap=True, crop=False)
        return
    made = Table(*columns, title=title, box=None, pad_edge=False, header_style="bright_black", title_justify="left")
    for row in shown:
        made.add_row(*row)
    out().print(made)


NARROW = 100
"""Columns below which a wide table would break its cells."""


def narrow() -> bool:
    """Whether a table of eight columns has no room: on a terminal of fewer columns than that takes."""
    return sys.stdout.isatty() and out().width < NARROW


def folded(rows: Sequence[tuple[str, Sequence[str]]], *, reveal: bool = False) -> None:
    """Each row as a line with what belongs to it below, in a terminal too narrow for a table. What does not fit ends
    in `…`. Both may carry markup. `reveal`: it is there to show secrets, and those are never cut."""
    for head, below in rows:
        for text in (head, *(f"    {one}" for one in below)):
            if reveal:
                out().print(text)
            else:
                out().print(clean(text), no_wrap=True, overflow="ellipsis")


def error(problem: HubError, *, json: bool = False) -> None:
    """What does not work, what was said, what to do. `json`: a document of it as well, on standard output."""
    if json:
        with suppress(OSError):
            print_json(error_json(problem.code, problem.what, problem.said, problem.fix))
    console = err()
    first, *rest = clean(problem.what).splitlines() or [""]
    console.print(f"[bold red]✖[/] {escape(first)}")
    for text in rest:
        console.print(f"  {escape(text)}")
    if problem.said:
        console.print(f"  [bright_black]it said:[/] {escape(clean(problem.said))}")
    if problem.fix:
        console.print(f"  [cyan]→[/] {escape(clean(problem.fix))}")


def error_json(code: str, text: str, said: str, fix: str) -> dict[str, Any]:
    """An error as `--json` prints it."""
    return {"error": {"code": code, "text": text, "said": said, "fix": fix}}


def usage_error(problem: Exception, *, near: str = "", json: bool = False) -> int:
    """What was typed can't be used. `near`: the command that was meant, where one comes to mind."""
    text = " ".join(clean(str(problem)).split())
    text = f"{text} Did you mean {near}?" if near else text
    if json:
        with suppress(OSError):
            print_json(error_json("usage", text, "", "studiohub --help"))
    err().print(f"[bold red]✖[/] {escape(text)}")
    err().print("  [cyan]→[/] `studiohub --help` lists the commands, `studiohub COMMAND --help` what one takes.")
    return 2


def crash(problem: Exception, *, home: Path, json: bool = False) -> int:
    """A mistake in studiohub itself: a redacted report in a file that only its owner can read, and where it is."""
    report = redact.mask("".join(traceback.format_exception(problem)))
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S")
    path = (home if home.is_dir() else Path.cwd()) / f"crash-{stamp}-{os.getpid()}.txt"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(report)
        where = f"The report is in {path}; it holds no secrets."
    except OSError:
        where = report
    what = f"studiohub made a mistake: {clean(type(problem).__name__)}"
    if json:
        with suppress(OSError):
            print_json(error_json("crash", what, "", where))
    err().print(f"[bold red]✖[/] {escape(what)}")
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
