"""Plans that were made, kept so that they can be looked at, applied or approved."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

import msgspec
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store import tables as t
from hub.store.database import upsert

if TYPE_CHECKING:
    from hub.reconcile.plan import Change, Plan

__all__ = ["StoredPlan", "approved_since", "end_plan", "find_plan", "keep_plan"]

KEEP = 50


@dataclass(frozen=True)
class StoredPlan:
    """A plan as it was made."""

    id: str
    hash: str
    target_id: int
    made_at: datetime
    state: str
    counts: dict[str, int]
    changes: Sequence[Change]


async def keep_plan(db: AsyncConnection, studio_id: int, plan: Plan) -> None:
    """Keep a plan. The same plan made again stays one row, and is open again; old ones beyond the last fifty of a
    target go."""
    await upsert(
        db,
        t.plan,
        [
            {
                "id": plan.id,
                "studio_id": studio_id,
                "target_id": plan.target_id,
                "hash": plan.hash,
                "made_at": plan.made_at,
                "state": "open",
                "counts": json.dumps(plan.counts),
                "changes": msgspec.json.encode(list(plan.changes)).decode(),
                "ended_at": None,
            }
        ],
        key=("id",),
        update=("made_at", "counts", "changes", "state", "ended_at"),
    )
    c = t.plan.c
    old = select(c.id).where(c.target_id == plan.target_id).order_by(c.made_at.desc()).offset(KEEP)
    ids = list((await db.execute(old)).scalars())
    if ids:
        await db.execute(delete(t.plan).where(c.id.in_(ids)))


async def find_plan(db: AsyncConnection, studio_id: int, name: str) -> list[StoredPlan]:
    """The plans whose id or hash starts with `name`, newest first."""
    from hub.reconcile.plan import Change

    c = t.plan.c
    query = (
        select(t.plan)
        .where(
            c.studio_id == studio_id, c.id.startswith(name, autoescape=True) | c.hash.startswith(name, autoescape=True)
        )
        .order_by(c.made_at.desc())
    )
    return [
        StoredPlan(
            id=row.id,
            hash=row.hash,
            target_id=row.target_id,
            made_at=row.made_at,
            state=row.state,
            counts=json.loads(row.counts),
            changes=msgspec.json.decode(row.changes, type=list[Change]),
        )
        for row in await db.execute(query)
    ]


async def end_plan(db: AsyncConnection, plan_id: str, *, state: str, now: datetime) -> None:
    """Write down that a plan was applied or approved."""
    await db.execute(update(t.plan).where(t.plan.c.id == plan_id).values(state=state, ended_at=now))


async def approved_since(db: AsyncConnection, target_id: int, moment: datetime) -> set[str]:
    """The identities of the held lines that were approved at a target since then."""
    from hub.reconcile.plan import Action, Change

    c = t.plan.c
    query = select(c.changes).where(c.target_id == target_id, c.state == "approved", c.ended_at >= moment)
    decode = msgspec.json.Decoder(list[Change]).decode
    lines = [line for text in (await db.execute(query)).scalars() for line in decode(text)]
    return {line.identity for line in lines if line.action is Action.HELD}
