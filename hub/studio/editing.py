"""Editing mapping tables row by row. What an edit would do is in `hub.studio.preview`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

from hub.core import Hub
from hub.engine.unmapped import find_unmatched, tell_mapping
from hub.engine.wake import wake
from hub.errors import UserError
from hub.store import journal
from hub.studio import registry
from hub.studio.file import nearest, row_from_values
from hub.studio.importing import Imported, save_rows, touched_targets
from hub.studio.model import ROW_KINDS, Row
from hub.studio.openings import unknown_openings

__all__ = ["edit_rows", "kind_named", "make_row", "notes_on", "row_numbered", "row_values", "rows_of"]


def kind_named(text: str) -> str:
    """A mapping table by its name. Raises UserError that lists what there is."""
    if text not in ROW_KINDS:
        raise UserError(
            f"there is no table {text!r}; {nearest(text, ROW_KINDS)}", fix=f"Tables: {', '.join(ROW_KINDS)}."
        )
    return text


async def rows_of(hub: Hub, kind: str) -> list[Row]:
    """The rows of a mapping table, in their order."""
    async with hub.database.read() as db:
        return [stored.row for stored in await registry.mapping_rows(db, hub.the_studio, kind=kind)]


def row_numbered(kind: str, rows: Sequence[Row], number: int) -> Row:
    """The row with that number, counted from 1. Raises UserError that says which there are."""
    if 1 <= number <= len(rows):
        return rows[number - 1]
    if not rows:
        there = f"{kind} has no rows."
    else:
        there = f"{kind} has row 1 only." if len(rows) == 1 else f"{kind} has rows 1 to {len(rows)}."
    raise UserError(f"{kind} has no row {number}", fix=f"{there} `studiohub rules` lists them.", code="no_row")


def row_values(row: Row) -> dict[str, Any]:
    """What a row says, by the keys that it has in a studio file."""
    return row.model_dump(by_alias=True, exclude_none=True)


async def make_row(hub: Hub, kind: str, values: Mapping[str, Any], *, instead_of: Row | None = None) -> Row:
    """A row from raw values, checked as a studio file's are; and what it names at its target has to be there, as far
    as that is known. What the row `instead_of` which it comes named already may go on not being there.

    Raises UserError that lists what is wrong.
    """
    names = {row.name: row.plugin for row in await hub.connections()}
    row = row_from_values(kind, values, names=names, plugins=hub.plugins)
    async with hub.database.read() as db:
        unknown = await unknown_openings(db, hub.the_studio, {kind: [row]})
    kept = {getattr(instead_of, "group", None), getattr(instead_of, "box", None), *getattr(instead_of, "locks", ())}
    same_target = instead_of is not None and instead_of.target == row.target
    unknown = [one for one in unknown if not (same_target and one.name in kept)]
    if unknown:
        raise UserError(
            "\n".join(f"{kind}: {one.text}" for one in unknown),
            fix=f"Nothing was changed. `studiohub openings {row.target}` lists what it has.",
            code="mapping",
        )
    return row


async def notes_on(db: AsyncConnection, studio: registry.Studio, kind: str, rows: Sequence[Row]) -> list[str]:
    """What rows of a table name and is neither at their target nor at their source, as far as both are known."""
    at_targets = [one.note for one in await unknown_openings(db, studio, {kind: rows})]
    at_sources = [one.note for one in await find_unmatched(db, studio, {kind: rows})]
    return list(dict.fromkeys([*at_targets, *at_sources]))


async def edit_rows(
    hub: Hub, kind: str, rows: Sequence[Row], who: str, *, seen: Sequence[Row] | None = None
) -> Imported:
    """Put these rows in the place of a mapping table: saved, in the audit, and the locks and trackers that it touches
    are woken, so that a daemon acts on it at once.

    `seen` is the table as it was when the edit began. Raises UserError where it is another by now.
    """
    done = Imported()
    studio, now = hub.the_studio, hub.clock.now()
    async with hub.database.write() as db:
        before = [stored.row for stored in await registry.mapping_rows(db, studio, kind=kind)]
        if seen is not None and before != list(seen):
            raise UserError(
                f"somebody else has edited {kind} meanwhile",
                fix="Nothing was changed. Look at `studiohub rules` and begin again.",
                code="edited",
            )
        await save_rows(db, studio, kind, rows, done)
        done.notes = await notes_on(db, studio, kind, [row for row in rows if row not in before])
        if done.changes:
            touched = touched_targets(before, rows)
            lanes = [row.id for row in await registry.connections(db, studio) if row.name in touched]
            await wake(db, lanes, at=now, reason="rules")
            await tell_mapping(db, studio, hub.plugins, now)
            await journal.add_audit(db, studio.id, who=who, act="rules", subject=kind, detail=done.detail, now=now)
    return done
