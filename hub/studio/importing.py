"""Importing a studio file into the database, and exporting one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.core import Hub
from hub.engine.unmapped import find_unmatched, tell_mapping
from hub.engine.wake import wake
from hub.errors import UserError
from hub.ingest.read import CLASSES, mark_dirty
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry
from hub.studio.file import ConnectionSpec, StudioFile, parse, studio_name
from hub.studio.model import ROW_KINDS, MailSection, Row
from hub.studio.openings import unknown_openings
from hub.studio.rendering import render
from hub.words import counted

__all__ = [
    "Imported",
    "TakenBack",
    "export_text",
    "import_file",
    "save_one_connection",
    "save_rows",
    "touched_targets",
]


@dataclass(frozen=True)
class TakenBack:
    """An edit of a mapping table by hand that an import undoes."""

    table: str
    at: datetime
    who: str


@dataclass
class Imported:
    """What an import changed, in sentences; `notes` are what somebody may want to know about the file.

    `removed` and `added` are the mapping rows that were there and those that came, with their tables; `taken_back` the
    edits by hand that are undone by it. `first`: there was no studio before.
    """

    changes: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    removed: list[tuple[str, Row]] = field(default_factory=list)
    added: list[tuple[str, Row]] = field(default_factory=list)
    taken_back: list[TakenBack] = field(default_factory=list)
    first: bool = False

    @property
    def detail(self) -> str:
        """The changes as the audit keeps them, rows included."""
        edits = [f"{mark} {_kept(row)}" for mark, rows in (("−", self.removed), ("+", self.added)) for _, row in rows]
        return "; ".join([*self.changes, *edits])


async def import_file(hub: Hub, path: Path, *, who: str) -> Imported:
    """Bring the studio in line with a file, all of it or nothing.

    Connections are matched by name; those that the file does not name stay, with a note. A file with `[studio]`
    describes the whole studio, so mapping tables that it lacks are emptied and `[mail]` is as usual; without `[studio]`
    only the tables in it are replaced. Raises UserError that names line and key.
    """
    current = await _current(hub, path)
    known: dict[str, str] = {}
    if current is not None:
        async with hub.database.read() as db:
            known = {row.name: row.plugin for row in await registry.connections(db, current)}
    file = parse(path, hub.plugins, known=known)
    if file.studio is None and file.mail is None and not file.connections and not file.rows:
        fix = "Nothing was imported. Write at least [studio]; the README shows a whole file."
        raise UserError(f"{path.name} is empty", fix=fix, code="studio_file")
    done = Imported(first=current is None)
    async with hub.database.write() as db:
        studio = await _studio(hub, db, file, current, done)
        studio = await _mail(db, studio, file, done)
        rows = {row.name: row for row in await registry.connections(db, studio)}
        for spec in file.connections:
            await _connection(hub, db, studio, spec, rows.get(spec.name), done)
        kinds = [kind for kind in ROW_KINDS if kind in file.rows or file.studio is not None]
        for kind in kinds:
            await save_rows(db, studio, kind, file.rows.get(kind, ()), done)
            done.taken_back += await _taken_back(db, studio, kind, done)
        done.notes = [
            *_unnamed(file, rows),
            *_plain_text(file),
            *await _unknown(db, studio, file),
        ]
        if done.changes:
            await _wake_lanes(hub, db, studio)
            await tell_mapping(db, studio, hub.plugins, hub.clock.now())
            await journal.add_audit(
                db,
                studio.id,
                who=who,
                act="import",
                subject=path.name,
                detail=done.detail,
                now=hub.clock.now(),
            )
    hub.studio, hub.unclear = studio, None
    return done


def _unnamed(file: StudioFile, rows: Mapping[str, registry.ConnectionRow]) -> list[str]:
    """What is connected although a file that describes the whole studio does not name it."""
    if file.studio is None:
        return []
    named = {spec.name for spec in file.connections}
    return [
        f"{name} is connected but not in the file; `studiohub disconnect {name} --leave` (or --revoke) forgets it"
        for name in rows
        if name not in named
    ]


def _plain_text(file: StudioFile) -> list[str]:
    return [
        f"{key} of {spec.name} stands in the file in plain text; better write "
        f'{key} = {{ env = "NAME" }} or {{ file = "PATH" }}'
        for spec in file.connections
        for key in spec.in_plain_text
    ]


async def _unknown(db: AsyncConnection, studio: registry.Studio, file: StudioFile) -> list[str]:
    """What rows name and is neither at their target nor at their source, as far as both are known."""
    at_targets = await unknown_openings(db, studio, file.rows)
    at_sources = await find_unmatched(db, studio, file.rows)
    return [
        *(f"{file.place(one.kind, one.index, one.key)}: {one.note}" for one in at_targets),
        *(f"{file.place(one.table, one.index, one.key)}: {one.note}" for one in at_sources),
    ]


def _kept(row: Row) -> str:
    return row.model_dump_json(by_alias=True, exclude_none=True)


async def _taken_back(db: AsyncConnection, studio: registry.Studio, kind: str, done: Imported) -> list[TakenBack]:
    """The edits of a table with `studiohub rules` since it was last imported of which these rows undo something. The
    audit keeps what each edit removed and added."""
    undone = [f"+ {_kept(row)}" for table, row in done.removed if table == kind]
    undone += [f"− {_kept(row)}" for table, row in done.added if table == kind]
    if not undone:
        return []
    a = t.audit.c
    query = select(a.at, a.who, a.act, a.subject, a.detail).where(
        a.studio_id == studio.id, a.act.in_(("rules", "import"))
    )
    found: list[TakenBack] = []
    for edit in (await db.execute(query.order_by(a.id.desc()).limit(500))).all():
        if edit.act == "import" and any(part.startswith(f"{kind}: ") for part in edit.detail.split("; ")):
            break
        if edit.act == "rules" and edit.subject == kind and any(words in edit.detail for words in undone):
            found.append(TakenBack(kind, edit.at, edit.who))
    return found[::-1]


async def _current(hub: Hub, path: Path) -> registry.Studio | None:
    """The studio that a file speaks of, where there is one already."""
    name = studio_name(path)
    if name is None:
        return hub.studio
    if hub.settings.studio is None and not hub.database.is_sqlite:
        # One server holds many studios: another name is another studio, not a new name for this one.
        async with hub.database.read() as db:
            return await registry.studio_named(db, name)
    if hub.unclear is not None and hub.settings.studio != name:
        raise hub.unclear
    return hub.studio


async def _studio(
    hub: Hub, db: AsyncConnection, file: StudioFile, current: registry.Studio | None, done: Imported
) -> registry.Studio:
    if file.studio is None:
        if hub.studio is None:
            raise hub.unclear or UserError(
                f"{file.path.name} has no [studio] table and there is no studio yet",
                fix='Add [studio] with name and timezone = "Europe/Zurich".',
                code="studio_file",
            )
        return hub.studio
    studio = await registry.save_studio(db, file.studio, current=current, vault=hub.vault, now=hub.clock.now())
    if current is None:
        done.changes.append(f"studio {studio.name!r} created")
    elif current != studio:
        done.changes.append(f"studio {studio.name!r} changed")
        if current.timezone != studio.timezone:
            await _everybody(db, studio)
    return studio


async def _mail(db: AsyncConnection, studio: registry.Studio, file: StudioFile, done: Imported) -> registry.Studio:
    wanted = file.mail or (MailSection() if file.studio is not None else studio.mail)
    if wanted == studio.mail:
        return studio
    done.changes.append("mail changed")
    return await registry.save_mail(db, studio, wanted)


async def _connection(
    hub: Hub,
    db: AsyncConnection,
    studio: registry.Studio,
    spec: ConnectionSpec,
    current: registry.ConnectionRow | None,
    done: Imported,
) -> int:
    connection_id, changed = await registry.save_connection(
        db, studio, spec, current=current, vault=hub.vault, now=hub.clock.now()
    )
    if current is None:
        done.changes.append(f"connection {spec.name!r} ({spec.plugin.title}) created")
    elif changed:
        done.changes.append(f"connection {spec.name!r} changed")
    if spec.options is not None and (current is None or current.options != spec.options):
        await _everybody(db, studio, target=spec.name)
    return connection_id


async def save_one_connection(hub: Hub, spec: ConnectionSpec, *, who: str) -> Imported:
    """Create or change one connection."""
    done = Imported()
    studio = hub.the_studio
    async with hub.database.write() as db:
        rows = {row.name: row for row in await registry.connections(db, studio)}
        await _connection(hub, db, studio, spec, rows.get(spec.name), done)
        if done.changes:
            await _wake_lanes(hub, db, studio)
            await journal.add_audit(
                db,
                studio.id,
                who=who,
                act="connect",
                subject=spec.name,
                detail="; ".join(done.changes),
                now=hub.clock.now(),
            )
    return done


async def save_rows(
    db: AsyncConnection, studio: registry.Studio, kind: str, rows: Sequence[Row], done: Imported
) -> None:
    """Put these rows in the place of a whole mapping table, and put everybody they concern on the agenda."""
    before = [stored.row for stored in await registry.mapping_rows(db, studio, kind=kind)]
    if before == list(rows):
        return
    await registry.replace_mapping(db, studio, kind, rows)
    done.changes.append(f"{kind}: {counted(len(rows), 'row')} (were {len(before)})")
    done.removed += [(kind, row) for row in before if row not in rows]
    done.added += [(kind, row) for row in rows if row not in before]
    for target in touched_targets(before, rows):
        await _everybody(db, studio, target=target)


def touched_targets(before: Sequence[Row], rows: Sequence[Row]) -> list[str]:
    """The targets for which something changes when these rows take the place of those before."""
    if list(before) == list(rows):
        return []
    edited = [row for row in (*before, *rows) if row not in before or row not in rows]
    return sorted({row.target for row in edited or rows})


async def _wake_lanes(hub: Hub, db: AsyncConnection, studio: registry.Studio) -> None:
    """Let a daemon act on the change at once."""
    lanes = [row.id for row in await registry.connections(db, studio)]
    await wake(db, lanes, at=hub.clock.now(), reason="import")


async def _everybody(db: AsyncConnection, studio: registry.Studio, *, target: str | None = None) -> None:
    """Put every member of every source on the agenda of a target (or of all of them)."""
    every = await registry.connections(db, studio)
    targets = [row for row in every if row.options is not None and target in {None, row.name}]
    sources = [row for row in every if row.options is None]
    r = t.record.c
    for one in targets:
        for source in sources:
            query = select(r.owner).where(r.source_id == source.id, r.owner.is_not(None)).distinct()
            owners = set((await db.execute(query)).scalars())
            if await _has_classes(db, studio, one, source):
                owners.add(CLASSES)
            if owners:
                await mark_dirty(db, one.id, source.id, owners)


async def _has_classes(
    db: AsyncConnection, studio: registry.Studio, target: registry.ConnectionRow, source: registry.ConnectionRow
) -> bool:
    """Whether rows send classes of a source to a target, or it has some of them."""
    m, e = t.mapping.c, t.event.c
    rows = select(m.id).where(
        m.studio_id == studio.id, m.kind == "rooms", m.target == target.name, m.source == source.name
    )
    events = select(e.id).where(e.target_id == target.id, e.source_id == source.id)
    return any([(await db.execute(query.limit(1))).first() is not None for query in (rows, events)])


async def export_text(hub: Hub) -> str:
    """The studio as a file. Secrets are never in it: only where they came from, where that is known."""
    studio = hub.the_studio
    async with hub.database.read() as db:
        rows = await registry.connections(db, studio)
        mapping = await registry.mapping_rows(db, studio)
    connections: list[dict[str, Any]] = []
    for row in rows:
        entry: dict[str, Any] = {"name": row.name, "plugin": row.plugin, **row.settings, **row.secret_origins}
        if row.options is not None:
            entry |= row.options.model_dump(exclude_none=True)
            if not entry["protect"]:
                del entry["protect"]
        connections.append(entry)
    tables: dict[str, list[dict[str, Any]]] = {kind: [] for kind in ROW_KINDS}
    for stored in mapping:
        tables[stored.kind].append(stored.row.model_dump(by_alias=True, exclude_none=True, exclude_defaults=False))
    for row_values in tables["passes"]:
        if not row_values["locks"]:
            # What a group needs no word about.
            del row_values["locks"], row_values["credential"]
    for row_values in tables["rooms"]:
        if not row_values["seats"]:
            del row_values["seats"]
    return render(studio.section, connections, tables, studio.mail)
