"""The pages as the tests read them: blocks, tables, and the commands in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cyclopts import App

from hub.cli.app import app
from tests.vendor_pair.cluster import ROOT

DOCS = ROOT / "docs"
PAGES = (ROOT / "README.md", *sorted(DOCS.rglob("*.md")))

_FENCE = re.compile(r"^( *)```(\w*)[^\n]*\n(.*?)^\1```", re.DOTALL | re.MULTILINE)


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: Path
    line: int
    kind: str
    text: str

    @property
    def place(self) -> str:
        """Where it stands, for people."""
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def page(name: str) -> str:
    """A page's text, by its name under docs/."""
    return (DOCS / f"{name}.md").read_text(encoding="utf-8")


def prose(text: str) -> str:
    """A page without its blocks."""
    return _FENCE.sub("", text)


def blocks(*kinds: str) -> list[Block]:
    """The blocks of these kinds in all pages, without the indentation of a list that they stand in."""
    found = []
    for file in PAGES:
        text = file.read_text(encoding="utf-8")
        for match in _FENCE.finditer(text):
            if match[2] in kinds:
                body = re.sub(rf"^{match[1]}", "", match[3], flags=re.MULTILINE)
                found.append(Block(file, text.count("\n", 0, match.start()) + 1, match[2], body))
    return found


def section(text: str, heading: str) -> str:
    """What stands under a heading, up to the next one of its rank or above."""
    rank = len(heading) - len(heading.lstrip("#"))
    _, found, rest = f"\n{text}".partition(f"\n{heading}\n")
    assert found, f"there is no {heading}"
    return re.split(rf"^#{{1,{rank}}} ", rest, maxsplit=1, flags=re.MULTILINE)[0]


def first_cells(text: str) -> list[str]:
    """The codes in the first column of the tables, in order."""
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    return [code for row in rows for code in re.findall(r"`([^`]+)`", row.split("|")[1])]


def row_of(text: str, code: str) -> list[str]:
    """The cells of the row whose first one names this code."""
    (found,) = (line for line in text.splitlines() if line.startswith("| `") and f"`{code}`" in line.split("|")[1])
    return [cell.strip() for cell in found.strip().strip("|").split("|")]


@cache
def commands() -> dict[str, App]:
    """Every command that can be typed, by its words: `mail save`."""

    def walk(one: App, words: str) -> Iterator[tuple[str, App]]:
        if one.default_command is not None and words:
            yield words, one
        for name in one:
            if not name.startswith("-"):
                yield from walk(one[name], f"{words} {name}".strip())

    return dict(walk(app, ""))


def options_of(command: App) -> dict[str, bool]:
    """The options of a command, each with whether a value follows it."""
    collection = command.assemble_argument_collection(parse_docstring=True)
    found = {}
    for argument in collection:
        shown = argument.name.startswith("--")
        if shown:
            flag = argument.hint is bool
            names = [name for name in argument.names if not name.startswith("--no-") or name == "--no-check"]
            found |= dict.fromkeys(names, not flag)
    return found


EVERYWHERE = {"--home": True, "--studio": True, "--help": False, "--version": False}


def typed(line: str) -> list[str]:
    """The words of a command line up to a pipe or redirection, without a comment."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars="|;&<>()")
    lexer.whitespace_split, lexer.commenters = True, "#"
    words = []
    for word in lexer:
        if set(word) <= set("|;&<>()"):
            break
        words.append(word)
    return words


def mistake_in(words: list[str]) -> str:
    """What is wrong with the words behind `studiohub`; empty where nothing is."""
    rest = list(words)
    while rest and rest[0] in EVERYWHERE:
        del rest[: 1 + EVERYWHERE[rest[0]]]
    if not rest:
        return ""
    known = commands()
    name = next((" ".join(rest[:n]) for n in (2, 1) if " ".join(rest[:n]) in known), None)
    if name is None:
        return f"there is no command {rest[0]!r}" if rest[0] not in {one.split()[0] for one in known} else ""
    takes = {**options_of(known[name]), **EVERYWHERE}
    rest = rest[len(name.split()) :]
    while rest:
        word, _, value = rest.pop(0).partition("=")
        if not word.startswith("--"):
            continue
        if word not in takes:
            return f"{name} takes no {word}"
        if takes[word] and not value:
            if not rest:
                return f"{name} {word} needs a value"
            rest.pop(0)
    return ""
