"""Codes and addresses of grants, for the moment in which somebody asks for them."""

from __future__ import annotations

from dataclasses import dataclass, field

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.store import tables as t
from hub.studio.registry import Studio
from hub.vault import Vault

__all__ = ["Kept", "Secrets", "kept_of", "reveal"]


@dataclass(frozen=True)
class Kept:
    """What is kept sealed for a grant."""

    code: bool
    url: bool


@dataclass(frozen=True)
class Secrets:
    """In clear. Never to be kept, logged or shown longer than asked for."""

    code: str | None = field(repr=False)
    url: str | None = field(repr=False)


async def kept_of(db: AsyncConnection, studio: Studio, grant_id: str) -> Kept:
    """Whether a grant has a code and an address."""
    c = t.ledger.c
    query = select(c.sealed_code.is_not(None), c.sealed_url.is_not(None))
    row = (await db.execute(query.where(c.studio_id == studio.id, c.id == grant_id))).one_or_none()
    return Kept(bool(row[0]), bool(row[1])) if row is not None else Kept(False, False)


async def reveal(db: AsyncConnection, studio: Studio, grant_id: str, vault: Vault) -> Secrets:
    """Open what is kept for a grant."""
    c = t.ledger.c
    query = select(c.sealed_code, c.sealed_url).where(c.studio_id == studio.id, c.id == grant_id)
    row = (await db.execute(query)).one_or_none()
    if row is None:
        return Secrets(None, None)
    return Secrets(
        vault.open(row.sealed_code) if row.sealed_code else None,
        vault.open(row.sealed_url) if row.sealed_url else None,
    )
