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
from functools import partial
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
from sqlalchemy import ColumnElement, and_, bindparam, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.errors import VendorError
from hub.plugins import Plugins
from hub.records import Booking, Complete, Page, Problem, Record, Session, Window
from hub.store import Database, among, upsert, upsert_many
from hub.store import tables as t
from hub.words import counted

if TYPE_CHECKING:
    from hub.connection import Connection
    from hub.engine.lanes import Lease

__all__ = ["CLASSES", "Between", "KindCount", "ReadReport", "mark_dirty", "new_stamp", "read_source"]

TIMED = frozenset({"session", "booking"})
"""Kinds that a window limits."""

NEVER_TO_NOTHING = 5
"""A kind that had more records than this and now has none is refused like a whole source that has."""

OLDER = "the export is older than the last one"

CLASSES = ""
"""Stands on a tracker's agenda, in the place of a member, for the classes of a source: they belong to nobody."""

OF_CLASSES = frozenset({"session", "instructor", "location", "room_plan"})
"""Kinds that decide what a tracker holds and have no owner."""

SHARED = frozenset({"badge"})
"""Kinds in which two members with one key stand in each other's way."""

_NO_KIND = ""
"""The row of `reading` that stands for the source itself."""

MOST_DOUBTS = 200
"""So many missing records are asked for by id; where more are missing, the source is not asked about each."""

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
    "starts_at",
    "ends_at",
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
    zone: ZoneInfo
    read_no: int
    now: datetime
    report: ReadReport
    lease: Lease | None = None
    pressing: bool = False
    seen: dict[str, set[int]] = field(default_factory=dict)
    set_aside: dict[str, set[str]] = field(default_factory=dict)
    found: dict[str, int] = field(default_factory=dict)
    """How many records of each kind the window that is being read has shown."""

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
    windows: Sequence[Window] = (Window(),),
    progress: Callable[[str, int], None] = lambda kind, seen: None,
    between: Between | None = None,
    pressing: bool = False,
) -> ReadReport:
    """Read a source and bring its records up to date.

    Members whose records changed are put on the agenda of every target there is by then (`pressing`: before the
    others). `windows` are read one after the other: one of chosen members or records concludes nothing from what it
    does not see, one between two moments concludes only about what lies between them. `between` is called between parts
    of the read, with a function that reads something else first.
    `lease` is the source's lane: every write asks whether it is still held.
    Raises what the plugin raises; pages that came before it are kept, and nothing is taken as gone. Raises LostLease
    where another process has the lane by now; nothing is written after that.
    """
    read = _Read(database, source_id, connection.timezone, 0, connection.clock.now(), ReadReport(), lease, pressing)
    await _draw_number(read)

    async def first(narrow: Window) -> None:
        read.pressing = True
        try:
            await _stream(read, plugins, connection, narrow)
        finally:
            read.pressing = pressing

    for window in windows:
        read.found = {}
        mark = await _stream(
            read, plugins, connection, window, progress, between=lambda: between(first) if between else None
        )
        if window.limited and mark is not None and (doubts := await _not_shown(read, mark, window)):
            # What is no longer inside may only have moved to another day.
            asked = Window(kinds=frozenset(kind for kind, _ in doubts), ids=frozenset(doubts))
            await _stream(read, plugins, connection, asked)
        if not window.narrow:
            await _finish(read, mark, window, misses=connection.plugin.misses)
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
                read.found[kind] = read.found.get(kind, 0) + len(item.records) + len(item.unchanged)
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
    read.found[problem.kind] = read.found.get(problem.kind, 0) + 1
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
        when = (record.starts_at, record.ends_at) if isinstance(record, Session | Booking) else (None, None)
        written.append((record.id, owner, key, data.decode(), digest, *when))
    if not written:
        return
    async with read.writing() as db:
        as_stored = partial(t.Utc().process_bind_param, dialect=db.dialect)
        start, end = (read.source_id, kind), (read.read_no, 0, as_stored(read.now), None, None)
        await upsert_many(
            db,
            t.record,
            _COLUMNS,
            [(*start, *row[:5], *end, *map(as_stored, row[5:])) for row in written],
            key=("source_id", "kind", "record_id"),
            update=_COLUMNS[3:],
        )
        owners |= await _rivals(db, read.source_id, kind, keys)
        owners |= await _booked(db, read.source_id, kind, [row[0] for row in written])
        await _owners_changed(read, db, owners)
        await _classes_changed(read, db, kind)


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
    owners |= await _rivals(db, read.source_id, kind, keys)
    owners |= await _booked(db, read.source_id, kind, [row.record_id for row in rows])
    await _owners_changed(read, db, owners)
    await _classes_changed(read, db, kind)


async def _booked(db: AsyncConnection, source_id: int, kind: str, ids: Sequence[str]) -> set[str]:
    """Members who booked these classes: its times and whether it takes place decide about their bookings."""
    if kind != "session" or not ids:
        return set()
    r = t.record.c
    query = select(r.owner).where(
        r.source_id == source_id, r.kind == "booking", among(r.key, ids, db), r.owner.is_not(None)
    )
    return set((await db.execute(query)).scalars())


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


async def _classes_changed(read: _Read, db: AsyncConnection, kind: str) -> None:
    """Put the source's classes on the agenda of every tracker to which rows send them, or that has some of them."""
    if kind not in OF_CLASSES:
        return
    c, source, row = t.connection.c, t.connection.alias(), t.mapping.c
    here = (c.studio_id == source.c.studio_id) & (source.c.id == read.source_id) & c.target_options.is_not(None)
    mapped = (
        select(c.id)
        .join(source, here)
        .join(t.mapping, (row.studio_id == c.studio_id) & (row.target == c.name) & (row.source == source.c.name))
        .where(row.kind == "rooms")
    )
    holding = select(t.event.c.target_id).where(t.event.c.source_id == read.source_id)
    for target in {*(await db.execute(mapped)).scalars(), *(await db.execute(holding.distinct())).scalars()}:
        await mark_dirty(db, target, read.source_id, {CLASSES}, pressing=read.pressing)


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


async def _finish(read: _Read, mark: Complete | None, window: Window, *, misses: int) -> None:
    """Draw the conclusions that a complete mark allows."""
    report = read.report
    if mark is not None and mark.kinds:
        mark = await _tell_the_missing(read, mark, window.kinds)
    without_id = {problem.kind for problem in report.problems if problem.id is None}
    marked = mark.kinds if mark is not None else frozenset()
    if window.kinds is not None:
        marked &= window.kinds
    complete = set(marked - without_id)
    why_not = dict(mark.why_not) if mark is not None else {}
    for kind in without_id & marked:
        why_not[kind] = "a record could not even be told apart from the others"
    if mark is not None and mark.as_of is not None:
        report.as_of = mark.as_of
    as_of = await _complete_as_of(read)
    complete -= _refuse_the_old(read, mark, complete, why_not, as_of)
    complete -= await _refuse_the_empty(read, complete, window)
    for kind in sorted(complete):
        await _missed(read, kind, window, misses=misses)
    report.complete |= complete
    report.why_not |= why_not
    async with read.writing() as db:
        await upsert(
            db,
            t.reading,
            [
                {
                    "source_id": read.source_id,
                    "kind": kind,
                    "read_no": read.read_no,
                    "count": read.found.get(kind, 0),
                    "complete_at": read.now if kind in complete else None,
                    "as_of": mark.as_of if mark is not None and kind in complete else as_of.get(kind),
                    "why_not": why_not.get(kind),
                }
                for kind in sorted({*read.found, *complete, *why_not, *report.refused})
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


def _refuse_the_old(
    read: _Read, mark: Complete | None, complete: set[str], why_not: dict[str, str], as_of: Mapping[str, datetime]
) -> set[str]:
    """Kinds whose mark is older than the last one: it says what was true before, so who is missing may only have come
    since."""
    if mark is None or mark.as_of is None:
        return set()
    older = {kind for kind in complete if kind in as_of and mark.as_of < as_of[kind]}
    for kind in older:
        why_not[kind] = OLDER
    if older:
        at, last = (
            f"{moment.astimezone(read.zone):%-d %b %Y %H:%M:%S}"
            for moment in (mark.as_of, max(as_of[kind] for kind in older))
        )
        read.report.notes.append(
            Problem(
                kind="",
                id="",
                where=", ".join(sorted(older)),
                what=f"{OLDER}: it is from {at}, and one from {last} was read before; nothing is taken as gone",
                fix="Export again. If a clock was wrong, this ends with the first export that is newer.",
            )
        )
    return older


async def _refuse_the_empty(read: _Read, complete: set[str], window: Window) -> set[str]:
    """Kinds that suddenly have nothing are refused: all of them where the whole read has nothing, else those that had
    more than a few."""
    few = NEVER_TO_NOTHING if any(read.found.values()) or window.limited else 0
    refused: dict[str, int] = {}
    async with read.database.read() as db:
        for kind in sorted(complete):
            if read.found.get(kind):
                continue
            query = select(func.count()).select_from(t.record).where(*_live(read, kind, window))
            had = int((await db.execute(query)).scalar_one())
            if had > few:
                refused[kind] = had
    read.report.refused |= refused
    return set(refused)


def _live(read: _Read, kind: str, window: Window, *, touching: bool = False) -> list[ColumnElement[bool]]:
    """The records of a kind that a read of this window has to show, as far as they are not gone. `touching`: also those
    that it may show."""
    r = t.record.c
    found = [r.source_id == read.source_id, r.kind == kind, r.deleted_at.is_(None)]
    if not window.limited or kind not in TIMED:
        return found
    times_of = t.record.alias()
    limits = _touching if touching else _inside
    inside = limits(r, window)
    if kind == "booking":
        # A booking of a session has the session's times.
        sessions = select(times_of.c.record_id).where(
            times_of.c.source_id == read.source_id, times_of.c.kind == "session", *limits(times_of.c, window)
        )
        return [*found, or_(and_(*inside), and_(r.starts_at.is_(None), r.key.in_(sessions)))]
    return [*found, *inside]


def _inside(c: Any, window: Window) -> list[ColumnElement[bool]]:
    """Conditions for lying inside a window from end to end: what only touches it may be left out by the source."""
    found: list[ColumnElement[bool]] = [c.starts_at.is_not(None)]
    if window.starts_at is not None:
        found.append(c.starts_at >= window.starts_at)
    if window.ends_at is not None:
        found.append(func.coalesce(c.ends_at, c.starts_at) <= window.ends_at)
    return found


def _touching(c: Any, window: Window) -> list[ColumnElement[bool]]:
    """Conditions for having any moment in common with a window."""
    found: list[ColumnElement[bool]] = [c.starts_at.is_not(None)]
    if window.starts_at is not None:
        found.append(func.coalesce(c.ends_at, c.starts_at) > window.starts_at)
    if window.ends_at is not None:
        found.append(c.starts_at < window.ends_at)
    return found


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


async def _not_shown(read: _Read, mark: Complete, window: Window) -> list[tuple[str, str]]:
    """The records that a read of a window has not shown although they have a part in it, by kind and id: they were
    deleted, or moved out of it, or shortened."""
    found: list[tuple[str, str]] = []
    r = t.record.c
    for kind in sorted(mark.kinds & TIMED):
        query = select(r.id, r.record_id).where(*_live(read, kind, window, touching=True), r.read_no != read.read_no)
        async with read.database.read() as db:
            rows = (await db.execute(query)).all()
        found += [(kind, row.record_id) for row in rows if row.id not in read.seen.get(kind, set())]
    return found[:MOST_DOUBTS]


async def _missed(read: _Read, kind: str, window: Window, *, misses: int) -> None:
    """Count a miss for every record of the kind that the read did not see; delete those missed often enough."""
    r = t.record.c
    seen, kept = read.seen.get(kind, set()), read.set_aside.get(kind, set())
    live = _live(read, kind, window)
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
