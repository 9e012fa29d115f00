"""The folder: which files are in it, and what the `complete` mark says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from hub import FixSettings, RetryLater
from hub.times import day_start
from plugins.booking.sportsnow import export
from plugins.booking.sportsnow.export import TABLES, Table
from plugins.booking.sportsnow.sheet import Fingerprint, fingerprint
from plugins.booking.sportsnow.values import Unreadable, when

__all__ = ["SLACK", "Folder", "Mark", "look", "read_mark"]

SLACK = timedelta(seconds=120)
"""How much later than the mark a file may have been written: copying doesn't keep the order of files to the second."""

_FILES = frozenset(table.file for table in TABLES)


@dataclass(frozen=True)
class Mark:
    """The `complete` file: the time in it, or why it makes nothing complete."""

    at: datetime | None = None
    why_not: str = ""
    found: Fingerprint | None = None


@dataclass(frozen=True)
class Folder:
    """What lies in the folder: the paths of files that are read, by their names; `others` are tables that aren't."""

    path: Path
    files: dict[str, Path]
    others: tuple[str, ...]

    @property
    def tables(self) -> list[Table]:
        """What is read. Badges in the customer table give way to a file of their own."""
        return [
            table
            for table in TABLES
            if table.file in self.files and (table.named or table.kind != "badge" or "badges.csv" not in self.files)
        ]


def look(path: Path) -> Folder:
    """See what is in the folder. Raises FixSettings where it can't be used, RetryLater while it is empty."""
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except OSError as error:
        fix = "Create it, give studiohub the right to read it, or correct path in the connection's settings."
        said = error.strerror or str(error)
        raise FixSettings(f"the folder {path} can't be read", said=said, fix=fix, code="folder_missing") from error
    files = {name.lower(): path / name for name in names if name.lower() in {*_FILES, export.MARK}}
    if export.CUSTOMERS in files and "members.csv" in files:
        what = f"the folder {path} has {export.CUSTOMERS} and members.csv, and either says who the members are"
        raise FixSettings(what, fix="Keep the one that is right.", code="export_ambiguous")
    if not _FILES & files.keys():
        # An export that replaces a whole folder leaves it empty for a moment, so this passes by itself.
        what, fix = f"the folder {path} has no export in it", f"Put {', '.join(sorted(_FILES))} or any of them there."
        raise RetryLater(what, fix=fix, code="export_missing")
    others = tuple(name for name in names if name.lower().endswith((".csv", ".xlsx", ".xls")))
    return Folder(path, files, tuple(name for name in others if name.lower() not in files))


def read_mark(folder: Folder, tz: ZoneInfo) -> Mark:
    """Read the mark. A time without a zone in it is the studio's."""
    path = folder.files.get(export.MARK, folder.path / export.MARK)
    found = fingerprint(path)
    if found is None:
        return Mark(None, f"there is no file {export.MARK!r} that says when the export was finished")
    try:
        at = when("the time", path.read_bytes()[:1000].decode("utf-8-sig"), tz)
    except (OSError, UnicodeDecodeError, Unreadable):
        at = None
    if at is None:
        return Mark(None, f"the file {export.MARK!r} says no time such as 2026-11-21T18:00:00+01:00", found)
    return Mark(at if isinstance(at, datetime) else day_start(at, tz), "", found)
