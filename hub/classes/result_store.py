"""Results in the database: who rode, what is kept of it, and what a later answer may still correct."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from hub import grants as g
from hub import records as r
from hub.classes.rides import METRICS
from hub.classes.rows import ASKED
from hub.classes.scope import TrackerScope
from hub.classes.trends import FTP, implausible
from hub.look.rides import hidden
from hub.store import among
from hub.store import tables as t
from hub.studio import registry
from hub.studio.model import LinkRow

__all__ = ["Kept", "Seated", "keep", "seated_in"]

LIVE_WITHHELD = "live_withheld"


@dataclass(frozen=True)
class Seated:
    """A member with a seat in a class and an id at the tracker. `expected`: a result of theirs is missed; who was left
    out of the screen, or may have been seated although nobody said so, is asked for too. `member` is None where the
    source has no record of them any more."""

    source_id: int
    source: str
    member_id: str
    name: str
    vendor_id: str
    member: r.Member | None
    expected: bool = True
    shown: bool = True

    @property
    def ref(self) -> str:
        """`source:id`."""
        return f"{self.source}:{self.member_id}"

    @property
    def rider(self) -> g.Rider:
        """As the plugin takes them."""
        email = self.member.email if self.member is not None else None
        return g.Rider(member=self.ref, vendor_id=self.vendor_id, email=email, show_live=self.shown)


@dataclass
class Kept:
    """What became of an answer: the vendor's ids of riders whose results are new, or changed, and of those expected
    riders who have none so far."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    lacking: list[str] = field(default_factory=list)


async def seated_in(db: AsyncConnection, scope: TrackerScope, event: Any) -> list[Seated]:
    """The riders of a class whom the tracker knows, those among them of whom nobody knows whether they were seated: the
    answer may have been lost. An id that an admin named goes before the one that was found."""
    s, link = t.seat.c, t.link.c
    source = scope.sources[event.source_id]
    seats = select(s.member, s.name, s.state, s.applied).where(
        s.event_id == event.id,
        s.state != "removed",
        or_(s.state.in_(ASKED | {"active"}), s.applied.is_not(None), s.reason_code == LIVE_WITHHELD),
    )
    rows = {row.member: row for row in (await db.execute(seats.order_by(s.id))).all()}
    linked = select(link.member, link.vendor_id).where(
        link.target_id == scope.target_id,
        link.source_id == event.source_id,
        link.vendor_id.is_not(None),
        or_(link.state == "linked", link.by_hand),
        among(link.member, sorted(rows), db),
    )
    ids: dict[str, str] = {row.member: row.vendor_id for row in (await db.execute(linked)).all()}
    for mapping in await registry.mapping_rows(db, scope.studio, target=scope.name, kind="links"):
        if isinstance(mapping.row, LinkRow):
            of, _, member = mapping.row.member.partition(":")
            if of == source:
                ids[member] = mapping.row.id
    members = await _members(db, event.source_id, sorted(rows))
    unseen = await hidden(db, scope.studio, [f"{source}:{member}" for member in rows])
    return [
        Seated(
            event.source_id,
            source,
            member,
            row.name,
            ids[member],
            members.get(member),
            expected=row.state == "active" or row.applied is not None,
            shown=f"{source}:{member}" not in unseen,
        )
        for member, row in rows.items()
        if member in ids
    ]


async def _members(db: AsyncConnection, source_id: int, members: Sequence[str]) -> dict[str, r.Member]:
    c = t.record.c
    query = select(c.record_id, c.data).where(
        c.source_id == source_id, c.kind == "member", c.deleted_at.is_(None), among(c.record_id, members, db)
    )
    decode = r.decoder("member").decode
    return {row.record_id: decode(row.data) for row in (await db.execute(query)).all()}


async def keep(
    db: AsyncConnection,
    scope: TrackerScope,
    event: Any,
    seated: Sequence[Seated],
    results: Sequence[g.Result],
    *,
    now: datetime,
) -> Kept:
    """Store what a tracker answered. What is there already is brought up to date, unless staff gave it to somebody else
    or dropped it; what the same answer says again changes nothing."""
    c, kept = t.result.c, Kept()
    known = {row.vendor_person_id: row for row in (await db.execute(select(t.result).where(c.event_id == event.id)))}
    riders = {rider.vendor_id: rider for rider in reversed(seated)}
    ftp = await _ftp(db, scope, event.source_id, seated)
    answered: dict[str, g.Result] = {}
    for result in results:
        # Of a rider who is answered twice, the first counts.
        answered.setdefault(result.vendor_person_id, result)
    for result in answered.values():
        rider, row = riders.get(result.vendor_person_id), known.get(result.vendor_person_id)
        metrics, odd = _checked(result, event)
        if rider is None or not metrics or (row is not None and (row.by_hand or row.dropped)):
            continue
        unread = json.dumps(dict(result.unread), sort_keys=True, default=str)
        if row is not None:
            before = json.loads(scope.vault.open_private(row.sealed_metrics))
            if FTP in before:
                metrics.setdefault(FTP, before[FTP])
            same = (before, sorted(json.loads(row.implausible)), row.seat, row.member)
            if same == (metrics, sorted(odd), result.seat or row.seat, rider.member_id):
                continue
        elif rider.member_id in ftp:
            metrics.setdefault(FTP, ftp[rider.member_id])
        values = {
            "source_id": rider.source_id,
            "member": rider.member_id,
            "seat": result.seat or (row.seat if row is not None else None),
            "sealed_metrics": scope.vault.seal(json.dumps(metrics, sort_keys=True)),
            "implausible": json.dumps(sorted(odd)),
            "sealed_unread": scope.vault.seal(unread) if result.unread else None,
            "changed_at": now,
        }
        if row is not None:
            await db.execute(update(t.result).where(c.id == row.id).values(**values))
            # Who gets somebody else's row, because an id was corrected, has not been told of any.
            (kept.changed if row.member == rider.member_id else kept.new).append(rider.vendor_id)
            continue
        values |= {"studio_id": scope.studio.id, "event_id": event.id, "starts_at": event.starts_at}
        await db.execute(insert(t.result).values(**values, vendor_person_id=rider.vendor_id, arrived_at=now))
        kept.new.append(rider.vendor_id)
    await _let_go(db, [row for row in known.values() if row.vendor_person_id not in riders], seated, now=now)
    there = known.keys() | set(kept.new)
    kept.lacking = [rider.vendor_id for rider in seated if rider.expected and rider.vendor_id not in there]
    return kept


async def _let_go(db: AsyncConnection, rows: Sequence[Any], seated: Sequence[Seated], *, now: datetime) -> None:
    """Drop what was kept for riders under an id that is no longer theirs: it was somebody else's ride."""
    now_is = {rider.member_id: rider.vendor_id for rider in seated}
    for row in rows:
        if row.by_hand or row.dropped or now_is.get(row.member, row.vendor_person_id) == row.vendor_person_id:
            continue
        await db.execute(update(t.result).where(t.result.c.id == row.id).values(dropped=True, changed_at=now))
        await db.execute(
            insert(t.result_change).values(
                result_id=row.id,
                at=now,
                who="studiohub",
                what="drop",
                before=row.member,
                why=f"{row.member} is {now_is[row.member]} at the tracker, not {row.vendor_person_id}",
            )
        )


def _checked(result: g.Result, event: Any) -> tuple[dict[str, float], set[str]]:
    """The metrics that were measured, and those of them that can hardly be. A sensor that is missing gives 0, and so
    only points can be 0."""
    metrics = {
        name: float(value)
        for name, value in result.metrics.items()
        if _is_number(value) and (value != 0 or name not in METRICS or name == "points")
    }
    minutes = (event.ends_at - event.starts_at).total_seconds() / 60
    odd = (result.implausible & metrics.keys()) | implausible(metrics, minutes)
    return (metrics, set(odd)) if metrics.keys() & METRICS.keys() else ({}, set())


def _is_number(value: Any) -> bool:
    # A plugin's structs are not checked when it makes them.
    return isinstance(value, int | float) and math.isfinite(value)


async def _ftp(
    db: AsyncConnection, scope: TrackerScope, source_id: int, seated: Sequence[Seated]
) -> Mapping[str, float]:
    """Today's FTP of the riders who have said theirs, on their page or to the studio. Kept with each result, it tells
    how the FTP changed from class to class."""
    found = {rider.member_id: rider.member.ftp_w for rider in seated if rider.member is not None and rider.member.ftp_w}
    w = t.own_word.c
    query = select(w.member, w.sealed_profile).where(
        w.source_id == source_id,
        w.sealed_profile.is_not(None),
        among(w.member, [rider.member_id for rider in seated], db),
    )
    for row in (await db.execute(query)).all():
        ftp = json.loads(scope.vault.open_private(row.sealed_profile)).get(FTP)
        if isinstance(ftp, int | float) and ftp > 0:
            found[row.member] = float(ftp)
    return found
