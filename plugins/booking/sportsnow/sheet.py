"""One CSV file as it lies there: what its header says, and its rows. Knows nothing of records."""

from __future__ import annotations

import csv
import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, TextIO

from plugins.booking.sportsnow.export import Table

__all__ = ["FileTrouble", "Fingerprint", "Sheet", "fingerprint"]

_ALIKE = 0.7
"""From here on two names are one of them misspelt."""

_AGAIN = "Export it again."


class FileTrouble(Exception):
    """A file that can't be read: where, what is wrong, what to do."""

    def __init__(self, where: str, what: str, fix: str = _AGAIN) -> None:
        super().__init__(what)
        self.where = where
        self.what = what
        self.fix = fix


class Fingerprint(NamedTuple):
    """What changes when a file is written to or replaced."""

    size: int
    modified_ns: int
    inode: int


def fingerprint(path: Path) -> Fingerprint | None:
    """The fingerprint of a file, None where it can't be looked at."""
    try:
        found = path.stat()
    except OSError:
        return None
    return Fingerprint(found.st_size, found.st_mtime_ns, found.st_ino)


class Row(NamedTuple):
    """A row: the line on which it ends, and its cells by column; None where it has another width than the header."""

    line: int
    cells: dict[str, str] | None


@dataclass(frozen=True)
class Sheet:
    """A file with its header understood. Every pass over its rows opens it anew."""

    path: Path
    separator: str
    names: tuple[str, ...]
    columns: dict[str, int]

    @property
    def left_aside(self) -> list[str]:
        """Headings that nobody knows."""
        return [name for name in self.names if name and name not in self.columns]

    @classmethod
    def open(cls, path: Path, table: Table) -> Sheet:
        """Read the header. Raises FileTrouble where the file can't be read with it."""
        with _reading(path) as file:
            try:
                line = next((line for line in file if line.strip()), "")
            except UnicodeDecodeError:
                raise _not_utf8(path) from None
        if not line:
            raise FileTrouble(path.name, "is empty; not even a header row is there")
        candidates = [(separator, _names(line, separator, table)) for separator in (",", ";")]
        separator, names = max(candidates, key=lambda found: len({*found[1]} & {*table.columns}))
        _check(path.name, names, table)
        columns = {name: place for place, name in enumerate(names) if name in table.columns}
        return cls(path, separator, names, columns)

    def has(self, column: str) -> bool:
        """Whether the file has this column."""
        return column in self.columns

    def rows(self) -> Iterator[Row]:
        """Every row behind the header that isn't blank. Raises FileTrouble where the rest can't be taken apart."""
        with _reading(self.path) as file:
            reader = csv.reader(file, delimiter=self.separator, strict=True, skipinitialspace=True)
            header = True
            try:
                for row in reader:
                    if not any(cell.strip() for cell in row):
                        continue
                    if any("\0" in cell for cell in row):
                        raise FileTrouble(f"{self.path.name} line {reader.line_num}", "holds bytes that no text has")
                    if header:
                        header = False
                        continue
                    yield Row(reader.line_num, self._cells(row))
            except csv.Error as error:
                where = f"{self.path.name} line {reader.line_num}"
                fix = "A quote inside of a quoted cell is written twice, and every quote is closed."
                raise FileTrouble(where, f"its quotes don't match ({error})", fix) from None
            except UnicodeDecodeError:
                raise _not_utf8(self.path) from None
            except OSError as error:
                raise FileTrouble(self.path.name, f"can't be read: {error.strerror or error}") from None

    def _cells(self, row: list[str]) -> dict[str, str] | None:
        width = len(self.names)
        if len(row) > width and not any(cell.strip() for cell in row[width:]):
            del row[width:]
        if len(row) != width:
            return None
        return {name: row[place].strip() for name, place in self.columns.items()}


def _reading(path: Path) -> TextIO:
    try:
        if not path.is_file():
            raise FileTrouble(path.name, "is not a file")
        return path.open(encoding="utf-8-sig", newline="")
    except OSError as error:
        fix = "Look at the folder's permissions."
        raise FileTrouble(path.name, f"can't be read: {error.strerror or error}", fix) from None


def _names(line: str, separator: str, table: Table) -> tuple[str, ...]:
    try:
        cells = next(csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True))
    except csv.Error:
        cells = [line]
    names = [" ".join(cell.lower().split()) for cell in cells]
    return tuple(table.headings.get(name, name) for name in names)


def _check(file: str, names: tuple[str, ...], table: Table) -> None:
    for group in table.required:
        if not {*group} & {*names}:
            columns = " or ".join(repr(column) for column in group)
            fix = f"Begin the file with: {','.join(table.columns)}"
            raise FileTrouble(file, f"the column {columns} is missing from the header", fix)
    for column in table.columns:
        if names.count(column) > 1:
            raise FileTrouble(file, f"the column {column!r} is there twice", "Remove one of them.")
    absent = [column for column in table.decisive if column not in names]
    for name in names:
        near = [column for column in absent if name not in table.columns and _could_be(name, column)]
        if near:
            could = " or ".join(map(repr, near))
            what = f"unknown column {name!r}; if it is {could}, the rows could be misread without it"
            raise FileTrouble(file, what, f"Rename it to {could}, or to something quite different.")


def _could_be(name: str, column: str) -> bool:
    words = {*name.replace(" ", "_").split("_")} - {"id", ""}
    alike = difflib.SequenceMatcher(None, column, name).ratio() >= _ALIKE
    return alike or not words.isdisjoint(column.split("_")) or (len(name) > 3 and name in column)


def _not_utf8(path: Path) -> FileTrouble:
    return FileTrouble(path.name, "is not UTF-8 text", 'Save it as UTF-8 (in Excel: "CSV UTF-8").')
