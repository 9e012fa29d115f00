"""What a member changes on their page. The trackers learn of it by the next pass, which is woken."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.engine import wake
from hub.engine.engine import Engine
from hub.ingest.read import mark_dirty
from hub.store import journal, upsert
from hub.store import tables as t
from hub.web.member.data import Person

__all__ = ["ask_to_erase", "say_profile", "say_show_live"]


async def say_show_live(engine: Engine, of: Person, shown: bool) -> None:
    """The member wants their data shown in real time, or not."""
    await _say(engine, of, f"turned the live display of their data {'on' if shown else 'off'}", show_live=shown)


async def say_profile(engine: Engine, of: Person, profile: Mapping[str, str | float]) -> None:
    """The member's own profile, in place of what they said before; what is not in it is left to the source."""
    sealed = engine.vault.seal(json.dumps(profile)) if profile else None
    await _say(engine, of, "changed their profile", sealed_profile=sealed)


async def _say(engine: Engine, of: Person, text: str, **values: Any) -> None:
    now = engine.clock.now()
    row = {"source_id": of.source_id, "member": of.record.id, "changed_at": now, **values}
    async with engine.database.write() as db:
        await upsert(db, t.own_word, [row], key=("source_id", "member"), update=("changed_at", *values))
        targets = await _targets(db, of.studio.id)
        for target in targets:
            await mark_dirty(db, target, of.source_id, {of.record.id}, pressing=True)
        await wake.wake(db, targets, at=now, reason="own_word")
        line = {"connection": of.source, "member": of.ref, "code": "own_word", "text": f"{of.ref} {text}"}
        await journal.add_log(db, of.studio.id, [line], now=now)
    await engine.poke(targets)


async def _targets(db: AsyncConnection, studio_id: int) -> list[int]:
    c = t.connection.c
    query = select(c.id).where(c.studio_id == studio_id, c.target_options.is_not(None))
    return list((await db.execute(query)).scalars())


async def ask_to_erase(engine: Engine, of: Person) -> None:
    """Tell staff that the member wants to be erased. Nothing is deleted by that: access may have to end first, and a
    link that fell into the wrong hands must not destroy anything."""
    async with engine.database.write() as db:
        await journal.raise_item(
            db,
            of.studio.id,
            code="erase_asked",
            subject=of.ref,
            text=f"{of.record.name} ({of.ref}) asks on their own page for everything kept about them to be erased",
            fix=f"End their access at {of.source}, then `studiohub erase {of.ref}`. The law gives you a month.",
            now=engine.clock.now(),
            connection=of.source,
            weight=3,
        )
