"""Reading a source into records.

Pages stream through: each is compared with what is stored by hash, and only what changed is written. A record is gone
only when a read that ended with its complete mark missed it (as often in a row as the plugin asks for), or when the
source itself says so. A source that suddenly returns nothing is refused: that is a fault to show, not a studio where
everybody left.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec
from sqlalchemy import bindparam, func, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import times
from hub.connection import Connection
from hub.engine.lanes import Lease
from hub.errors import VendorError
from hub.plugins import Plugins
from hub.records import Complete, Page, Problem, Record, Window
from hub.store import Database, among, upsert, upsert_many
from hub.store import tables as t
from hub.words import counted

__all__ = ["Between", "KindCount", "ReadReport", "mark_dirty", "new_stamp", "read_source"]

NEVER_TO_NOTHING = 5
"""A kind that had more records than this and now has none is refused like a whole source that has."""

OLDER = "the export is older than the last one"

SHARED = frozenset({"badge"})
"""Kinds in which two members with one key stand in each other's way."""

_NO_KIND = ""
"""The row of `reading` that stands for the source itself."""

_encode = msgspec.json.Encoder(order="deterministic").encode
_BATCH = 2000
_COLUMNS = (
    "source_id",
    "kind",
    "record_id",
    "owner",
    "key",
    "data",
    "hash",
    "read_no",
    "missed",
    "changed_at",
    "deleted_at",
    "deleted_how",
)


Between = Callable[[Callable[[Window], Awaitable[None]]], Awaitable[None]]


@dataclass
class KindCount:
    """What a read found of one kind."""

    seen: int = 0
    new: int = 0
    changed: int = 0
    gone: int = 0
    set_aside: int = 0
    missing: int = 0


@dataclass
class ReadReport:
    """How a read went. `why_not` says for each kind without a complete mark what stood in the way; `refused` names the
    kinds that came back empty; `problems` are the records set aside, `notes` what hinders nothing."""

    kinds: dict[str, KindCount] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    notes: list[Problem] = field(default_factory=list)
    complete: frozenset[str] = frozenset()
    why_not: dict[str, str] = field(default_factory=dict)
    refused: dict[str, int] = field(default_factory=dict)
    as_of: datetime | None = None
    dirty: int = 0

    def of(self, kind: str) -> KindCount:
        """The count of one kind."""
        return self.kinds.setdefault(kind, KindCount())

    @property
    def changes(self) -> int:
        """How many records are new, changed or gone."""
        return sum(count.new + count.changed + count.gone for count in self.kinds.values())


@dataclass
class _Read:
    """The state of one read under way."""

    database: Database
    source_id: int
    read_no: int
    now: datetime
    report: ReadReport
    lease: Lease | None = None
    pressing: bool = False
    seen: dict[str, set[int]] = field(default_factory=dict)
    set_aside: dict[str, set[str]] = field(default_factory=dict)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[AsyncConnection]:
        """A transaction that only who holds the source's lane may begin. What a reader knows is as old as its last
        look, so one that was frozen and comes back after another has read must not write any of it."""
        async with self.database.write() as db:
            if self.lease is not None:
                await self.lease.check(db)
            yield db


async def read_source(
    database: Database,
    plugins: Plugins,
    connection: Connection,
    *,
    source_id: int,
    lease: Lease | None = None,
    window: Window | None = None,
    progress: Callable[[str, int], None] = lambda kind, seen: None,
    between: Between | None = None,
    pressing: bool = False,
) -> ReadReport:
    """Read a source and bring its records up to date.

    Members whose records changed are put on the agenda of every target there is by then (`pressing`: before the
    others). `between` is called between parts of the read, with a function that reads something
    else first. A read of chosen members or records (`window`) concludes nothing from what it does not see.
    `lease` is the source's lane: every write asks whether it is still held.
    Raises what the plugin raises; pages that came before it are kept, and nothing is taken as gone. Raises LostLease
    where another process has the lane by now; nothing is written after that.
    """
    read = _Read(database, source_id, 0, connection.clock.now(), ReadReport(), lease, pressing)
    await _draw_number(read)
    asked = window or Window()

    async def first(narrow: Window) -> None:
        read.pressing = True
        try:
            await _stream(read, plugins, connection, narrow)
        finally:
            read.pressing = pressing

    mark = await _stream(
        read, plugins, connection, asked, progress, between=lambda: between(first) if between else None
    )
    if not asked.narrow:
        await _finish(read, mark, misses=connection.plugin.misses, kinds=asked.kinds)
    return read.report


async def _draw_number(read: _Read) -> None:
    """Give the read a number of its own. It is committed before anything else, so that what a read that breaks off has
    written can't pass for what the next one has seen."""
    number = t.reading.c
    async with read.writing() as db:
        last = await db.execute(select(func.max(number.read_no)).where(number.source_id == read.source_id))
        read.read_no = (last.scalar() or 0) + 1
        drawn = {"source_id": read.source_id, "kind": _NO_KIND, "read_no": read.read_no, "count": 0}
        await upsert(db, t.reading, [drawn], key=("source_id", "kind"), update=("read_no",))


async def _stream(
    read: _Read,
    plugins: Plugins,
    connection: Connection,
    window: Window,
    progress: Callable[[str, int], None] = lambda kind, seen: None,
    between: Callable[[], Awaitable[None] | None] = lambda: None,
) -> Complete | None:
    """Take what the plugin yields; returns its complete mark."""
    mark: Complete | None = None
    waiting: list[Record] = []
    kind = ""
    try:
        async for item in plugins.read(connection, "read_records", window=window):
            if isinstance(item, Page):
                # Small pages are put together: a transaction for each would cost more than the records.
                if item.kind != kind or len(waiting) + len(item.records) > _BATCH:
                    await _take_part(read, kind, waiting)
                    waiting, kind = [], item.kind
                    if (pause := between()) is not None:
                        await pause
                waiting += item.records
                await _take_rest(read, item)
                progress(item.kind, read.report.of(item.kind).seen)
            elif isinstance(item, Problem):
                _take_problem(read, item)
            elif isinstance(item, Complete):
                mark = item
    except VendorError:
        # What came before is kept.
        await _take_part(read, kind, waiting)
        raise
    await _take_part(read, kind, waiting)
    return mark


def _take_problem(read: _Read, problem: Problem) -> None:
    if problem.id == "":
        read.report.notes.append(problem)
        return
    read.report.problems.append(problem)
    read.report.of(problem.kind).set_aside += 1
    if problem.id is not None:
        read.set_aside.setdefault(problem.kind, set()).add(problem.id)


async def _take_rest(read: _Read, page: Page) -> None:
    """What a page says besides its records."""
    for start in range(0, len(page.unchanged), _BATCH):
        await _take_unchanged(read, page.kind, page.unchanged[start : start + _BATCH])
    for start in range(0, len(page.gone), _BATCH):
        await _take_gone(read, page.kind, page.gone[start : start + _BATCH])


async def _take_part(read: _Read, kind: str, records: Sequence[Record]) -> None:
    if not records:
        return
    count, seen = read.report.of(kind), read.seen.setdefault(kind, set())
    count.seen += len(records)
    stored = {row[1]: row for row in await _stored(read, kind, [record.id for record in records])}
    written: list[tuple[Any, ...]] = []
    owners: set[str] = set()
    keys: set[str] = set()
    for record in records:
        data = _encode(record)
        digest = hashlib.blake2b(data, digest_size=12).digest()
        row = stored.get(record.id)
        if row is not None:
            row_id, _, known_digest, owner, key, deleted = row
            seen.add(row_id)
            if known_digest == digest and deleted is None:
                continue
            count.changed += 1
            if owner is not None:
                owners.add(owner)
            if key is not None:
                keys.add(key)
        else:
            count.new += 1
        owner, key = record.owner, record.key
        if owner is not None:
            owners.add(owner)
        if key is not None:
            keys.add(key)
        written.append((record.id, owner, key, data.decode(), digest))
    if not written:
        return
    async with read.writing() as db:
        at = t.Utc().process_bind_param(read.now, db.dialect)
        start, end = (read.source_id, kind), (read.read_no, 0, at, None, None)
        await upsert_many(
            db,
            t.record,
            _COLUMNS,
            [(*start, *row, *end) for row in written],
            key=("source_id", "kind", "record_id"),
            update=_COLUMNS[3:],
        )
        await _owners_changed(read, db, owners | await _rivals(db, read.source_id, kind, keys))


async def _stored(read: _Read, kind: str, ids: Sequence[str]) -> Sequence[Any]:
    r = t.record.c
    query = select(r.id, r.record_id, r.hash, r.owner, r.key, r.deleted_how).where(
        r.source_id == read.source_id, r.kind == kind
    )
    async with read.database.read() as db:
        return (await db.execute(query.where(among(r.record_id, ids, db)))).all()


async def _take_unchanged(read: _Read, kind: str, ids: Sequence[str]) -> None:
    """What is as it was when it was last sent is there: also where the hub has taken it for gone in between."""
    count = read.report.of(kind)
    count.seen += len(ids)
    rows = await _stored(read, kind, ids)
    read.seen.setdefault(kind, set()).update(row.id for row in rows)
    back = [row for row in rows if row.deleted_how is not None]
    if not back:
        return
    count.changed += len(back)
    async with read.writing() as db:
        await db.execute(
            update(t.record)
            .where(t.record.c.id == bindparam("row"))
            .values(deleted_at=None, deleted_how=None, missed=0, changed_at=read.now, read_no=read.read_no),
            [{"row": row.id} for row in back],
        )
        await _rows_changed(read, db, kind, back)


async def _take_gone(read: _Read, kind: str, ids: Sequence[str]) -> None:
    rows = [row for row in await _stored(read, kind, ids) if row.deleted_how is None]
    if not rows:
        return
    read.report.of(kind).gone += len(rows)
    async with read.writing() as db:
        await _delete(read, db, [row.id for row in rows], how="said")
        await _rows_changed(read, db, kind, rows)


async def _rows_changed(read: _Read, db: AsyncConnection, kind: str, rows: Sequence[Any]) -> None:
    owners = {row.owner for row in rows if row.owner is not None}
    keys = {row.key for row in rows if row.key is not None}
    await _owners_changed(read, db, owners | await _rivals(db, read.source_id, kind, keys))


async def _rivals(db: AsyncConnection, source_id: int, kind: str, keys: set[str]) -> set[str]:
    """Members who hold a record with the same key, where that decides about them too: one badge belongs to one."""
    if kind not in SHARED or not keys:
        return set()
    r = t.record.c
    query = select(r.owner).where(
        r.source_id == source_id, r.kind == kind, among(r.key, keys, db), r.owner.is_not(None)
    )
    return set((await db.execute(query)).scalars())


async def _delete(read: _Read, db: AsyncConnection, ids: Sequence[int], *, how: str) -> None:
    await db.execute(
        update(t.record)
        .where(t.record.c.id == bindparam("row"))
        .values(deleted_at=read.now, deleted_how=how, changed_at=read.now, read_no=read.read_no),
        [{"row": row} for row in ids],
    )


async def _owners_changed(read: _Read, db: AsyncConnection, owners: set[str]) -> None:
    if not owners:
        return
    read.report.dirty += len(owners)
    # Asked in the transaction that changes the records: a target may have been connected since the read began.
    c, source = t.connection.c, t.connection.alias()
    query = select(c.id).where(
        c.studio_id == select(source.c.studio_id).where(source.c.id == read.source_id).scalar_subquery(),
        c.target_options.is_not(None),
    )
    for target in (await db.execute(query)).scalars().all():
        await mark_dirty(db, target, read.source_id, owners, pressing=read.pressing)


def new_stamp() -> int:
    """A value that no earlier stamp has."""
    return secrets.randbits(62) + 1


async def mark_dirty(
    db: AsyncConnection, target_id: int, source_id: int, members: set[str], *, pressing: bool = False
) -> None:
    """Put members on a target's agenda. One stamp does for all of them: it only has to differ from what was there."""
    stamp = -new_stamp() if pressing else new_stamp()
    await upsert_many(
        db,
        t.agenda,
        ("target_id", "source_id", "member", "stamp"),
        [(target_id, source_id, member, stamp) for member in sorted(members)],
        key=("target_id", "source_id", "member"),
        update=("stamp",),
    )


async def _finish(read: _Read, mark: Complete | None, *, misses: int, kinds: frozenset[str] | None) -> None:
    """Draw the conclusions that a complete mark allows."""
    report = read.report
    if mark is not None and mark.kinds:
        mark = await _tell_the_missing(read, mark, kinds)
    without_id = {problem.kind for problem in report.problems if problem.id is None}
    complete = mark.kinds if mark is not None else frozenset()
    report.complete = complete - without_id
    report.why_not = dict(mark.why_not) if mark is not None else {}
    for kind in without_id & complete:
        report.why_not[kind] = "a record could not even be told apart from the others"
    report.as_of = mark.as_of if mark is not None else None
    as_of = await _complete_as_of(read)
    _refuse_the_old(read, as_of)
    await _refuse_the_empty(read)
    report.complete -= report.refused.keys()
    for kind in sorted(report.complete):
        await _missed(read, kind, misses=misses)
    async with read.writing() as db:
        await upsert(
            db,
            t.reading,
            [
                {
                    "source_id": read.source_id,
                    "kind": kind,
                    "read_no": read.read_no,
                    "count": report.of(kind).seen,
                    "complete_at": read.now if kind in report.complete else None,
                    "as_of": report.as_of if kind in report.complete else as_of.get(kind),
                    "why_not": report.why_not.get(kind),
                }
                for kind in sorted({*report.kinds, *report.complete, *report.why_not, *report.refused})
            ],
            key=("source_id", "kind"),
            update=("read_no", "count", "complete_at", "as_of", "why_not"),
        )


async def _complete_as_of(read: _Read) -> dict[str, datetime]:
    """For each kind, the moment that the last complete read of it was from."""
    c = t.reading.c
    query = select(c.kind, c.as_of).where(c.source_id == read.source_id, c.as_of.is_not(None))
    async with read.database.read() as db:
        return {row.kind: row.as_of for row in await db.execute(query)}


def _refuse_the_old(read: _Read, as_of: Mapping[str, datetime]) -> None:
    """A mark that is older than the last one says what was true before: who is missing may only have come since."""
    report = read.report
    if report.as_of is None:
        return
    older = {kind for kind in report.complete if kind in as_of and report.as_of < as_of[kind]}
    for kind in older:
        report.why_not[kind] = OLDER
    report.complete -= older
    if older:
        at, last = (times.to_text(moment) for moment in (report.as_of, max(as_of[kind] for kind in older)))
        report.notes.append(
            Problem(
                kind="",
                id="",
                where=", ".join(sorted(older)),
                what=f"{OLDER}: it is from {at}, and one from {last} was read before; nothing is taken as gone",
                fix="Export again. If a clock was wrong, this ends with the first export that is newer.",
            )
        )


async def _refuse_the_empty(read: _Read) -> None:
    """Refuse kinds that suddenly have nothing: all of them where the whole source has nothing, else those that had
    more than a few."""
    report, r = read.report, t.record.c
    has = {kind: count.seen + count.set_aside for kind, count in report.kinds.items()}
    few = NEVER_TO_NOTHING if any(has.values()) else 0
    async with read.database.read() as db:
        for kind in sorted(report.complete):
            if has.get(kind):
                continue
            live = (r.source_id == read.source_id, r.kind == kind, r.deleted_at.is_(None))
            had = int((await db.execute(select(func.count()).where(*live))).scalar_one())
            if had > few:
                report.refused[kind] = had


async def _tell_the_missing(read: _Read, mark: Complete, kinds: frozenset[str] | None) -> Complete:
    """Tell of kinds that had records and of which an otherwise complete read has nothing, not even that they are empty:
    a file that was left out, or lost. Kinds that were not asked for are no matter."""
    report, r = read.report, t.record.c
    query = select(r.kind, func.count()).where(r.source_id == read.source_id, r.deleted_at.is_(None)).group_by(r.kind)
    async with read.database.read() as db:
        had: dict[str, int] = dict((await db.execute(query)).all())
    said = {*report.kinds, *mark.kinds, *mark.why_not}
    why_not = dict(mark.why_not)
    for kind in sorted(had.keys() - said):
        if kinds is not None and kind not in kinds:
            continue
        why_not[kind] = f"it is missing from the export, and was there before ({counted(had[kind], 'record')})"
        fix = "Export it again (`studiohub verify` lists what is not there), empty where nothing of it is left."
        report.problems.append(Problem(kind, None, kind, why_not[kind], fix))
    return msgspec.structs.replace(mark, why_not=why_not)


async def _missed(read: _Read, kind: str, *, misses: int) -> None:
    """Count a miss for every record of the kind that the read did not see; delete those missed often enough."""
    r = t.record.c
    seen, kept = read.seen.get(kind, set()), read.set_aside.get(kind, set())
    live = (r.source_id == read.source_id, r.kind == kind, r.deleted_at.is_(None))
    async with read.database.read() as db:
        ids = set((await db.execute(select(r.id).where(*live, r.read_no != read.read_no))).scalars())
        again = [i for i in (await db.execute(select(r.id).where(*live, r.missed > 0))).scalars() if i in seen]
    unseen = sorted(ids - seen)
    rows: list[Any] = []
    for start in range(0, len(unseen), _BATCH):
        query = select(r.id, r.record_id, r.owner, r.key, r.missed).where(r.id.in_(unseen[start : start + _BATCH]))
        async with read.database.read() as db:
            rows += [row for row in (await db.execute(query)).all() if row.record_id not in kept]
    gone = [row for row in rows if row.missed + 1 >= misses]
    missing = [row.id for row in rows if row.missed + 1 < misses]
    read.report.of(kind).gone += len(gone)
    read.report.of(kind).missing += len(missing)
    for start in range(0, len(gone), _BATCH):
        part = gone[start : start + _BATCH]
        async with read.writing() as db:
            await _delete(read, db, [row.id for row in part], how="vanished")
            await _rows_changed(read, db, kind, part)
    if missing or again:
        async with read.writing() as db:
            for these, value in ((missing, t.record.c.missed + 1), (again, 0)):
                if these:
                    await db.execute(
                        update(t.record).where(t.record.c.id == bindparam("row")).values(missed=value),
                        [{"row": row} for row in these],
                    )
