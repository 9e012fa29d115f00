"""Connecting: trying a connection before it is saved, and making the studio that it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from sqlalchemy import select

from hub import redact
from hub.connection import Connection
from hub.core import Hub
from hub.errors import HubError, UserError
from hub.grants import Check, CheckState
from hub.plugins import Plugin
from hub.store import journal
from hub.store import tables as t
from hub.studio import registry
from hub.studio.file import ConnectionSpec, spec_from_values
from hub.studio.model import StudioSection
from hub.studio.registry import ConnectionRow

__all__ = ["check_connection", "gave_access", "make_studio", "spec_of", "studio_section", "try_connection"]

Problems = list[tuple[str | None, str]]


def spec_of(
    plugin: Plugin, name: str, given: Mapping[str, Any], current: ConnectionRow | None, *, base: Path, found: Problems
) -> ConnectionSpec | None:
    """A connection from what was typed, over what is saved of it. An empty value (None) takes a setting away.

    Problems go into `found` as (key, sentence); None then.
    """
    redact.know(*(str(given[key]) for key in plugin.settings.secret_names() & given.keys() if given[key]))
    values: dict[str, Any] = dict(current.settings) if current is not None else {}
    if current is not None and current.options is not None:
        values |= current.options.model_dump()
    values |= given
    values = {key: value for key, value in values.items() if value is not None}
    if current is None:
        fields = plugin.settings.model_fields
        lacking = sorted(key for key in plugin.settings.secret_names() - values.keys() if fields[key].is_required())
        found += [(key, f"{key} is missing") for key in lacking]
    problems: Problems = []
    spec = spec_from_values(name, plugin, values, base=base, found=problems)
    found += problems
    return spec if not found else None


async def check_connection(hub: Hub, row: ConnectionRow) -> list[Check]:
    """Try a saved connection, thing by thing."""
    return await _verify(hub, await hub.open_connection(row))


async def try_connection(hub: Hub, spec: ConnectionSpec, current: ConnectionRow | None) -> list[Check]:
    """Try a connection that is not saved, with the stored secrets for those that were left out."""
    settings = spec.settings
    if current is not None and spec.missing:
        kept = current.open_settings(spec.plugin, hub.vault)
        settings = settings.model_copy(update={name: getattr(kept, name) for name in spec.missing})
    connection = hub.connect(spec.name, spec.plugin, settings)
    try:
        return await _verify(hub, connection)
    finally:
        await connection.aclose()


async def _verify(hub: Hub, connection: Connection) -> list[Check]:
    if not hub.plugins.has(connection.plugin.name, "verify"):
        return []
    try:
        return list(await hub.plugins.call(connection, "verify"))
    except HubError as error:
        said = f"{error.what}. {error.said}" if error.said else error.what
        return [Check(title="the connection can be tried", state=CheckState.FAILED, said=said, own=True, fix=error.fix)]


async def gave_access(hub: Hub, row: ConnectionRow) -> bool:
    """Whether there may be access to be left or taken back: at a lock always, of a source where members have some."""
    c = t.ledger.c
    if row.options is not None:
        return True
    query = select(c.id).where(c.source_id == row.id, c.state != "removed").limit(1)
    async with hub.database.read() as db:
        return (await db.execute(query)).first() is not None


def studio_section(values: Mapping[str, Any], found: Problems) -> StudioSection | None:
    """`[studio]` from what was typed. Problems go into `found` as (key, sentence); None then."""
    try:
        return StudioSection.model_validate({key: value for key, value in values.items() if value})
    except ValidationError as error:
        for item in error.errors():
            key = str(item["loc"][0]) if item["loc"] else None
            text = str(item["msg"]).removeprefix("Value error, ").replace("Input should be", "must be")
            found.append((key, f"{key} is missing" if item["type"] == "missing" else text))
        return None


async def make_studio(hub: Hub, section: StudioSection, *, who: str) -> registry.Studio:
    """Make the studio of an installation that has none yet. Raises UserError where there is one."""
    now = hub.clock.now()
    async with hub.database.write() as db:
        if hub.studio is not None or hub.unclear is not None or await registry.any_studio(db):
            raise UserError("there is a studio already", fix="Start again to see it.", code="studio")
        studio = await registry.save_studio(db, section, current=None, vault=hub.vault, now=now)
        await journal.add_audit(
            db, studio.id, who=who, act="studio", subject=studio.name, detail=f"studio {studio.name!r} created", now=now
        )
    hub.studio = studio
    return studio
