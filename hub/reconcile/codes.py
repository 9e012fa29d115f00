"""Codes of visits: drawn before the vendor is called, sealed in the ledger, compared by fingerprint."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub import records as r
from hub import redact
from hub.errors import PluginError
from hub.plugins import Ability
from hub.reconcile.plan import Change
from hub.reconcile.scope import Scope
from hub.store import among
from hub.store import tables as t

__all__ = ["CODE_TAKEN", "Code", "codes_for", "members_of", "seal_answer"]

CODE_TAKEN = "code_taken"
"""The code of an error by which a plugin says that the vendor wants another code for the visit."""

TRIES = 100


@dataclass(frozen=True)
class Code:
    """A code as it is sent, and as the ledger keeps it."""

    text: str = field(repr=False)
    sealed: bytes = field(repr=False)
    fingerprint: str


async def codes_for(db: AsyncConnection, scope: Scope, changes: Sequence[Change]) -> dict[tuple[str, str], Code]:
    """The codes of the visits in these lines, by member and key. A visit keeps its code, and one that takes the place
    of another takes over that one's, where the vendor lets both stand: whoever stands at the door has it already.
    Others are drawn until they differ from all that are in use at the target."""
    lines = [change for change in changes if change.visit and change.after is not None]
    if not lines or scope.plugin.draw_code is None or not scope.can(Ability.CODES):
        return {}
    c = t.ledger.c

    def former_of(line: Change) -> str | None:
        return None if scope.plugin.code_once else line.code_of

    ids = {name for line in lines for name in (line.grant_id, former_of(line)) if name is not None}
    query = select(c.id, c.sealed_code, c.code_print, c.error).where(among(c.id, sorted(ids), db))
    known = {row.id: row for row in await db.execute(query)} if ids else {}
    found: dict[tuple[str, str], Code] = {}
    drawn: set[str] = set()
    for line in lines:
        own, former = known.get(line.grant_id or ""), known.get(former_of(line) or "")
        refused = own is not None and own.error and json.loads(own.error).get("code") == CODE_TAKEN
        kept = next((row for row in (own, former) if row is not None and row.sealed_code is not None), None)
        if kept is not None and not refused:
            code = Code(scope.vault.open(kept.sealed_code), kept.sealed_code, kept.code_print)
        else:
            code = await _draw(db, scope, drawn)
            drawn.add(code.fingerprint)
        found[line.ref, line.key] = code
    return found


async def _draw(db: AsyncConnection, scope: Scope, drawn: set[str]) -> Code:
    draw, draw_for = scope.plugin.draw_code, scope.plugin.draw_code_for
    assert draw is not None  # noqa: S101 - asked before
    c = t.ledger.c
    for _ in range(TRIES):
        text = draw() if draw_for is None else draw_for(scope.connection.settings)
        mark = scope.fingerprint(text)
        taken = select(c.id).where(c.target_id == scope.target_id, c.code_print == mark, t.LIVE).limit(1)
        if mark not in drawn and (await db.execute(taken)).first() is None:
            redact.know(text)
            return Code(text, scope.vault.seal(text), mark)
    raise PluginError(f"plugin {scope.plugin.name} draws no code that is not in use at {scope.name}")


def seal_answer(scope: Scope, granted: g.Granted, code: str | None) -> Mapping[str, Any]:
    """What of the vendor's answer is secret, as the ledger keeps it. `code` is the one that was sent."""
    kept: dict[str, Any] = {}
    if granted.url is not None:
        redact.know(granted.url)
        kept["sealed_url"] = scope.vault.seal(granted.url)
    if granted.code is not None and granted.code != code:
        redact.know(granted.code)
        kept |= {"sealed_code": scope.vault.seal(granted.code), "code_print": scope.fingerprint(granted.code)}
    return kept


async def members_of(db: AsyncConnection, changes: Sequence[Change]) -> dict[str, r.Member]:
    """The records of the members in these lines, by `source:id`: where to write to them, and in which language."""
    c = t.record.c
    refs = {(change.source_id, change.member): change.ref for change in changes}
    found: dict[str, r.Member] = {}
    for source_id in {source_id for source_id, _ in refs}:
        names = sorted(member for source, member in refs if source == source_id)
        query = select(c.record_id, c.data).where(
            c.source_id == source_id, c.kind == "member", c.deleted_at.is_(None), among(c.record_id, names, db)
        )
        for member, data in await db.execute(query):
            found[refs[source_id, member]] = r.decoder("member").decode(data)
    return found
