"""The folder: which files are in it, and what the `complete` mark says."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from hub import FixSettings, RetryLater
from hub.times import day_start, local_to_utc
from plugins.booking.files import wire
from plugins.booking.files.sheet import Fingerprint, fingerprint
from plugins.booking.files.values import shown, when

__all__ = ["Folder", "Mark", "look"]

_LONGEST_MARK = 1000


@dataclass(frozen=True)
class Mark:
    """The `complete` file as it was found: the time in it, or why it makes nothing complete.

    `broken` tells a mark that is there and can't be read from one that isn't there.
    """

    at: datetime | None = None
    why_not: str = ""
    broken: bool = False
    fingerprint: Fingerprint | None = None


@dataclass(frozen=True)
class Folder:
    """What lies in the folder: the paths of known files by their name; `strays`, files that look like misspelt ones,
    with the name they should have; and `others`, tables that nobody reads."""

    path: Path
    files: dict[str, Path]
    strays: dict[str, str]
    others: list[str]

    def mark(self, studio: ZoneInfo) -> Mark:
        """Read the mark. A time without a zone in it is the studio's."""
        path = self.files.get(wire.MARK, self.path / wire.MARK)
        try:
            found = fingerprint(path.stat())
            with path.open("rb") as file:
                data = file.read(_LONGEST_MARK)
        except FileNotFoundError:
            return Mark(None, f"there is no file {wire.MARK!r} that says when the export was finished")
        except OSError as error:
            return Mark(None, f"the file {path.name!r} can't be read: {error.strerror or error}", broken=True)
        try:
            text = data.decode("utf-8-sig").strip()
        except UnicodeDecodeError:
            return Mark(None, f"the file {path.name!r} is not UTF-8 text", True, found)
        try:
            return Mark(_moment(text, studio), "", False, found)
        except (ValueError, OverflowError):
            said = f"says {shown(text)}, which is no time" if text else "is empty"
            return Mark(None, f"the file {path.name!r} {said}", True, found)


def look(path: Path) -> Folder:
    """See what is in the folder. Raises where there is nothing to read, saying what to do."""
    try:
        names = sorted(entry.name for entry in path.iterdir())
    except FileNotFoundError as error:
        fix = "Create it, mount it, or correct the path in the connection's settings."
        raise FixSettings(f"the folder {path} does not exist", fix=fix, code="folder_missing") from error
    except NotADirectoryError as error:
        fix = "Name the folder that the files are in."
        raise FixSettings(f"{path} is not a folder", fix=fix, code="folder_missing") from error
    except OSError as error:
        fix = "Give the user that studiohub runs as the right to read it."
        said = error.strerror or str(error)
        raise FixSettings(f"the folder {path} can't be read", said=said, fix=fix, code="folder_unreadable") from error

    files = {}
    for name in (*(table.file for table in wire.TABLES), wire.MARK):
        variants = [found for found in names if found.lower() == name]
        if name in variants or len(variants) == 1:
            files[name] = path / (name if name in variants else variants[0])
    absent = [table.file for table in wire.TABLES if table.file not in files]
    taken = {found.name for found in files.values()}
    strays = {name: near for name in names if name not in taken and (near := _meant(name, absent))}
    if wire.MARK not in files:
        strays.update((name, wire.MARK) for name in names if name.lower().rpartition(".")[0] == wire.MARK)

    if len(absent) == len(wire.TABLES):
        _nothing(path, strays)
    others = [name for name in names if name.lower().endswith(".csv") and name not in taken and name not in strays]
    return Folder(path, files, strays, others)


def _nothing(path: Path, strays: dict[str, str]) -> None:
    if strays:
        renames = ", ".join(f"{name!r} to {meant!r}" for name, meant in strays.items())
        what = f"the folder {path} has none of the files that are read"
        raise FixSettings(what, fix=f"Rename {renames}.", code="export_misnamed")
    # An export that replaces a whole folder leaves it empty for a moment, so this passes by itself.
    raise RetryLater(
        f"the folder {path} has no export in it",
        fix=f"Export {', '.join(table.file for table in wire.TABLES[-6:])} or any of them to it.",
        code="export_missing",
    )


def _meant(name: str, absent: list[str]) -> str | None:
    if name.startswith((".", "~")) or name.lower().endswith((".tmp", ".bak", ".part")):
        return None
    stem, _, ending = name.rpartition(".")
    if ending.lower() not in ("csv", "xls", "xlsx", "ods", "tsv"):
        return None
    near = wire.nearest(stem.lower().replace(" ", "_"), [file.removesuffix(".csv") for file in absent])
    return f"{near}.csv" if near else None


def _moment(text: str, studio: ZoneInfo) -> datetime:
    value = when(text)
    if not 1 < value.year < 9999:
        raise ValueError
    if not isinstance(value, datetime):
        return day_start(value, studio)
    return local_to_utc(value, studio) if value.tzinfo is None else value.astimezone(UTC)
