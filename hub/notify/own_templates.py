"""The templates that a studio wrote itself, in the database."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.notify.templates import Template, check, kind_named
from hub.store import journal, upsert
from hub.store import tables as t
from hub.studio.registry import Studio

__all__ = ["OwnTemplates", "load", "reset", "save"]

OwnTemplates = Mapping[tuple[str, str], Template]
"""A studio's own templates by kind and language."""


async def load(db: AsyncConnection, studio_id: int) -> dict[tuple[str, str], Template]:
    """All templates of a studio's own."""
    rows = (await db.execute(select(t.template).where(t.template.c.studio_id == studio_id))).all()
    return {(row.kind, row.language): Template(row.subject, row.body, row.html) for row in rows}


async def save(
    db: AsyncConnection, studio: Studio, kind: str, language: str, template: Template, *, who: str, now: datetime
) -> list[str]:
    """Check and keep a template; returns what somebody may want to know about it. Raises UserError."""
    notes = check(kind_named(kind), template)
    row = {"studio_id": studio.id, "kind": kind, "language": language, "changed_at": now, **vars(template)}
    await upsert(db, t.template, [row], key=_KEY, update=("subject", "body", "html", "changed_at"))
    await _changed(db, studio, kind, language, act="mail save", who=who, now=now)
    return notes


_KEY = ("studio_id", "kind", "language")


async def reset(db: AsyncConnection, studio: Studio, kind: str, language: str, *, who: str, now: datetime) -> bool:
    """Go back to the built-in words; False where they were in use. Raises UserError for a kind that there is not."""
    c, name = t.template.c, kind_named(kind).name
    gone = await db.execute(delete(t.template).where(c.studio_id == studio.id, c.kind == name, c.language == language))
    if gone.rowcount:
        await _changed(db, studio, kind, language, act="mail reset", who=who, now=now)
    return bool(gone.rowcount)


async def _changed(
    db: AsyncConnection, studio: Studio, kind: str, language: str, *, act: str, who: str, now: datetime
) -> None:
    await journal.solve(db, studio.id, code="template_failed", subject=f"template {kind}", now=now)
    await journal.add_audit(db, studio.id, who=who, act=act, subject=f"{kind} {language}", now=now)
