"""One CSV file as it lies there: is it text, what does its header say, where does each row start.

Knows nothing of records. A file that can't be read as a whole raises `FileTrouble`; a row that can't be taken apart is
told from the others by a `Broken`.
"""

from __future__ import annotations

import codecs
import csv
import io
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import NamedTuple

from plugins.booking.files.wire import Table, could_be, nearest

__all__ = ["Broken", "FileTrouble", "Fingerprint", "Header", "Sheet", "fingerprint"]

_BLOCK = 1 << 20

_AS_UTF8 = 'Save it as UTF-8 (in Excel: "CSV UTF-8").'


class FileTrouble(Exception):
    """A file that can't be read: where, what is wrong, what to do."""

    def __init__(self, where: str, what: str, fix: str = "") -> None:
        super().__init__(what)
        self.where = where
        self.what = what
        self.fix = fix


class Fingerprint(NamedTuple):
    """What changes when a file is written to or replaced."""

    size: int
    modified_ns: int
    inode: int


def fingerprint(found: os.stat_result) -> Fingerprint:
    """The fingerprint in what the system says of a file."""
    return Fingerprint(found.st_size, found.st_mtime_ns, found.st_ino)


class Broken(NamedTuple):
    """A row that can't be taken apart. `id` is the cell of the id where that much is certain."""

    what: str
    fix: str = ""
    id: str | None = None


@dataclass(frozen=True)
class Header:
    """What the first row says. `lines` is how many lines it takes, blank ones above it included. `places` are the
    positions of the table's columns; one that is absent points behind the last cell. `unknown` are the other columns,
    each with the column it was probably meant to be."""

    lines: int
    separator: str
    width: int
    places: tuple[int, ...]
    unknown: dict[str, str | None]


class Sheet:
    """An open file. Close it, or use it in a `with`."""

    def __init__(self, path: Path, table: Table) -> None:
        """Open the file. Raises FileTrouble where that is not possible."""
        self.name = path.name
        self.table = table
        self._path = path
        try:
            # A pipe would wait for a writer for ever, so the kind of file is looked at before it is opened.
            if not stat.S_ISREG(path.stat().st_mode):
                raise FileTrouble(self.name, "is not a file")
            self._raw = path.open("rb")
        except OSError as error:
            raise _unreadable(self.name, error) from error
        self._text = io.TextIOWrapper(self._raw, encoding="utf-8-sig", newline="")
        self.opened = os.fstat(self._raw.fileno())
        self.header = Header(0, ",", 0, (), {})
        self._open_ended = False
        self.torn = False
        """Whether the last row lacks cells and no line end closes it: the file was cut off. Known after `rows`."""

    def __enter__(self) -> Sheet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        self._text.close()

    def changed(self) -> bool:
        """Whether the file was written to, replaced or removed since it was opened."""
        before = fingerprint(self.opened)
        try:
            return before != fingerprint(os.fstat(self._raw.fileno())) or before != fingerprint(self._path.stat())
        except OSError:
            return True

    def check(self) -> Iterator[None]:
        """Read the file through once as bytes, a block at a time. Raises FileTrouble where it is not UTF-8 text."""
        decoder = codecs.getincrementaldecoder("utf-8")()
        self._text.seek(0)
        self._raw.seek(0)
        read = lines = 0
        head = b""
        while block := self._read(_BLOCK):
            head = head or block[:4]
            zero = block.find(0)
            held = len(decoder.getstate()[0])
            try:
                decoder.decode(block if zero < 0 else block[:zero])
            except UnicodeDecodeError as error:
                bad = error.start - held
                raise self._not_utf8(head, read + bad, lines + block[: max(bad, 0)].count(b"\n") + 1) from None
            if zero >= 0:
                raise self._zero_byte(head, read + zero, lines + block[:zero].count(b"\n") + 1)
            read += len(block)
            lines += block.count(b"\n")
            self._open_ended = not block.endswith((b"\n", b"\r"))
            yield
        if decoder.getstate()[0]:
            raise FileTrouble(
                f"{self.name} line {lines + 1}", "ends in the middle of a character", "Export it again, as UTF-8."
            )
        if not read:
            raise FileTrouble(self.name, "is empty; not even a header row is there", "Export it again.")

    def read_header(self) -> None:
        """Understand the header row. Raises FileTrouble where the file can't be read with it."""
        self._text.seek(0)
        lines, line = next(((number, line) for number, line in enumerate(self._text, 1) if line.strip()), (0, ""))
        if not line:
            raise FileTrouble(self.name, "has no header row", f"Begin it with: {','.join(self.table.columns)}")
        candidates = [_names(line, separator) for separator in ",;"]
        known = [len({*names} & {*self.table.columns}) for names in candidates]
        separator, names = (";", candidates[1]) if known[1] > known[0] else (",", candidates[0])
        self._check_header(lines, line, names)
        self.header = Header(
            lines,
            separator,
            len(names),
            tuple(names.index(column) if column in names else len(names) for column in self.table.columns),
            self._unknown(names),
        )

    def rows(self) -> Iterator[tuple[int, tuple[str, ...], Broken | None]]:
        """Every row behind the header, with the line that it starts on: its cells, or why it can't be taken apart.

        Blank rows are left out. Raises FileTrouble where a quote is never closed, because what follows can't be told
        from what it swallowed.
        """
        self._text.seek(0)
        above, width, pick = self.header.lines, self.header.width, itemgetter(*self.header.places)
        first = self.header.places[0]
        body = islice(self._text, above, None)
        reader = csv.reader(body, delimiter=self.header.separator, strict=True, skipinitialspace=True)
        line = above + 1
        short = False
        while True:
            try:
                for row in reader:
                    short = len(row) < width and _filled(row)
                    if len(row) == width and row[first]:
                        row.append("")
                        yield line, pick(row), None
                    elif _filled(row):
                        yield line, *self._misfit(row)
                    line = above + reader.line_num + 1
                self.torn = short and self._open_ended
                return
            except csv.Error as error:
                said = str(error)
                if "end of data" in said or "field limit" in said:
                    where = f"{self.name} line {line}"
                    fix = "Close it; a quote inside of a quoted cell is written twice."
                    raise FileTrouble(where, "a quote that is opened here is never closed", fix) from None
                yield line, (), Broken("its quotes don't match", "A quote inside of a quoted cell is written twice.")
                line = above + reader.line_num + 1
            except (OSError, UnicodeDecodeError) as error:
                # It was all there and all text a moment ago, so somebody else has it in their hands.
                raise FileTrouble(self.name, "changed while it was read", "It is read again soon.") from error

    def _misfit(self, row: list[str]) -> tuple[tuple[str, ...], Broken | None]:
        """A row of another width, or without what its id begins with."""
        width, places = self.header.width, self.header.places
        if len(row) > width and not any(cell.strip() for cell in row[width:]):
            del row[width:]
        if len(row) == width:
            row.append("")
            return tuple(row[place] for place in places), None
        # The first cell is the id for certain only if a separator ends it and no stray quote can have eaten others.
        certain = places[0] == 0 and self.table.identity == ("id",) and len(row) > 1
        certain = certain and not any("\n" in cell or "\r" in cell for cell in row)
        what = f"it has {len(row)} cells, and the header has {width}"
        fix = "Quote cells that have the separator in them." if len(row) > width else "Export the file again."
        name = row[0].strip()
        return (), Broken(what, fix, name if certain and name and name.isprintable() else None)

    def _check_header(self, number: int, line: str, names: list[str]) -> None:
        where = f"{self.name} line {number}"
        missing = [column for column in self.table.required if column not in names]
        if missing:
            what = f"the column {missing[0]!r} is missing from the header"
            fix = f"Begin the file with: {','.join(self.table.columns)}"
            if near := nearest(missing[0], [name for name in names if name and name not in self.table.columns]):
                fix = f"Is it the one that is called {near!r}?"
            elif "\t" in line and len(names) == 1:
                fix = "Separate the columns with , or ; instead of tabs."
            elif not {*names} & {*self.table.columns}:
                # Most likely a person's data, so it isn't quoted.
                what = "the first row is not a header"
            raise FileTrouble(where, what, fix)
        for column in self.table.columns:
            if names.count(column) > 1:
                raise FileTrouble(where, f"the column {column!r} is there twice", "Remove one of them.")
        absent = [column for column in self.table.decisive if column not in names]
        for name in self._unknown(names):
            if could := " or ".join(map(repr, could_be(name, absent))):
                what = f"unknown column {name!r}; if it is {could}, the rows could be misread without it"
                raise FileTrouble(where, what, f"Rename it to {could}, or to something quite different.")

    def _unknown(self, names: list[str]) -> dict[str, str | None]:
        absent = [column for column in self.table.columns if column not in names]
        return {name: nearest(name, absent) for name in names if name and name not in self.table.columns}

    def _read(self, size: int) -> bytes:
        try:
            return self._raw.read(size)
        except OSError as error:
            raise _unreadable(self.name, error) from error

    def _not_utf8(self, head: bytes, offset: int, line: int) -> FileTrouble:
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return FileTrouble(self.name, "is UTF-16, not UTF-8", _AS_UTF8)
        what = f"byte {offset} is not UTF-8; the file looks like Windows-1252 or Latin-1"
        return FileTrouble(f"{self.name} line {line}", what, _AS_UTF8)

    def _zero_byte(self, head: bytes, offset: int, line: int) -> FileTrouble:
        if 0 in head:
            return FileTrouble(self.name, "is UTF-16, not UTF-8", _AS_UTF8)
        what = f"byte {offset} is zero, which no text has; the file was not written to its end"
        return FileTrouble(f"{self.name} line {line}", what, "Export it again.")


def _names(line: str, separator: str) -> list[str]:
    try:
        cells = next(csv.reader([line], delimiter=separator, strict=True, skipinitialspace=True))
    except csv.Error:
        cells = [line]
    return [cell.strip().lower() for cell in cells]


def _filled(row: list[str]) -> bool:
    return any(cell.strip() for cell in row)


def _unreadable(name: str, error: OSError) -> FileTrouble:
    return FileTrouble(name, f"can't be read: {error.strerror or error}", "Look at the folder's permissions.")
